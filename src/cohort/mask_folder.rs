//! The folder `masks` of a plain folder, and whose masks are in it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::case::Mark;
use super::error::Result;
use super::files::{self, stem, without_extension};
use super::folder::Draft;
use super::likeness::folded;
use super::mask_name::{Side, are_both_sides, names_of_image};
use super::notes::Warnings;
use crate::truth::Task;

/// Its name, in lower case.
pub(super) const MASKS_FOLDER: &str = "masks";

/// A mask file.
struct MaskPath {
    /// Below the folder, with `/` between its parts.
    relative: String,
    path: PathBuf,
}

/// A mask by its index, and the side that its name says.
type SidedMask = (usize, Option<Side>);

/// The mask files of a folder, which may be of any image in it.
#[derive(Default)]
pub(super) struct Masks {
    files: Vec<MaskPath>,
    /// They lie in a folder that names their finding.
    are_named: bool,
    /// Positions by the path without extension, and by the stem; several where names are not unique.
    by_name: HashMap<String, Vec<usize>>,
}

impl Masks {
    /// Those of `folder`, which need not have any: of `task` where a folder of them has its name. Folders with the names of
    /// other findings, `known` ones, hold none of its masks.
    ///
    /// # Errors
    /// When the folder of the masks cannot be read.
    pub(super) fn of(folder: &Path, task: Option<&Task>, known: &[String], warnings: &Warnings) -> Result<Self> {
        let mut masks = Self::default();
        let Some(folder) = masks_folder(folder) else { return Ok(masks) };
        let images = files::list(&folder, |_| false, &())?.images;
        let first = |relative: &str| relative.split_once('/').map(|(first, rest)| (first.to_owned(), rest.to_owned()));
        let is_of_task = |first: &str| task.is_some_and(|task| task.is_called(first));
        let others: Vec<Task> = known.iter().filter_map(|name| Task::named(name).ok()).collect();
        let is_of_other = |first: &str| others.iter().any(|other| other.is_called(first)) && !is_of_task(first);
        let folders = || images.iter().filter_map(|image| first(&image.relative));
        let has_own = folders().any(|(first, _)| is_of_task(&first));
        masks.are_named = has_own || folders().any(|(first, _)| is_of_other(&first));
        let mut left = 0_usize;
        for image in images {
            let in_folder = first(&image.relative);
            let (is_own, is_other) =
                in_folder.as_ref().map_or((false, false), |(first, _)| (is_of_task(first), is_of_other(first)));
            if is_other || has_own && !is_own {
                left += 1;
                continue;
            }
            let inside = in_folder.filter(|_| is_own).map_or_else(|| image.relative.clone(), |(_, rest)| rest);
            // Images may lie in folders of that name as well.
            let mut names = vec![stem(&image.relative), without_extension(&inside), without_extension(&image.relative)];
            names.sort_unstable();
            names.dedup();
            let position = masks.files.len();
            for name in names {
                masks.by_name.entry(name.to_owned()).or_default().push(position);
            }
            masks.files.push(MaskPath { path: image.path, relative: inside });
        }
        if let (Some(task), true) = (task, masks.are_named) {
            warnings.note(format!(
                "the folder of masks names findings: {} are of {task}, {left} are not used",
                masks.files.len()
            ));
        }
        Ok(masks)
    }

