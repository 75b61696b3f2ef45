//! Makes the inputs of one image, one at a time, when their batch is due.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use rayon::prelude::*;

use super::display::extremes;
use super::noise::{Noise, seeded_sample};
use super::plan::{Changes, Constant, NoisyCopy, Point};
use super::request::ImageInput;

/// Noisy copies kept: those of a batch that spans the paths of neighbouring samples.
const COPIES_KEPT: usize = 4;

/// Values that one thread works on at a time.
pub(super) const BLOCK: usize = 1 << 14;

/// Maker of the inputs of one image.
pub(super) struct Inputs<'a> {
    image: &'a ImageInput,
    range: [f32; 2],
    seed: u64,
    noise: Option<&'a Noise>,
    copies: RefCell<VecDeque<(NoisyCopy, Arc<[f32]>)>>,
}

impl<'a> Inputs<'a> {
    pub(super) fn new(image: &'a ImageInput, seed: u64, noise: Option<&'a Noise>) -> Self {
        Self { image, range: extremes(image.values.values()), seed, noise, copies: RefCell::default() }
    }

    /// Values of the clean image, `[c, h, w]`.
    pub(super) fn image(&self) -> &'a [f32] {
        self.image.values.values()
    }

    /// Smallest and largest value of the clean image.
    pub(super) fn range(&self) -> [f32; 2] {
        self.range
    }

    /// Writes the input at `point`, `[c, h, w]`; `changes` are those that the plan of the image names.
    ///
    /// A point inside a path is `b + k / n * (x - b)` in f64, rounded once: equal fractions give equal inputs.
    pub(super) fn write(&self, point: &Point, changes: &[Changes], out: &mut [f32]) {
        match point {
            Point::Image => out.copy_from_slice(self.image()),
            Point::Copy(copy) => out.copy_from_slice(&self.copy(*copy)),
            Point::Constant(values) => write_constant(values, out),
            Point::Changed { method, index } => {
                if let Some(changes) = changes.iter().find(|changes| changes.method == *method) {
                    changes.inputs.write(*index, self.image(), out);
                }
            }
            Point::Between { baseline, end, fraction: [numerator, denominator] } => {
                let alpha = *numerator as f64 / *denominator as f64;
                let copy = end.map(|end| self.copy(end));
                let end = copy.as_deref().unwrap_or(self.image());
                let plane = out.len() / baseline.len();
                let planes = out.chunks_exact_mut(plane).zip(end.chunks_exact(plane)).zip(baseline.iter());
                planes.for_each(|((out, end), bits)| {
                    let b = f32::from_bits(*bits) as f64;
                    out.par_chunks_mut(BLOCK).zip(end.par_chunks(BLOCK)).for_each(|(out, end)| {
                        for (out, x) in out.iter_mut().zip(end) {
                            *out = (b + alpha * (*x as f64 - b)) as f32;
                        }
                    });
                });
            }
        }
    }

    /// The noisy copy `x + sigma * n`, `[c, h, w]`, in f64 and rounded once; sigma is a fraction of max - min.
    pub(super) fn copy(&self, copy: NoisyCopy) -> Arc<[f32]> {
        let mut copies = self.copies.borrow_mut();
        if let Some((_, values)) = copies.iter().find(|(kept, _)| *kept == copy) {
            return values.clone();
        }
        let [min, max] = self.range;
        let sigma = f64::from_bits(copy.sigma_fraction_bits) * (max as f64 - min as f64);
        let image = self.image();
        let add = |(x, n): (&f32, &f32)| (*x as f64 + sigma * *n as f64) as f32;
        let values: Arc<[f32]> = if let Some(noise) = self.noise {
            image.iter().zip(noise.sample(copy.sample)).map(add).collect()
        } else {
            let noise = seeded_sample(self.seed, self.image.id_seed, copy.sample, image.len());
            image.iter().zip(&noise).map(add).collect()
        };
        if copies.len() == COPIES_KEPT {
            copies.pop_front();
        }
        copies.push_back((copy, values.clone()));
        values
    }
}

fn write_constant(values: &Constant, out: &mut [f32]) {
    let plane = out.len() / values.len();
    for (out, bits) in out.chunks_exact_mut(plane).zip(values.iter()) {
        out.fill(f32::from_bits(*bits));
    }
}

#[cfg(test)]
mod tests {
    use crate::network::Batch;

    use super::*;

    #[test]
    fn tenths_of_a_path_lie_on_its_hundredths() {
        let values: Vec<f32> = (0..64).map(|i| (i as f32 * 0.37).sin()).collect();
        let image = ImageInput { id_seed: 0, values: Batch::new([1, 1, 8, 8], values) };
        let inputs = Inputs::new(&image, 0, None);
        let baseline: Constant = vec![(-1.0_f32).to_bits()].into();
        let mut coarse = vec![0.0; 64];
        let mut fine = vec![0.0; 64];
        for k in 1..9 {
            inputs.write(&Point::Between { baseline: baseline.clone(), end: None, fraction: [k, 9] }, &[], &mut coarse);
            let fraction = [11 * k, 99];
            inputs.write(&Point::Between { baseline: baseline.clone(), end: None, fraction }, &[], &mut fine);
            assert_eq!(coarse, fine);
        }
    }

    #[test]
    fn noise_scales_with_the_range_of_the_image() {
        let image = ImageInput { id_seed: 3, values: Batch::new([1, 1, 1, 3], vec![-1.0, 0.0, 3.0]) };
        let noise = Noise::new([2, 1, 1, 3], vec![0.0, 0.0, 0.0, 1.0, -2.0, 0.5]).unwrap();
        let inputs = Inputs::new(&image, 0, Some(&noise));
        let copy = inputs.copy(NoisyCopy { sample: 1, sigma_fraction_bits: 0.25_f64.to_bits() });
        assert_eq!(copy[..], [0.0, -2.0, 3.5]);
    }
}
