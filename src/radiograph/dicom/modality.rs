//! From stored values to the modality's units (PS3.3 C.11.1).

use dicom_dictionary_std::tags;
use serde::Serialize;

use super::dataset::{DataSet, Usual};
use super::lookup::LookupTable;
use crate::limits;

/// The modality LUT of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Modality {
    /// The stored values are meant as they are.
    Identity,
    /// Value times slope plus intercept.
    Rescale(Rescale),
    /// A table.
    Table(LookupTable),
}

/// Value times slope plus intercept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rescale {
    /// Factor.
    pub slope: f64,
    /// What is added.
    pub intercept: f64,
}

impl Modality {
    /// The modality LUT that applies: a sequence, else rescale of the functional groups (the frame's, then the shared
    /// ones), else rescale of the data set.
    pub(super) fn of(data_set: &DataSet<'_>, groups: &[DataSet<'_>], signed: bool, warnings: &mut Vec<String>) -> Self {
        if data_set.element(tags::MODALITY_LUT_SEQUENCE).is_some() {
            let table = data_set.item(tags::MODALITY_LUT_SEQUENCE, 0);
            if let Some(table) = table.and_then(|item| LookupTable::of_item(&item, signed)) {
                return Self::Table(table);
            }
            warnings.push("the modality lookup table cannot be read and was left out".to_owned());
        }
        let transformation = groups.iter().find_map(|group| group.item(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, 0));
        let place = transformation.as_ref().unwrap_or(data_set);
        let given = |tag| place.value(tag).is_some_and(|value| !value.is_empty());
        if !given(tags::RESCALE_SLOPE) && !given(tags::RESCALE_INTERCEPT) {
            return Self::Identity;
        }
        let mut number = |tag, usual| {
            let number = place.number(tag, Usual::Text).filter(|number| number.abs() <= limits::DICOM_RESCALE);
            if number.is_none() && given(tag) {
                warnings.push("a rescale value is no sensible number and was left out".to_owned());
            }
            number.unwrap_or(usual)
        };
        let rescale =
            Rescale { slope: number(tags::RESCALE_SLOPE, 1.0), intercept: number(tags::RESCALE_INTERCEPT, 0.0) };
        if (rescale.slope, rescale.intercept) == (1.0, 0.0) { Self::Identity } else { Self::Rescale(rescale) }
    }

    /// One value.
    pub fn at(&self, stored: f64) -> f64 {
        match self {
            Self::Identity => stored,
            Self::Rescale(Rescale { slope, intercept }) => stored * slope + intercept,
            Self::Table(table) => f64::from(table.at(stored)),
        }
    }
}
