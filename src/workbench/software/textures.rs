//! Textures of the window in memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use egui::epaint::textures::{TextureFilter, TextureWrapMode};
use egui::epaint::{ImageData, ImageDelta};
use egui::{Color32, ColorImage, TextureId, TexturesDelta};

/// A texture and how it is read.
pub(super) struct Texture {
    image: Arc<ColorImage>,
    is_nearest: bool,
    wrap: TextureWrapMode,
}

impl Texture {
    /// `[w, h]`
    pub(super) fn size(&self) -> [usize; 2] {
        self.image.size
    }

    /// Whether the nearest texel is taken as it is.
    pub(super) fn is_nearest(&self) -> bool {
        self.is_nearest
    }

    /// Row `y` of texels; `y` must be inside.
    pub(super) fn row(&self, y: usize) -> &[Color32] {
        &self.image.pixels[y * self.image.size[0]..][..self.image.size[0]]
    }

    /// Where texel `place` of an axis with `length` texels is found.
    fn wrapped(&self, place: i64, length: usize) -> usize {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let inside = match self.wrap {
            TextureWrapMode::ClampToEdge => place.clamp(0, length - 1),
            TextureWrapMode::Repeat => place.rem_euclid(length),
            TextureWrapMode::MirroredRepeat => {
                let phase = place.rem_euclid(2 * length);
                phase.min(2 * length - 1 - phase)
            }
        };
        inside as usize
    }

    /// The colour at `u`, `v` in texels from the upper left corner, each channel 0 to 255.
    pub(super) fn sample(&self, u: f32, v: f32) -> [f32; 4] {
        let [width, height] = self.image.size;
        let texel = |x: i64, y: i64| {
            let index = self.wrapped(y, height) * width + self.wrapped(x, width);
            self.image.pixels[index].to_array().map(f32::from)
        };
        if self.is_nearest {
            return texel(u.floor() as i64, v.floor() as i64);
        }
        let (u, v) = (u - 0.5, v - 0.5);
        let (left, top) = (u.floor(), v.floor());
        let (x, y) = (left as i64, top as i64);
        let (right_share, lower_share) = (u - left, v - top);
        let mix = |a: [f32; 4], b: [f32; 4], share: f32| {
            std::array::from_fn(|channel| a[channel] + (b[channel] - a[channel]) * share)
        };
        let upper = mix(texel(x, y), texel(x + 1, y), right_share);
        let lower = mix(texel(x, y + 1), texel(x + 1, y + 1), right_share);
        mix(upper, lower, lower_share)
    }
}

/// All textures of the window.
#[derive(Default)]
pub(super) struct Textures {
    known: HashMap<TextureId, Texture>,
}

impl Textures {
    pub(super) fn get(&self, id: TextureId) -> Option<&Texture> {
        self.known.get(&id)
    }

    /// Takes over what changed, and says which textures look different to triangles that were drawn before.
    pub(super) fn apply(&mut self, delta: &mut TexturesDelta) -> HashSet<TextureId> {
        let mut changed = HashSet::new();
        for (id, images) in delta.set.drain() {
            for image in images {
                // New letters come to places of the font's texture that nothing showed before.
                if image.pos.is_none() || id != TextureId::default() {
                    changed.insert(id);
                }
                self.set(id, image);
            }
        }
        changed
    }

    /// Forgets textures that nothing will show any more.
    pub(super) fn free(&mut self, delta: &mut TexturesDelta) {
        for id in delta.free.drain() {
            self.known.remove(&id);
        }
    }

    fn set(&mut self, id: TextureId, delta: ImageDelta) {
        let ImageData::Color(image) = delta.image;
        let Some([left, top]) = delta.pos else {
            let texture = Texture {
                image,
                is_nearest: delta.options.magnification == TextureFilter::Nearest,
                wrap: delta.options.wrap_mode,
            };
            self.known.insert(id, texture);
            return;
        };
        let Some(texture) = self.known.get_mut(&id) else { return };
        let whole = Arc::make_mut(&mut texture.image);
        let [width, height] = image.size;
        if left + width > whole.size[0] || top + height > whole.size[1] {
            return;
        }
        for y in 0..height {
            let to = (top + y) * whole.size[0] + left;
            whole.pixels[to..to + width].copy_from_slice(&image.pixels[y * width..][..width]);
        }
    }
}

#[cfg(test)]
mod tests {
    use egui::TextureOptions;

    use super::*;

    fn with(options: TextureOptions) -> Textures {
        let pixels = [10, 20, 30, 40].map(Color32::from_gray).to_vec();
        let mut delta = TexturesDelta::default();
        delta.push(TextureId::User(1), ImageDelta::full(ColorImage::new([2, 2], pixels), options));
        let mut textures = Textures::default();
        assert_eq!(textures.apply(&mut delta), HashSet::from([TextureId::User(1)]));
        textures
    }

    #[test]
    fn texels_are_interpolated_between_their_centres_and_held_beyond() {
        let textures = with(TextureOptions::LINEAR);
        let texture = textures.get(TextureId::User(1)).unwrap();
        assert_eq!(texture.sample(0.5, 0.5)[0], 10.0);
        assert_eq!(texture.sample(1.0, 0.5)[0], 15.0);
        assert_eq!(texture.sample(1.0, 1.0)[0], 25.0);
        assert_eq!(texture.sample(-3.0, 5.0)[0], 30.0);
    }

    #[test]
    fn the_nearest_texel_is_the_one_that_the_place_lies_in() {
        let textures = with(TextureOptions::NEAREST_REPEAT);
        let texture = textures.get(TextureId::User(1)).unwrap();
        assert_eq!(texture.sample(0.99, 0.0)[0], 10.0);
        assert_eq!(texture.sample(1.0, 1.0)[0], 40.0);
        assert_eq!(texture.sample(2.0, -0.5)[0], 30.0);
        let textures = with(TextureOptions::NEAREST_MIRRORED_REPEAT);
        assert_eq!(textures.get(TextureId::User(1)).unwrap().sample(2.5, 0.0)[0], 20.0);
    }

    #[test]
    fn a_patch_changes_its_place_and_one_that_does_not_fit_nothing() {
        let mut textures = with(TextureOptions::NEAREST);
        let patch = |pos| ImageDelta::partial(pos, ColorImage::filled([1, 1], Color32::WHITE), TextureOptions::NEAREST);
        let mut delta = TexturesDelta::default();
        delta.push(TextureId::User(1), patch([1, 0]));
        delta.push(TextureId::User(1), patch([2, 0]));
        textures.apply(&mut delta);
        let texture = textures.get(TextureId::User(1)).unwrap();
        assert_eq!([0.5, 1.5].map(|u| texture.sample(u, 0.5)[0]), [10.0, 255.0]);
        assert_eq!([0.5, 1.5].map(|u| texture.sample(u, 1.5)[0]), [30.0, 40.0]);
        delta.free(TextureId::User(1));
        textures.free(&mut delta);
        assert!(textures.get(TextureId::User(1)).is_none());
    }
}
