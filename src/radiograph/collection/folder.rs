//! The image files below a folder.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::passed_over::{PassedOver, Reason};
use super::problem::CollectionProblem;
use super::{Content, HEAD_BYTES, ImageCollection, ImagePlace, collected, natural};
use crate::radiograph::{dicom, guard};
use crate::watch::Watch;
use crate::{files, limits};

const WHAT: &str = "folder";

/// A file below the folder: its path, and its path below the folder.
type Found = (PathBuf, String);

pub(super) fn collect(folder: &Path, watch: &dyn Watch) -> Result<ImageCollection, CollectionProblem> {
    let mut passed_over = PassedOver::default();
    let mut found = walk(folder, &mut passed_over, watch)?;
    found.sort_by(|(_, a), (_, b)| natural::compare(a, b));
    let (total, done) = (found.len(), AtomicUsize::new(0));
    let look = |(path, _): &Found| {
        if watch.is_cancelled() {
            return Content::Other;
        }
        let content = content(path);
        watch.progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
        content
    };
    let contents: Vec<Content> = found.par_iter().map(look).collect();
    let mut places = Vec::new();
    for ((path, _), content) in found.into_iter().zip(contents) {
        match content {
            Content::Image => places.push(ImagePlace::File(path)),
            Content::MediaDirectory => {} // It says what is there anyway.
            Content::Archive => passed_over.count(Reason::Archive),
            Content::Other => passed_over.count(Reason::Other),
        }
    }
    collected(places, &passed_over, WHAT)
}

/// All files below `folder` but the leavings of operating systems. Links are followed as long as they stay below it.
fn walk(folder: &Path, passed_over: &mut PassedOver, watch: &dyn Watch) -> Result<Vec<Found>, CollectionProblem> {
    let unread = |error: std::io::Error| CollectionProblem::File { what: WHAT, problem: error.into() };
    std::fs::read_dir(folder).map_err(unread)?;
    let root = folder.canonicalize().map_err(unread)?;
    let mut found = Vec::new();
    let mut met = 0;
    let mut entries = walkdir::WalkDir::new(folder).min_depth(1).follow_links(true).into_iter();
    while let Some(entry) = entries.next() {
        if watch.is_cancelled() {
            break;
        }
        met += 1;
        if met > limits::COLLECTED_FILES {
            return Err(CollectionProblem::TooManyFiles { what: WHAT });
        }
        let Ok(entry) = entry else {
            passed_over.count(Reason::Unreachable);
            continue;
        };
        let is_folder = entry.file_type().is_dir();
        let leads_out = || !entry.path().canonicalize().is_ok_and(|real| real.starts_with(&root));
        if is_leaving(&entry.file_name().to_string_lossy().to_lowercase()) {
            if is_folder {
                entries.skip_current_dir();
            }
        } else if entry.path_is_symlink() && leads_out() {
            passed_over.count(Reason::LeadsOut);
            if is_folder {
                entries.skip_current_dir();
            }
        } else if entry.file_type().is_file() {
            let relative = relative_name(folder, entry.path());
            if is_of_masks(&relative) {
                passed_over.count(Reason::Masks);
            } else {
                found.push((entry.into_path(), relative));
            }
        } else if !is_folder {
            passed_over.count(Reason::Other);
        }
    }
    Ok(found)
}

/// A path below the folder with `/` between its parts.
fn relative_name(folder: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(folder).unwrap_or(path);
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// Whether a file lies in a folder of what experts marked, beside images.
pub(super) fn is_of_masks(relative: &str) -> bool {
    let folders = relative.rsplit_once('/').map_or("", |(folders, _)| folders);
    folders.split('/').any(|folder| folder.eq_ignore_ascii_case("masks"))
}

/// What operating systems and viewers leave behind; `name` is lower-case.
pub(crate) fn is_leaving(name: &str) -> bool {
    const LEAVINGS: [&str; 7] =
        ["thumbs.db", "desktop.ini", "ehthumbs.db", "__macosx", "@eadir", "thumbs", "thumbnails"];
    name.starts_with('.') || LEAVINGS.contains(&name)
}

/// What a file is. One that cannot be opened is an image where only its reading can tell why.
fn content(path: &Path) -> Content {
    let Ok(head) = files::head(path, HEAD_BYTES) else { return Content::Image };
    // The header of an untrusted file: a panic must not take the others down.
    let header = || guard::caught(|| dicom::Header::open(path)).unwrap_or(Err(dicom::Error::NotDicom));
    Content::of(&head, header)
}
