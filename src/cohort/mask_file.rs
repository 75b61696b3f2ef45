//! Masks that were saved as pictures.

use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageReader, Limits};

use super::error::{Error, Result};
use crate::radiograph::Format;
use crate::truth::Mask;
use crate::{files, limits};

/// Gray level of a marked pixel above which a mask with levels between counts as marked.
const THRESHOLD: u16 = 127;

/// A mask and what was odd about its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MaskFile {
    pub(super) mask: Mask,
    pub(super) warning: Option<&'static str>,
}

/// Reads a mask that was saved as a picture (PNG, JPEG or TIFF, levels as in data sets of a plain folder), with what was
/// odd about it.
///
/// # Errors
/// When it cannot be read or may be something else than a mask.
pub fn open_mask(path: &Path) -> Result<(Mask, Option<&'static str>)> {
    read(path).map(|file| (file.mask, file.warning))
}

/// Reads a mask from PNG, JPEG or TIFF: the largest of the colour channels, alpha ignored.
///
/// | levels | marked are |
/// |---|---|
/// | 0 and one other, such as 1 or 255 (65535 in 16 bits) | the others |
/// | up to 128 and more | those above 127, with a warning unless the file is a JPEG |
/// | anything else | refused: it may be a map of several labels |
pub(super) fn read(path: &Path) -> Result<MaskFile> {
    let fail = |problem: String| Error::MaskFile { problem, path: path.to_owned() };
    let unreadable = |error: files::Error| fail(format!("file cannot be read ({error})"));
    let bytes = files::read(path, limits::MASK_BYTES).map_err(unreadable)?;
    let format = match Format::of_content(&bytes) {
        Some(Format::Png) => image::ImageFormat::Png,
        Some(Format::Jpeg) => image::ImageFormat::Jpeg,
        Some(Format::Tiff) => image::ImageFormat::Tiff,
        Some(Format::Npy | Format::Dicom) | None => return Err(fail("file is no PNG, JPEG or TIFF".to_owned())),
    };
    // Decoders of untrusted files may panic.
    let decoded = std::panic::catch_unwind(|| decode(&bytes, format));
    let image = match decoded {
        Ok(Ok(image)) => image,
        Ok(Err(error)) => return Err(fail(format!("file is damaged ({error})"))),
        Err(_) => return Err(fail("file makes its decoder fail and is probably damaged".to_owned())),
    };
    let (height_px, width_px) = (image.height() as usize, image.width() as usize);
    let levels = levels(&image);
    let lossy = format == image::ImageFormat::Jpeg;
    let (pixels, warning) = marked(&levels, lossy).map_err(fail)?;
    Ok(MaskFile { mask: Mask::new(height_px, width_px, pixels), warning })
}

fn size_px(mask: &Mask) -> [usize; 2] {
    [mask.height_px(), mask.width_px()]
}

/// Reads a mask of one or of several files, each of which has a part of it.
///
/// # Errors
/// As [`read`], and when parts are of different sizes.
pub(super) fn read_parts(paths: &[PathBuf]) -> Result<MaskFile> {
    let mut whole: Option<MaskFile> = None;
    for path in paths {
        let part = read(path)?;
        match &mut whole {
            None => whole = Some(part),
            Some(whole) if size_px(&whole.mask) == size_px(&part.mask) => {
                let pixels = whole.mask.pixels_mut().iter_mut().zip(part.mask.pixels());
                pixels.for_each(|(pixel, part)| *pixel |= part);
                whole.warning = whole.warning.or(part.warning);
            }
            Some(_) => {
                let problem = "file has another size than the other part of the mask".to_owned();
                return Err(Error::MaskFile { problem, path: path.clone() });
            }
        }
    }
    whole.ok_or(Error::Truth("the case has a mask without a file"))
}

