//! How cases and maps are shown: everything that undo takes back.

use serde::{Deserialize, Serialize};

use super::look::Look;
use crate::display::{GrayDisplay, MapDisplay, Opacity, Plane, Tone, WindowPreset};
use crate::radiograph::dicom::Window;
use crate::saliency::Method;

/// Which gray levels are shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToneChoice {
    /// As the file wants.
    #[default]
    AsStored,
    /// Between percentiles of this image.
    Preset(WindowPreset),
    /// A window of the file, by its position.
    FileWindow(usize),
    /// A VOI lookup table of the file, by its position.
    Table(usize),
    /// A window of one's own, in the units of the image it was chosen on.
    Custom {
        /// Middle gray.
        center: f64,
        /// From black to white.
        width: f64,
    },
}

impl ToneChoice {
    /// What a plane does with this choice; what a file does not offer is shown as stored.
    pub fn tone(&self, plane: &Plane) -> Tone {
        match self {
            Self::Preset(preset) => preset.tone(plane),
            Self::FileWindow(index) => plane
                .windows()
                .get(*index)
                .map_or_else(|| plane.own().tone.clone(), |window| Tone::Window(window.clone())),
            Self::Table(index) if *index < plane.tables().len() => Tone::Table(*index),
            Self::AsStored | Self::Table(_) => plane.own().tone.clone(),
            Self::Custom { center, width } => Tone::Window(Window {
                center: *center,
                width: *width,
                function: crate::radiograph::dicom::WindowFunction::LinearExact,
                explanation: None,
            }),
        }
    }
}

/// What the colours of maps span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MapValues {
    /// The map as it is scored: 0 to 1, clipped at its percentile.
    #[default]
    Display,
    /// With its sign, -1 to 1, where the method has one.
    Signed,
    /// The raw map, from its smallest to its largest value.
    Raw,
}

/// How one tile is shown. Changes of it can be undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Shown {
    /// Gray levels.
    pub tone: ToneChoice,
    /// Black and white are swapped, on top of what the file wants.
    pub is_inverted: bool,
    /// Pixels are interpolated.
    pub is_smooth: bool,
    /// Colours, opacity and threshold of the map.
    pub map: MapDisplay,
    /// What the colours span.
    pub values: MapValues,
    /// Whether the line at the contour level is drawn.
    pub has_contour: bool,
    /// The contour's level, 0 to 1.
    pub contour_level: f32,
    /// The method whose map is shown.
    pub method: Method,
    /// Where somebody looks.
    pub look: Look,
    /// Whether the experts' marks are drawn.
    pub has_truth: bool,
    /// Whether overlay planes of the file are drawn.
    pub has_overlays: bool,
    /// Whether text is written into the corners.
    pub has_corner_text: bool,
    /// Whether that text names the patient.
    pub has_identity: bool,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            tone: ToneChoice::default(),
            is_inverted: false,
            is_smooth: true,
            // What is dark on the map leaves the radiograph as it is.
            map: MapDisplay { opacity: Opacity::ByValue(0.8), ..MapDisplay::default() },
            values: MapValues::default(),
            has_contour: false,
            contour_level: 0.5,
            method: Method::Gcam,
            look: Look::default(),
            has_truth: true,
            has_overlays: true,
            has_corner_text: true,
            has_identity: true,
        }
    }
}

impl Shown {
    /// How a plane is drawn.
    pub fn gray(&self, plane: &Plane) -> GrayDisplay {
        GrayDisplay {
            tone: self.tone.tone(plane),
            inverted: plane.own().inverted != self.is_inverted,
            interpolation: if self.is_smooth {
                crate::display::Interpolation::Linear
            } else {
                crate::display::Interpolation::Nearest
            },
        }
    }
}
