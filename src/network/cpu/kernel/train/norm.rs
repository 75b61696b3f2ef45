//! Rows of one channel through batch normalization in training, with its ReLU.

use super::super::isa::Kernels;
use super::super::simd::{LANES, Lanes};

/// Values summed in single precision before double precision takes over.
const STRETCH: usize = 2048;

/// A vector from `values`, of which fewer than [`LANES`] may remain; lanes beyond are 0.
#[inline(always)]
unsafe fn partial<L: Lanes>(values: &[f32]) -> L::F {
    // SAFETY: the caller has the instruction set; the slice, or else the array, has a vector of values.
    unsafe {
        if values.len() >= LANES {
            return L::load(values.as_ptr());
        }
        let mut lanes = [0.0; LANES];
        lanes[..values.len()].copy_from_slice(values);
        L::load(lanes.as_ptr())
    }
}

#[inline(always)]
unsafe fn put<L: Lanes>(target: &mut [f32], value: L::F) {
    // SAFETY: as above.
    unsafe {
        if target.len() >= LANES {
            return L::store(target.as_mut_ptr(), value);
        }
        let mut lanes = [0.0; LANES];
        L::store(lanes.as_mut_ptr(), value);
        target.copy_from_slice(&lanes[..target.len()]);
    }
}

#[inline(always)]
unsafe fn total<L: Lanes>(value: L::F) -> f64 {
    let mut lanes = [0.0f32; LANES];
    // SAFETY: as above.
    unsafe { L::store(lanes.as_mut_ptr(), value) };
    lanes.iter().map(|lane| f64::from(*lane)).sum()
}

/// Mean and variance (over n, not n - 1) of `x`.
///
/// # Safety
/// The machine must have the instruction set.
#[inline(always)]
pub(crate) unsafe fn moments<L: Lanes>(x: &[f32]) -> (f64, f64) {
    // SAFETY: the caller has the instruction set; a chunk of whole vectors has one vector of values.
    unsafe {
        let count = x.len() as f64;
        let mut sum = 0.0;
        for stretch in x.chunks(STRETCH) {
            let mut lanes = L::splat(0.0);
            for values in stretch.chunks(LANES) {
                lanes = L::add(lanes, partial::<L>(values));
            }
            sum += total::<L>(lanes);
        }
        let mean = sum / count;
        let centre = L::splat(mean as f32);
        let (mut squares, mut rest) = (0.0, 0.0);
        for stretch in x.chunks(STRETCH) {
            let (mut lanes, mut sums) = (L::splat(0.0), L::splat(0.0));
            let whole = stretch.len() / LANES * LANES;
            for values in stretch[..whole].chunks(LANES) {
                let difference = L::sub(L::load(values.as_ptr()), centre);
                lanes = L::fma(difference, difference, lanes);
                sums = L::add(sums, difference);
            }
            squares += total::<L>(lanes);
            rest += total::<L>(sums);
            for value in &stretch[whole..] {
                let difference = f64::from(*value - mean as f32);
                squares += difference * difference;
                rest += difference;
            }
        }
        // What the rounded centre left over (the corrected two-pass algorithm).
        (mean, ((squares - rest * rest / count) / count).max(0.0))
    }
}

/// `y = x * scale + shift`, negative values to 0 where `relu`.
///
/// # Safety
/// As [`moments`].
#[inline(always)]
pub(crate) unsafe fn affine<L: Lanes>(x: &[f32], scale: f32, shift: f32, relu: bool, y: &mut [f32]) {
    // SAFETY: as above; slices say what is read and written.
    unsafe {
        let (scale, shift, zero) = (L::splat(scale), L::splat(shift), L::splat(0.0));
        for (x, y) in x.chunks(LANES).zip(y.chunks_mut(LANES)) {
            let value = L::fma(partial::<L>(x), scale, shift);
            let value = if relu { L::keep(!L::greater(zero, value), value) } else { value };
            put::<L>(y, value);
        }
    }
}

/// One channel of a normalization going back.
pub struct NormRow<'a> {
    pub x: &'a [f32],
    /// Output; decides the ReLU's mask. Empty without ReLU.
    pub y: &'a [f32],
    /// Gradient by the output.
    pub gradient: &'a [f32],
    pub mean: f32,
    /// 1 / sqrt(variance + eps)
    pub inverse_deviation: f32,
}

