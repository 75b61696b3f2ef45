//! The paper of a figure, and a sheet that is filled from the top.

use crate::figure::format::MM_PER_INCH;
use crate::figure::text::wrapped;
use crate::figure::{
    Anchor, CautionBox, Error, Format, NoticeStrip, Painted, Result, Rgb, Scene, TextStyle, paint_sized,
};
use crate::limits;

/// Points in an inch.
const PT_PER_INCH: f64 = 72.0;

pub(super) const INK: Rgb = [24, 28, 34];
pub(super) const QUIET: Rgb = [84, 91, 102];
const PAPER: Rgb = [255, 255, 255];

/// Text of a figure, in points. Journals want 6 at least.
pub(super) const HEADLINE: TextStyle = TextStyle::medium(9.0, INK);
pub(super) const DETAIL: TextStyle = TextStyle::regular(6.5, QUIET);
pub(super) const NAME: TextStyle = TextStyle::medium(7.5, INK);
pub(super) const TITLE: TextStyle = TextStyle::regular(7.0, INK);
pub(super) const SMALL: TextStyle = TextStyle::regular(6.0, QUIET);
/// How a picture differs from what its file wants.
pub(super) const ORIENTATION: TextStyle = TextStyle::medium(6.5, INK);
pub(super) const SCORE: TextStyle = TextStyle::regular(6.5, INK);
const NOTICE: NoticeStrip = NoticeStrip { height_px: 13.0, text_px: 6.5, baseline_px: 4.2 };

pub(super) const MARGIN: f64 = 7.0;

/// Between pictures that lie as on a screen.
pub(super) const SCREEN_GAP: f64 = 4.0;

/// Height of a line of text.
pub(super) fn line_height(style: TextStyle) -> f64 {
    style.size_px * 1.28
}

/// Size and fineness of a figure. Its scene is measured in points, and pictures lie on whole dots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Page {
    /// Width on paper, in mm.
    pub width_mm: f64,
    /// Pixels of embedded pictures an inch, and of the whole figure as PNG.
    pub dpi: u32,
}

impl Page {
    /// Fineness where nobody asks for another.
    pub const DPI: u32 = 300;

    /// A page of this width.
    ///
    /// # Errors
    /// When text would find no room on it, it is wider than a poster, or its dots are no size.
    pub fn new(width_mm: f64, dpi: u32) -> Result<Self> {
        if !limits::FIGURE_WIDTH_MM.contains(width_mm) {
            return Err(Error::Width { width_mm });
        }
        if !limits::FIGURE_DPI.contains(dpi as usize) {
            return Err(Error::Dpi { dpi });
        }
        Ok(Self { width_mm, dpi })
    }

    /// The page on which each picture of a [`super::ScreenGrid`] of `columns` has `tile_width_px` dots: the pixels that it
    /// has on the screen.
    ///
    /// # Errors
    /// As [`Page::new`].
    pub fn one_to_one(tile_width_px: u32, columns: usize, dpi: u32) -> Result<Self> {
        let dot_pt = PT_PER_INCH / f64::from(dpi.max(1));
        let between_pt = 2.0 * MARGIN + SCREEN_GAP * columns.saturating_sub(1) as f64;
        let dots = (between_pt / dot_pt - 1e-6).ceil() + f64::from(tile_width_px) * columns as f64;
        Self::new(dots * dot_pt / PT_PER_INCH * MM_PER_INCH, dpi)
    }

    /// `scene`, which was laid out on this page, as the content of a file.
    ///
    /// # Errors
    /// When the picture is too large or cannot be encoded.
    pub fn encode(&self, scene: &Scene, format: Format) -> Result<Vec<u8>> {
        format.encode(scene, self.width_mm)
    }

    /// `scene`, which was laid out on this page, painted: a pixel is a dot.
    ///
    /// # Errors
    /// When the picture is too large.
    pub fn paint(&self, scene: &Scene) -> Result<Painted> {
        paint_sized(scene, scene.size_px().map(|side| self.dots(side)))
    }

    /// Points a dot.
    pub(super) fn dot_pt(self) -> f64 {
        PT_PER_INCH / f64::from(self.dpi)
    }

    /// The nearest whole number of dots, in points.
    pub(super) fn snapped(self, pt: f64) -> f64 {
        (pt / self.dot_pt()).round() * self.dot_pt()
    }

    /// Dots of a length.
    pub(super) fn dots(self, pt: f64) -> u32 {
        (pt / self.dot_pt()).round() as u32
    }

    fn width_pt(self) -> f64 {
        (self.width_mm / MM_PER_INCH * f64::from(self.dpi)).round() * self.dot_pt()
    }
}

/// A scene that is filled from the top.
pub(super) struct Sheet {
    pub(super) scene: Scene,
    pub(super) page: Page,
    /// The lower end of what is drawn.
    pub(super) y: f64,
}

impl Sheet {
    pub(super) fn new(page: Page) -> Self {
        Self { scene: Scene::new(page.width_pt(), 1.0, PAPER), page, y: MARGIN }
    }

    /// Width between the margins.
    pub(super) fn inner(&self) -> f64 {
        self.scene.size_px()[0] - 2.0 * MARGIN
    }

    /// A paragraph over the whole width.
    pub(super) fn paragraph(&mut self, text: &str, style: TextStyle) -> Result<()> {
        let lines = wrapped(text, style, self.inner())?;
        for line in lines {
            self.y += line_height(style);
            let baseline = self.y - 0.28 * style.size_px;
            self.scene.text([MARGIN, baseline], Anchor::Start, style, &line);
        }
        Ok(())
    }

    /// Words on amber over the whole width.
    pub(super) fn caution(&mut self, text: &str) -> Result<()> {
        /// Size of the letters: larger than all but the headline's.
        const TEXT_PT: f64 = 8.0;
        let caution = CautionBox::new(text, TEXT_PT, self.inner())?;
        caution.draw(&mut self.scene, [MARGIN, self.y + 1.5]);
        self.y += caution.height_px() + 3.0;
        Ok(())
    }

    pub(super) fn space(&mut self, pt: f64) {
        self.y += pt;
    }

    /// Ends the page with the strip that every picture has.
    pub(super) fn finish(mut self) -> Scene {
        let height = self.page.snapped(self.y + 4.0 + NOTICE.height_px);
        self.scene.set_height(height);
        self.scene.notice(NOTICE);
        self.scene
    }
}
