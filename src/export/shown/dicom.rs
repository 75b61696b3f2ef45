//! A map as DICOM objects: a capture of its picture, and a segmentation of where it is strong.

use std::path::{Path, PathBuf};

use super::tile::{ShownTile, source};
use crate::export::{DicomMap, Error, FileSet, Result, page_display};

/// One map and how it becomes DICOM.
#[derive(Clone)]
pub struct ShownDicom {
    /// The picture with its map; the whole image is exported.
    pub tile: ShownTile,
    /// Map value, 0 to 1, from which a pixel belongs to the segmentation.
    pub threshold: f32,
    /// Whether the experts' marks are drawn on the capture.
    pub has_truth: bool,
    /// Whether the objects belong to the patient's study; else they are nobody's.
    pub has_identity: bool,
}

impl ShownDicom {
    /// Writes `NAME_capture.dcm`, `NAME_segmentation.dcm` where any pixel reaches the threshold, and, where the objects
    /// are nobody's, `NAME_radiograph.dcm`, which the segmentation refers to. All or none.
    ///
    /// # Errors
    /// When there is no map, the image is too large, or the files cannot be written; what was there before then stays.
    pub fn write(&self, target: &Path) -> Result<Vec<PathBuf>> {
        let Some(map) = &self.tile.map else { return Err(Error::Maps("none is finished".to_owned())) };
        let tile = ShownTile { view: None, ..self.tile.clone() };
        let picture = tile.radiograph(self.has_truth);
        let image = source(&tile.case);
        let study = image.study(&picture, self.has_identity)?;
        let explanation = map.explanation();
        let objects = DicomMap {
            image: &image,
            study: &study,
            picture: &picture,
            origin: &map.origin(&tile.case.warnings),
            explanation: &explanation,
            clip_percentile: map.clip_percentile(),
            // Captures show the map of 0 to 1, whatever values the screen shows.
            display: page_display(Some(map.display.colour_map).filter(|map| !map.is_diverging()).unwrap_or_default()),
        };
        let name = target.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let beside = |part: &str| target.with_file_name(format!("{name}_{part}.dcm"));
        let mut written = Vec::new();
        let mut files = FileSet::new();
        let mut add = |part: &str, bytes: &[u8]| {
            let path = beside(part);
            files.add(&path, bytes)?;
            written.push(path);
            Result::Ok(())
        };
        if let Some(radiograph) = study.radiograph()? {
            add("radiograph", &radiograph)?;
        }
        add("capture", &objects.capture(&map.answer.map)?)?;
        if let Some(segmentation) = objects.segmentation(&map.answer.map, self.threshold)? {
            add("segmentation", &segmentation)?;
        }
        files.publish()?;
        Ok(written)
    }
}
