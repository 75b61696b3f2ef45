//! From values to gray; the twin of `shaders/gray.wgsl`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::plane::{Plane, range_window};
use crate::radiograph::dicom::{Window, WindowFunction};

/// How colours between pixel centres are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// That of the pixel.
    Nearest,
    /// Linear between the four pixels around; beyond the outermost centres that of the edge.
    #[default]
    Linear,
}

/// From values to gray.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// A window, in the modality's units, as [`Window::at`].
    Window(Window),
    /// A VOI lookup table of the plane, by its position in [`Plane::tables`]. Where the plane has none there, its whole
    /// range is shown.
    Table(usize),
}

/// How a radiograph becomes gray.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrayDisplay {
    /// From values to gray.
    pub tone: Tone,
    /// Gray is turned around, after everything else: MONOCHROME1, or the user's wish, or neither when both.
    pub inverted: bool,
    /// Between pixel centres.
    pub interpolation: Interpolation,
}

impl Default for GrayDisplay {
    /// Values 0 to 1 from black to white.
    fn default() -> Self {
        Self { tone: Tone::Window(range_window([0.0, 1.0])), inverted: false, interpolation: Interpolation::default() }
    }
}

/// Narrowest window that dragging leaves, as a part of the values' range where that is below 1.
const NARROWEST: f64 = 1.0 / 1024.0;

impl Window {
    /// The window after the pointer went by `[dx_px, dy_px]`: to the right wider, down a higher centre, by 1/1024 of
    /// `value_range` a pixel. The width stays at 1 or more (1/1024 of a range that is itself below 1024).
    #[must_use]
    pub fn dragged(&self, [dx_px, dy_px]: [f64; 2], value_range: [f64; 2]) -> Self {
        let gain = (value_range[1] - value_range[0]).abs() * NARROWEST;
        let gain = if gain.is_finite() && gain > 0.0 { gain } else { NARROWEST };
        let width = (self.width + dx_px * gain).max(gain.min(1.0));
        Self { center: self.center + dy_px * gain, width, function: self.function, explanation: None }
    }
}

/// A window as the shader computes it: `x = (value - origin) * slope + offset` with values of 16 bits.
///
/// The origin is whole, so that the difference has no rounding however narrow the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ramp {
    /// Whole number taken off the value first.
    pub(crate) origin: f32,
    /// Factor.
    pub(crate) slope: f32,
    /// What is added.
    pub(crate) offset: f32,
    /// What becomes of x.
    pub(crate) curve: Curve,
}

/// From a ramp to gray.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    /// x itself, clamped to 0 to 1.
    Clamp,
    /// 1 where x is above 0, else 0.
    Step,
    /// `1 / (1 + exp(-x))`.
    Logistic,
}

impl Ramp {
    /// The ramp of a window over the values of a plane.
    pub(super) fn of(window: &Window, plane: &Plane) -> Self {
        let (slope, intercept) = (plane.slope(), plane.intercept());
        // Each function is curve(factor * (units - middle) + at_middle).
        let (middle, factor, at_middle, curve) = match window.function {
            WindowFunction::Linear if window.width <= 1.0 => (window.center - 0.5, 1.0, 0.0, Curve::Step),
            WindowFunction::Linear => (window.center - 0.5, 1.0 / (window.width - 1.0), 0.5, Curve::Clamp),
            WindowFunction::LinearExact => (window.center, 1.0 / window.width, 0.5, Curve::Clamp),
            WindowFunction::Sigmoid => (window.center, 4.0 / window.width, 0.0, Curve::Logistic),
        };
        if slope == 0.0 {
            return Self { origin: 0.0, slope: 0.0, offset: (factor * (intercept - middle) + at_middle) as f32, curve };
        }
        let origin = ((middle - intercept) / slope).round().clamp(-1e6, 1e6);
        let offset = factor * (slope * origin + intercept - middle) + at_middle;
        Self { origin: origin as f32, slope: (factor * slope) as f32, offset: offset as f32, curve }
    }

    /// Gray of a value, 0 to 1.
    fn at(self, value: u16) -> f32 {
        let x = (f32::from(value) - self.origin) * self.slope + self.offset;
        match self.curve {
            Curve::Clamp => x.clamp(0.0, 1.0),
            Curve::Step => f32::from(u8::from(x > 0.0)),
            // Beyond 40 nothing of it is seen; the shader must not overflow.
            Curve::Logistic => 1.0 / (1.0 + (-x.clamp(-40.0, 40.0)).exp()),
        }
    }
}

/// A tone made ready for one plane.
#[derive(Clone, Debug)]
pub(crate) enum ReadyTone {
    Ramp(Ramp),
    Table(Arc<[f32]>),
}

impl ReadyTone {
    pub(crate) fn of(tone: &Tone, plane: &Plane) -> Self {
        match tone {
            Tone::Window(window) => Self::Ramp(Ramp::of(window, plane)),
            Tone::Table(index) => match plane.tables().get(*index) {
                Some(table) => Self::Table(Arc::clone(table)),
                None => Self::Ramp(Ramp::of(&range_window(plane.value_range()), plane)),
            },
        }
    }

    pub(super) fn at(&self, value: u16) -> f32 {
        match self {
            Self::Ramp(ramp) => ramp.at(value),
            Self::Table(table) => table[usize::from(value)],
        }
    }
}

impl GrayDisplay {
    /// Gray of one value of the plane, 0 to 1.
    pub fn gray(&self, plane: &Plane, value: u16) -> f32 {
        let gray = ReadyTone::of(&self.tone, plane).at(value);
        if self.inverted { 1.0 - gray } else { gray }
    }
}
