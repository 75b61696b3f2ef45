//! The limit of a verdict by interval, and whether a map can lie on either side of it.

use serde::Serialize;

use super::super::results::metric;
use super::names::metric_title;
use super::rules::{FEW_IMAGES, GoodSide, IntervalVerdict, by_interval};
use super::words::{count, number};

/// What a verdict by interval asks a mean score to lie beyond.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Limit {
    /// On the scale of the metric.
    pub score: f64,
    /// The side that passes.
    pub good: GoodSide,
    /// Where it comes from, such as `blurred noise 0.540 and the margin 0.05`.
    pub origin: String,
    /// The verdict that no map could have, because the limit lies at or beyond an end of what the metric can be. The
    /// verdict is then inconclusive: any other one would be known before any data.
    pub out_of_reach: Option<IntervalVerdict>,
    /// Such an end.
    pub reach: Option<f64>,
}

impl Limit {
    /// A limit of `metric`.
    pub(super) fn new(metric: &str, score: f64, good: GoodSide, origin: String) -> Self {
        let beyond = match metric::range(metric) {
            Some([_, largest]) if score >= largest => Some((GoodSide::Above, largest)),
            Some([smallest, _]) if score <= smallest => Some((GoodSide::Below, smallest)),
            _ => None,
        };
        let out_of_reach =
            beyond.map(|(side, _)| if side == good { IntervalVerdict::Pass } else { IntervalVerdict::Fail });
        Self { score, good, origin, out_of_reach, reach: beyond.map(|(_, end)| end) }
    }

    /// The verdict on an interval of a difference over `images` images, whose limit is `difference`.
    pub(super) fn judge(&self, images: usize, interval: [f64; 2], difference: f64) -> IntervalVerdict {
        match self.out_of_reach {
            _ if images < FEW_IMAGES => IntervalVerdict::TooFewImages,
            Some(_) => IntervalVerdict::Inconclusive,
            None => by_interval(interval, difference, self.good),
        }
    }

    /// What the mean must be, such as `> 0.590`.
    pub fn short(&self) -> String {
        let sign = match self.good {
            GoodSide::Above => '>',
            GoodSide::Below => '<',
        };
        format!("{sign} {}", number(Some(self.score)))
    }

    /// The same in words, such as `above 0.590`.
    pub fn words(&self) -> String {
        let side = match self.good {
            GoodSide::Above => "above",
            GoodSide::Below => "below",
        };
        format!("{side} {}", number(Some(self.score)))
    }

    /// Why the verdict is inconclusive whatever the maps are, for the middle of a sentence; nothing where both verdicts can
    /// be had.
    pub fn obstacle(&self, metric: &str) -> Option<String> {
        let verb = match self.out_of_reach? {
            IntervalVerdict::Fail => "fail",
            _ => "pass",
        };
        // Beyond the largest value nothing is good above and everything below; beyond the smallest the other way round.
        let is_largest = (self.out_of_reach? == IntervalVerdict::Pass) == (self.good == GoodSide::Above);
        let end = if is_largest { "at most" } else { "at least" };
        let reach = self.reach?;
        Some(format!("no map could {verb}, because {} is {reach} {end}", metric_title(metric)))
    }

    /// The verdict over `images` images with its limit, as a sentence with a space in front; nothing without a verdict.
    pub(super) fn sentence(&self, metric: &str, verdict: Option<IntervalVerdict>, images: usize) -> String {
        let Some(verdict) = verdict else { return String::new() };
        let limit = format!("limit {} ({})", self.words(), self.origin);
        if verdict == IntervalVerdict::TooFewImages {
            let found = count(images, "image");
            return format!(" By interval: {} ({found}, verdicts begin at {FEW_IMAGES}), {limit}.", verdict.words());
        }
        let obstacle = self.obstacle(metric).map_or_else(String::new, |own| format!("; {own}"));
        format!(" By interval: {}, {limit}{obstacle}.", verdict.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIKENESS: &str = metric::SSIM_RANGE_2;

    fn limit(score: f64, good: GoodSide) -> Limit {
        Limit::new(LIKENESS, score, good, "some control and the margin 0.05".to_owned())
    }

    #[test]
    fn no_verdict_is_known_before_any_data() {
        for (score, good, never) in [
            (1.05, GoodSide::Above, Some(IntervalVerdict::Pass)),
            (1.0, GoodSide::Above, Some(IntervalVerdict::Pass)),
            (1.05, GoodSide::Below, Some(IntervalVerdict::Fail)),
            (-1.0, GoodSide::Above, Some(IntervalVerdict::Fail)),
            (-1.2, GoodSide::Below, Some(IntervalVerdict::Pass)),
            (0.999, GoodSide::Above, None),
            (0.999, GoodSide::Below, None),
        ] {
            let own = limit(score, good);
            assert_eq!(own.out_of_reach, never, "{score} {good:?}");
            let judged = [[0.9, 1.0], [-0.9, -0.8]].map(|interval| own.judge(30, interval, score));
            assert_eq!(own.judge(29, [0.9, 1.0], score), IntervalVerdict::TooFewImages);
            if never.is_some() {
                assert_eq!(judged, [IntervalVerdict::Inconclusive; 2], "{score} {good:?}");
                assert!(own.sentence(LIKENESS, Some(judged[0]), 30).contains("no map could"));
            }
        }
        assert_eq!(limit(0.999, GoodSide::Above).judge(30, [0.9995, 1.0], 0.999), IntervalVerdict::Pass);
        assert_eq!(Limit::new("unheard of", 7.0, GoodSide::Above, String::new()).out_of_reach, None);
    }

    #[test]
    fn the_sentence_tells_limit_origin_and_obstacle() {
        let told = limit(0.59, GoodSide::Above).sentence(LIKENESS, Some(IntervalVerdict::Pass), 40);
        assert_eq!(told, " By interval: pass, limit above 0.590 (some control and the margin 0.05).");
        let told = limit(1.05, GoodSide::Below).sentence(LIKENESS, Some(IntervalVerdict::Inconclusive), 40);
        assert!(told.ends_with("; no map could fail, because SSIM (range 2) is 1 at most."), "{told}");
        let told = limit(-1.0, GoodSide::Above).sentence(LIKENESS, Some(IntervalVerdict::Inconclusive), 40);
        assert!(told.ends_with("; no map could fail, because SSIM (range 2) is -1 at least."), "{told}");
        let told = limit(1.05, GoodSide::Above).sentence(LIKENESS, Some(IntervalVerdict::TooFewImages), 8);
        let expected = " By interval: too few images (8 images, verdicts begin at 30), limit above 1.050 (some control and \
                        the margin 0.05).";
        assert_eq!(told, expected, "nothing else is said of the verdict");
    }
}
