//! The part of a radiograph where a map is strong.

use super::gray::Interpolation;
use super::map::MapPlane;
use crate::truth::Mask;

/// The pixels of an image of `[width, height]` pixels at whose centres a map has at least the value `least`, the map
/// stretched over the image as everywhere. Where it has no value nothing belongs.
pub fn region(map: &MapPlane, least: f32, interpolation: Interpolation, image_size_px: [usize; 2]) -> Mask {
    let [width, height] = image_size_px;
    let belongs = |pixel: usize| {
        let centre = [(pixel % width) as f64 + 0.5, (pixel / width) as f64 + 0.5];
        map.sample(map.place(centre, image_size_px), interpolation).is_some_and(|value| value >= least)
    };
    Mask::new(height, width, (0..width * height).map(belongs).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_of_the_images_size_is_cut_pixel_by_pixel() {
        let map = MapPlane::new([2, 2], vec![0.1, 0.5, f32::NAN, 0.9]);
        for interpolation in [Interpolation::Nearest, Interpolation::Linear] {
            assert_eq!(region(&map, 0.5, interpolation, [2, 2]).pixels(), [false, true, false, true]);
        }
    }

    #[test]
    fn a_smaller_map_is_stretched_over_the_image() {
        let map = MapPlane::new([1, 2], vec![0.0, 1.0]);
        let nearest = region(&map, 0.5, Interpolation::Nearest, [8, 2]);
        assert_eq!(nearest.pixels()[..8], [false, false, false, false, true, true, true, true]);
        // Linear between centres at 2 and 6: the centre of the fifth pixel, at 4.5, has 0.625.
        let linear = region(&map, 0.63, Interpolation::Linear, [8, 2]);
        assert_eq!(linear.pixels()[..8], [false, false, false, false, false, true, true, true]);
    }
}
