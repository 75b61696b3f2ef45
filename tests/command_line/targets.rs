//! What lies where a command would write: it stays as it is, unless the command says that it replaces it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::bench::{Bench, run};

/// Folder that a command writes into.
const TO: &str = "to";

/// A record as any export of this program leaves.
const EARLIER: &[u8] = br#"{"notice": "Research use - not for diagnosis", "saliscope": "0.1.0"}"#;

/// A command and the files that it would make below [`TO`].
struct Writer {
    arguments: Vec<String>,
    files: &'static [&'static str],
    /// It says that files of these names are replaced.
    replaces: bool,
}

/// What stands in the way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Obstacle {
    File,
    EmptyFile,
    ReadOnlyFile,
    Folder,
}

const OBSTACLES: [Obstacle; 4] = [Obstacle::File, Obstacle::EmptyFile, Obstacle::ReadOnlyFile, Obstacle::Folder];

impl Obstacle {
    fn put(self, path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match self {
            Self::File => std::fs::write(path, b"my thesis").unwrap(),
            Self::EmptyFile => std::fs::write(path, b"").unwrap(),
            Self::ReadOnlyFile => {
                std::fs::write(path, b"my thesis").unwrap();
                let mut permissions = std::fs::metadata(path).unwrap().permissions();
                permissions.set_readonly(true);
                std::fs::set_permissions(path, permissions).unwrap();
            }
            Self::Folder => {
                std::fs::create_dir(path).unwrap();
                std::fs::write(path.join("inside"), b"my thesis").unwrap();
            }
        }
    }
}

/// Contents of files, nothing for folders, and whether it is read-only, by path.
type Everything = BTreeMap<PathBuf, (Option<Vec<u8>>, bool)>;

/// Everything below a folder.
fn everything(folder: &Path) -> Everything {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let found = entries.map(|entry| {
        let content = entry.file_type().is_file().then(|| std::fs::read(entry.path()).unwrap());
        (entry.path().to_owned(), (content, entry.metadata().unwrap().permissions().readonly()))
    });
    found.collect()
}

/// An empty folder for results.
fn fresh(bench: &Bench) -> PathBuf {
    let to = bench.path(TO);
    if to.exists() {
        std::fs::remove_dir_all(&to).unwrap();
    }
    std::fs::create_dir(&to).unwrap();
    to
}

