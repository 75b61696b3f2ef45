//! How a picture differs from what its file wants: turned, mirrored, inverted; and the words for it.

use serde::{Deserialize, Serialize};

use super::{GrayDisplay, Plane, Viewport};

/// How somebody turned, mirrored and inverted an image, on top of what its file wants. MONOCHROME1 is not inverted: that is
/// how its file wants to be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Orientation {
    /// Quarter turns clockwise, 0 to 3.
    pub quarter_turns: u8,
    /// Mirrored left to right, before it is turned.
    pub is_mirrored: bool,
    /// Black and white are swapped.
    pub is_inverted: bool,
}

/// Between two words.
const GAP: &str = " · ";

impl Orientation {
    /// That of a picture of `plane`, drawn as `gray` says; the whole image where it has no `view`.
    pub fn of(plane: &Plane, gray: &GrayDisplay, view: Option<&Viewport>) -> Self {
        Self {
            quarter_turns: view.map_or(0, |view| view.quarter_turns % 4),
            is_mirrored: view.is_some_and(|view| view.mirrored),
            is_inverted: gray.inverted != plane.own().inverted,
        }
    }

    /// Whether the picture is as its file wants it.
    pub fn is_own(self) -> bool {
        self == Self::default()
    }

    /// Turned clockwise by quarters, from how it is seen.
    #[must_use]
    pub fn turned(self, quarters: i32) -> Self {
        Self { quarter_turns: (i32::from(self.quarter_turns) + quarters).rem_euclid(4) as u8, ..self }
    }

    /// Mirrored left to right as it is seen.
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self { is_mirrored: !self.is_mirrored, ..self.turned(-2 * i32::from(self.quarter_turns)) }
    }

    /// Black and white swapped.
    #[must_use]
    pub fn inverted(self) -> Self {
        Self { is_inverted: !self.is_inverted, ..self }
    }

    /// What is not as the file wants it, in the order in which it was done, such as `Mirrored · turned 90° clockwise ·
    /// inverted`; nothing where all is.
    pub fn words(self) -> Option<String> {
        self.said(["turned 90° clockwise", "turned 180°", "turned 90° counterclockwise"])
    }

    /// The same in few letters, for pictures of the size of a stamp.
    pub fn short_words(self) -> Option<String> {
        self.said(["90° right", "180°", "90° left"])
    }

    fn said(self, turns: [&str; 3]) -> Option<String> {
        let turned = match self.quarter_turns % 4 {
            0 => None,
            quarters => Some(turns[usize::from(quarters) - 1]),
        };
        let parts = [self.is_mirrored.then_some("mirrored"), turned, self.is_inverted.then_some("inverted")];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        let text = parts.join(GAP);
        let mut letters = text.chars();
        let first = letters.next()?;
        Some(first.to_uppercase().chain(letters).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_what_was_done_in_its_order() {
        let orientation =
            |quarter_turns, is_mirrored, is_inverted| Orientation { quarter_turns, is_mirrored, is_inverted };
        for (orientation, words, short) in [
            (orientation(0, false, false), None, None),
            (orientation(0, true, false), Some("Mirrored"), Some("Mirrored")),
            (orientation(1, false, false), Some("Turned 90° clockwise"), Some("90° right")),
            (orientation(3, false, true), Some("Turned 90° counterclockwise · inverted"), Some("90° left · inverted")),
            (orientation(2, true, true), Some("Mirrored · turned 180° · inverted"), Some("Mirrored · 180° · inverted")),
            (orientation(0, false, true), Some("Inverted"), Some("Inverted")),
        ] {
            assert_eq!(orientation.words().as_deref(), words);
            assert_eq!(orientation.short_words().as_deref(), short);
            assert_eq!(orientation.is_own(), words.is_none());
        }
    }
}
