//! One DICOM image: its attributes, and its frames on demand.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dicom_dictionary_std::tags;

use super::codec;
use super::dataset::{DataSet, Usual};
use super::element::Element;
use super::error::{Error, Result};
use super::file::Preface;
use super::frame::{Frame, Palette};
use super::frames::PixelBytes;
use super::geometry::{Spacing, aspect_ratio};
use super::identity::Identity;
use super::kind::PictureKind;
use super::layout::{Photometric, PixelLayout};
use super::lookup::{Inputs, LookupTable};
use super::modality::Modality;
use super::overlay::{BitPlane, Overlay};
use super::stored::Stored;
use super::transfer_syntax::{Encoding, PixelCoding, TransferSyntax};
use super::value_bits::ValueBits;
use super::voi::{Window, lookup_tables};
use crate::radiograph::guard;
use crate::radiograph::phantom_mark::dicom_is_phantom;
use crate::{files, limits};

/// Frames that were decoded in this process.
static DECODED: AtomicU64 = AtomicU64::new(0);

/// How many frames were decoded in this process, for tests that prove that a file is decoded once.
#[doc(hidden)]
pub fn frames_decoded() -> u64 {
    DECODED.load(Ordering::Relaxed)
}

/// A DICOM file with pixels, in memory. Cheap to clone.
#[derive(Clone)]
pub struct DicomImage {
    source: Arc<Source>,
}

/// The checked file.
struct Source {
    bytes: Vec<u8>,
    encoding: Encoding,
    elements: Vec<Element>,
    syntax: TransferSyntax,
    layout: PixelLayout,
    place: PixelBytes,
    overlays: Vec<Overlay>,
    warnings: Vec<String>,
}

impl DicomImage {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is no DICOM image, is damaged or asks for more than any radiograph.
    pub fn open(path: &Path) -> Result<Self> {
        Self::from_bytes(files::read(path, limits::IMAGE_BYTES)?)
    }

    /// Reads the content of a file.
    ///
    /// # Errors
    /// As [`DicomImage::open`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        let source = guard::run(guard::TIME_LIMIT, move || Source::read(bytes))??;
        Ok(Self { source: Arc::new(source) })
    }

    /// Memory it takes, in bytes: that of its file, inflated.
    pub fn bytes(&self) -> usize {
        self.source.bytes.len()
    }

    /// Size and number format.
    pub fn layout(&self) -> &PixelLayout {
        &self.source.layout
    }

    /// How the file is coded.
    pub fn transfer_syntax(&self) -> &TransferSyntax {
        &self.source.syntax
    }

    /// What was odd about the file, one sentence each; none names the patient.
    pub fn warnings(&self) -> &[String] {
        &self.source.warnings
    }

    /// Modality, such as `CR` or `DX`.
    pub fn modality(&self) -> Option<String> {
        self.source.data_set().text(tags::MODALITY)
    }

    /// What kind of object it is, `SOPClassUID`.
    pub fn sop_class_uid(&self) -> Option<String> {
        self.source.data_set().text(tags::SOP_CLASS_UID)
    }

    /// What kind of picture it is.
    pub fn kind(&self) -> PictureKind {
        PictureKind::of(&self.source.data_set())
    }

    /// Whether the pixels hold letters that identify the patient; nothing where the file does not say.
    pub fn burned_in_annotation(&self) -> Option<bool> {
        self.kind().burned_in_annotation
    }

    /// Whether the pixels were ever compressed with loss; nothing where the file does not say.
    pub fn was_compressed_with_loss(&self) -> Option<bool> {
        match self.source.data_set().text(tags::LOSSY_IMAGE_COMPRESSION)?.as_str() {
            "01" => Some(true),
            "00" => Some(false),
            _ => None,
        }
    }

    /// Whether the file says that it is a generated image, which is of no patient.
    pub fn is_phantom(&self) -> bool {
        dicom_is_phantom(&self.source.data_set())
    }

    /// View position, such as `PA`.
    pub fn view_position(&self) -> Option<String> {
        self.source.data_set().text(tags::VIEW_POSITION)
    }

    /// Whether the pixels went through lossy compression: by `LossyImageCompression` or the transfer syntax.
    pub fn is_lossy(&self) -> bool {
        let said = self.source.data_set().text(tags::LOSSY_IMAGE_COMPRESSION);
        said.is_some_and(|text| text == "01") || self.source.syntax.is_lossy()
    }

    /// Distance between the pixels of frame `index`.
    pub fn spacing(&self, index: usize) -> Option<Spacing> {
        let data_set = self.source.data_set();
        // What is odd about it was told when the file was read.
        Spacing::of(&data_set, &functional_groups(&data_set, index), &mut Vec::new())
    }

    /// Height of a pixel over its width, where the file gives it and it is not 1.
    pub fn pixel_aspect(&self) -> Option<f64> {
        let data_set = self.source.data_set();
        let ratio = match self.spacing(0) {
            Some(spacing) => spacing.row_mm / spacing.column_mm,
            None => aspect_ratio(&data_set, &mut Vec::new()).unwrap_or(1.0),
        };
        (ratio.is_finite() && ratio > 0.0 && (ratio - 1.0).abs() > 1e-3).then_some(ratio)
    }

    /// Overlays of the file. They are for viewing only.
    pub fn overlays(&self) -> &[Overlay] {
        &self.source.overlays
    }

    /// The bits of overlay `overlay` for frame `index`, which is `frame` where it could be decoded: overlays may lie in bits
    /// of the pixels.
    ///
    /// # Errors
    /// When there is no such overlay, or its bits cannot be read.
    pub fn overlay_bits(&self, overlay: usize, index: usize, frame: Option<&Frame>) -> Result<BitPlane> {
        let count = self.source.overlays.len();
        let Some(found) = self.source.overlays.get(overlay) else {
            return Err(Error::Choice { what: "overlay", asked: overlay, count });
        };
        let Some(bit) = found.pixel_bit() else { return found.bits(&self.source.data_set(), index) };
        let words = frame.and_then(|frame| frame.overlay_words.as_deref());
        let plane = words.map(|words| BitPlane::of_words(words, bit, &self.source.layout));
        plane.ok_or_else(|| Error::codec("overlay", "it lies in pixels that are not decoded"))
    }

    /// Whose image it is.
    pub fn identity(&self) -> Identity {
        Identity::of(&self.source.data_set())
    }

    /// Decodes frame `index`, counted from 0.
    ///
    /// # Errors
    /// When there is no such frame, its compression is not supported, or it is damaged.
    pub fn frame(&self, index: usize) -> Result<Frame> {
        DECODED.fetch_add(1, Ordering::Relaxed);
        let source = Arc::clone(&self.source);
        guard::run(guard::TIME_LIMIT, move || source.frame(index))?
    }
}

