//! InceptionV3 (Szegedy et al. 2016) in torchvision's naming, blocks named as in Keras and in the study.

use super::graph::{Graph, NodeId};
use super::graph_builder::{GraphBuilder, scaled_channels};
use super::op::{BatchNorm, Conv2d, Pool};

/// What may vary between two InceptionV3 networks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Channels of the image.
    pub input_channels: usize,
    /// Number of logits.
    pub classes: usize,
    /// Multiplier on every layer's channels; 1.0 is the published network.
    pub width: f64,
    /// Average pools count the zeros of their border (torchvision) or divide by the valid count (Keras).
    pub count_include_pad: bool,
    /// Batch normalization has a learned factor (torchvision) or none (Keras).
    pub norm_scale: bool,
}

impl Default for Config {
    /// The network of the study: 3 channels, 2 classes, full width, torchvision's rules.
    fn default() -> Self {
        Self { input_channels: 3, classes: 2, width: 1.0, count_include_pad: true, norm_scale: true }
    }
}

/// The smallest image side the network accepts, in pixels.
pub const MIN_INPUT_PX: usize = 75;

/// Describes InceptionV3 without its auxiliary head and dropout. Blocks: `stem`, `mixed0` ... `mixed10`, `logits`.
pub fn inception_v3(config: &Config) -> Graph {
    let (builder, image) = GraphBuilder::new(config.input_channels, "stem");
    let mut net = Inception { builder, config: *config };
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
    net.builder.block("logits");
    let pooled = net.builder.global_avg_pool("avgpool", features);
    net.builder.linear("fc", pooled, config.classes);
    net.builder.finish("inception_v3", features, MIN_INPUT_PX)
}

const HALVING: Pool = Pool::square(3, 2, 0);

struct Inception {
    builder: GraphBuilder,
    config: Config,
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
        let out_channels = scaled_channels(channels, self.config.width);
        let conv = Conv2d::new(out_channels, kernel).stride([stride; 2]).padding(padding);
        let x = self.builder.conv(&format!("{name}.conv"), input, conv);
        let norm = BatchNorm { eps: 1e-3, scale: self.config.norm_scale };
        let x = self.builder.batch_norm(&format!("{name}.bn"), x, norm);
        self.builder.relu(&format!("{name}.relu"), x)
    }

    fn pool_branch(&mut self, module: &str, input: NodeId, channels: usize) -> NodeId {
        let pool = Pool::square(3, 1, 1);
        let name = format!("{module}.avgpool");
        let x = self.builder.avg_pool(&name, input, pool, self.config.count_include_pad);
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
