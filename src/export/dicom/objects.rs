//! The three objects, module by module (PS3.3 A.8.1, A.51).

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};

use super::element::Builder;
use super::owner::SourceObject;
use super::{DicomStudy, Segment, encoded};
use crate::export::{Error, Result, VERSION};
use crate::figure::{NOT_FOR_DIAGNOSIS, Painted};
use crate::radiograph::phantom_mark::{MARK, MARK_OWNER, MARK_OWNER_TAG, MARK_TAG};
use crate::truth::Mask;

const SECONDARY_CAPTURE: &str = uids::SECONDARY_CAPTURE_IMAGE_STORAGE;
const SEGMENTATION: &str = uids::SEGMENTATION_STORAGE;

/// The one segment: a place, not a thing in the patient.
const CATEGORY: [&str; 3] = ["309825002", "SCT", "Spatial and Relational Concept"];
const TYPE: [&str; 3] = ["111099", "DCM", "Selected region"];

pub(super) fn radiograph(study: &DicomStudy) -> Result<Vec<u8>> {
    let reference = study.reference();
    let object = head(study, [SECONDARY_CAPTURE, &reference.series, &reference.instance])
        .text(tags::MODALITY, VR::CS, "OT")
        .text(tags::SERIES_NUMBER, VR::IS, "1")
        .text(tags::SERIES_DESCRIPTION, VR::LO, "Radiograph as shown, without identity");
    let object = derived(study, secondary(object), "Gray levels as shown, 8 bits; identity removed. ")
        .number(tags::SAMPLES_PER_PIXEL, 1)
        .text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    let object = eight_bits(object, study.rows, study.columns)
        .when(study.spacing_mm, |object, spacing| object.texts(tags::PIXEL_SPACING, VR::DS, &spacing_texts(spacing)));
    encoded(object.pixels(study.gray.clone()), SECONDARY_CAPTURE, &reference.instance)
}

pub(super) fn capture(study: &DicomStudy, picture: &Painted, description: &str) -> Result<Vec<u8>> {
    let [width_px, height_px] = [picture.width_px, picture.height_px];
    let side = |side: u32| {
        u16::try_from(side).map_err(|_| Error::DicomSize { width_px: width_px as usize, height_px: height_px as usize })
    };
    let series = study.names.of("capture series");
    let instance = study.names.of_object("capture", &picture.rgb, description);
    let object = head(study, [SECONDARY_CAPTURE, &series, &instance])
        .text(tags::MODALITY, VR::CS, "OT")
        .text(tags::SERIES_NUMBER, VR::IS, "9001")
        .text(tags::SERIES_DESCRIPTION, VR::LO, "Saliency map, research use - not for diagnosis");
    let object = derived(study, secondary(object), description)
        .when(study.owner.source(), |object, source| {
            object.sequence(tags::SOURCE_IMAGE_SEQUENCE, vec![source_image(&source)])
        })
        .number(tags::SAMPLES_PER_PIXEL, 3)
        .text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB")
        .number(tags::PLANAR_CONFIGURATION, 0);
    let object = eight_bits(object, side(height_px)?, side(width_px)?);
    encoded(object.pixels(picture.rgb.clone()), SECONDARY_CAPTURE, &instance)
}

