//! Pages and number formats of a TIFF, and those numbers that the `image` crate does not read: floating-point, signed and of
//! more than 16 bits.

use std::io::Cursor;

use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::{SampleFormat, Tag};
use tiff::{ColorType, TiffError};

use super::raster::{one_line, refuse_size};
use super::{Format, Problem};
use crate::array_file::NpyValues;
use crate::limits;

/// Pages that are counted; whoever has more has many.
const PAGES: usize = 100;

/// The numbers of the first page, one a pixel.
pub(super) struct Page {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// `[rows, columns]`
    pub(super) values: NpyValues,
}

/// The numbers of the first page where they are no gray levels of up to 16 bits; nothing where the `image` crate reads them.
/// A warning where there are other pages.
///
/// # Errors
/// When the file is damaged or too large, or its numbers are of a kind that is not read.
pub(super) fn numbers(bytes: &[u8], warnings: &mut Vec<String>) -> Result<Option<Page>, Problem> {
    let mut bounds = Limits::default();
    bounds.decoding_buffer_size = limits::DECODED_BYTES as usize;
    bounds.intermediate_buffer_size = limits::DECODED_BYTES as usize;
    let mut decoder = Decoder::new(Cursor::new(bytes)).map_err(problem_of)?.with_limits(bounds);
    let (width, height) = decoder.dimensions().map_err(problem_of)?;
    refuse_size(u64::from(width), u64::from(height))?;
    let colour = decoder.colortype().map_err(problem_of)?;
    let formats = decoder.find_tag_unsigned_vec::<u16>(Tag::SampleFormat).map_err(problem_of)?.unwrap_or_default();
    let format = formats.first().copied().and_then(SampleFormat::from_u16).unwrap_or(SampleFormat::Uint);
    let numbers = match (colour, format) {
        (ColorType::Gray(16 | 32 | 64), SampleFormat::IEEEFP)
        | (ColorType::Gray(8 | 16 | 32 | 64), SampleFormat::Int)
        | (ColorType::Gray(32 | 64), SampleFormat::Uint) => Some(decoder.read_image().map_err(problem_of)?),
        (ColorType::Palette(_), _) => return Err(unread("a palette of colours")),
        (ColorType::YCbCr(_), _) => return Err(unread("luma and colour differences (YCbCr)")),
        (_, SampleFormat::Uint) => None,
        (_, SampleFormat::IEEEFP) => return Err(unread("floating-point colours")),
        (_, SampleFormat::Int) => return Err(unread("signed colours")),
        _ => return Err(unread("complex or undefined numbers")),
    };
    warnings.extend(other_pages(&mut decoder));
    let Some(numbers) = numbers else { return Ok(None) };
    let values = match numbers {
        DecodingResult::U8(values) => NpyValues::U8(values),
        DecodingResult::U16(values) => NpyValues::U16(values),
        DecodingResult::U32(values) => NpyValues::U32(values),
        DecodingResult::U64(values) => NpyValues::U64(values),
        DecodingResult::I8(values) => NpyValues::I8(values),
        DecodingResult::I16(values) => NpyValues::I16(values),
        DecodingResult::I32(values) => NpyValues::I32(values),
        DecodingResult::I64(values) => NpyValues::I64(values),
        DecodingResult::F16(values) => NpyValues::F16(values),
        DecodingResult::F32(values) => NpyValues::F32(values),
        DecodingResult::F64(values) => NpyValues::F64(values),
    };
    let (rows, columns) = (height as usize, width as usize);
    if values.len() != rows * columns {
        let reason = format!("{} pixels of {rows} x {columns} are there", values.len());
        return Err(Problem::Damaged { format: Format::Tiff.name(), reason });
    }
    Ok(Some(Page { rows, columns, values }))
}

/// A warning where there are pages behind the first.
fn other_pages(decoder: &mut Decoder<Cursor<&[u8]>>) -> Option<String> {
    let mut pages = 1;
    while pages <= PAGES && decoder.more_images() {
        pages += 1;
        // One that cannot be read is still another page, and nothing is known of those behind it.
        if decoder.next_image().is_err() {
            break;
        }
    }
    match pages {
        1 => None,
        _ if pages > PAGES => Some(format!("the TIFF file has more than {PAGES} pages; the first was read")),
        _ => Some(format!("the TIFF file has {pages} pages; the first was read")),
    }
}

