//! The bar at the bottom, the list of jobs, and closing while work is under way.

use std::sync::mpsc::{Sender, channel};

use saliscope::job::{Ending, Lane, Start};
use saliscope::watch::Watch;
use saliscope::workbench::{Action, Command};

use super::window::{Window, empty, press, says, until};

/// Starts work that ends when the sender is dropped or told so, or when it is cancelled.
fn work(window: &Window, name: &str) -> Sender<()> {
    let (tell, told) = channel::<()>();
    let start = Start { name: name.to_owned(), lane: Lane::Compute, urgent: false, listed: true };
    window.state().services.jobs.start(start, move |watch| {
        watch.progress(3, 12);
        loop {
            if watch.is_cancelled() {
                return Ending::Cancelled;
            }
            match told.recv_timeout(std::time::Duration::from_millis(2)) {
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                _ => return Ending::Done(Some("it went well".to_owned())),
            }
        }
    });
    tell
}

#[test]
fn the_bar_shows_work_with_its_progress_and_cancels_it() {
    let mut window = empty();
    assert!(says(&window, "No work under way"));
    let first = work(&window, "Count sheep");
    let _second = work(&window, "Count goats");
    until(&mut window, |workbench| workbench.services.jobs.reports().iter().any(|report| report.done == 3));
    for text in ["Count sheep", "3 of 12", "and 1 more"] {
        assert!(says(&window, text), "{text}");
    }
    drop(first);
    until(&mut window, |workbench| workbench.services.jobs.reports()[1].done == 3);
    assert!(says(&window, "Count goats") && !says(&window, "more"));
    press(&mut window, "Cancel this job");
    until(&mut window, |workbench| !workbench.services.jobs.is_busy());
    assert!(says(&window, "Count sheep: it went well"), "the last thing that was done");
}

#[test]
fn failures_stay_until_they_are_read_and_can_be_read_again() {
    let mut window = empty();
    window.state().services.jobs.tell_failure("Open a file", "it is no image");
    window.state().services.jobs.tell_failure("Open another", "it is empty");
    window.run();
    assert!(says(&window, "Open another: it is empty (and 1 more)"));
    press(&mut window, "Read");
    assert!(!says(&window, "it is empty") && says(&window, "No work under way"));
    press(&mut window, "No work under way");
    for text in ["it is no image", "it is empty", "failed"] {
        assert!(says(&window, text), "{text}");
    }
    press(&mut window, "Clear finished");
    assert!(!says(&window, "it is empty"));
    press(&mut window, "Close jobs");
    assert!(!window.state().state.dialogs.jobs);

    window.state().services.jobs.tell_failure("Open a third", "it is gone");
    window.run();
    press(&mut window, "Open a third: it is gone");
    assert!(window.state().state.dialogs.jobs, "a click on the message opens the list");
    press(&mut window, "Close jobs");
    assert!(!says(&window, "it is gone"), "seen in the list is read");
}

#[test]
fn closing_asks_once_while_work_is_under_way() {
    let mut window = empty();
    let _work = work(&window, "Count sheep");
    until(&mut window, |workbench| workbench.services.jobs.reports().iter().any(|report| report.done == 3));
    let close = |window: &mut Window| {
        let id = egui::ViewportId::ROOT;
        window.input_mut().viewports.entry(id).or_default().events.push(egui::ViewportEvent::Close);
        window.step();
        window.input_mut().viewports.entry(id).or_default().events.clear();
        window.run();
    };
    close(&mut window);
    assert!(says(&window, "Close while work is under way?") && says(&window, "Count sheep, 25 %"));
    press(&mut window, "Keep working");
    assert!(!window.state().state.dialogs.closing && window.state().services.jobs.is_busy());
    close(&mut window);
    press(&mut window, "Close the window");
    assert!(window.state().state.may_close);
    until(&mut window, |workbench| !workbench.services.jobs.is_busy());
}

#[test]
fn the_bar_says_what_the_mouse_does() {
    let mut window = empty();
    assert!(says(&window, "Left window · Middle pan · Right zoom"));
    window.state_mut().apply(Action::Run(Command::Measure));
    window.run();
    assert!(says(&window, "Left measure · Middle pan · Right zoom"));
}
