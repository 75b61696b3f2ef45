//! Pictures as shapes of a window.

use std::sync::Arc;

use eframe::egui_wgpu::RendererOptions;
use egui_kittest::Harness;
use egui_kittest::wgpu::{WgpuTestRenderer, create_render_state, default_wgpu_setup};
use saliscope::display::{CascadeDisplay, CascadeStack, Lens, MapDisplay, Viewport};
use saliscope::drawing::{self, CascadePicture, CasePicture, MapLayer};

use super::twins::Random;

/// A window of 300x200 points that shows `shapes`.
fn shown(pixels_per_point: f32, shapes: impl Fn(&egui::Context) -> Vec<egui::Shape> + 'static) -> image::RgbaImage {
    let state = create_render_state(default_wgpu_setup(), RendererOptions::PREDICTABLE);
    drawing::install(&state);
    let mut harness = Harness::builder()
        .with_size([300.0, 200.0])
        .with_pixels_per_point(pixels_per_point)
        .renderer(WgpuTestRenderer::from_render_state(state))
        .build_ui(move |ui| {
            let painter = ui.painter().with_clip_rect(egui::Rect::EVERYTHING);
            painter.extend(shapes(ui.ctx()));
        });
    harness.run();
    harness.render().unwrap()
}

/// Largest difference between a picture and the part of the window where it should be.
fn worst(window: &image::RgbaImage, [left, top]: [i64; 2], picture: &image::RgbImage) -> u8 {
    let mut worst = 0;
    let mut compared = 0;
    for (x, y, pixel) in picture.enumerate_pixels() {
        let place = [left + i64::from(x), top + i64::from(y)].map(u32::try_from);
        if let [Ok(x), Ok(y)] = place
            && x < window.width()
            && y < window.height()
        {
            let found = window.get_pixel(x, y).0;
            worst = (0..3).map(|channel| found[channel].abs_diff(pixel.0[channel])).fold(worst, u8::max);
            compared += 1;
        }
    }
    assert!(compared > 500, "hardly anything is to be seen");
    worst
}

fn case(view_id: u64, rect: egui::Rect, pixels_per_point: f32) -> CasePicture {
    let mut random = Random::new(view_id);
    let plane = random.plane();
    let size_px = drawing::view_size_px(rect, pixels_per_point);
    let viewport = Viewport::fit(size_px, [plane.width_px(), plane.height_px()], 1.0).zoomed_at([20.0, 20.0], 2.0);
    let map = MapLayer { map: random.map(), display: MapDisplay::default(), fade: None };
    CasePicture { map: Some(map), ..CasePicture::new(view_id, Arc::clone(&plane), viewport) }
}

fn rect(left: f32, top: f32, width: f32, height: f32) -> egui::Rect {
    egui::Rect::from_min_size(egui::pos2(left, top), egui::vec2(width, height))
}

#[test]
fn views_lie_where_they_should_even_partly_outside() {
    for pixels_per_point in [1.0, 1.5] {
        let rects = [rect(20.0, 30.0, 90.0, 70.0), rect(-40.0, 120.0, 150.0, 140.0), rect(150.3, -25.0, 200.0, 300.0)];
        let pictures: Vec<_> = (0..).zip(rects).map(|(id, rect)| case(id, rect, pixels_per_point)).collect();
        let to_show = pictures.clone();
        let window = shown(pixels_per_point, move |context| {
            to_show.iter().zip(rects).map(|(picture, rect)| picture.clone().shape(context, rect)).collect()
        });
        for (picture, rect) in pictures.iter().zip(rects) {
            let origin = [rect.min.x, rect.min.y].map(|edge| (edge * pixels_per_point).round() as i64);
            let worst = worst(&window, origin, &picture.render());
            assert!(worst <= 1, "view {}: {worst} at {pixels_per_point} pixels a point", picture.view_id);
        }
    }
}

#[test]
fn a_lens_is_drawn_over_its_view() {
    let rect = rect(10.0, 15.0, 200.0, 150.0);
    let mut picture = case(5, rect, 1.0);
    picture.lens = Some(Lens { center_px: [30.3, 140.2], radius_px: 40.4, factor: 3.0, is_round: true });
    let to_show = picture.clone();
    let window = shown(1.0, move |context| vec![to_show.clone().shape(context, rect)]);
    assert!(worst(&window, [10, 15], &picture.render()) <= 1);
}

#[test]
fn a_cascade_is_drawn_in_its_view() {
    let rect = rect(40.0, 15.0, 200.0, 150.0);
    let CasePicture { plane, gray, viewport, .. } = case(6, rect, 1.0);
    let mut stack = CascadeStack::new([20, 20], 4);
    let mut random = Random::new(60);
    for state in 0..4 {
        stack.set_raw(state, random.noise(400));
    }
    let display = CascadeDisplay { position: 1.3, ..CascadeDisplay::default() };
    let picture = CascadePicture { view_id: 6, plane, gray, stack, display, viewport };
    let to_show = picture.clone();
    let window = shown(1.0, move |context| vec![to_show.clone().shape(context, rect)]);
    assert!(worst(&window, [40, 15], &picture.render()) <= 1);
}

#[test]
fn places_of_the_pointer_are_those_of_the_picture() {
    let rect = rect(10.3, 20.6, 100.0, 50.0);
    assert_eq!(drawing::view_size_px(rect, 1.0), [100, 50]);
    assert_eq!(drawing::screen_px(rect, 2.0, egui::pos2(11.0, 21.0)), [1.0, 1.0]);
}
