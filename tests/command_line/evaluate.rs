//! What `evaluate` prints, and what the other commands say of models that localize.

use std::fmt::Write as _;

use saliscope::network::Architecture;

use super::bench::{Bench, run};

#[test]
fn figures_as_json_and_as_text() {
    let bench = Bench::new();
    let model = bench.path("model.safetensors");
    let common = ["evaluate", "--quiet", "--model", model.to_str().unwrap(), "--cohort", "phantom:5:90"];
    let arguments = |more: &[&'static str]| common.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();
    let ran = run(&arguments(&["--split", "train", "--resamples", "50", "--json", "--youden"])).succeeded();
    assert_eq!(ran.stderr, "");
    let lines = ran.lines();
    let report = &lines[0];
    assert_eq!(lines.len(), 1);
    assert_eq!((&report["split"], &report["cohort"]), (&"train".into(), &"phantom".into()));
    assert_eq!(report["model"]["kind"], "classifier");
    let auc = &report["scores"]["auc"];
    let figure = |key: &str| auc[key].as_f64().unwrap();
    assert!(0.0 <= figure("low") && figure("low") <= figure("value") && figure("value") <= figure("high"));
    assert_eq!(report["scores"]["thresholds"].as_array().unwrap().len(), 2);
    let ran = run(&arguments(&["--split", "train", "--resamples", "50", "--threads", "1", "--batch", "1"])).succeeded();
    assert!(ran.stdout.contains(&format!("{:.4} [{:.4}, {:.4}]", figure("value"), figure("low"), figure("high"))));

    let misused = |ran: super::bench::Ran, hint: &str| {
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
        assert!(ran.stderr.contains(hint), "{}", ran.stderr);
    };
    misused(run(&arguments(&["--resamples", "0"])), "a whole number from 1 to 1000000 is needed");
    misused(run(&["evaluate", "--model", "m", "--cohort", "nothing"]), "phantom:SEED[:COUNT]");
}

#[test]
fn a_threshold_that_is_judged_on_those_who_chose_it_says_so() {
    let bench = Bench::new();
    let model = bench.path("model.safetensors");
    let common = ["evaluate", "--quiet", "--model", model.to_str().unwrap(), "--resamples", "20", "--youden"];
    let judged = |more: &[&str]| {
        let arguments: Vec<&str> = common.iter().chain(more).copied().collect();
        let text = run(&arguments).succeeded().stdout;
        let report = run(&[&arguments[..], &["--json"]].concat()).succeeded().lines().remove(0);
        let thresholds = &report["scores"]["thresholds"];
        assert!(thresholds[0]["chosen_on"].is_null(), "no case chose a half: {thresholds}");
        (text, thresholds[1]["chosen_on"].clone())
    };
    let words = "judged on the very cases that chose it (val split)";
    let (text, chosen) = judged(&["--cohort", "phantom:5:90", "--split", "test"]);
    assert_eq!((&chosen["judged_on"], &chosen["same_images"]), (&"other_cases".into(), &0.into()));
    assert!(chosen["caution"].is_null() && !text.contains("chose it"), "{text}");
    let (text, chosen) = judged(&["--cohort", "phantom:5:90", "--split", "val"]);
    assert_eq!((&chosen["judged_on"], &chosen["same_images"]), (&"the_same_cases".into(), &chosen["cases"]));
    assert!(chosen["caution"].as_str().unwrap().contains(words) && text.contains(words), "{text}");

    // The same image under two names, one in each split; and two images of one patient.
    let folder = bench.path("set");
    let made = ["phantom", "--quiet", "--size", "128", "--count", "20", "--task", "pneumothorax", "--out"];
    run(&[&made[..], &[folder.to_str().unwrap()]].concat()).succeeded();
    let images = folder.join("png/images");
    let mut names: Vec<String> =
        std::fs::read_dir(&images).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let labels = std::fs::read_to_string(folder.join("png/labels.csv")).unwrap();
    let is_positive = |name: &str| {
        let row = labels.lines().find(|row| row.contains(name.trim_end_matches(".png"))).unwrap();
        u8::from(row.contains("pneumothorax"))
    };
    let mut table = "image,label,split,patient\n".to_owned();
    for (index, name) in names.iter().enumerate() {
        // The finding alternates from one to the next.
        let split = if [0, 2, 4].contains(&(index % 5)) { "val" } else { "test" };
        let patient = if index < 2 { 0 } else { index };
        writeln!(table, "{name},{},{split},{patient}", is_positive(name)).unwrap();
    }
    std::fs::copy(images.join(&names[2]), images.join("copy.png")).unwrap();
    writeln!(table, "copy.png,{},test,99", is_positive(&names[2])).unwrap();
    let plain = bench.path("plain");
    std::fs::create_dir(&plain).unwrap();
    std::fs::rename(&images, plain.join("images")).unwrap();
    std::fs::write(plain.join("labels.csv"), table).unwrap();
    let (text, chosen) = judged(&["--cohort", &format!("folder:{}", plain.display()), "--split", "test"]);
    assert_eq!((&chosen["same_images"], &chosen["same_patients"]), (&1.into(), &1.into()), "{chosen}");
    assert_eq!(chosen["judged_on"], "partly_the_same_cases");
    assert!(text.contains("1 judged cases have images that are among them"), "{text}");

    // Where no case could choose, no threshold is made up.
    let table = std::fs::read_to_string(plain.join("labels.csv")).unwrap().replace("val", "train");
    std::fs::write(plain.join("labels.csv"), table).unwrap();
    let cohort = format!("folder:{}", plain.display());
    let arguments: Vec<&str> = common.iter().chain(&["--cohort", &cohort]).copied().collect();
    assert!(run(&arguments).refused(1).contains("the val split has no labelled case"));
}

#[test]
fn curves_calibration_and_thresholds_are_written_and_agree() {
    let bench = Bench::new();
    let out = bench.path("evaluation");
    let (model, folder) = (bench.path("model.safetensors"), out.to_str().unwrap().to_owned());
    let common =
        ["evaluate", "--quiet", "--model", model.to_str().unwrap(), "--cohort", "phantom:5:90", "--resamples", "40"];
    let more = ["--split", "train", "--sensitivity", "0.9", "--specificity", "0.8", "--youden", "--out", &folder];
    let text = run(&[&common[..], &more].concat()).succeeded().stdout;
    let mut names: Vec<String> = ["curve.csv", "calibration.csv", "evaluation.json"].map(str::to_owned).to_vec();
    for figure in ["roc", "precision_recall", "calibration"] {
        names.extend(["pdf", "png", "svg"].map(|ending| format!("{figure}.{ending}")));
    }
    names.sort();
    assert_eq!(bench.names("evaluation"), names);

    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("evaluation.json")).unwrap()).unwrap();
    let scores = &report["scores"];
    let thresholds = scores["thresholds"].as_array().unwrap();
    let rules: Vec<&str> = thresholds.iter().map(|own| own["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["half", "youden_on_validation", "sensitivity_on_validation", "specificity_on_validation"]);
    assert_eq!((&thresholds[2]["at_least"], &thresholds[3]["at_least"]), (&0.9.into(), &0.8.into()));
    assert!(thresholds[2]["chosen_on"]["split"] == "val" && thresholds[0]["chosen_on"].is_null());
    for words in
        ["sensitivity of 0.9 on the validation split", "specificity of 0.8 on the validation split", "Brier score"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }

    // Every point of the curve counts all cases; at 0.5 it is what the report says.
    let mut reader = csv::Reader::from_path(out.join("curve.csv")).unwrap();
    let rows: Vec<std::collections::HashMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    let number = |row: &std::collections::HashMap<String, String>, key: &str| row[key].parse::<f64>().unwrap();
    let counts = ["true_positives", "false_negatives", "false_positives", "true_negatives"];
    for row in &rows {
        assert_eq!(counts.map(|key| number(row, key)).iter().sum::<f64>(), report["cases"].as_f64().unwrap());
    }
    assert!(number(&rows[0], "log_odds").is_infinite() && rows[0]["precision"].is_empty());
    let half = rows.iter().rfind(|row| number(row, "log_odds") >= 0.0).unwrap();
    for key in counts {
        assert_eq!(number(half, key), thresholds[0]["counts"][key].as_f64().unwrap(), "{key}");
    }
    let mut bins = csv::Reader::from_path(out.join("calibration.csv")).unwrap();
    let cases: f64 = bins.records().map(|row| row.unwrap()[2].parse::<f64>().unwrap()).sum();
    assert_eq!(cases, report["cases"].as_f64().unwrap());
    assert_eq!(scores["calibration"]["bins"].as_array().unwrap().len(), 10);

    for (figure, words) in [
        ("roc", &["Receiver operating characteristic: AUC", "1 - specificity", "chance"][..]),
        ("precision_recall", &["average precision", "precision by chance"]),
        ("calibration", &["expected calibration error", "Brier score"]),
    ] {
        let svg = std::fs::read_to_string(out.join(figure).with_extension("svg")).unwrap();
        for word in words.iter().chain(&["train split", "Research use - not for diagnosis"]) {
            assert!(svg.contains(word), "{figure}: {word}");
        }
        // Behind the fonts, whose code may hold any letters.
        assert!(!svg.rsplit("</style>").next().unwrap().contains("NaN"), "{figure}");
    }
    // The same again, on another number of threads.
    let first = std::fs::read(out.join("roc.svg")).unwrap();
    run(&[&common[..], &more, &["--threads", "1", "--batch", "1"]].concat()).succeeded();
    assert_eq!(std::fs::read(out.join("roc.svg")).unwrap(), first);

    // Judged on those who chose it: the figure says so as well.
    run(&[&common[..], &["--split", "val", "--sensitivity", "0.9", "--out", &folder]].concat()).succeeded();
    let svg = std::fs::read_to_string(out.join("roc.svg")).unwrap();
    assert!(svg.contains("the very cases that chose it"), "{svg:.3000}");

    let misused = |more: &[&str]| {
        let ran = run(&[&common[..], more].concat());
        assert_eq!(ran.code, Some(2));
        ran.stderr
    };
    for share in ["0", "1.2", "NaN"] {
        assert!(misused(&["--sensitivity", share]).contains("a number from 0.001 to 1 is needed"));
    }
    let model = bench.model("localizer.safetensors", Architecture::UNet);
    std::fs::remove_file(bench.path("model.json")).ok();
    let words = ["evaluate", "--quiet", "--model", model.to_str().unwrap(), "--cohort", "phantom:5:40"];
    assert!(run(&[&words[..], &["--specificity", "0.9"]].concat()).refused(2).contains("this model localizes"));
}

#[test]
fn other_commands_refuse_models_that_localize() {
    let bench = Bench::new();
    let chest = bench.path("chest.png");
    for architecture in [Architecture::UNet, Architecture::RetinaNet] {
        let model = bench.model("localizer.safetensors", architecture);
        std::fs::remove_file(bench.path("model.json")).ok();
        let expected = format!("this model localizes ({architecture}); predictions and saliency need a classifier");
        let (model, chest) = (model.to_str().unwrap(), chest.to_str().unwrap());
        assert!(run(&["predict", "--model", model, "--image", chest]).refused(1).contains(&expected));
        let out = bench.path("out");
        let ran = run(&["explain", "--model", model, "--image", chest, "--out", out.to_str().unwrap()]);
        assert!(ran.refused(1).contains(&expected));
        assert!(!out.exists());
    }
}
