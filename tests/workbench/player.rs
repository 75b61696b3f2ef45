//! The cascade player, in simulated time.

use std::time::Duration;

use egui::ViewportId;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use saliscope::cascade::Order;
use saliscope::saliency::Method;
use saliscope::workbench::{Action, Opening, View, Workbench};

use crate::window::{Window, is_idle, says, tap, until_seen};

/// Time of a frame.
const STEP_SECS: f32 = 0.05;

/// The demo in the player, with these methods.
fn player(methods: &[Method]) -> Window {
    let methods = methods.to_vec();
    Harness::builder().with_size([1500.0, 900.0]).with_step_dt(STEP_SECS).build_eframe(|creation| {
        let mut workbench = Workbench::new(&creation.egui_ctx, None, Opening::default());
        workbench.state.view = View::Cascade;
        workbench.state.player.methods = methods;
        // Fewer things change behind the test.
        workbench.state.has_study_list = false;
        workbench
    })
}

/// A player whose GRAD is whole.
fn whole() -> Window {
    let mut window = player(&[Method::Grad]);
    until_seen(&mut window, |window| says(window, "One image only") && is_idle(window));
    settle(&mut window);
    window
}

/// Until nothing asks for another frame.
fn settle(window: &mut Window) {
    until_seen(window, |window| delay(window) > Duration::from_mins(1));
}

/// When the window wants to be drawn again.
fn delay(window: &Window) -> Duration {
    window.output().viewport_output[&ViewportId::ROOT].repaint_delay
}

fn position(window: &Window) -> f32 {
    window.state().state.player.position
}

fn is_at(window: &Window, state: f32) -> bool {
    (position(window) - state).abs() < 1e-6
}

#[test]
fn states_come_one_by_one_and_are_judged_in_words() {
    let mut window = player(&[Method::Grad, Method::Gcam]);
    until_seen(&mut window, |window| (1..14).any(|count| says(window, &format!("{count} of 14 states"))));
    assert!(!says(&window, "One image only"), "nothing is judged half-way");
    assert!(window.query_by_label("Stop").is_some(), "it can be stopped");
    until_seen(&mut window, |window| window.query_all_by_label_contains("One image only").count() == 2);
    assert!(says(&window, "SSIM 1.00 at Original"));
    until_seen(&mut window, |window| window.query_by_label("Stop").is_none());
    assert!(window.query_by_label("GCAM at state Original").is_some(), "a picture a method");
    assert!(window.query_by_label("0 of 13 blocks are random").is_some());
}

#[test]
fn other_images_of_the_list_give_the_dashed_line_and_the_verdict_its_measure() {
    let mut window = whole();
    assert!(says(&window, "Dashed: maps of different images, mean over 15 pairs of 6 images"));
    assert!(says(&window, "Dotted: unrelated blurred noise"));
    assert!(
        says(&window, "maps of different images, 15 pairs of them,"),
        "the verdict tells what it is measured against"
    );

    // Without any other image only noise is left, and it says so.
    let workbench = window.state_mut();
    let list = &mut workbench.state.list;
    let current = list.current.unwrap();
    let others: std::collections::HashSet<_> = list.entries().iter().map(|entry| entry.id).collect();
    let another = list.entry(*others.iter().find(|id| **id != current).unwrap()).unwrap().source.clone();
    list.remove_all(&others.into_iter().filter(|id| *id != current).collect());
    until_seen(&mut window, |window| says(window, "No dashed line: it needs other images in the study list"));
    assert!(says(&window, "patches of blurred noise"));

    // One that joins the list is compared without being asked.
    let list = &mut window.state_mut().state.list;
    list.add(another, &"".into());
    list.refresh();
    until_seen(&mut window, |window| says(window, "mean over the one pair of 2 images"));
    assert!(says(&window, "maps of different images, 1 pair of them,"));
}

#[test]
fn a_paused_player_asks_for_no_frame_and_a_playing_one_only_when_something_changes() {
    let mut window = whole();
    window.run();
    assert!(delay(&window) > Duration::from_mins(1), "idle: {:?}", delay(&window));
    tap(&mut window, "Play");
    assert!(window.state().state.player.is_playing);
    // The button's own colours fade a while.
    let still = (0..8).any(|_| {
        window.step();
        delay(&window) > Duration::from_millis(300) && position(&window) == 0.0
    });
    assert!(still, "a state that stands still needs no frame: {:?}", delay(&window));
    until_seen(&mut window, |window| position(window) > 0.0);
    assert!(delay(&window) <= Duration::from_millis(17), "a fade: {:?}", delay(&window));
    tap(&mut window, "Pause");
    let here = position(&window);
    settle(&mut window);
    window.run();
    assert_eq!(vec![position(&window)], [here], "it stays where it was stopped");
}

#[test]
fn it_plays_to_the_end_and_begins_again() {
    let mut window = whole();
    window.state_mut().state.player.speed = 4.0;
    tap(&mut window, "Play");
    until_seen(&mut window, |window| is_at(window, 13.0));
    assert!(window.query_by_label("GRAD at state stem").is_some());
    assert!(window.query_by_label("13 of 13 blocks are random").is_some());
    until_seen(&mut window, |window| position(window) < 1.0);
    assert!(window.state().state.player.is_playing);
    window.state_mut().state.player.loops = false;
    until_seen(&mut window, |window| !window.state().state.player.is_playing);
    assert!(is_at(&window, 13.0), "without looping it stays at the end");
}

#[test]
fn steps_and_the_timeline_go_to_states() {
    let mut window = whole();
    tap(&mut window, "Next state");
    assert!(is_at(&window, 1.0));
    assert!(says(&window, "at Logits"));
    window.key_press(egui::Key::ArrowRight);
    window.run();
    window.key_press(egui::Key::ArrowRight);
    window.run();
    window.key_press(egui::Key::ArrowLeft);
    window.run();
    assert!(is_at(&window, 2.0));
    let rect = window.get_by_label_contains("Timeline, at state").rect();
    let middle_of = |state: f32| egui::pos2(rect.left() + (state + 0.5) * rect.width() / 14.0, rect.center().y);
    window.drag_at(middle_of(3.0));
    window.run();
    window.hover_at(middle_of(7.5));
    window.run();
    assert!((position(&window) - 7.5).abs() < 0.05, "{}", position(&window));
    window.drop_at(middle_of(7.5));
    window.run();
    window.remove_cursor();
    window.run();
    assert!((position(&window) - 7.5).abs() < 0.05, "it stays between two states");
}

#[test]
fn what_is_asked_can_be_changed_and_what_was_computed_is_there_at_once() {
    let mut window = whole();
    let mut changed = window.state().state.player.clone();
    changed.order = Order::Independent;
    window.state_mut().apply(Action::SetPlayer(Box::new(changed.clone())));
    until_seen(&mut window, |window| says(window, "No verdict"));
    changed.order = Order::TopDown;
    window.state_mut().apply(Action::SetPlayer(Box::new(changed)));
    window.step();
    window.step();
    assert!(says(&window, "One image only"), "the first cascade was kept");
    tap(&mut window, "Export…");
    assert!(window.query_by_label("Write to a folder…").is_some());
    let mut without = window.state().state.player.clone();
    without.methods.clear();
    window.state_mut().apply(Action::SetPlayer(Box::new(without)));
    window.run();
    assert!(says(&window, "Choose a method above"));
}
