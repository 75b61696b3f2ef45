//! Weights that other programs trained, brought to torchvision's names: PyTorch's state dicts and Keras' HDF5 files.
//!
//! Nothing in a file is ever executed. All shapes are compared with the network before a value is read.

mod bytes;
mod error;
mod hdf5;
mod keras;
mod statements;
mod tensors;
mod torch;

use std::path::Path;

use crate::files::Source;
use crate::limits;
use crate::network::{Architecture, Output, Variant, Weights};

pub use error::{Error, Result};
pub use statements::Statements;

/// Bytes that tell a format.
const HEAD_BYTES: usize = 64;

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

/// Reads a file of at most [`limits::FOREIGN_WEIGHTS_BYTES`], of which the content tells the format. The tensor names tell
/// the architecture; `asked` must agree with them.
///
/// # Errors
/// As [`from_bytes`], and when the file cannot be read; the path comes last.
pub fn open(path: &Path, asked: Option<Architecture>) -> Result<Foreign> {
    let bytes = read(path).map_err(|error| error.in_file(path))?;
    from_bytes(&bytes, asked).map_err(|error| error.in_file(path))
}

/// Whether a file begins as one of the formats that [`open`] reads, or as an older one that it refuses by name; `false` also
/// for what cannot be read, which is said by whoever opens it.
pub fn is_foreign(path: &Path) -> bool {
    let head = |path| {
        let mut file = Source::open(path, limits::FOREIGN_WEIGHTS_BYTES).ok()?; // What cannot be read is told elsewhere.
        file.head(HEAD_BYTES).ok()
    };
    head(path).is_some_and(|head| !matches!(kind(&head, head.len() as u64), Err(Error::UnknownFormat)))
}

/// The bytes of a file that begins as one of the formats; of others no more than the beginning is read.
fn read(path: &Path) -> Result<Vec<u8>> {
    let mut file = Source::open(path, limits::FOREIGN_WEIGHTS_BYTES)?;
    kind(&file.head(HEAD_BYTES)?, file.length_bytes())?;
    Ok(file.read()?)
}

/// Reads the content of a file.
///
/// # Errors
/// When it is none of the formats, is damaged, or holds the weights of no network here or of another than `asked`.
pub fn from_bytes(bytes: &[u8], asked: Option<Architecture>) -> Result<Foreign> {
    if bytes.len() as u64 > limits::FOREIGN_WEIGHTS_BYTES {
        return Err(Error::TooLarge);
    }
    let foreign = match kind(bytes, bytes.len() as u64)? {
        Kind::Keras => keras::read(bytes)?,
        Kind::Torch => torch::read(bytes)?,
    };
    match asked.filter(|asked| *asked != foreign.architecture) {
        Some(asked) => {
            let found = foreign.architecture;
            Err(Error::OtherNetwork { architecture: asked, problem: format!("they are of {found}") })
        }
        None => Ok(foreign),
    }
}

/// Who wrote a file.
enum Kind {
    Keras,
    Torch,
}

/// Who wrote a file of `length_bytes` that begins with `head`.
fn kind(head: &[u8], length_bytes: u64) -> Result<Kind> {
    if head.starts_with(hdf5::SIGNATURE) {
        Ok(Kind::Keras)
    } else if head.starts_with(b"PK\x03\x04") {
        Ok(Kind::Torch)
    } else if head.starts_with(torch::LEGACY) {
        Err(Error::Unsupported(
            "this PyTorch file has the format of before version 1.6; load it in PyTorch and save its state dict again \
             (torch.save(torch.load(file, map_location=\"cpu\"), new_file))"
                .to_owned(),
        ))
    } else if looks_like_safetensors(head, length_bytes) {
        Err(Error::Safetensors)
    } else {
        Err(Error::UnknownFormat)
    }
}

/// A length and the JSON object that it measures.
fn looks_like_safetensors(head: &[u8], length_bytes: u64) -> bool {
    head.split_first_chunk::<8>().is_some_and(|(length, rest)| {
        u64::from_le_bytes(*length) <= length_bytes.saturating_sub(8) && rest.starts_with(b"{")
    })
}
