//! Any bytes as a model that Keras saved: HDF5, or an archive of a configuration and HDF5.
#![no_main]

use libfuzzer_sys::fuzz_target;
use saliscope::foreign::{Asked, from_bytes};

fuzz_target!(|bytes: &[u8]| {
    let _ = from_bytes(bytes, &Asked::default());
});
