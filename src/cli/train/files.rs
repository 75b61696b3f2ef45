//! Where a training's files go.

use std::path::{Path, PathBuf};

use super::super::error::{Error, Result};

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
        let there = [&self.out, &self.card, &self.log, &self.curve].into_iter().any(|path| path.exists());
        if there && !force {
            return refuse("files of that name are there already; choose another, or use --force");
        }
        match (self.checkpoint.exists(), resume) {
            (true, false) if !force => {
                refuse("a checkpoint of that name is there; go on from it with --resume, or use --force")
            }
            (false, true) => Err(Error::Usage("--resume: there is no checkpoint beside --out".to_owned())),
            _ => Ok(()),
        }
    }
}