/// Runs the command with every obstacle at every file that it would make, one at a time.
fn try_all(bench: &Bench, writer: &Writer) {
    for file in writer.files {
        for obstacle in OBSTACLES {
            let to = fresh(bench);
            bench.write("to/notes.txt", b"mine");
            obstacle.put(&to.join(file));
            let is_replaced = writer.replaces && matches!(obstacle, Obstacle::File | Obstacle::EmptyFile);
            if writer.replaces && !is_replaced {
                // Files of an earlier run, which are replaced together or not at all.
                for other in writer.files.iter().filter(|other| *other != file) {
                    std::fs::create_dir_all(to.join(other).parent().unwrap()).unwrap();
                    std::fs::write(to.join(other), EARLIER).unwrap();
                }
            }
            let before = everything(&to);
            let ran = run(&writer.arguments);
            let words = &writer.arguments[..2];
            if is_replaced {
                ran.succeeded();
                continue;
            }
            assert!(matches!(ran.code, Some(1 | 2)), "{words:?} with {obstacle:?} at {file}: {ran:?}");
            assert_eq!(ran.stderr.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{}", ran.stderr);
            assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
            assert!(everything(&to) == before, "{words:?} with {obstacle:?} at {file} changed what was there");
        }
    }
}

fn writer(words: &[&str], files: &'static [&'static str]) -> Writer {
    Writer { arguments: words.iter().map(|&word| word.to_owned()).collect(), files, replaces: false }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn one_file_of_results() {
    let bench = Bench::new();
    let to = |name: &str| text(&bench.path(TO).join(name)).to_owned();
    let line = |at: usize| format!("i{},{},0.{}\n", at / 2, ["A", "B"][at % 2], at * 7 % 10);
    let scores = "image,method,auprc\n".to_owned() + &(0..12).map(line).collect::<String>();
    let data = bench.write("scores.csv", scores.as_bytes());
    let words = ["stats", "--data", text(&data), "--response", "auprc", "--factor", "method", "--group", "image"];
    try_all(&bench, &writer(&[&words[..], &["--out", &to("stats.json")]].concat(), &["stats.json"]));
    for files in [&["protocol.toml"], &["protocol.json"]] {
        try_all(&bench, &writer(&["benchmark", "init", "--out", &to(files[0])], files));
    }
    let run = earlier_run(&bench);
    try_all(&bench, &writer(&["benchmark", "report", text(&run), "--out", &to("report.html")], &["report.html"]));
}

#[test]
fn a_model_and_the_files_beside_it() {
    let bench = Bench::new();
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/foreign/torch_densenet_single.pth.gz");
    let mut weights = Vec::new();
    GzDecoder::new(std::fs::File::open(packed).unwrap()).read_to_end(&mut weights).unwrap();
    let weights = bench.write("weights.pth", &weights);
    let out = bench.path(TO).join("m.safetensors");
    try_all(&bench, &writer(&["convert", text(&weights), text(&out)], &["m.safetensors", "m.json"]));
    let words = ["train", "--cohort", "phantom:4:40", "--task", "pneumothorax", "--arch", "densenet_121", "--out"];
    let files = &["m.safetensors", "m.json", "m.csv", "m.png", "m.checkpoint"];
    try_all(&bench, &writer(&[&words[..], &[text(&out)]].concat(), files));
}

#[test]
fn folders_of_results() {
    let bench = Bench::new();
    let out = text(&bench.path(TO).join("out")).to_owned();
    let [model, image] = ["model.safetensors", "chest.png"].map(|name| text(&bench.path(name)).to_owned());
    let inputs = ["--quiet", "--methods", "GRAD", "--model", &model, "--image", &image, "--out", &out];
    let explained: &[&str] = &["out/explain.json", "out/maps.npz", "out/panel.pdf", "out/radiograph.dcm"];
    let cascaded: &[&str] = &["out/cascade.csv", "out/cascade.npz", "out/figure_3a.png"];
    for (name, more, files) in
        [("explain", &["--dicom"][..], explained), ("cascade", &["--states", "Logits"], cascaded)]
    {
        let words = [&[name][..], &inputs, more].concat();
        try_all(&bench, &Writer { replaces: true, ..writer(&words, files) });
    }
    // A folder of results that is no folder, or one that must be empty.
    let run = earlier_run(&bench);
    for words in [
        [&["explain"][..], &inputs].concat(),
        [&["cascade"][..], &inputs].concat(),
        vec!["phantom", "--count", "1", "--size", "128", "--quiet", "--out", &out],
        vec!["benchmark", "export", text(&run), "--out", &out],
    ] {
        let is_strict = matches!(words[0], "phantom" | "benchmark");
        for obstacle in OBSTACLES.into_iter().filter(|obstacle| is_strict || *obstacle != Obstacle::Folder) {
            let to = fresh(&bench);
            obstacle.put(&to.join("out"));
            let before = everything(&to);
            super::bench::run(&words).refused(1);
            assert!(everything(&to) == before, "{words:?} with {obstacle:?}");
        }
    }
}

#[test]
fn a_figure_replaces_figures_and_their_records_alone() {
    let bench = Bench::new();
    let spec = r#"{"template": "single_case", "image": "chest.png", "models": ["model.safetensors"], "methods": ["GRAD"],
                   "dpi": 72, "width": "single"}"#;
    let spec = bench.write("spec.json", spec.as_bytes());
    let out = bench.path(TO).join("figure.svg");
    let words = ["figure", "--quiet", text(&spec), "--out", text(&out)];
    try_all(&bench, &Writer { replaces: true, ..writer(&words, &["figure.svg"]) });
    try_all(&bench, &writer(&words, &["figure.record.json"]));
    // The card of a model has the name that records of earlier versions had.
    let card = std::fs::read(bench.path("model.json")).unwrap();
    let taken = bench.path("model.png");
    let draw = || run(&["figure", "--quiet", text(&spec), "--out", text(&taken)]);
    bench.write("model.record.json", &card);
    let refused = draw();
    assert!(refused.refused(1).contains("no record of saliscope"), "{}", refused.stderr);
    assert!(!taken.exists());
    std::fs::remove_file(bench.path("model.record.json")).unwrap();
    draw().succeeded();
    assert_eq!(std::fs::read(bench.path("model.json")).unwrap(), card);
}

