//! What is written beside the maps: `explain.json` and the panel.

use std::path::Path;

use serde::Serialize;

use super::study_image::StudyImage;
use crate::display::ColourMap;
use crate::export::{self, Origin};
use crate::figure::NOT_FOR_DIAGNOSIS;
use crate::figure::template::{MethodGrid, Picture, Template};
use crate::metrics::MapScores;
use crate::network::{Model, ModelCard, ReadArea};
use crate::saliency::{ClassChoice, Explanation, Outcome, Provenance, Request, SaliencyMap};

pub(super) use crate::export::{ClassFound, VERSION};

/// Name of the model: that of its file without folder and ending.
pub(super) fn model_name(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

#[derive(Serialize)]
struct ModelReport<'a> {
    name: &'a str,
    sha256: &'a str,
    #[serde(flatten)]
    card: &'a ModelCard,
}

#[derive(Serialize)]
struct ImageReport {
    height_px: usize,
    width_px: usize,
    /// Seed of its noise, from its pixels alone.
    content_seed: u64,
    /// What the model read of the image, where that is not the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<ReadArea>,
}

#[derive(Serialize)]
struct MapReport<'a> {
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// Against the truth, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    scores: Option<MapScores>,
    #[serde(flatten)]
    provenance: &'a Provenance,
}

/// Everything about one explained image except its maps; no path and no identifier.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    notice: &'static str,
    /// What has to be known before any of it is believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    caution: Option<&'static str>,
    saliscope: &'static str,
    model: ModelReport<'a>,
    image: ImageReport,
    logits: &'a [f32],
    /// None where nobody said how the logits become probabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    probabilities: Option<Vec<f64>>,
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
    pub(super) fn report(
        &self,
        index: usize,
        explanation: &'a Explanation,
        image: &'a StudyImage,
        scores: &[Option<MapScores>],
    ) -> Report<'a> {
        let input = &self.request.images[index];
        let [_, _, height_px, width_px] = input.values.shape();
        let card = &self.model.card;
        let maps = explanation
            .maps
            .iter()
            .zip(scores)
            .map(|(map, scores)| MapReport {
                outcome: map.display.outcome,
                reason: map.display.reason.as_deref(),
                scores: *scores,
                provenance: &map.provenance,
            })
            .collect();
        Report {
            notice: NOT_FOR_DIAGNOSIS,
            caution: card.caution(image.is_phantom),
            saliscope: VERSION,
            model: ModelReport { name: self.name, sha256: &self.model.sha256, card },
            image: ImageReport {
                height_px,
                width_px,
                content_seed: input.id_seed,
                area: Some(image.area).filter(|area| !area.is_whole()),
            },
            logits: &explanation.logits,
            probabilities: card.probabilities(&explanation.logits),
            predicted: ClassFound::predicted(card, &explanation.logits),
            explained: ClassFound::new(card, &explanation.logits, explanation.class),
            class_choice: self.request.class,
            preset: self.request.preset.name(),
            seed: self.request.seed,
            executor: self.executor,
            seconds: self.seconds,
            warnings: &image.warnings,
            maps,
        }
    }

    /// What the figures of one image say of its maps.
    pub(super) fn origin(&self, image: &'a StudyImage) -> Origin<'a> {
        Origin {
            model_name: self.name,
            card: &self.model.card,
            sha256: &self.model.sha256,
            preset: self.request.preset,
            seed: self.request.seed,
            warnings: &image.warnings,
            caution: self.model.card.caution(image.is_phantom),
        }
    }

    /// The page of one image: the radiograph and its maps.
    pub(super) fn panel(
        &self,
        explanation: &Explanation,
        picture: &Picture,
        image: &'a StudyImage,
        scores: &[Option<MapScores>],
    ) -> Template {
        let display = export::page_display(ColourMap::default());
        let tile = |(map, scores): (&SaliencyMap, &Option<MapScores>)| {
            export::map_tile(map, picture, display, scores.as_ref())
        };
        let mut labels = self.origin(image).labels(explanation);
        labels.details.extend(scores.iter().flatten().next().map(export::score_explanation));
        Template::MethodGrid(MethodGrid {
            labels,
            radiograph: picture.clone(),
            maps: explanation.maps.iter().zip(scores).map(tile).collect(),
            bar: export::map_bar(&display, self.request.parameters.clip_percentile),
            columns: None,
        })
    }
}
