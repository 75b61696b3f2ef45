//! What a figure was made from, completely enough to make it again.

use std::path::Path;

use serde::Serialize;

use super::{ClassFound, Error, Result, VERSION};
use crate::display::{GrayDisplay, MapDisplay, Orientation, Tone, Viewport};
use crate::figure::NOT_FOR_DIAGNOSIS;
use crate::figure::template::Page;
use crate::metrics::MapScores;
use crate::network::{ModelCard, sha256_hex};
use crate::radiograph::dicom::Identity;
use crate::saliency::{Outcome, Provenance, SaliencyMap};
use crate::{files, limits};

/// The file beside a figure. Without paths, file names and identifiers, unless the user asked for the image's identity.
#[derive(Clone, Debug, Serialize)]
pub struct FigureRecord {
    notice: &'static str,
    /// What has to be known before any of it is believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caution: Option<String>,
    saliscope: &'static str,
    /// Which figure it is, such as `method_grid`.
    pub template: &'static str,
    /// Width on paper.
    pub width_mm: f64,
    /// Pixels of embedded pictures an inch.
    pub dpi: u32,
    /// The radiograph.
    pub image: ImageRecord,
    /// Further ones, where the figure compares images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_images: Vec<ImageRecord>,
    /// Those that are not shown as their files want them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orientations: Vec<OrientationRecord>,
    /// The models.
    pub models: Vec<ModelRecord>,
    /// Where maps of an earlier run come from, as far as it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptRecord>,
    /// The maps, in the order of the figure.
    pub maps: Vec<MapRecord>,
    /// How image and maps are shown.
    pub display: DisplayRecord,
    /// Seed of the noise.
    pub seed: u64,
    /// Whose image it is, only where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

/// A radiograph by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageRecord {
    /// Hash of its pixels; see [`content_sha256`].
    pub content_sha256: String,
    /// Rows.
    pub height_px: usize,
    /// Columns.
    pub width_px: usize,
}

/// How a radiograph is shown other than its file wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrientationRecord {
    /// Position of the image: 0 is `image`, 1 the first of `other_images`.
    pub image: usize,
    /// The words that stand in the figure.
    pub words: String,
    /// The same as numbers.
    #[serde(flatten)]
    pub orientation: Orientation,
}

/// A model by its content.
#[derive(Clone, Debug, Serialize)]
pub struct ModelRecord {
    /// Its name.
    pub name: String,
    /// SHA-256 of its weights.
    pub sha256: String,
    /// What it is.
    #[serde(flatten)]
    pub card: ModelCard,
}

/// Maps of an earlier run, as its report describes them; null stands for what it does not say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeptRecord {
    /// Version of the program that made them.
    pub saliscope: Option<serde_json::Value>,
    /// Name of the model.
    pub model: Option<serde_json::Value>,
    /// SHA-256 of its weights.
    pub model_sha256: Option<serde_json::Value>,
    /// The preset.
    pub preset: Option<serde_json::Value>,
    /// The class explained.
    pub explained: Option<serde_json::Value>,
    /// Data range of the likeness in this figure, for states of a cascade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssim_range: Option<f64>,
    /// That of the run.
    pub ssim_range_of_run: Option<f64>,
}

/// A map and where it came from.
#[derive(Clone, Debug, Serialize)]
pub struct MapRecord {
    /// Its name, such as `GCAM` or `GCAM/Logits`.
    pub name: String,
    /// Position of its model, where it was computed for the figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<usize>,
    /// Position of its image, where the figure compares images: 0 is `image`, 1 the first of `other_images`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<usize>,
    /// The class explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained: Option<ClassFound>,
    /// Whether it could be normalized.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Against the truth, where that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores: Option<MapScores>,
    /// Structural similarity to the map of the first state, for states of a cascade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssim_to_first: Option<f64>,
    /// Everything else.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
}

/// How image and maps are shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DisplayRecord {
    /// The radiograph.
    pub radiograph: GrayDisplay,
    /// The maps.
    pub map: MapDisplay,
    /// The part of the radiograph that is shown, where that is not the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<Viewport>,
}

impl DisplayRecord {
    /// Without the words that the file has for its window.
    pub fn new(radiograph: &GrayDisplay, map: &MapDisplay) -> Self {
        let mut radiograph = radiograph.clone();
        if let Tone::Window(window) = &mut radiograph.tone {
            window.explanation = None;
        }
        Self { radiograph, map: *map, view: None }
    }
}

impl MapRecord {
    /// A computed map.
    pub fn of(map: &SaliencyMap, model: usize, explained: ClassFound, scores: Option<MapScores>) -> Self {
        Self {
            name: map.method.name().to_owned(),
            model: Some(model),
            image: None,
            explained: Some(explained),
            outcome: Some(map.display.outcome),
            reason: map.display.reason.clone(),
            scores,
            ssim_to_first: None,
            provenance: Some(map.provenance.clone()),
        }
    }

