//! From a raw map to the map that is shown and scored.

use serde::Serialize;

/// A map in 0 to 1, `[h, w]`.
#[derive(Clone, Debug, PartialEq)]
pub struct DisplayMap {
    /// Values, row-major; all zeros unless the outcome is [`Outcome::Normal`].
    pub values: Vec<f32>,
    /// Whether the map could be normalized.
    pub outcome: Outcome,
    /// Why it could not, in one sentence; `None` for a normal map.
    pub reason: Option<String>,
}

/// Whether a raw map could be normalized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It could.
    Normal,
    /// Every pixel has the same value, not 0.
    Constant,
    /// So few pixels stand out that the clipping percentile equals the minimum.
    Sparse,
    /// The raw map holds NaN or an infinity.
    #[serde(rename = "nan")]
    NotFinite,
    /// Every pixel is 0.
    Blank,
}

impl DisplayMap {
    /// `clip((|m| - min) / (p - min), 0, 1)` where p is the `clip_percentile`-th percentile of |m|.
    ///
    /// This is PAIR's `VisualizeImageGrayscale` on a map already summed over channels. Where that divides 0 by 0 and
    /// gives NaN, this gives zeros and the reason.
    pub fn clipped(raw: &[f32], clip_percentile: f64) -> Self {
        let magnitudes: Vec<f32> = raw.iter().map(|value| value.abs()).collect();
        if let Some(degenerate) = Self::degenerate(&magnitudes) {
            return degenerate;
        }
        let [min, _] = extremes(&magnitudes);
        let top = percentile(&magnitudes, clip_percentile);
        if top <= min as f64 {
            let reason = format!(
                "the {clip_percentile}th percentile of the map equals its minimum, too few pixels stand out to scale it"
            );
            return Self::zeros(raw.len(), Outcome::Sparse, reason);
        }
        Self::scaled(&magnitudes, min as f64, top)
    }

    /// `(m - min) / (max - min)`.
    pub fn min_max(raw: &[f32]) -> Self {
        if let Some(degenerate) = Self::degenerate(raw) {
            return degenerate;
        }
        let [min, max] = extremes(raw);
        Self::scaled(raw, min as f64, max as f64)
    }

    /// The same degenerate map with a reason that knows more; a normal map stays as it is.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        if self.outcome != Outcome::Normal {
            self.reason = Some(reason.into());
        }
        self
    }

    fn degenerate(values: &[f32]) -> Option<Self> {
        let len = values.len();
        let broken = values.iter().filter(|value| !value.is_finite()).count();
        if broken > 0 {
            let reason = format!("{broken} of the {len} pixels of the map are NaN or infinite");
            return Some(Self::zeros(len, Outcome::NotFinite, reason));
        }
        let [min, max] = extremes(values);
        if min < max {
            None
        } else if max == 0.0 {
            Some(Self::zeros(len, Outcome::Blank, "every pixel of the map is 0".to_owned()))
        } else {
            let reason = format!("every pixel of the map has the same value, {max}");
            Some(Self::zeros(len, Outcome::Constant, reason))
        }
    }

    fn zeros(len: usize, outcome: Outcome, reason: String) -> Self {
        Self { values: vec![0.0; len], outcome, reason: Some(reason) }
    }

    fn scaled(values: &[f32], min: f64, max: f64) -> Self {
        let scale = |value: &f32| ((*value as f64 - min) / (max - min)).clamp(0.0, 1.0) as f32;
        Self { values: values.iter().map(scale).collect(), outcome: Outcome::Normal, reason: None }
    }
}

/// Smallest and largest value; none may be NaN.
pub(super) fn extremes(values: &[f32]) -> [f32; 2] {
    values.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[min, max], value| [min.min(*value), max.max(*value)])
}

/// NumPy's linear percentile: the order statistic at `percentile / 100 * (n - 1)`, interpolated between neighbours.
pub(crate) fn percentile(values: &[f32], percentile: f64) -> f64 {
    let rank = percentile / 100.0 * (values.len() - 1) as f64;
    let below = (rank.floor() as usize).min(values.len() - 1);
    let fraction = rank - below as f64;
    let mut sorted = values.to_vec();
    let (_, low, above) = sorted.select_nth_unstable_by(below, f32::total_cmp);
    let low = *low as f64;
    let high = above.iter().copied().min_by(f32::total_cmp).map_or(low, |value| value as f64);
    low + (high - low) * fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_interpolates() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!([100.0, 50.0].map(|p| percentile(&values, p)).to_vec(), [4.0, 2.5]);
        assert!((percentile(&values, 99.0) - 3.97).abs() < 1e-12);
        assert_eq!(vec![percentile(&[7.0], 99.0)], [7.0]);
    }

    #[test]
    fn a_ramp_is_clipped_at_its_percentile() {
        let raw: Vec<f32> = (0..101).map(|i| -(i as f32)).collect();
        let map = DisplayMap::clipped(&raw, 99.0);
        assert_eq!(map.outcome, Outcome::Normal);
        assert_eq!(map.reason, None);
        assert_eq!(vec![map.values[0], map.values[99], map.values[100]], [0.0, 1.0, 1.0]);
        assert!((map.values[33] - 1.0 / 3.0).abs() < 1e-7);
    }

    #[test]
    fn degenerate_maps_are_zeros_with_a_reason() {
        let mut sparse = vec![0.0; 1000];
        sparse[5] = 1.0;
        let cases = [
            (vec![0.0, -0.0], Outcome::Blank, "is 0"),
            (vec![-2.0, 2.0], Outcome::Constant, "same value, 2"),
            (vec![0.0, f32::NAN, f32::INFINITY], Outcome::NotFinite, "2 of the 3 pixels"),
            (sparse, Outcome::Sparse, "99th percentile"),
        ];
        for (raw, outcome, words) in cases {
            let map = DisplayMap::clipped(&raw, 99.0);
            assert_eq!(map.outcome, outcome);
            assert!(map.values.iter().all(|value| *value == 0.0));
            assert!(map.reason.as_ref().unwrap().contains(words), "{map:?}");
        }
    }

    #[test]
    fn min_max_spans_zero_to_one() {
        let map = DisplayMap::min_max(&[2.0, 4.0, 3.0]);
        assert_eq!(map.values, [0.0, 1.0, 0.5]);
        assert_eq!(DisplayMap::min_max(&[2.0, 2.0]).because("nothing to see").reason.unwrap(), "nothing to see");
    }
}
