//! Uncompressed pixels of 1, 8, 16 or 32 bits in either byte order.

use super::super::error::{Error, Result};
use super::super::frames::NativeBytes;
use super::super::layout::{Photometric, PixelLayout};
use super::colour::{YbrRange, ybr_to_rgb};
use super::{Meaning, Samples};

/// Bytes of a frame; of 1-bit frames, which need not begin at a byte, rounded up.
pub(super) fn frame_bytes(layout: &PixelLayout) -> usize {
    (layout.samples() * layout.bits_allocated as usize).div_ceil(8)
}

/// Unpacks frame `index`. Missing bytes are zeros, with a warning, where at least half of the frame is there.
pub(super) fn frame(
    bytes: &[u8],
    place: &NativeBytes,
    layout: &PixelLayout,
    index: usize,
) -> Result<(Samples, Option<String>)> {
    let value = bytes.get(place.range.clone()).unwrap_or_default();
    let full = frame_bytes(layout);
    // PS3.3 C.7.6.3.1.2: two lumas share their colour differences.
    let halved = place.shares_colour;
    let first_bit = if layout.bits_allocated == 1 { index * layout.samples() } else { 0 };
    let length = if halved { layout.pixels().div_ceil(2) * 4 } else { full };
    let start = if layout.bits_allocated == 1 { first_bit / 8 } else { index * length };
    let available = value.len().saturating_sub(start);
    // A frame of bits may end in a byte that the next one shares.
    let needed = if layout.bits_allocated == 1 { (first_bit % 8 + layout.samples()).div_ceil(8) } else { length };
    if available < needed.div_ceil(2) {
        return Err(Error::codec(
            "uncompressed",
            format!("frame {index} of {} needs {needed} bytes, {available} are there", layout.described()),
        ));
    }
    let warning = (available < needed)
        .then(|| format!("{} of the {needed} bytes of the frame are missing and were taken as 0", needed - available));
    // Bytes in big-endian words are swapped in pairs, counted from the beginning of the pixel data.
    let swapped: Vec<u8>;
    let data = if !place.little_endian && place.words && layout.bits_allocated == 8 {
        swapped =
            (start..(start + needed).min(value.len() + 1)).map(|at| value.get(at ^ 1).copied().unwrap_or(0)).collect();
        &swapped[..]
    } else {
        &value[start..value.len().min(start + needed)]
    };
    let mut values = if halved { full_colour(data) } else { unpack(data, first_bit % 8, layout, place.little_endian) };
    values.resize(layout.samples(), 0);
    if layout.planar && !halved {
        values = interleave(&values, layout.samples_per_pixel);
    }
    to_rgb(&mut values, layout);
    Ok((Samples { values, meaning: Meaning::Words }, warning))
}

pub(super) fn unpack(data: &[u8], first_bit: usize, layout: &PixelLayout, little_endian: bool) -> Vec<i32> {
    let words = data.as_chunks::<2>().0.iter();
    let longs = data.as_chunks::<4>().0.iter();
    match (layout.bits_allocated, little_endian) {
        (1, _) => (first_bit..first_bit + layout.samples())
            .map(|bit| data.get(bit / 8).map_or(0, |byte| i32::from(byte >> (bit % 8) & 1)))
            .collect(),
        (8, _) => data.iter().map(|byte| i32::from(*byte)).collect(),
        (16, true) => words.map(|word| i32::from(u16::from_le_bytes(*word))).collect(),
        (16, false) => words.map(|word| i32::from(u16::from_be_bytes(*word))).collect(),
        (_, true) => longs.map(|word| i32::from_le_bytes(*word)).collect(),
        (_, false) => longs.map(|word| i32::from_be_bytes(*word)).collect(),
    }
}

/// Y1 Y2 B R becomes Y1 B R Y2 B R.
fn full_colour(data: &[u8]) -> Vec<i32> {
    let pairs = data.as_chunks::<4>().0.iter();
    pairs.flat_map(|[y1, y2, b, r]| [*y1, *b, *r, *y2, *b, *r]).map(i32::from).collect()
}

/// Planes one after the other become pixels one after the other.
pub(super) fn interleave(planes: &[i32], samples_per_pixel: usize) -> Vec<i32> {
    let pixels = planes.len() / samples_per_pixel;
    (0..pixels).flat_map(|pixel| (0..samples_per_pixel).map(move |plane| planes[plane * pixels + pixel])).collect()
}

/// Turns 8-bit luma and colour differences into red, green, blue, where the attribute says that they are that.
pub(super) fn to_rgb(values: &mut [i32], layout: &PixelLayout) {
    if layout.samples_per_pixel != 3 || layout.bits_allocated != 8 {
        return;
    }
    match layout.photometric {
        Photometric::YbrFull | Photometric::YbrFull422 => ybr_to_rgb(values, YbrRange::FULL),
        Photometric::YbrPartial422 => ybr_to_rgb(values, YbrRange::PARTIAL),
        _ => {}
    }
}
