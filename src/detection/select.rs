//! From a detector's outputs to the boxes worth showing.

use super::{Anchors, Detection, EdgeBox, decode};
use crate::network::Batch;
use crate::network::retina_net::{ANCHORS_PER_PIXEL, LEVELS};

/// Which boxes are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selection {
    /// Boxes score above this probability.
    pub min_score: f32,
    /// Boxes taken from each level, highest scores first.
    pub per_level: usize,
    /// Of two boxes of one class that overlap more than this, the lower score goes.
    pub max_overlap: f32,
    /// Boxes of an image.
    pub per_image: usize,
}

impl Default for Selection {
    /// torchvision's: scores above 0.05, 1000 boxes a level, overlap up to 0.5, 300 boxes an image.
    fn default() -> Self {
        Self { min_score: 0.05, per_level: 1000, max_overlap: 0.5, per_image: 300 }
    }
}

/// The boxes of image `index`, highest score first; equal scores keep the order of anchors. `outputs` are those of
/// [`crate::network::retina_net`]: class logits of all levels, then offsets of all levels.
///
/// # Panics
/// When the outputs are not those of a network with these anchors and classes.
pub fn select(
    outputs: &[Batch],
    index: usize,
    anchors: &Anchors,
    classes: usize,
    selection: &Selection,
) -> Vec<Detection> {
    assert_eq!(outputs.len(), 2 * LEVELS, "a detector has two outputs a level");
    let mut found = Vec::new();
    for (level, (anchors_here, grid)) in anchors.levels().iter().zip(anchors.grids()).enumerate() {
        let (logits, offsets) = (outputs[level].image(index), outputs[LEVELS + level].image(index));
        let pixels = grid[0] * grid[1];
        assert_eq!(logits.len(), pixels * ANCHORS_PER_PIXEL * classes, "9 x classes logits a pixel");
        assert_eq!(offsets.len(), pixels * ANCHORS_PER_PIXEL * 4, "9 x 4 offsets a pixel");
        let mut candidates: Vec<(f32, usize, usize)> = Vec::new();
        for pixel in 0..pixels {
            for anchor in 0..ANCHORS_PER_PIXEL {
                for class in 0..classes {
                    let score = sigmoid(logits[(anchor * classes + class) * pixels + pixel]);
                    // NaN scores nothing.
                    if score > selection.min_score {
                        candidates.push((score, pixel * ANCHORS_PER_PIXEL + anchor, class));
                    }
                }
            }
        }
        candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
        candidates.truncate(selection.per_level);
        found.extend(candidates.into_iter().map(|(score, position, class)| {
            let (pixel, anchor) = (position / ANCHORS_PER_PIXEL, position % ANCHORS_PER_PIXEL);
            let offset = |coordinate: usize| offsets[(anchor * 4 + coordinate) * pixels + pixel];
            let bounds = decode([offset(0), offset(1), offset(2), offset(3)], &anchors_here[position]);
            Detection { bounds: bounds.clipped(anchors.image_px()), class, score }
        }));
    }
    let mut kept = suppressed(found, selection.max_overlap);
    kept.truncate(selection.per_image);
    kept
}

/// Greedy non-maximum suppression within each class, highest score first.
fn suppressed(mut found: Vec<Detection>, max_overlap: f32) -> Vec<Detection> {
    found.retain(|detection| is_finite(&detection.bounds));
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::new();
    for candidate in found {
        let covered = |earlier: &Detection| {
            earlier.class == candidate.class && earlier.bounds.iou(&candidate.bounds) > max_overlap
        };
        if !kept.iter().any(covered) {
            kept.push(candidate);
        }
    }
    kept
}

fn is_finite(bounds: &EdgeBox) -> bool {
    [bounds.left_px, bounds.top_px, bounds.right_px, bounds.bottom_px].iter().all(|edge| edge.is_finite())
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}
