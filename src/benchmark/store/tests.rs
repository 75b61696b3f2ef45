//! What the database does when the disk is full, and how it bears a hundred thousand units.

use super::*;
use crate::benchmark::error::Error;
use crate::benchmark::protocol::{Protocol, Test};
use crate::benchmark::results::{CohortProvenance, Score, condition, metric};
use crate::benchmark::unit::Unit;
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
        },
        models: Vec::new(),
        exclusions: Vec::new(),
        program_version: "0".to_owned(),
        shard: 0,
        shards: 1,
        parts: vec![0],
        units_total,
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
