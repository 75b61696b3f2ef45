//! What lies on or in a patient whatever is found: leads, tubes, lines, a skin fold.
//!
//! The chest drain and the skin fold are there on purpose: a model that takes them for a pneumothorax is wrong, because
//! healthy phantoms have them as often.

use super::body::Body;
use super::brush::{Brush, Node, tube};
use super::curve::{Point, Table, smooth_step, spline};
use super::frame::{CM_PER_UNIT, Frame};
use super::lungs::Lungs;
use super::patient::Patient;
use super::stream::Stream;

/// A tube or wire.
#[derive(Debug)]
struct Wire {
    line: Vec<Node>,
    hollow: f32,
    /// Water that attenuates like a cm of its material.
    excess: f32,
}

/// A fold of skin: dense medial to its edge, fading inwards. Vessels go on beyond it.
#[derive(Debug)]
struct Fold {
    side: f32,
    edge: Table,
    top: f32,
    bottom: f32,
    depth_cm: f32,
    fade: f32,
}

/// Which devices a phantom shows.
#[allow(clippy::struct_excessive_bools, reason = "each device is there or not, whatever the others")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Devices {
    /// Electrodes and their leads.
    pub leads: bool,
    /// A tube in the trachea.
    pub tracheal_tube: bool,
    /// A central venous line.
    pub central_line: bool,
    /// A drain in the pleural space, with or without a pneumothorax.
    pub chest_drain: bool,
    /// A fold of skin whose edge looks like a pleural line.
    pub skin_fold: bool,
    /// A pacemaker.
    pub pacemaker: bool,
}

/// Devices as geometry.
#[derive(Debug)]
pub(super) struct Equipment {
    pub(super) shown: Devices,
    wires: Vec<Wire>,
    fold: Option<Fold>,
}

impl Equipment {
    /// Draws devices; in bed there are more of them.
    pub(super) fn draw(stream: &mut Stream, lungs: &Lungs, body: &Body, patient: &Patient) -> Self {
        let mut equipment = Self { shown: Devices::default(), wires: Vec::new(), fold: None };
        let often = if patient.in_bed() { 1.35 } else { 0.75 };
        let shown = Devices {
            leads: stream.chance(0.45 * often),
            tracheal_tube: stream.chance(0.30 * often),
            central_line: stream.chance(0.30 * often),
            chest_drain: stream.chance(0.30 * often),
            skin_fold: stream.chance(0.30 * often),
            pacemaker: stream.chance(0.06),
        };
        equipment.shown = shown;
        if shown.leads {
            equipment.leads(stream, body);
        }
        if shown.tracheal_tube {
            let end = stream.uniform(-0.42, -0.24);
            let line = spline(&[[0.01, -1.4], [0.006, -0.8], [stream.normal(0.0, 0.006), end]], 8);
            equipment.wire(line.clone(), 0.0165, 0.72, 1.8);
            equipment.wire(line.iter().map(|[x, y]| [x + 0.011, *y]).collect(), 0.0028, 0.0, 16.0);
        }
        if shown.central_line {
            equipment.central_line(stream);
        }
        if shown.chest_drain {
            equipment.chest_drain(stream, lungs, body);
        }
        if shown.skin_fold {
            equipment.skin_fold(stream, lungs);
        }
        if shown.pacemaker {
            equipment.pacemaker(stream, lungs);
        }
        equipment
    }

    fn wire(&mut self, line: Vec<Point>, radius: f32, hollow: f32, excess: f32) {
        self.wires.push(Wire { line: tube(line, radius), hollow, excess });
    }

    fn disc(&mut self, [x, y]: Point, radius: f32, hollow: f32, depth_cm: f32) {
        self.wire(vec![[x, y], [x + 0.001, y]], radius, hollow, depth_cm / (2.0 * radius * CM_PER_UNIT));
    }

    fn leads(&mut self, stream: &mut Stream, body: &Body) {
        let places = [[-0.42, -0.52], [0.42, -0.50], [-0.44, 0.30], [0.46, 0.34], [0.12, 0.10]];
        let exit = [stream.uniform(-0.9, 0.9), 1.3];
        let hub = [exit[0] * 0.8, stream.uniform(0.55, 0.9)];
        for place in places {
            let at = place.map(|coordinate: f32| coordinate + stream.normal(0.0, 0.05));
            let bow = [stream.normal(0.0, 0.20), stream.normal(0.0, 0.10)];
            if !stream.chance(0.75) {
                continue;
            }
            let size = stream.uniform(0.013, 0.018);
            self.disc(at, size, 0.35, 4.0);
            self.disc(at, size * 2.3, 0.0, 0.7);
            let middle = [0, 1].map(|axis| 0.5 * (at[axis] + hub[axis]) + bow[axis]);
            let middle = [middle[0].clamp(-1.0, 1.0) * (1.0 + 0.2 * body.trunk_width(middle[1])), middle[1]];
            self.wire(spline(&[at, middle, hub, exit], 9), 0.0042, 0.0, 9.0);
        }
    }

