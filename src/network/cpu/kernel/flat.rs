//! Large fully connected layers, straight from the file's order of weights `[out][in]`: nothing is packed, since weights of
//! hundreds of megabytes are read once a pass whatever their order.

use super::simd::{LANES, Lanes};

/// Images computed together.
const IMAGES: usize = 4;

/// A product with a matrix of weights.
pub(crate) struct Flat<'a> {
    /// `[out][in]`.
    pub weights: &'a [f32],
    /// Values of one image that are read.
    pub inputs: usize,
    pub outputs: usize,
    pub images: usize,
    /// `[image][in]` going forward, `[image][out]` going back.
    pub source: &'a [f32],
}

/// Outputs `first..last` of every image, as `[image][out]` at `target`, by dot products in sixteen partial sums.
#[inline(always)]
pub(crate) unsafe fn forward<L: Lanes>(flat: &Flat<'_>, target: *mut f32, first: usize, last: usize) {
    // SAFETY: the caller has the instruction set and gives room for all outputs; other tasks write others. Rows have
    // `inputs` values, of which whole vectors are loaded.
    unsafe {
        let whole = flat.inputs / LANES * LANES;
        for output in first..last {
            let row = &flat.weights[output * flat.inputs..][..flat.inputs];
            for start in (0..flat.images).step_by(IMAGES) {
                let count = IMAGES.min(flat.images - start);
                let mut sources = [flat.source.as_ptr(); IMAGES];
                for (index, source) in sources.iter_mut().enumerate().take(count) {
                    *source = flat.source[(start + index) * flat.inputs..][..flat.inputs].as_ptr();
                }
                // Two partial sums an image, taken in turn: an image's sums are the same in any company.
                let mut sums = [[L::splat(0.0); 2]; IMAGES];
                let mut at = 0;
                while at < whole {
                    let half = at / LANES % 2;
                    let weight = L::load(row.as_ptr().add(at));
                    for index in 0..IMAGES {
                        let sum = if half == 0 { &mut sums[index][0] } else { &mut sums[index][1] };
                        *sum = L::fma(weight, L::load(sources[index].add(at)), *sum);
                    }
                    at += LANES;
                }
                for index in 0..count {
                    let mut lanes = [0.0f32; LANES];
                    L::store(lanes.as_mut_ptr(), L::add(sums[index][0], sums[index][1]));
                    let rest = (whole..flat.inputs).map(|at| row[at] * *sources[index].add(at));
                    let sum = pairwise(lanes) + rest.sum::<f32>();
                    *target.add((start + index) * flat.outputs + output) = sum;
                }
            }
        }
    }
}

/// Sum of the lanes by halves.
fn pairwise(mut lanes: [f32; LANES]) -> f32 {
    let mut count = LANES;
    while count > 1 {
        count /= 2;
        for lane in 0..count {
            lanes[lane] += lanes[lane + count];
        }
    }
    lanes[0]
}

/// Gradients of inputs `first..last` of every image, added to `[image][in]` at `target` output by output.
#[inline(always)]
pub(crate) unsafe fn backward<L: Lanes>(flat: &Flat<'_>, target: *mut f32, first: usize, last: usize) {
    // SAFETY: as above; other tasks write other inputs.
    unsafe {
        let whole = first + (last - first) / LANES * LANES;
        for output in 0..flat.outputs {
            let row = flat.weights.as_ptr().add(output * flat.inputs);
            for image in 0..flat.images {
                let gradient = flat.source[image * flat.outputs + output];
                let target = target.add(image * flat.inputs);
                let factor = L::splat(gradient);
                let mut at = first;
                while at < whole {
                    L::store(target.add(at), L::fma(factor, L::load(row.add(at)), L::load(target.add(at))));
                    at += LANES;
                }
                for at in whole..last {
                    *target.add(at) += gradient * *row.add(at);
                }
            }
        }
    }
}
