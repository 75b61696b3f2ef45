//! The images of a split at the size of the network's input, with what is to be learnt of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::error::{Error, Result};
use super::pixel_store::{PixelStore, Pixels};
use crate::cohort::{Case, Cohort, Split, TruthRule};
use crate::detection::EdgeBox;
use crate::network::ModelKind;
use crate::watch::Watch;

/// Bytes of prepared images that are read at once, before they are kept.
const READ_AT_ONCE_BYTES: usize = 64 << 20;

/// One image with what is to be learnt about it; its pixels are asked for by [`Samples::pixels`].
#[derive(Clone, Debug)]
pub struct Sample {
    /// Where its pixels are.
    place: usize,
    /// Whether it has the finding, or any of several.
    pub positive: bool,
    /// Whether it has each finding; nothing where that is not known.
    pub labels: Vec<Option<bool>>,
    /// Boxes of the finding; for detection alone.
    pub boxes: Vec<EdgeBox>,
    /// Whether it is a generated image, which is of no patient.
    pub is_phantom: bool,
    /// A hash of its id, from which random numbers for it are derived.
    pub key: u64,
}

/// What is read of a split, and where it is kept.
#[derive(Clone, Copy, Debug)]
pub struct Loading<'a> {
    /// Who learns from it.
    pub kind: ModelKind,
    /// `[height, width]` in pixels.
    pub size_px: [usize; 2],
    /// Each image is of exactly one of several classes; others teach nothing.
    pub is_one_class: bool,
    /// Folder for a file that holds the pixels in place of memory, and goes with the program.
    pub folder: Option<&'a Path>,
}

/// All labelled images of a split.
#[derive(Debug)]
pub struct Samples {
    /// `[height, width]` in pixels.
    pub size_px: [usize; 2],
    /// In the order of their ids.
    pub list: Vec<Sample>,
    /// Images that could not be used, and why, each reason once with its count. No reason names a file.
    pub unusable: Vec<(String, usize)>,
    pixels: PixelStore,
    fingerprint: u64,
}

/// Cases of a split that somebody labelled.
fn labelled(cohort: &Cohort, split: Split) -> impl Iterator<Item = &Case> {
    cohort.in_split(split).filter(|case| case.label.is_some())
}

impl Samples {
    /// Bytes that the pixels of the labelled images of these splits take.
    pub fn bytes(cohort: &Cohort, splits: &[Split], kind: ModelKind, size_px: [usize; 2]) -> u64 {
        let images: usize = splits.iter().map(|split| labelled(cohort, *split).count()).sum();
        images as u64 * Pixels::bytes(kind, size_px) as u64
    }

    /// Reads the labelled images of `split`. `watch` is told the number of images done and of all, and asked between
    /// images. What is learnt of them does not depend on where their pixels are kept.
    ///
    /// # Errors
    /// When no image is left, pixels cannot be kept, or `watch` cancels.
    pub fn load(cohort: &Cohort, split: Split, loading: &Loading<'_>, watch: &dyn Watch) -> Result<Self> {
        let Loading { kind, size_px, folder, .. } = *loading;
        let cases: Vec<&Case> = labelled(cohort, split).collect();
        let mut pixels = PixelStore::new(folder, kind, size_px).map_err(Error::Pixels)?;
        let at_once = READ_AT_ONCE_BYTES / Pixels::bytes(kind, size_px).max(1);
        let at_once = at_once.max(rayon::current_num_threads());
        let done = AtomicUsize::new(0);
        let mut list = Vec::with_capacity(cases.len());
        let mut reasons = BTreeMap::new();
        let mut hash = Sha256::new();
        for group in cases.chunks(at_once) {
            let read: Vec<_> = group
                .par_iter()
                .map(|case| {
                    let sample = (!watch.is_cancelled()).then(|| Sample::read(cohort, case, loading));
                    watch.progress(done.fetch_add(1, Ordering::Relaxed) + 1, cases.len());
                    sample
                })
                .collect();
            for sample in read {
                match sample {
                    None => return Err(Error::Cancelled),
                    Some(Ok((mut sample, image))) => {
                        sample.hash(&image, &mut hash);
                        sample.place = pixels.push(image).map_err(Error::Pixels)?;
                        list.push(sample);
                    }
                    Some(Err(reason)) => *reasons.entry(reason).or_insert(0) += 1,
                }
            }
        }
        let unusable: Vec<(String, usize)> = reasons.into_iter().collect();
        if list.is_empty() {
            let reason = unusable.first().map_or_else(String::new, |(reason, _)| format!(" ({reason})"));
            return Err(Error::NoImages { split: split.name(), reason });
        }
        let fingerprint = hash.finalize().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Ok(Self { size_px, list, unusable, pixels, fingerprint })
    }

