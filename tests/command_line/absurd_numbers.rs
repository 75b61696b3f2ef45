//! Numbers that no work can be done with, wherever one is read: refused in one sentence, and nothing is begun.

use super::bench::{Bench, Ran, guarded};

/// For whole numbers.
const WHOLE: [&str; 6] =
    ["1000000000000", "1000000000000000", "18446744073709551615", "18446744073709551616", "-1", "1.5"];

/// For others.
const REAL: [&str; 5] = ["1e300", "-1e300", "NaN", "inf", "-1"];

fn assert_refused(ran: &Ran, context: &str) {
    let context = format!("{context}: {ran:?}");
    assert!(matches!(ran.code, Some(1 | 2)), "{context}");
    assert!(ran.stderr.starts_with("error: ") && ran.stdout.is_empty(), "{context}");
    assert!(!ran.stderr.contains("panicked"), "{context}");
}

#[test]
fn every_option_of_a_number_refuses_absurd_ones() {
    let bench = Bench::new();
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let [model, chest, out, file] = ["model.safetensors", "chest.png", "out", "new.safetensors"].map(path);
    let table = bench.write("table.csv", b"i,m,v\n1,A,1\n1,B,2\n2,A,3\n2,B,5\n").to_str().unwrap().to_owned();
    let input = ["--model", &model, "--image", &chest];
    let with = |command: &str, more: &[&str]| -> Vec<String> {
        [command].iter().chain(&input).chain(more).map(|word| (*word).to_owned()).collect()
    };
    let plain = |words: &[&str]| -> Vec<String> { words.iter().map(|word| (*word).to_owned()).collect() };
    let explain = with("explain", &["--out", &out]);
    let cascade = with("cascade", &["--out", &out]);
    let predict = with("predict", &[]);
    let evaluate = plain(&["evaluate", "--model", &model, "--cohort", "phantom:1:8"]);
    let train = plain(&[
        "train",
        "--cohort",
        "phantom:4:40",
        "--task",
        "pneumothorax",
        "--arch",
        "densenet_121",
        "--out",
        &file,
    ]);
    let stats = plain(&[
        "stats",
        "--data",
        &table,
        "--response",
        "v",
        "--factor",
        "m",
        "--group",
        "i",
        "--out",
        &path("o.json"),
    ]);
    let phantom = plain(&["phantom", "--out", &out]);
    let counted = plain(&["phantom", "--out", &out, "--count", "1"]);
    let benchmark = plain(&["benchmark", "run", "--demo", "--out", &out]);
    let convert = plain(&["convert", &model, &file]);
    let whole: [(&[String], &[&str]); 10] = [
        (&explain, &["--batch", "--threads", "--class"]),
        (&cascade, &["--batch", "--threads", "--animated", "--tile", "--class"]),
        (&predict, &["--batch", "--threads"]),
        (&evaluate, &["--resamples", "--batch", "--threads"]),
        (&train, &["--input-size", "--epochs", "--batch", "--patience", "--threads"]),
        (&stats, &["--resamples"]),
        (&phantom, &["--count"]),
        (&counted, &["--size", "--threads"]),
        (&benchmark, &["--workers", "--threads", "--batch"]),
        (&convert, &["--input-size", "--positive-class"]),
    ];
    let real: [(&[String], &[&str]); 3] = [
        (&explain, &["--threshold"]),
        (&cascade, &["--fps", "--hold", "--fade"]),
        (&train, &["--width", "--learning-rate", "--weight-decay", "--anchor-base"]),
    ];
    // In the units of the data: any size may make sense.
    let margin = [(&stats[..], &["--margin"][..])];
    let tables =
        [(&whole[..], &WHOLE[..]), (&real[..], &REAL[..]), (&margin[..], &["-1e300", "NaN", "inf", "-1", "1e400"][..])];
    for (commands, values) in tables {
        for (words, options) in commands {
            for option in *options {
                for value in values {
                    let mut arguments = words.to_vec();
                    if *option == "--threshold" {
                        arguments.push("--dicom".to_owned());
                    }
                    arguments.push(format!("{option}={value}"));
                    let context = format!("{} {option}={value}", words[0]);
                    assert_refused(&guarded(&arguments, &context), &context);
                    assert!(!bench.path("out").exists() && !bench.path("new.safetensors").exists(), "{context}");
                }
            }
        }
    }
}

