//! Maps of an earlier run, and what its report says about them.

use std::path::Path;

use serde_json::Value;

use super::build::{Figure, Ground};
use super::spec::{Spec, TemplateName};
use crate::cli::error::{Error, Result};
use crate::demo;
use crate::display::MapPlane;
use crate::export::{self, KeptMap, KeptMaps, MapRecord, VERSION};
use crate::figure::template::{ColourBar, Labels, MapTable, MapTile, MethodGrid, SingleCase, Template};
use crate::metrics::structural_similarity;
use crate::network;
use crate::saliency::{Method, Preset};
use crate::{files, limits};

/// The figure of maps that lie in files.
pub(super) fn figure(spec: &Spec, ground: &Ground, path: &Path) -> Result<Figure> {
    let is_cascade = spec.template == TemplateName::CascadeRow;
    let [archive, report] = if is_cascade { ["cascade.npz", "cascade.json"] } else { ["maps.npz", "explain.json"] };
    let (archive, report) =
        if path.is_dir() { (path.join(archive), Some(path.join(report))) } else { (path.into(), None) };
    let maps = KeptMaps::open(&archive)?;
    // A folder of an earlier run has its report; what it says is repeated and not relied on.
    let report = report.and_then(|report| read(&report)).unwrap_or(Value::Null);
    let labels = labels(spec, ground, &report);
    let bar = export::map_bar(&spec.map, percentile(&report));
    if is_cascade {
        cascade(spec, ground, &maps, &report, labels, bar)
    } else {
        one_model(spec, ground, &maps, labels, bar)
    }
}

fn one_model(spec: &Spec, ground: &Ground, maps: &KeptMaps, mut labels: Labels, bar: ColourBar) -> Result<Figure> {
    let mut record = ground.record(spec);
    record.caution.clone_from(&labels.caution);
    let mut tiles = Vec::new();
    for method in &spec.methods {
        let kept = wanted(maps, method.name())?;
        let scores = ground.scores(kept.plane.values(), [kept.plane.height_px(), kept.plane.width_px()]);
        record.maps.push(MapRecord::kept(method.name(), scores));
        let lines = scores.as_ref().map(export::score_lines).unwrap_or_default();
        tiles.push(tile(&kept, *method, ground, spec, lines));
    }
    labels.details.extend(record.maps.iter().find_map(|map| map.scores.as_ref().map(export::score_explanation)));
    Ok(Figure { template: ground.of_one_model(spec, labels, tiles, bar), record })
}

/// Rows of methods, each map compared with that of the first state.
fn cascade(
    spec: &Spec,
    ground: &Ground,
    maps: &KeptMaps,
    report: &Value,
    mut labels: Labels,
    bar: ColourBar,
) -> Result<Figure> {
    let states = match &spec.states {
        Some(states) => states.clone(),
        None => states_of(maps, spec.methods[0]),
    };
    let Some(first) = states.first() else {
        let problem = format!("there is no array {}/STATE; was it written by `saliscope cascade`?", spec.methods[0]);
        return Err(Error::Export(export::Error::Maps(problem)));
    };
    // As the presets compare.
    let range =
        if report.pointer("/preset").and_then(Value::as_str) == Some(Preset::Arun2021.name()) { 2.0 } else { 1.0 };
    let mut record = ground.record(spec);
    record.caution.clone_from(&labels.caution);
    let mut rows = Vec::new();
    for (row, method) in spec.methods.iter().enumerate() {
        let original = wanted(maps, &format!("{method}/{first}"))?;
        let mut tiles = Vec::new();
        for (column, state) in states.iter().enumerate() {
            let name = format!("{method}/{state}");
            let kept = wanted(maps, &name)?;
            let size = [kept.plane.height_px(), kept.plane.width_px()];
            // A map that shows nothing has no likeness.
            let ssim = (column > 0 && !kept.is_blank && !original.is_blank)
                .then(|| structural_similarity(original.plane.values(), kept.plane.values(), size, range).ok())
                .flatten();
            let scores = ground.scores(kept.plane.values(), size);
            record.maps.push(MapRecord { ssim_to_first: ssim, ..MapRecord::kept(&name, scores) });
            let lines = ssim.map(|ssim| format!("SSIM {ssim:.2}").replace("-0.00", "0.00")).into_iter().collect();
            tiles.push(Some(tile(&kept, *method, ground, spec, lines)));
        }
        let label = spec.row_labels.as_ref().map_or_else(|| method.name().to_owned(), |labels| labels[row].clone());
        rows.push((label, tiles));
    }
    labels
        .details
        .push(format!("SSIM: likeness to the map of state {first}, at a data range of {range}; 1 is the same map."));
    let radiograph = ground.picture.clone();
    Ok(Figure { template: Template::CascadeRow(MapTable { labels, radiograph, columns: states, rows, bar }), record })
}

