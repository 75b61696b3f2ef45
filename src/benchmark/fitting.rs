//! A protocol cut to what its cohort and models can give.

use super::protocol::{Protocol, Test};
use crate::cohort::{Case, Cohort, Split};

impl Protocol {
    /// Leaves out of the tests what models and `cohort`, where it is known, cannot give. Says what was left out and why.
    pub fn cut_to(&mut self, cohort: Option<&Cohort>) -> Vec<String> {
        let mut told = Vec::new();
        if let Some(cohort) = cohort {
            self.cut_to_marks(cohort, &mut told);
        }
        let models = &self.models;
        if models.classifiers.len() < 2 {
            self.leave_out(Test::Repeatability, "it compares two replicates of one architecture", &mut told);
        }
        if self.models.other_architecture.is_none() {
            self.leave_out(Test::Reproducibility, "it compares two architectures", &mut told);
        }
        let replicates = self.models.classifiers.len();
        self.randomization.replicates = self.randomization.replicates.map(|number| number.min(replicates.max(1)));
        told
    }

    fn cut_to_marks(&mut self, cohort: &Cohort, told: &mut Vec<String>) {
        let is_marked = |case: &Case| case.label == Some(true) && case.has_mark();
        let split = self.cohort.split;
        if !cohort.in_split(split).any(is_marked) {
            let why = if cohort.cases().iter().any(is_marked) {
                format!("no image of the {split} split with the finding has a mask or a box")
            } else {
                "the cohort has labels alone: no mask and no box says where the finding is".to_owned()
            };
            self.leave_out(Test::Utility, &why, told);
        }
        let wants_utility = self.tests.contains(&Test::Utility);
        let is_averaged = [Split::Train, Split::Val].into_iter().any(|split| cohort.in_split(split).any(is_marked));
        if self.average_mask && !(is_averaged && wants_utility) {
            self.average_mask = false;
            told.push(
                "the average mask is left out: no image for training or validation is marked, or nothing asks for it"
                    .to_owned(),
            );
        }
    }

    fn leave_out(&mut self, test: Test, why: &str, told: &mut Vec<String>) {
        if self.tests.contains(&test) {
            self.tests.retain(|other| *other != test);
            told.push(format!("{test} is left out: {why}"));
        }
    }
}