    /// Whether folders name the findings that masks are of.
    pub(super) fn are_named(&self) -> bool {
        self.are_named
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Gives each image the mask of its name. Where it has none of exactly its name, it is given the one whose name says
    /// that it is of this image (`img1_mask`), and of two that are of one side each both.
    pub(super) fn attach(&self, drafts: &mut [Draft], warnings: &Warnings) {
        let mut used: HashSet<usize> = HashSet::new();
        let mut wanting = Vec::new();
        let (mut ambiguous, mut joined, mut renamed) = (0, 0, 0);
        for (index, draft) in drafts.iter_mut().enumerate() {
            let names = [without_extension(&draft.relative), draft.case.id.as_str()];
            let found: Vec<&[usize]> =
                names.iter().filter_map(|name| self.by_name.get(*name)).map(Vec::as_slice).collect();
            let Some(first) = found.first() else {
                wanting.push(index);
                continue;
            };
            used.extend(found.iter().copied().flatten());
            let sides = first.iter().map(|mask| names_of_image(&self.files[*mask].relative)[0].1);
            if first.len() == 1 || are_both_sides(sides) {
                draft.case.mark = self.mark(first);
                joined += usize::from(first.len() > 1);
            } else {
                ambiguous += 1;
            }
        }
        for (index, parts) in self.by_likeness(drafts, &wanting, &used) {
            let masks: Vec<usize> = parts.iter().map(|(mask, _)| *mask).collect();
            used.extend(&masks);
            if parts.len() == 1 || are_both_sides(parts.iter().map(|(_, side)| *side)) {
                drafts[index].case.mark = self.mark(&masks);
                joined += usize::from(parts.len() > 1);
                renamed += parts.len();
            } else {
                ambiguous += 1;
            }
        }
        let notes = [
            (
                renamed,
                "masks without an image of exactly their name, taken for the image that their name is of (as img1_mask is of img1)",
            ),
            (joined, "images whose mask is joined from a left and a right part"),
            (ambiguous, "images with several masks of their name, none of which is taken"),
            (self.files.len() - used.len(), "masks without an image of the same name"),
        ];
        for (count, text) in notes {
            if count > 0 {
                warnings.note(format!("{text}: {count}"));
            }
        }
    }

    /// Masks that are not `used` for the images that are `wanting` them, by what their names say; in the order of the images.
    fn by_likeness(&self, drafts: &[Draft], wanting: &[usize], used: &HashSet<usize>) -> Vec<(usize, Vec<SidedMask>)> {
        if used.len() == self.files.len() {
            return Vec::new();
        }
        // Images by their folded names; nothing where several have one.
        let mut images: HashMap<String, Option<usize>> = HashMap::new();
        for (index, draft) in drafts.iter().enumerate() {
            let path = folded(without_extension(&draft.relative));
            let own = [path.rsplit('/').next().unwrap_or(&path).to_owned(), path];
            let names = if own[0] == own[1] { &own[1..] } else { &own[..] };
            for name in names {
                images.entry(name.clone()).and_modify(|image| *image = None).or_insert(Some(index));
            }
        }
        let wanting: HashSet<usize> = wanting.iter().copied().collect();
        let mut found: HashMap<usize, Vec<SidedMask>> = HashMap::new();
        for (mask, file) in self.files.iter().enumerate().filter(|(mask, _)| !used.contains(mask)) {
            let names = names_of_image(&file.relative);
            let image = names.iter().find_map(|(name, side)| Some((*images.get(name)?.as_ref()?, *side)));
            if let Some((image, side)) = image.filter(|(image, _)| wanting.contains(image)) {
                found.entry(image).or_default().push((mask, side));
            }
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_unstable_by_key(|(image, _)| *image);
        found
    }

    fn mark(&self, masks: &[usize]) -> Mark {
        Mark::Files(masks.iter().map(|mask| self.files[*mask].path.clone()).collect())
    }
}

/// The folder of the masks, whatever the case of its name; the one in lower case where there are several.
fn masks_folder(folder: &Path) -> Option<PathBuf> {
    let usual = folder.join(MASKS_FOLDER);
    if usual.is_dir() {
        return Some(usual);
    }
    // Whether the folder itself can be read was seen before.
    let entries = std::fs::read_dir(folder).ok()?.filter_map(std::result::Result::ok);
    entries
        .filter(|entry| entry.file_name().eq_ignore_ascii_case(MASKS_FOLDER))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .min()
}
