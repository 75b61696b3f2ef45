//! A map over a radiograph; the twin of `shaders/map.wgsl`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Rgb;
use super::colour_map::ColourMap;
use super::compositor::over;
use super::content::ContentId;
use super::field::{FieldKey, Fields, Grid};
use super::gray::Interpolation;
use super::sampling::Taps;
use super::viewport::Viewport;
use crate::saliency::{DisplayMap, SaliencyMap};

/// A map, `[h, w]`, row-major: 0 to 1 for display, -1 to 1 where signed, or raw. NaN and infinities are not painted.
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct MapPlane {
    id: ContentId,
    width_px: usize,
    height_px: usize,
    values: Arc<[f32]>,
}

impl MapPlane {
    /// Takes values `[h, w]`.
    ///
    /// # Panics
    /// When there is none, or their number is not `height_px * width_px`.
    pub fn new([height_px, width_px]: [usize; 2], values: impl Into<Arc<[f32]>>) -> Self {
        let values = values.into();
        assert!(!values.is_empty() && values.len() == height_px * width_px, "a map holds h * w values");
        Self { id: ContentId::fresh(), width_px, height_px, values }
    }

    /// The display map of `[h, w]` pixels.
    ///
    /// # Panics
    /// As [`MapPlane::new`].
    pub fn from_display(shape: [usize; 2], map: &DisplayMap) -> Self {
        Self::new(shape, map.values.as_slice())
    }

    /// Values of the pixels of `map`, over the whole image: NaN where the map does not reach.
    ///
    /// # Panics
    /// When there are not as many values as pixels of the map.
    pub fn over_image(map: &SaliencyMap, values: &[f32]) -> Self {
        let (shape, values) = map.over_image(values);
        Self::new(shape, values)
    }

    /// Its identity.
    pub fn id(&self) -> ContentId {
        self.id
    }

    /// Columns.
    pub fn width_px(&self) -> usize {
        self.width_px
    }

    /// Rows.
    pub fn height_px(&self) -> usize {
        self.height_px
    }

    /// Values `[h, w]`, row-major.
    pub fn values(&self) -> &Arc<[f32]> {
        &self.values
    }

    /// Smallest and largest finite value; nothing where there is none.
    pub fn extremes(&self) -> Option<[f32; 2]> {
        let finite = self.values.iter().copied().filter(|value| value.is_finite());
        let [low, high] = finite.fold([f32::INFINITY, f32::NEG_INFINITY], |[a, b], v| [a.min(v), b.max(v)]);
        (low <= high).then_some([low, high])
    }

    /// The value under a point of an image of `[width, height]` pixels, without interpolation: what a read-out shows.
    pub fn value_at(&self, image_px: [f64; 2], image_size_px: [usize; 2]) -> Option<f32> {
        let inside = (0..2).all(|axis| (0.0..image_size_px[axis] as f64).contains(&image_px[axis]));
        inside.then(|| self.sample(self.place(image_px, image_size_px), Interpolation::Nearest)).flatten()
    }

    /// Where a point of the image lies on this map, in its pixels.
    pub(super) fn place(&self, image_px: [f64; 2], image_size_px: [usize; 2]) -> [f32; 2] {
        let size = [self.width_px, self.height_px];
        std::array::from_fn(|axis| image_px[axis] as f32 * (size[axis] as f32 / image_size_px[axis] as f32))
    }

    pub(super) fn sample(&self, place_px: [f32; 2], interpolation: Interpolation) -> Option<f32> {
        let value = |x: usize, y: usize| present(self.values[y * self.width_px + x]);
        Taps::at(place_px, [self.width_px, self.height_px], interpolation).linear_of_present(value)
    }
}