pub(super) fn segmentation(study: &DicomStudy, mask: &Mask, segment: &Segment) -> Result<Vec<u8>> {
    let size = [mask.height_px(), mask.width_px()];
    assert_eq!(size, [study.rows, study.columns].map(usize::from), "a segmentation has the size of its radiograph");
    let bits = packed(mask);
    let series = study.names.of("segmentation series");
    let instance = study.names.of_object("segmentation", &bits, &segment.description);
    let reference = study.reference();
    let dimensions = study.names.of("dimensions");
    let object = head(study, [SEGMENTATION, &series, &instance])
        .text(tags::MODALITY, VR::CS, "SEG")
        .text(tags::SERIES_NUMBER, VR::IS, "9002")
        .text(tags::SERIES_DESCRIPTION, VR::LO, "Saliency region, research use - not for diagnosis")
        .text(tags::FRAME_OF_REFERENCE_UID, VR::UI, &study.names.of("frame of reference"))
        .text(tags::POSITION_REFERENCE_INDICATOR, VR::LO, "")
        .text(tags::DEVICE_SERIAL_NUMBER, VR::LO, "none")
        .texts(tags::IMAGE_TYPE, VR::CS, &["DERIVED", "PRIMARY"])
        .text(tags::INSTANCE_NUMBER, VR::IS, "1")
        .text(tags::CONTENT_LABEL, VR::CS, "SALIENCY")
        .text(tags::CONTENT_DESCRIPTION, VR::LO, NOT_FOR_DIAGNOSIS)
        .text(tags::CONTENT_CREATOR_NAME, VR::PN, "")
        .text(tags::PATIENT_ORIENTATION, VR::CS, "")
        .text(tags::BURNED_IN_ANNOTATION, VR::CS, "NO")
        .text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, if study.lossy { "01" } else { "00" })
        .when(study.lossy.then_some(()), |object, ()| {
            // How much and by what is not known of every source; the standard wants both.
            object.text(tags::LOSSY_IMAGE_COMPRESSION_RATIO, VR::DS, "1").text(
                tags::LOSSY_IMAGE_COMPRESSION_METHOD,
                VR::CS,
                "ISO_10918_1",
            )
        })
        .text(tags::SEGMENTATION_TYPE, VR::CS, "BINARY")
        .number(tags::SAMPLES_PER_PIXEL, 1)
        .text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2")
        .text(tags::NUMBER_OF_FRAMES, VR::IS, "1")
        .number(tags::ROWS, study.rows)
        .number(tags::COLUMNS, study.columns)
        .number(tags::BITS_ALLOCATED, 1)
        .number(tags::BITS_STORED, 1)
        .number(tags::HIGH_BIT, 0)
        .number(tags::PIXEL_REPRESENTATION, 0)
        .sequence(tags::SEGMENT_SEQUENCE, vec![segment_item(segment)])
        .sequence(
            tags::DIMENSION_ORGANIZATION_SEQUENCE,
            vec![Builder::new().text(tags::DIMENSION_ORGANIZATION_UID, VR::UI, &dimensions)],
        )
        .sequence(
            tags::DIMENSION_INDEX_SEQUENCE,
            vec![
                Builder::new()
                    .pointer(tags::DIMENSION_INDEX_POINTER, tags::REFERENCED_SEGMENT_NUMBER)
                    .pointer(tags::FUNCTIONAL_GROUP_POINTER, tags::SEGMENT_IDENTIFICATION_SEQUENCE)
                    .text(tags::DIMENSION_ORGANIZATION_UID, VR::UI, &dimensions)
                    .text(tags::DIMENSION_DESCRIPTION_LABEL, VR::LO, "Segment"),
            ],
        )
        .sequence(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared_groups(study)])
        .sequence(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, vec![frame_groups(&reference)])
        .sequence(
            tags::REFERENCED_SERIES_SEQUENCE,
            vec![
                Builder::new()
                    .text(tags::SERIES_INSTANCE_UID, VR::UI, &reference.series)
                    .sequence(tags::REFERENCED_INSTANCE_SEQUENCE, vec![instance_item(&reference)]),
            ],
        );
    encoded(object.pixels(bits), SEGMENTATION, &instance)
}

/// What all objects have: patient, study, series, equipment, the object itself.
fn head(study: &DicomStudy, [class, series, instance]: [&str; 3]) -> Builder {
    study
        .owner
        .write(Builder::new(), &study.names)
        .text(tags::SOP_CLASS_UID, VR::UI, class)
        .text(tags::SOP_INSTANCE_UID, VR::UI, instance)
        .text(tags::SERIES_INSTANCE_UID, VR::UI, series)
        .text(tags::BODY_PART_EXAMINED, VR::CS, "CHEST")
        .text(tags::MANUFACTURER, VR::LO, "saliscope")
        .text(tags::MANUFACTURER_MODEL_NAME, VR::LO, "saliscope")
        .text(tags::SOFTWARE_VERSIONS, VR::LO, VERSION)
        .when(study.is_phantom.then_some(()), |object, ()| {
            object.text(MARK_OWNER_TAG, VR::LO, MARK_OWNER).text(MARK_TAG, VR::LO, MARK)
        })
}

fn secondary(object: Builder) -> Builder {
    object
        .text(tags::CONVERSION_TYPE, VR::CS, "WSD")
        .texts(tags::IMAGE_TYPE, VR::CS, &["DERIVED", "SECONDARY"])
        .text(tags::INSTANCE_NUMBER, VR::IS, "1")
        .text(tags::PATIENT_ORIENTATION, VR::CS, "")
}

fn derived(study: &DicomStudy, object: Builder, description: &str) -> Builder {
    object
        .text(tags::DERIVATION_DESCRIPTION, VR::ST, &format!("{} {NOT_FOR_DIAGNOSIS}.", description.trim_end()))
        // What is added to the pixels names nobody; what was in them is known where the source says so.
        .when(study.burned_in, |object, burned_in| {
            object.text(tags::BURNED_IN_ANNOTATION, VR::CS, if burned_in { "YES" } else { "NO" })
        })
}

