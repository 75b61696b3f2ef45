//! XRAI: regions instead of pixels (Kapishnikov et al., ICCV 2019), as PAIR's `saliency` computes it.
//!
//! [`segment`] cuts the image into overlapping segments at six levels of detail; it reads nothing but the image, so one
//! [`Segmentation`] serves every network and class. [`merge`] then takes the segments one by one, the one with the
//! largest mean attribution over the pixels it adds first, and gives these pixels that mean.
//!
//! ```
//! use saliscope::saliency::xrai::{self, Parameters};
//!
//! let (height, width) = (96, 96);
//! let image: Vec<f32> = (0..height * width).map(|pixel| if pixel % width < 40 { -1.0 } else { 1.0 }).collect();
//! let attribution: Vec<f32> = (0..height * width).map(|pixel| if pixel % width < 40 { 0.5 } else { 0.0 }).collect();
//! let parameters = Parameters::default();
//! let segmentation = xrai::segment(&image, [1, height, width], &parameters)?;
//! let merged = xrai::merge(&attribution, &segmentation, &parameters)?;
//! assert!(merged.map[0] > merged.map[width - 1]);
//! # Ok::<(), xrai::Error>(())
//! ```

mod cache;
mod felzenszwalb;
mod mask;
mod merge;
mod scales;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::resize;
use crate::limits;
pub use cache::SegmentCache;
use felzenszwalb::EdgeList;
pub use mask::Mask;
pub use merge::{Merged, Step, merge};
pub use scales::{SCALE_SETS, ScaleSet, read_scales, scales_text};

/// Result of an XRAI step.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an image has no XRAI map.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The array and its shape disagree, or a side is 0.
    #[error("XRAI got {values} image values for the shape {shape:?} ([c, h, w])")]
    ImageSize {
        /// Values given.
        values: usize,
        /// Shape given.
        shape: [usize; 3],
    },
    /// More pixels than memory is set aside for.
    #[error("XRAI segments images of up to {max_pixels} pixels, this one has {height}x{width}")]
    ImageTooLarge {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Largest number of pixels.
        max_pixels: usize,
    },
    /// A NaN, an infinity, or values too far apart for float32.
    #[error("XRAI cannot segment an image whose values reach from {low} to {high} or are not all numbers")]
    ImageNotFinite {
        /// Smallest value.
        low: f32,
        /// Largest value.
        high: f32,
    },
    /// The image shows nothing, so there is nothing to segment.
    #[error("XRAI has no segments for an image that is {value} everywhere")]
    ConstantImage {
        /// The one value.
        value: f32,
    },
    /// A parameter out of its range.
    #[error("XRAI needs {requirement}")]
    Parameter {
        /// What must hold.
        requirement: String,
    },
    /// A word among scales that is no number.
    #[error("XRAI needs scales as numbers with commas between, such as 50, 100, 250: {word:?} is none")]
    ScaleText {
        /// The word.
        word: String,
    },
    /// The labels do not cover the image, or one is negative or as large as the image.
    #[error("XRAI needs labels from 0 to {height}x{width} - 1 for each pixel of {height}x{width}")]
    Labels {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// The attribution has another size than the segmented image.
    #[error("XRAI got {values} attributions for an image of {height}x{width} pixels")]
    AttributionSize {
        /// Attributions given.
        values: usize,
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
    },
    /// A NaN or an infinity in the attribution: its segments have no mean.
    #[error("XRAI cannot rank segments by an attribution that is {value} in row {y}, column {x}")]
    AttributionNotFinite {
        /// The value.
        value: f32,
        /// Row of the first such pixel.
        y: usize,
        /// Its column.
        x: usize,
    },
}

/// How segments are ranked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeRule {
    /// By the mean attribution over the pixels not covered yet, found anew after each segment.
    #[default]
    Full,
    /// By the mean attribution over the whole segment, found once.
    Fast,
}

