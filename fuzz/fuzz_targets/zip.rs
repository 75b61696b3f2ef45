//! Any bytes as a zip archive of images: what it holds, and each image in it.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use saliscope::radiograph::{ImageCollection, ImageFile};
use saliscope_fuzz::require_no_panic;

static PATH: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("saliscope-fuzz-{}.zip", std::process::id())));

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*PATH, [b"PK\x03\x04", bytes].concat()).expect("a temporary file can be written");
    let Ok(found) = ImageCollection::at(&PATH, &()) else { return };
    for place in found.places.iter().take(8) {
        if let Err(error) = ImageFile::open_at(place) {
            require_no_panic(&error.problem);
        }
    }
});
