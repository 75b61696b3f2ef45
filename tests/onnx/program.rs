//! `saliscope convert` of ONNX files.

use std::process::{Command, Output};

use serde_json::Value;

use super::fixture;

fn convert(name: &str, arguments: &[&str]) -> (Output, tempfile::TempDir) {
    let work = tempfile::tempdir().unwrap();
    let input = work.path().join("model.onnx");
    std::fs::write(&input, fixture(name)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_saliscope"))
        .arg("convert")
        .args([&input, &work.path().join("model.safetensors")])
        .args(arguments)
        .output()
        .unwrap();
    (output, work)
}

#[test]
fn a_model_is_converted_with_its_graph_in_the_card() {
    let (output, work) = convert("shared_script20", &["--scaling", "unit"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("the softmax at the end is cut off"), "{told}");
    let card: Value = serde_json::from_slice(&std::fs::read(work.path().join("model.json")).unwrap()).unwrap();
    assert_eq!(card["architecture"], "imported");
    assert_eq!(card["output"], "softmax");
    assert_eq!(card["input_size"], serde_json::json!([20, 20]));
    saliscope::network::Model::open(&work.path().join("model.safetensors"), None).unwrap();
}

#[test]
fn what_was_folded_lies_in_the_card() {
    let (output, work) = convert("residual_dynamo", &["--quiet"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let card: Value = serde_json::from_slice(&std::fs::read(work.path().join("model.json")).unwrap()).unwrap();
    assert_eq!(card["norm_folded"], true);
}

#[test]
fn a_refusal_leaves_no_file() {
    let (output, work) = convert("refused_several", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("2 nodes that are not read"));
    assert!(!work.path().join("model.safetensors").exists() && !work.path().join("model.json").exists());
}
