//! Palette, shortcuts, settings, cards, the field for paths.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use saliscope::saliency::Method;
use saliscope::workbench::{Action, Command, Drag, Theme, View};

use super::window::{Window, empty, is_enabled, press, says, type_into, until, with_phantoms};

fn key(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run();
}

#[test]
fn the_palette_finds_and_runs_commands_by_keys_alone() {
    let mut window = with_phantoms(1);
    key(&mut window, Modifiers::COMMAND, Key::P);
    for command in Command::all() {
        let name = format!("{} ({})", command.label(), command.category().name());
        assert_eq!(is_enabled(&window, &name), command.obstacle(&window.state().state).is_none(), "{name}");
    }
    window.get_by_label("Command").type_text("invert");
    window.run();
    assert!(says(&window, "Invert (Image)") && !says(&window, "Quit (File)"));
    key(&mut window, Modifiers::NONE, Key::Enter);
    assert!(window.state().state.shown.is_inverted && window.state().state.dialogs.palette.is_none());

    key(&mut window, Modifiers::COMMAND, Key::P);
    window.get_by_label("Command").type_text("window:");
    window.run();
    key(&mut window, Modifiers::NONE, Key::ArrowDown);
    key(&mut window, Modifiers::NONE, Key::ArrowDown);
    key(&mut window, Modifiers::NONE, Key::ArrowUp);
    assert_eq!(window.state().state.list.current, None, "arrows move in the palette alone");
    key(&mut window, Modifiers::NONE, Key::Enter);
    let tone = format!("{:?}", window.state().state.shown.tone);
    assert!(tone.contains("Standard"), "the second of its windows: {tone}");

    key(&mut window, Modifiers::COMMAND, Key::P);
    window.get_by_label("Command").type_text("no such thing");
    window.run();
    assert!(says(&window, "No command is called so"));
    key(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.state().state.dialogs.palette.is_none());
    key(&mut window, Modifiers::COMMAND, Key::P);
    press(&mut window, "Settings… (File)");
    assert!(window.state().state.dialogs.settings && window.state().state.dialogs.palette.is_none());
}

#[test]
fn the_sheet_shows_every_command_with_its_keys() {
    let mut window = empty();
    key(&mut window, Modifiers::NONE, Key::F1);
    for command in Command::all() {
        assert!(says(&window, &format!("Change keys of {}", command.label())), "{command:?}");
    }
    for text in ["Ctrl+Shift+Z, Ctrl+Y", "Left drag", "Hold S"] {
        assert!(says(&window, text), "{text}");
    }
    press(&mut window, "Close shortcuts");
    assert!(!window.state().state.dialogs.shortcuts);
}

#[test]
fn keys_are_assigned_and_conflicts_are_told_and_solved() {
    let mut window = with_phantoms(1);
    key(&mut window, Modifiers::NONE, Key::F1);
    press(&mut window, "Change keys of Flip");
    assert!(says(&window, "Press the new keys of Flip"));
    key(&mut window, Modifiers::NONE, Key::I);
    assert!(says(&window, "I belongs to Invert"));
    assert!(!window.state().state.shown.is_inverted, "the key was not for the picture");
    assert_eq!(window.state().state.settings.keys.keys(Command::Flip), Command::Flip.default_keys());
    press(&mut window, "Give I to Flip");
    assert!(window.state().state.settings.keys.keys(Command::Invert).is_empty());
    assert!(window.state().state.dialogs.assigning.is_none());

    // A default whose key is taken by now.
    press(&mut window, "Default keys of Invert");
    assert!(says(&window, "I belongs to Flip"));
    press(&mut window, "Keep the old keys");

    // Esc and S mean something already.
    press(&mut window, "Change keys of Invert");
    key(&mut window, Modifiers::NONE, Key::S);
    assert!(says(&window, "S hides the map while held"));
    key(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.state().state.dialogs.assigning.is_none() && window.state().state.dialogs.shortcuts);
    press(&mut window, "Change keys of Invert");
    key(&mut window, Modifiers::COMMAND.plus(Modifiers::ALT), Key::F9);
    assert!(says(&window, "Ctrl+Alt+F9"));
    press(&mut window, "Change keys of Fit");
    press(&mut window, "No key for Fit");
    assert!(window.state().state.settings.keys.keys(Command::Fit).is_empty());

    press(&mut window, "Close shortcuts");
    window.state_mut().apply(Action::Run(Command::NextCase));
    key(&mut window, Modifiers::NONE, Key::I);
    assert!(window.state().state.shown.look.is_flipped && !window.state().state.shown.is_inverted);
    key(&mut window, Modifiers::COMMAND.plus(Modifiers::ALT), Key::F9);
    assert!(window.state().state.shown.is_inverted);

    window.state_mut().apply(Action::Run(Command::Settings));
    window.run();
    press(&mut window, "All defaults");
    assert!(!window.state().state.settings.keys.is_changed());
}

#[test]
fn settings_are_in_force_at_once() {
    let mut window = empty();
    key(&mut window, Modifiers::COMMAND, Key::Comma);
    press(&mut window, "Light");
    assert_eq!(window.state().state.settings.theme, Theme::Light);
    assert_eq!(window.ctx.theme(), egui::Theme::Light);
    press(&mut window, "Left button");
    press(&mut window, "Pan");
    let mouse = window.state().state.settings.mouse;
    assert_eq!((mouse.left, mouse.middle, mouse.right), (Drag::Pan, Drag::Window, Drag::Zoom));
    assert!(says(&window, "Left pan · Middle window · Right zoom"));
    press(&mut window, "Interface size");
    press(&mut window, "125 %");
    window.run();
    assert!((window.ctx.zoom_factor() - 1.25).abs() < 1e-6);
    press(&mut window, "Change keys…");
    assert!(window.state().state.dialogs.shortcuts && !window.state().state.dialogs.settings);
}

#[test]
fn the_card_of_each_method_can_be_read() {
    let mut window = empty();
    key(&mut window, Modifiers::COMMAND, Key::H);
    for method in Method::ALL {
        press(&mut window, &format!("Card of {}", method.title()));
        assert_eq!(window.state().state.dialogs.method_card, Some(method));
        for text in [method.card().shows, method.card().cannot, method.card().study] {
            assert!(says(&window, text), "{method:?}: {text}");
        }
    }
    key(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!(window.state().state.dialogs.method_card, None);
}

#[test]
fn a_cohort_is_opened_by_its_text() {
    let mut window = empty();
    window.state_mut().apply(Action::Run(Command::OpenCohort));
    window.run();
    assert!(!is_enabled(&window, "Open"));
    type_into(&mut window, "Text of a cohort", "phantom:5:4");
    assert!(is_enabled(&window, "Open"));
    key(&mut window, Modifiers::NONE, Key::Enter);
    assert!(window.state().state.dialogs.path.is_none());
    until(&mut window, |workbench| workbench.state.list.entries().len() == 4);
    assert_eq!(window.state().state.view, View::Benchmark);

    window.state_mut().apply(Action::Run(Command::OpenCohort));
    window.run();
    type_into(&mut window, "Text of a cohort", "/no/such/folder");
    press(&mut window, "Open");
    until(&mut window, |workbench| !workbench.services.jobs.is_busy());
    let failed = window.state().services.jobs.reports();
    assert!(matches!(&failed.last().unwrap().phase, saliscope::job::Phase::Over(saliscope::job::Ending::Failed(_))));
}
