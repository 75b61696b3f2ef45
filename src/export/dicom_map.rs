//! The DICOM objects of a map, the same from the command line and the window.

use super::{ClassFound, DicomStudy, Origin, Result, Segment, SourceImage, capture_picture, map_bar, map_tile};
use crate::display::{MapDisplay, MapPlane};
use crate::figure::template::{Picture, SingleCase};
use crate::saliency::{Explanation, SaliencyMap};

/// Everything around the maps of one image that become DICOM objects.
pub struct DicomMap<'a> {
    /// The radiograph.
    pub image: &'a SourceImage,
    /// Its study.
    pub study: &'a DicomStudy,
    /// How it is shown.
    pub picture: &'a Picture,
    /// Where the maps come from.
    pub origin: &'a Origin<'a>,
    /// What the model found.
    pub explanation: &'a Explanation,
    /// The percentile at which maps are clipped.
    pub clip_percentile: f64,
    /// How maps of 0 to 1 are shown.
    pub display: MapDisplay,
}

impl DicomMap<'_> {
    /// A picture of the map as Secondary Capture.
    ///
    /// # Errors
    /// When it cannot be drawn or encoded.
    pub fn capture(&self, map: &SaliencyMap) -> Result<Vec<u8>> {
        let figure = SingleCase {
            labels: self.origin.labels(self.explanation),
            radiograph: self.picture.clone(),
            map: map_tile(map, self.picture, self.display, None),
            bar: map_bar(&self.display, self.clip_percentile),
        };
        self.study.capture(&capture_picture(figure)?, &self.description(map))
    }

    /// The pixels where the map is at least `threshold`, 0 to 1; nothing where there is none, for an empty segmentation
    /// would say that there is one.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn segmentation(&self, map: &SaliencyMap, threshold: f32) -> Result<Option<Vec<u8>>> {
        let plane = MapPlane::over_image(map, &map.display.values);
        let region = self.image.region(&plane, &self.display, threshold);
        if region.area_px() == 0 {
            return Ok(None);
        }
        let segment = Segment {
            label: format!("{}, values from {threshold}", map.method),
            description: format!("Where the map is at least {threshold} of its range. {}", self.description(map)),
            algorithm: map.method.title().to_owned(),
            model_sha256: self.origin.sha256.to_owned(),
        };
        self.study.segmentation(&region, &segment).map(Some)
    }

    fn description(&self, map: &SaliencyMap) -> String {
        let explained = ClassFound::new(self.origin.card, &self.explanation.logits, self.explanation.class);
        let caution = self.origin.caution.map(|caution| format!("{caution} ")).unwrap_or_default();
        let orientation = self.picture.orientation().words();
        let orientation = orientation.map_or_else(String::new, |words| format!(" Shown other than stored: {words}."));
        format!(
            "{caution}{} ({}) of {}, {}. {}, preset {}. {}{orientation}",
            map.method,
            map.method.title(),
            explained.label(),
            explained.probability_words(),
            self.origin.model(),
            self.origin.preset,
            super::parameters_in_short(&map.provenance),
        )
    }
}
