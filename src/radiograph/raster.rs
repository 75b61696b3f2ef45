//! PNG, JPEG and TIFF by the `image` crate, and how their pixels become gray.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::image_scale::{Numbers, dark_16_bit};
use super::jpeg_markers::{Colour, JpegHead, has_end};
use super::png_palette::palette_problem;
use super::tiff::{self, Page};
use super::{Format, Problem, Radiograph, ValueScale};
use crate::array_file::NpyValues;
use crate::limits;

/// Channels of a JPEG whose gray was coded as colour may differ by this much through rounding alone.
const CHANNEL_ROUNDING: u16 = 3;

/// Weights of red, green and blue in luma (ITU-R BT.601), as Pillow and `OpenCV` use.
pub(super) const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// The samples of a file as they are stored.
pub(super) struct StoredPixels {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) channels: usize,
    /// `[rows, columns, channels]`
    pub(super) values: NpyValues,
    pub(super) warnings: Vec<String>,
}

/// Every sample of every channel, alpha included; palettes and fewer than 8 bits expanded.
pub(super) fn stored(bytes: &[u8], format: Format) -> Result<StoredPixels, Problem> {
    let mut warnings = Vec::new();
    if format == Format::Tiff
        && let Some(Page { rows, columns, values }) = tiff::numbers(bytes, &mut warnings)?
    {
        Numbers::of(&values)?;
        return Ok(StoredPixels { rows, columns, channels: 1, values, warnings });
    }
    let image = decoded(bytes, format, &mut warnings)?;
    let (rows, columns) = (image.height() as usize, image.width() as usize);
    let channels = usize::from(image.color().channel_count());
    let values = match image {
        DynamicImage::ImageLuma8(image) => NpyValues::U8(image.into_raw()),
        DynamicImage::ImageLumaA8(image) => NpyValues::U8(image.into_raw()),
        DynamicImage::ImageRgb8(image) => NpyValues::U8(image.into_raw()),
        DynamicImage::ImageRgba8(image) => NpyValues::U8(image.into_raw()),
        DynamicImage::ImageLuma16(image) => NpyValues::U16(image.into_raw()),
        DynamicImage::ImageLumaA16(image) => NpyValues::U16(image.into_raw()),
        DynamicImage::ImageRgb16(image) => NpyValues::U16(image.into_raw()),
        DynamicImage::ImageRgba16(image) => NpyValues::U16(image.into_raw()),
        other => {
            return Err(Problem::PixelType { format: format.name(), found: format!("{:?}", other.color()) });
        }
    };
    Ok(StoredPixels { rows, columns, channels, values, warnings })
}

pub(super) fn decode(bytes: &[u8], format: Format) -> Result<Radiograph, Problem> {
    let mut warnings = Vec::new();
    if format == Format::Tiff
        && let Some(Page { rows, columns, values }) = tiff::numbers(bytes, &mut warnings)?
    {
        let numbers = Numbers::of(&values)?;
        let mut pixels = values.into_f32();
        let scale = numbers.to_gray(&mut pixels, format.name(), &mut warnings)?;
        return Ok(Radiograph { warnings, ..Radiograph::new(rows, columns, pixels, scale) });
    }
    let image = decoded(bytes, format, &mut warnings)?;
    let pixels = gray_levels(&image, format, &mut warnings)?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    Ok(Radiograph { warnings, ..Radiograph::new(height, width, pixels, ValueScale::Gray) })
}

