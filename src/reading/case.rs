//! One radiograph opened for looking at.

use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use super::error::{Error, Result};
use super::facts::Facts;
use super::model::OpenModel;
use super::source::CaseSource;
use crate::cohort::{TruthRule, boxes_at, mask_at};
use crate::display::{Plane, outline};
use crate::network::sha256_hex;
use crate::phantom;
use crate::radiograph::dicom::{BitPlane, DicomImage, Frame};
use crate::radiograph::{DicomFrame, ImageFile, ImagePlace, Radiograph, ValueScale};
use crate::saliency::xrai::SegmentCache;
use crate::truth::{FindingBox, Mask, Task, TruthKind};

/// Segmentations of a case that are kept: those of models of several sizes, and of parameters that were tried.
const SEGMENTATIONS: usize = 8;

/// What experts marked, in the pixels of the image.
#[derive(Clone, Debug, Default)]
pub struct CaseTruth {
    /// Pixels of the finding.
    pub mask: Option<Mask>,
    /// Boxes around it.
    pub boxes: Vec<FindingBox>,
}

impl CaseTruth {
    /// Whether nothing is marked.
    pub fn is_empty(&self) -> bool {
        self.mask.as_ref().is_none_or(|mask| mask.area_px() == 0) && self.boxes.is_empty()
    }
}

/// An overlay plane and where it lies.
#[derive(Clone, Debug)]
pub struct PlacedOverlay {
    /// Its bits.
    pub bits: BitPlane,
    /// Row and column of its upper left pixel, counted from 0; may lie outside.
    pub origin_px: [i32; 2],
}

/// A radiograph in memory with everything that is shown around it. Models read [`OpenCase::radiograph`], eyes the plane.
pub struct OpenCase {
    /// SHA-256 of the pixels as models read them, before resizing: equal content is the same case, wherever it lies.
    pub content: String,
    /// What a list calls it; for the screen only.
    pub title: String,
    /// What models read.
    pub radiograph: Radiograph,
    /// What is drawn.
    pub plane: Arc<Plane>,
    /// The decoded frame of a DICOM file, which offers windows and tables.
    pub frame: Option<Frame>,
    /// The DICOM file itself, for exports that refer to it.
    pub dicom: Option<DicomImage>,
    /// Text for the corners.
    pub facts: Facts,
    /// What experts marked, where the cohort says so.
    pub truth: CaseTruth,
    /// Whether the finding is there, where somebody said.
    pub label: Option<bool>,
    /// The finding that label and marks are about, where that is known.
    pub task: Option<Task>,
    /// Overlay planes; no model sees them.
    pub overlays: Vec<PlacedOverlay>,
    /// What was odd about the file.
    pub warnings: Vec<String>,
    /// Segments for XRAI, which depend on the image alone.
    pub segments: Arc<SegmentCache>,
    outlines: OnceLock<Vec<Vec<[f32; 2]>>>,
    marks: OnceLock<[u8; 32]>,
}

impl OpenCase {
    /// Reads a case, some tens of milliseconds of work.
    ///
    /// # Errors
    /// When the image cannot be read; odd or missing truth is a warning.
    pub fn read(source: &CaseSource) -> Result<Self> {
        match source {
            CaseSource::File(path) => Self::of_file(&path.as_path().into(), source.title()),
            CaseSource::Entry(entry) => Self::of_file(&ImagePlace::Entry(entry.clone()), source.title()),
            CaseSource::Phantom(spec) => {
                let made = phantom::generate(spec);
                let truth = CaseTruth { mask: made.mask, boxes: made.boxes };
                let gray = made.gray.into_iter().map(f32::from).collect();
                let radiograph = Radiograph::new(made.size_px, made.size_px, gray, ValueScale::Gray).of_phantom();
                Ok(Self {
                    truth,
                    label: source.label(),
                    task: spec.finding.task(),
                    ..Self::of_radiograph(radiograph, source.title())?
                })
            }
            CaseSource::Cohort { cohort, .. } => {
                let Some(case) = source.case() else { return Err(Error::NoSuchCase) };
                let mut open = match case.path() {
                    Some(path) => Self::of_file(&path.into(), source.title())?,
                    None => Self::of_radiograph(cohort.radiograph(case)?, source.title())?,
                };
                open.label = case.label;
                open.task = cohort.task().cloned();
                if case.label == Some(true) && cohort.truth_kind() != TruthKind::Label {
                    let size = [open.radiograph.height_px(), open.radiograph.width_px()];
                    open.truth.boxes = cohort.boxes(case).to_vec();
                    if open.truth.boxes.is_empty() {
                        match cohort.truth(case, size[0], size[1], crate::cohort::TruthRule::AreaExact) {
                            Ok(mask) => open.truth.mask = Some(mask),
                            Err(error) => open.warnings.push(error.without_path()),
                        }
                    }
                }
                Ok(open)
            }
        }
    }

    /// An image without a file.
    ///
    /// # Errors
    /// When it has no pixels.
    pub fn of_radiograph(radiograph: Radiograph, title: String) -> Result<Self> {
        let plane = Plane::from_radiograph(&radiograph)?;
        prepare(&plane);
        let warnings = radiograph.warnings().to_vec();
        Ok(Self {
            content: content(&radiograph),
            title,
            plane: Arc::new(plane),
            frame: None,
            dicom: None,
            facts: Facts::none(),
            truth: CaseTruth::default(),
            label: None,
            task: None,
            overlays: Vec::new(),
            warnings,
            segments: Arc::new(SegmentCache::keeping(SEGMENTATIONS)),
            outlines: OnceLock::new(),
            marks: OnceLock::new(),
            radiograph,
        })
    }

