//! The loss of a batch and its gradient by the network's outputs, whatever the network says about an image.

use candle_core::{DType, Device, Tensor};

use super::augmentation::Augmented;
use super::error::Result;
use super::loss::{
    BoxLoss, ClassWeights, DetectionTargets, Error as LossError, Focal, SegmentationLoss, binary_cross_entropy,
    detection_loss, output_gradients, segmentation_loss, softmax_cross_entropy,
};
use crate::detection::{Anchors, TrueBox};
use crate::network::{Batch, Graph, ModelKind};

/// What is made small.
#[derive(Clone, Debug)]
pub(super) enum Objective {
    /// Cross-entropy with a weight for each class.
    Classes(ClassWeights),
    /// Cross-entropy of pixels and soft Dice.
    Pixels,
    /// Focal loss and distance of boxes from these anchors.
    Boxes(Box<Anchors>),
}

/// What a batch should give.
pub(super) struct Truth<'a> {
    /// 1 with the finding, 0 without.
    pub(super) classes: &'a [usize],
    pub(super) images: &'a [Augmented],
}

impl Objective {
    /// The objective of a network for images of `size_px`.
    pub(super) fn new(graph: &Graph, size_px: [usize; 2], anchor_base_px: f64, weights: ClassWeights) -> Result<Self> {
        Ok(match graph.kind() {
            ModelKind::Classifier => Self::Classes(weights),
            ModelKind::Segmentation => Self::Pixels,
            ModelKind::Detection => {
                let extents = graph.extents(size_px[0], size_px[1])?;
                let levels = &graph.outputs()[..graph.outputs().len() / 2];
                let grids: Vec<[usize; 2]> = levels.iter().map(|id| extents[id.index()]).collect();
                Self::Boxes(Box::new(Anchors::new(size_px, &grids, anchor_base_px)))
            }
        })
    }

    /// The loss, and its gradients by `outputs`.
    pub(super) fn gradients(&self, outputs: &[Batch], truth: &Truth<'_>) -> Result<(f64, Vec<Batch>)> {
        Ok(output_gradients(outputs, |outputs| self.loss(outputs, truth))?)
    }

    fn loss(&self, outputs: &[Tensor], truth: &Truth<'_>) -> super::loss::Result<Tensor> {
        let candle = |source| LossError::candle("the loss")(source);
        Ok(match self {
            Self::Classes(weights) => {
                let logits = outputs[0].flatten_from(1).map_err(candle)?;
                let single = logits.dims()[1] == 1;
                let loss = if single { binary_cross_entropy } else { softmax_cross_entropy };
                loss(&logits, truth.classes, weights)?
            }
            Self::Pixels => {
                let values: Vec<f32> = truth.images.iter().flat_map(|image| image.mask.iter().copied()).collect();
                let masks = Tensor::from_vec(values, outputs[0].shape(), &Device::Cpu).map_err(candle)?;
                segmentation_loss(&outputs[0], &masks, &SegmentationLoss::default())?
            }
            Self::Boxes(anchors) => {
                let boxes = |image: &Augmented| {
                    image.boxes.iter().map(|bounds| TrueBox { bounds: *bounds, class: 0 }).collect()
                };
                let truths: Vec<Vec<TrueBox>> = truth.images.iter().map(boxes).collect();
                let place = (&Device::Cpu, DType::F32);
                let targets = DetectionTargets::new(anchors, &truths, 1, Focal::default(), place)?;
                detection_loss(outputs, &targets, BoxLoss::default())?.total()?
            }
        })
    }
}
