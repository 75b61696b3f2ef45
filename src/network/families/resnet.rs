//! ResNet (He et al. 2016), ResNeXt (Xie et al. 2017) and Wide ResNet (Zagoruyko and Komodakis 2016) in torchvision's naming:
//! a bottleneck strides in its 3x3 convolution.

use super::super::architecture::Variant;
use super::super::graph::{Graph, NodeId};
use super::super::graph_builder::scaled_channels;
use super::super::head::{self, OwnHead};
use super::super::op::Pool;
use super::layers::{Layers, same};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Plan {
    /// Residual blocks of each stage.
    depths: [usize; 4],
    /// Three convolutions a block instead of two.
    bottleneck: bool,
    /// Groups of a bottleneck's 3x3 convolution.
    groups: usize,
    /// Channels of each group where a stage has 64; 64 in one group is the usual bottleneck.
    per_group: usize,
}

pub(in super::super) const RESNET_18: Plan = basic([2, 2, 2, 2]);
pub(in super::super) const RESNET_34: Plan = basic([3, 4, 6, 3]);
pub(in super::super) const RESNET_50: Plan = bottleneck([3, 4, 6, 3], 1, 64);
pub(in super::super) const RESNET_101: Plan = bottleneck([3, 4, 23, 3], 1, 64);
pub(in super::super) const RESNET_152: Plan = bottleneck([3, 8, 36, 3], 1, 64);
pub(in super::super) const RESNEXT_50_32X4D: Plan = bottleneck([3, 4, 6, 3], 32, 4);
pub(in super::super) const RESNEXT_101_32X8D: Plan = bottleneck([3, 4, 23, 3], 32, 8);
pub(in super::super) const RESNEXT_101_64X4D: Plan = bottleneck([3, 4, 23, 3], 64, 4);
pub(in super::super) const WIDE_RESNET_50_2: Plan = bottleneck([3, 4, 6, 3], 1, 128);
pub(in super::super) const WIDE_RESNET_101_2: Plan = bottleneck([3, 4, 23, 3], 1, 128);

/// The smallest image side the networks accept, in pixels: below, the last stage reads its border and nothing else.
pub(in super::super) const MIN_INPUT_PX: usize = 16;
/// The first kernel.
pub(in super::super) const FIRST_KERNEL: &str = "conv1.weight";
/// The last layer.
pub(in super::super) const HEAD: &str = "fc";

const STEM_CHANNELS: usize = 64;
const EXPANSION: usize = 4;

const fn basic(depths: [usize; 4]) -> Plan {
    Plan { depths, bottleneck: false, groups: 1, per_group: 64 }
}

const fn bottleneck(depths: [usize; 4], groups: usize, per_group: usize) -> Plan {
    Plan { depths, bottleneck: true, groups, per_group }
}

impl Plan {
    /// Whether its 3x3 convolutions have groups.
    pub(in super::super) fn has_groups(&self) -> bool {
        self.groups > 1
    }
}

/// Describes one. Blocks: `stem`, `layer1` ... `layer4`, `logits`.
pub(in super::super) fn graph(name: &str, plan: &Plan, variant: &Variant) -> Graph {
    let (layers, image) = Layers::new(variant.input_channels, variant.norm_eps);
    let mut net = ResNet { layers, plan: *plan, width: variant.width };
    let stem = same(scaled_channels(STEM_CHANNELS, net.width), 7, 2);
    let mut x = net.layers.conv_norm(["conv1", "bn1"], image, stem);
    x = net.layers.builder.relu("relu", x);
    x = net.layers.builder.max_pool("maxpool", x, Pool::square(3, 2, 1));
    for (stage, depth) in plan.depths.into_iter().enumerate() {
        let layer = format!("layer{}", stage + 1);
        net.layers.builder.block(&layer);
        for block in 0..depth {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            // A basic block of the first stage reads what it writes.
            let project = block == 0 && (stage > 0 || plan.bottleneck);
            x = net.block(&format!("{layer}.{block}"), x, STEM_CHANNELS << stage, stride, project);
        }
    }
    let Variant { head, classes, .. } = variant;
    head::finish(net.layers.builder, name, x, &OwnHead::single(HEAD), head.as_ref(), *classes, MIN_INPUT_PX)
}

struct ResNet {
    layers: Layers,
    plan: Plan,
    width: f64,
}

impl ResNet {
    /// A residual block of a stage of `channels`; `project` where the sum needs the input at other channels or extent.
    fn block(&mut self, name: &str, input: NodeId, channels: usize, stride: usize, project: bool) -> NodeId {
        let part = |part: &str| format!("{name}.{part}");
        let scaled = |channels| scaled_channels(channels, self.width);
        let Plan { bottleneck, groups, per_group, .. } = self.plan;
        let (shapes, outer) = if bottleneck {
            // The groups stay; each gets its share of the width.
            let inner = groups * scaled(per_group * channels / STEM_CHANNELS);
            let outer = scaled(channels * EXPANSION);
            (vec![same(inner, 1, 1), same(inner, 3, stride).groups(groups), same(outer, 1, 1)], outer)
        } else {
            let outer = scaled(channels);
            (vec![same(outer, 3, stride), same(outer, 3, 1)], outer)
        };
        let mut x = input;
        for (index, shape) in shapes.iter().enumerate() {
            let number = index + 1;
            x = self.layers.conv_norm([&part(&format!("conv{number}")), &part(&format!("bn{number}"))], x, *shape);
            if number < shapes.len() {
                x = self.layers.builder.relu(&part(&format!("relu{number}")), x);
            }
        }
        let skip = if project {
            self.layers.conv_norm([&part("downsample.0"), &part("downsample.1")], input, same(outer, 1, stride))
        } else {
            input
        };
        let sum = self.layers.builder.add(&part("add"), x, skip);
        self.layers.builder.relu(&part("relu"), sum)
    }
}
