//! AlexNet (Krizhevsky 2014, "One weird trick") in torchvision's naming: layers are numbered, ReLUs and pools with them.

use super::super::architecture::Variant;
use super::super::graph::Graph;
use super::super::graph_builder::{GraphBuilder, scaled_channels};
use super::super::head::{self, Function, HeadLayer, OwnHead};
use super::super::op::{Conv2d, Pool};

/// The smallest image side the network accepts, in pixels.
pub(in super::super) const MIN_INPUT_PX: usize = 63;
/// The first kernel.
pub(in super::super) const FIRST_KERNEL: &str = "features.0.weight";
/// What stands before the numbers of the head's layers.
pub(in super::super) const HEAD: &str = "classifier";
/// The last layer.
pub(in super::super) const LAST: &str = "classifier.6";

const HIDDEN: usize = 4096;
/// Rows and columns that the head reads; 224 pixels give as many, other sizes are averaged to them.
const POOLED: usize = 6;

/// A convolution's number, channels, taps, step and border, and the number of the pool behind its ReLU.
const CONVOLUTIONS: [(usize, usize, usize, usize, usize, Option<usize>); 5] = [
    (0, 64, 11, 4, 2, Some(2)),
    (3, 192, 5, 1, 2, Some(5)),
    (6, 384, 3, 1, 1, None),
    (8, 256, 3, 1, 1, None),
    (10, 256, 3, 1, 1, Some(12)),
];

/// Describes AlexNet. Blocks: `stem`, `conv2` ... `conv5`, `hidden1`, `hidden2`, `logits`.
pub(in super::super) fn graph(name: &str, variant: &Variant) -> Graph {
    let (mut builder, mut x) = GraphBuilder::new(variant.input_channels, "stem");
    for (index, (number, channels, kernel, stride, border, pool)) in CONVOLUTIONS.into_iter().enumerate() {
        if index > 0 {
            builder.block(&format!("conv{}", index + 1));
        }
        let shape = Conv2d::new(scaled_channels(channels, variant.width), [kernel; 2]).bias(true);
        let shape = shape.stride([stride; 2]).padding([border; 2]);
        x = builder.conv(&format!("features.{number}"), x, shape);
        x = builder.relu(&format!("features.{}", number + 1), x);
        if let Some(number) = pool {
            x = builder.max_pool(&format!("features.{number}"), x, Pool::square(3, 2, 0));
        }
    }
    let linear = HeadLayer::Linear { features: scaled_channels(HIDDEN, variant.width), bias: true };
    let relu = HeadLayer::Function(Function::Relu);
    let own = OwnHead {
        base: HEAD,
        pooled: POOLED,
        hidden: vec![
            ("classifier.1", linear),
            ("classifier.2", relu),
            ("classifier.4", linear),
            ("classifier.5", relu),
        ],
        last: LAST,
    };
    head::finish(builder, name, x, &own, variant.head.as_ref(), variant.classes, MIN_INPUT_PX)
}
