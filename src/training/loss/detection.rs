//! Focal loss and box regression of detectors (Lin et al. 2017).

use candle_core::{DType, Device, Tensor};

use super::error::{Error, Result};
use super::stable;
use crate::detection::{Anchors, Match, TrueBox, encode, match_anchors};
use crate::network::retina_net::{ANCHORS_PER_PIXEL, LEVELS};

const DETECTION: &str = "detection loss";

/// Weights of easy and hard places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Focal {
    /// Weight of a finding; the background has 1 minus this.
    pub alpha: f64,
    /// How fast the weight of a place falls with the probability of its true class.
    pub gamma: f64,
}

impl Default for Focal {
    /// The article's: alpha 0.25, gamma 2.
    fn default() -> Self {
        Self { alpha: 0.25, gamma: 2.0 }
    }
}

/// How far a box is off.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum BoxLoss {
    /// Sum of absolute differences, as torchvision's RetinaNet.
    #[default]
    L1,
    /// Squares within `beta` of 0: `d^2 / (2 beta)` below, `|d| - beta / 2` above (Girshick 2015).
    SmoothL1 {
        /// Where the two meet, above 0.
        beta: f64,
    },
}

/// Both parts of a detector's loss, scalars.
#[derive(Clone, Debug)]
pub struct DetectionLoss {
    /// Focal loss of the class scores.
    pub classification: Tensor,
    /// Distance of the boxes.
    pub boxes: Tensor,
}

impl DetectionLoss {
    /// Their sum, what training makes small.
    ///
    /// # Errors
    /// When the device fails.
    pub fn total(&self) -> Result<Tensor> {
        (&self.classification + &self.boxes).map_err(Error::candle(DETECTION))
    }
}

/// What the outputs of a detector should be for a batch, in the layout of the outputs.
#[derive(Clone, Debug)]
pub struct DetectionTargets {
    levels: Vec<LevelTargets>,
    gamma: f64,
}

#[derive(Clone, Debug)]
struct LevelTargets {
    /// 1 - 2 t for a place that should score t, `[n, 9 * classes, h, w]`.
    signs: Tensor,
    /// What a place counts: alpha or 1 - alpha over the image's foreground anchors and the images; 0 where ignored.
    class_weights: Tensor,
    /// Offsets, `[n, 9 * 4, h, w]`.
    offsets: Tensor,
    /// 1 over the image's foreground anchors and the images; 0 where there is no box.
    offset_weights: Tensor,
}

impl DetectionTargets {
    /// Matches the boxes of each image of a batch to `anchors` and lays targets out on `device` as `dtype`, `F32` or
    /// `F64`. Each image's parts are divided by its number of foreground anchors (at least 1), then averaged over images.
    ///
    /// # Errors
    /// When a box has a class beyond `classes`, there is no image, or the device fails.
    pub fn new(
        anchors: &Anchors,
        truths: &[Vec<TrueBox>],
        classes: usize,
        focal: Focal,
        (device, dtype): (&Device, DType),
    ) -> Result<Self> {
        if let Some(truth) = truths.iter().flatten().find(|truth| truth.class >= classes) {
            return Err(Error::Class { loss: DETECTION, class: truth.class, classes });
        }
        if truths.is_empty() {
            return Err(Error::Shape { loss: DETECTION, needed: "at least one image".to_owned(), found: vec![0] });
        }
        let matches: Vec<Vec<Match>> = truths.iter().map(|boxes| match_anchors(anchors, boxes)).collect();
        let mut first = 0;
        let mut levels = Vec::with_capacity(anchors.levels().len());
        for (level, grid) in anchors.levels().iter().zip(anchors.grids()) {
            let mut host = HostTargets::new(truths.len(), classes, *grid);
            for (image, (boxes, matches)) in truths.iter().zip(&matches).enumerate() {
                let foreground = matches.iter().filter(|found| matches!(found, Match::Box(_))).count();
                let share = 1.0 / (foreground.max(1) * truths.len()) as f64;
                for (position, anchor) in level.iter().enumerate() {
                    match matches[first + position] {
                        Match::Ignored => {}
                        Match::Background => host.score(image, position, None, share, focal),
                        Match::Box(index) => {
                            host.score(image, position, Some(boxes[index].class), share, focal);
                            host.place(image, position, encode(&boxes[index].bounds, anchor), share);
                        }
                    }
                }
            }
            first += level.len();
            levels.push(host.upload(device, dtype).map_err(Error::candle(DETECTION))?);
        }
        Ok(Self { levels, gamma: focal.gamma })
    }
}

/// Targets of one level in host memory.
struct HostTargets {
    images: usize,
    classes: usize,
    grid: [usize; 2],
    signs: Vec<f64>,
    class_weights: Vec<f64>,
    offsets: Vec<f64>,
    offset_weights: Vec<f64>,
}

impl HostTargets {
    fn new(images: usize, classes: usize, grid: [usize; 2]) -> Self {
        let places = images * ANCHORS_PER_PIXEL * grid[0] * grid[1];
        Self {
            images,
            classes,
            grid,
            signs: vec![1.0; places * classes],
            class_weights: vec![0.0; places * classes],
            offsets: vec![0.0; places * 4],
            offset_weights: vec![0.0; places * 4],
        }
    }

