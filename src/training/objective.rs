//! The loss of a batch and its gradient by the network's outputs, whatever the network says about an image.

use candle_core::{DType, Device, Tensor};

use super::augmentation::Augmented;
use super::error::Result;
use super::loss::{
    BoxLoss, ClassWeights, DetectionTargets, Error as LossError, Focal, SegmentationLoss, binary_cross_entropy,
    detection_loss, findings_cross_entropy, output_gradients, segmentation_loss, softmax_cross_entropy,
};
use super::samples::{Sample, Samples};
use crate::detection::{Anchors, TrueBox};
use crate::network::{Batch, Graph, ModelKind, Output};

/// What is made small.
#[derive(Clone, Debug)]
pub(super) enum Objective {
    /// Cross-entropy with a weight for each class, of images that are of one class.
    Classes(ClassWeights),
    /// Cross-entropy of several findings, each with a weight for its absence and its presence.
    Findings(Vec<ClassWeights>),
    /// Cross-entropy of pixels and soft Dice.
    Pixels,
    /// Focal loss and distance of boxes from these anchors.
    Boxes(Box<Anchors>),
}

/// What a batch should give.
pub(super) struct Truth<'a> {
    pub(super) samples: &'a [&'a Sample],
    pub(super) images: &'a [Augmented],
}

impl Objective {
    /// The objective of a training; `output` is how the logits of a classifier become probabilities.
    pub(super) fn new(
        graph: &Graph,
        output: Option<Output>,
        train: &Samples,
        anchor_base_px: f64,
        is_balanced: bool,
    ) -> Result<Self> {
        let weights = |counts: &[usize]| {
            if is_balanced { ClassWeights::balanced(counts) } else { ClassWeights::equal(counts.len()) }
        };
        let (size_px, findings) = (train.size_px, train.findings());
        Ok(match (graph.kind(), output) {
            (ModelKind::Classifier, Some(Output::Sigmoid)) if findings > 1 => {
                Self::Findings((0..findings).map(|finding| weights(&train.counts_of(finding))).collect())
            }
            (ModelKind::Classifier, _) if findings > 1 => {
                let counts: Vec<usize> = (0..findings).map(|class| train.counts_of(class)[1]).collect();
                Self::Classes(weights(&counts))
            }
            (ModelKind::Classifier, _) => Self::Classes(weights(&train.counts())),
            (ModelKind::Segmentation, _) => Self::Pixels,
            (ModelKind::Detection, _) => {
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
                let classes: Vec<usize> = truth.samples.iter().map(|sample| sample.class()).collect();
                loss(&logits, &classes, weights)?
            }
            Self::Findings(weights) => {
                let logits = outputs[0].flatten_from(1).map_err(candle)?;
                let labels: Vec<&[Option<bool>]> = truth.samples.iter().map(|sample| &sample.labels[..]).collect();
                findings_cross_entropy(&logits, &labels, weights)?
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
