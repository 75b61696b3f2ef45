//! The images of a split in memory, at the size of the network's input.

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::error::{Error, Result};
use crate::cohort::{Case, Cohort, Split, TruthRule};
use crate::detection::EdgeBox;
use crate::network::ModelKind;
use crate::truth::Mask;
use crate::watch::Watch;

/// Steps between gray levels kept: 16 bits hold what a resize leaves between levels.
const STEPS_A_LEVEL: f32 = 257.0;

/// One image with what is to be learnt about it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Gray levels 0 to 255 in steps of 1/257, `[h, w]`.
    gray: Vec<u16>,
    /// Whether it has the finding.
    pub positive: bool,
    /// Pixels of the finding; for segmentation alone.
    pub mask: Option<Mask>,
    /// Boxes of the finding; for detection alone.
    pub boxes: Vec<EdgeBox>,
    /// Whether it is a generated image, which is of no patient.
    pub is_phantom: bool,
    /// A hash of its id, from which random numbers for it are derived.
    pub key: u64,
}

impl Sample {
    /// Gray levels 0 to 255, `[h, w]`.
    pub fn gray(&self) -> impl Iterator<Item = f32> + '_ {
        self.gray.iter().map(|value| f32::from(*value) / STEPS_A_LEVEL)
    }
}

/// All labelled images of a split.
#[derive(Clone, Debug)]
pub struct Samples {
    /// `[height, width]` in pixels.
    pub size_px: [usize; 2],
    /// In the order of their ids.
    pub list: Vec<Sample>,
    /// Images that could not be used, and why, each reason once with its count. No reason names a file.
    pub unusable: Vec<(String, usize)>,
}

impl Samples {
    /// Reads the labelled images of `split` with what a network of `kind` learns from. `watch` is told the number of
    /// images done and of all, and asked between images.
    ///
    /// # Errors
    /// When no image is left, or `watch` cancels.
    pub fn load(
        cohort: &Cohort,
        split: Split,
        kind: ModelKind,
        size_px: [usize; 2],
        watch: &dyn Watch,
    ) -> Result<Self> {
        let cases: Vec<&Case> = cohort.in_split(split).filter(|case| case.label.is_some()).collect();
        let done = std::sync::atomic::AtomicUsize::new(0);
        let read: Vec<Option<std::result::Result<Sample, String>>> = cases
            .par_iter()
            .map(|case| {
                let sample = (!watch.is_cancelled()).then(|| Sample::read(cohort, case, kind, size_px));
                watch.progress(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, cases.len());
                sample
            })
            .collect();
        let mut list = Vec::with_capacity(read.len());
        let mut reasons = std::collections::BTreeMap::new();
        for sample in read {
            match sample {
                None => return Err(Error::Cancelled),
                Some(Ok(sample)) => list.push(sample),
                Some(Err(reason)) => *reasons.entry(reason).or_insert(0) += 1,
            }
        }
        let unusable: Vec<(String, usize)> = reasons.into_iter().collect();
        if list.is_empty() {
            let reason = unusable.first().map_or_else(String::new, |(reason, _)| format!(" ({reason})"));
            return Err(Error::NoImages { split: split.name(), reason });
        }
        Ok(Self { size_px, list, unusable })
    }

    /// A hash of all images with their truth; equal samples have equal ones.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Sha256::new();
        for sample in &self.list {
            hash.update(sample.key.to_le_bytes());
            hash.update([u8::from(sample.positive)]);
            hash.update(bytemuck::cast_slice::<u16, u8>(&sample.gray));
            if let Some(mask) = &sample.mask {
                hash.update((mask.area_px() as u64).to_le_bytes());
            }
            for bounds in &sample.boxes {
                let EdgeBox { left_px, top_px, right_px, bottom_px } = *bounds;
                hash.update(bytemuck::cast_slice::<f32, u8>(&[left_px, top_px, right_px, bottom_px]));
            }
        }
        hash.finalize().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    /// Whether every image is a generated one.
    pub fn are_phantoms(&self) -> bool {
        self.list.iter().all(|sample| sample.is_phantom)
    }

    /// Images without and with the finding.
    pub fn counts(&self) -> [usize; 2] {
        let positive = self.list.iter().filter(|sample| sample.positive).count();
        [self.list.len() - positive, positive]
    }
}

impl Sample {
    fn read(cohort: &Cohort, case: &Case, kind: ModelKind, size_px: [usize; 2]) -> std::result::Result<Self, String> {
        // Paths stay out of reasons: they may name a patient.
        let image = cohort.radiograph(case).map_err(|error| error.without_path())?;
        let is_phantom = image.is_phantom();
        let own_px = [image.height_px(), image.width_px()];
        let [height, width] = size_px;
        let resized = image.resized(height, width).map_err(|problem| problem.to_string())?;
        let stored = |gray: &f32| (gray * STEPS_A_LEVEL).round().clamp(0.0, 65_535.0) as u16;
        let gray = resized.gray_levels().iter().map(stored).collect();
        let positive = case.label == Some(true);
        let mask = (kind == ModelKind::Segmentation)
            .then(|| cohort.truth(case, height, width, TruthRule::AreaExact).map_err(|error| error.without_path()))
            .transpose()?;
        let mut boxes = Vec::new();
        if kind == ModelKind::Detection && positive {
            let scale = [0, 1].map(|axis| size_px[axis] as f32 / own_px[axis] as f32);
            boxes.extend(cohort.boxes(case).iter().map(|finding| EdgeBox::from(*finding).scaled(scale)));
            if boxes.is_empty() {
                return Err("the case has the finding, but no box says where".to_owned());
            }
        }
        let digest = Sha256::digest(case.id.as_bytes());
        let key = digest.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte));
        Ok(Self { gray, positive, mask, boxes, is_phantom, key })
    }
}
