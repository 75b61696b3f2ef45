//! Pictures without a window.

use image::RgbImage;

use super::cascade_picture::CascadePicture;
use super::case_picture::CasePicture;
use super::error::{Error, Result};
use super::pipelines::Kind;
use super::renderer::{Part, Renderer};

/// Longest side of a piece that is drawn and read back at once, in pixels.
const PIECE_PX: u32 = 2048;
/// Most pixels of a picture.
const MOST_PX: u64 = 1 << 28;
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
/// Rows of a buffer that a texture is copied to begin at multiples of this.
const ROW_BYTES: u32 = wgpu::COPY_BYTES_PER_ROW_ALIGNMENT;

/// Draws pictures without a window, with a device of its own.
pub struct Offscreen {
    device: wgpu::Device,
    queue: wgpu::Queue,
    renderer: Renderer,
    target: Option<Target>,
    adapter: String,
    frame: u64,
}

/// What is drawn on.
struct Target {
    size_px: [u32; 2],
    texture: wgpu::Texture,
    buffer: wgpu::Buffer,
}

/// What is drawn.
#[derive(Clone, Copy)]
enum Picture<'a> {
    Case(&'a CasePicture),
    Cascade(&'a CascadePicture),
}

impl Offscreen {
    /// Starts a device. The environment variable `WGPU_BACKEND` (`vulkan`, `gl`) chooses among drivers.
    ///
    /// # Errors
    /// When there is no driver, or it refuses.
    pub fn new() -> Result<Self> {
        pollster::block_on(Self::start())
    }

    async fn start() -> Result<Self> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        let adapter = instance
            .request_adapter(&wgpu::RequestAdapterOptions::default())
            .await
            .map_err(|error| Error::NoAdapter { reason: error.to_string() })?;
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("off-screen"),
                required_limits: wgpu::Limits {
                    max_texture_dimension_2d: adapter.limits().max_texture_dimension_2d,
                    ..wgpu::Limits::downlevel_webgl2_defaults()
                },
                ..wgpu::DeviceDescriptor::default()
            })
            .await
            .map_err(|error| Error::Device { reason: error.to_string() })?;
        let info = adapter.get_info();
        let renderer = Renderer::new(&device, FORMAT);
        let adapter = format!("{} ({})", info.name, info.backend);
        Ok(Self { device, queue, renderer, target: None, adapter, frame: 0 })
    }

    /// What draws: the card's or the driver's name, and by which interface.
    pub fn adapter(&self) -> &str {
        &self.adapter
    }

    /// Bytes of the textures kept for later pictures.
    pub fn texture_bytes(&self) -> u64 {
        self.renderer.texture_bytes()
    }

    /// A picture of its viewport's size.
    ///
    /// # Errors
    /// When it is too large, or the device is lost.
    pub fn case(&mut self, picture: &CasePicture) -> Result<RgbImage> {
        self.draw(picture.viewport.size_px, Picture::Case(picture))
    }

    /// A picture of its viewport's size.
    ///
    /// # Errors
    /// When it is too large, or the device is lost.
    pub fn cascade(&mut self, picture: &CascadePicture) -> Result<RgbImage> {
        self.draw(picture.viewport.size_px, Picture::Cascade(picture))
    }

    fn draw(&mut self, size_px: [u32; 2], picture: Picture<'_>) -> Result<RgbImage> {
        let [width, height] = size_px;
        if u64::from(width) * u64::from(height) > MOST_PX {
            return Err(Error::Size { size_px });
        }
        let mut image = RgbImage::new(width, height);
        self.frame += 1;
        self.renderer.begin_frame(self.frame);
        for top in (0..height).step_by(PIECE_PX as usize) {
            for left in (0..width).step_by(PIECE_PX as usize) {
                let piece = [PIECE_PX.min(width - left), PIECE_PX.min(height - top)];
                self.draw_piece(&mut image, [left, top], piece, picture)?;
            }
        }
        Ok(image)
    }

    /// Draws the piece of `size_px` that begins at `[left, top]`.
    fn draw_piece(
        &mut self,
        image: &mut RgbImage,
        [left, top]: [u32; 2],
        size_px: [u32; 2],
        picture: Picture<'_>,
    ) -> Result<()> {
        let Self { device, queue, renderer, target, .. } = self;
        let origin_px = [-(left as f32), -(top as f32)];
        let places = match picture {
            Picture::Case(picture) => {
                renderer.prepare_case(device, queue, picture, origin_px);
                let whole = (picture.view_id, Kind::Case, Part::Whole);
                let lens = picture.lens.map(|_| (picture.view_id, Kind::Case, Part::Lens));
                [Some(whole), lens]
            }
            Picture::Cascade(picture) => {
                renderer.prepare_cascade(device, queue, picture, origin_px);
                [Some((picture.view_id, Kind::Cascade, Part::Whole)), None]
            }
        };
        let target = match target.take() {
            Some(kept) if kept.size_px == size_px => target.insert(kept),
            _ => target.insert(Target::new(device, size_px)),
        };
        let view = target.texture.create_view(&wgpu::TextureViewDescriptor::default());
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::BLACK), store: wgpu::StoreOp::Store },
            })],
            ..wgpu::RenderPassDescriptor::default()
        });
        for place in places.into_iter().flatten() {
            renderer.draw(&mut pass, place);
        }
        drop(pass);
        target.copy_to_buffer(&mut encoder);
        queue.submit([encoder.finish()]);
        target.read(device, |row, pixels| {
            for (x, [r, g, b, _]) in (left..).zip(pixels) {
                image.put_pixel(x, top + row, image::Rgb([*r, *g, *b]));
            }
        })
    }
}

impl Target {
    fn new(device: &wgpu::Device, size_px: [u32; 2]) -> Self {
        let [width, height] = size_px;
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("off-screen"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: FORMAT,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("off-screen"),
            size: u64::from(row_bytes(width)) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        Self { size_px, texture, buffer }
    }

    fn copy_to_buffer(&self, encoder: &mut wgpu::CommandEncoder) {
        let bytes_per_row = Some(row_bytes(self.size_px[0]));
        let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row, rows_per_image: None };
        encoder.copy_texture_to_buffer(
            self.texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo { buffer: &self.buffer, layout },
            self.texture.size(),
        );
    }

    /// Gives each row to `take`.
    fn read(&self, device: &wgpu::Device, mut take: impl FnMut(u32, &[[u8; 4]])) -> Result<()> {
        let failed = |reason: String| Error::ReadBack { reason };
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver is gone only when this function gave up.
            let _ = sender.send(result);
        });
        device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| failed(error.to_string()))?;
        receiver.recv().map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
        {
            let bytes = self.buffer.get_mapped_range(..).map_err(|error| failed(error.to_string()))?;
            let row_bytes = row_bytes(self.size_px[0]) as usize;
            for (row, line) in (0..).zip(bytes.chunks_exact(row_bytes)) {
                take(row, &line.as_chunks::<4>().0[..self.size_px[0] as usize]);
            }
        }
        self.buffer.unmap();
        Ok(())
    }
}

fn row_bytes(width_px: u32) -> u32 {
    (4 * width_px).next_multiple_of(ROW_BYTES)
}
