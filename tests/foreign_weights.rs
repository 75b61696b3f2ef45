//! Weights of PyTorch and Keras, converted: files their own programs wrote (`tests/reference/foreign_weights.py`).

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::formula;
use flate2::read::GzDecoder;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use saliscope::foreign::{Asked, Foreign, from_bytes};
use saliscope::network::{Architecture, CpuExecutor, CpuOptions, Executor, Pass};
use serde_json::Value;
use tempfile::TempDir;
use zip::write::{SimpleFileOptions, ZipWriter};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/foreign")
}

fn fixture(name: &str) -> Vec<u8> {
    let packed = std::fs::read(folder().join(format!("{name}.gz"))).unwrap();
    let mut bytes = Vec::new();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    bytes
}

/// What the script wrote beside each file with a network.
fn told() -> Vec<Value> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
}

fn logits(foreign: &Foreign, side: usize) -> Vec<f32> {
    let graph = foreign.architecture.graph(&foreign.variant);
    let executor = CpuExecutor::new(graph, &foreign.weights, CpuOptions::default()).unwrap();
    executor.run(&Pass::logits(&formula::image("image", 3, side, side))).unwrap().logits
}

fn problem(bytes: &[u8]) -> String {
    from_bytes(bytes, &Asked::default()).unwrap_err().to_string()
}

#[test]
fn logits_are_those_of_the_program_that_wrote_the_file() {
    let told = told();
    assert_eq!(told.len(), 8);
    for told in told {
        let file = told["file"].as_str().unwrap();
        let foreign = from_bytes(&fixture(file), &Asked::default()).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(foreign.architecture.name(), told["architecture"].as_str().unwrap(), "{file}");
        let expected: Vec<f64> = serde_json::from_value(told["logits"].clone()).unwrap();
        let found = logits(&foreign, told["side"].as_u64().unwrap() as usize);
        assert_eq!(found.len(), expected.len(), "{file}");
        for (found, expected) in found.iter().zip(expected) {
            let error = (f64::from(*found) - expected).abs();
            assert!(error < 2e-6, "{file}: {found} instead of {expected}");
        }
        // Only whole models of Keras hold an activation.
        let output = foreign.output.map(saliscope::network::Output::name);
        assert_eq!(output, told.get("output").and_then(Value::as_str), "{file}");
        let keras = file.starts_with("keras");
        let variant = foreign.variant;
        let inception = foreign.architecture == Architecture::InceptionV3;
        assert_eq!((variant.count_include_pad, variant.norm_scale), (!(keras && inception), !(keras && inception)));
        let eps: f64 = if keras && !inception { 1.001e-5 } else { 1e-5 };
        assert_eq!(variant.norm_eps.to_bits(), eps.to_bits(), "{file}");
    }
}

/// `FOREIGN_CASES` names a folder that the script made with `--width 1`.
#[test]
#[ignore = "needs files that are not kept here"]
fn logits_at_full_width_are_those_of_the_program_that_wrote_the_file() {
    let folder = PathBuf::from(std::env::var("FOREIGN_CASES").unwrap());
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let told: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let foreign =
            saliscope::foreign::open(&folder.join(told["file"].as_str().unwrap()), &Asked::default()).unwrap();
        let expected: Vec<f64> = serde_json::from_value(told["logits"].clone()).unwrap();
        let found = logits(&foreign, told["side"].as_u64().unwrap() as usize);
        let errors = found.iter().zip(&expected).map(|(found, expected)| (f64::from(*found) - expected).abs());
        let error = errors.fold(0.0, f64::max);
        println!("{}: {found:?}, at most {error:.1e} from {expected:?}", path.display());
        assert!(found.len() == expected.len() && error < 1e-5, "{}", path.display());
    }
}

#[test]
fn the_format_of_before_version_1_6_holds_the_same() {
    let of = |file: &str| from_bytes(&fixture(file), &Asked::default()).unwrap();
    let (legacy, zipped) = (of("torch_legacy.pth"), of("torch_densenet_lightning.pth"));
    assert_eq!(legacy.weights, zipped.weights);
    assert_eq!(legacy.variant, zipped.variant);
    let whole = fixture("torch_legacy.pth");
    // The pickle, the list of storages, and the storages behind it.
    let length = whole.len();
    for (length, expected) in
        [(40, "wants"), (length / 2, "wants"), (length * 9 / 10, "lie outside"), (length - 1, "lie outside")]
    {
        let problem = problem(&whole[..length]);
        assert!(problem.contains(expected), "cut to {length} bytes: {problem}");
    }
}

