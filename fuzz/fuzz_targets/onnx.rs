//! Any bytes as an ONNX model: its first field, and what follows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use saliscope::foreign::{Asked, from_bytes};

/// The version of the format, by which such files are recognized.
const HEAD: &[u8] = &[0x08, 0x08];

fuzz_target!(|bytes: &[u8]| {
    let asked = Asked { input_size: Some([32, 32]), ..Asked::default() };
    if let Ok(foreign) = from_bytes(&[HEAD, bytes].concat(), &asked)
        && let (Some(graph), Some([height, width])) = (foreign.graph, foreign.input_size)
    {
        assert!(foreign.weights.check(&graph).is_ok());
        assert!(graph.extents(height, width).is_ok());
    }
});
