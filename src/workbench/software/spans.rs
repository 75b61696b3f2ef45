//! Pixels beside each other in one row, coloured and blended.

use super::raster::Pixel;
use super::textures::Texture;

/// Places in a texture that lie this close to the centre of a texel, in texels, have its colour.
const ALIGNED: f32 = 1.0 / 512.0;

/// `N` values that change evenly from pixel to pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane<const N: usize> {
    /// At the place where the upper left pixel's centre would be at column and row 0.
    start: [f64; N],
    /// For a column and for a row.
    steps: [[f64; 2]; N],
}

impl<const N: usize> Plane<N> {
    /// `values` at `origin`, in pixels, and what a column and a row add.
    pub(super) fn new(origin: [f64; 2], values: [f64; N], steps: [[f64; 2]; N]) -> Self {
        let start = std::array::from_fn(|index| {
            let [dx, dy] = steps[index];
            values[index] + (0.5 - origin[0]) * dx + (0.5 - origin[1]) * dy
        });
        Self { start, steps }
    }

    /// The same everywhere.
    pub(super) fn constant(values: [f32; N]) -> Self {
        Self { start: values.map(f64::from), steps: [[0.0; 2]; N] }
    }

    fn is_constant(&self) -> bool {
        self.steps.iter().flatten().all(|step| *step == 0.0)
    }

    fn at(&self, [x, y]: [usize; 2]) -> [f32; N] {
        std::array::from_fn(|index| {
            let [dx, dy] = self.steps[index];
            (self.start[index] + x as f64 * dx + y as f64 * dy) as f32
        })
    }

    /// What a column adds.
    fn step(&self) -> [f32; N] {
        self.steps.map(|[dx, _]| dx as f32)
    }
}

/// How a rectangle or triangle is coloured.
pub(super) enum Paint<'a> {
    /// In one colour, premultiplied, each channel 0 to 255.
    Plain([f32; 4]),
    /// In colours that change evenly.
    Shaded(Plane<4>),
    /// By a texture, whose colours are multiplied.
    Textured { texture: &'a Texture, tint: Plane<4>, places: [Plane<1>; 2] },
}

impl<'a> Paint<'a> {
    /// `places`: columns and rows of the texture, in texels. `None` where nothing would be seen.
    pub(super) fn new(texture: &'a Texture, tint: Plane<4>, places: [Plane<1>; 2]) -> Option<Self> {
        if tint.is_constant() && tint.start.iter().all(|channel| *channel == 0.0) {
            return None;
        }
        if !places.iter().all(Plane::is_constant) {
            return Some(Self::Textured { texture, tint, places });
        }
        let [[u], [v]] = places.map(|place| place.start);
        // Where everything has one place, it is that of the corners.
        let texel = texture.sample(u as f32, v as f32).map(|value| f64::from(value) / 255.0);
        let start = std::array::from_fn(|channel| tint.start[channel] * texel[channel]);
        let steps = std::array::from_fn(|channel| tint.steps[channel].map(|step| step * texel[channel]));
        let tint = Plane { start, steps };
        Some(if tint.is_constant() { Self::Plain(tint.start.map(|value| value as f32)) } else { Self::Shaded(tint) })
    }

    /// Draws over `pixels`, the first of which is at `place`.
    pub(super) fn draw(&self, place: [usize; 2], pixels: &mut [Pixel]) {
        match self {
            Self::Plain(colour) if colour[3] >= 255.0 => {
                let [red, green, blue] = [0, 1, 2].map(|channel| byte(colour[channel]));
                pixels.fill([red, green, blue, 255]);
            }
            Self::Plain(colour) => {
                let rest = 1.0 - colour[3] / 255.0;
                for pixel in pixels {
                    blend(pixel, *colour, rest);
                }
            }
            Self::Shaded(tint) => {
                let (start, step) = (tint.at(place), tint.step());
                for (index, pixel) in pixels.iter_mut().enumerate() {
                    let colour: [f32; 4] = std::array::from_fn(|channel| start[channel] + index as f32 * step[channel]);
                    blend(pixel, colour, 1.0 - colour[3] / 255.0);
                }
            }
            Self::Textured { texture, tint, places } => textured(texture, tint, places, place, pixels),
        }
    }
}

fn textured(texture: &Texture, tint: &Plane<4>, places: &[Plane<1>; 2], place: [usize; 2], pixels: &mut [Pixel]) {
    let [[u], [v]] = [places[0].at(place), places[1].at(place)];
    let [[u_step], [v_step]] = [places[0].step(), places[1].step()];
    let start = tint.at(place);
    if tint.is_constant()
        && let Some(texels) = texels(texture, [u, v], [u_step, v_step], pixels.len())
    {
        let is_white = start.iter().all(|channel| *channel >= 255.0);
        let share = start.map(|channel| channel / 255.0);
        for (pixel, texel) in pixels.iter_mut().zip(texels) {
            let texel = texel.to_array();
            if is_white && texel[3] == 255 {
                *pixel = texel;
            } else if texel != [0; 4] {
                let colour: [f32; 4] = std::array::from_fn(|channel| share[channel] * f32::from(texel[channel]));
                blend(pixel, colour, 1.0 - colour[3] / 255.0);
            }
        }
        return;
    }
    let step = tint.step();
    for (index, pixel) in pixels.iter_mut().enumerate() {
        let along = index as f32;
        let texel = texture.sample(u + along * u_step, v + along * v_step);
        let colour: [f32; 4] =
            std::array::from_fn(|channel| (start[channel] + along * step[channel]) * texel[channel] / 255.0);
        blend(pixel, colour, 1.0 - colour[3] / 255.0);
    }
}

/// The texels of one row that pixels show one by one, where they do.
fn texels(texture: &Texture, [u, v]: [f32; 2], [u_step, v_step]: [f32; 2], count: usize) -> Option<&[egui::Color32]> {
    let is_aligned = |place: f32| {
        let off = place - 0.5;
        texture.is_nearest() || (off - off.round()).abs() < ALIGNED
    };
    let drift = (u_step - 1.0).abs() * count as f32;
    if v_step != 0.0 || drift > ALIGNED || !is_aligned(u) || !is_aligned(v) {
        return None;
    }
    let [width, height] = texture.size();
    let [x, y] = [u.floor(), v.floor()];
    if x < 0.0 || y < 0.0 || y >= height as f32 || x + count as f32 > width as f32 {
        return None;
    }
    Some(&texture.row(y as usize)[x as usize..][..count])
}

/// Lays a premultiplied colour over a pixel, of which `rest` is seen through it.
fn blend(pixel: &mut Pixel, colour: [f32; 4], rest: f32) {
    for channel in 0..3 {
        pixel[channel] = byte(colour[channel] + f32::from(pixel[channel]) * rest);
    }
}

/// Rounded, and held between 0 and 255.
fn byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_has_its_value_at_its_origin() {
        let plane = Plane::new([2.5, 1.5], [7.0], [[0.5, 2.0]]);
        assert_eq!([plane.at([2, 1]), plane.at([4, 1]), plane.at([2, 4])], [[7.0], [8.0], [13.0]]);
    }

    #[test]
    fn blending_lets_through_what_alpha_leaves_and_stays_in_range() {
        let mut pixel = [100, 200, 0, 255];
        blend(&mut pixel, [64.0, 0.0, 300.0, 128.0], 1.0 - 128.0 / 255.0);
        assert_eq!(pixel, [114, 100, 255, 255]);
    }
}
