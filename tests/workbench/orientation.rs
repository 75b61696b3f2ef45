//! Turn, mirroring and inversion belong to an image, and are said in words wherever it is shown or exported so.

use std::fs;
use std::path::Path;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use saliscope::display::Orientation;
use saliscope::radiograph::dicom::DicomImage;
use saliscope::saliency::Method;
use saliscope::workbench::{
    Action, Command, CompareMode, EntryId, ExportWhat, Opening, Restoring, Session, Shown, ToneChoice, View, Workbench,
};

use super::compare::{comparing, until_finished};
use super::painted::texts;
use super::window::{Window, empty_at, opened, press, until, with_phantoms, write_png};

const OWN: Orientation = Orientation { quarter_turns: 0, is_mirrored: false, is_inverted: false };

/// Phantoms, the first of which is shown.
fn cases(count: u64, view: View) -> (Window, Vec<EntryId>) {
    let mut window = with_phantoms(count);
    let ids: Vec<EntryId> = window.state().state.list.listed().to_vec();
    window.state_mut().state.view = view;
    window.state_mut().apply(Action::Select(ids[0]));
    until(&mut window, |workbench| workbench.stage.is_some());
    (window, ids)
}

fn run(window: &mut Window, command: Command) {
    window.state_mut().apply(Action::Run(command));
    window.run();
}

fn seen(window: &Window) -> Orientation {
    window.state().state.shown.orientation()
}

/// Whether a text is painted, whole and within its picture.
fn paints(window: &Window, text: &str) -> bool {
    texts(window).iter().any(|painted| {
        painted.text == text && !painted.is_elided && painted.clip.expand(0.5).contains_rect(painted.rect)
    })
}

/// Whether any text is painted that says that something is turned, mirrored or inverted.
fn says_orientation(window: &Window) -> bool {
    texts(window).iter().any(|painted| {
        let text = painted.text.to_lowercase();
        !text.contains("turned off")
            && ["mirrored", "turned 90", "turned 180", "90° right"].iter().any(|word| text.contains(word))
    })
}

#[test]
fn no_image_takes_over_how_the_one_before_it_lay() {
    let (mut window, ids) = cases(3, View::Case);
    for command in [Command::Flip, Command::RotateRight, Command::Invert] {
        run(&mut window, command);
    }
    let first = Orientation { quarter_turns: 1, is_mirrored: true, is_inverted: true };
    assert_eq!(seen(&window), first);
    window.key_press_modifiers(Modifiers::NONE, Key::ArrowDown);
    window.run();
    assert_eq!(window.state().state.list.current, Some(ids[1]));
    assert_eq!(seen(&window), OWN, "the next image lies as its file wants");
    assert!(!says_orientation(&window));
    run(&mut window, Command::Invert);
    window.state_mut().apply(Action::Select(ids[2]));
    window.run();
    assert_eq!(seen(&window), OWN);
    window.state_mut().apply(Action::Select(ids[0]));
    assert_eq!(seen(&window), first, "coming back brings it back");
    window.state_mut().apply(Action::Select(ids[1]));
    assert_eq!(seen(&window), Orientation { is_inverted: true, ..OWN });
    // One that is taken off the list leaves nothing to the next.
    window.state_mut().apply(Action::Remove(ids[1]));
    assert_eq!((window.state().state.list.current, seen(&window)), (Some(ids[2]), OWN));
    // And one opened anew begins as its file wants.
    let folder = tempfile::tempdir().unwrap();
    let path = write_png(folder.path(), "a.png", 7);
    window.state_mut().apply(Action::Select(ids[0]));
    window.state_mut().apply(Action::OpenPaths(vec![path]));
    until(&mut window, |workbench| workbench.state.list.entries().len() == 3);
    assert_eq!(seen(&window), OWN);
    // Zoom goes along, as before.
    assert_eq!(window.state().state.orientation(ids[0]), first);
}

