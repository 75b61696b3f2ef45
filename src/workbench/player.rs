//! The cascade player: what it shows, and how time moves it.

use std::path::PathBuf;
use std::sync::Arc;

use super::app::Workbench;
use super::command::Command;
use super::list::Entry;
use super::state::View;
use crate::cascade::animation::AnimationOptions;
use crate::cascade::{Order, Randomizer};
use crate::display::{CascadeDisplay, CascadeMode, MapDisplay, Normalization};
use crate::job::{Ending, Lane, Start};
use crate::limits::{self, Real};
use crate::reading::{
    CascadeExport, CascadeFile, CascadeQuestion, CascadeRun, OpenCase, OpenModel, OtherImage, Question, other_images,
};
use crate::saliency::Method;
use crate::watch::Watch;

/// Time between two frames of a cross-fade, in seconds.
const FRAME_SECS: f64 = 1.0 / 60.0;

/// Longest time that one frame makes up for, in seconds: after a pause of the whole program nothing jumps.
const LONGEST_STEP_SECS: f64 = 0.25;

/// The player.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Player {
    /// Methods in rows, in the study's order.
    pub methods: Vec<Method>,
    /// Order in which blocks are randomized.
    pub order: Order,
    /// Seed and replicate of the random weights.
    pub randomizer: Randomizer,
    /// Place along the states, from 0; fractions fade.
    pub position: f32,
    /// Whether it plays.
    pub is_playing: bool,
    /// How many times as fast as an exported animation.
    pub speed: f32,
    /// Whether it begins again at the end.
    pub loops: bool,
    /// Whether states fade into each other.
    pub fades: bool,
    /// Which magnitudes fill the colours.
    pub normalization: Normalization,
    /// What is shown of a map.
    pub mode: CascadeMode,
    /// What is exported.
    pub files: Vec<CascadeFile>,
    /// Whether the choice of files is open.
    pub has_export: bool,
    /// How long the state at hand has stood still.
    held_secs: f64,
    /// When time was last counted, in the window's seconds.
    counted_at_secs: Option<f64>,
}

impl Default for Player {
    fn default() -> Self {
        Self {
            methods: vec![Method::Grad, Method::Gcam, Method::Gbp, Method::Ggcam],
            order: Order::TopDown,
            randomizer: Randomizer { seed: 0, replicate: 1 },
            position: 0.0,
            is_playing: false,
            speed: 1.0,
            loops: true,
            fades: true,
            normalization: Normalization::PerState,
            mode: CascadeMode::OverRadiograph,
            files: vec![CascadeFile::Gif, CascadeFile::Curves, CascadeFile::Maps, CascadeFile::Table],
            has_export: false,
            held_secs: 0.0,
            counted_at_secs: None,
        }
    }
}

impl Player {
    /// The slowest and the fastest [`Player::speed`].
    pub const SPEED: [f32; 2] = [0.25, 8.0];

    /// The largest seed and replicate that can be chosen.
    pub const MOST_NUMBER: u64 = 999_999;

    /// What is asked of a cascade, given what is asked of maps.
    pub fn question(&self, question: &Question) -> CascadeQuestion {
        CascadeQuestion { question: question.clone(), order: self.order, randomizer: self.randomizer }
    }

    /// How maps are drawn now.
    pub fn display(&self, map: MapDisplay) -> CascadeDisplay {
        CascadeDisplay { position: self.position, normalization: self.normalization, mode: self.mode, map }
    }

    /// How an animation of what is seen looks.
    pub fn options(&self, map: MapDisplay) -> AnimationOptions {
        let usual = AnimationOptions::default();
        let speed = f64::from(self.speed);
        let Real { least, most } = limits::HOLD_SECS;
        AnimationOptions {
            hold_secs: (usual.hold_secs / speed).clamp(least, most),
            fade_secs: if self.fades { usual.fade_secs / speed } else { 0.0 },
            normalization: self.normalization,
            mode: self.mode,
            map: MapDisplay { visible: true, ..map },
            ..usual
        }
    }

    /// The state that is seen most.
    pub fn state(&self) -> usize {
        self.position.round().max(0.0) as usize
    }

    /// Goes to a place between the states 0 and `last`.
    pub fn scrub(&mut self, position: f32, last: usize) {
        let position = if position.is_finite() { position } else { 0.0 };
        self.position = position.clamp(0.0, last as f32);
        self.held_secs = 0.0;
    }

