//! Example maps of single cases: below figure 2, 3 and 4.

use std::collections::{BTreeMap, BTreeSet};

use super::super::protocol::Test;
use super::super::results::{Results, condition};
use super::super::verdict::{Analysis, Index, MetricAnalysis, method_title, metric_title};
use super::pictures::{Absent, MapOf, Pictures};
use super::tile_grid::{GridTile, TileGrid};
use crate::cascade::ORIGINAL;

/// Judged methods of a metric.
fn judged(metric: &MetricAnalysis) -> Vec<&str> {
    let judged = metric.findings.iter().filter(|finding| finding.role.is_judged());
    judged.map(|finding| finding.method.as_str()).collect()
}

/// Score of a method's map of one case.
fn score(index: &Index<'_>, metric: &MetricAnalysis, method: &str, condition: &str, image: &str) -> Option<f64> {
    index.panel(metric.test, &metric.metric)?.get(method, condition)?.by_image.get(image).copied()
}

fn caption(label: &str, value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{label} {value:.2}").replace("-0.00", "0.00").trim().to_owned())
}

/// A map with the words below it.
fn map_tile(pictures: &dyn Pictures, map: MapOf<'_>, caption: String) -> GridTile {
    GridTile { picture: pictures.map(map), is_map: true, caption }
}

/// Rows of maps, each behind the radiograph, and why pictures of them are missing; no row where there is no map at all.
fn rows(
    pictures: &dyn Pictures,
    image: &str,
    all: impl Iterator<Item = (String, Vec<GridTile>)>,
) -> (Vec<(String, Vec<GridTile>)>, BTreeSet<String>) {
    let radiograph = || GridTile { picture: pictures.radiograph(image), is_map: false, caption: String::new() };
    let all: Vec<(String, Vec<GridTile>)> = all.collect();
    let shown = all.iter().flat_map(|(_, maps)| maps).any(|map| map.picture.is_ok());
    let all: Vec<(String, Vec<GridTile>)> =
        all.into_iter().map(|(name, maps)| (name, shown.then(radiograph).into_iter().chain(maps).collect())).collect();
    let why = all.iter().flat_map(|(_, tiles)| tiles).filter_map(|tile| tile.picture.as_ref().err());
    let why = why.map(|absent| absent.why.clone()).collect();
    (if shown { all } else { Vec::new() }, why)
}

/// The grid of a single case, with the marks where `has_marks`.
fn grid(
    pictures: &dyn Pictures,
    image: &str,
    has_marks: bool,
    all: impl Iterator<Item = (String, Vec<GridTile>)>,
    page: TileGrid,
) -> TileGrid {
    let (rows, mut absent) = rows(pictures, image, all);
    let truth = if has_marks && !rows.is_empty() { Some(pictures.truth(image)) } else { None };
    let truth = truth.and_then(|truth| truth.map_err(|Absent { why, .. }| absent.insert(why)).ok());
    TileGrid { rows, truth, absent: absent.into_iter().filter(|why| !why.is_empty()).collect(), ..page }
}

/// Heads of the columns, the radiograph's first.
fn columns(heads: impl IntoIterator<Item = String>) -> Vec<String> {
    std::iter::once("Radiograph".to_owned()).chain(heads).collect()
}

/// The first network that classifies.
fn first_classifier(results: &Results) -> Option<&str> {
    let models = &results.provenance.models;
    models.iter().find(|model| model.role == "classifier").map(|model| model.name.as_str())
}

/// The case whose mean score over methods is the median one: neither a lucky nor an unlucky example.
fn median_case<'a>(index: &'a Index<'_>, metric: &MetricAnalysis, condition: &str) -> Option<&'a str> {
    let panel = index.panel(metric.test, &metric.metric)?;
    let mut sums: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
    for series in judged(metric).into_iter().filter_map(|method| panel.get(method, condition)) {
        for (image, value) in &series.by_image {
            let own = sums.entry(image).or_default();
            *own = (own.0 + value, own.1 + 1);
        }
    }
    let most = sums.values().map(|own| own.1).max()?;
    let mut means: Vec<(f64, &str)> =
        sums.iter().filter(|own| own.1.1 == most).map(|(image, (sum, count))| (sum / *count as f64, *image)).collect();
    means.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    means.get(means.len() / 2).map(|own| own.1)
}