impl std::fmt::Debug for DicomImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The elements hold the patient's name.
        f.debug_struct("DicomImage").field("layout", &self.source.layout).finish_non_exhaustive()
    }
}

/// The groups of frame `index`, the most specific first.
fn functional_groups<'a>(data_set: &DataSet<'a>, index: usize) -> Vec<DataSet<'a>> {
    let own = data_set.item(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, index);
    let shared = data_set.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, 0);
    own.into_iter().chain(shared).collect()
}

impl Source {
    fn read(bytes: Vec<u8>) -> Result<Self> {
        let preface = Preface::read(&bytes)?;
        if preface.is_directory() {
            return Err(Error::NoPixels { what: "it is a DICOMDIR, an index of other files".to_owned() });
        }
        let mut unpacked = preface.unpack(bytes, limits::INFLATED_BYTES)?;
        let encoding = unpacked.syntax.encoding;
        let data_set = DataSet::read(&unpacked.bytes, unpacked.range.clone(), encoding)?;
        let odd = data_set.warnings;
        let elements = data_set.elements.into_owned();
        unpacked.infer_pixel_coding(&elements)?;
        let mut warnings = std::mem::take(&mut unpacked.warnings);
        let elements_there = (&elements[..]).into();
        let data_set = DataSet { bytes: &unpacked.bytes, encoding, elements: elements_there, warnings: Vec::new() };
        if data_set.elements.is_empty() {
            return Err(Error::NoPixels { what: "it has no elements".to_owned() });
        }
        let syntax = &mut unpacked.syntax;
        let element = PixelBytes::element(&data_set)?;
        if syntax.pixels == PixelCoding::Unsupported && element.undefined {
            return Err(Error::unsupported(format!("the transfer syntax {} ({})", syntax.uid(), syntax.name())));
        }
        let mut layout = PixelLayout::read(&data_set, &mut warnings)?;
        let place = PixelBytes::find(&data_set, element, syntax, &mut layout, &mut warnings)?;
        let overlays = Overlay::all_of(&data_set, &layout, &mut warnings);
        let groups = functional_groups(&data_set, 0);
        if Spacing::of(&data_set, &groups, &mut warnings).is_none() {
            aspect_ratio(&data_set, &mut warnings);
        }
        warnings.extend(PictureKind::of(&data_set).warnings(&data_set, layout.photometric));
        warnings.extend(odd);
        Ok(Self {
            encoding,
            syntax: unpacked.syntax,
            bytes: unpacked.bytes,
            elements,
            layout,
            place,
            overlays,
            warnings,
        })
    }

