//! Weights from and to safetensors files, in torchvision's naming.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Metadata, TensorView};
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

use super::architecture::Architecture;
use super::error::{Error, Result};
use super::graph::Graph;
use super::model_card::{CardFile, ModelCard};
use super::weights::{Tensor, Weights};
use crate::files::{self, Readers, Source};
use crate::limits;

/// Bytes at the beginning that say how long the header is.
const HEADER_LENGTH_BYTES: usize = 8;

/// Most wrappers around a network that are looked through.
const MAX_WRAPPERS: usize = 8;

/// How many bits a value takes in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32, as in memory.
    #[default]
    Single,
    /// 16; values are rounded.
    Half,
}

/// A safetensors file in memory. It is read rather than mapped, because a mapped file that shrinks kills the process.
#[derive(Debug)]
pub struct WeightsFile {
    path: PathBuf,
    bytes: Vec<u8>,
    sha256: String,
    /// What wrappers put before the names of all tensors, such as `module.`.
    prefix: String,
}

impl WeightsFile {
    /// Reads a file of at most [`limits::WEIGHTS_BYTES`].
    ///
    /// # Errors
    /// When it cannot be read or is too large; the path comes last.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = read_safetensors(path, limits::WEIGHTS_BYTES).map_err(|error| error.in_file(path))?;
        Ok(Self { path: path.to_owned(), ..Self::from_bytes(bytes) })
    }

    /// Takes the content of a file.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        let sha256 = sha256_hex(&bytes);
        // A file that cannot be read has no names; whoever asks for its tensors is told.
        let prefix = parse(&bytes).map_or_else(|_| String::new(), |tensors| wrapper(&tensors));
        Self { path: PathBuf::from("(in memory)"), bytes, sha256, prefix }
    }

    /// SHA-256 of the whole file, in lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Shapes of the tensors a network could use, by today's names.
    ///
    /// # Errors
    /// When this is no safetensors file; the path comes last.
    pub fn shapes(&self) -> Result<BTreeMap<String, Vec<usize>>> {
        let tensors = parse(&self.bytes).map_err(|error| error.in_file(&self.path))?;
        let shape = |(name, view): (&str, TensorView<'_>)| {
            self.today(name).map(|name| (name.into_owned(), view.shape().to_vec()))
        };
        Ok(tensors.iter().filter_map(shape).collect())
    }

    /// Every tensor a network could use, by today's names, whatever network it is of.
    ///
    /// # Errors
    /// When this is no safetensors file, or a tensor has another type than f16, bf16, f32 or f64, or a value that is no
    /// number; the path comes last.
    pub fn tensors(&self) -> Result<Vec<(String, Tensor)>> {
        let read = |(name, view): (&str, TensorView<'_>)| {
            let today = self.today(name)?.into_owned();
            Some(read_values(name, &view).and_then(|values| {
                if values.iter().all(|value| value.is_finite()) {
                    Ok((today, Tensor { shape: view.shape().to_vec(), values }))
                } else {
                    Err(Error::NonFiniteWeights { name: name.to_owned() })
                }
            }))
        };
        let tensors = parse(&self.bytes).and_then(|tensors| tensors.iter().filter_map(read).collect());
        tensors.map_err(|error: Error| error.in_file(&self.path))
    }

    /// The card beside it, whole; nothing where there is none, or one of the folder that is of other weights.
    ///
    /// # Errors
    /// When this is no safetensors file, or the card cannot be read or contradicts it; the path comes last.
    pub fn card(&self) -> Result<Option<ModelCard>> {
        let Some((card, path)) = CardFile::beside(&self.path)? else { return Ok(None) };
        let is_of_folder = path != self.path.with_extension("json");
        if is_of_folder && card.sha256.as_ref().is_some_and(|sha256| !sha256.eq_ignore_ascii_case(&self.sha256)) {
            return Ok(None);
        }
        let told = card.inferred(&self.shapes()?);
        card.complete(&told, &self.sha256).map(Some).map_err(|error| error.in_file(&path))
    }

    /// The tensor that a network calls `name`, alone; none where the file holds none.
    ///
    /// # Errors
    /// When this is no safetensors file, or the tensor is of no type of weights; the path comes last.
    pub(super) fn tensor(&self, name: &str) -> Result<Option<Tensor>> {
        let read = || {
            let tensors = parse(&self.bytes)?;
            let found = tensors.iter().find(|(own, _)| self.today(own).is_some_and(|today| today == name));
            found
                .map(|(own, view)| Ok(Tensor { shape: view.shape().to_vec(), values: read_values(own, &view)? }))
                .transpose()
        };
        read().map_err(|error: Error| error.in_file(&self.path))
    }

    /// The weights of `graph`.
    ///
    /// # Errors
    /// As [`Weights::from_safetensors`]; the path comes last.
    pub fn weights(&self, graph: &Graph) -> Result<Weights> {
        Weights::from_prefixed(&self.bytes, &self.prefix, graph).map_err(|error| error.in_file(&self.path))
    }

    /// The name a tensor has today.
    fn today<'a>(&self, name: &'a str) -> Option<Cow<'a, str>> {
        canonical_name(name.strip_prefix(&self.prefix).unwrap_or(name))
    }
}

