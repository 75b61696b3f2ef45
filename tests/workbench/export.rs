//! The export dialog: anonymous unless asked, the screen's own pixels, and old files that stay where a new one fails.

use std::path::Path;

use saliscope::drawing::{CasePicture, MapLayer};
use saliscope::figure::NOT_FOR_DIAGNOSIS;
use saliscope::workbench::{
    Action, Command, CompareMode, ExportWhat, FigureFormat, FigureWidth, MapValues, TileSubject, View,
};

use super::compare::{answer, comparing, until_finished};
use super::window::{Window, press, says, until};

/// Opens the dialog for a command and types a target.
fn dialog(window: &mut Window, command: Command, target: &Path) {
    window.state_mut().apply(Action::Run(command));
    let form = &mut window.state_mut().state.dialogs.export_form;
    form.target = target.to_string_lossy().into_owned();
    form.follow_target();
    window.run();
}

/// Writes, and waits until the dialog is gone.
fn write(window: &mut Window) {
    press(window, "Write the files");
    until(window, |workbench| !workbench.state.dialogs.export);
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn exports_are_anonymous_until_the_user_says_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = comparing(CompareMode::Models);
    until_finished(&mut window);
    dialog(&mut window, Command::ExportFigure, &folder.path().join("figure.svg"));
    assert!(!window.state().state.dialogs.export_form.has_identity);
    assert_eq!(window.state().state.dialogs.export_form.format, FigureFormat::Svg);
    assert!(says(&window, "Anonymous:") && says(&window, NOT_FOR_DIAGNOSIS));
    press(&mut window, "Name and number of the patient");
    assert!(says(&window, "The files will say whose images they are"));
    press(&mut window, "Close export");
    assert!(!window.state().state.dialogs.export);
    dialog(&mut window, Command::ExportFigure, &folder.path().join("figure.svg"));
    assert!(!window.state().state.dialogs.export_form.has_identity, "what was once asked for is not asked for again");
    write(&mut window);
    let svg = std::fs::read_to_string(folder.path().join("figure.svg")).unwrap();
    assert!(svg.contains(NOT_FOR_DIAGNOSIS));
    let record = json(&folder.path().join("figure.record.json"));
    assert_eq!(record["notice"], NOT_FOR_DIAGNOSIS);
    assert!(record.get("identity").is_none());
    assert_eq!((record["models"].as_array().unwrap().len(), record["maps"].as_array().unwrap().len()), (4, 4));
}

#[test]
fn raw_maps_on_one_scale_are_exported_on_that_scale() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = comparing(CompareMode::Models);
    window.state_mut().state.shown.values = MapValues::Raw;
    until_finished(&mut window);
    let workbench = window.state();
    let ranges =
        workbench.state.tiles().iter().map(|tile| answer(workbench, tile).unwrap().raw_range).collect::<Vec<_>>();
    let low = ranges.iter().map(|range| range[0]).fold(f32::INFINITY, f32::min);
    let high = ranges.iter().map(|range| range[1]).fold(f32::NEG_INFINITY, f32::max);
    dialog(&mut window, Command::ExportFigure, &folder.path().join("raw.png"));
    write(&mut window);
    let range: [f32; 2] =
        serde_json::from_value(json(&folder.path().join("raw.record.json"))["display"]["map"]["range"].clone())
            .unwrap();
    assert_eq!(range, [low, high]);
}

#[test]
fn a_figure_at_one_to_one_has_the_pixels_of_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = comparing(CompareMode::Models);
    until_finished(&mut window);
    let state = &mut window.state_mut().state;
    state.view = View::Case;
    state.shown.look.zoom = 1.7;
    state.shown.look.center = [0.4, 0.55];
    state.shown.has_truth = false;
    window.step();
    let target = folder.path().join("screen.png");
    dialog(&mut window, Command::ExportFigure, &target);
    window.state_mut().state.dialogs.export_form.width = FigureWidth::Pixels;
    assert_eq!(window.state().state.dialogs.export_form.what, ExportWhat::Screen);
    write(&mut window);
    let figure = image::open(&target).unwrap().to_rgb8();

    let workbench = window.state();
    let state = &workbench.state;
    let subject =
        TileSubject { entry: state.list.current.unwrap(), model: state.model, method: Some(state.shown.method) };
    let case = workbench.services.shelf.case(subject.entry).unwrap();
    let stage = workbench.stage.unwrap();
    let mut picture = CasePicture::new(0, case.plane.clone(), state.shown.look.viewport(&stage));
    picture.gray = state.shown.gray(&case.plane);
    let map = answer(workbench, &subject).unwrap().display.clone();
    assert!(state.shown.map.visible);
    picture.map = Some(MapLayer { map, display: state.shown.map, fade: None });
    // What the shaders draw is tested to be this, to 1/255.
    let screen = picture.render();
    let is_there = |left: u32, top: u32, rows: u32| {
        (0..rows).all(|y| {
            (0..screen.width()).all(|x| {
                let (a, b) = (figure.get_pixel(left + x, top + y).0, screen.get_pixel(x, y).0);
                a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 1)
            })
        })
    };
    let places = (0..=figure.width() - screen.width())
        .flat_map(|left| (0..=figure.height() - screen.height()).map(move |top| (left, top)));
    let found = places.filter(|(left, top)| is_there(*left, *top, 1) && is_there(*left, *top, screen.height())).count();
    assert_eq!(found, 1, "{:?} in {:?}", screen.dimensions(), figure.dimensions());
}

#[test]
fn what_cannot_be_written_is_told_and_leaves_the_old_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = comparing(CompareMode::Models);
    until_finished(&mut window);
    dialog(&mut window, Command::ExportFigure, &folder.path().join("missing/figure.png"));
    press(&mut window, "Write the files");
    until(&mut window, |workbench| !workbench.services.jobs.is_busy());
    assert!(window.state().state.dialogs.export && says(&window, "cannot be written"));

    // The record has no place: the figure must not replace the old one either.
    let target = folder.path().join("figure.png");
    std::fs::write(&target, "old").unwrap();
    std::fs::create_dir(folder.path().join("figure.record.json")).unwrap();
    dialog(&mut window, Command::ExportFigure, &target);
    assert!(says(&window, "figure.png is there and will be replaced"));
    press(&mut window, "Write the files");
    until(&mut window, |workbench| !workbench.services.jobs.is_busy());
    assert!(says(&window, "what was there before is untouched"));
    assert_eq!(std::fs::read(&target).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
}

#[test]
fn dicom_and_raw_maps_are_written_beside_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = comparing(CompareMode::Models);
    until_finished(&mut window);
    dialog(&mut window, Command::ExportDicom, &folder.path().join("map.dcm"));
    write(&mut window);
    dialog(&mut window, Command::ExportMaps, &folder.path().join("maps.npz"));
    assert!(says(&window, "7 of 8 maps are not finished and left out"));
    write(&mut window);
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let expected = ["map_capture.dcm", "map_radiograph.dcm", "map_segmentation.dcm", "maps.json", "maps.npz"];
    assert_eq!(names, expected);
}
