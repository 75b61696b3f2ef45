//! What `torch.save` wrote, in either format: a pickle, and the storages of its tensors.

use super::super::error::Result;
use super::archive::Archive;
use super::legacy::{Legacy, is_legacy};
use super::pickle::{Pickle, Tensor};
use super::values;

/// A file in memory.
#[derive(Debug)]
pub(super) enum Container<'a> {
    Zip(Archive<'a>, Pickle),
    Legacy(Legacy<'a>),
}

impl<'a> Container<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self> {
        if is_legacy(bytes) {
            return Legacy::new(bytes).map(Self::Legacy);
        }
        let archive = Archive::new(bytes)?;
        let pickle = Pickle::parse(&archive.pickle()?)?;
        Ok(Self::Zip(archive, pickle))
    }

    pub(super) fn pickle(&self) -> &Pickle {
        match self {
            Self::Zip(_, pickle) => pickle,
            Self::Legacy(legacy) => &legacy.pickle,
        }
    }

    /// Whether TorchScript wrote it.
    pub(super) fn is_script(&self) -> bool {
        matches!(self, Self::Zip(archive, _) if archive.is_script)
    }

    /// The values of a tensor, row-major.
    pub(super) fn values(&self, name: &str, tensor: &Tensor) -> Result<Vec<f32>> {
        // Before any storage is unpacked.
        values::check(name, tensor)?;
        match self {
            Self::Zip(archive, _) => {
                archive.with_storage(&tensor.storage, |bytes| values::read(name, tensor, bytes, archive.big_endian))
            }
            Self::Legacy(legacy) => values::read(name, tensor, legacy.storage(&tensor.storage)?, legacy.big_endian),
        }
    }
}
