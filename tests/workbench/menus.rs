//! Menus, the switch between views, recent files, models.

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use saliscope::demo;
use saliscope::reading::ModelSource;
use saliscope::workbench::{Action, Category, Command, Recent, Theme, View};

use super::window::{empty, is_enabled, press, says, until, with_phantoms, write_png};

#[test]
fn every_command_is_in_its_menu_and_gray_where_it_can_do_nothing() {
    let mut window = empty();
    for category in Category::ALL {
        press(&mut window, &format!("{} menu", category.name()));
        for command in Command::all().filter(|command| command.category() == category) {
            // The empty list offers opening as well.
            let nodes: Vec<_> = window.get_all_by_label(command.label()).collect();
            let can_be_used = nodes.iter().any(|node| !node.accesskit_node().is_disabled());
            // Nothing is under way that could be cancelled.
            let makes_sense = command.obstacle(&window.state().state).is_none() && command != Command::CancelWork;
            assert_eq!(can_be_used, makes_sense, "{command:?}");
        }
        window.key_press(egui::Key::Escape);
        window.run();
    }
}

#[test]
fn switches_of_every_menu_switch_and_show_it() {
    let mut window = with_phantoms(2);
    window.state_mut().apply(Action::Run(Command::NextCase));
    window.run();
    for command in Command::all() {
        let Some(before) = command.is_on(&window.state().state) else { continue };
        if command.category() == Category::View && command.label() != "Inspector" {
            continue;
        }
        press(&mut window, &format!("{} menu", command.category().name()));
        press(&mut window, command.label());
        assert_eq!(command.is_on(&window.state().state), Some(!before), "{command:?}");
    }
}

#[test]
fn the_switch_shows_each_view() {
    let mut window = empty();
    for (label, view) in [
        ("Compare view", View::Compare),
        ("Cascade view", View::Cascade),
        ("Benchmark view", View::Benchmark),
        ("Case view", View::Case),
    ] {
        press(&mut window, label);
        assert_eq!(window.state().state.view, view);
    }
}

#[test]
fn undo_is_offered_once_there_is_something_to_take_back() {
    let mut window = with_phantoms(1);
    press(&mut window, "Edit menu");
    assert!(!is_enabled(&window, "Undo") && !is_enabled(&window, "Redo"));
    window.state_mut().apply(Action::Run(Command::Invert));
    window.run();
    press(&mut window, "Undo");
    assert!(!window.state().state.shown.is_inverted);
    press(&mut window, "Edit menu");
    press(&mut window, "Redo");
    assert!(window.state().state.shown.is_inverted);
}

#[test]
fn what_was_opened_can_be_opened_again_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_png(folder.path(), "Doe Jane.png", 0);
    let mut window = empty();
    window.state_mut().apply(Action::OpenPaths(vec![path.clone()]));
    until(&mut window, |workbench| workbench.state.list.entries().len() == 1);
    window.state_mut().apply(Action::OpenCohort("phantom:3:2".to_owned()));
    until(&mut window, |workbench| workbench.state.list.entries().len() == 3);
    let recent = [Recent::Cohort("phantom:3:2".to_owned()), Recent::Path(path)];
    assert_eq!(window.state().state.settings.recent, recent);
    // Names of files may be patients' names.
    window.state_mut().apply(Action::Run(Command::ToggleIdentity));
    press(&mut window, "File menu");
    press(&mut window, "Open recent");
    assert!(!says(&window, "Doe Jane") && says(&window, "Image 2"));
    press(&mut window, "phantom:3:2");
    until(&mut window, |workbench| workbench.state.list.entries().len() == 5);
    press(&mut window, "File menu");
    press(&mut window, "Open recent");
    press(&mut window, "Forget recent files and models");
    assert!(window.state().state.settings.recent.is_empty());
}

#[test]
fn models_are_opened_asked_and_closed() {
    let mut window = empty();
    press(&mut window, "Models menu");
    assert!(says(&window, "No model is open"));
    for name in &demo::CLASSIFIERS[..2] {
        window.state_mut().apply(Action::OpenModel(ModelSource::Demo((*name).to_owned())));
        until(&mut window, |workbench| workbench.state.models.iter().any(|model| model.title == *name));
    }
    let [first, second] = [demo::CLASSIFIERS[0], demo::CLASSIFIERS[1]];
    assert_eq!(window.state().state.model, 1);
    press(&mut window, &format!("Ask {first}"));
    assert_eq!(window.state().state.model, 0);
    press(&mut window, "Models menu");
    press(&mut window, &format!("Close {first}"));
    let titles: Vec<&str> = window.state().state.models.iter().map(|model| model.title.as_str()).collect();
    assert_eq!(titles, [second]);
}

#[test]
fn the_theme_is_switched_by_its_command_and_kept_in_the_settings() {
    let mut window = empty();
    assert_eq!(window.state().state.settings.theme, Theme::Dark);
    for theme in [Theme::Light, Theme::Dark] {
        window.state_mut().apply(Action::Run(Command::SwitchTheme));
        window.run();
        assert_eq!(window.state().state.settings.theme, theme);
        assert_eq!(window.ctx.global_style().visuals.dark_mode, theme == Theme::Dark);
    }
}
