//! Models of other programs: what is found, what the user states, what is written and opened.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use egui_kittest::kittest::Queryable as _;
use flate2::read::GzDecoder;
use saliscope::network::{Output, Scaling};
use saliscope::reading::ModelSource;
use saliscope::workbench::Action;

use super::window::{Window, empty, is_enabled, press, says, type_into, until};

fn unpacked(folder: &Path, name: &str) -> PathBuf {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/foreign/{name}.gz"));
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(packed).unwrap()).read_to_end(&mut bytes).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn settle(window: &mut Window) {
    for _ in 0..2 {
        until(window, |workbench| !workbench.services.jobs.is_busy());
    }
}

/// Puts `text` in the place of what a field holds.
fn retype(window: &mut Window, label: &str, text: &str) {
    window.get_by_label(label).focus();
    window.run();
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    window.run();
    type_into(window, label, text);
}

#[test]
fn a_model_of_another_program_is_asked_about_written_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = unpacked(folder.path(), "torch_densenet_lightning.pth");
    let mut window = empty();
    window.state_mut().apply(Action::OpenPaths(vec![path.clone()]));
    settle(&mut window);
    assert!(window.state().state.models.is_empty(), "nothing is opened before the user said what the file does not");
    assert!(says(&window, "densenet_121 from") && says(&window, "Its file seldom says these"));

    retype(&mut window, "Images it was trained on", "none");
    assert!(says(&window, "The image size is a side of") && !is_enabled(&window, "Convert and open"));
    retype(&mut window, "Images it was trained on", "64x48");
    press(&mut window, "Gray levels become");
    press(&mut window, "values of black and white");
    type_into(&mut window, "Black", "-1024");
    assert!(!is_enabled(&window, "Convert and open"), "white is missing");
    type_into(&mut window, "White", "1024");
    assert!(is_enabled(&window, "Convert and open"));
    press(&mut window, "labels of their own (sigmoid)");
    press(&mut window, "patients");
    press(&mut window, "Convert and open");
    settle(&mut window);
    let words: Vec<_> = window.state().services.jobs.reports().iter().map(|report| report.words(true)).collect();
    assert!(window.state().state.dialogs.convert.is_none(), "{words:?}");
    let state = &window.state().state;
    let [model] = state.models.as_slice() else { panic!("{} models are open", state.models.len()) };
    let card = &model.model.card;
    assert_eq!(card.input_size, [64, 48]);
    assert_eq!((&card.scaling, card.scaling_assumed), (&Scaling::Range([-1024.0, 1024.0]), false));
    assert_eq!((card.output, card.trained_on_patients), (Some(Output::Sigmoid), Some(true)));
    assert_eq!(model.source, ModelSource::File(path.with_extension("safetensors")));
    let written: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
    assert_eq!(written["sha256"], serde_json::json!(model.sha256()));

    // Once more under the same name: the files that are there stay.
    let before = std::fs::read(path.with_extension("json")).unwrap();
    window.state_mut().apply(Action::OpenModel(ModelSource::File(path.clone())));
    settle(&mut window);
    press(&mut window, "Convert and open");
    settle(&mut window);
    assert!(says(&window, "a file has that name"));
    assert_eq!(std::fs::read(path.with_extension("json")).unwrap(), before);
    press(&mut window, "Close open a model of another program");
    assert!(window.query_by_label("Convert and open").is_none());

    // A card that was changed since makes another model of the same weights: nothing known of the former is shown for it.
    let former = window.state().state.models[0].identity().to_owned();
    let mut changed = written;
    changed["range"] = serde_json::json!([-1000.0, 1000.0]);
    std::fs::write(path.with_extension("json"), changed.to_string()).unwrap();
    window.state_mut().apply(Action::OpenModel(ModelSource::File(path.with_extension("safetensors"))));
    settle(&mut window);
    let state = &window.state().state;
    let [model] = state.models.as_slice() else { panic!("{} models are open", state.models.len()) };
    assert_eq!(model.model.card.scaling, Scaling::Range([-1000.0, 1000.0]));
    assert_ne!(model.identity(), former);
}

#[test]
fn a_file_that_gives_no_model_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = unpacked(folder.path(), "torch_other.pth");
    let mut window = empty();
    window.state_mut().apply(Action::OpenModel(ModelSource::File(path)));
    settle(&mut window);
    assert!(window.state().state.dialogs.convert.is_none() && window.state().state.models.is_empty());
    let reports = window.state().services.jobs.reports();
    let words: Vec<String> = reports.iter().filter_map(|report| report.words(true)).collect();
    assert!(words.iter().any(|words| words.contains("torch_other")), "{words:?}");
}
