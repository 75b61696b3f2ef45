//! The images that paths of the command line mean.

use std::path::{Path, PathBuf};

use super::arguments::Images;
use super::console;
use super::error::{Error, Result};
use super::image_list;
use super::interrupt::Interrupt;
use crate::radiograph::{ImageCollection, ImagePlace};

impl Images {
    /// Every path that was named, those of a list last.
    pub(super) fn paths(&self) -> Result<Vec<PathBuf>> {
        let listed = self.list.as_deref().map(image_list::read).transpose()?.unwrap_or_default();
        Ok(self.image.iter().chain(&self.files).cloned().chain(listed).collect())
    }

    /// Their images, as [`find`] gives them.
    pub(super) fn find(&self, quiet: bool, interrupt: &Interrupt) -> Result<Vec<ImagePlace>> {
        find(&self.paths()?, quiet, interrupt)
    }
}

/// The images of all paths, in their order. What is passed over inside folders and archives is said on standard error, unless
/// `quiet`.
pub(super) fn find(paths: &[PathBuf], quiet: bool, interrupt: &Interrupt) -> Result<Vec<ImagePlace>> {
    let mut places = Vec::new();
    for path in paths {
        let found = ImageCollection::at(path, interrupt)?;
        interrupt.check()?;
        if !quiet {
            tell(&found.notes);
        }
        places.extend(found.places);
    }
    Ok(places)
}

/// The one image of a path. `wanted` says in an error what takes one only.
pub(super) fn find_one(path: &Path, wanted: &str, quiet: bool) -> Result<ImagePlace> {
    let ImageCollection { mut places, notes } = ImageCollection::at(path, &())?;
    if places.len() > 1 {
        return Err(Error::Usage(format!("{wanted} is one image and there are {} here: name its file", places.len())));
    }
    if !quiet {
        tell(&notes);
    }
    Ok(places.pop().unwrap_or_else(|| path.into()))
}

/// Says what of a collection was passed over.
fn tell(notes: &[String]) {
    for note in notes {
        console::tell(format_args!("warning: {note}"));
    }
}
