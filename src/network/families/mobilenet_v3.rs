//! MobileNetV3 (Howard et al. 2019) in torchvision's naming.

use super::super::architecture::Variant;
use super::super::graph::{Graph, NodeId};
use super::super::head::{self, Function, HeadLayer, OwnHead};
use super::super::nonlinearity::Nonlinearity;
use super::layers::{Layers, divisible, same};

/// The smallest image side the networks accept, in pixels: below, the last stage reads its border and nothing else.
pub(in super::super) const MIN_INPUT_PX: usize = 16;
/// The first kernel.
pub(in super::super) const FIRST_KERNEL: &str = "features.0.0.weight";
/// What stands before the numbers of the head's layers.
pub(in super::super) const HEAD: &str = "classifier";
/// The last layer.
pub(in super::super) const LAST: &str = "classifier.3";
/// Added to every variance.
pub(in super::super) const NORM_EPS: f64 = 1e-3;

const HARD_SWISH: Function = Function::Other(Nonlinearity::HardSwish);
const STEM_CHANNELS: usize = 16;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Plan {
    blocks: &'static [Block],
    /// Features of the head's hidden layer.
    hidden: usize,
}

/// An inverted residual at full width.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Block {
    kernel: usize,
    expanded: usize,
    channels: usize,
    /// Squeeze and excitation behind the depthwise convolution.
    squeezes: bool,
    function: Function,
    step: usize,
}

const fn relu(kernel: usize, expanded: usize, channels: usize, squeezes: bool, step: usize) -> Block {
    Block { kernel, expanded, channels, squeezes, function: Function::Relu, step }
}

const fn swish(kernel: usize, expanded: usize, channels: usize, squeezes: bool, step: usize) -> Block {
    Block { kernel, expanded, channels, squeezes, function: HARD_SWISH, step }
}

pub(in super::super) const LARGE: Plan = Plan {
    blocks: &[
        relu(3, 16, 16, false, 1),
        relu(3, 64, 24, false, 2),
        relu(3, 72, 24, false, 1),
        relu(5, 72, 40, true, 2),
        relu(5, 120, 40, true, 1),
        relu(5, 120, 40, true, 1),
        swish(3, 240, 80, false, 2),
        swish(3, 200, 80, false, 1),
        swish(3, 184, 80, false, 1),
        swish(3, 184, 80, false, 1),
        swish(3, 480, 112, true, 1),
        swish(3, 672, 112, true, 1),
        swish(5, 672, 160, true, 2),
        swish(5, 960, 160, true, 1),
        swish(5, 960, 160, true, 1),
    ],
    hidden: 1280,
};

pub(in super::super) const SMALL: Plan = Plan {
    blocks: &[
        relu(3, 16, 16, true, 2),
        relu(3, 72, 24, false, 2),
        relu(3, 88, 24, false, 1),
        swish(5, 96, 40, true, 2),
        swish(5, 240, 40, true, 1),
        swish(5, 240, 40, true, 1),
        swish(5, 120, 48, true, 1),
        swish(5, 144, 48, true, 1),
        swish(5, 288, 96, true, 2),
        swish(5, 576, 96, true, 1),
        swish(5, 576, 96, true, 1),
    ],
    hidden: 1024,
};

/// Describes one; its width is torchvision's `width_mult`. Blocks: `stem`, `block1` ..., `top`, `hidden1`, `logits`.
pub(in super::super) fn graph(name: &str, plan: &Plan, variant: &Variant) -> Graph {
    let scaled = |channels: usize| divisible(channels as f64 * variant.width);
    let (mut net, image) = Layers::new(variant.input_channels, variant.norm_eps);
    let mut x = net.conv_norm_function("features.0", image, same(scaled(STEM_CHANNELS), 3, 2), Some(HARD_SWISH));
    for (index, block) in plan.blocks.iter().enumerate() {
        net.builder.block(&format!("block{}", index + 1));
        let block = Block { expanded: scaled(block.expanded), channels: scaled(block.channels), ..*block };
        x = inverted_residual(&mut net, &format!("features.{}", index + 1), x, &block);
    }
    net.builder.block("top");
    let last = 6 * net.builder.channels(x);
    let top = format!("features.{}", plan.blocks.len() + 1);
    x = net.conv_norm_function(&top, x, same(last, 1, 1), Some(HARD_SWISH));
    let linear = HeadLayer::Linear { features: scaled(plan.hidden), bias: true };
    let hidden = vec![("classifier.0", linear), ("classifier.1", HeadLayer::Function(HARD_SWISH))];
    let own = OwnHead { base: HEAD, pooled: 1, hidden, last: LAST };
    head::finish(net.builder, name, x, &own, variant.head.as_ref(), variant.classes, MIN_INPUT_PX)
}

/// Expanded where that changes the channels, convolved channel by channel, weighed, projected; added to the input where the
/// shapes allow.
fn inverted_residual(net: &mut Layers, name: &str, input: NodeId, block: &Block) -> NodeId {
    let Block { kernel, expanded, channels, squeezes, function, step } = *block;
    let read = net.builder.channels(input);
    let mut part = 0;
    let mut next = || {
        part += 1;
        format!("{name}.block.{}", part - 1)
    };
    let mut x = input;
    if expanded != read {
        x = net.conv_norm_function(&next(), x, same(expanded, 1, 1), Some(function));
    }
    x = net.conv_norm_function(&next(), x, same(expanded, kernel, step).groups(expanded), Some(function));
    if squeezes {
        let squeezed = divisible((expanded / 4) as f64);
        x = net.squeeze_excitation(&next(), x, squeezed, Function::Relu, Nonlinearity::HARD_SIGMOID);
    }
    x = net.conv_norm_function(&next(), x, same(channels, 1, 1), None);
    if step == 1 && read == channels { net.builder.add(&format!("{name}.add"), input, x) } else { x }
}

/// Whether the width alone gives the channels that this kernel writes: all but those of squeeze and excitation and of the
/// last convolution.
pub(in super::super) fn is_scaled(kernel: &str) -> bool {
    kernel == FIRST_KERNEL || kernel.contains(".block.") && kernel.ends_with(".0.weight")
}