fn unread(found: &str) -> Problem {
    Problem::PixelType { format: Format::Tiff.name(), found: found.to_owned() }
}

fn problem_of(error: TiffError) -> Problem {
    match error {
        TiffError::LimitsExceeded => Problem::TooLarge { reason: "its parts need more memory than that".to_owned() },
        TiffError::UnsupportedError(what) => unread(&one_line(&what.to_string())),
        other => Problem::Damaged { format: Format::Tiff.name(), reason: one_line(&other.to_string()) },
    }
}

#[cfg(test)]
mod tests {
    use tiff::encoder::{TiffEncoder, colortype};

    use super::super::{Radiograph, ValueScale};
    use super::*;

    /// A TIFF of pages of 2 x 1 pixels.
    macro_rules! pages {
        ($colour:ty, $($pixels:expr),+) => {{
            let mut file = Cursor::new(Vec::new());
            let mut encoder = TiffEncoder::new(&mut file).unwrap();
            $(encoder.write_image::<$colour>(2, 1, &$pixels).unwrap();)+
            file.into_inner()
        }};
    }

    fn read(bytes: &[u8]) -> (Vec<f32>, String) {
        let image = Radiograph::from_bytes(bytes).unwrap();
        (image.pixels().to_vec(), image.warnings().join("; "))
    }

    #[test]
    fn the_first_page_is_read_and_others_are_told() {
        let (pixels, told) = read(&pages!(colortype::Gray8, [7, 200], [1, 2], [3, 4]));
        assert_eq!(pixels, [7.0, 200.0]);
        assert!(told.contains("3 pages; the first was read"), "{told}");
        assert_eq!(read(&pages!(colortype::Gray8, [7, 200])), (vec![7.0, 200.0], String::new()));
        let mut many = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut many).unwrap();
        (0..150).for_each(|_| encoder.write_image::<colortype::Gray8>(1, 1, &[9]).unwrap());
        assert!(read(many.get_ref()).1.contains("more than 100 pages"));
    }

    #[test]
    fn offsets_of_64_bits_are_read() {
        let mut file = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new_big(&mut file).unwrap();
        encoder.write_image::<colortype::Gray16>(2, 1, &[257, 65_535]).unwrap();
        assert_eq!(read(file.get_ref()), (vec![1.0, 255.0], String::new()));
    }

    #[test]
    fn numbers_go_by_their_range() {
        let (pixels, told) = read(&pages!(colortype::Gray32Float, [0.0, 0.5]));
        assert_eq!((pixels, told.contains("fractions of white")), (vec![0.0, 127.5], true));
        assert_eq!(read(&pages!(colortype::Gray64Float, [3.0, 250.5])), (vec![3.0, 250.5], String::new()));
        let image = Radiograph::from_bytes(&pages!(colortype::Gray32Float, [-1.0, 0.5])).unwrap();
        assert_eq!((image.scale(), image.pixels()), (ValueScale::Symmetric, &[-1.0, 0.5][..]));
        assert_eq!(read(&pages!(colortype::Gray32, [0, 200])).0, [0.0, 200.0]);
        assert_eq!(read(&pages!(colortype::GrayI32, [257, 65_535])).0, [1.0, 255.0]);
        let (_, told) = read(&pages!(colortype::GrayI16, [0, 4095]));
        assert!(told.contains("int16") && told.contains("almost black"), "{told}");
        let problem = Radiograph::from_bytes(&pages!(colortype::GrayI16, [-5, 300])).unwrap_err();
        assert!(problem.to_string().contains("int16 values of the TIFF file from -5 to 300"), "{problem}");
        let problem = Radiograph::from_bytes(&pages!(colortype::RGB32Float, [0.0_f32; 6])).unwrap_err();
        assert!(problem.to_string().contains("floating-point colours"), "{problem}");
    }

    #[test]
    fn no_damage_makes_a_decoder_panic() {
        let wholes = [pages!(colortype::Gray32Float, [0.0, 0.5], [0.0, 1.0]), pages!(colortype::GrayI64, [1, 5])];
        for whole in wholes {
            for at in 0..whole.len() {
                for value in [0, 1, 3, 0x7f, 0xff] {
                    let mut damaged = whole.clone();
                    damaged[at] = value;
                    let read = Radiograph::from_bytes(&damaged);
                    assert!(!matches!(read, Err(Problem::DecoderPanicked { .. })), "{value} at {at}");
                }
            }
        }
    }
}
