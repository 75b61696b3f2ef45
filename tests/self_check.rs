//! A converted model beside the answers of its own framework: samples that the README's lines wrote
//! (`tests/reference/samples.py`), and samples that are wrong in every way that is told.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::formula;
use flate2::read::GzDecoder;
use saliscope::array_file::NpzWriter;
use saliscope::network::{
    Architecture, Batch, CpuExecutor, CpuOptions, Executor, Model, Output as ModelOutput, Pass, Precision, Sample,
    Variant, Weights,
};
use tempfile::TempDir;

const SIDE: usize = 80;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The indented block of the README in which `word` stands.
fn readme(word: &str) -> String {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let mut blocks = vec![String::new()];
    for line in text.lines() {
        if line.is_empty() || line.starts_with("    ") {
            let block = blocks.last_mut().unwrap();
            block.push_str(line.get(4..).unwrap_or_default());
            block.push('\n');
        } else {
            blocks.push(String::new());
        }
    }
    let mut found: Vec<&String> = blocks.iter().filter(|block| block.contains(word)).collect();
    assert_eq!(found.len(), 1, "one block with {word}");
    format!("{}\n", found.remove(0).trim_matches('\n'))
}

fn convert(file: &str, sample: &Path, options: &[&str]) -> (TempDir, Output) {
    let folder = TempDir::new().unwrap();
    let input = folder.path().join(file);
    let mut bytes = Vec::new();
    let packed = std::fs::File::open(fixtures().join("foreign").join(format!("{file}.gz"))).unwrap();
    GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    std::fs::write(&input, bytes).unwrap();
    let output = folder.path().join("out.safetensors");
    let mut command = Command::new(env!("CARGO_BIN_EXE_saliscope"));
    command.arg("convert").args([&input, &output]).arg("--sample").arg(sample).args(options);
    let ran = command.output().unwrap();
    (folder, ran)
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_lines_of_the_readme_write_samples_that_agree() {
    for (name, word, file, framework, compared) in [
        ("torch", "torch.randn", "torch_densenet_lightning.pth", "PyTorch", "logits"),
        ("keras", "np.random.default_rng", "keras_inception_weights.h5", "Keras", "probabilities"),
    ] {
        let ran = std::fs::read_to_string(fixtures().join(format!("sample/{name}.txt"))).unwrap();
        assert_eq!(readme(word), ran, "run tests/reference/samples.py again");
        let (folder, ran) = convert(file, &fixtures().join(format!("sample/{name}.npz")), &["--output", "softmax"]);
        let said = words(&ran.stderr);
        assert!(ran.status.success(), "{said}");
        assert!(said.contains(&format!("note: the model agrees with {framework} to ")), "{said}");
        let model = Model::open(&folder.path().join("out.safetensors"), None).unwrap();
        // The sample tells the size of the images where nobody else does.
        assert_eq!(model.card.input_size, [SIDE; 2]);
        let checked = model.card.checked.unwrap();
        assert!(
            checked.agrees() && checked.max_difference < 1e-5 && checked.reference_difference < 1e-5,
            "{checked:?}"
        );
        assert_eq!((checked.framework.as_deref(), checked.compared.as_str()), (Some(framework), compared));
        assert_eq!((checked.inputs, said.contains("channels last")), (1, name == "keras"));
    }
}

#[test]
fn a_model_that_is_another_is_not_converted() {
    let sample = fixtures().join("sample/torch.npz");
    let (folder, ran) = convert("torch_inception.pth", &sample, &["--quiet"]);
    assert_eq!(ran.status.code(), Some(1));
    let said = words(&ran.stderr);
    assert!(
        said.contains("the sample cannot confirm the model: it has 5 outputs an input, and the model has 2"),
        "{said}"
    );
    assert!(!folder.path().join("out.safetensors").exists());
    let (_folder, ran) = convert("torch_densenet_lightning.pth", &sample, &["--input-size", "96"]);
    assert!(words(&ran.stderr).contains("have shape [3, 80, 80], and the model reads [3, 96, 96]"));
}

/// A model of three labels, inputs for it, and its logits.
fn model(scaling: &str) -> (Model, Batch, Vec<f32>) {
    let architecture = Architecture::DenseNet121;
    let variant = Variant { width: 0.05, classes: 3, ..Variant::default() };
    let graph = architecture.graph(&variant);
    let mut weights = Weights::initialize(&graph, 5);
    let mut head = weights.get("classifier.weight").unwrap().clone();
    head.values.iter_mut().for_each(|value| *value *= 3.0);
    weights.insert("classifier.weight".to_owned(), head);
    let card = format!(r#"{{"architecture": "densenet_121", "input_size": [64, 64], "output": "sigmoid", {scaling}}}"#);
    let model = Model::from_bytes(card.as_bytes(), &weights.to_safetensors(Precision::Single).unwrap()).unwrap();
    let mut input = formula::image("image", 3, 64, 64);
    for (index, value) in input.values_mut().iter_mut().enumerate() {
        *value *= 1.0 + (index / (64 * 64)) as f32;
    }
    let logits = executor(&model).run(&Pass::logits(&input)).unwrap().logits;
    (model, input, logits)
}

fn executor(model: &Model) -> CpuExecutor {
    CpuExecutor::new(model.graph.clone(), &model.weights, CpuOptions::default()).unwrap()
}

fn sample(arrays: &[(&str, &[usize], &[f32])]) -> Result<Sample, String> {
    let mut writer = NpzWriter::new(Cursor::new(Vec::new()));
    for (name, shape, values) in arrays {
        writer.add_f32(name, shape, values).unwrap();
    }
    Sample::from_bytes(&writer.finish().unwrap().into_inner()).map_err(|error| error.to_string())
}

#[test]
fn what_is_wrong_with_a_sample_is_told() {
    let (model, input, logits) = model(r#""scaling": "imagenet""#);
    let executor = executor(&model);
    let check = |name: &str, values: &[f32], input: &Batch| {
        let sample = sample(&[("input", &input.shape(), input.values()), (name, &[1, values.len()], values)]).unwrap();
        model.check_sample(&sample, &executor).map_err(|error| error.to_string())
    };
    assert!(check("logits", &logits, &input).unwrap().checked.agrees());
    let probabilities: Vec<f32> = ModelOutput::Sigmoid.probabilities(&logits).iter().map(|p| *p as f32).collect();
    assert!(check("probabilities", &probabilities, &input).unwrap().checked.agrees());
    let either = check("output", &probabilities, &input).unwrap().checked;
    assert!(either.agrees() && either.compared == "probabilities");
    assert_eq!(check("output", &logits, &input).unwrap().checked.compared, "logits");

    let softmax: Vec<f32> = ModelOutput::Softmax.probabilities(&logits).iter().map(|p| *p as f32).collect();
    let turned = [logits[1], logits[2], logits[0]];
    let mut near = logits.clone();
    let largest = logits.iter().fold(0.0_f32, |most, logit| most.max(logit.abs()));
    near[0] += 1e-3 * largest;
    let checked = check("logits", &near, &input).unwrap().checked;
    assert!(!checked.agrees() && checked.words().starts_with("differs from the sample"), "{}", checked.words());
    let other: Vec<f32> = logits.iter().map(|logit| logit + 0.5 * largest).collect();
    for (name, values, expected) in [
        ("logits", &probabilities, "are the model's probabilities (sigmoid): save them as `probabilities`"),
        ("logits", &softmax, "are the model's probabilities (softmax)"),
        ("logits", &turned.to_vec(), "agree in another order of the classes (1, 2, 0)"),
        ("logits", &other, "another network, or one in training mode (model.eval()"),
        ("probabilities", &vec![0.0, 1.0, 1.0], "nearly 0 or 1, which any sure network gives: save the logits"),
    ] {
        let told = check(name, values, &input).unwrap_err();
        assert!(told.contains(expected), "{told}");
    }
    let mut reversed = input.clone();
    reversed.values_mut().rotate_left(2 * 64 * 64);
    let plane = 64 * 64;
    let middle: Vec<f32> = input.values()[plane..2 * plane].to_vec();
    let first: Vec<f32> = input.values()[..plane].to_vec();
    reversed.values_mut()[plane..2 * plane].copy_from_slice(&middle);
    reversed.values_mut()[2 * plane..].copy_from_slice(&first);
    assert!(check("logits", &logits, &reversed).unwrap_err().contains("its channels are reversed"));

    // Keras' order of axes.
    let pixels: Vec<f32> =
        (0..plane).flat_map(|at| [0, 1, 2].map(|channel| input.values()[channel * plane + at])).collect();
    let last = sample(&[("input", &[1, 64, 64, 3], &pixels), ("logits", &[1, 3], &logits)]).unwrap();
    let found = model.check_sample(&last, &executor).unwrap();
    assert!(found.checked.agrees() && found.notes[0].contains("channels last"));
}

#[test]
fn gray_levels_are_scaled_where_the_network_itself_did_so() {
    let (model, _, _) = model(r#""range": [0, 1]"#);
    let gray: Vec<f32> = (0..3 * 64 * 64).map(|index| (index * 7 % 256) as f32).collect();
    let scaled = Batch::new([1, 3, 64, 64], gray.iter().map(|value| value / 255.0).collect());
    let executor = executor(&model);
    let logits = executor.run(&Pass::logits(&scaled)).unwrap().logits;
    let sample = sample(&[("input", &[1, 3, 64, 64], &gray), ("logits", &[1, 3], &logits)]).unwrap();
    let found = model.check_sample(&sample, &executor).unwrap();
    assert!(found.checked.agrees() && found.notes[0].contains("gray levels of 0 to 255"), "{found:?}");
}

#[test]
fn a_file_that_is_no_sample_is_refused() {
    let image = [0.5_f32; 12];
    for (arrays, expected) in [
        (vec![("logits", &[1, 2][..], &image[..2])], "holds no array `input`"),
        (vec![("input", &[1, 3, 2, 2][..], &image[..])], "holds 0 of the arrays"),
        (
            vec![
                ("input", &[1, 3, 2, 2][..], &image[..]),
                ("logits", &[1, 2][..], &image[..2]),
                ("output", &[2][..], &image[..2]),
            ],
            "holds 2 of the arrays",
        ),
        (vec![("input", &[12][..], &image[..]), ("logits", &[1, 2][..], &image[..2])], "`input` has shape [12]"),
        (vec![("input", &[0, 3, 2, 2][..], &[][..]), ("logits", &[0, 2][..], &[][..])], "holds 0 inputs"),
        (
            vec![("input", &[3, 1, 2, 2][..], &image[..]), ("logits", &[2, 2][..], &image[..4])],
            "`logits` has shape [2, 2]",
        ),
        (
            vec![("input", &[1, 3, 2, 2][..], &image[..]), ("logits", &[1, 2][..], &[0.0, f32::NAN][..])],
            "gave no answer",
        ),
        (
            vec![("input", &[1, 3, 2, 2][..], &image[..]), ("probabilities", &[1, 2][..], &[0.0, 7.0][..])],
            "outside of 0 to 1",
        ),
    ] {
        let told = sample(&arrays).unwrap_err();
        assert!(told.contains(expected), "{told}");
    }
    assert!(Sample::from_bytes(b"PK\x03\x04").unwrap_err().to_string().contains("no NPZ file"));
    let checked = r#""checked": {"compared": "logits", "inputs": 1, "max_difference": -1, "relative_difference": 0,
        "reference_difference": 0, "executor": "cpu"}"#;
    let (model, _, _) = model(r#""scaling": "unit""#);
    let weights = model.weights.to_safetensors(Precision::Single).unwrap();
    let card = format!(r#"{{"architecture": "densenet_121", {checked}}}"#);
    let told = Model::from_bytes(card.as_bytes(), &weights).unwrap_err().to_string();
    assert!(told.contains("field `checked` of the model card has -1"), "{told}");
}
