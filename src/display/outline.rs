//! The border of a mask, along the edges of its pixels.

use crate::truth::Mask;

/// Ways along the edges of pixels: right, down, left, up.
const STEPS: [[isize; 2]; 4] = [[1, 0], [0, 1], [-1, 0], [0, -1]];

/// Closed lines around the marked pixels of a mask, in its pixel space; each ends with its first point, has a point
/// where it turns and only there, and has the marked pixels on its right (y down): around areas clockwise, around holes
/// the other way. Pixels that touch at a corner only are not joined.
pub fn outline(mask: &Mask) -> Vec<Vec<[f32; 2]>> {
    let (width, height) = (mask.width_px().cast_signed(), mask.height_px().cast_signed());
    let is_marked = |x: isize, y: isize| {
        (0..width).contains(&x) && (0..height).contains(&y) && mask.pixels()[(y * width + x).cast_unsigned()]
    };
    // Whether the border runs from a corner in a direction: marked on the right of the way, not on the left.
    let is_border = |[x, y]: [isize; 2], direction: usize| match direction {
        0 => is_marked(x, y) && !is_marked(x, y - 1),
        1 => is_marked(x - 1, y) && !is_marked(x, y),
        2 => is_marked(x - 1, y - 1) && !is_marked(x - 1, y),
        _ => is_marked(x, y - 1) && !is_marked(x - 1, y - 1),
    };
    // Every ring has upper edges, which run to the right, and the first one met begins at a corner; those walked are
    // marked at their pixel.
    let mut walked = vec![false; mask.pixels().len()];
    let mut lines = Vec::new();
    for start_y in 0..height {
        for start_x in 0..width {
            if walked[(start_y * width + start_x).cast_unsigned()] || !is_border([start_x, start_y], 0) {
                continue;
            }
            let mut line = vec![[start_x as f32, start_y as f32]];
            let ([mut x, mut y], mut direction) = ([start_x, start_y], 0);
            loop {
                if direction == 0 {
                    walked[(y * width + x).cast_unsigned()] = true;
                }
                x += STEPS[direction][0];
                y += STEPS[direction][1];
                // Right first, so that pixels touching at a corner stay apart.
                let turned =
                    [1, 0, 3].map(|turn| (direction + turn) % 4).into_iter().find(|way| is_border([x, y], *way));
                let next = turned.unwrap_or((direction + 2) % 4);
                let is_back = [x, y] == [start_x, start_y] && next == 0;
                if next != direction || is_back {
                    line.push([x as f32, y as f32]);
                }
                direction = next;
                if is_back {
                    break;
                }
            }
            lines.push(line);
        }
    }
    lines
}
