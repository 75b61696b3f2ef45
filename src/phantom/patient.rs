//! Who is examined and how: what shapes the anatomy and goes into a header.

use super::stream::Stream;

/// Sex of a patient, DICOM (0010,0040).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Sex {
    /// Female.
    F,
    /// Male.
    M,
}

/// Direction of the beam, DICOM (0018,5101).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum View {
    /// From back to front, standing.
    Pa,
    /// From front to back, mostly in bed: a wider heart, smaller lungs, more devices.
    Ap,
}

impl Sex {
    /// Its DICOM code.
    pub fn code(self) -> &'static str {
        match self {
            Self::F => "F",
            Self::M => "M",
        }
    }
}

impl View {
    /// Its DICOM code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Pa => "PA",
            Self::Ap => "AP",
        }
    }
}

/// The person, whatever is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patient {
    /// Sex.
    pub sex: Sex,
    /// Age in years, 18 to 92.
    pub age_years: u32,
    /// Direction of the beam.
    pub view: View,
    /// Depth of the trunk relative to the mean, 0.88 to 1.14.
    pub(super) stoutness: f32,
}

impl Patient {
    /// Draws a person.
    pub(super) fn draw(stream: &mut Stream) -> Self {
        Self {
            sex: if stream.chance(0.45) { Sex::F } else { Sex::M },
            age_years: stream.normal(52.0, 17.0).clamp(18.0, 92.0) as u32,
            view: if stream.chance(0.42) { View::Ap } else { View::Pa },
            stoutness: stream.uniform(0.88, 1.14),
        }
    }

    /// Whether the picture is taken in bed.
    pub(super) fn in_bed(&self) -> bool {
        self.view == View::Ap
    }
}
