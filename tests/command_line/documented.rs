//! Every command that the README and the help texts show is run as it stands, in a folder that holds what it names: data sets
//! in the layouts that `phantom` makes, small networks under the names of large ones. Only numbers that would take hours are
//! made smaller ([`SMALLER`]), and the demo's benchmark is interrupted when it has begun.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use flate2::read::GzDecoder;
use rayon::prelude::*;
use saliscope::benchmark::{self, Protocol};
use saliscope::network::{Architecture, Variant};
use saliscope::saliency::{Method, Preset};
use saliscope::truth::Task;

use super::archives::{Packed, dicomdir_of, zip_of};
use super::bench::{Bench, Ran, SIDE, command, dicom_of, gray, npy_of};

/// Text of a command, and what stands in its place here.
const SMALLER: &[(&str, &str)] = &[
    ("--count 2000", "--count 12"),
    ("--count 300", "--count 12"),
    ("--seed 1 --size 224", "--seed 1 --size 160"),
    ("phantom:7:2000", "phantom:7:40"),
    ("phantom:7:200 ", "phantom:7:60 "),
    ("--width 0.25 --input-size 160", "--width 0.0625 --input-size 96"),
    ("--epochs 12", "--epochs 1"),
    ("--out findings.safetensors", "--epochs 1 --out findings.safetensors"),
    ("--arch inception_v3 --init", "--width 0.0625 --input-size 96 --epochs 1 --arch inception_v3 --init"),
    ("--arch densenet_121 --init", "--width 0.0625 --input-size 96 --epochs 1 --arch densenet_121 --init"),
];

/// Columns of a terminal. Help is wrapped to it, and what is wrapped cannot be copied: no example may be wider.
const COLUMNS: &str = "80";

/// Commands that need a window; their paths are there.
const WINDOW: &[&str] = &["saliscope", "saliscope chest.dcm folder/ cd.zip model.safetensors"];

/// A command of a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    place: String,
    line: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The commands of some lines: those that begin with the program's name after `indent`, with the lines they go on in.
fn commands(place: &str, text: &str, indent: &str) -> Vec<Shown> {
    let mut lines = text.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let Some(first) = line.strip_prefix(indent).map(str::trim_start).filter(|line| is_command(line)) else {
            continue;
        };
        let mut whole = first.to_owned();
        while let Some(begun) = whole.strip_suffix('\\') {
            let next = lines.next().unwrap_or_else(|| panic!("{place}: {first} goes on"));
            whole = format!("{}{}", begun, next.trim());
        }
        found.push(Shown { place: place.to_owned(), line: whole.trim().to_owned() });
    }
    found
}

fn is_command(line: &str) -> bool {
    line == "saliscope" || line.starts_with("saliscope ")
}

/// Help of the program and of all its commands, by their words.
fn helps() -> Vec<(String, String)> {
    let mut left = vec![Vec::new()];
    let mut all = Vec::new();
    while let Some(words) = left.pop() {
        let mut arguments: Vec<String> = words.clone();
        arguments.push("--help".to_owned());
        let mut asked = command(&arguments);
        let help = Ran::from(asked.env("COLUMNS", COLUMNS).output().unwrap()).succeeded().stdout;
        let below = help.split("Commands:\n").nth(1).unwrap_or_default();
        for line in below.lines().take_while(|line| line.starts_with("  ")) {
            if let Some(name) =
                line.split_whitespace().next().filter(|name| !line.starts_with("   ") && *name != "help")
            {
                left.push(words.iter().cloned().chain([name.to_owned()]).collect());
            }
        }
        all.push((format!("saliscope {}", words.join(" ")).trim().to_owned(), help));
    }
    all
}

/// The README in front of its page about a study, that page, and what is behind it.
fn readme() -> (String, String, String) {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let (before, from) = text.split_once("## A study on your data\n").unwrap();
    let (page, behind) = from.split_once("\n## ").unwrap();
    (before.to_owned(), page.to_owned(), behind.to_owned())
}