#[test]
fn seeds_parts_cohorts_and_sizes_refuse_absurd_numbers() {
    let bench = Bench::new();
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let [model, chest, out] = ["model.safetensors", "chest.png", "out"].map(path);
    let plain = |words: &[&str]| -> Vec<String> { words.iter().map(|word| (*word).to_owned()).collect() };
    let explain = plain(&["explain", "--model", &model, "--image", &chest, "--out", &out]);
    let cascade = plain(&["cascade", "--model", &model, "--image", &chest, "--out", &out]);
    let evaluate = plain(&["evaluate", "--model", &model, "--cohort", "phantom:1:8"]);
    let benchmark = plain(&["benchmark", "run", "--demo", "--out", &out]);
    let counted = plain(&["phantom", "--out", &out, "--count", "1"]);
    // Seeds may be any number of 64 bits, and nothing else.
    for (words, option) in
        [(&explain, "--seed"), (&cascade, "--replicate"), (&counted, "--seed"), (&evaluate, "--bootstrap-seed")]
    {
        for value in ["18446744073709551616", "-1", "1.5"] {
            let mut arguments = words.clone();
            arguments.push(format!("{option}={value}"));
            assert_refused(&guarded(&arguments, option), &format!("{option}={value}"));
        }
    }
    for shard in ["0/1000000000000000", "1000000000000/1000000000000000", "0/0", "-1/2", "0/18446744073709551616"] {
        let arguments = [&benchmark[..], &[format!("--shard={shard}")]].concat();
        assert_refused(&guarded(&arguments, shard), shard);
    }
    for cohort in ["phantom:1:1000000000000", "phantom:1:18446744073709551616", "phantom:-1", "phantom:1:0"] {
        assert_refused(&guarded(&plain(&["cohort", cohort]), cohort), cohort);
    }
    for size in ["1000000000000x8", "8x18446744073709551616", "0x8", "-1x8", "4294967328x64"] {
        let arguments = [&evaluate[..], &[format!("--truth-size={size}")]].concat();
        assert_refused(&guarded(&arguments, size), size);
    }
    for frame in ["1000000000000", "18446744073709551615"] {
        let ran = guarded(&plain(&["inspect", "--frame", frame, &chest]), frame);
        assert!(matches!(ran.code, Some(0 | 1)) && !ran.stderr.contains("panicked"), "{ran:?}");
    }
}

/// Every number of the methods' parameters, by its path, with values that are refused.
const PARAMETERS: [(&str, &[&str]); 14] = [
    ("SG.samples", &WHOLE),
    ("SG.sigma_fraction", &["1e300", "-1"]),
    ("IG.steps", &WHOLE),
    ("SIG.noise.samples", &WHOLE),
    ("SIG.noise.sigma_fraction", &["1e300", "-1"]),
    ("SIG.path.steps", &WHOLE),
    ("XRAI.ig_steps", &WHOLE),
    ("XRAI.segments.sigma_px", &["1e300", "-1"]),
    ("XRAI.segments.min_size_px", &WHOLE),
    ("XRAI.segments.dilation_radius_px", &WHOLE),
    ("XRAI.segments.min_new_pixels", &WHOLE),
    ("XRAI.segments.area_threshold", &["1e300", "-1"]),
    ("XRAI.segments.scales", &["[1e300]", "[-1]", "[]"]),
    ("clip_percentile", &["1e300", "-1", "0"]),
];

