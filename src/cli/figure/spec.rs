//! What a figure's specification asks for.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::fields::{Fields, Problem};
use crate::display::{ColourMap, GrayDisplay, Interpolation, MapDisplay, Opacity, Plane, Tone};
use crate::export;
use crate::figure::ColumnWidth;
use crate::figure::template::Page;
use crate::limits;
use crate::radiograph::dicom::{Percentiles, Window, WindowFunction};
use crate::saliency::{ClassChoice, Method, Preset};
use crate::truth::FindingBox;

/// Names the demo's case instead of a file.
pub(super) const DEMO_CASE: &str = "demo:case";

/// Which figure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TemplateName {
    SingleCase,
    MethodGrid,
    ModelGrid,
    CascadeRow,
}

impl TemplateName {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SingleCase => "single_case",
            Self::MethodGrid => "method_grid",
            Self::ModelGrid => "model_grid",
            Self::CascadeRow => "cascade_row",
        }
    }
}

/// What experts marked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TruthSpec {
    /// A picture whose pixels above 127 are marked.
    Mask(PathBuf),
    Boxes(Vec<FindingBox>),
}

/// How the radiograph is shown, where not as its file wants.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum WindowSpec {
    Window(Window),
    Percentiles(Percentiles),
}

/// A specification, its paths as they lead from the current folder.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spec {
    pub(super) template: TemplateName,
    pub(super) image: PathBuf,
    pub(super) models: Vec<PathBuf>,
    pub(super) maps: Option<PathBuf>,
    pub(super) methods: Vec<Method>,
    pub(super) states: Option<Vec<String>>,
    pub(super) preset: Preset,
    pub(super) class: Option<ClassChoice>,
    /// As `NAME=VALUE`.
    pub(super) parameters: Vec<String>,
    pub(super) seed: u64,
    pub(super) truth: Option<TruthSpec>,
    pub(super) window: Option<WindowSpec>,
    pub(super) inverted: bool,
    pub(super) map: MapDisplay,
    pub(super) contours: Vec<f32>,
    pub(super) page: Page,
    pub(super) columns: Option<usize>,
    pub(super) headline: Option<String>,
    pub(super) row_labels: Option<Vec<String>>,
    pub(super) identity: bool,
}

impl Spec {
    /// Reads a specification; relative paths in it begin at `folder`.
    pub(super) fn parse(json: &[u8], folder: &Path) -> Result<Self, Problem> {
        let value: Value = serde_json::from_slice(json).map_err(|error| format!("it is no JSON ({error})"))?;
        let mut fields = Fields::new(value, "")?;
        let path = |text: String| if text.starts_with("demo:") { text.into() } else { folder.join(text) };
        let template = fields.required("template")?;
        let image = path(fields.required("image")?);
        let models = fields.take::<Vec<String>>("models")?.unwrap_or_default().into_iter().map(path).collect();
        let maps = fields.take("maps")?.map(path);
        let methods = methods(&mut fields)?;
        let states = fields.take("states")?;
        let preset = fields.take("preset")?.unwrap_or_default();
        let class = class(&mut fields)?;
        let parameters = match fields.take::<Value>("parameters")? {
            None => Vec::new(),
            Some(value @ Value::Object(_)) => settings(&value, ""),
            Some(_) => return Err(fields.refused("parameters", &"it is no JSON object")),
        };
        let seed = fields.take("seed")?.unwrap_or(0);
        let truth = truth(&mut fields, &path)?;
        let (map, contours, window, inverted) = display(&mut fields)?;
        let page = page(&mut fields)?;
        let columns = fields.take("columns")?;
        if columns.is_some_and(|columns| !limits::FIGURE_COLUMNS.contains(columns)) {
            return Err(fields.refused("columns", &format!("{} is needed", limits::FIGURE_COLUMNS)));
        }
        let spec = Self {
            template,
            image,
            models,
            maps,
            methods,
            states,
            preset,
            class,
            parameters,
            seed,
            truth,
            window,
            inverted,
            map,
            contours,
            page,
            columns,
            headline: fields.take("headline")?,
            row_labels: fields.take("row_labels")?,
            identity: fields.take("identity")?.unwrap_or(false),
        };
        fields.finish()?;
        spec.check()?;
        Ok(spec)
    }

