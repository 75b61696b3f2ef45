//! Where every pixel looks in the anatomical frame.

use super::curve::Point;
use super::stream::Stream;
use super::texture::Texture;

/// Largest shift by the warp, in units of the frame.
const WARP: f32 = 0.008;

/// Length of a frame unit in the patient, in cm: the picture shows 35 cm.
pub(super) const CM_PER_UNIT: f32 = 17.5;

/// How a patient stands before the detector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pose {
    cosine: f32,
    sine: f32,
    scale: f32,
    shift: Point,
    warp: [Texture; 2],
}

impl Pose {
    /// Draws rotation, scale, shift and a slight warp.
    pub(super) fn draw(stream: &mut Stream) -> Self {
        let angle = stream.normal(0.0, 2.2).to_radians();
        Self {
            cosine: angle.cos(),
            sine: angle.sin(),
            scale: stream.uniform(0.92, 1.08),
            shift: [stream.normal(0.0, 0.03), stream.normal(0.0, 0.03)],
            warp: [0, 1].map(|_| Texture::draw(stream, 5.0, 2, 0.5)),
        }
    }
}

/// The pixels of a square picture. Picture coordinates run from -1 to 1 along both sides.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) size_px: usize,
    /// Anatomical x of every pixel, row-major.
    pub(super) x: Vec<f32>,
    /// Anatomical y of every pixel, row-major.
    pub(super) y: Vec<f32>,
    pose: Pose,
}

/// Pixels from `left` and `top` up to, not including, `right` and `bottom`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PixelRect {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) right: usize,
    pub(super) bottom: usize,
}

impl Frame {
    /// The pixels of a picture of a patient in `pose`.
    pub(super) fn new(size_px: usize, pose: Pose) -> Self {
        let [mut x, mut y] = pose.warp.map(|warp| warp.raster(size_px));
        let (cosine, sine) = (pose.cosine / pose.scale, pose.sine / pose.scale);
        for row in 0..size_px {
            let v = picture_coordinate(row, size_px) - pose.shift[1];
            for column in 0..size_px {
                let u = picture_coordinate(column, size_px) - pose.shift[0];
                let pixel = row * size_px + column;
                // Noise has deviation 1; three deviations are the whole warp.
                x[pixel] = u * cosine + v * sine + (x[pixel] * (WARP / 3.0)).clamp(-WARP, WARP);
                y[pixel] = v * cosine - u * sine + (y[pixel] * (WARP / 3.0)).clamp(-WARP, WARP);
            }
        }
        Self { size_px, x, y, pose }
    }

    /// Pixels along a unit of the anatomical frame.
    pub(super) fn px_per_unit(&self) -> f32 {
        self.size_px as f32 / 2.0 * self.pose.scale
    }

    /// Where a point of the picture lies in the anatomical frame, but for the warp.
    pub(super) fn anatomical(&self, [u, v]: Point) -> Point {
        let Pose { cosine, sine, scale, shift, .. } = self.pose;
        let (u, v) = ((u - shift[0]) / scale, (v - shift[1]) / scale);
        [u * cosine + v * sine, v * cosine - u * sine]
    }

    /// The pixels of a rectangle, row by row.
    pub(super) fn pixels(&self, rect: PixelRect) -> impl Iterator<Item = usize> + use<> {
        let size_px = self.size_px;
        (rect.top..rect.bottom).flat_map(move |row| row * size_px + rect.left..row * size_px + rect.right)
    }

    /// The pixels that can lie within `reach` of a point of the anatomical frame's rectangle from `low` to `high`.
    pub(super) fn around(&self, low: Point, high: Point, reach: f32) -> PixelRect {
        let Pose { cosine, sine, scale, shift, .. } = self.pose;
        let margin = (reach + WARP * 1.5) * scale;
        let (mut first, mut last) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
        for [x, y] in [low, high, [low[0], high[1]], [high[0], low[1]]] {
            let picture = [x * cosine - y * sine, x * sine + y * cosine];
            for axis in 0..2 {
                let place = picture[axis] * scale + shift[axis];
                first[axis] = first[axis].min(place - margin);
                last[axis] = last[axis].max(place + margin);
            }
        }
        let pixel = |place: f32| ((place + 1.0) * 0.5 * self.size_px as f32).clamp(0.0, self.size_px as f32);
        PixelRect {
            left: pixel(first[0]).floor() as usize,
            top: pixel(first[1]).floor() as usize,
            right: pixel(last[0]).ceil() as usize,
            bottom: pixel(last[1]).ceil() as usize,
        }
    }
}

/// Picture coordinate of the middle of a pixel, -1 to 1.
pub(super) fn picture_coordinate(pixel: usize, size_px: usize) -> f32 {
    (2 * pixel + 1) as f32 / size_px as f32 - 1.0
}

#[cfg(test)]
mod tests {
    use super::super::stream::Purpose;
    use super::*;

    #[test]
    fn rectangles_hold_every_pixel_they_promise() {
        for index in 0..5 {
            let frame = Frame::new(128, Pose::draw(&mut Stream::new(1, index, Purpose::Pose)));
            let (low, high) = ([-0.3, 0.1], [0.2, 0.25]);
            let rect = frame.around(low, high, 0.05);
            for pixel in 0..128 * 128 {
                let (x, y) = (frame.x[pixel], frame.y[pixel]);
                let inside =
                    (low[0] - 0.05..high[0] + 0.05).contains(&x) && (low[1] - 0.05..high[1] + 0.05).contains(&y);
                let (column, row) = (pixel % 128, pixel / 128);
                let held = (rect.left..rect.right).contains(&column) && (rect.top..rect.bottom).contains(&row);
                assert!(held || !inside, "{column} {row}");
            }
        }
    }
}
