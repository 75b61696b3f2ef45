//! What a file holds, for `saliscope inspect` and for comparing with other readers.

use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::dicom::{
    DicomImage, Frame, Identity, LookupTable, Modality, Overlay, PictureKind, PixelLayout, Spacing, Window,
};
use super::image_scale::Numbers;
use super::{
    Error, Format, ImagePlace, Problem, Result, guard, misnamed, numpy, raster, read_place, terms, unknown_format,
};

/// A file's content in words and numbers. Nothing in it identifies the patient but [`Inspection::identity`].
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// `DICOM`, `PNG`, `JPEG`, `TIFF` or `NPY`.
    pub kind: &'static str,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Frames.
    pub frames: usize,
    /// Samples a pixel.
    pub samples_per_pixel: usize,
    /// Number format of the samples.
    pub bits: Bits,
    /// What only DICOM files say.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub dicom: Option<DicomAttributes>,
    /// The frame's stored values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<Statistics>,
    /// The same after the modality LUT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_modality_lut: Option<Range>,
    /// What was odd.
    pub warnings: Vec<String>,
    /// Why the pixels cannot be read although the attributes can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whose it is; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

/// Number format of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bits {
    /// Bits a sample takes.
    pub allocated: u32,
    /// Bits that hold the value.
    pub stored: u32,
    /// Number of the highest of these, from 0.
    pub high: u32,
    /// Two's complement.
    pub signed: bool,
    /// Floating-point.
    pub float: bool,
}

impl Bits {
    fn unsigned(bits: u32) -> Self {
        Self { allocated: bits, stored: bits, high: bits - 1, signed: false, float: false }
    }
}

/// What only DICOM files say.
#[derive(Clone, Debug, Serialize)]
pub struct DicomAttributes {
    /// How the file is coded.
    pub transfer_syntax: Named,
    /// What the samples mean.
    pub photometric: &'static str,
    /// Modality, such as `CR`.
    pub modality: Option<String>,
    /// View position, such as `PA`.
    pub view_position: Option<String>,
    /// What kind of picture it is.
    #[serde(flatten)]
    pub kind: PictureKind,
    /// Distance between pixels.
    pub spacing: Option<Spacing>,
    /// Height over width of a pixel, where it is not 1.
    pub pixel_aspect: Option<f64>,
    /// Windows on offer.
    pub windows: Vec<Window>,
    /// VOI lookup tables on offer.
    pub voi_lookup_tables: Vec<Table>,
    /// What comes before the windows.
    pub modality_lut: ModalityLut,
    /// Drawings over the image.
    pub overlays: Vec<OverlayFound>,
}

impl DicomAttributes {
    /// Takes out what people wrote in their own words, which may name somebody, and says which coded fields held such.
    fn hold_back_free_text(&mut self) -> Vec<String> {
        self.windows.iter_mut().for_each(|window| window.explanation = None);
        let fields = [
            ("modality", &mut self.modality, terms::MODALITY),
            ("view position", &mut self.view_position, terms::VIEW_POSITION),
        ];
        let mut told = Vec::new();
        for (name, field, terms) in fields {
            if field.take_if(|text| !terms.contains(&text.trim())).is_some_and(|text| !text.trim().is_empty()) {
                told.push(format!("the {name} is none of the terms that DICOM defines; --identity shows it"));
            }
        }
        told
    }
}

/// A UID and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    /// The UID.
    pub uid: String,
    /// Its name in the standard.
    pub name: &'static str,
}

/// A lookup table without its entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The value that the first entry is for.
    pub first: i32,
    /// Number of entries.
    pub entries: usize,
    /// Bits of an entry.
    pub bits: u32,
}

impl Table {
    fn of(table: &LookupTable) -> Self {
        Self { first: table.first, entries: table.entries.len(), bits: table.bits }
    }
}

/// The modality LUT.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModalityLut {
    /// None.
    Identity,
    /// Slope and intercept.
    Rescale(super::dicom::Rescale),
    /// A table.
    Table(Table),
}

