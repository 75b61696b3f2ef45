//! Any bytes as an array file: its header and elements, as an image and as an array.
#![no_main]

use libfuzzer_sys::fuzz_target;
use saliscope::array_file::{NPY_MAGIC, NpyArray};
use saliscope::radiograph::Radiograph;
use saliscope_fuzz::require_no_panic;

fuzz_target!(|bytes: &[u8]| {
    let file = [NPY_MAGIC, bytes].concat();
    let _ = NpyArray::from_bytes(&file);
    if let Err(problem) = Radiograph::from_bytes(&file) {
        require_no_panic(&problem);
    }
});
