//! What a run's scores say about its methods: estimates, verdicts by two rules, and words for them.
//!
//! The study's verdicts rest on the mixed model (method as fixed effect, image as random intercept) and on
//! significance; beside them stand verdicts by interval and margin, which rest on each method's own differences by
//! image, because the model's single spread misleads where methods spread differently.

mod analysis;
mod comparison;
#[cfg(test)]
mod coverage;
mod difference;
mod finding;
mod limit;
mod names;
mod nodes;
mod randomization;
mod rules;
mod series;
mod similarity;
mod trust;
mod utility;
mod words;

pub use analysis::{Analysis, MetricAnalysis, StateCurve, StatePoint, TestedModel};
pub use comparison::{Adjusted, ByImage, Comparison, Source};
pub use difference::{Side, VerdictDifference, between_presets, between_runs};
pub use finding::{Finding, Role, Summary};
pub use limit::Limit;
pub use names::{
    AVERAGE_MASK, EXTERNAL_PREFIX, LOCALIZERS, artefact, full_title, method_title, metric_title, primary_metric,
    question, test_title,
};
pub use randomization::states;
pub use rules::{
    FEW_IMAGES, GoodSide, IntervalVerdict, StudyVerdict, above_by_study, by_interval, randomization_by_study,
};
pub use series::{Index, Panel, Series};
pub use trust::{TrustCard, TrustEntry, TrustError, TrustFile, TrustLine, TrustVerdict, trust_card};
pub use words::{count, interval, mean_sd, number, p_value, signed};
