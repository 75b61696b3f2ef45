//! Any bytes as a file of weights.
#![no_main]

use std::io::Write;

use libfuzzer_sys::fuzz_target;
use saliscope::network::{Architecture, Model};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut file) = tempfile() else { return };
    if file.1.write_all(bytes).is_ok() {
        let _ = Model::open(&file.0, Some(Architecture::InceptionV3));
    }
});

/// One file, written anew each time.
fn tempfile() -> std::io::Result<(std::path::PathBuf, std::fs::File)> {
    let path = std::env::temp_dir().join(format!("saliscope-fuzz-{}.safetensors", std::process::id()));
    let file = std::fs::File::create(&path)?;
    Ok((path, file))
}
