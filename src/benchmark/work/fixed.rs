//! Maps that depend on no network: controls, the average mask, those of another program.

use std::collections::BTreeSet;

use super::Bench;
use super::block::Loaded;
use super::scores::Label;
use crate::benchmark::error::Result;
use crate::benchmark::plan::AVERAGE;
use crate::benchmark::protocol::{Control, Test};
use crate::benchmark::results::condition;
use crate::benchmark::store::Finished;
use crate::benchmark::unit::{Kind, Unit};

impl Bench<'_> {
    pub(super) fn fixed(&self, loaded: &[Loaded], missing: &BTreeSet<Unit>) -> Result<()> {
        for image in loaded {
            let mut finished = Vec::new();
            for unit in missing.iter().filter(|unit| unit.kind == Kind::Fixed && unit.image == image.id) {
                self.check()?;
                match self.fixed_map(image, &unit.method, 1) {
                    Ok(map) => finished.push(self.fixed_scores(image, unit, &map)?),
                    Err(error) => self.fail(std::slice::from_ref(unit), &error.without_path())?,
                }
            }
            self.keep(&finished)?;
        }
        Ok(())
    }

    /// The map called `method`; of random ones the draw called `draw`.
    fn fixed_map(&self, image: &Loaded, method: &str, draw: usize) -> Result<Vec<f32>> {
        let setup = self.setup;
        if let Some(control) = Control::of_name(method) {
            let seed = setup.protocol.seeds.controls;
            return Ok(control.map(&image.gray, setup.size_px(), &image.id, seed, draw, setup.clip_percentile()));
        }
        match (method == AVERAGE, self.average, &setup.external) {
            (true, Some(average), _) => Ok(average.to_vec()),
            (false, _, Some(external)) => external.map(&image.id, method, setup.size_px()),
            _ => Ok(Vec::new()),
        }
    }

    fn fixed_scores(&self, image: &Loaded, unit: &Unit, map: &[f32]) -> Result<Finished> {
        let setup = self.setup;
        let control = Control::of_name(&unit.method);
        let condition = match control {
            Some(_) => condition::CONTROL,
            None if unit.method == AVERAGE => condition::BASELINE,
            None => condition::EXTERNAL,
        };
        let label = |test| Label { test, image: &image.id, method: &unit.method, condition, models: "", replicate: 0 };
        let mut scores = Vec::new();
        if setup.is_for_utility(image.image) {
            scores.extend(label(Test::Utility).utility(Ok(map), &image.truth));
        }
        if let Some(control) = control.filter(|_| image.image < setup.similarity) {
            let second = if control.is_random() { self.fixed_map(image, &unit.method, 2)? } else { map.to_vec() };
            for test in [Test::Repeatability, Test::Reproducibility].into_iter().filter(|test| setup.wants(*test)) {
                scores.extend(label(test).agreement(map, &second, setup.size_px()));
            }
        }
        Ok(Finished { unit: unit.clone(), scores, map: None, prediction: None })
    }
}
