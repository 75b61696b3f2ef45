//! Fractal noise as a function of position: the same field at every image size.

use super::stream::Stream;

/// Deviation of one octave of gradient noise whose gradients are uniform in -1..1, measured.
const OCTAVE_DEVIATION: f32 = 0.21;

/// Fractal gradient noise (Perlin 1985, quintic fade of Perlin 2002) hashed on lattice points, mean 0, deviation about 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texture {
    key: u32,
    /// Lattice cells across the picture in the first octave.
    cells: f32,
    octaves: u32,
    /// Amplitude of an octave relative to the one before.
    gain: f32,
}

impl Texture {
    /// Draws a field.
    pub(super) fn draw(stream: &mut Stream, cells: f32, octaves: u32, gain: f32) -> Self {
        Self { key: stream.key(), cells, octaves, gain }
    }

    /// The field on a picture, `[size_px, size_px]`. Octaves finer than the pixels are left out, so that sizes agree.
    pub(super) fn raster(&self, size_px: usize) -> Vec<f32> {
        let mut values = vec![0.0; size_px * size_px];
        let mut cells = self.cells;
        let mut amplitude = 1.0;
        let mut power = 0.0;
        for octave in 0..self.octaves {
            power += amplitude * amplitude;
            let pixels_a_cell = size_px as f32 / cells;
            let seen = ((pixels_a_cell - 1.5) / 1.5).clamp(0.0, 1.0);
            if seen > 0.0 {
                let key = self.key.wrapping_add(octave.wrapping_mul(0x9e37_79b9));
                add_octave(&mut values, size_px, key, cells, amplitude * seen);
            }
            cells *= 2.0;
            amplitude *= self.gain;
        }
        let scale = 1.0 / (OCTAVE_DEVIATION * f32::sqrt(power));
        for value in &mut values {
            *value *= scale;
        }
        values
    }
}

fn add_octave(values: &mut [f32], size_px: usize, key: u32, cells: f32, amplitude: f32) {
    // The lattice lies half a cell off the picture's corner: cells of different octaves do not line up at its middle.
    let place = |pixel: usize| (pixel as f32 + 0.5) / size_px as f32 * cells + 0.5;
    let side = cells.ceil() as usize + 2;
    let lattice: Vec<[f32; 2]> = (0..side * side)
        .map(|point| {
            let hash = mixed(key ^ mixed((point % side) as u32 + 0x9e37 * (point / side) as u32));
            [(hash & 0xffff) as f32, (hash >> 16) as f32].map(|half| half / 32_768.0 - 1.0)
        })
        .collect();
    let columns: Vec<(usize, f32, f32)> = (0..size_px).map(|pixel| split(place(pixel))).collect();
    for (row, values) in values.chunks_exact_mut(size_px).enumerate() {
        let (line, down, fade_down) = split(place(row));
        let (upper, lower) = (&lattice[line * side..][..side], &lattice[(line + 1) * side..][..side]);
        for (value, &(cell, right, fade_right)) in values.iter_mut().zip(&columns) {
            let dot = |gradient: [f32; 2], x: f32, y: f32| gradient[0] * x + gradient[1] * y;
            let top_left = dot(upper[cell], right, down);
            let top = top_left + fade_right * (dot(upper[cell + 1], right - 1.0, down) - top_left);
            let low_left = dot(lower[cell], right, down - 1.0);
            let low = low_left + fade_right * (dot(lower[cell + 1], right - 1.0, down - 1.0) - low_left);
            *value += amplitude * (top + fade_down * (low - top));
        }
    }
}

/// Lattice cell, place inside it, and the fade there.
fn split(place: f32) -> (usize, f32, f32) {
    let cell = place as usize;
    let part = place - cell as f32;
    (cell, part, part * part * part * (part * (part * 6.0 - 15.0) + 10.0))
}

/// A 32-bit finalizer with good avalanche (constants of Wellons' "lowbias32").
fn mixed(mut value: u32) -> u32 {
    value ^= value >> 16;
    value = value.wrapping_mul(0x7feb_352d);
    value ^= value >> 15;
    value = value.wrapping_mul(0x846c_a68b);
    value ^ (value >> 16)
}

#[cfg(test)]
mod tests {
    use super::super::stream::Purpose;
    use super::*;

    #[test]
    fn noise_has_mean_0_and_deviation_1() {
        let mut stream = Stream::new(3, 0, Purpose::Texture);
        for (cells, octaves) in [(24.0, 1), (24.0, 4)] {
            let values = Texture::draw(&mut stream, cells, octaves, 0.6).raster(512);
            let n = values.len() as f32;
            let mean = values.iter().sum::<f32>() / n;
            let deviation = (values.iter().map(|v| v * v).sum::<f32>() / n - mean * mean).sqrt();
            assert!(mean.abs() < 0.1 && (0.8..1.2).contains(&deviation), "{mean} {deviation}");
        }
    }

    #[test]
    fn sizes_show_the_same_field() {
        let texture = Texture::draw(&mut Stream::new(3, 1, Purpose::Texture), 10.0, 2, 0.6);
        let (small, large) = (texture.raster(200), texture.raster(600));
        for at in [(3, 7), (100, 100), (199, 0), (150, 77)] {
            // The middle of three pixels lies where the one pixel of the small picture lies.
            let difference = small[at.0 * 200 + at.1] - large[(at.0 * 3 + 1) * 600 + at.1 * 3 + 1];
            assert!(difference.abs() < 1e-3, "{difference}");
        }
    }
}