fn all_shown() -> Vec<Shown> {
    let (before, page, behind) = readme();
    let mut shown = commands("README", &format!("{before}{behind}"), "    ");
    assert!(commands("README", &page, "    ").len() > 8, "the page of a study is a test of its own");
    for (name, help) in helps() {
        let examples = help.split("Examples:\n").nth(1).unwrap_or_default();
        shown.extend(commands(&name, examples, "  "));
    }
    shown.retain(|own| !own.line.contains("[PATH...]"));
    shown.extend([kubernetes(), slurm()]);
    shown
}

/// What a pod of the Kubernetes job runs: the words below `args:`, on the volume `/data`.
fn kubernetes() -> Shown {
    let job = fs::read_to_string(root().join("assets/jobs/kubernetes.yaml")).unwrap();
    let args = job.split("args:\n").nth(1).unwrap().lines();
    let words: Vec<&str> = args.map_while(|line| line.trim().strip_prefix("- ")).collect();
    assert!(job.contains("- name: SALISCOPE_SHARDS"));
    let line = format!("SALISCOPE_SHARDS=16 JOB_COMPLETION_INDEX=3 saliscope {}", words.join(" "));
    Shown { place: "kubernetes.yaml".to_owned(), line: line.replace("/data/", "") }
}

/// What a task of the Slurm array runs.
fn slurm() -> Shown {
    let job = fs::read_to_string(root().join("assets/jobs/slurm.sh")).unwrap();
    let set: Vec<&str> = job.lines().filter(|line| line.starts_with("PROTOCOL=") || line.starts_with("OUT=")).collect();
    let line = job.lines().find_map(|line| line.strip_prefix("exec srun ")).unwrap();
    let task = "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_COUNT=16 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_STEP=1";
    Shown { place: "slurm.sh".to_owned(), line: format!("{}; {task} {line}", set.join("; ")) }
}

/// Copies of one file of the fixtures, unpacked, under other names.
fn unpack(bench: &Bench, fixture: &str, names: &[&str]) {
    let mut bytes = Vec::new();
    let packed = fs::File::open(root().join("tests/fixtures").join(fixture)).unwrap();
    GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    for name in names {
        bench.write(name, &bytes);
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().map(Result::unwrap) {
        let there = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(&there).unwrap();
        } else {
            fs::copy(entry.path(), &there).unwrap();
        }
    }
}

