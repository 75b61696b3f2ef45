//! What three components of a codestream are, and luma with colour differences as red, green, blue.

use super::super::layout::{Photometric, PixelLayout};
use crate::radiograph::jpeg_markers::Colour;

/// Components of a gray image that was coded as colour are alike, or their differences nothing, up to this rounding.
const ROUNDING: i32 = 3;

impl Colour {
    fn name(self) -> &'static str {
        match self {
            Self::Rgb => "red, green and blue",
            Self::Ybr => "luma and colour differences",
        }
    }

    fn of_label(photometric: Photometric) -> Self {
        match photometric {
            Photometric::YbrFull | Photometric::YbrFull422 => Self::Ybr,
            _ => Self::Rgb,
        }
    }
}

/// Turns three components of 8 bits into red, green and blue. What the codestream itself says (`coded`, with what of it
/// says so) goes before the attribute, and that a gray image stays gray before both. A warning where they disagree.
pub(super) fn to_rgb(
    values: &mut [i32],
    layout: &PixelLayout,
    coded: Option<(Colour, &'static str)>,
) -> Option<String> {
    if layout.samples_per_pixel != 3 || layout.bits_allocated != 8 {
        return None;
    }
    let label = Colour::of_label(layout.photometric);
    let said = coded.map_or(label, |(colour, _)| colour);
    let colour = gray_as(values).unwrap_or(said);
    if colour == Colour::Ybr {
        ybr_to_rgb(values, YbrRange::FULL);
    }
    let name = layout.photometric.name();
    match coded {
        _ if colour != said => Some(format!(
            "the frame's components are those of a gray image as {}, and were taken as that although PhotometricInterpretation \
             is {name}{}",
            colour.name(),
            coded.map(|(said, by)| format!(" and {by} says {}", said.name())).unwrap_or_default(),
        )),
        Some((_, by)) if said != label => {
            Some(format!("PhotometricInterpretation is {name}, but {by} says that the frame holds {}", said.name()))
        }
        _ => None,
    }
}

/// What the components are if the image is gray: alike, or luma and differences of nothing. None where it is not gray, or
/// gray as both.
fn gray_as(values: &[i32]) -> Option<Colour> {
    let (mut is_alike, mut is_luma) = (true, true);
    for [first, second, third] in values.as_chunks::<3>().0 {
        is_alike &= (first - second).abs().max((first - third).abs()) <= ROUNDING;
        is_luma &= (second - 128).abs().max((third - 128).abs()) <= ROUNDING;
        if !is_alike && !is_luma {
            return None;
        }
    }
    match (is_alike, is_luma) {
        (true, false) => Some(Colour::Rgb),
        (false, true) => Some(Colour::Ybr),
        _ => None,
    }
}

/// Which levels of 8 bits luma and colour differences take.
#[derive(Clone, Copy, Debug)]
pub(super) struct YbrRange {
    black: f64,
    luma_gain: f64,
    difference_gain: f64,
}

impl YbrRange {
    /// All (`YBR_FULL`).
    pub(super) const FULL: Self = Self { black: 0.0, luma_gain: 1.0, difference_gain: 1.0 };
    /// Luma 16 to 235, differences 16 to 240 (`YBR_PARTIAL_422`).
    pub(super) const PARTIAL: Self = Self { black: 16.0, luma_gain: 255.0 / 219.0, difference_gain: 255.0 / 224.0 };
}

/// Turns 8-bit luma and colour differences into red, green, blue: PS3.3 C.7.6.3.1.2 (ITU-R BT.601), rounded to the nearest
/// level.
pub(super) fn ybr_to_rgb(values: &mut [i32], range: YbrRange) {
    for [y, blue, red] in values.as_chunks_mut::<3>().0 {
        let luma = (f64::from(*y) - range.black) * range.luma_gain;
        let [cb, cr] = [*blue, *red].map(|difference| (f64::from(difference) - 128.0) * range.difference_gain);
        let level = |value: f64| (value + 0.5).clamp(0.0, 255.0) as i32;
        *y = level(luma + 1.402 * cr);
        *blue = level(luma - 0.114 * 1.772 / 0.587 * cb - 0.299 * 1.402 / 0.587 * cr);
        *red = level(luma + 1.772 * cb);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(photometric: Photometric) -> PixelLayout {
        PixelLayout {
            rows: 1,
            columns: 2,
            frames: 1,
            samples_per_pixel: 3,
            bits_allocated: 8,
            bits_stored: 8,
            high_bit: 7,
            signed: false,
            planar: false,
            photometric,
        }
    }

    fn converted(
        values: [i32; 6],
        photometric: Photometric,
        coded: Option<(Colour, &'static str)>,
    ) -> ([i32; 6], Option<String>) {
        let mut values = values;
        let told = to_rgb(&mut values, &layout(photometric), coded);
        (values, told)
    }

    const MARK: &str = "its mark";

    #[test]
    fn the_codestream_goes_before_the_attribute() {
        let colours = [120, 100, 150, 10, 200, 30];
        let mut as_rgb = colours;
        ybr_to_rgb(&mut as_rgb, YbrRange::FULL);
        assert_eq!(as_rgb[..3], [151, 114, 70]);
        for (photometric, coded, wanted, is_told) in [
            (Photometric::Rgb, None, colours, false),
            (Photometric::YbrFull, None, as_rgb, false),
            (Photometric::YbrFull422, Some((Colour::Ybr, MARK)), as_rgb, false),
            (Photometric::Rgb, Some((Colour::Ybr, MARK)), as_rgb, true),
            (Photometric::YbrFull, Some((Colour::Rgb, MARK)), colours, true),
            // What a transform of JPEG 2000 leaves is red, green and blue.
            (Photometric::YbrRct, Some((Colour::Rgb, MARK)), colours, false),
            (Photometric::YbrIct, None, colours, false),
        ] {
            let (found, told) = converted(colours, photometric, coded);
            assert_eq!(found, wanted, "{photometric:?}, {coded:?}");
            assert_eq!(told.is_some(), is_told, "{photometric:?}, {coded:?}: {told:?}");
        }
    }

    #[test]
    fn a_gray_image_stays_gray_whatever_is_said() {
        for coded in [None, Some((Colour::Rgb, MARK)), Some((Colour::Ybr, MARK))] {
            for photometric in [Photometric::Rgb, Photometric::YbrFull, Photometric::YbrRct] {
                let (found, _) = converted([90, 128, 128, 200, 128, 128], photometric, coded);
                assert_eq!(found, [90, 90, 90, 200, 200, 200]);
                let (found, _) = converted([90, 90, 90, 200, 200, 200], photometric, coded);
                assert_eq!(found, [90, 90, 90, 200, 200, 200]);
                // Rounding of an encoder.
                let (found, _) = converted([90, 129, 127, 200, 128, 128], photometric, coded);
                assert!((found[0] - 90).abs() <= 2 && (found[2] - 90).abs() <= 2, "{found:?}");
            }
        }
        let (_, told) = converted([90, 128, 128, 200, 128, 128], Photometric::Rgb, Some((Colour::Rgb, MARK)));
        assert!(told.unwrap().contains("although PhotometricInterpretation is RGB and its mark says red"));
        // Gray under both readings: as it is said.
        assert_eq!(converted([128; 6], Photometric::Rgb, None), ([128; 6], None));
    }

    #[test]
    fn other_layouts_are_left_alone() {
        let mut values = [120, 100, 150];
        let wide = PixelLayout { bits_allocated: 16, ..layout(Photometric::YbrFull) };
        assert_eq!((to_rgb(&mut values, &wide, None), values), (None, [120, 100, 150]));
    }
}
