//! Any bytes as a person's name, in any character sets: read, shown, and the same when read again as UTF-8.
#![no_main]

use libfuzzer_sys::fuzz_target;
use saliscope::radiograph::dicom::DicomImage;
use saliscope_fuzz::{DicomFile, read};

fuzz_target!(|input: (&str, &[u8])| {
    let (sets, name) = input;
    let file = DicomFile::new("1.2.840.10008.1.2.1")
        .element(0x0008, 0x0005, b"CS", sets.as_bytes())
        .element(0x0008, 0x1030, b"LO", name)
        .element(0x0010, 0x0010, b"PN", name)
        .element(0x0010, 0x0020, b"LO", name)
        .gray_layout(2, 2, 8, 8)
        .with_pixels(&[1, 2, 3, 4]);
    read(DicomImage::from_bytes(file)).map(|image| image.identity());
});
