//! From thickness to gray: attenuation, scatter, noise, and the window a workstation would choose.

use super::blur::{self, Wide};
use super::frame::Frame;
use super::stream::Stream;

/// Attenuation of water at the tube voltage of a chest radiograph, per cm.
const ATTENUATION: f32 = 0.16;
/// Deviation of the scatter's bell as a share of the side (14 pixels of 320).
const SCATTER_WIDTH: f32 = 14.0 / 320.0;
/// Deviation of what the display takes for slow, as a share of the side.
const SLOW_WIDTH: f32 = 0.09;
/// Scattered share of the intensity.
const SCATTER: f32 = 0.035;
/// Intensity that reaches the detector whatever lies before it.
const FLOOR: f32 = 0.004;
/// Deviation of the detector's own blur, in pixels.
const BLUR_PX: f32 = 0.55;
/// Least intensity after noise.
const LEAST: f32 = 1e-4;

/// How a picture is exposed and shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Detector {
    noise: f32,
    /// How far black lies below the darkest part of the chest, in units of log intensity.
    dark_margin: f32,
    gamma: f32,
    contrast: f32,
    /// Share of the slow part of the picture that the display takes away.
    equalization: f32,
}

/// How log intensities become gray.
#[derive(Debug)]
pub(super) struct Tone {
    black: f32,
    white: f32,
    /// Slow part of the log intensity, and how much of it is taken away.
    slow: Wide,
    slow_mean: f32,
    equalization: f32,
}

impl Detector {
    /// Draws exposure and display.
    pub(super) fn draw(stream: &mut Stream) -> Self {
        Self {
            noise: stream.uniform(0.012, 0.030),
            dark_margin: stream.uniform(0.15, 0.45),
            gamma: stream.uniform(0.85, 1.25),
            contrast: stream.uniform(0.88, 1.0),
            equalization: stream.uniform(-0.1, 0.45).max(0.0),
        }
    }

    /// The tone curve for a patient: slow differences reduced as workstations do, then a window from the quantiles .02
    /// and .97 of the chest.
    ///
    /// It is taken from the patient without the finding and without noise, so that it says nothing of the finding.
    pub(super) fn tone(&self, frame: &Frame, healthy_cm: &[f32]) -> Tone {
        let size_px = frame.size_px;
        let mut log = signal(size_px, healthy_cm);
        for value in &mut log {
            *value = -value.ln();
        }
        let slow = Wide::new(&log, size_px, SLOW_WIDTH);
        let in_chest = |pixel: usize| frame.x[pixel].abs() < 0.62 && (-0.68..0.70).contains(&frame.y[pixel]);
        let (mut chest, mut slow_sum) = (Vec::new(), 0.0);
        let mut line = vec![0.0; size_px];
        for row in 0..size_px {
            slow.row(row, &mut line);
            for (column, slow) in line.iter().enumerate() {
                let pixel = row * size_px + column;
                if in_chest(pixel) {
                    chest.push(log[pixel] - self.equalization * slow);
                    slow_sum += f64::from(*slow);
                }
            }
        }
        let slow_mean = (slow_sum / chest.len() as f64) as f32;
        let mut quantile = |share: f32| {
            let place = ((chest.len() - 1) as f32 * share) as usize;
            *chest.select_nth_unstable_by(place, f32::total_cmp).1 + self.equalization * slow_mean
        };
        let (black, white) = (quantile(0.02) - self.dark_margin, quantile(0.97));
        Tone { black, white, slow, slow_mean, equalization: self.equalization }
    }

    /// Display values 0 to 1 of a thickness in cm, `[size_px, size_px]`.
    pub(super) fn expose(&self, size_px: usize, thickness_cm: &[f32], tone: &Tone, stream: &mut Stream) -> Vec<f32> {
        let mut display = signal(size_px, thickness_cm);
        let span = 1.0 / (tone.white - tone.black);
        let mut line = vec![0.0; size_px];
        for (row, display) in display.chunks_exact_mut(size_px).enumerate() {
            tone.slow.row(row, &mut line);
            for (value, slow) in display.iter_mut().zip(&line) {
                let intensity = *value;
                // Quantum noise is relatively stronger where little arrives.
                let grain = self.noise * (0.15 / intensity).sqrt().sqrt().clamp(0.6, 1.8);
                let seen = (intensity * (1.0 + grain * stream.standard_normal())).max(LEAST);
                let log = -seen.ln() - tone.equalization * (slow - tone.slow_mean);
                let level = ((log - tone.black) * span).clamp(0.0, 1.0);
                *value = self.contrast * level.powf(self.gamma);
            }
        }
        display
    }
}

/// Intensity at the detector without noise.
fn signal(size_px: usize, thickness_cm: &[f32]) -> Vec<f32> {
    let mut signal: Vec<f32> = thickness_cm.iter().map(|cm| (-ATTENUATION * cm.max(0.0)).exp()).collect();
    let scatter = Wide::new(&signal, size_px, SCATTER_WIDTH);
    blur::narrow(&mut signal, size_px, BLUR_PX);
    let mut line = vec![0.0; size_px];
    for (row, values) in signal.chunks_exact_mut(size_px).enumerate() {
        scatter.row(row, &mut line);
        for (value, scattered) in values.iter_mut().zip(&line) {
            *value += SCATTER * scattered + FLOOR;
        }
    }
    signal
}