#[test]
fn a_drag_that_goes_on_while_the_next_image_comes_leaves_its_turn_behind() {
    let (mut window, ids) = cases(2, View::Case);
    run(&mut window, Command::Flip);
    let at = egui::pos2(700.0, 400.0);
    let press = |pressed| egui::Event::PointerButton {
        pos: at,
        button: egui::PointerButton::Middle,
        pressed,
        modifiers: Modifiers::NONE,
    };
    window.hover_at(at);
    window.step();
    window.event(press(true));
    window.step();
    window.hover_at(at + egui::vec2(20.0, 0.0));
    window.step();
    window.hover_at(at + egui::vec2(40.0, 0.0));
    window.step();
    let moved = |window: &Window| (window.state().state.shown.look.center[0] - 0.5).abs();
    let before = moved(&window);
    assert!(before > 0.01, "the drag is one");
    // In one frame the hand moves and the next image is asked for.
    let key = egui::Event::Key {
        key: Key::ArrowDown,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::NONE,
    };
    window.input_mut().events.extend([egui::Event::PointerMoved(at + egui::vec2(60.0, 0.0)), key]);
    window.step();
    assert_eq!(window.state().state.list.current, Some(ids[1]));
    assert!(moved(&window) > before, "the hand moved in that frame");
    assert_eq!(seen(&window), OWN);
    window.event(press(false));
    window.run();
    assert_eq!(window.state().state.list.current, Some(ids[1]));
    assert_eq!(seen(&window), OWN);
    assert!(window.state().state.orientation(ids[0]).is_mirrored);
}

#[test]
fn undo_takes_a_turn_back_where_it_was_made() {
    let (mut window, ids) = cases(2, View::Case);
    run(&mut window, Command::RotateLeft);
    window.state_mut().apply(Action::Select(ids[1]));
    run(&mut window, Command::Invert);
    run(&mut window, Command::Undo);
    assert_eq!(seen(&window), OWN);
    assert_eq!(window.state().state.orientation(ids[0]).quarter_turns, 3, "that was another step");
    run(&mut window, Command::Undo);
    assert_eq!(seen(&window), OWN, "the image shown is not turned back by a quarter");
    assert_eq!(window.state().state.orientation(ids[0]), OWN);
    run(&mut window, Command::Redo);
    assert_eq!((seen(&window), window.state().state.orientation(ids[0]).quarter_turns), (OWN, 3));
    run(&mut window, Command::Redo);
    assert!(seen(&window).is_inverted);
    // A method is taken back without a turn.
    window.state_mut().apply(Action::Select(ids[0]));
    window.state_mut().apply(Action::ShowMethod(Method::Xrai));
    window.state_mut().apply(Action::Select(ids[1]));
    run(&mut window, Command::Undo);
    assert_eq!(window.state().state.shown.method, Shown::default().method);
    assert_eq!(seen(&window), Orientation { is_inverted: true, ..OWN });
}

#[test]
fn the_words_stand_over_the_picture_whatever_is_switched_off() {
    let (mut window, _) = cases(1, View::Case);
    assert!(!says_orientation(&window));
    for command in [Command::Flip, Command::RotateRight, Command::Invert] {
        run(&mut window, command);
    }
    let words = "Mirrored · turned 90° clockwise · inverted";
    assert!(paints(&window, words));
    assert!(window.query_all_by_label_contains(&words.to_lowercase()).next().is_some(), "assistive programs are told");
    for command in [Command::ToggleCornerText, Command::ToggleIdentity, Command::ToggleMap, Command::ToggleTruth] {
        run(&mut window, command);
        assert!(paints(&window, words), "{command:?}");
    }
    window.state_mut().state.tools.is_peeking = true;
    window.state_mut().apply(Action::SetPeeking(true));
    window.step();
    assert!(paints(&window, words));
    run(&mut window, Command::RotateRight);
    assert!(paints(&window, "Mirrored · turned 180° · inverted"));
    run(&mut window, Command::ResetView);
    assert!(!says_orientation(&window) && !texts(&window).iter().any(|painted| painted.text == "Inverted"));
    // Smaller than any tile of a comparison that is drawn.
    window.state_mut().apply(Action::Run(Command::ToggleStudyList));
    for command in [Command::Flip, Command::RotateRight, Command::Invert] {
        run(&mut window, command);
    }
    for width in [520.0, 460.0, 420.0] {
        window.set_size(egui::vec2(width, 420.0));
        window.step();
        window.step();
        assert!(says_orientation(&window), "{width}");
        let said = texts(&window).into_iter().find(|painted| painted.text.to_lowercase().contains("mirrored")).unwrap();
        assert!(said.clip.expand(0.5).contains_rect(said.rect) && !said.is_elided, "{width}: {:?}", said.rect);
    }
}

