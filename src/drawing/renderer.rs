//! Views with their uniforms and bindings, prepared and drawn.

use std::collections::HashMap;

use super::cascade_picture::CascadePicture;
use super::case_picture::CasePicture;
use super::pipelines::{Kind, Pipelines};
use super::texture_cache::{Key, TextureCache};
use super::uniforms::{UNIFORM_BYTES, Uniforms, of_cascade, of_case};
use super::upload::Upload;
use crate::display::{CascadeDisplay, ColourMap, Lens, MapDisplay};

/// What of a view is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Whole,
    Lens,
}

/// Which drawing is meant: all preparations of a frame come before all drawings, so each has buffers of its own.
type Place = (u64, Kind, Part);

/// A drawing on the card.
struct View {
    uniforms: wgpu::Buffer,
    written: Uniforms,
    bindings: wgpu::BindGroup,
    bound: Vec<(Key, u64)>,
}

/// Everything on the card.
pub(super) struct Renderer {
    pipelines: Pipelines,
    cache: TextureCache,
    views: HashMap<Place, View>,
    frame_seen: Option<u64>,
}

impl Renderer {
    pub(super) fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        Self {
            pipelines: Pipelines::new(device, format),
            cache: TextureCache::default(),
            views: HashMap::new(),
            frame_seen: None,
        }
    }

    /// To be called before anything of a frame is prepared, as often as is convenient.
    pub(super) fn begin_frame(&mut self, frame: u64) {
        if self.frame_seen == Some(frame) {
            return;
        }
        self.frame_seen = Some(frame);
        self.cache.next_frame();
        let cache = &self.cache;
        self.views.retain(|_, view| view.bound.iter().all(|(key, serial)| cache.holds(*key, *serial)));
    }

    /// Bytes of all textures kept.
    pub(super) fn texture_bytes(&self) -> u64 {
        self.cache.bytes()
    }

    /// `origin_px`: upper left corner of the view on the target.
    pub(super) fn prepare_case(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        picture: &CasePicture,
        origin_px: [f32; 2],
    ) {
        self.prepare_part(device, queue, picture, None, origin_px);
        if let Some(lens) = &picture.lens {
            self.prepare_part(device, queue, picture, Some(lens), origin_px);
        }
    }

    fn prepare_part(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        picture: &CasePicture,
        lens: Option<&Lens>,
        origin_px: [f32; 2],
    ) {
        let mut upload = Upload { device, queue, cache: &mut self.cache };
        let viewport = lens.map_or(picture.viewport, |lens| lens.viewport(&picture.viewport));
        let layer = picture.map.as_ref().filter(|layer| layer.display.visible);
        let mut uniforms = of_case(picture, lens, origin_px);
        let first = layer.map(|layer| upload.map(&layer.map));
        let other = layer.and_then(|layer| layer.fade.as_ref()).map(|(map, _)| upload.map(map));
        if first == Some(None) || other == Some(None) {
            uniforms = of_case(&CasePicture { map: None, ..picture.clone() }, lens, origin_px);
        }
        let nothing = upload.nothing();
        let keys = vec![
            upload.plane(&picture.plane, &picture.gray, &viewport),
            upload.tone(&picture.plane, &picture.gray.tone),
            upload.colours(layer.map_or(ColourMap::default(), |layer| layer.display.colour_map)),
            first.flatten().unwrap_or(nothing),
            other.flatten().unwrap_or(nothing),
        ];
        let part = if lens.is_some() { Part::Lens } else { Part::Whole };
        self.bind(device, queue, (picture.view_id, Kind::Case, part), uniforms, &keys);
    }

    /// `origin_px`: upper left corner of the view on the target.
    pub(super) fn prepare_cascade(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        picture: &CascadePicture,
        origin_px: [f32; 2],
    ) {
        let mut upload = Upload { device, queue, cache: &mut self.cache };
        let mut uniforms = of_cascade(picture, origin_px);
        let stack = upload.stack(&picture.stack);
        if stack.is_none() {
            let hidden = MapDisplay { visible: false, ..picture.display.map };
            let display = CascadeDisplay { map: hidden, ..picture.display };
            uniforms = of_cascade(&CascadePicture { display, ..picture.clone() }, origin_px);
        }
        let keys = vec![
            upload.plane(&picture.plane, &picture.gray, &picture.viewport),
            upload.tone(&picture.plane, &picture.gray.tone),
            upload.colours(picture.display.painting().colour_map),
            stack.unwrap_or_else(|| upload.no_stack()),
        ];
        self.bind(device, queue, (picture.view_id, Kind::Cascade, Part::Whole), uniforms, &keys);
    }

    /// Writes uniforms that changed and binds textures that are others.
    fn bind(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, place: Place, uniforms: Uniforms, keys: &[Key]) {
        let textures: Vec<_> = keys.iter().filter_map(|key| Some((*key, self.cache.get(*key)?))).collect();
        let bound: Vec<(Key, u64)> = textures.iter().map(|(key, cached)| (*key, cached.serial)).collect();
        let known = self.views.get_mut(&place);
        if let Some(view) = known
            && view.bound == bound
        {
            if view.written != uniforms {
                queue.write_buffer(&view.uniforms, 0, bytemuck::cast_slice(uniforms.as_flattened()));
                view.written = uniforms;
            }
            return;
        }
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: UNIFORM_BYTES,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        queue.write_buffer(&buffer, 0, bytemuck::cast_slice(uniforms.as_flattened()));
        let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }];
        for (binding, (_, cached)) in (1..).zip(&textures) {
            let resource = wgpu::BindingResource::TextureView(&cached.view);
            entries.push(wgpu::BindGroupEntry { binding, resource });
        }
        let layout = &self.pipelines.of(place.1).bindings;
        let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries });
        self.views.insert(place, View { uniforms: buffer, written: uniforms, bindings, bound });
    }

    /// Draws what was prepared; nothing where nothing was.
    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass<'_>, place: Place) {
        if let Some(view) = self.views.get(&place) {
            pass.set_pipeline(&self.pipelines.of(place.1).pipeline);
            pass.set_bind_group(0, &view.bindings, &[]);
            pass.draw(0..3, 0..1);
        }
    }
}
