//! The image of an id in the public sets, whose files are named by their ids.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::case::{Case, Source};
use super::files::{Header, ImageFile, Listing, stem};
use super::notes::{Exclusion, Reason};

/// Image files by stem, one each.
pub(super) struct ByStem(BTreeMap<String, ImageFile>);

impl ByStem {
    /// Of several files with a stem, a DICOM file is taken before others, and the first path before the others.
    pub(super) fn new(listing: Listing, exclusions: &mut Vec<Exclusion>) -> Self {
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
        Self(first)
    }

    /// Takes the image of an id as a case, or says why it is none. `line` is where a CSV file names the id.
    pub(super) fn take(&mut self, id: &str, line: u64, exclusions: &mut Vec<Exclusion>) -> Option<Case> {
        let exclude = |reason| Exclusion { reason, id: id.to_owned(), line: Some(line) };
        match self.0.remove(id) {
            None => exclusions.push(exclude(Reason::NoFile)),
            Some(ImageFile { path, header: Header::Image { size_px, patient, is_phantom, .. }, .. }) => {
                let case = Case::new(id.to_owned(), Source::File(path), size_px);
                return Some(Case { patient, is_phantom, ..case });
            }
            Some(_) => exclusions.push(exclude(Reason::Unreadable)),
        }
        None
    }

    /// Images that no row names.
    pub(super) fn leave_out_rest(self, exclusions: &mut Vec<Exclusion>) {
        for (id, image) in self.0 {
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
