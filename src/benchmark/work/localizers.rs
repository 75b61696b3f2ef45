//! Maps of networks that were trained to localize: the high baseline.

use std::collections::{BTreeMap, BTreeSet};

use super::Bench;
use super::block::Loaded;
use super::scores::Label;
use crate::benchmark::error::{Error, Result};
use crate::benchmark::protocol::Test;
use crate::benchmark::results::condition;
use crate::benchmark::store::{Finished, KeptMap};
use crate::benchmark::subject::Subject;
use crate::benchmark::unit::{Kind, Unit};
use crate::evaluation::Judge;
use crate::model_input::model_input;

impl Bench<'_> {
    pub(super) fn localizers(&self, loaded: &[Loaded], missing: &BTreeSet<Unit>) -> Result<()> {
        // Maps by network and image.
        let mut found: BTreeMap<(&str, usize), Vec<f32>> = BTreeMap::new();
        for (position, subject) in self.setup.subjects.localizers.iter().enumerate() {
            let Some(method) = subject.localizer_method() else { continue };
            let concerns = |unit: &Unit| match unit.kind {
                Kind::Localizer => unit.model == subject.name,
                Kind::ModelPair => unit.model == subject.name || unit.other_model == subject.name,
                _ => false,
            };
            let wanted = |image: &&Loaded| missing.iter().any(|unit| unit.image == image.id && concerns(unit));
            let images: Vec<&Loaded> = loaded.iter().filter(wanted).collect();
            if images.is_empty() {
                continue;
            }
            let mut network = self.executors.localizer(&subject.model)?;
            let judge = Judge::new(&subject.model.card, &subject.model.graph)?;
            for image in images {
                self.check()?;
                let unit = Unit::localizer(&image.id, &subject.name, method);
                let input = model_input(&image.radiograph, &subject.model)
                    .map_err(|problem| Error::from(crate::evaluation::Error::Image(problem)));
                let map = input.and_then(|input| {
                    let outputs = network.outputs(&input)?;
                    Ok(judge.localization(&outputs, 0, self.setup.size_px())?)
                });
                match map {
                    Ok(map) => {
                        if missing.contains(&unit) {
                            self.keep(&[self.localized(image, subject, position, unit, &map)])?;
                        }
                        found.insert((&subject.name, image.image), map);
                    }
                    Err(error) => {
                        let lost = missing.iter().filter(|unit| unit.image == image.id && concerns(unit));
                        self.fail(&lost.cloned().collect::<Vec<_>>(), &error.without_path())?;
                    }
                }
            }
        }
        let [first, second, ..] = self.setup.subjects.localizers.as_slice() else { return Ok(()) };
        for image in loaded {
            let maps =
                (found.get(&(first.name.as_str(), image.image)), found.get(&(second.name.as_str(), image.image)));
            let (Some(one), Some(two), Some(method)) = (maps.0, maps.1, first.localizer_method()) else { continue };
            let unit = Unit::model_pair(&image.id, &first.name, &second.name, method);
            if missing.contains(&unit) {
                let models = format!("{}|{}", first.name, second.name);
                let tests = [Test::Repeatability, Test::Reproducibility].into_iter();
                let scores = tests.filter(|test| self.setup.wants(*test)).flat_map(|test| {
                    let (image, models) = (image.id.as_str(), models.as_str());
                    let label = Label { test, image, method, condition: condition::PAIR, models, replicate: 1 };
                    label.agreement(one, two, self.setup.size_px())
                });
                self.keep(&[Finished { scores: scores.collect(), unit, map: None, prediction: None }])?;
            }
        }
        Ok(())
    }

    fn localized(&self, image: &Loaded, subject: &Subject, position: usize, unit: Unit, map: &[f32]) -> Finished {
        let mut scores = Vec::new();
        if position == 0 && self.setup.is_for_utility(image.image) {
            let label = Label {
                test: Test::Utility,
                image: &image.id,
                method: &unit.method,
                condition: condition::BASELINE,
                models: &subject.name,
                replicate: subject.replicate,
            };
            scores = label.utility(Ok(map), &image.truth);
        }
        let [height, width] = self.setup.size_px();
        let kept = || KeptMap { height, width, class: None, outcome: "normal".to_owned(), values: map.to_vec() };
        let kept = self.setup.protocol.keep_maps.then(kept);
        Finished { unit, scores, map: kept, prediction: None }
    }
}
