//! Lines of equal value of a map.

use super::map::{MapPlane, present};

/// No edge follows.
const NONE: u32 = u32::MAX;

/// Lines along which a map, interpolated linearly, has the value `level`, in the space of an image of `[width, height]`
/// pixels. Higher values lie to the right of a line's way: around tops it runs clockwise on the screen. A closed line
/// ends with its first point; others end at the border of the image or beside a pixel without a value.
///
/// Marching squares over the centres of the pixels, with a border of half a pixel where the outermost values hold on;
/// at saddles the mean of the four corners decides.
pub fn contours(map: &MapPlane, level: f32, image_size_px: [usize; 2]) -> Vec<Vec<[f32; 2]>> {
    Grid::new(map, level, image_size_px).lines()
}

/// The centres of a map's pixels with a border around.
struct Grid<'a> {
    map: &'a MapPlane,
    level: f32,
    image_size_px: [usize; 2],
    width: usize,
    height: usize,
}

impl<'a> Grid<'a> {
    fn new(map: &'a MapPlane, level: f32, image_size_px: [usize; 2]) -> Self {
        Self { map, level, image_size_px, width: map.width_px() + 2, height: map.height_px() + 2 }
    }

    fn value(&self, x: usize, y: usize) -> f32 {
        let (column, row) = ((x.max(1) - 1).min(self.width - 3), (y.max(1) - 1).min(self.height - 3));
        present(self.map.values()[row * (self.width - 2) + column])
    }

    /// Edge from a node to its right (even) or lower (odd) neighbour.
    fn edge(&self, x: usize, y: usize, is_down: bool) -> u32 {
        (2 * (y * self.width + x) + usize::from(is_down)) as u32
    }

    /// Where the line crosses an edge, in image space.
    fn crossing(&self, edge: u32) -> [f32; 2] {
        let (node, is_down) = (edge as usize / 2, edge % 2 == 1);
        let (x, y) = (node % self.width, node / self.width);
        let (far_x, far_y) = if is_down { (x, y + 1) } else { (x + 1, y) };
        let (near, far) = (self.value(x, y), self.value(far_x, far_y));
        let part = ((self.level - near) / (far - near)).clamp(0.0, 1.0);
        let along = |axis: usize, near: usize, far: usize| {
            let (near, far) = (self.place(axis, near), self.place(axis, far));
            near + (far - near) * part
        };
        [along(0, x, far_x), along(1, y, far_y)]
    }

    /// Place of a node along an axis, in image space.
    fn place(&self, axis: usize, node: usize) -> f32 {
        let pixels = [self.width - 2, self.height - 2][axis] as f32;
        let place = (node as f32 - 0.5).clamp(0.0, pixels);
        place * self.image_size_px[axis] as f32 / pixels
    }

    fn lines(&self) -> Vec<Vec<[f32; 2]>> {
        let mut next = vec![NONE; 2 * self.width * self.height];
        let mut starts = Vec::new();
        let mut is_end = vec![false; next.len()];
        let mut above: Vec<f32> = (0..self.width).map(|x| self.value(x, 0)).collect();
        let mut below = above.clone();
        for y in 0..self.height - 1 {
            for (x, value) in below.iter_mut().enumerate() {
                *value = self.value(x, y + 1);
            }
            for x in 0..self.width - 1 {
                let corners = [above[x], above[x + 1], below[x + 1], below[x]];
                for [from, to] in self.segments(x, y, corners).into_iter().flatten() {
                    next[from as usize] = to;
                    is_end[to as usize] = true;
                    starts.push(from);
                }
            }
            std::mem::swap(&mut above, &mut below);
        }
        // Open lines from their beginnings first; what is left are rings.
        let (rings, open): (Vec<u32>, Vec<u32>) = starts.into_iter().partition(|edge| is_end[*edge as usize]);
        let follow = |start: u32, next: &mut Vec<u32>| {
            let mut line = vec![self.crossing(start)];
            let mut edge = std::mem::replace(&mut next[start as usize], NONE);
            while edge != NONE {
                line.push(self.crossing(edge));
                edge = std::mem::replace(&mut next[edge as usize], NONE);
            }
            line
        };
        let mut lines: Vec<_> = open.into_iter().map(|start| follow(start, &mut next)).collect();
        for start in rings {
            if next[start as usize] != NONE {
                lines.push(follow(start, &mut next));
            }
        }
        lines
    }

    /// Pieces of lines inside a cell, from edge to edge; corners clockwise from the upper left.
    fn segments(&self, x: usize, y: usize, corners: [f32; 4]) -> [Option<[u32; 2]>; 2] {
        let is_in = corners.map(|corner| corner >= self.level);
        let code = is_in.iter().fold(0_u8, |code, is_in| (code << 1) | u8::from(*is_in));
        if code == 0 || code == 15 || corners.iter().any(|corner| corner.is_nan()) {
            return [None, None];
        }
        let top = self.edge(x, y, false);
        let right = self.edge(x + 1, y, true);
        let bottom = self.edge(x, y + 1, false);
        let left = self.edge(x, y, true);
        let is_middle_in = corners.iter().sum::<f32>() / 4.0 >= self.level;
        let one = |from, to| [Some([from, to]), None];
        match code {
            0b1000 => one(top, left),
            0b0100 => one(right, top),
            0b0010 => one(bottom, right),
            0b0001 => one(left, bottom),
            0b1100 => one(right, left),
            0b0110 => one(bottom, top),
            0b0011 => one(left, right),
            0b1001 => one(top, bottom),
            0b0111 => one(left, top),
            0b1011 => one(top, right),
            0b1101 => one(right, bottom),
            0b1110 => one(bottom, left),
            0b1010 if is_middle_in => [Some([top, right]), Some([bottom, left])],
            0b1010 => [Some([top, left]), Some([bottom, right])],
            _ if is_middle_in => [Some([left, top]), Some([right, bottom])],
            _ => [Some([right, top]), Some([left, bottom])],
        }
    }
}
