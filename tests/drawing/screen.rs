//! A window drawn by the processor beside the same window drawn by shaders.

use eframe::egui_wgpu::RendererOptions;
use egui::{Color32, ColorImage, Mesh, Rect, Sense, Stroke, TextureHandle, TextureOptions, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::wgpu::{WgpuTestRenderer, create_render_state, default_wgpu_setup};
use saliscope::workbench::paint_window;

/// Everything that a window is made of: letters, frames, curves, gradients, pictures larger and smaller than they are.
struct Sampler {
    frame: usize,
    value: f32,
    text: String,
    textures: Vec<TextureHandle>,
}

impl Sampler {
    fn new(context: &egui::Context) -> Self {
        let pixels = (0..48 * 32).map(|index: u32| {
            let hash = index.wrapping_mul(2_654_435_761);
            Color32::from_rgba_unmultiplied(
                (hash >> 8) as u8,
                (hash >> 16) as u8,
                (index % 256) as u8,
                (hash >> 24) as u8,
            )
        });
        let image = ColorImage::new([48, 32], pixels.collect());
        let kinds = [TextureOptions::NEAREST, TextureOptions::LINEAR, TextureOptions::LINEAR_REPEAT];
        let textures = kinds.map(|options| context.load_texture("noise", image.clone(), options)).to_vec();
        Self { frame: 0, value: 0.3, text: "Gradients, 12 of 25 copies".to_owned(), textures }
    }

    fn paint(&self, ui: &mut egui::Ui) {
        let (response, painter) = ui.allocate_painter(vec2(380.0, 190.0), Sense::hover());
        let at = response.rect.min;
        let place = |x: f32, y: f32| pos2(at.x + x, at.y + y);
        let pixels_per_point = ui.ctx().pixels_per_point();
        let on_pixel = |at: egui::Pos2| (at * pixels_per_point).round() / pixels_per_point;
        let shift = self.frame as f32 * 3.7;
        for (index, texture) in self.textures.iter().enumerate() {
            let left = 8.0 + index as f32 * 110.0;
            let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            let exact = Rect::from_min_size(on_pixel(place(left, 4.0)), vec2(48.0, 32.0) / pixels_per_point);
            painter.image(texture.id(), exact, whole, Color32::WHITE);
            let larger = Rect::from_min_size(place(left + 3.3, 45.1), vec2(97.0, 41.0));
            painter.image(texture.id(), larger, whole, Color32::from_rgba_unmultiplied(255, 200, 90, 180));
            let smaller = Rect::from_min_size(place(left + 55.0 + shift, 4.0), vec2(19.0, 11.0));
            painter.image(texture.id(), smaller, Rect::from_min_max(pos2(-0.4, 0.1), pos2(1.7, 0.8)), Color32::WHITE);
        }
        painter.circle(
            place(40.0 + shift, 130.0),
            23.0,
            Color32::from_rgb(30, 90, 160),
            Stroke::new(2.5, Color32::YELLOW),
        );
        painter.circle_filled(place(70.0, 140.0), 31.0, Color32::from_rgba_unmultiplied(200, 30, 30, 120));
        let curve = (0..60).map(|step| place(110.0 + step as f32 * 2.0, 130.0 + (step as f32 * 0.3).sin() * 30.0));
        painter.line(curve.collect(), Stroke::new(1.0, Color32::LIGHT_GREEN));
        painter.line_segment([place(100.0, 100.0), place(240.0, 180.0)], Stroke::new(0.7, Color32::WHITE));
        let mut gradient = Mesh::default();
        for (x, y, colour) in
            [(250.0, 100.0, Color32::RED), (372.0, 111.0, Color32::TRANSPARENT), (300.0, 186.0, Color32::BLUE)]
        {
            gradient.colored_vertex(place(x, y), colour);
        }
        gradient.add_triangle(0, 1, 2);
        painter.add(gradient);
    }
}

impl eframe::App for Sampler {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        egui::CentralPanel::default().show(ui, |ui| {
            ui.heading("How far can this be trusted?");
            ui.horizontal(|ui| {
                let _ = ui.button("Explain");
                ui.checkbox(&mut true, "Expert marks");
                ui.add(egui::Slider::new(&mut self.value, 0.0..=1.0).text("Opacity"));
                ui.small("Research use - not for diagnosis");
            });
            ui.horizontal(|ui| {
                let name = ui.label("Name");
                ui.text_edit_singleline(&mut self.text).labelled_by(name.id);
            });
            self.paint(ui);
        });
        egui::Window::new("Shadow").fixed_pos([220.3, 60.7]).show(ui.ctx(), |ui| ui.label("a window over it"));
    }
}

fn window(pixels_per_point: f32, is_software: bool) -> Harness<'static, Sampler> {
    let state = create_render_state(default_wgpu_setup(), RendererOptions::PREDICTABLE);
    Harness::builder()
        .with_size([400.0, 300.0])
        .with_pixels_per_point(pixels_per_point)
        .renderer(WgpuTestRenderer::from_render_state(state))
        .build_eframe(move |creation| {
            if is_software {
                paint_window(&creation.egui_ctx, creation.wgpu_render_state.as_ref().unwrap());
            }
            Sampler::new(&creation.egui_ctx)
        })
}

#[test]
fn the_processor_draws_the_window_as_shaders_do() {
    for pixels_per_point in [1.0, 1.25, 2.0] {
        let [mut shaders, mut processor] = [false, true].map(|is_software| window(pixels_per_point, is_software));
        for frame in 0..4 {
            for window in [&mut shaders, &mut processor] {
                window.state_mut().frame = frame;
                // Frames after the first are drawn where they differ only.
                if frame == 2 {
                    window.state_mut().text.push_str(" and more");
                    window.set_size(vec2(420.0, 310.0));
                }
                window.run();
            }
            let (expected, found) = (shaders.render().unwrap(), processor.render().unwrap());
            assert_eq!(expected.dimensions(), found.dimensions());
            let off = expected.pixels().zip(found.pixels()).map(|(expected, found)| {
                (0..3).map(|channel| expected.0[channel].abs_diff(found.0[channel])).fold(0, u8::max)
            });
            // A pixel whose centre lies on the border between two texels may take either.
            let far = off.filter(|off| *off > 2).count();
            assert!(far <= 10, "frame {frame}: {far} pixels differ at {pixels_per_point} pixels a point");
        }
    }
}