    /// Refuses what the template cannot show.
    fn check(&self) -> Result<(), Problem> {
        let name = self.template.name();
        let refuse = |field: &str, problem: String| Err(format!("{field}: {problem}"));
        if self.maps.is_some() != self.models.is_empty() {
            return refuse("models", "give either models, which compute maps, or maps of an earlier run".to_owned());
        }
        match self.template {
            TemplateName::SingleCase if self.methods.len() != 1 => {
                return refuse("methods", format!("{name} shows one method, not {}", self.methods.len()));
            }
            TemplateName::SingleCase | TemplateName::MethodGrid if self.models.len() > 1 => {
                return refuse("models", format!("{name} shows one model; model_grid shows several"));
            }
            TemplateName::ModelGrid if self.maps.is_some() => {
                return refuse("maps", "model_grid computes its maps: give models instead".to_owned());
            }
            TemplateName::CascadeRow if self.maps.is_none() => {
                return refuse("maps", "cascade_row shows what `saliscope cascade` wrote: give its folder".to_owned());
            }
            _ => {}
        }
        if self.states.is_some() && self.template != TemplateName::CascadeRow {
            return refuse("states", format!("{name} has no states; cascade_row has"));
        }
        if self.columns.is_some() && self.template != TemplateName::MethodGrid {
            return refuse("columns", format!("{name} decides by itself; method_grid can be told"));
        }
        if let Some(labels) = &self.row_labels {
            let rows = match self.template {
                TemplateName::ModelGrid => self.models.len(),
                TemplateName::CascadeRow => self.methods.len(),
                _ => return refuse("row_labels", format!("{name} has no rows to label")),
            };
            if labels.len() != rows {
                return refuse("row_labels", format!("there are {} labels for {rows} rows", labels.len()));
            }
        }
        Ok(())
    }

    /// How `plane` is shown.
    pub(super) fn gray(&self, plane: &Plane) -> GrayDisplay {
        let own = plane.own().clone();
        let tone = match &self.window {
            None => own.tone,
            Some(WindowSpec::Window(window)) => Tone::Window(window.clone()),
            Some(WindowSpec::Percentiles(percentiles)) => Tone::Window(plane.percentile_window(*percentiles)),
        };
        GrayDisplay { tone, inverted: own.inverted != self.inverted, ..own }
    }
}

fn methods(fields: &mut Fields) -> Result<Vec<Method>, Problem> {
    let words = match fields.take::<Value>("methods")? {
        None => return Ok(Method::STUDY.to_vec()),
        Some(Value::String(word)) => vec![Value::String(word)],
        Some(Value::Array(words)) => words,
        Some(_) => return Err(fields.refused("methods", &"it is neither \"all\" nor a list of methods")),
    };
    let mut methods = Vec::new();
    for word in words {
        match word.as_str() {
            Some(word) if word.eq_ignore_ascii_case("all") => methods.extend(Method::STUDY),
            Some(word) => methods.push(word.parse().map_err(|error| fields.refused("methods", &error))?),
            None => return Err(fields.refused("methods", &"a method is named by a word, such as \"GCAM\"")),
        }
    }
    let mut seen = Vec::new();
    methods.retain(|method| {
        !seen.contains(method) && {
            seen.push(*method);
            true
        }
    });
    if methods.is_empty() {
        return Err(fields.refused("methods", &"at least one is needed"));
    }
    Ok(methods)
}

fn class(fields: &mut Fields) -> Result<Option<ClassChoice>, Problem> {
    match fields.take::<Value>("class")? {
        None => Ok(None),
        Some(Value::String(word)) => word.parse().map(Some).map_err(|error| fields.refused("class", &error)),
        Some(Value::Number(number)) => {
            let index = number.as_u64().and_then(|index| usize::try_from(index).ok());
            let index = index.ok_or_else(|| fields.refused("class", &"an index is a whole number from 0"))?;
            Ok(Some(ClassChoice::Index(index)))
        }
        Some(_) => Err(fields.refused("class", &"it is neither predicted, positive nor an index")),
    }
}

/// `{"sg": {"samples": 10}}` as `sg.samples=10`.
fn settings(value: &Value, place: &str) -> Vec<String> {
    match value {
        Value::Object(values) => {
            let inner = |(key, value): (&String, &Value)| {
                settings(value, &if place.is_empty() { key.clone() } else { format!("{place}.{key}") })
            };
            values.iter().flat_map(inner).collect()
        }
        leaf => vec![format!("{place}={leaf}")],
    }
}

