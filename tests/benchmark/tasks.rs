//! Findings by name, cohorts without marks or with a few, and what a run will cost.

use std::fmt::Write as _;
use std::path::Path;

use saliscope::benchmark::protocol::Test;
use saliscope::benchmark::results::condition;
use saliscope::benchmark::{Cost, Kind, Protocol, Shard, open};
use saliscope::cohort::{Cohort, CohortOptions};
use saliscope::phantom::Finding;
use saliscope::phantom::export::Export;
use saliscope::truth::Task;

use crate::common::{protocol, run_plain, runtime, setup};

/// Phantoms of 160 pixels with a pneumothorax or nothing as a plain folder of two findings, all for testing; masks of the
/// first `masks` images that have it.
fn folder(path: &Path, count: usize, masks: usize) {
    let export = Export::new(5, count, 160, Some(Finding::Pneumothorax));
    let mut table = "image,Pneumothorax,Hernia,split\n".to_owned();
    let mut kept = 0;
    for index in 0..count as u64 {
        let phantom = export.phantom(index).unwrap();
        let is_sick = phantom.finding() == Finding::Pneumothorax;
        for file in &phantom.files {
            let Ok(below) = file.path.strip_prefix("png") else { continue };
            let is_mask = below.starts_with("masks");
            if is_mask && kept == masks {
                continue;
            }
            kept += usize::from(is_mask);
            std::fs::create_dir_all(path.join(below).parent().unwrap()).unwrap();
            std::fs::write(path.join(below), &file.bytes).unwrap();
        }
        writeln!(table, "phantom_{index:06},{},{},test", u8::from(is_sick), u8::from(index == 0)).unwrap();
    }
    std::fs::write(path.join("labels.csv"), table).unwrap();
}

fn on(path: &Path) -> Protocol {
    let mut protocol = protocol();
    protocol.cohort.source = format!("folder:{}", path.display());
    protocol.cohort.task = Some(Task::named("pneumothorax").unwrap());
    protocol.cohort.phantom_size_px = None;
    protocol.average_mask = false;
    protocol.models.localizers.clear();
    protocol
}

#[test]
fn labels_alone_are_enough_for_three_tests() {
    let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    folder(data.path(), 8, 0);
    let mut protocol = on(data.path());
    let refused = setup(&protocol).unwrap_err().to_string();
    for words in ["`tests` names utility", "labels alone", "take utility out of `tests`"] {
        assert!(refused.contains(words), "{refused}");
    }
    let cohort = Cohort::open(&protocol.cohort_spec().unwrap().0, &protocol.cohort_spec().unwrap().1, &()).unwrap();
    protocol.average_mask = true;
    let told = protocol.cut_to(Some(&cohort));
    assert!(told[0].contains("utility is left out: the cohort has labels alone"), "{told:?}");
    assert_eq!(protocol.tests, [Test::Randomization, Test::Repeatability, Test::Reproducibility]);
    assert!(!protocol.average_mask);
    let setup = setup(&protocol).unwrap();
    assert_eq!(setup.sample(), [0, 2]);
    let summary = run_plain(&setup, out.path()).unwrap();
    assert_eq!(summary.status.failed, 0);
    let results = open(out.path()).unwrap().results().unwrap();
    for test in [Test::Randomization, Test::Repeatability, Test::Reproducibility] {
        assert!(results.scores.iter().any(|score| score.test == test && score.value.is_some()), "{test}");
    }
    assert!(results.scores.iter().all(|score| score.test != Test::Utility));
    let missing = results.exclusions.iter().find(|exclusion| exclusion.what == "utility").unwrap();
    assert!(missing.reason.contains("no mask and no box"), "{}", missing.reason);
}

