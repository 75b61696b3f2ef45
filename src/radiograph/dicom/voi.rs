//! From the modality's units to gray: windows, VOI lookup tables and percentiles (PS3.3 C.11.2).

use dicom_dictionary_std::tags;
use serde::{Deserialize, Serialize};

use super::dataset::DataSet;
use super::decimal::{Count, Wanted};
use super::lookup::{Inputs, LookupTable};

/// Shape of a window (PS3.3 C.11.2.1.2, C.11.2.1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WindowFunction {
    /// A ramp between the centres of the first and last gray level.
    #[default]
    Linear,
    /// A ramp over exactly the width.
    LinearExact,
    /// A logistic curve.
    Sigmoid,
}

const CENTER: Wanted = Wanted { what: "a window centre", count: Count::Any, fits: f64::is_finite };
const WIDTH: Wanted =
    Wanted { what: "a window width", count: Count::Any, fits: |width| width.is_finite() && width > 0.0 };

/// A window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// The value that becomes middle gray, in the modality's units.
    pub center: f64,
    /// How far black and white lie apart, above 0, in the modality's units.
    pub width: f64,
    /// Its shape.
    pub function: WindowFunction,
    /// What the file calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
}

impl Window {
    /// The windows that a data set offers, in its order; those that cannot be are left out with a warning. `are_whole`: the
    /// values that reach them are whole numbers.
    pub(super) fn all_of(
        data_set: &DataSet<'_>,
        groups: &[DataSet<'_>],
        are_whole: bool,
        warnings: &mut Vec<String>,
    ) -> Vec<Self> {
        let group = groups.iter().find_map(|group| group.item(tags::FRAME_VOILUT_SEQUENCE, 0));
        let place = group.as_ref().unwrap_or(data_set);
        let centers = place.decimals(tags::WINDOW_CENTER, &CENTER, warnings);
        let widths = place.decimals(tags::WINDOW_WIDTH, &WIDTH, warnings);
        let explanations = place.texts(tags::WINDOW_CENTER_WIDTH_EXPLANATION);
        let function = match place.text(tags::VOILUT_FUNCTION).as_deref() {
            None | Some("LINEAR") => WindowFunction::Linear,
            Some("LINEAR_EXACT") => WindowFunction::LinearExact,
            Some("SIGMOID") => WindowFunction::Sigmoid,
            Some(_) => {
                warnings.push("the VOI LUT function is unknown and was taken as LINEAR".to_owned());
                WindowFunction::Linear
            }
        };
        let found: Vec<Self> = centers
            .iter()
            .zip(&widths)
            .enumerate()
            .filter(|(_, (center, width))| center.is_finite() && width.is_finite() && **width > 0.0)
            .map(|(index, (center, width))| Self {
                center: *center,
                width: *width,
                function,
                explanation: explanations.get(index).filter(|text| !text.is_empty()).cloned(),
            })
            .collect();
        if found.len() < centers.len().max(widths.len()) {
            warnings.push("a window without a centre or without a width above 0 was left out".to_owned());
        }
        found.into_iter().filter(|window| window.is_legal(are_whole, warnings)).collect()
    }

    /// Whether the width is one that its function has (PS3.3 C.11.2.1.2.1: at least 1 for LINEAR, and one of 1 is a step
    /// between two whole numbers).
    fn is_legal(&self, are_whole: bool, warnings: &mut Vec<String>) -> bool {
        if self.function != WindowFunction::Linear || self.width > 1.0 || (self.width >= 1.0 && are_whole) {
            return true;
        }
        let width = self.width;
        warnings.push(if width < 1.0 {
            format!("a window of width {width}, below the 1 that LINEAR needs, was left out")
        } else {
            "a window of width 1 over values with fractions, which shows two levels, was left out".to_owned()
        });
        false
    }

    /// One value as gray, 0 to 1.
    pub fn at(&self, value: f64) -> f64 {
        let Self { center, width, .. } = self;
        let gray = match self.function {
            WindowFunction::Linear if *width <= 1.0 => f64::from(u8::from(value > center - 0.5)),
            WindowFunction::Linear => (value - (center - 0.5)) / (width - 1.0) + 0.5,
            WindowFunction::LinearExact => (value - center) / width + 0.5,
            WindowFunction::Sigmoid => 1.0 / (1.0 + (-4.0 * (value - center) / width).exp()),
        };
        gray.clamp(0.0, 1.0)
    }
}

impl Window {
    /// One value as gray, 0 to 1, where a level that an eye sees as black or white is that: a SIGMOID never reaches them.
    pub(super) fn level(&self, value: f64) -> f64 {
        const HALF_A_LEVEL: f64 = 0.5 / 255.0;
        let gray = self.at(value);
        match self.function {
            WindowFunction::Sigmoid if gray < HALF_A_LEVEL => 0.0,
            WindowFunction::Sigmoid if gray > 1.0 - HALF_A_LEVEL => 1.0,
            _ => gray,
        }
    }
}

/// The VOI lookup tables that a data set offers.
pub(super) fn lookup_tables(data_set: &DataSet<'_>, inputs: Inputs, warnings: &mut Vec<String>) -> Vec<LookupTable> {
    let items = data_set.sequence(tags::VOILUT_SEQUENCE);
    let mut found = Vec::new();
    for item in &items {
        found.extend(LookupTable::of_item(item, "the VOI lookup table", inputs, warnings));
    }
    if found.len() < items.len() {
        warnings.push("a VOI lookup table cannot be read and was left out".to_owned());
    }
    found
}

/// Percentiles of the pixels that become black and white, where a file offers no window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentiles {
    /// Percentile that becomes black.
    pub black: f64,
    /// Percentile that becomes white.
    pub white: f64,
}

