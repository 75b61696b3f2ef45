//! Scores by test, metric, method and condition: one value an image.

use std::collections::BTreeMap;

use super::super::protocol::Test;
use super::super::results::{Results, Score};

/// The scores of one method under one condition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series<'a> {
    /// Value of each image, the mean over networks where several gave one, in the order of image ids.
    pub by_image: BTreeMap<&'a str, f64>,
    /// Scores that are not defined, such as those of blank maps.
    pub undefined: usize,
    /// The first reason given for one of them.
    pub why_undefined: Option<&'a str>,
    /// Names of the networks, or pairs of them, in the order of their names.
    pub models: Vec<&'a str>,
}

impl Series<'_> {
    /// The values in the order of image ids.
    pub fn values(&self) -> Vec<f64> {
        self.by_image.values().copied().collect()
    }
}

/// All series of one test and metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel<'a> {
    /// By method, then by condition.
    series: BTreeMap<&'a str, BTreeMap<&'a str, Series<'a>>>,
}

impl<'a> Panel<'a> {
    /// One series, where there is one.
    pub fn get(&self, method: &str, condition: &str) -> Option<&Series<'a>> {
        self.series.get(method)?.get(condition)
    }

    /// Methods and conditions that have a series, in the order of their names.
    pub fn keys(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.series.iter().flat_map(|(method, own)| own.keys().map(|condition| (*method, *condition)))
    }
}

/// By test and metric, then by method and condition.
type Scattered<'a> = BTreeMap<(Test, &'a str), BTreeMap<(&'a str, &'a str), Gathered<'a>>>;

/// Values of single networks: by method, condition and network.
type Networks<'a> = BTreeMap<&'a str, BTreeMap<&'a str, BTreeMap<&'a str, Vec<f64>>>>;

/// The scores of a run in the order in which questions are asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Index<'a> {
    panels: BTreeMap<Test, BTreeMap<&'a str, Panel<'a>>>,
    /// By metric, of the randomization test.
    networks: BTreeMap<&'a str, Networks<'a>>,
}

impl<'a> Index<'a> {
    /// Sorts the scores. Their order does not matter.
    pub fn new(results: &'a Results) -> Self {
        let mut gathered: Scattered<'a> = BTreeMap::new();
        let mut networks: BTreeMap<&str, Networks<'a>> = BTreeMap::new();
        for score in &results.scores {
            let Score { test, image, method, condition, models, metric, value, note, .. } = score;
            let panel = gathered.entry((*test, metric.as_str())).or_default();
            let series = panel.entry((method.as_str(), condition.as_str())).or_default();
            if let Err(position) = series.models.binary_search(&models.as_str()) {
                series.models.insert(position, models);
            }
            let Some(value) = value.filter(|value| value.is_finite()) else {
                series.undefined += 1;
                series.why_undefined = series.why_undefined.or(note.as_deref());
                continue;
            };
            series.values.entry(image).or_default().push(value);
            if *test == Test::Randomization {
                let own = networks.entry(metric).or_default().entry(method).or_default();
                own.entry(condition).or_default().entry(models).or_default().push(value);
            }
        }
        let mut panels: BTreeMap<Test, BTreeMap<&str, Panel<'a>>> = BTreeMap::new();
        for ((test, metric), all) in gathered {
            let panel = panels.entry(test).or_default().entry(metric).or_default();
            for ((method, condition), own) in all {
                panel.series.entry(method).or_default().insert(condition, own.averaged());
            }
        }
        Self { panels, networks }
    }

    /// All series of a test and metric; none where it was not run.
    pub fn panel(&self, test: Test, metric: &str) -> Option<&Panel<'a>> {
        self.panels.get(&test)?.get(metric)
    }

    /// Metrics of a test, in the order of their names.
    pub fn metrics(&self, test: Test) -> impl Iterator<Item = &'a str> {
        self.panels.get(&test).into_iter().flat_map(|panels| panels.keys().copied())
    }

    /// Means of one method and condition over images, one for each network, in the order of their names
    /// (randomization only).
    pub fn network_means(&self, metric: &str, method: &str, condition: &str) -> Vec<f64> {
        let own = self.networks.get(metric).and_then(|own| own.get(method)).and_then(|own| own.get(condition));
        own.into_iter().flat_map(BTreeMap::values).filter_map(|values| mean(&sorted(values.clone()))).collect()
    }
}

#[derive(Default)]
struct Gathered<'a> {
    values: BTreeMap<&'a str, Vec<f64>>,
    undefined: usize,
    why_undefined: Option<&'a str>,
    models: Vec<&'a str>,
}

impl<'a> Gathered<'a> {
    fn averaged(self) -> Series<'a> {
        let by_image = self.values.into_iter().filter_map(|(image, values)| Some((image, mean(&sorted(values))?)));
        Series {
            by_image: by_image.collect(),
            undefined: self.undefined,
            why_undefined: self.why_undefined,
            models: self.models,
        }
    }
}

/// Ascending, so that sums do not depend on the order of scores.
fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The mean; nothing of nothing.
pub(in super::super) fn mean(values: &[f64]) -> Option<f64> {
    let first = values.first()?;
    Some(first + values.iter().map(|value| value - first).sum::<f64>() / values.len() as f64)
}

/// The standard deviation with n - 1; nothing below two values.
pub(in super::super) fn sd(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}
