//! Turn, mirroring and inversion belong to an image: each keeps its own, and none goes over to another.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::list::EntryId;
use super::shown::Shown;
use super::state::{CompareMode, State};
use crate::display::Orientation;

/// Which images are turned, mirrored or inverted, and how. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orientations {
    /// Images that are as their files want are not in it.
    turned: Arc<BTreeMap<EntryId, Orientation>>,
}

impl Orientations {
    /// That of an image.
    pub fn of(&self, entry: EntryId) -> Orientation {
        self.turned.get(&entry).copied().unwrap_or_default()
    }

    /// Images that are not as their files want.
    pub fn turned(&self) -> impl Iterator<Item = (EntryId, Orientation)> + '_ {
        self.turned.iter().map(|(entry, orientation)| (*entry, *orientation))
    }

    fn set(&mut self, entry: EntryId, orientation: Orientation) {
        if self.of(entry) == orientation {
            return;
        }
        let turned = Arc::make_mut(&mut self.turned);
        if orientation.is_own() {
            turned.remove(&entry);
        } else {
            turned.insert(entry, orientation);
        }
    }
}

/// What a step of undo goes back to: how things were shown, and how every image lay then. Going from one image to another
/// is no step, so a turn is taken back on the image that was turned, whichever is shown meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// How things were shown.
    pub shown: Shown,
    /// How every image lay.
    pub orientations: Orientations,
}

impl Shown {
    /// How the image lies that is shown so.
    pub fn orientation(&self) -> Orientation {
        Orientation {
            quarter_turns: self.look.quarter_turns,
            is_mirrored: self.look.is_flipped,
            is_inverted: self.is_inverted,
        }
    }

    /// Shows the image so.
    pub fn set_orientation(&mut self, orientation: Orientation) {
        (self.look.quarter_turns, self.look.is_flipped) = (orientation.quarter_turns, orientation.is_mirrored);
        self.is_inverted = orientation.is_inverted;
    }

    /// The same for an image that lies as its file wants.
    #[must_use]
    pub fn upright(&self) -> Self {
        let mut shown = self.clone();
        shown.set_orientation(Orientation::default());
        shown
    }
}

impl State {
    /// How an image of the list is turned, mirrored and inverted.
    pub fn orientation(&self, entry: EntryId) -> Orientation {
        if self.oriented == Some(entry) { self.shown.orientation() } else { self.orientations.of(entry) }
    }

    /// Turns, mirrors and inverts an image of the list, and no other.
    pub fn set_orientation(&mut self, entry: EntryId, orientation: Orientation) {
        if self.oriented == Some(entry) {
            self.shown.set_orientation(orientation);
        }
        self.orientations.set(entry, orientation);
    }

    /// How every image lies.
    pub fn all_orientations(&self) -> Orientations {
        let mut all = self.orientations.clone();
        if let Some(entry) = self.oriented {
            all.set(entry, self.shown.orientation());
        }
        all
    }

    /// Gives [`State::shown`] the orientation of the image that is current by now, and keeps that of the one before.
    pub fn follow_current(&mut self) {
        let current = self.list.current;
        if self.oriented == current {
            return;
        }
        self.orientations = self.all_orientations();
        if let Some(before) = self.oriented.filter(|before| self.list.entry(*before).is_none()) {
            self.orientations.set(before, Orientation::default());
        }
        // What was turned while no image was there belongs to none.
        let own = current.map(|entry| self.orientations.of(entry)).unwrap_or_default();
        self.shown.set_orientation(own);
        self.oriented = current;
        self.undo.end_step();
    }

    /// Where undo would come back to.
    pub fn step(&self) -> Step {
        Step { shown: self.shown.clone(), orientations: self.all_orientations() }
    }

    /// Goes back, or forth, to a step: every image lies as it did then.
    pub(super) fn go_to(&mut self, step: Step) {
        (self.shown, self.orientations) = (step.shown, step.orientations);
        if let Some(entry) = self.oriented {
            self.shown.set_orientation(self.orientations.of(entry));
        }
    }

    /// The image in a tile of the comparison.
    pub fn tile_entry(&self, tile: usize) -> Option<EntryId> {
        let current = self.list.current?;
        if self.compare.mode != CompareMode::Images {
            return Some(current);
        }
        let entries = &self.compare.entries;
        // As [`State::tiles`] orders them.
        match (entries.contains(&current), tile) {
            (true, tile) => entries.get(tile).copied(),
            (false, 0) => Some(current),
            (false, tile) => entries.get(tile - 1).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::{Finding, PhantomSpec};
    use crate::reading::CaseSource;
    use crate::workbench::settings::Settings;

    const MIRRORED: Orientation = Orientation { quarter_turns: 1, is_mirrored: true, is_inverted: true };

    fn state() -> (State, [EntryId; 2]) {
        let mut state = State::new(Settings::default());
        let ids = [0, 1].map(|index| {
            let spec = PhantomSpec { seed: 1, index, size_px: 128, finding: Finding::None };
            state.list.add(CaseSource::Phantom(spec), &"".into())
        });
        state.list.refresh();
        (state, ids)
    }

    fn go(state: &mut State, entry: Option<EntryId>) {
        state.list.current = entry;
        state.follow_current();
    }

    #[test]
    fn each_image_keeps_its_own() {
        let (mut state, [a, b]) = state();
        go(&mut state, Some(a));
        state.shown.set_orientation(MIRRORED);
        go(&mut state, Some(b));
        assert!(state.shown.orientation().is_own() && state.orientation(a) == MIRRORED);
        state.shown.is_inverted = true;
        go(&mut state, None);
        assert!(state.shown.orientation().is_own(), "nothing is shown");
        state.shown.is_inverted = true;
        go(&mut state, Some(a));
        assert_eq!(state.shown.orientation(), MIRRORED);
        go(&mut state, Some(b));
        assert_eq!(state.shown.orientation(), Orientation { is_inverted: true, ..Orientation::default() });
    }

    #[test]
    fn one_that_is_gone_leaves_nothing_to_the_next() {
        let (mut state, [a, b]) = state();
        go(&mut state, Some(a));
        state.shown.set_orientation(MIRRORED);
        state.list.remove(a);
        state.follow_current();
        assert_eq!((state.list.current, state.shown.orientation()), (Some(b), Orientation::default()));
        assert_eq!(state.all_orientations(), Orientations::default());
    }

    #[test]
    fn steps_go_back_on_the_image_that_was_turned() {
        let (mut state, [a, b]) = state();
        go(&mut state, Some(a));
        let before = state.step();
        state.shown.set_orientation(MIRRORED);
        let after = state.step();
        go(&mut state, Some(b));
        for (step, orientation) in
            [(before.clone(), Orientation::default()), (after, MIRRORED), (before, Orientation::default())]
        {
            state.go_to(step);
            assert!(state.shown.orientation().is_own(), "the other image stays as it is");
            assert_eq!(state.orientation(a), orientation);
        }
    }

    #[test]
    fn tiles_have_the_images_that_they_show() {
        let (mut state, [a, b]) = state();
        go(&mut state, Some(a));
        state.compare.mode = CompareMode::Images;
        for entries in [vec![], vec![b], vec![b, a], vec![a, b]] {
            state.compare.entries = entries;
            let drawn: Vec<_> = state.tiles().iter().map(|tile| Some(tile.entry)).collect();
            let named: Vec<_> = (0..drawn.len()).map(|tile| state.tile_entry(tile)).collect();
            assert_eq!(drawn, named);
        }
        assert_eq!(state.tile_entry(7), None);
    }
}
