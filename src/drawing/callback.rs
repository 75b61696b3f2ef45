//! Pictures as shapes of the window.

use eframe::egui_wgpu;
use egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor};

use super::cascade_picture::CascadePicture;
use super::case_picture::CasePicture;
use super::pipelines::Kind;
use super::renderer::{Part, Renderer};

/// Makes the window ready to draw pictures; once, when it opens.
pub fn install(state: &egui_wgpu::RenderState) {
    let renderer = Renderer::new(&state.device, state.target_format);
    state.renderer.write().callback_resources.insert(renderer);
}

/// Width and height of a view in physical pixels: what [`crate::display::Viewport::size_px`] has to be.
pub fn view_size_px(rect: egui::Rect, pixels_per_point: f32) -> [u32; 2] {
    let [[left, top], [right, bottom]] = [rect.min, rect.max].map(|corner| corner_px(corner, pixels_per_point));
    [(right - left).max(1.0) as u32, (bottom - top).max(1.0) as u32]
}

/// A place of the window in a view's pixels, as [`crate::display::Viewport::image_from_screen`] takes it.
pub fn screen_px(rect: egui::Rect, pixels_per_point: f32, place: egui::Pos2) -> [f64; 2] {
    let [left, top] = corner_px(rect.min, pixels_per_point);
    [f64::from(place.x * pixels_per_point - left), f64::from(place.y * pixels_per_point - top)]
}

/// On whole pixels, as the window rounds them.
fn corner_px(corner: egui::Pos2, pixels_per_point: f32) -> [f32; 2] {
    [(corner.x * pixels_per_point).round(), (corner.y * pixels_per_point).round()]
}

impl CasePicture {
    /// The picture as a shape that fills `rect`, for [`egui::Painter::add`].
    pub fn shape(self, context: &egui::Context, rect: egui::Rect) -> egui::Shape {
        shape(self, context, rect)
    }
}

impl CascadePicture {
    /// The picture as a shape that fills `rect`, for [`egui::Painter::add`].
    pub fn shape(self, context: &egui::Context, rect: egui::Rect) -> egui::Shape {
        shape(self, context, rect)
    }
}

/// A picture as the renderer takes it; its upper left corner lies at `corner_px` of the window.
trait Drawn {
    fn prepare(&self, renderer: &mut Renderer, device: &wgpu::Device, queue: &wgpu::Queue, corner_px: [f32; 2]);

    fn draw(
        &self,
        renderer: &Renderer,
        pass: &mut wgpu::RenderPass<'static>,
        info: &egui::PaintCallbackInfo,
        corner_px: [f32; 2],
    );
}

impl Drawn for CasePicture {
    fn prepare(&self, renderer: &mut Renderer, device: &wgpu::Device, queue: &wgpu::Queue, corner_px: [f32; 2]) {
        renderer.prepare_case(device, queue, self, corner_px);
    }

    fn draw(
        &self,
        renderer: &Renderer,
        pass: &mut wgpu::RenderPass<'static>,
        info: &egui::PaintCallbackInfo,
        [left, top]: [f32; 2],
    ) {
        renderer.draw(pass, (self.view_id, Kind::Case, Part::Whole));
        if let Some(lens) = &self.lens {
            // Only the pixels around the lens are asked whether they are in it.
            let [x, y] = lens.center_px.map(|place| place as f32);
            let radius = lens.radius_px as f32 + 1.0;
            let clip = info.clip_rect_in_pixels();
            let [clip_left, clip_top] = [clip.left_px, clip.top_px].map(|edge| edge as f32);
            let (clip_right, clip_bottom) = (clip_left + clip.width_px as f32, clip_top + clip.height_px as f32);
            let from = [(left + x - radius).floor().max(clip_left), (top + y - radius).floor().max(clip_top)];
            let to = [(left + x + radius).ceil().min(clip_right), (top + y + radius).ceil().min(clip_bottom)];
            if to[0] > from[0] && to[1] > from[1] {
                let [width, height] = [to[0] - from[0], to[1] - from[1]].map(|length| length as u32);
                pass.set_scissor_rect(from[0] as u32, from[1] as u32, width, height);
                renderer.draw(pass, (self.view_id, Kind::Case, Part::Lens));
            }
        }
    }
}

impl Drawn for CascadePicture {
    fn prepare(&self, renderer: &mut Renderer, device: &wgpu::Device, queue: &wgpu::Queue, corner_px: [f32; 2]) {
        renderer.prepare_cascade(device, queue, self, corner_px);
    }

    fn draw(
        &self,
        renderer: &Renderer,
        pass: &mut wgpu::RenderPass<'static>,
        _info: &egui::PaintCallbackInfo,
        _corner_px: [f32; 2],
    ) {
        renderer.draw(pass, (self.view_id, Kind::Cascade, Part::Whole));
    }
}

fn shape(picture: impl Drawn + Send + Sync + 'static, context: &egui::Context, rect: egui::Rect) -> egui::Shape {
    let frame = context.cumulative_frame_nr();
    egui_wgpu::Callback::new_paint_callback(rect, Callback { picture, rect, frame }).into()
}

struct Callback<P> {
    picture: P,
    rect: egui::Rect,
    frame: u64,
}

impl<P: Drawn + Send + Sync + 'static> CallbackTrait for Callback<P> {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(renderer) = resources.get_mut::<Renderer>() {
            renderer.begin_frame(self.frame);
            self.picture.prepare(renderer, device, queue, corner_px(self.rect.min, screen.pixels_per_point));
        }
        Vec::new()
    }

    fn paint(
        &self,
        info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        if let Some(renderer) = resources.get::<Renderer>() {
            self.picture.draw(renderer, pass, &info, corner_px(self.rect.min, info.pixels_per_point));
        }
    }
}
