//! What is refused, and what its user is told.

use saliscope::foreign::{Asked, from_bytes};

use super::{fixture, sided};

fn told(name: &str) -> String {
    from_bytes(&fixture(&format!("refused_{name}")), &Asked::default()).unwrap_err().to_string()
}

#[test]
fn every_refusal_says_what_to_do() {
    for (name, parts) in [
        ("training", &["1 x BatchNormalization (norm)", "call model.eval() before the export"][..]),
        ("training_old", &["1 x BatchNormalization (norm)", "call model.eval() before the export"]),
        (
            "quantized",
            &["1 x QuantizeLinear (quantize)", "1 x DequantizeLinear (dequantize)", "export the float model"],
        ),
        ("if", &["1 x If (branch)", "trace the model without them"]),
        ("custom", &["1 x my.own.Fancy (fancy)", "export the model without functions and extensions"]),
        ("circle", &["truncated or damaged", "read each other in a circle", "\"one\"", "\"two\""]),
        ("missing", &["truncated or damaged", "Add \"sum\" reads \"nowhere\", which nothing writes"]),
        ("twice", &["truncated or damaged", "\"t\" is written twice, by Tanh \"again\" too"]),
        ("volumes", &["five axes", "export a network of two dimensions"]),
        ("segmentation", &["is no classifier: its output \"y\" is a map of 6 x 15 x 15", "up to its class scores"]),
        ("ancient", &["version 6 of the operators", "opset_version=20"]),
        ("sparse", &["sparse_initializer", "export the model with dense ones"]),
        ("outside", &["\"../outside.data\", which is no plain name", "onnx.save"]),
    ] {
        let told = told(name);
        for part in parts {
            assert!(told.contains(part), "{name}: {told}");
        }
    }
}

#[test]
fn all_that_is_not_read_is_told_at_once() {
    let told = told("several");
    assert!(told.contains("has 2 nodes that are not read"), "{told}");
    assert!(told.contains("1 x InstanceNormalization (in1): operations of this kind are not read"), "{told}");
    assert!(told.contains("1 x Mish (mish): operations of this kind are not read"), "{told}");
}

#[test]
fn sizes_that_contradict_the_file_are_refused() {
    let fixed = from_bytes(&fixture("flat_script20"), &sided(64)).unwrap_err().to_string();
    assert!(fixed.contains("reads images of 32 x 32 pixels, not 64 x 64; give --input-size 32x32"), "{fixed}");
    let bytes = fixture("refused_fixed");
    assert!(from_bytes(&bytes, &sided(17)).is_ok());
    let told = from_bytes(&bytes, &sided(18)).unwrap_err().to_string();
    assert!(told.contains("1 x Reshape") && told.contains("with images of the size that is asked for"), "{told}");
}
