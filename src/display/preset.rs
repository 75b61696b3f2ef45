//! Windows for radiographs: percentiles, because radiographs have no common unit as computed tomography has.

use serde::{Deserialize, Serialize};

use super::gray::Tone;
use super::plane::Plane;
use crate::radiograph::dicom::Percentiles;

/// A window by percentiles of the image's own values, after inversion: low percentiles are what looks dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowPreset {
    /// Every value.
    Full,
    /// Without the extremes that markers and borders make.
    Standard,
    /// The darker half of the image, where aerated lung lies.
    Lungs,
    /// The middle to bright values of heart and great vessels.
    Mediastinum,
    /// The brightest third: spine, ribs over soft tissue, devices.
    Bone,
}

impl WindowPreset {
    /// All, in the order of the menu.
    pub const ALL: [Self; 5] = [Self::Full, Self::Standard, Self::Lungs, Self::Mediastinum, Self::Bone];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "Full range",
            Self::Standard => "Standard",
            Self::Lungs => "Lungs",
            Self::Mediastinum => "Mediastinum",
            Self::Bone => "Bone",
        }
    }

    /// What becomes black and what white.
    pub fn percentiles(self) -> Percentiles {
        let (black, white) = match self {
            Self::Full => (0.0, 100.0),
            Self::Standard => (0.5, 99.5),
            Self::Lungs => (1.0, 70.0),
            Self::Mediastinum => (40.0, 99.5),
            Self::Bone => (60.0, 99.95),
        };
        Percentiles { black, white }
    }

    /// The window of this preset on a plane.
    pub fn tone(self, plane: &Plane) -> Tone {
        let Percentiles { black, white } = self.percentiles();
        // What looks dark on an inverted plane are its high values.
        let shown = if plane.own().inverted {
            Percentiles { black: 100.0 - white, white: 100.0 - black }
        } else {
            Percentiles { black, white }
        };
        Tone::Window(plane.percentile_window(shown))
    }
}
