//! RegNet X and Y (Radosavovic et al. 2020) in torchvision's naming.

use super::super::architecture::Variant;
use super::super::graph::{Graph, NodeId};
use super::super::graph_builder::scaled_channels;
use super::super::head::{self, Function, OwnHead};
use super::super::nonlinearity::Nonlinearity;
use super::layers::{Layers, same};

/// The smallest image side the networks accept, in pixels: below, the last stage reads its border and nothing else.
pub(in super::super) const MIN_INPUT_PX: usize = 16;
/// The first kernel.
pub(in super::super) const FIRST_KERNEL: &str = "stem.0.weight";
/// The last layer.
pub(in super::super) const HEAD: &str = "fc";

const STEM_CHANNELS: usize = 32;
/// Channels of squeeze and excitation in those that the block reads.
const SQUEEZE: f64 = 0.25;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Plan {
    /// Blocks of each stage.
    depths: [usize; 4],
    /// Channels of each stage.
    channels: [usize; 4],
    /// Channels of a group of the 3x3 convolutions, by stage.
    per_group: [usize; 4],
    /// Squeeze and excitation (the Y networks).
    squeezes: bool,
}

const fn x(depths: [usize; 4], channels: [usize; 4], per_group: usize) -> Plan {
    Plan { depths, channels, per_group: [per_group; 4], squeezes: false }
}

const fn y(depths: [usize; 4], channels: [usize; 4], per_group: usize) -> Plan {
    Plan { depths, channels, per_group: [per_group; 4], squeezes: true }
}

pub(in super::super) const X_400MF: Plan = x([1, 2, 7, 12], [32, 64, 160, 400], 16);
pub(in super::super) const X_800MF: Plan = x([1, 3, 7, 5], [64, 128, 288, 672], 16);
pub(in super::super) const X_1_6GF: Plan = x([2, 4, 10, 2], [72, 168, 408, 912], 24);
pub(in super::super) const X_3_2GF: Plan = x([2, 6, 15, 2], [96, 192, 432, 1008], 48);
/// Its first stage is narrower than a group.
pub(in super::super) const X_8GF: Plan =
    Plan { depths: [2, 5, 15, 1], channels: [80, 240, 720, 1920], per_group: [80, 120, 120, 120], squeezes: false };
pub(in super::super) const X_16GF: Plan = x([2, 6, 13, 1], [256, 512, 896, 2048], 128);
pub(in super::super) const X_32GF: Plan = x([2, 7, 13, 1], [336, 672, 1344, 2520], 168);
pub(in super::super) const Y_400MF: Plan = y([1, 3, 6, 6], [48, 104, 208, 440], 8);
pub(in super::super) const Y_800MF: Plan = y([1, 3, 8, 2], [64, 144, 320, 784], 16);
pub(in super::super) const Y_1_6GF: Plan = y([2, 6, 17, 2], [48, 120, 336, 888], 24);
pub(in super::super) const Y_3_2GF: Plan = y([2, 5, 13, 1], [72, 216, 576, 1512], 24);
pub(in super::super) const Y_8GF: Plan = y([2, 4, 10, 1], [224, 448, 896, 2016], 56);
pub(in super::super) const Y_16GF: Plan = y([2, 4, 11, 1], [224, 448, 1232, 3024], 112);
pub(in super::super) const Y_32GF: Plan = y([2, 5, 12, 1], [232, 696, 1392, 3712], 232);
pub(in super::super) const Y_128GF: Plan = y([2, 7, 17, 1], [528, 1056, 2904, 7392], 264);

/// Describes one; the width scales the channels of a group, not the groups. Blocks: `stem`, `block1` ... `block4`, `logits`.
pub(in super::super) fn graph(name: &str, plan: &Plan, variant: &Variant) -> Graph {
    let scaled = |channels| scaled_channels(channels, variant.width);
    let (mut net, image) = Layers::new(variant.input_channels, variant.norm_eps);
    let mut at = net.conv_norm_function("stem", image, same(scaled(STEM_CHANNELS), 3, 2), RELU);
    for (index, depth) in plan.depths.into_iter().enumerate() {
        let number = index + 1;
        net.builder.block(&format!("block{number}"));
        let groups = plan.channels[index] / plan.per_group[index];
        let channels = groups * scaled(plan.per_group[index]);
        for block in 0..depth {
            let name = format!("trunk_output.block{number}.block{number}-{block}");
            let step = if block == 0 { 2 } else { 1 };
            at = bottleneck(&mut net, &name, at, channels, groups, step, plan.squeezes);
        }
    }
    let Variant { head, classes, .. } = variant;
    head::finish(net.builder, name, at, &OwnHead::single(HEAD), head.as_ref(), *classes, MIN_INPUT_PX)
}

const RELU: Option<Function> = Some(Function::Relu);

/// Residual bottleneck without a narrow part.
fn bottleneck(
    net: &mut Layers,
    name: &str,
    input: NodeId,
    channels: usize,
    groups: usize,
    step: usize,
    squeezes: bool,
) -> NodeId {
    let part = |part: &str| format!("{name}.{part}");
    let read = net.builder.channels(input);
    let mut x = net.conv_norm_function(&part("f.a"), input, same(channels, 1, 1), RELU);
    x = net.conv_norm_function(&part("f.b"), x, same(channels, 3, step).groups(groups), RELU);
    if squeezes {
        let squeezed = ((SQUEEZE * read as f64).round_ties_even() as usize).max(1);
        x = net.squeeze_excitation(&part("f.se"), x, squeezed, Function::Relu, Nonlinearity::Sigmoid);
    }
    x = net.conv_norm_function(&part("f.c"), x, same(channels, 1, 1), None);
    let skip = if read != channels || step != 1 {
        net.conv_norm_function(&part("proj"), input, same(channels, 1, step), None)
    } else {
        input
    };
    let sum = net.builder.add(&part("add"), skip, x);
    net.builder.relu(&part("activation"), sum)
}
