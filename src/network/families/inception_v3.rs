//! InceptionV3 (Szegedy et al. 2016) in torchvision's naming, blocks named as in Keras and in the study.

use super::super::architecture::Variant;
use super::super::graph::{Graph, NodeId};
use super::super::graph_builder::{GraphBuilder, scaled_channels};
use super::super::head::{self, OwnHead};
use super::super::op::{BatchNorm, Conv2d, Pool};

/// The smallest image side the network accepts, in pixels.
pub(in super::super) const MIN_INPUT_PX: usize = 75;
/// The first kernel.
pub(in super::super) const FIRST_KERNEL: &str = "Conv2d_1a_3x3.conv.weight";
/// The last layer.
pub(in super::super) const HEAD: &str = "fc";

/// Describes InceptionV3 without its auxiliary head and dropout. Blocks: `stem`, `mixed0` ... `mixed10`, `logits`.
pub(in super::super) fn graph(name: &str, variant: &Variant) -> Graph {
    let (builder, image) = GraphBuilder::new(variant.input_channels, "stem");
    let Variant { width, norm_scale, count_include_pad, .. } = *variant;
    let mut net = Inception { builder, width, norm_scale, count_include_pad };
    let mut x = net.basic("Conv2d_1a_3x3", image, 32, [3, 3], 2, [0, 0]);
    x = net.basic("Conv2d_2a_3x3", x, 32, [3, 3], 1, [0, 0]);
    x = net.basic("Conv2d_2b_3x3", x, 64, [3, 3], 1, [1, 1]);
    x = net.builder.max_pool("maxpool1", x, HALVING);
    x = net.basic("Conv2d_3b_1x1", x, 80, [1, 1], 1, [0, 0]);
    x = net.basic("Conv2d_4a_3x3", x, 192, [3, 3], 1, [0, 0]);
    x = net.builder.max_pool("maxpool2", x, HALVING);
    x = net.module_a("mixed0", "Mixed_5b", x, 32);
    x = net.module_a("mixed1", "Mixed_5c", x, 64);
    x = net.module_a("mixed2", "Mixed_5d", x, 64);
    x = net.module_b("mixed3", "Mixed_6a", x);
    x = net.module_c("mixed4", "Mixed_6b", x, 128);
    x = net.module_c("mixed5", "Mixed_6c", x, 160);
    x = net.module_c("mixed6", "Mixed_6d", x, 160);
    x = net.module_c("mixed7", "Mixed_6e", x, 192);
    x = net.module_d("mixed8", "Mixed_7a", x);
    x = net.module_e("mixed9", "Mixed_7b", x);
    let features = net.module_e("mixed10", "Mixed_7c", x);
    let Variant { head, classes, .. } = variant;
    head::finish(net.builder, name, features, &OwnHead::single(HEAD), head.as_ref(), *classes, MIN_INPUT_PX)
}

const HALVING: Pool = Pool::square(3, 2, 0);

struct Inception {
    builder: GraphBuilder,
    width: f64,
    norm_scale: bool,
    count_include_pad: bool,
}

impl Inception {
    /// Convolution without bias, batch normalization, ReLU.
    fn basic(
        &mut self,
        name: &str,
        input: NodeId,
        channels: usize,
        kernel: [usize; 2],
        stride: usize,
        padding: [usize; 2],
    ) -> NodeId {
        let out_channels = scaled_channels(channels, self.width);
        let conv = Conv2d::new(out_channels, kernel).stride([stride; 2]).padding(padding);
        let x = self.builder.conv(&format!("{name}.conv"), input, conv);
        let norm = BatchNorm { eps: 1e-3, scale: self.norm_scale };
        let x = self.builder.batch_norm(&format!("{name}.bn"), x, norm);
        self.builder.relu(&format!("{name}.relu"), x)
    }

    fn pool_branch(&mut self, module: &str, input: NodeId, channels: usize) -> NodeId {
        let pool = Pool::square(3, 1, 1);
        let name = format!("{module}.avgpool");
        let x = self.builder.avg_pool(&name, input, pool, self.count_include_pad);
        self.basic(&format!("{module}.branch_pool"), x, channels, [1, 1], 1, [0, 0])
    }

    /// 35x35 module (of the published 299-pixel network).
    fn module_a(&mut self, block: &str, module: &str, input: NodeId, pool_channels: usize) -> NodeId {
        self.builder.block(block);
        let name = |branch: &str| format!("{module}.{branch}");
        let branch1x1 = self.basic(&name("branch1x1"), input, 64, [1, 1], 1, [0, 0]);
        let x = self.basic(&name("branch5x5_1"), input, 48, [1, 1], 1, [0, 0]);
        let branch5x5 = self.basic(&name("branch5x5_2"), x, 64, [5, 5], 1, [2, 2]);
        let x = self.basic(&name("branch3x3dbl_1"), input, 64, [1, 1], 1, [0, 0]);
        let x = self.basic(&name("branch3x3dbl_2"), x, 96, [3, 3], 1, [1, 1]);
        let branch3x3dbl = self.basic(&name("branch3x3dbl_3"), x, 96, [3, 3], 1, [1, 1]);
        let pool = self.pool_branch(module, input, pool_channels);
        self.builder.concat(module, &[branch1x1, branch5x5, branch3x3dbl, pool])
    }

