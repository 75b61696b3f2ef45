//! One picture on the screen, ready to be exported.

use std::sync::Arc;

use crate::display::{GrayDisplay, MapDisplay, MapPlane, Orientation, Viewport};
use crate::export::{ImageRecord, ModelRecord, Origin, SourceImage, content_sha256, map_tile};
use crate::figure::template::{MapTile, Picture, Scale, Truth};
use crate::metrics::MapScores;
use crate::reading::{Answer, OpenCase, OpenModel, Question};
use crate::saliency::Explanation;

/// A map on the screen.
#[derive(Clone)]
pub struct ShownMap {
    /// The model that was asked.
    pub model: Arc<OpenModel>,
    /// What was asked.
    pub question: Question,
    /// The answer.
    pub answer: Arc<Answer>,
    /// The values that are drawn: of 0 to 1, with their sign, or raw.
    pub plane: MapPlane,
    /// How they are drawn.
    pub display: MapDisplay,
    /// Value of the line drawn along it, where one is.
    pub contour: Option<f32>,
    /// What has to be said because the network never saw a patient; see [`crate::network::caution`].
    pub caution: Option<&'static str>,
}

/// A picture on the screen.
#[derive(Clone)]
pub struct ShownTile {
    /// What tells it from its neighbours. It is written into the figure: never the name of a file or a patient.
    pub name: String,
    /// The case.
    pub case: Arc<OpenCase>,
    /// How its gray levels are shown.
    pub gray: GrayDisplay,
    /// The map over it.
    pub map: Option<ShownMap>,
    /// The part that is seen; the whole image where nothing is given.
    pub view: Option<Viewport>,
    /// Why there is no map, where one should be.
    pub remark: Option<String>,
}

impl ShownMap {
    /// What the model found, with this map alone.
    pub(super) fn explanation(&self) -> Explanation {
        let prediction = &self.answer.prediction;
        Explanation {
            logits: prediction.logits.clone(),
            class: self.answer.map.provenance.class,
            maps: vec![self.answer.map.clone()],
        }
    }

    /// The model and how it was asked, in words; `warnings` of the image.
    pub(super) fn origin<'a>(&'a self, warnings: &'a [String]) -> Origin<'a> {
        Origin {
            model_name: &self.model.title,
            card: &self.model.model.card,
            sha256: self.model.sha256(),
            preset: self.question.preset,
            seed: self.question.seed,
            warnings,
            caution: self.caution,
        }
    }

    /// The percentile at which maps of 0 to 1 are clipped.
    pub(super) fn clip_percentile(&self) -> f64 {
        self.question.parameters.clip_percentile
    }
}

/// A model for records.
pub(super) fn model_record(model: &OpenModel) -> ModelRecord {
    ModelRecord { name: model.title.clone(), sha256: model.sha256().to_owned(), card: model.model.card.clone() }
}

/// The image of a case for records.
pub(super) fn image_record(case: &OpenCase) -> ImageRecord {
    let [width_px, height_px] = case.size_px();
    let content_sha256 = content_sha256([height_px, width_px], case.radiograph.pixels());
    ImageRecord { content_sha256, height_px, width_px }
}

/// The case as an image with its file's attributes.
pub(super) fn source(case: &OpenCase) -> SourceImage {
    SourceImage::of_plane(case.radiograph.clone(), case.dicom.clone(), (*case.plane).clone())
}

impl ShownTile {
    /// The radiograph alone, with the experts' marks where they are wanted.
    pub(super) fn radiograph(&self, has_truth: bool) -> Picture {
        let case = &self.case;
        let truth = match &case.truth.mask {
            _ if !has_truth => Truth::default(),
            Some(mask) => Truth::of_mask(mask, case.size_px()),
            None => Truth::of_boxes(&case.truth.boxes),
        };
        Picture {
            gray: self.gray.clone(),
            truth,
            view: self.view,
            pixel_aspect: case.facts.pixel_aspect,
            scale: Scale::of(case.facts.spacing),
            ..Picture::new((*case.plane).clone())
        }
    }

    /// How it is turned, mirrored and inverted; of the whole image, which lies as in its file, where `has_view` is not set.
    pub(super) fn orientation(&self, has_view: bool) -> Orientation {
        Orientation::of(&self.case.plane, &self.gray, self.view.as_ref().filter(|_| has_view))
    }

    /// The map against the experts' marks.
    pub(super) fn scores(&self) -> Option<MapScores> {
        let map = self.map.as_ref()?;
        let found = &map.answer.map;
        let truth = self.case.truth_at(found.area.whole_px, map.question.truth_rule())?;
        MapScores::of_present(&found.over_image(&found.display.values).1, truth.pixels()).ok()
    }

    /// The picture with its words.
    pub(super) fn tile(&self, has_truth: bool) -> MapTile {
        let radiograph = self.radiograph(has_truth);
        let Some(map) = &self.map else {
            return MapTile {
                name: self.name.clone(),
                title: self.name.clone(),
                caption: String::new(),
                parameters: String::new(),
                picture: radiograph,
                scores: Vec::new(),
                remark: self.remark.clone(),
            };
        };
        let scores = self.scores().filter(|_| has_truth);
        let tile = map_tile(&map.answer.map, &radiograph, map.display, scores.as_ref());
        let mut picture = radiograph;
        if map.display.visible {
            picture.map = Some((map.plane.clone(), map.display));
            picture.contours = map.contour.into_iter().collect();
        }
        MapTile { name: self.name.clone(), picture, ..tile }
    }
}
