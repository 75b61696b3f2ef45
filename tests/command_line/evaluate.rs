//! What `evaluate` prints, and what the other commands say of models that localize.

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
        let split = if index % 2 == 0 { "val" } else { "test" };
        let patient = if index < 2 { 0 } else { index };
        table += &format!("{name},{},{split},{patient}\n", is_positive(name));
    }
    std::fs::copy(images.join(&names[2]), images.join("copy.png")).unwrap();
    table += &format!("copy.png,{},test,99\n", is_positive(&names[2]));
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
