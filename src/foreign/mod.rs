//! Weights that other programs trained, brought to torchvision's names: PyTorch's state dicts and Keras' HDF5 files.
//!
//! Nothing in a file is ever executed. All shapes are compared with the network before a value is read.

mod bytes;
mod error;
mod hdf5;
mod keras;
mod tensors;
mod torch;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::network::{Architecture, Output, Variant, Weights};

pub use error::{Error, Result};

/// Larger files are refused.
pub const MAX_FILE_BYTES: u64 = 2 << 30;

/// A model from a file of another program.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreign {
    /// Its architecture.
    pub architecture: Architecture,
    /// Which variant of it, by the weights and the rules of the program it comes from.
    pub variant: Variant,
    /// Its weights; they fit the graph of `variant`.
    pub weights: Weights,
    /// How its outputs become probabilities, where the file says it.
    pub output: Option<Output>,
    /// What kind of file it was, in words.
    pub origin: &'static str,
    /// What was left out or changed, one sentence each.
    pub notes: Vec<String>,
}

/// Reads a file of at most [`MAX_FILE_BYTES`], of which the content tells the format. The tensor names tell the
/// architecture; `asked` must agree with them.
///
/// # Errors
/// As [`from_bytes`], and when the file cannot be read; the path comes last.
pub fn open(path: &Path, asked: Option<Architecture>) -> Result<Foreign> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes: Vec<u8> = read().map_err(|problem| Error::Io(problem).in_file(path))?;
    from_bytes(&bytes, asked).map_err(|error| error.in_file(path))
}

/// Reads the content of a file.
///
/// # Errors
/// When it is none of the formats, is damaged, or holds the weights of no network here or of another than `asked`.
pub fn from_bytes(bytes: &[u8], asked: Option<Architecture>) -> Result<Foreign> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Error::TooLarge);
    }
    let foreign = if bytes.starts_with(hdf5::SIGNATURE) {
        keras::read(bytes)?
    } else if bytes.starts_with(b"PK\x03\x04") {
        torch::read(bytes)?
    } else if bytes.starts_with(torch::LEGACY) {
        return Err(Error::Unsupported(
            "this PyTorch file has the format of before version 1.6; load it in PyTorch and save its state dict again \
             (torch.save(torch.load(file, map_location=\"cpu\"), new_file))"
                .to_owned(),
        ));
    } else if looks_like_safetensors(bytes) {
        return Err(Error::Safetensors);
    } else {
        return Err(Error::UnknownFormat);
    };
    match asked.filter(|asked| *asked != foreign.architecture) {
        Some(asked) => {
            let found = foreign.architecture;
            Err(Error::OtherNetwork { architecture: asked, problem: format!("they are of {found}") })
        }
        None => Ok(foreign),
    }
}

/// A length and the JSON object that it measures.
fn looks_like_safetensors(bytes: &[u8]) -> bool {
    bytes
        .split_first_chunk::<8>()
        .is_some_and(|(length, rest)| u64::from_le_bytes(*length) <= rest.len() as u64 && rest.starts_with(b"{"))
}
