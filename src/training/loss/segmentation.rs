//! Cross-entropy and overlap of segmentations.

use candle_core::Tensor;

use super::error::{Error, Result};
use super::stable;

const SEGMENTATION: &str = "segmentation loss";

/// How the two parts of the loss are weighed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SegmentationLoss {
    /// Weight of the mean binary cross-entropy over all pixels.
    pub cross_entropy: f64,
    /// Weight of the soft Dice loss.
    pub dice: f64,
    /// Added above and below the fraction of Dice, in pixels; keeps images without a finding defined.
    pub smooth_px: f64,
}

impl Default for SegmentationLoss {
    /// Both with weight 1, smoothed by one pixel.
    fn default() -> Self {
        Self { cross_entropy: 1.0, dice: 1.0, smooth_px: 1.0 }
    }
}

/// Loss of logit maps `[n, classes, h, w]` against masks of the same shape with values from 0 to 1, on the same device and
/// of the same data type: mean binary cross-entropy plus `1 - (2 sum(p t) + s) / (sum(p) + sum(t) + s)`, the soft Dice
/// loss (Milletari et al. 2016, without squares), of each map, averaged over images and classes.
///
/// # Errors
/// When the shapes differ, or the device fails.
pub fn segmentation_loss(logits: &Tensor, masks: &Tensor, weights: &SegmentationLoss) -> Result<Tensor> {
    if logits.rank() != 4 || logits.elem_count() == 0 || logits.dims() != masks.dims() {
        let needed = format!("logits and masks of one shape [n, c, h, w], masks being {:?}", masks.dims());
        return Err(Error::Shape { loss: SEGMENTATION, needed, found: logits.dims().to_vec() });
    }
    let loss = || {
        let cross_entropy = stable::binary_cross_entropy(logits, masks)?.mean_all()?;
        let sums = |x: &Tensor| x.flatten_from(2)?.sum(2);
        let probabilities = stable::sigmoid(logits)?;
        let shared = sums(&(&probabilities * masks)?)?;
        let areas = (sums(&probabilities)? + sums(masks)?)?;
        let dice = ((shared * 2.0)? + weights.smooth_px)?.div(&(areas + weights.smooth_px)?)?;
        let overlap = (1.0 - dice.mean_all()?)?;
        (cross_entropy * weights.cross_entropy)? + (overlap * weights.dice)?
    };
    loss().map_err(Error::candle(SEGMENTATION))
}
