//! What the database does when the disk is full, what it knows of the time left, and how it bears a hundred thousand units.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::benchmark::error::Error;
use crate::benchmark::pace::Times;
use crate::benchmark::protocol::{Protocol, Test};
use crate::benchmark::results::{CohortProvenance, Score, condition, metric};
use crate::benchmark::unit::{Kind, Unit};
use crate::saliency::{Method, Preset};

fn meta(units_total: usize) -> Meta {
    Meta {
        run_id: "0123456789abcdef".to_owned(),
        identity: serde_json::Value::Null,
        protocol: Protocol::of(Preset::Arun2021),
        external: None,
        cohort: CohortProvenance {
            name: "phantom:1".to_owned(),
            task: "pneumothorax".to_owned(),
            fingerprint: String::new(),
            counts: Vec::new(),
            unusable: Vec::new(),
            splits: String::new(),
            is_of_phantoms: true,
        },
        models: Vec::new(),
        exclusions: Vec::new(),
        program_version: "0".to_owned(),
        shard: 0,
        shards: 1,
        parts: vec![0],
        units_total,
        planned: Vec::new(),
        thumbnails: None,
    }
}

fn finished(image: usize, state: usize, method: Method) -> Finished {
    let image = format!("case-{image:06}");
    let unit = Unit::map(&image, "inception_v3_1", &format!("state {state}"), method.name());
    let score = |metric: &str| Score {
        test: Test::Randomization,
        image: image.clone(),
        method: method.name().to_owned(),
        condition: if state == 0 { condition::BASELINE.to_owned() } else { format!("state {state}") },
        models: "inception_v3_1".to_owned(),
        replicate: 1,
        metric: metric.to_owned(),
        value: Some(state as f64 / 12.0),
        note: None,
    };
    let scores = [metric::SSIM_RANGE_1, metric::SSIM_RANGE_2, metric::SPEARMAN].map(score).to_vec();
    Finished { unit, scores, map: None, prediction: None }
}

#[test]
fn a_full_disk_keeps_what_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("benchmark.sqlite");
    let store = Store::create(&path, &meta(1000)).unwrap();
    let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    store.connection.pragma_update(None, "max_page_count", pages + 20).unwrap();
    let mut kept = 0;
    let full = loop {
        match store.keep(&[finished(kept, 1, Method::Grad), finished(kept, 2, Method::Grad)]) {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 10_000, "the disk never fills");
    };
    assert!(matches!(full, Error::DiskFull { .. }), "{full}");
    assert!(kept > 5);
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.status().unwrap().done, 2 * kept, "whole transactions and nothing else");
    store.keep(&[finished(kept, 1, Method::Grad)]).unwrap();
}

#[test]
fn rows_leave_no_trace_of_their_order_and_failures_give_way() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| Store::create(&folder.path().join(name), &meta(4)).unwrap());
    let all = [0, 1, 2].map(|image| finished(image, 1, Method::Ig));
    one.keep(&all).unwrap();
    for unit in all.iter().rev() {
        two.fail(std::slice::from_ref(&unit.unit), "not yet").unwrap();
        assert!(two.has(&unit.unit, true).unwrap() && !two.has(&unit.unit, false).unwrap());
        two.keep(std::slice::from_ref(unit)).unwrap();
    }
    assert_eq!(one.dump().unwrap(), two.dump().unwrap());
    two.fail(&[Unit::fixed("a", "SOBEL")], "the image is gone").unwrap();
    let status = two.status().unwrap();
    assert_eq!((status.done, status.failed, status.total), (3, 1, 4));
    assert_eq!(status.failures[0].reason, "the image is gone");
    assert_eq!(two.results().unwrap().exclusions[0].what, "SOBEL");
}

/// A part of two with 8 quick maps and 4 dear ones.
fn part(folder: &Path, shard: usize) -> Store {
    let planned = |method: Method, units, passes| PlannedUnits {
        kind: Kind::Map,
        method: method.name().to_owned(),
        units,
        passes,
    };
    let planned = vec![planned(Method::Grad, 8, 1.0), planned(Method::Sig, 4, 500.0)];
    let meta = Meta { shard, shards: 2, parts: vec![shard], planned, ..meta(12) };
    Store::create(&folder.join(format!("{shard}.sqlite")), &meta).unwrap()
}

fn note(work_secs: f64, begun_secs: f64, times: &[(Method, f64, f64)]) -> SittingNote {
    let times = times
        .iter()
        .map(|(method, units, secs)| ((Kind::Map, method.name().to_owned()), Times { units: *units, secs: *secs }));
    let times: BTreeMap<_, _> = times.collect();
    SittingNote { work_secs, begun_secs, units: times.values().map(|times| times.units as usize).sum(), times }
}