    fn of_file(place: &ImagePlace, title: String) -> Result<Self> {
        let file = match ImageFile::open_at(place).map_err(|error| Error::Image(error.problem))? {
            ImageFile::Other(radiograph) => return Self::of_radiograph(radiograph, title),
            ImageFile::Dicom(file) => file,
        };
        let radiograph = file.radiograph().map_err(Error::Image)?;
        let DicomFrame { image: dicom, mut frame, .. } = *file;
        let plane = Plane::from_frame(&frame)?;
        prepare(&plane);
        let facts = Facts::of(&dicom);
        let mut warnings = radiograph.warnings().to_vec();
        warnings.extend(facts.identity.warning.clone());
        let mut overlays = Vec::new();
        for (index, overlay) in dicom.overlays().iter().enumerate() {
            match dicom.overlay_bits(index, 0, Some(&frame)) {
                Ok(bits) => {
                    overlays
                        .push(PlacedOverlay { bits, origin_px: overlay.origin.map(|origin| origin.saturating_sub(1)) });
                }
                Err(error) => warnings.push(format!("an overlay is not shown: {error}")),
            }
        }
        frame.forget_overlays();
        Ok(Self {
            content: content(&radiograph),
            title,
            plane: Arc::new(plane),
            frame: Some(frame),
            facts,
            dicom: Some(dicom),
            truth: CaseTruth::default(),
            label: None,
            task: None,
            overlays,
            warnings,
            segments: Arc::new(SegmentCache::keeping(SEGMENTATIONS)),
            outlines: OnceLock::new(),
            marks: OnceLock::new(),
            radiograph,
        })
    }

    /// What experts marked, at the size `[h, w]` of a map of the whole image; `None` where nothing is marked.
    pub fn truth_at(&self, [height_px, width_px]: [usize; 2], rule: TruthRule) -> Option<Mask> {
        if self.truth.is_empty() {
            return None;
        }
        if let Some(mask) = &self.truth.mask {
            return Some(mask_at(mask, height_px, width_px, rule));
        }
        let [width, height] = self.size_px();
        Some(boxes_at(&self.truth.boxes, [height, width], height_px, width_px, rule))
    }

    /// A hash of what experts marked: scores depend on it, and the same image may come with other marks. Made once.
    pub fn marks_digest(&self) -> [u8; 32] {
        *self.marks.get_or_init(|| {
            let mut hash = Sha256::new();
            if let Some(mask) = &self.truth.mask {
                let pixels: Vec<u8> = mask.pixels().iter().map(|marked| u8::from(*marked)).collect();
                hash.update(pixels);
            }
            for mark in &self.truth.boxes {
                for edge in [mark.x_px, mark.y_px, mark.width_px, mark.height_px] {
                    hash.update(edge.to_le_bytes());
                }
            }
            hash.finalize().into()
        })
    }

    /// Outlines of what experts marked as a mask, in image pixels. Made once.
    pub fn truth_outlines(&self) -> &[Vec<[f32; 2]>] {
        self.outlines.get_or_init(|| self.truth.mask.as_ref().map(outline).unwrap_or_default())
    }

    /// Whether it is a generated image, which is of no patient.
    pub fn is_phantom(&self) -> bool {
        self.radiograph.is_phantom()
    }

    /// `[width, height]` of the image in pixels.
    pub fn size_px(&self) -> [usize; 2] {
        [self.radiograph.width_px(), self.radiograph.height_px()]
    }

    /// Whether label and marks are about what a model looks for: unless its positive class is called after another finding.
    pub fn is_about(&self, model: &OpenModel) -> bool {
        let card = &model.model.card;
        let positive = card.positive_class.and_then(|class| card.classes.get(class));
        let named = positive.filter(|name| Task::is_known_finding(name));
        named.zip(self.task.as_ref()).is_none_or(|(named, task)| task.is_meant_by(named))
    }

    /// Memory it takes, in bytes, near enough to keep a bound.
    pub fn bytes(&self) -> usize {
        let pixels = self.radiograph.pixels().len();
        let stored = self.frame.as_ref().map_or(0, |frame| frame.stored.values.len() * 4);
        let overlays: usize = self.overlays.iter().map(|overlay| overlay.bits.bits.len()).sum();
        pixels * (4 + 2) + stored + overlays + self.truth.mask.as_ref().map_or(0, |mask| mask.pixels().len())
    }
}

/// What is drawn of a file, and nothing else of it.
pub(super) fn plane_of_file(place: &ImagePlace) -> Result<Plane> {
    Ok(match ImageFile::open_at(place).map_err(|error| Error::Image(error.problem))? {
        ImageFile::Dicom(dicom) => Plane::from_frame(&dicom.frame)?,
        ImageFile::Other(radiograph) => Plane::from_radiograph(&radiograph)?,
    })
}

/// Computes what drawing would compute first, so that a window does not wait for it.
fn prepare(plane: &Plane) {
    let _ = (plane.levels(), plane.value_range());
}

fn content(radiograph: &Radiograph) -> String {
    let mut bytes: Vec<u8> = Vec::with_capacity(radiograph.pixels().len() * 4 + 17);
    bytes.extend((radiograph.height_px() as u64).to_le_bytes());
    bytes.extend((radiograph.width_px() as u64).to_le_bytes());
    bytes.push(u8::from(radiograph.scale() == ValueScale::Symmetric));
    bytes.extend(radiograph.pixels().iter().flat_map(|value| value.to_le_bytes()));
    sha256_hex(&bytes)
}
