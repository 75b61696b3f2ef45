//! Programs that are ended at any moment, disks that are full and folders that vanish: nothing half-written has a name, nothing
//! is left, and the next run is not hindered.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use saliscope::benchmark::Protocol;
use saliscope::saliency::{Method, Preset};
use saliscope::truth::Task;

use super::bench::{Bench, Ran, command, names, run};

/// Kills of a command in the usual test; `SALISCOPE_KILLS` asks for another number.
const KILLS: u32 = 3;

/// A protocol of seconds.
fn protocol(bench: &Bench) -> String {
    let mut protocol = Protocol::demo(Preset::Arun2021, Task::PNEUMOTHORAX);
    "phantom:5:60".clone_into(&mut protocol.cohort.source);
    protocol.cohort.phantom_size_px = Some(160);
    protocol.methods = vec![Method::Grad];
    protocol.tests.truncate(1);
    protocol.models.classifiers.truncate(1);
    protocol.models.other_architecture = None;
    protocol.models.localizers.clear();
    protocol.sample.utility = Some(3);
    let json = serde_json::to_vec(&protocol).unwrap();
    bench.write("protocol.json", &json).to_str().unwrap().to_owned()
}

/// A table for `stats`.
fn table(bench: &Bench) -> String {
    use std::fmt::Write as _;
    let mut rows = "image,method,value\n".to_owned();
    for image in 0..20 {
        for (method, value) in [("A", 3), ("B", 5), ("C", 4)] {
            writeln!(rows, "{image},{method},{}", f64::from(value * 10 + image * value % 7) / 100.0).unwrap();
        }
    }
    bench.write("scores.csv", rows.as_bytes()).to_str().unwrap().to_owned()
}

/// Everything that writes, each into the folder `to`, by a name.
fn writers(bench: &Bench, to: &Path) -> Vec<(&'static str, Vec<String>)> {
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let [model, chest] = ["model.safetensors", "chest.png"].map(path);
    let [protocol, table] = [protocol(bench), table(bench)];
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/foreign/torch_densenet_lightning.pth.gz");
    let mut unpacked = Vec::new();
    GzDecoder::new(std::fs::File::open(packed).unwrap()).read_to_end(&mut unpacked).unwrap();
    let foreign = bench.write("foreign.pth", &unpacked).to_str().unwrap().to_owned();
    let spec = format!(
        r#"{{"template": "method_grid", "image": "{chest}", "models": ["{model}"], "methods": ["GRAD"], "width": 85, "dpi": 100}}"#
    );
    let spec = bench.write("spec.json", spec.as_bytes()).to_str().unwrap().to_owned();
    let finished = path("finished");
    if !bench.path("finished").exists() {
        run(&["benchmark", "run", "--quiet", "--protocol", &protocol, "--out", &finished]).succeeded();
    }
    let database = path("finished/benchmark.sqlite");
    let out = |name: &str| to.join(name).to_str().unwrap().to_owned();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let methods = ["--quiet", "--methods", "GRAD", "--model", &model, "--image", &chest, "--out"];
    let with = |command: &str, more: &[&str], name: &str| {
        [words(&[command]), words(more), words(&methods), vec![out(name)]].concat()
    };
    vec![
        ("phantom", words(&["phantom", "--quiet", "--count", "8", "--size", "160", "--out", &out("phantoms")])),
        ("explain", with("explain", &["--dicom"], "maps")),
        ("cascade", with("cascade", &["--animation", "gif,frames"], "cascade")),
        ("figure", words(&["figure", "--quiet", &spec, "--out", &out("figure.pdf")])),
        (
            "stats",
            words(&[
                "stats",
                "--data",
                &table,
                "--response",
                "value",
                "--factor",
                "method",
                "--group",
                "image",
                "--force",
                "--out",
                &out("stats.json"),
            ]),
        ),
        ("convert", words(&["convert", "--quiet", "--force", &foreign, &out("converted.safetensors")])),
        (
            "train",
            words(&[
                "train",
                "--quiet",
                "--force",
                "--arch",
                "densenet_121",
                "--task",
                "pneumothorax",
                "--cohort",
                "phantom:3:30",
                "--input-size",
                "64",
                "--width",
                "0.0625",
                "--epochs",
                "2",
                "--out",
                &out("trained.safetensors"),
            ]),
        ),
        ("benchmark init", words(&["benchmark", "init", "--demo", "--out", &out("protocol.toml")])),
        ("benchmark run", words(&["benchmark", "run", "--quiet", "--protocol", &protocol, "--out", &out("run")])),
        ("benchmark merge", words(&["benchmark", "merge", &out("joined.sqlite"), &database])),
        ("benchmark report", words(&["benchmark", "report", "--force", &finished, "--out", &out("report.html")])),
        ("benchmark export", words(&["benchmark", "export", &finished, "--out", &out("export")])),
    ]
}

