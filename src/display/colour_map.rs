//! From a value to a colour.

use serde::{Deserialize, Serialize};

use super::Rgb;
use super::colour_tables::{CIVIDIS, DIVERGING, INFERNO, JET, MAGMA, VIRIDIS};

/// A colour map of 256 colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColourMap {
    /// Black over red to pale yellow.
    #[default]
    Inferno,
    /// Black over purple to pale pink.
    Magma,
    /// Blue over green to yellow.
    Viridis,
    /// Blue to yellow, alike for people who tell colours differently.
    Cividis,
    /// Black to white.
    Gray,
    /// Blue over gray to red, for signed values.
    Diverging,
    /// Blue, green, yellow, red as in the papers. Its lightness rises and falls, which shows edges that are not there.
    Jet,
}

const GRAY: [Rgb; 256] = {
    let mut table = [[0; 3]; 256];
    let mut level = 0;
    while level < 256 {
        table[level] = [level as u8; 3];
        level += 1;
    }
    table
};

/// 0 to 255 as 0 to 1.
const UNIT: [f32; 256] = {
    let mut unit = [0.0; 256];
    let mut index = 0;
    while index < 256 {
        unit[index] = index as f32 / 255.0;
        index += 1;
    }
    unit
};

impl ColourMap {
    /// All, in the order of the menu.
    pub const ALL: [Self; 7] =
        [Self::Inferno, Self::Magma, Self::Viridis, Self::Cividis, Self::Gray, Self::Diverging, Self::Jet];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inferno => "Inferno",
            Self::Magma => "Magma",
            Self::Viridis => "Viridis",
            Self::Cividis => "Cividis",
            Self::Gray => "Gray",
            Self::Diverging => "Diverging",
            Self::Jet => "Jet (paper look)",
        }
    }

    /// Whether its middle means nothing and both ends mean much.
    pub fn is_diverging(self) -> bool {
        self == Self::Diverging
    }

    /// Its colours from the lowest value to the highest.
    pub fn table(self) -> &'static [Rgb; 256] {
        match self {
            Self::Inferno => &INFERNO,
            Self::Magma => &MAGMA,
            Self::Viridis => &VIRIDIS,
            Self::Cividis => &CIVIDIS,
            Self::Gray => &GRAY,
            Self::Diverging => &DIVERGING,
            Self::Jet => &JET,
        }
    }

    /// The colour of `value`, 0 to 1, linear between the colours of the table so that it has no steps; beyond the ends
    /// the ends, NaN the lowest.
    pub fn colour(self, value: f32) -> Rgb {
        self.unit_colour(value).map(|channel| (channel * 255.0).round() as u8)
    }

    /// As [`ColourMap::colour`], channels 0 to 1.
    pub(super) fn unit_colour(self, value: f32) -> [f32; 3] {
        let table = self.table();
        let place = value.clamp(0.0, 1.0) * 255.0;
        // `as` turns NaN into 0.
        let below = (place as usize).min(254);
        let part = (place - below as f32).max(0.0);
        let [a, b] = [table[below], table[below + 1]].map(|colour| colour.map(|channel| UNIT[usize::from(channel)]));
        std::array::from_fn(|channel| a[channel] + (b[channel] - a[channel]) * part)
    }
}
