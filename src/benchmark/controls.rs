//! Maps that know nothing of any network: what every method has to beat.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use super::protocol::Control;
use crate::cascade::CONTROL_BLUR_FRACTION;
use crate::metrics::sobel;
use crate::saliency::resize::gaussian::{self, Border};
use crate::saliency::{DisplayMap, seeded_sample};

/// Standard deviation of the centred Gaussian, as a fraction of each side.
pub const GAUSSIAN_SIGMA_FRACTION: f64 = 0.25;

/// The first 8 bytes, little-endian, of the SHA-256 of `saliscope benchmark`, the seed and the words, each with its length.
pub(super) fn derived_seed(seed: u64, words: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(b"saliscope benchmark");
    hash.update(seed.to_le_bytes());
    for word in words {
        hash.update((word.len() as u64).to_le_bytes());
        hash.update(word);
    }
    let digest: [u8; 32] = hash.finalize().into();
    u64::from_le_bytes(std::array::from_fn(|index| digest[index]))
}

impl Control {
    /// Whether two draws of it differ. The others follow from the image alone or from nothing: whatever the network is,
    /// they are the same map. Where maps are compared, such a constant is compared with itself and perfectly alike, which
    /// says nothing about a method: it is listed and never sets a limit.
    pub fn is_random(self) -> bool {
        matches!(self, Self::Uniform | Self::Blurred)
    }

    /// The map for the image called `id` with gray levels `gray` (0 to 255, `[h, w]`), 0 to 1. Random maps follow from
    /// `seed`, id and the number of the draw.
    pub fn map(
        self,
        gray: &[f32],
        size: [usize; 2],
        id: &str,
        seed: u64,
        draw: usize,
        clip_percentile: f64,
    ) -> Vec<f32> {
        let pixels = gray.len();
        let own = derived_seed(seed, &["control", self.name(), id, &draw.to_string()]);
        match self {
            Self::Uniform => {
                let mut random = ChaCha8Rng::seed_from_u64(own);
                (0..pixels).map(|_| random.random::<f32>()).collect()
            }
            Self::Blurred => blurred_noise(own, size, clip_percentile),
            Self::Gaussian => centred_gaussian(size),
            Self::Sobel => DisplayMap::clipped(&sobel(gray, size), clip_percentile).values,
            Self::Image => gray.iter().map(|gray| gray / 255.0).collect(),
            Self::Blank => vec![0.0; pixels],
        }
    }
}

/// Gaussian noise, blurred by [`CONTROL_BLUR_FRACTION`] of the shorter side and scaled for display as every map is.
pub(super) fn blurred_noise(seed: u64, size: [usize; 2], clip_percentile: f64) -> Vec<f32> {
    let [height, width] = size;
    let sigma_px = CONTROL_BLUR_FRACTION * height.min(width) as f64;
    let noise = seeded_sample(seed, 0, 0, height * width);
    let smooth = gaussian::filter(&noise, size, [sigma_px; 2], Border::Reflect);
    let lowest = smooth.iter().copied().fold(f32::INFINITY, f32::min);
    let raw: Vec<f32> = smooth.iter().map(|value| value - lowest).collect();
    DisplayMap::clipped(&raw, clip_percentile).values
}

fn centred_gaussian([height, width]: [usize; 2]) -> Vec<f32> {
    let profile = |len: usize| -> Vec<f64> {
        let sigma = GAUSSIAN_SIGMA_FRACTION * len as f64;
        let from_centre = |index: usize| (index as f64 + 0.5 - len as f64 / 2.0) / sigma;
        (0..len).map(|index| (-0.5 * from_centre(index).powi(2)).exp()).collect()
    };
    let (rows, columns) = (profile(height), profile(width));
    rows.iter().flat_map(|row| columns.iter().map(move |column| (row * column) as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_maps_and_follow_their_seeds() {
        let gray: Vec<f32> = (0..32 * 24).map(|pixel| (pixel % 24) as f32 * 10.0).collect();
        let map = |control: Control, id: &str, draw: usize| control.map(&gray, [32, 24], id, 7, draw, 99.0);
        for control in Control::ALL {
            let one = map(control, "a", 1);
            assert_eq!(one.len(), gray.len());
            assert!(one.iter().all(|value| (0.0..=1.0).contains(value)), "{control:?}");
            assert_eq!(one, map(control, "a", 1));
            assert_eq!(one != map(control, "a", 2), control.is_random(), "{control:?}");
            assert_eq!(one != map(control, "b", 1), control.is_random(), "{control:?}");
        }
        let gaussian = map(Control::Gaussian, "a", 1);
        let largest = gaussian.iter().copied().fold(0.0, f32::max);
        assert!(gaussian[15 * 24 + 11] == largest && gaussian[16 * 24 + 12] == largest, "the centre is the top");
    }
}
