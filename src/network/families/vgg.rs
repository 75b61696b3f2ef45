//! VGG (Simonyan and Zisserman 2015) in torchvision's naming: layers are numbered, ReLUs and pools with them.

use super::super::architecture::Variant;
use super::super::graph::Graph;
use super::super::graph_builder::scaled_channels;
use super::super::head::{self, Function, HeadLayer, OwnHead};
use super::super::op::Pool;
use super::layers::{Layers, same};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Plan {
    /// Convolutions before each of the five pools.
    depths: [usize; 5],
    /// Batch normalization behind each convolution.
    norm: bool,
}

pub(in super::super) const VGG_11: Plan = plan([1, 1, 2, 2, 2], false);
pub(in super::super) const VGG_13: Plan = plan([2, 2, 2, 2, 2], false);
pub(in super::super) const VGG_16: Plan = plan([2, 2, 3, 3, 3], false);
pub(in super::super) const VGG_19: Plan = plan([2, 2, 4, 4, 4], false);
pub(in super::super) const VGG_11_BN: Plan = plan([1, 1, 2, 2, 2], true);
pub(in super::super) const VGG_13_BN: Plan = plan([2, 2, 2, 2, 2], true);
pub(in super::super) const VGG_16_BN: Plan = plan([2, 2, 3, 3, 3], true);
pub(in super::super) const VGG_19_BN: Plan = plan([2, 2, 4, 4, 4], true);

/// The smallest image side the networks accept, in pixels: one pixel is left behind the fifth pool.
pub(in super::super) const MIN_INPUT_PX: usize = 32;
/// The first kernel.
pub(in super::super) const FIRST_KERNEL: &str = "features.0.weight";
/// What stands before the numbers of the head's layers.
pub(in super::super) const HEAD: &str = "classifier";
/// The last layer.
pub(in super::super) const LAST: &str = "classifier.6";

const CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];
const HIDDEN: usize = 4096;
/// Rows and columns that the head reads; 224 pixels give as many, other sizes are averaged to them.
const POOLED: usize = 7;

const fn plan(depths: [usize; 5], norm: bool) -> Plan {
    Plan { depths, norm }
}

/// Describes one. Blocks: `stem` (the convolutions before the first pool), `block2` ... `block5`, `hidden1`, `hidden2`,
/// `logits`.
pub(in super::super) fn graph(name: &str, plan: &Plan, variant: &Variant) -> Graph {
    let (mut net, image) = Layers::new(variant.input_channels, variant.norm_eps);
    let mut x = image;
    let mut number = 0;
    let mut next = || {
        number += 1;
        format!("features.{}", number - 1)
    };
    for (stage, depth) in plan.depths.into_iter().enumerate() {
        if stage > 0 {
            net.builder.block(&format!("block{}", stage + 1));
        }
        for _ in 0..depth {
            let shape = same(scaled_channels(CHANNELS[stage], variant.width), 3, 1).bias(true);
            x = net.builder.conv(&next(), x, shape);
            if plan.norm {
                x = net.builder.batch_norm(&next(), x, net.norm);
            }
            x = net.builder.relu(&next(), x);
        }
        x = net.builder.max_pool(&next(), x, Pool::square(2, 2, 0));
    }
    let linear = HeadLayer::Linear { features: scaled_channels(HIDDEN, variant.width), bias: true };
    let relu = HeadLayer::Function(Function::Relu);
    let own = OwnHead {
        base: HEAD,
        pooled: POOLED,
        hidden: vec![
            ("classifier.0", linear),
            ("classifier.1", relu),
            ("classifier.3", linear),
            ("classifier.4", relu),
        ],
        last: LAST,
    };
    head::finish(net.builder, name, x, &own, variant.head.as_ref(), variant.classes, MIN_INPUT_PX)
}
