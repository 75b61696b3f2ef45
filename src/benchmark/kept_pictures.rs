//! Maps and thumbnails of a run's database, radiographs and marks of its data set, for reports and exports.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::{Error, Result};
use super::figures::{Absent, MapOf, Picture, Pictures};
use super::results::{Results, condition};
use super::setup::ALL_BLOCKS;
use super::store::{Meta, Store};
use super::unit::Unit;
use super::verdict::{Index, states};
use crate::cascade::ORIGINAL;
use crate::cohort::{Case, Cohort, CohortSpec, TruthRule};
use crate::limits;
use crate::watch::Watch;

/// Where the radiographs of a run are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSet {
    /// The data set.
    pub spec: CohortSpec,
    /// Its splits, where the file that the protocol names has moved.
    pub splits: Option<PathBuf>,
}

/// Where radiographs and marks are taken from.
#[derive(Debug)]
enum Radiographs {
    /// The data set, which is that of the run, and the positions of its cases by their ids.
    Cohort(Box<Cohort>, HashMap<String, usize>),
    /// The thumbnails in the database.
    Kept,
    /// There are none.
    None(Absent),
}

/// Pictures of a run, as far as they are still there.
#[derive(Debug)]
pub struct KeptPictures {
    store: Mutex<Store>,
    radiographs: Radiographs,
    rule: TruthRule,
    /// `[height, width]` of the maps.
    size_px: [usize; 2],
    /// Whether the run keeps maps.
    keeps_maps: bool,
    /// What is to be given to `--cohort`.
    advice: String,
    /// States that may be the fully randomized one, the likeliest first.
    random_states: Vec<String>,
    /// Failed maps.
    failed: BTreeSet<(String, String)>,
    told: Mutex<BTreeSet<String>>,
}

impl KeptPictures {
    /// Opens the database. Radiographs and marks come from `data_set` where one is given, else from the thumbnails of the
    /// run, else from the data set at the place where the run found it. `watch` is that of [`Cohort::open`].
    ///
    /// # Errors
    /// When the database cannot be read; when `data_set` cannot be opened or is not that of the run.
    pub fn open(database: &Path, results: &Results, data_set: Option<&DataSet>, watch: &dyn Watch) -> Result<Self> {
        let store = Store::read(database)?;
        let meta = store.meta().clone();
        let index = Index::new(results);
        let mut random_states = vec![ALL_BLOCKS.to_owned()];
        random_states.extend(states(results, &index).last().map(|state| (*state).to_owned()));
        let size_px = store.map_size_px()?;
        let advice = match &*meta.cohort.name {
            phantoms if phantoms.contains(':') => phantoms.to_owned(),
            kind => format!("{kind}:DIR"),
        };
        let radiographs = match (data_set, size_px) {
            (Some(own), _) => found(cohort_of(&meta, Some(own), watch)?),
            (None, None) => Radiographs::None(Absent { tile: "not kept", why: String::new() }),
            (None, Some(_)) if store.thumbnails()? > 0 => Radiographs::Kept,
            (None, Some(_)) => match cohort_of(&meta, None, watch) {
                Ok(cohort) => found(cohort),
                Err(error) => Radiographs::None(not_found(&meta, &error, &advice)),
            },
        };
        let failed = results.exclusions.iter().filter(|own| !own.image.is_empty());
        Ok(Self {
            store: Mutex::new(store),
            radiographs,
            rule: meta.protocol.cohort.truth_rule,
            size_px: size_px.unwrap_or_default(),
            keeps_maps: meta.protocol.keep_maps,
            advice,
            random_states,
            failed: failed.map(|own| (own.image.clone(), own.what.clone())).collect(),
            told: Mutex::default(),
        })
    }

    /// Why pictures that were asked for so far are not shown, each reason once.
    pub fn absences(&self) -> Vec<String> {
        // A panic elsewhere cannot leave half a sentence.
        self.told.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn absent<T>(&self, tile: &'static str, why: String) -> std::result::Result<T, Absent> {
        if !why.is_empty() {
            self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(why.clone());
        }
        Err(Absent { tile, why })
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // A panic elsewhere cannot leave half a query.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The map of a state; nothing where none was kept.
    fn kept(&self, unit: &Unit) -> Option<std::result::Result<Picture, Absent>> {
        let kept = match self.store().map(unit) {
            Ok(kept) => kept?,
            Err(error) => return Some(self.absent("unreadable", error.without_path())),
        };
        let tile = match &*kept.outcome {
            "blank" => "the map is blank",
            "constant" => "the map is constant",
            "sparse" => "nearly all of the map is 0",
            "not_finite" => "the map is not finite",
            _ => {
                let picture = Picture::new([kept.height, kept.width], kept.values);
                return Some(picture.map_or_else(|| self.absent("unreadable", String::new()), Ok));
            }
        };
        let why = "Maps without values to tell apart have no colours; their tiles say so.";
        Some(self.absent(tile, why.to_owned()))
    }

    /// The case of the data set, or the reason why there is none.
    fn case<'a>(
        &self,
        cohort: &'a Cohort,
        positions: &HashMap<String, usize>,
        image: &str,
    ) -> std::result::Result<&'a Case, Absent> {
        let case = positions.get(image).and_then(|position| cohort.cases().get(*position));
        case.map_or_else(|| self.absent("not in the data set", "A case is not in the data set.".to_owned()), Ok)
    }

