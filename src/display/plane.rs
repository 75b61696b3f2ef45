//! A radiograph as it is drawn: 16-bit values and what they mean.

use std::sync::{Arc, OnceLock};

use super::content::ContentId;
use super::gray::{GrayDisplay, Interpolation, Tone};
use super::pyramid::{Level, pyramid};
use crate::radiograph::dicom::{Frame, LookupTable, Modality, Percentiles, VoiChoice, Window, WindowFunction};
use crate::radiograph::{Radiograph, ValueScale};

/// Largest value of 16 bits.
pub(super) const MAX_VALUE: f64 = 65_535.0;

/// Why a radiograph cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PlaneError {
    /// The frame's colours cannot be reduced to gray.
    #[error("the image cannot be shown: {0}")]
    Gray(#[from] crate::radiograph::dicom::Error),
    /// There is no pixel.
    #[error("the image has no pixels")]
    Empty,
}

/// A radiograph as it is drawn, `[h, w]`, row-major. Cheap to clone.
///
/// A value in the modality's units is `slope * u16 + intercept`. 8-bit and 16-bit images, and DICOM frames whose stored
/// values span at most 16 bits, keep every value; others are quantized to 65,536 levels between their extremes.
#[derive(Clone, Debug)]
pub struct Plane {
    id: ContentId,
    width_px: usize,
    height_px: usize,
    values: Arc<[u16]>,
    slope: f64,
    intercept: f64,
    first_stored: Option<i64>,
    padding: Option<[u16; 2]>,
    tables: Vec<Arc<[f32]>>,
    windows: Vec<Window>,
    own: GrayDisplay,
    histogram: Arc<OnceLock<Vec<u32>>>,
    levels: Arc<[Level]>,
}

/// Values reduced to 16 bits: `slope * u16 + intercept`.
struct Quantized {
    values: Vec<u16>,
    slope: f64,
    intercept: f64,
}

impl Quantized {
    /// 65,536 levels between the extremes; NaN becomes the lowest.
    fn of(values: &[f32]) -> Self {
        let finite = values.iter().copied().filter(|value| value.is_finite()).map(f64::from);
        let [low, high] = finite.fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], v| [a.min(v), b.max(v)]);
        let low = if low.is_finite() { low } else { 0.0 };
        let slope = if high > low { (high - low) / MAX_VALUE } else { 1.0 };
        // `as` saturates and turns NaN into 0.
        let level = |value: &f32| ((f64::from(*value) - low) / slope).round() as u16;
        Self { values: values.iter().map(level).collect(), slope, intercept: low }
    }
}

impl Plane {
    /// Takes values `[h, w]`, shown between their extremes.
    ///
    /// # Errors
    /// When there is no pixel.
    ///
    /// # Panics
    /// When the number of values is not `height_px * width_px`.
    pub fn new(
        [height_px, width_px]: [usize; 2],
        values: Vec<u16>,
        slope: f64,
        intercept: f64,
    ) -> Result<Self, PlaneError> {
        assert_eq!(values.len(), height_px * width_px, "a plane holds h * w values");
        if values.is_empty() {
            return Err(PlaneError::Empty);
        }
        let own = GrayDisplay { tone: Tone::Window(range_window([0.0, 1.0])), ..GrayDisplay::default() };
        let levels = pyramid(width_px, height_px, &values).into();
        let mut plane = Self {
            id: ContentId::fresh(),
            width_px,
            height_px,
            values: values.into(),
            slope,
            intercept,
            first_stored: None,
            padding: None,
            tables: Vec::new(),
            windows: Vec::new(),
            own,
            histogram: Arc::default(),
            levels,
        };
        plane.own.tone = Tone::Window(range_window(plane.value_range()));
        Ok(plane)
    }

