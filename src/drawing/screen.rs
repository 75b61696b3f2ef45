//! A finished picture of the whole window, copied to it.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use eframe::egui_wgpu;
use egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor};

use super::pipelines::{Pipeline, assembled, texture_entry};

/// The pixels of a window, and which of them the driver does not have yet.
pub struct ScreenPixels {
    /// Whether blue comes first, as in most windows.
    is_bgra: bool,
    size_px: [usize; 2],
    pixels: Vec<[u8; 4]>,
    waiting: Vec<Range<usize>>,
}

impl ScreenPixels {
    /// Takes over `rows` of `pixels`, red, green, blue and 255, of a window of `size_px` (`[w, h]`).
    pub fn take(&mut self, size_px: [usize; 2], pixels: &[[u8; 4]], rows: &[Range<usize>]) {
        if self.size_px != size_px {
            self.size_px = size_px;
            self.pixels = vec![[0; 4]; pixels.len()];
            self.waiting.clear();
            self.take_rows(pixels, 0..size_px[1]);
            return;
        }
        for rows in rows {
            self.take_rows(pixels, rows.clone());
        }
    }

    fn take_rows(&mut self, pixels: &[[u8; 4]], rows: Range<usize>) {
        let range = rows.start * self.size_px[0]..rows.end * self.size_px[0];
        if self.is_bgra {
            for (to, [red, green, blue, alpha]) in self.pixels[range.clone()].iter_mut().zip(&pixels[range]) {
                *to = [*blue, *green, *red, *alpha];
            }
        } else {
            self.pixels[range.clone()].copy_from_slice(&pixels[range]);
        }
        self.waiting.push(rows);
    }
}

/// What the driver needs for the copy.
pub struct ScreenCopy {
    pipeline: Pipeline,
    sampler: wgpu::Sampler,
    format: wgpu::TextureFormat,
    bound: Option<Bound>,
}

/// A texture as large as the window.
struct Bound {
    size_px: [usize; 2],
    texture: wgpu::Texture,
    group: wgpu::BindGroup,
}

impl ScreenCopy {
    /// Makes the window ready for copies of the pixels that it gives; once, when it opens.
    pub fn install(state: &egui_wgpu::RenderState) -> Arc<Mutex<ScreenPixels>> {
        let copy = Self::new(&state.device, state.target_format);
        let is_bgra = copy.format == wgpu::TextureFormat::Bgra8Unorm;
        state.renderer.write().callback_resources.insert(copy);
        Arc::new(Mutex::new(ScreenPixels { is_bgra, size_px: [0; 2], pixels: Vec::new(), waiting: Vec::new() }))
    }

    /// The copy as a shape that fills `rect`, the whole window.
    pub fn shape(pixels: &Arc<Mutex<ScreenPixels>>, rect: egui::Rect) -> egui::Shape {
        egui_wgpu::Callback::new_paint_callback(rect, CopyCallback(Arc::clone(pixels))).into()
    }

    fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let float = wgpu::TextureSampleType::Float { filterable: true };
        let entries = [
            texture_entry(0, float, wgpu::TextureViewDimension::D2),
            wgpu::BindGroupLayoutEntry {
                binding: 1,
                visibility: wgpu::ShaderStages::FRAGMENT,
                ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
                count: None,
            },
        ];
        let shader = ["screen", "screen_picture", include_str!("../../shaders/screen.wgsl")];
        let pipeline = assembled(device, format, shader, &entries, wgpu::PrimitiveTopology::TriangleStrip);
        let label = Some("screen");
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor { label, ..Default::default() });
        // The driver copies fastest what need not be converted.
        let format = match format {
            wgpu::TextureFormat::Bgra8Unorm => format,
            _ => wgpu::TextureFormat::Rgba8Unorm,
        };
        Self { pipeline, sampler, format, bound: None }
    }

    fn prepare(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, screen: &mut ScreenPixels) {
        let limit = device.limits().max_texture_dimension_2d as usize;
        if screen.size_px.iter().any(|length| !(1..=limit).contains(length)) {
            return;
        }
        if self.bound.as_ref().is_none_or(|bound| bound.size_px != screen.size_px) {
            self.bound = Some(self.bound_to(device, screen.size_px));
            screen.waiting = std::iter::once(0..screen.size_px[1]).collect();
        }
        let Some(bound) = &self.bound else { return };
        let width = screen.size_px[0];
        for rows in screen.waiting.drain(..) {
            let (width_px, rows_px) = (width as u32, (rows.end - rows.start) as u32);
            queue.write_texture(
                wgpu::TexelCopyTextureInfo {
                    texture: &bound.texture,
                    mip_level: 0,
                    origin: wgpu::Origin3d { x: 0, y: rows.start as u32, z: 0 },
                    aspect: wgpu::TextureAspect::All,
                },
                bytemuck::cast_slice(&screen.pixels[rows.start * width..rows.end * width]),
                wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(width_px * 4), rows_per_image: None },
                wgpu::Extent3d { width: width_px, height: rows_px, depth_or_array_layers: 1 },
            );
        }
    }

    fn bound_to(&self, device: &wgpu::Device, size_px: [usize; 2]) -> Bound {
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("screen"),
            size: wgpu::Extent3d { width: size_px[0] as u32, height: size_px[1] as u32, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: self.format,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("screen"),
            layout: &self.pipeline.bindings,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view) },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Sampler(&self.sampler) },
            ],
        });
        Bound { size_px, texture, group }
    }
}

struct CopyCallback(Arc<Mutex<ScreenPixels>>);

impl CallbackTrait for CopyCallback {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(copy) = resources.get_mut::<ScreenCopy>() {
            copy.prepare(device, queue, &mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        }
        Vec::new()
    }

    fn paint(
        &self,
        _info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        if let Some((copy, bound)) = resources.get::<ScreenCopy>().and_then(|copy| Some((copy, copy.bound.as_ref()?))) {
            pass.set_pipeline(&copy.pipeline.pipeline);
            pass.set_bind_group(0, &bound.group, &[]);
            pass.draw(0..4, 0..1);
        }
    }
}
