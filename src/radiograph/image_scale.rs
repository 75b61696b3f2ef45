//! Which gray levels the numbers of an image mean that says nothing about it: an array, or a TIFF of numbers that are no
//! gray levels of 8 or 16 bits.

use super::{Problem, ValueScale};
use crate::array_file::NpyValues;

/// Greatest 16-bit value of an image that was probably stored with 12 bits or fewer.
const TWELVE_BIT_MAX: f64 = 4095.0;

/// The warning that belongs to 16-bit gray levels of which the largest is `max`.
pub(super) fn dark_16_bit(max: f64) -> Option<String> {
    (1.0..=TWELVE_BIT_MAX).contains(&max).then(|| {
        format!("the 16-bit image uses values up to {max} only, so it is almost black: was it stored with fewer bits?")
    })
}

/// What is known of the numbers of an image before they become gray.
pub(super) struct Numbers {
    type_name: &'static str,
    is_float: bool,
    range: [f64; 2],
}

impl Numbers {
    /// # Errors
    /// When one is not finite, or there are none.
    pub(super) fn of(values: &NpyValues) -> Result<Self, Problem> {
        let range = values.finite_range().ok_or(Problem::NotFinite)?;
        Ok(Self { type_name: values.type_name(), is_float: values.is_float(), range })
    }

    /// Whole numbers that no image of a radiograph has, and 32 bits do not hold.
    pub(super) fn beyond_32_bits(values: &NpyValues, whose: &str) -> Problem {
        let [min, max] = values.finite_range().unwrap_or_default();
        let values = format!("the {} values of the {whose} file", values.type_name());
        Problem::ArrayRange { values, min, max, wanted: "beyond what 32 bits hold" }
    }

    /// Brings the numbers of one channel to gray levels, by their type and range. `whose` is the file's format.
    ///
    /// # Errors
    /// When they are on no known scale.
    pub(super) fn to_gray(
        &self,
        pixels: &mut [f32],
        whose: &str,
        warnings: &mut Vec<String>,
    ) -> Result<ValueScale, Problem> {
        let [min, max] = self.range;
        let mut multiply = |factor: f32| pixels.iter_mut().for_each(|value| *value *= factor);
        let out_of_range = |wanted: &'static str| {
            let values = format!("the {} values of the {whose} file", self.type_name);
            Err(Problem::ArrayRange { values, min, max, wanted })
        };
        match self.type_name {
            "uint8" => {}
            "bool" => {
                multiply(255.0);
                warnings.push(format!("the {whose} file holds true and false, which were taken as white and black"));
            }
            _ if self.is_float && (-1.0..0.0).contains(&min) && max <= 1.0 => return Ok(ValueScale::Symmetric),
            _ if self.is_float && min >= 0.0 && max <= 1.0 => {
                multiply(255.0);
                warnings.push(format!("the {whose} values lie in [0, 1] and were taken as fractions of white"));
            }
            _ if self.is_float && (min < 0.0 || max > 255.0) => {
                return out_of_range("neither gray levels (0 to 255) nor scaled to [-1, 1] or [0, 1]");
            }
            _ if self.is_float => {}
            _ if min < 0.0 || max > 65_535.0 => {
                return out_of_range("no gray levels of 8 bits (0 to 255) or 16 bits (0 to 65535)");
            }
            "uint16" => {
                to_gray_levels(pixels);
                warnings.extend(dark_16_bit(max));
            }
            name if max <= 255.0 => warnings.push(format!(
                "the {name} values of the {whose} file lie in [0, 255] and were taken as gray of 8 bits"
            )),
            name => {
                to_gray_levels(pixels);
                warnings.push(format!(
                    "the {name} values of the {whose} file were taken as gray of 16 bits: 65535 is white"
                ));
                warnings.extend(dark_16_bit(max));
            }
        }
        Ok(ValueScale::Gray)
    }
}

/// 65535 is white.
fn to_gray_levels(pixels: &mut [f32]) {
    for value in pixels {
        *value /= 257.0;
    }
}