impl Percentiles {
    /// The whole range.
    pub const WHOLE: Self = Self { black: 0.0, white: 100.0 };
    /// Without the darkest and the brightest 0.5 %: markers and the collimated border do not decide the contrast.
    pub const RADIOGRAPH: Self = Self { black: 0.5, white: 99.5 };
    /// Without 2 % at either end.
    pub const STRONG: Self = Self { black: 2.0, white: 98.0 };

    /// The ramp between the percentiles of `values`, those in `padding` left aside.
    pub(super) fn ramp(self, values: &[f32], padding: Option<[f32; 2]>) -> Ramp {
        let is_padding = |value: &f32| padding.is_some_and(|[low, high]| (low..=high).contains(value));
        let mut kept: Vec<f32> = values.iter().copied().filter(|value| !is_padding(value)).collect();
        if kept.is_empty() {
            kept = values.to_vec();
        }
        let mut at = |percentile: f64| {
            let rank = ((kept.len().saturating_sub(1)) as f64 * percentile / 100.0).round() as usize;
            if kept.is_empty() { 0.0 } else { f64::from(*kept.select_nth_unstable_by(rank, f32::total_cmp).1) }
        };
        Ramp { black: at(self.black), white: at(self.white) }
    }
}

/// Straight from black to white.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ramp {
    pub(super) black: f64,
    pub(super) white: f64,
}

impl Ramp {
    pub(super) fn at(self, value: f64) -> f64 {
        if self.white > self.black {
            ((value - self.black) / (self.white - self.black)).clamp(0.0, 1.0)
        } else {
            f64::from(u8::from(value > self.black))
        }
    }
}

/// How a frame becomes gray.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum VoiChoice {
    /// What the file wants: its first VOI lookup table that shows anything, else its first such window; else 8-bit values as they are; else
    /// [`Percentiles::RADIOGRAPH`].
    #[default]
    AsStored,
    /// A VOI lookup table of the file, by its position.
    Table(usize),
    /// A window of the file, by its position.
    Window(usize),
    /// A window of one's own.
    Custom(Window),
    /// Between percentiles of this frame.
    Percentiles(Percentiles),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(center: f64, width: f64, function: WindowFunction) -> Window {
        Window { center, width, function, explanation: None }
    }

    #[test]
    fn a_window_of_all_levels_changes_nothing() {
        let all = window(128.0, 256.0, WindowFunction::Linear);
        for level in 0..=255 {
            assert!((all.at(f64::from(level)) * 255.0 - f64::from(level)).abs() < 1e-12);
        }
        assert_eq!(window(0.5, 1.0, WindowFunction::LinearExact).at(0.25), 0.25);
        assert_eq!(window(10.0, 4.0, WindowFunction::Sigmoid).at(10.0), 0.5);
    }

    #[test]
    fn a_window_of_width_one_is_a_step() {
        let step = window(10.0, 1.0, WindowFunction::Linear);
        assert_eq!([9.0, 9.5, 10.0].map(|value| step.at(value)), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn padding_does_not_move_percentiles() {
        let mut values: Vec<f32> = (0..=100).map(|value| value as f32).collect();
        values.extend([-2000.0; 500]);
        let ramp = Percentiles::STRONG.ramp(&values, Some([-2000.0, -2000.0]));
        assert_eq!((ramp.black, ramp.white), (2.0, 98.0));
        assert_eq!(Percentiles::WHOLE.ramp(&values, None).black, -2000.0);
        let flat = Percentiles::WHOLE.ramp(&[7.0; 9], None);
        assert_eq!((flat.at(7.0), flat.at(8.0)), (0.0, 1.0));
    }
}
