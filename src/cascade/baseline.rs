//! What a similarity is measured against: maps of different images, and noise that knows nothing of any.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::similarity::Comparable;
use crate::saliency::resize::gaussian::{self, Border};
use crate::saliency::{DisplayMap, seeded_sample};

/// Pairs behind each baseline, as the study's article says.
pub const PAIRS: usize = 50;

/// Standard deviation of the blur of [`control`], as a fraction of the shorter side of the maps.
pub const CONTROL_BLUR_FRACTION: f64 = 0.05;

/// Mean structural similarity over pairs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairMean {
    /// At a data range of 1.
    pub ssim_range_1: f64,
    /// At a data range of 2.
    pub ssim_range_2: f64,
    /// Pairs behind the means.
    pub pairs: usize,
}

/// What maps of different images reach, by one measure: the study's randomization baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BetweenImages {
    /// Mean over the pairs.
    pub mean: f64,
    /// Pairs behind it.
    pub pairs: usize,
}

impl BetweenImages {
    /// Its pairs in words, such as `15 pairs`.
    pub fn pairs_words(&self) -> String {
        match self.pairs {
            1 => "1 pair".to_owned(),
            pairs => format!("{pairs} pairs"),
        }
    }
}

/// Positions of pairs of different images out of `keys`, where equal keys are equal images: all pairs where there are at
/// most [`PAIRS`], else so many different ones, drawn by `seed`.
pub fn pairs<K: PartialEq>(keys: &[K], seed: u64) -> Vec<[usize; 2]> {
    let mut all: Vec<[usize; 2]> = (0..keys.len())
        .flat_map(|first| (first + 1..keys.len()).map(move |second| [first, second]))
        .filter(|[first, second]| keys[*first] != keys[*second])
        .collect();
    let mut random = ChaCha8Rng::seed_from_u64(derived(seed, "pairs"));
    let wanted = all.len().min(PAIRS);
    // The first steps of a shuffle (Fisher and Yates).
    for index in 0..wanted {
        let other = random.random_range(index..all.len());
        all.swap(index, other);
    }
    all.truncate(wanted);
    all.sort_unstable();
    all
}

/// Mean similarity of `maps` over `pairs`; pairs of other sizes or without a display map do not count. `None` where no
/// pair counts.
pub fn pair_mean(maps: &[&Comparable], pairs: &[[usize; 2]]) -> Option<PairMean> {
    mean(pairs.iter().filter_map(|[first, second]| {
        let (first, second) = (maps[*first], maps[*second]);
        if first.size() == second.size() { first.display_similarity(second) } else { None }
    }))
}

/// The same for [`PAIRS`] pairs of independent maps of `size` (`[h, w]`) that hold nothing but Gaussian noise, blurred
/// by [`CONTROL_BLUR_FRACTION`] and scaled for display as every map is: how like each other blurry maps are that have
/// nothing in common.
pub fn control(size: [usize; 2], clip_percentile: f64, seed: u64) -> Option<PairMean> {
    let [height, width] = size;
    let sigma_px = CONTROL_BLUR_FRACTION * height.min(width) as f64;
    let map = |index: usize| {
        let noise = seeded_sample(derived(seed, "control"), 0, index, height * width);
        let smooth = gaussian::filter(&noise, size, [sigma_px; 2], Border::Reflect);
        let lowest = smooth.iter().copied().fold(f32::INFINITY, f32::min);
        let raw: Vec<f32> = smooth.iter().map(|value| value - lowest).collect();
        Comparable::of_display(DisplayMap::clipped(&raw, clip_percentile), size)
    };
    let pair = |pair: usize| map(2 * pair).display_similarity(&map(2 * pair + 1));
    let found: Vec<Option<[f64; 2]>> = (0..PAIRS).into_par_iter().map(pair).collect();
    mean(found.into_iter().flatten())
}

fn mean(similarities: impl Iterator<Item = [f64; 2]>) -> Option<PairMean> {
    let found: Vec<[f64; 2]> = similarities.collect();
    let mean = |range: usize| found.iter().map(|pair| pair[range]).sum::<f64>() / found.len() as f64;
    (!found.is_empty()).then(|| PairMean { ssim_range_1: mean(0), ssim_range_2: mean(1), pairs: found.len() })
}

fn derived(seed: u64, purpose: &str) -> u64 {
    let mut hash = Sha256::new();
    hash.update(b"saliscope cascade baseline");
    hash.update(seed.to_le_bytes());
    hash.update(purpose.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    u64::from_le_bytes(std::array::from_fn(|index| digest[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_different_images_and_follow_the_seed() {
        assert_eq!(pairs(&[7, 7, 8], 0), [[0, 2], [1, 2]]);
        assert!(pairs(&[7], 0).is_empty() && pairs(&[7, 7], 0).is_empty());
        let many: Vec<usize> = (0..40).collect();
        let drawn = pairs(&many, 1);
        assert_eq!(drawn.len(), PAIRS);
        assert!(drawn.windows(2).all(|two| two[0] < two[1]), "different pairs");
        assert_eq!(drawn, pairs(&many, 1));
        assert_ne!(drawn, pairs(&many, 2));
        assert!(drawn.iter().any(|[_, second]| *second > 35), "late images take part");
    }

    #[test]
    fn unrelated_blurred_noise_is_more_alike_at_the_wider_range() {
        let found = control([64, 64], 99.0, 3).unwrap();
        assert_eq!(found, control([64, 64], 99.0, 3).unwrap());
        assert_ne!(found, control([64, 64], 99.0, 4).unwrap());
        assert_eq!(found.pairs, PAIRS);
        assert!(found.ssim_range_1 < found.ssim_range_2 && found.ssim_range_2 < 0.9, "{found:?}");
    }
}
