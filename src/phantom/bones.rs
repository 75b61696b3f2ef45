//! Ribs, clavicles, scapulae, humeri and spine, as extra thickness in cm of water.

use super::body::Body;
use super::brush::{Brush, Node, tube};
use super::curve::{Point, Table, bell, smooth_step, spline};
use super::frame::{CM_PER_UNIT, Frame};
use super::lungs::{Lung, Lungs};
use super::patient::Patient;
use super::stream::Stream;

/// A hollow bone along a line.
#[derive(Debug)]
struct LongBone {
    line: Vec<Node>,
    /// Radius of the marrow relative to the bone's.
    hollow: f32,
    /// Water that attenuates like a cm of this bone's wall, less the tissue it replaces.
    excess: f32,
}

/// A flat bone: a filled outline.
#[derive(Debug)]
struct Blade {
    outline: Vec<Point>,
    depth_cm: f32,
}

/// The skeleton of the chest.
#[derive(Debug)]
pub(super) struct Bones {
    long: Vec<LongBone>,
    blades: Vec<Blade>,
    spine: Spine,
}

#[derive(Debug)]
struct Spine {
    /// Midline x, by y.
    midline: Table,
    /// Half-width, by y.
    half_width: Table,
    spacing: f32,
    phase: f32,
    depth_cm: f32,
}

impl Bones {
    /// Draws a skeleton around the lungs.
    pub(super) fn draw(stream: &mut Stream, lungs: &Lungs, body: &Body, patient: &Patient) -> Self {
        // Bones grow fainter with age.
        let mineral = stream.uniform(0.80, 1.15) * (1.08 - 0.003 * patient.age_years as f32);
        let mut bones = Self { long: Vec::new(), blades: Vec::new(), spine: Spine::draw(stream, mineral) };
        let spacing = stream.uniform(0.098, 0.112);
        let radius = stream.uniform(0.0185, 0.0235);
        for lung in &lungs.sides {
            let first = lung.apex() + stream.uniform(0.005, 0.035);
            for rib in 0..10 {
                bones.posterior_rib(stream, lung, first + rib as f32 * spacing, rib, radius, mineral);
            }
            let first = lung.apex() + stream.uniform(0.24, 0.30);
            for rib in 0..7 {
                bones.anterior_rib(stream, lung, first + rib as f32 * spacing * 1.08, rib, radius, mineral);
            }
            bones.clavicle(stream, lung, patient, mineral);
            bones.shoulder(stream, lung, body, patient, mineral);
        }
        bones
    }

    fn posterior_rib(&mut self, stream: &mut Stream, lung: &Lung, y: f32, rib: usize, radius: f32, mineral: f32) {
        let drop = 0.05 + 0.013 * rib as f32 + stream.normal(0.0, 0.006);
        let reach = lung.wall_at(y + drop).max(0.18);
        let outer = lung.wall_at(y + 2.0 * drop).max(0.22);
        let points = [
            [0.07, y + 0.012],
            [0.07 + 0.28 * (reach - 0.07), y - 0.028],
            [0.07 + 0.70 * (reach - 0.07), y + 0.25 * drop],
            [reach - 0.012, y + drop],
            [outer + 0.012, y + 2.0 * drop + 0.01],
        ]
        .map(|[u, y]| [lung.side * u, y + stream.normal(0.0, 0.003)]);
        let width = radius * if rib == 0 { 0.85 } else { 1.0 };
        self.rib(&points, width, [0.95, 1.05], 1.45 * mineral, stream);
    }

    fn anterior_rib(&mut self, stream: &mut Stream, lung: &Lung, y: f32, rib: usize, radius: f32, mineral: f32) {
        let drop = 0.16 + 0.012 * rib as f32 + stream.normal(0.0, 0.01);
        let outer = lung.wall_at(y).max(0.25);
        let inner = 0.17 + 0.028 * rib as f32 + stream.normal(0.0, 0.012);
        let points = [
            [outer + 0.014, y - 0.06],
            [outer - 0.004, y],
            [outer - 0.30 * (outer - inner), y + 0.55 * drop],
            [inner + 0.28 * (outer - inner), y + 0.88 * drop],
            [inner, y + drop],
        ]
        .map(|[u, y]| [lung.side * u, y]);
        self.rib(&points, radius * 1.08, [1.0, 1.12], 0.95 * mineral, stream);
    }

