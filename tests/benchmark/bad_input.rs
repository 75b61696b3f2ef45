//! Protocols that ask the impossible, runs that do not fit, damaged databases, images that vanish.

use std::path::Path;
use std::process::Command;

use saliscope::benchmark::protocol::Test;
use saliscope::benchmark::{Analysis, Options, Protocol, Setup, Store, open, run};
use saliscope::saliency::Preset;
use saliscope::truth::Task;

use crate::common::{protocol, rows, run_plain, runtime, same, setup};

/// The cheapest run there is.
fn quick() -> Protocol {
    let mut protocol = protocol();
    protocol.tests = vec![Test::Repeatability];
    protocol.models.localizers.clear();
    protocol.methods.truncate(1);
    protocol.average_mask = false;
    protocol.sample.similarity = Some(1);
    protocol.sample.classification = Some(2);
    protocol
}

#[test]
fn the_impossible_is_refused_before_anything_is_computed() {
    let refused = |change: &dyn Fn(&mut Protocol)| {
        let mut protocol = protocol();
        change(&mut protocol);
        setup(&protocol).unwrap_err().to_string()
    };
    let demo = |name: &str| format!("demo:{name}");
    let boxes = demo("pneumonia_retina_net_1");
    let told = [
        (refused(&|p| p.models.localizers[0].clone_from(&boxes)), "`models.localizers[0]` is a RetinaNet"),
        (refused(&|p| p.models.localizers[0] = demo("pneumothorax_inception_v3_3")), "is a classifier"),
        (
            refused(&|p| p.models.classifiers[1] = demo("pneumothorax_u_net_1")),
            "`models.classifiers[1]` is no classifier",
        ),
        (
            refused(&|p| p.models.classifiers[1] = demo("pneumothorax_densenet_121_1")),
            "replicates have one architecture",
        ),
        (refused(&|p| p.models.other_architecture = Some(demo("pneumothorax_inception_v3_3"))), "another architecture"),
        (refused(&|p| p.models.classifiers[1] = demo("nobody")), "there are only pneumothorax_inception_v3_1"),
        (refused(&|p| p.models.classifiers[1] = "/no/such.safetensors".to_owned()), "models.classifiers[1]"),
        (refused(&|p| p.randomization.states.push("mixed9".to_owned())), "`randomization.states` names \"mixed9\""),
        (refused(&|p| p.class = "2".to_owned()), "has 2 classes"),
        (refused(&|p| p.cohort.source = "folder:/no/such".to_owned()), "/no/such"),
        (refused(&|p| p.cohort.source = "phantom:5:1".to_owned()), "no image with the finding"),
    ];
    for (message, words) in told {
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_limit_beyond_reach_is_refused_and_a_run_begun_with_it_goes_on() {
    let mut protocol = quick();
    protocol.margin = 0.6;
    let refused = setup(&protocol).unwrap_err().to_string();
    assert!(refused.contains("`similarity_threshold` is 0.5 and `margin` 0.6"), "{refused}");
    let begun = Setup::reopen(&protocol, None, &()).unwrap();
    assert!(
        begun.warnings().iter().any(|warning| warning.contains("`similarity_threshold`")),
        "{:?}",
        begun.warnings()
    );
    // Such a run, as an earlier program left it.
    let folder = tempfile::tempdir().unwrap();
    run_plain(&begun, folder.path()).unwrap();
    let analysis = Analysis::of(&open(folder.path()).unwrap().results().unwrap());
    let own = analysis.primary(Test::Repeatability).unwrap();
    assert!(own.finding("GRAD").unwrap().sentence.contains("no verdict"), "one image");
    assert!(own.notes.iter().any(|note| note.contains("no map could pass")), "{:?}", own.notes);
}

#[test]
fn a_run_is_only_continued_as_what_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    run_plain(&setup(&quick()).unwrap(), out).unwrap();
    let before = rows(out);
    let refused = |change: &dyn Fn(&mut Protocol)| {
        let mut protocol = quick();
        change(&mut protocol);
        run_plain(&setup(&protocol).unwrap(), out).unwrap_err().to_string()
    };
    let told = [
        (refused(&|p| p.alpha = 0.01), "another protocol.alpha (then 0.05, now 0.01)"),
        (refused(&|p| p.keep_maps = false), "protocol.keep_maps (then true, now false)"),
        (refused(&|p| p.seeds.noise = 4), "protocol.seeds.noise"),
        (refused(&|p| p.cohort.phantom_size_px = Some(200)), "another cohort fingerprint"),
        (
            refused(&|p| p.models.classifiers[1] = "demo:pneumothorax_inception_v3_3".to_owned()),
            "another model weights.inception_v3_2 (classifier)",
        ),
    ];
    for (message, words) in told {
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(rows(out), before);
}

#[test]
fn databases_that_cannot_be_trusted_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let setup = setup(&quick()).unwrap();
    run_plain(&setup, folder.path()).unwrap();
    let database = folder.path().join("benchmark.sqlite");
    let held = Store::open(&database).unwrap();
    assert!(run_plain(&setup, folder.path()).unwrap_err().to_string().contains("another process"));
    drop(held);

    let whole = std::fs::read(&database).unwrap();
    std::fs::write(&database, &whole[..whole.len() / 2]).unwrap();
    assert!(open(folder.path()).unwrap_err().to_string().contains("damaged"));
    assert!(run_plain(&setup, folder.path()).unwrap_err().to_string().contains("damaged"));
    std::fs::write(&database, b"nothing of the kind, but long enough to be looked at as if it were one").unwrap();
    assert!(open(folder.path()).is_err());

    let mut newer = whole.clone();
    // The layout's number, at its place in the head of the file.
    newer[60..64].copy_from_slice(&9_u32.to_be_bytes());
    std::fs::write(&database, newer).unwrap();
    let told = open(folder.path()).unwrap_err().to_string();
    assert!(told.contains("layout 9") && told.contains("newer program"), "{told}");

    std::fs::write(&database, &whole).unwrap();
    assert_eq!(open(folder.path()).unwrap().status().unwrap().failed, 0);
    assert!(open(&folder.path().join("elsewhere")).unwrap_err().to_string().contains("no benchmark here"));
}

/// Phantoms as files.
fn images(folder: &Path) {
    let made = Command::new(env!("CARGO_BIN_EXE_saliscope"))
        .args([
            "phantom",
            "--count",
            "24",
            "--size",
            "160",
            "--seed",
            "3",
            "--task",
            "pneumothorax",
            "--quiet",
            "--out",
        ])
        .arg(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn an_image_that_vanishes_fails_alone_and_is_made_good() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    images(&data);
    let mut protocol = Protocol::demo(Preset::Arun2021, Task::PNEUMOTHORAX);
    protocol.cohort.source = format!("siim:{}", data.join("siim").display());
    protocol.cohort.validation_fraction = Some(0.25);
    protocol.cohort.test_fraction = Some(0.5);
    protocol.methods.truncate(1);
    protocol.models.classifiers.truncate(2);
    protocol.tests = vec![Test::Utility, Test::Repeatability];
    protocol.sample.similarity = Some(3);
    protocol.sample.utility = Some(3);
    protocol.sample.classification = Some(0);
    let setup = setup(&protocol).unwrap();
    let calm = folder.path().join("calm");
    run_plain(&setup, &calm).unwrap();
    let expected = rows(&calm);

    let id = open(&calm).unwrap().scores().unwrap()[0].image.clone();
    let image = walkdir::WalkDir::new(&data)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .find(|path| path.file_stem().is_some_and(|stem| stem.to_string_lossy() == id))
        .unwrap();
    let away = folder.path().join("away");
    std::fs::rename(&image, &away).unwrap();
    let out = folder.path().join("run");
    let summary = run_plain(&setup, &out).unwrap();
    assert!(summary.status.failed > 0 && summary.status.done > 0);
    assert_eq!(summary.status.done + summary.status.failed, summary.status.total);
    let results = open(&out).unwrap().results().unwrap();
    assert!(results.scores.iter().all(|score| score.image != id));
    // Its own units, and those of other images that are compared with it.
    let is_lost = |exclusion: &&saliscope::benchmark::results::Exclusion| {
        exclusion.image == id || exclusion.what.ends_with("on another image")
    };
    let lost: Vec<_> = results.exclusions.iter().filter(is_lost).collect();
    assert_eq!(lost.len(), summary.status.failed);
    let path = image.to_string_lossy().into_owned();
    assert!(lost.iter().all(|exclusion| !exclusion.reason.contains(&path)), "no path in a reason: {lost:?}");
    assert_eq!(run_plain(&setup, &out).unwrap().units_now, 0, "failures wait until they are asked for");

    std::fs::rename(&away, &image).unwrap();
    run(&setup, &out, &runtime(), &Options { retry_failed: true, ..Options::default() }, &()).unwrap();
    same(&rows(&out), &expected);
}
