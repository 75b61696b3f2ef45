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
