//! Maps of one method over the states of a cascade, faded into each other; the twin of `shaders/cascade.wgsl`.

use std::sync::Arc;

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::colour_map::ColourMap;
use super::compositor::{GrayReader, is_inside, mixed, mixed_present, over, to_rgb};
use super::content::ContentId;
use super::field::{FieldKey, Fields, Grid, coloured};
use super::gray::GrayDisplay;
use super::map::{MapDisplay, Opacity, present};
use super::plane::Plane;
use super::sampling::Taps;
use super::viewport::Viewport;
use super::{BACKGROUND, Rgb};
use crate::saliency::percentile;

/// Percentile of the magnitudes that becomes 1, as that of display maps.
const TOP_PERCENTILE: f64 = 99.0;

/// Maps of one method, one of each state, all `[h, w]`; those not yet computed are missing. The first state is the
/// trained network. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CascadeStack {
    id: ContentId,
    width_px: usize,
    height_px: usize,
    layers: Vec<Option<Layer>>,
}

/// The map of a state.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its identity.
    pub id: ContentId,
    /// Values `[h, w]`, row-major.
    pub values: Arc<[f32]>,
    /// Magnitudes that become 0 and 1.
    pub range: [f32; 2],
}

impl CascadeStack {
    /// Room for the maps of so many states.
    ///
    /// # Panics
    /// When a map has no pixel or there is no state.
    pub fn new([height_px, width_px]: [usize; 2], states: usize) -> Self {
        assert!(height_px * width_px > 0 && states > 0, "a cascade has states with pixels");
        Self { id: ContentId::fresh(), width_px, height_px, layers: vec![None; states] }
    }

    /// Sets the raw map of a state: its magnitudes become 0 to 1 between their smallest and their 99th percentile.
    ///
    /// # Panics
    /// When there is no such state or the number of values is not `h * w`.
    pub fn set_raw(&mut self, state: usize, values: impl Into<Arc<[f32]>>) {
        let values = values.into();
        let magnitudes: Vec<f32> = values.iter().filter(|value| value.is_finite()).map(|value| value.abs()).collect();
        let range = if magnitudes.is_empty() {
            [0.0, 0.0]
        } else {
            let low = magnitudes.iter().copied().fold(f32::INFINITY, f32::min);
            [low, percentile(&magnitudes, TOP_PERCENTILE) as f32]
        };
        self.set(state, values, range);
    }

    /// Sets the map of a state with the magnitudes that become 0 and 1; `[0.0, 1.0]` for a display map.
    ///
    /// # Panics
    /// As [`CascadeStack::set_raw`].
    pub fn set(&mut self, state: usize, values: impl Into<Arc<[f32]>>, range: [f32; 2]) {
        let values = values.into();
        assert_eq!(values.len(), self.width_px * self.height_px, "a map holds h * w values");
        self.layers[state] = Some(Layer { id: ContentId::fresh(), values, range });
    }

    /// Its identity; the maps have their own.
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

    /// The maps, by state.
    pub fn layers(&self) -> &[Option<Layer>] {
        &self.layers
    }

    fn layer(&self, state: usize) -> Option<&Layer> {
        self.layers.get(state)?.as_ref()
    }
}

/// Which magnitudes become 0 and 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalization {
    /// Those of each state's own map, as display maps are.
    #[default]
    PerState,
    /// Those of the trained network's map: a map that fades away fades on the screen.
    LockedToOriginal,
}

/// What is shown of a cascade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CascadeMode {
    /// The map over the radiograph.
    #[default]
    OverRadiograph,
    /// The map alone.
    MapAlone,
    /// The map minus the trained network's, both 0 to 1, in diverging colours.
    Difference,
}

/// How a cascade is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CascadeDisplay {
    /// Place along the states, from 0; the fraction fades from one state to the next.
    pub position: f32,
    /// Which magnitudes become 0 and 1.
    pub normalization: Normalization,
    /// What is shown.
    pub mode: CascadeMode,
    /// How the map is shown. Its range applies to magnitudes already 0 to 1; a difference takes its threshold and its
    /// interpolation alone.
    pub map: MapDisplay,
}

/// The two states between which a cascade stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerMix {
    /// The one before.
    pub lower: usize,
    /// The one after.
    pub upper: usize,
    /// How far it went to the one after, 0 to 1.
    pub fraction: f32,
}

impl CascadeDisplay {
    /// The states faded into each other. One that is not there yet leaves the other alone; nothing without both.
    pub fn layers(&self, stack: &CascadeStack) -> Option<LayerMix> {
        let last = stack.layers.len() - 1;
        let position = if self.position.is_finite() { self.position.clamp(0.0, last as f32) } else { 0.0 };
        let lower = position.floor() as usize;
        let upper = (lower + 1).min(last);
        let fraction = position - lower as f32;
        match (stack.layer(lower), stack.layer(upper)) {
            (Some(_), Some(_)) => Some(LayerMix { lower, upper, fraction }),
            (Some(_), None) => Some(LayerMix { lower, upper: lower, fraction: 0.0 }),
            (None, Some(_)) if fraction > 0.0 => Some(LayerMix { lower: upper, upper, fraction: 0.0 }),
            _ => None,
        }
    }

    /// Magnitudes that become 0 and 1 in a state.
    pub(crate) fn range(&self, stack: &CascadeStack, state: usize) -> [f32; 2] {
        let original = stack.layer(0).filter(|_| self.normalization == Normalization::LockedToOriginal);
        original.or(stack.layer(state)).map_or([0.0, 0.0], |layer| layer.range)
    }

