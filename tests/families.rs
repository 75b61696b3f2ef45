//! torchvision's classifiers: one narrow network of each family against PyTorch, and the tensors of all of them; fixtures by
//! `tests/reference/families.py`.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use common::executor_checks::relative_error;
use common::formula;
use safetensors::SafeTensors;
use saliscope::network::{
    Architecture, Batch, CandleExecutor, CpuExecutor, CpuOptions, Executor, Graph, Head, Isa, Pass, Target, Variant,
    Weights, sha256_hex,
};

/// One network with one image and everything PyTorch says about it.
struct Fixture {
    name: String,
    graph: Graph,
    weights: Weights,
    image: Batch,
    target: Target<'static>,
    values: HashMap<String, Vec<f64>>,
    said: HashMap<String, String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn fixtures() -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if let Some(name) = file.strip_prefix("family_") {
            fixtures.push(read(name, &std::fs::read(&path).unwrap()));
        }
    }
    assert!(fixtures.len() >= 17, "one network of each family");
    fixtures
}

fn read(name: &str, bytes: &[u8]) -> Fixture {
    let (_, header) = SafeTensors::read_metadata(bytes).unwrap();
    let said = header.metadata().clone().unwrap();
    let architecture = said["architecture"].parse::<Architecture>().unwrap();
    let (height, width) = said["size"].split_once('x').unwrap();
    let variant = Variant {
        input_channels: said["channels"].parse().unwrap(),
        classes: said["classes"].parse().unwrap(),
        width: said["width"].parse().unwrap(),
        head: said.get("head").map(|head| serde_json::from_str::<Head>(head).unwrap()),
        ..architecture.usual_variant()
    };
    let graph = architecture.graph(&variant);
    let read = |view: safetensors::tensor::TensorView<'_>| {
        view.data().as_chunks::<8>().0.iter().map(|word| f64::from_le_bytes(*word)).collect()
    };
    let tensors = SafeTensors::deserialize(bytes).unwrap();
    Fixture {
        name: name.to_owned(),
        weights: formula::weights(&graph),
        image: formula::image("image", variant.input_channels, height.parse().unwrap(), width.parse().unwrap()),
        target: said["target"].parse().map_or(Target::Predicted, Target::Class),
        values: tensors.iter().map(|(key, view)| (key.to_owned(), read(view))).collect(),
        graph,
        said,
    }
}

impl Fixture {
    /// Everything it knows, in one pass.
    fn pass(&self) -> Pass<'_> {
        Pass {
            input: &self.image,
            target: self.target,
            gradient: true,
            guided_gradient: self.values.contains_key("guided_gradient"),
            activation: Some(self.graph.features()),
        }
    }
}

#[test]
fn candle_in_double_precision_equals_pytorch() {
    for fixture in fixtures() {
        let executor = CandleExecutor::new(fixture.graph.clone(), &fixture.weights, Device::Cpu, DType::F64).unwrap();
        let output = executor.run_f64(&fixture.pass()).unwrap();
        let (value, gradient) = output.activation.unwrap();
        let found = [
            ("logits", Some(output.logits)),
            ("gradient", output.gradient),
            ("guided_gradient", output.guided_gradient),
            ("features_value", Some(value)),
            ("features_gradient", Some(gradient)),
        ];
        for (key, values) in found.into_iter().filter_map(|(key, values)| Some((key, values?))) {
            let error = relative_error(&values, &fixture.values[key]);
            // The hard sigmoid's slope of 1/6 is kept in single precision.
            let bar = if fixture.name.starts_with("mobilenet_v3") { 1e-6 } else { 1e-11 };
            assert!(error < bar, "{}, {key}: error {error:.2e}", fixture.name);
        }
    }
}