impl MapPlane {
    /// Values at the centres of a view's pixels over an image of this size, NaN where there is none.
    pub(super) fn field(
        &self,
        image_px: [usize; 2],
        interpolation: Interpolation,
        viewport: &Viewport,
        fields: &mut Fields,
    ) -> Arc<[f32]> {
        let key = FieldKey::Map { map: self.id, range: None, image_px, interpolation, viewport: *viewport };
        fields.get(key, || {
            let grid = Grid { image_px, size_px: [self.width_px, self.height_px], interpolation };
            let value = |x: usize, y: usize| present(self.values[y * self.width_px + x]);
            grid.field(viewport, |taps| taps.linear_of_present(value).unwrap_or(f32::NAN))
        })
    }
}

/// Farthest from 0 that a value is taken to be, so that differences do not overflow.
const FARTHEST: f32 = 1e38;

/// A value that is a number, else NaN.
pub(crate) fn present(value: f32) -> f32 {
    if value.is_finite() { value.clamp(-FARTHEST, FARTHEST) } else { f32::NAN }
}

/// How much a map covers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opacity {
    /// The same everywhere, 0 to 1.
    Uniform(f32),
    /// This much where the map is strongest, in proportion to its strength elsewhere, 0 to 1.
    ByValue(f32),
}

impl Opacity {
    /// Opacity, 0 to 1, where the map has this strength.
    pub fn at(self, strength: f32) -> f32 {
        match self {
            Self::Uniform(most) => most,
            Self::ByValue(most) => most * strength,
        }
    }

    /// Opacity where the map is strongest.
    pub fn most(self) -> f32 {
        match self {
            Self::Uniform(most) | Self::ByValue(most) => most,
        }
    }
}

/// How a map is shown.
///
/// A value's strength is its place in `range`, 0 to 1; with a diverging colour map its distance from the middle of the
/// range, 1 at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MapDisplay {
    /// Whether it is shown.
    pub visible: bool,
    /// Its colours.
    pub colour_map: ColourMap,
    /// How much of the radiograph it covers.
    pub opacity: Opacity,
    /// Strength below which nothing is painted; 0 paints everything.
    pub threshold: f32,
    /// The values that get the first and the last colour.
    pub range: [f32; 2],
    /// Between pixel centres.
    pub interpolation: Interpolation,
}

impl Default for MapDisplay {
    fn default() -> Self {
        Self {
            visible: true,
            colour_map: ColourMap::default(),
            opacity: Opacity::Uniform(0.5),
            threshold: 0.0,
            range: [0.0, 1.0],
            interpolation: Interpolation::default(),
        }
    }
}

impl MapDisplay {
    /// Place of a value in the range, 0 to 1; 0 where the range is empty.
    pub fn place_in_range(&self, value: f32) -> f32 {
        ((value - self.range[0]) * self.scale()).clamp(0.0, 1.0)
    }

    /// One over the range's width; 0 where that has none.
    pub(crate) fn scale(&self) -> f32 {
        let scale = 1.0 / (self.range[1] - self.range[0]);
        if scale.is_finite() { scale } else { 0.0 }
    }

    /// Made ready for many values.
    pub(super) fn painting(&self) -> Painting<'_> {
        Painting { display: self, scale: self.scale() }
    }

    /// Red, green, blue and opacity, 0 to 1, of a value.
    pub(super) fn paint(&self, value: f32) -> ([f32; 3], f32) {
        self.painting().paint(value)
    }
}

/// A [`MapDisplay`] made ready for many values.
pub(super) struct Painting<'a> {
    display: &'a MapDisplay,
    scale: f32,
}

impl Painting<'_> {
    fn paint(&self, value: f32) -> ([f32; 3], f32) {
        let MapDisplay { visible, colour_map, opacity, threshold, range, .. } = self.display;
        let place = ((value - range[0]) * self.scale).clamp(0.0, 1.0);
        let strength = if colour_map.is_diverging() { (2.0 * place - 1.0).abs() } else { place };
        let opacity = if *visible && strength >= *threshold { opacity.at(strength) } else { 0.0 };
        (colour_map.unit_colour(place), opacity)
    }

    /// The colour of a value over gray; of the gray alone where there is none (NaN).
    pub(super) fn over(&self, gray: f32, value: f32) -> Rgb {
        over(gray, (!value.is_nan()).then(|| self.paint(value)))
    }
}
