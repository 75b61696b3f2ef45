//! Whether a probability of 0.8 means that 8 of 10 cases have the finding.

use super::both_classes;
use super::error::{Error, Result};

/// Bins of a reliability diagram.
pub const CALIBRATION_BINS: usize = 10;

/// Steps of Newton's method; each about doubles the number of right digits.
const STEPS: usize = 100;

/// Steps smaller than this are near the best line.
const NEAR: f64 = 1e-4;

/// Cases whose probability lies in one part of 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct CalibrationBin {
    /// Its ends; the lower one belongs to the bin before, save 0.
    pub range: [f64; 2],
    /// Cases in it.
    pub cases: usize,
    /// Of these, cases with the finding.
    pub positives: usize,
    /// Mean probability; nothing without cases.
    pub mean_probability: Option<f64>,
    /// Share of cases with the finding; nothing without cases.
    pub observed: Option<f64>,
    /// 95 % interval of that share (Wilson 1927).
    pub interval: Option<[f64; 2]>,
}

/// Mean squared difference of probability and truth, 0 or 1 (Brier 1950): 0 is best, 0.25 what a probability of 0.5 gets.
///
/// # Errors
/// When lengths differ, there is no case, or a probability is NaN.
pub fn brier_score(probabilities: &[f64], truth: &[bool]) -> Result<f64> {
    check(probabilities, truth)?;
    let squares = probabilities.iter().zip(truth).map(|(probability, truth)| (probability - one(*truth)).powi(2));
    Ok(squares.sum::<f64>() / truth.len() as f64)
}

/// The reliability diagram (`DeGroot` and Fienberg 1983) over ten bins of equal width, as scikit-learn's `calibration_curve`: a
/// probability on the border of two bins belongs to the lower one.
///
/// # Errors
/// When lengths differ, there is no case, or a probability is NaN.
pub fn calibration_bins(probabilities: &[f64], truth: &[bool]) -> Result<Vec<CalibrationBin>> {
    check(probabilities, truth)?;
    // Rounded as NumPy's linspace rounds, so that a probability on a border is in the same bin.
    let border = |bin: usize| bin as f64 * (1.0 / CALIBRATION_BINS as f64);
    let end = |bin: usize| bin as f64 / CALIBRATION_BINS as f64;
    let mut sums = [(0_usize, 0_usize, 0.0_f64); CALIBRATION_BINS];
    for (probability, truth) in probabilities.iter().zip(truth) {
        let below = (1..CALIBRATION_BINS).filter(|bin| border(*bin) < *probability).count();
        let (cases, positives, sum) = &mut sums[below];
        *cases += 1;
        *positives += usize::from(*truth);
        *sum += probability;
    }
    let bin = |(bin, (cases, positives, sum)): (usize, (usize, usize, f64))| {
        let is_there = cases > 0;
        CalibrationBin {
            range: [end(bin), end(bin + 1)],
            cases,
            positives,
            mean_probability: is_there.then(|| sum / cases as f64),
            observed: is_there.then(|| positives as f64 / cases as f64),
            interval: is_there.then(|| wilson_interval(positives, cases)),
        }
    };
    Ok(sums.into_iter().enumerate().map(bin).collect())
}

/// Expected calibration error (Naeini et al. 2015): the mean over cases of the difference between mean probability and share
/// of positives in their bin, 0 to 1.
///
/// # Errors
/// As [`calibration_bins`].
pub fn expected_calibration_error(probabilities: &[f64], truth: &[bool]) -> Result<f64> {
    let bins = calibration_bins(probabilities, truth)?;
    let gap = |bin: &CalibrationBin| Some(bin.cases as f64 * (bin.mean_probability? - bin.observed?).abs());
    Ok(bins.iter().filter_map(gap).sum::<f64>() / truth.len() as f64)
}