impl Weights {
    /// Reads the weights of `graph` from a safetensors file.
    ///
    /// # Errors
    /// As [`Weights::from_safetensors`], and when the file cannot be read; the path comes last.
    pub fn load(path: &Path, graph: &Graph) -> Result<Self> {
        WeightsFile::open(path)?.weights(graph)
    }

    /// Reads the weights of `graph` from the bytes of a safetensors file in f16, bf16, f32 or f64. Auxiliary heads and
    /// `num_batches_tracked` are ignored; the names that torchvision's DenseNet and RetinaNet had at first are understood.
    ///
    /// # Errors
    /// When the bytes are no safetensors file, when tensors are missing, superfluous or misshapen (all listed in one
    /// error), and when a weight is NaN or infinite.
    pub fn from_safetensors(bytes: &[u8], graph: &Graph) -> Result<Self> {
        Self::from_prefixed(bytes, "", graph)
    }

    /// The same, where `prefix` stands before the names.
    fn from_prefixed(bytes: &[u8], prefix: &str, graph: &Graph) -> Result<Self> {
        let mut weights = Self::default();
        let mut repeated = Vec::new();
        for (name, view) in parse(bytes)?.iter() {
            // An imported graph has the names of its own weights.
            let bare = name.strip_prefix(prefix).unwrap_or(name);
            let today = if graph.is_imported() { Some(Cow::Borrowed(name)) } else { canonical_name(bare) };
            let Some(today) = today else { continue };
            if weights.get(&today).is_ok() {
                repeated.push(name.to_owned());
                continue;
            }
            let values = read_values(name, &view)?;
            weights.insert(today.into_owned(), Tensor { shape: view.shape().to_vec(), values });
        }
        // A tensor that is there under both its names is one too many; put it back under its own to have it listed.
        for name in repeated {
            weights.insert(format!("{name} (twice)"), Tensor { shape: Vec::new(), values: Vec::new() });
        }
        weights.settle(graph);
        weights.check(graph)?;
        weights.check_finite()?;
        Ok(weights)
    }

    /// The bytes of a safetensors file with these weights.
    ///
    /// # Errors
    /// When a tensor's values do not fill its shape, or are too large for half precision.
    pub fn to_safetensors(&self, precision: Precision) -> Result<Vec<u8>> {
        let refuse = |problem: String| Error::NotSafetensors(format!("the weights cannot be written ({problem})"));
        let mut parts = Vec::new();
        for (name, tensor) in self.iter() {
            let (dtype, bytes) = match precision {
                Precision::Single => (Dtype::F32, Cow::Borrowed(bytemuck::cast_slice(&tensor.values))),
                Precision::Half => (Dtype::F16, Cow::Owned(halved(name, &tensor.values)?)),
            };
            parts.push((name, dtype, &tensor.shape, bytes));
        }
        let mut views = Vec::new();
        for part in &parts {
            let (name, dtype, shape, bytes) = part;
            let view = TensorView::new(*dtype, (*shape).clone(), bytes).map_err(|error| refuse(error.to_string()))?;
            views.push((name.as_str(), view));
        }
        safetensors::serialize(views, None).map_err(|error| refuse(error.to_string()))
    }