/// Parameters of XRAI's segmentation and merge. The default values are PAIR's and the study's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Height and width the image is segmented at; `None` for its own.
    pub resize_px: Option<[usize; 2]>,
    /// Felzenszwalb's scales, at the published implementation's image range of 0 to 255: larger ones give larger
    /// segments.
    pub scales: Vec<f64>,
    /// Standard deviation of the Gaussian before the segmentation, in pixels of the resized image.
    pub sigma_px: f64,
    /// Smaller segments join a neighbour; in pixels of the resized image.
    pub min_size_px: usize,
    /// Radius of the disk that dilates each segment, in pixels of the image; 0 for none.
    pub dilation_radius_px: usize,
    /// Segments that add fewer pixels are dropped; 0 counts as 1, for a segment that adds nothing has no mean.
    pub min_new_pixels: usize,
    /// [`MergeRule::Full`] ends once more than this part of the image is covered; 1 for never.
    pub area_threshold: f64,
    /// The image's minimum and maximum are scaled to this range before the segmentation.
    pub value_range: [f64; 2],
    /// How segments are ranked.
    pub merge: MergeRule,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            resize_px: Some([224, 224]),
            scales: vec![50.0, 100.0, 150.0, 250.0, 500.0, 1200.0],
            sigma_px: 0.8,
            min_size_px: 150,
            dilation_radius_px: 5,
            min_new_pixels: 50,
            area_threshold: 1.0,
            value_range: [-1.0, 1.0],
            merge: MergeRule::Full,
        }
    }
}

impl Parameters {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// If one is out of its range; the error says what must hold.
    pub fn check(&self) -> Result<()> {
        let in_unit = |value: f64| (0.0..=1.0).contains(&value);
        let sigma = limits::SEGMENT_SIGMA_PX;
        let [low, high] = self.value_range;
        let requirements = [
            (!self.scales.is_empty(), "at least one scale".to_owned()),
            (self.scales.len() <= limits::SCALES.most, format!("at most {} scales", limits::SCALES.most)),
            (
                self.scales.iter().all(|&scale| limits::SCALE.contains(scale)),
                format!("scales from {} to {:e}", limits::SCALE.least, limits::SCALE.most),
            ),
            (limits::SEGMENT_SIGMA_PX.contains(self.sigma_px), format!("a sigma of {sigma} px")),
            (
                self.dilation_radius_px <= limits::DILATION_PX,
                format!("a dilation radius of at most {} px", limits::DILATION_PX),
            ),
            (
                self.min_size_px.max(self.min_new_pixels) <= limits::XRAI_PIXELS,
                format!("a smallest segment and a smallest addition of at most {} pixels", limits::XRAI_PIXELS),
            ),
            (in_unit(self.area_threshold), "an area threshold from 0 to 1".to_owned()),
            (
                limits::SEGMENT_VALUE.contains(low) && limits::SEGMENT_VALUE.contains(high) && low < high,
                format!(
                    "a value range that rises within {:e} to {:e}",
                    limits::SEGMENT_VALUE.least,
                    limits::SEGMENT_VALUE.most
                ),
            ),
            (
                self.resize_px.is_none_or(|[height, width]| {
                    height > 0 && width > 0 && height.saturating_mul(width) <= limits::SEGMENTED_PIXELS
                }),
                format!("a size of at least 1x1 and at most {} pixels to segment at", limits::SEGMENTED_PIXELS),
            ),
        ];
        match requirements.into_iter().find(|(holds, _)| !holds) {
            Some((_, requirement)) => Err(Error::Parameter { requirement }),
            None => Ok(()),
        }
    }
}

/// The segments of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segmentation {
    size: [usize; 2],
    labels: Vec<Vec<i32>>,
    masks: Vec<Mask>,
}

impl Segmentation {
    /// The segmentation given by one label image `[h, w]` a scale, each segment dilated by a disk.
    ///
    /// # Errors
    /// If a label image is not of `size`, or a label is negative or not less than the number of pixels.
    pub fn from_labels(labels: Vec<Vec<i32>>, size: [usize; 2], dilation_radius_px: usize) -> Result<Self> {
        let pixels = size[0] * size[1];
        let fits = |labels: &Vec<i32>| {
            labels.len() == pixels
                && labels.iter().all(|&label| usize::try_from(label).is_ok_and(|label| label < pixels))
        };
        if pixels == 0 || !labels.iter().all(fits) {
            return Err(Error::Labels { height: size[0], width: size[1] });
        }
        let masks = labels.par_iter().map(|labels| mask::dilated_masks(labels, size, dilation_radius_px)).collect();
        Ok(Self::new(labels, masks, size))
    }

