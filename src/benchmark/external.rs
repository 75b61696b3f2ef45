//! Maps that another program made, one `.npz` an image.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::{Error, Result};
use crate::array_file::{NpyArray, NpzReader};
use crate::network::sha256_hex;
use crate::saliency::resize;
use crate::{files, limits};

/// What stands before the name of a method of another program.
pub(super) const PREFIX: &str = "ext:";

/// The name of the only array of a file, whatever it is called.
const ONLY: &str = "MAP";

/// A folder of maps: `<image id>.npz`, each with one array a method, or one array in all. Maps are `[h, w]` of any size
/// (axes of length 1 beside these are passed over), larger values meaning more salient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalMaps {
    folder: PathBuf,
    methods: Vec<String>,
    fingerprint: String,
}

impl ExternalMaps {
    /// Looks at the files of the images called `ids`: which methods there are, and a hash of all content.
    ///
    /// # Errors
    /// When the folder holds no file of these images, or a file cannot be read.
    pub fn open<'a>(folder: &Path, ids: impl Iterator<Item = &'a str>) -> Result<Self> {
        let mut methods = BTreeSet::new();
        let mut hashes = BTreeMap::new();
        for id in ids {
            let path = file(folder, id)?;
            if !path.exists() {
                continue;
            }
            let bytes = read(&path)?;
            let refuse = |problem: String| refuse(problem, &path);
            let mut reader = NpzReader::new(&bytes).map_err(|error| refuse(error.to_string()))?;
            for (method, name) in names(&reader) {
                // Maps of a size or shape that is not read are told before hours of work, not behind them.
                let shape = reader.shape(&name).map_err(|error| refuse(format!("array {name}: {error}")))?;
                size_of(&shape.unwrap_or_default()).map_err(refuse)?;
                methods.insert(method);
            }
            if methods.len() > limits::EXTERNAL_METHODS {
                return Err(refuse(format!(
                    "with it there are more than {} methods; keep only the arrays to be judged",
                    limits::EXTERNAL_METHODS
                )));
            }
            hashes.insert(id, Sha256::digest(&bytes));
        }
        if methods.is_empty() {
            let problem = "no file is named as an image of the sample: maps are expected as <image id>.npz".to_owned();
            return Err(Error::External { problem, path: folder.to_owned() });
        }
        let mut hash = Sha256::new();
        for (id, digest) in hashes {
            hash.update((id.len() as u64).to_le_bytes());
            hash.update(id);
            hash.update(digest);
        }
        let fingerprint = sha256_hex(&hash.finalize());
        Ok(Self { folder: folder.to_owned(), methods: methods.into_iter().collect(), fingerprint })
    }

    /// Names of the methods, as in results: `ext:NAME`.
    pub fn methods(&self) -> &[String] {
        &self.methods
    }

    /// Hash of all content.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The map of one method for the image called `id`, at `size` (`[height, width]`): resized bilinearly where it has
    /// another.
    ///
    /// # Errors
    /// When file or array is missing, damaged, has another rank or holds something that is not finite.
    pub fn map(&self, id: &str, method: &str, size: [usize; 2]) -> Result<Vec<f32>> {
        let path = file(&self.folder, id)?;
        let bytes = read(&path)?;
        let refuse = |problem: String| refuse(problem, &path);
        let mut reader = NpzReader::new(&bytes).map_err(|error| refuse(error.to_string()))?;
        let missing = || refuse(format!("it holds no array for {method}"));
        let names = names(&reader);
        let (_, name) = names.iter().find(|(of, _)| of == method).ok_or_else(missing)?;
        let array = reader.array(name).map_err(|error| refuse(error.to_string()))?.ok_or_else(missing)?;
        let NpyArray { shape, values } = array;
        let from = size_of(&shape).map_err(refuse)?;
        let values = values.into_f32_of_any_scale();
        let broken = values.iter().filter(|value| !value.is_finite()).count();
        if broken > 0 {
            return Err(refuse(format!("{broken} of its {} pixels are NaN or infinite", values.len())));
        }
        Ok(if from == size { values } else { resize::linear_mirror(&values, from, size) })
    }
}

/// Height and width of a map of this shape; axes of length 1 beside these are passed over.
fn size_of(shape: &[usize]) -> std::result::Result<[usize; 2], String> {
    let sides: Vec<usize> = shape.iter().copied().filter(|side| *side != 1).collect();
    let size = match (sides.as_slice(), shape) {
        (&[height, width], _) | (_, &[height, width]) => [height, width],
        _ => return Err(format!("its array has shape {shape:?}, and maps are [height, width]")),
    };
    if size.contains(&0) || size.iter().any(|side| *side > limits::SIDE_PX as usize) {
        return Err(format!("its array has shape {shape:?}: sides go from 1 to {} pixels", limits::SIDE_PX));
    }
    if size[0] * size[1] > limits::PIXELS {
        let most = limits::PIXELS;
        return Err(format!("its array has shape {shape:?}, and maps have at most {most} pixels; save it smaller"));
    }
    Ok(size)
}

/// Methods of a file with the names of their arrays.
fn names(reader: &NpzReader<'_>) -> Vec<(String, String)> {
    let names = reader.names();
    match names.as_slice() {
        [only] if only.starts_with("arr_") || only.eq_ignore_ascii_case("map") => {
            vec![(format!("{PREFIX}{ONLY}"), only.clone())]
        }
        _ => names.into_iter().map(|name| (format!("{PREFIX}{name}"), name)).collect(),
    }
}

/// An id never leads out of the folder.
fn file(folder: &Path, id: &str) -> Result<PathBuf> {
    let name = format!("{id}.npz");
    let plain = Path::new(&name).components().count() == 1 && !name.contains(['/', '\\']);
    if plain { Ok(folder.join(name)) } else { Err(refuse("an image's id is no file name".to_owned(), folder)) }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    files::read(path, limits::EXTERNAL_MAPS_BYTES).map_err(|error| refuse(error.to_string(), path))
}

