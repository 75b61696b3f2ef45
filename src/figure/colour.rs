//! From a value to a colour.

use crate::display::ColourMap;

/// Red, green and blue, 0 to 255.
pub type Rgb = [u8; 3];

/// The colour of `value`, 0 (black) to 1 (pale yellow), on the inferno colour map; beyond the ends the ends, NaN black.
///
/// Steps as matplotlib: 256 colours of equal width, 1 belonging to the last.
pub fn inferno(value: f32) -> Rgb {
    // `as` saturates and turns NaN into 0.
    ColourMap::Inferno.table()[((value * 256.0) as usize).min(255)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_nonsense_have_colours() {
        assert_eq!(inferno(0.0), [0, 0, 3]);
        assert_eq!(inferno(1.0), [252, 254, 164]);
        assert_eq!(inferno(7.0), inferno(1.0));
        assert_eq!(inferno(-7.0), inferno(0.0));
        assert_eq!(inferno(f32::NAN), inferno(0.0));
    }

    #[test]
    fn lightness_never_falls() {
        // CIE luminance of the linearized sRGB colours; rounding to 8 bits leaves small dents.
        let luminance = |value: u16| {
            let linear = |c: u8| (f64::from(c) / 255.0).powf(2.2);
            let [r, g, b] = inferno(f32::from(value) / 256.0);
            0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
        };
        for value in 1..256 {
            assert!(luminance(value) > luminance(value - 1) - 2e-3, "at {value}");
        }
    }
}
