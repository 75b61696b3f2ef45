//! A radiograph with what lies over it, drawn as the window draws it.

use super::page::Page;
use crate::display::{GrayDisplay, MapDisplay, MapPlane, Orientation, Plane, Viewport, contours, outline, render};
use crate::figure::{Result, Rgb, Scene};
use crate::radiograph::dicom::{Spacing, SpacingKind};
use crate::truth::{FindingBox, Mask};

/// Colour of what experts marked.
pub(super) const TRUTH: Rgb = [255, 225, 0];
const TRUTH_EDGE: Rgb = [20, 20, 0];
pub(super) const CONTOUR: Rgb = [255, 255, 255];

/// What experts marked on a radiograph, as lines in its pixel space.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    lines: Vec<Vec<[f64; 2]>>,
}

impl Truth {
    /// The outline of a mask, stretched over an image of `[width, height]` pixels.
    pub fn of_mask(mask: &Mask, image_size_px: [usize; 2]) -> Self {
        let scale =
            [image_size_px[0] as f64 / mask.width_px() as f64, image_size_px[1] as f64 / mask.height_px() as f64];
        let stretched = |line: Vec<[f32; 2]>| {
            line.into_iter().map(|[x, y]| [f64::from(x) * scale[0], f64::from(y) * scale[1]]).collect()
        };
        Self { lines: outline(mask).into_iter().map(stretched).collect() }
    }

    /// Boxes, in the image's pixels.
    pub fn of_boxes(boxes: &[FindingBox]) -> Self {
        let line = |found: &FindingBox| {
            let [left, top] = [found.x_px, found.y_px];
            let [right, bottom] = [left + found.width_px, top + found.height_px];
            vec![[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
        };
        Self { lines: boxes.iter().map(line).collect() }
    }

    /// Whether nothing is marked.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Distance between the columns of a radiograph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// In the patient.
    Patient {
        /// In mm.
        mm_per_px: f64,
    },
    /// In the plane of the detector, larger than in the patient.
    Detector {
        /// In mm.
        mm_per_px: f64,
    },
    /// On the film that was scanned.
    Film {
        /// In mm.
        mm_per_px: f64,
    },
    /// Not known: lengths are pixels.
    Pixels,
}

impl Scale {
    /// What a file's spacing says. One that nothing says was calibrated is taken as the detector's.
    pub fn of(spacing: Option<Spacing>) -> Self {
        let Some(Spacing { column_mm: mm_per_px, kind, .. }) = spacing else { return Self::Pixels };
        match kind {
            SpacingKind::Calibrated => Self::Patient { mm_per_px },
            SpacingKind::Pixel | SpacingKind::DetectorPlane => Self::Detector { mm_per_px },
            SpacingKind::ScannedFilm => Self::Film { mm_per_px },
        }
    }

    /// Units a pixel, and the unit's name.
    pub(super) fn units(self) -> (f64, &'static str) {
        match self {
            Self::Patient { mm_per_px } => (mm_per_px, "mm"),
            Self::Detector { mm_per_px } => (mm_per_px, "mm (detector)"),
            Self::Film { mm_per_px } => (mm_per_px, "mm (film)"),
            Self::Pixels => (1.0, "px"),
        }
    }
}

/// A radiograph, and what lies over it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The radiograph.
    pub plane: Plane,
    /// How it is shown.
    pub gray: GrayDisplay,
    /// The map over it and how that is shown.
    pub map: Option<(MapPlane, MapDisplay)>,
    /// Values of the map along which white lines are drawn.
    pub contours: Vec<f32>,
    /// What experts marked, in yellow.
    pub truth: Truth,
    /// The part that is shown, with its turns; the whole image where nothing is given.
    pub view: Option<Viewport>,
    /// Height of a pixel over its width.
    pub pixel_aspect: f64,
    /// Distance between pixels.
    pub scale: Scale,
}

impl Picture {
    /// The whole radiograph as its file wants it, nothing over it.
    pub fn new(plane: Plane) -> Self {
        Self {
            gray: plane.own().clone(),
            plane,
            map: None,
            contours: Vec::new(),
            truth: Truth::default(),
            view: None,
            pixel_aspect: 1.0,
            scale: Scale::Pixels,
        }
    }

