//! A picture as an SVG text: rectangles, lines, text and pixels.

use std::fmt::Write;

use base64::Engine;
use image::ImageEncoder;

use super::{NOT_FOR_DIAGNOSIS, Result, Rgb};

/// Thickness of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weight {
    /// For sentences.
    Regular,
    /// For names and titles.
    Medium,
}

/// Which point of a text is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// Its left end.
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

/// The strip that every picture ends with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoticeStrip {
    /// Its height.
    pub height_px: f64,
    /// Height of its font.
    pub text_px: f64,
    /// Where its text stands, above the bottom.
    pub baseline_px: f64,
}

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextStyle {
    /// Height of the font in scene pixels.
    pub size_px: f64,
    /// Thickness.
    pub weight: Weight,
    /// Colour.
    pub colour: Rgb,
}

impl TextStyle {
    /// Text as it is read.
    pub const fn regular(size_px: f64, colour: Rgb) -> Self {
        Self { size_px, weight: Weight::Regular, colour }
    }

    /// Names and headlines.
    pub const fn medium(size_px: f64, colour: Rgb) -> Self {
        Self { size_px, weight: Weight::Medium, colour }
    }
}

/// A picture in the making. Coordinates are scene pixels from the upper left corner; later shapes cover earlier ones.
#[derive(Clone, Debug)]
pub struct Scene {
    width_px: f64,
    height_px: f64,
    background: Rgb,
    body: String,
}

impl Scene {
    /// A picture of one colour.
    pub fn new(width_px: f64, height_px: f64, background: Rgb) -> Self {
        Self { width_px, height_px, background, body: String::new() }
    }

    /// Changes the height, which is often known when all is drawn.
    pub fn set_height(&mut self, height_px: f64) {
        self.height_px = height_px;
    }

    /// `[width, height]` in scene pixels.
    pub fn size_px(&self) -> [f64; 2] {
        [self.width_px, self.height_px]
    }

