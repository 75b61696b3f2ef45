//! Borders as TensorFlow's `SAME` has them, for images of one size.

use super::architecture::Architecture;
use super::error::Result;
use super::graph::Graph;
use super::op::{Border, Op};

impl Graph {
    /// The same network with every convolution padded by TensorFlow's rule for images of `[height, width]` pixels: it writes
    /// `ceil(in / stride)` rows, and of the zeros that this takes the odd one goes below the last row; columns alike. The
    /// graph is of no architecture any more: images of another size have other borders.
    ///
    /// # Errors
    /// As [`Graph::extents`].
    pub fn with_same_borders(&self, [height, width]: [usize; 2]) -> Result<Self> {
        let mut graph = self.clone();
        Architecture::Imported.name().clone_into(&mut graph.architecture);
        for index in 0..graph.nodes.len() {
            let Op::Conv2d(mut conv) = graph.nodes[index].op else { continue };
            let input = graph.nodes[index].inputs[0];
            let extent = graph.extents(height, width)?[input.0];
            let span = conv.span();
            let sums = [0, 1].map(|axis| {
                let steps = extent[axis].div_ceil(conv.stride[axis]) - 1;
                (steps * conv.stride[axis] + span[axis]).saturating_sub(extent[axis])
            });
            let before = sums.map(|sum| sum / 2);
            conv.padding = Border { before, after: [0, 1].map(|axis| sums[axis] - before[axis]) };
            graph.nodes[index].op = Op::Conv2d(conv);
        }
        Ok(graph)
    }
}
