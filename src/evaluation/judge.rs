//! From a network's outputs for a case to what the case says about the network.

use super::case_truth::CaseTruth;
use super::error::{Error, Result};
use crate::detection::{Anchors, Detection, Selection, pixel_map, select};
use crate::metrics::{ImageMatches, PrecisionRecall, dice, precision_recall};
use crate::network::retina_net::LEVELS;
use crate::network::{Batch, Graph, ModelCard, ModelKind, Output};
use crate::truth::Mask;

/// Boxes from this score on count for average precision; COCO leaves none out.
const MIN_SCORE: f32 = 1e-3;

/// What one case says about a network.
#[derive(Clone, Debug, PartialEq)]
pub enum CaseOutcome {
    /// By a classifier.
    Classified {
        /// Whether it has the finding.
        positive: bool,
        /// Logarithm of the odds of the finding: 0 is a probability of 0.5.
        log_odds: f64,
    },
    /// By a segmentation.
    Segmented {
        /// Whether it has the finding.
        positive: bool,
        /// Dice's coefficient of the pixels with a probability of at least 0.5.
        dice: f64,
        /// Areas below the precision-recall curve over pixels; nothing where no pixel is marked.
        pixels: Option<PixelAreas>,
    },
    /// By a detector.
    Detected {
        /// Whether it has the finding.
        positive: bool,
        /// Its boxes, right and wrong.
        matches: ImageMatches,
        /// Areas of the pixel map; nothing where no pixel is marked.
        pixels: Option<PixelAreas>,
    },
}

/// Areas below a precision-recall curve over the pixels of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelAreas {
    /// By trapezoids, as the study.
    pub trapezoid: f64,
    /// Average precision.
    pub average_precision: f64,
}

impl CaseOutcome {
    /// Whether the case has the finding.
    pub fn positive(&self) -> bool {
        match self {
            Self::Classified { positive, .. } | Self::Segmented { positive, .. } | Self::Detected { positive, .. } => {
                *positive
            }
        }
    }
}

/// Judges outputs of one network.
#[derive(Clone, Debug)]
pub struct Judge {
    kind: ModelKind,
    classes: usize,
    finding: usize,
    /// How logits become probabilities; of classifiers alone.
    output: Option<Output>,
    /// What they are divided by before.
    temperature: f64,
    /// Of a detector.
    anchors: Option<Anchors>,
}

impl Judge {
    /// A judge for the network of `card`.
    ///
    /// # Errors
    /// When the card names no positive class or does not say how a classifier's logits become probabilities, or the network
    /// cannot read images of its size.
    pub fn new(card: &ModelCard, graph: &Graph) -> Result<Self> {
        let finding = card.positive_class.ok_or(Error::NoPositiveClass)?;
        let output = (card.kind == ModelKind::Classifier).then(|| card.known_output()).transpose()?;
        let anchors = match card.kind {
            ModelKind::Detection => Some(anchors(card, graph)?),
            ModelKind::Classifier | ModelKind::Segmentation => None,
        };
        let temperature = card.temperature.unwrap_or(1.0);
        Ok(Self { kind: card.kind, classes: graph.classes(), finding, output, temperature, anchors })
    }

    /// What image `index` of the batch that gave `outputs` says. A missing mask counts as an empty one.
    ///
    /// # Errors
    /// When an output is NaN.
    ///
    /// # Panics
    /// When the outputs are not those of the judge's network, or mask and outputs differ in size.
    pub fn outcome(&self, outputs: &[Batch], index: usize, truth: &CaseTruth) -> Result<CaseOutcome> {
        let positive = truth.positive;
        if outputs.iter().any(|output| output.image(index).iter().any(|value| value.is_nan())) {
            return Err(Error::NotANumber);
        }
        match (self.output, &self.anchors) {
            (Some(output), _) => {
                let log_odds = output.log_odds_at(outputs[0].image(index), self.finding, self.temperature);
                Ok(CaseOutcome::Classified { positive, log_odds })
            }
            (None, Some(anchors)) => {
                let found = self.detections(outputs, index, anchors);
                let pixels = truth.mask.as_ref().map(|mask| {
                    // The map shows what a reader would be shown.
                    let shown: Vec<Detection> =
                        found.iter().copied().filter(|found| found.score > Selection::default().min_score).collect();
                    pixel_areas(&pixel_map(&shown, [mask.height_px(), mask.width_px()]), mask)
                });
                let matches = ImageMatches::new(&found, &truth.boxes);
                Ok(CaseOutcome::Detected { positive, matches, pixels: pixels.transpose()?.flatten() })
            }
            (None, None) => {
                let [_, _, height, width] = outputs[0].shape();
                let empty = Mask::empty(height, width);
                let mask = truth.mask.as_ref().unwrap_or(&empty);
                let logits = &outputs[0].image(index)[self.finding * height * width..][..height * width];
                let called: Vec<bool> = logits.iter().map(|logit| *logit >= 0.0).collect();
                let pixels = pixel_areas(logits, mask)?;
                Ok(CaseOutcome::Segmented { positive, dice: dice(&called, mask.pixels()), pixels })
            }
        }
    }

    /// The map `[h, w]` of image `index` by a network that localizes: a segmentation's probability of the finding, or for
    /// each pixel the highest score of a detector's boxes over it, 0 where there is none.
    ///
    /// # Errors
    /// When the network is a classifier, or an output is NaN.
    ///
    /// # Panics
    /// When the outputs are not those of the judge's network.
    pub fn localization(&self, outputs: &[Batch], index: usize, size: [usize; 2]) -> Result<Vec<f32>> {
        if outputs.iter().any(|output| output.image(index).iter().any(|value| value.is_nan())) {
            return Err(Error::NotANumber);
        }
        match (self.kind, &self.anchors) {
            (ModelKind::Classifier, _) => Err(Error::NotALocalizer),
            (ModelKind::Detection, Some(anchors)) => {
                let mut shown = self.detections(outputs, index, anchors);
                shown.retain(|found| found.score > Selection::default().min_score);
                Ok(pixel_map(&shown, size))
            }
            _ => {
                let [_, _, height, width] = outputs[0].shape();
                let logits = &outputs[0].image(index)[self.finding * height * width..][..height * width];
                Ok(logits.iter().map(|logit| (1.0 / (1.0 + f64::from(-*logit).exp())) as f32).collect())
            }
        }
    }

    fn detections(&self, outputs: &[Batch], index: usize, anchors: &Anchors) -> Vec<Detection> {
        let selection = Selection { min_score: MIN_SCORE, ..Selection::default() };
        let mut found = select(outputs, index, anchors, self.classes, &selection);
        found.retain(|found| found.class == self.finding);
        found
    }
}

/// The anchors of a detector's card.
fn anchors(card: &ModelCard, graph: &Graph) -> Result<Anchors> {
    let extents = graph.extents(card.input_size[0], card.input_size[1])?;
    let grids: Vec<[usize; 2]> = graph.outputs()[..LEVELS].iter().map(|id| extents[id.index()]).collect();
    let base_px = card.detector.unwrap_or_default().anchor_base_px;
    Ok(Anchors::new(card.input_size, &grids, base_px))
}

fn pixel_areas(scores: &[f32], mask: &Mask) -> Result<Option<PixelAreas>> {
    if mask.area_px() == 0 {
        return Ok(None);
    }
    let curve: PrecisionRecall = precision_recall(scores, mask.pixels()).map_err(|_| Error::NotANumber)?;
    Ok(Some(PixelAreas { trapezoid: curve.trapezoid_area(), average_precision: curve.average_precision() }))
}
