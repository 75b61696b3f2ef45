//! Pictures where no graphics card is there: a shader run by software takes a microsecond for each pixel, its twin on the
//! processor a small part of that, and a picture that did not change takes nothing.

use std::cell::RefCell;
use std::collections::HashMap;

use egui::{Color32, ColorImage, Context, Painter, Pos2, Rect, TextureHandle, TextureId, TextureOptions, pos2};
use image::RgbImage;
use rayon::ThreadPool;

use crate::display::{CascadeDisplay, ContentId, Fields, GrayDisplay, LayerMix, Lens, MapDisplay, Viewport};
use crate::drawing::{CascadePicture, CasePicture};

/// Everything that a picture depends on.
#[derive(Clone, PartialEq)]
enum Key {
    Case {
        plane: ContentId,
        gray: GrayDisplay,
        map: Option<(ContentId, MapDisplay)>,
        fade: Option<(ContentId, f32)>,
        viewport: Viewport,
        lens: Option<Lens>,
    },
    Cascade {
        plane: ContentId,
        gray: GrayDisplay,
        display: CascadeDisplay,
        layers: Option<LayerMix>,
        maps: [Option<ContentId>; 3],
        viewport: Viewport,
    },
}

/// A picture that the processor can draw.
pub trait SoftPicture: Sync {
    /// The view it is in.
    fn view_id(&self) -> u64;
    /// The picture, one pixel of it a pixel of the screen, with what is left of the last time.
    fn render(&self, fields: &mut Fields) -> RgbImage;
    /// Everything it depends on.
    fn key(&self) -> PictureKey;
}

/// See [`SoftPicture::key`].
#[derive(Clone, PartialEq)]
pub struct PictureKey(Key);

impl SoftPicture for CasePicture {
    fn view_id(&self) -> u64 {
        self.view_id
    }

    fn render(&self, fields: &mut Fields) -> RgbImage {
        self.render_with(fields)
    }

    fn key(&self) -> PictureKey {
        let layer = self.map.as_ref();
        PictureKey(Key::Case {
            plane: self.plane.id(),
            gray: self.gray.clone(),
            map: layer.map(|layer| (layer.map.id(), layer.display)),
            fade: layer.and_then(|layer| layer.fade.as_ref()).map(|(other, mix)| (other.id(), *mix)),
            viewport: self.viewport,
            lens: self.lens,
        })
    }
}

impl SoftPicture for CascadePicture {
    fn view_id(&self) -> u64 {
        self.view_id
    }

    fn render(&self, fields: &mut Fields) -> RgbImage {
        self.render_with(fields)
    }

    fn key(&self) -> PictureKey {
        let layers = self.display.layers(&self.stack);
        let id = |state: usize| self.stack.layers().get(state)?.as_ref().map(|layer| layer.id);
        // The place between two states matters only where both are there.
        let position = if layers.is_some_and(|mix| mix.lower != mix.upper) { self.display.position } else { 0.0 };
        PictureKey(Key::Cascade {
            plane: self.plane.id(),
            gray: self.gray.clone(),
            display: CascadeDisplay { position, ..self.display },
            maps: [id(0), layers.and_then(|mix| id(mix.lower)), layers.and_then(|mix| id(mix.upper))],
            layers,
            viewport: self.viewport,
        })
    }
}

/// A picture as it was painted last.
struct Painted {
    key: PictureKey,
    texture: TextureHandle,
    fields: Fields,
    /// Number of the frame that showed it last.
    frame: u64,
}

/// Frames after which a picture that nobody shows is dropped.
const KEPT_FRAMES: u64 = 120;

/// Paints pictures on the processor, each again only when it changed.
pub struct SoftwarePainter {
    threads: Option<ThreadPool>,
    painted: RefCell<HashMap<u64, Painted>>,
}

impl SoftwarePainter {
    /// Nothing painted yet.
    pub fn new() -> Self {
        Self { threads: super::threads(), painted: RefCell::default() }
    }

    /// Draws a picture into the whole pixels that `rect` lies on.
    pub fn paint(&self, painter: &Painter, rect: Rect, picture: &impl SoftPicture) {
        let texture = self.texture(painter.ctx(), picture);
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        painter.image(texture, on_pixels(rect, painter.pixels_per_point()), whole, Color32::WHITE);
    }

    /// The texture of a picture, one pixel of it a pixel of the screen.
    pub fn texture(&self, context: &Context, picture: &impl SoftPicture) -> TextureId {
        let (view_id, key, frame) = (picture.view_id(), picture.key(), context.cumulative_frame_nr());
        let mut painted = self.painted.borrow_mut();
        painted.retain(|_, painted| frame.saturating_sub(painted.frame) < KEPT_FRAMES);
        if let Some(known) = painted.get_mut(&view_id).filter(|known| known.key == key) {
            known.frame = frame;
            return known.texture.id();
        }
        let known = painted.remove(&view_id);
        let (texture, mut fields) =
            known.map_or((None, Fields::default()), |known| (Some(known.texture), known.fields));
        let pixels = match &self.threads {
            Some(threads) => threads.install(|| picture.render(&mut fields)),
            None => picture.render(&mut fields),
        };
        let size = [pixels.width() as usize, pixels.height() as usize];
        let image = ColorImage::from_rgb(size, &pixels);
        let texture = match texture {
            Some(mut texture) => {
                texture.set(image, TextureOptions::NEAREST);
                texture
            }
            None => context.load_texture(format!("picture {view_id}"), image, TextureOptions::NEAREST),
        };
        let id = texture.id();
        painted.insert(view_id, Painted { key, texture, fields, frame });
        id
    }
}

impl Default for SoftwarePainter {
    fn default() -> Self {
        Self::new()
    }
}

/// A rectangle with its corners on whole pixels of the screen, as views are measured.
fn on_pixels(rect: Rect, pixels_per_point: f32) -> Rect {
    let whole = |corner: Pos2| {
        pos2(
            (corner.x * pixels_per_point).round() / pixels_per_point,
            (corner.y * pixels_per_point).round() / pixels_per_point,
        )
    };
    Rect::from_min_max(whole(rect.min), whole(rect.max))
}