fn decoded(bytes: &[u8], format: Format, warnings: &mut Vec<String>) -> Result<DynamicImage, Problem> {
    let damaged = |error: ImageError| problem_of(error, format);
    let image_format = match format {
        Format::Png => ImageFormat::Png,
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Tiff => ImageFormat::Tiff,
        Format::Npy | Format::Dicom => return Err(Problem::UnknownFormat),
    };
    if format == Format::Png
        && let Some(reason) = palette_problem(bytes)
    {
        return Err(Problem::Damaged { format: format.name(), reason });
    }
    if format == Format::Jpeg
        && let Some(image) = contradictory_jpeg(bytes, &jpeg_head(bytes)?)
    {
        return image;
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), image_format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(limits::SIDE_PX);
    limits.max_image_height = Some(limits::SIDE_PX);
    limits.max_alloc = Some(limits::DECODED_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    refuse_size(u64::from(width), u64::from(height))?;
    if decoder.total_bytes() > limits::DECODED_BYTES {
        return Err(Problem::TooLarge { reason: format!("{width}x{height} pixels") });
    }
    if decoder.orientation().is_ok_and(|orientation| orientation != image::metadata::Orientation::NoTransforms) {
        warnings.push("the file asks viewers to turn or mirror it, which is not done here".to_owned());
    }
    DynamicImage::from_decoder(decoder).map_err(damaged)
}

pub(super) fn refuse_size(width: u64, height: u64) -> Result<(), Problem> {
    if width.max(height) > u64::from(limits::SIDE_PX) || width * height > limits::PIXELS as u64 {
        return Err(Problem::TooLarge { reason: format!("{width}x{height} pixels") });
    }
    Ok(())
}

/// The head of a JPEG that is read; the decoder would fill what is missing at its end with gray.
fn jpeg_head(bytes: &[u8]) -> Result<JpegHead, Problem> {
    let damaged = |reason: &str| Problem::Damaged { format: Format::Jpeg.name(), reason: reason.to_owned() };
    let head = JpegHead::read(bytes).map_err(damaged)?;
    refuse_jpeg(&head)?;
    refuse_size(head.columns as u64, head.rows as u64)?;
    if has_end(bytes) { Ok(head) } else { Err(damaged("its end marker is missing")) }
}

/// A JPEG of three components that are not what the `image` crate takes them for: there, names of components go before
/// markers. libjpeg and all that is made of it go by the markers.
fn contradictory_jpeg(bytes: &[u8], head: &JpegHead) -> Option<Result<DynamicImage, Problem>> {
    let (colour, _) = head.colour()?;
    if colour == Colour::Rgb || !head.is_named_rgb() {
        return None;
    }
    let damaged = |reason: String| Problem::Damaged { format: Format::Jpeg.name(), reason: one_line(&reason) };
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.set_max_decoding_buffer_size(limits::DECODED_BYTES as usize);
    decoder.set_color_transform(jpeg_decoder::ColorTransform::YCbCr);
    let (width, height) = (head.columns as u32, head.rows as u32);
    let decoded = decoder.decode().map_err(|error| damaged(error.to_string()));
    Some(decoded.and_then(|pixels| {
        let image = image::RgbImage::from_raw(width, height, pixels);
        image.map(DynamicImage::from).ok_or_else(|| damaged("it holds another size than its header says".to_owned()))
    }))
}

/// Kinds of JPEG that the `image` crate does not read, or not as they are meant, by their names.
fn refuse_jpeg(head: &JpegHead) -> Result<(), Problem> {
    let found = match (head.process, head.precision, head.components.len()) {
        (0xc3, ..) => "lossless JPEG",
        (0xc5..=0xc7 | 0xcd..=0xcf, ..) => "hierarchical JPEG",
        (0xc9..=0xcb, ..) => "arithmetic-coded JPEG",
        (_, 9.., _) => "JPEG of more than 8 bits",
        (.., 4) if !head.has_adobe() => "JPEG of four components of unknown meaning",
        _ => return Ok(()),
    };
    Err(Problem::PixelType { format: Format::Jpeg.name(), found: found.to_owned() })
}

fn problem_of(error: ImageError, format: Format) -> Problem {
    match error {
        ImageError::Limits(limit) => Problem::TooLarge { reason: limit.to_string() },
        ImageError::Unsupported(unsupported) => {
            Problem::PixelType { format: format.name(), found: unsupported.to_string() }
        }
        other => Problem::Damaged { format: format.name(), reason: one_line(&other.to_string()) },
    }
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn gray_levels(image: &DynamicImage, format: Format, warnings: &mut Vec<String>) -> Result<Vec<f32>, Problem> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    match image {
        DynamicImage::ImageLuma8(image) => Ok(image.as_raw().iter().copied().map(f32::from).collect()),
        DynamicImage::ImageLumaA8(image) => {
            Ok(image.as_raw().chunks_exact(2).map(|pixel| f32::from(pixel[0])).collect())
        }
        DynamicImage::ImageRgb8(image) => Ok(gray_of_colour::<3, _>(image.as_raw(), warnings)),
        DynamicImage::ImageRgba8(image) => {
            refuse_screenshot(image.as_raw(), width, height, u8::MAX)?;
            Ok(gray_of_colour::<4, _>(image.as_raw(), warnings))
        }
        DynamicImage::ImageLuma16(image) => Ok(from_16_bit(image.as_raw().clone().into_iter(), warnings)),
        DynamicImage::ImageLumaA16(image) => {
            Ok(from_16_bit(image.as_raw().chunks_exact(2).map(|pixel| pixel[0]), warnings))
        }
        DynamicImage::ImageRgb16(image) => Ok(scaled_to_8_bit(gray_of_colour::<3, _>(image.as_raw(), warnings))),
        DynamicImage::ImageRgba16(image) => {
            refuse_screenshot(image.as_raw(), width, height, u16::MAX)?;
            Ok(scaled_to_8_bit(gray_of_colour::<4, _>(image.as_raw(), warnings)))
        }
        other => Err(Problem::PixelType { format: format.name(), found: format!("{:?}", other.color()) }),
    }
}

fn from_16_bit(values: impl Iterator<Item = u16> + Clone, warnings: &mut Vec<String>) -> Vec<f32> {
    warnings.extend(dark_16_bit(f64::from(values.clone().max().unwrap_or(0))));
    scaled_to_8_bit(values.map(f32::from).collect())
}

/// 65535 / 257 = 255: the scale of 16 bits on that of 8, fractions kept.
fn scaled_to_8_bit(mut pixels: Vec<f32>) -> Vec<f32> {
    for value in &mut pixels {
        *value /= 257.0;
    }
    pixels
}

/// Gray of pixels of `N` channels of which the first three are colours: the common value, or luma with a warning.
fn gray_of_colour<const N: usize, T: Copy + Into<f32> + Into<u32>>(raw: &[T], warnings: &mut Vec<String>) -> Vec<f32> {
    let spread = raw.chunks_exact(N).map(|pixel| channel_spread(pixel)).max().unwrap_or(0);
    if spread > u32::from(CHANNEL_ROUNDING) {
        warnings.push("the image has colours and was reduced to its luma".to_owned());
    }
    raw.chunks_exact(N)
        .map(|pixel| {
            if channel_spread(pixel) == 0 {
                pixel[0].into()
            } else {
                pixel.iter().zip(LUMA).map(|(value, weight)| -> f32 { weight * Into::<f32>::into(*value) }).sum()
            }
        })
        .collect()
}

fn channel_spread<T: Copy + Into<u32>>(pixel: &[T]) -> u32 {
    let [red, green, blue] = [0, 1, 2].map(|channel| pixel[channel].into());
    red.max(green).max(blue) - red.min(green).min(blue)
}

/// Radiographs have no use for transparency: files with it come from screenshots and plotting programs. What is gray
/// and has no white frame may still be a radiograph that went through a browser or an editor.
fn refuse_screenshot<T: Copy + Into<u32> + PartialEq>(
    raw: &[T],
    width: usize,
    height: usize,
    white: T,
) -> Result<(), Problem> {
    if raw.chunks_exact(4).any(|pixel| channel_spread(pixel) > u32::from(CHANNEL_ROUNDING)) {
        return Err(Problem::Screenshot);
    }
    let is_white = |x: usize, y: usize| raw[(y * width + x) * 4] == white;
    let framed = (0..width).all(|x| is_white(x, 0) && is_white(x, height - 1))
        && (0..height).all(|y| is_white(0, y) && is_white(width - 1, y));
    if framed { Err(Problem::Figure) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use image::{ExtendedColorType, ImageEncoder};

    use super::*;

    fn png(width: u32, height: u32, color: ExtendedColorType, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        image::codecs::png::PngEncoder::new(&mut out).write_image(bytes, width, height, color).unwrap();
        out
    }

    fn open(bytes: &[u8]) -> Result<Radiograph, Problem> {
        Radiograph::from_bytes(bytes)
    }

    #[test]
    fn eight_bit_gray_is_exact() {
        let levels: Vec<u8> = (0..=255).collect();
        let image = open(&png(16, 16, ExtendedColorType::L8, &levels)).unwrap();
        assert_eq!(image.pixels(), levels.iter().copied().map(f32::from).collect::<Vec<_>>());
        assert!(image.warnings().is_empty());
    }

    #[test]
    fn sixteen_bit_gray_keeps_its_fractions() {
        let stored = [0_u16, 257, 300, 65_535];
        let bytes: Vec<u8> = stored.iter().flat_map(|value| value.to_ne_bytes()).collect();
        let image = open(&png(2, 2, ExtendedColorType::L16, &bytes)).unwrap();
        assert_eq!(image.pixels(), [0.0, 1.0, 300.0 / 257.0, 255.0]);
        assert!(image.warnings().is_empty());
        let dark: Vec<u8> = [0_u16, 4095].iter().flat_map(|value| value.to_ne_bytes()).collect();
        assert_eq!(open(&png(2, 1, ExtendedColorType::L16, &dark)).unwrap().warnings().len(), 1);
    }

    #[test]
    fn equal_channels_are_gray_and_colours_are_told() {
        let image = open(&png(2, 1, ExtendedColorType::Rgb8, &[9, 9, 9, 200, 200, 200])).unwrap();
        assert_eq!((image.pixels(), image.warnings().len()), (&[9.0, 200.0][..], 0));
        let image = open(&png(1, 1, ExtendedColorType::Rgb8, &[255, 0, 0])).unwrap();
        assert!((image.pixels()[0] - 76.245).abs() < 1e-3);
        assert_eq!(image.warnings().len(), 1);
    }

    #[test]
    fn palette_and_one_bit_files_are_expanded() {
        // 2x1 pixels, palette of two grays (10 and 250), indices 0 and 1 in one byte of bit depth 1.
        let mut out = Vec::new();
        let chunk = |out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]| {
            out.extend((data.len() as u32).to_be_bytes());
            out.extend(kind);
            out.extend(data);
            let body = [&kind[..], data].concat();
            out.extend(crc32(&body).to_be_bytes());
        };
        // A stored (uncompressed) zlib block: filter byte 0, then the packed pixels.
        let idat = |row: &[u8]| {
            let mut data = vec![0x78, 0x01, 0x01];
            data.extend((row.len() as u16).to_le_bytes());
            data.extend((!(row.len() as u16)).to_le_bytes());
            data.extend(row);
            data.extend(adler32(row).to_be_bytes());
            data
        };
        for (color_type, expected) in [(3, [10.0, 250.0]), (0, [0.0, 255.0])] {
            out.clear();
            out.extend(b"\x89PNG\r\n\x1a\n");
            chunk(&mut out, b"IHDR", &[0, 0, 0, 2, 0, 0, 0, 1, 1, color_type, 0, 0, 0]);
            if color_type == 3 {
                chunk(&mut out, b"PLTE", &[10, 10, 10, 250, 250, 250]);
            }
            chunk(&mut out, b"IDAT", &idat(&[0, 0b0100_0000]));
            chunk(&mut out, b"IEND", &[]);
            assert_eq!(open(&out).unwrap().pixels(), expected);
        }
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
        })
    }

    fn adler32(bytes: &[u8]) -> u32 {
        let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
            let a = (a + u32::from(*byte)) % 65_521;
            (a, (a + b) % 65_521)
        });
        (b << 16) | a
    }

    #[test]
    fn transparency_is_dropped_from_a_gray_image_and_betrays_a_screenshot() {
        let gray = [10, 10, 10, 255, 20, 20, 20, 128, 30, 30, 30, 255, 40, 40, 40, 0];
        assert_eq!(open(&png(2, 2, ExtendedColorType::Rgba8, &gray)).unwrap().pixels(), [10.0, 20.0, 30.0, 40.0]);
        let mut coloured = gray;
        coloured[4] = 90;
        assert!(matches!(open(&png(2, 2, ExtendedColorType::Rgba8, &coloured)), Err(Problem::Screenshot)));
        let mut figure = vec![255_u8; 5 * 5 * 4];
        figure[(2 * 5 + 2) * 4..(2 * 5 + 2) * 4 + 3].fill(0);
        assert!(matches!(open(&png(5, 5, ExtendedColorType::Rgba8, &figure)), Err(Problem::Figure)));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let pixels: Vec<u8> = (0..64 * 64).map(|i: u32| ((i * 7919) >> 3) as u8).collect();
        let mut jpeg = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 90)
            .write_image(&pixels, 64, 64, ExtendedColorType::L8)
            .unwrap();
        let mut tiff = Cursor::new(Vec::new());
        image::codecs::tiff::TiffEncoder::new(&mut tiff).write_image(&pixels, 64, 64, ExtendedColorType::L8).unwrap();
        for whole in [png(64, 64, ExtendedColorType::L8, &pixels), jpeg, tiff.into_inner()] {
            assert_eq!(open(&whole).unwrap().pixels().len(), 64 * 64);
            for keep in [9, 40, whole.len() / 3, whole.len() / 2, whole.len() * 9 / 10] {
                assert!(open(&whole[..keep]).is_err(), "{keep} of {} bytes were read as an image", whole.len());
            }
        }
    }

    #[test]
    fn declared_bombs_are_refused_by_their_header() {
        let mut bomb = png(1, 1, ExtendedColorType::L8, &[0]);
        bomb[16..24].copy_from_slice(&[0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50]);
        let crc = crc32(&bomb[12..29]).to_be_bytes();
        bomb[29..33].copy_from_slice(&crc);
        assert!(matches!(open(&bomb), Err(Problem::TooLarge { .. })));
    }
}