    /// Stands still at the next state (or the one before), from wherever it is.
    pub fn step(&mut self, is_forward: bool, last: usize) {
        let position = if is_forward { self.position.floor() + 1.0 } else { self.position.ceil() - 1.0 };
        self.scrub(position, last);
        self.is_playing = false;
    }

    /// Plays from where it is, or from the beginning where it is at the end; or stops.
    pub fn toggle(&mut self, last: usize) {
        self.is_playing = !self.is_playing;
        if self.is_playing && self.position >= last as f32 {
            self.scrub(0.0, last);
        }
    }

    /// Counts time up to `now_secs` and says in how many seconds something else will be seen; nothing while it does not
    /// play.
    pub fn follow(&mut self, now_secs: f64, last: usize) -> Option<f64> {
        if !self.is_playing {
            self.counted_at_secs = None;
            return None;
        }
        let elapsed = self.counted_at_secs.map_or(0.0, |before| now_secs - before);
        self.counted_at_secs = Some(now_secs);
        self.advance(elapsed.clamp(0.0, self.longest_step_secs()), last)
    }

    /// Frames come seldom while a state stands still.
    fn longest_step_secs(&self) -> f64 {
        LONGEST_STEP_SECS.max(2.0 * self.hold_secs() - self.held_secs)
    }

    fn hold_secs(&self) -> f64 {
        AnimationOptions::default().hold_secs / f64::from(self.speed)
    }

    fn fade_secs(&self) -> f64 {
        if self.fades { AnimationOptions::default().fade_secs / f64::from(self.speed) } else { 0.0 }
    }

    /// Moves on by `left_secs`: states stand still, the last one twice as long, and fade.
    fn advance(&mut self, mut left_secs: f64, last: usize) -> Option<f64> {
        self.position = self.position.clamp(0.0, last as f32);
        loop {
            let state = self.position.floor();
            let part = f64::from(self.position - state);
            let is_last = state as usize == last;
            let hold_secs = if is_last { 2.0 * self.hold_secs() } else { self.hold_secs() };
            let still_secs = hold_secs - self.held_secs;
            if part == 0.0 && still_secs > 0.0 {
                if left_secs < still_secs {
                    self.held_secs += left_secs;
                    return Some(hold_secs - self.held_secs);
                }
                left_secs -= still_secs;
                self.held_secs = hold_secs;
            }
            if is_last {
                self.held_secs = 0.0;
                if !self.loops || last == 0 {
                    self.is_playing = false;
                    self.counted_at_secs = None;
                    return None;
                }
                self.position = 0.0;
                continue;
            }
            let fade_secs = self.fade_secs();
            let rest_secs = (1.0 - part) * fade_secs;
            if left_secs < rest_secs {
                // Never a whole state, which would stand still again.
                let part = (part + left_secs / fade_secs).clamp(f64::EPSILON, 0.999);
                self.position = state + part as f32;
                return Some(FRAME_SECS.min(rest_secs - left_secs));
            }
            left_secs -= rest_secs;
            self.position = state + 1.0;
            self.held_secs = 0.0;
        }
    }
}

/// What was last asked without anybody pressing a button: a cascade that was stopped does not start again by itself.
#[derive(Clone, PartialEq)]
pub(super) struct AskedCascade {
    content: String,
    model: String,
    question: CascadeQuestion,
    methods: Vec<Method>,
}

/// The cascade that was last compared with other images, and the list that they were drawn from.
#[derive(Clone, PartialEq)]
pub(super) struct AskedComparison {
    cascade: AskedCascade,
    list_changes: u64,
    explains_anyway: bool,
}

impl Workbench {
    /// The case and the model of the cascade that is shown.
    fn cascade_subject(&self) -> Option<(Arc<OpenCase>, Arc<OpenModel>)> {
        let case = self.services.shelf.case(self.state.list.current?)?;
        Some((Arc::clone(case), Arc::clone(self.state.model()?)))
    }

    /// The cascade that is shown.
    fn cascade(&self) -> Option<Arc<CascadeRun>> {
        let (case, model) = self.cascade_subject()?;
        self.services.cascades.find(&case, &model, &self.state.player.question(&self.state.question))
    }

