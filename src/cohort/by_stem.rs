//! The image of an id in the public sets, whose files are named by their ids.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::case::{Case, Source};
use super::files::{Header, ImageFile, Listing, stem};
use super::likeness::{self, Likeness, Meant};
use super::notes::{Exclusion, Reason, Warnings};
use super::table::TableRole;

/// Image files by stem, one each.
pub(super) struct ByStem {
    images: BTreeMap<String, ImageFile>,
    /// Stems that ids mean which are no stem; nothing where several may be meant.
    meant: HashMap<String, Option<(String, Likeness)>>,
}

impl ByStem {
    /// Of several files with a stem, a DICOM file is taken before others, and the first path before the others.
    /// `ids` are all those that a table will ask for.
    pub(super) fn new<'a>(
        listing: Listing,
        ids: impl Iterator<Item = &'a String>,
        exclusions: &mut Vec<Exclusion>,
    ) -> Self {
        let mut images = listing.images;
        let rank = |image: &ImageFile| match &image.header {
            Header::Image { dicom: true, .. } => 2,
            Header::Image { .. } => 1,
            _ => 0,
        };
        // Stable: equal ranks stay in the order of their paths.
        images.sort_by_key(|image| Reverse(rank(image)));
        let mut first = BTreeMap::new();
        for image in images {
            let id = stem(&image.relative).to_owned();
            match first.entry(id) {
                Entry::Vacant(place) => {
                    place.insert(image);
                }
                Entry::Occupied(taken) => {
                    exclusions.push(Exclusion { reason: Reason::SecondFile, id: taken.key().clone(), line: None });
                }
            }
        }
        let (known, unknown): (Vec<&String>, Vec<&String>) = ids.partition(|id| first.contains_key(*id));
        // Nothing is looked for where every id has its file.
        let known: HashSet<&str> = known.into_iter().map(String::as_str).collect();
        let stems = first.keys().map(String::as_str).filter(|stem| !unknown.is_empty() && !known.contains(stem));
        let free: Vec<(usize, &str)> = stems.enumerate().collect();
        let meant = likeness::meant(unknown.into_iter().map(String::as_str).collect(), &free);
        let stem_of = |meant| match meant {
            Meant::File(file, likeness) => Some((free[file].1.to_owned(), likeness)),
            Meant::Several => None,
        };
        let meant = meant.into_iter().map(|(id, meant)| (id.to_owned(), stem_of(meant))).collect();
        Self { images: first, meant }
    }

    /// Takes the image of an id as a case, or says why it is none. `line` is where a CSV file names the id.
    pub(super) fn take(
        &mut self,
        id: &str,
        (table, line): (TableRole, u64),
        exclusions: &mut Vec<Exclusion>,
        warnings: &Warnings,
    ) -> Option<Case> {
        let exclude = |reason| Exclusion { reason, id: id.to_owned(), line: Some(line) };
        let stem = match self.meant.get(id) {
            Some(Some((stem, likeness))) => {
                likeness.warning().into_iter().for_each(|text| warnings.at(table, line, text));
                stem
            }
            Some(None) => {
                warnings.at(table, line, likeness::SEVERAL);
                id
            }
            None => {
                if likeness::is_scientific(id) && !self.images.contains_key(id) {
                    warnings.at(table, line, likeness::SCIENTIFIC);
                }
                id
            }
        };
        match self.images.remove(stem) {
            None => exclusions.push(exclude(Reason::NoFile)),
            Some(ImageFile { path, header: Header::Image { size_px, patient, is_phantom, .. }, .. }) => {
                let case = Case::new(stem.to_owned(), Source::File(path), size_px);
                return Some(Case { patient, is_phantom, ..case });
            }
            Some(_) => exclusions.push(exclude(Reason::Unreadable)),
        }
        None
    }

    /// Images that no row names.
    pub(super) fn leave_out_rest(self, exclusions: &mut Vec<Exclusion>) {
        for (id, image) in self.images {
            let reason =
                if matches!(image.header, Header::Image { .. }) { Reason::Unlabelled } else { Reason::Unreadable };
            exclusions.push(Exclusion { reason, id, line: None });
        }
    }
}

/// Folders of masks: pictures with the stems of the images that are none themselves.
pub(super) fn holds_masks(folder: &str) -> bool {
    folder.contains("mask")
}