    /// The same without what experts marked.
    #[must_use]
    pub fn unmarked(&self) -> Self {
        Self { truth: Truth::default(), ..self.clone() }
    }

    /// The same with a map.
    #[must_use]
    pub fn with_map(&self, map: MapPlane, display: MapDisplay) -> Self {
        Self { map: Some((map, display)), ..self.clone() }
    }

    /// How it differs from what its file wants; figures say so in words below it.
    pub fn orientation(&self) -> Orientation {
        Orientation::of(&self.plane, &self.gray, self.view.as_ref())
    }

    fn size_px(&self) -> [usize; 2] {
        [self.plane.width_px(), self.plane.height_px()]
    }

    /// Height over width.
    pub(super) fn aspect(&self) -> f64 {
        match self.view {
            Some(view) => f64::from(view.size_px[1].max(1)) / f64::from(view.size_px[0].max(1)),
            None => self.plane.height_px() as f64 * self.pixel_aspect / self.plane.width_px() as f64,
        }
    }

    /// What is shown on `size_px` dots.
    fn viewport(&self, size_px: [u32; 2]) -> Viewport {
        match self.view {
            Some(view) => {
                let zoom = view.zoom * f64::from(size_px[0]) / f64::from(view.size_px[0].max(1));
                Viewport { zoom, ..view.resized(size_px) }
            }
            None => Viewport::fit(size_px, self.size_px(), self.pixel_aspect),
        }
    }

    /// Points a column of the image, in a tile `width_pt` wide. Nothing where columns do not run across.
    pub(super) fn column_pt(&self, width_pt: f64) -> Option<f64> {
        let size_px = [1000, (1000.0 * self.aspect()).round().max(1.0) as u32];
        let viewport = self.viewport(size_px);
        viewport.quarter_turns.is_multiple_of(2).then_some(viewport.zoom * width_pt / 1000.0)
    }

    /// Draws it over a rectangle whose corners lie on dots of the page.
    pub(super) fn draw(&self, scene: &mut Scene, page: Page, at: [f64; 2], size: [f64; 2]) -> Result<()> {
        let dots = size.map(|side| page.dots(side).max(1));
        let viewport = self.viewport(dots);
        let map = self.map.as_ref().map(|(map, display)| (map, display));
        let picture = render(&self.plane, &self.gray, map, &viewport);
        let (pixels, _) = picture.as_raw().as_chunks::<3>();
        scene.exact_pixels(at, size, dots[0] as usize, pixels)?;
        let place = |point: [f64; 2]| {
            let [x, y] = viewport.screen_from_image(point);
            [at[0] + x * page.dot_pt(), at[1] + y * page.dot_pt()]
        };
        scene.clipped(at, size, |scene| {
            if let Some((map, _)) = map {
                for level in &self.contours {
                    for line in contours(map, *level, self.size_px()) {
                        let line: Vec<[f64; 2]> = line.into_iter().map(|point| place(point.map(f64::from))).collect();
                        scene.polyline(&line, 0.5, CONTOUR, None);
                    }
                }
            }
            // Thin lines on small pictures, so that the finding stays visible.
            let thickness = (size[0] / 200.0).clamp(0.4, 0.8);
            for line in &self.truth.lines {
                let line: Vec<[f64; 2]> = line.iter().map(|point| place(*point)).collect();
                scene.polyline(&line, 1.9 * thickness, TRUTH_EDGE, None);
                scene.polyline(&line, thickness, TRUTH, None);
            }
            Ok(())
        })
    }
}