    /// Reduction to 17x17.
    fn module_b(&mut self, block: &str, module: &str, input: NodeId) -> NodeId {
        self.builder.block(block);
        let name = |branch: &str| format!("{module}.{branch}");
        let branch3x3 = self.basic(&name("branch3x3"), input, 384, [3, 3], 2, [0, 0]);
        let x = self.basic(&name("branch3x3dbl_1"), input, 64, [1, 1], 1, [0, 0]);
        let x = self.basic(&name("branch3x3dbl_2"), x, 96, [3, 3], 1, [1, 1]);
        let branch3x3dbl = self.basic(&name("branch3x3dbl_3"), x, 96, [3, 3], 2, [0, 0]);
        let pool = self.builder.max_pool(&name("maxpool"), input, HALVING);
        self.builder.concat(module, &[branch3x3, branch3x3dbl, pool])
    }

    /// 17x17 module with factorized 7x7 convolutions.
    fn module_c(&mut self, block: &str, module: &str, input: NodeId, c7: usize) -> NodeId {
        self.builder.block(block);
        let name = |branch: &str| format!("{module}.{branch}");
        let row = ([1, 7], [0, 3]);
        let column = ([7, 1], [3, 0]);
        let branch1x1 = self.basic(&name("branch1x1"), input, 192, [1, 1], 1, [0, 0]);
        let x = self.basic(&name("branch7x7_1"), input, c7, [1, 1], 1, [0, 0]);
        let x = self.basic(&name("branch7x7_2"), x, c7, row.0, 1, row.1);
        let branch7x7 = self.basic(&name("branch7x7_3"), x, 192, column.0, 1, column.1);
        let x = self.basic(&name("branch7x7dbl_1"), input, c7, [1, 1], 1, [0, 0]);
        let x = self.basic(&name("branch7x7dbl_2"), x, c7, column.0, 1, column.1);
        let x = self.basic(&name("branch7x7dbl_3"), x, c7, row.0, 1, row.1);
        let x = self.basic(&name("branch7x7dbl_4"), x, c7, column.0, 1, column.1);
        let branch7x7dbl = self.basic(&name("branch7x7dbl_5"), x, 192, row.0, 1, row.1);
        let pool = self.pool_branch(module, input, 192);
        self.builder.concat(module, &[branch1x1, branch7x7, branch7x7dbl, pool])
    }

    /// Reduction to 8x8.
    fn module_d(&mut self, block: &str, module: &str, input: NodeId) -> NodeId {
        self.builder.block(block);
        let name = |branch: &str| format!("{module}.{branch}");
        let x = self.basic(&name("branch3x3_1"), input, 192, [1, 1], 1, [0, 0]);
        let branch3x3 = self.basic(&name("branch3x3_2"), x, 320, [3, 3], 2, [0, 0]);
        let x = self.basic(&name("branch7x7x3_1"), input, 192, [1, 1], 1, [0, 0]);
        let x = self.basic(&name("branch7x7x3_2"), x, 192, [1, 7], 1, [0, 3]);
        let x = self.basic(&name("branch7x7x3_3"), x, 192, [7, 1], 1, [3, 0]);
        let branch7x7x3 = self.basic(&name("branch7x7x3_4"), x, 192, [3, 3], 2, [0, 0]);
        let pool = self.builder.max_pool(&name("maxpool"), input, HALVING);
        self.builder.concat(module, &[branch3x3, branch7x7x3, pool])
    }

    /// 8x8 module with expanded filter bank.
    fn module_e(&mut self, block: &str, module: &str, input: NodeId) -> NodeId {
        self.builder.block(block);
        let name = |branch: &str| format!("{module}.{branch}");
        let branch1x1 = self.basic(&name("branch1x1"), input, 320, [1, 1], 1, [0, 0]);
        let x = self.basic(&name("branch3x3_1"), input, 384, [1, 1], 1, [0, 0]);
        let a = self.basic(&name("branch3x3_2a"), x, 384, [1, 3], 1, [0, 1]);
        let b = self.basic(&name("branch3x3_2b"), x, 384, [3, 1], 1, [1, 0]);
        let branch3x3 = self.builder.concat(&name("branch3x3_2"), &[a, b]);
        let x = self.basic(&name("branch3x3dbl_1"), input, 448, [1, 1], 1, [0, 0]);
        let x = self.basic(&name("branch3x3dbl_2"), x, 384, [3, 3], 1, [1, 1]);
        let a = self.basic(&name("branch3x3dbl_3a"), x, 384, [1, 3], 1, [0, 1]);
        let b = self.basic(&name("branch3x3dbl_3b"), x, 384, [3, 1], 1, [1, 0]);
        let branch3x3dbl = self.builder.concat(&name("branch3x3dbl_3"), &[a, b]);
        let pool = self.pool_branch(module, input, 192);
        self.builder.concat(module, &[branch1x1, branch3x3, branch3x3dbl, pool])
    }
}
