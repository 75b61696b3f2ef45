//! Opacities of pneumonia: blurred patches that fill air with water, hide vessels and show open bronchi.

use super::brush::{Brush, Node};
use super::curve::{Point, spline};
use super::frame::{CM_PER_UNIT, Frame};
use super::lungs::Lungs;
use super::raster_box::{PixelBox, merged};
use super::stream::Stream;
use super::texture::Texture;

/// Value of the patch's bell above which an expert's box would hold it.
const BOXED: f32 = 0.33;
/// Shift of the outline by noise, in units of the frame.
const WARP: f32 = 0.05;

#[derive(Clone, Copy, Debug)]
struct Patch {
    side: usize,
    center: Point,
    radii: Point,
    cosine: f32,
    sine: f32,
    /// Largest share of the air that is filled.
    filling: f32,
}

/// All patches of a patient.
#[derive(Debug)]
pub(super) struct Pneumonia {
    patches: Vec<Patch>,
    warp: [Texture; 2],
    mottle: Texture,
    bronchi: Vec<Vec<Node>>,
}

/// Patches on a picture.
#[derive(Debug)]
pub(super) struct Opacity {
    /// Share of the air that is filled, 0 to 1, `[size_px, size_px]`.
    pub(super) filled: Vec<f32>,
    /// Air in open bronchi in cm, `[size_px, size_px]`.
    pub(super) bronchi_cm: Vec<f32>,
    /// Boxes in pixels; those of a side that overlap are one.
    pub(super) boxes: Vec<PixelBox>,
}

impl Pneumonia {
    /// Draws one or two patches.
    pub(super) fn draw(stream: &mut Stream, lungs: &Lungs) -> Self {
        let count = if stream.chance(0.5) { 1 } else { 2 };
        let patches: Vec<Patch> = (0..count).map(|_| Patch::draw(stream, lungs)).collect();
        let warp = [0, 1].map(|_| Texture::draw(stream, 9.0, 3, 0.55));
        let mottle = Texture::draw(stream, 22.0, 3, 0.6);
        let mut bronchi = Vec::new();
        for patch in &patches {
            let hilum = lungs.sides[patch.side].hilum;
            for _ in 0..4 {
                let toward = [0, 1].map(|axis| patch.center[axis] + stream.normal(0.0, 0.55) * patch.radii[axis]);
                let beyond = [0, 1].map(|axis| hilum[axis] + 1.25 * (toward[axis] - hilum[axis]));
                let bent = [0, 1].map(|axis| 0.5 * (hilum[axis] + toward[axis]) + stream.normal(0.0, 0.02));
                let line = spline(&[hilum, bent, toward, beyond], 5);
                let radius = stream.uniform(0.0055, 0.0095);
                let last = line.len() as f32;
                let taper = |i: usize| radius * (1.0 - 0.5 * i as f32 / last);
                bronchi.push(line.into_iter().enumerate().map(|(i, at)| Node { at, radius: taper(i) }).collect());
            }
        }
        Self { patches, warp, mottle, bronchi }
    }

    /// The patches on a picture; `inside` tells for each pixel whether it lies in a lung.
    pub(super) fn raster(&self, frame: &Frame, brush: &mut Brush, inside: impl Fn(usize) -> bool) -> Opacity {
        let size_px = frame.size_px;
        let [warp_x, warp_y] = self.warp.map(|warp| warp.raster(size_px));
        let mottle = self.mottle.raster(size_px);
        let mut clear = vec![1.0f32; size_px * size_px];
        let mut boxes = Vec::new();
        for patch in &self.patches {
            let reach = 2.6 * patch.radii[0].max(patch.radii[1]);
            let rect = frame.around(patch.center, patch.center, reach);
            let mut bounds = PixelBox::none();
            for row in rect.top..rect.bottom {
                for pixel in row * size_px + rect.left..row * size_px + rect.right {
                    // A patch stays in its own lung.
                    if (frame.x[pixel] > 0.0) != (patch.side == 1) {
                        continue;
                    }
                    let at = [frame.x[pixel] + 0.5 * WARP * warp_x[pixel], frame.y[pixel] + 0.5 * WARP * warp_y[pixel]];
                    let bell = patch.bell(at);
                    if bell > BOXED && inside(pixel) {
                        bounds.include(pixel - row * size_px, row);
                    }
                    let filled = patch.filling * (bell * (1.0 + 0.35 * mottle[pixel].clamp(-2.0, 2.0))).clamp(0.0, 1.0);
                    clear[pixel] *= 1.0 - filled;
                }
            }
            if !bounds.is_none() {
                boxes.push((patch.side, bounds));
            }
        }
        let filled: Vec<f32> = clear.into_iter().map(|clear| 1.0 - clear).collect();
        let mut bronchi_cm = vec![0.0; size_px * size_px];
        for bronchus in &self.bronchi {
            brush.stroke(frame, bronchus, |touch| bronchi_cm[touch.pixel] += CM_PER_UNIT * touch.chord());
        }
        Opacity { filled, bronchi_cm, boxes: merged(boxes) }
    }
}

impl Patch {
    fn draw(stream: &mut Stream, lungs: &Lungs) -> Self {
        let side = usize::from(stream.chance(0.5));
        let lung = &lungs.sides[side];
        let radii = [stream.uniform(0.11, 0.24), stream.uniform(0.11, 0.24)];
        let angle = stream.uniform(-0.6, 0.6);
        let filling = stream.uniform(0.45, 0.85);
        let mut center = [lung.side * 0.36, lung.base - 0.25];
        for _ in 0..40 {
            // Lower parts are struck more often.
            let height = stream.uniform(0.0, 1.0).sqrt();
            let y = lung.apex() + height * (lung.base + 0.10 - lung.apex());
            let u = lung.medial_at(y) + stream.uniform(0.0, 1.0) * (lung.wall_at(y) - lung.medial_at(y));
            if lung.depth(lung.side * u, y).inside > 0.06 {
                center = [lung.side * u, y];
                break;
            }
        }
        Self { side, center, radii, cosine: angle.cos(), sine: angle.sin(), filling }
    }

    /// `exp(-0.8 q)` with the elliptic distance `q`, cut off where it no longer shows.
    fn bell(&self, at: Point) -> f32 {
        let (x, y) = (at[0] - self.center[0], at[1] - self.center[1]);
        let a = (x * self.cosine + y * self.sine) / self.radii[0];
        let b = (y * self.cosine - x * self.sine) / self.radii[1];
        let q = a * a + b * b;
        if q > 6.5 { 0.0 } else { (-0.8 * q).exp() }
    }
}
