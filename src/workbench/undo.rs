//! Taking back changes of how things are shown.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::orientations::Step;

/// Steps kept.
const DEPTH: usize = 100;

/// Changes that follow each other faster than this are one step: a drag, not its hundred positions.
const STEADY: Duration = Duration::from_millis(600);

/// The history of [`super::Shown`], and of how every image lay.
#[derive(Debug, Default)]
pub struct Undo {
    past: VecDeque<Step>,
    future: Vec<Step>,
    changed: Option<Instant>,
}

impl Undo {
    /// Notes that `before` is about to change, at `now`.
    pub fn note(&mut self, before: &Step, now: Instant) {
        let follows = self.changed.is_some_and(|changed| now.duration_since(changed) < STEADY);
        if !follows {
            self.past.push_back(before.clone());
            if self.past.len() > DEPTH {
                self.past.pop_front();
            }
        }
        self.changed = Some(now);
        self.future.clear();
    }

    /// Ends the step at hand: what changes next is one of its own, however soon it comes.
    pub fn end_step(&mut self) {
        self.changed = None;
    }

    /// The state before the last step; `here` can be had again by [`Undo::redo`].
    pub fn undo(&mut self, here: &Step) -> Option<Step> {
        let before = self.past.pop_back()?;
        self.future.push(here.clone());
        self.changed = None;
        Some(before)
    }

    /// The state that was last undone.
    pub fn redo(&mut self, here: &Step) -> Option<Step> {
        let after = self.future.pop()?;
        self.past.push_back(here.clone());
        self.changed = None;
        Some(after)
    }

    /// Whether there is something to take back.
    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether there is something to bring back.
    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(contour_level: f32) -> Step {
        let shown = crate::workbench::Shown { contour_level, ..Default::default() };
        Step { shown, orientations: crate::workbench::Orientations::default() }
    }

    #[test]
    fn a_drag_is_one_step() {
        let (mut undo, start) = (Undo::default(), Instant::now());
        for step in 0..20_u8 {
            undo.note(&level(f32::from(step)), start + Duration::from_millis(30 * u64::from(step)));
        }
        undo.note(&level(20.0), start + Duration::from_secs(5));
        assert_eq!(undo.undo(&level(21.0)), Some(level(20.0)));
        assert_eq!(undo.undo(&level(20.0)), Some(level(0.0)));
        assert_eq!(undo.undo(&level(0.0)), None);
        assert_eq!(undo.redo(&level(0.0)), Some(level(20.0)));
        assert_eq!(undo.redo(&level(20.0)), Some(level(21.0)));
        assert!(!undo.can_redo() && undo.can_undo());
    }

    #[test]
    fn a_new_change_ends_what_could_be_brought_back_and_depth_is_bounded() {
        let (mut undo, start) = (Undo::default(), Instant::now());
        for step in 0..150_u16 {
            undo.note(&level(f32::from(step)), start + Duration::from_secs(u64::from(step)));
        }
        assert_eq!(undo.past.len(), DEPTH);
        undo.undo(&level(150.0));
        assert!(undo.can_redo());
        undo.note(&level(1.0), start + Duration::from_secs(500));
        assert!(!undo.can_redo());
    }
}