/// An overlay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OverlayFound {
    /// Its group, such as `6000`.
    pub group: String,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Row and column of its upper left pixel, counted from 1.
    pub origin: [i32; 2],
    /// Pixels that are set.
    pub pixels_set: Option<usize>,
}

/// Smallest and largest value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range {
    /// Smallest.
    pub minimum: f64,
    /// Largest.
    pub maximum: f64,
}

impl Range {
    fn of(values: &[f32]) -> Self {
        let [minimum, maximum] = values.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[min, max], value| {
            [min.min(f64::from(*value)), max.max(f64::from(*value))]
        });
        Self { minimum, maximum }
    }
}

/// Values of one frame, summed up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// Smallest value.
    pub minimum: Number,
    /// Largest value.
    pub maximum: Number,
    /// Sum of all values.
    pub sum: Number,
    /// SHA-256 of the values as little-endian `i32` (of floating-point arrays `f32`), row by row, the samples of a
    /// pixel together.
    pub sha256: String,
}

/// A whole number where the values are whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Number {
    /// Whole.
    Whole(i64),
    /// With a fraction.
    Real(f64),
}

impl Statistics {
    fn of_whole([minimum, maximum]: [i64; 2], sum: i64, values: &[i32]) -> Self {
        let sha256 = sha256_of(values, i32::to_le_bytes);
        Self { minimum: Number::Whole(minimum), maximum: Number::Whole(maximum), sum: Number::Whole(sum), sha256 }
    }

    fn of_real(values: &[f32]) -> Self {
        let Range { minimum, maximum } = Range::of(values);
        Self {
            minimum: Number::Real(minimum),
            maximum: Number::Real(maximum),
            sum: Number::Real(values.iter().map(|value| f64::from(*value)).sum()),
            sha256: sha256_of(values, f32::to_le_bytes),
        }
    }
}