#[inline(always)]
unsafe fn passed<L: Lanes>(row: &NormRow<'_>, at: usize, end: usize) -> L::F {
    // SAFETY: as above.
    unsafe {
        let gradient = partial::<L>(&row.gradient[at..end]);
        if row.y.is_empty() {
            gradient
        } else {
            L::keep(L::greater(partial::<L>(&row.y[at..end]), L::splat(0.0)), gradient)
        }
    }
}

/// Sums over the row of the gradient behind the ReLU, and of it times the normalized input.
///
/// # Safety
/// As [`moments`].
#[inline(always)]
pub(crate) unsafe fn norm_sums<L: Lanes>(row: &NormRow<'_>) -> (f64, f64) {
    // SAFETY: as above.
    unsafe {
        let (mut plain, mut weighted) = (0.0, 0.0);
        let (mean, deviation) = (L::splat(row.mean), L::splat(row.inverse_deviation));
        let mut at = 0;
        while at < row.x.len() {
            let (mut sums, mut products) = (L::splat(0.0), L::splat(0.0));
            let stretch = (at + STRETCH).min(row.x.len());
            while at < stretch {
                let end = (at + LANES).min(stretch);
                let gradient = passed::<L>(row, at, end);
                let normalized = L::mul(L::sub(partial::<L>(&row.x[at..end]), mean), deviation);
                sums = L::add(sums, gradient);
                // Lanes beyond the end have gradient 0.
                products = L::fma(gradient, normalized, products);
                at = end;
            }
            plain += total::<L>(sums);
            weighted += total::<L>(products);
        }
        (plain, weighted)
    }
}

/// Gradient by the input: `scale * (gradient - offset - normalized * slope)`, added to `target` where `accumulate`.
///
/// # Safety
/// As [`moments`].
#[inline(always)]
pub(crate) unsafe fn norm_gradient<L: Lanes>(
    row: &NormRow<'_>,
    scale: f32,
    offset: f32,
    slope: f32,
    accumulate: bool,
    target: &mut [f32],
) {
    // SAFETY: as above.
    unsafe {
        let (mean, deviation) = (L::splat(row.mean), L::splat(row.inverse_deviation));
        let (scale, offset, slope) = (L::splat(scale), L::splat(offset), L::splat(slope));
        let mut at = 0;
        while at < row.x.len() {
            let end = (at + LANES).min(row.x.len());
            let gradient = passed::<L>(row, at, end);
            let normalized = L::mul(L::sub(partial::<L>(&row.x[at..end]), mean), deviation);
            let value = L::mul(scale, L::sub(L::sub(gradient, offset), L::mul(normalized, slope)));
            let target = &mut target[at..end];
            let value = if accumulate { L::add(partial::<L>(target), value) } else { value };
            put::<L>(target, value);
            at = end;
        }
    }
}

/// The safe doors: a table of kernels is only handed out on machines that have its instruction set.
impl Kernels {
    /// Mean and variance (over n) of `x`.
    pub fn moments(&self, x: &[f32]) -> (f64, f64) {
        // SAFETY: as said at the impl.
        unsafe { (self.moments)(x) }
    }

    /// `y = x * scale + shift`, negative values to 0 where `relu`.
    ///
    /// # Panics
    /// When `x` and `y` have different lengths.
    pub fn affine(&self, x: &[f32], scale: f32, shift: f32, relu: bool, y: &mut [f32]) {
        assert_eq!(x.len(), y.len(), "as many results as values");
        // SAFETY: as said at the impl; lengths are equal.
        unsafe { (self.affine)(x, scale, shift, relu, y) }
    }

    /// Sums over the row of the gradient behind the ReLU, and of it times the normalized input.
    pub fn norm_sums(&self, row: &NormRow<'_>) -> (f64, f64) {
        row.check();
        // SAFETY: as said at the impl; lengths were checked.
        unsafe { (self.norm_sums)(row) }
    }

    /// Gradient by the input, from the means of what [`Kernels::norm_sums`] sums; added to `target` where `accumulate`.
    ///
    /// # Panics
    /// When row and `target` have different lengths.
    pub fn norm_gradient(
        &self,
        row: &NormRow<'_>,
        scale: f32,
        [offset, slope]: [f32; 2],
        accumulate: bool,
        target: &mut [f32],
    ) {
        row.check();
        assert_eq!(row.x.len(), target.len(), "as many gradients as values");
        // SAFETY: as said at the impl; lengths were checked.
        unsafe { (self.norm_gradient)(row, scale, offset, slope, accumulate, target) }
    }
}

impl NormRow<'_> {
    fn check(&self) {
        let len = self.x.len();
        assert!(self.gradient.len() == len && (self.y.is_empty() || self.y.len() == len), "rows of one channel");
    }
}
