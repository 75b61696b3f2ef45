//! Runs, protocols, trust cards and models that version 0.1.0 wrote (`tests/fixtures/earlier`) go on to open, with the
//! numbers they had.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![allow(clippy::float_cmp, reason = "what was written comes back as it was")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::read::GzDecoder;
use saliscope::benchmark::protocol::Test;
use saliscope::benchmark::results::{condition, metric};
use saliscope::benchmark::{Protocol, Store, TrustFile, Unit};
use saliscope::network::{Architecture, Model, ModelKind, Scaling};
use saliscope::saliency::{Method, Preset};
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/earlier").join(name)
}

fn unpack(name: &str, to: &Path) {
    let mut bytes = Vec::new();
    GzDecoder::new(std::fs::File::open(fixture(name)).unwrap()).read_to_end(&mut bytes).unwrap();
    std::fs::write(to, bytes).unwrap();
}

/// The run in a folder of its own, as it was left.
fn run_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    unpack("benchmark.sqlite.gz", &folder.path().join("benchmark.sqlite"));
    std::fs::write(folder.path().join("benchmark.sqlite.lock"), b"").unwrap();
    std::fs::copy(fixture("trust.json"), folder.path().join("trust.json")).unwrap();
    folder
}

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_saliscope")).args(arguments).output().unwrap()
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_run_has_its_numbers_and_maps() {
    let folder = run_folder();
    let store = Store::read(&folder.path().join("benchmark.sqlite")).unwrap();
    let status = store.status().unwrap();
    assert_eq!((status.done, status.failed, status.total, status.maps), (99, 0, 99, 17));
    assert_eq!((status.run_id.as_str(), status.preset.as_str()), ("937f5d19eb24a7c4", "arun2021"));
    assert_eq!(store.meta().program_version, "0.1.0");
    let results = store.results().unwrap();
    assert_eq!(results.scores.len(), 366);
    let sum: f64 = results.scores.iter().filter_map(|score| score.value).sum();
    assert!((sum - 147.754_936_311_873_82).abs() < 1e-9, "{sum}");
    let found = results.scores.iter().find(|score| {
        score.test == Test::Utility
            && (score.image.as_str(), score.method.as_str()) == ("phantom-5-000049", "GCAM")
            && (score.condition.as_str(), score.metric.as_str()) == (condition::TRAINED, metric::AUPRC_TRAPEZOID)
    });
    assert_eq!(found.unwrap().value, Some(0.043_762_021_374_014_73));
    let map = store.map(&Unit::map("phantom-5-000049", "inception_v3_1", "Original", "GCAM")).unwrap().unwrap();
    assert_eq!((map.height, map.width), (160, 160));
    assert!(map.values.contains(&1.0) && map.values.iter().all(|value| (0.0..=1.0).contains(value)));
}

#[test]
fn a_run_is_told_reported_exported_and_gone_on_with() {
    let folder = run_folder();
    let run = folder.path().to_str().unwrap();
    assert!(succeeded(&program(&["benchmark", "status", run])).contains("99 of 99 units done"));
    let report = folder.path().join("report.html");
    succeeded(&program(&["benchmark", "report", run, "--out", report.to_str().unwrap()]));
    assert!(std::fs::read_to_string(&report).unwrap().contains("GCAM"));
    let export = folder.path().join("export");
    succeeded(&program(&["benchmark", "export", run, "--out", export.to_str().unwrap()]));
    let scores = std::fs::read_to_string(export.join("scores.csv")).unwrap();
    assert!(scores.contains("0.043762021374014"), "{scores:.400}");
    let said = std::fs::read_to_string(&report).unwrap();
    assert!(said.contains("No maps of different images were compared") && said.contains("too few images"));
    let protocol = fixture("protocol.toml");
    let again = ["benchmark", "run", "--quiet", "--protocol", protocol.to_str().unwrap(), "--out", run];
    let database = folder.path().join("benchmark.sqlite");
    let before = Store::read(&database).unwrap().dump().unwrap();
    // Two networks beside the first one, on two different images: units that 0.1.0 did not know. Then nothing is left to do.
    for (words, units_now) in [(&["benchmark", "resume", "--quiet", run][..], 2), (&again[..], 0)] {
        let summary: serde_json::Value = serde_json::from_str(&succeeded(&program(words))).unwrap();
        let found = [&summary["done"], &summary["total"], &summary["units_now"]];
        assert_eq!(found.map(serde_json::Value::as_u64), [Some(101), Some(101), Some(units_now)], "{summary}");
    }
    let store = Store::read(&database).unwrap();
    assert_eq!(store.meta().run_id, "937f5d19eb24a7c4", "it is still the same run");
    let after = store.dump().unwrap();
    assert!(before.iter().all(|row| after.contains(row)), "no number of before changed");
    let is_new = |score: &&saliscope::benchmark::Score| score.condition == condition::DIFFERENT_IMAGES;
    let scores = store.scores().unwrap();
    let new: Vec<&str> = scores.iter().filter(is_new).map(|score| score.image.as_str()).collect();
    assert!(!new.is_empty() && new.iter().all(|image| image.matches('|').count() == 1), "{new:?}");
    succeeded(&program(&["benchmark", "report", run, "--force", "--out", report.to_str().unwrap()]));
    assert!(!std::fs::read_to_string(&report).unwrap().contains("No maps of different images were compared"));
}