#[test]
fn compared_images_lie_each_by_itself_and_share_where_somebody_looks() {
    let (mut window, ids) = cases(3, View::Compare);
    window.state_mut().apply(Action::SetCompareMode(CompareMode::Images));
    for id in &ids {
        window.state_mut().apply(Action::ToggleCompared(*id));
    }
    until(&mut window, |workbench| {
        workbench.state.tiles().iter().all(|tile| workbench.services.shelf.case(tile.entry).is_some())
    });
    let of = |window: &Window| [0, 1, 2].map(|tile| window.state().state.tile_shown(tile).orientation());
    run(&mut window, Command::Flip);
    let mirrored = Orientation { is_mirrored: true, ..OWN };
    assert_eq!(of(&window), [mirrored, OWN, OWN]);
    // Another tile's image, and zoom for all.
    let mut shown = window.state().state.tile_shown(1);
    shown.look.zoom = 2.0;
    shown.look.quarter_turns = 2;
    shown.is_inverted = true;
    window.state_mut().apply(Action::ShowTile(1, Box::new(shown)));
    window.run();
    let turned = Orientation { quarter_turns: 2, is_mirrored: false, is_inverted: true };
    assert_eq!(of(&window), [mirrored, turned, OWN]);
    assert!([0, 1, 2].iter().all(|tile| (window.state().state.tile_shown(*tile).look.zoom - 2.0).abs() < 1e-9));
    for words in ["Mirrored", "Turned 180° · inverted"] {
        assert_eq!(texts(&window).iter().filter(|painted| painted.text == words).count(), 1, "{words}");
    }
    // The same image in the case view.
    window.state_mut().apply(Action::Select(ids[1]));
    window.state_mut().apply(Action::SetView(View::Case));
    assert_eq!(seen(&window), turned);
    window.state_mut().apply(Action::SetView(View::Compare));
    assert_eq!(of(&window), [mirrored, turned, OWN], "tiles keep their images' own whichever is current");
    // Unlinked tiles as well.
    for link in ["Link look", "Link window"] {
        press(&mut window, link);
    }
    assert_eq!(of(&window), [mirrored, turned, OWN]);
    // Changes that follow each other at once are one step.
    while window.state().state.undo.can_undo() {
        run(&mut window, Command::Undo);
    }
    assert_eq!(of(&window), [OWN; 3]);
}

#[test]
fn keys_turn_the_compared_image_under_the_pointer() {
    let (mut window, ids) = cases(2, View::Compare);
    window.state_mut().apply(Action::SetCompareMode(CompareMode::Images));
    for id in &ids {
        window.state_mut().apply(Action::ToggleCompared(*id));
    }
    until(&mut window, |workbench| {
        workbench.state.tiles().iter().all(|tile| workbench.services.shelf.case(tile.entry).is_some())
    });
    let second = window.get_by_label_contains("Phantom 1 picture").rect().center();
    window.hover_at(second);
    window.run();
    window.key_press_modifiers(Modifiers::NONE, Key::I);
    window.run();
    let inverted = |window: &Window| [0, 1].map(|tile| window.state().state.tile_shown(tile).is_inverted);
    assert_eq!(inverted(&window), [false, true]);
    window.remove_cursor();
    window.run();
    window.key_press_modifiers(Modifiers::NONE, Key::I);
    window.run();
    assert_eq!(inverted(&window), [true, true], "else the current one");
}

fn close(window: &mut Window) {
    eframe::App::on_exit(window.state_mut());
}

fn at(home: &Path) -> Window {
    opened(Opening { home: Some(home.to_owned()), ..Opening::default() })
}

