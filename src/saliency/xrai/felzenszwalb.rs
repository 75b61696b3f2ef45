//! Felzenszwalb and Huttenlocher's graph segmentation, with scikit-image's edge costs, order and rounding.
//!
//! Regions grow along the edges between neighbouring pixels, the cheapest edge first: two regions join where the edge
//! costs less than `largest cost inside + scale / size` of both. The smoothing, the costs and the order of the edges
//! do not depend on the scale, so one [`EdgeList`] serves all of them.
//!
//! Felzenszwalb PF, Huttenlocher DP. Efficient graph-based image segmentation. Int J Comput Vis 2004;59:167-181.

use crate::saliency::resize::gaussian::{self, Border};

/// The four neighbours every pixel shares an edge with; the declared order breaks ties between equal costs.
#[derive(Clone, Copy)]
enum Direction {
    Right,
    Down,
    DownRight,
    UpRight,
}

impl Direction {
    const ALL: [Self; 4] = [Self::Right, Self::Down, Self::DownRight, Self::UpRight];

    /// For an edge that lies within the 2 x 2 pixels at `base`: its two ends, counted from `base`.
    fn ends(self, width: usize) -> [usize; 2] {
        match self {
            Self::Right => [0, 1],
            Self::Down => [0, width],
            Self::DownRight => [0, width + 1],
            Self::UpRight => [1, width],
        }
    }

    /// How many edges of this kind a row and a column hold less than there are pixels.
    fn missing(self) -> [usize; 2] {
        match self {
            Self::Right => [0, 1],
            Self::Down => [1, 0],
            Self::DownRight | Self::UpRight => [1, 1],
        }
    }
}

/// One edge: its cost and the two pixels it joins (row-major indices).
#[derive(Clone, Copy)]
struct Edge {
    cost: f64,
    ends: [u32; 2],
}

/// All edges of an image in order of cost.
pub(super) struct EdgeList {
    edges: Vec<Edge>,
    size: [usize; 2],
}

impl EdgeList {
    /// Smooths `planes` by σ and sorts the edges of the result by the Euclidean distance of their ends' channels.
    ///
    /// Each plane is `[h, w]` and counts `copies` times: one plane with three copies is an image of three equal
    /// channels.
    pub(super) fn new(planes: &[&[f32]], copies: usize, size: [usize; 2], sigma_px: f64) -> Self {
        let smooth: Vec<Vec<f64>> = planes
            .iter()
            .map(|plane| {
                let plane: Vec<f64> = plane.iter().map(|&value| f64::from(value)).collect();
                gaussian::filter(&plane, size, [sigma_px; 2], Border::Reflect)
            })
            .collect();
        let costs = Direction::ALL.map(|direction| costs(&smooth, copies, size, direction));
        Self { edges: sorted_edges(&costs, size), size }
    }

    /// Segments at one `scale`; regions of fewer than `min_size` pixels join a neighbour.
    ///
    /// Returns the label of each pixel, `[h, w]`; labels count from 0 in the order of their first pixels.
    pub(super) fn segment(&self, scale: f64, min_size: usize) -> Vec<i32> {
        let pixels = self.size[0] * self.size[1];
        let min_size = u32::try_from(min_size).unwrap_or(u32::MAX);
        // The published implementation scales images to 0..255.
        let scale = scale / 255.0;
        let mut regions = Regions::new(pixels);
        // The bound on the next cost, rounded as scikit-image rounds it.
        let bound = |largest_cost: f64, size: u32| (largest_cost + scale / f64::from(size)) as f32;
        let mut bounds = vec![bound(0.0, 1); pixels];
        let mut undecided = Vec::new();
        for edge in &self.edges {
            let [a, b] = edge.ends.map(|end| regions.root(end));
            if a == b {
                continue;
            }
            if edge.cost < f64::from(bounds[a as usize].min(bounds[b as usize])) {
                let root = regions.join(a, b);
                bounds[root as usize] = bound(edge.cost, regions.sizes[root as usize]);
            } else if regions.sizes[a as usize] < min_size || regions.sizes[b as usize] < min_size {
                undecided.push([a, b]);
            }
        }
        for [a, b] in undecided {
            let [a, b] = [regions.root(a), regions.root(b)];
            if a != b && (regions.sizes[a as usize] < min_size || regions.sizes[b as usize] < min_size) {
                regions.join(a, b);
            }
        }
        regions.labels()
    }
}

/// Disjoint sets of pixels.
struct Regions {
    parents: Vec<u32>,
    /// Pixels of the region; current at roots only.
    sizes: Vec<u32>,
}

impl Regions {
    fn new(pixels: usize) -> Self {
        Self { parents: (0..pixels as u32).collect(), sizes: vec![1; pixels] }
    }

