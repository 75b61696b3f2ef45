//! What a shell and an administrator ask for: the version, completions, manual pages, an image for a cluster.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::bench::{Ran, names, run};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_version_tells_commit_and_features() {
    let short = run(&["-V"]).succeeded().stdout;
    assert_eq!(short, format!("saliscope {}\n", env!("CARGO_PKG_VERSION")));
    let long = run(&["--version"]).succeeded().stdout;
    let field = |name: &str| long.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap().to_owned();
    assert!(long.starts_with(short.trim()), "{long}");
    let features: Vec<&str> = [
        ("cuda", cfg!(feature = "cuda")),
        ("cudnn", cfg!(feature = "cudnn")),
        ("metal", cfg!(feature = "metal")),
        ("accelerate", cfg!(feature = "accelerate")),
    ]
    .into_iter()
    .filter_map(|(name, built)| built.then_some(name))
    .collect();
    let expected = if features.is_empty() { "none".to_owned() } else { features.join(", ") };
    assert_eq!(field("features"), expected);
    let told = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root()).output();
    match told.ok().filter(|told| told.status.success()) {
        // The program may be older than the last commit of a checkout that was not built again, never of another length.
        Some(_) => {
            let commit = field("commit");
            let hash = commit.strip_suffix("-modified").unwrap_or(&commit);
            assert!(hash.len() >= 12 && hash.chars().all(|sign| sign.is_ascii_hexdigit()), "{commit}");
        }
        None => assert!(field("commit").starts_with("unknown"), "{long}"),
    }
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]).succeeded().stdout;
        for word in ["explain", "benchmark", "intermediates"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let unknown = run(&["completions", "tcsh"]);
    assert!(unknown.code == Some(2) && unknown.stderr.contains("[possible values: bash,"), "{unknown:?}");
}

/// What bash offers after a line that begins so.
#[cfg(unix)]
fn offered(words: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("saliscope.bash");
    fs::write(&script, run(&["completions", "bash"]).succeeded().stdout).unwrap();
    let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let previous = words[words.len() - 2];
    let ask = format!(
        "source {}; COMP_WORDS=({line}); COMP_CWORD={}; _saliscope saliscope '{}' '{previous}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.len() - 1,
        words[words.len() - 1],
    );
    let ran: Ran = Command::new("bash").args(["-c", &ask]).output().unwrap().into();
    ran.succeeded().stdout.lines().map(str::to_owned).collect()
}

#[cfg(unix)]
#[test]
fn bash_completes_commands_options_and_values() {
    assert_eq!(offered(&["saliscope", "expl"]), ["explain"]);
    assert_eq!(offered(&["saliscope", "benchmark", "mer"]), ["merge"]);
    assert!(offered(&["saliscope", "explain", "--meth"]).contains(&"--methods".to_owned()));
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man1");
    let ran = run(&["man", "--out", out.to_str().unwrap()]).succeeded();
    let pages = names(&out);
    assert_eq!(ran.lines()[0]["pages"].as_array().unwrap().len(), pages.len());
    for name in ["saliscope.1", "saliscope-explain.1", "saliscope-benchmark.1", "saliscope-benchmark-merge.1"] {
        assert!(pages.contains(&name.to_owned()), "{name} in {pages:?}");
    }
    for page in &pages {
        let text = fs::read_to_string(out.join(page)).unwrap();
        let title = page.trim_end_matches(".1");
        // A hyphen may stand escaped in the title.
        assert!(text.lines().any(|line| line.starts_with(".TH ") && line.replace('\\', "").contains(title)), "{page}");
        assert!(text.contains(".SH NAME") && text.contains(".SH OPTIONS"), "{page}");
    }
    run(&["man", "--out", out.to_str().unwrap()]).refused(1);
}

/// The image that the Kubernetes example names is the one that the Dockerfile makes, and its stages fit this project.
#[test]
fn the_image_of_the_cluster_example_is_the_dockerfiles() {
    let dockerfile = fs::read_to_string(root().join("Dockerfile")).unwrap();
    let job = fs::read_to_string(root().join("assets/jobs/kubernetes.yaml")).unwrap();
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(
        dockerfile.contains("ENTRYPOINT [\"saliscope\"]") && !job.contains("command:"),
        "args follow the entry point"
    );
    let image = job.lines().find_map(|line| line.trim().strip_prefix("image: ")).unwrap();
    let image = image.split_whitespace().next().unwrap();
    assert!(job.contains(&format!("docker build -t {image} .")), "{image}");
    let rust = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")).unwrap().trim_end_matches('"');
    assert!(dockerfile.contains(&format!("FROM rust:{rust}-bookworm AS build")), "{rust}");
    for line in dockerfile.lines().filter_map(|line| line.strip_prefix("COPY --from=build /saliscope/")) {
        for path in line.split_whitespace().map(|path| path.trim_start_matches("/saliscope/")) {
            let is_there = root().join(path).exists();
            assert!(is_there || path.starts_with("target/release/") || path.starts_with("/usr/"), "{path}");
        }
    }
}