#[test]
fn parameters_and_protocols_refuse_absurd_numbers() {
    let bench = Bench::new();
    let explain = |more: &[String]| -> Vec<String> {
        let mut arguments: Vec<String> =
            bench.explain("chest.png", "out").into_iter().map(|word| word.replace("GRAD,GCAM", "all")).collect();
        arguments.extend_from_slice(more);
        arguments
    };
    let mut protocol = saliscope::benchmark::Protocol::demo(
        saliscope::saliency::Preset::Arun2021,
        saliscope::truth::Task::PNEUMOTHORAX,
    );
    protocol.parameters.clear();
    let protocol = serde_json::to_value(&protocol).unwrap();
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let run_protocol = |text: &str, context: &str| {
        let file = bench.write("protocol.json", text.as_bytes());
        let arguments = ["benchmark", "run", "--protocol", file.to_str().unwrap(), "--out", &path("out")];
        let ran = guarded(&arguments.map(str::to_owned), context);
        assert_refused(&ran, context);
        assert!(!bench.path("out").exists(), "{context}");
    };
    for (name, values) in PARAMETERS {
        for value in values {
            let context = format!("{name}={value}");
            assert_refused(&guarded(&explain(&["--set".to_owned(), context.clone()]), &context), &context);
            let keys: Vec<String> = name.to_lowercase().split('.').map(str::to_owned).collect();
            let json = keys.iter().rev().fold((*value).to_owned(), |inner, key| format!(r#"{{"{key}": {inner}}}"#));
            let file = bench.write("parameters.json", json.as_bytes()).to_str().unwrap().to_owned();
            assert_refused(&guarded(&explain(&["--parameters".to_owned(), file]), &context), &json);
            let text = protocol.to_string();
            let text = text.trim_end_matches('}');
            run_protocol(&format!(r#"{text}, "parameters": {json}}}"#), &format!("protocol with {json}"));
        }
    }
    // The product is bounded as well, and cannot overflow.
    for (samples, steps) in [("100000", "100000"), ("1000000", "2")] {
        let set = [
            "--set".to_owned(),
            format!("sig.noise.samples={samples}"),
            "--set".to_owned(),
            format!("sig.path.steps={steps}"),
        ];
        let ran = guarded(&explain(&set), "a product");
        assert_refused(&ran, "a product");
        assert!(ran.stderr.contains("at most 1000000 passes"), "{}", ran.stderr);
    }
    for (pointer, values) in [
        ("/cohort/phantom_size_px", &["1000000000000", "0", "-1"][..]),
        ("/cohort/truth_size_px", &["[1000000000000, 4]", "[4294967328, 64]", "[0, 1]"]),
        ("/cohort/test_fraction", &["1e300", "-1"]),
        ("/randomization/replicates", &["1000000000000", "-1"]),
        ("/sample/utility", &["-1", "18446744073709551616"]),
        ("/alpha", &["1e300", "-1"]),
        ("/margin", &["1e300", "-1"]),
        ("/class", &["\"18446744073709551616\""]),
        ("/cohort/source", &["\"phantom:1:1000000000000\"", "\"phantom:18446744073709551616\""]),
    ] {
        for value in values {
            let mut changed = protocol.clone();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            let place = changed.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            place.insert(key.to_owned(), "HERE".into());
            let text = changed.to_string().replace("\"HERE\"", value);
            run_protocol(&text, &format!("{pointer} = {value}"));
        }
    }
}

#[test]
fn cards_refuse_absurd_numbers() {
    let bench = Bench::new();
    for fields in [
        r#""input_size": [100000, 100000]"#,
        r#""input_size": [4294967328, 64]"#,
        r#""input_size": [4294967392, 4294967392]"#,
        r#""input_size": [96, 18446744073709551615]"#,
        r#""input_size": [1e300, 96]"#,
        r#""input_size": [-1, 96]"#,
        r#""input_size": [96, 4097]"#,
        r#""width": 1e300"#,
        r#""width": -1"#,
        r#""channels": 1000000000000"#,
        r#""channels": 4294967299"#,
        r#""positive_class": 18446744073709551615"#,
        r#""norm_eps": 1e300"#,
        r#""norm_eps": -1"#,
        r#""range": [-1e300, 1e300]"#,
        r#""mean": [1e300], "std": [1]"#,
        r#""mean": [0], "std": [1e-300]"#,
    ] {
        let scaling = if fields.contains("range") || fields.contains("mean") { "" } else { r#""scaling": "unit", "# };
        let json = format!(r#"{{"architecture": "inception_v3", {scaling}{fields}}}"#);
        bench.write("model.json", json.as_bytes());
        let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
        let arguments = ["predict", "--quiet", "--model", &path("model.safetensors"), "--image", &path("chest.png")];
        let ran = guarded(&arguments.map(str::to_owned), fields);
        assert_refused(&ran, fields);
    }
}

#[test]
fn specifications_of_figures_refuse_absurd_numbers() {
    let bench = Bench::new();
    for fields in [
        r#""width": 1e300"#,
        r#""width": -1"#,
        r#""dpi": 1000000000000"#,
        r#""dpi": -1"#,
        r#""columns": 1000000000000"#,
        r#""columns": 18446744073709551616"#,
        r#""seed": 18446744073709551616"#,
        r#""class": 18446744073709551615"#,
        r#""truth": {"boxes": [[0, 0, 1e300, 1e300]]}"#,
        r#""truth": {"boxes": [[-1e300, 0, 1, 1]]}"#,
        r#""display": {"opacity": 1e300}"#,
        r#""display": {"threshold": -1}"#,
        r#""display": {"contours": [1e30]}"#,
        r#""display": {"percentiles": [-1, 1e300]}"#,
        r#""parameters": {"sg": {"samples": 1000000000000}}"#,
    ] {
        let json = format!(
            r#"{{"template": "method_grid", "image": "chest.png", "models": ["model.safetensors"], "methods": ["SG"], {fields}}}"#
        );
        let spec = bench.write("spec.json", json.as_bytes()).to_str().unwrap().to_owned();
        let out = bench.path("figure.svg").to_str().unwrap().to_owned();
        let ran = guarded(&["figure".to_owned(), "--quiet".to_owned(), spec, "--out".to_owned(), out], fields);
        assert_refused(&ran, fields);
        assert!(!bench.path("figure.svg").exists(), "{fields}");
    }
}
