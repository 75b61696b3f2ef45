//! Small pictures inside the report.

use base64::Engine;

use super::super::figures::Picture;
use crate::figure::inferno;
use crate::limits;

/// Longest side of a map, in pixels.
const MAP_PX: usize = 96;

/// The colour of the experts' marks.
const YELLOW: [u8; 3] = [255, 221, 0];

/// A map or radiograph as a data URI: a PNG of 256 colours, the last of which outlines the experts' marks.
pub(super) fn data_uri(picture: &Picture, is_map: bool, truth: Option<&Picture>) -> Option<String> {
    let small = if is_map { picture.small(MAP_PX) } else { picture.fit(limits::THUMBNAIL_PX) };
    let mut palette = Vec::with_capacity(768);
    for step in 0..255_u16 {
        let value = f32::from(step) / 254.0;
        palette.extend(if is_map { inferno(value) } else { [(value * 255.0).round() as u8; 3] });
    }
    palette.extend(YELLOW);
    let mut indices: Vec<u8> = small.values.iter().map(|value| (value.clamp(0.0, 1.0) * 254.0).round() as u8).collect();
    if let Some(truth) = truth {
        outline(&truth.at([small.height_px, small.width_px]), &mut indices);
    }
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, small.width_px as u32, small.height_px as u32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&indices).ok()?;
    writer.finish().ok()?;
    Some(format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(png)))
}

/// Marked pixels that touch one that is not.
fn outline(truth: &Picture, indices: &mut [u8]) {
    let [rows, columns] = [truth.height_px, truth.width_px];
    let marked = |y: usize, x: usize| y < rows && x < columns && truth.values[y * columns + x] >= 0.5;
    for y in 0..rows {
        for x in 0..columns {
            let inside =
                marked(y.wrapping_sub(1), x) && marked(y + 1, x) && marked(y, x.wrapping_sub(1)) && marked(y, x + 1);
            if marked(y, x) && !inside {
                indices[y * columns + x] = 255;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_is_one_pixel_inside_the_marks() {
        let mut truth = vec![0.0; 25];
        for y in 1..4 {
            for x in 1..4 {
                truth[y * 5 + x] = 1.0;
            }
        }
        let truth = Picture::new([5, 5], truth).unwrap();
        let mut indices = vec![0; 25];
        outline(&truth, &mut indices);
        let white: Vec<usize> = (0..indices.len()).filter(|place| indices[*place] == 255).collect();
        assert_eq!(white.len(), 8);
        assert_eq!(indices[12], 0);
        let uri = data_uri(&truth, true, Some(&truth)).unwrap();
        assert!(uri.starts_with("data:image/png;base64,iVBOR"));
    }
}