/// The folder that holds what the documents name.
fn workplace() -> Bench {
    let bench = Bench::new();
    let made = |words: &[&str]| run_in(bench.folder(), words).succeeded();
    made(&[
        "phantom",
        "--quiet",
        "--out",
        "phantoms",
        "--count",
        "60",
        "--seed",
        "1",
        "--size",
        "128",
        "--also",
        "nih,vindr",
    ]);
    let layouts = [
        ("siim", "siim-acr"),
        ("rsna", "rsna-pneumonia"),
        ("nih", "chestx-ray14"),
        ("vindr", "vindr-cxr"),
        ("png", "images"),
    ];
    for (layout, name) in layouts {
        copy_folder(&bench.path("phantoms").join(layout), &bench.path(name));
    }
    fs::copy(bench.path("phantoms/siim_splits.csv"), bench.path("pneumothorax_splits.csv")).unwrap();
    fs::copy(bench.path("phantoms/rsna_splits.csv"), bench.path("pneumonia_splits.csv")).unwrap();
    fs::remove_dir_all(bench.path("phantoms")).unwrap();
    copy_folder(&bench.path("images"), &bench.path("phantoms/png"));

    let dicom = dicom_of(&gray(1), &[(0x10, 0x20, b"LO", b"1"), (0x20, 0x0d, b"UI", b"2.25.11")]);
    fs::create_dir(bench.path("folder")).unwrap();
    fs::create_dir(bench.path("cd")).unwrap();
    for name in ["chest.dcm", "folder/a.dcm", "cd/IM1"] {
        bench.write(name, &dicom);
    }
    for (name, seed) in [("a.png", 2), ("b.png", 3), ("folder/a.png", 4), ("folder/b.png", 5)] {
        bench.png(name, seed);
    }
    bench.write("cd/DICOMDIR", &dicomdir_of(&[("IMAGE", "IM1", true)]));
    for name in ["cd.zip", "export.zip"] {
        bench.write(name, &zip_of(&[Packed::stored("chest.dcm", &dicom)]));
    }
    bench
        .write("chest.npy", &npy_of(&[SIDE, SIDE], &gray(1).iter().map(|level| f32::from(*level)).collect::<Vec<_>>()));
    bench.write("noise.npy", &npy_of(&[25, 3, SIDE, SIDE], &vec![0.1; 25 * 3 * SIDE * SIDE]));

    unpack(&bench, "foreign/torch_densenet_lightning.pth.gz", &["checkpoint.pth"]);
    unpack(&bench, "foreign/torch_densenet_lightning.pth.gz", &["densenet121-a639ec97.pth"]);
    unpack(&bench, "foreign/torch_inception.pth.gz", FOREIGN);
    unpack(&bench, "foreign/keras_densenet.h5.gz", &["keras.h5"]);
    unpack(&bench, "keras/every_kind.keras.gz", &["model.keras"]);
    unpack(&bench, "onnx/dense_script20.onnx.gz", &["model.onnx"]);
    fs::copy(root().join("tests/fixtures/sample/torch.npz"), bench.path("sample.npz")).unwrap();

    // Networks of the demo, so small that all of them take seconds.
    let demo = [
        ("u_net", "pneumothorax_u_net_1"),
        ("u_net_1", "pneumothorax_u_net_1"),
        ("u_net_2", "pneumothorax_u_net_2"),
        ("a1", "pneumothorax_inception_v3_1"),
        ("a2", "pneumothorax_inception_v3_2"),
        ("b", "pneumothorax_densenet_121_1"),
    ];
    for (name, own) in demo {
        for end in ["safetensors", "json"] {
            fs::copy(root().join("assets/models").join(format!("{own}.{end}")), bench.path(&format!("{name}.{end}")))
                .unwrap();
        }
    }
    let fourteen = Variant { classes: 14, ..Variant::default() };
    bench.model_of("fourteen_labels.safetensors", Architecture::DenseNet121, &fourteen);
    bench.write("fourteen_labels.json", br#"{"architecture": "densenet_121", "input_size": [96, 96]}"#);
    bench.model("imagenet.safetensors", Architecture::InceptionV3);
    bench.model("densenet_imagenet.safetensors", Architecture::DenseNet121);

    bench.write("scores.csv", scores().as_bytes());
    bench.write("s.csv", scores().replace("auprc,ssim", "score,ssim").replace("AVG", "\"B,y\"").as_bytes());
    bench.write("list.txt", b"a.png\nb.png\n");
    bench.write("list.csv", b"image,age\na.png,60\nb.png,70\n");
    let specification = r#"{"template": "single_case", "image": "demo:case", "methods": ["GRAD"], "models":
        ["demo:pneumothorax_inception_v3_1"]}"#;
    for name in ["figure.json", "figure_4.json"] {
        bench.write(name, specification.as_bytes());
    }
    let mut protocol = Protocol::demo(Preset::Arun2021, Task::PNEUMOTHORAX);
    "siim:siim-acr".clone_into(&mut protocol.cohort.source);
    protocol.methods = vec![Method::Grad, Method::Gcam];
    protocol.randomization.states = vec!["Logits".to_owned()];
    protocol.sample.utility = Some(3);
    protocol.sample.similarity = Some(2);
    protocol.sample.classification = Some(6);
    bench.write("protocol.toml", protocol.to_commented_toml().unwrap().as_bytes());
    made(&["benchmark", "run", "--quiet", "--protocol", "protocol.toml", "--out", "run"]);
    made(&["benchmark", "export", "run", "--out", "results"]);
    // Maps of another program: those of the run itself, under the ids of its images.
    made(&["benchmark", "export", "run", "--out", "own", "--maps", "--identity"]);
    copy_folder(&bench.path("own/maps/inception_v3_1"), &bench.path("lime-maps"));
    fs::remove_dir_all(bench.path("own")).unwrap();
    for name in ["run-arun2021", "run-recommended", "demo-run"] {
        copy_folder(&bench.path("run"), &bench.path(name));
    }
    bench
}

