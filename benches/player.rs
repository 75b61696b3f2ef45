//! Frames a second of the cascade player's pictures where no graphics card is there: eight methods, fourteen states of
//! 320x320, in the middle of a cross-fade, so that every picture is another one in every frame.
//!
//!     cargo bench --bench player
//!
//! Prints the pictures' part of a frame; what the window's own lines and letters take is not in it.

use std::sync::Arc;
use std::time::Instant;

use saliscope::display::{CascadeDisplay, CascadeStack, GrayDisplay, Plane, Viewport};
use saliscope::drawing::CascadePicture;
use saliscope::workbench::SoftwarePainter;

const METHODS: u64 = 8;
const STATES: usize = 14;
const SIDE: usize = 320;
const FRAMES: usize = 60;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let levels = (0..SIDE * SIDE).map(|index| (index * 2654 % 65_536) as u16).collect();
    let plane = Arc::new(Plane::new([SIDE, SIDE], levels, 1.0 / 65_535.0, 0.0)?);
    let map = |seed: usize| -> Vec<f32> {
        (0..SIDE * SIDE).map(|index| ((index * 31 + seed * 977) % 1009) as f32 / 1009.0).collect()
    };
    let stacks: Vec<CascadeStack> = (0..METHODS as usize)
        .map(|method| {
            let mut stack = CascadeStack::new([SIDE, SIDE], STATES);
            (0..STATES).for_each(|state| stack.set_raw(state, map(method * STATES + state)));
            stack
        })
        .collect();
    // As they lie in a window of 1360x860, and each pixel of a map its own.
    for side_px in [120, SIDE as u32] {
        let (painter, context) = (SoftwarePainter::new(), egui::Context::default());
        let frame = |position: f32| {
            for (view_id, stack) in (0..).zip(&stacks) {
                let picture = CascadePicture {
                    view_id,
                    plane: Arc::clone(&plane),
                    gray: GrayDisplay::default(),
                    stack: stack.clone(),
                    display: CascadeDisplay { position, ..CascadeDisplay::default() },
                    viewport: Viewport::fit([side_px; 2], [SIDE; 2], 1.0),
                };
                painter.texture(&context, &picture);
            }
            // What a window would hand on to its renderer.
            context.tex_manager().write().take_delta()
        };
        drop(frame(0.5));
        let begun = Instant::now();
        for index in 0..FRAMES {
            drop(frame(3.0 + (index as f32 + 0.5) / FRAMES as f32));
        }
        let secs = begun.elapsed().as_secs_f64() / FRAMES as f64;
        let [millis, rate] = [secs * 1000.0, 1.0 / secs];
        eprintln!("{METHODS} pictures of {side_px}x{side_px} pixels: {millis:.1} ms, {rate:.0} frames a second");
    }
    Ok(())
}
