//! P values of a family of tests, adjusted for its size.

/// Bonferroni: times the number of tests.
pub fn bonferroni(p: &[f64]) -> Vec<f64> {
    p.iter().map(|own| (own * p.len() as f64).min(1.0)).collect()
}

/// Holm (1979, Scand. J. Stat. 6:65): stepping down from the smallest, times the number of tests not yet passed.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let mut adjusted = vec![f64::NAN; p.len()];
    let mut so_far = 0.0_f64;
    for (rank, index) in order.iter().enumerate() {
        so_far = so_far.max(p[*index] * (p.len() - rank) as f64).min(1.0);
        adjusted[*index] = so_far;
    }
    adjusted
}

/// Benjamini and Hochberg (1995, J. R. Stat. Soc. B 57:289): the false discovery rate, stepping up from the largest.
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let order = ascending(p);
    let mut adjusted = vec![f64::NAN; p.len()];
    let mut so_far = 1.0_f64;
    for (rank, index) in order.iter().enumerate().rev() {
        so_far = so_far.min(p[*index] * p.len() as f64 / (rank + 1) as f64);
        adjusted[*index] = so_far;
    }
    adjusted
}

fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjustments_are_those_of_r() {
        // R: p.adjust(c(.01, .04, .03, .2, .01), "holm"), then "BH" and "bonferroni".
        let p = [0.01, 0.04, 0.03, 0.2, 0.01];
        let close = |found: Vec<f64>, expected: [f64; 5]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{found:?}");
        };
        close(holm(&p), [0.05, 0.09, 0.09, 0.2, 0.05]);
        close(benjamini_hochberg(&p), [0.025, 0.05, 0.05, 0.2, 0.025]);
        close(bonferroni(&p), [0.05, 0.2, 0.15, 1.0, 0.05]);
        assert!(holm(&[]).is_empty());
    }
}
