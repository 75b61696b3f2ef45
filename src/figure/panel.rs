//! One explanation on one page: the radiograph and its maps, side by side.
//!
//! A map is painted in inferno over black, so that its colours are those of the colour bar. Where the map is dark the
//! radiograph shines through faintly, in gray that no colour of the map has, to tell where in the chest one is; it
//! fades to nothing where the map is bright.

use super::{Anchor, Result, Rgb, Scene, TextStyle, Weight, inferno, text_width_px};

/// The strip below every picture.
pub const NOT_FOR_DIAGNOSIS: &str = "Research use - not for diagnosis";

/// Share of the radiograph's brightness that shines through where a map is 0.
const BACKDROP: f32 = 0.26;

/// The side of a tile lies between these, in scene pixels.
const TILE_SIDE_PX: [f64; 2] = [300.0, 600.0];

const MARGIN: f64 = 32.0;
const GAP: f64 = 24.0;
const TITLE_HEIGHT: f64 = 46.0;
const TICK: f64 = 5.0;
const STRIP_HEIGHT: f64 = 34.0;

const BACKGROUND: Rgb = [16, 18, 22];
const TILE_BACKGROUND: Rgb = [0, 0, 0];
const STRONG: Rgb = [240, 242, 245];
const PLAIN: Rgb = [196, 201, 209];
const QUIET: Rgb = [140, 147, 158];
const LINE: Rgb = [88, 94, 104];
const STRIP: Rgb = [233, 178, 60];
const STRIP_TEXT: Rgb = [30, 22, 0];

const HEADLINE: TextStyle = TextStyle { size_px: 25.0, weight: Weight::Medium, colour: STRONG };
const DETAIL: TextStyle = TextStyle { size_px: 14.0, weight: Weight::Regular, colour: PLAIN };
const NAME: TextStyle = TextStyle { size_px: 16.0, weight: Weight::Medium, colour: STRONG };
const TITLE: TextStyle = TextStyle { size_px: 16.0, weight: Weight::Regular, colour: PLAIN };
const CAPTION: TextStyle = TextStyle { size_px: 13.0, weight: Weight::Regular, colour: QUIET };
const REMARK: TextStyle = TextStyle { size_px: 15.0, weight: Weight::Regular, colour: STRONG };
const TICK_LABEL: TextStyle = TextStyle { size_px: 13.0, weight: Weight::Regular, colour: PLAIN };

/// A map beside the radiograph.
#[derive(Clone, Copy, Debug)]
pub struct Tile<'a> {
    /// Abbreviation, such as `SIG`.
    pub name: &'a str,
    /// The method in words.
    pub title: &'a str,
    /// What it shows, in one short line.
    pub caption: &'a str,
    /// The display map, `[h, w]`, 0 to 1.
    pub values: &'a [f32],
    /// Why there is nothing to see, where that is so; written into the tile.
    pub remark: Option<&'a str>,
}

/// One radiograph with its maps.
#[derive(Clone, Debug)]
pub struct Panel<'a> {
    /// Rows.
    pub height_px: usize,
    /// Columns.
    pub width_px: usize,
    /// The radiograph as the model saw it, gray levels 0 to 255, `[h, w]`.
    pub gray: &'a [f32],
    /// What was explained, such as `Class 1 "pneumonia", probability 0.93`.
    pub headline: String,
    /// How, one line each.
    pub details: Vec<String>,
    /// What 0 and 1 on the colour bar are, as the beginning of a sentence.
    pub scaling: String,
    /// The maps, at least one.
    pub tiles: Vec<Tile<'a>>,
}

