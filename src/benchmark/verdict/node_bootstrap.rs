//! How sure a mean over images is beside a mean over pairs of the same images.
//!
//! Pairs share images, so that they are not independent: a U-statistic. Images are drawn, and a pair counts as often as
//! both of its images were drawn.

use std::collections::BTreeMap;

use crate::metrics::{Bootstrap, percentile};

/// Values of single images and of pairs of images.
pub(super) struct Nodes {
    count: usize,
    singles: Vec<(usize, f64)>,
    pairs: Vec<([usize; 2], f64)>,
}

/// The two images of a pair of ids with `|` between.
pub(super) fn pair_of(image: &str) -> Option<(&str, &str)> {
    image.split_once('|')
}

impl Nodes {
    /// Takes values by image and by pair; nothing where a pair does not name two images.
    pub(super) fn new(singles: &BTreeMap<&str, f64>, pairs: &BTreeMap<&str, f64>) -> Option<Self> {
        let mut names: Vec<&str> = singles.keys().copied().collect();
        for pair in pairs.keys() {
            let (a, b) = pair_of(pair)?;
            names.extend([a, b]);
        }
        names.sort_unstable();
        names.dedup();
        let position = |name: &str| names.binary_search(&name).ok();
        let singles = singles.iter().map(|(image, value)| Some((position(image)?, *value))).collect::<Option<_>>()?;
        let pairs = pairs.iter().map(|(pair, value)| {
            let (a, b) = pair_of(pair)?;
            Some(([position(a)?, position(b)?], *value))
        });
        Some(Self { count: names.len(), singles, pairs: pairs.collect::<Option<_>>()? })
    }

    /// Mean of the singles less mean of the pairs, where both are defined.
    fn difference(&self, times: &[f64]) -> Option<f64> {
        let weighted = |values: &mut dyn Iterator<Item = (f64, f64)>| {
            let (sum, weight) =
                values.fold((0.0, 0.0), |(sum, all), (weight, value)| (sum + weight * value, all + weight));
            (weight > 0.0).then(|| sum / weight)
        };
        let singles = weighted(&mut self.singles.iter().map(|(node, value)| (times[*node], *value)))?;
        let pairs = weighted(&mut self.pairs.iter().map(|([a, b], value)| (times[*a] * times[*b], *value)))?;
        Some(singles - pairs)
    }

    /// Percentile intervals of the difference at one less each of `alphas`; nothing below two images.
    pub(super) fn intervals<const N: usize>(&self, alphas: [f64; N], bootstrap: &Bootstrap) -> Option<[[f64; 2]; N]> {
        if self.singles.len() < 2 || self.pairs.is_empty() {
            return None;
        }
        let values = bootstrap.values(self.count, |drawn| {
            let mut times = vec![0.0; self.count];
            for node in drawn {
                times[*node] += 1.0;
            }
            self.difference(&times)
        });
        if values.is_empty() {
            return None;
        }
        Some(alphas.map(|alpha| [percentile(&values, alpha / 2.0), percentile(&values, 1.0 - alpha / 2.0)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_weigh_as_often_as_both_images_are_drawn() {
        let singles = BTreeMap::from([("a", 1.0), ("b", 2.0), ("c", 4.0)]);
        let pairs = BTreeMap::from([("a|b", 10.0), ("b|c", 20.0)]);
        let nodes = Nodes::new(&singles, &pairs).unwrap();
        // a twice, b once: (2 * 1 + 2) / 3 - 10.
        assert_eq!(nodes.difference(&[2.0, 1.0, 0.0]), Some(4.0 / 3.0 - 10.0));
        assert_eq!(nodes.difference(&[3.0, 0.0, 0.0]), None, "no pair is left");
        assert_eq!(nodes.difference(&[1.0; 3]), Some(7.0 / 3.0 - 15.0));
        assert!(Nodes::new(&singles, &BTreeMap::from([("a", 1.0)])).is_none());
    }

    #[test]
    fn the_interval_covers_the_error_of_the_baseline() {
        // Singles all alike: all that is left to chance are the pairs.
        let names: Vec<String> = (0..30).map(|index| format!("{index:02}")).collect();
        let singles = names.iter().map(|name| (name.as_str(), 0.5)).collect();
        let pair_names: Vec<(String, f64)> = (0..30)
            .flat_map(|a: usize| (0..a).map(move |b| (a, b)))
            .map(|(a, b)| {
                (format!("{a:02}|{b:02}"), 0.3 + 0.01 * ((a * 7 + b * 13) % 11) as f64 + 0.02 * (a % 5) as f64)
            })
            .collect();
        let pairs = pair_names.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let nodes = Nodes::new(&singles, &pairs).unwrap();
        let [[low, high], [inner_low, inner_high]] = nodes.intervals([0.05, 0.1], &Bootstrap::default()).unwrap();
        let value = nodes.difference(&[1.0; 30]).unwrap();
        assert!(low < inner_low && inner_low < value && value < inner_high && inner_high < high);
        assert!(high - low > 0.005, "{low} {high}");
    }
}