#[test]
fn what_was_left_out_or_changed_is_said() {
    let notes = |file: &str| from_bytes(&fixture(file), &Asked::default()).unwrap().notes;
    assert_eq!(notes("torch_inception.pth"), ["2 tensors of the auxiliary head left out"]);
    assert_eq!(notes("torch_densenet_lightning.pth"), ["1 tensor of the training (losses, metrics) left out"]);
    let single = "the head has a single output z: it speaks for the finding, class 1, and -z against it";
    assert_eq!(notes("torch_densenet_single.pth"), [single]);
    let dropped = "1 layer that acts in training alone left out (Dropout)";
    assert_eq!(notes("keras_inception_nested.h5"), [dropped, single]);
    assert!(notes("keras_densenet.h5").is_empty());
}

/// A zip file of these entries, stored or deflated.
fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn other_files_are_told_what_they_are() {
    for (bytes, expected) in [
        (b"".to_vec(), "neither a PyTorch file"),
        (b"\x89PNG\r\n\x1a\n".to_vec(), "neither a PyTorch file"),
        (fixture("torch_module.pth"), "the names of the 2 tensors (weight, bias) are those of no network known here"),
        (fixture("torch_other.pth"), "the names of the 1 tensor (conv1.weight) are those of no network known here"),
        (zipped(&[("config.json", b"{}"), ("model.weights.h5", b"")]), "there is no HDF5 signature"),
        (zipped(&[("m/constants.pkl", b""), ("m/data.pkl", b"\x80\x02}.")]), "a frozen program"),
        (zipped(&[("m/models/model.json", b"")]), "a program that torch.export wrote"),
        (zipped(&[("a.txt", b"")]), "none that torch.save wrote"),
        (zipped(&[("m/data.pkl", b"\x80\x02}.")]), "holds no tensors by name"),
        (b"\x08\0\0\0\0\0\0\0{}      ".to_vec(), "are those of no network known here"),
    ] {
        let problem = problem(&bytes);
        assert!(problem.contains(expected), "{problem:?} instead of {expected:?}");
    }
    let other = Asked { architecture: Some(Architecture::DenseNet121), ..Asked::default() };
    let asked = from_bytes(&fixture("torch_inception.pth"), &other).unwrap_err().to_string();
    assert_eq!(asked, "these are no weights of densenet_121: they are of inception_v3");
}

