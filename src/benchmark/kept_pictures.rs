//! Maps of a run's database and radiographs of its cohort, for reports and exports.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::error::Result;
use super::figures::{MapOf, Picture, Pictures};
use super::results::{Results, condition};
use super::setup::ALL_BLOCKS;
use super::store::{KeptMap, Store};
use super::unit::Unit;
use super::verdict::{Index, states};
use crate::cascade::ORIGINAL;
use crate::cohort::{Cohort, TruthRule};

/// Pictures of a run, as far as they are still there.
#[derive(Debug)]
pub struct KeptPictures {
    store: Mutex<Store>,
    cohort: Option<Cohort>,
    /// Positions of the cases in the cohort, by their ids.
    positions: HashMap<String, usize>,
    rule: TruthRule,
    /// `[height, width]` of the maps.
    size_px: Option<[usize; 2]>,
    /// States that may be the fully randomized one, the likeliest first.
    random_states: Vec<String>,
}

impl KeptPictures {
    /// Opens the database, and the cohort if it is still there and unchanged. Runs that kept no maps have no pictures.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn open(database: &Path, results: &Results) -> Result<Self> {
        let store = Store::read(database)?;
        let index = Index::new(results);
        let mut random_states = vec![ALL_BLOCKS.to_owned()];
        random_states.extend(states(results, &index).last().map(|state| (*state).to_owned()));
        let protocol = &results.protocol;
        let mut kept = Self {
            store: Mutex::new(store),
            cohort: None,
            positions: HashMap::new(),
            rule: protocol.cohort.truth_rule,
            size_px: None,
            random_states,
        };
        let first = results.scores.iter().find(|score| score.condition == condition::TRAINED);
        let map = first.and_then(|score| kept.kept(&score.image, &score.models, ORIGINAL, &score.method));
        kept.size_px = map.map(|map| [map.height, map.width]);
        if kept.size_px.is_some() {
            // A cohort that is gone or changed costs the radiographs and nothing else.
            let cohort =
                protocol.cohort_spec().ok().and_then(|(spec, options)| Cohort::open(&spec, &options, &()).ok());
            kept.cohort = cohort.filter(|cohort| cohort.fingerprint() == results.provenance.cohort.fingerprint);
            let cases = kept.cohort.iter().flat_map(|cohort| cohort.cases().iter().enumerate());
            kept.positions = cases.map(|(position, case)| (case.id.clone(), position)).collect();
        }
        Ok(kept)
    }

    fn kept(&self, image: &str, model: &str, state: &str, method: &str) -> Option<KeptMap> {
        // A panic elsewhere cannot leave half a query.
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.map(&Unit::map(image, model, state, method)).ok().flatten()
    }
}

impl Pictures for KeptPictures {
    fn map(&self, MapOf { image, method, condition, model }: MapOf<'_>) -> Option<Picture> {
        let kept = match condition {
            condition::TRAINED => self.kept(image, model, ORIGINAL, method),
            condition::RANDOM => self.random_states.iter().find_map(|state| self.kept(image, model, state, method)),
            state => self.kept(image, model, state, method),
        }?;
        Picture::new([kept.height, kept.width], kept.values)
    }

    fn radiograph(&self, image: &str) -> Option<Picture> {
        let (cohort, [height, width]) = (self.cohort.as_ref()?, self.size_px?);
        let case = cohort.cases().get(*self.positions.get(image)?)?;
        let radiograph = cohort.radiograph(case).ok()?;
        let sized = radiograph.resized(height, width).ok()?;
        Picture::new([height, width], sized.gray_levels().iter().map(|gray| gray / 255.0).collect())
    }

    fn truth(&self, image: &str) -> Option<Picture> {
        let (cohort, [height, width]) = (self.cohort.as_ref()?, self.size_px?);
        let case = cohort.cases().get(*self.positions.get(image)?)?;
        let mask = cohort.truth(case, height, width, self.rule).ok()?;
        Picture::new([height, width], mask.pixels().iter().map(|marked| f32::from(u8::from(*marked))).collect())
    }
}