    fn central_line(&mut self, stream: &mut Stream) {
        let end = [-0.115 + stream.normal(0.0, 0.01), stream.uniform(-0.10, 0.08)];
        let from_neck = stream.chance(0.55);
        let side = if stream.chance(0.75) { -1.0 } else { 1.0 };
        let start: [Point; 3] = if from_neck {
            [[side * 0.19, -1.05], [side * 0.15, -0.82], [side * 0.11, -0.60]]
        } else {
            [[side * 0.66, -0.34], [side * 0.50, -0.60], [side * 0.24, -0.60]]
        };
        let line = [start[0], start[1], start[2], [-0.095, -0.40], end];
        self.wire(spline(&line, 8), 0.0060, 0.0, 6.0);
    }

    fn chest_drain(&mut self, stream: &mut Stream, lungs: &Lungs, body: &Body) {
        let lung = &lungs.sides[usize::from(stream.chance(0.5))];
        let entry = stream.uniform(0.05, 0.40);
        let wall = lung.wall_at(entry);
        let upwards = stream.chance(0.8);
        let (u, y) = if upwards {
            (stream.uniform(0.22, 0.36), lung.apex() + stream.uniform(0.08, 0.22))
        } else {
            (stream.uniform(0.28, 0.40), lung.base - stream.uniform(0.02, 0.10))
        };
        let points = [
            [body.trunk_width(entry) + 0.30, entry + stream.uniform(0.05, 0.25)],
            [wall + 0.06, entry + 0.02],
            [wall - stream.uniform(0.05, 0.14), 0.55 * entry + 0.45 * y],
            [0.35 * wall + 0.65 * u, 0.25 * entry + 0.75 * y],
            [u, y],
        ]
        .map(|[u, y]| [u * lung.side, y]);
        let line = spline(&points, 10);
        self.wire(line.clone(), stream.uniform(0.014, 0.019), 0.68, 1.6);
        self.wire(line, 0.0030, 0.0, 14.0);
    }

    fn skin_fold(&mut self, stream: &mut Stream, lungs: &Lungs) {
        let lung = &lungs.sides[usize::from(stream.chance(0.5))];
        let inset = stream.uniform(0.07, 0.20);
        let (lean, bow) = (stream.uniform(-0.10, 0.16), stream.uniform(0.0, 0.06));
        let top = stream.uniform(-0.58, -0.25);
        let bottom = stream.uniform(0.05, 0.75).max(top + 0.45);
        let wall = lung.wall_at(0.0);
        let edge = Table::new(|y| wall - inset + lean * y - bow * (y - 0.1).powi(2) * 4.0);
        let depth_cm = stream.uniform(0.45, 1.0);
        self.fold = Some(Fold { side: lung.side, edge, top, bottom, depth_cm, fade: stream.uniform(0.05, 0.11) });
    }

    fn pacemaker(&mut self, stream: &mut Stream, lungs: &Lungs) {
        let at = [0.50 + stream.normal(0.0, 0.03), -0.46 + stream.normal(0.0, 0.03)];
        self.disc(at, 0.075, 0.0, 5.0);
        self.disc([at[0] - 0.012, at[1] + 0.014], 0.048, 0.0, 4.0);
        self.disc([at[0] - 0.03, at[1] - 0.055], 0.034, 0.0, 3.0);
        let heart = [0.14 + stream.normal(0.0, 0.02), lungs.sides[1].base - 0.03];
        let line = [at, [0.36, -0.55], [0.12, -0.50], [-0.08, -0.32], [-0.10, 0.02], [0.0, 0.22], heart];
        self.wire(spline(&line, 8), 0.0050, 0.0, 9.0);
    }

    /// Adds the devices to a thickness in cm, `[size_px, size_px]`.
    pub(super) fn add_to(&self, frame: &Frame, brush: &mut Brush, thickness_cm: &mut [f32]) {
        for wire in &self.wires {
            brush.stroke(frame, &wire.line, |touch| {
                thickness_cm[touch.pixel] += wire.excess * CM_PER_UNIT * touch.wall(wire.hollow);
            });
        }
        if let Some(fold) = &self.fold {
            fold.add_to(frame, thickness_cm);
        }
    }
}

impl Fold {
    fn add_to(&self, frame: &Frame, thickness_cm: &mut [f32]) {
        let reach = 6.0 * self.fade;
        let edges = [self.edge.at(self.top), self.edge.at(self.bottom), self.edge.at(0.1)];
        let (inner, outer) =
            (edges.iter().copied().fold(1.0, f32::min) - reach, edges.iter().copied().fold(0.0, f32::max) + 0.05);
        let rect = frame.around([self.side * inner, self.top], [self.side * outer, self.bottom], 0.0);
        let profile = Table::new(|depth| self.depth_cm * (-depth.max(0.0) / self.fade).exp());
        let edge_px = 0.5 / frame.px_per_unit();
        for pixel in frame.pixels(rect) {
            let y = frame.y[pixel];
            let depth = self.edge.at(y) - frame.x[pixel] * self.side;
            if depth > -edge_px && depth < reach {
                let ends = smooth_step(self.top, self.top + 0.15, y) * smooth_step(self.bottom, self.bottom - 0.15, y);
                thickness_cm[pixel] += ends * profile.at(depth) * smooth_step(-edge_px, edge_px, depth);
            }
        }
    }
}
