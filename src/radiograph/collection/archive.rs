//! The image files of a zip archive, read in memory.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use zip::CompressionMethod;
use zip::read::ZipArchive;

use super::folder::{is_leaving, is_of_masks};
use super::passed_over::{PassedOver, Reason};
use super::problem::CollectionProblem;
use super::{ArchiveEntry, Content, HEAD_BYTES, ImageCollection, ImagePlace, collected, natural};
use crate::radiograph::{dicom, guard};
use crate::watch::Watch;
use crate::{files, limits};

const WHAT: &str = "zip archive";

pub(super) fn collect(path: &Path, watch: &dyn Watch) -> Result<ImageCollection, CollectionProblem> {
    guarded(|| {
        let mut archive = Archive::open(path)?;
        archive.check_sizes()?;
        if archive.zip.has_duplicate_names() {
            return Err(damaged(&"several of its files have the same name"));
        }
        if archive.is_of_arrays() {
            // A file of NumPy (.npz), which whoever reads images knows.
            return Ok(ImageCollection { places: vec![path.into()], notes: Vec::new() });
        }
        let mut passed_over = PassedOver::default();
        let mut names = Vec::new();
        let total = archive.zip.len();
        for index in 0..total {
            if watch.is_cancelled() {
                break;
            }
            match archive.look(index) {
                Ok(Some(name)) => names.push(name),
                Ok(None) => {}
                Err(reason) => passed_over.count(reason),
            }
            watch.progress(index + 1, total);
        }
        names.sort_by(|a, b| natural::compare(a, b));
        let place = |name: String| ImagePlace::Entry(ArchiveEntry { archive: path.to_owned(), name });
        collected(names.into_iter().map(place).collect(), &passed_over, WHAT)
    })
}

/// The content of one entry, whose length and checksum are compared.
pub(in crate::radiograph) fn read_entry(entry: &ArchiveEntry) -> Result<Vec<u8>, CollectionProblem> {
    guarded(|| {
        let mut archive = Archive::open_again(&entry.archive)?;
        let index = archive.zip.index_for_name(&entry.name).ok_or(CollectionProblem::NoEntry)?;
        let content = archive.content(index);
        *LATEST.lock().unwrap_or_else(PoisonError::into_inner) = Some(archive);
        content
    })
}

/// The archive that was read last: its directory may have many thousand entries and is not read again for each.
static LATEST: Mutex<Option<Archive>> = Mutex::new(None);

/// Parsers of untrusted files may panic; that must not take other work down.
fn guarded<T>(work: impl FnOnce() -> Result<T, CollectionProblem>) -> Result<T, CollectionProblem> {
    guard::caught(work).unwrap_or_else(|_| Err(damaged(&"its reader failed")))
}

fn damaged(reason: &impl ToString) -> CollectionProblem {
    CollectionProblem::Archive { reason: reason.to_string() }
}

struct Archive {
    zip: ZipArchive<BufReader<Allowed>>,
    path: PathBuf,
    length_bytes: u64,
    modified: Option<SystemTime>,
}

