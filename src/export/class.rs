//! Classes with their names and probabilities.

use serde::Serialize;

use crate::network::{ModelCard, argmax};
use crate::saliency::softmax;

/// A class with its name and its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassFound {
    /// Its number.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// 0 to 1.
    pub probability: f64,
}

impl ClassFound {
    /// Class `index` of `card` given the logits.
    ///
    /// # Panics
    /// When there is no such class.
    pub fn new(card: &ModelCard, logits: &[f32], index: usize) -> Self {
        Self { index, name: card.classes[index].clone(), probability: probabilities(logits)[index] }
    }

    /// Number and name; the number alone where the name says no more.
    pub fn label(&self) -> String {
        if self.name == format!("class {}", self.index) {
            self.name.clone()
        } else {
            format!("class {} “{}”", self.index, self.name)
        }
    }

    /// The class of the largest logit.
    ///
    /// # Panics
    /// When there are no logits.
    pub fn predicted(card: &ModelCard, logits: &[f32]) -> Self {
        Self::new(card, logits, argmax(logits))
    }
}

/// Softmax; of a single logit the logistic function, because its softmax is always 1.
pub fn probabilities(logits: &[f32]) -> Vec<f64> {
    match logits {
        [logit] => vec![1.0 / (1.0 + (-f64::from(*logit)).exp())],
        _ => softmax(logits),
    }
}

/// A probability with as many digits as tell it from 0 and 1.
pub fn rounded(probability: f64) -> String {
    match probability {
        p if p >= 0.9995 => "above 0.999".to_owned(),
        p if p < 0.0005 => "below 0.001".to_owned(),
        p => format!("{p:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_logit_has_a_probability_of_its_own() {
        assert_eq!(probabilities(&[0.0]), [0.5]);
        assert!((probabilities(&[2.0])[0] - 0.880_797_077_977_882).abs() < 1e-12);
        assert_eq!(probabilities(&[3.0, 3.0]), [0.5, 0.5]);
    }

    #[test]
    fn certainty_is_never_claimed() {
        assert_eq!(rounded(0.99999), "above 0.999");
        assert_eq!(rounded(1e-9), "below 0.001");
        assert_eq!(rounded(0.9312), "0.931");
    }
}
