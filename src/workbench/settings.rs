//! What the user set once for all sessions.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::keys::KeyMap;
use super::model_answers::ModelAnswers;
use crate::network::{DeviceChoice, ExecutorChoice, RuntimeOptions};
use crate::reading::ModelSource;

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// Dark, as reading rooms are.
    #[default]
    Dark,
    /// Light.
    Light,
    /// As the system.
    System,
}

/// What dragging with a mouse button does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drag {
    /// Left and right the width, up and down the centre of the window.
    Window,
    /// Moves the picture.
    Pan,
    /// Up enlarges, down reduces.
    Zoom,
}

impl Drag {
    /// All.
    pub const ALL: [Self; 3] = [Self::Window, Self::Pan, Self::Zoom];

    /// What it does, in a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::Window => "Window",
            Self::Pan => "Pan",
            Self::Zoom => "Zoom",
        }
    }
}

/// What the mouse buttons do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mouse {
    /// Dragging with the left button.
    pub left: Drag,
    /// With the middle one.
    pub middle: Drag,
    /// With the right one; a click opens the menu.
    pub right: Drag,
}

impl Default for Mouse {
    fn default() -> Self {
        Self { left: Drag::Window, middle: Drag::Pan, right: Drag::Zoom }
    }
}

/// A button of the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MouseButton {
    /// Left.
    Left,
    /// Middle.
    Middle,
    /// Right.
    Right,
}

impl MouseButton {
    /// All.
    pub const ALL: [Self; 3] = [Self::Left, Self::Middle, Self::Right];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Left => "Left",
            Self::Middle => "Middle",
            Self::Right => "Right",
        }
    }
}

impl Mouse {
    /// What dragging with a button does.
    pub fn drag(&self, button: MouseButton) -> Drag {
        match button {
            MouseButton::Left => self.left,
            MouseButton::Middle => self.middle,
            MouseButton::Right => self.right,
        }
    }

    fn drag_mut(&mut self, button: MouseButton) -> &mut Drag {
        match button {
            MouseButton::Left => &mut self.left,
            MouseButton::Middle => &mut self.middle,
            MouseButton::Right => &mut self.right,
        }
    }
}

/// Something opened lately: where it lies, and nothing of what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recent {
    /// An image.
    Path(PathBuf),
    /// A data set or a folder, by its text.
    Cohort(String),
}

/// Everything that outlives a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Light or dark.
    pub theme: Theme,
    /// Size of the interface; 1 is that of the system.
    pub ui_scale: f32,
    /// Mouse buttons.
    pub mouse: Mouse,
    /// Keys.
    pub keys: KeyMap,
    /// Models opened lately, the newest first.
    pub recent_models: Vec<ModelSource>,
    /// Images and data sets opened lately, the newest first.
    pub recent: Vec<Recent>,
    /// What was said about models whose cards are silent.
    pub answers: ModelAnswers,
    /// On which device networks run.
    pub device: DeviceChoice,
    /// What runs them there.
    pub executor: ExecutorChoice,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            ui_scale: 1.0,
            mouse: Mouse::default(),
            keys: KeyMap::default(),
            recent_models: Vec::new(),
            recent: Vec::new(),
            answers: ModelAnswers::default(),
            device: DeviceChoice::default(),
            executor: ExecutorChoice::default(),
        }
    }
}

/// Models remembered, and so many images and data sets.
const RECENT: usize = 10;

impl Settings {
    /// Where networks run.
    pub fn runtime_options(&self) -> RuntimeOptions {
        RuntimeOptions { device: self.device, executor: self.executor, ..RuntimeOptions::default() }
    }

    /// Remembers a model; demo models need no remembering.
    pub fn remember_model(&mut self, source: &ModelSource) {
        if matches!(source, ModelSource::File(_)) {
            self.recent_models.retain(|known| known != source);
            self.recent_models.insert(0, source.clone());
            self.recent_models.truncate(RECENT);
        }
    }

    /// Remembers an image or a data set.
    pub fn remember(&mut self, recent: Recent) {
        self.recent.retain(|known| *known != recent);
        self.recent.insert(0, recent);
        self.recent.truncate(RECENT);
    }

    /// Forgets what was opened lately.
    pub fn forget_recent(&mut self) {
        self.recent.clear();
        self.recent_models.clear();
    }

    /// Gives a drag to a button. The button that had it takes over what this one did, so that every drag stays in reach.
    pub fn assign_drag(&mut self, button: MouseButton, drag: Drag) {
        let before = self.mouse.drag(button);
        if let Some(other) = MouseButton::ALL.into_iter().find(|other| self.mouse.drag(*other) == drag) {
            *self.mouse.drag_mut(other) = before;
        }
        *self.mouse.drag_mut(button) = drag;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_drag_stays_in_reach() {
        let mut settings = Settings::default();
        settings.assign_drag(MouseButton::Left, Drag::Pan);
        assert_eq!(settings.mouse, Mouse { left: Drag::Pan, middle: Drag::Window, right: Drag::Zoom });
        settings.assign_drag(MouseButton::Left, Drag::Pan);
        assert_eq!(settings.mouse, Mouse { left: Drag::Pan, middle: Drag::Window, right: Drag::Zoom });
    }

    #[test]
    fn lately_opened_is_bounded_and_has_nothing_twice() {
        let mut settings = Settings::default();
        for index in 0..RECENT + 3 {
            settings.remember(Recent::Cohort(format!("phantom:{index}")));
        }
        settings.remember(Recent::Cohort("phantom:5".to_owned()));
        assert_eq!(settings.recent.len(), RECENT);
        assert_eq!(settings.recent[0], Recent::Cohort("phantom:5".to_owned()));
        assert_eq!(settings.recent[1], Recent::Cohort(format!("phantom:{}", RECENT + 2)));
        settings.forget_recent();
        assert!(settings.recent.is_empty());
    }
}
