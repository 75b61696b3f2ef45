//! Any bytes as a lossless JPEG frame of a DICOM file of the size that its own frame header says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use saliscope::radiograph::dicom::DicomImage;
use saliscope_fuzz::{DicomFile, read};

fuzz_target!(|stream: &[u8]| {
    // Precision, lines, samples a line: what follows the length of the first SOF3.
    let Some(at) = stream.windows(2).position(|marker| marker == [0xff, 0xc3]) else { return };
    let Some(&[precision, a, b, c, d]) = stream.get(at + 4..at + 9) else { return };
    let [rows, columns] = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
    let allocated = if precision > 8 { 16 } else { 8 };
    let file = DicomFile::new("1.2.840.10008.1.2.4.57")
        .gray_layout(rows, columns, allocated, u16::from(precision))
        .with_fragment(stream);
    read(DicomImage::from_bytes(file)).map(|image| read(image.frame(0)));
});
