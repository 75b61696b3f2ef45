//! Gray levels as PNG.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageResult};

/// An 8-bit gray PNG of `[size_px, size_px]`.
pub(super) fn encode(gray: &[u8], size_px: usize) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive).write_image(
        gray,
        size_px as u32,
        size_px as u32,
        ExtendedColorType::L8,
    )?;
    Ok(bytes)
}
