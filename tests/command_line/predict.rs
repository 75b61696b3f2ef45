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

/// Classes with commas, quotes and one name for two of them; an image with a comma in its name.
#[test]
fn csv_has_a_row_an_image_and_a_column_a_class() {
    let bench = Bench::new();
    let odd = bench.png("a, \"b\".png", 4);
    let (chest, model) = (bench.path("chest.png"), bench.path("model.safetensors"));
    let [odd, chest, model] = [&odd, &chest, &model].map(|path| path.to_str().unwrap());
    let go = |more: &[&str]| run(&[&["predict", "--model", model, odd, chest][..], more].concat()).succeeded();
    let lines = go(&[]).lines();
    for (classes, names) in [
        (r#""classes": ["no, \"none\"", "finding"]"#, ["no, \"none\"", "finding"]),
        (r#""classes": ["same", "same"]"#, ["same_0", "same_1"]),
    ] {
        bench.card_of("inception_v3", &format!(r#"{classes}, "positive_class": 1, "trained_on_patients": false"#));
        let ran = go(&["--csv", "--batch", "1"]);
        let mut reader = csv::Reader::from_reader(ran.stdout.as_bytes());
        let class = |name: &str| [format!("logit_{name}"), format!("probability_{name}")];
        let mut head = ["index", "image", "predicted", "predicted_name"].map(str::to_owned).to_vec();
        head.extend(names.iter().flat_map(|name| class(name)));
        head.extend(["warnings", "scaling_assumed", "temperature", "caution"].map(str::to_owned));
        assert_eq!(reader.headers().unwrap(), head);
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        for (row, line) in rows.iter().zip(&lines) {
            assert_eq!((&row[0], &row[1]), (&*line["index"].to_string(), line["image"].as_str().unwrap()));
            assert_eq!(row[2], line["predicted"]["index"].to_string());
            for class in 0..2 {
                let number = |column: usize| row[column].parse::<f64>().unwrap();
                let of = |key: &str| line[key][class].as_f64().unwrap();
                assert_eq!(number(4 + 2 * class) as f32, of("logits") as f32);
                assert_eq!(number(5 + 2 * class), of("probabilities"));
            }
            assert_eq!((&row[8], &row[11]), ("0", "Trained on generated images. It says nothing about patients."));
        }
    }
}
