//! DenseNet (Huang et al. 2017) in torchvision's naming.

use super::super::architecture::Variant;
use super::super::graph::{Graph, NodeId};
use super::super::graph_builder::{GraphBuilder, scaled_channels};
use super::super::head::{self, OwnHead};
use super::super::op::{BatchNorm, Conv2d, Pool};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Plan {
    /// Dense layers of each block.
    depths: [usize; 4],
    /// Channels that each dense layer adds.
    growth: usize,
    /// Channels of the first convolution.
    stem: usize,
}

pub(in super::super) const DENSENET_121: Plan = Plan { depths: [6, 12, 24, 16], growth: 32, stem: 64 };
pub(in super::super) const DENSENET_161: Plan = Plan { depths: [6, 12, 36, 24], growth: 48, stem: 96 };
pub(in super::super) const DENSENET_169: Plan = Plan { depths: [6, 12, 32, 32], growth: 32, stem: 64 };
pub(in super::super) const DENSENET_201: Plan = Plan { depths: [6, 12, 48, 32], growth: 32, stem: 64 };

/// The smallest image side the networks accept, in pixels.
pub(in super::super) const MIN_INPUT_PX: usize = 32;
/// The first kernel.
pub(in super::super) const FIRST_KERNEL: &str = "features.conv0.weight";
/// The last layer.
pub(in super::super) const HEAD: &str = "classifier";

const BOTTLENECK: usize = 4;

impl Plan {
    /// Kernels whose outputs the width scales, with their full number; all others are sums and multiples of these two.
    pub(in super::super) fn scaled_kernels(&self) -> Vec<(String, usize)> {
        let growth = "features.denseblock1.denselayer1.conv2.weight".to_owned();
        vec![(FIRST_KERNEL.to_owned(), self.stem), (growth, self.growth)]
    }
}

/// Describes one. Blocks: `stem`, `denseblock1`, `transition1`, ... `denseblock4`, `norm5`, `logits`.
pub(in super::super) fn graph(name: &str, plan: &Plan, variant: &Variant) -> Graph {
    let (builder, image) = GraphBuilder::new(variant.input_channels, "stem");
    let mut net = DenseNet { builder, eps: variant.norm_eps };
    let growth = scaled_channels(plan.growth, variant.width);
    let mut x = net.conv("features.conv0", image, scaled_channels(plan.stem, variant.width), 7, 2, 3);
    x = net.norm_relu("features.norm0", "features.relu0", x);
    x = net.builder.max_pool("features.pool0", x, Pool::square(3, 2, 1));
    for (stage, layers) in plan.depths.iter().enumerate() {
        let stage = stage + 1;
        net.builder.block(&format!("denseblock{stage}"));
        for layer in 1..=*layers {
            let name = format!("features.denseblock{stage}.denselayer{layer}");
            let y = net.norm_relu(&format!("{name}.norm1"), &format!("{name}.relu1"), x);
            let y = net.conv(&format!("{name}.conv1"), y, BOTTLENECK * growth, 1, 1, 0);
            let y = net.norm_relu(&format!("{name}.norm2"), &format!("{name}.relu2"), y);
            let y = net.conv(&format!("{name}.conv2"), y, growth, 3, 1, 1);
            x = net.builder.concat(&format!("{name}.concat"), &[x, y]);
        }
        if stage < plan.depths.len() {
            let name = format!("transition{stage}");
            net.builder.block(&name);
            let name = format!("features.{name}");
            let y = net.norm_relu(&format!("{name}.norm"), &format!("{name}.relu"), x);
            let half = net.builder.channels(x) / 2;
            let y = net.conv(&format!("{name}.conv"), y, half.max(1), 1, 1, 0);
            x = net.builder.avg_pool(&format!("{name}.pool"), y, Pool::square(2, 2, 0), true);
        }
    }
    net.builder.block("norm5");
    let features = net.norm_relu("features.norm5", "features.relu5", x);
    let Variant { head, classes, .. } = variant;
    head::finish(net.builder, name, features, &OwnHead::single(HEAD), head.as_ref(), *classes, MIN_INPUT_PX)
}

struct DenseNet {
    builder: GraphBuilder,
    eps: f64,
}

impl DenseNet {
    fn conv(
        &mut self,
        name: &str,
        input: NodeId,
        out_channels: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> NodeId {
        let conv = Conv2d::new(out_channels, [kernel; 2]).stride([stride; 2]).padding([padding; 2]);
        self.builder.conv(name, input, conv)
    }

    fn norm_relu(&mut self, norm: &str, relu: &str, input: NodeId) -> NodeId {
        let x = self.builder.batch_norm(norm, input, BatchNorm { eps: self.eps, scale: true });
        self.builder.relu(relu, x)
    }
}