    /// A filled rectangle with its upper left corner at `[x, y]`.
    pub fn rectangle(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], fill: Rgb) {
        let fill = hex(fill);
        self.push(format_args!(r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}"/>"#));
    }

    /// A straight line.
    pub fn line(&mut self, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2], thickness_px: f64, colour: Rgb) {
        let colour = hex(colour);
        self.push(format_args!(
            r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{thickness_px}"/>"#
        ));
    }

    /// Straight lines from point to point, whole or in `dashes` of `[drawn, left out]` pixels.
    pub fn polyline(&mut self, points: &[[f64; 2]], thickness_px: f64, colour: Rgb, dashes: Option<[f64; 2]>) {
        let dashes = dashes.map(|[drawn, gap]| format!(r#" stroke-dasharray="{drawn} {gap}""#)).unwrap_or_default();
        let (points, colour) = (list(points), hex(colour));
        self.push(format_args!(
            r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{thickness_px}" stroke-linejoin="round"{dashes}/>"#
        ));
    }

    /// A filled polygon, `opacity` from 0 to 1.
    pub fn polygon(&mut self, points: &[[f64; 2]], fill: Rgb, opacity: f64) {
        let (points, fill) = (list(points), hex(fill));
        self.push(format_args!(r#"<polygon points="{points}" fill="{fill}" fill-opacity="{opacity}"/>"#));
    }

    /// Says at the bottom that the picture is not for diagnosis.
    pub fn notice(&mut self, strip: NoticeStrip) {
        const COLOUR: Rgb = [233, 178, 60];
        const TEXT: Rgb = [30, 22, 0];
        let [width, height] = self.size_px();
        self.rectangle([0.0, height - strip.height_px], [width, strip.height_px], COLOUR);
        let style = TextStyle::medium(strip.text_px, TEXT);
        self.text([width / 2.0, height - strip.baseline_px], Anchor::Middle, style, NOT_FOR_DIAGNOSIS);
    }

    /// One line of text with its anchor at `[x, baseline]`.
    pub fn text(&mut self, at: [f64; 2], anchor: Anchor, style: TextStyle, text: &str) {
        self.text_turned(at, anchor, style, 0.0, text);
    }

    /// The same, turned clockwise around its anchor.
    pub fn text_turned(&mut self, [x, baseline]: [f64; 2], anchor: Anchor, style: TextStyle, degrees: f64, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let weight = match style.weight {
            Weight::Regular => 400,
            Weight::Medium => 500,
        };
        let (size, colour) = (style.size_px, hex(style.colour));
        let turn =
            if degrees == 0.0 { String::new() } else { format!(r#" transform="rotate({degrees} {x} {baseline})""#) };
        self.push(format_args!(
            r#"<text x="{x}" y="{baseline}" text-anchor="{anchor}" font-family="Roboto" font-weight="{weight}" font-size="{size}" fill="{colour}"{turn}>{}</text>"#,
            escape(text)
        ));
    }

    /// Pixels `[h, w]` painted over a rectangle, each a sharp rectangle of its own where they are enlarged.
    ///
    /// # Errors
    /// When the pixels cannot be encoded.
    ///
    /// # Panics
    /// When the number of pixels is not a multiple of `columns`.
    pub fn pixels(
        &mut self,
        [x, y]: [f64; 2],
        [width, height]: [f64; 2],
        columns: usize,
        pixels: &[Rgb],
    ) -> Result<()> {
        let rows = pixels.len() / columns;
        let enlarged = width >= columns as f64 && height >= rows as f64;
        self.image([x, y], [width, height], columns, pixels, if enlarged { "pixelated" } else { "optimizeQuality" })
    }

    /// Pixels `[h, w]` painted over a rectangle without any filter: where the rectangle covers as many pixels of the
    /// painted picture, and begins at one of them, they are the same bits.
    ///
    /// # Errors
    /// When the pixels cannot be encoded.
    ///
    /// # Panics
    /// When the number of pixels is not a multiple of `columns`.
    pub fn exact_pixels(&mut self, at: [f64; 2], size: [f64; 2], columns: usize, pixels: &[Rgb]) -> Result<()> {
        self.image(at, size, columns, pixels, "pixelated")
    }

    fn image(
        &mut self,
        [x, y]: [f64; 2],
        [width, height]: [f64; 2],
        columns: usize,
        pixels: &[Rgb],
        rendering: &str,
    ) -> Result<()> {
        assert_eq!(pixels.len() % columns, 0, "pixels fill whole rows");
        let rows = pixels.len() / columns;
        let mut png = Vec::new();
        image::codecs::png::PngEncoder::new(&mut png).write_image(
            pixels.as_flattened(),
            columns as u32,
            rows as u32,
            image::ExtendedColorType::Rgb8,
        )?;
        let data = base64::engine::general_purpose::STANDARD.encode(png);
        self.push(format_args!(
            r#"<image x="{x}" y="{y}" width="{width}" height="{height}" preserveAspectRatio="none" style="image-rendering:{rendering}" href="data:image/png;base64,{data}"/>"#
        ));
        Ok(())
    }

    /// Shapes drawn by `draw` are cut off at a rectangle.
    ///
    /// # Errors
    /// Those of `draw`.
    pub fn clipped(
        &mut self,
        [x, y]: [f64; 2],
        [width, height]: [f64; 2],
        draw: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        // The length so far tells this clip from every other.
        let id = self.body.len();
        self.push(format_args!(
            r#"<clipPath id="clip{id}"><rect x="{x}" y="{y}" width="{width}" height="{height}"/></clipPath><g clip-path="url(#clip{id})">"#
        ));
        draw(self)?;
        self.push(format_args!("</g>"));
        Ok(())
    }

    /// The whole picture as an SVG document that needs Roboto where it is shown.
    pub fn to_svg(&self) -> String {
        let (width, height) = (self.width_px, self.height_px);
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">{}{}</svg>"#,
            self.ground(),
            self.body
        )
    }

    /// The whole picture as an SVG document `width_mm` wide, with the fonts inside: it looks the same everywhere.
    pub fn to_svg_file(&self, width_mm: f64) -> String {
        let (width, height) = (self.width_px, self.height_px);
        let height_mm = width_mm * height / width;
        let faces = super::paint::font_faces();
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width_mm:.3}mm" height="{height_mm:.3}mm" viewBox="0 0 {width} {height}"><style>{faces}</style>{}{}</svg>"#,
            self.ground(),
            self.body
        )
    }

    fn ground(&self) -> String {
        let (width, height, fill) = (self.width_px, self.height_px, hex(self.background));
        format!(r#"<rect width="{width}" height="{height}" fill="{fill}"/>"#)
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing into a string cannot fail.
        let _ = self.body.write_fmt(element);
        self.body.push('\n');
    }
}

/// Points as SVG lists them.
fn list(points: &[[f64; 2]]) -> String {
    points.iter().map(|[x, y]| format!("{x:.2},{y:.2}")).collect::<Vec<_>>().join(" ")
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Whether the fonts have a sign for `character` (`assets/fonts/README.md`).
fn has_glyph(character: char) -> bool {
    matches!(character, ' '..='~' | '\u{a0}'..='\u{ff}')
        || "\u{2013}\u{2014}\u{2018}\u{2019}\u{201c}\u{201d}\u{2022}\u{2026}\u{2212}\u{2264}\u{2265}\u{3c3}"
            .contains(character)
}

/// Text as XML reads it; control characters, which XML 1.0 forbids, become spaces, and letters that the fonts lack
/// question marks.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(if has_glyph(other) { other } else { '?' }),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_out() {
        let mut scene = Scene::new(10.0, 10.0, [0; 3]);
        let style = TextStyle::regular(4.0, [255; 3]);
        scene.text([0.0, 5.0], Anchor::Start, style, "a<b & \"c\"\u{0}>");
        assert!(scene.to_svg().contains("a&lt;b &amp; \"c\" &gt;</text>"), "{}", scene.to_svg());
    }

    #[test]
    fn letters_without_a_glyph_are_seen_as_such() {
        let mut scene = Scene::new(10.0, 10.0, [0; 3]);
        let style = TextStyle::regular(4.0, [255; 3]);
        scene.text([0.0, 5.0], Anchor::Start, style, "肺 σ é");
        assert!(scene.to_svg().contains("? σ é</text>"), "{}", scene.to_svg());
    }
}
