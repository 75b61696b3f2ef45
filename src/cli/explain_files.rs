//! The files of one explained image.

use std::path::Path;

use super::error::{Error, Result};
use super::output::Output;
use super::report::Subject;
use super::study_image::StudyImage;
use crate::cohort::{TruthRule, mask_at};
use crate::display::ColourMap;
use crate::export::{self, DicomMap, SourceImage};
use crate::figure::template::{Page, Picture, Truth};
use crate::figure::{ColumnWidth, Format};
use crate::metrics::MapScores;
use crate::saliency::{Explanation, SaliencyMap};
use crate::truth::Mask;

/// A radiograph as it is drawn, and what experts marked on it.
pub(super) struct Shown {
    pub(super) image: SourceImage,
    /// At the size of the image.
    pub(super) truth: Option<Mask>,
}

impl Shown {
    /// With the truth, where there is one.
    pub(super) fn picture(&self) -> Result<Picture> {
        let mut picture = self.image.picture()?;
        if let Some(truth) = &self.truth {
            let [height_px, width_px] = self.image.size_px();
            picture.truth = Truth::of_mask(truth, [width_px, height_px]);
        }
        Ok(picture)
    }

    /// Scores of each map, where there is a truth.
    pub(super) fn scores(&self, explanation: &Explanation) -> Vec<Option<MapScores>> {
        let of = |map: &SaliencyMap| {
            let ([rows, columns], shown) = map.over_image(&map.display.values);
            let truth = mask_at(self.truth.as_ref()?, rows, columns, TruthRule::AreaExact);
            MapScores::of_present(&shown, truth.pixels()).ok()
        };
        explanation.maps.iter().map(of).collect()
    }
}

/// What DICOM files are wanted.
#[derive(Clone, Copy)]
pub(super) struct DicomChoices {
    pub(super) threshold: f32,
    /// Whether they belong to the patient's study.
    pub(super) identity: bool,
}

/// Fineness of the page as PNG and of the pictures in the PDF: a tile of a third of the page has about 650 pixels.
const PAGE_DPI: u32 = 300;

#[expect(clippy::too_many_arguments, reason = "what was asked, what was found, and where it goes")]
pub(super) fn write_image(
    output: &mut Output,
    folder: &Path,
    subject: &Subject<'_>,
    index: usize,
    image: &StudyImage,
    shown: &Shown,
    explanation: &Explanation,
    dicom: Option<DicomChoices>,
) -> Result<()> {
    let arrays = folder.join("maps.npz");
    let bytes = export::maps_npz(explanation).map_err(|problem| Error::Arrays { problem, path: arrays.clone() })?;
    output.write(&arrays, &bytes)?;
    let scores = shown.scores(explanation);
    let report = subject.report(index, explanation, image, &scores);
    let mut json = serde_json::to_vec_pretty(&report).map_err(|error| Error::Output {
        operation: "report cannot be written",
        source: error.into(),
        path: folder.into(),
    })?;
    json.push(b'\n');
    output.write(&folder.join("explain.json"), &json)?;
    let picture = shown.picture()?;
    let page = Page::new(ColumnWidth::WideDouble.mm(), PAGE_DPI)?;
    let scene = subject.panel(explanation, &picture, image, &scores).scene(page)?;
    for format in [Format::Png { dpi: PAGE_DPI }, Format::Pdf] {
        output.write(&folder.join("panel").with_extension(format.extension()), &page.encode(&scene, format)?)?;
    }
    match dicom {
        Some(choices) => write_dicom(output, folder, subject, image, shown, &picture, explanation, choices),
        None => Ok(()),
    }
}

#[expect(clippy::too_many_arguments, reason = "as above, and how it is shown")]
fn write_dicom(
    output: &mut Output,
    folder: &Path,
    subject: &Subject<'_>,
    image: &StudyImage,
    shown: &Shown,
    picture: &Picture,
    explanation: &Explanation,
    DicomChoices { threshold, identity }: DicomChoices,
) -> Result<()> {
    let study = shown.image.study(picture, identity)?;
    if let Some(radiograph) = study.radiograph()? {
        output.write(&folder.join("radiograph.dcm"), &radiograph)?;
    }
    let objects = DicomMap {
        image: &shown.image,
        study: &study,
        picture,
        origin: &subject.origin(image),
        explanation,
        clip_percentile: subject.request.parameters.clip_percentile,
        display: export::page_display(ColourMap::default()),
    };
    for map in &explanation.maps {
        let method = map.method;
        output.write(&folder.join(format!("capture_{method}.dcm")), &objects.capture(map)?)?;
        if let Some(segmentation) = objects.segmentation(map, threshold)? {
            output.write(&folder.join(format!("segmentation_{method}.dcm")), &segmentation)?;
        }
    }
    Ok(())
}
