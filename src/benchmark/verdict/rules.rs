//! When a method passes: the study's rules, and rules by interval and margin.

use serde::{Deserialize, Serialize};

/// Images below which a verdict by interval is [`IntervalVerdict::TooFewImages`] and nothing else.
///
/// The study's rule shows what few images do: with a standard deviation of 0.10 between images it passes 44 % of the
/// methods that are 0.05 above the baseline at 20 images, 7 % at 50. The rule by interval errs the other way, and leaves
/// nearly everything open. A method without any excess passes it (margin 0.05, one-sided 5 %) with the probability
/// P(z < 0.05 sqrt(n) / 0.10 - t): from 27 images on that is the usual power of 80 %. 30 is the next round number, from
/// which on the intervals also keep their word for scores that are bounded and skewed (`verdict/coverage.rs`).
pub const FEW_IMAGES: usize = 30;

/// By the study: significance decides. "Uncertain" is no significant difference, save in the randomization test, where
/// the study took it for a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StudyVerdict {
    /// Passed.
    Pass,
    /// Did not pass.
    DidNotPass,
    /// No significant difference.
    Uncertain,
}

impl StudyVerdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::DidNotPass => "did not pass",
            Self::Uncertain => "uncertain",
        }
    }
}

/// By interval and margin: does the whole interval lie on one side of the limit?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalVerdict {
    /// On the good side.
    Pass,
    /// On the bad side.
    Fail,
    /// On both, or the limit is one that no map could lie beyond ([`Limit::out_of_reach`](super::Limit)).
    Inconclusive,
    /// Fewer than [`FEW_IMAGES`] images: no other verdict is given.
    TooFewImages,
}

impl IntervalVerdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::TooFewImages => "too few images",
        }
    }
}

/// The good side of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GoodSide {
    /// Larger is better.
    Above,
    /// Smaller is better.
    Below,
}

/// Utility, repeatability, reproducibility: significantly above passes, significantly below does not.
pub fn above_by_study(difference: f64, p: f64, alpha: f64) -> StudyVerdict {
    match (p < alpha, difference > 0.0) {
        (true, true) => StudyVerdict::Pass,
        (true, false) => StudyVerdict::DidNotPass,
        (false, _) => StudyVerdict::Uncertain,
    }
}

/// Randomization: below the baseline, or not significantly different from it, passes. Absence of evidence passes as
/// well, so that few images help a method: see [`by_interval`].
pub fn randomization_by_study(difference: f64, p: f64, alpha: f64) -> StudyVerdict {
    if difference.is_nan() || p.is_nan() {
        return StudyVerdict::Uncertain;
    }
    if p < alpha && difference > 0.0 { StudyVerdict::DidNotPass } else { StudyVerdict::Pass }
}

/// Whether an interval lies beyond `limit`. An end on the limit itself decides nothing.
pub fn by_interval([low, high]: [f64; 2], limit: f64, good: GoodSide) -> IntervalVerdict {
    match (good, low > limit, high < limit) {
        (GoodSide::Above, true, false) | (GoodSide::Below, false, true) => IntervalVerdict::Pass,
        (GoodSide::Above, false, true) | (GoodSide::Below, true, false) => IntervalVerdict::Fail,
        _ => IntervalVerdict::Inconclusive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn significance_begins_below_alpha() {
        assert_eq!(above_by_study(0.1, 0.049_999, 0.05), StudyVerdict::Pass);
        assert_eq!(above_by_study(0.1, 0.05, 0.05), StudyVerdict::Uncertain);
        assert_eq!(above_by_study(-0.1, 0.01, 0.05), StudyVerdict::DidNotPass);
        assert_eq!(above_by_study(-0.1, 0.2, 0.05), StudyVerdict::Uncertain);
        assert_eq!(above_by_study(f64::NAN, f64::NAN, 0.05), StudyVerdict::Uncertain);
    }

    #[test]
    fn the_study_lets_pass_what_does_not_differ_when_randomized() {
        assert_eq!(randomization_by_study(0.1, 0.05, 0.05), StudyVerdict::Pass, "not significant");
        assert_eq!(randomization_by_study(-0.1, 0.0, 0.05), StudyVerdict::Pass, "below");
        assert_eq!(randomization_by_study(0.1, 0.049, 0.05), StudyVerdict::DidNotPass);
        assert_eq!(randomization_by_study(f64::NAN, f64::NAN, 0.05), StudyVerdict::Uncertain);
    }

    #[test]
    fn below_the_number_of_images_a_method_without_excess_is_mostly_left_open() {
        use crate::statistics::{normal_cdf, t_critical};

        // Margin 0.05, SD 0.10, one-sided 5 %.
        let power = |images: f64| normal_cdf(0.05 * images.sqrt() / 0.10 - t_critical(0.1, images - 1.0));
        assert!(power(25.0) < 0.79 && (0.8..0.82).contains(&power(27.0)), "{} {}", power(25.0), power(27.0));
        assert!(power(FEW_IMAGES as f64) > 0.84);
    }

    #[test]
    fn an_interval_that_touches_the_limit_decides_nothing() {
        for (interval, above) in [
            ([0.51, 0.6], IntervalVerdict::Pass),
            ([0.5, 0.6], IntervalVerdict::Inconclusive),
            ([0.4, 0.6], IntervalVerdict::Inconclusive),
            ([0.4, 0.5], IntervalVerdict::Inconclusive),
            ([0.4, 0.49], IntervalVerdict::Fail),
            ([f64::NAN, f64::NAN], IntervalVerdict::Inconclusive),
            ([f64::NEG_INFINITY, f64::INFINITY], IntervalVerdict::Inconclusive),
        ] {
            assert_eq!(by_interval(interval, 0.5, GoodSide::Above), above, "{interval:?}");
            let below = match above {
                IntervalVerdict::Pass => IntervalVerdict::Fail,
                IntervalVerdict::Fail => IntervalVerdict::Pass,
                other => other,
            };
            assert_eq!(by_interval(interval, 0.5, GoodSide::Below), below, "{interval:?}");
        }
    }
}
