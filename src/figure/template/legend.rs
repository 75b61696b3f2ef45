//! What the colours, lines and lengths of a figure mean.

use super::page::{INK, MARGIN, QUIET, SMALL, Sheet, TITLE, line_height};
use super::picture::{CONTOUR, Picture, TRUTH};
use crate::display::{ColourMap, Opacity};
use crate::figure::{Anchor, Result, Rgb, text_width_px};

/// The colour bar of a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct ColourBar {
    /// Its colours.
    pub colour_map: ColourMap,
    /// What they mean, with the unit, such as `Map value, 0-1 per map: 0 its minimum, 1 its 99th percentile`.
    pub label: String,
    /// Values at its ends.
    pub ends: [f64; 2],
    /// Strength, 0 to 1, below which nothing is painted.
    pub threshold: f32,
    /// How much of the radiograph it covers.
    pub opacity: Opacity,
}

impl ColourBar {
    const WIDTH: f64 = 260.0;

    pub(super) fn draw(&self, sheet: &mut Sheet) -> Result<()> {
        let mut label = vec![self.label.clone()];
        if self.threshold > 0.0 {
            let of = if self.colour_map.is_diverging() { "distances from the middle" } else { "values" };
            label.push(format!("{of} below {:.2} of the range are not painted", self.threshold));
        }
        match self.opacity {
            Opacity::Uniform(most) if most >= 1.0 => {}
            Opacity::Uniform(most) => label.push(format!("{:.0} % opaque over the radiograph", most * 100.0)),
            Opacity::ByValue(_) => {
                label.push("the weaker a value, the more of the radiograph shows through".to_owned())
            }
        }
        sheet.paragraph(&label.join("; "), TITLE)?;
        sheet.space(2.0);
        let width = sheet.inner().min(Self::WIDTH) - 10.0;
        let [left, top] = [MARGIN + 5.0, sheet.y];
        sheet.scene.pixels([left, top], [width, 6.0], 256, self.colour_map.table())?;
        let [low, high] = self.ends;
        for quarter in 0..=4 {
            let part = f64::from(quarter) / 4.0;
            let x = left + width * part;
            sheet.scene.line([x, top + 6.0], [x, top + 8.0], 0.5, QUIET);
            let value = shortest(low + (high - low) * part, high - low);
            sheet.scene.text([x, top + 8.5 + SMALL.size_px], Anchor::Middle, SMALL, &value);
        }
        sheet.y = top + 8.5 + line_height(SMALL) + 3.0;
        Ok(())
    }
}

