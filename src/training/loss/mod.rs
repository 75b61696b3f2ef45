//! What training makes small: losses as candle expressions, differentiable on every device.
//!
//! All take logits, never probabilities, and stay finite for every finite logit.

mod classification;
mod detection;
mod error;
mod gradients;
mod segmentation;
mod stable;

pub use classification::{ClassWeights, binary_cross_entropy, findings_cross_entropy, softmax_cross_entropy};
pub use detection::{BoxLoss, DetectionLoss, DetectionTargets, Focal, detection_loss};
pub use error::{Error, Result};
pub use gradients::output_gradients;
pub use segmentation::{SegmentationLoss, segmentation_loss};