impl Panel<'_> {
    /// Pixels of the painted picture for each scene pixel, so that letters stay sharp on dense screens.
    pub const SCALE: f64 = 2.0;

    /// Draws the page.
    ///
    /// # Errors
    /// When text cannot be laid out or pixels cannot be encoded.
    ///
    /// # Panics
    /// When a map or the radiograph does not hold `height_px * width_px` values.
    pub fn scene(&self) -> Result<Scene> {
        let [tile_width, tile_height] = self.tile_size_px();
        let count = self.tiles.len() + 1;
        let columns = count.min(3);
        let rows = count.div_ceil(columns);
        let width = 2.0 * MARGIN + columns as f64 * (tile_width + GAP) - GAP;
        let inner = width - 2.0 * MARGIN;
        let headline = wrapped(&self.headline, HEADLINE, inner)?;
        let mut details = Vec::new();
        for detail in &self.details {
            details.extend(wrapped(detail, DETAIL, inner)?);
        }
        let note = format!(
            "{}: colours tell where, not how much, and cannot be compared between maps. The radiograph shines through \
             dark areas for orientation.",
            self.scaling
        );
        let note = wrapped(&note, CAPTION, inner)?;
        let header_height = MARGIN + headline.len() as f64 * 30.0 + details.len() as f64 * 20.0 + 14.0;
        let grid_height = rows as f64 * (TITLE_HEIGHT + tile_height + GAP);
        let footer_height = 44.0 + note.len() as f64 * 18.0 + 16.0;
        let height = header_height + grid_height + footer_height + STRIP_HEIGHT;
        let mut scene = Scene::new(width, height, BACKGROUND);

        let mut baseline = MARGIN - 6.0;
        for line in &headline {
            baseline += 30.0;
            scene.text([MARGIN, baseline - 6.0], Anchor::Start, HEADLINE, line);
        }
        for line in &details {
            baseline += 20.0;
            scene.text([MARGIN, baseline], Anchor::Start, DETAIL, line);
        }
        for index in 0..count {
            let x = MARGIN + (index % columns) as f64 * (tile_width + GAP);
            let y = header_height + (index / columns) as f64 * (TITLE_HEIGHT + tile_height + GAP);
            match index.checked_sub(1) {
                None => self.radiograph(&mut scene, [x, y])?,
                Some(map) => self.map(&mut scene, [x, y], &self.tiles[map])?,
            }
        }
        let footer = header_height + grid_height;
        colour_bar(&mut scene, [MARGIN, footer], inner)?;
        for (index, line) in note.iter().enumerate() {
            scene.text([MARGIN, footer + 58.0 + index as f64 * 18.0], Anchor::Start, CAPTION, line);
        }
        scene.rectangle([0.0, height - STRIP_HEIGHT], [width, STRIP_HEIGHT], STRIP);
        let strip = TextStyle { size_px: 16.0, weight: Weight::Medium, colour: STRIP_TEXT };
        scene.text([width / 2.0, height - 11.5], Anchor::Middle, strip, NOT_FOR_DIAGNOSIS);
        Ok(scene)
    }

    /// Whole multiples of the image where it is small, so that pixels stay squares of equal size.
    fn tile_size_px(&self) -> [f64; 2] {
        let side = self.height_px.max(self.width_px) as f64;
        let factor =
            if side > TILE_SIDE_PX[1] { TILE_SIDE_PX[1] / side } else { (TILE_SIDE_PX[0] / side).ceil().max(1.0) };
        // The text needs its width however narrow the image is.
        let factor = factor.max(TILE_SIDE_PX[0] * 0.75 / self.width_px as f64);
        [self.width_px as f64 * factor, self.height_px as f64 * factor].map(f64::round)
    }

    fn radiograph(&self, scene: &mut Scene, at: [f64; 2]) -> Result<()> {
        let pixels: Vec<Rgb> = self.gray.iter().map(|gray| [gray.round() as u8; 3]).collect();
        self.titled(scene, at, ["Radiograph", ""], "As the model saw it", &pixels)
    }

    fn map(&self, scene: &mut Scene, at: [f64; 2], tile: &Tile<'_>) -> Result<()> {
        assert_eq!(tile.values.len(), self.gray.len(), "a map has the size of its image");
        let pixels: Vec<Rgb> =
            tile.values.iter().zip(self.gray).map(|(value, gray)| with_backdrop(*value, *gray)).collect();
        self.titled(scene, at, [tile.name, tile.title], tile.caption, &pixels)?;
        if let Some(remark) = tile.remark {
            let [width, height] = self.tile_size_px();
            let lines = wrapped(&format!("No map: {remark}"), REMARK, width - 48.0)?;
            let box_height = lines.len() as f64 * 21.0 + 22.0;
            let top = at[1] + TITLE_HEIGHT + (height - box_height) / 2.0;
            scene.rectangle([at[0] + 12.0, top], [width - 24.0, box_height], BACKGROUND);
            for (index, line) in lines.iter().enumerate() {
                let baseline = top + 26.0 + index as f64 * 21.0;
                scene.text([at[0] + width / 2.0, baseline], Anchor::Middle, REMARK, line);
            }
        }
        Ok(())
    }

    fn titled(
        &self,
        scene: &mut Scene,
        [x, y]: [f64; 2],
        [name, title]: [&str; 2],
        caption: &str,
        pixels: &[Rgb],
    ) -> Result<()> {
        let [width, height] = self.tile_size_px();
        assert_eq!(pixels.len(), self.width_px * self.height_px, "a tile has the size of its image");
        scene.text([x, y + 16.0], Anchor::Start, NAME, name);
        if title != name {
            let title_x = text_width_px(name, NAME)? + 8.0;
            scene.text([x + title_x, y + 16.0], Anchor::Start, TITLE, &shortened(title, TITLE, width - title_x)?);
        }
        scene.text([x, y + 35.0], Anchor::Start, CAPTION, &shortened(caption, CAPTION, width)?);
        let top = y + TITLE_HEIGHT;
        scene.rectangle([x, top], [width, height], TILE_BACKGROUND);
        scene.pixels([x, top], [width, height], self.width_px, pixels)?;
        // Marks at each quarter, the same on every tile: a place found on one can be found on all.
        for quarter in [0.25, 0.5, 0.75] {
            let [mark_x, mark_y] = [x + width * quarter, top + height * quarter];
            scene.line([mark_x, top + height], [mark_x, top + height + TICK], 1.0, LINE);
            scene.line([x - TICK, mark_y], [x, mark_y], 1.0, LINE);
        }
        Ok(())
    }
}