#[test]
fn utility_sees_the_images_that_are_marked() {
    let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    folder(data.path(), 12, 2);
    let mut protocol = on(data.path());
    protocol.tests = vec![Test::Utility, Test::Repeatability];
    protocol.sample.utility = None;
    protocol.sample.similarity = Some(4);
    let setup = setup(&protocol).unwrap();
    assert_eq!(setup.sample(), [2, 4]);
    let warned = setup.warnings().join("; ");
    assert!(warned.contains("of 6 images with the finding 4 have neither mask nor box"), "{warned}");
    run_plain(&setup, out.path()).unwrap();
    let scores = open(out.path()).unwrap().results().unwrap().scores;
    let of = |test: Test| {
        let mut images: Vec<String> = scores
            .iter()
            .filter(|score| {
                score.test == test && score.method == "GRAD" && score.condition != condition::DIFFERENT_IMAGES
            })
            .map(|score| score.image.clone())
            .collect();
        images.sort();
        images.dedup();
        images
    };
    assert_eq!(of(Test::Utility), ["phantom_000001", "phantom_000003"], "the two with a mask");
    assert_eq!(of(Test::Repeatability).len(), 4);
    let judged: Vec<_> = scores
        .iter()
        .filter(|score| (score.test, score.metric.as_str()) == (Test::Utility, "average_precision"))
        .filter(|score| score.method == "GRAD" && score.condition == "trained")
        .collect();
    assert!(judged.len() == 2 && judged.iter().all(|score| score.value.is_some()), "{judged:?}");
}

#[test]
fn a_finding_that_a_model_does_not_know_is_told() {
    let mut protocol = protocol();
    assert!(!setup(&protocol).unwrap().warnings().iter().any(|text| text.contains("no class of the model")));
    protocol.models.classifiers[1] = "demo:pneumonia_inception_v3_1".to_owned();
    let warnings = setup(&protocol).unwrap().warnings().join("; ");
    let words =
        "inception_v3_2: no class of the model is called pneumothorax: its positive class, pneumonia, is judged";
    assert!(warnings.contains(words), "{warnings}");
    protocol.cohort.task = Some(Task::named("hernia").unwrap());
    let refused = setup(&protocol).unwrap_err().to_string();
    assert!(refused.contains("called hernia") && refused.contains("pneumonia, pneumothorax"), "{refused}");
}

#[test]
fn the_cost_is_that_of_the_units() {
    let protocol = protocol();
    let setup = setup(&protocol).unwrap();
    let cost = Cost::of(&setup, Shard::default()).unwrap();
    let units: usize = cost.work.iter().map(|work| work.units).sum();
    assert_eq!((cost.units, cost.secs, cost.images, cost.predicted), (units, None, [3, 2], 6));
    // Two replicates in three states, and one of another architecture, on two images; a third image in two states.
    let maps = |method: &str| -> usize {
        cost.work.iter().filter(|work| work.kind == Kind::Map && work.method == method).map(|work| work.units).sum()
    };
    assert_eq!(maps("GRAD"), maps("GCAM"));
    assert!(maps("GRAD") >= 2 * (2 * 3 + 1) + 2, "{}", maps("GRAD"));
    let halves: usize = (0..2).map(|index| Cost::of(&setup, Shard { index, count: 2 }).unwrap().units).sum();
    assert_eq!(halves, units);
    let timed = cost.clone().timed(&setup, Shard::default(), &runtime()).unwrap();
    assert!(timed.secs.is_some_and(|secs| secs > 0.0 && secs.is_finite()));
    let words = timed.words(|_| "an hour".to_owned());
    assert!(words.contains(&format!("{units} units")) && words.contains("about an hour on this machine, an estimate"));
    assert!(!cost.words(|_| String::new()).contains("machine"));
}

#[test]
fn a_finding_in_a_protocol_keeps_its_identity() {
    // As the first versions wrote it.
    let mut protocol = protocol();
    let plain = setup(&protocol).unwrap().identity().clone();
    assert_eq!(plain["protocol"]["cohort"]["task"], "pneumothorax");
    assert!(plain["protocol"]["cohort"].get("readers").is_none());
    protocol.parameters = serde_json::from_str(r#"{"sg": {"samples": 25}, "clip_percentile": 99.0}"#).unwrap();
    assert_eq!(setup(&protocol).unwrap().identity(), &plain, "values of the preset change nothing");
    protocol.parameters = serde_json::from_str(r#"{"sg": {"samples": 26}}"#).unwrap();
    assert_ne!(setup(&protocol).unwrap().identity(), &plain);
    let cohort = |task: Task| {
        let options = CohortOptions { task: Some(task), phantom_size_px: 160, ..CohortOptions::default() };
        Cohort::open(&"phantom:5:4".parse().unwrap(), &options, &()).unwrap().fingerprint()
    };
    // What the program gave before findings had any name.
    assert_eq!(&cohort(Task::PNEUMOTHORAX)[..16], "f550df32e463d9f1");
    assert_eq!(&cohort(Task::PNEUMONIA)[..16], "fc55824c075f9432");
}
