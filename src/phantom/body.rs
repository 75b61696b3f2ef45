//! The outline of the body and how deep it is: soft tissue before lungs are taken out of it.

use super::curve::{Point, Table, bell, round_edge, smooth_max, smooth_step};
use super::patient::Patient;
use super::stream::Stream;

/// Soft tissue as depth relative to the trunk's.
#[derive(Debug)]
pub(super) struct Body {
    /// Depth of the trunk at the midline, in cm of water.
    pub(super) depth_cm: f32,
    /// Half-width of the chest inside the ribs at its widest.
    pub(super) chest_width: f32,
    /// Half-width of the trunk, by y.
    trunk: Table,
    /// Upper contour of the shoulders (y), by |x|.
    shoulder: Table,
    /// Half-width of the neck.
    neck: f32,
    /// Height of the armpits, by side (left of the picture first).
    armpit: [f32; 2],
    /// Shoulder and elbow of each arm, `|x|` and y.
    arms: [[Point; 2]; 2],
    arm_radius: f32,
}

impl Body {
    /// Draws a body.
    pub(super) fn draw(stream: &mut Stream, patient: &Patient) -> Self {
        let depth_cm = stream.uniform(17.0, 22.0) * patient.stoutness;
        let chest_width = stream.uniform(0.56, 0.66);
        // Stout people have more beside the ribs.
        let trunk_width = chest_width + stream.uniform(0.09, 0.20) + 0.25 * (patient.stoutness - 0.9).max(0.0);
        let (waist, hips) = (stream.uniform(0.02, 0.06), stream.uniform(-0.05, 0.07));
        let trunk = Table::new(|y| trunk_width * (1.0 - waist * bell(y, -0.30, 0.22) + hips * (y - 0.1)));
        let neck = stream.uniform(0.20, 0.25);
        let top = stream.uniform(-0.80, -0.72) - if patient.in_bed() { 0.02 } else { 0.0 };
        let slope = stream.uniform(0.20, 0.32);
        let trapezius = stream.uniform(0.16, 0.24);
        let shoulder = Table::new(|x| {
            let out = (x.abs() - neck) / (1.0 - neck);
            if out < 0.0 {
                return top - trapezius + 8.0 * out;
            }
            // Towards the neck the muscle rises; beyond the shoulder the contour falls to the arm.
            top + slope * out.powf(1.2) - trapezius * (-out / 0.07).exp() + 1.6 * (out - 0.72).max(0.0).powi(2)
        });
        let abduction = stream.uniform(0.04, 0.26);
        let arms = [0, 1].map(|_| {
            let from = [trunk_width + stream.uniform(0.05, 0.11), stream.uniform(-0.44, -0.38)];
            [from, [from[0] + abduction + stream.normal(0.0, 0.04), stream.uniform(0.45, 0.75)]]
        });
        Self {
            depth_cm,
            chest_width,
            trunk,
            shoulder,
            neck,
            armpit: [0, 1].map(|_| stream.uniform(-0.24, -0.06)),
            arms,
            arm_radius: stream.uniform(0.14, 0.18),
        }
    }

    /// Depth at a point relative to the trunk's, 0 outside to about 1.
    pub(super) fn relative_depth(&self, x: f32, y: f32) -> f32 {
        let side = usize::from(x > 0.0);
        let out = x.abs();
        let below = round_edge((y - self.shoulder.at(out)) / 0.20);
        let width = self.trunk.at(y);
        let trunk =
            (1.0 - (out / width).powi(2)).max(0.0).sqrt() * (0.80 + 0.20 * smooth_step(-0.75, -0.25, y)) * below;
        let girdle_depth = 0.80 - 0.24 * ((out - self.neck) / (1.0 - self.neck)).clamp(0.0, 1.2);
        let armpit = self.armpit[side];
        // The girdle ends in the hollow of the armpit, rounded and the higher the nearer to the trunk.
        let hollow = armpit + 0.10 * ((out - width) / 0.3).clamp(0.0, 1.0);
        let girdle = girdle_depth * below * (1.0 - smooth_step(hollow - 0.16, hollow + 0.06, y));
        let neck = if y < -0.4 {
            let width = self.neck * (1.0 - 0.10 * smooth_step(-0.7, -1.1, y));
            0.72 * (1.0 - (out / width).powi(2)).max(0.0).sqrt() * (1.0 - smooth_step(-0.65, -0.45, y))
        } else {
            0.0
        };
        let depth = smooth_max(smooth_max(trunk, girdle, 0.10), neck, 0.10).max(0.0);
        depth.max(0.56 * self.arm(side, out, y))
    }

    /// Humerus: shoulder and elbow of an arm, with the sign of its side.
    pub(super) fn humerus(&self, side: f32) -> [Point; 2] {
        self.arms[usize::from(side > 0.0)].map(|[x, y]| [x * side, y])
    }

    fn arm(&self, side: usize, out: f32, y: f32) -> f32 {
        let [from, to] = self.arms[side];
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let along = (((out - from[0]) * dx + (y - from[1]) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.6);
        let (ox, oy) = (out - from[0] - along * dx, y - from[1] - along * dy);
        (1.0 - (ox * ox + oy * oy) / (self.arm_radius * self.arm_radius)).max(0.0).sqrt()
    }

    /// Half-width of the trunk at a height.
    pub(super) fn trunk_width(&self, y: f32) -> f32 {
        self.trunk.at(y)
    }
}
