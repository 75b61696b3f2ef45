//! Weight files and model cards: what is understood, and what each bad one is told.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use saliscope::network::{Architecture, Graph, Model, Precision, Variant, Weights, sha256_hex};
use tempfile::TempDir;

fn small(arch: Architecture) -> Graph {
    arch.graph(&Variant { width: 0.0625, input_channels: 1, classes: 3, ..Variant::default() })
}

/// Bytes of a safetensors file whose tensors went through `change`: name, data type, shape, data.
fn rewritten(
    weights: &Weights,
    change: impl Fn(&str, &[usize], &[f32]) -> Option<(String, Dtype, Vec<usize>, Vec<u8>)>,
) -> Vec<u8> {
    let tensors: Vec<_> =
        weights.iter().filter_map(|(name, tensor)| change(name, &tensor.shape, &tensor.values)).collect();
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, data)| (name.as_str(), TensorView::new(*dtype, shape.clone(), data).unwrap()));
    safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap()
}

fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn error_of<T: std::fmt::Debug, E: std::fmt::Display>(result: Result<T, E>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn weights_survive_being_saved_and_loaded() {
    let folder = TempDir::new().unwrap();
    for arch in Architecture::ALL {
        let graph = small(arch);
        let weights = Weights::initialize(&graph, 7);
        let path = folder.path().join(format!("{arch}.safetensors"));
        weights.save(&path).unwrap();
        assert_eq!(Weights::load(&path, &graph).unwrap(), weights);
    }
}

#[test]
fn initialization_depends_on_seed_and_name_alone() {
    let graph = small(Architecture::DenseNet121);
    assert_eq!(Weights::initialize(&graph, 1), Weights::initialize(&graph, 1));
    assert_ne!(Weights::initialize(&graph, 1), Weights::initialize(&graph, 2));
    // Another width leaves the tensors it does not touch as they are.
    let other = Architecture::DenseNet121.graph(&Variant { classes: 5, ..Variant::default() });
    let name = "features.denseblock1.denselayer1.norm2.weight";
    assert_eq!(Weights::initialize(&other, 1).get(name).unwrap().values, vec![1.0; 128]);
    let kernel = Weights::initialize(&other, 1).get("features.conv0.weight").unwrap().values.clone();
    let variance = kernel.iter().map(|w| f64::from(w * w)).sum::<f64>() / kernel.len() as f64;
    let expected = 2.0 / (3.0 * 49.0);
    assert!((variance / expected - 1.0).abs() < 0.05, "Kaiming's variance {expected}, got {variance}");
}

#[test]
fn half_precision_double_precision_and_unused_tensors_are_read() {
    let graph = small(Architecture::InceptionV3);
    // Multiples of 1/8 are exact in every format.
    let mut weights = Weights::initialize(&graph, 3);
    let eighths: Vec<_> = weights.iter().map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
    for (name, mut tensor) in eighths {
        tensor.values.iter_mut().for_each(|value| *value = (*value * 8.0).round() / 8.0);
        weights.insert(name, tensor);
    }
    for dtype in [Dtype::F16, Dtype::BF16, Dtype::F64] {
        let mut bytes = Vec::new();
        for extra in [None, Some("AuxLogits.fc.weight"), Some("Mixed_5b.branch1x1.bn.num_batches_tracked")] {
            bytes = rewritten(&weights, |name, shape, values| {
                let name = if name == "fc.bias" { extra.unwrap_or(name) } else { name };
                let data = match dtype {
                    Dtype::F16 => values.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect(),
                    Dtype::BF16 => values.iter().flat_map(|v| half::bf16::from_f32(*v).to_le_bytes()).collect(),
                    _ => values.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect(),
                };
                Some((name.to_owned(), dtype, shape.to_vec(), data))
            });
            let loaded = Weights::from_safetensors(&bytes, &graph);
            match extra {
                None => assert_eq!(loaded.unwrap(), weights),
                Some(_) => assert_eq!(
                    error_of(loaded),
                    "the weights do not fit inception_v3: 1 missing (fc.bias)",
                    "the ignored tensor must not be listed"
                ),
            }
        }
        assert!(!bytes.is_empty());
    }
}

#[test]
fn the_first_names_of_torchvisions_densenet_are_understood() {
    let graph = small(Architecture::DenseNet121);
    let weights = Weights::initialize(&graph, 3);
    let bytes = rewritten(&weights, |name, shape, values| {
        let mut old = name.to_owned();
        if name.contains(".denselayer") {
            for kind in ["norm", "conv"] {
                for number in 1..=2 {
                    old = old.replace(&format!(".{kind}{number}."), &format!(".{kind}.{number}."));
                }
            }
        }
        Some((old, Dtype::F32, shape.to_vec(), f32_bytes(values)))
    });
    assert_eq!(Weights::from_safetensors(&bytes, &graph).unwrap(), weights);
}

#[test]
fn every_difference_is_listed_in_one_error() {
    let graph = small(Architecture::InceptionV3);
    let weights = Weights::initialize(&graph, 3);
    let bytes = rewritten(&weights, |name, shape, values| match name {
        "fc.bias" => None,
        "fc.weight" => Some((name.to_owned(), Dtype::F32, vec![shape[1], shape[0]], f32_bytes(values))),
        "Conv2d_1a_3x3.bn.bias" => Some(("stray".to_owned(), Dtype::F32, shape.to_vec(), f32_bytes(values))),
        _ => Some((name.to_owned(), Dtype::F32, shape.to_vec(), f32_bytes(values))),
    });
    assert_eq!(
        error_of(Weights::from_safetensors(&bytes, &graph)),
        "the weights do not fit inception_v3: 2 missing (Conv2d_1a_3x3.bn.bias, fc.bias), 1 superfluous (stray), \
         1 of another shape (fc.weight [128, 3] instead of [3, 128])"
    );
}

#[test]
fn weights_of_another_architecture_are_called_by_their_name() {
    let weights = Weights::initialize(&small(Architecture::DenseNet121), 3).to_safetensors(Precision::Single).unwrap();
    let error = error_of(Weights::from_safetensors(&weights, &small(Architecture::InceptionV3)));
    assert!(error.ends_with("; these look like weights of densenet_121"), "{error}");
    assert!(error.len() < 900, "hundreds of names are abbreviated: {error}");
}

#[test]
fn weights_that_are_not_finite_are_refused_by_name() {
    let graph = small(Architecture::DenseNet121);
    for bad in [f32::NAN, f32::INFINITY] {
        let mut weights = Weights::initialize(&graph, 3);
        let mut tensor = weights.get("features.norm5.running_var").unwrap().clone();
        tensor.values[1] = bad;
        weights.insert("features.norm5.running_var".to_owned(), tensor);
        assert_eq!(
            error_of(Weights::from_safetensors(&weights.to_safetensors(Precision::Single).unwrap(), &graph)),
            "tensor \"features.norm5.running_var\" holds NaN or infinite weights"
        );
    }
}

#[test]
fn integer_tensors_are_refused_by_name() {
    let graph = small(Architecture::InceptionV3);
    let bytes = rewritten(&Weights::initialize(&graph, 3), |name, shape, values| {
        let dtype = if name == "fc.bias" { Dtype::I32 } else { Dtype::F32 };
        Some((name.to_owned(), dtype, shape.to_vec(), f32_bytes(values)))
    });
    let expected = "tensor \"fc.bias\" has data type i32; weights are f16, bf16, f32 or f64";
    assert_eq!(error_of(Weights::from_safetensors(&bytes, &graph)), expected);
}

#[test]
fn damaged_files_get_one_sentence_with_the_path_last() {
    let folder = TempDir::new().unwrap();
    let graph = small(Architecture::InceptionV3);
    let whole = Weights::initialize(&graph, 3).to_safetensors(Precision::Single).unwrap();
    let header_len = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let lying = |header: &str| [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("empty", Vec::new(), "the file of weights is empty"),
        ("five_bytes", vec![1, 2, 3, 4, 5], "this is no whole safetensors file"),
        ("in_header", whole[..header_len / 2].to_vec(), "this is no whole safetensors file"),
        ("in_data", whole[..whole.len() - 1].to_vec(), "this is no whole safetensors file"),
        ("long_header", [&u64::MAX.to_le_bytes()[..], &whole[8..]].concat(), "this is no whole safetensors file"),
        (
            "huge_tensor",
            lying(r#"{"fc.weight":{"dtype":"F32","shape":[4294967295,4294967295,4],"data_offsets":[0,16]}}"#),
            "this is no whole safetensors file",
        ),
        ("torch", b"PK\x03\x04rest".to_vec(), "this is a PyTorch file, not safetensors"),
        ("keras", b"\x89HDF\r\n\x1a\n".to_vec(), "this is an HDF5 (Keras) file, not safetensors"),
    ];
    for (name, bytes, expected) in cases {
        let path = folder.path().join(format!("{name}.safetensors"));
        std::fs::write(&path, bytes).unwrap();
        for error in [error_of(Weights::load(&path, &graph)), error_of(Model::open(&path, None))] {
            assert!(error.starts_with(expected), "{name}: {error}");
            assert!(error.ends_with(&format!(": {}", path.display())), "{name}: {error}");
            assert!(!error.contains('\n'), "{name}: {error}");
        }
    }
    let absent = folder.path().join("absent.safetensors");
    let error = error_of(Model::open(&absent, None));
    assert!(error.starts_with("reading the weights failed: "), "{error}");
}

#[test]
fn shapes_without_values_cannot_inflate_the_network() {
    let header = r#"{"Conv2d_1a_3x3.conv.weight":{"dtype":"F32","shape":[1152921504606846975,0,3,3],"data_offsets":[0,0]},
        "fc.weight":{"dtype":"F32","shape":[9223372036854775807,0],"data_offsets":[0,0]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("hollow.safetensors");
    std::fs::write(&path, bytes).unwrap();
    let error = error_of(Model::open(&path, None));
    assert!(error.contains("missing") || error.contains("whole safetensors"), "{error}");
}

fn write_model(folder: &Path, arch: Architecture, card: Option<&str>) -> std::path::PathBuf {
    let path = folder.join("weights.safetensors");
    Weights::initialize(&small(arch), 11).save(&path).unwrap();
    if let Some(card) = card {
        let hash = sha256_hex(&std::fs::read(&path).unwrap());
        std::fs::write(folder.join("model.json"), card.replace("$SHA256", &hash)).unwrap();
    }
    path
}

#[test]
fn a_model_without_a_card_is_told_by_its_tensors() {
    let folder = TempDir::new().unwrap();
    let path = write_model(folder.path(), Architecture::InceptionV3, None);
    for asked in [None, Some(Architecture::InceptionV3)] {
        let model = Model::open(&path, asked).unwrap();
        assert_eq!(model.graph, small(Architecture::InceptionV3));
        assert_eq!((model.card.channels, model.card.classes.len(), model.card.width), (1, 3, 0.0625));
        assert_eq!(model.card.positive_class, None, "three classes name no finding");
        assert_eq!(model.sha256, sha256_hex(&std::fs::read(&path).unwrap()));
    }
    let error = error_of(Model::open(&path, Some(Architecture::DenseNet121)));
    assert!(error.contains("these look like weights of inception_v3"), "{error}");
}

#[test]
fn a_model_with_a_card_is_what_the_card_says() {
    let folder = TempDir::new().unwrap();
    let json = r#"{"architecture": "inception_v3", "input_size": [128, 160], "count_include_pad": false,
        "classes": ["clear", "fluid", "air"], "positive_class": 2, "trained_on": "phantoms", "sha256": "$SHA256"}"#;
    let path = write_model(folder.path(), Architecture::InceptionV3, Some(json));
    let model = Model::open(&path, None).unwrap();
    assert_eq!(model.card.input_size, [128, 160]);
    assert_eq!(model.card.positive_class, Some(2));
    assert_ne!(model.graph, small(Architecture::InceptionV3), "the pooling rule is the card's");
    // The filled card, written under the name of the weights, takes precedence and says the same.
    model.card.save(&folder.path().join("weights.json")).unwrap();
    assert_eq!(Model::open(&path, None).unwrap(), model);

    let error = error_of(Model::open(&path, Some(Architecture::DenseNet121)));
    assert!(error.starts_with("the model card says inception_v3, but densenet_121 was asked for: "), "{error}");
}

#[test]
fn a_card_that_contradicts_the_weights_is_refused() {
    let folder = TempDir::new().unwrap();
    let other_hash = r#"{"architecture": "inception_v3", "sha256": "00"}"#;
    let path = write_model(folder.path(), Architecture::InceptionV3, Some(other_hash));
    let error = error_of(Model::open(&path, None));
    assert!(error.starts_with("field `sha256` of the model card is 00, but these weights have "), "{error}");
    assert!(error.ends_with("model.json"), "{error}");

    let path = write_model(folder.path(), Architecture::InceptionV3, Some(r#"{"architecture": "densenet_121"}"#));
    let error = error_of(Model::open(&path, None));
    assert!(error.contains("these look like weights of inception_v3"), "{error}");

    let path = write_model(folder.path(), Architecture::InceptionV3, Some("not json"));
    let error = error_of(Model::open(&path, None));
    assert!(error.starts_with("the model card cannot be read: "), "{error}");
}

#[test]
fn an_image_goes_to_every_channel_scaled_as_the_study_did() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("densenet.safetensors");
    let graph = Architecture::DenseNet121.graph(&Variant { width: 0.0625, ..Variant::default() });
    Weights::initialize(&graph, 1).save(&path).unwrap();
    let model = Model::open(&path, None).unwrap();
    let input = model.scale_input(&[0.0, 255.0], [1, 2]);
    assert_eq!(input.shape(), [1, 3, 1, 2]);
    let expected = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]
        .map(|(mean, std): (f32, f32)| [(0.0 - mean) / std, (1.0 - mean) / std]);
    assert_eq!(input.values(), expected.concat());
}
