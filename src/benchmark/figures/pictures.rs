//! Where the pictures of a report come from, and why one is not there.

use super::Picture;

/// Which map is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapOf<'a> {
    /// Id of the case.
    pub image: &'a str,
    /// The method.
    pub method: &'a str,
    /// `trained`, `random`, or the name of a state of the cascade.
    pub condition: &'a str,
    /// The network, by its name in the scores.
    pub model: &'a str,
}

/// Why a picture is not shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Absent {
    /// In the words that its tile has room for.
    pub tile: &'static str,
    /// In a sentence that says what to do about it, where something can be done; names no case and no folder.
    pub why: String,
}

/// Where pictures come from: a database that kept maps and thumbnails, a data set that is still there.
pub trait Pictures: Sync {
    /// The display map, 0 to 1.
    ///
    /// # Errors
    /// Why it is not shown.
    fn map(&self, map: MapOf<'_>) -> Result<Picture, Absent>;

    /// The radiograph, 0 to 1.
    ///
    /// # Errors
    /// Why it is not shown.
    fn radiograph(&self, image: &str) -> Result<Picture, Absent>;

    /// The experts' marks at the size of the maps, 1 inside and 0 outside.
    ///
    /// # Errors
    /// Why they are not shown.
    fn truth(&self, image: &str) -> Result<Picture, Absent>;
}

/// No pictures at all, because nobody wanted any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoPictures;

fn unwanted<T>() -> Result<T, Absent> {
    Err(Absent { tile: "left out", why: "Maps, radiographs and marks were left out, as was asked.".to_owned() })
}

impl Pictures for NoPictures {
    fn map(&self, _: MapOf<'_>) -> Result<Picture, Absent> {
        unwanted()
    }

    fn radiograph(&self, _: &str) -> Result<Picture, Absent> {
        unwanted()
    }

    fn truth(&self, _: &str) -> Result<Picture, Absent> {
        unwanted()
    }
}
