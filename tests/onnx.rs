//! ONNX files: what PyTorch, Keras and hand-written graphs become, and what is refused
//! (`tests/reference/onnx_models.py`).

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "common/formula.rs"]
#[allow(dead_code, unreachable_pub, reason = "every test binary uses its own part")]
mod formula;

#[path = "onnx/damage.rs"]
mod damage;
#[path = "onnx/graphs.rs"]
mod graphs;
#[path = "onnx/program.rs"]
mod program;
#[path = "onnx/refused.rs"]
mod refused;

use std::io::Read;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use flate2::read::GzDecoder;
use saliscope::array_file::NpzReader;
use saliscope::foreign::{Asked, Foreign, from_bytes};
use saliscope::network::{Batch, CandleExecutor, Pass, Target};
use serde_json::Value;

/// Every so many numbers of a gradient are kept.
const STEP: usize = 7;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx")
}

fn unpacked(name: &str) -> Vec<u8> {
    let packed = std::fs::read(folder().join(format!("{name}.gz"))).unwrap();
    let mut bytes = Vec::new();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn fixture(name: &str) -> Vec<u8> {
    unpacked(&format!("{name}.onnx"))
}

/// What the script says of each file that is read.
fn told() -> serde_json::Map<String, Value> {
    serde_json::from_slice(&std::fs::read(folder().join("expected.json")).unwrap()).unwrap()
}

fn sided(side: usize) -> Asked {
    Asked { input_size: Some([side; 2]), ..Asked::default() }
}

fn read(name: &str) -> Foreign {
    let side = told()[name]["side"].as_u64().unwrap() as usize;
    from_bytes(&fixture(name), &sided(side)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Logits and the gradient of the first, in double precision.
fn computed(foreign: &Foreign, image: &Batch) -> (Vec<f64>, Vec<f64>) {
    let graph = foreign.graph.clone().unwrap();
    // The single logit speaks for class 1.
    let class = usize::from(graph.logit_count() == 1);
    let executor = CandleExecutor::new(graph, &foreign.weights, Device::Cpu, DType::F64).unwrap();
    let target = Target::Class(class);
    let output = executor.run_f64(&Pass { target, gradient: true, ..Pass::logits(image) }).unwrap();
    (output.logits, output.gradient.unwrap())
}

/// The largest difference, by the largest number that is expected.
fn difference(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1e-12_f64, |most, value| most.max(value.abs()));
    found.iter().zip(expected).map(|(found, expected)| (found - expected).abs()).fold(0.0, f64::max) / scale
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn logits_and_gradients_are_those_of_the_program_that_wrote_the_file() {
    let told = told();
    assert!(told.len() >= 35, "{}", told.len());
    for (name, told) in told {
        if name == "external" {
            continue;
        }
        let foreign = read(&name);
        let (channels, side) = (told["channels"].as_u64().unwrap() as usize, told["side"].as_u64().unwrap() as usize);
        let (logits, gradient) = computed(&foreign, &formula::image("image", channels, side, side));
        // By hand and by Keras in single precision; else the weights alone were rounded, when normalization was folded.
        let bound = if told.get("gradient").is_some() && told.get("single").is_none() { 2e-6 } else { 2e-5 };
        let error = difference(&logits, &numbers(&told["logits"]));
        assert!(error < bound, "{name}: logits {logits:?} differ by {error:.1e}");
        if let Some(expected) = told.get("gradient") {
            let found: Vec<f64> = gradient.into_iter().step_by(STEP).collect();
            let error = difference(&found, &numbers(expected));
            assert!(error < 10.0 * bound, "{name}: the gradient differs by {error:.1e}");
        }
        let output = foreign.output.map(saliscope::network::Output::name);
        assert_eq!(output, told["output"].as_str(), "{name}");
        assert_eq!(foreign.input_size, Some([side; 2]), "{name}");
    }
}

#[test]
fn values_beside_the_model_are_read() {
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join("external.onnx");
    std::fs::write(&path, fixture("external")).unwrap();
    let open = || saliscope::foreign::open(&path, &Asked::default());
    let missing = open().unwrap_err().to_string();
    assert!(missing.contains("\"external.onnx.data\" (there is no such file); copy both files together"), "{missing}");
    std::fs::write(work.path().join("external.onnx.data"), unpacked("external.onnx.data")).unwrap();
    let (logits, _) = computed(&open().unwrap(), &formula::image("image", 3, 32, 32));
    assert!(difference(&logits, &numbers(&told()["external"]["logits"])) < 2e-6);
    // One byte is missing.
    let mut short = unpacked("external.onnx.data");
    short.truncate(1000);
    std::fs::write(work.path().join("external.onnx.data"), &short).unwrap();
    let damaged = open().unwrap_err().to_string();
    assert!(damaged.contains("truncated or damaged"), "{damaged}");
    #[cfg(unix)]
    {
        std::fs::remove_file(work.path().join("external.onnx.data")).unwrap();
        std::fs::write(work.path().join("elsewhere"), unpacked("external.onnx.data")).unwrap();
        std::os::unix::fs::symlink(work.path().join("elsewhere"), work.path().join("external.onnx.data")).unwrap();
        let linked = open().unwrap_err().to_string();
        assert!(linked.contains("no plain name of a file beside it"), "{linked}");
    }
}

/// `ONNX_CASES` names a folder that the script made with `--random` or `--full`.
#[test]
#[ignore = "needs files that are not kept here"]
fn cases_of_a_folder() {
    let folder = PathBuf::from(std::env::var("ONNX_CASES").unwrap());
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "onnx"));
    paths.sort();
    let (mut wrong, mut refused, mut right) = (Vec::new(), 0, 0);
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let Some((case, _)) = name.rsplit_once('_') else { continue };
        let Ok(bytes) = std::fs::read(folder.join(format!("{case}.npz"))) else { continue };
        let mut arrays = NpzReader::new(&bytes).unwrap();
        let shape = arrays.shape("input").unwrap().unwrap();
        let mut array = |key: &str| arrays.array(key).unwrap().map(|array| array.values.into_f64());
        let input = array("input").unwrap();
        let (Some(logits), Some(gradient)) =
            (array("logits").or_else(|| array("logits64")), array("gradient").or_else(|| array("gradient64")))
        else {
            continue;
        };
        let foreign = match saliscope::foreign::open(&path, &Asked::default()) {
            Ok(foreign) => foreign,
            Err(error) => {
                println!("{name}: refused: {error}");
                refused += 1;
                continue;
            }
        };
        let graph = foreign.graph.clone().unwrap();
        println!("{name}: {} nodes, blocks {:?}, folded {}", graph.nodes().len(), graph.blocks(), foreign.norm_folded);
        println!("    features {}, notes {:?}", graph.node(graph.features()).name, foreign.notes);
        let shape: [usize; 4] = shape.try_into().unwrap();
        let image = Batch::new(shape, input.iter().map(|value| *value as f32).collect());
        let (found, slope) = computed(&foreign, &image);
        let (error, steep) = (difference(&found, &logits), difference(&slope, &gradient));
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
        let apart = norm(&mut slope.iter().zip(&gradient).map(|(a, b)| a - b)) / norm(&mut gradient.iter().copied());
        println!("    logits differ by {error:.1e}, the gradient by {steep:.1e} at most and {apart:.1e} by norm");
        if error < 1e-5 { right += 1 } else { wrong.push(format!("{name}: {error:.1e}, {apart:.1e}")) }
    }
    println!("{right} right, {refused} refused, wrong: {wrong:#?}");
    assert!(wrong.is_empty());
}