#[test]
fn databases_of_runs() {
    let bench = Bench::new();
    let part = earlier_run(&bench).join("benchmark.sqlite");
    let to = |name: &str| text(&bench.path(TO).join(name)).to_owned();
    // Parts that can be joined, that are given twice, and that are none.
    let letter = bench.write("letter.sqlite", b"this is no database");
    for parts in [vec![&part], vec![&part, &part], vec![&letter], vec![&part, &letter]] {
        let parts: Vec<&str> = parts.into_iter().map(|path| text(path)).collect();
        let joined = to("joined.sqlite");
        let words = [&["benchmark", "merge", &joined][..], &parts].concat();
        let files = &["joined.sqlite", "joined.sqlite-wal", "joined.sqlite-shm", "joined.sqlite-journal"];
        try_all(&bench, &writer(&words, files));
    }
    // What another program keeps in a database stays as well.
    let foreign = foreign_databases(&bench);
    let before = everything(&foreign);
    for database in ["benchmark.sqlite", "other.sqlite"] {
        let path = foreign.join(database);
        run(&["benchmark", "merge", text(&path), text(&part)]).refused(1);
        run(&["benchmark", "merge", &to("new.sqlite"), text(&part), text(&path)]).refused(1);
        run(&["benchmark", "report", text(&path), "--out", &to("report.html")]).refused(1);
        run(&["benchmark", "status", text(&path)]).refused(1);
        run(&["benchmark", "resume", text(&path)]).refused(1);
    }
    assert!(everything(&foreign) == before);
    let protocol = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/earlier/protocol.toml");
    run(&["benchmark", "run", "--quiet", "--protocol", text(&protocol), "--out", text(&foreign)]).refused(1);
    assert!(everything(&foreign) == before);
    let files = &["benchmark.sqlite", "benchmark.sqlite-wal", "benchmark.sqlite-shm", "benchmark.sqlite-journal"];
    let folder = bench.path(TO);
    let words = ["benchmark", "run", "--quiet", "--protocol", text(&protocol), "--out", text(&folder)];
    try_all(&bench, &writer(&words, files));
    // An empty lock is what a run leaves; anything else there is somebody's.
    for obstacle in [Obstacle::File, Obstacle::ReadOnlyFile, Obstacle::Folder] {
        let to = fresh(&bench);
        obstacle.put(&to.join("benchmark.sqlite.lock"));
        let before = everything(&to);
        run(&words).refused(1);
        assert!(everything(&to) == before, "{obstacle:?}");
    }
}

#[test]
fn trust_cards_go_nowhere_over_another_file() {
    let bench = Bench::new();
    let folder = earlier_run(&bench);
    let report = bench.path("r.html");
    let words = ["benchmark", "report", text(&folder), "--force", "--out", text(&report)];
    for content in [&b"my thesis"[..], b"", b"{\"format\": 1}", b"[1, 2]"] {
        std::fs::write(folder.join("trust.json"), content).unwrap();
        let ran = run(&words).succeeded();
        assert!(ran.stderr.contains("move it away"), "{}", ran.stderr);
        assert_eq!(std::fs::read(folder.join("trust.json")).unwrap(), content);
    }
    std::fs::remove_file(folder.join("trust.json")).unwrap();
    // Its own are made anew.
    for _ in 0..2 {
        assert!(!run(&words).succeeded().stderr.contains("trust"));
        assert!(std::fs::read(folder.join("trust.json")).unwrap().starts_with(b"{"));
    }
}

/// A finished run of an earlier version.
fn earlier_run(bench: &Bench) -> PathBuf {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/earlier/benchmark.sqlite.gz");
    let mut database = Vec::new();
    GzDecoder::new(std::fs::File::open(packed).unwrap()).read_to_end(&mut database).unwrap();
    let folder = bench.path("run");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("benchmark.sqlite"), database).unwrap();
    folder
}

/// A folder with databases of another program: one whole, and one of which a part waits in its journal.
fn foreign_databases(bench: &Bench) -> PathBuf {
    let [folder, journal] = ["foreign", "journal"].map(|name| bench.path(name));
    std::fs::create_dir(&folder).unwrap();
    std::fs::create_dir(&journal).unwrap();
    rusqlite::Connection::open(folder.join("other.sqlite")).unwrap().execute_batch("CREATE TABLE mine(a)").unwrap();
    let connection = rusqlite::Connection::open(journal.join("benchmark.sqlite")).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch("CREATE TABLE mine(a); INSERT INTO mine VALUES (1)").unwrap();
    // As a process that was killed leaves them.
    for name in ["benchmark.sqlite", "benchmark.sqlite-wal"] {
        std::fs::copy(journal.join(name), folder.join(name)).unwrap();
    }
    folder
}
