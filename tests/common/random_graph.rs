//! Small random networks with everything an executor must cope with.

use proptest::prelude::*;
use saliscope::network::{BatchNorm, Conv2d, Graph, GraphBuilder, NodeId, Pool};

/// A random network and an image size it accepts.
#[derive(Clone, Debug)]
pub struct RandomNetwork {
    pub graph: Graph,
    pub height: usize,
    pub width: usize,
}

/// One layer to be added, with what it needs drawn beforehand.
#[derive(Clone, Debug)]
enum Step {
    Conv {
        conv: Conv2d,
        norm: bool,
        relu: bool,
    },
    NormRelu,
    MaxPool(Pool),
    AvgPool(Pool, bool),
    /// Concatenates the last node with a convolution of it and with itself through a ReLU: shared readers.
    Fork {
        conv: Conv2d,
        twice: bool,
    },
}

/// Networks of one to six layers on images of 6 to 19 pixels; `smooth` ones have neither ReLU nor max pool.
pub fn networks(smooth: bool) -> impl Strategy<Value = RandomNetwork> {
    let steps = prop::collection::vec(step(smooth), 1..=6);
    (1usize..=4, 1usize..=4, 6usize..20, 6usize..20, steps, any::<bool>()).prop_map(
        |(channels, classes, height, width, steps, scale)| {
            let graph = assemble(channels, classes, [height, width], &steps, scale);
            RandomNetwork { graph, height, width }
        },
    )
}

fn step(smooth: bool) -> BoxedStrategy<Step> {
    let pool = || {
        (1usize..=4, 1usize..=3, 0usize..=2)
            .prop_map(|(kernel, stride, padding)| Pool::square(kernel, stride, padding.min(kernel / 2)))
    };
    let average = (pool(), any::<bool>()).prop_map(|(pool, include)| Step::AvgPool(pool, include));
    let any_conv = (conv(false), any::<bool>(), any::<bool>()).prop_map(move |(conv, norm, relu)| Step::Conv {
        conv,
        norm,
        relu: relu && !smooth,
    });
    let fork = (conv(true), any::<bool>()).prop_map(move |(conv, twice)| Step::Fork { conv, twice });
    if smooth {
        return prop_oneof![4 => any_conv, 2 => average, 2 => fork].boxed();
    }
    prop_oneof![
        4 => any_conv,
        2 => Just(Step::NormRelu),
        2 => pool().prop_map(Step::MaxPool),
        2 => average,
        2 => fork,
    ]
    .boxed()
}

/// Any convolution, or one that keeps the extent.
fn conv(same: bool) -> impl Strategy<Value = Conv2d> {
    let side = || prop_oneof![Just(1usize), Just(2), Just(3), Just(5), Just(7)];
    (1usize..=20, [side(), side()], [1usize..=3, 1usize..=3], [0usize..=3, 0usize..=3], any::<bool>()).prop_map(
        move |(out_channels, kernel, stride, padding, bias)| {
            if same {
                let kernel = kernel.map(|k| k | 1);
                return Conv2d::new(out_channels, kernel).padding(kernel.map(|k| k / 2)).bias(bias);
            }
            Conv2d::new(out_channels, kernel).stride(stride).padding(padding).bias(bias)
        },
    )
}

/// Adds the steps that fit; a window larger than what is left of the image is passed over.
fn assemble(channels: usize, classes: usize, size: [usize; 2], steps: &[Step], scale: bool) -> Graph {
    let (mut builder, mut x) = GraphBuilder::new(channels, "stem");
    let mut extent = size;
    let norm = BatchNorm { eps: 1e-3, scale };
    let relu_of = |builder: &mut GraphBuilder, name: &str, x: NodeId| builder.relu(&format!("{name}.relu"), x);
    for (index, step) in steps.iter().enumerate() {
        let name = format!("layer{index}");
        builder.block(&name);
        match step {
            Step::Conv { conv, norm: normed, relu } => {
                let Some(out) = conv.output(extent) else { continue };
                extent = out;
                x = builder.conv(&format!("{name}.conv"), x, *conv);
                if *normed {
                    x = builder.batch_norm(&format!("{name}.bn"), x, norm);
                }
                if *relu {
                    x = relu_of(&mut builder, &name, x);
                }
            }
            Step::NormRelu => {
                x = builder.batch_norm(&format!("{name}.bn"), x, norm);
                x = relu_of(&mut builder, &name, x);
            }
            Step::MaxPool(pool) | Step::AvgPool(pool, _) => {
                let Some(out) = pool.output(extent) else { continue };
                extent = out;
                x = match step {
                    Step::AvgPool(pool, include) => builder.avg_pool(&format!("{name}.avg"), x, *pool, *include),
                    _ => builder.max_pool(&format!("{name}.max"), x, *pool),
                };
            }
            Step::Fork { conv, twice } => {
                let branch = builder.conv(&format!("{name}.conv"), x, *conv);
                let normed = builder.batch_norm(&format!("{name}.bn"), x, norm);
                let mut joined = vec![branch, x, normed];
                if *twice {
                    joined.push(branch);
                }
                x = builder.concat(&format!("{name}.concat"), &joined);
            }
        }
    }
    builder.block("logits");
    let features = x;
    let pooled = builder.global_avg_pool("pool", x);
    builder.linear("fc", pooled, classes);
    builder.finish("random", features, 1)
}
