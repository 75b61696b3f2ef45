//! Weights that other programs trained: PyTorch's files, safetensors of timm and transformers, and Keras' files, brought to
//! torchvision's names where that is a network known here, and ONNX models and Keras models with their own graphs.
//!
//! Nothing in a file is ever executed. All shapes are compared with the network before a value is read.

mod bytes;
mod config;
mod error;
mod hdf5;
mod keras;
mod named;
mod names;
mod onnx;
mod safetensors;
mod statements;
mod tensors;
mod torch;

use std::path::Path;

use crate::files::Source;
use crate::limits;
use crate::network::{Architecture, Graph, Output, Resize, Scaling, Variant, Weights};
use names::Hints;

pub use error::{Error, Result};
pub use names::{HeadActivation, Said};
pub use statements::Statements;

/// Bytes that tell a format.
const HEAD_BYTES: usize = 512;

/// What whoever opens a file says beforehand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// The architecture that the file must hold.
    pub architecture: Option<Architecture>,
    /// Images it is to read, `[height, width]` in pixels, for files that leave it open.
    pub input_size: Option<[usize; 2]>,
    /// What its tensors do not tell.
    pub said: Said,
}

/// A model from a file of another program.
///
/// A reader returns [`Foreign::named`] where it found a network of an architecture here, and [`Foreign::imported`] where the
/// file itself describes the network: a [`Graph`] made with [`crate::network::GraphBuilder`], of the architecture
/// `Architecture::Imported.name()`, in blocks that the names of the file tell, and weights under the names that
/// [`Graph::parameters`] gives. Both then set whatever else the file states. `convert` checks such a graph by writing and
/// reading it, so that a reader need not compare channels and bounds ([`crate::limits`]) itself; what the builder itself
/// asserts (equal channels of a sum or a product) it must. Bounds of a clip are numbers: the largest `f32` where there is
/// none.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreign {
    /// Its architecture.
    pub architecture: Architecture,
    /// Which variant of it, by the weights and the rules of the program it comes from.
    pub variant: Variant,
    /// The graph that the file describes, of [`Architecture::Imported`] alone.
    pub graph: Option<Graph>,
    /// Its weights; they fit the graph, or that of `variant`.
    pub weights: Weights,
    /// How its outputs become probabilities, where the file says it.
    pub output: Option<Output>,
    /// Names of the classes, where the file says them; as many as [`crate::network::class_names`] takes.
    pub classes: Option<Vec<String>>,
    /// Images it reads, `[height, width]` in pixels, where the file says it.
    pub input_size: Option<[usize; 2]>,
    /// How gray values become its input, where the file says it.
    pub scaling: Option<Scaling>,
    /// How gray values usually become the input of such a network; a guess, unlike [`Foreign::scaling`].
    pub usual_scaling: Option<Scaling>,
    /// Torchvision's `transform_input`, where the file says that it is set.
    pub transform_input: bool,
    /// Whether functions between the layers of the head were assumed.
    pub head_assumed: bool,
    /// How images are brought to its size, where the file says it.
    pub resize: Option<Resize>,
    /// Whether the program that wrote the file folded batch normalization into the layers before it.
    pub norm_folded: bool,
    /// What kind of file it was, in words.
    pub origin: String,
    /// What was left out or changed, one sentence each.
    pub notes: Vec<String>,
}

impl Foreign {
    /// A network of an architecture here.
    pub fn named(architecture: Architecture, variant: Variant, weights: Weights, origin: &str) -> Self {
        Self {
            architecture,
            variant,
            graph: None,
            weights,
            output: None,
            classes: None,
            input_size: None,
            scaling: None,
            usual_scaling: None,
            transform_input: false,
            head_assumed: false,
            resize: None,
            norm_folded: false,
            origin: origin.to_owned(),
            notes: Vec::new(),
        }
    }

    /// A network that the file itself describes.
    pub fn imported(graph: Graph, weights: Weights, origin: &str) -> Self {
        let variant = graph.imported_variant();
        Self { graph: Some(graph), ..Self::named(Architecture::Imported, variant, weights, origin) }
    }
}

/// Reads a file of at most [`limits::FOREIGN_WEIGHTS_BYTES`], of which the content tells the format, and what a `config.json`
/// beside it says. The tensor names tell the architecture; what is asked must agree with them.
///
/// # Errors
/// As [`from_bytes`], and when the file cannot be read; the path comes last.
pub fn open(path: &Path, asked: &Asked) -> Result<Foreign> {
    let read = || {
        let (bytes, kind) = read(path)?;
        let config = config::beside(path)?;
        let file_name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let mut asked = asked.clone();
        asked.input_size = asked.input_size.or(config.input_size);
        let hints = Hints { architecture: config.architecture.clone(), file_name, said: asked.said.clone() };
        // A name alone has an empty folder before it.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut foreign = of_kind(kind, &bytes, Some(folder), &asked, hints)?;
        config.complete(&mut foreign);
        Ok(foreign)
    };
    read().map_err(|error: Error| error.in_file(path))
}