    /// Computes what is missing of the cascade that is shown.
    pub(super) fn compute_cascade(&mut self) {
        let Some((case, model)) = self.cascade_subject() else { return };
        if self.state.is_held_back(&model, case.is_phantom()) {
            return;
        }
        let player = &self.state.player;
        self.services.cascades.ask(&case, &model, &player.question(&self.state.question), &player.methods);
        self.compare_cascade();
    }

    /// Compares the case with other images of the list, as far as that is not done.
    fn compare_cascade(&mut self) {
        let Some(run) = self.cascade() else { return };
        let others = self.other_images();
        self.services.cascades.compare(&run, &self.services.explainer, others, &self.state.player.methods);
    }

    /// Images of the list to compare the case with.
    fn other_images(&self) -> Vec<OtherImage> {
        let list = &self.state.list;
        // What an image is of may not be known yet: it may be a patient then.
        let is_held_back = |entry: &Entry| {
            let is_phantom = entry.is_phantom.unwrap_or(false);
            self.state.model().is_some_and(|model| self.state.is_held_back(model, is_phantom))
        };
        let others = list.entries().iter().filter(|entry| Some(entry.id) != list.current && !is_held_back(entry));
        other_images(others.map(|entry| &entry.source), self.state.player.randomizer.seed)
    }

    /// Compares anew where the list holds other images than before: what was stopped does not start again by itself.
    fn follow_list(&mut self) {
        let Some(run) = self.cascade() else { return };
        if !self.services.cascades.is_compared_with(&run, &self.other_images()) {
            self.compare_cascade();
        }
    }

    /// Stops the cascade that is shown.
    pub(super) fn cancel_cascade(&mut self) {
        if let Some(run) = self.cascade() {
            self.services.cascades.cancel(&run);
        }
    }

    /// Asks for the cascade that is shown, once for each change of case, model, question or methods.
    pub(super) fn ask_for_cascade(&mut self) {
        if self.state.view != View::Cascade {
            return;
        }
        if let Some(entry) = self.state.list.current
            && let Some(source) = self.state.list.entry(entry).map(|entry| entry.source.clone())
        {
            self.need(entry, &source);
        }
        let Some((case, model)) = self.cascade_subject() else { return };
        if self.state.is_held_back(&model, case.is_phantom()) {
            if self.asked_cascade.take().is_some() {
                self.services.cascades.cancel_all();
            }
            return;
        }
        let player = &self.state.player;
        let asked = AskedCascade {
            content: case.content.clone(),
            model: model.identity().to_owned(),
            question: player.question(&self.state.question),
            methods: player.methods.clone(),
        };
        let (list_changes, explains_anyway) = (self.state.list.changes(), self.state.explains_anyway);
        let compared = AskedComparison { cascade: asked.clone(), list_changes, explains_anyway };
        let is_compared = self.asked_comparison.as_ref() == Some(&compared);
        self.asked_comparison = Some(compared);
        if self.asked_cascade.as_ref() == Some(&asked) {
            if !is_compared {
                self.follow_list();
            }
            return;
        }
        // Whoever looks elsewhere does not wait for what they left; finished states stay.
        let is_other =
            |before: &AskedCascade| AskedCascade { methods: asked.methods.clone(), ..before.clone() } != asked;
        if self.asked_cascade.as_ref().is_some_and(is_other) {
            self.services.cascades.cancel_all();
        }
        self.asked_cascade = Some(asked);
        self.compute_cascade();
    }

    /// Writes what was chosen of the cascade that is shown.
    pub(super) fn write_cascade(&mut self, folder: PathBuf) {
        let Some(run) = self.cascade() else { return };
        let (player, shown) = (&self.state.player, &self.state.shown);
        let export = CascadeExport {
            found: run.found(),
            methods: player.methods.clone(),
            files: player.files.clone(),
            gray: shown.gray(&run.case.plane),
            options: player.options(shown.map),
            caution: self.state.caution(&run.model, run.case.is_phantom()),
            run,
        };
        let start = Start { name: "Write a cascade".to_owned(), lane: Lane::Write, urgent: false, listed: true };
        self.services.jobs.start(start, move |watch| match export.write(&folder, watch) {
            Ok(written) => {
                let name = written.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                Ending::Done(Some(format!("in the folder {name}")))
            }
            Err(_) if watch.is_cancelled() => Ending::Cancelled,
            Err(error) => watch.failed(error.told().named(folder.display().to_string())),
        });
    }

