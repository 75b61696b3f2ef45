//! What a case is judged by.

use super::error::Result;
use crate::cohort::{Case, Cohort, TruthRule};
use crate::detection::EdgeBox;
use crate::network::{ModelCard, ModelKind};
use crate::truth::{FindingBox, Mask};

/// What is true of a case, in the space of a model's input.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseTruth {
    /// Whether it has the finding.
    pub positive: bool,
    /// Pixels of the finding, for models that localize.
    pub mask: Option<Mask>,
    /// Boxes of the finding, for detectors.
    pub boxes: Vec<EdgeBox>,
}

/// What is true of a labelled case, as far as a model of this card is judged by it. A pixel belongs to the finding when at
/// least half of its area does.
///
/// # Errors
/// When the case has no label, or its mask or size cannot be read.
pub fn case_truth(cohort: &Cohort, case: &Case, card: &ModelCard) -> Result<CaseTruth> {
    let [height, width] = card.input_size;
    let unlabelled = crate::cohort::Error::Truth("the case has no label, so its truth is not known");
    let positive = case.label.ok_or(unlabelled)?;
    let mask = match card.kind {
        ModelKind::Classifier => None,
        ModelKind::Segmentation | ModelKind::Detection => {
            Some(cohort.truth(case, height, width, TruthRule::AreaExact)?)
        }
    };
    let boxes = match cohort.boxes(case) {
        boxes if card.kind == ModelKind::Detection && !boxes.is_empty() => {
            let [rows, columns] = case.boxes_lie_on_px().map_or_else(|| cohort.size_px(case), Ok)?;
            let (down, right) = (height as f64 / rows as f64, width as f64 / columns as f64);
            boxes.iter().map(|finding| EdgeBox::from(scaled(finding, down, right))).collect()
        }
        _ => Vec::new(),
    };
    Ok(CaseTruth { positive, mask, boxes })
}

fn scaled(finding: &FindingBox, down: f64, right: f64) -> FindingBox {
    FindingBox {
        x_px: finding.x_px * right,
        y_px: finding.y_px * down,
        width_px: finding.width_px * right,
        height_px: finding.height_px * down,
    }
}
