//! How alike two maps are.

use super::explainer::Answer;
use crate::cascade::{Comparable, Similarity};

/// How alike the maps of two answers are: the measures of the study's tests of repeatability and reproducibility.
///
/// Takes some tens of milliseconds. Maps of different sizes, and maps that show nothing, have no likeness.
pub fn likeness(a: &Answer, b: &Answer) -> Similarity {
    let comparable = |answer: &Answer| {
        let signed = answer.signed.as_ref().map(|signed| signed.values().to_vec());
        Comparable::with_sign(&answer.map, signed)
    };
    match (comparable(a), comparable(b)) {
        (Ok(a), Ok(b)) => a.similarity(&b),
        // Maps smaller than a window.
        _ => Similarity::default(),
    }
}