/// PyTorch's files of other models.
const FOREIGN: &[&str] = &[
    "labels.pth",
    "gray.pth",
    "chexpert.pth",
    "torchvision.pth",
    "fourteen_labels.pth",
    "inception_v3_google-0cc3c7bd.pth",
];

/// Scores of three methods on ten images.
fn scores() -> String {
    let mut text = "image,method,auprc,ssim\n".to_owned();
    for image in 0..10 {
        for (method, lift) in [("GRAD", 0.0), ("GCAM", 0.1), ("AVG", 0.05), ("UNET", 0.2)] {
            // Images differ, and methods not by the same for each.
            let score = 0.2 + lift + 0.01 * f64::from(image * 7 % 10) + lift * 0.02 * f64::from(image * 3 % 7);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "image {image},{method},{score},{score}");
        }
    }
    text
}

fn run_in(folder: &Path, words: &[&str]) -> Ran {
    command(words).current_dir(folder).env("SALISCOPE_HOME", folder.join("home")).output().unwrap().into()
}

/// The words of a command that name what it writes, and must not be there before; of a run that is gone on with, nothing.
fn outputs(words: &[&str]) -> Vec<String> {
    let named = words.windows(2).filter(|pair| pair[0] == "--out").map(|pair| pair[1].to_owned());
    match words {
        ["saliscope", "benchmark", "run" | "resume", ..] => Vec::new(),
        ["saliscope", "benchmark", "merge", out, ..] | ["saliscope", "convert", _, out, ..] => vec![(*out).to_owned()],
        _ => named.collect(),
    }
}

/// Runs a line in a shell, in a folder of its own.
fn ran(workplace: &Bench, line: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(workplace.folder(), folder.path());
    let words: Vec<&str> = line.split_whitespace().collect();
    for name in outputs(&words) {
        let path = folder.path().join(&name);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else if path.exists() {
            fs::remove_file(&path).unwrap();
            let card = path.with_extension("json");
            if name.ends_with(".safetensors") && card.exists() {
                fs::remove_file(card).unwrap();
            }
        }
    }
    if words.contains(&"lime-maps")
        || words.contains(&"merge")
        || words.contains(&"--shard")
        || line.contains("SHARDS=")
        || line.contains("SLURM_")
    {
        fs::remove_dir_all(folder.path().join("run")).unwrap();
        for shard in ["0/2", "1/2"].iter().filter(|_| words.contains(&"merge")) {
            let part =
                ["benchmark", "run", "--quiet", "--protocol", "protocol.toml", "--out", "run", "--shard", *shard];
            run_in(folder.path(), &part).succeeded();
        }
    }
    let mut shell = shell(folder.path(), line);
    if line.contains("run --demo") {
        return interrupted(&mut shell, &folder.path().join("demo-run"));
    }
    shell.output().unwrap().into()
}

/// A shell that finds the program and no display, in a home and a working folder `folder`.
fn shell(folder: &Path, script: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_saliscope")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["-e", "-o", "pipefail", "-c", script]).current_dir(folder).env("PATH", path);
    for display in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        shell.env_remove(display);
    }
    for place in [".local/share/bash-completion/completions", ".config/fish/completions"] {
        fs::create_dir_all(folder.join(place)).unwrap();
    }
    shell.env("HOME", folder).env("SALISCOPE_HOME", folder.join("home")).stdin(Stdio::null());
    shell
}

