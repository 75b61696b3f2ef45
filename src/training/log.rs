//! What happened in each epoch, as a table.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

/// One epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from 1.
    pub epoch: usize,
    /// Steps done by its end.
    pub steps: u64,
    /// Learning rate of its last step.
    pub learning_rate: f64,
    /// Mean loss over its batches.
    pub train_loss: f64,
    /// Loss on the validation images.
    pub validation_loss: f64,
    /// Score on the validation images: AUC, Dice or mean average precision.
    pub validation_score: f64,
    /// The AUC of each of several findings, or of each class against the others, of which the score is the mean; nothing where
    /// it is not defined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation_scores: Vec<Option<f64>>,
    /// Time it took, validation included.
    pub seconds: f64,
}

/// The epochs as CSV, with a head. `findings` names those that have a score each.
pub fn csv(epochs: &[Epoch], score: &str, findings: &[String]) -> String {
    let mut text = format!("epoch,steps,learning_rate,train_loss,validation_loss,validation_{score},seconds");
    for finding in findings {
        let name = format!("validation_{score} {finding}");
        let needs_quotes = name.contains([',', '"', '\n', '\r']);
        let name = if needs_quotes { format!("\"{}\"", name.replace('"', "\"\"")) } else { name };
        text.extend([",", &name]);
    }
    text.push('\n');
    for epoch in epochs {
        let Epoch { epoch: number, steps, learning_rate, train_loss, validation_loss, validation_score, .. } = epoch;
        // Writing into a string cannot fail.
        let _ = write!(
            text,
            "{number},{steps},{learning_rate},{train_loss},{validation_loss},{validation_score},{:.1}",
            epoch.seconds
        );
        for score in &epoch.validation_scores {
            text.push(',');
            text.extend(score.map(|score| score.to_string()));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Epoch, csv};

    #[test]
    fn findings_have_a_column_each() {
        let epoch = Epoch {
            epoch: 1,
            steps: 4,
            learning_rate: 0.5,
            train_loss: 0.25,
            validation_loss: 0.75,
            validation_score: 0.9,
            validation_scores: vec![Some(0.9), None],
            seconds: 1.25,
        };
        let names = ["effusion".to_owned(), "nodule, large".to_owned()];
        let text = csv(std::slice::from_ref(&epoch), "auc", &names);
        let head = "epoch,steps,learning_rate,train_loss,validation_loss,validation_auc,seconds,validation_auc effusion,\
                    \"validation_auc nodule, large\"";
        assert_eq!(text, format!("{head}\n1,4,0.5,0.25,0.75,0.9,1.2,0.9,\n"));
        let earlier = r#"{"epoch":1,"steps":4,"learning_rate":0.5,"train_loss":0.25,"validation_loss":0.75,
            "validation_score":0.9,"seconds":1.25}"#;
        let read: Epoch = serde_json::from_str(earlier).unwrap();
        assert_eq!(read, Epoch { validation_scores: Vec::new(), ..epoch });
        assert!(!serde_json::to_string(&read).unwrap().contains("validation_scores"));
    }
}
