//! What methods, metrics and conditions are called in front of people.

use super::super::protocol::{Control, Test};
use super::super::results::metric;
use crate::saliency::{Method, Preset};

/// Low baseline: the mean of all training and validation masks.
pub const AVERAGE_MASK: &str = "AVG";

/// High baselines: networks trained to localize.
pub const LOCALIZERS: [&str; 2] = ["UNET", "RETINANET"];

/// Prefix of methods whose maps another program made.
pub const EXTERNAL_PREFIX: &str = "ext:";

/// A method as a person reads it.
pub fn method_title(method: &str) -> String {
    let control = |control: Control| match control {
        Control::Uniform => "uniform noise",
        Control::Blurred => "blurred noise",
        Control::Gaussian => "centred Gaussian",
        Control::Sobel => "edges (Sobel)",
        Control::Image => "the image itself",
        Control::Blank => "blank map",
    };
    if let Some(own) = Control::of_name(method) {
        return control(own).to_owned();
    }
    match method {
        AVERAGE_MASK => "average mask (AVG)".to_owned(),
        "UNET" => "U-Net".to_owned(),
        "RETINANET" => "RetinaNet".to_owned(),
        _ => method.strip_prefix(EXTERNAL_PREFIX).map_or_else(|| method.to_owned(), |own| format!("{own} (external)")),
    }
}

/// Why a score is no merit of a map, where it is an artefact of the metric.
pub fn artefact(method: &str, name: &str) -> Option<&'static str> {
    // All pixels are tied: the curve is one straight line from (recall 0, precision 1).
    let is_tied = Control::of_name(method) == Some(Control::Blank) && name == metric::AUPRC_TRAPEZOID;
    is_tied.then_some("an artefact of trapezoids: any map of one value gets half of 1 and the marked share")
}

/// What two draws of a random control are called in the middle of a sentence.
pub(super) fn unrelated_title(control: &str) -> String {
    match Control::of_name(control) {
        Some(Control::Blurred) => "unrelated blurred maps".to_owned(),
        _ => format!("unrelated maps of {}", method_title(control)),
    }
}

/// The method's full name, where it is one of ours.
pub fn full_title(method: &str) -> Option<&'static str> {
    Method::of_name(method).map(Method::title)
}

/// A metric as a person reads it.
pub fn metric_title(name: &str) -> &str {
    match name {
        metric::AUPRC_TRAPEZOID => "AUPRC (trapezoid)",
        metric::AVERAGE_PRECISION => "Average precision",
        metric::ROC_AUC => "ROC AUC",
        metric::HIT => "Hit rate",
        metric::IOU_OTSU => "IoU (Otsu)",
        metric::IOU_AREA => "IoU (same area)",
        metric::SSIM_RANGE_1 => "SSIM (range 1)",
        metric::SSIM_RANGE_2 => "SSIM (range 2)",
        metric::SIGNED_SSIM => "Signed SSIM",
        metric::SPEARMAN => "Rank correlation",
        metric::DICE => "Dice (Otsu)",
        other => other,
    }
}

/// The metric that decides a test under a preset.
pub fn primary_metric(test: Test, preset: Preset) -> &'static str {
    match (test, preset) {
        (Test::Utility, Preset::Arun2021) => metric::AUPRC_TRAPEZOID,
        (Test::Utility, Preset::Recommended) => metric::AVERAGE_PRECISION,
        (_, Preset::Arun2021) => metric::SSIM_RANGE_2,
        (_, Preset::Recommended) => metric::SSIM_RANGE_1,
    }
}

/// The question a test asks, in one line.
pub fn question(test: Test) -> &'static str {
    match test {
        Test::Utility => "Does the map lie on the finding, more than one fixed average mask does?",
        Test::Randomization => "Does the map change when the network forgets what it learned?",
        Test::Repeatability => "Do two trainings of the same network give the same map?",
        Test::Reproducibility => "Do two architectures give the same map?",
    }
}

/// A test's name at the beginning of a line.
pub fn test_title(test: Test) -> &'static str {
    match test {
        Test::Utility => "Utility",
        Test::Randomization => "Randomization",
        Test::Repeatability => "Repeatability",
        Test::Reproducibility => "Reproducibility",
    }
}
