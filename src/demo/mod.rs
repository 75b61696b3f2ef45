//! What the program can show without a file: twelve networks trained on phantoms, and a case to show them on.
//!
//! `assets/models/train.sh` makes the networks again, bit for bit.

use crate::network::{self, Model};
use crate::phantom::{Finding, PhantomSpec};
use crate::truth::Task;

/// A network that is part of the program.
#[derive(Clone, Debug)]
pub struct DemoModel {
    /// Its name, such as `pneumothorax_inception_v3_1`.
    pub name: &'static str,
    /// The finding it looks for.
    pub task: Task,
    card: &'static [u8],
    weights: &'static [u8],
}

impl DemoModel {
    /// Reads it, some milliseconds of work.
    ///
    /// # Errors
    /// Never, unless the program was built from damaged files.
    pub fn open(&self) -> network::Result<Model> {
        Model::from_bytes(self.card, self.weights)
    }
}

macro_rules! model {
    ($task:ident, $name:literal) => {
        DemoModel {
            name: $name,
            task: Task::$task,
            card: include_bytes!(concat!("../../assets/models/", $name, ".json")),
            weights: include_bytes!(concat!("../../assets/models/", $name, ".safetensors")),
        }
    };
}

/// All of them: for each finding three replicates of InceptionV3, a DenseNet-121, and two networks that localize.
pub static MODELS: [DemoModel; 12] = [
    model!(PNEUMOTHORAX, "pneumothorax_inception_v3_1"),
    model!(PNEUMOTHORAX, "pneumothorax_inception_v3_2"),
    model!(PNEUMOTHORAX, "pneumothorax_inception_v3_3"),
    model!(PNEUMOTHORAX, "pneumothorax_densenet_121_1"),
    model!(PNEUMOTHORAX, "pneumothorax_u_net_1"),
    model!(PNEUMOTHORAX, "pneumothorax_u_net_2"),
    model!(PNEUMONIA, "pneumonia_inception_v3_1"),
    model!(PNEUMONIA, "pneumonia_inception_v3_2"),
    model!(PNEUMONIA, "pneumonia_inception_v3_3"),
    model!(PNEUMONIA, "pneumonia_densenet_121_1"),
    model!(PNEUMONIA, "pneumonia_retina_net_1"),
    model!(PNEUMONIA, "pneumonia_retina_net_2"),
];

/// The classifiers that the window opens with, the one that is asked first in front.
pub const CLASSIFIERS: [&str; 4] =
    [FIRST_MODEL, "pneumothorax_inception_v3_2", "pneumothorax_densenet_121_1", "pneumonia_inception_v3_1"];

/// The classifier that explains the first case.
pub const FIRST_MODEL: &str = "pneumothorax_inception_v3_1";

/// The network called `name`.
pub fn model(name: &str) -> Option<&'static DemoModel> {
    MODELS.iter().find(|model| model.name == name)
}

/// Whether weights, named by the SHA-256 of their file in hexadecimal, are those of a network of the program. None of
/// them ever saw a patient.
pub fn is_own(sha256: &str) -> bool {
    // The cards name the weights, which a test checks by opening them.
    let names = |card: &[u8]| card.windows(sha256.len()).any(|part| part.eq_ignore_ascii_case(sha256.as_bytes()));
    sha256.len() == 64 && MODELS.iter().any(|model| names(model.card))
}

/// The names of all, joined by commas.
pub fn names() -> String {
    MODELS.iter().map(|model| model.name).collect::<Vec<_>>().join(", ")
}

/// Seed of the phantoms that are shown; no network was trained on them.
pub const SEED: u64 = 2026;

/// The case shown first: a pneumothorax.
pub const FIRST_CASE: PhantomSpec = PhantomSpec { seed: SEED, index: 1, size_px: 320, finding: Finding::Pneumothorax };

#[cfg(test)]
mod tests {
    use super::{MODELS, is_own, model};
    use crate::network::ModelKind;

    #[test]
    fn every_model_opens_and_says_what_it_is() {
        for demo in &MODELS {
            let model = demo.open().unwrap();
            assert_eq!(
                demo.name,
                format!("{}_{}{}", demo.task, model.card.architecture, &demo.name[demo.name.len() - 2..])
            );
            assert!(is_own(&model.sha256) && model.card.trained_on_patients == Some(false), "{}", demo.name);
            assert!(model.card.trained_on.unwrap().contains("phantom:"), "{}", demo.name);
            assert_eq!(model.card.classes.last().map(String::as_str), Some(demo.task.name()), "{}", demo.name);
            if model.card.kind == ModelKind::Classifier {
                assert_eq!(model.card.positive_class, Some(1));
            }
        }
    }

    #[test]
    fn the_program_stays_small() {
        let bytes: usize = MODELS.iter().map(|model| model.weights.len() + model.card.len()).sum();
        assert!(bytes <= 32 << 20, "{bytes} bytes of models");
    }

    #[test]
    fn models_are_found_by_name() {
        assert_eq!(model("pneumonia_densenet_121_1").map(|model| model.name), Some("pneumonia_densenet_121_1"));
        assert!(model("pneumonia").is_none());
        assert!(!is_own("") && !is_own(&"0".repeat(64)));
    }
}
