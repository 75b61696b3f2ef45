//! How pixels lie in memory, checked before any codec sees them (PS3.3 C.7.6.3).

use dicom_dictionary_std::tags;

use super::dataset::{DataSet, Usual};
use super::error::{Error, Result};
use crate::limits;

/// What the samples of a pixel mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Photometric {
    /// Gray, the smallest value is white.
    Monochrome1,
    /// Gray, the smallest value is black.
    Monochrome2,
    /// Indices of a palette.
    PaletteColor,
    /// Red, green, blue.
    Rgb,
    /// Luma and two colour differences.
    YbrFull,
    /// The same, the differences shared by two neighbours.
    YbrFull422,
    /// The same with a luma of 16 to 235 (retired).
    YbrPartial422,
    /// The same, the differences shared by four neighbours.
    YbrPartial420,
    /// Irreversible colour transform of JPEG 2000; decoded to red, green, blue.
    YbrIct,
    /// Reversible colour transform of JPEG 2000; decoded to red, green, blue.
    YbrRct,
}

impl Photometric {
    const ALL: [Self; 10] = [
        Self::Monochrome1,
        Self::Monochrome2,
        Self::PaletteColor,
        Self::Rgb,
        Self::YbrFull,
        Self::YbrFull422,
        Self::YbrPartial422,
        Self::YbrPartial420,
        Self::YbrIct,
        Self::YbrRct,
    ];

    /// Its name in the standard.
    pub fn name(self) -> &'static str {
        match self {
            Self::Monochrome1 => "MONOCHROME1",
            Self::Monochrome2 => "MONOCHROME2",
            Self::PaletteColor => "PALETTE COLOR",
            Self::Rgb => "RGB",
            Self::YbrFull => "YBR_FULL",
            Self::YbrFull422 => "YBR_FULL_422",
            Self::YbrPartial422 => "YBR_PARTIAL_422",
            Self::YbrPartial420 => "YBR_PARTIAL_420",
            Self::YbrIct => "YBR_ICT",
            Self::YbrRct => "YBR_RCT",
        }
    }

    /// What a codec of its own makes of it: the range of luma is a matter of uncompressed pixels.
    pub(super) fn coded(self) -> Self {
        match self {
            Self::YbrPartial422 | Self::YbrPartial420 => Self::YbrFull422,
            other => other,
        }
    }

    /// One sample a pixel.
    pub fn is_monochrome(self) -> bool {
        matches!(self, Self::Monochrome1 | Self::Monochrome2)
    }
}

/// Size and number format of the frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelLayout {
    /// Rows, 1 to 16384.
    pub rows: usize,
    /// Columns, 1 to 16384.
    pub columns: usize,
    /// Frames, 1 to 10000.
    pub frames: usize,
    /// Samples a pixel: 1, 3 or 4.
    pub samples_per_pixel: usize,
    /// Bits a sample takes: 1, 8, 16 or 32.
    pub bits_allocated: u32,
    /// Bits of a sample that hold the value.
    pub bits_stored: u32,
    /// Number of the highest of these, from 0.
    pub high_bit: u32,
    /// Values are two's complement.
    pub signed: bool,
    /// All samples of one kind lie together.
    pub planar: bool,
    /// What the samples mean.
    pub photometric: Photometric,
}

impl PixelLayout {
    /// Reads and checks the attributes.
    pub(super) fn read(data_set: &DataSet<'_>, warnings: &mut Vec<String>) -> Result<Self> {
        let required = |tag, name| data_set.unsigned(tag).ok_or(Error::Missing { name });
        let rows = side(required(tags::ROWS, "Rows")?, "Rows")?;
        let columns = side(required(tags::COLUMNS, "Columns")?, "Columns")?;
        let samples_per_pixel = usize::from(data_set.unsigned(tags::SAMPLES_PER_PIXEL).unwrap_or(1));
        if !matches!(samples_per_pixel, 1 | 3 | 4) {
            return Err(refused("SamplesPerPixel", samples_per_pixel, "an image has 1, 3 or 4"));
        }
        if rows * columns * samples_per_pixel > limits::PIXELS {
            return Err(Error::Limit { what: "more than 50 million samples a frame" });
        }
        let bits_allocated = u32::from(required(tags::BITS_ALLOCATED, "BitsAllocated")?);
        if !matches!(bits_allocated, 1 | 8 | 16 | 32) {
            return Err(refused("BitsAllocated", bits_allocated, "1, 8, 16 and 32 are read"));
        }
        let bits_stored = data_set.unsigned(tags::BITS_STORED).map_or(bits_allocated, u32::from);
        if !(1..=bits_allocated).contains(&bits_stored) {
            return Err(refused("BitsStored", bits_stored, "it lies between 1 and BitsAllocated"));
        }
        let mut high_bit = data_set.unsigned(tags::HIGH_BIT).map_or(bits_stored - 1, u32::from);
        if high_bit >= bits_allocated || high_bit + 1 < bits_stored {
            warnings.push(format!(
                "HighBit {high_bit} is no place for the last of {bits_stored} bits stored in {bits_allocated} and was \
                 taken as {}",
                bits_stored - 1
            ));
            high_bit = bits_stored - 1;
        }
        Ok(Self {
            rows,
            columns,
            frames: frames(data_set, warnings)?,
            samples_per_pixel,
            bits_allocated,
            bits_stored,
            high_bit,
            // One bit has no room for a sign.
            signed: bits_stored > 1 && data_set.unsigned(tags::PIXEL_REPRESENTATION) == Some(1),
            planar: samples_per_pixel > 1 && data_set.unsigned(tags::PLANAR_CONFIGURATION) == Some(1),
            photometric: photometric(data_set, samples_per_pixel, warnings)?,
        })
    }

