//! Cross-entropy of classifiers.

use candle_core::{D, Tensor};

use super::error::{Error, Result};
use super::stable;

const SOFTMAX: &str = "softmax cross-entropy";
const BINARY: &str = "binary cross-entropy";
const FINDINGS: &str = "binary cross-entropy of several findings";

/// How much an image of each class counts.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassWeights(Vec<f32>);

impl ClassWeights {
    /// One weight a class, each finite and above 0.
    ///
    /// # Errors
    /// For other weights.
    pub fn new(weights: Vec<f32>) -> Result<Self> {
        if weights.is_empty() || weights.iter().any(|weight| !(weight.is_finite() && *weight > 0.0)) {
            return Err(Error::Weights { weights });
        }
        Ok(Self(weights))
    }

    /// Every class counts the same.
    ///
    /// # Panics
    /// When there is no class.
    pub fn equal(classes: usize) -> Self {
        assert!(classes > 0, "there is a class");
        Self(vec![1.0; classes])
    }

    /// Weights that make every class count the same in sum, with a mean of 1 an image: `n / (classes * n_class)`. A class
    /// without images gets 1.
    ///
    /// # Panics
    /// When there is no class.
    pub fn balanced(images_of_class: &[usize]) -> Self {
        assert!(!images_of_class.is_empty(), "there is a class");
        let images: usize = images_of_class.iter().sum();
        let present = images_of_class.iter().filter(|count| **count > 0).count();
        let weight = |count: &usize| if *count > 0 { images as f32 / (present * count) as f32 } else { 1.0 };
        Self(images_of_class.iter().map(weight).collect())
    }

    /// One weight a class.
    pub fn values(&self) -> &[f32] {
        &self.0
    }
}

/// Softmax cross-entropy of logits `[n, classes]` with one target class an image: the weighted mean over images, as
/// PyTorch's `CrossEntropyLoss(weight)`. Over two logits it equals the study's binary cross-entropy of a softmax.
///
/// # Errors
/// When shapes, targets and weights do not belong together, or the device fails.
pub fn softmax_cross_entropy(logits: &Tensor, targets: &[usize], weights: &ClassWeights) -> Result<Tensor> {
    let classes = weights.0.len();
    check_shape(SOFTMAX, logits, [targets.len(), classes])?;
    if let Some(class) = targets.iter().find(|class| **class >= classes) {
        return Err(Error::Class { loss: SOFTMAX, class: *class, classes });
    }
    let sum: f64 = targets.iter().map(|class| f64::from(weights.0[*class])).sum();
    // One weight a row at the place of its target, so that one product picks and weighs.
    let mut picked = vec![0.0; targets.len() * classes];
    for (row, class) in picked.chunks_exact_mut(classes).zip(targets) {
        row[*class] = f64::from(weights.0[*class]) / sum;
    }
    let loss = || {
        let picked = on_device_of(logits, picked)?;
        // The shift changes no value, so its gradient may be left out.
        let shifted = logits.broadcast_sub(&logits.max_keepdim(D::Minus1)?.detach())?;
        let log_sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
        (log_sum.broadcast_sub(&shifted)? * picked)?.sum_all()
    };
    loss().map_err(Error::candle(SOFTMAX))
}

/// Binary cross-entropy of single logits `[n, 1]` with targets 0 or 1: the weighted mean over images.
///
/// # Errors
/// When shapes, targets and weights (two: of class 0 and of class 1) do not belong together, or the device fails.
pub fn binary_cross_entropy(logits: &Tensor, targets: &[usize], weights: &ClassWeights) -> Result<Tensor> {
    check_shape(BINARY, logits, [targets.len(), 1])?;
    if let Some(class) = targets.iter().find(|class| **class >= weights.0.len().min(2)) {
        return Err(Error::Class { loss: BINARY, class: *class, classes: weights.0.len().min(2) });
    }
    let sum: f64 = targets.iter().map(|class| f64::from(weights.0[*class])).sum();
    let loss = || {
        let shares = targets.iter().map(|class| f64::from(weights.0[*class]) / sum).collect();
        let targets = on_device_of(logits, targets.iter().map(|class| *class as f64).collect())?;
        (stable::binary_cross_entropy(logits, &targets)? * on_device_of(logits, shares)?)?.sum_all()
    };
    loss().map_err(Error::candle(BINARY))
}

/// Binary cross-entropy of logits `[n, findings]`, each a label of its own that is true, false or not known: the weighted
/// mean over the known ones, 0 where none is. `labels` are by image, then by finding; `weights` are two for each finding, of
/// its absence and of its presence.
///
/// # Errors
/// When shapes, labels and weights do not belong together, or the device fails.
pub fn findings_cross_entropy(logits: &Tensor, labels: &[&[Option<bool>]], weights: &[ClassWeights]) -> Result<Tensor> {
    let findings = weights.len();
    check_shape(FINDINGS, logits, [labels.len(), findings])?;
    if labels.iter().any(|labels| labels.len() != findings) || weights.iter().any(|weights| weights.0.len() != 2) {
        let needed = format!("{findings} labels an image and two weights a finding");
        return Err(Error::Shape { loss: FINDINGS, needed, found: logits.dims().to_vec() });
    }
    let pairs = || labels.iter().flat_map(|labels| labels.iter().zip(weights));
    let weight = |(label, weights): (&Option<bool>, &ClassWeights)| {
        label.map_or(0.0, |label| f64::from(weights.0[usize::from(label)]))
    };
    let sum: f64 = pairs().map(weight).sum();
    // No label: no loss, and no gradient.
    let shares = pairs().map(|pair| if sum > 0.0 { weight(pair) / sum } else { 0.0 }).collect();
    let targets = pairs().map(|(label, _)| f64::from(u8::from(*label == Some(true)))).collect();
    let loss = || {
        let targets = on_device_of(logits, targets)?;
        (stable::binary_cross_entropy(logits, &targets)? * on_device_of(logits, shares)?)?.sum_all()
    };
    loss().map_err(Error::candle(FINDINGS))
}

fn check_shape(loss: &'static str, logits: &Tensor, needed: [usize; 2]) -> Result<()> {
    if logits.dims() == needed && needed[0] > 0 {
        return Ok(());
    }
    let needed = format!("logits of shape {needed:?} ([n, classes], n above 0)");
    Err(Error::Shape { loss, needed, found: logits.dims().to_vec() })
}

/// `values` in the shape, on the device and in the data type of `like`.
fn on_device_of(like: &Tensor, values: Vec<f64>) -> candle_core::Result<Tensor> {
    // Cast on the host: not every device has f64.
    Tensor::from_vec(values, like.shape(), &candle_core::Device::Cpu)?.to_dtype(like.dtype())?.to_device(like.device())
}
