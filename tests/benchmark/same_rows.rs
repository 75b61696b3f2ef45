//! The same rows for any number of workers, any batch, and in parts.

use saliscope::benchmark::protocol::Test;
use saliscope::benchmark::results::{condition, metric};
use saliscope::benchmark::{Options, Shard, Store, Unit, database_path, merge, merge_again, open, run};
use saliscope::metrics::spearman;

use crate::common::{protocol, rows, run_plain, runtime, same, setup};

#[test]
fn workers_batches_and_shards_leave_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(&protocol()).unwrap();
    let whole = folder.path().join("whole");
    let summary = run_plain(&setup, &whole).unwrap();
    assert_eq!((summary.status.done, summary.status.failed), (summary.status.total, 0));
    assert_eq!(summary.status.secs_left, Some(0.0));
    let expected = rows(&whole);

    let again = run_plain(&setup, &whole).unwrap();
    assert_eq!(again.units_now, 0, "nothing is left to do");

    let other = folder.path().join("other");
    let options = Options { workers: 3, batch: Some(1), ..Options::default() };
    run(&setup, &other, &runtime(), &options, &()).unwrap();
    same(&rows(&other), &expected);

    let parts = folder.path().join("parts");
    let mut databases = Vec::new();
    for index in 0..3 {
        let shard = Shard { index, count: 3 };
        run(&setup, &parts, &runtime(), &Options { shard, batch: Some(5), ..Options::default() }, &()).unwrap();
        databases.push(database_path(&parts, shard));
    }
    let target = folder.path().join("joined.sqlite");
    let some = merge(&target, &databases[..2]).unwrap();
    assert_eq!(some.missing_parts, [2]);
    std::fs::remove_file(&target).unwrap();
    let twice = [databases[0].clone(), databases[0].clone()];
    assert!(merge(&target, &twice).unwrap_err().to_string().contains("given twice"));
    assert!(!target.exists(), "a refused join leaves nothing");
    let all = merge(&target, &databases).unwrap();
    assert_eq!((all.missing_parts.len(), all.missing_units), (0, 0));
    same(&rows(&target), &expected);
    assert!(merge(&target, &databases).unwrap_err().to_string().contains("exists"));

    // Joined too early, and again once all parts are there.
    let early = folder.path().join("early.sqlite");
    merge(&early, &databases[..2]).unwrap();
    let results = Store::read(&early).unwrap().results().unwrap();
    assert_eq!((results.provenance.missing_parts.as_slice(), results.provenance.parts), (&[2][..], 3));
    assert!(results.provenance.finished_unix_secs.is_none(), "a part is not here");
    assert!(merge_again(&early, &databases[..1]).unwrap_err().to_string().contains("not joined from these parts"));
    assert_eq!(merge_again(&early, &databases).unwrap().missing_parts.len(), 0);
    same(&rows(&early), &expected);
    let beside = |ending: &str| std::path::PathBuf::from(format!("{}{ending}", early.display()));
    assert!(!beside("-wal").exists() && !beside("-shm").exists());
    assert!(Store::read(&early).unwrap().results().unwrap().provenance.missing_parts.is_empty());
    // What is no earlier joining of these parts stays.
    let part = std::fs::read(&databases[0]).unwrap();
    assert!(merge_again(&databases[0], &databases).is_err());
    assert_eq!(std::fs::read(&databases[0]).unwrap(), part);
    let table = folder.path().join("table.csv");
    std::fs::write(&table, "a,b").unwrap();
    assert!(merge_again(&table, &databases).unwrap_err().to_string().contains("exists"));
    assert!(merge_again(&whole.join("benchmark.sqlite"), &databases).is_err(), "a run that was never in parts");
    same(&rows(&whole), &expected);

    let mut changed = protocol();
    changed.seeds.sample = 1;
    let other_run = folder.path().join("other run");
    let shard = Shard { index: 1, count: 3 };
    let other_setup = crate::common::setup(&changed).unwrap();
    run(&other_setup, &other_run, &runtime(), &Options { shard, ..Options::default() }, &()).unwrap();
    let strangers = [databases[0].clone(), database_path(&other_run, shard)];
    let told = merge(&folder.path().join("none.sqlite"), &strangers).unwrap_err().to_string();
    assert!(told.contains("protocol.seeds.sample"), "{told}");
}

