//! Small random networks with everything an executor must cope with.

use proptest::prelude::*;
use saliscope::network::{BatchNorm, Border, Conv2d, Graph, GraphBuilder, NodeId, Nonlinearity, Pool};

/// A random network and an image size it accepts.
#[derive(Clone, Debug)]
pub struct RandomNetwork {
    pub graph: Graph,
    pub height: usize,
    pub width: usize,
}

/// How a convolution is cut; the numbers follow from the channels it finds.
#[derive(Clone, Copy, Debug)]
enum Groups {
    One,
    /// One of the divisors of its input channels.
    Divisor(usize),
    /// Every channel by itself, giving one or two.
    Depthwise {
        twice: bool,
    },
}

/// A function between layers; none is the identity.
type Function = Option<Nonlinearity>;

/// One layer to be added, with what it needs drawn beforehand.
#[derive(Clone, Debug)]
enum Step {
    Conv {
        conv: Conv2d,
        groups: Groups,
        norm: bool,
        relu: bool,
    },
    NormRelu,
    MaxPool(Pool),
    AvgPool(Pool, bool),
    /// Concatenates the last node with a convolution of it and with itself through a normalization: shared readers.
    Fork {
        conv: Conv2d,
        twice: bool,
    },
    Function(Function),
    LayerNorm {
        eps: f64,
    },
    Scale {
        bias: bool,
    },
    /// Every channel times a number that its mean decides.
    Squeeze {
        channels: usize,
        inner: Function,
        gate: Function,
    },
    /// Plus a convolution of itself, or plus itself.
    Residual {
        conv: Option<(Conv2d, Groups)>,
    },
    /// Times a function of a convolution of itself, or times itself.
    Product {
        conv: Option<Conv2d>,
        function: Function,
    },
    Pad(Border),
    Adaptive([usize; 2]),
}

/// How a network goes from its last feature map to its logits.
#[derive(Clone, Copy, Debug)]
enum End {
    GlobalPool,
    Flatten { bias: bool },
    AdaptiveFlatten { output: [usize; 2], bias: bool },
}

/// Networks of one to six layers on images of 6 to 19 pixels; `smooth` ones have neither kinks nor max pools. For half of
/// them the guided rule is defined.
pub fn networks(smooth: bool) -> impl Strategy<Value = RandomNetwork> {
    let steps = any::<bool>().prop_flat_map(move |gates| {
        let step = prop_oneof![3 => plain_step(smooth), 5 => step(smooth, gates)];
        prop::collection::vec(step, 1..=6)
    });
    let end = prop_oneof![
        2 => Just(End::GlobalPool),
        1 => any::<bool>().prop_map(|bias| End::Flatten { bias }),
        1 => ([1usize..=4, 1usize..=4], any::<bool>())
            .prop_map(|(output, bias)| End::AdaptiveFlatten { output, bias }),
    ];
    assembled(steps, end)
}

/// The same of convolutions without groups and dilation, square pools, ReLU, normalization and concatenation alone.
pub fn plain_networks(smooth: bool) -> impl Strategy<Value = RandomNetwork> {
    assembled(prop::collection::vec(plain_step(smooth), 1..=6), Just(End::GlobalPool))
}

fn assembled(
    steps: impl Strategy<Value = Vec<Step>>,
    end: impl Strategy<Value = End>,
) -> impl Strategy<Value = RandomNetwork> {
    (1usize..=4, 1usize..=4, 6usize..20, 6usize..20, steps, any::<bool>(), end).prop_map(
        |(channels, classes, height, width, steps, scale, end)| {
            let graph = Assembly::new(channels, [height, width], scale).finish(&steps, end, classes);
            RandomNetwork { graph, height, width }
        },
    )
}

