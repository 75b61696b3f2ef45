//! Zip archives and DICOMDIR files, sound and lying, byte by byte.

use std::io::Write;

use super::bench::Element;

/// A file of a zip archive.
#[derive(Clone)]
pub(crate) struct Packed {
    pub(crate) name: String,
    /// The bytes as they lie in the archive.
    pub(crate) bytes: Vec<u8>,
    pub(crate) method: u16,
    /// Bit 0: encrypted; bit 3: sizes stand behind the data.
    pub(crate) flags: u16,
    pub(crate) crc: u32,
    pub(crate) size: u64,
    /// Permissions and kind, as Unix has them.
    pub(crate) mode: u32,
    /// Sizes in fields of 64 bits.
    pub(crate) is_wide: bool,
}

impl Packed {
    pub(crate) fn stored(name: &str, content: &[u8]) -> Self {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        Self {
            name: name.to_owned(),
            bytes: content.to_vec(),
            method: 0,
            flags: 0,
            crc: crc.sum(),
            size: content.len() as u64,
            mode: 0o100_644,
            is_wide: false,
        }
    }

    pub(crate) fn deflated(name: &str, content: &[u8]) -> Self {
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        deflate.write_all(content).unwrap();
        Self { bytes: deflate.finish().unwrap(), method: 8, ..Self::stored(name, content) }
    }
}

/// An archive of these files.
pub(crate) fn zip_of(files: &[Packed]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for file in files {
        let at = bytes.len() as u32;
        let has_descriptor = file.flags & 8 != 0;
        let (size, packed) = (file.size, file.bytes.len() as u64);
        let short = |value: u64| if file.is_wide { u32::MAX } else { value as u32 };
        let wide: Vec<u8> = if file.is_wide {
            [&1_u16.to_le_bytes()[..], &16_u16.to_le_bytes(), &size.to_le_bytes(), &packed.to_le_bytes()].concat()
        } else {
            Vec::new()
        };
        let common = |in_place: bool| {
            let mut head = Vec::new();
            head.extend(45_u16.to_le_bytes());
            head.extend(file.flags.to_le_bytes());
            head.extend(file.method.to_le_bytes());
            head.extend([0; 4]);
            for value in [file.crc, short(packed), short(size)] {
                head.extend(if in_place { value } else { 0 }.to_le_bytes());
            }
            head.extend((file.name.len() as u16).to_le_bytes());
            head.extend((wide.len() as u16).to_le_bytes());
            head
        };
        bytes.extend(b"PK\x03\x04");
        bytes.extend(common(!has_descriptor));
        bytes.extend(file.name.as_bytes());
        bytes.extend(&wide);
        bytes.extend(&file.bytes);
        if has_descriptor {
            bytes.extend(b"PK\x07\x08");
            for value in [file.crc, packed as u32, size as u32] {
                bytes.extend(value.to_le_bytes());
            }
        }
        directory.extend(b"PK\x01\x02");
        directory.extend(0x032d_u16.to_le_bytes());
        directory.extend(common(true));
        directory.extend([0; 6]);
        directory.extend((file.mode << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(file.name.as_bytes());
        directory.extend(&wide);
    }
    let (count, at) = (files.len() as u16, bytes.len() as u32);
    let length = directory.len() as u32;
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    bytes.extend([length.to_le_bytes(), at.to_le_bytes()].concat());
    bytes.extend([0; 2]);
    bytes
}

/// A record of a DICOMDIR: its type, the file it names, and whether it is in use.
pub(crate) type Record<'a> = (&'a str, &'a str, bool);

/// A DICOMDIR of these records. Offsets between them are nonsense.
pub(crate) fn dicomdir_of(records: &[Record<'_>]) -> Vec<u8> {
    let element = |(group, number, vr, value): Element<'_>| {
        let padding = if vr == b"UI" { 0 } else { b' ' };
        let value: Vec<u8> = value.iter().copied().chain((value.len() % 2 == 1).then_some(padding)).collect();
        let mut bytes = [group.to_le_bytes(), number.to_le_bytes(), *vr].concat();
        bytes.extend((value.len() as u16).to_le_bytes());
        bytes.extend(value);
        bytes
    };
    let mut sequence = Vec::new();
    for (kind, file, is_used) in records {
        let mut item = element((4, 0x1400, b"UL", &[9, 9, 9, 9]));
        item.extend(element((4, 0x1410, b"US", &if *is_used { [255, 255] } else { [0, 0] })));
        item.extend(element((4, 0x1430, b"CS", kind.as_bytes())));
        if !file.is_empty() {
            item.extend(element((4, 0x1500, b"CS", file.as_bytes())));
        }
        sequence.extend([0xfe, 0xff, 0, 0xe0]);
        sequence.extend((item.len() as u32).to_le_bytes());
        sequence.extend(item);
    }
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    bytes.extend(element((2, 2, b"UI", b"1.2.840.10008.1.3.10")));
    bytes.extend(element((2, 0x10, b"UI", b"1.2.840.10008.1.2.1")));
    bytes.extend([4, 0, 0x20, 0x12, b'S', b'Q', 0, 0]);
    bytes.extend((sequence.len() as u32).to_le_bytes());
    bytes.extend(sequence);
    bytes
}