    /// A map that was read from a file.
    pub fn kept(name: &str, scores: Option<MapScores>) -> Self {
        Self {
            name: name.to_owned(),
            model: None,
            image: None,
            explained: None,
            outcome: None,
            reason: None,
            scores,
            ssim_to_first: None,
            provenance: None,
        }
    }
}

impl FigureRecord {
    /// The record of a figure without models and maps, which are to be added.
    pub fn new(template: &'static str, page: Page, image: ImageRecord, display: DisplayRecord, seed: u64) -> Self {
        Self {
            notice: NOT_FOR_DIAGNOSIS,
            caution: None,
            saliscope: VERSION,
            template,
            width_mm: page.width_mm,
            dpi: page.dpi,
            image,
            other_images: Vec::new(),
            orientations: Vec::new(),
            models: Vec::new(),
            kept: None,
            maps: Vec::new(),
            display,
            seed,
            identity: None,
        }
    }

    /// Notes how an image is shown: 0 is `image`, 1 the first of `other_images`. As its file wants is not worth a word.
    pub fn note_orientation(&mut self, image: usize, orientation: Orientation) {
        if let Some(words) = orientation.words() {
            self.orientations.push(OrientationRecord { image, words, orientation });
        }
    }

    /// As the content of a file.
    ///
    /// # Errors
    /// When a number cannot be written as JSON.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        Ok(json)
    }
}

/// The file beside raw maps: what they are of, completely enough to make them again.
#[derive(Clone, Debug, Serialize)]
pub struct MapsRecord {
    notice: &'static str,
    /// What has to be known before any of it is believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caution: Option<String>,
    saliscope: &'static str,
    /// The radiograph.
    pub image: ImageRecord,
    /// The model.
    pub model: ModelRecord,
    /// What it says of the image, `[classes]`.
    pub logits: Vec<f32>,
    /// The maps, by their names in the archive.
    pub maps: Vec<MapRecord>,
    /// Seed of the noise.
    pub seed: u64,
}

impl MapsRecord {
    /// The record of an archive without maps, which are to be added.
    pub fn new(image: ImageRecord, model: ModelRecord, logits: Vec<f32>, seed: u64) -> Self {
        Self {
            notice: NOT_FOR_DIAGNOSIS,
            caution: None,
            saliscope: VERSION,
            image,
            model,
            logits,
            maps: Vec::new(),
            seed,
        }
    }

    /// As the content of a file.
    ///
    /// # Errors
    /// When a number cannot be written as JSON.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        Ok(json)
    }
}

/// Whether a file is the record of a figure that this program made.
pub(crate) fn is_of_figure(path: &Path) -> bool {
    // What cannot be read or is no JSON is no record.
    let found = files::read(path, limits::REPORT_BYTES).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let found: serde_json::Value = found.unwrap_or_default();
    is_ours(&found) && found.get("template").is_some_and(serde_json::Value::is_string)
}

fn is_ours(found: &serde_json::Value) -> bool {
    let has = |field: &str| found.get(field).is_some_and(serde_json::Value::is_string);
    has("saliscope") && found.get("notice").is_some_and(|notice| notice == NOT_FOR_DIAGNOSIS)
}

/// Refuses the name of a record that another file has. A model's card, for one, has the name of its figure's record.
///
/// # Errors
/// When a file is there that is no record of this program.
pub(crate) fn refuse_foreign(path: &Path) -> Result<()> {
    if !path.is_file() {
        // Nothing is there, or what stays in any case.
        return Ok(());
    }
    let bytes = match files::read(path, limits::REPORT_BYTES) {
        // No record is as large.
        Err(files::Error::TooLarge { .. }) => Vec::new(),
        read => read.map_err(|error| Error::Write { source: error.into(), path: path.to_owned() })?,
    };
    // What is no JSON is no record.
    let found = serde_json::from_slice::<serde_json::Value>(&bytes).unwrap_or_default();
    if is_ours(&found) { Ok(()) } else { Err(Error::ForeignRecord { path: path.to_owned() }) }
}

/// SHA-256 of a radiograph's pixels `[height_px, width_px]`: its size as two little-endian 64-bit numbers, then each
/// pixel's value as a little-endian 32-bit floating-point number. The same for a DICOM file and a PNG of the same pixels.
pub fn content_sha256([height_px, width_px]: [usize; 2], pixels: &[f32]) -> String {
    let size = [height_px as u64, width_px as u64].map(u64::to_le_bytes).concat();
    let pixels = pixels.iter().flat_map(|value| value.to_le_bytes());
    sha256_hex(&size.into_iter().chain(pixels).collect::<Vec<u8>>())
}