    fn new(labels: Vec<Vec<i32>>, masks: Vec<Vec<Mask>>, size: [usize; 2]) -> Self {
        Self { size, labels, masks: masks.into_iter().flatten().collect() }
    }

    /// Height and width of the image.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// One label image `[h, w]` a scale, before dilation.
    ///
    /// [`segment`] numbers them from 0 in the order of their first pixels at the size it segments at; where the image
    /// is smaller, some labels have no pixel.
    pub fn labels(&self) -> &[Vec<i32>] {
        &self.labels
    }

    /// The dilated segments in PAIR's order: scale by scale, from the smallest label to the largest.
    pub fn masks(&self) -> &[Mask] {
        &self.masks
    }
}

/// Segments an image `[c, h, w]` of any value range at every scale.
///
/// The steps are PAIR's, in its precision: scaled to [`Parameters::value_range`] and resized in float32, smoothed and
/// segmented in float64, labels brought back by nearest neighbours, each segment dilated. Labels equal those of
/// scikit-image 0.19 and later, save that edges of exactly equal cost keep their order here, while NumPy's default
/// sort shuffles them in a way that depends on the processor; only images of repeated, noise-free shapes show it. Channels count even where they are equal: three equal channels lie √3 times as far
/// apart as one. The scales run in parallel; the result does not depend on the number of threads.
///
/// # Errors
/// If the shape does not fit, the image is constant or not finite, or `parameters` are out of range.
pub fn segment(image: &[f32], shape: [usize; 3], parameters: &Parameters) -> Result<Segmentation> {
    parameters.check()?;
    let [channels, height, width] = shape;
    if image.is_empty() || channels.checked_mul(height).and_then(|rows| rows.checked_mul(width)) != Some(image.len()) {
        return Err(Error::ImageSize { values: image.len(), shape });
    }
    let max_pixels = if parameters.resize_px.is_some() { limits::XRAI_PIXELS } else { limits::SEGMENTED_PIXELS };
    if height * width > max_pixels {
        return Err(Error::ImageTooLarge { height, width, max_pixels });
    }
    let from = [height, width];
    let first = &image[..height * width];
    let gray = image.chunks_exact(height * width).skip(1).all(|plane| plane == first);
    // Equal channels stay equal in every step, so one stands for all of them until distances are summed.
    let (image, copies) = if gray { (first, channels) } else { (image, 1) };

    let scaled = scaled(image, parameters.value_range)?;
    let to = parameters.resize_px.unwrap_or(from);
    let resized = resize::cubic_antialiased(&scaled, from, to);
    let planes: Vec<&[f32]> = resized.chunks_exact(to[0] * to[1]).collect();
    let edges = EdgeList::new(&planes, copies, to, parameters.sigma_px);
    let (labels, masks) = parameters
        .scales
        .par_iter()
        .map(|&scale| {
            let labels = edges.segment(scale, parameters.min_size_px);
            let labels = resize::nearest(&labels, to, from);
            let masks = mask::dilated_masks(&labels, from, parameters.dilation_radius_px);
            (labels, masks)
        })
        .unzip();
    Ok(Segmentation::new(labels, masks, from))
}

/// Scales the minimum and maximum to `range`, in float32.
fn scaled(image: &[f32], range: [f64; 2]) -> Result<Vec<f32>> {
    let [low, high] =
        image.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], &value| [low.min(value), high.max(value)]);
    if !(high - low).is_finite() || image.iter().any(|value| value.is_nan()) {
        return Err(Error::ImageNotFinite { low, high });
    }
    if low >= high {
        return Err(Error::ConstantImage { value: low });
    }
    let (factor, offset) = ((range[1] - range[0]) as f32, range[0] as f32);
    Ok(image.iter().map(|&value| (value - low) / (high - low) * factor + offset).collect())
}