/// Paths of everything in a folder, and the content of files.
fn everything(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let content = path.is_file().then(|| std::fs::read(&path).unwrap());
            if content.is_none() {
                open.push(path.clone());
            }
            found.insert(path, content);
        }
    }
    found
}

fn fresh(bench: &Bench) -> PathBuf {
    let to = bench.path("to");
    if to.exists() {
        std::fs::remove_dir_all(&to).unwrap();
    }
    std::fs::create_dir(&to).unwrap();
    to
}

/// Waits until so many hidden folders hold images; what is removed meanwhile does not matter.
fn wait_for_files(folder: &Path, count: usize) {
    let begun = Instant::now();
    let has_images = |path: &Path| std::fs::read_dir(path.join("files")).is_ok_and(|mut files| files.next().is_some());
    loop {
        let hidden = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        if hidden.filter(|path| is_hidden(path) && has_images(path)).count() == count {
            return;
        }
        assert!(begun.elapsed() < Duration::from_mins(2), "no file appeared");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_hidden(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str().to_string_lossy().starts_with(".saliscope-"))
}

#[test]
fn a_killed_program_leaves_nothing_half_written_and_nothing_that_stays() {
    let kills = std::env::var("SALISCOPE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let bench = Bench::new();
    let to = fresh(&bench);
    let mut random = 0x2545_f491_u32;
    for (name, words) in writers(&bench, &to) {
        fresh(&bench);
        let begun = Instant::now();
        run(&words).succeeded();
        let whole = begun.elapsed();
        let expected = everything(&to);
        for kill in 0..kills {
            fresh(&bench);
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            let part = f64::from(random) / f64::from(u32::MAX);
            // Every second one where files get their names.
            let part = if kill % 2 == 0 { 0.8 + 0.25 * part } else { part };
            let mut child = command(&words).stdout(std::process::Stdio::null()).spawn().unwrap();
            std::thread::sleep(whole.mul_f64(part));
            // One that is done by now is waited for as well.
            let _ = child.kill();
            child.wait().unwrap();
            let left = everything(&to);
            let named: Vec<&PathBuf> = left
                .iter()
                .filter(|(path, content)| content.is_some() && !is_hidden(path))
                .map(|(path, _)| path)
                .collect();
            for path in &named {
                // What a run keeps beside its database until it is over, and what a training goes on from.
                let passes = ["-wal", "-shm", ".lock", ".checkpoint"]
                    .iter()
                    .any(|ending| path.to_string_lossy().ends_with(ending));
                assert!(passes || expected.contains_key(*path), "{name}: {}", path.display());
                if !passes {
                    whole_file(name, path, left[*path].as_deref().unwrap(), expected[*path].as_deref().unwrap());
                }
            }
            let is_done =
                expected.iter().filter(|(_, content)| content.is_some()).all(|(path, _)| left.contains_key(path));
            let next = run(&words);
            let says_done = ["there already", "not empty", "has that name", "exists already"]
                .iter()
                .any(|words| next.stderr.contains(words));
            assert!(next.code == Some(0) || is_done && says_done, "{name}: {next:?}");
            let after: Vec<PathBuf> = everything(&to).into_keys().collect();
            assert_eq!(after, expected.keys().cloned().collect::<Vec<_>>(), "{name}");
        }
    }
}

/// Fails unless a file is as whole as the one of a run that was left alone.
fn whole_file(name: &str, path: &Path, found: &[u8], expected: &[u8]) {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending {
        // They hold times.
        "json" => drop(serde_json::from_slice::<serde_json::Value>(found).unwrap()),
        "sqlite" => assert!(saliscope::benchmark::open(path).is_ok(), "{name}: {}", path.display()),
        "dcm" | "html" => assert!(found.len() * 10 > expected.len() * 9, "{name}: {}", path.display()),
        // It has a line for every epoch that is over.
        "csv" if name == "train" => {
            let [found, expected] = [found, expected].map(|table| String::from_utf8(table.to_vec()).unwrap());
            // The last column is the time an epoch took, which differs from run to run.
            let lines = |table: &str| -> Vec<String> {
                let parts = table.lines().map(|line| line.rsplit_once(',').unwrap());
                let is_time = |(number, (_, time)): (usize, (&str, &str))| number == 0 || time.parse::<f64>().is_ok();
                assert!(parts.clone().enumerate().all(is_time), "{name}: {}", path.display());
                parts.map(|(line, _)| line.to_owned()).collect()
            };
            let is_whole = lines(&expected).starts_with(&lines(&found)) && found.ends_with('\n');
            assert!(is_whole, "{name}: {}", path.display());
        }
        _ => assert!(found == expected, "{name}: {}", path.display()),
    }
}

#[test]
fn what_a_killed_run_left_is_named_when_it_goes() {
    let bench = Bench::new();
    let to = fresh(&bench);
    let out = to.join("phantoms").to_str().unwrap().to_owned();
    let mut child =
        command(&["phantom", "--quiet", "--count", "5000", "--size", "512", "--out", &out]).spawn().unwrap();
    wait_for_files(&to, 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let [left] = names(&to).try_into().unwrap();
    // Another program that works in the folder loses nothing.
    let mut works = command(&[
        "phantom",
        "--quiet",
        "--count",
        "5000",
        "--size",
        "512",
        "--out",
        to.join("other").to_str().unwrap(),
    ])
    .spawn()
    .unwrap();
    // The next program that writes there takes it away.
    while to.join(&left).exists() {
        assert!(works.try_wait().unwrap().is_none(), "it ended and left what was there");
        std::thread::sleep(Duration::from_millis(5));
    }
    wait_for_files(&to, 1);
    let next = run(&["phantom", "--quiet", "--count", "3", "--size", "160", "--out", &out]).succeeded();
    assert!(works.try_wait().unwrap().is_none());
    assert_eq!(names(&to).iter().filter(|name| is_hidden(Path::new(name))).count(), 1, "that of the program at work");
    works.kill().unwrap();
    works.wait().unwrap();
    let last =
        run(&["phantom", "--quiet", "--count", "3", "--size", "160", "--out", to.join("last").to_str().unwrap()])
            .succeeded();
    assert!(!next.stderr.contains("earlier run"), "{}", next.stderr);
    let told = last.stderr;
    assert!(told.contains("an earlier run was ended before it was done; its unfinished files are removed"), "{told}");
    assert_eq!(names(&to), ["last", "phantoms"]);
}

/// Under a limit on the size of files, which ends programs that do not mind the signal.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_without_room_is_one_sentence_and_leaves_nothing() {
    let bench = Bench::new();
    let to = fresh(&bench);
    for (name, words) in writers(&bench, &to) {
        fresh(&bench);
        let limited = Command::new("sh")
            .arg("-c")
            .arg(r#"ulimit -f 1; exec "$0" "$@""#)
            .arg(env!("CARGO_BIN_EXE_saliscope"))
            .args(&words)
            .output()
            .unwrap();
        let limited = Ran::from(limited);
        if limited.code == Some(0) {
            // Small enough.
            continue;
        }
        assert_eq!(limited.code, Some(1), "{name}: {limited:?}");
        // Epochs of a training that were over stand before it.
        let told = limited.stderr.trim_end();
        let lines = told.lines().filter(|line| !line.starts_with("epoch "));
        assert!(lines.clone().count() == 1 && lines.clone().all(|line| line.starts_with("error: ")), "{name}: {told}");
        let says = ["larger than files may be here", "does not take or give its bytes", "no space is left"];
        assert!(says.iter().any(|words| told.contains(words)), "{name}: {told}");
        assert!(!told.contains("Os {") && !told.contains("os error"), "{name}: {told}");
        let left: Vec<PathBuf> = everything(&to).into_keys().collect();
        // The folder and the empty lock of a run.
        let allowed = |path: &PathBuf| name == "benchmark run" && !is_hidden(path);
        assert!(left.iter().all(allowed), "{name}: {left:?}");
    }
    let printed = Command::new("sh")
        .arg("-c")
        .arg(r#""$0" inspect "$1" > /dev/full"#)
        .arg(env!("CARGO_BIN_EXE_saliscope"))
        .arg(bench.path("chest.png"))
        .output()
        .unwrap();
    let told = Ran::from(printed);
    assert!(told.refused(1).contains("no space is left on the disk; make room there"), "{told:?}");
}

#[test]
fn a_run_whose_folder_vanishes_fails_and_says_so() {
    let bench = Bench::new();
    let protocol = protocol(&bench);
    let out = bench.path("vanishing");
    let words =
        ["benchmark", "run", "--quiet", "--threads", "1", "--protocol", &protocol, "--out", out.to_str().unwrap()];
    let mut child = command(&words).spawn().unwrap();
    while !out.join("benchmark.sqlite-wal").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it began");
        std::thread::sleep(Duration::from_millis(1));
    }
    std::fs::remove_dir_all(&out).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert!(ran.refused(1).contains("moved or removed while the run worked"), "{ran:?}");
    assert!(!out.exists());
}