fn plain_step(smooth: bool) -> BoxedStrategy<Step> {
    let pool = || {
        (1usize..=4, 1usize..=3, 0usize..=2)
            .prop_map(|(kernel, stride, padding)| Pool::square(kernel, stride, padding.min(kernel / 2)))
    };
    let average = (pool(), any::<bool>()).prop_map(|(pool, include)| Step::AvgPool(pool, include));
    let any_conv = (conv(false), any::<bool>(), any::<bool>()).prop_map(move |(conv, norm, relu)| Step::Conv {
        conv,
        groups: Groups::One,
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

fn step(smooth: bool, gates: bool) -> BoxedStrategy<Step> {
    let function = move || function(smooth, gates);
    let unusual = (unusual_conv(), groups(), any::<bool>(), any::<bool>())
        .prop_map(move |(conv, groups, norm, relu)| Step::Conv { conv, groups, norm, relu: relu && !smooth });
    let squeeze = (1usize..=6, function(), function()).prop_map(|(channels, inner, gate)| Step::Squeeze {
        channels,
        inner,
        gate,
    });
    let residual = prop::option::weighted(0.8, (conv(true), groups())).prop_map(|conv| Step::Residual { conv });
    let product = (prop::option::weighted(0.8, conv(true)), function())
        .prop_map(|(conv, function)| Step::Product { conv, function });
    let average = (unequal_pool(), any::<bool>()).prop_map(|(pool, include)| Step::AvgPool(pool, include)).boxed();
    let most = if smooth { average.clone() } else { unequal_pool().prop_map(Step::MaxPool).boxed() };
    prop_oneof![
        6 => unusual,
        3 => function().prop_map(Step::Function),
        2 => prop_oneof![Just(1e-3), Just(1e-5)].prop_map(|eps| Step::LayerNorm { eps }),
        1 => any::<bool>().prop_map(|bias| Step::Scale { bias }),
        2 => squeeze,
        2 => residual,
        1 => product,
        2 => most,
        2 => average,
        1 => border(3).prop_map(Step::Pad),
        1 => [1usize..=9, 1usize..=9].prop_map(Step::Adaptive),
    ]
    .boxed()
}

/// Functions without kinks, or such that the guided rule is defined, or any.
fn function(smooth: bool, gates: bool) -> BoxedStrategy<Function> {
    let bent = prop_oneof![
        Just(Nonlinearity::Sigmoid),
        Just(Nonlinearity::Silu),
        Just(Nonlinearity::Gelu),
        Just(Nonlinearity::GeluTanh),
        Just(Nonlinearity::Tanh),
    ];
    let gate = prop_oneof![Just(Nonlinearity::RELU6), Just(Nonlinearity::Clip { low: 0.0, high: 0.75 })];
    let kinked = prop_oneof![
        Just(Nonlinearity::Clip { low: -1.0, high: 0.5 }),
        Just(Nonlinearity::HARD_SIGMOID),
        Just(Nonlinearity::HardSigmoid { slope: 0.2, offset: 0.5 }),
        Just(Nonlinearity::HardSwish),
        Just(Nonlinearity::LeakyRelu { slope: 0.01 }),
        Just(Nonlinearity::LeakyRelu { slope: 0.3 }),
        Just(Nonlinearity::Elu { alpha: 1.0 }),
        Just(Nonlinearity::Elu { alpha: 0.5 }),
    ];
    match (smooth, gates) {
        (true, true) => Just(None).boxed(),
        (true, false) => bent.prop_map(Some).boxed(),
        (false, true) => gate.prop_map(Some).boxed(),
        (false, false) => prop_oneof![5 => bent, 2 => gate, 8 => kinked].prop_map(Some).boxed(),
    }
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

/// A convolution with a border of its own on every side and room between its taps.
fn unusual_conv() -> impl Strategy<Value = Conv2d> {
    (conv(false), border(3), [1usize..=3, 1usize..=3]).prop_map(|(conv, padding, dilation)| Conv2d {
        padding,
        dilation,
        ..conv
    })
}

fn groups() -> impl Strategy<Value = Groups> {
    prop_oneof![
        1 => Just(Groups::One),
        2 => (1usize..=8).prop_map(Groups::Divisor),
        2 => any::<bool>().prop_map(|twice| Groups::Depthwise { twice }),
    ]
}

fn border(most: usize) -> impl Strategy<Value = Border> {
    let side = move || 0..=most;
    ([side(), side()], [side(), side()]).prop_map(|(before, after)| Border { before, after })
}

/// A pool whose sides and borders differ, with or without windows that reach beyond the border.
fn unequal_pool() -> impl Strategy<Value = Pool> {
    ([1usize..=4, 1usize..=4], [1usize..=3, 1usize..=3], border(2), any::<bool>()).prop_map(
        |(kernel, stride, padding, ceil_mode)| {
            let narrow = |side: [usize; 2]| [0, 1].map(|axis| side[axis].min(kernel[axis] / 2));
            let padding = Border { before: narrow(padding.before), after: narrow(padding.after) };
            Pool { kernel, stride, padding, ceil_mode }
        },
    )
}

/// A network that grows step by step; what does not fit is passed over.
struct Assembly {
    builder: GraphBuilder,
    /// The node added last.
    x: NodeId,
    /// Its rows and columns.
    extent: [usize; 2],
    norm: BatchNorm,
}

impl Assembly {
    fn new(channels: usize, extent: [usize; 2], scale: bool) -> Self {
        let (builder, x) = GraphBuilder::new(channels, "stem");
        Self { builder, x, extent, norm: BatchNorm { eps: 1e-3, scale } }
    }

    fn finish(mut self, steps: &[Step], end: End, classes: usize) -> Graph {
        for (index, step) in steps.iter().enumerate() {
            let name = format!("layer{index}");
            self.builder.block(&name);
            self.step(&name, step);
        }
        let Self { mut builder, x: features, extent, .. } = self;
        builder.block("logits");
        match end {
            End::GlobalPool => {
                let pooled = builder.global_avg_pool("pool", features);
                builder.linear("fc", pooled, classes)
            }
            End::Flatten { bias } => builder.flatten_linear("fc", features, extent, classes, bias),
            End::AdaptiveFlatten { output, bias } => {
                let pooled = builder.adaptive_avg_pool("pool", features, output);
                builder.flatten_linear("fc", pooled, output, classes, bias)
            }
        };
        builder.finish("random", features, 1)
    }

    fn step(&mut self, name: &str, step: &Step) {
        let x = self.x;
        match step {
            Step::Conv { conv, groups, norm, relu } => {
                let conv = self.grouped(*conv, *groups);
                let Some(out) = conv.output(self.extent) else { return };
                self.extent = out;
                self.x = self.builder.conv(&format!("{name}.conv"), x, conv);
                if *norm {
                    self.x = self.builder.batch_norm(&format!("{name}.bn"), self.x, self.norm);
                }
                if *relu {
                    self.x = self.builder.relu(&format!("{name}.relu"), self.x);
                }
            }
            Step::NormRelu => {
                let normed = self.builder.batch_norm(&format!("{name}.bn"), x, self.norm);
                self.x = self.builder.relu(&format!("{name}.relu"), normed);
            }
            Step::MaxPool(pool) | Step::AvgPool(pool, _) => {
                let Some(out) = pool.output(self.extent) else { return };
                self.extent = out;
                self.x = match step {
                    Step::AvgPool(pool, include) => self.builder.avg_pool(&format!("{name}.avg"), x, *pool, *include),
                    _ => self.builder.max_pool(&format!("{name}.max"), x, *pool),
                };
            }
            Step::Fork { conv, twice } => {
                let branch = self.builder.conv(&format!("{name}.conv"), x, *conv);
                let normed = self.builder.batch_norm(&format!("{name}.bn"), x, self.norm);
                let mut joined = vec![branch, x, normed];
                if *twice {
                    joined.push(branch);
                }
                self.x = self.builder.concat(&format!("{name}.concat"), &joined);
            }
            Step::Function(function) => self.x = self.function(name, x, *function),
            // The gradient of a pixel normalized over one or two channels is nothing but what rounding leaves.
            Step::LayerNorm { eps } if self.builder.channels(x) > 2 => {
                self.x = self.builder.layer_norm(&format!("{name}.ln"), x, *eps);
            }
            Step::LayerNorm { .. } => {}
            Step::Scale { bias } => self.x = self.builder.scale(&format!("{name}.scale"), x, *bias),
            Step::Squeeze { channels, inner, gate } => {
                let mean = self.builder.global_avg_pool(&format!("{name}.mean"), x);
                let conv = |channels: usize| Conv2d::new(channels, [1, 1]).bias(true);
                let few = self.builder.conv(&format!("{name}.few"), mean, conv(*channels));
                let few = self.function(&format!("{name}.inner"), few, *inner);
                let all = self.builder.channels(x);
                let all = self.builder.conv(&format!("{name}.all"), few, conv(all));
                let factor = self.function(&format!("{name}.gate"), all, *gate);
                self.x = self.builder.mul(&format!("{name}.mul"), x, factor);
            }
            Step::Residual { conv: None } => self.x = self.builder.add(&format!("{name}.add"), x, x),
            Step::Residual { conv: Some((conv, groups)) } => {
                let branch = self.same_channels(name, *conv, *groups);
                self.x = self.builder.add(&format!("{name}.add"), branch, x);
            }
            Step::Product { conv: None, .. } => self.x = self.builder.mul(&format!("{name}.mul"), x, x),
            Step::Product { conv: Some(conv), function } => {
                let branch = self.same_channels(name, *conv, Groups::One);
                let factor = self.function(name, branch, *function);
                self.x = self.builder.mul(&format!("{name}.mul"), x, factor);
            }
            Step::Pad(border) => {
                self.extent = [0, 1].map(|axis| self.extent[axis] + border.sum(axis));
                self.x = self.builder.pad(&format!("{name}.pad"), x, *border);
            }
            Step::Adaptive(output) => {
                self.extent = *output;
                self.x = self.builder.adaptive_avg_pool(&format!("{name}.adaptive"), x, *output);
            }
        }
    }

    fn function(&mut self, name: &str, x: NodeId, function: Function) -> NodeId {
        function.map_or(x, |function| self.builder.nonlinearity(&format!("{name}.function"), x, function))
    }

    /// The convolution cut as the channels allow.
    fn grouped(&self, conv: Conv2d, groups: Groups) -> Conv2d {
        let channels = self.builder.channels(self.x);
        match groups {
            Groups::One => conv,
            Groups::Divisor(number) => {
                let divisors: Vec<usize> = (1..=channels).filter(|groups| channels.is_multiple_of(*groups)).collect();
                let groups = divisors[number % divisors.len()];
                Conv2d { out_channels: conv.out_channels.next_multiple_of(groups), groups, ..conv }
            }
            Groups::Depthwise { twice } => {
                Conv2d { out_channels: channels * if twice { 2 } else { 1 }, groups: channels, ..conv }
            }
        }
    }

    /// A convolution of the last node that writes as many channels as it reads.
    fn same_channels(&mut self, name: &str, conv: Conv2d, groups: Groups) -> NodeId {
        let out_channels = self.builder.channels(self.x);
        let groups = match groups {
            Groups::Depthwise { .. } => Groups::Depthwise { twice: false },
            other => other,
        };
        let conv = self.grouped(Conv2d { out_channels, ..conv }, groups);
        self.builder.conv(&format!("{name}.conv"), self.x, conv)
    }
}
