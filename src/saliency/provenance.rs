//! Where a map came from, completely enough to make it again.

use serde::Serialize;

use super::methods::Method;
use super::parameters::{MethodParameters, Preset};
use super::request::ClassChoice;

/// Origin and cost of one map.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Provenance {
    /// The method.
    pub method: Method,
    /// The preset its parameters came from.
    pub preset: Preset,
    /// The parameters it read.
    pub parameters: MethodParameters,
    /// The logit explained.
    pub class: usize,
    /// How that class was chosen.
    pub class_choice: ClassChoice,
    /// Origin of the noise, for methods that draw some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<NoiseOrigin>,
    /// The executor in its own words.
    pub executor: String,
    /// What was asked of the network.
    pub evaluations: Evaluations,
    /// Time spent on this map; the time of a shared evaluation is split evenly between the methods it served.
    pub seconds: f64,
    /// How far integrated gradients are from adding up, for IG.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completeness: Option<Completeness>,
    /// Name of the node whose output was weighted, for methods that read one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensor: Option<String>,
}

/// Where noisy copies took their noise from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoiseOrigin {
    /// Drawn from `ChaCha8` by the request's seed, the image's content and the number of the copy.
    Seed(u64),
    /// Given by the user, with this many samples.
    Given {
        /// Samples it holds.
        samples: usize,
    },
}

/// Evaluations of one map; an evaluation is one input through the network and, for most methods, back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Evaluations {
    /// What the method's definition asks for.
    pub needed: usize,
    /// Different inputs among them, each evaluated once.
    pub distinct: usize,
    /// Those of the distinct ones that also served another method or image of the request.
    pub shared: usize,
    /// Those of the distinct ones of which no gradient was asked.
    #[serde(skip_serializing_if = "is_zero")]
    pub forward_alone: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Completeness of integrated gradients: their sum should be the difference of the logits (Sundararajan et al. 2017).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Completeness {
    /// Sum of the attribution over pixels and channels.
    pub attribution_sum: f64,
    /// Logit of the image minus logit of the baseline.
    pub logit_difference: f64,
    /// The first minus the second.
    pub gap: f64,
    /// Magnitude of the gap as a fraction of the magnitude of the logit difference; absent when that is 0.
    pub relative_gap: Option<f64>,
}

impl Completeness {
    /// Compares the sum of an attribution with the difference of the logits.
    pub fn new(attribution_sum: f64, logit_difference: f64) -> Self {
        let gap = attribution_sum - logit_difference;
        let relative_gap = (logit_difference != 0.0).then(|| gap.abs() / logit_difference.abs());
        Self { attribution_sum, logit_difference, gap, relative_gap }
    }
}
