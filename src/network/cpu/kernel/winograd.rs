//! Winograd's minimal filtering (Lavin & Gray 2016) for stride-1 kernels of 3, 5 and 7 taps along each axis.
//!
//! Interpolation points are 0, +-5/8, +-5/4, infinity (tiles of 6) and 0, +-3/8, +-3/4, +-5/4, +-5/2, infinity (tiles
//! of 10). Among symmetric sets of eighths these round least: two to three times the error of a direct `f32` sum, where
//! the textbook's +-1, +-2 give four to five times and its +-1/2, +-1, +-2, +-4 seven times. Symmetry splits each
//! transform into an even and an odd half.

use super::direct::multiply;
use super::epilogue::Epilogue;
use super::simd::{LANES, Lanes};

/// Positive points of the tile of 6 pixels.
const POINTS_6: [f64; 2] = [0.625, 1.25];
/// Positive points of the tile of 10 pixels.
const POINTS_10: [f64; 4] = [0.375, 0.75, 1.25, 2.5];

/// Coefficients of the input transform for `P` pairs of points `+-point`.
struct Input<const P: usize> {
    /// Of the product over all pairs of `x^2 - point^2`, by descending power, the leading 1 left out.
    whole: [f32; P],
    /// The same without pair `i`; the last entry is unused.
    without: [[f32; P]; P],
}

/// Expands the product of `x - square` over all squares but `skip`, by descending power without the leading 1.
const fn expand<const P: usize>(points: [f64; P], skip: usize) -> [f32; P] {
    let mut coefficients = [0.0f64; P];
    let mut degree = 0;
    let mut index = 0;
    while index < P {
        if index != skip {
            let root = points[index] * points[index];
            degree += 1;
            let mut power = degree;
            while power > 0 {
                let before = if power == 1 { 1.0 } else { coefficients[power - 2] };
                coefficients[power - 1] -= root * before;
                power -= 1;
            }
        }
        index += 1;
    }
    let mut rounded = [0.0; P];
    let mut index = 0;
    while index < P {
        rounded[index] = coefficients[index] as f32;
        index += 1;
    }
    rounded
}

impl<const P: usize> Input<P> {
    const fn new(points: [f64; P]) -> Self {
        let mut without = [[0.0; P]; P];
        let mut pair = 0;
        while pair < P {
            without[pair] = expand(points, pair);
            pair += 1;
        }
        Self { whole: expand(points, P), without }
    }
}

const INPUT_6: Input<2> = Input::new(POINTS_6);
const INPUT_10: Input<4> = Input::new(POINTS_10);

/// How one axis is tiled: `output` pixels from `input` pixels for a kernel of `input - output + 1` taps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    pub input: usize,
    pub output: usize,
}

impl Axis {
    /// The tiling for a kernel of `taps` along this axis, where there is one.
    pub fn for_taps(taps: usize) -> Option<Self> {
        match taps {
            1 => Some(Self { input: 1, output: 1 }),
            3 => Some(Self { input: 6, output: 4 }),
            5 => Some(Self { input: 6, output: 2 }),
            7 => Some(Self { input: 10, output: 4 }),
            _ => None,
        }
    }

