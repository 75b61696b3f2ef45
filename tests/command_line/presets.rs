//! One preset is meant wherever nobody names one, and every output says which it was.

use saliscope::saliency::Preset;

use super::bench::{Bench, run, with};

fn text(bench: &Bench, name: &str) -> String {
    std::fs::read_to_string(bench.path(name)).unwrap()
}

#[test]
fn every_command_begins_with_recommended() {
    assert_eq!(Preset::default(), Preset::Recommended);
    let bench = Bench::new();
    // What the commands say without --quiet.
    let loud = |words: Vec<String>| words.into_iter().filter(|word| word != "--quiet").collect::<Vec<_>>();

    let explained = run(&with(loud(bench.explain("chest.png", "maps")), &["--dicom"])).succeeded();
    assert!(explained.stderr.contains("preset recommended, class positive\n"), "{}", explained.stderr);
    assert_eq!(explained.lines()[0]["preset"], "recommended");
    let report = bench.report("maps");
    assert_eq!((&report["preset"], &report["class_choice"]), (&"recommended".into(), &"positive".into()));
    for name in ["capture_GRAD.dcm", "segmentation_GRAD.dcm"] {
        let bytes = std::fs::read(bench.path("maps").join(name)).unwrap();
        let said = b"preset recommended";
        assert!(bytes.windows(said.len()).any(|part| part == said), "{name}");
    }

    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let (model, chest, out) = (path("model.safetensors"), path("chest.png"), path("cascade"));
    let words = ["cascade", "--model", &model, "--image", &chest, "--out", &out, "--methods", "GRAD"];
    let cascade = run(&[&words[..], &["--states", "stem", "--animation", "none"]].concat()).succeeded();
    assert!(cascade.stderr.contains("preset recommended, class positive\n"), "{}", cascade.stderr);
    assert_eq!(cascade.lines()[0]["preset"], "recommended");
    for figure in ["cascade/figure_3a.svg", "cascade/figure_3b.svg"] {
        assert!(text(&bench, figure).contains("preset recommended"), "{figure}");
    }

    for (name, more, preset, class, rule) in [
        ("own.json", &[][..], "recommended", "positive", "area_exact"),
        ("demo.json", &["--demo"], "recommended", "positive", "area_exact"),
        ("study.json", &["--preset", "arun2021"], "arun2021", "predicted", "study"),
    ] {
        let file = bench.path(name);
        let words = ["benchmark", "init", "--out", file.to_str().unwrap()];
        let ran = run(&[&words[..], more].concat()).succeeded();
        assert!(ran.stderr.contains(&format!("preset {preset}")), "{}", ran.stderr);
        let protocol: serde_json::Value = serde_json::from_str(&text(&bench, name)).unwrap();
        let found = [&protocol["preset"], &protocol["class"], &protocol["cohort"]["truth_rule"]];
        assert_eq!(found.map(|value| value.as_str().unwrap()), [preset, class, rule], "{name}");
    }
}

/// Figure specifications of earlier versions without a preset meant `recommended` and still do.
#[test]
fn a_specification_without_a_preset_means_what_it_meant() {
    let bench = Bench::new();
    let drawn = |name: &str, preset: &str| {
        let spec = format!(
            r#"{{"template": "single_case", "image": "chest.png", "models": ["model.safetensors"], "methods": ["IG"],
                "parameters": {{"ig": {{"steps": 3}}}}, "dpi": 72{preset}}}"#
        );
        let spec = bench.write(&format!("{name}.spec.json"), spec.as_bytes());
        let out = bench.path(&format!("{name}.svg"));
        run(&["figure", "--quiet", spec.to_str().unwrap(), "--out", out.to_str().unwrap()]).succeeded();
        text(&bench, &format!("{name}.svg"))
    };
    let [unnamed, named, study] =
        [("a", ""), ("b", r#", "preset": "recommended""#), ("c", r#", "preset": "arun2021""#)]
            .map(|(name, preset)| drawn(name, preset));
    assert_eq!(unnamed, named);
    assert!(unnamed.contains("preset recommended") && study.contains("preset arun2021"));
    let record: serde_json::Value = serde_json::from_str(&text(&bench, "a.record.json")).unwrap();
    assert_eq!(record["maps"][0]["preset"], "recommended");
}