    fn rib(&mut self, points: &[Point], radius: f32, taper: [f32; 2], excess: f32, stream: &mut Stream) {
        let line = spline(points, 7);
        let last = (line.len() - 1) as f32;
        let nodes = line
            .into_iter()
            .enumerate()
            .map(|(i, at)| Node { at, radius: radius * (taper[0] + (taper[1] - taper[0]) * i as f32 / last) });
        self.long.push(LongBone { line: nodes.collect(), hollow: 1.0 - stream.uniform(0.30, 0.35), excess });
    }

    fn clavicle(&mut self, stream: &mut Stream, lung: &Lung, patient: &Patient, mineral: f32) {
        let lift = if patient.in_bed() { -0.035 } else { 0.0 } + stream.normal(0.0, 0.012);
        let inner = lung.apex() + 0.15 + lift;
        let rise = stream.uniform(0.02, 0.11);
        let points = [
            [0.050, inner],
            [0.17, inner - 0.005],
            [0.33, inner - 0.25 * rise - 0.012],
            [0.50, inner - 0.85 * rise - 0.022],
            [0.64, inner - rise - 0.018],
            [0.76, inner - rise + 0.008],
        ]
        .map(|[u, y]| [lung.side * u, y + stream.normal(0.0, 0.004)]);
        let radius = stream.uniform(0.022, 0.028);
        self.rib(&points, radius, [1.25, 0.95], 1.55 * mineral, stream);
    }

    fn shoulder(&mut self, stream: &mut Stream, lung: &Lung, body: &Body, patient: &Patient, mineral: f32) {
        let side = lung.side;
        let [head, elbow] = body.humerus(side);
        let out = head[0].abs();
        let radius = stream.uniform(0.075, 0.088);
        let neck = [head[0] - side * 0.035, head[1] - 0.03];
        // The head is a ball with a thin shell, the shaft a tube below it.
        self.long.push(LongBone {
            line: tube([neck, [neck[0] + side * 0.004, neck[1] + 0.004]], radius),
            hollow: 0.90,
            excess: 1.1 * mineral,
        });
        let shaft = [0.06, 0.5, 1.4].map(|t| [neck[0] + t * (elbow[0] - neck[0]), neck[1] + t * (elbow[1] - neck[1])]);
        self.long.push(LongBone { line: tube(shaft, 0.036), hollow: 0.62, excess: 1.5 * mineral });
        // In bed the shoulder blades lie over the lungs; standing they are turned away.
        let inward = if patient.in_bed() { stream.uniform(0.02, 0.14) } else { stream.uniform(-0.10, 0.05) };
        let border = out - 0.26 - inward;
        let tip = head[1] + stream.uniform(0.38, 0.48);
        let outline = [
            [out - 0.10, head[1] - 0.06],
            [border + 0.08, head[1] - 0.12],
            [border - 0.02, head[1] - 0.04],
            [border - 0.01, head[1] + 0.20],
            [border + 0.05, tip],
            [border + 0.09, tip - 0.03],
            [out - 0.13, head[1] + 0.06],
        ]
        .map(|[u, y]| [side * u, y]);
        let mut closed = outline.to_vec();
        closed.push(outline[0]);
        let line = spline(&closed, 6);
        self.blades.push(Blade { outline: line.clone(), depth_cm: 0.5 * mineral });
        self.long.push(LongBone { line: tube(line, 0.012), hollow: 0.0, excess: 1.0 * mineral });
        // The spine of the scapula runs to the acromion above the head.
        let ridge = spline(
            &[
                [side * (border + 0.03), head[1] + 0.02],
                [side * (border + 0.15), head[1] - 0.10],
                [side * (out - 0.01), head[1] - 0.135],
            ],
            6,
        );
        self.long.push(LongBone { line: tube(ridge, 0.020), hollow: 0.55, excess: 1.2 * mineral });
    }

