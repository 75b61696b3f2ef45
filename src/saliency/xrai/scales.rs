//! The scales of a segmentation as text.

use super::{Error, Parameters, Result};

/// A set of scales with a name of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaleSet {
    /// What a list calls it.
    pub name: &'static str,
    /// The scales.
    pub scales: &'static [f64],
}

/// Known sets, the study's first.
pub const SCALE_SETS: [ScaleSet; 3] = [
    ScaleSet { name: "the study's six", scales: &[50.0, 100.0, 150.0, 250.0, 500.0, 1200.0] },
    ScaleSet { name: "three fine ones", scales: &[50.0, 100.0, 150.0] },
    ScaleSet { name: "three coarse ones", scales: &[250.0, 500.0, 1200.0] },
];

/// Reads numbers with commas or spaces between, such as `50, 100, 250`.
///
/// # Errors
/// When one is no number, or [`Parameters::check`] refuses the scales.
pub fn read_scales(text: &str) -> Result<Vec<f64>> {
    let words = text.split([',', ';', ' ', '\t']).filter(|word| !word.is_empty());
    let scales: Vec<f64> = words
        .map(|word| word.parse().map_err(|_| Error::ScaleText { word: word.chars().take(20).collect() }))
        .collect::<Result<_>>()?;
    Parameters { scales: scales.clone(), ..Parameters::default() }.check()?;
    Ok(scales)
}

/// The text that [`read_scales`] reads.
pub fn scales_text(scales: &[f64]) -> String {
    let words: Vec<String> = scales.iter().map(f64::to_string).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

    #[test]
    fn scales_survive_text() {
        let scales = vec![0.5, 50.0, 1200.0];
        assert_eq!(scales_text(&scales), "0.5, 50, 1200");
        assert_eq!(read_scales(&scales_text(&scales)), Ok(scales));
        assert_eq!(read_scales(" 50;100  7,"), Ok(vec![50.0, 100.0, 7.0]));
        assert_eq!(read_scales(&scales_text(SCALE_SETS[0].scales)), Ok(Parameters::default().scales));
    }

    #[test]
    fn what_is_no_list_of_scales_is_refused_in_words() {
        let many = "7 ".repeat(limits::SCALES.most + 1);
        for (text, told) in [
            ("", "at least one scale"),
            ("50, ten", "numbers with commas between"),
            ("-1", "scales from 0 to 1e9"),
            ("NaN", "scales from 0 to 1e9"),
            (many.as_str(), "at most 32 scales"),
        ] {
            let error = read_scales(text).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
