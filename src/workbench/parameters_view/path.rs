//! Noisy copies, and paths from a baseline to the image.

use egui::Ui;

use super::field::{choice_ui, number_ui};
use crate::saliency::{Aggregate, Baseline, IntegratedGradients, SmoothGrad};

/// Values of a baseline that make sense in any scale of the input.
const VALUES: std::ops::RangeInclusive<f32> = -100.0..=100.0;

/// Draws what is known of the noisy copies.
pub(super) fn noise_ui(ui: &mut Ui, noise: &mut SmoothGrad) {
    let reason = "More copies, less grain, more time. The study: 25";
    number_ui(ui, "noisy copies", &mut noise.samples, 1..=500, 0.25, reason);
    let reason = "Standard deviation as a fraction of the image's range. Too much, and the model sees another image. The \
                  study: 0.15";
    number_ui(ui, "noise", &mut noise.sigma_fraction, 0.0..=1.0, 0.005, reason);
    let choices = [
        (Aggregate::MeanSquare, "mean of squares", "Strong places stand out more; nothing has a sign"),
        (
            Aggregate::Mean,
            "mean with sign",
            "As first published: what raises the score and what lowers it may cancel out",
        ),
    ];
    let reason = "How the maps of the copies become one. The study: mean of squares";
    choice_ui(ui, "copies become", &mut noise.aggregate, &choices, reason);
}

/// Draws what is known of a path.
pub(super) fn path_ui(ui: &mut Ui, path: &mut IntegratedGradients, channels: usize) {
    let reason = "Points on the path from the baseline to the image, both ends included. The study: 10, which is few: the map's \
         sum misses the difference of the scores";
    number_ui(ui, "steps", &mut path.steps, 2..=1000, 0.25, reason);
    baseline_ui(ui, "begins at", &mut path.baseline, channels, "The study: one value, -1");
}

/// What a baseline is, without its numbers.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Value,
    Channels,
    Minimum,
    Maximum,
    Mean,
    Gray,
}

/// Draws a baseline; `name` says whose, `study` what the study had.
pub(super) fn baseline_ui(ui: &mut Ui, name: &str, baseline: &mut Baseline, channels: usize, study: &str) {
    let before = match baseline {
        Baseline::Value(_) => Kind::Value,
        Baseline::Channels(_) => Kind::Channels,
        Baseline::ImageMinimum => Kind::Minimum,
        Baseline::ImageMaximum => Kind::Maximum,
        Baseline::ImageMean => Kind::Mean,
        Baseline::Gray(_) => Kind::Gray,
    };
    let mut kind = before;
    let choices = [
        (Kind::Value, "one value", "The same in every pixel and channel, in the scale of the model's input"),
        (Kind::Channels, "a value a channel", "For inputs whose black differs between channels"),
        (Kind::Minimum, "the image's minimum", "The darkest value of this image, everywhere"),
        (Kind::Maximum, "the image's maximum", "The brightest value of this image, everywhere"),
        (Kind::Mean, "the image's mean", "The mean of each channel of this image, everywhere"),
        (Kind::Gray, "a gray level", "A gray level of the radiograph, scaled as the model's card says"),
    ];
    let reason =
        format!("What the image is compared with: a pixel that equals the baseline gets no attribution. {study}");
    choice_ui(ui, name, &mut kind, &choices, &reason);
    if kind != before {
        *baseline = match kind {
            Kind::Value => Baseline::Value(-1.0),
            Kind::Channels => Baseline::Channels(vec![-1.0; channels]),
            Kind::Minimum => Baseline::ImageMinimum,
            Kind::Maximum => Baseline::ImageMaximum,
            Kind::Mean => Baseline::ImageMean,
            Kind::Gray => Baseline::Gray(0.0),
        };
    }
    let reason = "In the scale of the model's input: -1 is black where the input spans -1 to 1";
    match baseline {
        Baseline::Value(value) => number_ui(ui, &format!("{name} value"), value, VALUES, 0.02, reason),
        Baseline::Channels(values) => {
            for (channel, value) in values.iter_mut().enumerate() {
                number_ui(ui, &format!("{name} channel {}", channel + 1), value, VALUES, 0.02, reason);
            }
        }
        Baseline::Gray(gray) => {
            let reason = "A gray level of the radiograph: 0 is black, 255 is white";
            number_ui(ui, &format!("{name} gray"), gray, 0.0..=255.0, 1.0, reason);
        }
        Baseline::ImageMinimum | Baseline::ImageMaximum | Baseline::ImageMean => {}
    }
}
