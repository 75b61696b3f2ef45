//! What a command reads is never replaced by what it writes, `--force` or not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::bench::{Bench, run, with};

/// All files below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let found = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let found = found.filter(|entry| entry.file_type().is_file());
    found.map(|entry| (entry.path().to_owned(), std::fs::read(entry.path()).unwrap())).collect()
}

/// Refused as usage, with these words, and nothing in the folder is another one.
#[track_caller]
fn refused(bench: &Bench, arguments: &[String], words: &str) {
    let before = files(&bench.path(""));
    let ran = run(arguments);
    assert!(ran.refused(2).contains(words), "{}", ran.stderr);
    assert!(files(&bench.path("")) == before, "a file came, went or changed: {arguments:?}");
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn maps_and_cascades_leave_images_and_parameters_alone() {
    let bench = Bench::new();
    let path = |name: &str| bench.path(name).display().to_string();
    std::fs::create_dir(bench.path("out")).unwrap();
    std::fs::copy(bench.path("chest.png"), bench.path("out/panel.png")).unwrap();
    std::fs::copy(bench.path("chest.png"), bench.path("out/figure_3a.png")).unwrap();
    bench.write("out/explain.json", br#"{"sg": {"samples": 2}}"#);
    let taken = "would take the place of a file that is read here";
    refused(&bench, &bench.explain("out/panel.png", "out"), taken);
    let parameters = with(bench.explain("chest.png", "out"), &["--parameters", &path("out/explain.json")]);
    refused(&bench, &parameters, taken);
    let cascade = ["cascade", "--quiet", "--methods", "GRAD", "--states", "Logits", "--model"].map(str::to_owned);
    let rest = [path("model.safetensors"), "--image".into(), path("out/figure_3a.png"), "--out".into(), path("out")];
    refused(&bench, &[&cascade[..], &rest].concat(), taken);
    // Another image into the same folder is as ever.
    run(&bench.explain("out/figure_3a.png", "out")).succeeded();
}

#[test]
fn models_are_not_replaced_by_what_is_made_of_them() {
    let bench = Bench::new();
    let path = |name: &str| bench.path(name).display().to_string();
    let weights = std::fs::read(bench.path("model.safetensors")).unwrap();
    std::fs::create_dir(bench.path("hub")).unwrap();
    bench.write("hub/model.safetensors", &weights);
    bench.write("hub/config.json", b"{}");
    bench.write("weights.json", &weights);
    bench.write("sample.npz", b"PK");
    let convert = |input: &str, output: &str, more: &str| {
        words(&format!("convert --quiet --force {more} {} {}", path(input), path(output)))
    };
    refused(&bench, &convert("model.safetensors", "model.safetensors", ""), "IN and OUT are the same file");
    refused(&bench, &convert("weights.json", "weights.safetensors", ""), "OUT's model card would replace IN");
    refused(&bench, &convert("hub/model.safetensors", "hub/config.safetensors", ""), "a file that is read with IN");
    let sample = format!("--sample {}", path("sample.npz"));
    refused(&bench, &convert("model.safetensors", "sample.npz", &sample), "a file that is read with IN");

    let train = |more: &str| {
        let start =
            "train --quiet --task pneumothorax --arch densenet_121 --input-size 128 --width 0.0625 --epochs 1 --force";
        words(&format!("{start} {more}"))
    };
    let read = "would replace one that the training reads";
    let phantoms = "--cohort phantom:4:40";
    let (init, out) = (path("model.safetensors"), path("model.safetensors"));
    refused(&bench, &train(&format!("{phantoms} --init {init} --out {out}")), read);
    bench.write("splits.csv", b"Image_ID,Split\na,train\n");
    let (splits, out) = (path("splits.csv"), path("splits.safetensors"));
    refused(&bench, &train(&format!("{phantoms} --splits {splits} --out {out}")), "the file with the ending .csv");
    std::fs::create_dir(bench.path("images")).unwrap();
    std::fs::copy(bench.path("chest.png"), bench.path("images/a.png")).unwrap();
    let (cohort, out) = (path("images"), path("images/a.safetensors"));
    refused(&bench, &train(&format!("--cohort folder:{cohort} --out {out}")), "the file with the ending .png");
}

#[test]
fn tables_and_databases_are_not_replaced_by_what_is_said_of_them() {
    let bench = Bench::new();
    let path = |name: &str| bench.path(name).display().to_string();
    bench.write("scores.json", b"image,method,value\n1,A,1\n");
    let data = path("scores.json");
    let stats = format!("stats --force --data {data} --response value --factor method --group image --out {data}");
    refused(&bench, &words(&stats), "the same file");

    let earlier = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/earlier/benchmark.sqlite.gz");
    let mut database = Vec::new();
    let compressed = std::fs::File::open(earlier).unwrap();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(compressed), &mut database).unwrap();
    bench.write("benchmark.sqlite", &database);
    let database = path("benchmark.sqlite");
    refused(
        &bench,
        &words(&format!("benchmark report {database} --out {database} --force")),
        "--out would replace the database of the run",
    );
    let out = path("chest.png");
    let folder = path("");
    refused(
        &bench,
        &words(&format!("benchmark report {database} --cohort folder:{folder} --out {out} --force")),
        "--out would replace a file of the data set",
    );
    // A run of an earlier version has no thumbnails; where its maps cannot be shown with radiographs, it says why.
    let ran = run(&words(&format!("benchmark report {database} --out {}", path("report.html")))).succeeded();
    let html = std::fs::read_to_string(bench.path("report.html")).unwrap();
    assert!(html.contains("<h2>Figures</h2>"), "{}", ran.stderr);
}
