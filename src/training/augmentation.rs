//! Small random changes of an image, its mask and its boxes: another pose, another exposure.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::pixel_store::Pixels;
use super::samples::Sample;
use crate::detection::EdgeBox;

/// How far images are changed; each range is uniform.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Augmentation {
    /// Left and right exchanged in every other image.
    pub flip: bool,
    /// Largest rotation either way, in degrees.
    pub rotation_deg: f64,
    /// Largest change of size either way, as a share.
    pub scale: f64,
    /// Largest shift either way along each axis, as a share of the side.
    pub shift: f64,
    /// Largest change of contrast about the middle gray either way, as a share.
    pub contrast: f64,
    /// Largest change of brightness either way, in gray levels.
    pub brightness: f64,
}

impl Augmentation {
    /// What a radiographer's hands may do.
    pub const USUAL: Self =
        Self { flip: true, rotation_deg: 5.0, scale: 0.08, shift: 0.04, contrast: 0.15, brightness: 12.0 };

    /// No change.
    pub const NONE: Self =
        Self { flip: false, rotation_deg: 0.0, scale: 0.0, shift: 0.0, contrast: 0.0, brightness: 0.0 };
}

/// One image as it goes into a batch.
#[derive(Clone, Debug)]
pub(super) struct Augmented {
    /// Gray levels 0 to 255, `[h, w]`.
    pub(super) gray: Vec<f32>,
    /// 1 where the finding is, `[h, w]`; empty where the sample has no mask.
    pub(super) mask: Vec<f32>,
    /// Boxes inside the image.
    pub(super) boxes: Vec<EdgeBox>,
}

/// A change of pose: where target pixels come from.
struct Pose {
    /// Source offset from the centre = matrix x target offset, minus shift; `[row][x, y]`.
    matrix: [[f64; 2]; 2],
    shift_px: [f64; 2],
    centre_px: [f64; 2],
}

/// Boxes whose part inside the image has less than this share of their area are dropped.
const MIN_VISIBLE: f32 = 0.25;

impl Augmentation {
    /// The sample as it is seen in `epoch`: random numbers follow from `seed`, `epoch` and the sample's id alone.
    pub(super) fn apply(
        &self,
        sample: &Sample,
        pixels: &Pixels,
        size_px: [usize; 2],
        seed: u64,
        epoch: usize,
    ) -> Augmented {
        let mut hash = Sha256::new();
        hash.update(b"augmentation");
        hash.update(seed.to_le_bytes());
        hash.update((epoch as u64).to_le_bytes());
        hash.update(sample.key.to_le_bytes());
        let mut random = ChaCha8Rng::from_seed(hash.finalize().into());
        let mut within = |most: f64| if most > 0.0 { random.random_range(-most..=most) } else { 0.0 };
        let angle = within(self.rotation_deg).to_radians();
        let scale = 1.0 + within(self.scale);
        let shift = [within(self.shift), within(self.shift)];
        let contrast = (1.0 + within(self.contrast)) as f32;
        let brightness = within(self.brightness) as f32;
        let mirror = if self.flip && within(1.0) < 0.0 { -1.0 } else { 1.0 };
        let (sin, cos) = angle.sin_cos();
        let [height, width] = size_px;
        let pose = Pose {
            matrix: [[mirror * cos / scale, mirror * sin / scale], [-sin / scale, cos / scale]],
            shift_px: [shift[0] * width as f64, shift[1] * height as f64],
            centre_px: [width as f64 / 2.0, height as f64 / 2.0],
        };
        let gray: Vec<f32> = pixels.gray().collect();
        let mut out = Augmented { gray: Vec::new(), mask: Vec::new(), boxes: Vec::new() };
        out.gray = if pose.is_identity() { gray } else { pose.bilinear(&gray, size_px) };
        for value in &mut out.gray {
            *value = ((*value - 127.5) * contrast + 127.5 + brightness).clamp(0.0, 255.0);
        }
        if let Some(mask) = &pixels.mask {
            let mask: Vec<f32> = mask.pixels().iter().map(|pixel| f32::from(u8::from(*pixel))).collect();
            out.mask = if pose.is_identity() { mask } else { pose.bilinear(&mask, size_px) };
            out.mask.iter_mut().for_each(|value| *value = f32::from(u8::from(*value >= 0.5)));
        }
        out.boxes = sample.boxes.iter().filter_map(|bounds| pose.moved(bounds, size_px)).collect();
        out
    }
}

impl Pose {
    fn is_identity(&self) -> bool {
        self.matrix == [[1.0, 0.0], [0.0, 1.0]] && self.shift_px == [0.0, 0.0]
    }

    /// Values at the places target pixels come from; 0 beyond the image.
    fn bilinear(&self, source: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
        let mut target = Vec::with_capacity(source.len());
        // Negative numbers wrap around to large ones, which lie outside as well.
        let at = |x: isize, y: isize| {
            let (x, y) = (x.cast_unsigned(), y.cast_unsigned());
            if x < width && y < height { source[y * width + x] } else { 0.0 }
        };
        for row in 0..height {
            for column in 0..width {
                let (dx, dy) = (column as f64 + 0.5 - self.centre_px[0], row as f64 + 0.5 - self.centre_px[1]);
                let [x, y] = [0, 1].map(|axis| {
                    let [a, b] = self.matrix[axis];
                    a * dx + b * dy - self.shift_px[axis] + self.centre_px[axis] - 0.5
                });
                let (left, top) = (x.floor(), y.floor());
                let (fx, fy) = ((x - left) as f32, (y - top) as f32);
                let (left, top) = (left as isize, top as isize);
                let upper = at(left, top) * (1.0 - fx) + at(left + 1, top) * fx;
                let lower = at(left, top + 1) * (1.0 - fx) + at(left + 1, top + 1) * fx;
                target.push(upper * (1.0 - fy) + lower * fy);
            }
        }
        target
    }

    /// The bounds of a box that went along; nothing where too little of it is left inside the image.
    fn moved(&self, bounds: &EdgeBox, size_px: [usize; 2]) -> Option<EdgeBox> {
        let [[a, b], [c, d]] = self.matrix;
        let determinant = a * d - b * c;
        let forward = |x: f32, y: f32| {
            let u = f64::from(x) - self.centre_px[0] + self.shift_px[0];
            let v = f64::from(y) - self.centre_px[1] + self.shift_px[1];
            let moved = [(d * u - b * v) / determinant, (a * v - c * u) / determinant];
            [moved[0] + self.centre_px[0], moved[1] + self.centre_px[1]]
        };
        let EdgeBox { left_px, top_px, right_px, bottom_px } = *bounds;
        // Middles of the edges, not corners: the box around a turned ellipse, which findings are nearer to.
        let (middle_x, middle_y) = (f32::midpoint(left_px, right_px), f32::midpoint(top_px, bottom_px));
        let points = [(left_px, middle_y), (right_px, middle_y), (middle_x, top_px), (middle_x, bottom_px)];
        let points = points.map(|(x, y)| forward(x, y));
        let extreme = |axis: usize, start: f64, pick: fn(f64, f64) -> f64| {
            points.iter().map(|point| point[axis]).fold(start, pick) as f32
        };
        let whole = EdgeBox {
            left_px: extreme(0, f64::INFINITY, f64::min),
            top_px: extreme(1, f64::INFINITY, f64::min),
            right_px: extreme(0, f64::NEG_INFINITY, f64::max),
            bottom_px: extreme(1, f64::NEG_INFINITY, f64::max),
        };
        let inside = whole.clipped(size_px);
        (inside.area_px() > MIN_VISIBLE * whole.area_px()).then_some(inside)
    }
}