/// A value with as many digits as tell quarters of `range` apart.
fn shortest(value: f64, range: f64) -> String {
    let range = range.abs();
    if range > 0.0 && !(1e-3..1e5).contains(&range) {
        return format!("{value:.2e}");
    }
    let digits = if range > 0.0 { (2.0 - range.log10().floor()).clamp(0.0, 6.0) as usize } else { 2 };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    // Zero has no sign.
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// What a key shows before its words.
enum Sign {
    /// A bar of so many points.
    Length(f64),
    /// A line of this colour over a picture.
    Line(Rgb),
}

/// Draws the keys: a scale bar that holds for all `pictures`, each `width_pt` wide, and the lines over them.
pub(super) fn keys(sheet: &mut Sheet, pictures: &[(&Picture, f64)]) -> Result<()> {
    const SWATCH: f64 = 16.0;
    let mut keys = Vec::new();
    keys.extend(scale_bar(pictures).map(|(length, label)| (Sign::Length(length), label)));
    if pictures.iter().any(|(picture, _)| !picture.truth.is_empty()) {
        keys.push((Sign::Line(TRUTH), "Finding as marked (truth)".to_owned()));
    }
    if let Some((picture, _)) = pictures.iter().find(|(picture, _)| !picture.contours.is_empty()) {
        let levels: Vec<String> = picture.contours.iter().map(|level| format!("{level}")).collect();
        keys.push((Sign::Line(CONTOUR), format!("Map value {}", levels.join(", "))));
    }
    let mut x = MARGIN;
    sheet.space(line_height(TITLE));
    for (sign, label) in keys {
        let length = match sign {
            Sign::Length(length) => length,
            Sign::Line(_) => SWATCH,
        };
        let width = length + 5.0 + text_width_px(&label, TITLE)?;
        if x > MARGIN && x + width > MARGIN + sheet.inner() {
            x = MARGIN;
            sheet.space(line_height(TITLE) + 2.0);
        }
        let y = sheet.y - 2.4;
        match sign {
            Sign::Length(_) => {
                sheet.scene.line([x, y], [x + length, y], 1.0, INK);
                for end in [x, x + length] {
                    sheet.scene.line([end, y - 2.2], [end, y + 2.2], 1.0, INK);
                }
            }
            Sign::Line(colour) => {
                sheet.scene.rectangle([x, sheet.y - 7.0], [length, 9.0], INK);
                sheet.scene.line([x + 2.0, y], [x + length - 2.0, y], 1.0, colour);
            }
        }
        sheet.scene.text([x + length + 5.0, sheet.y], Anchor::Start, TITLE, &label);
        x += width + 16.0;
    }
    sheet.space(4.0);
    Ok(())
}

/// Length and label of a bar that holds in all pictures.
fn scale_bar(pictures: &[(&Picture, f64)]) -> Option<(f64, String)> {
    let (first, width_pt) = pictures.first()?;
    let (units_per_px, unit) = first.scale.units();
    let unit_pt = first.column_pt(*width_pt)? / units_per_px;
    let same = pictures.iter().all(|(picture, width_pt)| {
        let (units, name) = picture.scale.units();
        name == unit
            && picture.column_pt(*width_pt).is_some_and(|column| ((column / units) / unit_pt - 1.0).abs() < 1e-3)
    });
    if !same || !unit_pt.is_finite() || unit_pt <= 0.0 {
        return None;
    }
    let room = (width_pt * 0.45).min(110.0) / unit_pt;
    let decade = 10_f64.powf(room.log10().floor());
    let length = [5.0, 2.0, 1.0].into_iter().map(|step| step * decade).find(|length| *length <= room)?;
    let of = if pictures.len() > 1 { ", in each picture" } else { "" };
    Some((length * unit_pt, format!("{} {unit}{of}", shortest(length, length))))
}

#[cfg(test)]
mod tests {
    use super::super::picture::Scale;
    use super::*;
    use crate::display::Plane;

    #[test]
    fn values_are_short_and_zero_has_no_sign() {
        assert_eq!(["0", "0.25", "1"], [0.0, 0.25, 1.0].map(|value| shortest(value, 1.0))[..]);
        assert_eq!(shortest(-0.0, 2.0), "0");
        assert_eq!(shortest(0.000_012_5, 5e-5), "1.25e-5");
        assert_eq!(shortest(50.0, 50.0), "50");
    }

    #[test]
    fn scale_bars_are_round_and_hold_for_all_pictures() {
        let picture =
            |scale| Picture { scale, ..Picture::new(Plane::new([200, 100], vec![0; 20_000], 1.0, 0.0).unwrap()) };
        let detector = picture(Scale::Detector { mm_per_px: 2.0 });
        // 100 columns over 200 points: a column is 2 points and 2 mm.
        assert_eq!(scale_bar(&[(&detector, 200.0)]), Some((50.0, "50 mm (detector)".to_owned())));
        let pixels = picture(Scale::Pixels);
        let (length, label) = scale_bar(&[(&pixels, 200.0), (&pixels, 200.0)]).unwrap();
        assert_eq!((length, label.as_str()), (40.0, "20 px, in each picture"));
        assert_eq!(scale_bar(&[(&pixels, 200.0), (&detector, 200.0)]), None);
        assert_eq!(scale_bar(&[(&pixels, 200.0), (&pixels, 100.0)]), None);
    }
}
