//! What is no file, or one without end, in the place of every file that a command reads.

use std::path::{Path, PathBuf};
use std::process::Command;

use saliscope::benchmark::Protocol;
use saliscope::saliency::Preset;
use saliscope::truth::Task;

use super::bench::{Bench, Ran, guarded};

/// What stands where a file should, and what is said of it.
const KINDS: [(&str, &str); 5] = [
    ("a pipe", "no regular file"),
    ("a device without end", "no regular file"),
    ("a file of 8 GiB", "larger than"),
    ("a folder", "folder"),
    ("a socket", "no regular file"),
];

/// Puts such a thing at `path`.
fn make(kind: &str, path: &Path) {
    match kind {
        "a pipe" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        "a device without end" => std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
        // Without a byte on the disk.
        "a file of 8 GiB" => std::fs::File::create(path).unwrap().set_len(8 << 30).unwrap(),
        "a folder" => std::fs::create_dir(path).unwrap(),
        "a socket" => drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
        _ => unreachable!(),
    }
}

fn remove(path: &Path) {
    if path.is_dir() && !path.is_symlink() {
        std::fs::remove_dir(path).unwrap();
    } else {
        std::fs::remove_file(path).unwrap();
    }
}

/// A place of a file: its name in the bench, and the arguments that make the program read it.
struct Place {
    what: &'static str,
    name: &'static str,
    arguments: Vec<String>,
}

