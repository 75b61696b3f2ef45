//! The colour of a point: a radiograph in gray, a map over it; the twin of `shaders/case.wgsl`.

use std::sync::Arc;

use image::RgbImage;
use rayon::prelude::*;

use super::field::{FieldKey, Fields, Grid, coloured};
use super::gray::{GrayDisplay, Interpolation, ReadyTone};
use super::lens::Lens;
use super::map::{MapDisplay, MapPlane};
use super::plane::Plane;
use super::sampling::Taps;
use super::viewport::Viewport;
use super::{BACKGROUND, Rgb};

/// A radiograph with a map over it, ready to be asked for colours.
#[derive(Clone, Debug)]
pub struct Compositor<'a> {
    gray: GrayReader<'a>,
    map: Option<(&'a MapPlane, &'a MapDisplay)>,
    other: Option<(&'a MapPlane, f32)>,
}

/// Gray of any point of a plane.
#[derive(Clone, Debug)]
pub(super) struct GrayReader<'a> {
    plane: &'a Plane,
    display: GrayDisplay,
    tone: ReadyTone,
    level: usize,
}

impl<'a> GrayReader<'a> {
    pub(super) fn new(plane: &'a Plane, display: &GrayDisplay) -> Self {
        Self { plane, display: display.clone(), tone: ReadyTone::of(&display.tone, plane), level: 0 }
    }

    /// Reads the level that a view of this zoom shows; pixels without interpolation are always the plane's own.
    pub(super) fn for_view(mut self, viewport: &Viewport) -> Self {
        self.level = shown_level(self.plane, self.display.interpolation, viewport);
        self
    }

    pub(super) fn size_px(&self) -> [usize; 2] {
        [self.plane.width_px(), self.plane.height_px()]
    }

    /// The values that are read and their width and height.
    fn read(&self) -> ([usize; 2], &[u16]) {
        // Level 0 must not make all the others.
        match self.level {
            0 => (self.size_px(), &self.plane.values()[..]),
            level => {
                let level = &self.plane.levels()[level];
                ([level.width_px, level.height_px], &level.values[..])
            }
        }
    }

    fn value(&self, taps: &Taps, width_px: usize, values: &[u16]) -> f32 {
        let gray = taps.linear(|x, y| self.tone.at(values[y * width_px + x]));
        if self.display.inverted { 1.0 - gray } else { gray }
    }

    /// 0 to 1.
    pub(super) fn at(&self, image_px: [f64; 2]) -> f32 {
        let (size, values) = self.read();
        let image_size = self.size_px();
        let place = std::array::from_fn(|axis| image_px[axis] as f32 * (size[axis] as f32 / image_size[axis] as f32));
        self.value(&Taps::at(place, size, self.display.interpolation), size[0], values)
    }

    /// The same at the centres of a view's pixels.
    pub(super) fn field(&self, viewport: &Viewport, fields: &mut Fields) -> Arc<[f32]> {
        let key = FieldKey::Gray { plane: self.plane.id(), display: self.display.clone(), viewport: *viewport };
        fields.get(key, || {
            let (size_px, values) = self.read();
            let grid = Grid { image_px: self.size_px(), size_px, interpolation: self.display.interpolation };
            grid.field(viewport, |taps| self.value(taps, size_px[0], values))
        })
    }
}

/// The level of a plane that a view shows.
pub(crate) fn shown_level(plane: &Plane, interpolation: Interpolation, viewport: &Viewport) -> usize {
    match (interpolation, viewport.level()) {
        (Interpolation::Nearest, _) | (_, 0) => 0,
        (Interpolation::Linear, level) => level.min(plane.levels().len() - 1),
    }
}

impl<'a> Compositor<'a> {
    /// A radiograph, with a map where one is given.
    pub fn new(plane: &'a Plane, display: &GrayDisplay, map: Option<(&'a MapPlane, &'a MapDisplay)>) -> Self {
        Self { gray: GrayReader::new(plane, display), map, other: None }
    }

    /// The map blended with another one, value by value: `mix` of 0 shows the first, 1 the other. Where one has no
    /// value the other's is shown.
    #[must_use]
    pub fn fading_to(mut self, other: &'a MapPlane, mix: f32) -> Self {
        self.other = Some((other, mix));
        self
    }

    /// Ready for a view: where pixels are smaller than those of the screen, means of them are read.
    #[must_use]
    pub fn for_view(mut self, viewport: &Viewport) -> Self {
        self.gray = self.gray.for_view(viewport);
        self
    }

