//! Copies contents to the card, where they are not there yet.

use super::texture_cache::{Key, TextureCache};
use crate::display::{
    CascadeStack, ColourMap, GrayDisplay, MapPlane, Plane, ReadyTone, Tone, Viewport, present, shown_level,
};

/// What stands for a value that is missing; see `shaders/map.wgsl`.
const MISSING: f32 = -3e38;

/// Side of the texture of a table of 65,536 entries.
const TABLE_SIDE: u32 = 256;

/// Where textures are made and kept.
pub(super) struct Upload<'a> {
    pub(super) device: &'a wgpu::Device,
    pub(super) queue: &'a wgpu::Queue,
    pub(super) cache: &'a mut TextureCache,
}

impl Upload<'_> {
    /// The level of a radiograph that a view shows; the first that the card can hold where that is a smaller one.
    pub(super) fn plane(&mut self, plane: &Plane, gray: &GrayDisplay, viewport: &Viewport) -> Key {
        let most = self.device.limits().max_texture_dimension_2d as usize;
        let levels = plane.levels();
        let fits = levels.iter().position(|level| level.width_px.max(level.height_px) <= most);
        let index = shown_level(plane, gray.interpolation, viewport).max(fits.unwrap_or(levels.len() - 1));
        let key = Key::Plane(plane.id(), index);
        let Self { device, queue, cache } = self;
        cache.use_or_make(key, || {
            let level = &levels[index];
            let values = if index == 0 { &plane.values()[..] } else { &level.values[..] };
            let size = [level.width_px as u32, level.height_px as u32];
            let texture = texture(device, size, 1, wgpu::TextureFormat::R16Uint);
            write(queue, &texture, 0, bytemuck::cast_slice(values));
            (texture, wgpu::TextureViewDimension::D2)
        });
        key
    }

    /// The table of a tone, where it is one.
    pub(super) fn tone(&mut self, plane: &Plane, tone: &Tone) -> Key {
        let (Tone::Table(index), ReadyTone::Table(table)) = (tone, ReadyTone::of(tone, plane)) else {
            return self.nothing();
        };
        let key = Key::Tone(plane.id(), *index);
        let Self { device, queue, cache } = self;
        cache.use_or_make(key, || {
            let texture = texture(device, [TABLE_SIDE; 2], 1, wgpu::TextureFormat::R32Float);
            write(queue, &texture, 0, bytemuck::cast_slice(&table));
            (texture, wgpu::TextureViewDimension::D2)
        });
        key
    }

    pub(super) fn colours(&mut self, colour_map: ColourMap) -> Key {
        let key = Key::Colours(colour_map);
        let Self { device, queue, cache } = self;
        cache.use_or_make(key, || {
            let table: Vec<[u8; 4]> = colour_map.table().iter().map(|[r, g, b]| [*r, *g, *b, 255]).collect();
            let texture = texture(device, [256, 1], 1, wgpu::TextureFormat::Rgba8Unorm);
            write(queue, &texture, 0, bytemuck::cast_slice(&table));
            (texture, wgpu::TextureViewDimension::D2)
        });
        key
    }

    /// Nothing where the map is larger than the card can hold.
    pub(super) fn map(&mut self, map: &MapPlane) -> Option<Key> {
        let size = self.fitting([map.width_px(), map.height_px()])?;
        let key = Key::Map(map.id());
        let Self { device, queue, cache } = self;
        cache.use_or_make(key, || {
            let texture = texture(device, size, 1, wgpu::TextureFormat::R32Float);
            write(queue, &texture, 0, bytemuck::cast_slice(&with_missing(map.values())));
            (texture, wgpu::TextureViewDimension::D2)
        });
        Some(key)
    }

    /// The maps of a cascade, those copied that are new; nothing where they are more or larger than the card can hold.
    pub(super) fn stack(&mut self, stack: &CascadeStack) -> Option<Key> {
        let size = self.fitting([stack.width_px(), stack.height_px()])?;
        // On GL a single layer is no array, and six of a square are a cube.
        let mut layers = (stack.layers().len() as u32).max(2);
        if layers.is_multiple_of(6) {
            layers += 1;
        }
        if layers > self.device.limits().max_texture_array_layers {
            return None;
        }
        let key = Key::Stack(stack.id());
        let Self { device, queue, cache } = self;
        let cached = cache.use_or_make(key, || {
            let texture = texture(device, size, layers, wgpu::TextureFormat::R32Float);
            (texture, wgpu::TextureViewDimension::D2Array)
        });
        for (index, layer) in stack.layers().iter().enumerate() {
            if let Some(layer) = layer
                && cached.layers[index] != Some(layer.id)
            {
                write(queue, &cached.texture, index as u32, bytemuck::cast_slice(&with_missing(&layer.values)));
                cached.layers[index] = Some(layer.id);
            }
        }
        Some(key)
    }

    pub(super) fn nothing(&mut self) -> Key {
        let Self { device, cache, .. } = self;
        cache.use_or_make(Key::Nothing, || {
            (texture(device, [1, 1], 1, wgpu::TextureFormat::R32Float), wgpu::TextureViewDimension::D2)
        });
        Key::Nothing
    }

    /// No maps of a cascade.
    pub(super) fn no_stack(&mut self) -> Key {
        let Self { device, cache, .. } = self;
        cache.use_or_make(Key::NoStack, || {
            (texture(device, [1, 1], 2, wgpu::TextureFormat::R32Float), wgpu::TextureViewDimension::D2Array)
        });
        Key::NoStack
    }

    fn fitting(&self, size_px: [usize; 2]) -> Option<[u32; 2]> {
        let most = self.device.limits().max_texture_dimension_2d as usize;
        (size_px[0].max(size_px[1]) <= most).then(|| size_px.map(|length| length as u32))
    }
}

fn with_missing(values: &[f32]) -> Vec<f32> {
    let written = |value: &f32| Some(present(*value)).filter(|value| !value.is_nan()).unwrap_or(MISSING);
    values.iter().map(written).collect()
}

fn texture(
    device: &wgpu::Device,
    [width, height]: [u32; 2],
    layers: u32,
    format: wgpu::TextureFormat,
) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d { width, height, depth_or_array_layers: layers },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

/// Fills a layer.
fn write(queue: &wgpu::Queue, texture: &wgpu::Texture, layer: u32, bytes: &[u8]) {
    let size = wgpu::Extent3d { depth_or_array_layers: 1, ..texture.size() };
    let mut place = texture.as_image_copy();
    place.origin.z = layer;
    let bytes_per_row = Some((bytes.len() / size.height as usize) as u32);
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row, rows_per_image: Some(size.height) };
    queue.write_texture(place, bytes, layout, size);
}