fn places(bench: &Bench) -> Vec<Place> {
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let place = |what, name, arguments: &[&str]| Place {
        what,
        name,
        arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
    };
    let [model, chest, out, bad] = ["model.safetensors", "chest.png", "out", "bad"].map(path);
    let explain = |option: &str, file: &str| -> Vec<String> {
        let words = ["explain", "--quiet", "--methods", "SG", "--model", &model, "--image", &chest, "--out", &out];
        words.into_iter().chain([option, file]).map(str::to_owned).collect()
    };
    let own = path("own/m.safetensors");
    std::fs::create_dir(bench.path("own")).unwrap();
    std::fs::copy(&model, &own).unwrap();
    let train = |more: &[&str]| -> Vec<String> {
        let words =
            ["train", "--quiet", "--cohort", "phantom:4:40", "--task", "pneumothorax", "--arch", "densenet_121"];
        let sizes = ["--input-size", "128", "--width", "0.0625", "--epochs", "1", "--batch", "8"];
        words.iter().chain(&sizes).chain(more).map(|word| (*word).to_owned()).collect()
    };
    let spec = |name: &str, fields: &str| {
        let json =
            format!(r#"{{"template": "single_case", "methods": ["GCAM"], "dpi": 72, "image": "chest.png", {fields}}}"#);
        bench.write(name, json.as_bytes()).to_str().unwrap().to_owned()
    };
    let mask = spec("mask.json", r#""models": ["model.safetensors"], "truth": {"mask": "bad"}"#);
    let maps = spec("maps.json", r#""maps": "bad.npz""#);
    let figure = path("figure.svg");
    for folder in ["siim", "labelled"] {
        std::fs::create_dir(bench.path(folder)).unwrap();
        std::fs::copy(&chest, bench.path(&format!("{folder}/a.png"))).unwrap();
    }
    let [siim, labelled] = ["siim", "labelled"].map(&path);
    let [siim, labelled] = [format!("siim:{siim}"), format!("folder:{labelled}")];
    let protocol = toml_of(bench);
    let weights = path("weights.safetensors");
    vec![
        place("weights", "bad", &["predict", "--quiet", "--model", &bad, "--image", &chest]),
        place("a card named as the weights", "own/m.json", &["predict", "--quiet", "--model", &own, "--image", &chest]),
        place("a card named model.json", "own/model.json", &["predict", "--quiet", "--model", &own, "--image", &chest]),
        place("weights to evaluate", "bad", &["evaluate", "--quiet", "--model", &bad, "--cohort", "phantom:1:4"]),
        place("weights to convert", "bad", &["convert", &bad, &weights]),
        place("a protocol", "bad", &["benchmark", "run", "--quiet", "--protocol", &bad, "--out", &out]),
        place("a protocol in JSON", "bad.json", &["benchmark", "run", "--protocol", &path("bad.json"), "--out", &out]),
        place(
            "weights of a benchmark",
            "bad",
            &["benchmark", "run", "--quiet", "--protocol", &protocol, "--out", &out],
        ),
        Place { what: "parameters", name: "bad", arguments: explain("--parameters", &bad) },
        Place { what: "noise", name: "bad", arguments: explain("--noise", &bad) },
        Place {
            what: "first weights",
            name: "bad",
            arguments: train(&["--init", &bad, "--out", &path("trained.safetensors")]),
        },
        place("a specification", "bad", &["figure", &bad, "--out", &figure]),
        place("a mask", "bad", &["figure", "--quiet", &mask, "--out", &figure]),
        place("maps", "bad.npz", &["figure", "--quiet", &maps, "--out", &figure]),
        place(
            "a table",
            "bad",
            &["stats", "--data", &bad, "--response", "v", "--factor", "m", "--group", "i", "--out", &path("o.json")],
        ),
        place("an image", "bad", &["predict", "--quiet", "--model", &model, "--image", &bad]),
        place(
            "an image to explain",
            "bad.dcm",
            &["explain", "--quiet", "--model", &model, "--image", &path("bad.dcm"), "--out", &out],
        ),
        place("splits", "bad", &["cohort", "--quiet", "phantom:1:8", "--splits", &bad]),
        place("masks of a cohort", "siim/train-rle.csv", &["cohort", "--quiet", &siim]),
        place("labels of a folder", "labelled/labels.csv", &["cohort", "--quiet", &labelled]),
        place("a database", "bad", &["benchmark", "status", &bad]),
        place("a database to resume", "bad", &["benchmark", "resume", "--quiet", &bad]),
    ]
}

/// A protocol whose only network is the file `bad`.
fn toml_of(bench: &Bench) -> String {
    let mut protocol = Protocol::demo(Preset::Arun2021, Task::PNEUMOTHORAX);
    protocol.tests.retain(|test| test.name() == "utility");
    protocol.models.classifiers = vec!["bad".to_owned()];
    protocol.models.other_architecture = None;
    protocol.models.localizers.clear();
    let json = serde_json::to_vec(&protocol).unwrap();
    bench.write("protocol.json", &json).to_str().unwrap().to_owned()
}

#[test]
fn what_is_no_file_is_refused_wherever_one_is_read() {
    let bench = Bench::new();
    for Place { what, name, arguments } in places(&bench) {
        for (kind, told) in KINDS {
            let is_database = what.contains("database");
            // A folder is looked into for a database, for the tables of a cohort and for maps.
            if kind == "a folder" && (is_database || ["maps", "masks of a cohort"].contains(&what)) {
                continue;
            }
            let path: PathBuf = bench.path(name);
            make(kind, &path);
            let ran = guarded(&arguments, &format!("{kind} as {what}"));
            remove(&path);
            let context = format!("{kind} as {what}: {ran:?}");
            assert!(matches!(ran.code, Some(1 | 2)), "{context}");
            assert_eq!(ran.stderr.lines().count(), 1, "{context}");
            assert!(ran.stderr.starts_with("error: ") && ran.stdout.is_empty(), "{context}");
            let told = match told {
                _ if is_database => "there is no benchmark here",
                "larger than" if what.contains("an image") => "too large",
                told => told,
            };
            assert!(ran.stderr.contains(told), "{context}");
            assert!(!bench.path("out").exists() && !bench.path("figure.svg").exists(), "{context}");
        }
    }
}

/// A file that is small enough, and holds nothing: refused by its beginning, without a read of the rest.
#[test]
fn sparse_files_within_the_bounds_are_refused_by_their_beginning() {
    let bench = Bench::new();
    let sparse = |name: &str, gib: u64| {
        let path = bench.path(name);
        std::fs::File::create(&path).unwrap().set_len(gib << 30).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let [model, chest, out] = ["model.safetensors", "chest.png", "out"].map(path);
    let weights = sparse("weights", 4);
    let foreign = sparse("foreign", 2);
    let noise = sparse("noise", 1);
    for (arguments, told) in [
        (vec!["predict", "--quiet", "--model", &weights, "--image", &chest], "no whole safetensors file"),
        (vec!["convert", &foreign, &out], "neither a PyTorch file"),
        (
            vec!["explain", "--methods", "SG", "--model", &model, "--image", &chest, "--noise", &noise, "--out", &out],
            "no array file of NumPy",
        ),
    ] {
        // Less memory than any of the files has.
        let limit = "ulimit -v 1048576; exec \"$0\" \"$@\"";
        let ran = Command::new("sh")
            .args(["-c", limit, env!("CARGO_BIN_EXE_saliscope")])
            .args(&arguments)
            .env("RAYON_NUM_THREADS", "2")
            .env("MALLOC_ARENA_MAX", "2")
            .output()
            .unwrap();
        let ran = Ran::from(ran);
        assert!(ran.code == Some(1) && ran.stderr.contains(told), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn inspect_says_of_each_what_it_is_and_goes_on() {
    let bench = Bench::new();
    let paths: Vec<PathBuf> = KINDS.iter().map(|(kind, _)| bench.path(&kind.replace(' ', "_"))).collect();
    for ((kind, _), path) in KINDS.iter().zip(&paths) {
        make(kind, path);
    }
    let mut arguments = vec!["inspect".to_owned()];
    arguments.extend(paths.iter().chain([&bench.path("chest.png")]).map(|path| path.to_str().unwrap().to_owned()));
    let ran = guarded(&arguments, "inspect");
    let lines = ran.lines();
    assert_eq!((ran.code, lines.len()), (Some(1), KINDS.len() + 1), "{ran:?}");
    for ((kind, told), line) in KINDS.iter().zip(&lines) {
        let told = if *told == "larger than" { "too large" } else { told };
        assert!(line["error"].as_str().unwrap().contains(told), "{kind}: {line}");
    }
    assert_eq!(lines[KINDS.len()]["rows"], 96);
}