    /// Part of the thumbnail of a case.
    fn thumbnail<T>(
        &self,
        image: &str,
        part: impl FnOnce(super::store::Thumbnail) -> std::result::Result<T, Absent>,
    ) -> std::result::Result<T, Absent> {
        let kept = self.store().thumbnail(image);
        match kept {
            Ok(Some(own)) => part(own),
            Ok(None) => {
                let why = format!(
                    "Some radiographs are not shown: the run keeps the first {} of its sample that could be read; {}",
                    limits::THUMBNAILS,
                    how(&self.advice)
                );
                self.absent("no thumbnail", why)
            }
            Err(error) => self.absent("unreadable", error.without_path()),
        }
    }
}

/// The way to see radiographs that the database does not hold.
fn how(advice: &str) -> String {
    format!("`saliscope benchmark report --cohort {advice}` takes them from the data set")
}

fn found(cohort: Cohort) -> Radiographs {
    let cases = cohort.cases().iter().enumerate();
    let positions = cases.map(|(position, case)| (case.id.clone(), position)).collect();
    Radiographs::Cohort(Box::new(cohort), positions)
}

/// The data set of a run, at `own` or where the run found it; refused where it is another one by its fingerprint.
fn cohort_of(meta: &Meta, own: Option<&DataSet>, watch: &dyn Watch) -> Result<Cohort> {
    let (mut spec, mut options) = meta.protocol.cohort_spec()?;
    if let Some(own) = own {
        spec.clone_from(&own.spec);
        options.splits = own.splits.clone().or(options.splits);
    }
    let cohort = Cohort::open(&spec, &options, watch).map_err(|error| match error {
        crate::cohort::Error::Interrupted => Error::Cancelled,
        other => Error::Cohort(other),
    })?;
    let now = cohort.fingerprint();
    if now == meta.cohort.fingerprint {
        return Ok(cohort);
    }
    let short = |fingerprint: &str| fingerprint.chars().take(12).collect::<String>();
    Err(Error::OtherDataSet { then: short(&meta.cohort.fingerprint), now: short(&now) })
}

/// Why there are no radiographs where the database holds none.
fn not_found(meta: &Meta, error: &Error, advice: &str) -> Absent {
    let kept = match meta.thumbnails {
        None => "the run was begun by an earlier version, which kept none in its database",
        Some(false) => "the run was begun without thumbnails",
        Some(true) => "none is in the database",
    };
    let place = match error {
        Error::OtherDataSet { .. } => "the data set at the place where the run found it has changed since",
        _ => "the data set is not to be found where the run found it",
    };
    let why = format!("Radiographs and marks are not shown: {kept}, and {place}; {}.", how(advice));
    Absent { tile: "no radiograph", why }
}

impl Pictures for KeptPictures {
    fn map(&self, map: MapOf<'_>) -> std::result::Result<Picture, Absent> {
        let MapOf { image, method, condition, model } = map;
        let unit = |state: &str| Unit::map(image, model, state, method);
        let units = match condition {
            condition::TRAINED => vec![unit(ORIGINAL)],
            condition::RANDOM => self.random_states.iter().map(|state| unit(state)).collect(),
            state => vec![unit(state)],
        };
        if let Some(kept) = units.iter().find_map(|unit| self.kept(unit)) {
            return kept;
        }
        if !self.keeps_maps {
            let why = "No map is shown: the protocol of this run keeps none (`keep_maps = false`).";
            return self.absent("not kept", why.to_owned());
        }
        if units.iter().any(|unit| self.failed.contains(&(unit.image.clone(), unit.describe()))) {
            let why = "Maps that failed are in the table of what was left out, with their reasons.";
            return self.absent("failed", why.to_owned());
        }
        let why = "Some maps are not shown: the run has not made them yet, its protocol does not ask for them, or another \
                   program made them.";
        self.absent("no map", why.to_owned())
    }

    fn radiograph(&self, image: &str) -> std::result::Result<Picture, Absent> {
        match &self.radiographs {
            Radiographs::Cohort(cohort, positions) => {
                let read = cohort.radiograph(self.case(cohort, positions, image)?);
                match read.map(|radiograph| Picture::of_radiograph(&radiograph, self.size_px)) {
                    Ok(Some(picture)) => Ok(picture),
                    Ok(None) => {
                        self.absent("unreadable", "A radiograph cannot be brought to the size of maps.".to_owned())
                    }
                    Err(error) => {
                        self.absent("unreadable", format!("A radiograph cannot be read: {}.", error.without_path()))
                    }
                }
            }
            Radiographs::Kept => self.thumbnail(image, |own| {
                let values = own.gray.iter().map(|gray| f32::from(*gray) / 255.0).collect();
                Picture::new([own.height, own.width], values)
                    .map_or_else(|| self.absent("unreadable", String::new()), Ok)
            }),
            Radiographs::None(absent) => self.absent(absent.tile, absent.why.clone()),
        }
    }

    fn truth(&self, image: &str) -> std::result::Result<Picture, Absent> {
        let no_marks = |why: &str| self.absent("no marks", format!("Marks of a case are not shown: {why}."));
        let shown = |height, width, pixels: &[bool]| {
            let values = pixels.iter().map(|marked| f32::from(u8::from(*marked))).collect();
            Picture::new([height, width], values).map_or_else(|| self.absent("no marks", String::new()), Ok)
        };
        match &self.radiographs {
            Radiographs::Cohort(cohort, positions) => {
                let [height, width] = self.size_px;
                match cohort.truth(self.case(cohort, positions, image)?, height, width, self.rule) {
                    Ok(mask) => shown(height, width, mask.pixels()),
                    Err(error) => no_marks(&error.without_path()),
                }
            }
            Radiographs::Kept => self.thumbnail(image, |own| match own.marks {
                Ok(marks) => shown(marks.height, marks.width, &marks.pixels),
                Err(why) => no_marks(&why),
            }),
            Radiographs::None(absent) => self.absent(absent.tile, absent.why.clone()),
        }
    }
}