fn eight_bits(object: Builder, rows: u16, columns: u16) -> Builder {
    object
        .number(tags::ROWS, rows)
        .number(tags::COLUMNS, columns)
        .number(tags::BITS_ALLOCATED, 8)
        .number(tags::BITS_STORED, 8)
        .number(tags::HIGH_BIT, 7)
        .number(tags::PIXEL_REPRESENTATION, 0)
}

fn segment_item(segment: &Segment) -> Builder {
    Builder::new()
        .number(tags::SEGMENT_NUMBER, 1)
        .text(tags::SEGMENT_LABEL, VR::LO, &segment.label)
        .text(tags::SEGMENT_DESCRIPTION, VR::ST, &format!("{} {NOT_FOR_DIAGNOSIS}.", segment.description))
        .text(tags::SEGMENT_ALGORITHM_TYPE, VR::CS, "AUTOMATIC")
        .text(tags::SEGMENT_ALGORITHM_NAME, VR::LO, &segment.algorithm)
        .code(tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, CATEGORY)
        .code(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, TYPE)
        .sequence(
            tags::SEGMENTATION_ALGORITHM_IDENTIFICATION_SEQUENCE,
            vec![
                Builder::new()
                    .code(tags::ALGORITHM_FAMILY_CODE_SEQUENCE, ["123109", "DCM", "Artificial Intelligence"])
                    .text(tags::ALGORITHM_NAME, VR::LO, &segment.algorithm)
                    .text(tags::ALGORITHM_VERSION, VR::LO, VERSION)
                    .text(tags::ALGORITHM_PARAMETERS, VR::LT, &format!("model SHA-256 {}", segment.model_sha256)),
            ],
        )
}

fn shared_groups(study: &DicomStudy) -> Builder {
    let segment = Builder::new().number(tags::REFERENCED_SEGMENT_NUMBER, 1);
    let groups = Builder::new().sequence(tags::SEGMENT_IDENTIFICATION_SEQUENCE, vec![segment]);
    groups.when(study.spacing_mm, |groups, spacing| {
        let measures = Builder::new()
            .texts(tags::PIXEL_SPACING, VR::DS, &spacing_texts(spacing))
            // A projection has no slices; programs that make volumes of everything need one above 0.
            .text(tags::SLICE_THICKNESS, VR::DS, "1");
        groups.sequence(tags::PIXEL_MEASURES_SEQUENCE, vec![measures])
    })
}

fn frame_groups(reference: &SourceObject) -> Builder {
    let derivation = Builder::new()
        .code(tags::DERIVATION_CODE_SEQUENCE, ["113076", "DCM", "Segmentation"])
        .sequence(tags::SOURCE_IMAGE_SEQUENCE, vec![source_image(reference)]);
    Builder::new()
        .sequence(tags::FRAME_CONTENT_SEQUENCE, vec![Builder::new().long(tags::DIMENSION_INDEX_VALUES, 1)])
        .sequence(tags::DERIVATION_IMAGE_SEQUENCE, vec![derivation])
}

fn source_image(source: &SourceObject) -> Builder {
    instance_item(source).text(tags::SPATIAL_LOCATIONS_PRESERVED, VR::CS, "YES").code(
        tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
        ["121322", "DCM", "Source image for image processing operation"],
    )
}

fn instance_item(source: &SourceObject) -> Builder {
    Builder::new().text(tags::REFERENCED_SOP_CLASS_UID, VR::UI, &source.class).text(
        tags::REFERENCED_SOP_INSTANCE_UID,
        VR::UI,
        &source.instance,
    )
}

/// A distance between rows and one between columns as decimal texts of at most 16 letters.
fn spacing_texts([row, column]: [f64; 2]) -> [String; 2] {
    [row, column].map(|mm| format!("{mm:.8}").chars().take(16).collect::<String>())
}

/// Bits, the first pixel in the lowest one (PS3.5 8.1.1).
fn packed(mask: &Mask) -> Vec<u8> {
    let byte = |pixels: &[bool]| pixels.iter().enumerate().fold(0, |byte, (bit, set)| byte | u8::from(*set) << bit);
    mask.pixels().chunks(8).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pixel_is_the_lowest_bit() {
        let mut pixels = vec![false; 11];
        pixels[0] = true;
        pixels[3] = true;
        pixels[10] = true;
        assert_eq!(packed(&Mask::new(1, 11, pixels)), [0b1001, 0b100]);
    }
}
