//! Names that hold control characters: a terminal gets none of them.

use super::bench::{Bench, Ran, dicom_of, gray, run};

/// Clears the screen, in two ways, and writes backwards.
const HOSTILE: &str = "\u{1b}[2J\u{9b}2J\u{202e}\u{7}\u{8}\r";

fn is_clean(what: &str, ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        let obeyed = |sign: char| sign.is_control() && sign != '\n' && sign != '\t' || sign == '\u{202e}';
        assert!(!text.contains(obeyed), "{what}: {text:?}");
    }
    assert!(ran.stderr.contains("\\u{") || ran.stdout.contains("\\u"), "{what} says the name: {ran:?}");
}

#[cfg(unix)]
#[test]
fn names_reach_the_terminal_as_what_they_are() {
    let bench = Bench::new();
    let name = |kind: &str| bench.path(&format!("{HOSTILE}.{kind}")).to_str().unwrap().to_owned();
    let [model, chest, none] =
        ["model.safetensors", "chest.png", "none"].map(|name| bench.path(name).to_str().unwrap().to_owned());
    let no_option = format!("--{HOSTILE}");
    let [png, weights, card, csv, dicom] = ["png", "safetensors", "json", "csv", "dcm"].map(name);
    std::fs::copy(&chest, &png).unwrap();
    std::fs::copy(&model, &weights).unwrap();
    let classes = format!(
        r#"{{"architecture": "inception_v3", "input_size": [96, 96], "scaling": "unit_to_symmetric", "classes": ["clear", {}], "positive_class": 1}}"#,
        serde_json::json!(HOSTILE)
    );
    std::fs::write(&card, classes).unwrap();
    let rows: String = (0..12)
        .flat_map(|image| {
            ["A", HOSTILE, "C"].map(|level| {
                format!("{image},\"{level}\",{}\n", image * 7 % 11 * (1 + i32::from(level == "A")) + image % 3)
            })
        })
        .collect();
    std::fs::write(&csv, format!("image,method,value\n{rows}")).unwrap();
    let patient = HOSTILE.replace('\r', "");
    std::fs::write(&dicom, dicom_of(&gray(1), &[(0x0010, 0x0010, b"PN", patient.as_bytes())])).unwrap();
    let folder = bench.path("radiographs");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(&chest, folder.join(format!("{HOSTILE}.png"))).unwrap();
    let folder = format!("folder:{}", folder.to_str().unwrap());
    let missing = format!("{none}{HOSTILE}");
    let cases: [(&str, &[&str]); 11] = [
        ("a missing image", &["predict", "--model", &model, "--image", &missing]),
        ("a missing model", &["predict", "--model", &missing, "--image", &chest]),
        ("an image", &["predict", "--model", &model, "--image", &png]),
        ("a model and its classes", &["predict", "--model", &weights, "--image", &png]),
        (
            "a model that is judged",
            &["evaluate", "--quiet", "--model", &weights, "--cohort", "phantom:5:60", "--resamples", "20"],
        ),
        ("an image that is looked into", &["inspect", &png]),
        ("a patient", &["inspect", "--identity", &dicom]),
        (
            "levels of a table",
            &["stats", "--data", &csv, "--response", "value", "--factor", "method", "--group", "image", "--out", &none],
        ),
        ("cases of a cohort", &["cohort", "--list", &folder]),
        ("a word that is no option", &["predict", &no_option]),
        ("a run that is not there", &["benchmark", "status", &missing]),
    ];
    for (what, words) in cases {
        is_clean(what, &run(words));
    }
}

#[test]
fn a_name_with_an_end_of_line_is_no_line_of_its_own() {
    let bench = Bench::new();
    let missing = bench.path("none\nerror: all is well");
    let ran = run(&[
        "predict",
        "--model",
        bench.path("model.safetensors").to_str().unwrap(),
        "--image",
        missing.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.stderr.lines().filter(|line| line.starts_with("error:")).count(), 1, "{}", ran.stderr);
}
