//! A field for paths, where no dialog of the system answers; it takes texts of cohorts as well.

use std::path::PathBuf;

use egui::{Button, Context, Key, Modifiers, TextEdit};

use super::{change, dialog_ui};
use crate::cohort::CohortSpec;
use crate::reading::ModelSource;
use crate::workbench::action::{Action, Actions};
use crate::workbench::bench::BenchWish;
use crate::workbench::private_field::private_field_ui;
use crate::workbench::state::{PathField, PathPurpose, State};

/// Draws the field.
pub(super) fn path_ui(context: &Context, field: &PathField, state: &State, actions: &mut Actions) {
    let (title, label, example) = match field.purpose {
        PathPurpose::Images => ("Open images", "Path of an image", "/data/chest.dcm"),
        PathPurpose::Folder => ("Open a folder", "Path of a folder of images", "/data/radiographs"),
        PathPurpose::Cohort => ("Open a cohort", "Text of a cohort", "siim:/data/siim-acr"),
        PathPurpose::BenchmarkFolder => ("Start a benchmark", "Path of its folder", "/data/benchmark"),
        PathPurpose::BenchmarkOpen => ("Open a benchmark", "Path of the database or its folder", "/data/benchmark"),
        PathPurpose::CascadeExport => ("Export the cascade", "Path of a folder that is there", "/data/results"),
        PathPurpose::Model => ("Open a model", "Path of the weights", "/data/model.safetensors"),
    };
    let mut text = field.text.clone();
    let mut is_done = false;
    let is_closed = dialog_ui(context, title, 460.0, |ui| {
        let name = ui.label(label);
        let has_identity = state.shown.has_identity;
        let response = private_field_ui(
            ui,
            "path",
            &mut text,
            has_identity,
            |_| false,
            |text| TextEdit::singleline(text).hint_text(example).char_limit(4096).desired_width(f32::INFINITY),
        );
        let response = response.labelled_by(name.id);
        if ui.memory(|memory| memory.focused().is_none()) {
            response.request_focus();
        }
        if field.purpose == PathPurpose::Cohort {
            ui.label("siim:DIR, rsna:DIR, nih:DIR, vindr:DIR, folder:DIR or phantom:SEED:COUNT; behind it --task NAME, where several findings are named");
        } else {
            ui.label("No file dialog of the system answered; files can also be dropped onto the window");
        }
        ui.horizontal(|ui| {
            let is_filled = !text.trim().is_empty();
            let entered = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
            let open = ui.add_enabled(is_filled, Button::new("Open"));
            is_done = open.clicked() || (entered && is_filled);
            let choose =
                ui.button("Choose a file or folder…").on_hover_text("Asks with the system's dialog where there is one");
            if choose.clicked() {
                actions.send(Action::AskPath(field.purpose));
                ui.close();
            }
        });
    });
    if is_done {
        actions.send(wish(field.purpose, text.trim()));
    }
    if is_done || is_closed {
        change(state, actions, |dialogs| dialogs.path = None);
    } else if text != field.text {
        change(state, actions, |dialogs| dialogs.path = Some(PathField { purpose: field.purpose, text }));
    }
}

/// What to do with a typed text.
fn wish(purpose: PathPurpose, text: &str) -> Action {
    let is_cohort = text.parse::<CohortSpec>().is_ok();
    let path = match text.strip_prefix("~/").zip(directories::BaseDirs::new()) {
        Some((rest, base)) => base.home_dir().join(rest),
        None => PathBuf::from(text),
    };
    match purpose {
        PathPurpose::Model => Action::OpenModel(ModelSource::File(path)),
        PathPurpose::CascadeExport => Action::WriteCascade(path),
        PathPurpose::BenchmarkFolder => Action::Bench(Box::new(BenchWish::StartIn(path))),
        PathPurpose::BenchmarkOpen => Action::Bench(Box::new(BenchWish::Open(path))),
        PathPurpose::Images | PathPurpose::Folder | PathPurpose::Cohort if is_cohort => {
            Action::OpenCohort(text.to_owned())
        }
        // A cohort without a kind is told by what is in its folder; what is none at all is said by whoever opens it.
        PathPurpose::Images | PathPurpose::Folder | PathPurpose::Cohort => Action::OpenPaths(vec![path]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_paths_cohorts_or_models() {
        let is_paths =
            |action: &Action, path: &str| matches!(action, Action::OpenPaths(paths) if paths == &[PathBuf::from(path)]);
        assert!(is_paths(&wish(PathPurpose::Images, "/data/a b.dcm"), "/data/a b.dcm"));
        assert!(is_paths(&wish(PathPurpose::Cohort, "/data/siim"), "/data/siim"));
        assert!(
            matches!(wish(PathPurpose::Images, "phantom:7:50"), Action::OpenCohort(text) if text == "phantom:7:50")
        );
        let model = wish(PathPurpose::Model, "m.safetensors");
        assert!(matches!(model, Action::OpenModel(ModelSource::File(path)) if path.as_os_str() == "m.safetensors"));
    }
}
