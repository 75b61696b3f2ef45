//! One radiograph of a cohort and what is known about it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::rle::Runs;
use super::split::Split;
use crate::phantom::{Phantom, PhantomSpec};
use crate::truth::FindingBox;

/// One radiograph of a cohort. Its pixels and masks are read when they are asked for.
#[derive(Clone, PartialEq)]
pub struct Case {
    /// Names it within its cohort; may be a patient's id.
    pub id: String,
    /// Whether it has the finding; nothing where nobody said.
    pub label: Option<bool>,
    /// Whether it is of RSNA's class `No Lung Opacity / Not Normal`; without the finding then.
    pub third_class: bool,
    /// What it may be used for.
    pub split: Option<Split>,
    /// The patient, where the set says so.
    pub patient: Option<String>,
    /// `[rows, columns]` of the image, where its header tells them cheaply (all formats but NPY).
    pub size_px: Option<[usize; 2]>,
    /// Whether it is a generated image, which is of no patient.
    pub is_phantom: bool,
    pub(super) source: Source,
    pub(super) mark: Mark,
    pub(super) boxes: Vec<FindingBox>,
    /// `[rows, columns]` of the image that mask and boxes were drawn on, where it is not this one.
    pub(super) drawn_on_px: Option<[usize; 2]>,
}

/// Where the pixels are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    File(PathBuf),
    /// Generated when it is asked for.
    Phantom {
        spec: PhantomSpec,
        /// What there is to find on it, once it was made for the first time.
        marks: OnceLock<PhantomMarks>,
    },
}

/// What there is to find on a phantom.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PhantomMarks {
    pub(super) boxes: Vec<FindingBox>,
    /// Of the phantom's size.
    pub(super) mask: Option<Runs>,
}

impl PhantomMarks {
    /// The marks of a phantom that was made.
    pub(super) fn of(phantom: &Phantom) -> Self {
        Self { boxes: phantom.boxes.clone(), mask: phantom.mask.as_ref().map(Runs::of) }
    }
}

/// Where the mask is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
    /// There is none.
    None,
    /// One item a lesion, each counted from the first pixel.
    Runs(Vec<Runs>),
    /// One file, or one for each of the parts.
    Files(Vec<PathBuf>),
}

impl Case {
    /// A case of which nothing but its image is known.
    pub(super) fn new(id: String, source: Source, size_px: Option<[usize; 2]>) -> Self {
        Self {
            id,
            label: None,
            third_class: false,
            split: None,
            patient: None,
            size_px,
            is_phantom: matches!(source, Source::Phantom { .. }),
            source,
            mark: Mark::None,
            boxes: Vec::new(),
            drawn_on_px: None,
        }
    }

    /// The file the pixels are in; phantoms are in none.
    pub fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::File(path) => Some(path),
            Source::Phantom { .. } => None,
        }
    }
}

impl std::fmt::Debug for Case {
    /// Without id, patient and path: what is printed for debugging ends up in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case")
            .field("label", &self.label)
            .field("split", &self.split)
            .field("size_px", &self.size_px)
            .field("boxes", &self.boxes.len())
            .finish_non_exhaustive()
    }
}