/// Maps of a single case by every method, trained above random, with their scores: below figure 2. Nothing where no test
/// of the kind was made; without rows where no map can be shown.
pub fn case_grid(
    results: &Results,
    analysis: &Analysis,
    index: &Index<'_>,
    pictures: &dyn Pictures,
    label: impl Fn(&str) -> String,
) -> Option<TileGrid> {
    let metric = analysis.primary(Test::Utility)?;
    let image = median_case(index, metric, condition::TRAINED)?;
    let model = first_classifier(results)?;
    let methods = judged(metric);
    let row = |(name, condition): (&str, &'static str)| {
        let tiles = methods.iter().map(|method| {
            let value = score(index, metric, method, condition, image);
            map_tile(pictures, MapOf { image, method, condition, model }, caption("", value))
        });
        (name.to_owned(), tiles.collect())
    };
    let all = [("Trained", condition::TRAINED), ("Random weights", condition::RANDOM)].into_iter().map(row);
    let page = TileGrid {
        headline: format!("Maps of {}, the case with the median score", label(image)),
        caution: super::caution(results),
        details: vec![format!(
            "Below each map its {}; yellow: the experts’ marks. Each map is scaled by itself: colours tell where, not how \
             much.",
            metric_title(&metric.metric)
        )],
        columns: columns(methods.iter().map(|own| method_title(own))),
        ..TileGrid::default()
    };
    Some(grid(pictures, image, true, all, page))
}

/// Maps of a single case in every state: below figure 3.
pub fn state_grid(
    results: &Results,
    analysis: &Analysis,
    index: &Index<'_>,
    pictures: &dyn Pictures,
    label: impl Fn(&str) -> String,
) -> Option<TileGrid> {
    let metric = analysis.primary(Test::Randomization)?;
    let states: Vec<&str> = metric.curves.first()?.states.iter().map(|state| state.state.as_str()).collect();
    let last = *states.last()?;
    let image = median_case(index, metric, last)?;
    let model = first_classifier(results)?;
    // The study shows original, logits, 8, 5, 3, 1: about six states, evenly.
    let shown: Vec<&str> =
        if states.len() <= 6 { states } else { (0..6).map(|step| states[step * (states.len() - 1) / 5]).collect() };
    let all = judged(metric).into_iter().map(|method| {
        let tiles = shown.iter().map(|state| {
            let value = score(index, metric, method, state, image).filter(|_| *state != ORIGINAL);
            map_tile(pictures, MapOf { image, method, condition: state, model }, caption("SSIM", value))
        });
        (method_title(method), tiles.collect())
    });
    let page = TileGrid {
        headline: format!("Maps of {} while the network is randomized", label(image)),
        caution: super::caution(results),
        details: vec![format!(
            "Below each map its likeness to the first one of its row, {}. Each map is scaled by itself: colours tell where, \
             not how much.",
            metric_title(&metric.metric)
        )],
        columns: columns(shown.iter().map(|state| (*state).to_owned())),
        ..TileGrid::default()
    };
    Some(grid(pictures, image, false, all, page))
}

/// Maps of a single case by every network: replicates, then the other architecture (below figure 4).
pub fn network_grid(
    results: &Results,
    analysis: &Analysis,
    index: &Index<'_>,
    pictures: &dyn Pictures,
    label: impl Fn(&str) -> String,
) -> Option<TileGrid> {
    let metric = analysis.primary(Test::Repeatability).or_else(|| analysis.primary(Test::Reproducibility))?;
    let image = median_case(index, metric, condition::PAIR)?;
    let methods = judged(metric);
    let models = results.provenance.models.iter().filter(|model| model.role == "classifier").take(2);
    let others = results.provenance.models.iter().filter(|model| model.role == "other_architecture");
    let all = models.chain(others).map(|model| {
        let tiles = methods.iter().map(|method| {
            let map = MapOf { image, method, condition: condition::TRAINED, model: &model.name };
            map_tile(pictures, map, String::new())
        });
        (model.name.clone(), tiles.collect())
    });
    let page = TileGrid {
        headline: format!("Maps of {} by different networks", label(image)),
        caution: super::caution(results),
        details: vec![
            "Yellow: the experts’ marks. Each map is scaled by itself: colours tell where, not how much.".to_owned(),
        ],
        columns: columns(methods.iter().map(|own| method_title(own))),
        ..TileGrid::default()
    };
    Some(grid(pictures, image, true, all, page))
}
