//! The lungs: four distances a side, joined by smooth minima, and the air between.

use super::body::Body;
use super::curve::{Point, Table, bell, smooth_min, smooth_step};
use super::patient::Patient;
use super::stream::Stream;

/// Width of the rounded corners between the borders.
const ROUNDING: f32 = 0.03;

/// One lung in its own frame: `u` is the distance from the midline.
#[derive(Debug)]
pub(super) struct Lung {
    /// -1 left of the picture (the patient's right), 1 right of it.
    pub(super) side: f32,
    /// Root of the lung.
    pub(super) hilum: Point,
    wall: [Table; 2],
    medial: [Table; 2],
    dome: [Table; 2],
    apex: f32,
    /// Height of the diaphragm's top.
    pub(super) base: f32,
}

/// Distances of a point to a lung's borders, positive inside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Depth {
    /// To all borders.
    pub(super) inside: f32,
    /// To the chest wall: side and apex.
    pub(super) wall: f32,
    /// To the diaphragm.
    pub(super) dome: f32,
    /// To the chest wall and the diaphragm.
    pub(super) parietal: f32,
    /// To the mediastinum alone.
    pub(super) medial: f32,
}

impl Depth {
    /// Far from any lung.
    pub(super) const OUTSIDE: Self = Self { inside: -1.0, wall: -1.0, dome: -1.0, parietal: -1.0, medial: -1.0 };
}

/// Both lungs.
#[derive(Debug)]
pub(super) struct Lungs {
    /// Left of the picture, then right.
    pub(super) sides: [Lung; 2],
    /// Tissue and blood as a share of the lung's volume.
    pub(super) density: f32,
}

impl Lungs {
    /// Draws the lungs inside `body`.
    pub(super) fn draw(stream: &mut Stream, body: &Body, patient: &Patient) -> Self {
        let bed = if patient.in_bed() { 1.0 } else { 0.0 };
        let width = body.chest_width;
        let apex = stream.uniform(-0.74, -0.66);
        let middle = stream.uniform(0.05, 0.25);
        let mediastinum = stream.uniform(0.10, 0.14) + 0.02 * bed;
        let base = stream.uniform(0.30, 0.50) - 0.06 * bed;
        let left_lower = stream.uniform(0.02, 0.08);
        let knob = [stream.uniform(0.02, 0.06) + patient.age_years as f32 * 0.0003, stream.uniform(-0.38, -0.30)];
        let trunk_bulge = stream.uniform(0.005, 0.035);
        let heart = stream.uniform(0.24, 0.34) + 0.045 * bed;
        let heart_top = stream.uniform(-0.16, -0.08);
        let atrium = [stream.uniform(0.04, 0.09), stream.uniform(0.18, 0.28)];
        let cava = stream.uniform(0.0, 0.03);
        let density = stream.uniform(0.22, 0.30);
        let sides = [-1.0, 1.0].map(|side: f32| {
            let apex = apex + stream.normal(0.0, 0.012);
            let width = width * (1.0 + stream.normal(0.0, 0.012));
            let base = if side < 0.0 { base } else { base + left_lower };
            let exponent = stream.uniform(2.1, 2.5);
            let wall = Table::new(|y| {
                let rise = ((middle - y) / (middle - apex)).max(0.0);
                if rise < 1.0 {
                    width * (1.0 - rise.powf(exponent)).powf(1.0 / exponent) * (1.0 - 0.03 * (y - middle).max(0.0))
                } else {
                    -2.0 * (rise - 1.0)
                }
            });
            let medial = Table::new(|y| {
                if side < 0.0 {
                    mediastinum + cava * smooth_step(0.1, -0.2, y) + atrium[0] * bell(y, atrium[1], 0.20)
                } else {
                    let apex_of_heart = base + 0.02;
                    let along = ((y - heart_top) / (apex_of_heart - heart_top)).clamp(0.0, 1.15);
                    let bulge = (along * std::f32::consts::FRAC_PI_2).sin().powf(1.25);
                    mediastinum - 0.01
                        + knob[0] * bell(y, knob[1], 0.065)
                        + trunk_bulge * bell(y, knob[1] + 0.17, 0.06)
                        + (heart - mediastinum) * bulge
                }
            });
            let (lateral, inner) = (stream.uniform(3.4, 5.4), stream.uniform(1.0, 2.0));
            let crown = stream.uniform(0.36, 0.44);
            let dome = Table::new(|u| {
                let out = u - crown;
                base + if out > 0.0 { lateral * out.powf(1.9) } else { inner * (-out).powf(1.9) }
            });
            let hilum_y = if side < 0.0 { -0.02 } else { -0.06 } + stream.normal(0.0, 0.015);
            let hilum = [side * (mediastinum + 0.045), hilum_y];
            let slanted = |table: Table| {
                let slant = table.slant();
                [table, slant]
            };
            Lung { side, hilum, wall: slanted(wall), medial: slanted(medial), dome: slanted(dome), apex, base }
        });
        Self { sides, density }
    }

