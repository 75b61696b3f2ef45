//! Random streams of a phantom: one for each purpose, so that what one part draws never moves another part.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// What a stream is for. The number is part of the key: changing it changes every phantom.
///
/// Only [`Purpose::Pneumothorax`] and [`Purpose::Pneumonia`] are read for a finding; every other stream gives the same
/// values whatever the finding, which makes the healthy twin of a sick phantom the same patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Patient = 1,
    Pose = 2,
    Body = 3,
    Lungs = 4,
    Vessels = 5,
    Bones = 6,
    Organs = 7,
    Devices = 8,
    Labels = 9,
    Texture = 10,
    Detector = 11,
    Pneumothorax = 12,
    Pneumonia = 13,
    Cohort = 14,
}

/// Random values for one purpose of one phantom.
#[derive(Debug)]
pub(super) struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of `(seed, index, purpose)`, a pure function of the three.
    pub(super) fn new(seed: u64, index: u64, purpose: Purpose) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&index.to_le_bytes());
        key[16..24].copy_from_slice(&(purpose as u64).to_le_bytes());
        key[24..].copy_from_slice(b"phantom\0");
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Uniform in `low..high`.
    pub(super) fn uniform(&mut self, low: f32, high: f32) -> f32 {
        let unit: f32 = self.0.random();
        low + (high - low) * unit
    }

    /// Uniform in 0..1, in double precision.
    pub(super) fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// Normal, cut at 3 standard deviations.
    pub(super) fn normal(&mut self, mean: f32, deviation: f32) -> f32 {
        mean + deviation * self.standard_normal().clamp(-3.0, 3.0)
    }

    /// Standard normal.
    pub(super) fn standard_normal(&mut self) -> f32 {
        StandardNormal.sample(&mut self.0)
    }

    /// True with this probability; always draws one value.
    pub(super) fn chance(&mut self, probability: f32) -> bool {
        self.uniform(0.0, 1.0) < probability
    }

    /// -1 or 1.
    pub(super) fn side(&mut self) -> f32 {
        if self.chance(0.5) { -1.0 } else { 1.0 }
    }

    /// A key for hashed noise.
    pub(super) fn key(&mut self) -> u32 {
        self.0.random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_each_part_of_their_key() {
        let first = |seed, index, purpose| Stream::new(seed, index, purpose).key();
        let one = first(1, 2, Purpose::Body);
        assert_eq!(one, first(1, 2, Purpose::Body));
        for other in [first(2, 2, Purpose::Body), first(1, 1, Purpose::Body), first(1, 2, Purpose::Lungs)] {
            assert_ne!(one, other);
        }
    }
}
