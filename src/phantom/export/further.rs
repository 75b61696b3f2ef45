//! Phantoms in the layouts of ChestX-ray14 and `VinDr-CXR`, which are written where they are asked for.

use super::super::{Finding, Split};
use super::tables::Record;
use crate::truth::FindingBox;

/// Side of the images that ChestX-ray14's boxes are drawn on, in pixels.
const NIH_SIDE_PX: f64 = 1024.0;

/// Names of the files of ChestX-ray14.
pub(super) fn nih_image(index: u64) -> String {
    format!("{:08}_000.png", index + 1)
}

/// Id of an image of `VinDr-CXR`.
pub(super) fn vindr_image(index: u64) -> String {
    format!("{:032x}", index + 1)
}

/// What findings are called in a layout.
fn name(finding: Finding, nothing: &'static str) -> &'static str {
    match finding {
        Finding::None => nothing,
        Finding::Pneumothorax => "Pneumothorax",
        Finding::Pneumonia => "Pneumonia",
    }
}

/// Lines as the text of a file.
fn text_of(lines: &[String]) -> String {
    lines.join("\n") + "\n"
}

/// `Data_Entry_2017_v2020.csv`.
pub(super) fn nih_labels(records: &[&Record], size_px: usize) -> String {
    let head = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Sex,View Position,\
                OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]";
    let mut lines = vec![head.to_owned()];
    for record in records {
        let (finding, patient) = (name(record.finding, "No Finding"), record.patient);
        let (image, id) = (nih_image(record.index), record.index + 1);
        let (sex, view) = (patient.sex.code(), patient.view.code());
        lines.push(format!(
            "{image},{finding},0,{id},{},{sex},{view},{size_px},{size_px},0.143,0.143",
            patient.age_years
        ));
    }
    text_of(&lines)
}

/// `BBox_List_2017.csv`, with the head that it has: a box for about half of the images with a finding.
pub(super) fn nih_boxes(records: &[&Record], size_px: usize) -> String {
    let mut lines = vec!["Image Index,Finding Label,Bbox [x,y,w,h],,,".to_owned()];
    let scale = NIH_SIDE_PX / size_px as f64;
    for record in
        records.iter().filter(|record| record.finding != Finding::None && (record.index / 2).is_multiple_of(2))
    {
        for FindingBox { x_px, y_px, width_px, height_px } in &record.marks {
            let [x, y, w, h] = [x_px, y_px, width_px, height_px].map(|length| length * scale);
            lines.push(format!("{},{},{x},{y},{w},{h},,,", nih_image(record.index), name(record.finding, "")));
        }
    }
    text_of(&lines)
}

/// `train_val_list.txt` or `test_list.txt`.
pub(super) fn nih_list(records: &[&Record], is_test: bool) -> String {
    let of_list = records.iter().filter(|record| (record.split == Split::Test) == is_test);
    of_list.map(|record| nih_image(record.index) + "\n").collect()
}

/// `annotations_train.csv`, of three readers: the second draws boxes a little larger, the third misses every fourth finding.
/// `annotations_test.csv` is a consensus.
pub(super) fn vindr_annotations(records: &[&Record], is_test: bool, size_px: usize) -> String {
    let readers: &[&str] = if is_test { &[""] } else { &["R1", "R2", "R3"] };
    let columns = if is_test { "" } else { "rad_id," };
    let mut lines = vec![format!("image_id,{columns}class_name,x_min,y_min,x_max,y_max")];
    let of_part = records.iter().filter(|record| (record.split == Split::Test) == is_test);
    for (position, record) in of_part.enumerate() {
        for (number, reader) in readers.iter().enumerate() {
            let reader = if is_test { String::new() } else { format!("{reader},") };
            let image = vindr_image(record.index);
            let is_missed = number == 2 && position.is_multiple_of(4);
            if record.finding == Finding::None || is_missed {
                lines.push(format!("{image},{reader}No finding,,,,"));
                continue;
            }
            let margin_px = if number == 1 { 2.0 } else { 0.0 };
            let side = size_px as f64;
            for mark in &record.marks {
                let low = |start: f64| (start - margin_px).max(0.0);
                let high = |end: f64| (end + margin_px).min(side);
                let (x, y) = (low(mark.x_px), low(mark.y_px));
                let (right, bottom) = (high(mark.x_px + mark.width_px), high(mark.y_px + mark.height_px));
                lines.push(format!("{image},{reader}{},{x},{y},{right},{bottom}", name(record.finding, "")));
            }
        }
    }
    text_of(&lines)
}
