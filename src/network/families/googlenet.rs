//! GoogLeNet (Szegedy et al. 2015) in torchvision's naming, without its auxiliary heads: batch normalization behind every
//! convolution, 3x3 kernels where the article has 5x5, pools that keep a last window beyond the border.

use super::super::architecture::Variant;
use super::super::graph::{Graph, NodeId};
use super::super::graph_builder::scaled_channels;
use super::super::head::{self, OwnHead};
use super::super::op::Pool;
use super::layers::{Layers, same};

/// The smallest image side the network accepts, in pixels.
pub(in super::super) const MIN_INPUT_PX: usize = 15;
/// The first kernel.
pub(in super::super) const FIRST_KERNEL: &str = "conv1.conv.weight";
/// The last layer.
pub(in super::super) const HEAD: &str = "fc";

/// Modules with the channels that torchvision gives them: 1x1; 3x3 reduced and out; "5x5" reduced and out; of the pool. A
/// pool follows the second and the seventh.
const MODULES: [(&str, [usize; 6]); 9] = [
    ("inception3a", [64, 96, 128, 16, 32, 32]),
    ("inception3b", [128, 128, 192, 32, 96, 64]),
    ("inception4a", [192, 96, 208, 16, 48, 64]),
    ("inception4b", [160, 112, 224, 24, 64, 64]),
    ("inception4c", [128, 128, 256, 24, 64, 64]),
    ("inception4d", [112, 144, 288, 32, 64, 64]),
    ("inception4e", [256, 160, 320, 32, 128, 128]),
    ("inception5a", [256, 160, 320, 32, 128, 128]),
    ("inception5b", [384, 192, 384, 48, 128, 128]),
];

/// Describes GoogLeNet. Blocks: `stem`, `inception3a` ... `inception5b`, `logits`.
pub(in super::super) fn graph(name: &str, variant: &Variant) -> Graph {
    let (layers, image) = Layers::new(variant.input_channels, variant.norm_eps);
    let mut net = GoogLeNet { layers, width: variant.width };
    let mut x = net.basic("conv1", image, 64, 7, 2);
    x = net.layers.builder.max_pool("maxpool1", x, halving(3));
    x = net.basic("conv2", x, 64, 1, 1);
    x = net.basic("conv3", x, 192, 3, 1);
    x = net.layers.builder.max_pool("maxpool2", x, halving(3));
    for (module, channels) in MODULES {
        net.layers.builder.block(module);
        x = net.module(module, x, channels);
        x = match module {
            "inception3b" => net.layers.builder.max_pool("maxpool3", x, halving(3)),
            "inception4e" => net.layers.builder.max_pool("maxpool4", x, halving(2)),
            _ => x,
        };
    }
    let Variant { head, classes, .. } = variant;
    head::finish(net.layers.builder, name, x, &OwnHead::single(HEAD), head.as_ref(), *classes, MIN_INPUT_PX)
}

const fn halving(kernel: usize) -> Pool {
    Pool { ceil_mode: true, ..Pool::square(kernel, 2, 0) }
}

struct GoogLeNet {
    layers: Layers,
    width: f64,
}

impl GoogLeNet {
    /// Convolution without bias, batch normalization, ReLU.
    fn basic(&mut self, name: &str, input: NodeId, channels: usize, kernel: usize, stride: usize) -> NodeId {
        let shape = same(scaled_channels(channels, self.width), kernel, stride);
        let x = self.layers.conv_norm([&format!("{name}.conv"), &format!("{name}.bn")], input, shape);
        self.layers.builder.relu(&format!("{name}.relu"), x)
    }

    /// Four branches side by side.
    fn module(&mut self, module: &str, input: NodeId, channels: [usize; 6]) -> NodeId {
        let [only, reduced3, out3, reduced5, out5, pooled] = channels;
        let name = |branch: &str| format!("{module}.{branch}");
        let branch1 = self.basic(&name("branch1"), input, only, 1, 1);
        let x = self.basic(&name("branch2.0"), input, reduced3, 1, 1);
        let branch2 = self.basic(&name("branch2.1"), x, out3, 3, 1);
        let x = self.basic(&name("branch3.0"), input, reduced5, 1, 1);
        let branch3 = self.basic(&name("branch3.1"), x, out5, 3, 1);
        let pool = Pool { ceil_mode: true, ..Pool::square(3, 1, 1) };
        let x = self.layers.builder.max_pool(&name("branch4.0"), input, pool);
        let branch4 = self.basic(&name("branch4.1"), x, pooled, 1, 1);
        self.layers.builder.concat(module, &[branch1, branch2, branch3, branch4])
    }
}