    /// Where the value `number` of `count` of an anchor lies; `position` counts anchors within pixels.
    fn at(&self, image: usize, position: usize, number: usize, count: usize) -> usize {
        let (pixels, pixel) = (self.grid[0] * self.grid[1], position / ANCHORS_PER_PIXEL);
        let channel = (position % ANCHORS_PER_PIXEL) * count + number;
        (image * ANCHORS_PER_PIXEL * count + channel) * pixels + pixel
    }

    fn score(&mut self, image: usize, position: usize, finding: Option<usize>, share: f64, focal: Focal) {
        for class in 0..self.classes {
            let at = self.at(image, position, class, self.classes);
            let here = finding == Some(class);
            self.signs[at] = if here { -1.0 } else { 1.0 };
            self.class_weights[at] = share * if here { focal.alpha } else { 1.0 - focal.alpha };
        }
    }

    fn place(&mut self, image: usize, position: usize, offsets: [f32; 4], share: f64) {
        for (coordinate, offset) in offsets.into_iter().enumerate() {
            let at = self.at(image, position, coordinate, 4);
            self.offsets[at] = f64::from(offset);
            self.offset_weights[at] = share;
        }
    }

    fn upload(self, device: &Device, dtype: DType) -> candle_core::Result<LevelTargets> {
        let [rows, columns] = self.grid;
        let (images, classes) = (self.images, self.classes);
        let tensor = |values: Vec<f64>, count: usize| {
            // Cast on the host: not every device has f64.
            Tensor::from_vec(values, (images, ANCHORS_PER_PIXEL * count, rows, columns), &Device::Cpu)?
                .to_dtype(dtype)?
                .to_device(device)
        };
        Ok(LevelTargets {
            signs: tensor(self.signs, classes)?,
            class_weights: tensor(self.class_weights, classes)?,
            offsets: tensor(self.offsets, 4)?,
            offset_weights: tensor(self.offset_weights, 4)?,
        })
    }
}

/// Loss of a detector's outputs, which are those of [`crate::network::retina_net`]: class logits of all levels
/// `[n, 9 * classes, h, w]`, then offsets of all levels `[n, 9 * 4, h, w]`.
///
/// # Errors
/// When the outputs are not those the targets were made for, or the device fails.
pub fn detection_loss(outputs: &[Tensor], targets: &DetectionTargets, box_loss: BoxLoss) -> Result<DetectionLoss> {
    let levels = &targets.levels;
    if outputs.len() != 2 * LEVELS || levels.len() != LEVELS {
        let needed = format!("{} outputs", 2 * LEVELS);
        return Err(Error::Shape { loss: DETECTION, needed, found: vec![outputs.len()] });
    }
    let (logits, offsets) = outputs.split_at(LEVELS);
    let expected = levels.iter().map(|level| &level.signs).chain(levels.iter().map(|level| &level.offsets));
    for (output, target) in outputs.iter().zip(expected) {
        if output.dims() != target.dims() {
            let needed = format!("outputs of the targets' shape {:?}", target.dims());
            return Err(Error::Shape { loss: DETECTION, needed, found: output.dims().to_vec() });
        }
    }
    let sum = |parts: candle_core::Result<Vec<Tensor>>| parts.and_then(|parts| Tensor::stack(&parts, 0)?.sum_all());
    let classification = sum(logits.iter().zip(levels).map(|(x, level)| focal_loss(x, level, targets.gamma)).collect());
    let boxes = sum(offsets.iter().zip(levels).map(|(x, level)| distance(x, level, box_loss)).collect());
    Ok(DetectionLoss {
        classification: classification.map_err(Error::candle(DETECTION))?,
        boxes: boxes.map_err(Error::candle(DETECTION))?,
    })
}

/// `alpha_t (1 - p_t)^gamma (-ln p_t)`. With `z` the logit turned so that a large one is wrong, `-ln p_t` is
/// `softplus(z)` and `1 - p_t` is `exp(z - softplus(z))`: no difference of nearly equal numbers, no overflow.
fn focal_loss(logits: &Tensor, level: &LevelTargets, gamma: f64) -> candle_core::Result<Tensor> {
    let z = (logits * &level.signs)?;
    let cross_entropy = stable::softplus(&z)?;
    let hardness = ((z - &cross_entropy)? * gamma)?.exp()?;
    ((cross_entropy * hardness)? * &level.class_weights)?.sum_all()
}

fn distance(offsets: &Tensor, level: &LevelTargets, box_loss: BoxLoss) -> candle_core::Result<Tensor> {
    let distance = (offsets - &level.offsets)?.abs()?;
    let distance = match box_loss {
        BoxLoss::L1 => distance,
        BoxLoss::SmoothL1 { beta } => {
            // Where `d` is cut at beta: `c^2 / (2 beta) + (d - c)`, which is both formulas at once.
            let cut = distance.minimum(beta)?;
            ((cut.sqr()? / (2.0 * beta))? + (distance - cut)?)?
        }
    };
    (distance * &level.offset_weights)?.sum_all()
}
