//! Winograd's minimal filtering (Lavin & Gray 2016) for stride-1 kernels of 3, 5 and 7 taps along each axis.
//!
//! Interpolation points are 0, +-5/8, +-5/4, infinity (tiles of 6) and 0, +-1/2, +-1, +-2, infinity (tiles of 8): among
//! the dyadic choices these round least, about twice the error of a direct `f32` sum (the textbook's +-1, +-2 give four
//! to five times). Both sets are symmetric, so that each transform splits into an even and an odd half.

use super::direct::multiply;
use super::epilogue::Epilogue;
use super::simd::{LANES, Lanes};

/// Points of the 6-wide tile besides 0 and infinity: +-A6, +-B6.
const A6: f64 = 0.625;
const B6: f64 = 1.25;
/// Points of the 8-wide tile besides 0 and infinity: +-A8, +-B8, +-C8.
const A8: f64 = 0.5;
const B8: f64 = 1.0;
const C8: f64 = 2.0;

/// How one axis is tiled: `output` pixels from `input` pixels for a kernel of `input - output + 1` taps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    pub(crate) input: usize,
    pub(crate) output: usize,
}

impl Axis {
    /// The tiling for a kernel of `taps` along this axis, where there is one.
    pub(crate) fn for_taps(taps: usize) -> Option<Self> {
        match taps {
            1 => Some(Self { input: 1, output: 1 }),
            3 => Some(Self { input: 6, output: 4 }),
            5 => Some(Self { input: 6, output: 2 }),
            7 => Some(Self { input: 8, output: 2 }),
            _ => None,
        }
    }

    /// Matrix that takes a kernel's taps to the tile, `[input][taps]`, in `f64`.
    pub(crate) fn kernel_transform(self) -> Vec<Vec<f64>> {
        let taps = self.input - self.output + 1;
        let points: &[f64] = match self.input {
            1 => return vec![vec![1.0]],
            6 => &[0.0, A6, -A6, B6, -B6],
            _ => &[0.0, A8, -A8, B8, -B8, C8, -C8],
        };
        let mut rows: Vec<Vec<f64>> = points
            .iter()
            .map(|point| {
                let others: f64 = points.iter().filter(|other| *other != point).map(|other| point - other).product();
                (0..taps).map(|power| point.powi(power as i32) / others).collect()
            })
            .collect();
        let mut infinity = vec![0.0; taps];
        infinity[taps - 1] = 1.0;
        rows.push(infinity);
        rows
    }
}

/// One stride-1 convolution in tiles.
pub(crate) struct Winograd<'a> {
    pub(crate) source: *const f32,
    /// Values from one input pixel to the next.
    pub(crate) source_stride: usize,
    /// Input channels, padded.
    pub(crate) channels: usize,
    /// Input height and width in pixels.
    pub(crate) source_px: [usize; 2],
    /// Output height and width in pixels.
    pub(crate) target_px: [usize; 2],
    /// Zeros before the first row and column.
    pub(crate) padding: [usize; 2],
    /// Tiles of one image along each axis.
    pub(crate) tiles: [usize; 2],
    /// Transformed kernels, packed `[position][channel][vectors * LANES]`.
    pub(crate) panels: &'a [super::direct::Panel],
    pub(crate) epilogue: Epilogue,
}

/// Computes tiles `first..last`, counted over all images, for `panels`; `scratch` holds [`scratch_len`] values.
///
/// # Safety
/// The pointers and sizes of `conv` must describe live, non-overlapping memory.
#[inline(always)]
pub(crate) unsafe fn winograd<
    L: Lanes,
    const ROWS: usize,
    const WIDE: usize,
    const HI: usize,
    const WI: usize,
    const HO: usize,
    const WO: usize,
>(
    conv: &Winograd<'_>,
    first: usize,
    last: usize,
    panels: std::ops::Range<usize>,
    scratch: &mut [f32],
) {
    unsafe {
        let count = last - first;
        let padded = count.next_multiple_of(ROWS);
        let plane = padded * conv.channels;
        let (transformed, products) = scratch.split_at_mut(HI * WI * plane);
        for tile in 0..count {
            transform_input::<L, HI, WI, HO, WO>(conv, first + tile, transformed.as_mut_ptr(), plane, tile);
        }
        for panel in &conv.panels[panels] {
            let products = products.as_mut_ptr();
            let width = panel.vectors * LANES;
            for position in 0..HI * WI {
                let weights = panel.weights.add(position * conv.channels * width);
                let rows = transformed.as_ptr().add(position * plane);
                let products = products.add(position * padded * width);
                if panel.vectors == WIDE {
                    product::<L, ROWS, WIDE>(rows, weights, products, conv.channels, padded);
                } else {
                    product::<L, ROWS, 1>(rows, weights, products, conv.channels, padded);
                }
            }
            for tile in 0..count {
                for vector in 0..panel.vectors {
                    let products = products.add(tile * width + vector * LANES);
                    transform_output::<L, HI, WI, HO, WO>(
                        conv,
                        first + tile,
                        products,
                        padded * width,
                        panel.group + vector,
                    );
                }
            }
        }
    }
}

