//! What classifiers say about images.

use std::ops::Range;

use rayon::prelude::*;

use super::Bench;
use crate::benchmark::error::{Error, Result};
use crate::benchmark::store::{Finished, Prediction};
use crate::benchmark::unit::Unit;
use crate::cohort::Case;
use crate::evaluation::{CaseOutcome, CaseTruth, Judge};
use crate::model_input::model_input;
use crate::network::{Batch, Forward};

impl Bench<'_> {
    pub(super) fn predictions(&self, subject: usize, range: Range<usize>, missing: &[Unit]) -> Result<()> {
        let Some(subject) = self.setup.subjects.explained().nth(subject) else { return Ok(()) };
        let model = &subject.model;
        let judge = Judge::new(&model.card, &model.graph)?;
        let executor = self.executors.classifier(&model.graph, &model.weights)?;
        let [height, width] = model.card.input_size;
        let batch = self.batch.unwrap_or_else(|| executor.preferred_batch(height, width)).max(1);
        let mut network = Forward::Classifier(executor);
        let cohort = &self.setup.cohort;
        let cases = self.setup.predicted[range].iter().map(|position| &cohort.cases()[*position]);
        let wanted = |case: &&Case| missing.iter().any(|unit| unit.image == case.id);
        let cases: Vec<&Case> = cases.filter(wanted).collect();
        let read = |case: &&Case| -> Result<Batch> {
            let problem = |problem| Error::from(crate::evaluation::Error::Image(problem));
            model_input(&cohort.radiograph(case)?, model).map_err(problem)
        };
        for group in cases.chunks(batch) {
            self.check()?;
            let inputs: Vec<Result<Batch>> = group.par_iter().map(read).collect();
            let (mut values, mut read) = (Vec::new(), Vec::new());
            for (case, input) in group.iter().zip(inputs) {
                match input {
                    Ok(input) => {
                        values.extend_from_slice(input.values());
                        read.push(*case);
                    }
                    Err(error) => {
                        self.fail(&[Unit::prediction(&case.id, &subject.name)], &error.without_path())?;
                    }
                }
            }
            if read.is_empty() {
                continue;
            }
            let input = Batch::new([read.len(), model.card.channels, height, width], values);
            let outputs = network.outputs(&input)?;
            let mut finished = Vec::new();
            for (index, case) in read.iter().enumerate() {
                let positive = case.label.unwrap_or(false);
                let truth = CaseTruth { positive, mask: None, boxes: Vec::new() };
                let unit = Unit::prediction(&case.id, &subject.name);
                match judge.outcome(&outputs, index, &truth) {
                    Ok(CaseOutcome::Classified { log_odds, .. }) if log_odds.is_finite() => {
                        let prediction = Some(Prediction { positive, log_odds });
                        finished.push(Finished { unit, scores: Vec::new(), map: None, prediction });
                    }
                    Ok(_) => self.fail(&[unit], "the network is infinitely sure")?,
                    Err(error) => self.fail(&[unit], &error.to_string())?,
                }
            }
            self.keep(&finished)?;
        }
        Ok(())
    }
}
