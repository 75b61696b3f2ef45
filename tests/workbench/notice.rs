//! "Research use - not for diagnosis" stands in the bar at the bottom: whole, at every size, whatever else is going on.

use egui::{Rect, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use saliscope::figure::NOT_FOR_DIAGNOSIS;
use saliscope::job::{Ending, Lane, Start};
use saliscope::watch::Watch;
use saliscope::workbench::{Action, Command, Opening, Theme, View, Workbench};

use super::painted::{painted_after, texts};
use super::window::{Window, until};

/// Sizes of windows in pixels, from the smallest that there is.
const SIZES_PX: [[f32; 2]; 6] =
    [[640.0, 420.0], [800.0, 600.0], [1024.0, 600.0], [1280.0, 800.0], [1920.0, 1080.0], [3840.0, 2160.0]];

/// Pixels a point: the screen's scale times that of the settings.
const SCALES: [f32; 6] = [0.5, 1.0, 1.25, 1.5, 2.0, 3.0];

fn demo() -> Window {
    let mut window: Window = Harness::builder()
        .with_size([1280.0, 800.0])
        .with_max_steps(500)
        .build_eframe(|creation| Workbench::new(&creation.egui_ctx, None, Opening::default()));
    until(&mut window, |workbench| workbench.stage.is_some() && workbench.state.models.len() == 4);
    window.state().services.jobs.cancel_all();
    until(&mut window, |workbench| !workbench.services.jobs.is_busy());
    window.state().services.jobs.forget_over();
    window
}

/// Checks the notice in the latest frame.
fn check(window: &Window, place: &str) {
    let screen = window.ctx.content_rect();
    let nodes: Vec<_> = window.query_all_by_label(NOT_FOR_DIAGNOSIS).collect();
    let in_bar = nodes.iter().map(|node| node.accesskit_node().bounding_box().unwrap());
    let lowest = in_bar.map(|bounds| bounds.y1).fold(0.0, f64::max);
    assert!(lowest > 0.0, "{place}: assistive programs are told");
    let notices: Vec<_> = texts(window).into_iter().filter(|painted| painted.text == NOT_FOR_DIAGNOSIS).collect();
    let notice = notices.iter().max_by(|a, b| a.rect.bottom().total_cmp(&b.rect.bottom()));
    let notice = notice.unwrap_or_else(|| panic!("{place}: it is painted"));
    assert!(!notice.is_elided, "{place}: no letter is left out");
    assert!(notice.rect.width() > 40.0 && notice.rect.height() > 7.0, "{place}: {:?}", notice.rect);
    assert!(screen.expand(0.5).contains_rect(notice.rect), "{place}: {:?} of {screen:?}", notice.rect);
    assert!(notice.clip.expand(0.5).contains_rect(notice.rect), "{place}: {:?} of {:?}", notice.rect, notice.clip);
    assert!(notice.rect.top() > screen.bottom() - 60.0, "{place}: at the bottom");
    let over: Vec<Rect> = painted_after(window, notice.order)
        .into_iter()
        .filter(|rect| rect.is_positive() && rect.intersects(notice.rect.shrink(0.5)))
        .collect();
    assert!(over.is_empty(), "{place}: {over:?} lies over {:?}", notice.rect);
}

fn walk(window: &mut Window, what: &str) {
    for size_px in SIZES_PX {
        for scale in SCALES {
            let size = vec2(size_px[0], size_px[1]) / scale;
            window.set_pixels_per_point(scale).set_size(size);
            for view in [View::Case, View::Compare, View::Cascade, View::Benchmark] {
                window.state_mut().state.view = view;
                // The second frame shows what a first one had to measure.
                window.step();
                check(window, &format!("{what}, first frame, {size_px:?} at {scale}, {view:?}"));
                window.step();
                check(window, &format!("{what}, {size_px:?} at {scale}, {view:?}"));
                window.state().services.jobs.cancel_all();
            }
        }
    }
}

#[test]
fn the_notice_is_whole_at_every_size_in_every_view() {
    let mut window = demo();
    walk(&mut window, "at rest");
    window.state_mut().state.settings.theme = Theme::Light;
    let state = &mut window.state_mut().state;
    (state.has_study_list, state.has_inspector) = (false, false);
    walk(&mut window, "light, without panels");
}

#[test]
fn the_notice_stays_beside_long_failures_and_running_work() {
    let mut window = demo();
    let reason = "the file ends in the middle of a very long sentence about what was wrong with it, ".repeat(6);
    window.state().services.jobs.tell_failure("Open a file or folder with a name that is long", reason);
    walk(&mut window, "a failure");
    let start = Start {
        name: "Work with a very long name that goes on and on and on until the end of the bar".to_owned(),
        lane: Lane::Benchmark,
        urgent: false,
        listed: true,
    };
    let (tell, told) = std::sync::mpsc::channel::<()>();
    window.state().services.jobs.start(start, move |watch| {
        watch.progress(1234, 567_890);
        // Ends when the test does; the wait ends with an error then, which says nothing.
        let _ = told.recv();
        Ending::Cancelled
    });
    until(&mut window, |workbench| workbench.services.jobs.reports().iter().any(|report| report.done == 1234));
    walk(&mut window, "work");
    drop(tell);
}

#[test]
fn nothing_that_opens_lies_over_the_notice() {
    let mut window = demo();
    for (command, size_px) in [
        (Command::Shortcuts, [640.0, 420.0]),
        (Command::Settings, [640.0, 420.0]),
        (Command::ExportFigure, [640.0, 420.0]),
        (Command::MethodCard, [800.0, 600.0]),
        (Command::Palette, [640.0, 420.0]),
        (Command::OpenCohort, [640.0, 420.0]),
    ] {
        window.set_size(vec2(size_px[0], size_px[1]));
        window.state_mut().apply(Action::Run(command));
        for _ in 0..3 {
            window.step();
        }
        check(&window, &format!("{command:?}"));
        window.state_mut().apply(Action::SetDialogs(Box::default()));
    }
    for path in ["/somewhere/a.png", "/somewhere/b.png"] {
        window.input_mut().hovered_files.push(egui::HoveredFile { path: Some(path.into()), ..Default::default() });
    }
    window.step();
    check(&window, "files hover");
}
