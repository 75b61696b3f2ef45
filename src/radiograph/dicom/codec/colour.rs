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
        ybr_to_rgb(values);
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

/// Turns 8-bit luma and colour differences into red, green, blue: PS3.3 C.7.6.3.1.2, `YBR_FULL` (ITU-R BT.601 in full
/// range), rounded to the nearest level.
pub(super) fn ybr_to_rgb(values: &mut [i32]) {
    for [y, blue, red] in values.as_chunks_mut::<3>().0 {
        let [luma, cb, cr] = [f64::from(*y), f64::from(*blue) - 128.0, f64::from(*red) - 128.0];
        let level = |value: f64| (value + 0.5).clamp(0.0, 255.0) as i32;
        *y = level(luma + 1.402 * cr);
        *blue = level(luma - 0.114 * 1.772 / 0.587 * cb - 0.299 * 1.402 / 0.587 * cr);
        *red = level(luma + 1.772 * cb);
    }
}
