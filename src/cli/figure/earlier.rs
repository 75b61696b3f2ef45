//! Where maps of an earlier run lie, and which part of its report is about them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::spec::{Spec, TemplateName};
use crate::cli::error::{Error, Result};
use crate::files;
use crate::limits;
use crate::model_input::content_seed;
use crate::network::ImageFit;
use crate::radiograph::Radiograph;
use crate::saliency::Preset;

/// Names of archive and report.
fn names(spec: &Spec) -> [&'static str; 2] {
    match spec.template {
        TemplateName::CascadeRow => ["cascade.npz", "cascade.json"],
        _ => ["maps.npz", "explain.json"],
    }
}

/// Maps of one image, and what is known of them.
pub(super) struct Earlier {
    pub(super) archive: PathBuf,
    /// What the run says; null where there is nothing or it cannot be read.
    report: Value,
    /// Position of the image in a report of several; nothing where that is not known.
    image: Option<usize>,
    /// A report is there and cannot be read.
    is_unreadable: bool,
}

/// The files that maps at `path` are read from, as far as that is known without the image.
pub(super) fn files_of(spec: &Spec, path: &Path) -> Vec<PathBuf> {
    let [archive, report] = names(spec);
    let folders = if path.is_dir() { folders(path, archive) } else { Vec::new() };
    let archives = match folders.is_empty() {
        _ if !path.is_dir() => vec![path.to_owned()],
        true => vec![path.join(archive)],
        false => folders.iter().map(|folder| folder.join(archive)).collect(),
    };
    let around = archives.iter().flat_map(|archive| reports(archive, report)).collect::<Vec<_>>();
    archives.into_iter().chain(around).collect()
}

/// Folders of single images inside the folder of a run of several.
fn folders(path: &Path, archive: &str) -> Vec<PathBuf> {
    if path.join(archive).is_file() {
        return Vec::new();
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> =
        entries.filter(|folder| number(folder).is_some() && folder.join(archive).is_file()).collect();
    found.sort();
    found
}

/// The number in the name of the folder of one image of several.
fn number(folder: &Path) -> Option<usize> {
    let folder = folder.canonicalize().ok()?;
    folder.file_name()?.to_str()?.strip_prefix("image_")?.parse().ok()
}

/// Where the report of an archive may be: beside it, and for one image of several a folder above. An archive of another name
/// has one of its own name.
fn reports(archive: &Path, report: &str) -> Vec<PathBuf> {
    let folder = files::folder_of(archive);
    let mut found = vec![folder.join(report), archive.with_extension("json")];
    if number(folder).is_some() {
        found.push(folder.join("..").join(report));
    }
    found
}

impl Earlier {
    /// The maps at `path`, a folder or an archive. Of a run of several images those of `shown` are taken, by its pixels.
    pub(super) fn find(spec: &Spec, path: &Path, shown: &Radiograph) -> Result<Self> {
        let [archive, report] = names(spec);
        if !path.is_dir() {
            return Ok(Self::of(path.to_owned(), report, shown));
        }
        let folders = folders(path, archive);
        if folders.is_empty() {
            return Ok(Self::of(path.join(archive), report, shown));
        }
        let all: Vec<Self> = folders.iter().map(|folder| Self::of(folder.join(archive), report, shown)).collect();
        let count = all.len();
        all.into_iter().find(|own| own.is_of(shown) == Some(true)).ok_or_else(|| {
            let example = folders[0].file_name().unwrap_or_default().to_string_lossy();
            Error::Usage(format!(
                "maps: the folder holds maps of {count} images, and by its pixels the image is none of them; name the folder of \
                 one, such as {example} in it"
            ))
        })
    }

    fn of(archive: PathBuf, report: &str, shown: &Radiograph) -> Self {
        let mut own = Self { report: Value::Null, image: None, is_unreadable: false, archive };
        for path in reports(&own.archive, report) {
            match files::read(&path, limits::REPORT_BYTES) {
                Err(error) if error.is_missing() => continue,
                // What is no report of this program says nothing about the maps.
                Ok(json) => own.report = serde_json::from_slice(&json).unwrap_or_default(),
                Err(_) => {}
            }
            own.is_unreadable = own.report.is_null();
            break;
        }
        let images = own.report.get("images").and_then(Value::as_array).map_or(0, Vec::len);
        let named = number(files::folder_of(&own.archive)).filter(|index| *index < images);
        own.image = match images {
            0 | 1 => Some(0),
            _ => named.or_else(|| {
                (0..images).find(|index| own.seed(*index).is_some() && own.seed(*index) == own.seed_of(shown))
            }),
        };
        own
    }

    /// What the report says at `place`.
    pub(super) fn at(&self, place: &str) -> Option<&Value> {
        self.report.pointer(place)
    }

    /// The words there.
    pub(super) fn text(&self, place: &str) -> Option<&str> {
        self.at(place)?.as_str()
    }

    /// The class explained, its name and perhaps its probability.
    pub(super) fn explained(&self) -> Option<&Value> {
        let of_image = || self.at(&format!("/images/{}/explained", self.image?));
        self.at("/explained").or_else(of_image).or_else(|| self.at("/maps/0/explained"))
    }

    /// The data range at which the run compared its maps.
    pub(super) fn range(&self) -> Option<f64> {
        let said = self.at("/similarity/figure_range").or_else(|| self.at("/ssim_range")).and_then(Value::as_u64);
        let of_preset = || match self.text("/preset")?.parse().ok()? {
            Preset::Arun2021 => Some(2.0),
            Preset::Recommended => Some(1.0),
        };
        let said = match said {
            Some(1) => Some(1.0),
            Some(2) => Some(2.0),
            _ => None,
        };
        said.or_else(of_preset)
    }

    /// The clipping percentile of the maps.
    pub(super) fn percentile(&self) -> Option<f64> {
        let of_explain = self.at("/maps/0/parameters/clip_percentile");
        of_explain.or_else(|| self.at("/parameters/clip_percentile")).and_then(Value::as_f64)
    }

    /// What a reader would look for and no file says.
    pub(super) fn unknown(&self) -> Vec<&'static str> {
        let known = [
            ("model", self.text("/model/name").is_some()),
            ("class", self.explained().is_some()),
            ("preset", self.text("/preset").is_some()),
        ];
        known.into_iter().filter(|(_, is_known)| !is_known).map(|(what, _)| what).collect()
    }

    pub(super) fn is_unreadable(&self) -> bool {
        self.is_unreadable
    }

    /// Whether the maps are of this image, by its pixels at the size of the network; nothing where that cannot be told.
    pub(super) fn is_of(&self, shown: &Radiograph) -> Option<bool> {
        Some(self.seed(self.image?)? == self.seed_of(shown)?)
    }

    /// The seed that the run found from the pixels of an image.
    fn seed(&self, image: usize) -> Option<u64> {
        let of_several = || self.at(&format!("/images/{image}/content_seed"));
        self.at("/image/content_seed").or_else(of_several)?.as_u64()
    }

    /// The same of a radiograph, as the card in the report says.
    fn seed_of(&self, shown: &Radiograph) -> Option<u64> {
        let fit = ImageFit::of_json(self.at("/model")?.to_string().as_bytes())?;
        content_seed(shown, fit).ok()
    }
}
