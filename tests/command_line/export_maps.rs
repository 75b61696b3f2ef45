//! Maps of a run as archives for NumPy, and the example that reads them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use saliscope::array_file::NpzReader;
use saliscope::benchmark::protocol::Test;
use saliscope::benchmark::results::{condition, metric};
use saliscope::benchmark::{Protocol, Store, Unit, open};
use tempfile::TempDir;

use super::bench::{Ran, run};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/earlier").join(name)
}

/// A finished run of GCAM on two images, with its maps.
fn run_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = Vec::new();
    let packed = std::fs::File::open(fixture("benchmark.sqlite.gz")).unwrap();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    std::fs::write(folder.path().join("benchmark.sqlite"), bytes).unwrap();
    folder
}

fn export(folder: &TempDir, out: &str, more: &[&str]) -> Ran {
    let (run_path, out) = (folder.path().to_str().unwrap(), folder.path().join(out));
    run(&[&["benchmark", "export", run_path, "--out", out.to_str().unwrap()][..], more].concat())
}

/// Rows of a table by their columns.
fn index(out: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(out.join("maps/index.csv")).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

#[test]
fn every_kept_map_is_there_by_image() {
    let folder = run_folder();
    let store = Store::read(&folder.path().join("benchmark.sqlite")).unwrap();
    let ran = export(&folder, "all", &["--maps=all", "--identity"]).succeeded();
    assert_eq!(ran.stderr, "");
    let rows = index(&folder.path().join("all"));
    assert_eq!(rows.len(), store.status().unwrap().maps);
    for row in &rows {
        let bytes = std::fs::read(folder.path().join("all/maps").join(&row["file"])).unwrap();
        let array = NpzReader::new(&bytes).unwrap().array(&row["array"]).unwrap().unwrap();
        let kept =
            store.map(&Unit::map(&row["image"], &row["network"], &row["state"], &row["method"])).unwrap().unwrap();
        assert_eq!(array.shape, [kept.height, kept.width]);
        assert_eq!([&row["height_px"], &row["width_px"]], [&kept.height.to_string(), &kept.width.to_string()]);
        assert_eq!((row["outcome"].as_str(), &row["class"]), (kept.outcome.as_str(), &class(kept.class)));
        assert_eq!(array.values.into_f32(), kept.values, "{row:?}");
    }
    let files: Vec<&str> = rows.iter().map(|row| row["file"].as_str()).collect();
    for file in ["AVG.npz", "inception_v3_1/phantom-5-000049.npz", "inception_v3_1/Logits/phantom-5-000049.npz"] {
        assert!(files.contains(&file), "{file} of {files:?}");
    }

    // Without identity images are called as in the scores, and of trained networks alone where nothing else is asked.
    let ran = export(&folder, "trained", &["--maps"]).succeeded();
    assert_eq!(ran.stderr, "note: 6 maps of randomized networks are left out; --maps=all writes them\n");
    let out = folder.path().join("trained");
    let rows = index(&out);
    assert_eq!(rows.len(), 11);
    assert!(rows.iter().all(|row| ["", "Original"].contains(&row["state"].as_str())));
    let table = std::fs::read_to_string(out.join("maps/index.csv")).unwrap();
    let scores = std::fs::read_to_string(out.join("scores.csv")).unwrap();
    assert!(!table.contains("phantom-5") && !scores.contains("phantom-5"));
    for row in rows.iter().filter(|row| !row["image"].is_empty()) {
        assert!(scores.contains(&format!(",{},", row["image"])), "{row:?}");
        assert!(out.join("maps").join(&row["file"]).exists());
    }
    assert!(!export(&folder, "plain", &[]).succeeded().stderr.contains("maps"));
    assert!(!folder.path().join("plain/maps").exists());
}

fn class(class: Option<usize>) -> String {
    class.map(|class| class.to_string()).unwrap_or_default()
}

#[test]
fn a_run_without_maps_says_so() {
    let folder = run_folder();
    let database = rusqlite::Connection::open(folder.path().join("benchmark.sqlite")).unwrap();
    database.execute("DELETE FROM map", []).unwrap();
    drop(database);
    let refused = export(&folder, "out", &["--maps"]);
    assert!(refused.refused(1).contains("the run kept no maps"), "{}", refused.stderr);
    assert!(!folder.path().join("out").exists());
}

/// What was exported with the ids of the images is scored again as maps of another program.
#[test]
fn exported_maps_are_read_back() {
    let folder = run_folder();
    export(&folder, "results", &["--maps", "--identity"]).succeeded();
    let mut protocol = Protocol::open(&fixture("protocol.toml")).unwrap();
    protocol.tests = vec![Test::Utility];
    protocol.models.classifiers.truncate(1);
    protocol.models.other_architecture = None;
    protocol.models.localizers.clear();
    protocol.sample.classification = Some(0);
    protocol.controls.clear();
    let file = folder.path().join("protocol.json");
    std::fs::write(&file, serde_json::to_string(&protocol).unwrap()).unwrap();
    let (maps, again) = (folder.path().join("results/maps/inception_v3_1"), folder.path().join("again"));
    let [file, maps, again] = [&file, &maps, &again].map(|path| path.to_str().unwrap());
    run(&["benchmark", "run", "--quiet", "--protocol", file, "--maps", maps, "--out", again]).succeeded();
    let scores = open(Path::new(again)).unwrap().scores().unwrap();
    let of = |method: &str, condition: &str| -> Vec<f64> {
        let wanted = scores.iter().filter(|score| score.method == method && score.condition == condition);
        wanted.filter(|score| score.metric == metric::AVERAGE_PRECISION).map(|score| score.value.unwrap()).collect()
    };
    let (own, back) = (of("GCAM", condition::TRAINED), of("ext:GCAM", condition::EXTERNAL));
    assert_eq!((own.len(), back.len()), (2, 2));
    // Maps are kept with 11 bits.
    assert!(own.iter().zip(&back).all(|(own, back)| (own - back).abs() < 5e-3), "{own:?} {back:?}");
}

#[test]
fn the_example_in_python_reads_scores_and_maps() {
    let python = |arguments: &[&str]| Command::new("python3").args(arguments).output();
    if !python(&["-c", "import numpy"]).is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: there is no python3 with NumPy here");
        return;
    }
    let folder = run_folder();
    export(&folder, "results", &["--maps=all"]).succeeded();
    let out = folder.path().join("results");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/read_export.py");
    let output = python(&[example.to_str().unwrap(), out.to_str().unwrap()]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();

    let store = Store::read(&folder.path().join("benchmark.sqlite")).unwrap();
    let of_trained = |score: &&saliscope::benchmark::Score| {
        score.condition == condition::TRAINED && score.metric == metric::AVERAGE_PRECISION
    };
    let values: Vec<f64> = store.scores().unwrap().iter().filter(of_trained).filter_map(|score| score.value).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let line = format!("GCAM: average precision {mean:.6}, mean of {} maps\n", values.len());
    assert!(printed.contains(&line), "{line}: {printed}");
    let kept = store.map(&Unit::map("phantom-5-000049", "inception_v3_1", "Original", "GCAM")).unwrap().unwrap();
    let mut largest = 0;
    for (place, value) in kept.values.iter().enumerate() {
        if *value > kept.values[largest] {
            largest = place;
        }
    }
    let line = format!(
        "inception_v3_1, GCAM: float32 ({}, {}), largest at row {}, column {}\n",
        kept.height,
        kept.width,
        largest / kept.width,
        largest % kept.width
    );
    assert!(printed.contains(&line), "{line}: {printed}");
}