    /// Adds the bones to a thickness in cm, `[size_px, size_px]`.
    pub(super) fn add_to(&self, frame: &Frame, brush: &mut Brush, thickness_cm: &mut [f32]) {
        for bone in &self.long {
            brush.stroke(frame, &bone.line, |touch| {
                let within = CM_PER_UNIT * touch.chord();
                thickness_cm[touch.pixel] +=
                    bone.excess * (1.25 * CM_PER_UNIT * touch.wall(bone.hollow) + 0.28 * within);
            });
        }
        for blade in &self.blades {
            blade.add_to(frame, thickness_cm);
        }
        self.spine.add_to(frame, thickness_cm);
    }
}

impl Blade {
    fn add_to(&self, frame: &Frame, thickness_cm: &mut [f32]) {
        let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
        for point in &self.outline {
            for axis in 0..2 {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        let rect = frame.around(low, high, 0.0);
        for pixel in frame.pixels(rect) {
            let (x, y) = (frame.x[pixel], frame.y[pixel]);
            let crossings = self.outline.windows(2).filter(|edge| {
                let ([ax, ay], [bx, by]) = (edge[0], edge[1]);
                (ay > y) != (by > y) && x < ax + (y - ay) / (by - ay) * (bx - ax)
            });
            if crossings.count() % 2 == 1 {
                thickness_cm[pixel] += self.depth_cm;
            }
        }
    }
}

impl Spine {
    fn draw(stream: &mut Stream, mineral: f32) -> Self {
        let (bend, middle) = (stream.normal(0.0, 0.012), stream.uniform(-0.3, 0.3));
        let half = stream.uniform(0.072, 0.088);
        Self {
            midline: Table::new(|y| bend * bell(y, middle, 0.5)),
            half_width: Table::new(|y| half * (1.0 + 0.18 * (y + 0.2).clamp(-0.8, 1.0))),
            spacing: stream.uniform(0.100, 0.112),
            phase: stream.uniform(0.0, 1.0),
            depth_cm: stream.uniform(1.5, 2.3) * mineral,
        }
    }

    fn add_to(&self, frame: &Frame, thickness_cm: &mut [f32]) {
        let rect = frame.around([-0.14, -1.4], [0.14, 1.4], 0.0);
        // The vertebra's own pattern, by the place inside one spacing, 0 to 1: a disc, and the pedicles below it.
        let disc = Table::new(|place| smooth_step(0.0, 0.10, place) * smooth_step(1.0, 0.90, place));
        let pedicle = Table::new(|place| bell(place, 0.32, 0.15));
        for pixel in frame.pixels(rect) {
            let (x, y) = (frame.x[pixel] - self.midline.at(frame.y[pixel]), frame.y[pixel]);
            let half = self.half_width.at(y);
            let out = x.abs() / half;
            if out > 1.25 {
                continue;
            }
            let place = (y / self.spacing + self.phase).rem_euclid(1.0);
            let disc = disc.at(place);
            let body = smooth_step(1.15, 0.80, out + 0.07 * (1.0 - disc)) * (0.58 + 0.30 * disc);
            let edge = 0.14 * (1.0 - ((out - 0.92) / 0.14).powi(2)).max(0.0) * disc;
            let pedicle = 0.30 * (1.0 - ((out - 0.62) / 0.20).powi(2)).max(0.0) * pedicle.at(place);
            let process = 0.22 * (1.0 - (out / 0.17).powi(2)).max(0.0) * smooth_step(0.35, 0.60, place);
            thickness_cm[pixel] += self.depth_cm * (body + edge + pedicle + process);
        }
    }
}
