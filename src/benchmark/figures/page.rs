//! What the benchmark's figures share: colours, letters, heading, legend, the strip at the bottom.

use crate::figure::{Anchor, CautionBox, NoticeStrip, Result, Rgb, Scene, TextStyle, text_width_px, wrapped};

pub(super) const BACKGROUND: Rgb = [255, 255, 255];
pub(super) const INK: Rgb = [24, 28, 34];
pub(super) const QUIET: Rgb = [82, 89, 100];
pub(super) const GRID: Rgb = [226, 229, 233];
pub(super) const AXIS: Rgb = [150, 156, 165];
pub(super) const TRAINED: Rgb = [0, 92, 169];
pub(super) const RANDOM: Rgb = [140, 146, 155];
pub(super) const BASELINE: Rgb = [196, 78, 0];
pub(super) const LOCALIZER: Rgb = [0, 120, 90];
pub(super) const CONTROL: Rgb = [110, 86, 150];

const HEADLINE: TextStyle = TextStyle::medium(20.0, INK);
pub(super) const DETAIL: TextStyle = TextStyle::regular(13.0, QUIET);
pub(super) const NAME: TextStyle = TextStyle::medium(13.0, INK);
pub(super) const TICK: TextStyle = TextStyle::regular(11.5, QUIET);

pub(super) const MARGIN: f64 = 24.0;
pub(super) const NOTICE: NoticeStrip = NoticeStrip { height_px: 28.0, text_px: 14.0, baseline_px: 9.0 };

/// The heading, broken into lines, and where the picture begins below it.
pub(super) struct Heading {
    lines: Vec<(f64, TextStyle, String)>,
    /// Words on amber, and where they begin.
    caution: Option<(f64, CautionBox)>,
    pub(super) bottom_px: f64,
}

impl Heading {
    pub(super) fn new(headline: &str, caution: Option<&str>, details: &[String], width_px: f64) -> Result<Self> {
        let mut lines = Vec::new();
        let mut y = 12.0;
        let caution = caution.map(|text| CautionBox::new(text, 14.0, width_px - 2.0 * MARGIN)).transpose()?;
        let caution = caution.map(|caution| (y, caution));
        if let Some((_, caution)) = &caution {
            y += caution.height_px() + 2.0;
        }
        let texts = std::iter::once((headline, HEADLINE)).chain(details.iter().map(|text| (text.as_str(), DETAIL)));
        for (text, style) in texts {
            for line in wrapped(text, style, width_px - 2.0 * MARGIN)? {
                y += style.size_px * 1.35;
                lines.push((y, style, line));
            }
        }
        Ok(Self { lines, caution, bottom_px: y + 12.0 })
    }

    pub(super) fn draw(&self, scene: &mut Scene) {
        if let Some((top, caution)) = &self.caution {
            caution.draw(scene, [MARGIN, *top]);
        }
        for (y, style, line) in &self.lines {
            scene.text([MARGIN, *y], Anchor::Start, *style, line);
        }
    }
}

/// One sign of a legend.
pub(super) enum Sign {
    /// A filled box.
    Fill(Rgb),
    /// A line, whole or in dashes.
    Line(Rgb, Option<[f64; 2]>),
}

/// Signs and their meaning, placed in rows.
pub(super) struct Legend {
    /// Each with its lines.
    entries: Vec<(f64, f64, Sign, Vec<String>)>,
    pub(super) height_px: f64,
}

impl Legend {
    const ROW: f64 = 20.0;
    const LINE: f64 = 15.0;
    const SIGN: f64 = 34.0;

    pub(super) fn new(signs: Vec<(Sign, String)>, width_px: f64) -> Result<Self> {
        let (mut x, mut y, mut row) = (MARGIN, 0.0, Self::ROW);
        let mut entries = Vec::with_capacity(signs.len());
        for (sign, text) in signs {
            let lines = wrapped(&text, DETAIL, width_px - 2.0 * MARGIN - Self::SIGN)?;
            let mut width: f64 = 0.0;
            for line in &lines {
                width = width.max(text_width_px(line, DETAIL)?);
            }
            if x > MARGIN && x + Self::SIGN + width > width_px - MARGIN {
                (x, y, row) = (MARGIN, y + row, Self::ROW);
            }
            row = row.max(Self::ROW + (lines.len().max(1) - 1) as f64 * Self::LINE);
            entries.push((x, y, sign, lines));
            x += Self::SIGN + width + 22.0;
        }
        Ok(Self { entries, height_px: y + row + 8.0 })
    }

    pub(super) fn draw(&self, scene: &mut Scene, top_px: f64) {
        for (x, y, sign, lines) in &self.entries {
            let y = top_px + y + 12.0;
            match sign {
                Sign::Fill(colour) => scene.rectangle([*x, y - 10.0], [26.0, 11.0], *colour),
                Sign::Line(colour, dashes) => {
                    scene.polyline(&[[*x, y - 4.5], [x + 26.0, y - 4.5]], 2.0, *colour, *dashes);
                }
            }
            for (position, line) in lines.iter().enumerate() {
                scene.text([x + Self::SIGN, y + position as f64 * Self::LINE], Anchor::Start, DETAIL, line);
            }
        }
    }
}
