//! One case with one map over it: keys, mouse, and what is computed without being asked.

use egui::{Key, Modifiers, PointerButton, Pos2, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use saliscope::display::{ColourMap, Opacity, WindowPreset};
use saliscope::export::hit_words;
use saliscope::reading::{Question, Standing};
use saliscope::saliency::{ClassChoice, Method, Preset};
use saliscope::workbench::{Action, Command, MapValues, Opening, Shown, ToneChoice, Workbench};

use crate::window::{Window, press, says, until};

/// The demo with its first case shown.
fn demo() -> Window {
    let mut window = Harness::builder()
        .with_size([1280.0, 800.0])
        .with_max_steps(500)
        .build_eframe(|creation| Workbench::new(&creation.egui_ctx, None, Opening::default()));
    until(&mut window, |workbench| workbench.stage.is_some() && workbench.state.models.len() == 4);
    window
}

fn key(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run();
}

fn plain(window: &mut Window, pressed: Key) {
    key(window, Modifiers::NONE, pressed);
}

fn shown(window: &Window) -> &Shown {
    &window.state().state.shown
}

/// Ends the work that opening began, so that nothing changes behind a test.
fn rest(window: &mut Window) {
    window.state().services.jobs.cancel_all();
    until(window, |workbench| !workbench.services.jobs.is_busy());
}

#[test]
fn methods_beyond_the_study_stand_in_the_menu_and_are_computed_once_they_are_chosen() {
    let mut window = demo();
    let standing = |workbench: &Workbench, method| {
        let case = workbench.services.shelf.case(workbench.state.list.current.unwrap()).unwrap();
        let key = workbench.state.question.key(case, workbench.state.model().unwrap(), method);
        workbench.services.explainer.standing(&key)
    };
    until(&mut window, |workbench| matches!(standing(workbench, Method::Ggcam), Standing::Ready(_)));
    for method in Method::beyond_study() {
        assert!(window.query_by_label(method.name()).is_some(), "{method} is in the menu");
        assert!(matches!(standing(window.state(), method), Standing::Absent), "{method} is computed by name only");
    }
    rest(&mut window);
    for method in [Method::LayerCam, Method::HiResCam] {
        press(&mut window, method.name());
        assert_eq!(shown(&window).method, method);
        until(&mut window, |workbench| matches!(standing(workbench, method), Standing::Ready(_)));
        rest(&mut window);
    }
    // Keys step through the study's methods, wherever they begin.
    plain(&mut window, Key::CloseBracket);
    assert_eq!(shown(&window).method, Method::Grad);
    press(&mut window, "HIRESCAM");
    plain(&mut window, Key::OpenBracket);
    assert_eq!(shown(&window).method, Method::Ggcam);
    rest(&mut window);
}

#[test]
fn the_demo_shows_a_case_its_prediction_and_all_eight_maps() {
    let mut window = demo();
    let standing = |workbench: &Workbench, method| {
        let case = workbench.services.shelf.case(workbench.state.list.current.unwrap()).unwrap();
        let key = workbench.state.question.key(case, workbench.state.model().unwrap(), method);
        workbench.services.explainer.standing(&key)
    };
    until(&mut window, |workbench| matches!(standing(workbench, Method::Gcam), Standing::Ready(_)));
    assert!(says(&window, "pneumothorax 9"), "the prediction in percent");
    assert!(says(&window, "AUPRC (trapezoid)") && says(&window, "Brightest pixels"));
    let Standing::Ready(answer) = standing(window.state(), shown(&window).method) else { panic!("the map is gone") };
    let hit = hit_words(answer.scores.unwrap().hit);
    assert!(window.query_all_by_label(&hit).next().is_some(), "the words of figures: {hit}");
    assert!(says(&window, "shipped with the program") && says(&window, "Utility: "), "nobody ran a benchmark");
    assert!(window.query_by_label("GCAM over Phantom 1").is_some(), "the picture has a name");
    until(&mut window, |workbench| {
        Method::STUDY.into_iter().all(|m| matches!(standing(workbench, m), Standing::Ready(_)))
    });
    assert_eq!(window.state().state.models.len(), 4, "several models are open at once");

    // Another question keeps the old map until the new one is there, and going back is instant.
    let before = window.state().state.question.clone();
    window.state_mut().apply(Action::Ask(Question::of(Preset::Arun2021)));
    window.step();
    rest(&mut window);
    window.state_mut().apply(Action::Ask(before));
    window.step();
    assert!(
        Method::STUDY.into_iter().all(|m| matches!(standing(window.state(), m), Standing::Ready(_))),
        "kept by content"
    );
    assert!(!window.state().services.jobs.is_busy());
}

#[test]
fn keys_change_how_the_case_is_shown_and_undo_takes_it_back() {
    let mut window = demo();
    rest(&mut window);
    plain(&mut window, Key::I);
    assert!(shown(&window).is_inverted);
    key(&mut window, Modifiers::COMMAND, Key::Z);
    assert!(!shown(&window).is_inverted);
    key(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert!(shown(&window).is_inverted);
    key(&mut window, Modifiers::COMMAND, Key::Z);
    key(&mut window, Modifiers::COMMAND, Key::Y);
    assert!(shown(&window).is_inverted, "Ctrl+Y brings it back as well");

    for (pressed, preset) in
        [(Key::Num1, WindowPreset::Full), (Key::Num3, WindowPreset::Lungs), (Key::Num5, WindowPreset::Bone)]
    {
        plain(&mut window, pressed);
        assert_eq!(shown(&window).tone, ToneChoice::Preset(preset));
    }
    plain(&mut window, Key::Num0);
    assert_eq!(shown(&window).tone, ToneChoice::AsStored);

    let most = shown(&window).map.opacity.most();
    plain(&mut window, Key::A);
    plain(&mut window, Key::A);
    plain(&mut window, Key::D);
    assert!((shown(&window).map.opacity.most() - (most - 0.1)).abs() < 1e-6);
    plain(&mut window, Key::K);
    assert_eq!(shown(&window).map.colour_map, ColourMap::Magma);
    plain(&mut window, Key::C);
    plain(&mut window, Key::T);
    plain(&mut window, Key::V);
    plain(&mut window, Key::P);
    let now = shown(&window);
    assert!(now.has_contour && !now.has_truth && !now.map.visible && !now.is_smooth);

    key(&mut window, Modifiers::ALT, Key::R);
    assert_eq!(shown(&window).look.quarter_turns, 1);
    key(&mut window, Modifiers::ALT, Key::F);
    assert!(shown(&window).look.is_flipped);
    plain(&mut window, Key::Plus);
    assert!(shown(&window).look.zoom > 1.0);
    plain(&mut window, Key::R);
    assert_eq!(shown(&window).look, Shown::default().look);
    assert!(!shown(&window).is_inverted);

    plain(&mut window, Key::CloseBracket);
    assert_eq!(shown(&window).method, Method::Xrai);
    plain(&mut window, Key::OpenBracket);
    plain(&mut window, Key::OpenBracket);
    assert_eq!(shown(&window).method, Method::Sig);
    let first = window.state().state.list.current;
    plain(&mut window, Key::ArrowDown);
    assert_ne!(window.state().state.list.current, first);
    plain(&mut window, Key::PageUp);
    assert_eq!(window.state().state.list.current, first);
    let asked = window.state().state.model;
    plain(&mut window, Key::Period);
    assert_ne!(window.state().state.model, asked);
    plain(&mut window, Key::Comma);
    assert_eq!(window.state().state.model, asked);
}

#[test]
fn holding_s_hides_the_map_and_letting_go_shows_it() {
    let mut window = demo();
    rest(&mut window);
    window.key_down(Key::S);
    window.step();
    window.step();
    assert!(window.state().state.tools.is_peeking);
    window.key_up(Key::S);
    window.step();
    window.step();
    assert!(!window.state().state.tools.is_peeking);
}

/// Drags over the picture with a button.
fn drag(window: &mut Window, button: PointerButton, by: Vec2) {
    let from = Pos2::new(560.0, 420.0);
    let modifiers = Modifiers::NONE;
    let press = |pos, pressed| egui::Event::PointerButton { pos, button, pressed, modifiers };
    window.hover_at(from);
    window.step();
    window.event(press(from, true));
    window.step();
    for part in 1..=4 {
        window.hover_at(from + by * (part as f32 / 4.0));
        window.step();
    }
    window.event(press(from + by, false));
    window.run();
    window.remove_cursor();
    window.run();
}

#[test]
fn the_mouse_does_what_radiologists_expect() {
    let mut window = demo();
    rest(&mut window);
    drag(&mut window, PointerButton::Primary, Vec2::new(40.0, 20.0));
    let ToneChoice::Custom { center, width } = shown(&window).tone.clone() else { panic!("{:?}", shown(&window).tone) };
    assert!(width > 255.0 && center > 128.0, "wider to the right, a higher centre down: {center} {width}");
    key(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(shown(&window).tone, ToneChoice::AsStored, "a drag is one step");

    drag(&mut window, PointerButton::Secondary, Vec2::new(0.0, -60.0));
    assert!(shown(&window).look.zoom > 1.2, "up enlarges");
    let center = shown(&window).look.center;
    drag(&mut window, PointerButton::Middle, Vec2::new(30.0, 0.0));
    assert!(shown(&window).look.center[0] < center[0], "the picture goes with the hand");

    plain(&mut window, Key::M);
    drag(&mut window, PointerButton::Primary, Vec2::new(100.0, 0.0));
    let measured = window.state().state.measurement.expect("a distance");
    assert!(measured.to_px[0] > measured.from_px[0] + 10.0);
    assert!((measured.to_px[1] - measured.from_px[1]).abs() < 1.0);
    assert_eq!(shown(&window).tone, ToneChoice::AsStored, "while it measures the left button changes no window");
}

#[test]
fn the_inspector_changes_question_colours_and_values() {
    let mut window = demo();
    rest(&mut window);
    press(&mut window, "Opacity follows the map");
    assert!(matches!(shown(&window).map.opacity, Opacity::Uniform(_)));
    press(&mut window, "Contour");
    assert!(shown(&window).has_contour);
    window.state_mut().apply(Action::Show(Box::new(Shown { values: MapValues::Signed, ..Shown::default() })));
    window.run();
    assert!(says(&window, "with sign"));
    let question = Question { class: ClassChoice::Index(0), ..window.state().state.question.clone() };
    window.state_mut().apply(Action::Ask(question));
    window.step();
    rest(&mut window);
    assert!(says(&window, "no pneumothorax"));
}

#[test]
fn cancelling_stops_the_newest_work_and_keeps_what_is_finished() {
    let mut window = demo();
    until(&mut window, |workbench| workbench.services.explainer.cached_bytes() > 0);
    let mut presses = 0;
    while window.state().services.jobs.is_busy() && presses < 20 {
        window.state_mut().apply(Action::Run(Command::CancelWork));
        window.step();
        std::thread::sleep(std::time::Duration::from_millis(100));
        presses += 1;
    }
    assert!(!window.state().services.jobs.is_busy());
    assert!(window.state().services.explainer.cached_bytes() > 0);
    window.run();
    window.state_mut().apply(Action::Run(Command::ExplainAgain));
    window.step();
    assert!(window.state().services.jobs.is_busy(), "E computes what is missing");
    rest(&mut window);
}
