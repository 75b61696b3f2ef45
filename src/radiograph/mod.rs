//! One radiograph from a file: stored gray values, what was odd about the file, and its size for a model.
//!
//! What the bytes are is decided by the bytes; a file name that says otherwise is a warning. No contrast is ever
//! stretched: a value is the stored value on the scale of its bit depth.

pub(crate) mod collection;
pub mod dicom;
mod error;
pub(crate) mod guard;
mod image_file;
mod image_scale;
mod inspection;
mod jpeg_markers;
mod numpy;
mod other_format;
pub(crate) mod phantom_mark;
mod png_palette;
mod raster;
mod terms;
mod tiff;

use std::borrow::Cow;
use std::path::Path;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

pub use collection::{ArchiveEntry, CollectionProblem, ImageCollection, ImagePlace};
pub use error::{Error, Problem, Result};
pub use image_file::{DicomFrame, ImageFile};
pub use inspection::Inspection;
pub(crate) use png_palette::palette_problem;

use crate::{files, limits};

/// File formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
    /// Tagged Image File Format with 32 or 64-bit offsets, first page.
    Tiff,
    /// NumPy's array file.
    Npy,
    /// Digital Imaging and Communications in Medicine.
    Dicom,
}

impl Format {
    /// The format of a file that begins with `bytes`.
    pub fn of_content(bytes: &[u8]) -> Option<Self> {
        // The 128 bytes before the mark may hold the head of another format, mostly TIFF's, on purpose.
        if dicom::has_mark(bytes) {
            Some(Self::Dicom)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            Some(Self::Jpeg)
        } else if [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|mark| bytes.starts_with(*mark)) {
            Some(Self::Tiff)
        } else if bytes.starts_with(crate::array_file::NPY_MAGIC) {
            Some(Self::Npy)
        } else if dicom::looks_like_dicom(bytes) {
            Some(Self::Dicom)
        } else {
            None
        }
    }

    /// Its name in a message.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Tiff => "TIFF",
            Self::Npy => "NPY",
            Self::Dicom => "DICOM",
        }
    }

    /// The format that a file name's extension promises; DICOM files may have any or none.
    fn of_extension(extension: &str) -> Option<Self> {
        [Self::Png, Self::Jpeg, Self::Tiff, Self::Npy, Self::Dicom]
            .into_iter()
            .find(|format| format.has_extension(extension))
    }

    fn has_extension(self, extension: &str) -> bool {
        let extensions: &[&str] = match self {
            Self::Png => &["png"],
            Self::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
            Self::Tiff => &["tif", "tiff"],
            Self::Npy => &["npy"],
            Self::Dicom => &["dcm", "dicom", "dic", "ima"],
        };
        extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
    }
}

/// What a pixel value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueScale {
    /// Gray level, 0 (black) to 255 (white); fractions come from more than 8 bits.
    Gray,
    /// Already scaled for a model that reads -1 (black) to 1 (white).
    Symmetric,
}

/// One radiograph in memory. Knows neither its file's name nor whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Radiograph {
    width_px: usize,
    height_px: usize,
    pixels: Vec<f32>,
    scale: ValueScale,
    is_phantom: bool,
    warnings: Vec<String>,
}

