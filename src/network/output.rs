//! From logits to probabilities.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::class_logit::{class_count, class_logit};
use super::graph::ModelKind;

/// How the logits of a classifier become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Exactly one class is true: `exp(z_i) / sum exp(z_j)`.
    Softmax,
    /// Each class is a label of its own, true or not: `1 / (1 + exp(-z_i))`. Of a single logit z the probability of the
    /// finding is that of z, and of its absence that of -z.
    Sigmoid,
}

impl Output {
    /// That of a network of which nobody says it: two outputs are one choice, as in the study, and a single one can be nothing
    /// else than a label. Of more nothing is known; networks that localize have none.
    pub fn by_rule(kind: ModelKind, logits: usize) -> Option<Self> {
        match (kind, logits) {
            (ModelKind::Classifier, 1) => Some(Self::Sigmoid),
            (ModelKind::Classifier, 2) => Some(Self::Softmax),
            _ => None,
        }
    }

    /// Its name on the command line and in a model card.
    pub fn name(self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
        }
    }

    /// One probability a class, 0 to 1; those of [`Output::Softmax`] add up to 1.
    pub fn probabilities(self, logits: &[f32]) -> Vec<f64> {
        self.probabilities_at(logits, 1.0)
    }

    /// The same of the logits over a temperature (Guo et al. 2017).
    pub fn probabilities_at(self, logits: &[f32], temperature: f64) -> Vec<f64> {
        match self {
            Self::Softmax => {
                let scaled: Vec<f64> = logits.iter().map(|logit| f64::from(*logit) / temperature).collect();
                softmax_f64(&scaled)
            }
            Self::Sigmoid => {
                let classes = 0..class_count(logits.len());
                classes.map(|class| sigmoid(f64::from(class_logit(logits, class)) / temperature)).collect()
            }
        }
    }

    /// Logarithm of the odds of `class`: 0 is a probability of 0.5. Never rounds to certainty, so that the order of images
    /// is kept however sure the network is.
    ///
    /// # Panics
    /// When there is no such class.
    pub fn log_odds(self, logits: &[f32], class: usize) -> f64 {
        self.log_odds_at(logits, class, 1.0)
    }

    /// The same of the logits over a temperature.
    ///
    /// # Panics
    /// When there is no such class.
    pub fn log_odds_at(self, logits: &[f32], class: usize, temperature: f64) -> f64 {
        let own = f64::from(class_logit(logits, class)) / temperature;
        match self {
            Self::Sigmoid => own,
            Self::Softmax => {
                let others = || {
                    let others = logits.iter().enumerate().filter(|(index, _)| *index != class);
                    others.map(|(_, logit)| f64::from(*logit) / temperature)
                };
                let highest = others().fold(f64::NEG_INFINITY, f64::max);
                own - (highest + others().map(|logit| (logit - highest).exp()).sum::<f64>().ln())
            }
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

pub(super) fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// Computed against the largest logit, so that nothing overflows.
pub(super) fn softmax_f64(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_huge_logits_is_finite() {
        let p = Output::Softmax.probabilities(&[1000.0, 1001.0, -1000.0]);
        let odds = 1.0_f64.exp();
        assert!((p[1] - odds / (1.0 + odds)).abs() < 1e-15 && p[2] == 0.0);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-15);
        assert_eq!(Output::Softmax.probabilities(&[3.0, 3.0]), [0.5, 0.5]);
    }

    #[test]
    fn labels_have_probabilities_of_their_own() {
        let p = Output::Sigmoid.probabilities(&[4.264_357_6, 6.123_166, -2.580_086_2]);
        for (found, expected) in p.iter().zip([0.986_134_111_881, 0.997_813_224_792, 0.070_431_083_440]) {
            assert!((found - expected).abs() < 1e-7, "{found} instead of {expected}");
        }
        assert_eq!(Output::Sigmoid.probabilities(&[0.0]), [0.5, 0.5]);
        let [absent, present] = Output::Sigmoid.probabilities(&[2.0])[..] else { panic!("two classes") };
        assert!((present - 0.880_797_077_977_882).abs() < 1e-12 && (absent + present - 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_temperature_divides_the_logits_and_keeps_their_order() {
        let logits = [1.0, -2.0, 0.5];
        let halved = [0.5, -1.0, 0.25];
        for output in [Output::Softmax, Output::Sigmoid] {
            assert_eq!(output.probabilities_at(&logits, 2.0), output.probabilities(&halved));
            assert_eq!(output.log_odds_at(&logits, 1, 2.0), output.log_odds(&halved, 1));
            assert_eq!(output.probabilities_at(&logits, 1.0), output.probabilities(&logits));
        }
        let [absent, present] = Output::Sigmoid.probabilities_at(&[3.0], 1.5)[..] else { panic!("two classes") };
        assert!((present - 1.0 / (1.0 + (-2.0_f64).exp())).abs() < 1e-15 && (absent + present - 1.0).abs() < 1e-15);
    }

    #[test]
    fn log_odds_follow_the_output_and_never_saturate() {
        assert_eq!(Output::Softmax.log_odds(&[1.5, 4.0], 1), 2.5);
        assert_eq!([0, 1].map(|class| Output::Sigmoid.log_odds(&[-3.0], class)), [3.0, -3.0]);
        let expected = (2.0_f64.exp() / (1.0_f64.exp() + 0.5_f64.exp())).ln();
        assert!((Output::Softmax.log_odds(&[1.0, 2.0, 0.5], 1) - expected).abs() < 1e-15);
        assert_eq!(Output::Sigmoid.log_odds(&[1.0, 2.0, 0.5], 1), 2.0);
        assert_eq!(Output::Softmax.log_odds(&[-500.0, 500.0], 1), 1000.0);
    }
}
