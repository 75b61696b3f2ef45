//! Several named arrays in one `.npz`, stored as they are so that a reader can map them.

use std::io::{Seek, Write};

use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::{NpyElement, Result, write_npy};

/// Writes arrays one after the other. Equal arrays give equal bytes: no time of day is stored.
pub struct NpzWriter<W: Write + Seek> {
    archive: ZipWriter<W>,
}

impl<W: Write + Seek> NpzWriter<W> {
    /// Begins an archive.
    pub fn new(inner: W) -> Self {
        Self { archive: ZipWriter::new(inner) }
    }

    /// Adds `values` as a little-endian `float32` array called `name`.
    ///
    /// # Errors
    /// When writing fails.
    ///
    /// # Panics
    /// When the number of values is not the product of the shape.
    pub fn add_f32(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Result<()> {
        self.add(name, shape, values)
    }

    /// Adds `values` as a little-endian `int32` array called `name`.
    ///
    /// # Errors
    /// When writing fails.
    ///
    /// # Panics
    /// When the number of values is not the product of the shape.
    pub fn add_i32(&mut self, name: &str, shape: &[usize], values: &[i32]) -> Result<()> {
        self.add(name, shape, values)
    }

    /// Writes the directory and gives the inner writer back.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(self) -> Result<W> {
        Ok(self.archive.finish()?)
    }

    fn add<T: NpyElement>(&mut self, name: &str, shape: &[usize], values: &[T]) -> Result<()> {
        let large = size_of_val(values) > (u32::MAX as usize) / 2;
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(large);
        self.archive.start_file(format!("{name}.npy"), options)?;
        write_npy(&mut self.archive, shape, values)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::super::{NpyArray, NpyValues};
    use super::*;

    fn archive() -> Vec<u8> {
        let mut writer = NpzWriter::new(Cursor::new(Vec::new()));
        writer.add_f32("map", &[2, 3], &[0.0, 0.5, 1.0, -1.0, f32::NAN, 3.5]).unwrap();
        writer.add_i32("labels", &[2], &[7, -8]).unwrap();
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn arrays_are_stored_and_read_back() {
        let bytes = archive();
        let mut zip = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
        let mut entry = zip.by_name("map.npy").unwrap();
        assert_eq!(entry.compression(), CompressionMethod::Stored);
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let array = NpyArray::from_bytes(&content).unwrap();
        assert_eq!(array.shape, [2, 3]);
        let NpyValues::F32(values) = array.values else { panic!("float32 expected") };
        assert_eq!(values[..4], [0.0, 0.5, 1.0, -1.0]);
        assert!(values[4].is_nan());
        drop(entry);
        let mut content = Vec::new();
        zip.by_name("labels.npy").unwrap().read_to_end(&mut content).unwrap();
        assert!(content.windows(3).any(|window| window == b"<i4"), "int32 is declared");
        assert!(content.ends_with(&[7, 0, 0, 0, 0xf8, 0xff, 0xff, 0xff]));
    }

    #[test]
    fn equal_arrays_give_equal_bytes() {
        assert_eq!(archive(), archive());
    }
}