impl Radiograph {
    /// Reads a DICOM, PNG, JPEG, TIFF or NPY file.
    ///
    /// | stored | becomes |
    /// |---|---|
    /// | 8-bit gray, 1-bit, palette, RGB with equal channels | the gray level 0 to 255, exactly |
    /// | 16-bit | stored value / 257, so 0 to 255 with fractions |
    /// | colour | luma 0.299 R + 0.587 G + 0.114 B, with a warning |
    /// | RGBA | alpha is dropped; refused when it looks like a screenshot or a figure: any colour, or white on all four borders |
    /// | NPY `uint8`, `uint16` | as 8-bit and 16-bit gray |
    /// | NPY `bool` | false black, true white, with a warning |
    /// | whole numbers of other types (NPY, TIFF), none below 0 | up to 255 as 8-bit, up to 65535 as 16-bit gray, with a warning |
    /// | floating-point numbers (NPY, TIFF) in [-1, 1], some negative | [`ValueScale::Symmetric`], exactly |
    /// | floating-point numbers in [0, 1] | times 255, with a warning |
    /// | floating-point numbers in [0, 255] | the gray level |
    /// | DICOM | frame 0 as [`Radiograph::from_dicom`] |
    ///
    /// NPY arrays have shape `[h, w]`, `[h, w, 3]`, `[3, h, w]` (equal channels), or those with axes of length 1 in
    /// front. Gamma, colour profiles and significant-bit marks of a PNG are ignored, as the training pipelines do.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, is too large ([`limits::SIDE_PX`], [`limits::DECODED_BYTES`]) or does not
    /// hold a radiograph.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_at(&path.into())
    }

    /// The same of a file that may lie in a zip archive.
    ///
    /// # Errors
    /// As there.
    pub fn open_at(place: &ImagePlace) -> Result<Self> {
        let at = |problem: Problem| Error { problem, path: place.path() };
        ImageFile::open_at(place)?.into_radiograph().map_err(at)
    }

    /// Reads the content of such a file.
    ///
    /// # Errors
    /// As [`Radiograph::open`].
    pub fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, Problem> {
        ImageFile::from_content(bytes.into(), Vec::new())?.into_radiograph()
    }

    /// Takes pixels `[h, w]` as they are.
    ///
    /// # Panics
    /// When the number of pixels is not `height_px * width_px`.
    pub fn new(height_px: usize, width_px: usize, pixels: Vec<f32>, scale: ValueScale) -> Self {
        assert_eq!(pixels.len(), height_px * width_px, "a radiograph holds h * w pixels");
        Self { width_px, height_px, pixels, scale, is_phantom: false, warnings: Vec::new() }
    }

    /// The same as a generated image, which is of no patient.
    #[must_use]
    pub fn of_phantom(self) -> Self {
        Self { is_phantom: true, ..self }
    }

    /// Other pixels of the same image, on the same scale.
    ///
    /// # Panics
    /// As [`Radiograph::new`].
    #[must_use]
    pub fn with_pixels(&self, height_px: usize, width_px: usize, pixels: Vec<f32>) -> Self {
        Self {
            warnings: self.warnings.clone(),
            is_phantom: self.is_phantom,
            ..Self::new(height_px, width_px, pixels, self.scale)
        }
    }

    /// The same image with one thing more that was odd.
    #[must_use]
    pub fn with_warning(mut self, warning: String) -> Self {
        self.warnings.push(warning);
        self
    }

    /// The same image in whole gray levels, 0 to 255, as an 8-bit file holds them.
    #[must_use]
    pub fn in_8_bits(&self) -> Self {
        let gray = self.gray_levels().iter().map(|gray| gray.round().clamp(0.0, 255.0)).collect();
        Self { scale: ValueScale::Gray, ..self.with_pixels(self.height_px, self.width_px, gray) }
    }

    /// The value of black on its scale.
    pub fn black(&self) -> f32 {
        match self.scale {
            ValueScale::Gray => 0.0,
            ValueScale::Symmetric => -1.0,
        }
    }

    /// Columns.
    pub fn width_px(&self) -> usize {
        self.width_px
    }

    /// Rows.
    pub fn height_px(&self) -> usize {
        self.height_px
    }

    /// Pixels `[h, w]`, row-major, on the scale of [`Radiograph::scale`].
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }

    /// What the pixel values mean.
    pub fn scale(&self) -> ValueScale {
        self.scale
    }

    /// Whether it is a generated image, which is of no patient: by the mark of its file, or because it was made here.
    pub fn is_phantom(&self) -> bool {
        self.is_phantom
    }

    /// What was odd about the file, one sentence each; none names the file.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Pixels `[h, w]` as gray levels 0 to 255 whatever their scale.
    pub fn gray_levels(&self) -> Cow<'_, [f32]> {
        match self.scale {
            ValueScale::Gray => Cow::Borrowed(&self.pixels),
            ValueScale::Symmetric => Cow::Owned(self.pixels.iter().map(|value| (value / 2.0 + 0.5) * 255.0).collect()),
        }
    }

    /// The one value of an image that shows nothing.
    fn constant(&self) -> Option<f32> {
        let first = *self.pixels.first()?;
        self.pixels.iter().all(|value| value.to_bits() == first.to_bits()).then_some(first)
    }

    /// The radiograph at the size a model reads, the sides scaled independently.
    ///
    /// A triangle filter whose support grows with the reduction (Pillow's `BILINEAR`), computed and kept in `f32`:
    /// no rounding to gray levels. At equal size the pixels are the same bits. A change of the aspect ratio by more
    /// than 2 % is a warning of the result.
    ///
    /// # Errors
    /// When a side is 0.
    pub fn resized(&self, height_px: usize, width_px: usize) -> std::result::Result<Cow<'_, Self>, Problem> {
        if (height_px, width_px) == (self.height_px, self.width_px) {
            return Ok(Cow::Borrowed(self));
        }
        let refuse = |reason: String| Problem::Resize { reason };
        if height_px == 0 || width_px == 0 {
            return Err(refuse(format!("{width_px}x{height_px} pixels were asked for")));
        }
        let side = |side_px: usize| match u32::try_from(side_px) {
            Ok(side) if side <= limits::SIDE_PX => Ok(side),
            _ => Err(refuse(format!("a side of {side_px} pixels was asked for, and {} are the most", limits::SIDE_PX))),
        };
        let (target_width, target_height) = (side(width_px)?, side(height_px)?);
        let source = ImageRef::new(
            side(self.width_px)?,
            side(self.height_px)?,
            bytemuck::cast_slice(&self.pixels),
            PixelType::F32,
        )
        .map_err(|error| refuse(error.to_string()))?;
        let pixels = if let Some(value) = self.constant() {
            // Weights of a filter sum up to 1 only nearly.
            vec![value; height_px * width_px]
        } else {
            let mut target = Image::new(target_width, target_height, PixelType::F32);
            let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
            Resizer::new().resize(&source, &mut target, &options).map_err(|error| refuse(error.to_string()))?;
            bytemuck::pod_collect_to_vec::<u8, f32>(target.buffer())
        };
        let mut resized = self.with_pixels(height_px, width_px, pixels);
        let aspect_change = (self.width_px * height_px) as f64 / (self.height_px * width_px) as f64;
        if !(0.98..=1.02).contains(&aspect_change) {
            resized.warnings.push(format!(
                "the image of {}x{} pixels (width x height) was stretched to {width_px}x{height_px}",
                self.width_px, self.height_px
            ));
        }
        Ok(Cow::Owned(resized))
    }
}

