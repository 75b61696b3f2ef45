//! From stored values to the modality's units (PS3.3 C.11.1).

use dicom_dictionary_std::tags;
use serde::Serialize;

use super::dataset::DataSet;
use super::decimal::{Count, Wanted};
use super::lookup::{Inputs, LookupTable};
use super::stored::Stored;
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
    /// Factor, not 0.
    pub slope: f64,
    /// What is added.
    pub intercept: f64,
}

const SLOPE: Wanted = Wanted { what: "the rescale slope", count: Count::One, fits: f64::is_finite };
const INTERCEPT: Wanted = Wanted { what: "the rescale intercept", count: Count::One, fits: f64::is_finite };

impl Modality {
    /// The modality LUT that applies: a sequence, else rescale of the functional groups (the frame's, then the shared
    /// ones), else rescale of the data set. One that would make a picture of different values constant is none.
    pub(super) fn of(
        data_set: &DataSet<'_>,
        groups: &[DataSet<'_>],
        stored: &Stored,
        warnings: &mut Vec<String>,
    ) -> Self {
        if data_set.element(tags::MODALITY_LUT_SEQUENCE).is_some() {
            let item = data_set.item(tags::MODALITY_LUT_SEQUENCE, 0);
            let table = item.and_then(|item| {
                LookupTable::of_item(&item, "the modality lookup table", Inputs::of(stored), warnings)
            });
            match table.map(Self::Table) {
                Some(table) if stored.is_flattened(None, |value| table.at(value)) => warnings
                    .push("the modality lookup table would make all pixels one value and was left out".to_owned()),
                Some(table) => return table,
                None => warnings.push("the modality lookup table cannot be read and was left out".to_owned()),
            }
        }
        let transformation = groups.iter().find_map(|group| group.item(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, 0));
        let rescale = Rescale::of(transformation.as_ref().unwrap_or(data_set), warnings);
        match rescale.map(Self::Rescale) {
            Some(rescale) if stored.is_flattened(None, |value| rescale.at(value)) => {
                warnings.push("the rescale would make all pixels one value and was left out".to_owned());
                Self::Identity
            }
            Some(rescale) => rescale,
            None => Self::Identity,
        }
    }

    /// One value.
    pub fn at(&self, stored: f64) -> f64 {
        match self {
            Self::Identity => stored,
            Self::Rescale(Rescale { slope, intercept }) => stored * slope + intercept,
            Self::Table(table) => f64::from(table.at(stored)),
        }
    }

    /// Whether whole stored values give whole numbers.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::Identity | Self::Table(_) => true,
            Self::Rescale(Rescale { slope, intercept }) => slope.fract() == 0.0 && intercept.fract() == 0.0,
        }
    }
}

impl Rescale {
    /// The rescale of a data set or group; nothing where it changes nothing, or where its slope means nothing: then the
    /// intercept means nothing either, as DCMTK takes it.
    fn of(place: &DataSet<'_>, warnings: &mut Vec<String>) -> Option<Self> {
        let given = |tag| place.value(tag).is_some_and(|value| !value.is_empty());
        let mut number = |tag, wanted: &Wanted, usual: f64| -> Option<f64> {
            let already = warnings.len();
            match place.decimals(tag, wanted, warnings).first() {
                None if !given(tag) => Some(usual),
                Some(number) if number.abs() <= limits::DICOM_RESCALE => Some(*number),
                _ => {
                    // What is no number was told where it was read.
                    if warnings.len() == already {
                        warnings.push(format!("{} is no sensible number and was left out", wanted.what));
                    }
                    None
                }
            }
        };
        let slope = number(tags::RESCALE_SLOPE, &SLOPE, 1.0);
        let intercept = number(tags::RESCALE_INTERCEPT, &INTERCEPT, 0.0).unwrap_or(0.0);
        let slope = slope?;
        if slope == 0.0 {
            warnings.push("the rescale slope is 0, which means nothing: the rescale was left out".to_owned());
            return None;
        }
        ((slope, intercept) != (1.0, 0.0)).then_some(Self { slope, intercept })
    }
}
