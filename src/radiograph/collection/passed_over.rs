//! What of a collection is not opened, counted by kind.

use std::collections::BTreeMap;

/// Why a file of a collection is not opened. The order is that of the notes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// A DICOMDIR names it and it is not there.
    Missing,
    /// A record of a DICOMDIR that cannot be read.
    DamagedRecord,
    /// A name or a link that leads somewhere else.
    LeadsOut,
    /// A folder or link that cannot be followed.
    Unreachable,
    /// Encrypted.
    Encrypted,
    /// Compressed by the method of this name.
    Method(&'static str),
    /// Larger than any image that is read.
    TooLarge,
    /// An entry whose data or name cannot be read.
    Damaged,
    /// An archive inside.
    Archive,
    /// A file of masks.
    Masks,
    /// Something that is no image.
    Other,
}

/// How many files were not opened, by reason.
#[derive(Clone, Debug, Default)]
pub(super) struct PassedOver(BTreeMap<Reason, usize>);

impl PassedOver {
    pub(super) fn count(&mut self, reason: Reason) {
        *self.0.entry(reason).or_default() += 1;
    }

    /// One sentence a reason; `what` is the collection.
    pub(super) fn notes(&self, what: &str) -> Vec<String> {
        self.0.iter().map(|(reason, count)| format!("in the {what}, {}: {count}", reason.words())).collect()
    }

    /// The same as a part of a sentence; empty where nothing was passed over.
    pub(super) fn clause(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|(reason, count)| format!("{}: {count}", reason.words())).collect();
        parts.join("; ")
    }
}

impl Reason {
    fn words(&self) -> String {
        match self {
            Self::Missing => "images that are not there and were left out".to_owned(),
            Self::DamagedRecord => "damaged records that were left out".to_owned(),
            Self::LeadsOut => "names or links that lead out of it and were not followed".to_owned(),
            Self::Unreachable => "folders or links that could not be followed, or lead in a circle".to_owned(),
            Self::Encrypted => "encrypted files that were left out (unpack them with their password)".to_owned(),
            Self::Method(name) => format!("files compressed by {name}, which is not read (unpack them)"),
            Self::TooLarge => "files too large for an image that were left out".to_owned(),
            Self::Damaged => "damaged files that were left out".to_owned(),
            Self::Archive => "archives that were not opened (name them by themselves)".to_owned(),
            Self::Masks => "files in folders called masks that were left out".to_owned(),
            Self::Other => "files that are no images and were left out".to_owned(),
        }
    }
}