/// A warning where the file's extension promises another format. DICOM may be called anything that is no other format.
///
/// Says what the name promises and repeats none of it: behind the last dot of a name may stand a patient's.
fn misnamed(path: &Path, format: Format) -> Option<String> {
    let extension = path.extension()?.to_str();
    match extension.and_then(Format::of_extension) {
        Some(promised) if promised == format => None,
        Some(promised) => Some(format!("the file is named as {} but holds {}", promised.name(), format.name())),
        None if format == Format::Dicom => None,
        None => {
            Some(format!("the ending of the file's name is of no kind that is read, but it holds {}", format.name()))
        }
    }
}

/// The bytes of an image.
fn read_place(place: &ImagePlace) -> std::result::Result<Vec<u8>, Problem> {
    let bytes = match place {
        ImagePlace::File(path) => files::read(path, limits::IMAGE_BYTES)?,
        ImagePlace::Entry(entry) => collection::read_entry(entry)?,
    };
    if bytes.is_empty() { Err(Problem::Empty) } else { Ok(bytes) }
}

fn unknown_format(bytes: &[u8]) -> Problem {
    match bytes {
        [] => Problem::Empty,
        _ => other_format::of_content(bytes).unwrap_or(Problem::UnknownFormat),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(height_px: usize, width_px: usize) -> Radiograph {
        let pixels = (0..height_px * width_px).map(|i| (i % width_px) as f32).collect();
        Radiograph::new(height_px, width_px, pixels, ValueScale::Gray)
    }

    #[test]
    fn equal_size_is_not_touched() {
        let image = ramp(7, 9);
        assert!(matches!(image.resized(7, 9).unwrap(), Cow::Borrowed(same) if std::ptr::eq(same, &raw const image)));
    }

    #[test]
    fn halving_averages_without_rounding_and_shift() {
        let image = ramp(64, 64);
        let half = image.resized(32, 32).unwrap();
        // Centre of target pixel x lies at 2x + 0.5 of the source, away from the border the filter keeps a ramp.
        for x in 4..28 {
            let value = half.pixels()[10 * 32 + x];
            assert!((value - (2.0 * x as f32 + 0.5)).abs() < 1e-4, "{value} at {x}");
        }
        assert!(half.warnings().is_empty());
    }

    #[test]
    fn a_constant_image_stays_constant_at_every_size() {
        for value in [0.0, 1.0, 77.7, 127.5, 254.999, 255.0] {
            for (height_px, width_px) in [(97, 61), (320, 320), (41, 503)] {
                let image = Radiograph::new(211, 173, vec![value; 211 * 173], ValueScale::Gray);
                let resized = image.resized(height_px, width_px).unwrap();
                assert!(resized.pixels().iter().all(|pixel| *pixel == value), "{value} at {width_px}x{height_px}");
            }
        }
    }

    #[test]
    fn stretching_is_told() {
        let image = ramp(64, 80);
        assert_eq!(image.resized(32, 32).unwrap().warnings().len(), 1);
        assert!(image.resized(32, 40).unwrap().warnings().is_empty());
    }

    #[test]
    fn resizing_to_nothing_is_refused() {
        assert!(ramp(4, 4).resized(0, 4).is_err());
    }

    #[test]
    fn both_scales_give_the_same_gray() {
        let scaled = Radiograph::new(1, 3, vec![-1.0, 0.0, 1.0], ValueScale::Symmetric);
        assert_eq!(*scaled.gray_levels(), [0.0, 127.5, 255.0]);
    }

    #[test]
    fn files_that_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str, content: Option<&[u8]>| {
            let path = folder.path().join(name);
            if let Some(content) = content {
                std::fs::write(&path, content).unwrap();
            }
            Radiograph::open(&path).unwrap_err().problem
        };
        assert!(matches!(open("absent.png", None), Problem::Missing));
        assert!(matches!(open("empty.png", Some(b"")), Problem::Empty));
        assert!(matches!(open("text.png", Some(b"hello")), Problem::UnknownFormat));
        assert!(matches!(open("", None), Problem::Folder));
        let mut dicom = vec![0; 128];
        dicom.extend(b"DICM");
        assert!(matches!(open("a.dcm", Some(&dicom)), Problem::Dicom(_)));
    }

    #[test]
    fn no_damage_makes_a_decoder_panic() {
        use image::{ExtendedColorType, ImageEncoder};
        let pixels: Vec<u8> = (0..24 * 24_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let mut png = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut png);
        encoder.write_image(&pixels, 24, 24, ExtendedColorType::L8).unwrap();
        let mut jpeg = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new(&mut jpeg);
        encoder.write_image(&pixels, 24, 24, ExtendedColorType::L8).unwrap();
        let mut tiff = std::io::Cursor::new(Vec::new());
        let encoder = image::codecs::tiff::TiffEncoder::new(&mut tiff);
        encoder.write_image(&pixels, 24, 24, ExtendedColorType::L8).unwrap();
        let mut npy = crate::array_file::NPY_MAGIC.to_vec();
        npy.extend([1, 0, 62, 0]);
        npy.extend(format!("{:<61}\n", "{'descr': '|u1', 'fortran_order': False, 'shape': (24, 24), }").as_bytes());
        npy.extend(&pixels);
        assert!(Radiograph::from_bytes(&npy).is_ok());
        let mut random = 1_u64;
        let mut next = |below: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % below
        };
        for whole in [png, jpeg, tiff.into_inner(), npy] {
            for _ in 0..300 {
                let mut bytes = whole.clone();
                for _ in 0..=next(4) {
                    // The head decides most; half of the damage goes there.
                    let reach = if next(2) == 0 { bytes.len() } else { bytes.len().min(80) };
                    bytes[next(reach)] = next(256) as u8;
                }
                let read = Radiograph::from_bytes(&bytes);
                assert!(!matches!(read, Err(Problem::DecoderPanicked { .. })), "{bytes:?}");
            }
        }
    }

    #[test]
    fn messages_are_one_sentence_with_the_path_last() {
        let error = Radiograph::open(Path::new("nowhere/scan.png")).unwrap_err().to_string();
        assert_eq!(error, "there is no such image file: nowhere/scan.png");
    }
}
