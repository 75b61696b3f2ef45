//! Painting a scene: SVG to pixels with the fonts compiled into the program.

use std::sync::{Arc, LazyLock};

use base64::Engine;
use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, fontdb};

use super::{Anchor, Error, Result, Scene, TextStyle};
use crate::limits;

/// The fonts by their weights.
const FACES: [(u16, &[u8]); 2] = [
    (400, include_bytes!("../../assets/fonts/Roboto-Regular-Latin.ttf")),
    (500, include_bytes!("../../assets/fonts/Roboto-Medium-Latin.ttf")),
];

static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    for (_, face) in FACES {
        fonts.load_font_data(face.to_vec());
    }
    Arc::new(fonts)
});

/// The fonts as rules of a style sheet.
pub(crate) fn font_faces() -> String {
    let rule = |(weight, face): (u16, &[u8])| {
        let data = base64::engine::general_purpose::STANDARD.encode(face);
        format!("@font-face{{font-family:Roboto;font-weight:{weight};src:url(data:font/ttf;base64,{data})}}")
    };
    FACES.map(rule).concat()
}

/// A painted picture, `[h, w]` pixels of red, green and blue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Painted {
    /// Columns.
    pub width_px: u32,
    /// Rows.
    pub height_px: u32,
    /// Red, green and blue of each pixel, row-major.
    pub rgb: Vec<u8>,
}

impl Painted {
    /// The picture as a PNG file without any metadata.
    ///
    /// # Errors
    /// When encoding fails.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let mut png = Vec::new();
        PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Up).write_image(
            &self.rgb,
            self.width_px,
            self.height_px,
            image::ExtendedColorType::Rgb8,
        )?;
        Ok(png)
    }

    /// The same, with the size of a pixel, so that the picture is printed at its size.
    ///
    /// # Errors
    /// When encoding fails.
    pub fn to_png_at(&self, dpi: u32) -> Result<Vec<u8>> {
        let per_metre = (f64::from(dpi) / 0.0254).round() as u32;
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width_px, self.height_px);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_filter(png::Filter::Up);
        encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: png::Unit::Meter }));
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.rgb)?;
        writer.finish()?;
        Ok(file)
    }
}

/// Paints `scene`, each scene pixel as `scale` x `scale` pixels.
///
/// # Errors
/// When the scene is no valid SVG or the picture has no or too many pixels.
pub fn paint(scene: &Scene, scale: f64) -> Result<Painted> {
    paint_at(scene, scene.size_px().map(|side| (side * scale).ceil() as u32), [scale; 2])
}

/// Paints `scene` over exactly `[width_px, height_px]` pixels.
///
/// # Errors
/// When the scene is no valid SVG or the picture has no or too many pixels.
pub fn paint_sized(scene: &Scene, [width_px, height_px]: [u32; 2]) -> Result<Painted> {
    let [width, height] = scene.size_px();
    paint_at(scene, [width_px, height_px], [f64::from(width_px) / width, f64::from(height_px) / height])
}

fn paint_at(scene: &Scene, [width_px, height_px]: [u32; 2], [across, down]: [f64; 2]) -> Result<Painted> {
    let refuse = || Error::Size { width_px, height_px };
    if u64::from(width_px) * u64::from(height_px) > limits::PAINTED_PX {
        return Err(refuse());
    }
    let tree = tree_of(&scene.to_svg())?;
    let mut pixmap = Pixmap::new(width_px, height_px).ok_or_else(refuse)?;
    resvg::render(&tree, Transform::from_scale(across as f32, down as f32), &mut pixmap.as_mut());
    // The background is opaque, so premultiplied colours are the colours.
    let rgb = pixmap.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    Ok(Painted { width_px, height_px, rgb })
}

/// Width of a line of text in scene pixels.
///
/// # Errors
/// When the text cannot be laid out.
pub fn text_width_px(text: &str, style: TextStyle) -> Result<f64> {
    if text.trim().is_empty() {
        return Ok(0.0);
    }
    let mut scene = Scene::new(1.0, 1.0, [0; 3]);
    scene.text([0.0, 0.0], Anchor::Start, style, text);
    let tree = tree_of(&scene.to_svg())?;
    let width = tree.root().children().iter().find_map(|node| match node {
        usvg::Node::Text(text) => Some(f64::from(text.bounding_box().width())),
        _ => None,
    });
    width.ok_or_else(|| Error::Layout { reason: "the text has no glyphs".to_owned() })
}

pub(super) fn tree_of(svg: &str) -> Result<usvg::Tree> {
    let options = usvg::Options { fontdb: Arc::clone(&FONTS), font_family: "Roboto".to_owned(), ..Default::default() };
    usvg::Tree::from_str(svg, &options).map_err(|error| Error::Layout { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::super::Weight;
    use super::*;

    const STYLE: TextStyle = TextStyle::regular(20.0, [255; 3]);

    #[test]
    fn text_is_painted_with_the_built_in_font() {
        let mut scene = Scene::new(100.0, 30.0, [0; 3]);
        scene.text([5.0, 22.0], Anchor::Start, STYLE, "Logit");
        let painted = paint(&scene, 1.0).unwrap();
        assert!(painted.rgb.iter().filter(|value| **value > 128).count() > 100);
    }

    #[test]
    fn widths_add_up() {
        let one = text_width_px("mmmm", STYLE).unwrap();
        let two = text_width_px("mmmmmmmm", STYLE).unwrap();
        assert!((two / one - 2.0).abs() < 0.05, "{one} {two}");
        let medium = TextStyle { weight: Weight::Medium, ..STYLE };
        assert!((text_width_px("mmmm", medium).unwrap() - one).abs() > 0.1, "the medium face is a face of its own");
    }

    #[test]
    fn enlarged_pixels_stay_sharp_and_in_place() {
        let mut scene = Scene::new(8.0, 8.0, [0; 3]);
        scene.pixels([2.0, 2.0], [4.0, 4.0], 2, &[[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]]).unwrap();
        let painted = paint(&scene, 2.0).unwrap();
        let at = |x: usize, y: usize| &painted.rgb[(y * 16 + x) * 3..(y * 16 + x) * 3 + 3];
        assert_eq!((at(3, 3), at(4, 4), at(7, 7)), (&[0, 0, 0][..], &[255, 0, 0][..], &[255, 0, 0][..]));
        assert_eq!((at(8, 7), at(7, 8), at(11, 11)), (&[0, 255, 0][..], &[0, 0, 255][..], &[9, 9, 9][..]));
        assert_eq!(at(12, 12), [0, 0, 0]);
    }

    #[test]
    fn a_png_holds_no_text_or_time() {
        let png = paint(&Scene::new(4.0, 4.0, [7; 3]), 1.0).unwrap().to_png().unwrap();
        let mut at = 8;
        let mut kinds = Vec::new();
        while at < png.len() {
            let length = u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
            kinds.push(String::from_utf8_lossy(&png[at + 4..at + 8]).into_owned());
            at += 12 + length;
        }
        assert_eq!(kinds, ["IHDR", "IDAT", "IEND"]);
    }
}
