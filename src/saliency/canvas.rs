//! What methods make their maps with: the image explained, what was asked, and the steps that several of them share.

use super::display::{DisplayMap, Outcome};
use super::explanation::{ArrayValues, NamedArray};
use super::grad_cam::Grid;
use super::map::Common;
use super::methods::Method;
use super::parameters::Parameters;
use super::xrai;
use crate::network::Activation;

/// A map without its provenance.
pub(super) struct Made {
    pub(super) raw: Vec<f32>,
    pub(super) display: DisplayMap,
    pub(super) intermediates: Vec<NamedArray>,
}

/// What the pass of the image itself gave, as far as it was asked for.
#[derive(Clone, Copy)]
pub(super) struct FirstPass<'a> {
    /// Gradient, `[c, h, w]`.
    pub(super) gradient: Option<&'a [f32]>,
    /// The same by guided backpropagation.
    pub(super) guided_gradient: Option<&'a [f32]>,
    /// The activation of the batch.
    pub(super) activation: Option<&'a Activation>,
    /// Position of the image in that batch.
    pub(super) index: usize,
}

/// One image, ready for its maps.
#[derive(Clone, Copy)]
pub(super) struct Canvas<'a> {
    /// What the maps of the request have in common.
    pub(super) common: &'a Common,
    /// Values of the image, `[c, h, w]`.
    pub(super) image: &'a [f32],
    /// `[c, h, w]`.
    pub(super) shape: [usize; 3],
    /// The class explained.
    pub(super) class: usize,
}

impl Canvas<'_> {
    pub(super) fn parameters(&self) -> &Parameters {
        &self.common.parameters
    }

    /// `[h, w]`.
    pub(super) fn size(&self) -> [usize; 2] {
        [self.shape[1], self.shape[2]]
    }

    /// Whether arrays met on the way are kept.
    pub(super) fn keeps_intermediates(&self) -> bool {
        self.common.intermediates
    }

    /// Segments of XRAI made before.
    pub(super) fn segments(&self) -> Option<&xrai::SegmentCache> {
        self.common.segments.as_deref()
    }

    /// A map of the magnitudes of one gradient `[c, h, w]`.
    pub(super) fn gradient(&self, method: Method, gradient: &[f32]) -> Made {
        let raw = magnitude(gradient, self.shape[0], |value| *value as f64);
        let display = self.clipped(&raw);
        let signed = || vec![f32_array(format!("{method}_signed"), &self.shape, gradient.to_vec())];
        Made { raw, display, intermediates: self.kept(signed) }
    }

    /// A map of the magnitudes of an attribution `[c, h, w]`, which is kept as `<METHOD>_<suffix>`.
    pub(super) fn attribution(&self, method: Method, suffix: &str, attribution: &[f64]) -> Made {
        let raw = magnitudes(attribution, self.shape[0]);
        let display = self.clipped(&raw);
        let values = || vec![f32_array(format!("{method}_{suffix}"), &self.shape, narrowed(attribution))];
        Made { raw, display, intermediates: self.kept(values) }
    }

    /// A weighted activation at the size of the image, `raw`, whose grid is kept as `<METHOD>_grid`.
    pub(super) fn class_activation(&self, method: Method, grid: &Grid, raw: Vec<f32>) -> Made {
        let display = self.class_activation_display(method, &raw);
        let values = || vec![f32_array(format!("{method}_grid"), &grid.size, grid.values.clone())];
        Made { raw, display, intermediates: self.kept(values) }
    }

    /// The display map of a weighted activation.
    pub(super) fn class_activation_display(&self, method: Method, raw: &[f32]) -> DisplayMap {
        let display = self.clipped(raw);
        if display.outcome != Outcome::Blank {
            return display;
        }
        display.because(format!(
            "{} found no positive evidence for class {}: every weighted activation is <= 0",
            method.title(),
            self.class
        ))
    }

    /// Says of a blank map of gradients why it is blank.
    pub(super) fn blank_without_gradient(&self, mut made: Made) -> Made {
        if made.display.outcome == Outcome::Blank {
            made.display = made.display.because(format!("the gradient of class {} is 0 at every pixel", self.class));
        }
        made
    }

    /// Says of a blank map of paths why it is blank.
    pub(super) fn blank_without_way(&self, mut made: Made) -> Made {
        if made.display.outcome == Outcome::Blank {
            made.display = made.display.because(format!(
                "every pixel equals the baseline or has no gradient of class {} on the way from it",
                self.class
            ));
        }
        made
    }

    pub(super) fn clipped(&self, raw: &[f32]) -> DisplayMap {
        DisplayMap::clipped(raw, self.common.parameters.clip_percentile)
    }

    pub(super) fn kept(&self, arrays: impl FnOnce() -> Vec<NamedArray>) -> Vec<NamedArray> {
        if self.common.intermediates { arrays() } else { Vec::new() }
    }
}

/// Sum over channels of the magnitudes of an attribution `[c, h, w]`.
pub(super) fn magnitudes(attribution: &[f64], channels: usize) -> Vec<f32> {
    magnitude(attribution, channels, |value| *value)
}

/// Sum over channels of the magnitudes of `[c, h, w]`.
fn magnitude<T>(values: &[T], channels: usize, widen: impl Fn(&T) -> f64) -> Vec<f32> {
    let plane = values.len() / channels;
    let mut sums = vec![0.0; plane];
    for channel in values.chunks_exact(plane) {
        for (sum, value) in sums.iter_mut().zip(channel) {
            *sum += widen(value).abs();
        }
    }
    narrowed(&sums)
}

pub(super) fn narrowed(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

pub(super) fn f32_array(name: String, shape: &[usize], values: Vec<f32>) -> NamedArray {
    NamedArray { name, shape: shape.to_vec(), values: ArrayValues::F32(values) }
}
