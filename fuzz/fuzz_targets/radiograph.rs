//! Any bytes as a radiograph of whatever format they begin like: PNG, JPEG, TIFF, NPY, DICOM.
#![no_main]

use libfuzzer_sys::fuzz_target;
use saliscope::radiograph::Radiograph;
use saliscope_fuzz::require_no_panic;

fuzz_target!(|bytes: &[u8]| {
    match Radiograph::from_bytes(bytes) {
        Ok(radiograph) => drop(radiograph.resized(16, 16)),
        Err(problem) => require_no_panic(&problem),
    }
});
