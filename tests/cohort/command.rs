//! `saliscope cohort`, the real program.

use std::process::{Command, Output};

use crate::tree::{Tree, assert_says};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_saliscope")).arg("cohort").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn set() -> (Tree, String) {
    let tree = Tree::new();
    for index in 0..10 {
        tree.png(&format!("secret{index}.png"));
    }
    tree.write("labels.csv", "image,label\nsecret0,1\nsecret1,0\nsecret2,1\nsecret2,0\nsecret99,1\n");
    let spec = format!("folder:{}", tree.path().display());
    (tree, spec)
}

#[test]
fn counts_and_reasons_without_ids() {
    let (_tree, spec) = set();
    let output = run(&[&spec]);
    assert_eq!(output.status.code(), Some(0));
    let found = text(&output.stdout);
    assert_says(
        &found,
        &["2 images", "drawn with seed 0", "left out", "(line 6)", "rows contradict", "7  image without"],
    );
    let both = found + &text(&output.stderr);
    assert!(!both.contains("secret"), "{both}");
    assert_says(&text(&output.stderr), &["warning: labels CSV, line 5"]);
    assert!(text(&run(&[&spec, "--quiet"]).stderr).is_empty());
}

#[test]
fn ids_when_they_are_asked_for() {
    let (_tree, spec) = set();
    let found = text(&run(&[&spec, "--list-excluded"]).stdout);
    assert_says(&found, &["secret99", "secret2", "secret7"]);
    assert!(!found.contains("secret0"));
    assert_says(&text(&run(&[&spec, "--list"]).stdout), &["id,label,split", "secret0,1,train", "secret1,0,"]);
}

#[test]
fn json_for_programs() {
    let (_tree, spec) = set();
    let output = run(&[&spec, "--json", "--task", "pneumonia", "--seed", "4"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["kind"], "folder");
    assert_eq!(report["task"], "pneumonia");
    assert_eq!(report["images"], 2);
    assert_eq!(report["splits"], serde_json::json!({"from": "drawn", "seed": 4}));
    let total: u64 = report["counts"].as_array().unwrap().iter().map(|count| count["positive"].as_u64().unwrap()).sum();
    assert_eq!(total, 1);
    let reasons: Vec<&str> =
        report["left_out"].as_array().unwrap().iter().map(|row| row["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["no_file", "unlabelled", "contradiction"]);
    assert!(!text(&output.stdout).contains("secret"));
}

#[test]
fn reasons_survive_where_nothing_is_usable() {
    let tree = Tree::new();
    tree.png("secret0.png").png("secret1.png");
    tree.write("labels.csv", "image,label\nsecret0,-1\nhidden7,1\n");
    let spec = format!("folder:{}", tree.path().display());
    let output = run(&[&spec]);
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr).replace(&tree.path().display().to_string(), "");
    assert_says(
        &message,
        &["warning: labels CSV, line 2: the label is uncertain", "error: nothing usable", "`aaaaaa9`"],
    );
    assert!(output.stdout.is_empty());
    assert!(!message.contains("secret") && !message.contains("hidden"), "{message}");
    let listed = run(&[&spec, "--list-excluded"]);
    assert_eq!(listed.status.code(), Some(1));
    assert_says(&text(&listed.stdout), &["left out:", "uncertain label (line 2)", "secret0", "hidden7", "secret1"]);
    let report: serde_json::Value = serde_json::from_slice(&run(&[&spec, "--json"]).stdout).unwrap();
    assert_eq!((&report["images"], report["left_out"].as_array().unwrap().len()), (&0.into(), 3));
    assert!(report["warnings"].to_string().contains("uncertain") && !report.to_string().contains("secret"), "{report}");
    // Whatever else reads the cohort says the same.
    let evaluate = ["evaluate", "--model", "demo:pneumothorax_inception_v3_1", "--cohort", &spec];
    let evaluated = Command::new(env!("CARGO_BIN_EXE_saliscope")).args(evaluate).output().unwrap();
    assert_eq!(evaluated.status.code(), Some(1));
    assert_says(
        &text(&evaluated.stderr),
        &["warning: labels CSV, line 2: the label is uncertain", "error: nothing usable"],
    );
}

#[test]
fn exit_codes() {
    for usage in [
        vec![],
        vec!["mimic:x"],
        vec!["phantom:x"],
        vec!["siim:x", "--truth-size", "1024"],
        vec!["siim:x", "--task", "y"],
        vec!["siim:x", "--task", "pneumonia"],
    ] {
        assert_eq!(run(&usage).status.code(), Some(2), "{usage:?}");
    }
    let tree = Tree::new();
    for kind in ["siim", "rsna", "nih", "vindr", "folder"] {
        let output = run(&[&format!("{kind}:{}", tree.path().display())]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).starts_with("error: "), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
}
