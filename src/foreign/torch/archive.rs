//! The zip archive that `torch.save` writes: `<name>/data.pkl` and one file a storage, `<name>/data/<key>`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::super::bytes::{Bytes, Damage};
use super::super::error::{Error, Result};
use super::pickle::Storage;
use super::values::element_bytes;
use super::zip::{Entry, directory};
use crate::limits;

/// The archive in memory.
#[derive(Debug)]
pub(super) struct Archive<'a> {
    bytes: Bytes<'a>,
    entries: BTreeMap<String, Entry>,
    /// Folder of all entries, with its slash.
    folder: String,
    pub(super) big_endian: bool,
    /// Whether TorchScript wrote it.
    pub(super) is_script: bool,
    /// The storage read last: tensors next to each other often share one.
    last: RefCell<(String, Vec<u8>)>,
}

fn damaged(problem: impl Into<String>) -> Error {
    Error::Damaged { format: "PyTorch", problem: problem.into() }
}

fn of_zip(Damage(problem): Damage) -> Error {
    damaged(problem)
}

impl<'a> Archive<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self> {
        let bytes = Bytes(bytes);
        let entries = directory(bytes).map_err(of_zip)?;
        let has = |ending: &str| entries.keys().any(|name| name.ends_with(ending));
        if has("model.weights.h5") {
            return Err(Error::Unsupported(
                "this is a .keras file; load it in Keras and save the model as .h5 (model.save(\"model.h5\"))"
                    .to_owned(),
            ));
        }
        if has("/models/model.json") || has("/serialized_exported_program.json") {
            return Err(Error::Unsupported(
                "this is a program that torch.export wrote; load it in PyTorch and save its weights alone \
                 (torch.save(torch.export.load(file).state_dict, new_file))"
                    .to_owned(),
            ));
        }
        let is_script = has("/constants.pkl");
        let mut folders = entries.keys().filter_map(|name| name.strip_suffix("data.pkl"));
        let folder = folders.find(|folder| folder.is_empty() || folder.ends_with('/')).map(str::to_owned);
        let folder = folder.ok_or_else(|| {
            Error::Unsupported("this is a zip file, but none that torch.save wrote (it has no data.pkl)".to_owned())
        })?;
        let mut archive = Self { bytes, entries, folder, big_endian: false, is_script, last: RefCell::default() };
        archive.big_endian = archive.entry("byteorder", 64).is_ok_and(|order| order == b"big");
        Ok(archive)
    }

    pub(super) fn pickle(&self) -> Result<Vec<u8>> {
        self.entry("data.pkl", limits::PICKLE_BYTES)
    }

    /// A whole entry of at most `limit` bytes.
    fn entry(&self, name: &str, limit: u64) -> Result<Vec<u8>> {
        let entry = self.entries.get(&format!("{}{name}", self.folder));
        let entry = entry.ok_or_else(|| damaged(format!("it has no {name}")))?;
        if entry.size_bytes > limit {
            return Err(damaged(format!("{name} has {} bytes, at most {limit} are read", entry.size_bytes)));
        }
        entry.content(self.bytes).map_err(of_zip)
    }

    /// Does something with the bytes of a whole storage.
    pub(super) fn with_storage<T>(&self, storage: &Storage, then: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        let Storage { class, key, whole, .. } = storage;
        let entry = format!("data/{key}");
        let claimed = element_bytes(class).and_then(|element| whole.checked_mul(element)).map(|bytes| bytes as u64);
        let stored = self.entries.get(&format!("{}{entry}", self.folder)).map(|entry| entry.size_bytes);
        if stored.is_some() && stored != claimed {
            return Err(damaged(format!("storage {key:?} does not have its {whole} values")));
        }
        let mut last = self.last.borrow_mut();
        if last.0 != entry {
            let is_packed = self.entries.get(&format!("{}{entry}", self.folder)).is_some_and(Entry::is_packed);
            let limit = if is_packed { limits::PACKED_STORAGE_BYTES } else { limits::UNPACKED_BYTES };
            let content = self.entry(&entry, limit)?;
            *last = (entry, content);
        }
        then(&last.1)
    }
}