fn wanted(maps: &KeptMaps, name: &str) -> Result<KeptMap> {
    let missing = || Error::Export(export::Error::Maps(format!("there is no array {name}")));
    maps.map(name)?.ok_or_else(missing)
}

impl Ground {
    /// The figures of one model.
    pub(super) fn of_one_model(&self, spec: &Spec, labels: Labels, mut maps: Vec<MapTile>, bar: ColourBar) -> Template {
        let radiograph = self.picture.clone();
        match maps.pop() {
            Some(map) if spec.template == TemplateName::SingleCase => {
                Template::SingleCase(SingleCase { labels, radiograph, map, bar })
            }
            last => {
                maps.extend(last);
                Template::MethodGrid(MethodGrid { labels, radiograph, maps, bar, columns: spec.columns })
            }
        }
    }
}

fn tile(kept: &KeptMap, method: Method, ground: &Ground, spec: &Spec, scores: Vec<String>) -> MapTile {
    let plane: MapPlane = kept.plane.clone();
    MapTile {
        name: method.name().to_owned(),
        title: method.title().to_owned(),
        caption: method.spec().caption.to_owned(),
        parameters: String::new(),
        picture: ground.over(plane, spec),
        scores,
        remark: kept.is_blank.then(|| "every value is 0".to_owned()),
    }
}

/// States of a cascade in the order in which they were written.
fn states_of(maps: &KeptMaps, method: Method) -> Vec<String> {
    let begin = format!("{method}/");
    let own = |name: &String| name.strip_prefix(&begin).map(str::to_owned);
    let names: Vec<String> = maps.names().iter().filter_map(own).collect();
    names.iter().filter(|name| names.contains(&format!("{name}_raw"))).cloned().collect()
}

fn read(path: &Path) -> Option<Value> {
    // A report that is not there or cannot be read says nothing, as maps without one.
    files::read(path, limits::REPORT_BYTES).ok().and_then(|json| serde_json::from_slice(&json).ok())
}

/// The clipping percentile that the report names, else the presets'.
fn percentile(report: &Value) -> f64 {
    let of_explain = report.pointer("/maps/0/parameters/clip_percentile");
    of_explain.or_else(|| report.pointer("/parameters/clip_percentile")).and_then(Value::as_f64).unwrap_or(99.0)
}

fn labels(spec: &Spec, ground: &Ground, report: &Value) -> Labels {
    let text = |place: &str| report.pointer(place).and_then(Value::as_str);
    let explained = report.get("explained").or_else(|| report.pointer("/images/0/explained"));
    let headline = explained.and_then(|class| {
        let name = class.get("name")?.as_str()?;
        let words = {
            let number = |field: &str| class.get(field).and_then(Value::as_f64);
            export::probability_words(number("probability"), number("temperature"))
        };
        Some(format!("Explained: “{name}”, {words}"))
    });
    let model = text("/model/name").map(|name| {
        let hash = text("/model/sha256").and_then(|hash| hash.get(..8));
        let hash = hash.map(|hash| format!(", SHA-256 {hash}…")).unwrap_or_default();
        format!("Model “{name}”, {}{hash}", text("/model/architecture").unwrap_or("architecture not known"))
    });
    let preset = text("/preset").map(|preset| format!("preset {preset}"));
    let made = text("/saliscope").map(|version| format!("maps by saliscope {version}"));
    let origin: Vec<String> =
        [model, preset, made, Some(format!("figure by saliscope {VERSION}"))].into_iter().flatten().collect();
    Labels {
        headline: spec.headline.clone().or(headline).unwrap_or_else(|| "Maps of an earlier run".to_owned()),
        caution: caution(report, ground.is_phantom()).map(str::to_owned),
        details: vec![origin.join("  ·  ")],
        identity: ground.identity.clone(),
    }
}

/// What has to be said of the network that made the maps, as far as their report names it: by its card, or because it is one
/// of the program's own, whose earlier cards did not say what they were trained on.
fn caution(report: &Value, is_phantom: bool) -> Option<&'static str> {
    let said = report.pointer("/model/trained_on_patients").and_then(Value::as_bool);
    let is_own = || report.pointer("/model/sha256").and_then(Value::as_str).is_some_and(demo::is_own);
    network::caution(said.or_else(|| is_own().then_some(false)), is_phantom)
}
