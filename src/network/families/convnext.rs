//! ConvNeXt (Liu et al. 2022) in torchvision's naming; its fully connected layers over channels are 1x1 convolutions here.

use super::super::architecture::Variant;
use super::super::graph::{Graph, NodeId};
use super::super::graph_builder::{GraphBuilder, scaled_channels};
use super::super::head::{self, HeadLayer, OwnHead};
use super::super::nonlinearity::Nonlinearity;
use super::super::op::Conv2d;
use super::layers::same;

/// The smallest image side the networks accept, in pixels: one pixel is left at the end.
pub(in super::super) const MIN_INPUT_PX: usize = 32;
/// The first kernel.
pub(in super::super) const FIRST_KERNEL: &str = "features.0.0.weight";
/// What stands before the numbers of the head's layers.
pub(in super::super) const HEAD: &str = "classifier";
/// The last layer.
pub(in super::super) const LAST: &str = "classifier.2";

/// Added to every variance.
const NORM_EPS: f64 = 1e-6;
const EXPANSION: usize = 4;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Plan {
    /// Blocks of each stage.
    depths: [usize; 4],
    /// Channels of each stage.
    channels: [usize; 4],
}

pub(in super::super) const TINY: Plan = Plan { depths: [3, 3, 9, 3], channels: [96, 192, 384, 768] };
pub(in super::super) const SMALL: Plan = Plan { depths: [3, 3, 27, 3], channels: [96, 192, 384, 768] };
pub(in super::super) const BASE: Plan = Plan { depths: [3, 3, 27, 3], channels: [128, 256, 512, 1024] };
pub(in super::super) const LARGE: Plan = Plan { depths: [3, 3, 27, 3], channels: [192, 384, 768, 1536] };

/// Describes one. Blocks: `stem`, `stage1`, `downsample1`, `stage2`, ... `stage4`, `logits`.
pub(in super::super) fn graph(name: &str, plan: &Plan, variant: &Variant) -> Graph {
    let scaled = |stage: usize| scaled_channels(plan.channels[stage], variant.width);
    let (mut builder, image) = GraphBuilder::new(variant.input_channels, "stem");
    let patches = Conv2d::new(scaled(0), [4, 4]).stride([4, 4]).bias(true);
    let mut x = builder.conv("features.0.0", image, patches);
    x = builder.layer_norm("features.0.1", x, NORM_EPS);
    for (stage, depth) in plan.depths.into_iter().enumerate() {
        if stage > 0 {
            let name = format!("features.{}", 2 * stage);
            builder.block(&format!("downsample{stage}"));
            x = builder.layer_norm(&format!("{name}.0"), x, NORM_EPS);
            let halving = Conv2d::new(scaled(stage), [2, 2]).stride([2, 2]).bias(true);
            x = builder.conv(&format!("{name}.1"), x, halving);
        }
        builder.block(&format!("stage{}", stage + 1));
        for number in 0..depth {
            x = block(&mut builder, &format!("features.{}.{number}", 2 * stage + 1), x);
        }
    }
    let norm = vec![("classifier.0", HeadLayer::LayerNorm { eps: NORM_EPS })];
    let own = OwnHead { base: HEAD, pooled: 1, hidden: norm, last: LAST };
    head::finish(builder, name, x, &own, variant.head.as_ref(), variant.classes, MIN_INPUT_PX)
}

/// Depthwise convolution, normalization, two layers over channels with a GELU between, a factor a channel; added to the input.
fn block(builder: &mut GraphBuilder, name: &str, input: NodeId) -> NodeId {
    let part = |part: &str| format!("{name}.block.{part}");
    let channels = builder.channels(input);
    let mut x = builder.conv(&part("0"), input, same(channels, 7, 1).groups(channels).bias(true));
    x = builder.layer_norm(&part("2"), x, NORM_EPS);
    x = builder.conv(&part("3"), x, same(EXPANSION * channels, 1, 1).bias(true));
    x = builder.nonlinearity(&part("4"), x, Nonlinearity::Gelu);
    x = builder.conv(&part("5"), x, same(channels, 1, 1).bias(true));
    x = builder.scale(&format!("{name}.layer_scale"), x, false);
    builder.add(&format!("{name}.add"), x, input)
}

/// Whether the width alone gives the channels that this kernel writes.
pub(in super::super) fn is_scaled(kernel: &str) -> bool {
    !kernel.ends_with(".block.3.weight")
}
