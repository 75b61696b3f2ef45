//! Which commands make sense right now, and which of them are switched on.

use super::command::Command;
use super::state::{State, View};

impl Command {
    /// Why the command can do nothing now; nothing where it can.
    pub fn obstacle(self, state: &State) -> Option<&'static str> {
        let no_case = state.list.current.is_none().then_some("Open a case first");
        let no_model = state.models.is_empty().then_some("Open a model first");
        match self {
            Self::Undo => (!state.undo.can_undo()).then_some("Nothing was changed yet"),
            Self::Redo => (!state.undo.can_redo()).then_some("Nothing was undone"),
            Self::NextCase | Self::PreviousCase => state.list.listed().is_empty().then_some("No case is listed"),
            Self::PredictAll => state.list.listed().is_empty().then_some("No case is listed").or(no_model),
            Self::RemoveCase
            | Self::ExportFigure
            | Self::ResetView
            | Self::Fit
            | Self::OneToOne
            | Self::ZoomIn
            | Self::ZoomOut
            | Self::RotateLeft
            | Self::RotateRight
            | Self::Flip
            | Self::Measure => no_case,
            Self::ExportMaps | Self::ExportDicom | Self::ExplainAgain => no_case.or(no_model),
            Self::ExplainAnyway if state.explains_anyway => Some("Models explain anyway until the window is closed"),
            Self::ExplainAnyway => {
                let is_cautioned = state.models.iter().any(|model| state.caution(model, false).is_some());
                (!is_cautioned).then_some("No open model is held back from images of patients")
            }
            Self::NextModel | Self::PreviousModel => {
                no_model.or((state.models.len() < 2).then_some("Only one model is open"))
            }
            Self::PlayPause | Self::NextState | Self::PreviousState => {
                (state.view != View::Cascade).then_some("Belongs to the cascade view")
            }
            _ => None,
        }
    }

    /// Whether what the command switches is on; nothing for commands that switch nothing.
    pub fn is_on(self, state: &State) -> Option<bool> {
        let (shown, tools) = (&state.shown, &state.tools);
        Some(match self {
            Self::ShowCase => state.view == View::Case,
            Self::ShowCompare => state.view == View::Compare,
            Self::ShowCascade => state.view == View::Cascade,
            Self::ShowBenchmark => state.view == View::Benchmark,
            Self::ToggleStudyList => state.has_study_list,
            Self::ToggleInspector => state.has_inspector,
            Self::ToggleMap => shown.map.visible,
            Self::ToggleContour => shown.has_contour,
            Self::Invert => shown.is_inverted,
            Self::Smooth => shown.is_smooth,
            Self::Magnifier => tools.magnifier,
            Self::Measure => tools.measure,
            Self::Crosshair => tools.crosshair,
            Self::ToggleTruth => shown.has_truth,
            Self::ToggleOverlays => shown.has_overlays,
            Self::ToggleCornerText => shown.has_corner_text,
            Self::ToggleIdentity => shown.has_identity,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::{Finding, PhantomSpec};
    use crate::reading::CaseSource;
    use crate::workbench::settings::Settings;

    #[test]
    fn an_empty_window_offers_opening_and_little_else() {
        let mut state = State::new(Settings::default());
        for command in [Command::OpenFiles, Command::OpenDemo, Command::Palette, Command::ToggleTruth] {
            assert_eq!(command.obstacle(&state), None, "{command:?}");
        }
        for command in [Command::Undo, Command::RemoveCase, Command::PredictAll, Command::NextModel, Command::PlayPause]
        {
            assert!(command.obstacle(&state).is_some(), "{command:?}");
        }
        let spec = PhantomSpec { seed: 1, index: 0, size_px: 128, finding: Finding::None };
        state.list.current = Some(state.list.add(CaseSource::Phantom(spec), &"".into()));
        assert_eq!(Command::RemoveCase.obstacle(&state), None);
        assert_eq!(Command::ExplainAgain.obstacle(&state), Some("Open a model first"));
    }
}