fn truth(fields: &mut Fields, path: &dyn Fn(String) -> PathBuf) -> Result<Option<TruthSpec>, Problem> {
    let Some(mut group) = fields.group("truth")? else { return Ok(None) };
    let mask = group.take::<String>("mask")?;
    let boxes = group.take::<Vec<[f64; 4]>>("boxes")?;
    let found = match (mask, boxes) {
        (Some(mask), None) => TruthSpec::Mask(path(mask)),
        (None, Some(boxes)) => {
            let whole = |[x_px, y_px, width_px, height_px]: [f64; 4]| {
                let most = f64::from(limits::SIDE_PX);
                let usable = [x_px, y_px, width_px, height_px].iter().all(|value| value.abs() <= most);
                (usable && width_px > 0.0 && height_px > 0.0).then_some(FindingBox { x_px, y_px, width_px, height_px })
            };
            if boxes.len() > limits::BOXES {
                return Err(group.refused("boxes", &format!("at most {} are drawn", limits::BOXES)));
            }
            let boxes: Option<Vec<FindingBox>> = boxes.into_iter().map(whole).collect();
            let boxes = boxes.ok_or_else(|| {
                group.refused(
                    "boxes",
                    &format!("a box is [x, y, width, height] up to {}, its sides above 0", limits::SIDE_PX),
                )
            })?;
            TruthSpec::Boxes(boxes)
        }
        _ => return Err(fields.refused("truth", &"give either mask or boxes")),
    };
    group.finish()?;
    Ok(Some(found))
}

type Display = (MapDisplay, Vec<f32>, Option<WindowSpec>, bool);

fn display(fields: &mut Fields) -> Result<Display, Problem> {
    let mut map = export::page_display(ColourMap::default());
    let Some(mut group) = fields.group("display")? else { return Ok((map, Vec::new(), None, false)) };
    let unit = |value: f32| (0.0..=1.0).contains(&value);
    if let Some(colour_map) = group.take("colour_map")? {
        map.colour_map = colour_map;
    }
    if map.colour_map.is_diverging() {
        return Err(group.refused("colour_map", &"these maps have no sign; choose another than diverging"));
    }
    let opacity = group.take::<f32>("opacity")?;
    let by_value = group.take::<bool>("opacity_by_value")?;
    let most = opacity.unwrap_or(1.0);
    map.opacity = if by_value.unwrap_or(opacity.is_none()) { Opacity::ByValue(most) } else { Opacity::Uniform(most) };
    map.threshold = group.take("threshold")?.unwrap_or(map.threshold);
    for (name, value) in [("opacity", most), ("threshold", map.threshold)] {
        if !unit(value) {
            return Err(group.refused(name, &format!("{value} is not from 0 to 1")));
        }
    }
    if let Some(smooth) = group.take::<bool>("smooth")? {
        map.interpolation = if smooth { Interpolation::Linear } else { Interpolation::Nearest };
    }
    let contours = group.take::<Vec<f32>>("contours")?.unwrap_or_default();
    if contours.len() > limits::CONTOURS {
        return Err(group.refused("contours", &format!("at most {} are drawn", limits::CONTOURS)));
    }
    if !contours.iter().all(|level| unit(*level)) {
        return Err(group.refused("contours", &"levels are from 0 to 1"));
    }
    let window = group.take::<[f64; 2]>("window")?;
    let percentiles = group.take::<[f64; 2]>("percentiles")?;
    let window = match (window, percentiles) {
        (None, None) => None,
        (Some([center, width]), None) if center.is_finite() && width.is_finite() && width >= 1.0 => {
            let function = WindowFunction::Linear;
            Some(WindowSpec::Window(Window { center, width, function, explanation: None }))
        }
        (Some(_), None) => return Err(group.refused("window", &"it is [centre, width], the width 1 or more")),
        (None, Some([black, white])) if 0.0 <= black && black < white && white <= 100.0 => {
            Some(WindowSpec::Percentiles(Percentiles { black, white }))
        }
        (None, Some(_)) => return Err(group.refused("percentiles", &"they are [black, white], from 0 to 100, rising")),
        (Some(_), Some(_)) => return Err(group.refused("window", &"give either window or percentiles")),
    };
    let inverted = group.take("inverted")?.unwrap_or(false);
    group.finish()?;
    Ok((map, contours, window, inverted))
}