    /// The pixels of one of them.
    ///
    /// # Errors
    /// When they lie in a file that cannot be read.
    pub fn pixels(&self, sample: &Sample) -> Result<Cow<'_, Pixels>> {
        self.pixels.get(sample.place).map_err(Error::Pixels)
    }

    /// A hash of all images with their truth, as they were read; equal samples have equal ones.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Whether every image is a generated one.
    pub fn are_phantoms(&self) -> bool {
        self.list.iter().all(|sample| sample.is_phantom)
    }

    /// Images without and with the finding, or any of several.
    pub fn counts(&self) -> [usize; 2] {
        let positive = self.list.iter().filter(|sample| sample.positive).count();
        [self.list.len() - positive, positive]
    }

    /// Findings that are learnt.
    pub fn findings(&self) -> usize {
        self.list.first().map_or(0, |sample| sample.labels.len())
    }

    /// Images that are known to be without and with a finding.
    pub fn counts_of(&self, finding: usize) -> [usize; 2] {
        [false, true].map(|wanted| self.list.iter().filter(|sample| sample.labels[finding] == Some(wanted)).count())
    }
}

impl Sample {
    /// The class of an image that is of exactly one: which of several findings it has, or whether it has the only one.
    pub(super) fn class(&self) -> usize {
        match &self.labels[..] {
            [_] => usize::from(self.positive),
            several => several.iter().position(|label| *label == Some(true)).unwrap_or(0),
        }
    }

    fn read(cohort: &Cohort, case: &Case, loading: &Loading<'_>) -> std::result::Result<(Self, Pixels), String> {
        let Loading { kind, size_px: [height, width], is_one_class, .. } = *loading;
        let mut labels: Vec<Option<bool>> = case.labels.iter().map(|label| label.known()).collect();
        if is_one_class && labels.len() > 1 {
            if labels.iter().filter(|label| **label == Some(true)).count() != 1 {
                return Err("the case is not of exactly one of the classes".to_owned());
            }
            // Who is of one class is of no other, whatever was said of these.
            for label in &mut labels {
                *label = Some(*label == Some(true));
            }
        }
        // Paths stay out of reasons: they may name a patient.
        let image = cohort.radiograph(case).map_err(|error| error.without_path())?;
        let is_phantom = image.is_phantom();
        let own_px = [image.height_px(), image.width_px()];
        let resized = image.resized(height, width).map_err(|problem| problem.to_string())?;
        let positive = case.label == Some(true);
        let mask = (kind == ModelKind::Segmentation)
            .then(|| cohort.truth(case, height, width, TruthRule::AreaExact).map_err(|error| error.without_path()))
            .transpose()?;
        let mut boxes = Vec::new();
        if kind == ModelKind::Detection && positive {
            let on_px = case.boxes_lie_on_px().unwrap_or(own_px);
            let scale = [0, 1].map(|axis| loading.size_px[axis] as f32 / on_px[axis] as f32);
            boxes.extend(cohort.boxes(case).iter().map(|finding| EdgeBox::from(*finding).scaled(scale)));
            if boxes.is_empty() {
                return Err("the case has the finding, but no box says where".to_owned());
            }
        }
        let digest = Sha256::digest(case.id.as_bytes());
        let key = digest.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte));
        Ok((Self { place: 0, positive, labels, boxes, is_phantom, key }, Pixels::new(&resized.gray_levels(), mask)))
    }

    fn hash(&self, pixels: &Pixels, hash: &mut Sha256) {
        hash.update(self.key.to_le_bytes());
        match &self.labels[..] {
            [_] => hash.update([u8::from(self.positive)]),
            several => several.iter().for_each(|label| hash.update([label.map_or(2, u8::from)])),
        }
        hash.update(bytemuck::cast_slice::<u16, u8>(&pixels.gray));
        if let Some(mask) = &pixels.mask {
            hash.update((mask.area_px() as u64).to_le_bytes());
        }
        for bounds in &self.boxes {
            let EdgeBox { left_px, top_px, right_px, bottom_px } = *bounds;
            hash.update(bytemuck::cast_slice::<f32, u8>(&[left_px, top_px, right_px, bottom_px]));
        }
    }
}