#[test]
fn lying_pickles_are_refused_without_much_memory_or_stack() {
    let of = |pickle: &[u8]| problem(&zipped(&[("m/data.pkl", pickle), ("m/data/0", &[0; 256])]));
    let nested = |open: &[u8], close: &[u8]| {
        let mut pickle = b"\x80\x02".to_vec();
        pickle.extend(open.repeat(200_000));
        pickle.extend(close.repeat(200_000));
        pickle.push(b'.');
        of(&pickle)
    };
    assert!(nested(b"]", b"a").contains("its pickle is too deep"));
    assert!(nested(b"N\x85", b"").contains("its pickle is too deep"));
    assert!(of(b"\x80\x02X\xff\xff\xff\x7fab.").contains("wants 2147483647 bytes where 3 are left"));
    assert!(of(b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.").contains("an object of the class os.system"));
    let mut long = b"\x80\x02c".to_vec();
    long.extend([b'a'; 4_000]);
    assert!(of(&[&long, b"\nb\n.".as_slice()].concat()).contains("a name that is too long"));
    assert!(of(b"\x80\x02\x85.").contains("lacks objects"));
    assert!(of(b"\x80\x02(").contains("wants 1 bytes"));

    // {"features.conv0.weight": a tensor of 2^20 x 2^20 over 64 values}
    let tensor = |offset: &[u8], shape: &[u8], strides: &[u8]| {
        let mut pickle = b"\x80\x02}X\x15\0\0\0features.conv0.weightctorch._utils\n_rebuild_tensor_v2\n(".to_vec();
        pickle.extend(b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0\x30X\x03\0\0\0cpuK\x40tQ");
        pickle.extend([offset, shape, strides].concat());
        pickle.extend(b"\x89}tRs.");
        of(&pickle)
    };
    let huge = b"J\0\0\x10\0";
    let shape = [huge.as_slice(), huge, b"\x86"].concat();
    let problem = tensor(b"K\0", &shape, b"K\x01K\x01\x86");
    assert!(problem.contains("of no network known here"), "{problem}");
    let problem = tensor(b"K\0", b"J\xff\xff\xff\xff\x85", b"K\x01\x85");
    assert!(problem.contains("make no sense"), "{problem}");
}

#[test]
fn damaged_files_give_errors_and_never_a_panic() {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut refused = 0;
    for (file, count) in [
        ("torch_inception.pth", 300),
        ("torch_densenet_lightning.pth", 200),
        ("keras_inception_nested.h5", 300),
        ("keras_inception_weights.h5", 300),
        ("keras_densenet_packed.h5", 200),
    ] {
        let whole = fixture(file);
        for _ in 0..count {
            let mut bytes = whole.clone();
            // Structures lie in clusters, so that some mutations come in a row.
            for _ in 0..random.random_range(1..6) {
                let start = random.random_range(0..bytes.len());
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
        for length in [0, 1, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
            assert!(from_bytes(&whole[..length], &Asked::default()).is_err(), "{file} cut to {length} bytes");
        }
    }
    assert!(refused > 300, "only {refused} mutations mattered");
}

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(arguments: &[&str]) -> Ran {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_saliscope")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A folder with one fixture unpacked; gives the paths of the fixture and of `out.safetensors`.
fn place(file: &str) -> (TempDir, String, String) {
    let folder = TempDir::new().unwrap();
    let input = folder.path().join(file);
    std::fs::write(&input, fixture(file)).unwrap();
    let output = folder.path().join("out.safetensors");
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    (folder, text(input), text(output))
}

#[test]
fn a_converted_model_predicts() {
    let (folder, input, output) = place("keras_inception_nested.h5");
    let ran = run(&["convert", &input, &output, "--input-size", "80", "--classes", "clear,finding"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("trusted files only"), "{}", ran.stderr);
    let line: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(line["card"]["origin"], "Keras weights (HDF5)");
    let card: Value = serde_json::from_slice(&std::fs::read(folder.path().join("out.json")).unwrap()).unwrap();
    assert_eq!(card, line["card"]);
    assert!(!card.to_string().contains("nested"), "no file name goes into a card");
    assert_eq!((&card["input_size"], &card["positive_class"]), (&serde_json::json!([80, 80]), &1.into()));

    // Gray 0 to 255 as `[h, w]`, scaled to -1..1 by the card.
    let gray: Vec<u8> = (0..80 * 80).map(|index: usize| (index * 7 % 256) as u8).collect();
    let image = folder.path().join("image.png");
    image::save_buffer(&image, &gray, 80, 80, image::ExtendedColorType::L8).unwrap();
    let ran = run(&["predict", "--model", &output, "--image", image.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let line: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(line["logits"].as_array().unwrap().len(), 1);
    let z = line["logits"][0].as_f64().unwrap();
    let probability = |class: usize| line["probabilities"][class].as_f64().unwrap();
    assert!((probability(1) - 1.0 / (1.0 + (-z).exp())).abs() < 1e-6, "sigmoid of {z} is {}", probability(1));
    assert!((probability(0) + probability(1) - 1.0).abs() < 1e-12);
    assert_eq!(line["predicted"]["name"], if z > 0.0 { "finding" } else { "clear" });
}

/// The card that `convert` wrote with these options, and what it said.
fn converted(file: &str, options: &[&str]) -> (Value, String) {
    let (_folder, input, output) = place(file);
    let ran = run(&[&["convert", &input, &output, "--input-size", "80"], options].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let line: Value = serde_json::from_str(&ran.stdout).unwrap();
    (line["card"].clone(), ran.stderr)
}

#[test]
fn a_card_states_what_the_options_or_the_file_said() {
    use serde_json::json;
    let assumed = "nobody stated how gray levels become this model's input";
    for (options, field, value) in [
        (&["--scaling", "unit"][..], "range", json!([0.0, 1.0])),
        (&["--scaling", "symmetric"], "scaling", json!("unit_to_symmetric")),
        (&["--range", "-1024,1024"], "range", json!([-1024.0, 1024.0])),
        (&["--range=-1,1"], "range", json!([-1.0, 1.0])),
        (&["--mean", "0.533", "--std", "0.0349"], "std", json!([0.0349])),
        (&["--mean", "0.4,0.5,0.6", "--std", "1,2,3"], "mean", json!([0.4, 0.5, 0.6])),
    ] {
        let (card, said) = converted("torch_densenet_single.pth", options);
        assert_eq!(card[field], value, "{options:?}: {card}");
        assert!(card.get("scaling_assumed").is_none() && !said.contains(assumed), "{options:?}: {said}");
    }
    let (card, said) = converted("torch_densenet_single.pth", &[]);
    assert_eq!((&card["scaling"], &card["scaling_assumed"]), (&json!("imagenet"), &json!(true)));
    assert!(said.contains(&format!("note: {assumed}; assumed: gray levels by ImageNet's mean")), "{said}");
    assert_eq!((&card["output"], &card["classes"]), (&json!("sigmoid"), &json!(["class 0", "class 1"])));
    let (card, _) = converted("torch_densenet_single.pth", &["--classes", "pneumonia"]);
    assert_eq!((&card["classes"], &card["positive_class"]), (&json!(["not pneumonia", "pneumonia"]), &json!(1)));

    // Five outputs: the file does not say what they are, and nothing is guessed.
    let (card, _) = converted("torch_densenet_lightning.pth", &[]);
    assert!(card.get("output").is_none(), "{card}");
    let (card, _) = converted("torch_densenet_lightning.pth", &["--output", "sigmoid"]);
    assert_eq!(card["output"], "sigmoid");
    let (card, said) = converted("keras_densenet.h5", &[]);
    assert_eq!(card["output"], "softmax");
    assert!(!said.contains("--output"), "{said}");
    let (card, said) = converted("keras_densenet.h5", &["--output", "sigmoid"]);
    assert_eq!(card["output"], "sigmoid");
    assert!(said.contains("note: the file says softmax; what was stated was followed instead"), "{said}");
    let (card, _) = converted("torch_inception.pth", &["--scaling", "imagenet", "--transform-input"]);
    assert_eq!(card["transform_input"], true);
}

#[test]
fn options_that_contradict_are_refused() {
    let (_folder, input, output) = place("torch_densenet_single.pth");
    for (options, code, expected) in [
        (&["--scaling", "unit", "--range", "0,1"][..], 2, "cannot be used with"),
        (&["--range", "0,1,2"], 2, "--range: two numbers are needed"),
        (&["--range", "1,0"], 1, "not two numbers that rise"),
        (&["--mean", "0.5"], 2, "--std"),
        (&["--mean", "0.5,0.5", "--std", "1,1"], 1, "`mean` of the model card has 2 numbers"),
        (&["--output", "softmax"], 1, "is softmax, which is always 1 of a single logit: write sigmoid"),
        (&["--transform-input"], 1, "`transform_input` of the model card is for inception_v3"),
        (&["--positive-class", "0"], 1, "the single logit speaks for class 1: name the finding second"),
    ] {
        let ran = run(&[&["convert", &input, &output], options].concat());
        assert_eq!(ran.code, Some(code), "{options:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{options:?}: {}", ran.stderr);
        assert!(!Path::new(&output).exists());
    }
}

#[test]
fn nothing_is_replaced_unless_told() {
    let (folder, input, output) = place("torch_inception.pth");
    let card = folder.path().join("out.json");
    std::fs::write(&card, "mine").unwrap();
    let ran = run(&["convert", &input, &output]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.starts_with("error: the output cannot be used: it is there already; "), "{}", ran.stderr);
    assert_eq!(std::fs::read(&card).unwrap(), b"mine");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    let ran = run(&["convert", &input, &output, "--force", "--quiet"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);

    let before = std::fs::read(&input).unwrap();
    for same in [input.clone(), folder.path().join("./torch_inception.pth").to_str().unwrap().to_owned()] {
        let ran = run(&["convert", &input, &same, "--force"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(2), "error: IN and OUT are the same file\n"));
    }
    assert_eq!(std::fs::read(&input).unwrap(), before);
}

#[test]
fn a_failed_conversion_leaves_nothing_behind() {
    let (folder, input, output) = place("torch_module.pth");
    let garbage = folder.path().join("garbage.h5");
    std::fs::write(&garbage, b"\x89HDF\r\n\x1a\ngarbage").unwrap();
    let missing = folder.path().join("missing.pth");
    for path in [input.as_str(), garbage.to_str().unwrap(), missing.to_str().unwrap(), folder.path().to_str().unwrap()]
    {
        let ran = run(&["convert", path, &output]);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.lines().count()), (Some(1), "", 1), "{}", ran.stderr);
        assert!(ran.stderr.trim_end().ends_with(path), "the path comes last: {}", ran.stderr);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
    let (_folder, input, output) = place("torch_inception.pth");
    for (arguments, code, expected) in [
        (["--arch", "densenet_121"], 1, "they are of inception_v3"),
        (["--classes", "a,b,c"], 1, "has 3 names, but the weights give 2 logits"),
        (["--input-size", "40"], 1, "smaller than 75x75"),
        (["--input-size", "0"], 2, "not a number of pixels"),
        (["--positive-class", "2"], 1, "there are only 2 classes"),
    ] {
        let ran = run(&[&["convert", &input, &output], arguments.as_slice()].concat());
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
        assert!(!Path::new(&output).exists());
    }
}

#[test]
fn a_foreign_file_given_as_model_is_told_of_convert() {
    for file in ["torch_inception.pth", "torch_legacy.pth", "keras_inception_nested.h5"] {
        let (_folder, input, _) = place(file);
        for command in ["predict", "explain"] {
            let out = if command == "explain" { vec!["--out", "unused"] } else { Vec::new() };
            let ran = run(&[&[command, "--model", &input, "--image", &input], out.as_slice()].concat());
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
            assert!(ran.stderr.contains("`saliscope convert`"), "{}", ran.stderr);
        }
    }
}
