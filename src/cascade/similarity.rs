//! How like the original map another state's map is.

use serde::Serialize;

use super::error::{Error, Result};
use crate::metrics::{self, Ranks, SSIM_WINDOW_PX, structural_similarities, structural_similarity};
use crate::saliency::methods::Sign;
use crate::saliency::{ArrayValues, DisplayMap, Outcome, SaliencyMap, percentile};

/// Likeness of two maps of one image. Absent values are not defined, because a map is blank, constant, sparse or not
/// finite, or has no sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Similarity {
    /// Structural similarity of the display maps at a data range of 1, which is what they span.
    pub ssim_range_1: Option<f64>,
    /// The same at a data range of 2, as in the study.
    pub ssim_range_2: Option<f64>,
    /// Structural similarity of the signed maps, -1 to 1, at a data range of 2.
    pub signed_ssim: Option<f64>,
    /// Spearman's rank correlation of the display maps.
    pub spearman: Option<f64>,
}

/// The map of one state, ready to be compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparable {
    size: [usize; 2],
    /// The display map; `None` unless it is normal.
    display: Option<Vec<f32>>,
    signed: Option<Vec<f32>>,
    ranks: Option<Ranks>,
}

impl Comparable {
    /// Takes a map made with intermediates, which hold its sign.
    ///
    /// # Errors
    /// When the map is smaller than a window of the structural similarity.
    pub fn new(map: &SaliencyMap, clip_percentile: f64) -> Result<Self> {
        Self::with_sign(map, signed_map(map, clip_percentile))
    }

    /// Takes a map and its [`signed_map`], where it has one.
    ///
    /// # Errors
    /// As [`Comparable::new`].
    pub fn with_sign(map: &SaliencyMap, signed: Option<Vec<f32>>) -> Result<Self> {
        let size = comparable_size(map)?;
        let normal = map.display.outcome == Outcome::Normal;
        let signed = signed.filter(|_| normal);
        let display = normal.then(|| map.display.values.clone());
        let ranks = display.as_ref().and_then(|display| Ranks::new(display).ok());
        Ok(Self { size, display, signed, ranks })
    }

    /// Takes a map to be compared with those of other images ([`super::pair_mean`]), which needs its display map alone.
    ///
    /// # Errors
    /// As [`Comparable::new`].
    pub fn for_baseline(map: &SaliencyMap) -> Result<Self> {
        Ok(Self::of_display(map.display.clone(), comparable_size(map)?))
    }

    /// The display map, `[h, w]`, 0 to 1, where there is one.
    pub fn display(&self) -> Option<&[f32]> {
        self.display.as_deref()
    }

    /// The signed map, `[h, w]`, -1 to 1, where the method has one: see [`signed_map`].
    pub fn signed(&self) -> Option<&[f32]> {
        self.signed.as_deref()
    }

    /// Compares with another map.
    pub fn similarity(&self, other: &Self) -> Similarity {
        let mut similarity = Similarity::default();
        if self.size != other.size {
            return similarity;
        }
        if let Some(ssim) = self.display_similarity(other) {
            similarity.ssim_range_1 = Some(ssim[0]);
            similarity.ssim_range_2 = Some(ssim[1]);
        }
        let signed = self.signed.as_ref().zip(other.signed.as_ref());
        similarity.signed_ssim = signed.and_then(|(a, b)| defined(structural_similarity(a, b, self.size, 2.0)));
        let ranks = self.ranks.as_ref().zip(other.ranks.as_ref());
        similarity.spearman = ranks.and_then(|(a, b)| defined(a.correlation(b)));
        similarity
    }

    /// Structural similarity of the display maps at data ranges 1 and 2.
    pub(super) fn display_similarity(&self, other: &Self) -> Option<[f64; 2]> {
        let (a, b) = self.display.as_ref().zip(other.display.as_ref())?;
        defined(structural_similarities(a, b, self.size, [1.0, 2.0]))
    }

    /// A display map by itself.
    pub(super) fn of_display(map: DisplayMap, size: [usize; 2]) -> Self {
        let display = (map.outcome == Outcome::Normal).then_some(map.values);
        Self { size, display, signed: None, ranks: None }
    }

    /// Lets go of all but the display map, which baselines compare.
    pub(super) fn slim(&mut self) {
        self.signed = None;
        self.ranks = None;
    }

    pub(super) fn size(&self) -> [usize; 2] {
        self.size
    }
}

fn comparable_size(map: &SaliencyMap) -> Result<[usize; 2]> {
    let size = [map.height, map.width];
    if size.into_iter().min() < Some(SSIM_WINDOW_PX) {
        return Err(Error::MapSize { height: map.height, width: map.width });
    }
    Ok(size)
}

fn defined<T>(result: metrics::Result<T>) -> Option<T> {
    result.ok()
}

/// The map with its sign, `[h, w]`: the sum over channels of the signed attribution, or the raw map where that has the sign,
/// divided by the percentile of its magnitudes at which display maps are clipped, and clipped to -1 to 1. `None` for maps
/// without a sign, such as GCAM's, and means of squares.
pub fn signed_map(map: &SaliencyMap, clip_percentile: f64) -> Option<Vec<f32>> {
    let sums: Vec<f64> = match map.method.spec().sign {
        Sign::None => return None,
        Sign::Raw => map.raw.iter().map(|value| f64::from(*value)).collect(),
        Sign::Channels => sum_of_channels(map)?,
    };
    if sums.iter().any(|sum| !sum.is_finite()) {
        return None;
    }
    let magnitudes: Vec<f32> = sums.iter().map(|sum| sum.abs() as f32).collect();
    let top = percentile(&magnitudes, clip_percentile);
    (top > 0.0).then(|| sums.iter().map(|sum| (sum / top).clamp(-1.0, 1.0) as f32).collect())
}

/// The sum over channels of the signed attribution, where it was kept.
fn sum_of_channels(map: &SaliencyMap) -> Option<Vec<f64>> {
    let names = [format!("{}_signed", map.method), format!("{}_mean", map.method)];
    let array = map.intermediates.iter().find(|array| names.contains(&array.name))?;
    let ArrayValues::F32(values) = &array.values else { return None };
    let mut sums = vec![0.0; map.raw.len()];
    for channel in values.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(channel) {
            *sum += f64::from(*value);
        }
    }
    Some(sums)
}