#[test]
fn a_protocol_says_what_it_said() {
    let protocol = Protocol::open(&fixture("protocol.toml")).unwrap();
    assert_eq!(
        (protocol.preset, protocol.class.as_str()),
        (Preset::Arun2021, "predicted"),
        "whatever is the default now"
    );
    assert_eq!(protocol.methods, [Method::Gcam]);
    assert_eq!(protocol.cohort.source, "phantom:5:100");
    assert_eq!(protocol.cohort.phantom_size_px, Some(160));
    assert_eq!((protocol.sample.similarity, protocol.sample.utility), (Some(2), Some(2)));
    assert_eq!(protocol.randomization.states, ["Logits"]);
    assert_eq!((protocol.alpha, protocol.margin), (0.05, 0.05));
    let folder = run_folder();
    assert_eq!(Store::read(&folder.path().join("benchmark.sqlite")).unwrap().meta().protocol, protocol);
    // The same as JSON.
    let json = folder.path().join("protocol.json");
    std::fs::write(&json, serde_json::to_string(&protocol).unwrap()).unwrap();
    assert_eq!(Protocol::open(&json).unwrap(), protocol);
}

#[test]
fn trust_cards_are_read_and_give_way_to_newer_ones() {
    let folder = run_folder();
    let path = folder.path().join("trust.json");
    let trust = TrustFile::read(&path).unwrap();
    assert_eq!((trust.run_id.as_str(), trust.units, trust.cards.len()), ("937f5d19eb24a7c4", [99, 99], 3));
    let network = "31d6005ccaae431cbbb1210a43a639c813349cb1397f72811757a51a1417c828";
    let card = trust.find(network, "GCAM").unwrap();
    assert_eq!(card.lines.len(), 4);
    assert!(card.lines[0].sentence.contains("mean AUPRC (trapezoid) 0.038 against 0.221"), "{:?}", card.lines[0]);
    trust.write(&path).unwrap();
    assert_eq!(TrustFile::read(&path).unwrap(), trust);
}

/// A model and its card.
fn model(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join(format!("{name}.safetensors"));
    unpack(&format!("{name}.safetensors.gz"), &weights);
    std::fs::copy(fixture(&format!("{name}.json")), weights.with_extension("json")).unwrap();
    (folder, weights)
}

#[test]
fn cards_without_newer_fields_are_read_as_they_were() {
    for name in ["converted", "trained", "detector"] {
        let card = std::fs::read_to_string(fixture(&format!("{name}.json"))).unwrap();
        assert!(!card.contains("scaling_assumed") && !card.contains("trained_on_patients"), "{name}");
    }
    let (_folder, weights) = model("converted");
    let card = Model::open(&weights, None).unwrap().card;
    assert_eq!((card.architecture, card.kind), (Architecture::DenseNet121, ModelKind::Classifier));
    assert_eq!((card.width, card.input_size, card.channels), (0.03125, [96, 96], 3));
    assert_eq!((card.scaling, card.positive_class), (Scaling::Imagenet, Some(1)));
    assert_eq!(card.classes, ["clear", "finding"]);
    assert_eq!(card.origin.as_deref(), Some("a PyTorch state dict"));
    assert_eq!((card.trained_on_patients, card.trained_on), (None, None), "it does not say");

    let (_folder, weights) = model("trained");
    let card = Model::open(&weights, None).unwrap().card;
    assert_eq!((card.architecture, card.width, card.input_size), (Architecture::DenseNet121, 0.0625, [96, 96]));
    assert!(card.trained_on.unwrap().starts_with("phantom:4:40, pneumothorax (10 images with and 13 without it)"));

    let (_folder, weights) = model("detector");
    let card = Model::open(&weights, None).unwrap().card;
    assert_eq!((card.architecture, card.kind), (Architecture::RetinaNet, ModelKind::Detection));
    assert_eq!((card.input_size, card.classes.as_slice()), ([128, 128], &["pneumonia".to_owned()][..]));
    let detector = card.detector.unwrap();
    assert_eq!((detector.anchor_base_px, detector.p6_from_c5), (32.0, true));
}

#[test]
fn models_answer_as_they_did() {
    // Gray levels of 96 x 96 pixels as an array, and what version 0.1.0 said of them.
    let levels =
        (0..96 * 96_usize).map(|at| (at % 96, at / 96)).map(|(x, y)| ((x * 2 + y * 3 + x * y / 7) % 256) as u8);
    let header = format!("{:<117}\n", "{'descr': '|u1', 'fortran_order': False, 'shape': (96, 96), }");
    let head = [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat();
    let array: Vec<u8> = head.into_iter().chain(levels).collect();
    // Of the converted one it said 0 and this: its single logit.
    for (name, expected) in [("converted", &[0.139_672_3][..]), ("trained", &[0.169_051_16, 0.018_155_994])] {
        let (folder, weights) = model(name);
        let image = folder.path().join("ramp.npy");
        std::fs::write(&image, &array).unwrap();
        let arguments = ["--quiet", "--model", weights.to_str().unwrap(), "--image", image.to_str().unwrap()];
        let line: serde_json::Value =
            serde_json::from_str(&succeeded(&program(&[&["predict"][..], &arguments].concat()))).unwrap();
        let logits: Vec<f64> = serde_json::from_value(line["logits"].clone()).unwrap();
        // Another instruction set rounds otherwise.
        assert_eq!(logits.len(), expected.len(), "{name}: {logits:?}");
        assert!(
            logits.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-5),
            "{name}: {logits:?}"
        );
    }
}
