//! How gray values become a network's input.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::architecture::Architecture;

/// The means and deviations of ImageNet's three channels.
const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const IMAGENET_STD: [f64; 3] = [0.229, 0.224, 0.225];
/// The means of ImageNet's channels that Caffe's networks subtract, blue first, in gray levels.
const CAFFE_MEAN: [f32; 3] = [103.939, 116.779, 123.68];

/// How gray values in 0..=255 become the network's input; every step in `f32`, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Scaling {
    /// `x / 255`, `- 0.5`, `* 2`: from -1 to 1, the same in every channel.
    UnitToSymmetric,
    /// `x / 255`, then minus the mean and over the standard deviation of ImageNet's three channels.
    Imagenet,
    /// `x / 255`, times the extent of the range, plus its beginning: black becomes `range[0]`, white `range[1]`, the same
    /// in every channel.
    Range([f32; 2]),
    /// `x / 255`, then minus the mean and over the standard deviation of each channel.
    MeanStd {
        /// One a channel, or one for all, in fractions of white.
        mean: Vec<f32>,
        /// The same number of deviations, above 0.
        std: Vec<f32>,
    },
    /// `x` minus the mean of ImageNet's three channels, blue first: what Keras' `preprocess_input` of `ResNet` and VGG does.
    Caffe,
}

/// In which order a network reads the channels that its scaling names as red, green and blue. A radiograph has the same gray
/// in each, so that only scalings which differ by channel tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelOrder {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, as `OpenCV` and Caffe.
    Bgr,
}

impl ChannelOrder {
    /// The channel of the scaling that a network's channel number `channel` of `channels` is.
    pub(super) fn of_scaling(self, channel: usize, channels: usize) -> usize {
        match self {
            Self::Rgb => channel,
            Self::Bgr => channels - 1 - channel,
        }
    }
}

impl Architecture {
    /// How its images of `channels` channels are scaled where nobody says otherwise.
    pub fn usual_scaling(self, channels: usize) -> Scaling {
        self.assumed_scaling(channels, false)
    }

    /// The same for a network that may transform its input first, which is for images in ImageNet's scale.
    pub(crate) fn assumed_scaling(self, channels: usize, transform_input: bool) -> Scaling {
        match self {
            _ if channels != IMAGENET_MEAN.len() => Scaling::UnitToSymmetric,
            Self::InceptionV3 if transform_input => Scaling::Imagenet,
            Self::InceptionV3 | Self::UNet => Scaling::UnitToSymmetric,
            _ => Scaling::Imagenet,
        }
    }
}

impl Scaling {
    /// From 0 to 1: what torchvision's `ToTensor` alone and Keras' `rescale=1/255` give.
    pub const UNIT: Self = Self::Range([0.0, 1.0]);

    /// Scales one gray value for one channel. There are as many channels as the card's check allows.
    pub fn apply(&self, gray: f32, channel: usize) -> f32 {
        let unit = gray / 255.0;
        match self {
            Self::UnitToSymmetric => (unit - 0.5) * 2.0,
            Self::Imagenet => (unit - IMAGENET_MEAN[channel] as f32) / IMAGENET_STD[channel] as f32,
            Self::Range([black, white]) => unit * (white - black) + black,
            Self::MeanStd { mean, std } => {
                let of = |values: &[f32]| values[channel.min(values.len() - 1)];
                (unit - of(mean)) / of(std)
            }
            Self::Caffe => gray - CAFFE_MEAN[channel],
        }
    }