fn refuse(problem: String, path: &Path) -> Error {
    Error::External { problem, path: path.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::array_file::{NpyElement, NpzWriter, write_npy};

    fn write(path: &Path, arrays: &[(&str, &[usize], &[f32])]) {
        let mut writer = NpzWriter::new(File::create(path).unwrap());
        for (name, shape, values) in arrays {
            writer.add_f32(name, shape, values).unwrap();
        }
        writer.finish().unwrap();
    }

    #[test]
    fn maps_of_any_size_are_found_by_method_or_alone() {
        let folder = tempfile::tempdir().unwrap();
        let ramp: Vec<f32> = (0..16).map(|pixel| pixel as f32).collect();
        write(
            &folder.path().join("a.npz"),
            &[("LIME", &[1, 4, 4, 1], &ramp), ("SHAP", &[2, 2], &[0.0, 1.0, 2.0, 3.0])],
        );
        write(&folder.path().join("b.npz"), &[("arr_0", &[4, 4], &ramp)]);
        let maps = ExternalMaps::open(folder.path(), ["a", "b", "c"].into_iter()).unwrap();
        assert_eq!(maps.methods(), ["ext:LIME", "ext:MAP", "ext:SHAP"]);
        assert_eq!(maps.map("a", "ext:LIME", [4, 4]).unwrap(), ramp);
        let larger = maps.map("a", "ext:SHAP", [4, 4]).unwrap();
        // Borders are mirrored about the centres of their pixels, as scikit-image does it.
        assert!(larger[5] < larger[6] && larger[6] < larger[9] && larger[9] < larger[10], "{larger:?}");
        assert_eq!((larger[0], larger.len()), (larger[5], 16));
        assert_eq!(maps.map("b", "ext:MAP", [4, 4]).unwrap(), ramp);
        for (id, method) in [("c", "ext:LIME"), ("b", "ext:LIME"), ("../a", "ext:LIME")] {
            assert!(maps.map(id, method, [4, 4]).is_err(), "{id}");
        }
        let before = maps.fingerprint().to_owned();
        write(&folder.path().join("b.npz"), &[("arr_0", &[4, 4], &[0.5; 16])]);
        let again = ExternalMaps::open(folder.path(), ["a", "b"].into_iter()).unwrap();
        assert_ne!(again.fingerprint(), before);
    }

    /// An archive of one array that was stored as it is.
    fn write_array<T: NpyElement>(path: &Path, values: &[T]) {
        let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        archive.start_file("map.npy", stored).unwrap();
        write_npy(&mut archive, &[2, 2], values).unwrap();
        archive.finish().unwrap();
    }

    #[test]
    fn maps_of_any_number_type_and_scale_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let map = || {
            let maps = ExternalMaps::open(folder.path(), ["a"].into_iter()).unwrap();
            maps.map("a", "ext:MAP", [2, 2])
        };
        write_array(&path, &[0_i64, 1, 2, -3]);
        assert_eq!(map().unwrap(), [0.0, 1.0, 2.0, -3.0]);
        write_array(&path, &[0_u8, 1, 1, 0]);
        assert_eq!(map().unwrap(), [0.0, 1.0, 1.0, 0.0]);
        write_array(&path, &[0.0, 1e300, 2e300, -1e300]);
        let found = map().unwrap();
        assert!(found[1] > 0.0 && (found[2] / found[1] - 2.0).abs() < 1e-5 && found[3] == -found[1], "{found:?}");
        write_array(&path, &[0.0, 1e300, f64::INFINITY, 0.0]);
        assert!(map().unwrap_err().to_string().contains("1 of its 4 pixels"));
    }

    #[test]
    fn what_is_no_map_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |arrays: &[(&str, &[usize], &[f32])]| {
            write(&folder.path().join("a.npz"), arrays);
            let maps = ExternalMaps::open(folder.path(), ["a"].into_iter()).unwrap();
            maps.map("a", "ext:MAP", [2, 2]).unwrap_err().to_string()
        };
        assert!(refused(&[("map", &[2, 2], &[0.0, 1.0, f32::NAN, 1.0])]).contains("1 of its 4 pixels"));
        // What can be told by headers is told before any work.
        let refused_at_once = |arrays: &[(&str, &[usize], &[f32])]| {
            write(&folder.path().join("a.npz"), arrays);
            ExternalMaps::open(folder.path(), ["a"].into_iter()).unwrap_err().to_string()
        };
        assert!(refused_at_once(&[("map", &[2, 2, 2], &[0.0; 8])]).contains("[2, 2, 2]"));
        assert!(refused_at_once(&[("map", &[0, 2], &[])]).contains("[0, 2]"));
        assert!(refused_at_once(&[("map", &[20_000, 2], &vec![0.0; 40_000])]).contains("sides go from 1 to 16384"));
        let many: Vec<String> = (0..=limits::EXTERNAL_METHODS).map(|index| format!("M{index}")).collect();
        let many: Vec<(&str, &[usize], &[f32])> =
            many.iter().map(|name| (&name[..], &[1, 1][..], &[0.0][..])).collect();
        assert!(refused_at_once(&many).contains("more than 100 methods"));
        assert!(size_of(&[8192, 8192]).unwrap_err().contains("save it smaller"));
        assert!(ExternalMaps::open(folder.path(), ["z"].into_iter()).is_err());
        std::fs::write(folder.path().join("a.npz"), b"nothing").unwrap();
        assert!(ExternalMaps::open(folder.path(), ["a"].into_iter()).is_err());
    }
}
