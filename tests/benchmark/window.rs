//! What a window does: events, pause, stop, go on.

use std::time::Duration;

use saliscope::benchmark::{Background, Error, Event, Options};

use crate::common::{protocol, rows, run_plain, runtime, same, setup};

#[test]
fn a_run_in_the_background_is_paused_stopped_and_continued() {
    let folder = tempfile::tempdir().unwrap();
    let calm = folder.path().join("calm");
    let total = run_plain(&setup(&protocol()).unwrap(), &calm).unwrap().status.total;

    let out = folder.path().join("run");
    let start = || {
        let executors = Box::new(runtime());
        Background::start(protocol(), None, out.clone(), executors, Options::default(), Box::new(|| ())).unwrap()
    };
    let first = start();
    let mut units = 0;
    let mut stopped = false;
    while let Some(event) = first.wait() {
        match event {
            Event::Unit { scores, failure, .. } => {
                units += 1;
                assert!(failure.is_none());
                assert!(scores.iter().all(|score| !score.metric.is_empty()));
                if units == 60 {
                    first.pause(true);
                    assert!(first.is_paused());
                    // What the pass at hand still gives comes in; then nothing more.
                    std::thread::sleep(Duration::from_millis(300));
                    units += first.events().filter(|event| matches!(event, Event::Unit { .. })).count();
                    first.cancel();
                }
            }
            Event::Ended(ended) => {
                assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
                stopped = true;
            }
            Event::Progress(progress) => assert_eq!(progress.total, total),
            Event::Opening { .. } | Event::Warning(_) => {}
        }
    }
    assert!(stopped && units >= 60 && units < total, "{units} of {total}");
    let kept = saliscope::benchmark::open(&out).unwrap().status().unwrap();
    assert_eq!(kept.done, units, "everything told is kept");
    assert!(kept.secs_left != Some(0.0) && kept.work_secs > 0.0, "{kept:?}");

    let second = start();
    let (mut more, mut last, mut summary) = (0, None, None);
    while let Some(event) = second.wait() {
        match event {
            Event::Unit { .. } => more += 1,
            Event::Progress(progress) => last = Some(progress),
            Event::Ended(ended) => summary = Some(ended.unwrap()),
            _ => {}
        }
    }
    assert_eq!(units + more, total);
    assert_eq!(summary.unwrap().status.done, total);
    let last = last.unwrap();
    assert_eq!((last.done, last.fraction, last.secs_left), (total, 1.0, Some(0.0)));
    same(&rows(&out), &rows(&calm));
}