    /// The last state of the cascade that is shown; 0 where there is none.
    pub(super) fn last_state(&self) -> usize {
        self.cascade().map_or(0, |run| run.states.len() - 1)
    }

    /// Runs a command of the player.
    pub(super) fn run_player(&mut self, command: Command) {
        if self.state.view != View::Cascade {
            return;
        }
        let last = self.last_state();
        let player = &mut self.state.player;
        match command {
            Command::PlayPause => player.toggle(last),
            Command::NextState => player.step(true, last),
            Command::PreviousState => player.step(false, last),
            _ => {}
        }
    }

    /// Moves the player on, and asks to be drawn when something else will be seen.
    pub(super) fn play(&mut self, context: &egui::Context) {
        if self.state.view != View::Cascade {
            self.state.player.is_playing = false;
        }
        let last = self.last_state();
        if last > 0 && self.state.player.position > last as f32 {
            self.state.player.scrub(last as f32, last);
        }
        let now_secs = context.input(|input| input.time);
        if let Some(wait_secs) = self.state.player.follow(now_secs, last) {
            context.request_repaint_after(std::time::Duration::from_secs_f64(wait_secs));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playing(loops: bool) -> Player {
        Player { is_playing: true, loops, ..Player::default() }
    }

    /// Positions after steps of `step_secs`.
    fn course(player: &mut Player, steps: usize, step_secs: f64, last: usize) -> Vec<f32> {
        (0..steps)
            .map(|step| {
                player.follow(step as f64 * step_secs, last);
                player.position
            })
            .collect()
    }

    #[test]
    fn states_stand_still_and_fade() {
        let course = course(&mut playing(true), 16, 0.1, 2);
        assert!(course[..9].iter().all(|position| *position == 0.0), "{course:?}");
        let fading = &course[10..13];
        assert!(
            fading.windows(2).all(|two| two[0] < two[1]) && fading.iter().all(|at| *at > 0.0 && *at < 1.0),
            "{course:?}"
        );
        assert_eq!(course[14..15].to_vec(), [1.0]);
    }

    #[test]
    fn it_tells_when_something_else_will_be_seen() {
        let mut player = playing(true);
        let still = player.follow(0.0, 2).unwrap();
        assert!((still - 0.9).abs() < 1e-9, "a state that stands still needs no frame: {still}");
        let fading = player.follow(1.0, 2).unwrap();
        assert!(fading <= FRAME_SECS && player.position > 0.0, "{fading}");
        player.is_playing = false;
        assert_eq!(player.follow(1.1, 2), None);
    }

    #[test]
    fn the_end_begins_again_or_stops() {
        // Three states: 0.9 + 0.4 + 0.9 + 0.4 + 1.8 seconds.
        let mut looping = playing(true);
        let positions = course(&mut looping, 50, 0.1, 2);
        assert!(looping.is_playing && positions[43] > 1.99 && positions[49] == 0.0, "{positions:?}");
        let mut once = playing(false);
        let positions = course(&mut once, 50, 0.1, 2);
        assert!(!once.is_playing && positions[49] > 1.99, "{positions:?}");
        once.toggle(2);
        assert!(once.is_playing && once.position == 0.0, "played again from the beginning");
    }

    #[test]
    fn without_fading_it_jumps_and_speed_shortens_everything() {
        let mut player = Player { fades: false, speed: 2.0, ..playing(true) };
        let positions = course(&mut player, 30, 0.05, 3);
        assert!(positions.iter().all(|position| position.fract() == 0.0), "{positions:?}");
        assert_eq!([8, 10, 19].map(|step| positions[step]).to_vec(), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn steps_go_to_whole_states_and_stop() {
        let mut player = Player { position: 1.4, ..playing(true) };
        player.step(true, 3);
        assert_eq!((player.position, player.is_playing), (2.0, false));
        player.scrub(1.4, 3);
        player.step(false, 3);
        assert_eq!(vec![player.position], [1.0]);
        player.scrub(9.0, 3);
        player.step(true, 3);
        assert_eq!(vec![player.position], [3.0]);
        player.scrub(f32::NAN, 3);
        assert_eq!(vec![player.position], [0.0]);
    }
}
