//! Several findings and several classes, learnt and judged; what labels alone teach.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use saliscope::network::{Model, Output};
use serde_json::Value;

use crate::command::{refused, saliscope};

/// A small network trained for an epoch; gives its file and what was said on standard error.
fn trained(folder: &Path, name: &str, cohort: &str, more: &[&str]) -> (PathBuf, String, Value) {
    let out = folder.join(format!("{name}.safetensors"));
    let mut arguments = vec!["train", "--cohort", cohort, "--input-size", "128", "--width", "0.0625", "--batch", "8"];
    arguments.extend(["--arch", "densenet_121", "--epochs", "1", "--out", out.to_str().unwrap()]);
    arguments.extend(more);
    let done = saliscope(&arguments);
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{said}");
    (out, said, serde_json::from_slice(&done.stdout).unwrap())
}

fn judged(model: &Path, cohort: &str, more: &[&str]) -> Value {
    let mut arguments = vec!["evaluate", "--quiet", "--model", model.to_str().unwrap(), "--cohort", cohort, "--json"];
    arguments.extend(["--resamples", "20"]);
    arguments.extend(more);
    let done = saliscope(&arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// A folder of phantoms as PNG, without any mark, and what each has: nothing, pneumothorax or pneumonia.
fn images(folder: &Path, count: usize) -> Vec<(String, String)> {
    let made = folder.join("made");
    for (task, seed) in [("pneumothorax", "1"), ("pneumonia", "2")] {
        let out = made.join(task);
        let half = (count / 2).to_string();
        let done = saliscope(&[
            "phantom",
            "--quiet",
            "--size",
            "128",
            "--count",
            &half,
            "--seed",
            seed,
            "--task",
            task,
            "--out",
            out.to_str().unwrap(),
        ]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    let plain = folder.join("plain");
    std::fs::create_dir(&plain).unwrap();
    let mut found = Vec::new();
    for task in ["pneumothorax", "pneumonia"] {
        let from = made.join(task).join("png");
        let labels = std::fs::read_to_string(from.join("labels.csv")).unwrap();
        for entry in std::fs::read_dir(from.join("images")).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let name = format!("{task}_{stem}.png");
            std::fs::copy(&path, plain.join(&name)).unwrap();
            let row = labels.lines().find(|row| row.contains(&stem)).unwrap();
            found.push((name, if row.contains(task) { task.to_owned() } else { String::new() }));
        }
    }
    std::fs::remove_dir_all(made).unwrap();
    found.sort();
    found
}

#[test]
fn several_findings_have_an_output_and_a_score_each() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = ["--task", "pneumothorax,pneumonia"];
    let (out, said, report) = trained(folder.path(), "both", "phantom:4:150", &tasks);
    let card = Model::open(&out, None).unwrap().card;
    assert_eq!((card.classes.join(","), card.logits), ("pneumothorax,pneumonia".to_owned(), 2));
    assert_eq!((card.output, card.positive_class), (Some(Output::Sigmoid), Some(0)));
    assert!(card.trained_on.unwrap().starts_with("phantom:4:150, pneumothorax ("));
    let scores = &report["validation_scores"];
    let mean = f64::midpoint(scores["pneumothorax"].as_f64().unwrap(), scores["pneumonia"].as_f64().unwrap());
    assert!((mean - report["validation_score"].as_f64().unwrap()).abs() < 1e-12, "{report}");
    assert!(said.contains("AUC of each: pneumothorax "), "{said}");
    let log = std::fs::read_to_string(out.with_extension("csv")).unwrap();
    assert!(log.lines().next().unwrap().ends_with("seconds,validation_auc pneumothorax,validation_auc pneumonia"));
    // The option given twice is the same.
    let twice = ["--task", "pneumothorax", "--task", "pneumonia"];
    let (again, _, _) = trained(folder.path(), "again", "phantom:4:150", &twice);
    assert_eq!(std::fs::read(&again).unwrap(), std::fs::read(&out).unwrap());

    let report = judged(&out, "phantom:9:60", &["--split", "train", "--youden"]);
    assert_eq!(report["scores"]["model_kind"], "findings");
    let findings = report["scores"]["findings"].as_array().unwrap();
    let names: Vec<&str> = findings.iter().map(|finding| finding["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["pneumothorax", "pneumonia"]);
    let areas: Vec<f64> = findings.iter().map(|finding| finding["auc"]["value"].as_f64().unwrap()).collect();
    let mean = report["scores"]["mean_auc"]["value"].as_f64().unwrap();
    assert!((f64::midpoint(areas[0], areas[1]) - mean).abs() < 1e-12, "{report}");
    for finding in findings {
        assert_eq!(finding["thresholds"].as_array().unwrap().len(), 2, "{finding}");
        assert_eq!(finding["thresholds"][1]["chosen_on"]["judged_on"], "other_cases");
    }
    // One of them is judged as of a model that knows it alone.
    let one = judged(&out, "phantom:9:60", &["--split", "train", "--task", "pneumonia"]);
    assert_eq!(one["scores"]["model_kind"], "classifier");
}

#[test]
fn missing_labels_are_left_out_of_their_finding_alone() {
    let folder = tempfile::tempdir().unwrap();
    let found = images(folder.path(), 48);
    let mut table = "image,pneumothorax,pneumonia,split\n".to_owned();
    let mut unknown = 0;
    for (index, (name, finding)) in found.iter().enumerate() {
        let value = |task: &str| u8::from(finding == task).to_string();
        // Nobody said of some, and is not sure of others.
        let opacity = match index % 8 {
            3 => String::new(),
            5 => "-1".to_owned(),
            _ => value("pneumonia"),
        };
        let split = if index / 2 % 3 == 0 { "val" } else { "train" };
        unknown += usize::from(split == "train" && matches!(index % 8, 3 | 5));
        writeln!(table, "{name},{},{opacity},{split}", value("pneumothorax")).unwrap();
    }
    let plain = folder.path().join("plain");
    std::fs::write(plain.join("labels.csv"), table).unwrap();
    let cohort = format!("folder:{}", plain.display());
    let (out, said, _) = trained(folder.path(), "part", &cohort, &["--task", "pneumothorax,pneumonia"]);
    let card = Model::open(&out, None).unwrap().card;
    let words = card.trained_on.unwrap();
    assert!(words.contains(&format!("not known of {unknown}) of 32 images")), "{words}\n{said}");
    // Model and cohort share two findings; nobody has to name them.
    let report = judged(&out, &cohort, &["--split", "train"]);
    let cases: Vec<u64> = report["scores"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["cases"].as_u64().unwrap())
        .collect();
    assert_eq!(cases, [32, 32 - unknown as u64]);
}

#[test]
fn classes_are_one_choice_and_images_of_none_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let found = images(folder.path(), 48);
    let mut table = "image,label,split\n".to_owned();
    for (index, (name, finding)) in found.iter().enumerate() {
        let label = if finding.is_empty() { "normal" } else { finding };
        writeln!(table, "{name},{label},{}", if index % 3 == 0 { "val" } else { "train" }).unwrap();
    }
    let plain = folder.path().join("plain");
    std::fs::write(plain.join("labels.csv"), table).unwrap();
    let cohort = format!("folder:{}", plain.display());
    let classes = ["--task", "normal,pneumonia,pneumothorax", "--output", "softmax"];
    let (out, _, report) = trained(folder.path(), "classes", &cohort, &classes);
    let card = Model::open(&out, None).unwrap().card;
    assert_eq!(
        (card.classes.join(","), card.output),
        ("normal,pneumonia,pneumothorax".to_owned(), Some(Output::Softmax))
    );
    assert_eq!(report["validation_scores"].as_object().unwrap().len(), 3, "{report}");
    let (_, said, _) =
        trained(folder.path(), "two", &cohort, &["--task", "pneumonia,pneumothorax", "--output", "softmax"]);
    assert!(said.contains("images are left out: the case is not of exactly one of the classes"), "{said}");
    let (_, _, phantoms) = trained(folder.path(), "phantoms", "phantom:4:60", &classes);
    assert_eq!(phantoms["validation_scores"].as_object().unwrap().len(), 3, "{phantoms}");
}

#[test]
fn labels_alone_teach_a_classifier_and_a_mask_that_cannot_be_read_leaves_its_label() {
    let folder = tempfile::tempdir().unwrap();
    let found = images(folder.path(), 40);
    let mut table = "image,pneumothorax,split\n".to_owned();
    for (index, (name, finding)) in found.iter().enumerate() {
        let split = if index / 2 % 4 == 0 { "val" } else { "train" };
        writeln!(table, "{name},{},{split}", u8::from(finding == "pneumothorax")).unwrap();
    }
    let plain = folder.path().join("plain");
    std::fs::write(plain.join("labels.csv"), table).unwrap();
    let cohort = format!("folder:{}", plain.display());
    let task = ["--task", "pneumothorax"];
    let (out, _, _) = trained(folder.path(), "labels", &cohort, &task);
    // Masks that are no images, and one of another size.
    std::fs::create_dir(plain.join("masks")).unwrap();
    let positive: Vec<&String> =
        found.iter().filter(|(_, finding)| finding == "pneumothorax").map(|(name, _)| name).collect();
    for name in &positive[1..] {
        std::fs::write(plain.join("masks").join(name), b"no image").unwrap();
    }
    image::GrayImage::new(64, 64).save(plain.join("masks").join(positive[0])).unwrap();
    let (masked, said, _) = trained(folder.path(), "masked", &cohort, &task);
    assert!(said.contains("a mask file cannot be read; the image is used by its label alone"), "{said}");
    assert!(said.contains("a mask has another size than its image; the image is used by its label alone"), "{said}");
    assert_eq!(std::fs::read(&masked).unwrap(), std::fs::read(&out).unwrap(), "the same images teach the same");
    let report = judged(&masked, &cohort, &["--split", "train"]);
    assert_eq!(report["cases"], 30);
    // A network that needs masks has none.
    let mut arguments = vec!["train", "--quiet", "--cohort", &cohort, "--task", "pneumothorax", "--arch", "u_net"];
    let u_net = folder.path().join("u_net.safetensors");
    arguments.extend(["--input-size", "128", "--out", u_net.to_str().unwrap()]);
    assert!(!saliscope(&arguments).status.success());
}

#[test]
fn what_cannot_be_learnt_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a.safetensors");
    let asked = |more: &[&str]| {
        let mut arguments = vec!["train", "--quiet", "--cohort", "phantom:4:40", "--input-size", "128", "--out"];
        arguments.push(out.to_str().unwrap());
        arguments.extend(more);
        saliscope(&arguments)
    };
    refused(&asked(&["--arch", "densenet_121"]), 2, "--task: name the finding to learn");
    refused(&asked(&["--arch", "u_net", "--task", "pneumonia,pneumothorax"]), 2, "u_net learns one finding; give one");
    refused(&asked(&["--arch", "densenet_121", "--task", "pneumonia,Pneumonia"]), 2, "Pneumonia is named twice");
    refused(&asked(&["--arch", "densenet_121", "--task", "pneumonia,hernia"]), 1, "hernia");
}