    /// Writes a safetensors file in single precision under a temporary name and moves it into place.
    ///
    /// # Errors
    /// When it cannot be written; the path comes last.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.to_safetensors(Precision::Single)
            .and_then(|bytes| written(path, &bytes))
            .map_err(|error| error.in_file(path))
    }
}

/// Writes a file of a model, whole or not at all.
pub(super) fn written(path: &Path, bytes: &[u8]) -> Result<()> {
    files::write(path, bytes, Readers::Usual).map_err(|error| Error::Io { action: "writing", problem: error.into() })
}

/// The bytes of a file whose beginning accounts for its length: no value is read of a file that holds something else.
pub(crate) fn read_safetensors(path: &Path, limit_bytes: u64) -> Result<Vec<u8>> {
    let failed = |problem: files::Error| Error::Io { action: "reading the weights", problem };
    let mut file = Source::open(path, limit_bytes).map_err(failed)?;
    let start = file.head(HEADER_LENGTH_BYTES).map_err(failed)?;
    refuse_others(&start)?;
    let header_bytes = start.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
    let longest = limits::SAFETENSORS_HEADER_BYTES.min(file.length_bytes());
    if header_bytes > longest {
        return Err(not_whole("its header does not end"));
    }
    let head = file.head(HEADER_LENGTH_BYTES + header_bytes as usize).map_err(failed)?;
    let header = serde_json::from_slice::<Metadata>(&head[HEADER_LENGTH_BYTES.min(head.len())..]);
    let values_bytes = header.map_err(|error| not_whole(&error.to_string()))?.data_len() as u64;
    let expected = (head.len() as u64).saturating_add(values_bytes);
    if expected != file.length_bytes() {
        return Err(not_whole(&format!("it has {} of {expected} bytes", file.length_bytes())));
    }
    file.read().map_err(failed)
}

fn not_whole(problem: &str) -> Error {
    Error::NotSafetensors(format!("this is no whole safetensors file ({problem})"))
}

/// Refuses what begins as another kind of file.
fn refuse_others(bytes: &[u8]) -> Result<()> {
    let refuse = |problem: &str| Err(Error::NotSafetensors(problem.to_owned()));
    if bytes.is_empty() {
        return refuse("the file of weights is empty");
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\x80\x02") {
        return refuse("this is a PyTorch file, not safetensors; bring it over with `saliscope convert`");
    }
    if bytes.starts_with(b"\x89HDF") {
        return refuse("this is an HDF5 (Keras) file, not safetensors; bring it over with `saliscope convert`");
    }
    Ok(())
}

fn parse(bytes: &[u8]) -> Result<SafeTensors<'_>> {
    refuse_others(bytes)?;
    SafeTensors::deserialize(bytes).map_err(|error| not_whole(&error.to_string()))
}

/// What stands before the names of all tensors, where it hides a network that is known without it.
fn wrapper(tensors: &SafeTensors<'_>) -> String {
    let names = tensors.names();
    let Some(first) = names.first() else { return String::new() };
    let common = names.iter().fold(first.len(), |common, name| {
        common.min(first.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count())
    });
    let dots = first.bytes().take(common).enumerate().filter(|(_, byte)| *byte == b'.');
    let ends: Vec<usize> = dots.map(|(at, _)| at + 1).take(MAX_WRAPPERS).collect();
    if ends.is_empty() {
        return String::new();
    }
    let is_known = |prefix: &str| {
        let shape = |(name, view): (&str, TensorView<'_>)| {
            let today = canonical_name(name.strip_prefix(prefix).unwrap_or(name))?.into_owned();
            Some((today, view.shape().to_vec()))
        };
        Architecture::detect(&tensors.iter().filter_map(shape).collect()).is_some()
    };
    let mut prefixes = std::iter::once(0).chain(ends).map(|end| &first[..end]);
    prefixes.find(|prefix| is_known(prefix)).unwrap_or_default().to_owned()
}

