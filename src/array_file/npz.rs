//! Several named arrays in one `.npz`, stored as they are so that a reader can map them.

use std::io::{self, Seek, SeekFrom, Write};

use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::{NpyElement, Result, write_npy};

/// Writes arrays one after the other. Equal arrays give equal bytes: no time of day is stored.
pub struct NpzWriter<W: Write + Seek> {
    archive: ZipWriter<Quiet<W>>,
}

impl<W: Write + Seek> NpzWriter<W> {
    /// Begins an archive.
    pub fn new(inner: W) -> Self {
        Self { archive: ZipWriter::new(Quiet { inner, at: 0, has_failed: false }) }
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
        let Quiet { inner, has_failed, .. } = self.archive.finish()?;
        if has_failed { Err(io::Error::other("an array before was not written whole").into()) } else { Ok(inner) }
    }

    fn add<T: NpyElement>(&mut self, name: &str, shape: &[usize], values: &[T]) -> Result<()> {
        let large = size_of_val(values) > (u32::MAX as usize) / 2;
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(large);
        self.archive.start_file(format!("{name}.npy"), options)?;
        write_npy(&mut self.archive, shape, values)
    }
}

/// A writer that fails once. An archive that is given up is finished by its crate all the same, which prints its trouble for
/// itself where that fails again.
struct Quiet<W> {
    inner: W,
    /// Where the next byte goes, or would go.
    at: u64,
    has_failed: bool,
}

impl<W> Quiet<W> {
    fn noted<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        self.has_failed |= done.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
        done
    }
}

impl<W: Write> Write for Quiet<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = if self.has_failed { Ok(bytes.len()) } else { self.inner.write(bytes) };
        self.at += *written.as_ref().unwrap_or(&0) as u64;
        self.noted(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.has_failed {
            return Ok(());
        }
        let flushed = self.inner.flush();
        self.noted(flushed)
    }
}

impl<W: Seek> Seek for Quiet<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            _ if !self.has_failed => self.inner.seek(to),
            SeekFrom::Start(place) => Ok(place),
            SeekFrom::Current(by) => Ok(self.at.saturating_add_signed(by)),
            SeekFrom::End(_) => Ok(self.at),
        };
        self.at = *place.as_ref().unwrap_or(&self.at);
        self.noted(place)
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

    /// A disk with room for so many bytes.
    struct Disk {
        room: usize,
        writes_after: usize,
    }

    impl Write for &mut Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                self.writes_after += 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            let written = bytes.len().min(self.room);
            self.room -= written;
            Ok(written)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for &mut Disk {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Ok(0)
        }
    }

    #[test]
    fn a_full_disk_is_told_once() {
        for room in [0, 40, 200] {
            let mut disk = Disk { room, writes_after: 0 };
            let mut writer = NpzWriter::new(&mut disk);
            let error = writer.add_f32("map", &[100], &[0.5; 100]).unwrap_err();
            assert!(error.to_string().contains("no space is left on the disk"), "{error}");
            assert!(writer.finish().is_err(), "half an archive is none");
            assert_eq!(disk.writes_after, 1, "the crate tried again and would have printed its trouble");
        }
    }

    #[test]
    fn equal_arrays_give_equal_bytes() {
        assert_eq!(archive(), archive());
    }
}
