//! The temperature of a classifier's logits, fitted on images that it did not learn from.

use crate::limits;
use crate::network::Output;

/// Halvings of the interval of 1/T: its ends are as near to each other then as numbers can be.
const HALVINGS: usize = 80;

/// What a classifier answered to an image, and what is true.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The image is of one class alone.
    Class {
        /// One a class.
        logits: Vec<f32>,
        /// The class.
        class: usize,
    },
    /// Each logit speaks for a label of its own.
    Labels {
        /// One a label.
        logits: Vec<f32>,
        /// Whether it is true; nothing where that is not known.
        labels: Vec<Option<bool>>,
    },
}

/// Why no temperature can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTemperature {
    /// Larger logits would always be better.
    #[error("the logits tell all validation images apart, so that no temperature is the best")]
    AllToldApart,
    /// Smaller logits would always be better.
    #[error("the logits tell nothing about the validation images, so that no temperature is the best")]
    NothingTold,
}

/// The temperature T at which the truth is likeliest: the mean of the negative logarithm of the probability that logits over
/// T give it is smallest (Guo et al. 2017). Every image, and of labels every known one, counts the same. The mean is convex in
/// 1/T, so that the zero of its derivative is the one minimum.
///
/// # Errors
/// When it is smallest at no temperature of [`limits::TEMPERATURE`].
pub fn temperature(answers: &[Answer]) -> Result<f64, NoTemperature> {
    let slope = |inverse: f64| answers.iter().map(|answer| slope(answer, inverse)).sum::<f64>();
    let (mut low, mut high) = (1.0 / limits::TEMPERATURE.most, 1.0 / limits::TEMPERATURE.least);
    if slope(low) >= 0.0 {
        return Err(NoTemperature::NothingTold);
    }
    if slope(high) <= 0.0 {
        return Err(NoTemperature::AllToldApart);
    }
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if slope(middle) > 0.0 { high = middle } else { low = middle }
    }
    Ok(1.0 / f64::midpoint(low, high))
}

/// The derivative of the negative log-likelihood of one answer by 1/T: the logit that is expected, less that of the truth.
fn slope(answer: &Answer, inverse: f64) -> f64 {
    match answer {
        Answer::Class { logits, class } => {
            let probabilities = Output::Softmax.probabilities_at(logits, 1.0 / inverse);
            let pairs = logits.iter().zip(probabilities);
            let expected: f64 = pairs.map(|(logit, probability)| probability * f64::from(*logit)).sum();
            expected - f64::from(logits[*class])
        }
        Answer::Labels { logits, labels } => {
            let known = logits.iter().zip(labels).filter_map(|(logit, label)| Some((f64::from(*logit), (*label)?)));
            let terms = known.map(|(logit, label)| {
                let probability = 1.0 / (1.0 + (-logit * inverse).exp());
                (probability - f64::from(u8::from(label))) * logit
            });
            terms.sum()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(f32, bool)]) -> Vec<Answer> {
        pairs.iter().map(|(z, label)| Answer::Labels { logits: vec![*z], labels: vec![Some(*label)] }).collect()
    }

    #[test]
    fn a_temperature_is_that_of_the_share_that_is_right() {
        // Of logits +-2 three of four are right: 2 / T must be the logarithm of the odds of 3/4.
        let answers = labels(&[(2.0, true), (-2.0, false), (2.0, true), (2.0, false)]);
        let expected = 2.0 / 3.0_f64.ln();
        assert!((temperature(&answers).unwrap() - expected).abs() < 1e-12);
        // A pair of logits says the same as their difference.
        let pairs: Vec<Answer> = answers
            .iter()
            .map(|answer| match answer {
                Answer::Labels { logits, labels } => {
                    Answer::Class { logits: vec![0.5, logits[0] + 0.5], class: usize::from(labels[0] == Some(true)) }
                }
                Answer::Class { .. } => answer.clone(),
            })
            .collect();
        assert!((temperature(&pairs).unwrap() - expected).abs() < 1e-12);
        // What is not known counts nothing.
        let mut more = answers;
        more.push(Answer::Labels { logits: vec![-9.0], labels: vec![None] });
        assert!((temperature(&more).unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn where_none_is_best_that_is_said() {
        assert_eq!(temperature(&labels(&[(2.0, true), (-1.0, false)])), Err(NoTemperature::AllToldApart));
        assert_eq!(temperature(&labels(&[(2.0, false), (-1.0, true)])), Err(NoTemperature::NothingTold));
        assert_eq!(temperature(&labels(&[(0.0, false), (0.0, true)])), Err(NoTemperature::NothingTold));
        assert_eq!(temperature(&[]), Err(NoTemperature::NothingTold));
    }
}
