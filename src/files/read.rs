//! Reading regular files up to a bound.

use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::error::{Error, Result};
use super::opened;

/// Opens a regular file for reading. Anything else is refused without being opened: opening a pipe waits for whoever writes
/// into it, and opening a device may do something to it.
///
/// # Errors
/// When there is no such file, it is no regular one, or the system refuses.
pub fn open(path: &Path) -> Result<File> {
    let file = open_regular(path)?;
    opened::note(path);
    Ok(file)
}

fn open_regular(path: &Path) -> Result<File> {
    require_regular(&path.metadata()?)?;
    let file = File::open(path)?;
    // Another file may have taken the name in between.
    require_regular(&file.metadata()?)?;
    Ok(file)
}

/// The first bytes of a regular file, at most `count`: a look at what it is, which is not counted as reading it.
///
/// # Errors
/// As [`open`].
pub fn head(path: &Path, count: usize) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    open_regular(path)?.take(count as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// The whole content of a regular file of at most `limit_bytes`.
///
/// # Errors
/// As [`open`], and when the file is larger, or grows beyond that while it is read.
pub fn read(path: &Path, limit_bytes: u64) -> Result<Vec<u8>> {
    Source::open(path, limit_bytes)?.read()
}

/// The same of a text in UTF-8.
///
/// # Errors
/// As [`read`], and when it is no such text.
pub fn read_text(path: &Path, limit_bytes: u64) -> Result<String> {
    String::from_utf8(read(path, limit_bytes)?).map_err(|_| Error::NotText)
}

/// A regular file that is open, and no larger than it may be. Its first bytes can be looked at before the rest is read.
#[derive(Debug)]
pub struct Source {
    file: File,
    length_bytes: u64,
    limit_bytes: u64,
}

impl Source {
    /// Opens a file of at most `limit_bytes`.
    ///
    /// # Errors
    /// As [`open`], and when the file is larger.
    pub fn open(path: &Path, limit_bytes: u64) -> Result<Self> {
        let file = open(path)?;
        let length_bytes = file.metadata()?.len();
        if length_bytes > limit_bytes {
            return Err(Error::TooLarge { found_bytes: length_bytes, limit_bytes });
        }
        Ok(Self { file, length_bytes, limit_bytes })
    }

    /// Bytes it had when it was opened.
    pub fn length_bytes(&self) -> u64 {
        self.length_bytes
    }

    /// Its first bytes, at most `count`. What is read afterwards begins with them again.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn head(&mut self, count: usize) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        (&mut self.file).take(count as u64).read_to_end(&mut head)?;
        self.file.seek(SeekFrom::Start(0))?;
        Ok(head)
    }

    /// All of it.
    ///
    /// # Errors
    /// When it grew beyond its bound, there is no memory for it, or the system refuses.
    pub fn read(self) -> Result<Vec<u8>> {
        let Self { file, length_bytes, limit_bytes } = self;
        let no_memory = || Error::NoMemory { bytes: length_bytes };
        let mut bytes = Vec::new();
        // One more than there are lets the end be found without another step of growth.
        let expected = usize::try_from(length_bytes + 1).map_err(|_| no_memory())?;
        bytes.try_reserve_exact(expected).map_err(|_| no_memory())?;
        // One byte more than allowed tells a file that is too large from one that just fits.
        let found_bytes = file.take(limit_bytes.saturating_add(1)).read_to_end(&mut bytes)? as u64;
        if found_bytes > limit_bytes {
            return Err(Error::TooLarge { found_bytes, limit_bytes });
        }
        Ok(bytes)
    }

    /// The file, to be read bit by bit from its beginning; at most its bound is given, whatever the file becomes.
    pub fn into_reader(self) -> impl Read + use<> {
        self.file.take(self.limit_bytes)
    }
}

fn require_regular(metadata: &Metadata) -> Result<()> {
    if metadata.is_file() {
        Ok(())
    } else if metadata.is_dir() {
        Err(Error::Folder)
    } else {
        Err(Error::NotRegular)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"four").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"four");
        assert!(matches!(read(&path, 3), Err(Error::TooLarge { found_bytes: 4, limit_bytes: 3 })));
        let mut source = Source::open(&path, 9).unwrap();
        assert_eq!((source.head(2).unwrap(), source.head(9).unwrap()), (b"fo".to_vec(), b"four".to_vec()));
        assert_eq!((source.length_bytes(), source.read().unwrap()), (4, b"four".to_vec()));
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(read_text(&path, 4), Err(Error::NotText)));
    }

    #[test]
    fn what_grows_meanwhile_is_not_read_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"four").unwrap();
        let [whole, parts] = [Source::open(&path, 6).unwrap(), Source::open(&path, 6).unwrap()];
        std::fs::write(&path, b"four and more").unwrap();
        assert!(matches!(whole.read(), Err(Error::TooLarge { found_bytes: 7, limit_bytes: 6 })));
        let mut given = Vec::new();
        parts.into_reader().read_to_end(&mut given).unwrap();
        assert_eq!(given, b"four a");
    }

    #[test]
    fn what_is_no_regular_file_is_refused_unopened() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read(folder.path(), 9), Err(Error::Folder)));
        assert!(matches!(read(&folder.path().join("none"), 9), Err(Error::Missing)));
        let huge = folder.path().join("huge");
        File::create(&huge).unwrap().set_len(8 << 30).unwrap();
        let told = read(&huge, 4 << 30).unwrap_err().to_string();
        assert_eq!(told, "it is larger than 4 GiB, the most that is read of such a file");
        #[cfg(unix)]
        {
            let socket = folder.path().join("socket");
            let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
            for path in [socket.as_path(), Path::new("/dev/zero"), Path::new("/dev/null")] {
                assert!(matches!(read(path, 9), Err(Error::NotRegular)), "{}", path.display());
            }
        }
    }
}