    /// The frame of a DICOM file, shown as the file wants ([`Plane::own`]).
    ///
    /// # Errors
    /// When its colours cannot be reduced to gray, or it has no pixel.
    pub fn from_frame(frame: &Frame) -> Result<Self, PlaneError> {
        let shape = [frame.stored.rows, frame.stored.columns];
        if frame.is_colour() {
            // Colours become luma whatever the window; 0 is black and 1 white.
            let Quantized { values, slope, intercept } = Quantized::of(&frame.display(&VoiChoice::AsStored)?);
            let mut plane = Self::new(shape, values, slope, intercept)?;
            plane.own.tone = Tone::Window(range_window([0.0, 1.0]));
            return Ok(plane);
        }
        let [first, last] = frame.stored.range();
        let linear = match &frame.modality {
            Modality::Identity => Some((1.0, 0.0)),
            Modality::Rescale(rescale) => Some((rescale.slope, rescale.intercept)),
            Modality::Table(_) => None,
        };
        let mut plane = match linear {
            Some((slope, intercept)) if last - first <= 65_535 => {
                let values = frame.stored.values.iter().map(|value| (frame.stored.value(*value) - first) as u16);
                let mut plane = Self::new(shape, values.collect(), slope, slope * first as f64 + intercept)?;
                plane.first_stored = Some(first);
                plane
            }
            _ => {
                let modality = frame.modality_values();
                let Quantized { values, slope, intercept } = if matches!(frame.modality, Modality::Table(_)) {
                    // Entries of tables have 16 bits as they are.
                    Quantized {
                        values: modality.iter().map(|value| *value as u16).collect(),
                        slope: 1.0,
                        intercept: 0.0,
                    }
                } else {
                    Quantized::of(&modality)
                };
                Self::new(shape, values, slope, intercept)?
            }
        };
        plane.padding = frame
            .padding()
            .and_then(|limits| plane.padding_levels(limits.map(|limit| frame.modality.at(limit as f64))));
        plane.tables = frame.tables.iter().map(|table| plane.table(table)).collect();
        plane.windows.clone_from(&frame.windows);
        plane.own = GrayDisplay {
            tone: if !plane.tables.is_empty() {
                Tone::Table(0)
            } else if let Some(window) = plane.windows.first() {
                Tone::Window(window.clone())
            } else if let Some(white) = frame.plain_white() {
                Tone::Window(range_window([0.0, white]))
            } else {
                // So few pixels may differ from the others that the percentiles do not see them.
                let seen = plane.percentile_range(Percentiles::RADIOGRAPH);
                Tone::Window(range_window(if seen[0] < seen[1] { seen } else { plane.value_range() }))
            },
            inverted: frame.is_inverted(),
            interpolation: Interpolation::default(),
        };
        Ok(plane)
    }