/// `f32` values that [`winograd`] needs for `tiles` tiles at a time.
pub(crate) fn scratch_len(positions: usize, tiles: usize, rows: usize, channels: usize, widest_panel: usize) -> usize {
    positions * tiles.next_multiple_of(rows) * (channels + widest_panel * LANES)
}

#[inline(always)]
unsafe fn product<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    rows: *const f32,
    weights: *const f32,
    products: *mut f32,
    channels: usize,
    padded: usize,
) {
    unsafe {
        let mut tile = 0;
        while tile < padded {
            let mut pointers = [rows; ROWS];
            for (row, pointer) in pointers.iter_mut().enumerate() {
                *pointer = rows.add((tile + row) * channels);
            }
            let mut sums = [[L::splat(0.0); VECTORS]; ROWS];
            multiply::<L, ROWS, VECTORS>(&mut sums, &pointers, weights, channels);
            for row in 0..ROWS {
                for vector in 0..VECTORS {
                    L::store(products.add(((tile + row) * VECTORS + vector) * LANES), sums[row][vector]);
                }
            }
            tile += ROWS;
        }
    }
}

/// Image, first output row and first output column of a tile.
#[inline(always)]
fn place(conv: &Winograd<'_>, tile: usize, output: [usize; 2]) -> (usize, usize, usize) {
    let in_image = conv.tiles[0] * conv.tiles[1];
    let (image, tile) = (tile / in_image, tile % in_image);
    (image, tile / conv.tiles[1] * output[0], tile % conv.tiles[1] * output[1])
}

#[inline(always)]
unsafe fn transform_input<L: Lanes, const HI: usize, const WI: usize, const HO: usize, const WO: usize>(
    conv: &Winograd<'_>,
    tile: usize,
    transformed: *mut f32,
    plane: usize,
    slot: usize,
) {
    unsafe {
        let (image, top, left) = place(conv, tile, [HO, WO]);
        let [height, width] = conv.source_px;
        let base = conv.source.add(image * height * width * conv.source_stride);
        // Where each input pixel of the tile lies; null outside the image.
        let mut pixels = [[std::ptr::null::<f32>(); WI]; HI];
        for (y, row) in pixels.iter_mut().enumerate() {
            let y = (top + y).wrapping_sub(conv.padding[0]);
            for (x, pixel) in row.iter_mut().enumerate() {
                let x = (left + x).wrapping_sub(conv.padding[1]);
                if y < height && x < width {
                    *pixel = base.add((y * width + x) * conv.source_stride);
                }
            }
        }
        let mut channel = 0;
        while channel < conv.channels {
            let mut rows = [[L::splat(0.0); WI]; HI];
            for x in 0..WI {
                let mut column = [L::splat(0.0); HI];
                for y in 0..HI {
                    if !pixels[y][x].is_null() {
                        column[y] = L::load(pixels[y][x].add(channel));
                    }
                }
                let column = input_axis::<L, HI>(column);
                for y in 0..HI {
                    rows[y][x] = column[y];
                }
            }
            let target = transformed.add(slot * conv.channels + channel);
            for (y, row) in rows.into_iter().enumerate() {
                let row = input_axis::<L, WI>(row);
                for (x, value) in row.into_iter().enumerate() {
                    L::store(target.add((y * WI + x) * plane), value);
                }
            }
            channel += LANES;
        }
    }
}

#[inline(always)]
unsafe fn transform_output<L: Lanes, const HI: usize, const WI: usize, const HO: usize, const WO: usize>(
    conv: &Winograd<'_>,
    tile: usize,
    products: *const f32,
    step: usize,
    group: usize,
) {
    unsafe {
        let (image, top, left) = place(conv, tile, [HO, WO]);
        let [height, width] = conv.target_px;
        let mut rows = [[L::splat(0.0); WI]; HO];
        for x in 0..WI {
            let mut column = [L::splat(0.0); HI];
            for (y, value) in column.iter_mut().enumerate() {
                *value = L::load(products.add((y * WI + x) * step));
            }
            let column = output_axis::<L, HI, HO>(column);
            for y in 0..HO {
                rows[y][x] = column[y];
            }
        }
        for (y, row) in rows.into_iter().enumerate() {
            let row = output_axis::<L, WI, WO>(row);
            if top + y >= height {
                break;
            }
            for (x, value) in row.into_iter().enumerate() {
                if left + x < width {
                    let pixel = (image * height + top + y) * width + left + x;
                    conv.epilogue.apply::<L>(value, pixel, group);
                }
            }
        }
    }
}

