//! What the targets share: DICOM files around what a fuzzer makes, so that it reaches one part of the reader, and what must
//! not come back.

use saliscope::radiograph::{Problem, dicom};

/// Panics on a panic: the guard around the decoders makes an error of it, which a fuzzer would not see.
///
/// # Panics
/// When a decoder panicked or was abandoned.
pub fn require_no_panic(problem: &Problem) {
    let failed = matches!(
        problem,
        Problem::DecoderPanicked { .. }
            | Problem::TimedOut { .. }
            | Problem::Dicom(dicom::Error::Panicked | dicom::Error::TimedOut { .. })
    );
    assert!(!failed, "{problem}");
}

/// What a DICOM file's reader gave, unless it failed; panics as [`require_no_panic`].
pub fn read<T>(result: dicom::Result<T>) -> Option<T> {
    result.map_err(|error| require_no_panic(&error.into())).ok()
}

const PREAMBLE: [u8; 132] = {
    let mut preamble = [0; 132];
    preamble[128] = b'D';
    preamble[129] = b'I';
    preamble[130] = b'C';
    preamble[131] = b'M';
    preamble
};

/// Explicit little-endian elements, in the order they are given.
pub struct DicomFile(Vec<u8>);

impl DicomFile {
    /// A file of a transfer syntax, without elements.
    pub fn new(transfer_syntax: &str) -> Self {
        let mut file = Self(PREAMBLE.to_vec());
        file.element(0x0002, 0x0010, b"UI", transfer_syntax.as_bytes());
        file
    }

    /// Adds an element of a short representation; at most 65534 bytes of `value` are taken.
    pub fn element(&mut self, group: u16, element: u16, vr: &[u8; 2], value: &[u8]) -> &mut Self {
        let value = &value[..value.len().min(0xfffe)];
        let padding = value.len() % 2;
        self.0.extend([group.to_le_bytes(), element.to_le_bytes(), *vr].concat());
        self.0.extend(((value.len() + padding) as u16).to_le_bytes());
        self.0.extend(value);
        self.0.extend(std::iter::repeat_n(if vr == b"UI" { 0 } else { b' ' }, padding));
        self
    }

    /// Adds what says how samples are stored: one gray sample a pixel.
    pub fn gray_layout(&mut self, rows: u16, columns: u16, bits_allocated: u16, bits_stored: u16) -> &mut Self {
        self.element(0x0028, 0x0002, b"US", &1_u16.to_le_bytes());
        self.element(0x0028, 0x0004, b"CS", b"MONOCHROME2");
        for (element, value) in
            [(0x10, rows), (0x11, columns), (0x100, bits_allocated), (0x101, bits_stored), (0x102, bits_stored.wrapping_sub(1))]
        {
            self.element(0x0028, element, b"US", &value.to_le_bytes());
        }
        self.element(0x0028, 0x0103, b"US", &0_u16.to_le_bytes())
    }

    /// The bytes of the file with one frame in one fragment.
    pub fn with_fragment(&mut self, fragment: &[u8]) -> Vec<u8> {
        let even = fragment.len() + fragment.len() % 2;
        let mut bytes = std::mem::take(&mut self.0);
        bytes.extend(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0");
        bytes.extend((even as u32).to_le_bytes());
        bytes.extend(fragment);
        bytes.resize(bytes.len() + even - fragment.len(), 0);
        bytes.extend(b"\xfe\xff\xdd\xe0\0\0\0\0");
        bytes
    }

    /// The bytes of the file with uncompressed pixels, at most 65534 bytes of them.
    pub fn with_pixels(&mut self, pixels: &[u8]) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.0);
        bytes.extend(b"\xe0\x7f\x10\x00OW\0\0");
        bytes.extend((pixels.len() as u32).to_le_bytes());
        bytes.extend(pixels);
        bytes
    }
}
