//! The part of HDF5 that h5py and Keras write (HDF5 File Format Specification 3.0): superblocks 0 to 3, groups as symbol
//! tables, links in the object header or in dense storage, floating-point datasets that are compact, contiguous, or chunked with deflate
//! and shuffle, texts in attributes of the root group. Other attributes are passed over.
//!
//! Every offset is checked, every walk is bounded, and no memory is taken for data that the file does not hold.

mod attribute;
mod dataset;
mod dense;
mod group;
mod object;

use super::bytes::{Bytes, Damage};
pub(super) use dataset::Dataset;
pub(super) use group::Objects;

/// The first bytes of every file.
pub(super) const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// A file in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct File<'a> {
    bytes: Bytes<'a>,
    /// Address of the object header of the root group.
    root: u64,
}

impl<'a> File<'a> {
    /// Reads the superblock.
    pub(super) fn new(content: &'a [u8]) -> Result<Self, Damage> {
        let bytes = Bytes(content);
        bytes.expect(SIGNATURE, "HDF5 signature")?;
        // Places of: sizes of offsets and lengths, base address, end of the file, address of the root's object header.
        let (sizes, base, end, root) = match bytes.u8(8)? {
            0 => (13, 24, 40, 64),
            1 => (13, 28, 44, 68),
            2 | 3 => (9, 12, 28, 36),
            version => return Err(Damage(format!("superblock version {version} is unknown"))),
        };
        if bytes.slice(sizes, 2)? != [8, 8] {
            return Err(Damage("its addresses do not have 8 bytes".to_owned()));
        }
        if bytes.u64(base)? != 0 {
            return Err(Damage("its base address is not 0".to_owned()));
        }
        let (found, expected) = (content.len() as u64, bytes.u64(end)?);
        if found < expected {
            return Err(Damage(format!("it has {found} of {expected} bytes")));
        }
        Ok(Self { bytes, root: bytes.u64(root)? })
    }
}