#[test]
fn the_time_left_is_that_of_the_dear_units() {
    let folder = tempfile::tempdir().unwrap();
    let store = part(folder.path(), 0);
    assert_eq!(store.status().unwrap().secs_left, None);
    let quick: Vec<Finished> = (0..8).map(|image| finished(image, 1, Method::Grad)).collect();
    store.keep(&quick).unwrap();
    let first = store.begin_session("").unwrap();
    store.note_session(first, &note(0.4, 0.0, &[(Method::Grad, 8.0, 0.4)])).unwrap();
    let status = store.status().unwrap();
    assert_eq!(status.units_per_sec, Some(20.0), "so far, which says nothing about what is left");
    assert_eq!(status.secs_left, None, "a few passes, which waited for their network, say nothing about dear maps");

    // The run goes on: one of four dear maps is done, and the next was begun 10 seconds ago.
    store.keep(&[finished(0, 1, Method::Sig)]).unwrap();
    let second = store.begin_session("").unwrap();
    store.note_session(second, &note(70.0, 10.0, &[(Method::Sig, 1.0, 60.0)])).unwrap();
    let status = store.status().unwrap();
    assert!((status.secs_left.unwrap() - (3.0 * 60.0 - 10.0)).abs() < 1e-9, "{status:?}");
    assert!((status.work_secs - 70.4).abs() < 1e-9);
    // A third sitting has begun nothing yet.
    store.begin_session("").unwrap();
    assert_eq!(store.status().unwrap().secs_left, Some(180.0));
}

#[test]
fn joined_parts_keep_their_times_and_old_databases_get_room_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [0, 1].map(|shard| {
        let store = part(folder.path(), shard);
        store.keep(&[finished(shard, 1, Method::Sig)]).unwrap();
        let session = store.begin_session("").unwrap();
        let secs = [20.0, 40.0][shard];
        store.note_session(session, &note(100.0, 5.0, &[(Method::Sig, 1.0, secs)])).unwrap();
        store.settle().unwrap();
        store.path().to_owned()
    });
    let joined = merge(&folder.path().join("joined.sqlite"), &paths).unwrap().status;
    // 6 dear maps of 30 seconds, and 16 quick ones of a pass: 60 seconds took 1000 passes.
    assert!((joined.secs_left.unwrap() - (6.0 * 30.0 + 16.0 * 0.06)).abs() < 1e-9, "{joined:?}");

    let old = Store::open(&paths[0]).unwrap();
    old.connection.execute("DROP TABLE pace", []).unwrap();
    drop(old);
    let read = Store::read(&paths[0]).unwrap();
    assert_eq!(read.status().unwrap().secs_left, None);
    drop(read);
    let again = Store::open(&paths[0]).unwrap();
    again.note_session(1, &note(100.0, 0.0, &[(Method::Sig, 1.0, 20.0)])).unwrap();
    assert!(again.status().unwrap().secs_left.is_some());
}

/// Everything in a folder, and what is in it.
fn everything(folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let found = entries.map(|entry| {
        let content = entry.path().is_file().then(|| std::fs::read(entry.path()).unwrap());
        (entry.file_name().to_string_lossy().into_owned(), content)
    });
    found.collect()
}

#[test]
fn what_has_a_name_of_the_database_stays_and_nothing_is_added() {
    let parts = tempfile::tempdir().unwrap();
    let paths = [0, 1].map(|shard| {
        let store = part(parts.path(), shard);
        store.keep(&[finished(shard, 1, Method::Sig)]).unwrap();
        store.path().to_owned()
    });
    for ending in ["", "-wal", "-shm", "-journal"] {
        for content in [Some(&b"my thesis"[..]), Some(b""), None] {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("joined.sqlite");
            let taken = folder.path().join(format!("joined.sqlite{ending}"));
            match content {
                Some(content) => std::fs::write(&taken, content).unwrap(),
                None => std::fs::create_dir(&taken).unwrap(),
            }
            let before = everything(folder.path());
            let refused = [merge(&target, &paths).unwrap_err(), Store::create(&target, &meta(4)).unwrap_err()];
            for error in refused {
                assert!(matches!(&error, Error::Exists { path } if *path == taken), "{error}");
            }
            assert_eq!(everything(folder.path()), before);
        }
    }
}

#[test]
fn a_join_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let same = [finished(0, 1, Method::Sig)];
    let paths = [0, 1].map(|shard| {
        let store = part(folder.path(), shard);
        // Both hold the same unit, which shows only while they are copied.
        store.keep(&same).unwrap();
        store.path().to_owned()
    });
    let before = everything(folder.path());
    let target = folder.path().join("joined.sqlite");
    let error = merge(&target, &paths).unwrap_err();
    assert!(error.to_string().contains("another part has too"), "{error}");
    assert_eq!(everything(folder.path()), before);
}