    /// Matrix that takes a kernel's taps to the tile, `[input][taps]`, in `f64`.
    pub fn kernel_transform(self) -> Vec<Vec<f64>> {
        let taps = self.input - self.output + 1;
        let positive: &[f64] = match self.input {
            1 => return vec![vec![1.0]],
            6 => &POINTS_6,
            _ => &POINTS_10,
        };
        let points: Vec<f64> = std::iter::once(0.0).chain(positive.iter().flat_map(|point| [*point, -point])).collect();
        let mut rows: Vec<Vec<f64>> = points
            .iter()
            .map(|point| {
                // The point itself is at distance 0, all others are not.
                let distances = points.iter().map(|other| point - other).filter(|distance| distance.abs() > 0.0);
                let others: f64 = distances.product();
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
pub struct Winograd<'a> {
    pub source: *const f32,
    /// Values from one input pixel to the next.
    pub source_stride: usize,
    /// Input channels, padded.
    pub channels: usize,
    /// Input height and width in pixels.
    pub source_px: [usize; 2],
    /// Output height and width in pixels.
    pub target_px: [usize; 2],
    /// Zeros before the first row and column.
    pub padding: [usize; 2],
    /// Tiles of one image along each axis.
    pub tiles: [usize; 2],
    /// Transformed kernels, packed `[position][channel][vectors * LANES]`.
    pub panels: &'a [super::direct::Panel],
    pub epilogue: Epilogue,
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
    // SAFETY: the caller has the instruction set, describes live memory and gives `scratch_len` values of scratch:
    // `count` tiles rounded up to whole rows, for every position first their inputs and then their products.
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
    // SAFETY: as above; `rows` and `products` have room for `padded` tiles, a multiple of `ROWS`.
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
    // SAFETY: as above; pixels outside the image are null and are not read, channels are whole vectors.
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
    // SAFETY: as above; only pixels inside the target are written, each tile its own.
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

/// Input transform along one axis of 1, 6 or 10 pixels.
#[inline(always)]
unsafe fn input_axis<L: Lanes, const N: usize>(pixels: [L::F; N]) -> [L::F; N] {
    // SAFETY: the caller has the instruction set; no address is read.
    unsafe {
        match N {
            6 => input_pairs::<L, N, 2>(pixels, &INPUT_6, &POINTS_6),
            10 => input_pairs::<L, N, 4>(pixels, &INPUT_10, &POINTS_10),
            _ => pixels,
        }
    }
}

/// `N` is `2 * P + 2`.
#[inline(always)]
unsafe fn input_pairs<L: Lanes, const N: usize, const P: usize>(
    pixels: [L::F; N],
    table: &Input<P>,
    points: &[f64; P],
) -> [L::F; N] {
    // SAFETY: as above.
    unsafe {
        let mut out = pixels;
        // Every other pixel from `last` down, weighted by `coefficients`.
        let sum = |last: usize, coefficients: &[f32; P], terms: usize| {
            let mut sum = pixels[last];
            let mut term = 0;
            while term < terms {
                sum = L::fma(L::splat(coefficients[term]), pixels[last - 2 * (term + 1)], sum);
                term += 1;
            }
            sum
        };
        out[0] = sum(N - 2, &table.whole, P);
        out[N - 1] = sum(N - 1, &table.whole, P);
        let mut pair = 0;
        while pair < P {
            let even = sum(N - 2, &table.without[pair], P - 1);
            let odd = L::mul(L::splat(points[pair] as f32), sum(N - 3, &table.without[pair], P - 1));
            out[1 + 2 * pair] = L::add(even, odd);
            out[2 + 2 * pair] = L::sub(even, odd);
            pair += 1;
        }
        out
    }
}

/// Output transform along one axis: 1 to 1, 6 to 4 or 2, 10 to 4 pixels.
#[inline(always)]
unsafe fn output_axis<L: Lanes, const N: usize, const M: usize>(products: [L::F; N]) -> [L::F; M] {
    // SAFETY: as above.
    unsafe {
        match N {
            6 => output_pairs::<L, N, M, 2>(products, &POINTS_6),
            10 => output_pairs::<L, N, M, 4>(products, &POINTS_10),
            _ => [products[0]; M],
        }
    }
}

#[inline(always)]
unsafe fn output_pairs<L: Lanes, const N: usize, const M: usize, const P: usize>(
    products: [L::F; N],
    points: &[f64; P],
) -> [L::F; M] {
    // SAFETY: as above.
    unsafe {
        let mut out = [products[0]; M];
        let mut sums = [products[0]; P];
        let mut differences = [products[0]; P];
        let mut pair = 0;
        while pair < P {
            let (plus, minus) = (products[1 + 2 * pair], products[2 + 2 * pair]);
            sums[pair] = L::add(plus, minus);
            differences[pair] = L::sub(plus, minus);
            out[0] = L::add(out[0], sums[pair]);
            pair += 1;
        }
        let mut power = 1;
        while power < M {
            let terms = if power % 2 == 0 { &sums } else { &differences };
            let weight = |pair: usize| {
                let point = points[pair];
                L::splat(if power == 1 {
                    point
                } else if power == 2 {
                    point * point
                } else {
                    point * point * point
                } as f32)
            };
            let mut sum = L::mul(weight(0), terms[0]);
            let mut pair = 1;
            while pair < P {
                sum = L::fma(weight(pair), terms[pair], sum);
                pair += 1;
            }
            out[power] = sum;
            power += 1;
        }
        out[M - 1] = L::add(out[M - 1], products[N - 1]);
        out
    }
}