/// The orientation of the files of a window by their titles.
fn lying(workbench: &Workbench) -> Vec<(String, Orientation)> {
    let state = &workbench.state;
    state.list.entries().iter().map(|entry| (entry.title.to_string(), state.orientation(entry.id))).collect()
}

#[test]
fn a_session_keeps_how_each_image_lay() {
    let (home, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut window = empty_at(Some(home.path()));
    let paths = ["a.png", "b.png", "c.png"].map(|name| write_png(data.path(), name, name.as_bytes()[0])).to_vec();
    window.state_mut().apply(Action::OpenPaths(paths));
    until(&mut window, |workbench| workbench.state.list.entries().len() == 3);
    let ids: Vec<EntryId> = window.state().state.list.entries().iter().map(|entry| entry.id).collect();
    window.state_mut().apply(Action::OpenCohort("phantom:9:5".to_owned()));
    until(&mut window, |workbench| workbench.state.list.entries().len() == 8);
    let cohort_case = window.state().state.list.entries()[5].id;
    for (id, commands) in [
        (ids[0], vec![Command::Flip]),
        (cohort_case, vec![Command::RotateRight]),
        (ids[1], vec![Command::Invert, Command::RotateLeft]),
    ] {
        window.state_mut().apply(Action::Select(id));
        for command in commands {
            window.state_mut().apply(Action::Run(command));
        }
    }
    let before = lying(window.state());
    assert_eq!(before.iter().filter(|(_, orientation)| !orientation.is_own()).count(), 3);
    close(&mut window);
    drop(window);
    let mut window = at(home.path());
    until(&mut window, |workbench| workbench.state.list.entries().len() == 8);
    assert_eq!(lying(window.state()), before);
    assert_eq!(seen(&window), Orientation { quarter_turns: 3, is_inverted: true, ..OWN });
    assert!(window.state().state.list.current.is_some());

    // A session of a program that had one for all images: it belongs to the one that was shown.
    close(&mut window);
    drop(window);
    let path = home.path().join("session.json");
    let mut file: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    file["content"].as_object_mut().unwrap().remove("orientations");
    file["content"]["shown"]["is_inverted"] = true.into();
    file["content"]["shown"]["look"]["is_flipped"] = true.into();
    file["content"]["shown"]["look"]["quarter_turns"] = 1.into();
    fs::write(&path, file.to_string()).unwrap();
    let window_of_before = |file: &serde_json::Value| {
        fs::write(&path, file.to_string()).unwrap();
        let mut window = at(home.path());
        until(&mut window, |workbench| workbench.state.list.entries().len() == 8);
        window
    };
    let window = window_of_before(&file);
    let turned: Vec<_> = lying(window.state()).into_iter().filter(|(_, orientation)| !orientation.is_own()).collect();
    let all = Orientation { quarter_turns: 1, is_mirrored: true, is_inverted: true };
    assert_eq!(turned, [("b.png".to_owned(), all)]);
    assert_eq!(seen(&window), all);
    drop(window);

    // Lies about turns are left out, and the rest is read.
    file["content"]["orientations"] = serde_json::json!([
        {"case": {"file": data.path().join("a.png")}, "quarter_turns": 9},
        {"case": {"file": data.path().join("c.png")}, "is_mirrored": true},
        {"case": 7}, "nothing",
    ]);
    let window = window_of_before(&file);
    let turned: Vec<_> = lying(window.state()).into_iter().filter(|(_, orientation)| !orientation.is_own()).collect();
    assert_eq!(turned, [("c.png".to_owned(), Orientation { is_mirrored: true, ..OWN })]);
    assert_eq!(window.state().state.shown.tone, ToneChoice::AsStored);
}

#[test]
fn a_session_says_nothing_of_images_that_lie_as_their_files_want() {
    let (mut window, ids) = cases(2, View::Case);
    window.state_mut().apply(Action::Select(ids[1]));
    let session = Session::of(&window.state().state, &Restoring::default());
    assert_eq!(session.orientations, Some(Vec::new()));
    assert_eq!(session.shown, window.state().state.shown.upright());
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Exports through the dialog.
fn export(window: &mut Window, command: Command, what: ExportWhat, target: &Path) {
    window.state_mut().apply(Action::Run(command));
    let form = &mut window.state_mut().state.dialogs.export_form;
    form.what = what;
    form.target = target.to_string_lossy().into_owned();
    form.follow_target();
    window.run();
    press(window, "Write the files");
    until(window, |workbench| !workbench.state.dialogs.export);
}

#[test]
fn exports_carry_each_image_as_it_lies_and_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = comparing(CompareMode::Images);
    let ids: Vec<EntryId> = window.state().state.list.listed()[..3].to_vec();
    window.state_mut().apply(Action::Select(ids[0]));
    for id in &ids[1..] {
        window.state_mut().apply(Action::ToggleCompared(*id));
    }
    until_finished(&mut window);
    run(&mut window, Command::Flip);
    run(&mut window, Command::RotateRight);
    let mut shown = window.state().state.tile_shown(1);
    shown.is_inverted = true;
    window.state_mut().apply(Action::ShowTile(1, Box::new(shown)));
    let target = folder.path().join("images.svg");
    export(&mut window, Command::ExportFigure, ExportWhat::Screen, &target);
    let svg = fs::read_to_string(&target).unwrap();
    let count = |words: &str| svg.matches(&format!(">{words}<")).count();
    assert_eq!((count("Mirrored · turned 90° clockwise"), count("Inverted")), (1, 1), "each picture its own words");
    let record = json(&target.with_extension("record.json"));
    let orientations = record["orientations"].as_array().unwrap();
    assert_eq!((&orientations[0]["image"], &orientations[1]["image"]), (&0.into(), &1.into()));
    assert_eq!(orientations[0]["words"], "Mirrored · turned 90° clockwise");
    assert_eq!((&orientations[0]["quarter_turns"], &orientations[0]["is_mirrored"]), (&1.into(), &true.into()));
    assert_eq!(orientations[1]["words"], "Inverted");
    assert_eq!(orientations.len(), 2);
    assert_eq!(record["display"]["view"]["mirrored"], true);

    // What shows the whole image as it lies in its file says nothing of a turn.
    let whole = folder.path().join("whole.svg");
    export(&mut window, Command::ExportFigure, ExportWhat::SingleCase, &whole);
    let svg = fs::read_to_string(&whole).unwrap();
    assert!(!svg.contains("irrored") && !svg.contains("90°") && !svg.contains("nverted"));
    assert!(json(&whole.with_extension("record.json")).get("orientations").is_none());

    // Captures show gray levels as they are seen, and say so twice: in the picture and in its attributes.
    window.state_mut().apply(Action::Select(ids[1]));
    export(&mut window, Command::ExportDicom, ExportWhat::Dicom, &folder.path().join("map.dcm"));
    let capture = fs::read(folder.path().join("map_capture.dcm")).unwrap();
    let says = |bytes: &[u8], words: &str| bytes.windows(words.len()).any(|window| window == words.as_bytes());
    assert!(says(&capture, "Shown other than stored: Inverted."));
    window.state_mut().apply(Action::Select(ids[2]));
    until_finished(&mut window);
    export(&mut window, Command::ExportDicom, ExportWhat::Dicom, &folder.path().join("own.dcm"));
    let own = fs::read(folder.path().join("own_capture.dcm")).unwrap();
    assert!(!says(&own, "Shown other than stored"));
    // The copy that segmentations lie over is never inverted.
    let copy = DicomImage::open(&folder.path().join("map_radiograph.dcm")).unwrap().frame(0).unwrap();
    let workbench = window.state();
    let case = workbench.services.shelf.case(ids[1]).unwrap();
    let gray = case.radiograph.gray_levels();
    let alike = copy
        .stored
        .values
        .iter()
        .zip(gray.iter())
        .filter(|(a, b)| (f64::from(**a) - f64::from(**b)).abs() < 3.0)
        .count();
    assert!(alike * 10 > gray.len() * 9, "{alike} of {}", gray.len());
}