impl Archive {
    /// The archive that was read last, where it is this one and nobody changed it, else as [`Archive::open`].
    fn open_again(path: &Path) -> Result<Self, CollectionProblem> {
        let latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner).take();
        let same = latest.filter(|latest| latest.path == path).filter(|latest| {
            let now = path.metadata();
            now.is_ok_and(|now| now.len() == latest.length_bytes && now.modified().ok() == latest.modified)
        });
        same.map_or_else(|| Self::open(path), Ok)
    }

    fn open(path: &Path) -> Result<Self, CollectionProblem> {
        let unread = |problem: files::Error| CollectionProblem::File { what: WHAT, problem };
        let file = files::open(path).map_err(unread)?;
        let metadata = file.metadata().map_err(|error| unread(error.into()))?;
        let (length_bytes, modified) = (metadata.len(), metadata.modified().ok()); // Some systems keep no time.
        let left = Arc::new(AtomicU64::new(limits::ZIP_DIRECTORY_BYTES));
        let reader = BufReader::new(Allowed { file, left: Arc::clone(&left) });
        let zip = ZipArchive::new(reader).map_err(|error| damaged(&error))?;
        left.store(u64::MAX, Ordering::Relaxed);
        if zip.len() > limits::COLLECTED_FILES {
            return Err(CollectionProblem::TooManyFiles { what: WHAT });
        }
        Ok(Self { zip, path: path.to_owned(), length_bytes, modified })
    }

    /// Refuses what unpacks to more than its size explains, before anything is unpacked.
    fn check_sizes(&self) -> Result<(), CollectionProblem> {
        let (mut packed, mut unpacked) = (0_u64, 0_u64);
        for index in 0..self.zip.len() {
            let entry = self.zip.by_index_data(index).map_err(|error| damaged(&error))?;
            packed = packed.saturating_add(entry.compressed_size());
            unpacked = unpacked.saturating_add(entry.size());
        }
        if packed > self.length_bytes {
            return Err(damaged(&"its files overlap or are cut off"));
        }
        if unpacked > limits::ARCHIVE_BYTES {
            return Err(CollectionProblem::UnpacksToMuch);
        }
        let times = unpacked / self.length_bytes.max(1);
        if unpacked > limits::ARCHIVE_TRUSTED_BYTES && times > limits::ARCHIVE_RATIO {
            return Err(CollectionProblem::Unpacks { unpacked_mib: unpacked >> 20, times });
        }
        Ok(())
    }

    fn is_of_arrays(&self) -> bool {
        let is_array = |name: &[u8]| name.ends_with(b".npy") && !name.contains(&b'/');
        !self.zip.is_empty() && self.zip.file_names_raw().all(is_array)
    }

    /// The name of entry `index` where that is an image, nothing where it is nothing to speak of, or why it is passed over.
    fn look(&mut self, index: usize) -> Result<Option<String>, Reason> {
        let entry = self.zip.by_index_data(index).map_err(|_| Reason::Damaged)?;
        let name = entry.name().map_err(|_| Reason::Damaged)?.into_owned();
        if name.len() > usize::from(limits::ZIP_NAME_BYTES) {
            return Err(Reason::Damaged);
        }
        if leads_out(&name) || entry.is_symlink() {
            return Err(Reason::LeadsOut);
        }
        if entry.is_dir() || name.split('/').any(|part| is_leaving(&part.to_lowercase())) {
            return Ok(None);
        }
        if is_of_masks(&name) {
            return Err(Reason::Masks);
        }
        if entry.encrypted() {
            return Err(Reason::Encrypted);
        }
        if !is_read(entry.compression()) {
            return Err(Reason::Method(method_name(entry.compression())));
        }
        let size_bytes = entry.size();
        let mut head = Vec::new();
        let mut unpacked = self.unpacked(index).map_err(|_| Reason::Damaged)?;
        (&mut unpacked).take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(|_| Reason::Damaged)?;
        let content = Content::of(&head, || dicom::Header::of_reader(Cursor::new(&head).chain(unpacked)));
        match content {
            Content::Image if size_bytes > limits::IMAGE_BYTES => Err(Reason::TooLarge),
            Content::Image => Ok(Some(name)),
            Content::MediaDirectory => Ok(None), // It says what is there anyway.
            Content::Archive => Err(Reason::Archive),
            Content::Other => Err(Reason::Other),
        }
    }

    /// What an entry claims to hold takes no memory before it is there.
    fn content(&mut self, index: usize) -> Result<Vec<u8>, CollectionProblem> {
        let entry = self.zip.by_index_data(index).map_err(|error| damaged(&error))?;
        if entry.encrypted() {
            return Err(CollectionProblem::Encrypted);
        }
        if !is_read(entry.compression()) {
            return Err(CollectionProblem::Method { name: method_name(entry.compression()) });
        }
        let (size_bytes, checksum) = (entry.size(), entry.crc32());
        if size_bytes > limits::IMAGE_BYTES {
            return Err(CollectionProblem::EntryTooLarge);
        }
        let broken = |reason: String| CollectionProblem::Entry { reason };
        let mut content = Vec::new();
        let unpacked = self.unpacked(index).map_err(|error| broken(error.to_string()))?;
        // One byte more than it claims tells that there is more.
        let read = unpacked.take(size_bytes + 1).read_to_end(&mut content);
        read.map_err(|error| broken(error.to_string()))?;
        if content.len() as u64 != size_bytes {
            let more = if content.len() as u64 > size_bytes { "more" } else { "less" };
            return Err(broken(format!("it unpacks to {more} than the {size_bytes} bytes that were packed")));
        }
        let mut found = Crc::new();
        found.update(&content);
        if found.sum() != checksum {
            return Err(broken("its checksum is wrong".to_owned()));
        }
        Ok(content)
    }

    fn unpacked(&mut self, index: usize) -> zip::result::ZipResult<Unpacked<impl Read>> {
        let entry = self.zip.by_index_raw(index)?;
        let is_stored = entry.compression() == CompressionMethod::Stored;
        Ok(if is_stored { Unpacked::Stored(entry) } else { Unpacked::Deflated(DeflateDecoder::new(entry)) })
    }
}

/// The bytes of an entry.
enum Unpacked<R> {
    Stored(R),
    Deflated(DeflateDecoder<R>),
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(reader) => reader.read(buffer),
            Self::Deflated(reader) => reader.read(buffer),
        }
    }
}

/// Whether a name is no plain path below a folder, on any system.
fn leads_out(name: &str) -> bool {
    let has_drive = name.as_bytes().get(1) == Some(&b':');
    has_drive
        || name.starts_with(['/', '\\'])
        || name.split(['/', '\\']).any(|part| part == "..")
        || name.contains('\0')
}

fn is_read(method: CompressionMethod) -> bool {
    matches!(method, CompressionMethod::Stored | CompressionMethod::DEFLATE)
}

fn method_name(method: CompressionMethod) -> &'static str {
    match method {
        CompressionMethod::SHRINK => "Shrink",
        CompressionMethod::IMPLODE => "Implode",
        CompressionMethod::DEFLATE64 => "Deflate64",
        CompressionMethod::BZIP2 => "bzip2",
        CompressionMethod::LZMA => "LZMA",
        CompressionMethod::ZSTD => "Zstandard",
        CompressionMethod::XZ => "xz",
        CompressionMethod::PPMD => "PPMd",
        CompressionMethod::JPEG => "JPEG",
        _ => "an unknown method",
    }
}

/// A file of which only so many bytes are read: the directory of an archive may be anywhere, and endless.
struct Allowed {
    file: File,
    left: Arc<AtomicU64>,
}

impl Read for Allowed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let left = self.left.load(Ordering::Relaxed);
        let after = left.checked_sub(read as u64);
        self.left.store(after.ok_or_else(|| io::Error::other("its directory is too large"))?, Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for Allowed {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}
