//! What has to be known before anything of a picture is believed: dark words on an amber ground, on paper of any colour.

use super::text::wrapped;
use super::{Anchor, Result, Rgb, Scene, TextStyle};

const AMBER: Rgb = [255, 196, 82];
const INK: Rgb = [48, 28, 0];

/// Height of a line, and room around the words, in heights of letters.
const LINE: f64 = 1.28;
const PADDING: f64 = 0.4;

/// Words on amber, laid out and not yet drawn.
#[derive(Clone, Debug)]
pub struct CautionBox {
    lines: Vec<String>,
    style: TextStyle,
    width_px: f64,
}

impl CautionBox {
    /// `text` with letters of `text_px`, over a width; as many lines as it takes.
    ///
    /// # Errors
    /// When the text cannot be laid out.
    pub fn new(text: &str, text_px: f64, width_px: f64) -> Result<Self> {
        let style = TextStyle::medium(text_px, INK);
        Ok(Self { lines: wrapped(text, style, width_px - 2.0 * PADDING * text_px)?, style, width_px })
    }

    /// How much height it takes.
    pub fn height_px(&self) -> f64 {
        (self.lines.len() as f64 * LINE + 2.0 * PADDING) * self.style.size_px
    }

    /// Draws it with its upper left corner at a place.
    pub fn draw(&self, scene: &mut Scene, [x, top]: [f64; 2]) {
        scene.rectangle([x, top], [self.width_px, self.height_px()], AMBER);
        let size = self.style.size_px;
        for (index, line) in self.lines.iter().enumerate() {
            let baseline = top + (PADDING + (index as f64 + 1.0) * LINE - 0.3) * size;
            scene.text([x + PADDING * size, baseline], Anchor::Start, self.style, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::NEVER_SAW_PATIENTS;

    #[test]
    fn a_narrow_box_is_higher_and_loses_no_word() {
        let wide = CautionBox::new(NEVER_SAW_PATIENTS, 8.0, 400.0).unwrap();
        let narrow = CautionBox::new(NEVER_SAW_PATIENTS, 8.0, 90.0).unwrap();
        assert_eq!(wide.lines, [NEVER_SAW_PATIENTS]);
        assert!(narrow.lines.len() > 2 && narrow.height_px() > wide.height_px());
        assert_eq!(narrow.lines.join(" "), NEVER_SAW_PATIENTS);
    }
}
