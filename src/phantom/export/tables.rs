//! The tables beside the images, as text.

use super::super::{Devices, Finding, Patient, Phantom, Split};
use super::identity::{Identity, Set};
use super::run_length;
use crate::truth::{FindingBox, Mask};

/// What the tables say about one phantom.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) is_labelled: bool,
    pub(super) finding: Finding,
    pub(super) index: u64,
    patient_id: String,
    siim_image: String,
    pub(super) split: Split,
    run_length: Option<String>,
    boxes: Vec<FindingBox>,
    /// The boxes, or the one around the mask.
    pub(super) marks: Vec<FindingBox>,
    pub(super) patient: Patient,
    devices: Devices,
}

impl Record {
    pub(super) fn new(phantom: &Phantom, identity: &Identity, index: u64, is_labelled: bool, split: Split) -> Self {
        let [_, _, siim_image] = identity.uids(Set::Siim);
        Self {
            is_labelled,
            finding: phantom.finding,
            index,
            patient_id: identity.patient.clone(),
            siim_image,
            split,
            run_length: phantom.mask.as_ref().and_then(run_length::encode),
            boxes: phantom.boxes.clone(),
            marks: phantom.mask.as_ref().and_then(around).map_or_else(|| phantom.boxes.clone(), |around| vec![around]),
            patient: phantom.patient,
            devices: phantom.devices,
        }
    }
}

/// The box around all pixels of a mask.
fn around(mask: &Mask) -> Option<FindingBox> {
    let marked = mask.pixels().iter().enumerate().filter(|(_, is_marked)| **is_marked);
    let places: Vec<[usize; 2]> = marked.map(|(pixel, _)| [pixel % mask.width_px(), pixel / mask.width_px()]).collect();
    let range = |axis: usize| {
        let along = || places.iter().map(|place| place[axis]);
        Some((along().min()? as f64, along().max()? as f64 + 1.0))
    };
    let ((left, right), (top, bottom)) = (range(0)?, range(1)?);
    Some(FindingBox { x_px: left, y_px: top, width_px: right - left, height_px: bottom - top })
}

/// Name of a phantom's PNG files without extension.
pub(super) fn stem(index: u64) -> String {
    format!("phantom_{index:06}")
}

/// SIIM-ACR's `train-rle.csv`; the blanks belong to it.
pub(super) fn run_lengths(records: &[&Record]) -> String {
    table("ImageId, EncodedPixels", records, |record| {
        vec![format!("{}, {}", record.siim_image, record.run_length.as_deref().unwrap_or("-1"))]
    })
}

/// RSNA's `stage_2_train_labels.csv`: a row for each box.
pub(super) fn rsna_labels(records: &[&Record]) -> String {
    table("patientId,x,y,width,height,Target", records, |record| {
        let id = &record.patient_id;
        if record.boxes.is_empty() {
            return vec![format!("{id},,,,,0")];
        }
        record
            .boxes
            .iter()
            .map(|b| format!("{id},{:.1},{:.1},{:.1},{:.1},1", b.x_px, b.y_px, b.width_px, b.height_px))
            .collect()
    })
}

/// RSNA's `stage_2_detailed_class_info.csv`: a row for each box.
pub(super) fn rsna_classes(records: &[&Record]) -> String {
    table("patientId,class", records, |record| {
        let class = match record.finding {
            Finding::None => "Normal",
            Finding::Pneumonia => "Lung Opacity",
            Finding::Pneumothorax => "No Lung Opacity / Not Normal",
        };
        vec![format!("{},{class}", record.patient_id); record.boxes.len().max(1)]
    })
}

/// The study's form: an index without a name, the image, its split.
pub(super) fn siim_splits(records: &[&Record]) -> String {
    splits(records, |record| record.siim_image.clone())
}

/// The same for RSNA, whose ids end in `.png`; the third class is left out, as in the study.
pub(super) fn rsna_splits(records: &[&Record]) -> String {
    let used: Vec<&Record> = records.iter().copied().filter(|record| record.finding != Finding::Pneumothorax).collect();
    splits(&used, |record| format!("{}.png", record.patient_id))
}

fn splits(records: &[&Record], id: impl Fn(&Record) -> String) -> String {
    let mut row = 0;
    table(",Image_ID,Split", records, |record| {
        row += 1;
        vec![format!("{},{},{}", row - 1, id(record), record.split.name())]
    })
}

/// A plain folder's `labels.csv`.
pub(super) fn folder_labels(records: &[&Record]) -> String {
    table("image,label,split,patient", records, |record| {
        let label = record.finding.name().unwrap_or("normal");
        vec![format!("images/{}.png,{label},{},{}", stem(record.index), record.split.name(), record.patient_id)]
    })
}

/// A plain folder's `boxes.csv`.
pub(super) fn folder_boxes(records: &[&Record]) -> String {
    table("image,x,y,width,height", records, |record| {
        let image = stem(record.index);
        record
            .boxes
            .iter()
            .map(|b| format!("images/{image}.png,{},{},{},{}", b.x_px, b.y_px, b.width_px, b.height_px))
            .collect()
    })
}

/// What each phantom is, test images included.
pub(super) fn phantoms(records: &[&Record]) -> String {
    let header = "index,finding,split,patient,siim_image,sex,age_years,view,leads,tracheal_tube,central_line,\
                  chest_drain,skin_fold,pacemaker";
    table(header, records, |record| {
        let Record { index, patient, devices, .. } = record;
        let finding = record.finding.name().unwrap_or("none");
        let split = if record.is_labelled { record.split.name() } else { "unlabelled" };
        let (sex, view) = (patient.sex.code(), patient.view.code());
        let shown = [
            devices.leads,
            devices.tracheal_tube,
            devices.central_line,
            devices.chest_drain,
            devices.skin_fold,
            devices.pacemaker,
        ]
        .map(|shown| if shown { "1" } else { "0" })
        .join(",");
        let (id, image, age) = (&record.patient_id, &record.siim_image, patient.age_years);
        vec![format!("{index},{finding},{split},{id},{image},{sex},{age},{view},{shown}")]
    })
}

fn table(header: &str, records: &[&Record], mut rows: impl FnMut(&Record) -> Vec<String>) -> String {
    let mut text = format!("{header}\n");
    for record in records {
        for row in rows(record) {
            text.push_str(&row);
            text.push('\n');
        }
    }
    text
}
