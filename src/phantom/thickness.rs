//! Sums anatomy to water-equivalent thickness, without a finding and with one.

use super::body::Body;
use super::bones::Bones;
use super::brush::Brush;
use super::curve::smooth_step;
use super::devices::Equipment;
use super::frame::Frame;
use super::lungs::{AirProfile, Depth, Lungs};
use super::organs::{Organs, heart_depth_cm};
use super::pneumonia::Opacity;
use super::pneumothorax::Pneumothorax;
use super::texture::Texture;
use super::vessels::Vessels;
use crate::truth::Mask;

/// What is drawn of a patient before a finding.
#[derive(Debug)]
pub(super) struct Anatomy<'a> {
    pub(super) body: &'a Body,
    pub(super) lungs: &'a Lungs,
    pub(super) vessels: &'a Vessels,
    pub(super) bones: &'a Bones,
    pub(super) organs: &'a Organs,
}

/// The parts of a thickness that a finding treats differently, each `[size_px, size_px]`.
#[derive(Debug)]
pub(super) struct Layers {
    /// Everything but the lungs' contents, in cm.
    around_cm: Vec<f32>,
    /// Depth of the lungs as if they were all air, in cm.
    air_cm: Vec<f32>,
    /// Lung tissue relative to the lungs' mean, about 1.
    tissue: Vec<f32>,
    /// Vessels in the lungs, in cm.
    vessels_cm: Vec<f32>,
    /// Whether a pixel lies in a lung.
    pub(super) inside: Vec<bool>,
    density: f32,
}

impl Layers {
    /// Paints a patient.
    pub(super) fn new(
        frame: &Frame,
        brush: &mut Brush,
        anatomy: &Anatomy<'_>,
        equipment: &Equipment,
        soft: Texture,
        parenchyma: [Texture; 2],
    ) -> Self {
        let Anatomy { body, lungs, vessels, bones, organs } = anatomy;
        let size_px = frame.size_px;
        let pixel_width = 1.0 / frame.px_per_unit();
        let profile = AirProfile::new();
        let soft = soft.raster(size_px);
        let base = lungs.sides[0].base;
        let mut around_cm = vec![0.0; size_px * size_px];
        let mut air_cm = vec![0.0; size_px * size_px];
        let mut inside = vec![false; size_px * size_px];
        let mut vessels_cm = vessels.raster(frame, brush);
        for pixel in 0..size_px * size_px {
            let (x, y) = (frame.x[pixel], frame.y[pixel]);
            let relative = body.relative_depth(x, y);
            around_cm[pixel] = relative * body.depth_cm * (1.0 + 0.018 * soft[pixel]);
            let depth = if x.abs() < 0.8 && y.abs() < 1.0 { lungs.at(x).depth(x, y) } else { Depth::OUTSIDE };
            inside[pixel] = depth.inside > 0.0;
            air_cm[pixel] = profile.at(depth, pixel_width) * body.depth_cm;
            vessels_cm[pixel] *= smooth_step(-0.01, 0.02, depth.parietal);
            if x.abs() < 0.5 {
                around_cm[pixel] += heart_depth_cm(x, y, base);
            }
        }
        organs.add_to(frame, lungs, brush, &mut around_cm);
        bones.add_to(frame, brush, &mut around_cm);
        equipment.add_to(frame, brush, &mut around_cm);
        let [mut tissue, mottle] = parenchyma.map(|texture| texture.raster(size_px));
        for (fine, coarse) in tissue.iter_mut().zip(&mottle) {
            *fine = (1.0 + 0.07 * *fine + 0.06 * coarse).max(0.3);
        }
        Self { around_cm, air_cm, tissue, vessels_cm, inside, density: lungs.density }
    }

    /// The patient without a finding.
    pub(super) fn healthy_cm(&self) -> Vec<f32> {
        (0..self.around_cm.len()).map(|pixel| self.sum(pixel, self.tissue[pixel], 1.0)).collect()
    }

    /// The patient with a pneumothorax, and its pixels.
    pub(super) fn with_pneumothorax(&self, frame: &Frame, lungs: &Lungs, found: &Pneumothorax) -> (Vec<f32>, Mask) {
        let lung = &lungs.sides[found.side];
        let pixel_width = 1.0 / frame.px_per_unit();
        let mut thickness_cm = self.healthy_cm();
        let mut mask = Mask::empty(frame.size_px, frame.size_px);
        for (pixel, thickness_cm) in thickness_cm.iter_mut().enumerate() {
            let (x, y) = (frame.x[pixel], frame.y[pixel]);
            if self.air_cm[pixel] <= 0.0 || x * lung.side <= 0.0 {
                continue;
            }
            let depth = lung.depth(x, y);
            let collapse = found.collapse(lung, x, y, depth);
            let edge = 0.5 * pixel_width;
            let lung_share = smooth_step(-edge, edge, collapse.inside);
            let tissue = self.tissue[pixel] * found.compression();
            let tissue = found.remaining() + (tissue - found.remaining()) * lung_share;
            let line_cm = found.line_cm(collapse.inside, pixel_width) * smooth_step(0.0, 2.0 * edge, depth.inside);
            *thickness_cm = self.sum(pixel, tissue, lung_share) + line_cm;
            mask.pixels_mut()[pixel] = self.inside[pixel] && collapse.inside < 0.0;
        }
        (thickness_cm, mask)
    }

    /// The patient with opacities of pneumonia.
    pub(super) fn with_opacity(&self, opacity: &Opacity) -> Vec<f32> {
        (0..self.around_cm.len())
            .map(|pixel| {
                let filled = opacity.filled[pixel];
                let open_cm = opacity.bronchi_cm[pixel].min(self.air_cm[pixel]) * filled;
                let water_cm = 0.55 * self.air_cm[pixel] * filled;
                self.sum(pixel, self.tissue[pixel], 1.0 - 0.85 * filled) + water_cm - 0.8 * open_cm
            })
            .collect()
    }

    /// Thickness at a pixel with this tissue (relative to the lung's mean) and this share of the vessels.
    fn sum(&self, pixel: usize, tissue: f32, vessels: f32) -> f32 {
        self.around_cm[pixel] - self.air_cm[pixel] * (1.0 - self.density * tissue)
            + 1.5 * vessels * self.vessels_cm[pixel]
    }
}