    /// The pixel that stands for the region of `pixel`; halves the path to it.
    fn root(&mut self, mut pixel: u32) -> u32 {
        loop {
            let parent = self.parents[pixel as usize];
            if parent == pixel {
                return pixel;
            }
            let grandparent = self.parents[parent as usize];
            self.parents[pixel as usize] = grandparent;
            pixel = grandparent;
        }
    }

    /// Joins the regions of two different roots; returns the root of the union.
    fn join(&mut self, a: u32, b: u32) -> u32 {
        let (small, large) = if self.sizes[a as usize] < self.sizes[b as usize] { (a, b) } else { (b, a) };
        self.parents[small as usize] = large;
        self.sizes[large as usize] += self.sizes[small as usize];
        large
    }

    fn labels(mut self) -> Vec<i32> {
        const NONE: i32 = -1;
        let mut of_root = vec![NONE; self.parents.len()];
        let mut next = 0;
        (0..self.parents.len() as u32)
            .map(|pixel| {
                let label = &mut of_root[self.root(pixel) as usize];
                if *label == NONE {
                    *label = next;
                    next += 1;
                }
                *label
            })
            .collect()
    }
}

/// Costs of all edges of one direction, at the index of their 2 x 2 pixels' first; unused ones are 0.
fn costs(planes: &[Vec<f64>], copies: usize, [height, width]: [usize; 2], direction: Direction) -> Vec<f64> {
    let [a, b] = direction.ends(width);
    let [rows, columns] = [height - direction.missing()[0], width - direction.missing()[1]];
    let mut costs = vec![0.0; height * width];
    for (y, costs) in costs.chunks_exact_mut(width).enumerate().take(rows) {
        let costs = &mut costs[..columns];
        for plane in planes {
            let ends = plane[y * width + a..].iter().zip(&plane[y * width + b..]);
            for (cost, (a, b)) in costs.iter_mut().zip(ends) {
                let squared = (b - a) * (b - a);
                // Repeated addition, not a product: the sum over channels rounds after each.
                for _ in 0..copies {
                    *cost += squared;
                }
            }
        }
        for cost in costs {
            *cost = cost.sqrt();
        }
    }
    costs
}

/// Sorts all edges by cost, equal costs by direction and then row by row.
fn sorted_edges(costs: &[Vec<f64>; 4], [height, width]: [usize; 2]) -> Vec<Edge> {
    // The upper half of a non-negative float's bits orders it up to 20 bits of its mantissa. Sorting these first and
    // the few runs that share them afterwards moves half as many bytes, half as often.
    let mut keys = Vec::with_capacity(4 * height * width);
    for (direction, costs) in Direction::ALL.into_iter().zip(costs) {
        let [rows, columns] = [height - direction.missing()[0], width - direction.missing()[1]];
        for y in 0..rows {
            let base = y * width;
            keys.extend(costs[base..base + columns].iter().enumerate().map(|(x, cost)| {
                let payload = ((base + x) as u64) << 2 | direction as u64;
                cost.to_bits() & (u64::MAX << 32) | payload
            }));
        }
    }
    let keys = radix_sorted(keys);
    let ends = Direction::ALL.map(|direction| direction.ends(width));
    let mut edges: Vec<Edge> = keys
        .iter()
        .map(|&key| {
            let (base, direction) = ((key as u32) >> 2, (key & 3) as usize);
            let cost = costs[direction][base as usize];
            Edge { cost, ends: ends[direction].map(|end| base + end as u32) }
        })
        .collect();
    let mut start = 0;
    for run in keys.chunk_by(|a, b| a >> 32 == b >> 32) {
        let edges = &mut edges[start..start + run.len()];
        start += run.len();
        if !edges.is_sorted_by(|a, b| a.cost <= b.cost) {
            edges.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        }
    }
    edges
}

