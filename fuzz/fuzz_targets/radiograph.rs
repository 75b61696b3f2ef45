//! Any bytes as a radiograph of whatever format they begin like: PNG, JPEG, TIFF, NPY, DICOM.
#![no_main]

use libfuzzer_sys::fuzz_target;
use saliscope::radiograph::Radiograph;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(radiograph) = Radiograph::from_bytes(bytes) {
        let _ = radiograph.resized(16, 16);
    }
});
