//! The animation of a cascade: its options, and the maps of an image kept for it.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};

use super::cascade_report::Subject;
use super::error::{Error, Result};
use crate::cascade::Finished;
use crate::cascade::animation::{Animation, AnimationOptions, AnimationRow, Format, NetworkStrip};
use crate::display::{CascadeMode, CascadeStack, GrayDisplay, Normalization, Plane};
use crate::limits;
use crate::saliency::Method;

/// How the animation looks.
#[derive(Debug, Args)]
#[command(next_help_heading = "Animation")]
pub(super) struct Look {
    /// Kinds of animation with commas between: gif (256 colours), apng, webp (every colour exact), frames (a PNG each),
    /// or none
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', default_value = "gif")]
    animation: Vec<Choice>,
    /// Animated images: the first N, at most 8
    #[arg(long, value_name = "N", default_value_t = 1)]
    animated: usize,
    /// Longest side of a map in pixels, 64 to 1024
    #[arg(long, value_name = "PX", default_value_t = AnimationOptions::default().tile_px)]
    tile: u32,
    /// Frames of a cross-fade in a second, 1 to 50
    #[arg(long, value_name = "FPS", default_value_t = AnimationOptions::default().frames_per_second)]
    fps: f64,
    /// Seconds for which a state stands still, 0.05 to 60
    #[arg(long, value_name = "SECONDS", default_value_t = AnimationOptions::default().hold_secs)]
    hold: f64,
    /// Seconds of the cross-fade to the next state, 0 (none) to 10
    #[arg(long, value_name = "SECONDS", default_value_t = AnimationOptions::default().fade_secs)]
    fade: f64,
    /// Which values fill the colours: those of each state's own map, or those of the original map, so that a map that
    /// fades away fades on the screen
    #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
    normalization: Filling,
    /// What is shown: the map over the radiograph, the map alone, or its difference from the original map
    #[arg(long, value_name = "VIEW", value_enum, default_value_t)]
    view: View,
}

/// One word of `--animation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    None,
    One(Format),
}

impl std::str::FromStr for Choice {
    type Err = crate::cascade::Error;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        if text.trim().eq_ignore_ascii_case("none") { Ok(Self::None) } else { text.parse().map(Self::One) }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Filling {
    #[default]
    PerState,
    Original,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum View {
    #[default]
    Over,
    Map,
    Difference,
}

impl Look {
    /// Refuses what cannot be drawn.
    pub(super) fn check(&self) -> Result<()> {
        if self.animation.len() > 1 && self.animation.contains(&Choice::None) {
            return Err(Error::Usage("--animation none goes with no other animation".to_owned()));
        }
        if !limits::ANIMATED.contains(self.animated) {
            return Err(Error::Usage(format!("--animated must be {}", limits::ANIMATED)));
        }
        match self.options().fault() {
            Some((name, limit)) => {
                Err(Error::Usage(format!("--{name} must lie between {} and {}", limit.least, limit.most)))
            }
            None => Ok(()),
        }
    }

    /// How many images are animated.
    pub(super) fn images(&self) -> usize {
        if self.formats().is_empty() { 0 } else { self.animated }
    }

    pub(super) fn formats(&self) -> Vec<Format> {
        let format = |choice: &Choice| match choice {
            Choice::None => None,
            Choice::One(format) => Some(*format),
        };
        self.animation.iter().filter_map(format).collect()
    }

    fn options(&self) -> AnimationOptions {
        AnimationOptions {
            tile_px: self.tile,
            frames_per_second: self.fps,
            hold_secs: self.hold,
            fade_secs: self.fade,
            normalization: match self.normalization {
                Filling::PerState => Normalization::PerState,
                Filling::Original => Normalization::LockedToOriginal,
            },
            mode: match self.view {
                View::Over => CascadeMode::OverRadiograph,
                View::Map => CascadeMode::MapAlone,
                View::Difference => CascadeMode::Difference,
            },
            ..AnimationOptions::default()
        }
    }
}

/// Maps of one image by method, raw and as shown.
#[derive(Clone, Default)]
pub(super) struct Animated(BTreeMap<Method, [CascadeStack; 2]>);

impl Animated {
    pub(super) fn keep(&mut self, finished: &Finished<'_>, states: usize) {
        let map = finished.map;
        let size = [map.height, map.width];
        let [raw, shown] = self.0.entry(map.method).or_insert_with(|| [0, 1].map(|_| CascadeStack::new(size, states)));
        raw.set_raw(finished.row.state, map.raw.as_slice());
        shown.set(finished.row.state, map.display.values.as_slice(), [0.0, 1.0]);
    }

    /// The animation of image `index`.
    pub(super) fn animation(self, subject: &Subject<'_>, index: usize, look: &Look) -> Result<Animation> {
        let image = &subject.images[index];
        let [_, _, height, width] = image.input.shape();
        let levels = image.gray.iter().map(|gray| (gray * 257.0).round() as u16).collect();
        // Gray 0 to 255 as 0 to 1, which the window below shows from black to white.
        let plane = Plane::new([height, width], levels, 1.0 / 65_535.0, 0.0)
            .map_err(|error| Error::Usage(format!("the radiograph cannot be animated: {error}")))?;
        let locked = subject.plan.states.len() > 1 && look.options().normalization == Normalization::LockedToOriginal;
        let row = |(method, [raw, shown]): (Method, [CascadeStack; 2])| AnimationRow {
            name: method.name().to_owned(),
            stack: if locked { raw } else { shown },
            likeness: subject.likeness(index, method),
            baseline: subject.limit(method),
        };
        Ok(Animation {
            plane,
            gray: GrayDisplay::default(),
            states: subject.found.states.iter().map(|state| state.name.clone()).collect(),
            order: subject.order,
            strip: NetworkStrip::new(&subject.model.graph, &subject.found.states),
            rows: self.0.into_iter().map(row).collect(),
            measure: format!("SSIM at range {}", subject.range()),
            detail: subject.detail(index),
            caution: subject.model.card.caution(image.is_phantom).map(str::to_owned),
            options: look.options(),
        })
    }
}