fn page(fields: &mut Fields) -> Result<Page, Problem> {
    let width_mm = match fields.take::<Value>("width")? {
        None => ColumnWidth::WideDouble.mm(),
        Some(Value::String(word)) => word.parse::<ColumnWidth>().map_err(|error| fields.refused("width", &error))?.mm(),
        Some(value) => {
            value.as_f64().ok_or_else(|| fields.refused("width", &"it is neither a name nor a number of mm"))?
        }
    };
    let dpi = fields.take("dpi")?.unwrap_or(Page::DPI);
    Page::new(width_mm, dpi).map_err(|error| {
        let field = if matches!(error, crate::figure::Error::Dpi { .. }) { "dpi" } else { "width" };
        fields.refused(field, &error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Spec, Problem> {
        Spec::parse(json.as_bytes(), Path::new("folder"))
    }

    #[test]
    fn the_shortest_specification_has_good_defaults() {
        let spec = parse(r#"{"template": "method_grid", "image": "a.png", "models": ["demo:x", "m.safetensors"]}"#);
        assert!(spec.unwrap_err().starts_with("models: method_grid shows one model"));
        let spec = parse(r#"{"template": "method_grid", "image": "a.png", "models": ["demo:x"]}"#).unwrap();
        assert_eq!((spec.image, spec.models), ("folder/a.png".into(), vec![PathBuf::from("demo:x")]));
        assert_eq!((spec.methods.len(), spec.preset, spec.page.width_mm), (8, Preset::Recommended, 183.0));
        assert_eq!(spec.map.opacity, Opacity::ByValue(1.0));
        assert!(!spec.identity);
    }

    #[test]
    fn every_field_reaches_its_place() {
        let spec = parse(
            r#"{"template": "model_grid", "image": "demo:case", "models": ["demo:a", "b.safetensors"], "seed": 7,
                "methods": ["gcam", "IG", "GCAM"], "preset": "arun2021", "class": 1, "width": "single", "dpi": 600,
                "parameters": {"sg": {"samples": 3}, "ig": {"baseline": "image_minimum"}},
                "truth": {"boxes": [[1, 2, 3, 4]]}, "headline": "H", "row_labels": ["A", "B"], "identity": true,
                "display": {"colour_map": "viridis", "opacity": 0.5, "threshold": 0.2, "contours": [0.5],
                            "smooth": false, "percentiles": [1, 99], "inverted": true}}"#,
        )
        .unwrap();
        assert_eq!(spec.methods, [Method::Gcam, Method::Ig]);
        assert_eq!(spec.parameters, [r#"ig.baseline="image_minimum""#, "sg.samples=3"]);
        assert_eq!((spec.class, spec.seed), (Some(ClassChoice::Index(1)), 7));
        assert_eq!((spec.page.width_mm, spec.page.dpi), (85.0, 600));
        assert_eq!((spec.map.opacity, spec.map.threshold), (Opacity::Uniform(0.5), 0.2));
        assert_eq!(spec.map.interpolation, Interpolation::Nearest);
        assert!(spec.identity && spec.inverted && spec.headline.as_deref() == Some("H"));
        assert!(matches!(spec.truth, Some(TruthSpec::Boxes(boxes)) if boxes[0].height_px == 4.0));
    }

    #[test]
    fn errors_name_the_field() {
        let base = r#""template": "single_case", "image": "a.png", "models": ["demo:x"], "methods": ["GRAD"]"#;
        for (more, told) in [
            (r#""widht": 80"#, "widht: there is no such field, only template, image"),
            (r#""width": 20"#, "width: a figure cannot be 20 mm wide"),
            (r#""width": "broad""#, "width: \"broad\" is no width"),
            (r#""dpi": 20"#, "dpi: a figure cannot have 20 dots"),
            (r#""dpi": "many""#, "dpi: invalid type"),
            (r#""class": "sick""#, "class: "),
            (r#""preset": "best""#, "preset: unknown variant"),
            (r#""display": {"opacity": 2}"#, "display.opacity: 2 is not from 0 to 1"),
            (r#""display": {"colour_map": "hot"}"#, "display.colour_map: unknown variant"),
            (r#""display": {"colours": 1}"#, "display.colours: there is no such field"),
            (r#""display": {"window": [10, 0]}"#, "display.window: "),
            (r#""truth": {}"#, "truth: give either mask or boxes"),
            (r#""truth": {"boxes": [[1, 2, 0, 4]]}"#, "truth.boxes: "),
            (r#""columns": 3"#, "columns: single_case decides"),
            (r#""states": ["a"]"#, "states: single_case has no states"),
            (r#""maps": "folder""#, "models: give either"),
            (r#""parameters": 3"#, "parameters: it is no JSON object"),
        ] {
            let problem = parse(&format!("{{{base}, {more}}}")).unwrap_err();
            assert!(problem.starts_with(told), "{problem}");
        }
        assert!(parse("{").unwrap_err().starts_with("it is no JSON"));
        assert!(parse(r#"{"image": "a"}"#).unwrap_err().starts_with("template: it is missing"));
        assert!(parse(r#"{"template": "pie", "image": "a"}"#).unwrap_err().starts_with("template: unknown variant"));
        assert!(
            parse(r#"{"template": "cascade_row", "image": "a", "models": ["m"]}"#).unwrap_err().starts_with("maps: ")
        );
        assert!(parse(&format!("{{{}}}", base.replace("GRAD", "LIME"))).unwrap_err().starts_with("methods: "));
    }
}