/// The name a tensor has today, or none where no network here reads it.
pub(crate) fn canonical_name(name: &str) -> Option<Cow<'_, str>> {
    let is_auxiliary = ["AuxLogits.", "aux1.", "aux2."].iter().any(|head| name.starts_with(head));
    if is_auxiliary || name.ends_with("num_batches_tracked") {
        return None;
    }
    // The only parameter of torchvision's that belongs to no module of its own.
    if name.ends_with(".layer_scale") {
        return Some(Cow::Owned(format!("{name}.weight")));
    }
    // torchvision's first DenseNets said `denselayer1.norm.1.weight`; names with such dots cannot be loaded any more.
    if name.contains(".denselayer") {
        for (old, new) in
            [(".norm.1.", ".norm1."), (".norm.2.", ".norm2."), (".conv.1.", ".conv1."), (".conv.2.", ".conv2.")]
        {
            if name.contains(old) {
                return Some(Cow::Owned(name.replacen(old, new, 1)));
            }
        }
    }
    first_retina_net_name(name).or(Some(Cow::Borrowed(name)))
}

/// Today's name of a tensor of torchvision's first RetinaNet, whose published weights still have it: each convolution
/// of the pyramid and the heads has since become the first part of a block of its own.
fn first_retina_net_name(name: &str) -> Option<Cow<'_, str>> {
    if let Some(rest) = name.strip_prefix("backbone.fpn.") {
        let parts: Vec<&str> = rest.split('.').collect();
        return match parts[..] {
            [blocks @ ("inner_blocks" | "layer_blocks"), index, kind @ ("weight" | "bias")] => {
                Some(Cow::Owned(format!("backbone.fpn.{blocks}.{index}.0.{kind}")))
            }
            _ => None,
        };
    }
    let parts: Vec<&str> = name.strip_prefix("head.")?.split('.').collect();
    match parts[..] {
        // A ReLU stood between two convolutions and was counted.
        [head, "conv", position, kind @ ("weight" | "bias")] => {
            let layer = position.parse::<usize>().ok().filter(|position| position % 2 == 0)? / 2;
            Some(Cow::Owned(format!("head.{head}.conv.{layer}.0.{kind}")))
        }
        _ => None,
    }
}

/// The values of a tensor of f16, bf16, f32 or f64.
pub(crate) fn read_values(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>> {
    let bytes = view.data();
    Ok(match view.dtype() {
        Dtype::F32 => words(bytes).map(f32::from_le_bytes).collect(),
        Dtype::F64 => words(bytes).map(|word| f64::from_le_bytes(word) as f32).collect(),
        Dtype::F16 => words(bytes).map(|word| half::f16::from_le_bytes(word).to_f32()).collect(),
        Dtype::BF16 => words(bytes).map(|word| half::bf16::from_le_bytes(word).to_f32()).collect(),
        other => {
            return Err(Error::TensorDtype { name: name.to_owned(), dtype: format!("{other:?}").to_lowercase() });
        }
    })
}

/// Little-endian half precision.
fn halved(name: &str, values: &[f32]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(values.len() * 2);
    for value in values {
        let half = half::f16::from_f32(*value);
        if !half.is_finite() {
            let problem = format!("{name} has a value that half precision cannot hold");
            return Err(Error::NotSafetensors(format!("the weights cannot be written ({problem})")));
        }
        bytes.extend(half.to_le_bytes());
    }
    Ok(bytes)
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