/// The colour of a map's value, and the radiograph behind it the darker the value is.
fn with_backdrop(value: f32, gray: f32) -> Rgb {
    let value = value.clamp(0.0, 1.0);
    let light = gray / 255.0 * BACKDROP * (1.0 - value).powi(2);
    inferno(value).map(|channel| {
        let colour = f32::from(channel) / 255.0;
        ((1.0 - (1.0 - colour) * (1.0 - light)) * 255.0).round() as u8
    })
}

fn colour_bar(scene: &mut Scene, [x, y]: [f64; 2], width: f64) -> Result<()> {
    let label_width = text_width_px("low", TICK_LABEL)?.max(text_width_px("high", TICK_LABEL)?) + 12.0;
    let [left, bar_width] = [x + label_width, width - 2.0 * label_width];
    let colours: Vec<Rgb> = (0..256_u16).map(|step| inferno(f32::from(step) / 255.0)).collect();
    scene.pixels([left, y], [bar_width, 14.0], colours.len(), &colours)?;
    scene.text([left - 10.0, y + 12.0], Anchor::End, TICK_LABEL, "low");
    scene.text([left + bar_width + 10.0, y + 12.0], Anchor::Start, TICK_LABEL, "high");
    for (fraction, label) in [(0.0, "0"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (1.0, "1")] {
        let at = left + bar_width * fraction;
        scene.line([at, y + 14.0], [at, y + 14.0 + TICK], 1.0, LINE);
        scene.text([at, y + 34.0], Anchor::Middle, TICK_LABEL, label);
    }
    Ok(())
}

/// `text` in lines no wider than `width_px`, broken between words.
pub(super) fn wrapped(text: &str, style: TextStyle, width_px: f64) -> Result<Vec<String>> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let longer = match lines.last() {
            Some(line) => format!("{line} {word}"),
            None => word.to_owned(),
        };
        if lines.is_empty() || text_width_px(&longer, style)? > width_px {
            lines.push(shortened(word, style, width_px)?);
        } else if let Some(line) = lines.last_mut() {
            *line = longer;
        }
    }
    Ok(lines)
}

