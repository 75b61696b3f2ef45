//! What a training learns: its findings, the outputs for them, and what the card says of both.

use super::super::arguments::YesNo;
use super::super::console;
use super::arguments::{Arguments, Course};
use crate::cohort::{CohortSpec, is_healthy};
use crate::network::{ModelCard, ModelKind, Output};
use crate::training::Samples;
use crate::truth::Task;

impl Arguments {
    /// What the curve is called.
    pub(super) fn title(&self) -> String {
        format!("{} on {}, seed {}", self.arch, self.tasks(), self.seed)
    }

    /// The findings that are learnt, in words.
    pub(super) fn tasks(&self) -> String {
        self.taking.tasks().iter().map(Task::name).collect::<Vec<_>>().join(", ")
    }

    /// Names of several findings or classes, which have a score each; none where one finding is learnt.
    pub(super) fn scored(&self) -> Vec<String> {
        match self.taking.tasks() {
            [_] => Vec::new(),
            several => several.iter().map(|task| task.name().to_owned()).collect(),
        }
    }

    /// What the card calls its classes.
    pub(super) fn class_names(&self, kind: ModelKind) -> Vec<String> {
        let finding = self.tasks();
        match kind {
            ModelKind::Classifier if self.taking.tasks().len() > 1 => self.scored(),
            ModelKind::Classifier => vec![format!("no {finding}"), finding],
            ModelKind::Segmentation | ModelKind::Detection => vec![finding],
        }
    }

    /// How the logits of the network become probabilities, and how many it has.
    pub(super) fn output(&self) -> (Option<Output>, usize) {
        if self.arch.kind() != ModelKind::Classifier {
            return (None, self.arch.usual_variant().classes);
        }
        let several = Some(self.taking.tasks().len()).filter(|count| *count > 1);
        let usual = if several.is_some() { Output::Sigmoid } else { Output::Softmax };
        let output = self.course.output.map_or(usual, Output::from);
        let alone = if output == Output::Softmax { 2 } else { 1 };
        (Some(output), several.unwrap_or(alone))
    }

    /// Writes into a card how its logits become probabilities, and which class is the finding.
    pub(super) fn say_output(&self, card: &mut ModelCard) {
        let (output, _) = self.output();
        card.output = output.or(card.output);
        if self.taking.tasks().len() > 1 {
            let tasks = self.taking.tasks();
            card.positive_class = tasks.iter().position(|task| !is_healthy(task)).or(Some(0));
        }
    }

    /// Says which of several findings have no score, because the validation images do not tell them apart.
    pub(super) fn tell_unscored(&self, validation: &Samples) {
        for (finding, name) in self.scored().iter().enumerate() {
            if let counts @ ([0, _] | [_, 0]) = validation.counts_of(finding) {
                let found = if counts[1] == 0 { "no image with it" } else { "no image without it" };
                console::tell(format_args!(
                    "warning: {name}: the val split has {found}; the score is the mean of the others"
                ));
            }
        }
    }

    /// Whether the network learned from images of patients, as far as that is known: what was said, else what the images
    /// say of themselves. Those of the training alone decide, whatever first weights had seen.
    pub(super) fn trained_on_patients(&self, train: &Samples) -> Option<bool> {
        let said = self.course.trained_on_patients.map(YesNo::is_yes);
        said.or_else(|| train.are_phantoms().then_some(false))
    }

    /// How the model was made, for its card. A folder's name may be a patient's, so only phantoms are named in full.
    pub(super) fn in_words(&self, train: &Samples, score: f64, epoch: usize, score_name: &str) -> String {
        let cohort = match &self.cohort {
            CohortSpec::Phantom { .. } => self.cohort.to_string(),
            other => other.kind().to_owned(),
        };
        let Course { epochs, batch, learning_rate, .. } = self.course;
        let scored = self.scored();
        let learnt = if scored.is_empty() {
            let [negative, positive] = train.counts();
            format!("{} ({positive} images with and {negative} without it)", self.tasks())
        } else {
            let all = train.list.len();
            let one = |(finding, name): (usize, &String)| {
                let [negative, positive] = train.counts_of(finding);
                match all - negative - positive {
                    0 => format!("{name} ({positive})"),
                    unknown => format!("{name} ({positive}, not known of {unknown})"),
                }
            };
            let each: Vec<String> = scored.iter().enumerate().map(one).collect();
            format!("{} of {all} images", each.join(", "))
        };
        format!(
            "{cohort}, {learnt}; {epochs} epochs of batches of {batch}, learning rate {learning_rate}, seed {}; weights of \
             epoch {epoch}, validation {score_name} {score:.4}",
            self.seed
        )
    }
}