#[test]
fn results_hold_every_test_and_row() {
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(&protocol()).unwrap();
    run_plain(&setup, folder.path()).unwrap();
    let store = open(folder.path()).unwrap();
    let results = store.results().unwrap();
    let count = |test: Test, condition: &str, metric: &str| {
        let of = |score: &&saliscope::benchmark::Score| {
            score.test == test && score.condition == condition && score.metric == metric
        };
        results.scores.iter().filter(of).count()
    };
    // 3 images, 2 methods; 6 controls; AVG and a U-Net.
    assert_eq!(count(Test::Utility, condition::TRAINED, metric::AUPRC_TRAPEZOID), 6);
    assert_eq!(count(Test::Utility, condition::RANDOM, metric::ROC_AUC), 6);
    assert_eq!(count(Test::Utility, condition::CONTROL, metric::HIT), 18);
    assert_eq!(count(Test::Utility, condition::BASELINE, metric::IOU_AREA), 6);
    // 2 images, 2 replicates, 2 methods in each of 3 states; one pair; 50 pairs of noise.
    for state in ["Original", "Logits", "9"] {
        assert_eq!(count(Test::Randomization, state, metric::SSIM_RANGE_1), 8);
    }
    assert_eq!(count(Test::Randomization, condition::BASELINE, metric::SSIM_RANGE_2), 4);
    assert_eq!(count(Test::Randomization, condition::CONTROL, metric::SSIM_RANGE_1), 50);
    // 2 images with 2 methods and a pair of U-Nets; 6 controls.
    for test in [Test::Repeatability, Test::Reproducibility] {
        assert_eq!(count(test, condition::PAIR, metric::SSIM_RANGE_1), 6);
        assert_eq!(count(test, condition::PAIR, metric::DICE), 6);
        assert_eq!(count(test, condition::CONTROL, metric::SSIM_RANGE_1), 12);
        // The same two networks on the one pair of images, 2 methods.
        assert_eq!(count(test, condition::DIFFERENT_IMAGES, metric::SSIM_RANGE_1), 2);
    }
    let original = |score: &&saliscope::benchmark::Score| {
        score.condition == "Original" && score.metric == metric::SSIM_RANGE_1 && score.note.is_none()
    };
    assert!(results.scores.iter().filter(original).all(|score| score.value == Some(1.0)), "a map is like itself");
    // Each network is asked about an image of its own.
    let crossed = results.scores.iter().find(|score| {
        (score.test, score.condition.as_str()) == (Test::Reproducibility, condition::DIFFERENT_IMAGES)
            && (score.method.as_str(), score.metric.as_str()) == ("GRAD", metric::SPEARMAN)
    });
    let crossed = crossed.unwrap();
    assert_eq!(crossed.models, "inception_v3_1|densenet_121_1");
    let (one, two) = crossed.image.split_once('|').unwrap();
    let map =
        |image: &str, model: &str| store.map(&Unit::map(image, model, "Original", "GRAD")).unwrap().unwrap().values;
    let expected = spearman(&map(one, "inception_v3_1"), &map(two, "densenet_121_1")).unwrap();
    // Maps are kept with 16 bits.
    assert!((crossed.value.unwrap() - expected).abs() < 1e-3, "{:?} instead of {expected}", crossed.value);
    let blank = results.scores.iter().find(|s| s.method == "BLANK" && s.metric == metric::AVERAGE_PRECISION).unwrap();
    let trapezoid = results
        .scores
        .iter()
        .find(|s| s.method == "BLANK" && s.metric == metric::AUPRC_TRAPEZOID && s.image == blank.image)
        .unwrap();
    let prevalence = blank.value.unwrap();
    assert!((trapezoid.value.unwrap() - f64::midpoint(1.0, prevalence)).abs() < 1e-12);

    assert_eq!(results.provenance.models.len(), 5);
    let auc = results.provenance.models[0].auc.as_ref().unwrap();
    assert_eq!(auc.cases, 6);
    assert!(results.provenance.finished_unix_secs.is_some());
    let json = serde_json::to_string(&results).unwrap();
    assert_eq!(serde_json::from_str::<saliscope::benchmark::Results>(&json).unwrap().scores, results.scores);

    let score = results.scores.iter().find(|s| s.condition == condition::TRAINED && s.method == "GCAM").unwrap();
    let unit = Unit::map(&score.image, &score.models, "Original", "GCAM");
    let map = store.map(&unit).unwrap().unwrap();
    assert_eq!((map.height, map.width, map.values.len()), (160, 160, 25_600));
    assert!(map.values.iter().all(|value| (0.0..=1.0).contains(value)));
    assert!(store.map(&Unit::fixed("", "AVG")).unwrap().unwrap().values.contains(&1.0));
    assert!(store.map(&Unit::map(&score.image, "nobody", "Original", "GCAM")).unwrap().is_none());
}
