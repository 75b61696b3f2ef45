//! Arrays of an `.npz`, read by name.

use std::io::{Cursor, Read};

use flate2::Crc;
use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::{Error, NpyArray, Result, npy};
use crate::limits;

/// An archive of arrays, in memory.
pub struct NpzReader<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
}

impl<'a> NpzReader<'a> {
    /// Opens the content of an `.npz` file.
    ///
    /// # Errors
    /// When it is no archive.
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        Ok(Self { archive: ZipArchive::new(Cursor::new(bytes)).map_err(|source| Error::OpenArchive { source })? })
    }

    /// Names of the arrays, without `.npy`, in the order of the archive.
    pub fn names(&self) -> Vec<String> {
        self.archive.file_names().filter_map(|name| Some(name.ok()?.strip_suffix(".npy")?.to_owned())).collect()
    }

    /// The shape of the array called `name`, by its header alone; nothing where there is none.
    ///
    /// # Errors
    /// When it is compressed in another way, or its header is not of an array that is read.
    pub fn shape(&mut self, name: &str) -> Result<Option<Vec<usize>>> {
        const START_BYTES: u64 = limits::NPY_HEADER_BYTES as u64 + 12;
        let Some((unpacked, _)) = self.entry(name)? else { return Ok(None) };
        let mut start = Vec::new();
        let read = unpacked.take(START_BYTES).read_to_end(&mut start);
        read.map_err(|source| Error::Header { reason: source.to_string() })?;
        npy::shape_of_start(&start).map(Some)
    }

    /// The array called `name`, stored as it is or deflated (`numpy.savez_compressed`); nothing where there is none.
    ///
    /// # Errors
    /// When it is compressed in another way, damaged, too large or of a type that is not read.
    pub fn array(&mut self, name: &str) -> Result<Option<NpyArray>> {
        let Some((unpacked, checksum)) = self.entry(name)? else { return Ok(None) };
        let bytes = limited(unpacked)?;
        let mut found = Crc::new();
        found.update(&bytes);
        if found.sum() != checksum {
            return Err(Error::Header { reason: "the checksum of the array is wrong".to_owned() });
        }
        NpyArray::from_bytes(&bytes).map(Some)
    }

    /// The unpacked bytes of an array's entry and their checksum.
    fn entry(&mut self, name: &str) -> Result<Option<(Box<dyn Read + '_>, u32)>> {
        let Some(index) = self.archive.index_for_name(&format!("{name}.npy")) else { return Ok(None) };
        let entry = self.archive.by_index_raw(index).map_err(|source| Error::OpenArchive { source })?;
        let checksum = entry.crc32();
        let unpacked: Box<dyn Read> = match entry.compression() {
            CompressionMethod::Stored => Box::new(entry),
            CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(entry)),
            _ => {
                let reason = "the archive is compressed in a way that NumPy does not use".to_owned();
                return Err(Error::Header { reason });
            }
        };
        Ok(Some((unpacked, checksum)))
    }
}

/// All bytes, as long as they are not too many: the size in the directory may lie.
fn limited(reader: impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = reader.take(limits::NPZ_ENTRY_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|source| Error::Header { reason: source.to_string() })?;
    if bytes.len() as u64 > limits::NPZ_ENTRY_BYTES {
        return Err(Error::Header { reason: "the array is larger than 1 GiB".to_owned() });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::{NpyValues, NpzWriter};
    use super::*;

    #[test]
    fn arrays_are_found_by_name() {
        let mut writer = NpzWriter::new(Cursor::new(Vec::new()));
        writer.add_f32("GRAD", &[1, 2], &[0.25, 0.5]).unwrap();
        writer.add_f32("GCAM/Logits", &[1, 1], &[1.0]).unwrap();
        let bytes = writer.finish().unwrap().into_inner();
        let mut reader = NpzReader::new(&bytes).unwrap();
        assert_eq!(reader.names().len(), 2);
        assert_eq!(reader.array("GRAD").unwrap().unwrap().values, NpyValues::F32(vec![0.25, 0.5]));
        assert_eq!(reader.array("GCAM/Logits").unwrap().unwrap().shape, [1, 1]);
        assert!(reader.array("IG").unwrap().is_none());
        assert_eq!(reader.shape("GRAD").unwrap(), Some(vec![1, 2]));
        assert_eq!(reader.shape("IG").unwrap(), None);
    }

    #[test]
    fn damage_is_an_error_and_no_panic() {
        assert!(NpzReader::new(b"PK\x03\x04 nothing").is_err());
        let mut writer = NpzWriter::new(Cursor::new(Vec::new()));
        writer.add_f32("a", &[4], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let bytes = writer.finish().unwrap().into_inner();
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 0x41;
            if let Ok(mut reader) = NpzReader::new(&broken) {
                let _ = (reader.shape("a"), reader.array("a"));
            }
        }
    }
}