    /// Why it cannot scale images of `channels` channels: the field of the card and what is wrong with it.
    pub(crate) fn problem(&self, channels: usize) -> Option<(&'static str, String)> {
        match self {
            Self::UnitToSymmetric => None,
            Self::Caffe => (channels != CAFFE_MEAN.len()).then(|| {
                ("scaling", format!("is caffe, which has 3 channels, but the model reads {channels}; say `range`"))
            }),
            Self::Imagenet => (channels != IMAGENET_MEAN.len()).then(|| {
                ("scaling", format!("is imagenet, which has 3 channels, but the model reads {channels}; say `range`"))
            }),
            Self::Range([black, white]) => {
                let is_range = black.is_finite() && white.is_finite() && black < white && (white - black).is_finite();
                (!is_range).then(|| ("range", format!("is [{black}, {white}], not two numbers that rise")))
            }
            Self::MeanStd { mean, std } => {
                for (field, values) in [("mean", mean), ("std", std)] {
                    if values.len() != channels && values.len() != 1 {
                        let count = values.len();
                        return Some((field, format!("has {count} numbers, but the model reads {channels} channels")));
                    }
                    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                        return Some((field, format!("has {value}, which is no number")));
                    }
                }
                let not_positive = std.iter().find(|value| **value <= 0.0 || !value.recip().is_finite());
                not_positive.map(|value| ("std", format!("has {value}, not a number above 0")))
            }
        }
    }

    /// What it is, for people: `gray levels from -1 to 1`.
    pub fn words(&self) -> String {
        let listed = |values: &[f32]| {
            let mut text = String::new();
            for (index, value) in values.iter().enumerate() {
                let comma = if index > 0 { ", " } else { "" };
                // Writing into a string cannot fail.
                let _ = write!(text, "{comma}{value}");
            }
            text
        };
        match self {
            Self::UnitToSymmetric => "gray levels from -1 to 1".to_owned(),
            Self::Imagenet => "gray levels by ImageNet's mean and deviation".to_owned(),
            Self::Caffe => "gray levels from 0 to 255, minus ImageNet's mean, blue first (Caffe)".to_owned(),
            Self::Range([black, white]) => format!("gray levels from {black} to {white}"),
            Self::MeanStd { mean, std } => {
                format!(
                    "gray levels from 0 to 1, minus a mean of {}, over a deviation of {}",
                    listed(mean),
                    listed(std)
                )
            }
        }
    }
}

/// What torchvision's InceptionV3 with `transform_input=True` does to its input first: images scaled by ImageNet's mean and
/// deviation become images from -1 to 1. `value` is that of one of three channels.
pub(super) fn transform_input(value: f32, channel: usize) -> f32 {
    // torchvision computes factor and summand in double precision.
    let (factor, summand) = (IMAGENET_STD[channel] / 0.5, (IMAGENET_MEAN[channel] - 0.5) / 0.5);
    value * factor as f32 + summand as f32
}

/// Channels that [`transform_input`] is for.
pub(super) const TRANSFORMED_CHANNELS: usize = IMAGENET_MEAN.len();

/// Names of the scalings that have one, in a card's `scaling`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Named {
    UnitToSymmetric,
    Imagenet,
    Unit,
    Caffe,
}

/// The fields of a card that say a scaling: `scaling`, or `range`, or `mean` with `std`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ScalingFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    scaling: Option<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<[f32; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    std: Option<Vec<f32>>,
}

impl ScalingFields {
    /// The scaling they say; none where they say nothing.
    ///
    /// # Errors
    /// The field that contradicts the others, and how.
    pub(super) fn scaling(self) -> Result<Option<Scaling>, (&'static str, String)> {
        let Self { scaling, range, mean, std } = self;
        let ways = [scaling.is_some(), range.is_some(), mean.is_some() || std.is_some()];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            let problem = "is one way too many: say `scaling`, or `range`, or `mean` with `std`".to_owned();
            return Err((if scaling.is_some() { "scaling" } else { "range" }, problem));
        }
        match (scaling, range, mean, std) {
            (Some(Named::UnitToSymmetric), ..) => Ok(Some(Scaling::UnitToSymmetric)),
            (Some(Named::Imagenet), ..) => Ok(Some(Scaling::Imagenet)),
            (Some(Named::Caffe), ..) => Ok(Some(Scaling::Caffe)),
            (Some(Named::Unit), ..) => Ok(Some(Scaling::UNIT)),
            (_, Some(range), ..) => Ok(Some(Scaling::Range(range))),
            (.., Some(mean), Some(std)) => Ok(Some(Scaling::MeanStd { mean, std })),
            (.., Some(_), None) => Err(("mean", "needs `std` beside it".to_owned())),
            (.., None, Some(_)) => Err(("std", "needs `mean` beside it".to_owned())),
            (None, None, None, None) => Ok(None),
        }
    }
}

