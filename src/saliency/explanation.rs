//! What the schedule gives back.

use super::display::DisplayMap;
use super::method::Method;
use super::provenance::Provenance;

/// Everything found for one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Logits, `[classes]`.
    pub logits: Vec<f32>,
    /// Softmax of the logits, `[classes]`, summing to 1.
    pub probabilities: Vec<f64>,
    /// The class explained.
    pub class: usize,
    /// One map a wanted method, in the study's order.
    pub maps: Vec<SaliencyMap>,
}

impl Explanation {
    /// The map of `method`, where it was wanted.
    pub fn map(&self, method: Method) -> Option<&SaliencyMap> {
        self.maps.iter().find(|map| map.method == method)
    }
}

/// One finished map.
#[derive(Clone, Debug, PartialEq)]
pub struct SaliencyMap {
    /// Its method.
    pub method: Method,
    /// The map before display normalization, `[h, w]`, row-major. Gradient-like methods: the sum over channels of the
    /// magnitudes; GCAM: the resized grid, 0 to 1; XRAI: the merged attribution with its sign; GGCAM: the product of two
    /// display maps.
    pub raw: Vec<f32>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The map as it is shown and scored, 0 to 1.
    pub display: DisplayMap,
    /// Where it came from.
    pub provenance: Provenance,
    /// Arrays met on the way; empty unless asked for.
    pub intermediates: Vec<NamedArray>,
}

/// An array met on the way to a map, such as `IG_signed` `[c, h, w]`.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedArray {
    /// Name, beginning with that of the method.
    pub name: String,
    /// Shape, row-major.
    pub shape: Vec<usize>,
    /// Values.
    pub values: ArrayValues,
}

/// Values of a [`NamedArray`], row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrayValues {
    /// Real numbers.
    F32(Vec<f32>),
    /// Labels.
    I32(Vec<i32>),
}

/// Probabilities of `logits`, computed in f64 against the largest logit so that nothing overflows.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max) as f64;
    let powers: Vec<f64> = logits.iter().map(|logit| (*logit as f64 - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_huge_logits_is_finite() {
        let p = softmax(&[1000.0, 1001.0, -1000.0]);
        let odds = 1.0_f64.exp();
        assert!((p[1] - odds / (1.0 + odds)).abs() < 1e-15 && p[2] == 0.0);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-15);
    }
}
