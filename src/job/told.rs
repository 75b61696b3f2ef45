//! What went wrong, in words that name nobody, apart from the file that it is about.

use std::path::Path;

/// A failure. The names of files and folders may be patients' names, so they are kept apart from the words and seen only
/// where identity is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// One sentence without the name of any file.
    pub words: String,
    /// The file or folder that it is about.
    pub place: Option<String>,
}

impl Told {
    /// Words about a file, where they are about one.
    pub fn of(words: impl Into<String>, path: Option<&Path>) -> Self {
        Self { words: words.into(), place: path.map(|path| path.display().to_string()) }
    }

    /// The same about something that has this name, unless it is known more closely.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { place: self.place.or_else(|| Some(name.into())), ..self }
    }
}
