//! What the length and the first bytes of pixels without fragments prove about their coding.
//!
//! Pixels are shown as the attributes say only where their length allows it. A length that is exactly that of another
//! coding is a proof; where it proves one, that one is decoded, and where it only proves the attributes wrong, the file is
//! refused by name.

use super::error::{Error, Result};
use super::layout::{Photometric, PixelLayout};
use super::signature::Signature;
use super::transfer_syntax::{PixelCoding, TransferSyntax};

/// What pixels without fragments are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Pixels.
    Pixels {
        /// Two neighbours share their colour differences.
        shares_colour: bool,
    },
    /// One codestream, as the transfer syntax now says.
    Codestream,
}

/// The value of an element with pixels and no fragments.
pub(super) struct Value<'a> {
    /// Its bytes, as far as the file has them.
    pub(super) bytes: &'a [u8],
    /// Bytes that the file lacks.
    pub(super) missing: u64,
    /// Least significant byte first.
    pub(super) little_endian: bool,
}

/// Decides what the value is, and corrects layout and transfer syntax where they say something else.
pub(super) fn settle(
    value: &Value<'_>,
    layout: &mut PixelLayout,
    syntax: &mut TransferSyntax,
    warnings: &mut Vec<String>,
) -> Result<Found> {
    let length = value.bytes.len() as u64 + value.missing;
    let pixels = (layout.pixels() * layout.frames) as u64;
    let samples = pixels * layout.samples_per_pixel as u64;
    let full = (samples * u64::from(layout.bits_allocated)).div_ceil(8);
    let is = |wanted: u64| length == wanted || length == wanted + wanted % 2;
    let says_coded = !matches!(syntax.pixels, PixelCoding::Native | PixelCoding::EncapsulatedNative);
    if let Some(signature) = Signature::of(value.bytes)
        && (signature.is_certain || says_coded || !is(full))
    {
        return codestream(value, signature, layout, syntax, warnings);
    }
    if says_coded {
        if length < full {
            return Err(other("its transfer syntax says that they are compressed, but they begin like no codestream"));
        }
        warnings.push("the transfer syntax says that the pixels are compressed, but they are not".to_owned());
    }
    let as_declared = Ok(Found::Pixels { shares_colour: false });
    if layout.photometric == Photometric::YbrPartial420 {
        return Err(other("they are YBR_PARTIAL_420 without compression, which is not read"));
    }
    let is_halved = matches!(layout.photometric, Photometric::YbrFull422 | Photometric::YbrPartial422)
        && layout.samples_per_pixel == 3
        && layout.bits_allocated == 8;
    if is_halved && length < full {
        return Ok(Found::Pixels { shares_colour: true });
    }
    if is(full) {
        return as_declared;
    }
    match (layout.samples_per_pixel, layout.bits_allocated) {
        (3, 8) if is(pixels * 2) && layout.photometric == Photometric::YbrFull => {
            warnings.push(
                "the pixels have two bytes each instead of three and were taken as YBR_FULL_422, not YBR_FULL"
                    .to_owned(),
            );
            Ok(Found::Pixels { shares_colour: true })
        }
        (3, 8) if is(pixels * 2) => {
            Err(other("they have two bytes each, as 4:2:2 has, but PhotometricInterpretation says three"))
        }
        (3 | 4, bits) if is(pixels * u64::from(bits / 8)) => {
            Err(other("there is one sample a pixel, but SamplesPerPixel says more"))
        }
        (_, 16) if is(samples) && has_upper_bytes(value) => {
            if layout.bits_stored > 8 {
                let found = "there is one byte a sample, but BitsAllocated says 16 bits and BitsStored more than 8";
                return Err(other(found));
            }
            layout.bits_allocated = 8;
            layout.high_bit = layout.bits_stored - 1;
            warnings.push(
                "there is one byte a sample, but BitsAllocated says 16 bits; the pixels were taken as 8 bits"
                    .to_owned(),
            );
            as_declared
        }
        (_, 16) if is((samples * 12).div_ceil(8)) && layout.bits_stored <= 12 => {
            Err(other("there are 12 bits a sample, packed, but BitsAllocated says 16"))
        }
        (_, 32) if is(samples) || is(samples * 2) => {
            Err(other("there are fewer bytes a sample than the 32 bits that BitsAllocated says"))
        }
        (1, 8) if length == samples * 2 && !has_upper_bytes(value) => {
            layout.bits_allocated = 16;
            warnings.push(
                "there are two bytes a sample, but BitsAllocated says 8 bits; the upper ones are 0 and were passed over"
                    .to_owned(),
            );
            as_declared
        }
        (1, 8) if length == samples * 2 => Err(other(
            "there are two bytes a sample, but BitsAllocated says 8 bits and NumberOfFrames not twice as many",
        )),
        (1, 8) if is(samples * 3) => {
            Err(other("there are three bytes a pixel, as colour has, but SamplesPerPixel says one"))
        }
        _ => {
            let behind = value.bytes.get(full as usize..).unwrap_or_default();
            if behind.len() > 1 && behind.iter().any(|byte| *byte != 0) {
                warnings.push(format!(
                    "the pixel data has {} bytes more than its frames need; they were left out",
                    behind.len()
                ));
            }
            as_declared
        }
    }
}

fn codestream(
    value: &Value<'_>,
    signature: Signature,
    layout: &PixelLayout,
    syntax: &mut TransferSyntax,
    warnings: &mut Vec<String>,
) -> Result<Found> {
    let name = signature.name;
    let Some(coding) = signature.coding else { return Err(other(&format!("they are {name}"))) };
    if layout.frames > 1 {
        return Err(other(&format!(
            "they are {name} that is not encapsulated in fragments, so frames cannot be told apart"
        )));
    }
    warnings.push(format!("the pixels are {name} that is not encapsulated in fragments; it was decoded as that"));
    if syntax.pixels != coding {
        *syntax = TransferSyntax::inferred_from_fragment(value.bytes, syntax.encoding);
    }
    Ok(Found::Codestream)
}

/// Whether any upper byte of 16-bit words is used.
fn has_upper_bytes(value: &Value<'_>) -> bool {
    let upper = usize::from(value.little_endian);
    value.bytes.as_chunks::<2>().0.iter().any(|word| word[upper] != 0)
}

fn other(found: &str) -> Error {
    Error::OtherCoding { found: found.to_owned() }
}