fn decode(bytes: &[u8], format: image::ImageFormat) -> image::ImageResult<DynamicImage> {
    let mut reader = ImageReader::with_format(std::io::Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(limits::SIDE_PX);
    limits.max_image_height = Some(limits::SIDE_PX);
    limits.max_alloc = Some(limits::DECODED_BYTES);
    reader.limits(limits);
    reader.decode()
}

/// The largest colour channel of each pixel. 16 bits are brought to 8 unless they already fit.
fn levels(image: &DynamicImage) -> Vec<u16> {
    let deep = matches!(
        image,
        DynamicImage::ImageLuma16(_)
            | DynamicImage::ImageLumaA16(_)
            | DynamicImage::ImageRgb16(_)
            | DynamicImage::ImageRgba16(_)
            | DynamicImage::ImageRgb32F(_)
            | DynamicImage::ImageRgba32F(_)
    );
    if !deep {
        return match image {
            DynamicImage::ImageLuma8(gray) => gray.as_raw().iter().map(|level| u16::from(*level)).collect(),
            other => other.to_rgb8().pixels().map(|pixel| pixel.0.into_iter().max().unwrap_or(0).into()).collect(),
        };
    }
    let mut levels: Vec<u16> = image.to_rgb16().pixels().map(|pixel| pixel.0.into_iter().max().unwrap_or(0)).collect();
    if levels.iter().any(|level| *level > 255) {
        for level in &mut levels {
            // Rounded up, so that a marked pixel never becomes an unmarked one.
            *level = level.div_ceil(257);
        }
    }
    levels
}

fn marked(levels: &[u16], lossy: bool) -> std::result::Result<(Vec<bool>, Option<&'static str>), String> {
    let max = levels.iter().copied().max().unwrap_or(0);
    let above = |threshold: u16| levels.iter().map(|level| *level > threshold).collect();
    let two_levels = levels.iter().all(|level| *level == 0 || *level == max);
    if lossy {
        // What a compressed black mask or one of 0 and 255 may hold.
        return if max <= 16 || max > THRESHOLD {
            Ok((above(THRESHOLD), None))
        } else {
            Err(format!("has gray levels from 0 to {max}; a JPEG mask needs 255 where something is marked"))
        };
    }
    if two_levels {
        return Ok((above(0), None));
    }
    if max <= THRESHOLD {
        return Err(format!("has gray levels from 0 to {max}; 0 and one other, such as 255, are needed"));
    }
    let text = "a mask has gray levels between unmarked and marked: it was resized with interpolation, and levels above \
                127 are taken";
    Ok((above(THRESHOLD), Some(text)))
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, ImageBuffer, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn read_image(name: &str, image: &DynamicImage) -> Result<MaskFile> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        image.save(&path).unwrap();
        read(&path)
    }

    fn set(file: &MaskFile) -> Vec<bool> {
        file.mask.pixels().to_vec()
    }

    #[test]
    fn two_levels_of_any_kind() {
        let expected = [false, true, false, true];
        let gray = |level: u8| DynamicImage::from(GrayImage::from_raw(2, 2, vec![0, level, 0, level]).unwrap());
        for level in [1, 2, 128, 255] {
            let file = read_image("a.png", &gray(level)).unwrap();
            assert_eq!((set(&file), file.warning), (expected.to_vec(), None));
        }
        for level in [1, 255, 256, 65_535_u16] {
            let raw: ImageBuffer<Luma<u16>, _> = ImageBuffer::from_raw(2, 2, vec![0, level, 0, level]).unwrap();
            assert_eq!(set(&read_image("a.png", &raw.into()).unwrap()), expected);
        }
        let red = RgbImage::from_fn(2, 2, |x, _| if x == 1 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 0]) });
        assert_eq!(set(&read_image("a.tif", &red.into()).unwrap()), expected);
        let rgba = RgbaImage::from_fn(2, 2, |x, _| Rgba([0, (x * 255) as u8, 0, 255]));
        assert_eq!(set(&read_image("a.png", &rgba.into()).unwrap()), expected);
        let gray_alpha: ImageBuffer<LumaA<u8>, _> = ImageBuffer::from_fn(2, 2, |x, _| LumaA([(x * 255) as u8, 255]));
        assert_eq!(set(&read_image("a.png", &gray_alpha.into()).unwrap()), expected);
    }

    #[test]
    fn levels_between() {
        let gray = |levels: &[u8]| DynamicImage::from(GrayImage::from_raw(2, 2, levels.to_vec()).unwrap());
        let file = read_image("a.png", &gray(&[0, 127, 128, 255])).unwrap();
        assert_eq!(set(&file), [false, false, true, true]);
        assert!(file.warning.is_some());
        let labels = read_image("a.png", &gray(&[0, 1, 2, 3])).unwrap_err().to_string();
        assert!(labels.contains("0 to 3"), "{labels}");
        assert_eq!(read_image("a.png", &gray(&[0; 4])).unwrap().mask.area_px(), 0);
        assert_eq!(read_image("a.png", &gray(&[255; 4])).unwrap().mask.area_px(), 4);
    }

    #[test]
    fn a_jpeg_is_cut_in_the_middle() {
        let disc = |level: u8| GrayImage::from_fn(64, 64, |x, y| Luma([if x / 16 == 1 && y < 32 { level } else { 0 }]));
        let file = read_image("a.jpg", &disc(255).into()).unwrap();
        assert_eq!((file.mask.area_px(), file.warning), (16 * 32, None));
        assert!(read_image("a.jpg", &disc(60).into()).is_err());
        assert_eq!(read_image("a.jpg", &disc(0).into()).unwrap().mask.area_px(), 0);
    }

    #[test]
    fn no_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        assert!(read(&path).unwrap_err().to_string().contains("cannot be read"));
        std::fs::write(&path, b"\x89PNG\r\n\x1a\nxx").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("damaged"));
        std::fs::write(&path, b"text").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("no PNG"));
    }
}
