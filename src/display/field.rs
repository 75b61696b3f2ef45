//! Values at the centres of a view's pixels: what a picture is made of before it is coloured.
//!
//! A picture that is windowed, faded or thresholded again needs only some of its fields again; [`Fields`] keeps the latest.

use std::ops::Range;
use std::sync::Arc;

use image::RgbImage;
use rayon::prelude::*;

use super::Rgb;
use super::content::ContentId;
use super::gray::{GrayDisplay, Interpolation};
use super::sampling::Taps;
use super::viewport::Viewport;

/// Fields that are kept: the gray, the two maps of a fade and the one they are compared with.
const KEPT: usize = 4;

/// What a field depends on.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FieldKey {
    /// Gray of a radiograph.
    Gray { plane: ContentId, display: GrayDisplay, viewport: Viewport },
    /// Values of a map over an image of this size; magnitudes in a range where there is one.
    Map {
        map: ContentId,
        range: Option<[f32; 2]>,
        image_px: [usize; 2],
        interpolation: Interpolation,
        viewport: Viewport,
    },
}

/// The fields of one view that were needed last.
#[derive(Debug, Default)]
pub struct Fields {
    kept: Vec<(FieldKey, Arc<[f32]>)>,
}

impl Fields {
    /// The field of this key, made where it is not there.
    pub(super) fn get(&mut self, key: FieldKey, make: impl FnOnce() -> Vec<f32>) -> Arc<[f32]> {
        let entry = match self.kept.iter().position(|(kept, _)| *kept == key) {
            Some(position) => self.kept.remove(position),
            None => (key, make().into()),
        };
        let field = Arc::clone(&entry.1);
        self.kept.insert(0, entry);
        self.kept.truncate(KEPT);
        field
    }
}

/// A grid of values stretched over an image.
pub(super) struct Grid {
    /// Width and height of the image.
    pub(super) image_px: [usize; 2],
    /// Width and height of the grid.
    pub(super) size_px: [usize; 2],
    pub(super) interpolation: Interpolation,
}

impl Grid {
    /// A value for each pixel of the view by the pixels of the grid around it, row by row; NaN beside the image.
    pub(super) fn field(&self, viewport: &Viewport, value: impl Fn(&Taps) -> f32 + Sync) -> Vec<f32> {
        let [width, height] = viewport.size_px.map(|length| length as usize);
        // Views are turned by quarters: each axis of the image follows one of the screen.
        let swapped = !viewport.quarter_turns.is_multiple_of(2);
        let along = |screen_axis: usize, length: usize| -> Vec<Option<AxisTaps>> {
            let image_axis = if swapped { 1 - screen_axis } else { screen_axis };
            let place = |index: usize| {
                let mut screen_px = [0.5; 2];
                screen_px[screen_axis] = index as f64 + 0.5;
                viewport.image_from_screen(screen_px)[image_axis]
            };
            (0..length).map(|index| self.axis_taps(image_axis, place(index))).collect()
        };
        let (across, down) = (along(0, width), along(1, height));
        let mut field = vec![f32::NAN; width * height];
        field.par_chunks_mut(width.max(1)).zip(&down).for_each(|(line, down)| {
            let Some(down) = down else { return };
            for (value_at, across) in line.iter_mut().zip(&across) {
                if let Some(across) = across {
                    let (column, row) = if swapped { (down, across) } else { (across, down) };
                    *value_at = value(&Taps {
                        columns: column.indices,
                        rows: row.indices,
                        right: column.weight,
                        lower: row.weight,
                    });
                }
            }
        });
        field
    }

    /// Nothing beside the image.
    fn axis_taps(&self, axis: usize, image_px: f64) -> Option<AxisTaps> {
        let length = self.image_px[axis];
        if !(image_px >= 0.0 && image_px < length as f64) {
            return None;
        }
        let place = image_px as f32 * (self.size_px[axis] as f32 / length as f32);
        // Both axes are treated alike, so one stands for itself.
        let taps = Taps::at([place; 2], [self.size_px[axis]; 2], self.interpolation);
        Some(AxisTaps { indices: taps.columns, weight: taps.right })
    }
}

/// The part of [`Taps`] that belongs to one axis.
struct AxisTaps {
    indices: [usize; 2],
    weight: f32,
}

/// A picture of `[width, height]` pixels by the colour of each of them, of which the index is given.
pub(super) fn coloured([width, height]: [u32; 2], colour: impl Fn(usize) -> Rgb + Sync) -> RgbImage {
    let mut picture = RgbImage::new(width, height);
    let line_px = (width as usize).max(1);
    picture.par_chunks_exact_mut(3 * line_px).enumerate().for_each(|(y, line)| {
        let indices: Range<usize> = y * line_px..(y + 1) * line_px;
        for (index, pixel) in indices.zip(line.as_chunks_mut::<3>().0) {
            *pixel = colour(index);
        }
    });
    picture
}

