//! Weights from and to safetensors files, in torchvision's naming.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

use super::error::{Error, Result};
use super::graph::Graph;
use super::weights::{Tensor, Weights};

/// Larger files are refused: the largest network here has 0.1 GiB.
pub const MAX_FILE_BYTES: u64 = 4 << 30;

/// A safetensors file in memory. It is read rather than mapped, because a mapped file that shrinks kills the process.
#[derive(Debug)]
pub struct WeightsFile {
    path: PathBuf,
    bytes: Vec<u8>,
    sha256: String,
}

impl WeightsFile {
    /// Reads a file of at most [`MAX_FILE_BYTES`].
    ///
    /// # Errors
    /// When it cannot be read or is too large; the path comes last.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = read_capped(path).map_err(|error| error.in_file(path))?;
        let sha256 = sha256_hex(&bytes);
        Ok(Self { path: path.to_owned(), bytes, sha256 })
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
            canonical_name(name).map(|name| (name.into_owned(), view.shape().to_vec()))
        };
        Ok(tensors.iter().filter_map(shape).collect())
    }

    /// The weights of `graph`.
    ///
    /// # Errors
    /// As [`Weights::from_safetensors`]; the path comes last.
    pub fn weights(&self, graph: &Graph) -> Result<Weights> {
        Weights::from_safetensors(&self.bytes, graph).map_err(|error| error.in_file(&self.path))
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

    /// Reads the weights of `graph` from the bytes of a safetensors file in f16, bf16, f32 or f64. `AuxLogits.*` and
    /// `num_batches_tracked` are ignored; the names that torchvision's DenseNet had at first are understood.
    ///
    /// # Errors
    /// When the bytes are no safetensors file, when tensors are missing, superfluous or misshapen (all listed in one
    /// error), and when a weight is NaN or infinite.
    pub fn from_safetensors(bytes: &[u8], graph: &Graph) -> Result<Self> {
        let mut weights = Self::default();
        let mut repeated = Vec::new();
        for (name, view) in parse(bytes)?.iter() {
            let Some(today) = canonical_name(name) else { continue };
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
        weights.check(graph)?;
        weights.check_finite()?;
        Ok(weights)
    }

    /// The bytes of a safetensors file with these weights in f32.
    ///
    /// # Errors
    /// When a tensor's values do not fill its shape.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        let views = self
            .iter()
            .map(|(name, tensor)| {
                let bytes: &[u8] = bytemuck::cast_slice(&tensor.values);
                TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map(|view| (name.as_str(), view))
            })
            .collect::<std::result::Result<Vec<_>, _>>();
        views
            .and_then(|views| safetensors::serialize(views, None))
            .map_err(|error| Error::NotSafetensors(format!("the weights cannot be written as safetensors ({error})")))
    }

    /// Writes a safetensors file in f32 under a temporary name and moves it into place.
    ///
    /// # Errors
    /// When it cannot be written; the path comes last.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.to_safetensors().and_then(|bytes| write_whole(path, &bytes)).map_err(|error| error.in_file(path))
    }
}

/// Writes a file under a temporary name in its folder and moves it into place.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less what the umask takes
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|problem| Error::Io { action: "writing", problem })
}

fn read_capped(path: &Path) -> Result<Vec<u8>> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes: Vec<u8> = read().map_err(|problem| Error::Io { action: "reading the weights", problem })?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Error::NotSafetensors(format!("the weights are larger than {} GiB", MAX_FILE_BYTES >> 30)));
    }
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Result<SafeTensors<'_>> {
    let refuse = |problem: String| Err(Error::NotSafetensors(problem));
    if bytes.is_empty() {
        return refuse("the file of weights is empty".to_owned());
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\x80\x02") {
        return refuse("this is a PyTorch file, not safetensors; bring it over with `saliscope convert`".to_owned());
    }
    if bytes.starts_with(b"\x89HDF") {
        return refuse(
            "this is an HDF5 (Keras) file, not safetensors; bring it over with `saliscope convert`".to_owned(),
        );
    }
    SafeTensors::deserialize(bytes).or_else(|error| refuse(format!("this is no whole safetensors file ({error})")))
}

/// The name a tensor has today, or none where no network here reads it.
pub(crate) fn canonical_name(name: &str) -> Option<Cow<'_, str>> {
    if name.starts_with("AuxLogits.") || name.ends_with("num_batches_tracked") {
        return None;
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
    Some(Cow::Borrowed(name))
}

fn read_values(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>> {
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
