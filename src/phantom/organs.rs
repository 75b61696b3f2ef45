//! Soft organs around the lungs: airways, breasts, abdomen and its gas.

use super::brush::{Brush, Node, tube};
use super::curve::{Point, bell, round_edge, smooth_step, spline};
use super::frame::{CM_PER_UNIT, Frame};
use super::lungs::Lungs;
use super::patient::{Patient, Sex};
use super::stream::Stream;

/// An ellipse that adds (or, below 0, removes) up to `depth_cm`.
#[derive(Clone, Copy, Debug)]
struct Ellipse {
    center: Point,
    radii: Point,
    depth_cm: f32,
    /// Share of the radius over which the border rises.
    edge: f32,
}

/// Airways, breasts and abdomen.
#[derive(Debug)]
pub(super) struct Organs {
    airways: Vec<Vec<Node>>,
    /// Breasts, stomach and bowel.
    ellipses: Vec<Ellipse>,
    /// Extra depth of the abdomen in cm.
    abdomen_cm: f32,
}

impl Organs {
    /// Draws the organs of a patient.
    pub(super) fn draw(stream: &mut Stream, lungs: &Lungs, patient: &Patient) -> Self {
        let carina = [stream.normal(0.0, 0.008), stream.uniform(-0.20, -0.12)];
        let bend = stream.normal(-0.012, 0.008);
        let radius = stream.uniform(0.034, 0.044);
        let trachea = spline(&[[0.0, -1.4], [0.0, -0.8], [bend, -0.45], carina], 6);
        let mut airways = vec![tube(trachea, radius)];
        for lung in &lungs.sides {
            let line =
                [carina, [lung.hilum[0] * 0.55, carina[1] + 0.055], [lung.hilum[0] * 1.15, lung.hilum[1] + 0.01]];
            let line = spline(&line, 6);
            let last = line.len() as f32;
            let taper = |i: usize| radius * (0.78 - 0.38 * i as f32 / last);
            airways.push(line.into_iter().enumerate().map(|(i, at)| Node { at, radius: taper(i) }).collect());
        }
        let mut ellipses = Vec::new();
        // Breasts that show: most women's, some men's.
        let shown = stream.chance(if patient.sex == Sex::F { 0.88 } else { 0.12 });
        let (size, sag, depth_cm) =
            (stream.uniform(0.21, 0.30), stream.uniform(0.10, 0.30), stream.uniform(1.0, 3.2) * patient.stoutness);
        for side in [-1.0, 1.0] {
            let center = [side * (0.36 + stream.uniform(-0.03, 0.06)), sag + stream.normal(0.0, 0.02)];
            let radii = [size * stream.uniform(0.95, 1.1), size * stream.uniform(0.9, 1.15)];
            if shown {
                ellipses.push(Ellipse { center, radii, depth_cm, edge: 0.7 });
            }
        }
        let left = &lungs.sides[1];
        let bubble = stream.chance(0.75);
        let u = stream.uniform(0.26, 0.40);
        let radii = [stream.uniform(0.07, 0.15), stream.uniform(0.035, 0.075)];
        let center = [u, left.dome_at(u) + radii[1] + stream.uniform(0.025, 0.06)];
        let depth_cm = -stream.uniform(2.5, 6.0);
        if bubble {
            ellipses.push(Ellipse { center, radii, depth_cm, edge: 0.6 });
        }
        let loops = stream.uniform(0.0, 5.0) as usize;
        for _ in 0..loops {
            let center = [stream.uniform(-0.45, 0.5), left.base + stream.uniform(0.26, 0.5)];
            let radii = [stream.uniform(0.03, 0.09), stream.uniform(0.025, 0.06)];
            ellipses.push(Ellipse { center, radii, depth_cm: -stream.uniform(0.5, 2.2), edge: 0.9 });
        }
        Self { airways, ellipses, abdomen_cm: stream.uniform(0.3, 2.2) * patient.stoutness }
    }

    /// Adds the organs to a thickness in cm, `[size_px, size_px]`.
    pub(super) fn add_to(&self, frame: &Frame, lungs: &Lungs, brush: &mut Brush, thickness_cm: &mut [f32]) {
        // The main bronchi leave the trachea: where tubes overlap the deeper one counts.
        let mut air = Vec::new();
        for airway in &self.airways {
            brush.stroke(frame, airway, |touch| air.push((touch.pixel, CM_PER_UNIT * touch.chord() * 0.9)));
        }
        air.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        air.dedup_by_key(|(pixel, _)| *pixel);
        for (pixel, depth_cm) in air {
            thickness_cm[pixel] -= depth_cm;
        }
        for ellipse in &self.ellipses {
            ellipse.add_to(frame, thickness_cm);
        }
        let top = lungs.sides[0].base.min(lungs.sides[1].base);
        let rect = frame.around([-1.4, top], [1.4, 1.4], 0.0);
        for pixel in frame.pixels(rect) {
            let (x, y) = (frame.x[pixel], frame.y[pixel]);
            let below = y - lungs.at(x).dome_at(x.abs().min(0.45));
            if below > 0.0 && thickness_cm[pixel] > 0.0 {
                let inner = (1.0 - x * x * 1.4).max(0.0);
                thickness_cm[pixel] += self.abdomen_cm * inner * smooth_step(0.0, 0.55, below);
            }
        }
    }
}

impl Ellipse {
    fn add_to(&self, frame: &Frame, thickness_cm: &mut [f32]) {
        let ([x, y], [a, b]) = (self.center, self.radii);
        let rect = frame.around([x - a, y - b], [x + a, y + b], 0.0);
        for pixel in frame.pixels(rect) {
            let (dx, dy) = ((frame.x[pixel] - x) / a, (frame.y[pixel] - y) / b);
            let q2 = dx * dx + dy * dy;
            if q2 < 1.0 {
                thickness_cm[pixel] += self.depth_cm * round_edge((1.0 - q2.sqrt()) / self.edge);
            }
        }
    }
}

/// Heart and great vessels are what the lungs leave between them; a broad bell makes the heart denser than its border.
pub(super) fn heart_depth_cm(x: f32, y: f32, base: f32) -> f32 {
    1.6 * bell(x, 0.07, 0.20) * bell(y, base - 0.14, 0.26)
}
