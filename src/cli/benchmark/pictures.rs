//! Pictures of a run for reports and exports.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::benchmark::figures::{NoPictures, Pictures};
use crate::benchmark::{DataSet, KeptPictures, Results};
use crate::cli::console;
use crate::cli::error::{Error, Result};
use crate::cli::interrupt::Interrupt;
use crate::cli::output_file;
use crate::cohort::CohortSpec;

/// Where radiographs and marks come from.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the radiographs of the run are now: siim:DIR, rsna:DIR, folder:DIR or phantom:SEED[:COUNT]. Without it they are the
    /// thumbnails that the run kept, else those at the place where the run found them. Another data set is refused
    #[arg(long, value_name = "COHORT", conflicts_with = "no_images")]
    cohort: Option<CohortSpec>,
    /// The splits file of that data set, where the one that the protocol names has moved
    #[arg(long, value_name = "FILE", requires = "cohort")]
    splits: Option<PathBuf>,
    /// No radiographs, no marks and no maps
    #[arg(long)]
    pub(super) no_images: bool,
}

/// The pictures of a run, or none where none are wanted.
pub(super) enum Found {
    Kept(Box<KeptPictures>),
    None,
}

impl Arguments {
    /// Refuses an output that would take the place of a file of the data set.
    pub(super) fn refuse_replacing(&self, out: &Path) -> Result<()> {
        let folder = self.cohort.as_ref().and_then(|spec| spec.folder()?.canonicalize().ok());
        let is_inside = out.canonicalize().ok().zip(folder).is_some_and(|(out, folder)| out.starts_with(folder));
        if is_inside || self.splits.as_ref().is_some_and(|splits| output_file::same_file(splits, out)) {
            return Err(Error::Usage("--out would replace a file of the data set; give another name".to_owned()));
        }
        Ok(())
    }

    /// Opens the database, and the data set where one is named.
    pub(super) fn open(&self, database: &Path, results: &Results) -> Result<Found> {
        if self.no_images {
            return Ok(Found::None);
        }
        let data_set = self.cohort.clone().map(|spec| DataSet { spec, splits: self.splits.clone() });
        let interrupt = Interrupt::listen();
        let kept = KeptPictures::open(database, results, data_set.as_ref(), &interrupt)?;
        Ok(Found::Kept(Box::new(kept)))
    }
}

impl Found {
    pub(super) fn pictures(&self) -> &dyn Pictures {
        match self {
            Self::Kept(kept) => &**kept,
            Self::None => &NoPictures,
        }
    }

    /// Says what is not shown, and why.
    pub(super) fn tell_absences(&self) {
        if let Self::Kept(kept) = self {
            for why in kept.absences() {
                console::tell(format_args!("warning: {why}"));
            }
        }
    }
}
