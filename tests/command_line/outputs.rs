//! What logits become: labels of their own, one choice of several, and a single logit.

use saliscope::network::{Architecture, Precision, Tensor, Variant, Weights};
use serde_json::Value;

use super::bench::{Bench, Ran, run, with};

const LABELS: usize = 14;

/// `model.safetensors` is a DenseNet-121 with so many outputs, whose card has these fields more.
fn bench(logits: usize, fields: &str) -> Bench {
    let bench = Bench::new();
    let variant = Variant { classes: logits, ..Variant::default() };
    bench.model_of("model.safetensors", Architecture::DenseNet121, &variant);
    bench.card_of("densenet_121", &format!(r#""scaling": "imagenet"{fields}"#));
    bench
}

fn on_chest(bench: &Bench, command: &str, more: &[&str]) -> Ran {
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let fixed = [command.to_owned(), "--model".to_owned(), path("model.safetensors"), "--image".to_owned()];
    run(&with(fixed.into_iter().chain([path("chest.png")]).collect(), more))
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

#[test]
fn many_outputs_need_a_word_about_what_they_are() {
    let bench = bench(LABELS, r#", "positive_class": 8"#);
    let refused = on_chest(&bench, "predict", &[]);
    let refused = refused.refused(2);
    assert!(refused.contains("has 14 outputs") && refused.contains("--output sigmoid"), "{refused}");
    let cohort = ["--cohort", "phantom:5:30", "--quiet"];
    let model = bench.path("model.safetensors");
    let evaluate = |more: &[&str]| {
        let fixed = ["evaluate", "--model", model.to_str().unwrap()].map(str::to_owned).to_vec();
        run(&with(with(fixed, &cohort), more))
    };
    assert!(evaluate(&[]).refused(2).contains("--output sigmoid"));

    // The same labels, said on the command line and in the card.
    let said = on_chest(&bench, "predict", &["--output", "sigmoid"]).succeeded();
    bench.card_of("densenet_121", r#""scaling": "imagenet", "positive_class": 8, "output": "sigmoid""#);
    let carded = on_chest(&bench, "predict", &[]).succeeded();
    assert_eq!(said.stdout, carded.stdout);
    let line = &carded.lines()[0];
    let (logits, probabilities) = (numbers(&line["logits"]), numbers(&line["probabilities"]));
    assert_eq!(logits.len(), LABELS);
    for (logit, probability) in logits.iter().zip(&probabilities) {
        assert!((probability - sigmoid(*logit)).abs() < 1e-6);
    }
    let most = line["predicted"]["index"].as_u64().unwrap() as usize;
    assert_eq!(line["predicted"]["probability"], line["probabilities"][most]);

    let softmax = on_chest(&bench, "predict", &["--output", "softmax"]).succeeded();
    assert!((numbers(&softmax.lines()[0]["probabilities"]).iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

/// A label is called by its own logit: the others, however large, do not matter.
#[test]
fn a_label_is_judged_by_its_own_logit() {
    let bench = bench(LABELS, r#", "positive_class": 8, "output": "sigmoid""#);
    let (model, card) = (bench.path("model.safetensors"), bench.path("model.json"));
    let evaluated = |model: &std::path::Path| {
        let arguments =
            ["evaluate", "--model", model.to_str().unwrap(), "--cohort", "phantom:5:60", "--split", "train"];
        let ran = run(&with(arguments.map(str::to_owned).to_vec(), &["--resamples", "20", "--json", "--quiet"]));
        ran.succeeded().lines()[0]["scores"].clone()
    };
    let labels = evaluated(&model);
    // The same network with label 8 alone.
    let graph =
        |classes| Architecture::DenseNet121.graph(&Variant { classes, width: 1.0 / 16.0, ..Variant::default() });
    let mut weights = Weights::load(&model, &graph(LABELS)).unwrap();
    for name in ["classifier.weight", "classifier.bias"] {
        let Tensor { shape, values } = weights.get(name).unwrap().clone();
        let row = values.len() / shape[0];
        let shape = std::iter::once(1).chain(shape[1..].iter().copied()).collect();
        weights.insert(name.to_owned(), Tensor { shape, values: values[8 * row..9 * row].to_vec() });
    }
    let single = bench.write("single.safetensors", &weights.to_safetensors(Precision::Single).unwrap());
    std::fs::remove_file(&card).unwrap();
    let json = r#"{"architecture": "densenet_121", "input_size": [96, 96], "scaling": "imagenet"}"#;
    bench.write("single.json", json.as_bytes());
    assert_eq!(labels, evaluated(&single));
}

#[test]
fn maps_need_no_probability() {
    let bench = bench(LABELS, "");
    let out = bench.path("out");
    let out = ["--out", out.to_str().unwrap(), "--class", "11", "--methods", "GRAD,GCAM", "--dicom"];
    let ran = on_chest(&bench, "explain", &out).succeeded();
    assert!(ran.lines()[0]["images"][0]["explained"].get("probability").is_none(), "{}", ran.stdout);
    let report = bench.report("out");
    assert_eq!(report["explained"]["index"], 11);
    assert!(report.get("probabilities").is_none() && report["explained"].get("probability").is_none());
    assert_eq!(numbers(&report["logits"]).len(), LABELS);
    assert_eq!(report["maps"][0]["outcome"], "normal");
}

/// Nobody says which of the labels is the finding: the predicted one is explained, and that is said.
#[test]
fn without_a_positive_class_the_predicted_one_is_explained() {
    let bench = bench(LABELS, "");
    for command in ["explain", "cascade"] {
        let out = bench.path(command);
        let out = ["--out", out.to_str().unwrap(), "--methods", "GRAD"];
        let more: &[&str] = if command == "cascade" { &["--states", "stem", "--animation", "none"] } else { &[] };
        let ran = on_chest(&bench, command, &[&out[..], more].concat()).succeeded();
        let said = "preset recommended, class predicted; the model card names no positive class: add `positive_class`";
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
    let report = bench.report("explain");
    assert_eq!((&report["class_choice"], &report["explained"]), (&"predicted".into(), &report["predicted"]));
    let refused = on_chest(&bench, "explain", &["--out", "unused", "--class", "positive"]);
    assert!(refused.refused(1).contains("positive"), "{}", refused.stderr);
}

const QUICK: [&str; 14] = [
    "--quiet",
    "--methods",
    "all",
    "--set",
    "SG.samples=3",
    "--set",
    "SIG.noise.samples=2",
    "--set",
    "SIG.path.steps=2",
    "--set",
    "IG.steps=3",
    "--set",
    "XRAI.ig_steps=3",
    "--class",
];

/// The raw maps of all methods for one class, by name; none of them is blank.
fn raw_maps(bench: &Bench, class: &str) -> Vec<(String, Vec<f32>)> {
    let out = bench.path("maps");
    let more = [&QUICK[..], &[class, "--out", out.to_str().unwrap()]].concat();
    let ran = on_chest(bench, "explain", &more).succeeded();
    assert_eq!(ran.lines()[0]["images"][0]["without_map"], serde_json::json!([]), "class {class}");
    let arrays = bench.arrays("maps");
    std::fs::remove_dir_all(out).unwrap();
    let raw = arrays.into_iter().filter(|(name, _)| name.ends_with("_raw"));
    raw.map(|(name, array)| (name, array.values.into_f32())).collect()
}

/// Such a network with one logit, and the same as earlier versions converted it: two logits, 0 and z.
fn single_and_pair() -> (Bench, Bench) {
    let single = bench(1, r#", "classes": ["clear", "finding"]"#);
    let pair = bench(1, r#", "classes": ["clear", "finding"], "positive_class": 1"#);
    let graph = Architecture::DenseNet121.graph(&Variant { classes: 1, width: 1.0 / 16.0, ..Variant::default() });
    let mut weights = Weights::load(&single.path("model.safetensors"), &graph).unwrap();
    for name in ["classifier.weight", "classifier.bias"] {
        let Tensor { mut shape, values } = weights.get(name).unwrap().clone();
        shape[0] = 2;
        let values = [vec![0.0; values.len()], values].concat();
        weights.insert(name.to_owned(), Tensor { shape, values });
    }
    pair.write("model.safetensors", &weights.to_safetensors(Precision::Single).unwrap());
    (single, pair)
}

#[test]
fn one_logit_explains_both_classes() {
    let (bench, _) = single_and_pair();
    let line = on_chest(&bench, "predict", &[]).succeeded().lines().remove(0);
    let [z] = numbers(&line["logits"])[..] else { panic!("{line}") };
    let probabilities = numbers(&line["probabilities"]);
    assert!((probabilities[1] - sigmoid(z)).abs() < 1e-6 && (probabilities[0] - sigmoid(-z)).abs() < 1e-6);
    assert_eq!(line["predicted"]["index"], u64::from(z > 0.0));

    let (clear, finding) = (raw_maps(&bench, "0"), raw_maps(&bench, "1"));
    for ((name, against), (_, by)) in clear.iter().zip(&finding) {
        match name.trim_end_matches("_raw") {
            // Magnitudes of the gradient of z and of -z.
            "GRAD" | "SG" | "IG" | "SIG" => assert_eq!(against, by, "{name}"),
            // A guided pass, a ReLU and a ranking of regions prefer what is positive: not the same, and not blank.
            _ => assert_ne!(against, by, "{name}"),
        }
    }
    let refused = on_chest(&bench, "explain", &["--out", "unused", "--class", "2"]);
    assert!(refused.refused(1).contains("the model has 2 classes, 0 to 1"), "{}", refused.stderr);
    let refused = on_chest(&bench, "predict", &["--output", "softmax"]);
    assert!(refused.refused(2).contains("always 1 of a single logit"), "{}", refused.stderr);
}

#[test]
fn what_earlier_versions_converted_is_read_as_one_logit() {
    let (single, pair) = single_and_pair();
    let (new, old) = (on_chest(&single, "predict", &[]), on_chest(&pair, "predict", &[]));
    assert_eq!(new.stderr, "");
    assert!(old.stderr.starts_with("note: The head has two outputs of which the first is always 0"), "{}", old.stderr);
    let of = |ran: Ran, key: &str| ran.succeeded().lines()[0][key].clone();
    let (new, old) = (of(new, "probabilities"), of(old, "probabilities"));
    assert_eq!(new, old);
    for class in ["0", "1"] {
        assert_eq!(raw_maps(&single, class), raw_maps(&pair, class));
    }
}

/// The blocks of a single-logit network can be randomized like any others.
#[test]
fn a_cascade_of_one_logit_has_maps_of_both_classes() {
    let (bench, _) = single_and_pair();
    for class in ["0", "1"] {
        let out = bench.path(class);
        let more = ["--quiet", "--out", out.to_str().unwrap(), "--methods", "GRAD,GCAM", "--class", class];
        on_chest(&bench, "cascade", &[&more[..], &["--states", "Original,Logits,stem"]].concat()).succeeded();
    }
}