/// `text`, or as much of its beginning as fits with an ellipsis.
fn shortened(text: &str, style: TextStyle, width_px: f64) -> Result<String> {
    if text_width_px(text, style)? <= width_px {
        return Ok(text.to_owned());
    }
    let mut kept = text.to_owned();
    while kept.pop().is_some() {
        let candidate = format!("{}…", kept.trim_end());
        if text_width_px(&candidate, style)? <= width_px {
            return Ok(candidate);
        }
    }
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::super::paint;
    use super::*;

    fn panel<'a>(gray: &'a [f32], map: &'a [f32], tiles: usize, remark: Option<&'a str>) -> Panel<'a> {
        let tile = Tile { name: "GRAD", title: "Gradient", caption: "Where", values: map, remark };
        Panel {
            height_px: 80,
            width_px: 100,
            gray,
            headline: "Class 1".to_owned(),
            details: vec!["recommended".to_owned()],
            scaling: "From 0 to 1".to_owned(),
            tiles: vec![tile; tiles],
        }
    }

    #[test]
    fn eight_maps_make_three_rows_of_equal_tiles() {
        let (gray, map) = (vec![128.0; 8000], vec![0.5; 8000]);
        let [width, height] = panel(&gray, &map, 8, None).scene().unwrap().size_px();
        assert!((width - (2.0 * MARGIN + 3.0 * 300.0 + 2.0 * GAP)).abs() < 1e-9);
        let [_, lower] = panel(&gray, &map, 5, None).scene().unwrap().size_px();
        assert!((height - lower - (TITLE_HEIGHT + 240.0 + GAP)).abs() < 1e-9);
    }

    #[test]
    fn bright_values_have_the_colour_of_the_bar_and_dark_ones_show_the_chest_in_gray() {
        assert_eq!(with_backdrop(1.0, 255.0), inferno(1.0));
        assert_eq!(with_backdrop(0.0, 0.0), inferno(0.0));
        let [r, g, b] = with_backdrop(0.0, 255.0);
        assert!(r.abs_diff(g) <= 3 && g.abs_diff(b) <= 3 && r > 50, "gray: {r} {g} {b}");
    }

    #[test]
    fn a_remark_is_written_into_its_tile() {
        let (gray, map) = (vec![0.0; 8000], vec![0.0; 8000]);
        let plain = paint(&panel(&gray, &map, 1, None).scene().unwrap(), 1.0).unwrap();
        let told = paint(&panel(&gray, &map, 1, Some("it is blank")).scene().unwrap(), 1.0).unwrap();
        assert_eq!(plain.rgb.len(), told.rgb.len());
        assert_ne!(plain.rgb, told.rgb);
    }

    #[test]
    fn long_text_is_broken_and_cut_to_the_width() {
        let text = "a sentence of several words and oneverylongwordthatfitsnowhereatall";
        let lines = wrapped(text, DETAIL, 120.0).unwrap();
        assert!(lines.len() > 2 && lines.last().unwrap().ends_with('…'), "{lines:?}");
        for line in &lines {
            assert!(text_width_px(line, DETAIL).unwrap() <= 120.0, "{line}");
        }
    }

    #[test]
    fn every_caption_fits_the_narrowest_square_tile() {
        for method in crate::saliency::Method::ALL {
            let caption = super::super::caption(method);
            assert!(text_width_px(caption, CAPTION).unwrap() <= TILE_SIDE_PX[0], "{caption}");
            let name = text_width_px(method.name(), NAME).unwrap() + 8.0;
            assert!(name + text_width_px(method.title(), TITLE).unwrap() <= TILE_SIDE_PX[0], "{method}");
        }
    }
}
