//! Maps as arrays: written for NumPy, and read back for figures.

use std::io::Cursor;
use std::path::Path;

use super::{Error, Result};
use crate::array_file::{self, NpzReader, NpzWriter};
use crate::display::MapPlane;
use crate::files::Source;
use crate::limits;
use crate::saliency::{ArrayValues, Explanation};

/// First bytes of an archive that holds anything.
const ZIP_MARK: &[u8] = b"PK\x03\x04";

/// The maps of one image as the content of an `.npz`: for each method `<METHOD>_raw` and `<METHOD>` (0 to 1, as shown),
/// float32 `[h, w]` over the whole image (NaN where the map does not reach), its intermediates as the network's input lies, and
/// `logits`. Stored, not deflated.
///
/// # Errors
/// When the archive cannot be written.
pub fn maps_npz(explanation: &Explanation) -> array_file::Result<Vec<u8>> {
    let mut arrays = NpzWriter::new(Cursor::new(Vec::new()));
    for map in &explanation.maps {
        for (name, values) in
            [(format!("{}_raw", map.method), &map.raw), (map.method.name().to_owned(), &map.display.values)]
        {
            let (shape, values) = map.over_image(values);
            arrays.add_f32(&name, &shape, &values)?;
        }
        for array in &map.intermediates {
            match &array.values {
                ArrayValues::F32(values) => arrays.add_f32(&array.name, &array.shape, values)?,
                ArrayValues::I32(values) => arrays.add_i32(&array.name, &array.shape, values)?,
            }
        }
    }
    arrays.add_f32("logits", &[explanation.logits.len()], &explanation.logits)?;
    Ok(arrays.finish()?.into_inner())
}

/// Maps of an earlier run, by name: `GCAM`, or `GCAM/Logits` of a cascade.
#[derive(Clone, Debug)]
pub struct KeptMaps {
    bytes: Vec<u8>,
}

/// A map of an earlier run.
#[derive(Clone, Debug)]
pub struct KeptMap {
    /// Its values, 0 to 1.
    pub plane: MapPlane,
    /// Whether every value is 0.
    pub is_blank: bool,
}

impl KeptMaps {
    /// Reads an archive, such as `maps.npz` or `cascade.npz`.
    ///
    /// # Errors
    /// When it cannot be read or is no archive.
    pub fn open(path: &Path) -> Result<Self> {
        let refuse = |problem: String| Error::Maps(format!("{problem}: {}", path.display()));
        let mut file = Source::open(path, limits::MAPS_BYTES).map_err(|error| refuse(error.to_string()))?;
        let head = file.head(ZIP_MARK.len()).map_err(|error| refuse(error.to_string()))?;
        if head != ZIP_MARK {
            return Err(refuse("it is no archive of arrays (.npz)".to_owned()));
        }
        let bytes = file.read().map_err(|error| refuse(error.to_string()))?;
        NpzReader::new(&bytes).map_err(|error| refuse(error.to_string()))?;
        Ok(Self { bytes })
    }

    /// Names of all arrays.
    pub fn names(&self) -> Vec<String> {
        NpzReader::new(&self.bytes).map(|reader| reader.names()).unwrap_or_default()
    }

    /// The display map called `name`; nothing where there is none.
    ///
    /// # Errors
    /// When it is damaged, has another shape than `[h, w]`, or values that are not from 0 to 1.
    pub fn map(&self, name: &str) -> Result<Option<KeptMap>> {
        let refuse = |problem: &str| Error::Maps(format!("array {name}: {problem}"));
        let Some(array) = NpzReader::new(&self.bytes)?.array(name).map_err(|error| refuse(&error.to_string()))? else {
            return Ok(None);
        };
        let shape = <[usize; 2]>::try_from(array.shape.as_slice()).map_err(|_| refuse("its shape is not [h, w]"))?;
        let values = array.values.into_f32();
        if values.is_empty() {
            return Err(refuse("it is empty"));
        }
        // Where a map does not reach, it holds NaN.
        let is_shown = |value: &f32| value.is_nan() || (0.0..=1.0).contains(value);
        if !values.iter().all(is_shown) || values.iter().all(|value| value.is_nan()) {
            return Err(refuse("its values are not all from 0 to 1"));
        }
        let is_blank = values.iter().all(|value| *value == 0.0 || value.is_nan());
        Ok(Some(KeptMap { plane: MapPlane::new(shape, values), is_blank }))
    }
}