/// Intercept and slope of the logistic regression of truth on the logarithm of the odds, by maximum likelihood without any
/// penalty (Cox 1958): 0 and 1 where probabilities are right; a slope below 1 where they are too sure.
///
/// # Errors
/// When lengths differ, a value is NaN, only one class is there, or a threshold parts the classes, so that no slope is the best.
pub fn calibration_line(log_odds: &[f64], truth: &[bool]) -> Result<[f64; 2]> {
    check(log_odds, truth)?;
    both_classes(truth)?;
    let of =
        |wanted: bool| log_odds.iter().zip(truth).filter(move |(_, truth)| **truth == wanted).map(|(value, _)| *value);
    let ends = |wanted: bool| {
        of(wanted).fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], own| [low.min(own), high.max(own)])
    };
    let ([negative_low, negative_high], [positive_low, positive_high]) = (ends(false), ends(true));
    if negative_high <= positive_low || positive_high <= negative_low {
        return Err(Error::Parted);
    }
    // Newton's method around the mean keeps both parameters apart; likelihood is concave, so halved steps always rise.
    let count = log_odds.len() as f64;
    let mean = log_odds.iter().sum::<f64>() / count;
    let spread = (log_odds.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    let standard: Vec<f64> = log_odds.iter().map(|value| (value - mean) / spread).collect();
    let likelihood = |[a, b]: [f64; 2]| -> f64 {
        standard.iter().zip(truth).map(|(x, truth)| -softplus(if *truth { -(a + b * x) } else { a + b * x })).sum()
    };
    let mut line = [0.0, 0.0];
    let mut best = likelihood(line);
    let mut last_size = f64::INFINITY;
    for _ in 0..STEPS {
        let (mut by_a, mut by_b, mut aa, mut ab, mut bb) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (x, truth) in standard.iter().zip(truth) {
            let probability = sigmoid(line[0] + line[1] * x);
            let (rest, weight) = (one(*truth) - probability, probability * (1.0 - probability));
            by_a += rest;
            by_b += rest * x;
            aa += weight;
            ab += weight * x;
            bb += weight * x * x;
        }
        let determinant = aa * bb - ab * ab;
        if determinant <= 0.0 || !determinant.is_finite() {
            break;
        }
        let step = [(bb * by_a - ab * by_b) / determinant, (aa * by_b - ab * by_a) / determinant];
        let size = step[0].abs().max(step[1].abs());
        if size >= last_size && size < NEAR {
            // Rounding is all that is left.
            break;
        }
        last_size = size;
        let mut share = 1.0;
        line = loop {
            let next = [line[0] + share * step[0], line[1] + share * step[1]];
            let found = likelihood(next);
            // So near, the likelihood no longer tells the better one, and a whole step is one.
            if found >= best || size < NEAR || share < 1e-10 {
                best = found.max(best);
                break next;
            }
            share /= 2.0;
        };
    }
    let slope = line[1] / spread;
    Ok([line[0] - slope * mean, slope])
}

/// What has to be added to the logarithm of the odds so that as many findings are expected as there are (calibration in the
/// large; Van Calster et al. 2019): 0 where probabilities are right on average, below 0 where they are too high.
///
/// # Errors
/// When lengths differ, a value is NaN, or only one class is there.
pub fn calibration_in_the_large(log_odds: &[f64], truth: &[bool]) -> Result<f64> {
    check(log_odds, truth)?;
    let (positives, _) = both_classes(truth)?;
    // The sum rises with the shift. Beyond these ends every case is on one side.
    let largest = log_odds.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let (mut low, mut high) = (-largest - 50.0, largest + 50.0);
    let mut shift = 0.0;
    for _ in 0..2 * STEPS {
        let (mut excess, mut slope) = (-(positives as f64), 0.0);
        for value in log_odds {
            let probability = sigmoid(value + shift);
            excess += probability;
            slope += probability * (1.0 - probability);
        }
        if excess == 0.0 {
            break;
        }
        if excess < 0.0 {
            low = shift;
        } else {
            high = shift;
        }
        // Newton's step, where it stays between the ends.
        let step = shift - excess / slope;
        let next = if low < step && step < high { step } else { f64::midpoint(low, high) };
        if (next - shift).abs() <= 1e-15 * (1.0 + shift.abs()) {
            break;
        }
        shift = next;
    }
    Ok(shift)
}

/// Wilson's 95 % interval of a share (Wilson 1927), 0 to 1; of at least one case.
pub fn wilson_interval(positives: usize, cases: usize) -> [f64; 2] {
    /// 97.5th percentile of the standard normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    let (count, share) = (cases as f64, positives as f64 / cases as f64);
    let middle = share + Z * Z / (2.0 * count);
    let half = Z * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
    [middle - half, middle + half].map(|end| (end / (1.0 + Z * Z / count)).clamp(0.0, 1.0))
}

