//! Direct convolution as an indirect matrix product: every output pixel names the input rows it sums over.
//!
//! One kernel serves all strides, paddings and kernel shapes, forward and backward: they differ in their offset tables
//! and packed weights alone.

use super::epilogue::Epilogue;
use super::simd::{LANES, Lanes};

/// Marks a tap that falls on padding.
pub const OUTSIDE: u32 = u32::MAX;

/// A tensor that sums read from: pixel-major values, padded channels.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    pub values: *const f32,
    /// Values from one pixel to the next.
    pub stride: usize,
    /// Channels read from each pixel.
    pub channels: usize,
    /// Pixels of one image.
    pub image_pixels: usize,
}

/// One term of the sum: the channels of one source at one offset.
#[derive(Clone, Copy)]
pub(crate) struct Tap {
    pub source: usize,
    /// Column of the offset table; `None` reads the pixel of the same number.
    pub column: Option<usize>,
}

/// Up to two vectors of output channels computed together.
#[derive(Clone, Copy)]
pub struct Panel {
    /// Packed `[tap][channel][vectors * LANES]`.
    pub weights: *const f32,
    /// 1 or 2.
    pub vectors: usize,
    pub epilogue: usize,
    /// First channel group in the destination.
    pub group: usize,
    /// First channel and number of channels that it reads of its source; none reads all.
    pub window: Option<(usize, usize)>,
}

/// A convolution over a flat list of pixels, image after image.
pub(crate) struct Direct<'a> {
    pub sources: &'a [Source],
    pub taps: &'a [Tap],
    /// Input pixel of each listed pixel and column, [`OUTSIDE`] beyond the image; `[listed pixel][column]`.
    pub table: &'a [u32],
    pub columns: usize,
    /// Output pixel of each listed pixel; empty where they are the same.
    pub targets: &'a [u32],
    /// Pixels listed for one image.
    pub listed_pixels: usize,
    /// Pixels of one image in the destination.
    pub target_pixels: usize,
    pub panels: &'a [Panel],
    pub epilogues: &'a [Epilogue],
    /// Zeros, as many as the widest source has channels.
    pub zeros: *const f32,
}

/// Computes the listed pixels `first..last` for `panels`.
///
/// # Safety
/// The pointers, tables and sizes of `conv` must describe live, non-overlapping memory.
#[inline(always)]
pub(crate) unsafe fn direct<L: Lanes, const ROWS: usize, const WIDE: usize>(
    conv: &Direct<'_>,
    first: usize,
    last: usize,
    panels: std::ops::Range<usize>,
) {
    // SAFETY: the caller's promises are handed on: rows that are listed lie below `last`.
    unsafe {
        for panel in &conv.panels[panels] {
            let mut image = first / conv.listed_pixels;
            let mut pixel = first % conv.listed_pixels;
            let mut start = first;
            while start < last {
                let rows = (last - start).min(ROWS);
                // (image, listed pixel) of each row; rows beyond the end repeat the last one and are not stored.
                let mut place = [(0, 0); ROWS];
                for (row, slot) in place.iter_mut().enumerate() {
                    *slot = (image, pixel);
                    if row + 1 < rows || (row + 1 == rows && start + rows < last) {
                        pixel += 1;
                        if pixel == conv.listed_pixels {
                            pixel = 0;
                            image += 1;
                        }
                    }
                }
                if panel.vectors == WIDE {
                    block::<L, ROWS, WIDE>(conv, panel, &place, rows);
                } else {
                    block::<L, ROWS, 1>(conv, panel, &place, rows);
                }
                start += rows;
            }
        }
    }
}

#[inline(always)]
unsafe fn block<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    conv: &Direct<'_>,
    panel: &Panel,
    place: &[(usize, usize); ROWS],
    rows: usize,
) {
    // SAFETY: the caller has the instruction set and describes live memory: the table has a row for every listed pixel
    // with offsets inside the source, `zeros` serves those outside, weights are packed for all taps, and `place` names
    // pixels of the target.
    unsafe {
        let mut sums = [[L::splat(0.0); VECTORS]; ROWS];
        let mut weights = panel.weights;
        for tap in conv.taps {
            let source = &conv.sources[tap.source];
            let mut pointers = [conv.zeros; ROWS];
            for row in 0..ROWS {
                let (image, pixel) = place[row];
                let base = image * source.image_pixels;
                if let Some(column) = tap.column {
                    let offset = *conv.table.get_unchecked(pixel * conv.columns + column);
                    if offset != OUTSIDE {
                        pointers[row] = source.values.add((base + offset as usize) * source.stride);
                    }
                } else {
                    pointers[row] = source.values.add((base + pixel) * source.stride);
                }
            }
            let mut channels = source.channels;
            if let Some((first, count)) = panel.window {
                for pointer in &mut pointers {
                    *pointer = pointer.add(first);
                }
                channels = count;
            }
            multiply::<L, ROWS, VECTORS>(&mut sums, &pointers, weights, channels);
            weights = weights.add(channels * VECTORS * LANES);
        }
        // The sums leave the registers with constant indices before any index known only at run time touches them;
        // otherwise the compiler keeps the whole array in memory.
        let mut finished = [[[0.0f32; LANES]; VECTORS]; ROWS];
        for row in 0..ROWS {
            for vector in 0..VECTORS {
                L::store(finished[row][vector].as_mut_ptr(), sums[row][vector]);
            }
        }
        let epilogue = &conv.epilogues[panel.epilogue];
        for (row, (image, pixel)) in place.iter().take(rows).enumerate() {
            let pixel = if conv.targets.is_empty() { *pixel } else { conv.targets[*pixel] as usize };
            let pixel = image * conv.target_pixels + pixel;
            for vector in 0..VECTORS {
                epilogue.apply::<L>(L::load(finished[row][vector].as_ptr()), pixel, panel.group + vector);
            }
        }
    }
}

/// `sums[row][vector] += rows[row][channel] * weights[channel][vector]` over all channels, in channel order.
#[inline(always)]
pub(super) unsafe fn multiply<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    sums: &mut [[L::F; VECTORS]; ROWS],
    rows: &[*const f32; ROWS],
    weights: *const f32,
    channels: usize,
) {
    // SAFETY: the caller has the instruction set; every row has `channels` values and `weights` those of all of them.
    unsafe {
        for channel in 0..channels {
            let mut columns = [L::splat(0.0); VECTORS];
            for (vector, column) in columns.iter_mut().enumerate() {
                *column = L::load(weights.add((channel * VECTORS + vector) * LANES));
            }
            for row in 0..ROWS {
                let value = L::broadcast(rows[row].add(channel));
                for vector in 0..VECTORS {
                    sums[row][vector] = L::fma(value, columns[vector], sums[row][vector]);
                }
            }
        }
    }
}
