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
