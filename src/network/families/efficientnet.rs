//! EfficientNet (Tan and Le 2019) and `EfficientNetV2` (Tan and Le 2021) in torchvision's naming.

use super::super::architecture::Variant;
use super::super::graph::{Graph, NodeId};
use super::super::head::{self, Function, OwnHead};
use super::super::nonlinearity::Nonlinearity;
use super::layers::{Layers, divisible, same};

/// The smallest image side the networks accept, in pixels: below, the last stage reads its border and nothing else.
pub(in super::super) const MIN_INPUT_PX: usize = 16;
/// The first kernel.
pub(in super::super) const FIRST_KERNEL: &str = "features.0.0.weight";
/// What stands before the numbers of the head's layers.
pub(in super::super) const HEAD: &str = "classifier";
/// The last layer.
pub(in super::super) const LAST: &str = "classifier.1";

const SILU: Function = Function::Other(Nonlinearity::Silu);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Plan {
    stem: usize,
    stages: &'static [Stage],
    /// Multiplier on the channels of the stages' table.
    width: f64,
    /// Multiplier on the repetitions of the stages' table, rounded up.
    depth: f64,
    /// Channels of the last convolution; none for four times the last stage's.
    top: Option<usize>,
    /// Added to every variance.
    pub norm_eps: f64,
}

/// Blocks of the same kind.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stage {
    /// One full convolution instead of an expanding and a depthwise one, and no squeeze and excitation.
    fused: bool,
    expansion: usize,
    kernel: usize,
    /// Step of the first block.
    step: usize,
    channels: usize,
    repetitions: usize,
}

const fn stage(expansion: usize, kernel: usize, step: usize, channels: usize, repetitions: usize) -> Stage {
    Stage { fused: false, expansion, kernel, step, channels, repetitions }
}

const fn fused(expansion: usize, kernel: usize, step: usize, channels: usize, repetitions: usize) -> Stage {
    Stage { fused: true, expansion, kernel, step, channels, repetitions }
}

const STAGES: [Stage; 7] = [
    stage(1, 3, 1, 16, 1),
    stage(6, 3, 2, 24, 2),
    stage(6, 5, 2, 40, 2),
    stage(6, 3, 2, 80, 3),
    stage(6, 5, 1, 112, 3),
    stage(6, 5, 2, 192, 4),
    stage(6, 3, 1, 320, 1),
];

const fn scaled(width: f64, depth: f64, norm_eps: f64) -> Plan {
    Plan { stem: 32, stages: &STAGES, width, depth, top: None, norm_eps }
}

pub(in super::super) const B0: Plan = scaled(1.0, 1.0, 1e-5);
pub(in super::super) const B1: Plan = scaled(1.0, 1.1, 1e-5);
pub(in super::super) const B2: Plan = scaled(1.1, 1.2, 1e-5);
pub(in super::super) const B3: Plan = scaled(1.2, 1.4, 1e-5);
pub(in super::super) const B4: Plan = scaled(1.4, 1.8, 1e-5);
pub(in super::super) const B5: Plan = scaled(1.6, 2.2, 1e-3);
pub(in super::super) const B6: Plan = scaled(1.8, 2.6, 1e-3);
pub(in super::super) const B7: Plan = scaled(2.0, 3.1, 1e-3);

const fn second(stem: usize, stages: &'static [Stage]) -> Plan {
    Plan { stem, stages, width: 1.0, depth: 1.0, top: Some(1280), norm_eps: 1e-3 }
}

pub(in super::super) const V2_S: Plan = second(
    24,
    &[
        fused(1, 3, 1, 24, 2),
        fused(4, 3, 2, 48, 4),
        fused(4, 3, 2, 64, 4),
        stage(4, 3, 2, 128, 6),
        stage(6, 3, 1, 160, 9),
        stage(6, 3, 2, 256, 15),
    ],
);
pub(in super::super) const V2_M: Plan = second(
    24,
    &[
        fused(1, 3, 1, 24, 3),
        fused(4, 3, 2, 48, 5),
        fused(4, 3, 2, 80, 5),
        stage(4, 3, 2, 160, 7),
        stage(6, 3, 1, 176, 14),
        stage(6, 3, 2, 304, 18),
        stage(6, 3, 1, 512, 5),
    ],
);
pub(in super::super) const V2_L: Plan = second(
    32,
    &[
        fused(1, 3, 1, 32, 4),
        fused(4, 3, 2, 64, 7),
        fused(4, 3, 2, 96, 7),
        stage(4, 3, 2, 192, 10),
        stage(6, 3, 1, 224, 19),
        stage(6, 3, 2, 384, 25),
        stage(6, 3, 1, 640, 7),
    ],
);

