//! What was found about one method in one test by one metric.

use serde::Serialize;

use super::super::protocol::Control;
use super::comparison::Comparison;
use super::limit::Limit;
use super::rules::{IntervalVerdict, StudyVerdict};
use super::series::{Series, mean, sd};
use crate::metrics::percentile;

/// What a row of a table is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A method of this program.
    Method,
    /// A method whose maps another program made.
    External,
    /// The average mask.
    LowBaseline,
    /// A network trained to localize.
    HighBaseline,
    /// A map that knows nothing of the network.
    Control,
}

impl Role {
    /// Whether it is judged.
    pub fn is_judged(self) -> bool {
        matches!(self, Self::Method | Self::External)
    }
}

/// Values over images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Images with a value.
    pub images: usize,
    /// Scores that are not defined.
    pub undefined: usize,
    /// Mean.
    pub mean: Option<f64>,
    /// Standard deviation over images (n - 1).
    pub sd: Option<f64>,
    /// Smallest value, first quartile, median, third quartile, largest value.
    pub quartiles: Option<[f64; 5]>,
}

impl Summary {
    /// Of a series.
    pub fn new(series: &Series<'_>) -> Self {
        let mut values = series.values();
        let (mean, sd) = (mean(&values), sd(&values));
        values.sort_unstable_by(f64::total_cmp);
        let quartiles =
            (!values.is_empty()).then(|| [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| percentile(&values, share)));
        Self { images: values.len(), undefined: series.undefined, mean, sd, quartiles }
    }
}

impl Finding {
    /// Whether this is a control that is the same map whatever the network is. Where maps are compared it is compared with
    /// itself; it is shown as what it is and judges nobody, in any test.
    pub fn is_constant(&self) -> bool {
        self.role == Role::Control && !Control::of_name(&self.method).is_some_and(Control::is_random)
    }
}

/// What was found about one method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Its name in the scores.
    pub method: String,
    /// What it is there for.
    pub role: Role,
    /// Its values: trained network (utility), last state (randomization), pairs of networks.
    pub summary: Summary,
    /// Units of this method and test that gave no score at all.
    pub excluded_units: usize,
    /// Utility: its values under random weights.
    pub random: Option<Summary>,
    /// What the verdicts rest on: less the average mask, the randomization baseline, the limit of similarity.
    pub decisive: Option<Comparison>,
    /// Less the network trained to localize.
    pub versus_localizer: Option<Comparison>,
    /// Utility: less its own maps under random weights, in a model of its own.
    pub versus_random: Option<Comparison>,
    /// The same in one model of all methods trained and random, adjusted over all pairs of its cells.
    pub versus_random_pooled: Option<Comparison>,
    /// Utility: less the best of the controls that are drawn anew for every image.
    pub versus_control: Option<Comparison>,
    /// Repeatability and reproducibility: less the strongest unrelated maps, which are the method's own maps of different
    /// images or two draws of noise.
    pub versus_unrelated: Option<Comparison>,
    /// By the study's rule.
    pub study: Option<StudyVerdict>,
    /// By interval and margin.
    pub interval: Option<IntervalVerdict>,
    /// Utility: whether training matters, by the study's rule.
    pub training_matters: Option<StudyVerdict>,
    /// The limit that `interval` asks the difference of `decisive` to lie beyond.
    pub interval_limit: Option<f64>,
    /// The same as a score, and where it comes from.
    pub limit: Option<Limit>,
    /// Whether the inner interval lies within the margin on both sides: equivalent to the reference.
    pub equivalent: Option<bool>,
    /// What it means, or why there is no verdict, in one sentence.
    pub sentence: String,
}
