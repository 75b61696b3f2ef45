//! Animations as files.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;
use std::str::FromStr;

use image::RgbImage;
use rayon::prelude::*;

use super::palette::{Histogram, Palette};
use super::web_picture::WebPicture;
use super::{Animation, FrameTime};
use crate::cascade::{Error, Result};
use crate::watch::Watch;
use crate::{figure, files};

/// A kind of animated file, or the frames one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Shown everywhere; 256 colours, the nearest to those of the frames.
    Gif,
    /// Every colour exact.
    Apng,
    /// Every colour exact, usually smaller.
    WebP,
    /// A PNG for each frame.
    Frames,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Gif, Self::Apng, Self::WebP, Self::Frames];

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gif => "gif",
            Self::Apng => "apng",
            Self::WebP => "webp",
            Self::Frames => "frames",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| Error::UnknownFormat { name: text.trim().to_owned() })
    }
}

/// Draws every frame once and makes files of `formats` out of them. `create` opens each file by its name (`animation.gif`,
/// `animation.apng`, `animation.webp`, `frames/frame_000.png`, ...), and `watch` is told and asked before each frame.
///
/// No file holds anything but pixels and times.
///
/// # Errors
/// When a frame cannot be drawn, encoded or written, or `watch` cancels.
pub fn encode(
    animation: &Animation,
    formats: &[Format],
    watch: &dyn Watch,
    create: &mut dyn FnMut(&str) -> Result<Box<dyn Write>>,
) -> Result<()> {
    let times = animation.frames();
    let size = animation.size_px();
    let mut gif =
        if formats.contains(&Format::Gif) { Some(Gif::new(animation, size, create("animation.gif")?)?) } else { None };
    let mut apng = if formats.contains(&Format::Apng) {
        Some(apng(size, times.len(), create("animation.apng")?).map_err(|error| failed(&error))?)
    } else {
        None
    };
    let mut web_picture = formats.contains(&Format::WebP).then(|| WebPicture::new(size));
    let draw = |frame: &FrameTime| animation.draw(frame.time_secs);
    let mut done = 0;
    // A few frames at a time, so that all threads draw and memory stays small.
    for times_at_hand in times.chunks(2 * rayon::current_num_threads()) {
        let frames: Vec<RgbImage> = times_at_hand.par_iter().map(draw).collect::<figure::Result<_>>()?;
        for (frame, FrameTime { delay_cs, .. }) in frames.iter().zip(times_at_hand) {
            watch.progress(done, times.len());
            if watch.is_cancelled() {
                return Err(Error::Cancelled);
            }
            if let Some(gif) = &mut gif {
                gif.add(frame, *delay_cs)?;
            }
            if let Some(apng) = &mut apng {
                apng.set_frame_delay(*delay_cs, 100)
                    .and_then(|()| apng.write_image_data(frame))
                    .map_err(|error| failed(&error))?;
            }
            if let Some(web_picture) = &mut web_picture {
                web_picture.add(frame, *delay_cs).map_err(|error| failed(&error))?;
            }
            if formats.contains(&Format::Frames) {
                let file = create(&format!("frames/frame_{done:03}.png"))?;
                let mut encoder = png::Encoder::new(file, frame.width(), frame.height());
                encoder.set_color(png::ColorType::Rgb);
                encoder
                    .write_header()
                    .and_then(|mut writer| writer.write_image_data(frame))
                    .map_err(|error| failed(&error))?;
            }
            done += 1;
        }
    }
    if let Some(gif) = gif {
        gif.encoder.into_inner().and_then(|mut file| Ok(file.flush()?)).map_err(|error| failed(&error))?;
    }
    if let Some(apng) = apng {
        apng.finish().map_err(|error| failed(&error))?;
    }
    if let Some(web_picture) = web_picture {
        let mut file = create("animation.webp")?;
        file.write_all(&web_picture.finish()).and_then(|()| file.flush()).map_err(|error| failed(&error))?;
    }
    Ok(())
}

struct Gif {
    palette: Palette,
    encoder: gif::Encoder<Box<dyn Write>>,
    size: [u16; 2],
}

impl Gif {
    /// Chooses the colours by the states that stand still, between which all other frames lie.
    fn new(animation: &Animation, [width, height]: [u32; 2], file: Box<dyn Write>) -> Result<Self> {
        let step = animation.options.hold_secs + animation.options.fade_secs;
        let mut histogram = Histogram::new();
        for state in 0..animation.states.len() {
            histogram.add(&animation.draw(state as f64 * step)?);
        }
        let palette = histogram.palette();
        let size = [width, height].map(|side| u16::try_from(side).unwrap_or(u16::MAX));
        let mut encoder = gif::Encoder::new(file, size[0], size[1], palette.colours.as_flattened())
            .map_err(|error| failed(&error))?;
        encoder.set_repeat(gif::Repeat::Infinite).map_err(|error| failed(&error))?;
        Ok(Self { palette, encoder, size })
    }

    fn add(&mut self, frame: &RgbImage, delay_cs: u16) -> Result<()> {
        let frame = gif::Frame {
            delay: delay_cs,
            width: self.size[0],
            height: self.size[1],
            buffer: Cow::Owned(self.palette.indices(frame)),
            dispose: gif::DisposalMethod::Keep,
            ..gif::Frame::default()
        };
        self.encoder.write_frame(&frame).map_err(|error| failed(&error))
    }
}

fn apng(
    [width, height]: [u32; 2],
    frames: usize,
    file: Box<dyn Write>,
) -> std::result::Result<png::Writer<Box<dyn Write>>, png::EncodingError> {
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // 0 plays for ever.
    encoder.set_animated(frames as u32, 0)?;
    encoder.write_header()
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Error {
    Error::Encode { reason: files::reason(error) }
}
