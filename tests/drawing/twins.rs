//! What both sides of a comparison share.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use image::RgbImage;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use saliscope::display::{ColourMap, GrayDisplay, Interpolation, MapDisplay, MapPlane, Opacity, Plane, Tone, Viewport};
use saliscope::drawing::Offscreen;
use saliscope::radiograph::dicom::{Window, WindowFunction};

/// How far from a jump of the colours, in image pixels, a point may be on either side of it.
const JUMP_PX: f64 = 1e-3;

/// The one device of all tests: drivers do not like many at once.
pub(crate) fn device() -> MutexGuard<'static, Offscreen> {
    static DEVICE: OnceLock<Mutex<Offscreen>> = OnceLock::new();
    let device = DEVICE.get_or_init(|| Mutex::new(Offscreen::new().unwrap()));
    device.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Asserts that every colour differs by at most 1/255, those excepted that lie on a jump: there the colour must lie
/// within the twin's colours around the point. Gives how many lay on one.
pub(crate) fn assert_twins(
    what: &str,
    drawn: &RgbImage,
    twin: &RgbImage,
    viewport: &Viewport,
    colour_at: impl Fn([f64; 2]) -> [u8; 3],
) -> usize {
    assert_eq!(drawn.dimensions(), twin.dimensions(), "{what}");
    let mut on_jumps = 0;
    for ((x, y, drawn), twin) in drawn.enumerate_pixels().zip(twin.pixels()) {
        let far = |a: &[u8; 3], b: &[u8; 3]| (0..3).any(|channel| a[channel].abs_diff(b[channel]) > 1);
        if !far(&drawn.0, &twin.0) {
            continue;
        }
        let centre = viewport.image_from_screen([f64::from(x) + 0.5, f64::from(y) + 0.5]);
        let around = (0..9).map(|index| {
            let step = [index % 3, index / 3].map(|step| f64::from(step - 1) * JUMP_PX);
            colour_at([centre[0] + step[0], centre[1] + step[1]])
        });
        let [low, high] = around.fold([[255; 3], [0; 3]], |[low, high]: [[u8; 3]; 2], colour| {
            [std::array::from_fn(|c| low[c].min(colour[c])), std::array::from_fn(|c| high[c].max(colour[c]))]
        });
        let is_between = (0..3).all(|channel| {
            (low[channel].saturating_sub(1)..=high[channel].saturating_add(1)).contains(&drawn.0[channel])
        });
        assert!(is_between, "{what}: at {x} {y} (image {centre:?}) {drawn:?} is drawn, {twin:?} computed");
        on_jumps += 1;
    }
    on_jumps
}

/// Random pictures that hang on their number alone.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.0.random_range(0..count)
    }

    pub(crate) fn yes(&mut self) -> bool {
        self.0.random()
    }

    pub(crate) fn interpolation(&mut self) -> Interpolation {
        if self.yes() { Interpolation::Linear } else { Interpolation::Nearest }
    }

    /// Noise of 8 to 16 bits in some unit.
    pub(crate) fn plane(&mut self) -> Arc<Plane> {
        let shape = [3 + self.below(120), 3 + self.below(120)];
        let most = [255.0, 4095.0, 65_535.0][self.below(3)];
        let values = (0..shape[0] * shape[1]).map(|_| self.between(0.0, most) as u16).collect();
        let (slope, intercept) = [(1.0, 0.0), (1.7, -1024.0), (-0.3, 50.0), (1.0 / 257.0, 0.0)][self.below(4)];
        Arc::new(Plane::new(shape, values, slope, intercept).unwrap())
    }

    pub(crate) fn gray(&mut self, plane: &Plane) -> GrayDisplay {
        let [low, high] = plane.value_range();
        let function = [WindowFunction::Linear, WindowFunction::LinearExact, WindowFunction::Sigmoid][self.below(3)];
        let width = (high - low) * [1.2, 0.5, 0.05, 1e-7][self.below(4)];
        let window = Window { center: self.between(low, high), width, function, explanation: None };
        GrayDisplay { tone: Tone::Window(window), inverted: self.yes(), interpolation: self.interpolation() }
    }

    /// Noise between -1 and 1 with missing values.
    pub(crate) fn map(&mut self) -> MapPlane {
        let shape = [1 + self.below(40), 1 + self.below(40)];
        MapPlane::new(shape, self.noise(shape[0] * shape[1]))
    }

    pub(crate) fn noise(&mut self, count: usize) -> Vec<f32> {
        let value = |random: &mut Self| match random.below(40) {
            0 => f32::NAN,
            1 => f32::INFINITY,
            _ => random.between(-1.0, 1.0) as f32,
        };
        (0..count).map(|_| value(self)).collect()
    }

    pub(crate) fn map_display(&mut self) -> MapDisplay {
        let opacity = self.between(0.0, 1.0) as f32;
        MapDisplay {
            visible: self.below(8) > 0,
            colour_map: ColourMap::ALL[self.below(ColourMap::ALL.len())],
            opacity: if self.yes() { Opacity::Uniform(opacity) } else { Opacity::ByValue(opacity) },
            threshold: if self.yes() { 0.0 } else { self.between(0.0, 1.0) as f32 },
            range: [[0.0, 1.0], [-1.0, 1.0], [-0.2, 0.7]][self.below(3)],
            interpolation: self.interpolation(),
        }
    }

    pub(crate) fn viewport(&mut self, plane: &Plane) -> Viewport {
        let image_size_px = [plane.width_px(), plane.height_px()];
        let size_px = [40 + self.below(120) as u32, 40 + self.below(120) as u32];
        let pixel_aspect = if self.yes() { 1.0 } else { self.between(0.7, 1.5) };
        let fitted = Viewport::fit(size_px, image_size_px, pixel_aspect).turned([0, 1, 2, 3][self.below(4)]);
        let view = if self.yes() { fitted.flipped() } else { fitted };
        let pointer = [self.between(0.0, 40.0), self.between(0.0, 40.0)];
        let zoom = 2.0_f64.powf(self.between(-3.0, 4.0));
        view.zoomed_at(pointer, zoom).panned([self.between(-30.0, 30.0), self.between(-30.0, 30.0)])
    }
}