    /// A radiograph, shown from black to white of its scale.
    ///
    /// # Errors
    /// When it has no pixel.
    pub fn from_radiograph(radiograph: &Radiograph) -> Result<Self, PlaneError> {
        let shape = [radiograph.height_px(), radiograph.width_px()];
        let pixels = radiograph.pixels();
        let is_whole = |factor: f64| {
            pixels.iter().all(|pixel| {
                let level = f64::from(*pixel) * factor;
                // A 16-bit level divided by 257 in single precision is off by at most 65535 * 2^-25.
                (0.0..=MAX_VALUE).contains(&level.round()) && (level - level.round()).abs() <= 0.002
            })
        };
        let [black, white] = match radiograph.scale() {
            ValueScale::Gray => [0.0, 255.0],
            ValueScale::Symmetric => [-1.0, 1.0],
        };
        let is_gray = radiograph.scale() == ValueScale::Gray;
        let factor = [1.0, 257.0].into_iter().find(|factor| is_gray && is_whole(*factor));
        let mut plane = if let Some(factor) = factor {
            let values = pixels.iter().map(|pixel| (f64::from(*pixel) * factor).round() as u16).collect();
            let mut plane = Self::new(shape, values, 1.0 / factor, 0.0)?;
            plane.first_stored = Some(0);
            plane
        } else {
            let Quantized { values, slope, intercept } = Quantized::of(pixels);
            Self::new(shape, values, slope, intercept)?
        };
        plane.own.tone = Tone::Window(range_window([black, white]));
        Ok(plane)
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
    pub fn values(&self) -> &Arc<[u16]> {
        &self.values
    }

    /// Modality units a step.
    pub fn slope(&self) -> f64 {
        self.slope
    }

    /// Modality units of 0.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// The VOI lookup tables of the file: gray 0 to 1 by value, 65,536 entries each.
    pub fn tables(&self) -> &[Arc<[f32]>] {
        &self.tables
    }

    /// The windows that the file offers.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// How the file wants to be shown: its first VOI lookup table, else its first window, else 8-bit values as they are,
    /// else percentiles 0.5 to 99.5, as [`VoiChoice::AsStored`]; MONOCHROME1 inverted.
    pub fn own(&self) -> &GrayDisplay {
        &self.own
    }

    /// The stored value of a pixel; nothing outside the image, or where stored values were not kept.
    pub fn stored_value(&self, x_px: usize, y_px: usize) -> Option<i64> {
        Some(self.first_stored? + i64::from(self.at(x_px, y_px)?))
    }

    /// The value of a pixel in the modality's units; nothing outside the image.
    pub fn value(&self, x_px: usize, y_px: usize) -> Option<f64> {
        Some(self.units(f64::from(self.at(x_px, y_px)?)))
    }

    /// Whether a pixel holds no image by the file's own word.
    pub fn is_padding(&self, x_px: usize, y_px: usize) -> bool {
        let value = self.at(x_px, y_px);
        value.zip(self.padding).is_some_and(|(value, [low, high])| (low..=high).contains(&value))
    }

    /// Smallest and largest value in the modality's units, padding left aside.
    pub fn value_range(&self) -> [f64; 2] {
        let window = Percentiles::WHOLE;
        let [low, high] = [window.black, window.white].map(|percentile| self.units(self.percentile(percentile)));
        [low.min(high), low.max(high)]
    }

    /// The window between two percentiles of the values, padding left aside; a step where both are one value.
    pub fn percentile_window(&self, percentiles: Percentiles) -> Window {
        range_window(self.percentile_range(percentiles))
    }

    fn percentile_range(&self, percentiles: Percentiles) -> [f64; 2] {
        let [a, b] = if self.slope < 0.0 {
            [100.0 - percentiles.black, 100.0 - percentiles.white]
        } else {
            [percentiles.black, percentiles.white]
        };
        [a, b].map(|percentile| self.units(self.percentile(percentile)))
    }

    /// Halved again and again, each level the mean of the one before; level 0 is the plane itself.
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    pub(super) fn units(&self, value: f64) -> f64 {
        self.slope * value + self.intercept
    }

    fn at(&self, x_px: usize, y_px: usize) -> Option<u16> {
        let is_inside = x_px < self.width_px && y_px < self.height_px;
        is_inside.then(|| self.values[y_px * self.width_px + x_px])
    }

    /// Gray by value through one of the file's tables.
    fn table(&self, table: &LookupTable) -> Arc<[f32]> {
        let gray = |value: u16| table.gray(self.units(f64::from(value))) as f32;
        (0..=u16::MAX).map(gray).collect()
    }

    /// The values between two limits in the modality's units.
    fn padding_levels(&self, limits: [f64; 2]) -> Option<[u16; 2]> {
        let [a, b] = limits.map(|limit| (limit - self.intercept) / self.slope);
        let [low, high] = [a.min(b).round(), a.max(b).round()];
        (high >= 0.0 && low <= MAX_VALUE).then_some([low as u16, high as u16])
    }

    /// The value at a percentile as [`Percentiles`] ranks them.
    fn percentile(&self, percentile: f64) -> f64 {
        let histogram = self.histogram.get_or_init(|| {
            let mut counts = vec![0_u32; 1 << 16];
            for value in self.values.iter() {
                counts[usize::from(*value)] += 1;
            }
            counts
        });
        let count = |range: std::ops::RangeInclusive<u16>| -> u64 {
            histogram[usize::from(*range.start())..=usize::from(*range.end())].iter().map(|n| u64::from(*n)).sum()
        };
        let all = self.values.len() as u64;
        let padding = self.padding.filter(|[low, high]| count(*low..=*high) < all);
        let kept = all - padding.map_or(0, |[low, high]| count(low..=high));
        let rank = ((kept - 1) as f64 * percentile / 100.0).round() as u64;
        let mut below = 0;
        for value in 0..=u16::MAX {
            if padding.is_some_and(|[low, high]| (low..=high).contains(&value)) {
                continue;
            }
            below += u64::from(histogram[usize::from(value)]);
            if below > rank {
                return f64::from(value);
            }
        }
        MAX_VALUE
    }
}

/// The window whose black and white are these values; a step above the first where it is not below the second.
pub(super) fn range_window([black, white]: [f64; 2]) -> Window {
    if white > black {
        let center = f64::midpoint(black, white);
        Window { center, width: white - black, function: WindowFunction::LinearExact, explanation: None }
    } else {
        Window { center: black + 0.5, width: 1.0, function: WindowFunction::Linear, explanation: None }
    }
}