#[cfg(test)]
mod tests {
    use super::super::{
        CascadeDisplay, CascadeMode, CascadeStack, Compositor, MapDisplay, MapPlane, Normalization, Opacity, Plane,
    };
    use super::*;

    const IMAGE: [usize; 2] = [37, 29];

    fn noise(index: usize, seed: usize) -> usize {
        (index * 7919 + seed * 104_729) % 1009
    }

    fn plane() -> Plane {
        let levels = (0..IMAGE[0] * IMAGE[1]).map(|index| (noise(index, 1) * 60) as u16).collect();
        Plane::new(IMAGE, levels, 1.0 / 65_535.0, 0.0).unwrap()
    }

    /// Values of which some are missing.
    fn values(count: usize, seed: usize) -> Vec<f32> {
        let value = |index| match noise(index, seed) {
            place if place % 17 == 0 => f32::NAN,
            place => place as f32 / 504.5 - 1.0,
        };
        (0..count).map(value).collect()
    }

    /// Views that show a corner, all, and a part so large that levels are read.
    fn views() -> Vec<Viewport> {
        let whole = Viewport::fit([50, 41], IMAGE, 1.3);
        let turns = (0..4).flat_map(|quarters| [whole.turned(quarters), whole.turned(quarters).flipped()]);
        let zooms = |view: Viewport| [view, view.zoomed_at([11.0, 30.0], 3.7), view.zoomed_at([3.0, 5.0], 0.2)];
        turns.flat_map(zooms).collect()
    }

    fn assert_is_by_pixel(picture: &RgbImage, viewport: &Viewport, colour_at: impl Fn([f64; 2]) -> Rgb) {
        for (x, y, pixel) in picture.enumerate_pixels() {
            let image_px = viewport.image_from_screen([f64::from(x) + 0.5, f64::from(y) + 0.5]);
            assert_eq!(pixel.0, colour_at(image_px), "at {x}, {y} of {viewport:?}");
        }
    }

    #[test]
    fn a_case_by_fields_is_the_case_pixel_by_pixel() {
        let plane = plane();
        let maps = [MapPlane::new([5, 7], values(35, 2)), MapPlane::new([29, 37], values(29 * 37, 3))];
        let mut fields = Fields::default();
        for viewport in views() {
            for interpolation in [Interpolation::Linear, Interpolation::Nearest] {
                let gray = GrayDisplay { interpolation, inverted: viewport.mirrored, ..GrayDisplay::default() };
                let display = MapDisplay {
                    opacity: Opacity::ByValue(0.7),
                    threshold: 0.2,
                    interpolation,
                    ..MapDisplay::default()
                };
                let plain = Compositor::new(&plane, &gray, None);
                let mapped = Compositor::new(&plane, &gray, Some((&maps[0], &display)));
                let fading = mapped.clone().fading_to(&maps[1], 0.3);
                for compositor in [plain, mapped, fading] {
                    let ready = compositor.clone().for_view(&viewport);
                    let picture = compositor.render_with(&viewport, &mut fields);
                    assert_is_by_pixel(&picture, &viewport, |image_px| ready.colour_at(image_px));
                }
            }
        }
    }

    #[test]
    fn a_cascade_by_fields_is_the_cascade_pixel_by_pixel() {
        let plane = plane();
        let mut stack = CascadeStack::new([5, 7], 4);
        for state in [0, 1, 3] {
            stack.set_raw(state, values(35, state + 5));
        }
        let gray = GrayDisplay::default();
        let mut fields = Fields::default();
        // Views at which the plane's own pixels are read: a point of the image knows no view.
        for viewport in views().into_iter().filter(|viewport| viewport.level() == 0) {
            for mode in [CascadeMode::OverRadiograph, CascadeMode::MapAlone, CascadeMode::Difference] {
                for (position, normalization) in [
                    (0.0, Normalization::PerState),
                    (0.4, Normalization::LockedToOriginal),
                    (2.6, Normalization::PerState),
                ] {
                    let display = CascadeDisplay { position, normalization, mode, map: MapDisplay::default() };
                    let picture = display.render_with(&plane, &gray, &stack, &viewport, &mut fields);
                    let colour_at = |image_px| display.colour_at(&plane, &gray, &stack, image_px);
                    assert_is_by_pixel(&picture, &viewport, colour_at);
                }
            }
        }
    }
}