/// Sorts by the upper 32 bits; equal ones keep their order.
fn radix_sorted(mut keys: Vec<u64>) -> Vec<u64> {
    const DIGITS: [(u32, u32); 3] = [(32, 11), (43, 11), (54, 10)];
    let mut sorted = vec![0; keys.len()];
    for (shift, bits) in DIGITS {
        let digit = |key: u64| ((key >> shift) & ((1 << bits) - 1)) as usize;
        let mut positions = vec![0_usize; 1 << bits];
        for &key in &keys {
            positions[digit(key)] += 1;
        }
        let mut start = 0;
        for position in &mut positions {
            let count = *position;
            *position = start;
            start += count;
        }
        for &key in &keys {
            let position = &mut positions[digit(key)];
            sorted[*position] = key;
            *position += 1;
        }
        std::mem::swap(&mut keys, &mut sorted);
    }
    keys
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Images of few values, full of equal costs, and of many.
    fn image() -> impl Strategy<Value = (Vec<f32>, [usize; 2])> {
        (1_usize..24, 1_usize..24, prop_oneof![Just(2_u16), Just(5), Just(u16::MAX)]).prop_flat_map(|(h, w, values)| {
            let image =
                prop::collection::vec((0..values).prop_map(move |value| f32::from(value) / f32::from(values)), h * w);
            (image, Just([h, w]))
        })
    }

    /// The definition, step by step: a stable sort, and the label of every pixel rewritten at each join.
    fn segmented_by_definition(image: &[f32], [height, width]: [usize; 2], scale: f64, min_size: usize) -> Vec<i32> {
        let mut edges = Vec::new();
        for direction in Direction::ALL {
            for y in 0..height {
                for x in 0..width {
                    let [a, b] = match direction {
                        Direction::Right => [[y, x], [y, x + 1]],
                        Direction::Down => [[y, x], [y + 1, x]],
                        Direction::DownRight => [[y, x], [y + 1, x + 1]],
                        Direction::UpRight => [[y, x + 1], [y + 1, x]],
                    };
                    if [a, b].iter().all(|&[y, x]| y < height && x < width) {
                        let [a, b] = [a, b].map(|[y, x]| y * width + x);
                        let difference = f64::from(image[b]) - f64::from(image[a]);
                        edges.push(((difference * difference).sqrt(), a, b));
                    }
                }
            }
        }
        edges.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut regions: Vec<usize> = (0..image.len()).collect();
        let mut largest_costs = vec![0.0; image.len()];
        let join = |regions: &mut Vec<usize>, a: usize, b: usize| {
            let joined = a.min(b);
            regions.iter_mut().filter(|region| **region == a || **region == b).for_each(|region| *region = joined);
            joined
        };
        let size = |regions: &[usize], region: usize| regions.iter().filter(|&&other| other == region).count();
        for &(cost, a, b) in &edges {
            let (a, b) = (regions[a], regions[b]);
            let bound = |region| (largest_costs[region] + scale / 255.0 / size(&regions, region) as f64) as f32;
            if a != b && cost < f64::from(bound(a).min(bound(b))) {
                let joined = join(&mut regions, a, b);
                largest_costs[joined] = cost;
            }
        }
        for &(_, a, b) in &edges {
            let (a, b) = (regions[a], regions[b]);
            if a != b && (size(&regions, a) < min_size || size(&regions, b) < min_size) {
                join(&mut regions, a, b);
            }
        }
        let mut roots = regions.clone();
        roots.sort_unstable();
        roots.dedup();
        regions.iter().map(|region| roots.binary_search(region).unwrap() as i32).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn labels_follow_the_definition((image, size) in image(), scale in 0.0..400.0_f64, min_size in 0_usize..20) {
            let edges = EdgeList::new(&[&image], 1, size, 0.0);
            prop_assert_eq!(edges.segment(scale, min_size), segmented_by_definition(&image, size, scale, min_size));
        }

        #[test]
        fn segments_are_connected_and_large_enough((image, [h, w]) in image(), scale in 0.0..400.0_f64, min_size in 0_usize..60) {
            let labels = EdgeList::new(&[&image], 3, [h, w], 0.8).segment(scale, min_size);
            let count = *labels.iter().max().unwrap() as usize + 1;
            let mut sizes = vec![0; count];
            labels.iter().for_each(|&label| sizes[label as usize] += 1);
            prop_assert!(sizes.iter().all(|&size| size >= min_size.clamp(1, h * w)));
            // As many connected parts of one label as labels: flood each part from its first pixel.
            let mut seen = vec![false; h * w];
            let mut parts = 0;
            for start in 0..h * w {
                if seen[start] {
                    continue;
                }
                parts += 1;
                let mut open = vec![start];
                while let Some(pixel) = open.pop() {
                    if std::mem::replace(&mut seen[pixel], true) {
                        continue;
                    }
                    let (y, x) = (pixel / w, pixel % w);
                    for y in y.saturating_sub(1)..(y + 2).min(h) {
                        let neighbours = (x.saturating_sub(1)..(x + 2).min(w)).map(|x| y * w + x);
                        open.extend(neighbours.filter(|&neighbour| labels[neighbour] == labels[pixel]));
                    }
                }
            }
            prop_assert_eq!(parts, count);
        }
    }

    #[test]
    fn edges_of_one_cost_keep_their_order() {
        let edges = EdgeList::new(&[&[0.5; 6]], 1, [2, 3], 0.8).edges;
        let ends: Vec<[u32; 2]> = edges.iter().map(|edge| edge.ends).collect();
        let expected = [[0, 1], [1, 2], [3, 4], [4, 5], [0, 3], [1, 4], [2, 5], [0, 4], [1, 5], [1, 3], [2, 4]];
        assert_eq!(ends, expected);
    }
}
