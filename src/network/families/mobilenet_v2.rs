//! MobileNetV2 (Sandler et al. 2018) in torchvision's naming.

use super::super::architecture::Variant;
use super::super::graph::{Graph, NodeId};
use super::super::head::{self, Function, OwnHead};
use super::super::nonlinearity::Nonlinearity;
use super::layers::{Layers, divisible, same};

/// The smallest image side the network accepts, in pixels: below, the last stage reads its border and nothing else.
pub(in super::super) const MIN_INPUT_PX: usize = 16;
/// The first kernel.
pub(in super::super) const FIRST_KERNEL: &str = "features.0.0.weight";
/// What stands before the numbers of the head's layers.
pub(in super::super) const HEAD: &str = "classifier";
/// The last layer.
pub(in super::super) const LAST: &str = "classifier.1";

const RELU6: Option<Function> = Some(Function::Other(Nonlinearity::RELU6));

/// Expansion, channels, repetitions and first step of each stage.
const STAGES: [[usize; 4]; 7] =
    [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]];
const STEM_CHANNELS: f64 = 32.0;
const LAST_CHANNELS: f64 = 1280.0;

/// Describes MobileNetV2; its width is torchvision's `width_mult`. Blocks: `stem`, `block1` ... `block17`, `top`, `logits`.
pub(in super::super) fn graph(name: &str, variant: &Variant) -> Graph {
    let width = variant.width;
    let (mut net, image) = Layers::new(variant.input_channels, variant.norm_eps);
    let mut x = net.conv_norm_function("features.0", image, same(divisible(STEM_CHANNELS * width), 3, 2), RELU6);
    let mut number = 0;
    for [expansion, channels, repetitions, step] in STAGES {
        let channels = divisible(channels as f64 * width);
        for repetition in 0..repetitions {
            number += 1;
            net.builder.block(&format!("block{number}"));
            let step = if repetition == 0 { step } else { 1 };
            x = block(&mut net, &format!("features.{number}"), x, expansion, channels, step);
        }
    }
    net.builder.block("top");
    let last = divisible(LAST_CHANNELS * width.max(1.0));
    x = net.conv_norm_function(&format!("features.{}", number + 1), x, same(last, 1, 1), RELU6);
    let own = OwnHead { base: HEAD, pooled: 1, hidden: Vec::new(), last: LAST };
    head::finish(net.builder, name, x, &own, variant.head.as_ref(), variant.classes, MIN_INPUT_PX)
}

/// Inverted residual: expanded, convolved channel by channel, projected; added to the input where the shapes allow.
fn block(net: &mut Layers, name: &str, input: NodeId, expansion: usize, channels: usize, step: usize) -> NodeId {
    let read = net.builder.channels(input);
    let expanded = read * expansion;
    let (mut x, mut part) = (input, 0);
    if expansion > 1 {
        x = net.conv_norm_function(&format!("{name}.conv.0"), x, same(expanded, 1, 1), RELU6);
        part = 1;
    }
    let depthwise = same(expanded, 3, step).groups(expanded);
    x = net.conv_norm_function(&format!("{name}.conv.{part}"), x, depthwise, RELU6);
    let names = [&format!("{name}.conv.{}", part + 1), &format!("{name}.conv.{}", part + 2)];
    x = net.conv_norm(names.map(String::as_str), x, same(channels, 1, 1));
    if step == 1 && read == channels { net.builder.add(&format!("{name}.add"), input, x) } else { x }
}

/// Whether the width alone gives the channels that this kernel writes.
pub(in super::super) fn is_scaled(kernel: &str) -> bool {
    kernel == FIRST_KERNEL || kernel == "features.1.conv.1.weight" || kernel.ends_with(".conv.2.weight")
}