fn sha256_of<T: Copy>(values: &[T], bytes: impl Fn(T) -> [u8; 4]) -> String {
    let mut hash = Sha256::new();
    for chunk in values.chunks(4096) {
        let part: Vec<u8> = chunk.iter().flat_map(|value| bytes(*value)).collect();
        hash.update(part);
    }
    hash.finalize()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

impl Inspection {
    /// Looks into a file; `frame` is counted from 0. Who the patient is, is left out unless `with_identity`.
    ///
    /// # Errors
    /// When not even the attributes can be read. Where only the pixels cannot, [`Inspection::error`] says why.
    pub fn open(path: &Path, frame: usize, with_identity: bool) -> Result<Self> {
        Self::open_at(&path.into(), frame, with_identity)
    }

    /// The same of a file that may lie in a zip archive.
    ///
    /// # Errors
    /// As there.
    pub fn open_at(place: &ImagePlace, frame: usize, with_identity: bool) -> Result<Self> {
        let at = |problem: Problem| Error { problem, path: place.path() };
        let bytes = read_place(place).map_err(at)?;
        let format = Format::of_content(&bytes).ok_or_else(|| at(unknown_format(&bytes)))?;
        let mut found = if format == Format::Dicom {
            let image = DicomImage::from_bytes(bytes).map_err(|error| at(error.into()))?;
            Self::of_dicom(&image, frame, with_identity)
        } else {
            let stored = guard::run(guard::TIME_LIMIT, move || Self::of_pixels(format, &bytes));
            stored.map_err(|failure| at(Problem::of_failure(failure, format)))?.map_err(at)?
        };
        found.warnings.splice(0..0, misnamed(&place.path(), format));
        Ok(found)
    }

    fn of_dicom(image: &DicomImage, index: usize, with_identity: bool) -> Self {
        let PixelLayout { rows, columns, frames, samples_per_pixel, bits_allocated, .. } = *image.layout();
        let layout = image.layout();
        let bits = Bits {
            allocated: bits_allocated,
            stored: layout.bits_stored,
            high: layout.high_bit,
            signed: layout.signed,
            float: false,
        };
        let frame = image.frame(index);
        let shown = frame.as_ref().ok();
        let overlay = |(number, overlay): (usize, &Overlay)| OverlayFound {
            group: format!("{:04x}", overlay.group),
            rows: overlay.rows,
            columns: overlay.columns,
            origin: overlay.origin,
            pixels_set: image.overlay_bits(number, index, shown).ok().map(|bits| bits.count()),
        };
        let mut attributes = DicomAttributes {
            transfer_syntax: Named {
                uid: image.transfer_syntax().uid().to_owned(),
                name: image.transfer_syntax().name(),
            },
            photometric: layout.photometric.name(),
            modality: image.modality(),
            view_position: image.view_position(),
            kind: image.kind(),
            spacing: image.spacing(index),
            pixel_aspect: image.pixel_aspect(),
            windows: shown.map(|frame| frame.windows.clone()).unwrap_or_default(),
            voi_lookup_tables: shown.map(|frame| frame.tables.iter().map(Table::of).collect()).unwrap_or_default(),
            modality_lut: shown.map_or(ModalityLut::Identity, |frame| match &frame.modality {
                Modality::Identity => ModalityLut::Identity,
                Modality::Rescale(rescale) => ModalityLut::Rescale(*rescale),
                Modality::Table(table) => ModalityLut::Table(Table::of(table)),
            }),
            overlays: image.overlays().iter().enumerate().map(overlay).collect(),
        };
        let held_back = if with_identity { Vec::new() } else { attributes.hold_back_free_text() };
        let told = shown.map(|frame| frame.warnings.clone()).unwrap_or_default();
        let identity = with_identity.then(|| image.identity());
        let assumed = identity.as_ref().and_then(|identity| identity.warning.clone());
        Self {
            kind: Format::Dicom.name(),
            rows,
            columns,
            frames,
            samples_per_pixel,
            bits,
            dicom: Some(attributes),
            stored: shown
                .map(|frame| Statistics::of_whole(frame.stored.range(), frame.stored.sum(), &frame.stored.values)),
            after_modality_lut: shown.map(|frame| Range::of(&Frame::modality_values(frame))),
            warnings: image.warnings().iter().cloned().chain(told).chain(assumed).chain(held_back).collect(),
            error: frame.as_ref().err().map(ToString::to_string),
            identity,
        }
    }

    fn of_pixels(format: Format, bytes: &[u8]) -> std::result::Result<Self, Problem> {
        let (rows, columns, channels, values, warnings) = if format == Format::Npy {
            let numpy::StoredArray { rows, columns, channels, values } = numpy::stored(bytes)?;
            (rows, columns, channels, values, Vec::new())
        } else {
            let raster::StoredPixels { rows, columns, channels, values, warnings } = raster::stored(bytes, format)?;
            (rows, columns, channels, values, warnings)
        };
        let is_float = values.is_float();
        let bits = Bits { signed: values.is_signed(), float: is_float, ..Bits::unsigned(values.bits()) };
        let stored = if is_float {
            Statistics::of_real(&values.into_f32())
        } else {
            let whole = values.to_i32().ok_or_else(|| Numbers::beyond_32_bits(&values, format.name()))?;
            let [min, max] = whole.iter().fold([i32::MAX, i32::MIN], |[min, max], v| [min.min(*v), max.max(*v)]);
            let sum = whole.iter().map(|value| i64::from(*value)).sum();
            Statistics::of_whole([min, max].map(i64::from), sum, &whole)
        };
        Ok(Self::plain(format, [rows, columns, channels], bits, stored, warnings))
    }

    fn plain(
        format: Format,
        [rows, columns, samples_per_pixel]: [usize; 3],
        bits: Bits,
        stored: Statistics,
        warnings: Vec<String>,
    ) -> Self {
        Self {
            kind: format.name(),
            rows,
            columns,
            frames: 1,
            samples_per_pixel,
            bits,
            dicom: None,
            stored: Some(stored),
            after_modality_lut: None,
            warnings,
            error: None,
            identity: None,
        }
    }
}
