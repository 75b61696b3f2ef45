//! Safetensors of other programs: networks of timm, of transformers or in a wrapper, which are not called as torchvision calls
//! them.

use safetensors::SafeTensors;

use super::error::{Error, Result};
use super::named;
use super::names::{Hints, Listing, plan};
use super::{Asked, Foreign};
use crate::network::{Error as NetworkError, read_values};

/// Longest name of a tensor.
const MAX_NAME_BYTES: usize = 512;

pub(super) fn read(bytes: &[u8], asked: &Asked, hints: &Hints) -> Result<Foreign> {
    let damaged = |problem: String| Error::Damaged { format: "safetensors", problem };
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(error.to_string()))?;
    let tensors = file.tensors();
    if tensors.iter().any(|(name, _)| name.len() > MAX_NAME_BYTES) {
        return Err(damaged("a tensor has a name that is too long".to_owned()));
    }
    let listing = Listing {
        tensors: tensors.iter().map(|(name, view)| (name.clone(), view.shape().to_vec())).collect(),
        ..Listing::default()
    };
    let plan = plan(&listing, hints)?;
    let read = |name: &str| {
        let view = file.tensor(name).map_err(|error| damaged(error.to_string()))?;
        read_values(name, &view).map_err(|error: NetworkError| error.into())
    };
    named::assemble(plan, asked, "a safetensors file", read)
}
