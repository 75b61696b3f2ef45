//! Any bytes as a DICOM file: every frame's stages, overlays and attributes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use saliscope::radiograph::dicom::{DicomImage, VoiChoice};

fuzz_target!(|bytes: &[u8]| {
    let Ok(image) = DicomImage::from_bytes(bytes.to_vec()) else { return };
    for index in 0..image.layout().frames.min(3) {
        let _ = image.spacing(index);
        if let Ok(frame) = image.frame(index) {
            let _ = frame.modality_values();
            let _ = frame.display(&VoiChoice::AsStored);
        }
        for overlay in 0..image.overlays().len() {
            let _ = image.overlay_bits(overlay, index);
        }
    }
    let _ = image.identity();
});