/// Whether a file is one that [`open`] reads and that is no safetensors file, or an older one that it refuses by name; `false`
/// also for what cannot be read, which is said by whoever opens it.
pub fn is_foreign(path: &Path) -> bool {
    let kind = || {
        let mut file = Source::open(path, limits::FOREIGN_WEIGHTS_BYTES).ok()?; // What cannot be read is told elsewhere.
        let head = file.head(HEAD_BYTES).ok()?; // As above.
        Some(kind_of(path, &head, file.length_bytes()))
    };
    kind().is_some_and(|kind| !matches!(kind, Ok(Kind::Safetensors) | Err(Error::UnknownFormat)))
}

/// The bytes of a file that begins as one of the formats; of others no more than the beginning is read.
fn read(path: &Path) -> Result<(Vec<u8>, Kind)> {
    let mut file = Source::open(path, limits::FOREIGN_WEIGHTS_BYTES)?;
    let kind = kind_of(path, &file.head(HEAD_BYTES)?, file.length_bytes())?;
    Ok((file.read()?, kind))
}

/// Who wrote the file at `path`, which begins with `head`.
fn kind_of(path: &Path, head: &[u8], length_bytes: u64) -> Result<Kind> {
    match kind(head, length_bytes) {
        // Protocol buffers have no mark of their own.
        Err(Error::UnknownFormat) if path.extension().is_some_and(|ending| ending == "onnx") => Ok(Kind::Onnx),
        kind => kind,
    }
}

/// Reads the content of a file.
///
/// # Errors
/// When it is none of the formats, is damaged, or holds the weights of no network here or of another than `asked`.
pub fn from_bytes(bytes: &[u8], asked: &Asked) -> Result<Foreign> {
    if bytes.len() as u64 > limits::FOREIGN_WEIGHTS_BYTES {
        return Err(Error::TooLarge);
    }
    let hints = Hints { said: asked.said.clone(), ..Hints::default() };
    of_kind(kind(bytes, bytes.len() as u64)?, bytes, None, asked, hints)
}

/// Reads the content of a file of this kind, which lies in `folder`.
fn of_kind(kind: Kind, bytes: &[u8], folder: Option<&Path>, asked: &Asked, hints: Hints) -> Result<Foreign> {
    let foreign = match kind {
        Kind::Keras => keras::read(bytes, asked.input_size)?,
        Kind::Torch if keras::is_keras(bytes) => keras::read(bytes, asked.input_size)?,
        Kind::Onnx => onnx::read(bytes, folder, asked.input_size)?,
        Kind::Torch => return torch::read(bytes, asked, hints),
        Kind::Safetensors => return safetensors::read(bytes, asked, &hints),
    };
    match asked.architecture.filter(|asked| *asked != foreign.architecture) {
        Some(asked) if foreign.graph.is_some() => {
            let problem = "the file describes a network of its own; leave the architecture out".to_owned();
            Err(Error::OtherNetwork { architecture: asked, problem })
        }
        Some(asked) => {
            let found = foreign.architecture;
            Err(Error::OtherNetwork { architecture: asked, problem: format!("they are of {found}") })
        }
        None => Ok(foreign),
    }
}

/// Who wrote a file.
#[derive(Clone, Copy)]
enum Kind {
    Keras,
    Onnx,
    Torch,
    Safetensors,
}

/// Who wrote a file of `length_bytes` that begins with `head`.
fn kind(head: &[u8], length_bytes: u64) -> Result<Kind> {
    /// Where the archives of old have their mark.
    const TAR: std::ops::Range<usize> = 257..262;
    if head.starts_with(hdf5::SIGNATURE) {
        Ok(Kind::Keras)
    } else if head.starts_with(b"PK\x03\x04") || torch::is_legacy(head) {
        Ok(Kind::Torch)
    } else if head.get(TAR).is_some_and(|mark| mark == b"ustar") {
        Err(Error::Unsupported(
            "this is a tar archive: a PyTorch file of before version 0.1.10, or packed files; unpack it, or load it in PyTorch \
             and save its state dict again (torch.save(torch.load(file, map_location=\"cpu\"), new_file))"
                .to_owned(),
        ))
    } else if looks_like_safetensors(head, length_bytes) {
        Ok(Kind::Safetensors)
    } else if onnx::looks_like_onnx(head) {
        Ok(Kind::Onnx)
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
