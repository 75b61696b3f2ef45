//! From thickness to gray: attenuation, scatter, noise, and the window a workstation would choose.

use super::blur::{self, Wide};
use super::frame::Frame;
use super::stream::Stream;

/// Attenuation of water at the tube voltage of a chest radiograph, per cm.
const ATTENUATION: f32 = 0.16;
/// Deviation of the scatter's bell as a share of the side (14 pixels of 320).
const SCATTER_WIDTH: f32 = 14.0 / 320.0;
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
}

/// The log intensities shown as black and as white.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    black: f32,
    white: f32,
}

impl Detector {
    /// Draws exposure and display.
    pub(super) fn draw(stream: &mut Stream) -> Self {
        Self {
            noise: stream.uniform(0.012, 0.030),
            dark_margin: stream.uniform(0.15, 0.45),
            gamma: stream.uniform(0.85, 1.25),
            contrast: stream.uniform(0.88, 1.0),
        }
    }

    /// The window for a patient: quantiles .02 and .97 of the chest, noise-free.
    ///
    /// It is taken from the patient without the finding, so that it says nothing of the finding.
    pub(super) fn window(&self, frame: &Frame, healthy_cm: &[f32]) -> Window {
        let signal = self.signal(frame.size_px, healthy_cm);
        let mut chest: Vec<f32> = signal
            .iter()
            .zip(frame.x.iter().zip(&frame.y))
            .filter(|(_, (x, y))| x.abs() < 0.62 && (-0.68..0.70).contains(*y))
            .map(|(intensity, _)| *intensity)
            .collect();
        let mut quantile = |share: f32| {
            let place = ((chest.len() - 1) as f32 * share) as usize;
            -chest.select_nth_unstable_by(place, |a, b| b.total_cmp(a)).1.ln()
        };
        Window { black: quantile(0.02) - self.dark_margin, white: quantile(0.97) }
    }

    /// Display values 0 to 1 of a thickness in cm, `[size_px, size_px]`.
    pub(super) fn expose(&self, size_px: usize, thickness_cm: &[f32], window: Window, stream: &mut Stream) -> Vec<f32> {
        let mut display = self.signal(size_px, thickness_cm);
        let span = 1.0 / (window.white - window.black);
        for value in &mut display {
            let intensity = *value;
            // Quantum noise is relatively stronger where little arrives.
            let grain = self.noise * (0.15 / intensity).sqrt().sqrt().clamp(0.6, 1.8);
            let seen = (intensity * (1.0 + grain * stream.standard_normal())).max(LEAST);
            let level = ((-seen.ln() - window.black) * span).clamp(0.0, 1.0);
            *value = self.contrast * level.powf(self.gamma);
        }
        display
    }

    /// Intensity at the detector without noise.
    fn signal(&self, size_px: usize, thickness_cm: &[f32]) -> Vec<f32> {
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
}