/// Input transform along one axis of 1, 6 or 8 pixels.
#[inline(always)]
unsafe fn input_axis<L: Lanes, const N: usize>(d: [L::F; N]) -> [L::F; N] {
    unsafe {
        let mut out = d;
        if N == 6 {
            let (a, b) = (L::splat(A6 as f32), L::splat(B6 as f32));
            let (minus_aa, minus_bb) = (L::splat((-A6 * A6) as f32), L::splat((-B6 * B6) as f32));
            let minus_sum = L::splat((-(A6 * A6 + B6 * B6)) as f32);
            let product = L::splat((A6 * A6 * B6 * B6) as f32);
            out[0] = L::fma(product, d[0], L::fma(minus_sum, d[2], d[4]));
            let even = L::fma(minus_bb, d[2], d[4]);
            let odd = L::mul(a, L::fma(minus_bb, d[1], d[3]));
            out[1] = L::add(even, odd);
            out[2] = L::sub(even, odd);
            let even = L::fma(minus_aa, d[2], d[4]);
            let odd = L::mul(b, L::fma(minus_aa, d[1], d[3]));
            out[3] = L::add(even, odd);
            out[4] = L::sub(even, odd);
            out[5] = L::fma(product, d[1], L::fma(minus_sum, d[3], d[5]));
        } else if N == 8 {
            let (aa, bb, cc) = (A8 * A8, B8 * B8, C8 * C8);
            let e1 = L::splat((-(aa + bb + cc)) as f32);
            let e2 = L::splat((aa * bb + aa * cc + bb * cc) as f32);
            let e3 = L::splat((-(aa * bb * cc)) as f32);
            out[0] = L::fma(e3, d[0], L::fma(e2, d[2], L::fma(e1, d[4], d[6])));
            out[7] = L::fma(e3, d[1], L::fma(e2, d[3], L::fma(e1, d[5], d[7])));
            let pairs = [(A8, bb, cc), (B8, aa, cc), (C8, aa, bb)];
            for (index, (point, other, another)) in pairs.into_iter().enumerate() {
                let minus_sum = L::splat((-(other + another)) as f32);
                let product = L::splat((other * another) as f32);
                let even = L::fma(product, d[2], L::fma(minus_sum, d[4], d[6]));
                let odd = L::fma(product, d[1], L::fma(minus_sum, d[3], d[5]));
                let odd = L::mul(L::splat(point as f32), odd);
                out[1 + 2 * index] = L::add(even, odd);
                out[2 + 2 * index] = L::sub(even, odd);
            }
        }
        out
    }
}

/// Output transform along one axis: 1 to 1, 6 to 4 or 2, 8 to 2 pixels.
#[inline(always)]
unsafe fn output_axis<L: Lanes, const N: usize, const M: usize>(m: [L::F; N]) -> [L::F; M] {
    unsafe {
        let mut out = [m[0]; M];
        if N == 6 {
            let (sum_a, difference_a) = (L::add(m[1], m[2]), L::sub(m[1], m[2]));
            let (sum_b, difference_b) = (L::add(m[3], m[4]), L::sub(m[3], m[4]));
            out[0] = L::add(m[0], L::add(sum_a, sum_b));
            for power in 1..M {
                let (a, b) = (A6.powi(power as i32) as f32, B6.powi(power as i32) as f32);
                let (pair_a, pair_b) = if power % 2 == 0 { (sum_a, sum_b) } else { (difference_a, difference_b) };
                out[power] = L::fma(L::splat(a), pair_a, L::mul(L::splat(b), pair_b));
            }
            out[M - 1] = L::add(out[M - 1], m[5]);
        } else if N == 8 {
            let (sum_a, difference_a) = (L::add(m[1], m[2]), L::sub(m[1], m[2]));
            let (sum_b, difference_b) = (L::add(m[3], m[4]), L::sub(m[3], m[4]));
            let (sum_c, difference_c) = (L::add(m[5], m[6]), L::sub(m[5], m[6]));
            out[0] = L::add(L::add(m[0], sum_a), L::add(sum_b, sum_c));
            let odd = L::fma(L::splat(A8 as f32), difference_a, L::mul(L::splat(B8 as f32), difference_b));
            out[M - 1] = L::add(L::fma(L::splat(C8 as f32), difference_c, odd), m[7]);
        }
        out
    }
}
