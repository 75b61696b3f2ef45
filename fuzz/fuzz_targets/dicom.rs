//! Any bytes as a DICOM file: every frame's stages, overlays and attributes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use saliscope::radiograph::dicom::{DicomImage, VoiChoice};
use saliscope_fuzz::read;

fuzz_target!(|bytes: &[u8]| {
    let Some(image) = read(DicomImage::from_bytes(bytes.to_vec())) else { return };
    for index in 0..image.layout().frames.min(3) {
        let _ = image.spacing(index);
        if let Some(frame) = read(image.frame(index)) {
            let _ = frame.modality_values();
            if let Ok(gray) = frame.display(&VoiChoice::AsStored) {
                assert!(gray.iter().all(|level| (0.0..=1.0).contains(level)), "a gray level outside black to white");
            }
        }
        for overlay in 0..image.overlays().len() {
            let _ = image.overlay_bits(overlay, index, None);
        }
    }
    let _ = image.identity();
});