    /// Pixels of a frame.
    pub fn pixels(&self) -> usize {
        self.rows * self.columns
    }

    /// Samples of a frame.
    pub fn samples(&self) -> usize {
        self.pixels() * self.samples_per_pixel
    }

    /// Smallest and largest value that the stored bits can hold.
    pub fn range(&self) -> [i64; 2] {
        if self.signed {
            [-(1 << (self.bits_stored - 1)), (1 << (self.bits_stored - 1)) - 1]
        } else {
            [0, (1 << self.bits_stored) - 1]
        }
    }

    /// The declared size in words, for messages.
    pub(super) fn described(&self) -> String {
        described(self.columns, self.rows, self.samples_per_pixel, self.bits_allocated)
    }
}

/// A size in words.
pub(super) fn described(columns: usize, rows: usize, components: usize, bits: u32) -> String {
    format!("{columns}x{rows} pixels of {components} x {bits} bits")
}

fn refused(name: &'static str, value: impl std::fmt::Display, wanted: &'static str) -> Error {
    Error::Attribute { name, value: value.to_string(), wanted }
}

fn side(value: u16, name: &'static str) -> Result<usize> {
    if value == 0 || u32::from(value) > limits::SIDE_PX {
        return Err(refused(name, value, "sides of 1 to 16384 pixels are read"));
    }
    Ok(usize::from(value))
}

fn frames(data_set: &DataSet<'_>, warnings: &mut Vec<String>) -> Result<usize> {
    if data_set.value(tags::NUMBER_OF_FRAMES).is_none_or(<[u8]>::is_empty) {
        return Ok(1);
    }
    match data_set.number(tags::NUMBER_OF_FRAMES, Usual::Text) {
        Some(number) if number > limits::FRAMES as f64 => {
            Err(refused("NumberOfFrames", number, "at most 10000 frames are read"))
        }
        Some(number) if number >= 1.0 && number.fract() == 0.0 => Ok(number as usize),
        _ => {
            warnings.push("NumberOfFrames is no number of frames and was taken as 1".to_owned());
            Ok(1)
        }
    }
}

fn photometric(data_set: &DataSet<'_>, samples_per_pixel: usize, warnings: &mut Vec<String>) -> Result<Photometric> {
    let named = data_set.text(tags::PHOTOMETRIC_INTERPRETATION);
    let retired = ["HSV", "ARGB", "CMYK"].into_iter().find(|retired| named.as_deref() == Some(retired));
    if let Some(retired) = retired.filter(|_| samples_per_pixel > 1) {
        return Err(Error::unsupported(format!("an image of {retired}")));
    }
    let known = Photometric::ALL.into_iter().find(|known| named.as_deref() == Some(known.name()));
    let usual = if samples_per_pixel == 1 { Photometric::Monochrome2 } else { Photometric::Rgb };
    Ok(match known {
        Some(known) if (known.is_monochrome() || known == Photometric::PaletteColor) == (samples_per_pixel == 1) => {
            known
        }
        _ => {
            let said = known.map_or_else(|| named.map_or("absent", |_| "unknown"), Photometric::name);
            warnings.push(format!(
                "PhotometricInterpretation is {said}, with {samples_per_pixel} samples a pixel; it was taken as {}",
                usual.name()
            ));
            usual
        }
    })
}
