//! The zip archive that `torch.save` writes: `<name>/data.pkl` and one file a storage, `<name>/data/<key>`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::super::bytes::{Bytes, Damage};
use super::super::error::{Error, Result};
use super::pickle::{Storage, Tensor};
use super::zip::{Entry, directory};
use crate::limits;

/// The archive in memory.
#[derive(Debug)]
pub(super) struct Archive<'a> {
    bytes: Bytes<'a>,
    entries: BTreeMap<String, Entry>,
    /// Folder of all entries, with its slash.
    folder: String,
    big_endian: bool,
    /// The storage read last: tensors next to each other often share one.
    last: RefCell<(String, Vec<u8>)>,
}

/// Type of the elements of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Float {
    F16,
    Bf16,
    F32,
    F64,
}

impl Float {
    fn of(class: &str) -> Option<Self> {
        match class {
            "HalfStorage" => Some(Self::F16),
            "BFloat16Storage" => Some(Self::Bf16),
            "FloatStorage" => Some(Self::F32),
            "DoubleStorage" => Some(Self::F64),
            _ => None,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// The number in the first bytes of `word`, least significant first.
    fn value(self, word: [u8; 8]) -> f32 {
        let [a, b, c, d, ..] = word;
        match self {
            Self::F16 => half::f16::from_le_bytes([a, b]).to_f32(),
            Self::Bf16 => half::bf16::from_le_bytes([a, b]).to_f32(),
            Self::F32 => f32::from_le_bytes([a, b, c, d]),
            Self::F64 => f64::from_le_bytes(word) as f32,
        }
    }
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
        if has("/constants.pkl") {
            return Err(Error::Unsupported(
                "this is a TorchScript program; load it in PyTorch and save its weights alone \
                 (torch.save(torch.jit.load(file).state_dict(), new_file))"
                    .to_owned(),
            ));
        }
        let folder = entries.keys().find_map(|name| name.strip_suffix("data.pkl").map(str::to_owned));
        let folder = folder.filter(|folder| folder.is_empty() || folder.ends_with('/')).ok_or_else(|| {
            Error::Unsupported("this is a zip file, but none that torch.save wrote (it has no data.pkl)".to_owned())
        })?;
        let mut archive = Self { bytes, entries, folder, big_endian: false, last: RefCell::default() };
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

    /// The values of a tensor, row-major, whatever its strides.
    pub(super) fn values(&self, name: &str, tensor: &Tensor) -> Result<Vec<f32>> {
        let Tensor { storage: Storage { class, key, count }, offset, shape, strides } = tensor;
        let Some(float) = Float::of(class) else {
            let dtype = class.strip_suffix("Storage").unwrap_or(class).to_lowercase();
            return Err(crate::network::Error::TensorDtype { name: name.to_owned(), dtype }.into());
        };
        let beyond = || damaged(format!("tensor {name:?} of shape {shape:?} reaches beyond its storage of {count}"));
        let length: usize = shape.iter().product();
        if length == 0 {
            return Ok(Vec::new());
        }
        let last = shape.iter().zip(strides).try_fold(*offset, |last, (size, stride)| {
            (size - 1).checked_mul(*stride).and_then(|step| last.checked_add(step))
        });
        if last.is_none_or(|last| last >= *count) {
            return Err(beyond());
        }
        let entry = format!("data/{key}");
        let claimed = count.checked_mul(float.bytes()).map(|bytes| bytes as u64);
        let stored = self.entries.get(&format!("{}{entry}", self.folder)).map(|entry| entry.size_bytes);
        if stored.is_some() && stored != claimed {
            return Err(damaged(format!("the storage of tensor {name:?} does not have its {count} values")));
        }
        let mut last = self.last.borrow_mut();
        if last.0 != entry {
            let content = self.entry(&entry, limits::UNPACKED_BYTES)?;
            *last = (entry, content);
        }
        let bytes = &last.1;
        let mut values = Vec::with_capacity(length);
        let mut index = vec![0; shape.len()];
        let mut at = *offset;
        loop {
            let stored = bytes.get(at * float.bytes()..(at + 1) * float.bytes()).ok_or_else(beyond)?;
            let mut word = [0; 8];
            word[..stored.len()].copy_from_slice(stored);
            if self.big_endian {
                word[..stored.len()].reverse();
            }
            values.push(float.value(word));
            // The next index, the last axis first.
            let mut axis = shape.len();
            loop {
                if axis == 0 {
                    return Ok(values);
                }
                axis -= 1;
                index[axis] += 1;
                at += strides[axis];
                if index[axis] < shape[axis] {
                    break;
                }
                at -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }
    }
}
