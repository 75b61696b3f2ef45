//! Standard-normal noise: seeded, or given by the user so that a published run can be repeated exactly.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::error::{Error, Result};

/// Values drawn from one stream of the generator, so that threads can share the work.
const BLOCK: usize = 1 << 13;

/// Standard-normal samples `[n, c, h, w]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    shape: [usize; 4],
    values: Vec<f32>,
}

impl Noise {
    /// Takes `values` as `[n, c, h, w]`, row-major.
    ///
    /// # Errors
    /// When a sample holds NaN or an infinity.
    ///
    /// # Panics
    /// When the number of values is not the product of the shape.
    pub fn new(shape: [usize; 4], values: Vec<f32>) -> Result<Self> {
        assert_eq!(values.len(), shape.iter().product::<usize>(), "noise holds n * c * h * w values");
        let bad = values.iter().position(|value| !value.is_finite());
        let noise = Self { shape, values };
        match bad {
            Some(position) => Err(Error::NoiseNotFinite { sample: position / noise.sample_len() }),
            None => Ok(noise),
        }
    }

    /// `[n, c, h, w]`.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.shape[0]
    }

    /// One sample, `[c, h, w]`.
    pub fn sample(&self, index: usize) -> &[f32] {
        &self.values[index * self.sample_len()..(index + 1) * self.sample_len()]
    }

    fn sample_len(&self) -> usize {
        self.shape[1..].iter().product()
    }
}

/// Draws sample `sample` of an image: `len` standard-normal values in row-major order.
///
/// A pure function of its arguments, so that neither the order of images nor the methods wanted beside change it, and
/// SG and SIG see the same copies.
pub fn seeded_sample(seed: u64, id_seed: u64, sample: usize, len: usize) -> Vec<f32> {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&id_seed.to_le_bytes());
    key[16..24].copy_from_slice(&(sample as u64).to_le_bytes());
    let mut values = vec![0.0; len];
    values.par_chunks_mut(BLOCK).enumerate().for_each(|(block, values)| {
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(block as u64);
        for value in values {
            *value = StandardNormal.sample(&mut rng);
        }
    });
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_reproducible_and_independent() {
        let a = seeded_sample(1, 2, 3, 40_000);
        assert_eq!(a, seeded_sample(1, 2, 3, 40_000));
        assert_eq!(a[..100], seeded_sample(1, 2, 3, 100));
        for other in [seeded_sample(2, 2, 3, 40_000), seeded_sample(1, 1, 3, 40_000), seeded_sample(1, 2, 4, 40_000)] {
            let r: f64 = a.iter().zip(&other).map(|(x, y)| f64::from(x * y)).sum::<f64>() / a.len() as f64;
            assert!(r.abs() < 0.03, "correlation {r}");
        }
    }

    #[test]
    fn samples_are_standard_normal() {
        let a = seeded_sample(0, 0, 0, 100_000);
        let n = a.len() as f64;
        let mean = a.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
        let variance = a.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / n;
        let within = a.iter().filter(|x| x.abs() < 1.0).count() as f64 / n;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03 && (within - 0.6827).abs() < 0.01);
    }

    #[test]
    fn given_noise_must_be_finite() {
        let refused = Noise::new([2, 1, 1, 2], vec![0.0, 1.0, f32::NAN, 0.0]);
        assert!(matches!(refused, Err(Error::NoiseNotFinite { sample: 1 })));
    }
}
