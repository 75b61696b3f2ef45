//! Where a training's files go.

use std::path::{Path, PathBuf};

use super::super::error::{Error, Result};
use super::super::output_file;
use crate::export::FileSet;
use crate::network::ModelCard;

/// The files of a training, beside its weights.
pub(super) struct Files {
    pub(super) card: PathBuf,
    pub(super) log: PathBuf,
    pub(super) curve: PathBuf,
    pub(super) checkpoint: PathBuf,
    out: PathBuf,
}

impl Files {
    pub(super) fn beside(out: &Path) -> Self {
        let with = |extension: &str| out.with_extension(extension);
        Self {
            card: with("json"),
            log: with("csv"),
            curve: with("png"),
            checkpoint: with("checkpoint"),
            out: out.to_owned(),
        }
    }

    pub(super) fn check(&self, force: bool, resume: bool) -> Result<()> {
        let refuse = |text: &str| Err(Error::Usage(format!("--out: {text}")));
        if self.out.extension().is_none_or(|extension| extension != "safetensors") {
            return refuse("the file must end in .safetensors");
        }
        let folder = self.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            return refuse("its folder does not exist");
        }
        let is_taken = |path: &PathBuf| path.symlink_metadata().is_ok();
        if [&self.out, &self.card, &self.log, &self.curve].into_iter().any(is_taken) && !force {
            return refuse("files of that name are there already; choose another, or use --force");
        }
        for path in [&self.out, &self.card, &self.log, &self.curve, &self.checkpoint] {
            // Folders and the like stay whatever is said.
            output_file::refuse_taken(path, true)?;
        }
        match (is_taken(&self.checkpoint), resume) {
            (true, false) if !force => {
                refuse("a checkpoint of that name is there; go on from it with --resume, or use --force")
            }
            (false, true) => Err(Error::Usage("--resume: there is no checkpoint beside --out".to_owned())),
            _ => Ok(()),
        }
    }

    /// Refuses to replace what is read: single files, and whatever lies in the folder of the cohort.
    pub(super) fn refuse_inputs(&self, inputs: &[PathBuf], cohort: Option<&Path>) -> Result<()> {
        let folder = cohort.and_then(|folder| folder.canonicalize().ok());
        for path in [&self.out, &self.card, &self.log, &self.curve, &self.checkpoint] {
            let is_of_cohort = || {
                let found = path.canonicalize().ok().zip(folder.as_ref());
                found.is_some_and(|(path, folder)| path.starts_with(folder))
            };
            if inputs.iter().any(|input| output_file::same_file(input, path)) || is_of_cohort() {
                let ending = path.extension().unwrap_or_default().to_string_lossy();
                let text = format!(
                    "--out: the file with the ending .{ending} would replace one that the training reads; choose another name"
                );
                return Err(Error::Usage(text));
            }
        }
        Ok(())
    }

    /// Writes what a training gave: all files or none. What took a name while it ran stays, unless `force`.
    pub(super) fn write(&self, force: bool, log: &[u8], curve: &[u8], weights: &[u8], card: &ModelCard) -> Result<()> {
        let card = card.to_json()?;
        let mut files = FileSet::over(output_file::taken(force));
        files.add(&self.log, log)?;
        files.add(&self.curve, curve)?;
        // The card comes last: weights without a card can be read, a card without weights misleads.
        files.add(&self.out, weights)?;
        files.add(&self.card, &card)?;
        Ok(files.publish()?)
    }
}
