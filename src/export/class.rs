//! Classes with their names and probabilities.

use serde::Serialize;

use crate::network::{ModelCard, predicted_class};

/// A class with its name and its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassFound {
    /// Its number.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// 0 to 1; none where nobody said how the model's logits become probabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// What the logits were divided by before they became the probability; none is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
}

impl ClassFound {
    /// Class `index` of `card` given the logits.
    ///
    /// # Panics
    /// When there is no such class.
    pub fn new(card: &ModelCard, logits: &[f32], index: usize) -> Self {
        let probability = card.probabilities(logits).map(|probabilities| probabilities[index]);
        let temperature = card.temperature.filter(|_| probability.is_some());
        Self { index, name: card.classes[index].clone(), probability, temperature }
    }

    /// Its probability in words: `probability 0.931`, with the temperature where there is one, or that it is not known.
    pub fn probability_words(&self) -> String {
        probability_words(self.probability, self.temperature)
    }

    /// A model and what it says, beside a row of its maps.
    pub fn row_label(&self, model: &str) -> String {
        let probability = self.probability.map(|probability| format!(" {}", rounded(probability))).unwrap_or_default();
        format!("{model} {}{probability}", self.name)
    }

    /// Number and name; the number alone where the name says no more.
    pub fn label(&self) -> String {
        if self.name == format!("class {}", self.index) {
            self.name.clone()
        } else {
            format!("class {} “{}”", self.index, self.name)
        }
    }

    /// The class that the logits most speak for.
    ///
    /// # Panics
    /// When there are no logits.
    pub fn predicted(card: &ModelCard, logits: &[f32]) -> Self {
        Self::new(card, logits, predicted_class(logits))
    }
}

/// `probability 0.931`, with the temperature of the logits where there is one, or that it is not known.
pub fn probability_words(probability: Option<f64>, temperature: Option<f64>) -> String {
    let at = temperature.map(|temperature| format!(" at temperature {temperature:.2}")).unwrap_or_default();
    probability.map_or_else(
        || "probability not known".to_owned(),
        |probability| format!("probability {}{at}", rounded(probability)),
    )
}

/// A probability with as many digits as tell it from 0 and 1.
fn rounded(probability: f64) -> String {
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
    fn certainty_is_never_claimed() {
        assert_eq!(rounded(0.99999), "above 0.999");
        assert_eq!(rounded(1e-9), "below 0.001");
        assert_eq!(rounded(0.9312), "0.931");
    }

    #[test]
    fn a_temperature_is_told_beside_the_probability() {
        assert_eq!(probability_words(Some(0.9312), None), "probability 0.931");
        assert_eq!(probability_words(Some(0.9312), Some(1.375)), "probability 0.931 at temperature 1.38");
        assert_eq!(probability_words(None, None), "probability not known");
    }
}
