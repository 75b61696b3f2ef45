//! Numbers as people read them.

use super::comparison::Comparison;

/// A score with three decimals; a dash where there is none. Zero has no sign.
pub fn number(value: Option<f64>) -> String {
    value
        .filter(|value| value.is_finite())
        .map_or_else(|| "–".to_owned(), |value| unsigned_zero(&format!("{value:.3}")))
}

/// A difference with its sign.
pub fn signed(value: f64) -> String {
    if value.is_finite() { unsigned_zero(&format!("{value:+.3}")) } else { "–".to_owned() }
}

fn unsigned_zero(text: &str) -> String {
    if text == "-0.000" || text == "+0.000" { "0.000".to_owned() } else { text.replace('-', "−") }
}

/// Mean and standard deviation.
pub fn mean_sd(mean: Option<f64>, sd: Option<f64>) -> String {
    match (mean, sd) {
        (Some(_), Some(_)) => format!("{} ± {}", number(mean), number(sd)),
        _ => number(mean),
    }
}

/// An interval in brackets.
pub fn interval([low, high]: [f64; 2]) -> String {
    format!("[{}, {}]", signed(low), signed(high))
}

/// A P value: never 0.
pub fn p_value(p: f64) -> String {
    match p {
        p if p.is_nan() => "–".to_owned(),
        p if p < 0.001 => "< 0.001".to_owned(),
        p => format!("{p:.3}"),
    }
}

/// A P value in a sentence.
pub(super) fn p_words(p: f64) -> String {
    if p < 0.001 { "P < 0.001".to_owned() } else { format!("P = {}", p_value(p)) }
}

/// Difference, interval and P in a sentence.
pub(super) fn evidence(comparison: &Comparison, images: usize) -> String {
    format!(
        "difference {} {}, {}, {}",
        signed(comparison.difference),
        interval(comparison.interval),
        p_words(comparison.p_adjusted),
        count(images, "image")
    )
}

/// A number of things.
pub fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certainty_and_signed_zeros_are_never_printed() {
        assert_eq!((p_value(0.0), p_value(0.05)), ("< 0.001".to_owned(), "0.050".to_owned()));
        assert_eq!((signed(-0.0001), signed(0.2), signed(-0.2)), ("0.000".into(), "+0.200".into(), "−0.200".into()));
        assert_eq!((number(None), number(Some(f64::NAN)), number(Some(0.5))), ("–".into(), "–".into(), "0.500".into()));
        assert_eq!(mean_sd(Some(0.5), None), "0.500");
    }
}