fn check(values: &[f64], truth: &[bool]) -> Result<()> {
    if values.len() != truth.len() {
        return Err(Error::Lengths { scores: values.len(), truth: truth.len() });
    }
    if values.iter().any(|value| value.is_nan()) {
        return Err(Error::NotANumber);
    }
    if truth.is_empty() { Err(Error::NoCases) } else { Ok(()) }
}

fn one(truth: bool) -> f64 {
    f64::from(u8::from(truth))
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Logarithm of 1 + e^x, without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_closed_above_and_hold_every_case() {
        let probabilities = [0.0, 0.1, 0.100_000_1, 0.5, 1.0, 1.0];
        let truth = [false, true, false, true, true, false];
        let bins = calibration_bins(&probabilities, &truth).unwrap();
        let cases: Vec<usize> = bins.iter().map(|bin| bin.cases).collect();
        assert_eq!(cases, [2, 1, 0, 0, 1, 0, 0, 0, 0, 2]);
        assert_eq!((bins[0].mean_probability, bins[0].observed), (Some(0.05), Some(0.5)));
        assert_eq!((bins[2].mean_probability, bins[2].observed, bins[2].interval), (None, None, None));
        let [low, high] = bins[9].interval.unwrap();
        assert!(0.05 < low && low < 0.5 && 0.5 < high && high < 0.95, "{low} {high}");
    }

    #[test]
    fn perfect_and_useless_probabilities_have_known_scores() {
        let truth = [true, false, true, false];
        let sure = [1.0, 0.0, 1.0, 0.0];
        assert_eq!((brier_score(&sure, &truth), expected_calibration_error(&sure, &truth)), (Ok(0.0), Ok(0.0)));
        let half = [0.5; 4];
        assert_eq!((brier_score(&half, &truth), expected_calibration_error(&half, &truth)), (Ok(0.25), Ok(0.0)));
        let wrong = [0.0, 1.0, 0.0, 1.0];
        assert_eq!((brier_score(&wrong, &truth), expected_calibration_error(&wrong, &truth)), (Ok(1.0), Ok(1.0)));
    }

    #[test]
    fn the_line_undoes_what_was_done_to_the_odds() {
        // As many cases of each odds as it says, so that 0 and 1 are the best line exactly.
        let mut log_odds = Vec::new();
        let mut truth = Vec::new();
        for (positives, negatives) in [(1_u32, 7_u32), (2, 6), (4, 4), (5, 3), (7, 1)] {
            for case in 0..positives + negatives {
                log_odds.push((f64::from(positives) / f64::from(negatives)).ln());
                truth.push(case < positives);
            }
        }
        let near = |found: [f64; 2], expected: [f64; 2]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} {expected:?}");
        };
        near(calibration_line(&log_odds, &truth).unwrap(), [0.0, 1.0]);
        // Three times too sure, and one too high.
        let sure: Vec<f64> = log_odds.iter().map(|own| 3.0 * own + 1.0).collect();
        near(calibration_line(&sure, &truth).unwrap(), [-1.0 / 3.0, 1.0 / 3.0]);
        let high: Vec<f64> = log_odds.iter().map(|own| own + 1.0).collect();
        assert!((calibration_in_the_large(&high, &truth).unwrap() + 1.0).abs() < 1e-12);
        assert!(calibration_in_the_large(&log_odds, &truth).unwrap().abs() < 1e-12);
    }

    #[test]
    fn parted_classes_have_no_line() {
        for (log_odds, truth) in [
            ([1.0, 2.0, 3.0, 4.0], [false, false, true, true]),
            ([1.0, 2.0, 2.0, 4.0], [false, false, true, true]),
            ([4.0, 3.0, 2.0, 1.0], [false, false, true, true]),
            ([2.0, 2.0, 2.0, 2.0], [false, true, true, true]),
        ] {
            assert_eq!(calibration_line(&log_odds, &truth), Err(Error::Parted), "{log_odds:?}");
        }
        assert!(calibration_line(&[1.0, 2.0, 3.0, 4.0], &[false, true, false, true]).is_ok());
        // Far out, where one step of Newton's method would leap.
        let far = [-300.0, 400.0, 350.0, -200.0, 10.0, -5.0];
        let [_, slope] = calibration_line(&far, &[false, true, false, true, false, true]).unwrap();
        assert!(slope.is_finite() && slope.abs() < 1.0);
        assert!(calibration_line(&[1.0, 2.0], &[true, true]).is_err());
    }
}
