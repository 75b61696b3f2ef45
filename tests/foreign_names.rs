//! Tensors as other programs name them: the network that comes of them gives the logits that these programs gave
//! (`tests/reference/foreign_names.py`), and what the file does not tell is said or asked for.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::io::Read;
use std::path::{Path, PathBuf};

use common::formula;
use flate2::read::GzDecoder;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use saliscope::foreign::{Asked, Foreign, HeadActivation, Said, from_bytes};
use saliscope::network::{
    CpuExecutor, CpuOptions, Executor, HeadLayer, Output, Pass, Precision, Scaling, Tensor, Weights,
};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/foreign_names")
}

fn document(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder().join(format!("{name}.json"))).unwrap()).unwrap()
}

fn packed(name: &str) -> Vec<u8> {
    let packed = std::fs::read(folder().join(format!("{name}.gz"))).unwrap();
    let mut bytes = Vec::new();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// Names and shapes of a fixture.
fn tensors(document: &Value) -> Vec<(String, Vec<usize>)> {
    serde_json::from_value(document["tensors"].clone()).unwrap()
}

/// Keep in step with `value` in the script.
fn values(name: &str, shape: &[usize]) -> Vec<f32> {
    let fan_in = shape.iter().skip(1).product::<usize>();
    let last = name.rsplit('.').next().unwrap();
    let value = |u: f64| match last {
        "running_var" => 0.5 + u,
        "weight" if shape.len() > 1 && fan_in > 1 => (2.0 * u - 1.0) * (6.0 / fan_in as f64).sqrt(),
        "weight" | "gamma" | "layer_scale" | "layer_scale_parameter" => 0.75 + 0.5 * u,
        _ => 0.2 * u - 0.1,
    };
    formula::unit_values(name, shape.iter().product()).into_iter().map(|u| value(u) as f32).collect()
}

/// A safetensors file of these tensors.
fn file(tensors: &[(String, Vec<usize>)]) -> Vec<u8> {
    let mut weights = Weights::default();
    for (name, shape) in tensors {
        weights.insert(name.clone(), Tensor { shape: shape.clone(), values: values(name, shape) });
    }
    weights.to_safetensors(Precision::Single).unwrap()
}

fn asked(document: &Value) -> Asked {
    let timm_name = document["timm_name"].as_str().map(str::to_owned);
    let side = document["size"].as_u64().unwrap() as usize;
    Asked { input_size: Some([side; 2]), said: Said { timm_name, ..Said::default() }, ..Asked::default() }
}

fn logits(foreign: &Foreign, document: &Value) -> Vec<f32> {
    let graph = foreign.graph.clone().unwrap_or_else(|| foreign.architecture.graph(&foreign.variant));
    let executor = CpuExecutor::new(graph, &foreign.weights, CpuOptions::default()).unwrap();
    let number = |field: &str| document[field].as_u64().unwrap() as usize;
    let image = formula::image("image", number("channels"), number("size"), number("size"));
    executor.run(&Pass::logits(&image)).unwrap().logits
}

fn check(name: &str, document: &Value, bytes: &[u8]) {
    let foreign = from_bytes(bytes, &asked(document)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(foreign.architecture.name(), document["architecture"], "{name}");
    let expected: Vec<f64> = serde_json::from_value(document["logits"].clone()).unwrap();
    let found = logits(&foreign, document);
    assert_eq!(found.len(), expected.len(), "{name}");
    let largest = expected.iter().fold(1.0, |largest: f64, value| largest.max(value.abs()));
    for (found, expected) in found.iter().zip(&expected) {
        let error = (f64::from(*found) - expected).abs();
        assert!(error < 1e-5 * largest, "{name}: {found} instead of {expected}");
    }
    assert_eq!(foreign.head_assumed, document["assumed"].as_bool().unwrap_or(false), "{name}: {:?}", foreign.notes);
    assert_eq!(foreign.output.map(Output::name), document["output"].as_str(), "{name}");
    if let Some(said) = document["said"].as_str() {
        assert!(foreign.notes.iter().any(|note| note.contains(said)), "{name}: {:?}", foreign.notes);
    }
}

#[test]
fn networks_under_other_names_give_the_logits_of_the_programs_they_come_from() {
    let mut count = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let document = document(name);
        let bytes = match document["file"].as_str() {
            Some(file) => packed(file),
            None => file(&tensors(&document)),
        };
        check(name, &document, &bytes);
        count += 1;
    }
    assert_eq!(count, 20);
}

fn problem(tensors: &[(String, Vec<usize>)], said: Said) -> String {
    from_bytes(&file(tensors), &Asked { said, ..Asked::default() }).unwrap_err().to_string()
}

#[test]
fn two_networks_with_the_same_tensors_are_asked_for() {
    let found = tensors(&document("timm_efficientnet_b0"));
    let told = problem(&found, Said::default());
    assert!(told.contains("--timm-name tf_efficientnet_b0"), "{told}");
    let told = problem(
        &tensors(&document("prefixed_resnet")),
        Said { timm_name: Some("resnetblur34".to_owned()), ..Said::default() },
    );
    assert!(told.contains("computes something else") && told.contains("ONNX"), "{told}");
}

#[test]
fn superfluous_and_missing_tensors_that_change_the_network_are_refused() {
    let whole = tensors(&document("prefixed_resnet"));
    let with = |name: &str, shape: &[usize]| [whole.clone(), vec![(name.to_owned(), shape.to_vec())]].concat();
    let prefix = "module.net._orig_mod.encoder.";
    for (name, shape, expected) in [
        ("module.gate.weight", &[3, 3, 1, 1][..], "--leave-out"),
        ("module.net._orig_mod.encoder.layer1.0.se.fc1.weight", &[4, 8, 1, 1], "1 superfluous"),
        ("module.other.weight", &[2, 64], "several heads"),
        ("module.scale", &[3], "--leave-out"),
    ] {
        let told = problem(&with(name, shape), Said::default());
        assert!(told.contains(expected), "{name}: {told}");
    }
    let said = Said { leave_out: vec!["module.gate".to_owned()], ..Said::default() };
    let bytes = file(&with("module.gate.weight", &[3, 3, 1, 1]));
    let foreign = from_bytes(&bytes, &Asked { said, ..Asked::default() }).unwrap();
    assert!(
        foreign.notes.iter().any(|note| note.contains("1 tensor left out as --leave-out says")),
        "{:?}",
        foreign.notes
    );

    let without = |name: &str| {
        let name = format!("{prefix}{name}");
        whole
            .iter()
            .filter(|(own, _)| *own != name && !own.starts_with(&format!("{name}.")))
            .cloned()
            .collect::<Vec<_>>()
    };
    let told = problem(&without("layer2.0.conv1"), Said::default());
    assert!(told.contains("nearest to resnet_34") && told.contains("1 missing (layer2.0.conv1.weight)"), "{told}");
    let told = problem(&without("fc"), Said::default());
    assert!(told.contains("the layer that gives the outputs is missing"), "{told}");
}

#[test]
fn networks_that_are_not_read_are_named() {
    let named = |names: &[(&str, &[usize])]| {
        let tensors: Vec<_> = names.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect();
        problem(&tensors, Said::default())
    };
    let kernel: &[usize] = &[4, 3, 3, 3];
    for (names, expected) in [
        (&[("cls_token", &[1, 1, 8][..]), ("blocks.0.attn.qkv.weight", &[24, 8])][..], "a vision transformer (ViT)"),
        (&[("features.1.0.attn.relative_position_bias_table", &[9, 3])], "a Swin transformer"),
        (&[("block1.rep.0.conv1.weight", kernel)], "an Xception"),
        (&[("conv1.0.weight", kernel), ("layer1.0.conv1.weight", kernel)], "a ResNet with another first layer"),
        (&[("features.conv0.weight", &[4, 1, 3, 3, 3])], "reads volumes"),
        (&[("layers.0.weight", &[4, 4])], "of no network known here"),
    ] {
        let told = named(names);
        assert!(told.contains(expected), "{told:?} instead of {expected:?}");
    }
}

#[test]
fn what_is_said_of_a_head_is_followed() {
    let document = document("densenet_mlp");
    let bytes = file(&tensors(&document));
    let mut asked = asked(&document);
    asked.said.head_activation = Some(HeadActivation::Nothing);
    let foreign = from_bytes(&bytes, &asked).unwrap();
    assert!(!foreign.head_assumed);
    let relu = logits(&from_bytes(&bytes, &Asked::default()).unwrap(), &document);
    assert_ne!(logits(&foreign, &document), relu);

    // A layer behind a whole network: nothing tells what stands between the two.
    let mut tensors = tensors(&self::document("backbone_fc"));
    for (name, _) in &mut tensors {
        *name = name.replace("backbone.", "model.features.").replace("fc.", "model.classifier.");
    }
    tensors.extend([("head.weight".to_owned(), vec![3, 2]), ("head.bias".to_owned(), vec![3])]);
    let told = problem(&tensors, Said::default());
    assert!(told.contains("--head-activation"), "{told}");
    let said = Said { head_activation: Some(HeadActivation::Nothing), ..Said::default() };
    let foreign = from_bytes(&file(&tensors), &Asked { said, ..Asked::default() }).unwrap();
    assert_eq!((foreign.variant.classes, foreign.head_assumed), (3, false));
}

#[test]
fn layers_in_the_order_of_letters_follow_their_shapes() {
    let mut tensors = tensors(&document("densenet_norm_head"));
    for (name, _) in &mut tensors {
        *name = name.replace("classifier.0.", "norm.").replace("classifier.2.", "fc.");
    }
    let foreign = from_bytes(&file(&tensors), &Asked::default()).unwrap();
    let head = foreign.variant.head.unwrap();
    assert!(matches!(head.hidden[..], [HeadLayer::BatchNorm { .. }]), "{:?}", head.hidden);
    assert_eq!(foreign.variant.classes, 2);
}

#[test]
fn torchxrayvision_has_a_scaling_of_its_own() {
    let document = document("torchxrayvision");
    let foreign = from_bytes(&file(&tensors(&document)), &asked(&document)).unwrap();
    assert_eq!((foreign.scaling, foreign.usual_scaling), (None, Some(Scaling::Range([-1024.0, 1024.0]))));
}

#[test]
fn a_file_of_the_hub_is_read_with_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let document = document("transformers_resnet");
    let model = folder.path().join("model.safetensors");
    std::fs::write(&model, file(&tensors(&document))).unwrap();
    let config = |text: &str| std::fs::write(folder.path().join("config.json"), text).unwrap();
    let open = || saliscope::foreign::open(&model, &Asked::default());
    config(
        r#"{"model_type": "resnet", "id2label": {"0": "clear", "1": "finding"}, "downsample_in_bottleneck": false}"#,
    );
    let preprocessor = r#"{"do_normalize": true, "image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.2, 0.2],
                           "size": {"shortest_edge": 96}, "crop_pct": 0.875}"#;
    std::fs::write(folder.path().join("preprocessor_config.json"), preprocessor).unwrap();
    let foreign = open().unwrap();
    assert_eq!(foreign.classes.unwrap(), ["clear", "finding"]);
    assert_eq!(foreign.input_size, Some([96, 96]));
    assert_eq!(foreign.scaling, Some(Scaling::MeanStd { mean: vec![0.4, 0.5, 0.6], std: vec![0.2; 3] }));
    assert!(foreign.notes.iter().any(|note| note.contains("enlarged by 1 / 0.875")), "{:?}", foreign.notes);
    for (text, expected) in [
        (r#"{"model_type": "resnet", "downsample_in_bottleneck": true}"#, "steps in other layers"),
        (r#"{"architecture": "resnet50", "global_pool": "catavgmax"}"#, "pools its features"),
        (r#"{"architecture": "resnet50", "model_args": {"act_layer": "silu"}}"#, "was made with \"act_layer\""),
        (r#"{"architecture": "resnetblur50"}"#, "computes something else"),
    ] {
        config(text);
        let told = open().unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn damaged_modules_and_files_of_the_old_format_give_errors_and_never_a_panic() {
    let mut random = ChaCha8Rng::seed_from_u64(21);
    let mut refused = 0;
    for (file, count) in [("torch_module.pt", 150), ("torch_module_legacy.pt", 400), ("torch_script.pt", 150)] {
        let whole = packed(file);
        // What describes the tensors lies within the first half of each file, or in the pickle at its beginning.
        for _ in 0..count {
            let mut bytes = whole.clone();
            for _ in 0..random.random_range(1..6) {
                let start = random.random_range(0..bytes.len().min(200_000));
                let length = [1, 1, 2, 8, 64][random.random_range(0..5)];
                let value: Option<u8> = [None, Some(0), Some(0xff)][random.random_range(0..3)];
                for byte in bytes.iter_mut().skip(start).take(length) {
                    *byte = value.unwrap_or_else(|| random.random());
                }
            }
            if random.random_bool(0.2) {
                bytes.truncate(random.random_range(0..whole.len()));
            }
            refused += usize::from(from_bytes(&bytes, &Asked::default()).is_err());
        }
    }
    assert!(refused > 100, "only {refused} mutations mattered");
}
