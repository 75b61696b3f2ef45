//! Where the boxes of several readers agree.

use super::marks::LinedBox;
use crate::truth::FindingBox;

/// Most pieces that are kept on the way: far above what readers of one image give.
pub(super) const MOST_PIECES: usize = 4_000;

/// Boxes that cover exactly what at least `least` of the readers marked: all intersections of one box each of so many readers,
/// without those that lie in another. Nothing where they are too many.
pub(super) fn agreed(readers: &[&[LinedBox]], least: usize) -> Option<Vec<LinedBox>> {
    // Intersections of the boxes of as many readers, of those seen so far.
    let mut of: Vec<Vec<LinedBox>> = vec![Vec::new(); least + 1];
    for reader in readers {
        for count in (1..=least).rev() {
            let mut more: Vec<LinedBox> = if count == 1 {
                reader.to_vec()
            } else {
                let pairs = of[count - 1].iter().flat_map(|piece| reader.iter().map(move |marked| (piece, marked)));
                pairs.filter_map(|(piece, marked)| intersection(piece, marked)).collect()
            };
            more.append(&mut of[count]);
            if more.len() > MOST_PIECES {
                return None;
            }
            of[count] = outermost(more);
        }
    }
    of.pop()
}

/// The part that two boxes share, with the line of the second.
fn intersection(one: &LinedBox, two: &LinedBox) -> Option<LinedBox> {
    let (a, b) = (&one.finding, &two.finding);
    let (left, top) = (a.x_px.max(b.x_px), a.y_px.max(b.y_px));
    let right = (a.x_px + a.width_px).min(b.x_px + b.width_px);
    let bottom = (a.y_px + a.height_px).min(b.y_px + b.height_px);
    let finding = FindingBox { x_px: left, y_px: top, width_px: right - left, height_px: bottom - top };
    (right > left && bottom > top).then_some(LinedBox { line: two.line, finding })
}

/// Those that lie in no other, in the order of their lines.
fn outermost(mut pieces: Vec<LinedBox>) -> Vec<LinedBox> {
    let area = |piece: &LinedBox| piece.finding.width_px * piece.finding.height_px;
    pieces.sort_by(|a, b| area(b).total_cmp(&area(a)).then(a.line.cmp(&b.line)));
    let mut kept: Vec<LinedBox> = Vec::new();
    for piece in pieces {
        if !kept.iter().any(|other| holds(&other.finding, &piece.finding)) {
            kept.push(piece);
        }
    }
    kept.sort_by_key(|piece| piece.line);
    kept
}

fn holds(outer: &FindingBox, inner: &FindingBox) -> bool {
    inner.x_px >= outer.x_px
        && inner.y_px >= outer.y_px
        && inner.x_px + inner.width_px <= outer.x_px + outer.width_px
        && inner.y_px + inner.height_px <= outer.y_px + outer.height_px
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cohort::{TruthRule, boxes_at};

    fn lined(line: u64, [x, y, width, height]: [u32; 4]) -> LinedBox {
        let finding = FindingBox {
            x_px: f64::from(x),
            y_px: f64::from(y),
            width_px: f64::from(width),
            height_px: f64::from(height),
        };
        LinedBox { line, finding }
    }

    /// Pseudo-random numbers below `bound`.
    fn draw(state: &mut u64, bound: u32) -> u32 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((*state >> 33) % u64::from(bound)) as u32
    }

    #[test]
    fn they_cover_the_pixels_that_so_many_marked() {
        let mut state = 7;
        for round in 0..40 {
            let readers: Vec<Vec<LinedBox>> = (0..=round % 5)
                .map(|_| {
                    let boxes = draw(&mut state, 4);
                    let mut one = || {
                        let [x, y] = [draw(&mut state, 24), draw(&mut state, 24)];
                        lined(1, [x, y, 1 + draw(&mut state, 8), 1 + draw(&mut state, 8)])
                    };
                    (0..boxes).map(|_| one()).collect()
                })
                .collect();
            let slices: Vec<&[LinedBox]> = readers.iter().map(Vec::as_slice).collect();
            let least = readers.len() / 2 + 1;
            let pixels = |boxes: &[LinedBox]| {
                let boxes: Vec<FindingBox> = boxes.iter().map(|lined| lined.finding).collect();
                boxes_at(&boxes, [32, 32], 32, 32, TruthRule::AreaExact).pixels().to_vec()
            };
            let marked: Vec<Vec<bool>> = readers.iter().map(|boxes| pixels(boxes)).collect();
            let expected: Vec<bool> =
                (0..32 * 32).map(|pixel| marked.iter().filter(|marked| marked[pixel]).count() >= least).collect();
            assert_eq!(pixels(&agreed(&slices, least).unwrap()), expected, "round {round}");
        }
    }

    #[test]
    fn crossing_boxes_end() {
        let across = |reader: u64| -> Vec<LinedBox> {
            (0..400).map(|i| lined(reader, if reader == 0 { [0, 2 * i, 900, 1] } else { [2 * i, 0, 1, 900] })).collect()
        };
        let (one, two) = (across(0), across(1));
        assert_eq!(agreed(&[&one, &two], 2), None);
    }
}