/// Describes one. Its width multiplies that of its table, so 1 is each published network. Blocks: `stem`, `stage1` ...,
/// `top`, `logits`.
pub(in super::super) fn graph(name: &str, plan: &Plan, variant: &Variant) -> Graph {
    let scaled = |channels: usize| divisible(channels as f64 * (plan.width * variant.width));
    let (mut net, image) = Layers::new(variant.input_channels, variant.norm_eps);
    let mut x = net.conv_norm_function("features.0", image, same(scaled(plan.stem), 3, 2), Some(SILU));
    for (index, stage) in plan.stages.iter().enumerate() {
        let number = index + 1;
        net.builder.block(&format!("stage{number}"));
        let repetitions = (stage.repetitions as f64 * plan.depth).ceil() as usize;
        for repetition in 0..repetitions {
            let step = if repetition == 0 { stage.step } else { 1 };
            let block = Stage { channels: scaled(stage.channels), step, ..*stage };
            let name = format!("features.{number}.{repetition}");
            x = if stage.fused {
                fused_block(&mut net, &name, x, &block)
            } else {
                mb_block(&mut net, &name, x, &block)
            };
        }
    }
    net.builder.block("top");
    let top = plan.top.map_or_else(|| 4 * net.builder.channels(x), scaled);
    x = net.conv_norm_function(&format!("features.{}", plan.stages.len() + 1), x, same(top, 1, 1), Some(SILU));
    let own = OwnHead { base: HEAD, pooled: 1, hidden: Vec::new(), last: LAST };
    head::finish(net.builder, name, x, &own, variant.head.as_ref(), variant.classes, MIN_INPUT_PX)
}

/// `MBConv`: expanded, convolved channel by channel, weighed, projected; added to the input where the shapes allow.
fn mb_block(net: &mut Layers, name: &str, input: NodeId, block: &Stage) -> NodeId {
    let read = net.builder.channels(input);
    let expanded = divisible((read * block.expansion) as f64);
    let (mut x, mut part) = (input, 0);
    if expanded != read {
        x = net.conv_norm_function(&format!("{name}.block.0"), x, same(expanded, 1, 1), Some(SILU));
        part = 1;
    }
    let depthwise = same(expanded, block.kernel, block.step).groups(expanded);
    x = net.conv_norm_function(&format!("{name}.block.{part}"), x, depthwise, Some(SILU));
    let squeezed = (read / 4).max(1);
    x = net.squeeze_excitation(&format!("{name}.block.{}", part + 1), x, squeezed, SILU, Nonlinearity::Sigmoid);
    x = net.conv_norm_function(&format!("{name}.block.{}", part + 2), x, same(block.channels, 1, 1), None);
    with_input(net, name, input, x, block)
}

/// `FusedMBConv`: convolved and, where it was expanded, projected.
fn fused_block(net: &mut Layers, name: &str, input: NodeId, block: &Stage) -> NodeId {
    let read = net.builder.channels(input);
    let expanded = divisible((read * block.expansion) as f64);
    let name_of = |part: usize| format!("{name}.block.{part}");
    let x = if expanded == read {
        net.conv_norm_function(&name_of(0), input, same(block.channels, block.kernel, block.step), Some(SILU))
    } else {
        let x = net.conv_norm_function(&name_of(0), input, same(expanded, block.kernel, block.step), Some(SILU));
        net.conv_norm_function(&name_of(1), x, same(block.channels, 1, 1), None)
    };
    with_input(net, name, input, x, block)
}

fn with_input(net: &mut Layers, name: &str, input: NodeId, x: NodeId, block: &Stage) -> NodeId {
    let fits = block.step == 1 && net.builder.channels(input) == block.channels;
    if fits { net.builder.add(&format!("{name}.add"), input, x) } else { x }
}

impl Plan {
    /// Multiplier on the channels of [`Plan::scaled_kernels`].
    pub(in super::super) fn width(&self) -> f64 {
        self.width
    }

    /// Kernels whose outputs the width scales, with their number in the table: the stem's, the last of every stage's first
    /// block, and the last of all where it does not follow them.
    pub(in super::super) fn scaled_kernels(&self) -> Vec<(String, usize)> {
        let mut kernels = vec![(FIRST_KERNEL.to_owned(), self.stem)];
        for (index, stage) in self.stages.iter().enumerate() {
            let last = match (stage.fused, stage.expansion) {
                (true, 1) => 0,
                (true, _) => 1,
                (false, 1) => 2,
                (false, _) => 3,
            };
            kernels.push((format!("features.{}.0.block.{last}.0.weight", index + 1), stage.channels));
        }
        kernels.extend(self.top.map(|top| (format!("features.{}.0.weight", self.stages.len() + 1), top)));
        kernels
    }
}