    /// How its values are painted.
    pub(crate) fn painting(&self) -> MapDisplay {
        match self.mode {
            CascadeMode::OverRadiograph => self.map,
            CascadeMode::MapAlone => MapDisplay { opacity: Opacity::Uniform(1.0), ..self.map },
            CascadeMode::Difference => MapDisplay {
                colour_map: ColourMap::Diverging,
                opacity: Opacity::Uniform(1.0),
                range: [-1.0, 1.0],
                ..self.map
            },
        }
    }

    /// The colour of a point of the image; [`BACKGROUND`] beside it.
    pub fn colour_at(&self, plane: &Plane, gray: &GrayDisplay, stack: &CascadeStack, image_px: [f64; 2]) -> Rgb {
        self.colour(&GrayReader::new(plane, gray), stack, image_px)
    }

    /// A view of the image: [`CascadeDisplay::colour_at`] at the centre of each of its pixels.
    pub fn render(&self, plane: &Plane, gray: &GrayDisplay, stack: &CascadeStack, viewport: &Viewport) -> RgbImage {
        self.render_with(plane, gray, stack, viewport, &mut Fields::default())
    }

    /// The same, with what is left of the last time.
    pub fn render_with(
        &self,
        plane: &Plane,
        gray: &GrayDisplay,
        stack: &CascadeStack,
        viewport: &Viewport,
        fields: &mut Fields,
    ) -> RgbImage {
        let reader = GrayReader::new(plane, gray).for_view(viewport);
        let image_px = reader.size_px();
        let gray = reader.field(viewport, fields);
        let is_over = self.mode == CascadeMode::OverRadiograph;
        // Beside the image there is no gray, and nothing is painted.
        let base = |index: usize| if is_over || gray[index].is_nan() { gray[index] } else { 0.0 };
        let mut field = |state: usize| self.field(stack, state, image_px, viewport, fields);
        let mix = self.layers(stack).and_then(|mix| Some((field(mix.lower)?, field(mix.upper)?, mix.fraction)));
        let original = if self.mode == CascadeMode::Difference { Some(field(0)) } else { None };
        let (Some((lower, upper, fraction)), false) = (mix, matches!(original, Some(None))) else {
            return coloured(viewport.size_px, |index| to_rgb([base(index); 3]));
        };
        let display = self.painting();
        let painting = display.painting();
        let mixed = |index: usize| mixed_present(lower[index], upper[index], fraction);
        match original.flatten() {
            None => coloured(viewport.size_px, |index| painting.over(base(index), mixed(index))),
            Some(original) => {
                coloured(viewport.size_px, |index| painting.over(base(index), mixed(index) - original[index]))
            }
        }
    }

    /// Magnitudes of a state, 0 to 1, at the centres of a view's pixels, NaN where there is none.
    fn field(
        &self,
        stack: &CascadeStack,
        state: usize,
        image_px: [usize; 2],
        viewport: &Viewport,
        fields: &mut Fields,
    ) -> Option<Arc<[f32]>> {
        let (layer, range) = (stack.layer(state)?, self.range(stack, state));
        let interpolation = self.map.interpolation;
        let key = FieldKey::Map { map: layer.id, range: Some(range), image_px, interpolation, viewport: *viewport };
        Some(fields.get(key, || {
            let grid = Grid { image_px, size_px: [stack.width_px, stack.height_px], interpolation };
            let value = |x: usize, y: usize| magnitude(present(layer.values[y * stack.width_px + x]), range);
            grid.field(viewport, |taps| taps.linear_of_present(value).unwrap_or(f32::NAN))
        }))
    }

    fn colour(&self, gray: &GrayReader<'_>, stack: &CascadeStack, image_px: [f64; 2]) -> Rgb {
        let size = gray.size_px();
        if !is_inside(image_px, size) {
            return BACKGROUND;
        }
        let base = if self.mode == CascadeMode::OverRadiograph { gray.at(image_px) } else { 0.0 };
        let shape = [stack.width_px, stack.height_px];
        let place = std::array::from_fn(|axis| image_px[axis] as f32 * (shape[axis] as f32 / size[axis] as f32));
        let taps = Taps::at(place, shape, self.map.interpolation);
        let sample = |state: usize| {
            let range = self.range(stack, state);
            let values = &stack.layer(state)?.values;
            taps.linear_of_present(|x, y| magnitude(present(values[y * stack.width_px + x]), range))
        };
        let mut value = self
            .layers(stack)
            .and_then(|LayerMix { lower, upper, fraction }| mixed(sample(lower), sample(upper), fraction));
        if self.mode == CascadeMode::Difference {
            value = value.zip(sample(0)).map(|(value, original)| value - original);
        }
        over(base, value.map(|value| self.painting().paint(value)))
    }
}

/// A magnitude in its range, 0 to 1; NaN stays.
fn magnitude(value: f32, [low, high]: [f32; 2]) -> f32 {
    ((value.abs() - low) * scale_of([low, high])).clamp(0.0, 1.0)
}

/// One over the width of a range; 0 where that has none.
pub(crate) fn scale_of([low, high]: [f32; 2]) -> f32 {
    let scale = 1.0 / (high - low);
    if scale.is_finite() && scale > 0.0 { scale } else { 0.0 }
}