/// A run of many minutes, ended as by Ctrl-C when it has begun. It keeps what is finished.
fn interrupted(shell: &mut Command, run: &Path) -> Ran {
    fs::remove_dir_all(run).unwrap();
    let child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = || benchmark::find_database(run).is_ok_and(|path| benchmark::open(&path).is_ok());
    while !begun() {
        std::thread::sleep(Duration::from_millis(50));
    }
    // bash replaces itself by the last command.
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), nix::sys::signal::Signal::SIGINT)
        .unwrap();
    let mut ran: Ran = child.wait_with_output().unwrap().into();
    assert!(ran.stderr.contains("everything finished is kept"), "{ran:?}");
    ran.code = ran.code.filter(|code| *code != 1).or(Some(0));
    ran
}

#[test]
fn every_command_that_is_shown_runs() {
    let shown = all_shown();
    assert!(shown.len() > 60, "{}", shown.len());
    for (from, _) in SMALLER {
        assert!(shown.iter().any(|own| own.line.contains(from)), "nothing shows {from}");
    }
    let workplace = workplace();
    let lines: BTreeMap<&str, &str> = shown.iter().map(|own| (own.line.as_str(), own.place.as_str())).collect();
    let lines: Vec<(&str, &str)> = lines.into_iter().collect();
    let failures: Vec<String> = lines
        .par_iter()
        .filter_map(|(line, place)| {
            let smaller = SMALLER.iter().fold((*line).to_owned(), |line, (from, to)| line.replace(from, to));
            // What comes behind a pipe is another program's.
            let ran = ran(&workplace, smaller.split(" | ").next().unwrap_or_default());
            let expected = if WINDOW.contains(line) { has_no_window(&ran) } else { ran.code == Some(0) };
            (!expected).then(|| format!("{place}: {line}\n  as {smaller}\n  {ran:?}"))
        })
        .collect();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), lines.len(), failures.join("\n"));
}

/// The page of the README from images to a report, as one script on a folder as `phantom` makes it. Networks are narrow and
/// see every image once; the protocol asks for two methods and few images.
#[test]
fn the_page_of_a_study_goes_from_images_to_a_report() {
    let (_, page, _) = readme();
    let script: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let script = script.join("\n").replace("--arch ", "--width 0.0625 --input-size 96 --epochs 1 --quiet --arch ");
    let fewer = "sed -i -e 's/^methods = .*/methods = [\"GRAD\", \"GCAM\"]/' -e 's/^similarity = .*/similarity = 2/' \
                 -e 's/^states = .*/states = [\"Logits\"]/' protocol.toml";
    let script = script.replace("saliscope benchmark run", &format!("{fewer}\nsaliscope benchmark run --quiet"));
    let folder = tempfile::tempdir().unwrap();
    let phantoms = ["phantom", "--quiet", "--out", "phantoms", "--count", "150", "--seed", "3", "--size", "128"];
    run_in(folder.path(), &phantoms).succeeded();
    fs::rename(folder.path().join("phantoms/png"), folder.path().join("my-study")).unwrap();
    let bench = Bench::new();
    bench.model("imagenet.safetensors", Architecture::InceptionV3);
    fs::copy(bench.path("imagenet.safetensors"), folder.path().join("imagenet.safetensors")).unwrap();
    let ran: Ran = shell(folder.path(), &script).output().unwrap().into();
    let ran = ran.succeeded();
    assert!(fs::read_to_string(folder.path().join("report.html")).unwrap().contains("pneumothorax"), "{ran:?}");
    assert!(folder.path().join("results/scores.csv").exists());
}

/// Whether the window would have opened where there is a display.
fn has_no_window(ran: &Ran) -> bool {
    ran.stderr.contains("no window can be opened") || ran.stderr.contains("need no display")
}
