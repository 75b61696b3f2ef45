//! What the user said about models whose cards are silent: asked once a model, kept by the hash of its weights.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::network::Model;

/// Models whose answers are kept; the oldest give way.
const KEPT: usize = 500;

/// Answers about models, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ModelAnswers(Vec<ModelAnswer>);

/// What was said of one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ModelAnswer {
    /// SHA-256 of its weights.
    sha256: String,
    /// Whether it was trained on images of patients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trained_on_patients: Option<bool>,
    /// Whether the scaling that was assumed for it is right.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_scaling_right: bool,
}

impl ModelAnswers {
    /// Whether nothing was said yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the model with these weights was trained on images of patients, where somebody said.
    pub fn trained_on_patients(&self, sha256: &str) -> Option<bool> {
        self.find(sha256)?.trained_on_patients
    }

    /// Whether a network was trained on images of patients: by its card, else by what was said.
    pub fn of_model(&self, model: &Model) -> Option<bool> {
        model.card.trained_on_patients.or_else(|| self.trained_on_patients(&model.sha256))
    }

    /// Whether somebody said that the scaling assumed for the model with these weights is right.
    pub fn is_scaling_right(&self, sha256: &str) -> bool {
        self.find(sha256).is_some_and(|answer| answer.is_scaling_right)
    }

    /// Keeps whether a model was trained on images of patients.
    pub fn say_trained_on_patients(&mut self, sha256: &str, trained_on_patients: bool) {
        self.change(sha256, |answer| answer.trained_on_patients = Some(trained_on_patients));
    }

    /// Keeps that the scaling assumed for a model is right.
    pub fn say_scaling_is_right(&mut self, sha256: &str) {
        self.change(sha256, |answer| answer.is_scaling_right = true);
    }

    fn find(&self, sha256: &str) -> Option<&ModelAnswer> {
        self.0.iter().find(|answer| answer.sha256 == sha256)
    }

    fn change(&mut self, sha256: &str, change: impl FnOnce(&mut ModelAnswer)) {
        let known = self.0.iter().position(|answer| answer.sha256 == sha256).map(|position| self.0.remove(position));
        let silent = || ModelAnswer { sha256: sha256.to_owned(), trained_on_patients: None, is_scaling_right: false };
        let mut answer = known.unwrap_or_else(silent);
        change(&mut answer);
        self.0.insert(0, answer);
        self.0.truncate(KEPT);
    }
}

impl<'de> Deserialize<'de> for ModelAnswers {
    /// Reads what may be anything: what is no answer about weights is left out, and the rest of the settings is read.
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let Value::Array(members) = Value::deserialize(reader)? else { return Ok(Self::default()) };
        let is_hash = |answer: &ModelAnswer| {
            answer.sha256.len() == 64 && answer.sha256.bytes().all(|digit| digit.is_ascii_hexdigit())
        };
        let known = members.into_iter().filter_map(|member| serde_json::from_value(member).ok());
        Ok(Self(known.filter(is_hash).take(KEPT).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: usize) -> String {
        format!("{number:064x}")
    }

    #[test]
    fn answers_are_kept_by_model_and_bounded() {
        let mut answers = ModelAnswers::default();
        assert!(answers.is_empty() && answers.trained_on_patients(&hash(0)).is_none());
        for number in 0..KEPT + 3 {
            answers.say_trained_on_patients(&hash(number), number % 2 == 0);
        }
        assert_eq!(answers.0.len(), KEPT);
        assert_eq!(answers.trained_on_patients(&hash(0)), None, "the oldest gave way");
        assert_eq!(answers.trained_on_patients(&hash(KEPT + 2)), Some((KEPT + 2).is_multiple_of(2)));
        answers.say_scaling_is_right(&hash(5));
        assert!(answers.is_scaling_right(&hash(5)) && !answers.is_scaling_right(&hash(6)));
        assert_eq!(answers.trained_on_patients(&hash(5)), Some(false), "one answer does not take back another");
        assert_eq!(answers.0.len(), KEPT);
    }

    #[test]
    fn what_is_no_answer_is_left_out() {
        let mut answers = ModelAnswers::default();
        answers.say_trained_on_patients(&hash(1), false);
        let written = serde_json::to_string(&answers).unwrap();
        assert_eq!(serde_json::from_str::<ModelAnswers>(&written).unwrap(), answers);
        let good = &written[1..written.len() - 1];
        let mixed = format!(r#"[7, {{"sha256": "short"}}, {{"trained_on_patients": true}}, {good}]"#);
        assert_eq!(serde_json::from_str::<ModelAnswers>(&mixed).unwrap(), answers);
        for nonsense in ["null", "3", "{}", "\"text\""] {
            assert!(serde_json::from_str::<ModelAnswers>(nonsense).unwrap().is_empty(), "{nonsense}");
        }
    }
}