    fn data_set(&self) -> DataSet<'_> {
        DataSet {
            bytes: &self.bytes,
            encoding: self.encoding,
            elements: (&self.elements[..]).into(),
            warnings: Vec::new(),
        }
    }

    fn decode(&self, index: usize) -> Result<(codec::Samples, Vec<String>)> {
        codec::decode(&self.bytes, &self.place, self.syntax.pixels, &self.layout, index)
    }

    fn frame(&self, index: usize) -> Result<Frame> {
        let (samples, mut warnings) = self.decode(index)?;
        let data_set = self.data_set();
        let groups = functional_groups(&data_set, index);
        let signed = self.layout.signed;
        let padding = padding(&data_set, signed);
        let in_pixels = Overlay::bits_in_pixels(&data_set);
        let bits = ValueBits::of(&samples, &self.layout, in_pixels, padding, &mut warnings);
        let has_pixel_overlay = self.overlays.iter().any(|overlay| overlay.pixel_bit().is_some());
        let overlay_words = has_pixel_overlay.then(|| samples.values.clone());
        let stored = Stored::new(samples, bits, &self.layout);
        let modality = Modality::of(&data_set, &groups, &stored, &mut warnings);
        let is_gray = self.layout.photometric.is_monochrome();
        let (windows, tables) = if is_gray {
            let windows = Window::all_of(&data_set, &groups, modality.is_whole(), &mut warnings);
            (windows, voi_tables(&data_set, &stored, &modality, &mut warnings))
        } else {
            (Vec::new(), Vec::new())
        };
        let palette = match self.layout.photometric {
            Photometric::PaletteColor => Some(Palette::read(&data_set, Inputs::of(&stored), &mut warnings)),
            _ => None,
        };
        let padding = padding.map(|limits| {
            let [a, b] = limits.map(|limit| bits.named(limit, signed));
            [a.min(b), a.max(b)]
        });
        let mut frame = Frame {
            overlay_words,
            stored,
            modality,
            windows,
            tables,
            warnings,
            palette,
            padding,
            photometric: self.layout.photometric,
            bits_allocated: self.layout.bits_allocated,
            bits_stored: bits.count.max(self.layout.bits_stored),
        };
        frame.drop_what_shows_nothing();
        Ok(frame)
    }
}

/// The VOI lookup tables. What reaches them is what the modality LUT gives, which may be negative where the pixels are not.
fn voi_tables(
    data_set: &DataSet<'_>,
    stored: &Stored,
    modality: &Modality,
    warnings: &mut Vec<String>,
) -> Vec<LookupTable> {
    if data_set.element(tags::VOILUT_SEQUENCE).is_none() {
        return Vec::new();
    }
    let signed = match modality {
        Modality::Identity => stored.signed,
        Modality::Rescale(rescale) => stored.signed || rescale.intercept < 0.0 || rescale.slope < 0.0,
        Modality::Table(_) => false,
    };
    let range = match modality {
        Modality::Table(table) => [0.0, f64::from(table.entries.iter().copied().max().unwrap_or(0))],
        linear => {
            let [a, b] = stored.range().map(|value| linear.at(value as f64));
            [a.min(b), a.max(b)]
        }
    };
    lookup_tables(data_set, Inputs { signed, range }, warnings)
}

/// Stored values that mean "no pixel here", from the smallest to the largest.
fn padding(data_set: &DataSet<'_>, signed: bool) -> Option<[i64; 2]> {
    let usual = if signed { Usual::Signed } else { Usual::Unsigned };
    let value = data_set.number(tags::PIXEL_PADDING_VALUE, usual)? as i64;
    let limit = data_set.number(tags::PIXEL_PADDING_RANGE_LIMIT, usual).map_or(value, |limit| limit as i64);
    Some([value.min(limit), value.max(limit)])
}
