//! The format of before PyTorch 1.6: one pickle after the other (a magic number, a version, sizes of types, the object, the
//! names of its storages), and then the storages, each behind its number of elements.

use std::collections::BTreeMap;

use super::super::bytes::{Bytes, Damage};
use super::super::error::{Error, Result};
use super::pickle::{Object, Pickle, Storage};
use super::values::element_bytes;
use crate::limits;

/// The magic number as a pickle has it: `LONG1` and ten bytes.
const MAGIC: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
/// The magic number begins within so many bytes, whatever the protocol of its pickle.
const MAGIC_WITHIN: usize = 16;
/// Version of the format.
const VERSION: i64 = 1001;

/// Whether a file that begins with `head` has this format.
pub(in super::super) fn is_legacy(head: &[u8]) -> bool {
    let starts = head.iter().take(MAGIC_WITHIN).enumerate().map(|(at, _)| &head[at..]);
    head.first() == Some(&0x80) && starts.into_iter().any(|rest| rest.starts_with(MAGIC))
}

/// A file in memory.
#[derive(Debug)]
pub(super) struct Legacy<'a> {
    pub(super) pickle: Pickle,
    pub(super) big_endian: bool,
    storages: BTreeMap<String, &'a [u8]>,
}

fn damaged(problem: impl Into<String>) -> Error {
    Error::Damaged { format: "PyTorch", problem: problem.into() }
}

fn of_bytes(Damage(problem): Damage) -> Error {
    damaged(problem)
}

impl<'a> Legacy<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self> {
        let mut rest = bytes;
        next(&mut rest)?;
        let version = next(&mut rest)?;
        if *version.get(version.root()) != Object::Int(VERSION) {
            return Err(damaged("it has a format version that is not known"));
        }
        let system = next(&mut rest)?;
        let little = system.value(system.root(), "little_endian").map(|id| system.get(id).clone());
        let big_endian = little == Some(Object::Bool(false));
        let pickle = next(&mut rest)?;
        let keys = next(&mut rest)?;
        let storages = storages(&pickle, &keys, rest, big_endian)?;
        Ok(Self { pickle, big_endian, storages })
    }

    /// The bytes of a whole storage.
    pub(super) fn storage(&self, storage: &Storage) -> Result<&'a [u8]> {
        let bytes = self.storages.get(&*storage.key).copied();
        bytes.ok_or_else(|| damaged(format!("it has no storage {:?}", storage.key)))
    }
}

/// The next pickle, which `rest` then begins behind.
fn next(rest: &mut &[u8]) -> Result<Pickle> {
    let longest = usize::try_from(limits::PICKLE_BYTES).unwrap_or(usize::MAX).min(rest.len());
    let (pickle, behind) = Pickle::parse_first(&rest[..longest])?;
    *rest = &rest[longest - behind.len()..];
    Ok(pickle)
}

/// The storages in the order of their names.
fn storages<'a>(
    pickle: &Pickle,
    keys: &Pickle,
    bytes: &'a [u8],
    big_endian: bool,
) -> Result<BTreeMap<String, &'a [u8]>> {
    let mut known: BTreeMap<&str, &Storage> = BTreeMap::new();
    for object in pickle.objects() {
        let Object::Storage(storage) = object else { continue };
        let first = known.entry(&storage.key).or_insert(storage);
        if (&first.class, first.whole) != (&storage.class, storage.whole) {
            return Err(damaged(format!("storage {:?} is described in two ways", storage.key)));
        }
    }
    let Object::Sequence(names) = keys.get(keys.root()) else {
        return Err(damaged("it does not list its storages"));
    };
    let (bytes, mut at, mut storages) = (Bytes(bytes), 0, BTreeMap::new());
    for name in names {
        let Object::Text(name) = keys.get(*name) else { return Err(damaged("a storage has no name")) };
        let storage = known.get(name.as_str()).ok_or_else(|| damaged(format!("nothing uses storage {name:?}")))?;
        let element = element_bytes(&storage.class)
            .ok_or_else(|| damaged(format!("storage {name:?} has the unknown type {}", storage.class)))?;
        let count = bytes.u64(at).map_err(of_bytes)?;
        let count = if big_endian { count.swap_bytes() } else { count };
        if count != storage.whole as u64 {
            return Err(damaged(format!("storage {name:?} has {count} instead of {} values", storage.whole)));
        }
        let length = count.checked_mul(element as u64).ok_or_else(|| damaged("a storage is too large"))?;
        let content = bytes.slice(at + 8, length).map_err(of_bytes)?;
        at += 8 + length;
        if storages.insert(name.clone(), content).is_some() {
            return Err(damaged(format!("storage {name:?} is there twice")));
        }
    }
    Ok(storages)
}
