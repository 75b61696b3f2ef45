//! Which anchor learns which box.

use super::{Anchors, TrueBox};

/// Anchors that overlap a box at least so much learn it.
const FOREGROUND_IOU: f32 = 0.5;
/// Anchors that overlap every box less than this learn that there is none; between the two they learn nothing.
const BACKGROUND_IOU: f32 = 0.4;

/// What an anchor learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The box at this position.
    Box(usize),
    /// That no box is there.
    Background,
    /// Nothing.
    Ignored,
}

/// Matches every anchor, level after level, to the box it overlaps most (the first of several). The anchors that overlap
/// a box most of all learn their own best box even where the overlap is small, so that small boxes are learned too: torchvision's
/// `Matcher(0.5, 0.4, allow_low_quality_matches=True)`. A box that touches no anchor is learned by none, nor may be one
/// that nearly coincides with another.
pub fn match_anchors(anchors: &Anchors, boxes: &[TrueBox]) -> Vec<Match> {
    let overlaps: Vec<Vec<f32>> =
        boxes.iter().map(|truth| anchors.iter().map(|anchor| truth.bounds.iou(anchor)).collect()).collect();
    let best: Vec<(usize, f32)> = (0..anchors.len())
        .map(|anchor| {
            let mut best = (0, f32::NEG_INFINITY);
            for (index, row) in overlaps.iter().enumerate() {
                if row[anchor] > best.1 {
                    best = (index, row[anchor]);
                }
            }
            best
        })
        .collect();
    let mut matches: Vec<Match> = best
        .iter()
        .map(|(index, overlap)| match *overlap {
            overlap if overlap >= FOREGROUND_IOU => Match::Box(*index),
            overlap if overlap >= BACKGROUND_IOU => Match::Ignored,
            _ => Match::Background,
        })
        .collect();
    for row in &overlaps {
        let highest = row.iter().copied().fold(0.0, f32::max);
        if highest > 0.0 {
            for (anchor, _) in row.iter().enumerate().filter(|(_, overlap)| **overlap >= highest) {
                matches[anchor] = Match::Box(best[anchor].0);
            }
        }
    }
    matches
}