/// What is not as near as PyTorch is in single precision.
fn too_far(executor: &dyn Executor, fixture: &Fixture) -> Vec<String> {
    let mut far = Vec::new();
    let output = executor.run(&fixture.pass()).unwrap();
    let activation = output.activation.unwrap();
    let found = [
        ("logits", Some(&output.logits[..])),
        ("gradient", output.gradient.as_ref().map(Batch::values)),
        ("guided_gradient", output.guided_gradient.as_ref().map(Batch::values)),
        ("features_value", Some(activation.value.values())),
        ("features_gradient", Some(activation.gradient.values())),
    ];
    for (key, values) in found.into_iter().filter_map(|(key, values)| Some((key, values?))) {
        let error = relative_error(values, &fixture.values[key]);
        let torch: f64 = fixture.said[&format!("{key}_error")].parse().unwrap();
        let bar = (3.0 * torch).max(1e-5);
        if error >= bar {
            let place = executor.describe();
            far.push(format!("{}, {key}, {place}: error {error:.2e}, PyTorch {torch:.2e}", fixture.name));
        }
    }
    far
}

#[test]
fn candle_in_single_precision_is_as_near_as_pytorch() {
    let mut far = Vec::new();
    for fixture in fixtures() {
        let executor = CandleExecutor::new(fixture.graph.clone(), &fixture.weights, Device::Cpu, DType::F32).unwrap();
        far.extend(too_far(&executor, &fixture));
    }
    assert!(far.is_empty(), "{far:#?}");
}

#[test]
fn processor_kernels_are_as_near_as_pytorch() {
    let mut far = Vec::new();
    for fixture in fixtures() {
        for isa in Isa::available() {
            let options = CpuOptions { threads: Some(2), isa: Some(isa), ..CpuOptions::default() };
            let executor = CpuExecutor::new(fixture.graph.clone(), &fixture.weights, options).unwrap();
            far.extend(too_far(&executor, &fixture));
        }
    }
    assert!(far.is_empty(), "{far:#?}");
}

/// Where a function is no gate, nobody has defined what a guided gradient is.
#[test]
fn guided_passes_are_for_networks_of_gates() {
    let guided: Vec<&str> = Architecture::ALL
        .into_iter()
        .filter(|architecture| architecture.graph(&architecture.usual_variant()).unguided().is_none())
        .map(Architecture::name)
        .collect();
    let without = ["efficientnet", "mobilenet_v3", "regnet_y", "convnext"];
    let expected: Vec<&str> = Architecture::ALL
        .into_iter()
        .map(Architecture::name)
        .filter(|name| !without.iter().any(|family| name.starts_with(family)))
        .collect();
    assert_eq!(guided, expected);
}

/// Names and shapes of every tensor are those of torchvision's network, whatever its size.
#[test]
fn tensors_are_those_of_torchvision() {
    let json = std::fs::read(folder().join("torchvision_tensors.json")).unwrap();
    let expected: BTreeMap<String, String> = serde_json::from_slice(&json).unwrap();
    let localizers = ["u_net", "retina_net"];
    let found: BTreeMap<String, String> = Architecture::ALL
        .into_iter()
        .filter(|architecture| !localizers.contains(&architecture.name()))
        .map(|architecture| (architecture.name().to_owned(), tensors(architecture)))
        .collect();
    assert_eq!(found, expected);
}

fn tensors(architecture: Architecture) -> String {
    let graph = architecture.graph(&Variant { classes: 5, ..architecture.usual_variant() });
    let mut lines: Vec<String> = Vec::new();
    for parameter in graph.parameters() {
        // A layer over channels is a matrix in some files and a 1x1 convolution in others.
        let end = parameter.shape.iter().rposition(|extent| *extent != 1).map_or(0, |last| last + 1);
        let shape: Vec<String> = parameter.shape[..end].iter().map(ToString::to_string).collect();
        lines.push(format!("{}[{}]\n", parameter.name, shape.join(",")));
    }
    lines.sort();
    sha256_hex(lines.concat().as_bytes())
}