    /// The colour of a point of the image; [`BACKGROUND`] beside it.
    pub fn colour_at(&self, image_px: [f64; 2]) -> Rgb {
        let size = self.gray.size_px();
        if !is_inside(image_px, size) {
            return BACKGROUND;
        }
        let gray = self.gray.at(image_px);
        let Some((map, display)) = self.map else { return to_rgb([gray; 3]) };
        let sample = |map: &MapPlane| map.sample(map.place(image_px, size), display.interpolation);
        let value = match self.other {
            None => sample(map),
            Some((other, mix)) => mixed(sample(map), sample(other), mix),
        };
        over(gray, value.map(|value| display.paint(value)))
    }

    /// The view with a magnifier on it.
    pub fn render_with_lens(&self, viewport: &Viewport, lens: &Lens) -> RgbImage {
        let behind = lens.viewport(viewport);
        let (around, inside) = (self.clone().for_view(viewport), self.clone().for_view(&behind));
        rendered(viewport.size_px, |screen_px| {
            if lens.covers(screen_px) {
                inside.colour_at(behind.image_from_screen(screen_px))
            } else {
                around.colour_at(viewport.image_from_screen(screen_px))
            }
        })
    }

    /// The view: [`Compositor::colour_at`] at the centre of each of its pixels.
    pub fn render(&self, viewport: &Viewport) -> RgbImage {
        self.render_with(viewport, &mut Fields::default())
    }

    /// The same, with what is left of the last time.
    pub fn render_with(&self, viewport: &Viewport, fields: &mut Fields) -> RgbImage {
        let gray = self.gray.clone().for_view(viewport);
        let image_px = gray.size_px();
        let gray = gray.field(viewport, fields);
        let Some((map, display)) = self.map.filter(|(_, display)| display.visible) else {
            return coloured(viewport.size_px, |index| to_rgb([gray[index]; 3]));
        };
        let values = map.field(image_px, display.interpolation, viewport, fields);
        let painting = display.painting();
        match self.other {
            None => coloured(viewport.size_px, |index| painting.over(gray[index], values[index])),
            Some((other, mix)) => {
                let others = other.field(image_px, display.interpolation, viewport, fields);
                coloured(viewport.size_px, |index| {
                    painting.over(gray[index], mixed_present(values[index], others[index], mix))
                })
            }
        }
    }
}

/// The colour of a point of an image with a map over it; see [`Compositor`].
pub fn composite(
    plane: &Plane,
    display: &GrayDisplay,
    map: Option<(&MapPlane, &MapDisplay)>,
    image_px: [f64; 2],
) -> Rgb {
    Compositor::new(plane, display, map).colour_at(image_px)
}

/// A view of an image with a map over it; see [`Compositor`].
pub fn render(
    plane: &Plane,
    display: &GrayDisplay,
    map: Option<(&MapPlane, &MapDisplay)>,
    viewport: &Viewport,
) -> RgbImage {
    Compositor::new(plane, display, map).render(viewport)
}

pub(super) fn is_inside(image_px: [f64; 2], size_px: [usize; 2]) -> bool {
    (0..2).all(|axis| image_px[axis] >= 0.0 && image_px[axis] < size_px[axis] as f64)
}

/// Between two values; where one is missing (NaN) the other.
pub(super) fn mixed_present(a: f32, b: f32, mix: f32) -> f32 {
    if a.is_nan() {
        b
    } else if b.is_nan() {
        a
    } else {
        a + (b - a) * mix
    }
}

/// The same of values that say themselves whether they are missing.
pub(super) fn mixed(a: Option<f32>, b: Option<f32>, mix: f32) -> Option<f32> {
    let [a, b] = [a, b].map(|value| value.unwrap_or(f32::NAN));
    Some(mixed_present(a, b, mix)).filter(|value| !value.is_nan())
}

/// Paint over gray.
pub(super) fn over(gray: f32, paint: Option<([f32; 3], f32)>) -> Rgb {
    let (colour, opacity) = paint.unwrap_or_default();
    to_rgb(colour.map(|channel| gray + (channel - gray) * opacity))
}

pub(super) fn to_rgb(colour: [f32; 3]) -> Rgb {
    colour.map(|channel| rounded(channel * 255.0))
}

/// The nearest of 0 to 255, halves upwards; 0 for NaN. By hand, because many processors round by a function call.
fn rounded(value: f32) -> u8 {
    let below = value as u8;
    below.saturating_add(u8::from(value - f32::from(below) >= 0.5))
}

/// A picture by the colour at each pixel's centre.
pub(super) fn rendered([width, height]: [u32; 2], colour_at: impl Fn([f64; 2]) -> Rgb + Sync) -> RgbImage {
    let mut picture = RgbImage::new(width, height);
    let line_bytes = (3 * width as usize).max(1);
    picture.par_chunks_exact_mut(line_bytes).enumerate().for_each(|(y, line)| {
        for (x, pixel) in line.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            *pixel = colour_at([x as f64 + 0.5, y as f64 + 0.5]);
        }
    });
    picture
}
