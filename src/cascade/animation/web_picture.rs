//! The container of animated `WebP` (Google, "`WebP` Container Specification"): lossless frames one after the other.

use std::io;

use image::RgbImage;
use image_webp::{ColorType, WebPEncoder};

/// Bit of the header that says that frames follow.
const ANIMATED: u8 = 0b10;

/// Most bytes that the lengths of the container can tell.
const MOST_BYTES: usize = u32::MAX as usize - 64;

/// Gathers an animation that repeats for ever.
pub(super) struct WebPicture {
    size_px: [u32; 2],
    frames: Vec<u8>,
}

impl WebPicture {
    pub(super) fn new(size_px: [u32; 2]) -> Self {
        Self { size_px, frames: Vec::new() }
    }

    /// Adds a frame, as large as the picture.
    pub(super) fn add(&mut self, frame: &RgbImage, delay_cs: u16) -> io::Result<()> {
        let mut file = Vec::new();
        let [width, height] = self.size_px;
        WebPEncoder::new(&mut file).encode(frame, width, height, ColorType::Rgb8).map_err(io::Error::other)?;
        // RIFF, length, WEBP; the rest is one chunk with its padding.
        let chunk = file.get(12..).unwrap_or_default();
        if self.frames.len() + chunk.len() > MOST_BYTES {
            return Err(io::Error::other("the animation is too large for WebP"));
        }
        let mut head = Vec::with_capacity(16);
        head.extend(three(0));
        head.extend(three(0));
        head.extend(three(width - 1));
        head.extend(three(height - 1));
        head.extend(three(u32::from(delay_cs) * 10));
        // No blending: each frame replaces the one before.
        head.push(0b10);
        self.frames.extend(b"ANMF");
        self.frames.extend(((head.len() + chunk.len()) as u32).to_le_bytes());
        self.frames.extend(head);
        self.frames.extend_from_slice(chunk);
        Ok(())
    }

    /// The whole file.
    pub(super) fn finish(self) -> Vec<u8> {
        let [width, height] = self.size_px;
        let mut body = b"WEBPVP8X".to_vec();
        body.extend(10_u32.to_le_bytes());
        body.extend([ANIMATED, 0, 0, 0]);
        body.extend(three(width - 1));
        body.extend(three(height - 1));
        body.extend(b"ANIM");
        body.extend(6_u32.to_le_bytes());
        // A black background, and no end of the repetition.
        body.extend([0, 0, 0, 255, 0, 0]);
        body.extend(self.frames);
        let mut file = b"RIFF".to_vec();
        file.extend((body.len() as u32).to_le_bytes());
        file.extend(body);
        file
    }
}

fn three(number: u32) -> [u8; 3] {
    let [a, b, c, _] = number.to_le_bytes();
    [a, b, c]
}
