//! What may vary between two networks of one architecture.

use super::super::head::Head;

/// What may vary between two networks of one architecture.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Channels of the image.
    pub input_channels: usize,
    /// Number of logits, logit maps or kinds of boxes.
    pub classes: usize,
    /// Multiplier on every layer's channels; 1.0 is the published network. Families with a rule of their own have it in their
    /// file.
    pub width: f64,
    /// InceptionV3: average pools count the zeros of their border (torchvision) or not (Keras).
    pub count_include_pad: bool,
    /// InceptionV3: batch normalization has a learned factor (torchvision) or none (Keras).
    pub norm_scale: bool,
    /// All but InceptionV3 and ConvNeXt: added to the variance of batch normalization; 1e-5 in most of torchvision, 1.001e-5 in
    /// Keras' DenseNet, 0 in torchvision's published RetinaNet.
    pub norm_eps: f64,
    /// RetinaNet: pyramid level P6 reads the backbone's C5 (the article) or P5 (torchvision's first RetinaNet).
    pub p6_from_c5: bool,
    /// Classifiers: the head, where it is not that of the published network.
    pub head: Option<Head>,
}

impl Default for Variant {
    /// The networks of the study: 3 channels, 2 classes, full width, torchvision's rules.
    fn default() -> Self {
        Self {
            input_channels: 3,
            classes: 2,
            width: 1.0,
            count_include_pad: true,
            norm_scale: true,
            norm_eps: 1e-5,
            p6_from_c5: true,
            head: None,
        }
    }
}
