//! What the user set once for all sessions.

use serde::{Deserialize, Serialize};

use super::keys::KeyMap;
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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            ui_scale: 1.0,
            mouse: Mouse::default(),
            keys: KeyMap::default(),
            recent_models: Vec::new(),
        }
    }
}

/// Models remembered.
const RECENT: usize = 10;

impl Settings {
    /// Remembers a model; demo models need no remembering.
    pub fn remember_model(&mut self, source: &ModelSource) {
        if matches!(source, ModelSource::File(_)) {
            self.recent_models.retain(|known| known != source);
            self.recent_models.insert(0, source.clone());
            self.recent_models.truncate(RECENT);
        }
    }
}
