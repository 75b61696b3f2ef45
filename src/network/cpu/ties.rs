//! Exact ties: equal neighbourhoods must stay equal on the way to a max pool.
//!
//! Where an image is constant (a black border, the baseline of a path), so are the layers above, and a max pool there
//! gives its gradient to the first of many equal values. Winograd's filtering rounds the pixels of a tile differently,
//! which would break such ties at random and with them the gradient. Direct sums give equal neighbourhoods equal bits. So
//! images with a flat block take direct sums below max pools; all others, noisy copies above all, have no ties to lose.

use super::super::graph::Graph;
use super::super::op::Op;

/// What exact ties ask of the passes over images of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TieRule {
    /// Nodes on the way to a max pool that can meet ties.
    pub(super) critical: Vec<bool>,
    /// Side in pixels of the smallest constant block of an image that can lead to a tie.
    pub(super) block_px: usize,
}

impl TieRule {
    /// The rule for a graph whose nodes have the given extents; `None` where no max pool can meet a tie that a
    /// convolution wider than a pixel made.
    pub(super) fn new(graph: &Graph, extents: &[[usize; 2]]) -> Option<Self> {
        let reaches = reaches(graph);
        let mut critical = vec![false; graph.nodes().len()];
        let mut block_px = usize::MAX;
        for (index, node) in graph.nodes().iter().enumerate().rev() {
            if matches!(node.op, Op::MaxPool(_)) {
                let input = node.inputs[0].index();
                let inner = |axis: usize| extents[input][axis].saturating_sub(2 * reaches[input].border[axis]);
                // The border's zeros reach all pixels of a small deep layer: nothing is constant there.
                if inner(0).max(inner(1)) >= 2 {
                    critical[input] = true;
                    block_px = block_px.min(reaches[input].field_px);
                }
            }
            if critical[index] {
                for input in &node.inputs {
                    critical[input.index()] = true;
                }
            }
        }
        let wide = graph.nodes().iter().zip(&critical).any(|(node, critical)| {
            *critical && matches!(node.op, Op::Conv2d(conv) if conv.kernel != [1, 1] && conv.stride == [1, 1])
        });
        wide.then_some(Self { critical, block_px })
    }

    /// Whether an image `[c, h, w]` of `width` columns holds a constant block that can lead to a tie.
    pub(super) fn applies(&self, image: &[f32], height: usize, width: usize) -> bool {
        has_flat_block(image, height, width, self.block_px.min(height).min(width))
    }
}

/// How far a node's output pixels see.
#[derive(Clone, Copy)]
struct Reach {
    /// Side of the square of image pixels that one output pixel can depend on along its shorter path.
    field_px: usize,
    /// Image pixels from one output pixel to the next.
    jump_px: usize,
    /// Rows and columns of the output that the image's border can have changed.
    border: [usize; 2],
}

fn reaches(graph: &Graph) -> Vec<Reach> {
    let mut reaches: Vec<Reach> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let inputs = || node.inputs.iter().map(|id| reaches[id.index()]);
        let mut reach = Reach {
            field_px: inputs().map(|reach| reach.field_px).min().unwrap_or(1),
            jump_px: inputs().map(|reach| reach.jump_px).max().unwrap_or(1),
            border: [0, 1].map(|axis| inputs().map(|reach| reach.border[axis]).max().unwrap_or(0)),
        };
        let window = match node.op {
            Op::Conv2d(conv) => Some((conv.span(), conv.stride, conv.padding)),
            Op::MaxPool(pool) | Op::AvgPool { pool, .. } => Some((pool.kernel, pool.stride, pool.padding)),
            _ => None,
        };
        if let Some((kernel, stride, padding)) = window {
            reach.field_px += (kernel[0].min(kernel[1]) - 1) * reach.jump_px;
            reach.jump_px *= stride[0].max(stride[1]);
            reach.border = [0, 1].map(|axis| {
                (reach.border[axis] + padding.before[axis].max(padding.after[axis])).div_ceil(stride[axis])
            });
        }
        reaches.push(reach);
    }
    reaches
}

/// Whether some `side` x `side` pixels of an image `[c, h, w]` are equal in every channel.
fn has_flat_block(image: &[f32], height: usize, width: usize, side: usize) -> bool {
    let planes = || image.chunks_exact(height * width);
    // Side of the largest constant square that ends at each pixel of the row above and of this row.
    let mut above = vec![0; width];
    let mut here = vec![0; width];
    for y in 0..height {
        for x in 0..width {
            let at = y * width + x;
            let joined = y > 0
                && x > 0
                && planes().all(|plane| {
                    let value = plane[at].to_bits();
                    [at - 1, at - width, at - width - 1].iter().all(|other| plane[*other].to_bits() == value)
                });
            here[x] = if joined { 1 + above[x].min(above[x - 1]).min(here[x - 1]) } else { 1 };
            if here[x] >= side {
                return true;
            }
        }
        std::mem::swap(&mut above, &mut here);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::super::{Architecture, Variant};
    use super::*;

    #[test]
    fn inception_meets_ties_up_to_its_first_reduction_and_densenet_in_no_filtered_layer() {
        let graph = Architecture::InceptionV3.graph(&Variant::default());
        let extents = graph.extents(320, 320).unwrap();
        let rule = TieRule::new(&graph, &extents).unwrap();
        let critical = |name: &str| rule.critical[graph.find(name).unwrap().index()];
        assert!(critical("Conv2d_2a_3x3.conv") && critical("Mixed_5d.branch3x3dbl_3.conv"));
        assert!(!critical("Mixed_6a.branch3x3dbl_2.conv") && !critical("Mixed_7b.branch3x3dbl_2.conv"));
        // 3x3 with stride 2, then two 3x3: 3 + 2 * 2 + 2 * 2 pixels.
        assert_eq!(rule.block_px, 11);

        let graph = Architecture::DenseNet121.graph(&Variant::default());
        assert_eq!(TieRule::new(&graph, &graph.extents(320, 320).unwrap()), None);
    }

    #[test]
    fn flat_blocks_are_found_whatever_surrounds_them() {
        let (height, width) = (9, 12);
        let noisy: Vec<f32> = (0..2 * height * width).map(|index| (index * 7919 % 1009) as f32).collect();
        assert!(!has_flat_block(&noisy, height, width, 2));
        let mut image = noisy.clone();
        for plane in 0..2 {
            for y in 3..7 {
                for x in 5..9 {
                    image[(plane * height + y) * width + x] = plane as f32;
                }
            }
        }
        assert!(has_flat_block(&image, height, width, 4));
        assert!(!has_flat_block(&image, height, width, 5));
        // One channel alone does not make a block.
        image[(height + 5) * width + 6] += 1.0;
        assert!(!has_flat_block(&image, height, width, 4));
        assert!(has_flat_block(&vec![0.5; height * width], height, width, 9));
    }
}
