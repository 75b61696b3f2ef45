//! Wilcoxon's signed rank test (Wilcoxon 1945, Biometrics Bull. 1:80).

use super::distributions::normal_upper;

/// Most differences for which the distribution is counted out.
const EXACT_UP_TO: usize = 200;

/// Result of a signed rank test.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct SignedRank {
    /// Sum of the ranks of positive differences, equal ones sharing their mean rank.
    pub v: f64,
    /// Differences that are not 0.
    pub used: usize,
    /// Differences that are 0, which the test leaves out.
    pub zeros: usize,
    /// Whether some differences are equal in size.
    pub ties: bool,
    /// Two-sided P: exact, given the ties, for up to 200 differences, else that of the normal approximation. Nothing
    /// where every difference is 0.
    pub p: Option<f64>,
    /// Whether `p` is exact.
    pub exact: bool,
    /// Two-sided P of the normal approximation, corrected for ties and continuity.
    pub p_normal: Option<f64>,
}

/// Tests whether differences lie symmetrically about 0. The exact P value counts all assignments of signs to the
/// ranks as they are, so that it holds with ties.
pub fn signed_rank(differences: &[f64]) -> SignedRank {
    let mut sizes: Vec<(f64, bool)> =
        differences.iter().filter(|value| **value != 0.0).map(|value| (value.abs(), *value > 0.0)).collect();
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let used = sizes.len();
    let zeros = differences.len() - used;
    // Twice the rank is a whole number.
    let mut doubled: Vec<usize> = Vec::with_capacity(used);
    let mut tie_term = 0.0;
    for group in sizes.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let before = doubled.len();
        let count = group.len();
        tie_term += (count.pow(3) - count) as f64;
        doubled.extend(std::iter::repeat_n(2 * before + count + 1, count));
    }
    let positive: usize = sizes.iter().zip(&doubled).filter(|((_, positive), _)| *positive).map(|(_, rank)| rank).sum();
    let v = positive as f64 / 2.0;
    let ties = tie_term > 0.0;
    if used == 0 {
        return SignedRank { v, used, zeros, ties, p: None, exact: false, p_normal: None };
    }
    let n = used as f64;
    let off = v - n * (n + 1.0) / 4.0;
    let spread = (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - tie_term / 48.0).sqrt();
    let corrected = (off.abs() - 0.5).max(0.0);
    let p_normal = if off == 0.0 { 1.0 } else { (2.0 * normal_upper(corrected / spread)).min(1.0) };
    let exact = used <= EXACT_UP_TO;
    let p = if exact { exact_p(&doubled, positive) } else { p_normal };
    SignedRank { v, used, zeros, ties, p: Some(p), exact, p_normal: Some(p_normal) }
}

/// Twice the smaller tail of the sum of doubled ranks with random signs.
fn exact_p(doubled: &[usize], positive: usize) -> f64 {
    let total: usize = doubled.iter().sum();
    let mut shares = vec![0.0; total + 1];
    shares[0] = 1.0;
    let mut reached = 0;
    for rank in doubled {
        for sum in (0..=reached).rev() {
            let half = shares[sum] / 2.0;
            shares[sum] = half;
            shares[sum + rank] += half;
        }
        reached += rank;
    }
    // The distribution is symmetric: the far tail mirrors the near one.
    let near = positive.min(total - positive);
    let tail: f64 = shares[..=near].iter().sum();
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_probabilities_count_signs() {
        // All 5 positive: 2 / 2^5. R: wilcox.test(c(1, 2, 3, 4, 5)).
        let all = signed_rank(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!((all.v, all.p, all.exact, all.ties), (15.0, Some(0.0625), true, false));
        // R: wilcox.test(c(1.1, -0.4, 2.3, 0.9, 1.7, -0.2, 3.1, 0.6)): V = 33, p-value = 0.0390625.
        let mixed = signed_rank(&[1.1, -0.4, 2.3, 0.9, 1.7, -0.2, 3.1, 0.6]);
        assert_eq!((mixed.v, mixed.p), (33.0, Some(0.039_062_5)));
    }

    #[test]
    fn exact_probabilities_with_ties_equal_enumeration() {
        let differences = [1.0, 1.0, -1.0, 2.0, 2.0, -3.0, 0.0, 4.0, 4.0, 4.0];
        let found = signed_rank(&differences);
        assert_eq!((found.used, found.zeros, found.ties), (9, 1, true));
        let ranks = [2.0, 2.0, 2.0, 4.5, 4.5, 6.0, 8.0, 8.0, 8.0];
        let sums: Vec<f64> =
            (0..512_u32).map(|signs| (0..9).filter(|bit| signs >> bit & 1 == 1).map(|bit| ranks[bit]).sum()).collect();
        let upper = sums.iter().filter(|sum| **sum >= found.v).count() as f64 / 512.0;
        let lower = sums.iter().filter(|sum| **sum <= found.v).count() as f64 / 512.0;
        assert_eq!(found.p, Some((2.0 * upper.min(lower)).min(1.0)));
    }

    #[test]
    fn nothing_but_zeros_has_no_probability() {
        assert_eq!(signed_rank(&[0.0, -0.0]).p, None);
        assert_eq!(signed_rank(&[]).p, None);
        assert_eq!(signed_rank(&[-2.0]).p, Some(1.0));
    }

    #[test]
    fn many_differences_are_approximated_as_well_as_counted() {
        let differences: Vec<f64> = (0..200).map(|i| f64::from(i * 37 % 211) - 90.0 + 0.25).collect();
        let found = signed_rank(&differences);
        assert!(found.exact && (found.p.unwrap() - found.p_normal.unwrap()).abs() < 2e-4, "{found:?}");
        let more: Vec<f64> = differences.iter().chain(&[5.5]).copied().collect();
        assert!(!signed_rank(&more).exact);
    }
}
