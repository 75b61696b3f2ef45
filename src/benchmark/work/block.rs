//! A few images of the sample, with everything about them.

use std::collections::BTreeSet;
use std::ops::Range;

use rayon::prelude::*;

use super::Bench;
use crate::benchmark::error::{Error, Result};
use crate::benchmark::setup::Setup;
use crate::benchmark::unit::Unit;
use crate::model_input::StudyImage;
use crate::radiograph::Radiograph;
use crate::truth::Mask;

/// One image in the work.
pub(super) struct Loaded {
    /// Its place in the sample.
    pub(super) image: usize,
    /// Its id.
    pub(super) id: String,
    pub(super) radiograph: Radiograph,
    /// Gray levels at the size of the maps.
    pub(super) gray: Vec<f32>,
    /// What experts marked, at the size of the maps, or why that is not known; read for utility alone.
    pub(super) truth: std::result::Result<Mask, String>,
}

impl Bench<'_> {
    pub(super) fn block(&self, range: Range<usize>, mut missing: BTreeSet<Unit>) -> Result<()> {
        let mut loaded = Vec::new();
        let read: Vec<(usize, Result<Loaded>)> =
            range.into_par_iter().map(|image| (image, load(self.setup, image))).collect();
        for (image, read) in read {
            match read {
                Ok(image) => loaded.push(image),
                Err(problem) => {
                    let id = &self.setup.case(image).id;
                    let lost: Vec<Unit> =
                        missing.iter().filter(|unit| unit.image == *id || unit.other_image == *id).cloned().collect();
                    missing.retain(|unit| !lost.contains(unit));
                    self.fail(&lost, &problem.without_path())?;
                }
            }
        }
        self.thumbnails(&loaded)?;
        self.fixed(&loaded, &missing)?;
        self.localizers(&loaded, &missing)?;
        self.maps(&loaded, &missing)
    }
}

fn load(setup: &Setup, image: usize) -> Result<Loaded> {
    let case = setup.case(image);
    let radiograph = setup.cohort.radiograph(case)?;
    let model = &setup.subjects.classifiers[0].model;
    let problem = |problem| Error::from(crate::evaluation::Error::Image(problem));
    let gray = StudyImage::new(&radiograph, model).map_err(problem)?.gray;
    let [height, width] = setup.size_px();
    let truth = if setup.is_for_utility(image) {
        match setup.cohort.truth(case, height, width, setup.protocol.cohort.truth_rule) {
            Ok(mask) if mask.area_px() == 0 => Err(format!("no pixel of the finding is left at {width}x{height}")),
            Ok(mask) => Ok(mask),
            Err(error) => Err(error.without_path()),
        }
    } else {
        Err(String::new())
    };
    Ok(Loaded { image, id: case.id.clone(), radiograph, gray, truth })
}
