//! What `predict` prints.

use super::bench::{Bench, run};

#[test]
fn one_line_of_json_an_image_in_order_and_equal_to_explain() {
    let bench = Bench::new();
    let (chest, other) = (bench.path("chest.png"), bench.png("other.png", 4));
    let model = bench.path("model.safetensors");
    let arguments = |batch: &'static str| {
        ["predict", "--model", model.to_str().unwrap(), "--batch", batch, "--image"]
            .into_iter()
            .chain([chest.to_str().unwrap(), other.to_str().unwrap(), chest.to_str().unwrap()])
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let ran = run(&arguments("2")).succeeded();
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.stdout, run(&arguments("1")).succeeded().stdout, "the batch size changed a result");
    let lines = ran.lines();
    assert_eq!(lines.len(), 3);
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(line["index"], index);
        let probabilities: Vec<f64> = serde_json::from_value(line["probabilities"].clone()).unwrap();
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let class = line["predicted"]["index"].as_u64().unwrap() as usize;
        assert!(probabilities.iter().all(|probability| *probability <= probabilities[class]));
    }
    assert_eq!(lines[0]["logits"], lines[2]["logits"]);
    assert_ne!(lines[0]["logits"], lines[1]["logits"]);
    assert!(lines[1]["image"].as_str().unwrap().ends_with("other.png"));

    run(&bench.explain("chest.png", "out")).succeeded();
    assert_eq!(bench.report("out")["logits"], lines[0]["logits"]);
}

#[test]
fn nothing_is_printed_when_one_image_is_bad() {
    let bench = Bench::new();
    let bad = bench.write("bad.png", b"no image");
    let (model, good) = (bench.path("model.safetensors"), bench.path("chest.png"));
    let paths = [&model, &good, &bad].map(|path| path.to_str().unwrap());
    let ran = run(&["predict", "--model", paths[0], "--image", paths[1], paths[2]]);
    assert!(ran.refused(1).ends_with("bad.png"), "{}", ran.stderr);
}