    /// The lung on the side of `x`.
    pub(super) fn at(&self, x: f32) -> &Lung {
        &self.sides[usize::from(x > 0.0)]
    }
}

impl Lung {
    /// Distances from a point, which may lie on either side.
    pub(super) fn depth(&self, x: f32, y: f32) -> Depth {
        let u = x * self.side;
        let lateral = (self.wall[0].at(y) - u) * self.wall[1].at(y);
        let wall = smooth_min(lateral, y - self.apex, ROUNDING);
        let medial = (u - self.medial[0].at(y)) * self.medial[1].at(y);
        let dome = (self.dome[0].at(u) - y) * self.dome[1].at(u);
        let parietal = smooth_min(wall, dome, ROUNDING);
        Depth { inside: smooth_min(parietal, medial, ROUNDING), wall, dome, parietal, medial }
    }

    /// Half-width inside the ribs at a height.
    pub(super) fn wall_at(&self, y: f32) -> f32 {
        self.wall[0].at(y)
    }

    /// Distance of the mediastinal border from the midline at a height.
    pub(super) fn medial_at(&self, y: f32) -> f32 {
        self.medial[0].at(y)
    }

    /// Height of the diaphragm at a distance from the midline.
    pub(super) fn dome_at(&self, u: f32) -> f32 {
        self.dome[0].at(u)
    }

    /// Top of the lung.
    pub(super) fn apex(&self) -> f32 {
        self.apex
    }
}

/// Depth of air along the beam relative to the trunk's depth, by distance from the borders.
#[derive(Debug)]
pub(super) struct AirProfile(Table);

impl AirProfile {
    /// The profile of the recipe: shallow at the border, deep from about 0.3 on.
    pub(super) fn new() -> Self {
        Self(Table::new(|depth| 0.74 * (0.30 + 0.70 * (1.0 - (-depth.max(0.0) / 0.11).exp()))))
    }

    /// Relative depth of a lung full of air. Beside the mediastinum the lung is deep at once, and behind the heart some
    /// of it remains.
    pub(super) fn at(&self, depth: Depth, pixel: f32) -> f32 {
        let edge = 0.5 * pixel;
        let covered = smooth_step(-edge, edge, depth.inside);
        let beside = smooth_min(depth.parietal, 0.07 + 1.8 * depth.medial.max(0.0), 0.05);
        let lung = covered * self.0.at(beside);
        if depth.medial > edge {
            return lung;
        }
        let behind = 0.16 * smooth_step(0.0, 0.12, depth.parietal) * (1.0 - 6.0 * -depth.medial).clamp(0.0, 1.0);
        lung.max(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::super::stream::Purpose;
    use super::*;

    #[test]
    fn lungs_lie_where_lungs_lie() {
        for index in 0..50 {
            let patient = Patient::draw(&mut Stream::new(5, index, Purpose::Patient));
            let body = Body::draw(&mut Stream::new(5, index, Purpose::Body), &patient);
            let lungs = Lungs::draw(&mut Stream::new(5, index, Purpose::Lungs), &body, &patient);
            for lung in &lungs.sides {
                assert!(lung.depth(lung.side * 0.36, -0.1).inside > 0.1, "the middle of a lung");
                for outside in [0.0, 0.75, 1.0] {
                    assert!(lung.depth(lung.side * outside, -0.1).inside < 0.0);
                }
                assert!(
                    lung.depth(lung.side * 0.36, 0.8).inside < 0.0 && lung.depth(lung.side * 0.3, -0.9).inside < 0.0
                );
                assert!(lung.depth(lung.hilum[0], lung.hilum[1]).inside.abs() < 0.1);
            }
        }
    }
}
