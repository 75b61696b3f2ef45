//! What is written beside the maps: `explain.json` and the words of the panel.

use std::path::Path;

use serde::Serialize;

use crate::figure::{self, NOT_FOR_DIAGNOSIS, Panel, Tile};
use crate::network::{Model, ModelCard, argmax};
use crate::saliency::{ClassChoice, Explanation, Method, Outcome, Provenance, Request, softmax};

/// Version of this program.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A class with its name and its probability.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ClassFound {
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) probability: f64,
}

impl ClassFound {
    /// Class `index` of `card` given the logits.
    pub(super) fn new(card: &ModelCard, logits: &[f32], index: usize) -> Self {
        Self { index, name: card.classes[index].clone(), probability: probabilities(logits)[index] }
    }

    /// Number and name; the number alone where the name says no more.
    pub(super) fn label(&self) -> String {
        if self.name == format!("class {}", self.index) {
            self.name.clone()
        } else {
            format!("class {} “{}”", self.index, self.name)
        }
    }

    /// The class of the largest logit.
    pub(super) fn predicted(card: &ModelCard, logits: &[f32]) -> Self {
        Self::new(card, logits, argmax(logits))
    }
}

/// Softmax; of a single logit the logistic function, because its softmax is always 1.
pub(super) fn probabilities(logits: &[f32]) -> Vec<f64> {
    match logits {
        [logit] => vec![1.0 / (1.0 + (-f64::from(*logit)).exp())],
        _ => softmax(logits),
    }
}

/// Name of the model: that of its file without folder and ending.
pub(super) fn model_name(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

#[derive(Serialize)]
struct ModelReport<'a> {
    name: &'a str,
    #[serde(flatten)]
    card: &'a ModelCard,
}

#[derive(Serialize)]
struct ImageReport {
    height_px: usize,
    width_px: usize,
    /// Seed of its noise, from its pixels alone.
    content_seed: u64,
}

#[derive(Serialize)]
struct MapReport<'a> {
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(flatten)]
    provenance: &'a Provenance,
}

/// Everything about one explained image except its maps; no path and no identifier.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    notice: &'static str,
    saliscope: &'static str,
    model: ModelReport<'a>,
    image: ImageReport,
    logits: &'a [f32],
    probabilities: Vec<f64>,
    predicted: ClassFound,
    explained: ClassFound,
    class_choice: ClassChoice,
    preset: &'static str,
    seed: u64,
    executor: &'a str,
    seconds: f64,
    warnings: &'a [String],
    maps: Vec<MapReport<'a>>,
}

/// What a report tells about.
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) model: &'a Model,
    pub(super) request: &'a Request,
    pub(super) executor: &'a str,
    /// Time for all images of the request.
    pub(super) seconds: f64,
}

impl<'a> Subject<'a> {
    /// The content of `explain.json` for image `index` of the request.
    pub(super) fn report(&self, index: usize, explanation: &'a Explanation, warnings: &'a [String]) -> Report<'a>
    where
        Self: 'a,
    {
        let input = &self.request.images[index];
        let [_, _, height_px, width_px] = input.values.shape();
        let card = &self.model.card;
        let maps = explanation
            .maps
            .iter()
            .map(|map| MapReport {
                outcome: map.display.outcome,
                reason: map.display.reason.as_deref(),
                provenance: &map.provenance,
            })
            .collect();
        Report {
            notice: NOT_FOR_DIAGNOSIS,
            saliscope: VERSION,
            model: ModelReport { name: self.name, card },
            image: ImageReport { height_px, width_px, content_seed: input.id_seed },
            logits: &explanation.logits,
            probabilities: probabilities(&explanation.logits),
            predicted: ClassFound::predicted(card, &explanation.logits),
            explained: ClassFound::new(card, &explanation.logits, explanation.class),
            class_choice: self.request.class,
            preset: self.request.preset.name(),
            seed: self.request.seed,
            executor: self.executor,
            seconds: self.seconds,
            warnings,
            maps,
        }
    }

    fn scaling(&self) -> String {
        let percentile = self.request.parameters.clip_percentile;
        let top = if percentile < 100.0 { format!("{percentile}th percentile") } else { "maximum".to_owned() };
        let product = if self.request.methods.contains(&Method::Ggcam) { " (GGCAM: its maximum)" } else { "" };
        format!("Each map is scaled by itself, 0 being its minimum and 1 its {top}{product}")
    }

    /// The page of one image, `gray` being the radiograph at the size of the maps.
    pub(super) fn panel<'b>(
        &self,
        index: usize,
        explanation: &'b Explanation,
        gray: &'b [f32],
        warnings: &[String],
    ) -> Panel<'b> {
        let card = &self.model.card;
        let [_, _, height_px, width_px] = self.request.images[index].values.shape();
        let explained = ClassFound::new(card, &explanation.logits, explanation.class);
        let predicted = ClassFound::predicted(card, &explanation.logits);
        let relation = if explained.index == predicted.index {
            "the class that the model predicts".to_owned()
        } else {
            format!("the model predicts {} ({})", predicted.label(), rounded(predicted.probability))
        };
        let mut details = vec![
            format!("The maps show what the score (logit) of this class reacts to; {relation}."),
            format!(
                "Model “{}”, {}, SHA-256 {}…  ·  preset {}  ·  saliscope {VERSION}",
                self.name,
                card.architecture,
                self.model.sha256.get(..8).unwrap_or_default(),
                self.request.preset.name(),
            ),
        ];
        details.extend(warnings.iter().map(|warning| format!("Note: {warning}.")));
        Panel {
            height_px,
            width_px,
            gray,
            headline: format!("Explained: {}, probability {}", explained.label(), rounded(explained.probability)),
            details,
            scaling: self.scaling(),
            tiles: explanation
                .maps
                .iter()
                .map(|map| Tile {
                    name: map.method.name(),
                    title: map.method.title(),
                    caption: figure::caption(map.method),
                    values: &map.display.values,
                    remark: map.display.reason.as_deref(),
                })
                .collect(),
        }
    }
}

/// A probability with as many digits as tell it from 0 and 1.
fn rounded(probability: f64) -> String {
    match probability {
        p if p >= 0.9995 => "above 0.999".to_owned(),
        p if p < 0.0005 => "below 0.001".to_owned(),
        p => format!("{p:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_logit_has_a_probability_of_its_own() {
        assert_eq!(probabilities(&[0.0]), [0.5]);
        assert!((probabilities(&[2.0])[0] - 0.880_797_077_977_882).abs() < 1e-12);
        assert_eq!(probabilities(&[3.0, 3.0]), [0.5, 0.5]);
    }

    #[test]
    fn certainty_is_never_claimed() {
        assert_eq!(rounded(0.99999), "above 0.999");
        assert_eq!(rounded(1e-9), "below 0.001");
        assert_eq!(rounded(0.9312), "0.931");
    }
}