impl Serialize for Scaling {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = ScalingFields::default();
        match self {
            Self::UnitToSymmetric => fields.scaling = Some(Named::UnitToSymmetric),
            Self::Imagenet => fields.scaling = Some(Named::Imagenet),
            Self::Caffe => fields.scaling = Some(Named::Caffe),
            Self::Range(range) => fields.range = Some(*range),
            Self::MeanStd { mean, std } => (fields.mean, fields.std) = (Some(mean.clone()), Some(std.clone())),
        }
        fields.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_follows_the_order_of_the_study() {
        let gray = 77.0_f32;
        let mut x = gray;
        x /= 255.0;
        x -= 0.5;
        x *= 2.0;
        assert_eq!(Scaling::UnitToSymmetric.apply(gray, 2).to_bits(), x.to_bits());
        assert_eq!(Scaling::Imagenet.apply(0.0, 1).to_bits(), (-0.456_f32 / 0.224).to_bits());
    }

    #[test]
    fn a_range_begins_at_black_and_ends_at_white() {
        for range in [[0.0, 1.0], [-1024.0, 1024.0], [-1.0, 1.0], [0.0, 255.0]] {
            let scaling = Scaling::Range(range);
            assert_eq!([scaling.apply(0.0, 0), scaling.apply(255.0, 2)], range);
            for gray in 0..=255_u8 {
                let unit = f32::from(gray) / 255.0;
                // TorchXRayVision: (2 * (x / 255) - 1) * 1024.
                if range == [-1024.0, 1024.0] {
                    assert_eq!(scaling.apply(f32::from(gray), 0).to_bits(), ((2.0 * unit - 1.0) * 1024.0).to_bits());
                }
                if range == [0.0, 1.0] {
                    assert_eq!(scaling.apply(f32::from(gray), 0), unit);
                }
            }
        }
    }

    #[test]
    fn one_mean_serves_all_channels() {
        let chexpert = Scaling::MeanStd { mean: vec![0.533], std: vec![0.0349] };
        for channel in 0..3 {
            assert_eq!(chexpert.apply(51.0, channel).to_bits(), ((51.0_f32 / 255.0 - 0.533) / 0.0349).to_bits());
        }
        let [mean, std] = [IMAGENET_MEAN, IMAGENET_STD].map(|values| values.map(|value| value as f32).to_vec());
        assert_eq!((&mean[..], &std[..]), (&[0.485, 0.456, 0.406][..], &[0.229, 0.224, 0.225][..]));
        let own = Scaling::MeanStd { mean, std };
        for channel in 0..3 {
            assert_eq!(own.apply(200.0, channel), Scaling::Imagenet.apply(200.0, channel));
        }
    }

    #[test]
    fn transformed_input_is_symmetric() {
        for channel in 0..3 {
            for gray in [0.0, 100.0, 255.0] {
                let transformed = transform_input(Scaling::Imagenet.apply(gray, channel), channel);
                assert!((transformed - Scaling::UnitToSymmetric.apply(gray, channel)).abs() < 1e-6);
            }
        }
        // torchvision: x * (0.229 / 0.5) + (0.485 - 0.5) / 0.5, scalars in double precision.
        assert_eq!(transform_input(1.0, 0).to_bits(), (1.0_f32 * (0.229_f64 / 0.5) as f32 + -0.03_f32).to_bits());
    }

    #[test]
    fn caffe_subtracts_means_from_gray_levels() {
        assert_eq!(
            [0, 1, 2].map(|channel| Scaling::Caffe.apply(200.0, channel)),
            [200.0 - 103.939, 200.0 - 116.779, 200.0 - 123.68]
        );
        let reversed = [0, 1, 2].map(|channel| ChannelOrder::Bgr.of_scaling(channel, 3));
        assert_eq!((reversed, ChannelOrder::Rgb.of_scaling(1, 3)), ([2, 1, 0], 1));
    }

    #[test]
    fn what_cannot_scale_is_told_with_its_field() {
        let problem = |scaling: Scaling, channels| scaling.problem(channels).map(|(field, _)| field);
        assert_eq!(problem(Scaling::Imagenet, 1), Some("scaling"));
        assert_eq!(problem(Scaling::Caffe, 1), Some("scaling"));
        assert_eq!(problem(Scaling::Range([1.0, 1.0]), 3), Some("range"));
        assert_eq!(problem(Scaling::Range([0.0, f32::INFINITY]), 3), Some("range"));
        assert_eq!(problem(Scaling::MeanStd { mean: vec![0.5; 2], std: vec![0.5; 2] }, 3), Some("mean"));
        assert_eq!(problem(Scaling::MeanStd { mean: vec![0.5], std: vec![0.0] }, 3), Some("std"));
        assert_eq!(problem(Scaling::MeanStd { mean: vec![0.5], std: vec![0.5; 3] }, 3), None);
    }
}
