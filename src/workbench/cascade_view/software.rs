//! Pictures of cascades where no graphics card is there: a shader run by software takes a microsecond for each pixel, its
//! twin on the processor a small part of that.

use std::cell::RefCell;
use std::collections::HashMap;

use egui::{ColorImage, Context, TextureHandle, TextureId, TextureOptions};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::display::{CascadeDisplay, ContentId, GrayDisplay, LayerMix, Viewport};
use crate::gpu::CascadePicture;

/// Everything that a picture depends on.
#[derive(Clone, PartialEq)]
struct Key {
    plane: ContentId,
    gray: GrayDisplay,
    display: CascadeDisplay,
    layers: Option<LayerMix>,
    maps: [Option<ContentId>; 3],
    viewport: Viewport,
}

impl Key {
    fn of(picture: &CascadePicture) -> Self {
        let layers = picture.display.layers(&picture.stack);
        let id = |state: usize| picture.stack.layers().get(state)?.as_ref().map(|layer| layer.id);
        // The place between two states matters only where both are there.
        let position = if layers.is_some_and(|mix| mix.lower != mix.upper) { picture.display.position } else { 0.0 };
        Self {
            plane: picture.plane.id(),
            gray: picture.gray.clone(),
            display: CascadeDisplay { position, ..picture.display },
            maps: [id(0), layers.and_then(|mix| id(mix.lower)), layers.and_then(|mix| id(mix.upper))],
            layers,
            viewport: picture.viewport,
        }
    }
}

/// Paints pictures on the processor, each again only when it changed.
pub struct SoftwarePainter {
    /// Threads of its own: those for networks are busy for longer than a frame may take.
    threads: Option<ThreadPool>,
    painted: RefCell<HashMap<u64, (Key, TextureHandle)>>,
}

impl SoftwarePainter {
    /// Nothing painted yet.
    pub fn new() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get().min(8));
        let builder = ThreadPoolBuilder::new().num_threads(threads).thread_name(|index| format!("paint {index}"));
        Self { threads: builder.build().ok(), painted: RefCell::default() }
    }

    /// The texture of a picture, one pixel of it a pixel of the screen.
    pub fn texture(&self, context: &Context, picture: &CascadePicture) -> TextureId {
        let key = Key::of(picture);
        let mut painted = self.painted.borrow_mut();
        let known = painted.get_mut(&picture.view_id);
        if let Some((before, texture)) = &known
            && *before == key
        {
            return texture.id();
        }
        let pixels = match &self.threads {
            Some(threads) => threads.install(|| picture.render()),
            None => picture.render(),
        };
        let size = [pixels.width() as usize, pixels.height() as usize];
        let image = ColorImage::from_rgb(size, &pixels);
        if let Some((before, texture)) = known {
            *before = key;
            texture.set(image, TextureOptions::NEAREST);
            return texture.id();
        }
        let texture = context.load_texture(format!("cascade {}", picture.view_id), image, TextureOptions::NEAREST);
        let id = texture.id();
        painted.insert(picture.view_id, (key, texture));
        id
    }
}

impl Default for SoftwarePainter {
    fn default() -> Self {
        Self::new()
    }
}
