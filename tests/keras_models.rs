//! Models that Keras 3 and Keras 2 saved (`tests/reference/keras_models.py`): logits, probabilities and input gradients are
//! Keras' own.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use common::formula;
use flate2::read::GzDecoder;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use saliscope::cascade::{Randomizer, State};
use saliscope::foreign::{Asked, Foreign, from_bytes};
use saliscope::network::{
    Architecture, Batch, CandleExecutor, CpuExecutor, CpuOptions, Executor, Graph, Nonlinearity, Op, Pass, PassOutput,
    Scaling, Target,
};
use serde_json::Value;
use zip::write::{SimpleFileOptions, ZipWriter};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keras")
}

fn fixture(name: &str) -> Vec<u8> {
    let packed = std::fs::read(folder().join(format!("{name}.gz"))).unwrap();
    let mut bytes = Vec::new();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn opened(file: &str) -> Foreign {
    from_bytes(&fixture(file), &Asked::default()).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn problem(bytes: &[u8]) -> String {
    from_bytes(bytes, &Asked::default()).unwrap_err().to_string()
}

fn graph(foreign: &Foreign) -> Graph {
    foreign.graph.clone().unwrap_or_else(|| foreign.architecture.graph(&foreign.variant))
}

/// The upper left part of the image of the script.
fn image(extent: [usize; 2], channels: usize) -> Batch {
    let side = 80;
    let whole = formula::image("image", channels, side, side);
    let [rows, columns] = extent;
    let mut values = Vec::new();
    for channel in 0..channels {
        for row in 0..rows {
            let start = (channel * side + row) * side;
            values.extend_from_slice(&whole.values()[start..start + columns]);
        }
    }
    Batch::new([1, channels, rows, columns], values)
}

/// What the script wrote beside its files.
fn told() -> Vec<Value> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

/// The largest difference, as a part of the largest value.
fn difference(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1e-3_f64, |largest, value| largest.max(value.abs()));
    let differences = found.iter().zip(expected).map(|(found, expected)| (f64::from(*found) - expected).abs());
    differences.fold(0.0, f64::max) / largest
}

#[test]
fn logits_probabilities_and_gradients_are_those_of_keras() {
    let told = told();
    assert_eq!(told.len(), 11);
    for told in told {
        for file in told["files"].as_array().unwrap() {
            let file = file.as_str().unwrap();
            let foreign = opened(file);
            assert_eq!(foreign.architecture, Architecture::Imported, "{file}");
            let extent: [usize; 2] = serde_json::from_value(told["extent"].clone()).unwrap();
            assert_eq!(foreign.input_size, Some(extent), "{file}");
            assert_eq!(
                foreign.output.map(saliscope::network::Output::name),
                told.get("output").and_then(Value::as_str)
            );
            let image = image(extent, told["channels"].as_u64().unwrap() as usize);
            let (logits, gradient) = (numbers(&told["logits"]), numbers(&told["gradient"]));
            // Of a single logit z class 1 is what z speaks for.
            let class = if logits.len() == 1 { 1 } else { logits.len() - 1 };
            let pass = Pass { target: Target::Class(class), gradient: true, ..Pass::logits(&image) };
            let candle = CandleExecutor::new(
                graph(&foreign),
                &foreign.weights,
                candle_core::Device::Cpu,
                candle_core::DType::F64,
            );
            let processor = CpuExecutor::new(graph(&foreign), &foreign.weights, CpuOptions::default()).unwrap();
            let passes: [(&str, PassOutput); 2] =
                [("candle", candle.unwrap().run(&pass).unwrap()), ("processor", processor.run(&pass).unwrap())];
            for (executor, output) in passes {
                let error = difference(&output.logits, &logits);
                assert!(error < 1e-5, "{file}, {executor}: logits {:?} instead of {logits:?}", output.logits);
                if let Some(kind) = foreign.output {
                    let mut probabilities = kind.probabilities(&output.logits);
                    if logits.len() == 1 {
                        probabilities.remove(0);
                    }
                    for (found, expected) in probabilities.iter().zip(numbers(&told["probabilities"])) {
                        assert!((found - expected).abs() < 1e-5, "{file}, {executor}: {found} instead of {expected}");
                    }
                }
                let error = difference(output.gradient.unwrap().values(), &gradient);
                assert!(error < 2e-5, "{file}, {executor}: the gradient differs by {error:.1e} of its largest value");
            }
        }
    }
}

#[test]
fn what_is_left_out_or_assumed_is_said() {
    let notes = |file: &str| opened(file).notes;
    let single = "the head has a single output z: it speaks for the finding, class 1, and -z against it";
    let trained = "2 layers that act in training alone left out (Dropout, GaussianNoise)";
    assert_eq!(notes("every_kind.keras"), [trained, single]);
    assert_eq!(notes("keras_2_every_kind.h5"), [trained, single]);
    let [dropped, scaled] = &notes("nested.h5")[..] else { panic!("{:?}", notes("nested.h5")) };
    assert!(dropped.contains("3 layers") && dropped.contains("Dropout, RandomFlip, RandomRotation"), "{dropped}");
    assert!(scaled.contains("gray levels of 0 to 255"), "{scaled}");
    assert_eq!(opened("nested.keras").scaling, Some(Scaling::Range([0.0, 255.0])));
    assert_eq!(opened("residual.keras").scaling, None);
    let copied = &notes("keras_2_shared.h5")[0];
    assert!(copied.starts_with("1 layer used in several places (twice)"), "{copied}");
}

#[test]
fn blocks_follow_the_names_or_the_resolution() {
    let blocks = |file: &str| graph(&opened(file)).blocks().to_vec();
    assert_eq!(blocks("residual.keras"), ["stem", "conv2", "conv3", "logits"]);
    assert_eq!(blocks("nested.h5"), ["stem", "block1", "block2", "logits"]);
    assert_eq!(blocks("plain.h5"), ["stem", "stage1", "head", "logits"]);
}

#[test]
fn a_cascade_leaves_constants_as_they_are() {
    let foreign = opened("nested.keras");
    let graph = graph(&foreign);
    let all = State { name: "0".to_owned(), blocks: graph.blocks().to_vec() };
    let weights = Randomizer::default().weights(&graph, &foreign.weights, &all).unwrap();
    let same = |name: &str| weights.get(name).unwrap() == foreign.weights.get(name).unwrap();
    assert!(same("scaling.weight") && same("scaling.bias"));
    assert!(!same("block1_conv1.weight") && !same("classes.weight"));
}

#[test]
fn a_hard_swish_spelled_out_is_no_gate() {
    for file in ["shared.keras", "keras_2_shared.h5"] {
        let graph = graph(&opened(file));
        let node = graph.node(graph.unguided().unwrap());
        assert_eq!(node.op, Op::Nonlinearity(Nonlinearity::HardSwish), "{file}");
        assert!(!graph.nodes().iter().any(|node| matches!(node.op, Op::Scale { .. })), "{file}");
    }
}

#[test]
fn all_that_is_not_read_is_told_at_once() {
    let layers = problem(&fixture("refused_layers.keras"));
    assert!(layers.contains("the model holds 3 layers that are not read"), "{layers}");
    assert!(layers.contains("2 x PReLU (p_re_lu, p_re_lu_1), 1 x Lambda (lambda)"), "{layers}");
    assert!(layers.contains("never run"), "{layers}");
    let headless = problem(&fixture("refused_headless.keras"));
    assert!(headless.contains("ends in layer \"activation") && headless.contains("include_top=False"), "{headless}");
    let tanh = problem(&fixture("refused_tanh.keras"));
    assert!(tanh.contains("neither logits nor probabilities"), "{tanh}");
}

#[test]
fn another_size_than_the_models_is_refused() {
    let asked = Asked { input_size: Some([40, 40]), ..Asked::default() };
    let problem = from_bytes(&fixture("plain.h5"), &asked).unwrap_err().to_string();
    assert!(problem.contains("reads images of 20 x 20 pixels, not of 40 x 40"), "{problem}");
}

/// A `.keras` archive with another configuration than it was saved with.
fn with_config(file: &str, change: impl Fn(&mut Value)) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(fixture(file))).unwrap();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let name = entry.name().unwrap().into_owned();
        if name == "config.json" {
            let mut config = serde_json::from_slice(&content).unwrap();
            change(&mut config);
            content = serde_json::to_vec(&config).unwrap();
        }
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer.start_file(name, options).unwrap();
        writer.write_all(&content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn configurations_that_lie_are_refused() {
    let of = |change: &dyn Fn(&mut Value)| problem(&with_config("residual.keras", change));
    let layer = |config: &mut Value, name: &str, key: &str, value: Value| {
        let layers = config["config"]["layers"].as_array_mut().unwrap();
        let layer = layers.iter_mut().find(|layer| layer["config"]["name"] == name).unwrap();
        layer["config"][key] = value;
    };
    let huge = of(&|config| layer(config, "pool1_pad", "padding", serde_json::json!([[4000, 4000], [1, 1]])));
    assert!(huge.contains("pixels, at most 4096 x 4096"), "{huge}");
    let filters = of(&|config| layer(config, "conv1_conv", "filters", 7.into()));
    assert!(filters.contains("conv1_conv.weight"), "{filters}");
    let kernel = of(&|config| layer(config, "conv1_conv", "kernel_size", serde_json::json!([0, 7])));
    assert!(kernel.contains("1 x Conv2D with kernel_size"), "{kernel}");
    let groups = of(&|config| layer(config, "conv1_conv", "groups", 2.into()));
    assert!(groups.contains("cuts 3 channels into 2 groups"), "{groups}");
    let circle = of(&|config| {
        let layers = config["config"]["layers"].as_array_mut().unwrap();
        let at = layers.iter().position(|layer| layer["config"]["name"] == "conv1_conv").unwrap();
        layers[at]["inbound_nodes"] = layers.last().unwrap()["inbound_nodes"].clone();
    });
    assert!(circle.contains("in a circle"), "{circle}");
    let outputs =
        of(&|config| config["config"]["output_layers"] = serde_json::json!([["conv1_conv", 0, 0], ["conv1_bn", 0, 0]]));
    assert!(outputs.contains("2 outputs"), "{outputs}");
    let class = of(&|config| config["class_name"] = "MyModel".into());
    assert!(class.contains("class of its own, \"MyModel\""), "{class}");
    // A model that holds itself five thousand times over.
    let mut nested = serde_json::json!({"class_name": "InputLayer", "config": {"batch_shape": [null, 8, 8, 1]}});
    for _ in 0..40 {
        nested = serde_json::json!({"class_name": "Sequential", "config": {"name": "s", "layers": [nested]}});
    }
    let deep = of(&|config| *config = nested.clone());
    assert!(deep.contains("nested too deeply"), "{deep}");
}

#[test]
fn damaged_files_give_errors_and_never_a_panic() {
    let mut random = ChaCha8Rng::seed_from_u64(12);
    let mut refused = 0;
    let files =
        ["every_kind.keras", "every_kind.h5", "nested.keras", "keras_2_nested.h5", "shared.keras", "averaged.h5"];
    for file in files {
        let whole = fixture(file);
        // Structures and configurations are texts and small numbers: changes of them are tried more than those of weights.
        for round in 0..400 {
            let mut bytes = whole.clone();
            for _ in 0..random.random_range(1..6) {
                let start = random.random_range(0..bytes.len());
                let length = [1, 1, 2, 8, 64][random.random_range(0..5)];
                let value: Option<u8> = [None, Some(0), Some(0xff), Some(b'9')][random.random_range(0..4)];
                for byte in bytes.iter_mut().skip(start).take(length) {
                    *byte = value.unwrap_or_else(|| random.random());
                }
            }
            if round % 5 == 0 {
                bytes.truncate(random.random_range(0..whole.len()));
            }
            refused += usize::from(from_bytes(&bytes, &Asked::default()).is_err());
        }
    }
    assert!(refused > 500, "only {refused} mutations mattered");
    // Values of the configuration itself, which a checksum guards in the files above.
    let mut wrong = 0;
    for _ in 0..300 {
        let (seed, kind) = (random.random::<u64>(), random.random_range(0..6));
        let bytes = with_config("every_kind.keras", |config| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let layers = config["config"]["layers"].as_array_mut().unwrap();
            let at = random.random_range(0..layers.len());
            let config = layers[at]["config"].as_object_mut().unwrap();
            let key = config.keys().nth(random.random_range(0..config.len())).unwrap().clone();
            config[&key] = match kind {
                0 => Value::Null,
                1 => serde_json::json!(-1),
                2 => serde_json::json!(u64::MAX),
                3 => serde_json::json!([0, 100_000]),
                4 => serde_json::json!("same"),
                _ => serde_json::json!(1e300),
            };
        });
        wrong += usize::from(from_bytes(&bytes, &Asked::default()).is_err());
    }
    assert!(wrong > 50, "only {wrong} changes mattered");
}
