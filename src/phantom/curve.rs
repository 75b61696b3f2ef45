//! Curves of one variable: tables, smooth steps and minima, splines. No transcendental function is called for a pixel.

/// A point of the anatomical frame: x to the right of the picture (the patient's left), y down.
pub(super) type Point = [f32; 2];

/// Range a table covers, a little more than any pixel can see.
const REACH: f32 = 1.5;
const CELLS: usize = 512;

/// A function of one coordinate of the anatomical frame, sampled and read by linear interpolation.
#[derive(Clone, Debug)]
pub(super) struct Table(Vec<f32>);

impl Table {
    /// Samples `function` on -1.5..=1.5.
    pub(super) fn new(function: impl Fn(f32) -> f32) -> Self {
        Self((0..=CELLS).map(|cell| function(cell as f32 * (2.0 * REACH / CELLS as f32) - REACH)).collect())
    }

    /// The value at `position`, that of the end beyond the range.
    pub(super) fn at(&self, position: f32) -> f32 {
        let place = ((position + REACH) * (CELLS as f32 / (2.0 * REACH))).clamp(0.0, CELLS as f32 - 0.01);
        let cell = place as usize;
        let part = place - cell as f32;
        self.0[cell] + part * (self.0[cell + 1] - self.0[cell])
    }

    /// `1 / sqrt(1 + f'^2)`: turns a distance along the other axis into a distance to the curve.
    pub(super) fn slant(&self) -> Self {
        let step = 2.0 * REACH / CELLS as f32;
        let slope = |cell: usize| {
            let (low, high) = (cell.saturating_sub(1), (cell + 1).min(CELLS));
            (self.0[high] - self.0[low]) / (step * (high - low) as f32)
        };
        Self((0..=CELLS).map(|cell| 1.0 / slope(cell).mul_add(slope(cell), 1.0).sqrt()).collect())
    }
}

/// The lesser of two distances with a rounded corner of width `k`.
pub(super) fn smooth_min(a: f32, b: f32, k: f32) -> f32 {
    let overlap = (k - (a - b).abs()).max(0.0);
    a.min(b) - overlap * overlap / (4.0 * k)
}

/// The greater of two values with a filled corner of width `k`.
pub(super) fn smooth_max(a: f32, b: f32, k: f32) -> f32 {
    -smooth_min(-a, -b, k)
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(super) fn smooth_step(low: f32, high: f32, value: f32) -> f32 {
    let part = ((value - low) / (high - low)).clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}

/// Half-thickness of a rounded edge at `depth` of its width: 0 outside, 1 from depth 1 on, a quarter circle between.
pub(super) fn round_edge(depth: f32) -> f32 {
    let rest = 1.0 - depth.clamp(0.0, 1.0);
    (1.0 - rest * rest).sqrt()
}

/// `exp(-((value - mean) / width)^2)`.
pub(super) fn bell(value: f32, mean: f32, width: f32) -> f32 {
    let z = (value - mean) / width;
    (-z * z).exp()
}

/// A centripetal-like Catmull-Rom curve through `points`, `steps` segments between two of them.
pub(super) fn spline(points: &[Point], steps: usize) -> Vec<Point> {
    let last = points.len() - 1;
    let mut line = Vec::with_capacity(last * steps + 1);
    for segment in 0..last {
        let p = [segment.saturating_sub(1), segment, segment + 1, (segment + 2).min(last)].map(|i| points[i]);
        for step in 0..steps {
            let t = step as f32 / steps as f32;
            line.push([0, 1].map(|axis| {
                let [a, b, c, d] = p.map(|point| point[axis]);
                0.5 * (2.0 * b
                    + (c - a) * t
                    + (2.0 * a - 5.0 * b + 4.0 * c - d) * t * t
                    + (3.0 * b - a - 3.0 * c + d) * t * t * t)
            }));
        }
    }
    line.push(points[last]);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_follow_their_function() {
        let table = Table::new(|x| x * x);
        for position in [-1.4, -0.3, 0.0, 0.77, 1.49] {
            assert!((table.at(position) - position * position).abs() < 1e-4);
        }
        assert!((table.slant().at(0.5) - 0.5f32.sqrt()).abs() < 1e-3);
        assert!((table.at(9.0) - 2.25).abs() < 0.01);
    }

    #[test]
    fn smooth_minima_round_only_the_corner() {
        assert_eq!(smooth_min(0.0, 1.0, 0.1), 0.0);
        assert!(smooth_min(0.5, 0.5, 0.1) < 0.5);
        assert_eq!(smooth_max(0.0, 1.0, 0.1), 1.0);
    }

    #[test]
    fn splines_pass_through_their_points() {
        let points = [[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]];
        let line = spline(&points, 8);
        assert_eq!((line[0], line[8], line[16]), (points[0], points[1], points[2]));
    }
}
