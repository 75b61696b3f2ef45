//! Average precision of boxes, by the rules of COCO (Lin et al. 2014).

use crate::detection::{Detection, EdgeBox};

/// Overlaps that a detection must reach in turn: 0.5, 0.55, ... 0.95.
pub const COCO_THRESHOLDS: [f64; 10] = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];

/// Detections of an image that count, highest scores first.
pub const COCO_DETECTIONS: usize = 100;

/// One image's detections against its true boxes.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageMatches {
    /// True boxes.
    pub truths: usize,
    /// Scores of the detections, descending, with whether each is right at each of [`COCO_THRESHOLDS`].
    pub detections: Vec<(f32, [bool; COCO_THRESHOLDS.len()])>,
}

impl ImageMatches {
    /// Goes through the detections from the highest score down. Each takes the free true box it overlaps most (the last
    /// of several equal ones) if the overlap reaches the threshold; a true box is taken once. Detections of equal score
    /// keep their order; classes are not looked at.
    pub fn new(detections: &[Detection], truths: &[EdgeBox]) -> Self {
        let mut order: Vec<&Detection> = detections.iter().collect();
        order.sort_by(|a, b| b.score.total_cmp(&a.score));
        order.truncate(COCO_DETECTIONS);
        let mut found: Vec<(f32, [bool; COCO_THRESHOLDS.len()])> =
            order.iter().map(|detection| (detection.score, [false; COCO_THRESHOLDS.len()])).collect();
        let overlaps: Vec<Vec<f64>> =
            order.iter().map(|detection| truths.iter().map(|truth| iou(&detection.bounds, truth)).collect()).collect();
        for (index, threshold) in COCO_THRESHOLDS.into_iter().enumerate() {
            let mut free = vec![true; truths.len()];
            for (row, (_, right)) in overlaps.iter().zip(&mut found) {
                let mut best: Option<(usize, f64)> = None;
                for (truth, overlap) in row.iter().enumerate().filter(|(truth, _)| free[*truth]) {
                    if *overlap >= best.map_or(threshold, |(_, overlap)| overlap) {
                        best = Some((truth, *overlap));
                    }
                }
                if let Some((truth, _)) = best {
                    free[truth] = false;
                    right[index] = true;
                }
            }
        }
        Self { truths: truths.len(), detections: found }
    }
}

/// Intersection over union in double precision, so that a threshold is met as exactly as the edges allow.
fn iou(a: &EdgeBox, b: &EdgeBox) -> f64 {
    let span = |low: f32, high: f32| (f64::from(high) - f64::from(low)).max(0.0);
    let area = |edges: &EdgeBox| span(edges.left_px, edges.right_px) * span(edges.top_px, edges.bottom_px);
    let shared = span(a.left_px.max(b.left_px), a.right_px.min(b.right_px))
        * span(a.top_px.max(b.top_px), a.bottom_px.min(b.bottom_px));
    let union = area(a) + area(b) - shared;
    if union > 0.0 { shared / union } else { 0.0 }
}

/// How the area below the precision-recall curve of detections is taken. Both first raise every precision to the highest
/// at equal or greater recall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// Mean precision at recall 0, 0.01, ... 1, as COCO.
    Points101,
    /// Area below the steps, as PASCAL VOC since 2010.
    AllPoints,
}

/// Detections of many images in one order, ready for many resamples of the images.
#[derive(Clone, Debug)]
pub struct DetectionCurve<'a> {
    images: &'a [ImageMatches],
    /// Image and number of every detection, highest score first; equal scores in the order of images.
    order: Vec<(usize, usize)>,
}

impl<'a> DetectionCurve<'a> {
    /// Sorts the detections of all images.
    pub fn new(images: &'a [ImageMatches]) -> Self {
        let mut order: Vec<(usize, usize)> = images
            .iter()
            .enumerate()
            .flat_map(|(image, matches)| (0..matches.detections.len()).map(move |number| (image, number)))
            .collect();
        let score = |(image, number): &(usize, usize)| images[*image].detections[*number].0;
        order.sort_by(|a, b| score(b).total_cmp(&score(a)));
        Self { images, order }
    }

    /// Average precision at the overlap `COCO_THRESHOLDS[threshold]` of the images at `positions`, of which each may occur
    /// several times; nothing where they have no true box.
    pub fn average_precision(
        &self,
        positions: &[usize],
        threshold: usize,
        interpolation: Interpolation,
    ) -> Option<f64> {
        let mut times = vec![0_usize; self.images.len()];
        for position in positions {
            times[*position] += 1;
        }
        let truths: usize = self.images.iter().zip(&times).map(|(image, times)| image.truths * times).sum();
        if truths == 0 {
            return None;
        }
        let (mut recall, mut precision) = (Vec::new(), Vec::new());
        let (mut calls, mut hits) = (0, 0);
        for (image, number) in &self.order {
            for _ in 0..times[*image] {
                calls += 1;
                hits += usize::from(self.images[*image].detections[*number].1[threshold]);
                recall.push(hits as f64 / truths as f64);
                precision.push(hits as f64 / calls as f64);
            }
        }
        for index in (1..precision.len()).rev() {
            precision[index - 1] = precision[index - 1].max(precision[index]);
        }
        Some(match interpolation {
            Interpolation::Points101 => {
                let at = |point: u32| {
                    // Not a division by 100, which would round some points to the other side of a recall that COCO's
                    // own program counts as below.
                    let index = recall.partition_point(|recall| *recall < f64::from(point) * 0.01);
                    precision.get(index).copied().unwrap_or(0.0)
                };
                (0..=100).map(at).sum::<f64>() / 101.0
            }
            Interpolation::AllPoints => {
                let before = std::iter::once(0.0).chain(recall.iter().copied());
                before.zip(recall.iter().zip(&precision)).map(|(before, (here, height))| (here - before) * height).sum()
            }
        })
    }

    /// Mean over [`COCO_THRESHOLDS`] of the average precision at 101 points: COCO's mAP of one class.
    pub fn mean_average_precision(&self, positions: &[usize]) -> Option<f64> {
        let all = (0..COCO_THRESHOLDS.len())
            .map(|threshold| self.average_precision(positions, threshold, Interpolation::Points101));
        let all: Option<Vec<f64>> = all.collect();
        all.map(|all| all.iter().sum::<f64>() / all.len() as f64)
    }
}

/// Average precision of all images at the overlap `COCO_THRESHOLDS[threshold]`; nothing without a true box.
pub fn average_precision(images: &[ImageMatches], threshold: usize, interpolation: Interpolation) -> Option<f64> {
    let all: Vec<usize> = (0..images.len()).collect();
    DetectionCurve::new(images).average_precision(&all, threshold, interpolation)
}
