//! A cascade as an animation: every frame a pure function of maps, states and time, drawn without a window.

mod encode;
mod frame;
mod palette;
mod web_picture;

use serde::{Deserialize, Serialize};

use super::run::Curve;
use super::state::{Order, State};
use crate::display::{CascadeDisplay, CascadeMode, CascadeStack, GrayDisplay, MapDisplay, Normalization, Plane};
use crate::limits::{self, Real};
use crate::network::Graph;
pub use encode::{Format, encode};

/// How an animation runs and looks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnimationOptions {
    /// Longest side of a map on the screen.
    pub tile_px: u32,
    /// Frames of a cross-fade in a second.
    pub frames_per_second: f64,
    /// How long each state stands still; the last one twice as long.
    pub hold_secs: f64,
    /// How long each state takes to become the next; 0 for none.
    pub fade_secs: f64,
    /// Whether each map fills the colours by itself, or as the original does.
    pub normalization: Normalization,
    /// The map over the radiograph, alone, or its difference from the original.
    pub mode: CascadeMode,
    /// Colours and opacity.
    pub map: MapDisplay,
}

impl Default for AnimationOptions {
    fn default() -> Self {
        Self {
            tile_px: 224,
            frames_per_second: 10.0,
            hold_secs: 0.9,
            fade_secs: 0.4,
            normalization: Normalization::PerState,
            mode: CascadeMode::OverRadiograph,
            map: MapDisplay::default(),
        }
    }
}

impl AnimationOptions {
    /// The first option out of its limits, by name, with the limits; `None` where all is well.
    pub fn fault(&self) -> Option<(&'static str, Real)> {
        let options = [
            (f64::from(self.tile_px), "tile", limits::TILE_PX),
            (self.frames_per_second, "fps", limits::FRAMES_PER_SECOND),
            (self.hold_secs, "hold", limits::HOLD_SECS),
            (self.fade_secs, "fade", limits::FADE_SECS),
        ];
        options.into_iter().find(|(value, _, limit)| !limit.contains(*value)).map(|(_, name, limit)| (name, limit))
    }
}

/// One method in an animation.
#[derive(Clone, Debug)]
pub struct AnimationRow {
    /// Abbreviation, such as `SIG`.
    pub name: String,
    /// Its maps, one of each state.
    pub stack: CascadeStack,
    /// Likeness to the original map, one of each state.
    pub likeness: Vec<Option<f64>>,
    /// Likeness of maps that have nothing to do with each other.
    pub baseline: Option<f64>,
}

impl AnimationRow {
    /// The likeness in each state as a curve has it.
    pub fn likeness_of(curve: &Curve) -> Vec<Option<f64>> {
        curve.points.iter().map(|point| point.mean).collect()
    }
}

/// Which blocks of a network are random by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkStrip {
    /// Names of the blocks from the image to the answer.
    pub blocks: Vec<String>,
    /// For each state, for each block, whether it is random.
    pub random: Vec<Vec<bool>>,
}

impl NetworkStrip {
    /// The blocks of `graph` that have parameters, in `states`.
    pub fn new(graph: &Graph, states: &[State]) -> Self {
        let names = super::state::blocks_with_parameters(graph);
        let random = |state: &State| names.iter().map(|name| state.blocks.iter().any(|block| block == name)).collect();
        Self {
            random: states.iter().map(random).collect(),
            blocks: names.iter().map(|name| super::state::label(name)).collect(),
        }
    }
}

/// Everything that an animation shows.
#[derive(Clone, Debug)]
pub struct Animation {
    /// The radiograph.
    pub plane: Plane,
    /// How it becomes gray.
    pub gray: GrayDisplay,
    /// Names of the states, the original first.
    pub states: Vec<String>,
    /// In which order blocks are randomized.
    pub order: Order,
    /// The network.
    pub strip: NetworkStrip,
    /// The methods, at least one, each with a map and a likeness for every state.
    pub rows: Vec<AnimationRow>,
    /// What likeness is, such as `SSIM at range 2`.
    pub measure: String,
    /// A line on model, class and seeds; no path and no identifier.
    pub detail: String,
    /// What has to be known before any of it is believed; in amber on every frame.
    pub caution: Option<String>,
    /// How it runs and looks.
    pub options: AnimationOptions,
}

/// One frame to be drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameTime {
    /// When it is drawn.
    pub time_secs: f64,
    /// How long it stands, a whole number of hundredths of a second.
    pub delay_cs: u16,
}

impl Animation {
    /// From the beginning to the beginning of the next round.
    pub fn duration_secs(&self) -> f64 {
        let fades = self.states.len().saturating_sub(1) as f64;
        (self.states.len() + 1) as f64 * self.options.hold_secs + fades * self.options.fade_secs
    }

    /// Place along the states at a time; fractions fade. Beyond the end of the round it begins again.
    pub fn position(&self, time_secs: f64) -> f32 {
        let AnimationOptions { hold_secs, fade_secs, .. } = self.options;
        let last = self.states.len().saturating_sub(1);
        let time = time_secs.rem_euclid(self.duration_secs());
        let step = hold_secs + fade_secs;
        let state = (time / step).floor().min(last as f64);
        let fading = time - state * step - hold_secs;
        if state as usize == last || fading <= 0.0 || fade_secs <= 0.0 {
            return state as f32;
        }
        (state + (fading / fade_secs).clamp(0.0, 1.0)) as f32
    }

    /// All frames of a round: one where a state stands still, several where it fades. Together they last as long as the
    /// round, to a hundredth of a second.
    pub fn frames(&self) -> Vec<FrameTime> {
        let AnimationOptions { hold_secs, fade_secs, frames_per_second, .. } = self.options;
        let parts = if fade_secs > 0.0 { (fade_secs * frames_per_second).round().max(1.0) as usize } else { 0 };
        let mut starts = Vec::new();
        for state in 0..self.states.len() {
            let start = state as f64 * (hold_secs + fade_secs);
            starts.push((start, start));
            if state + 1 < self.states.len() {
                // A frame shows the middle of its time.
                let part = fade_secs / parts as f64;
                let begin = |index: usize| start + hold_secs + index as f64 * part;
                starts.extend((0..parts).map(|index| (begin(index), begin(index) + part / 2.0)));
            }
        }
        let hundredths = |secs: f64| (secs * 100.0).round();
        let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([self.duration_secs()]);
        let delays = starts.iter().zip(ends).map(|((start, _), end)| hundredths(end) - hundredths(*start));
        let frames = starts.iter().zip(delays).map(|((_, time_secs), delay)| FrameTime {
            time_secs: *time_secs,
            delay_cs: delay.clamp(1.0, f64::from(u16::MAX)) as u16,
        });
        frames.collect()
    }

    fn display(&self, position: f32) -> CascadeDisplay {
        let AnimationOptions { normalization, mode, map, .. } = self.options;
        CascadeDisplay { position, normalization, mode, map }
    }
}