#[test]
fn the_lock_is_an_empty_file_and_no_other_is_taken_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("benchmark.sqlite");
    let lock = folder.path().join("benchmark.sqlite.lock");
    std::fs::write(&lock, b"mine").unwrap();
    assert!(matches!(Store::create(&path, &meta(4)), Err(Error::Exists { .. })));
    assert_eq!((std::fs::read(&lock).unwrap(), path.exists()), (b"mine".to_vec(), false));
    std::fs::write(&lock, b"").unwrap();
    drop(Store::create(&path, &meta(4)).unwrap());
    std::fs::write(&lock, b"mine").unwrap();
    assert!(matches!(Store::open(&path), Err(Error::Exists { .. })));
    assert_eq!(std::fs::read(&lock).unwrap(), b"mine");
    std::fs::remove_file(&lock).unwrap();
    drop(Store::open(&path).unwrap());
}

#[test]
fn a_head_that_waits_in_the_journal_is_found_and_a_stranger_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made.sqlite");
    // As earlier versions began: the journal first, then all else in it.
    let connection = rusqlite::Connection::open(&made).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    super::access::layout(&connection).unwrap();
    let killed = folder.path().join("killed");
    std::fs::create_dir(&killed).unwrap();
    for ending in ["", "-wal"] {
        let name = format!("made.sqlite{ending}");
        std::fs::copy(folder.path().join(&name), killed.join(&name)).unwrap();
    }
    let head = std::fs::read(killed.join("made.sqlite")).unwrap();
    assert_eq!(head[68..72], [0; 4], "the number waits in the journal");
    assert!(super::files::is_ours(&killed.join("made.sqlite")).unwrap());
    let journal = std::fs::read(killed.join("made.sqlite-wal")).unwrap();
    for cut in [0, 20, 32, 60, 100, journal.len() / 2] {
        std::fs::write(killed.join("made.sqlite-wal"), &journal[..cut]).unwrap();
        super::files::is_ours(&killed.join("made.sqlite")).unwrap();
    }
    let stranger = killed.join("stranger.sqlite");
    let connection = rusqlite::Connection::open(&stranger).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch("CREATE TABLE mine(a)").unwrap();
    assert!(!super::files::is_ours(&stranger).unwrap());
    let before = everything(&killed);
    assert!(matches!(Store::open(&stranger), Err(Error::NoRun { .. })));
    assert!(matches!(Store::read(&stranger), Err(Error::NoRun { .. })));
    assert_eq!(everything(&killed), before);
}

#[test]
#[ignore = "prints how long a hundred thousand units take; run by hand"]
#[allow(clippy::print_stdout, reason = "the times are the result")]
fn a_hundred_thousand_units() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("benchmark.sqlite");
    let store = Store::create(&path, &meta(100_000)).unwrap();
    for image in 0..1042 {
        let units: Vec<Finished> =
            (0..12).flat_map(|state| Method::ALL.map(|method| finished(image, state, method))).collect();
        store.keep(&units).unwrap();
    }
    drop(store);
    let started = std::time::Instant::now();
    let store = Store::read(&path).unwrap();
    let status = store.status().unwrap();
    let status_secs = started.elapsed().as_secs_f64();
    let results = store.results().unwrap();
    println!(
        "{} units: status {status_secs:.3} s, results of {} numbers {:.3} s",
        status.done,
        results.scores.len(),
        started.elapsed().as_secs_f64() - status_secs
    );
    assert_eq!(status.done, 100_032);
}

#[test]
fn thumbnails_come_back_and_damaged_ones_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("benchmark.sqlite");
    let store = Store::create(&path, &Meta { thumbnails: Some(true), ..meta(1) }).unwrap();
    let marks = Marks { height: 2, width: 3, pixels: vec![false, true, false, true, true, false] };
    let kept = Thumbnail { height: 3, width: 2, gray: vec![0, 1, 2, 100, 254, 255], marks: Ok(marks) };
    let unmarked = Thumbnail { marks: Err("nobody drew them".to_owned()), ..kept.clone() };
    store.keep_thumbnail("a", &kept).unwrap();
    store.keep_thumbnail("b", &unmarked).unwrap();
    assert_eq!(store.thumbnail("a").unwrap(), Some(kept));
    assert_eq!(store.thumbnail("b").unwrap(), Some(unmarked));
    assert_eq!((store.thumbnail("c").unwrap(), store.thumbnails().unwrap()), (None, 2));
    assert!(store.has_thumbnail("a").unwrap() && !store.has_thumbnail("c").unwrap());
    assert_eq!(store.dump().unwrap().iter().filter(|line| line.contains("thumbnail")).count(), 0);
    for lie in [
        "height = 4",
        "height = 100000, width = 100000",
        "height = -1",
        "gray = x'00'",
        "marks_width = 4",
        "marks = x''",
    ] {
        store.connection.execute_batch(&format!("UPDATE thumbnail SET {lie} WHERE image = 'a'")).unwrap();
        assert!(matches!(store.thumbnail("a"), Err(Error::Damaged { .. })), "{lie}");
    }
}
