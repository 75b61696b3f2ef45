//! One radiograph of a cohort and what is known about it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::rle::Runs;
use super::split::Split;
use crate::phantom::{Finding, Phantom, PhantomSpec};
use crate::truth::FindingBox;

/// What somebody said of one finding on one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// It is there.
    Positive,
    /// It is not there.
    Negative,
    /// Nobody is sure.
    Uncertain,
    /// Nobody said, which is not negative.
    Missing,
}

impl Label {
    /// Whether the finding is there, where that is known.
    pub fn known(self) -> Option<bool> {
        match self {
            Self::Positive => Some(true),
            Self::Negative => Some(false),
            Self::Uncertain | Self::Missing => None,
        }
    }

    /// Of a label that is known or missing.
    pub(super) fn of(known: Option<bool>) -> Self {
        match known {
            Some(true) => Self::Positive,
            Some(false) => Self::Negative,
            None => Self::Missing,
        }
    }
}

/// One radiograph of a cohort. Its pixels and masks are read when they are asked for.
#[derive(Clone, PartialEq)]
pub struct Case {
    /// Names it within its cohort; may be a patient's id.
    pub id: String,
    /// Whether it has the finding, or any of several; nothing where nobody said.
    pub label: Option<bool>,
    /// What is known of each of [`super::Cohort::findings`], in their order.
    pub labels: Vec<Label>,
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
    /// As they were drawn.
    pub(super) boxes: Vec<FindingBox>,
    /// The same on the image, where it has another size than the one that was drawn on.
    pub(super) scaled_boxes: Vec<FindingBox>,
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
            labels: Vec::new(),
            third_class: false,
            split: None,
            patient: None,
            size_px,
            is_phantom: matches!(source, Source::Phantom { .. }),
            source,
            mark: Mark::None,
            boxes: Vec::new(),
            scaled_boxes: Vec::new(),
            drawn_on_px: None,
        }
    }

    /// Whether a mask or boxes say where its finding is.
    pub fn has_mark(&self) -> bool {
        self.has_mask() || self.has_boxes()
    }

    pub(super) fn has_mask(&self) -> bool {
        let is_air = |spec: &PhantomSpec| spec.finding == Finding::Pneumothorax;
        self.mark != Mark::None || matches!(&self.source, Source::Phantom { spec, .. } if is_air(spec))
    }

    pub(super) fn has_boxes(&self) -> bool {
        let is_opacity = |spec: &PhantomSpec| spec.finding == Finding::Pneumonia;
        !self.boxes.is_empty() || matches!(&self.source, Source::Phantom { spec, .. } if is_opacity(spec))
    }

    /// `[rows, columns]` of the image that [`super::Cohort::boxes`] lie on: its own, save where no header told its size and the
    /// boxes were drawn on another. Nothing where it is its own and not known yet.
    pub fn boxes_lie_on_px(&self) -> Option<[usize; 2]> {
        self.size_px.or(self.drawn_on_px)
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
