//! Networks of keras.applications as configurations, for files that hold weights alone. Channels are those of the weights:
//! the numbers here are placeholders.
//!
//! No EfficientNet: published ones have one more scaling in front, which their weights do not tell.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::network::{Architecture, Op, Variant};

/// A network before its head.
#[derive(Debug, Default)]
pub(super) struct Network {
    layers: Vec<Entry>,
}

/// A layer and the earlier ones it reads.
#[derive(Debug)]
struct Entry {
    class: &'static str,
    name: String,
    config: Value,
    inputs: Vec<usize>,
}

/// What stands in place of numbers of channels.
pub(super) const PLACEHOLDER: usize = 1;

/// A network here by its name.
pub(super) type Application = (&'static str, fn([usize; 2]) -> Network);

/// All that are looked for, with the rows and columns of the images.
pub(super) const ALL: [Application; 10] = [
    ("DenseNet121", |_| densenet([6, 12, 24, 16])),
    ("DenseNet169", |_| densenet([6, 12, 32, 32])),
    ("DenseNet201", |_| densenet([6, 12, 48, 32])),
    ("InceptionV3", |_| inception_v3()),
    ("ResNet50", |_| resnet([3, 4, 6, 3])),
    ("ResNet101", |_| resnet([3, 4, 23, 3])),
    ("ResNet152", |_| resnet([3, 8, 36, 3])),
    ("VGG16", |_| vgg([2, 2, 3, 3, 3])),
    ("VGG19", |_| vgg([2, 2, 4, 4, 4])),
    ("MobileNetV2", mobilenet_v2),
];

impl Network {
    fn push(&mut self, class: &'static str, name: impl Into<String>, inputs: &[usize], config: Value) -> usize {
        self.layers.push(Entry { class, name: name.into(), config, inputs: inputs.to_vec() });
        self.layers.len() - 1
    }

    fn conv(&mut self, name: String, input: usize, kernel: [usize; 2], stride: usize, same: bool, bias: bool) -> usize {
        let padding = if same { "same" } else { "valid" };
        let config = json!({"filters": PLACEHOLDER, "kernel_size": kernel, "strides": stride, "padding": padding, "use_bias": bias});
        self.push("Conv2D", name, &[input], config)
    }

    fn norm(&mut self, name: String, input: usize, eps: f64) -> usize {
        self.push("BatchNormalization", name, &[input], json!({"epsilon": eps}))
    }

    fn relu(&mut self, name: String, input: usize) -> usize {
        self.push("Activation", name, &[input], json!({"activation": "relu"}))
    }

    fn pad(&mut self, name: String, input: usize, sides: [[usize; 2]; 2]) -> usize {
        self.push("ZeroPadding2D", name, &[input], json!({"padding": sides}))
    }

    fn pool(&mut self, class: &'static str, name: String, input: usize, side: usize, stride: usize) -> usize {
        self.push(class, name, &[input], json!({"pool_size": side, "strides": stride}))
    }

    /// Class and name of the layers with weights.
    pub(super) fn weighted(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let has_weights = |class: &str| matches!(class, "Conv2D" | "DepthwiseConv2D" | "BatchNormalization");
        self.layers.iter().filter(move |layer| has_weights(layer.class)).map(|layer| (layer.class, layer.name.as_str()))
    }

    /// The configuration with a head of global average pooling and one dense layer; `nested`: the network is a layer of the
    /// model instead of its layers.
    pub(super) fn with_head(&self, nested: bool, dense: &str, bias: bool) -> Value {
        let mut layers = self.in_order();
        let Some(last) = self.layers.last().map(|layer| layer.name.clone()) else { return Value::Null };
        let head = |after: &str| {
            [
                written("GlobalAveragePooling2D", "pooled", json!({}), &[after]),
                written("Dense", dense, json!({"units": PLACEHOLDER, "use_bias": bias}), &["pooled"]),
            ]
        };
        if !nested {
            layers.extend(head(&last));
            return functional(&layers, dense);
        }
        let mut inside = functional(&layers, &last);
        inside["name"] = json!(INSIDE);
        inside["inbound_nodes"] = json!([[["outer_image", 0, 0, {}]]]);
        let input = written("InputLayer", "outer_image", image(), &[]);
        functional(&[vec![input, inside], head(INSIDE).to_vec()].concat(), dense)
    }

    /// The layers in Keras' order: the farthest from the output first, of equal ones that which the way back from the output
    /// reaches first.
    fn in_order(&self) -> Vec<Value> {
        let count = self.layers.len();
        let mut depth = vec![0_usize; count];
        for at in (0..count).rev() {
            for input in &self.layers[at].inputs {
                depth[*input] = depth[*input].max(depth[at] + 1);
            }
        }
        let (mut reached, mut waiting) = (HashMap::new(), vec![count - 1]);
        while let Some(at) = waiting.pop() {
            let next = reached.len();
            if let std::collections::hash_map::Entry::Vacant(place) = reached.entry(at) {
                place.insert(next);
                waiting.extend(self.layers[at].inputs.iter().rev());
            }
        }
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|at| (std::cmp::Reverse(depth[*at]), reached.get(at).copied()));
        let layer = |at: &usize| {
            let Entry { class, name, config, inputs } = &self.layers[*at];
            let inputs: Vec<&str> = inputs.iter().map(|input| self.layers[*input].name.as_str()).collect();
            written(class, name, config.clone(), &inputs)
        };
        order.iter().map(layer).collect()
    }
}

/// Name of a network that is a layer.
const INSIDE: &str = "network";

/// The input of any size; what the importer asks is told beside it.
fn image() -> Value {
    json!({"batch_shape": [null, null, null, PLACEHOLDER]})
}

fn written(class: &str, name: &str, mut config: Value, inputs: &[&str]) -> Value {
    config["name"] = json!(name);
    let tensors: Vec<Value> = inputs.iter().map(|input| json!([input, 0, 0, {}])).collect();
    let nodes = if tensors.is_empty() { json!([]) } else { json!([tensors]) };
    json!({"class_name": class, "name": name, "config": config, "inbound_nodes": nodes})
}

fn functional(layers: &[Value], output: &str) -> Value {
    let input = layers.first().map_or(Value::Null, |layer| layer["name"].clone());
    let config = json!({"layers": layers, "input_layers": [[input, 0, 0]], "output_layers": [[output, 0, 0]]});
    json!({"class_name": "Functional", "config": config})
}

fn begun() -> (Network, usize) {
    let mut net = Network::default();
    let input = net.push("InputLayer", "image", &[], image());
    (net, input)
}

/// Added to the variance in ResNet and DenseNet.
const EPS: f64 = 1.001e-5;

/// The stem of ResNet and DenseNet.
fn stem(net: &mut Network, input: usize, bias: bool) -> usize {
    let mut x = net.pad("pad_conv1".to_owned(), input, [[3, 3], [3, 3]]);
    x = net.conv("conv1_conv".to_owned(), x, [7, 7], 2, false, bias);
    x = net.norm("conv1_bn".to_owned(), x, EPS);
    x = net.relu("conv1_relu".to_owned(), x);
    x = net.pad("pad_pool1".to_owned(), x, [[1, 1], [1, 1]]);
    net.pool("MaxPooling2D", "pool1".to_owned(), x, 3, 2)
}

fn densenet(blocks: [usize; 4]) -> Network {
    let (mut net, input) = begun();
    let mut x = stem(&mut net, input, false);
    for (stage, layers) in blocks.into_iter().enumerate() {
        let stage = stage + 2;
        for layer in 1..=layers {
            let name = |part: &str| format!("conv{stage}_block{layer}_{part}");
            let mut y = net.norm(name("0_bn"), x, EPS);
            y = net.relu(name("0_relu"), y);
            y = net.conv(name("1_conv"), y, [1, 1], 1, false, false);
            y = net.norm(name("1_bn"), y, EPS);
            y = net.relu(name("1_relu"), y);
            y = net.conv(name("2_conv"), y, [3, 3], 1, true, false);
            x = net.push("Concatenate", name("concat"), &[x, y], json!({}));
        }
        if stage < 5 {
            x = net.norm(format!("pool{stage}_bn"), x, EPS);
            x = net.relu(format!("pool{stage}_relu"), x);
            x = net.conv(format!("pool{stage}_conv"), x, [1, 1], 1, false, false);
            x = net.pool("AveragePooling2D", format!("pool{stage}_pool"), x, 2, 2);
        }
    }
    x = net.norm("bn".to_owned(), x, EPS);
    net.relu("relu".to_owned(), x);
    net
}

fn resnet(blocks: [usize; 4]) -> Network {
    let (mut net, input) = begun();
    let mut x = stem(&mut net, input, true);
    for (stage, layers) in blocks.into_iter().enumerate() {
        let stage = stage + 2;
        for layer in 1..=layers {
            let name = |part: &str| format!("conv{stage}_block{layer}_{part}");
            let stride = if layer == 1 && stage > 2 { 2 } else { 1 };
            let mut shortcut = x;
            if layer == 1 {
                shortcut = net.conv(name("0_conv"), x, [1, 1], stride, false, true);
                shortcut = net.norm(name("0_bn"), shortcut, EPS);
            }
            x = net.conv(name("1_conv"), x, [1, 1], stride, false, true);
            x = net.norm(name("1_bn"), x, EPS);
            x = net.relu(name("1_relu"), x);
            x = net.conv(name("2_conv"), x, [3, 3], 1, true, true);
            x = net.norm(name("2_bn"), x, EPS);
            x = net.relu(name("2_relu"), x);
            x = net.conv(name("3_conv"), x, [1, 1], 1, false, true);
            x = net.norm(name("3_bn"), x, EPS);
            x = net.push("Add", name("add"), &[shortcut, x], json!({}));
            x = net.relu(name("out"), x);
        }
    }
    net
}

fn vgg(blocks: [usize; 5]) -> Network {
    let (mut net, mut x) = begun();
    for (block, layers) in blocks.into_iter().enumerate() {
        let block = block + 1;
        for layer in 1..=layers {
            x = net.conv(format!("block{block}_conv{layer}"), x, [3, 3], 1, true, true);
            net.layers[x].config["activation"] = json!("relu");
        }
        x = net.pool("MaxPooling2D", format!("block{block}_pool"), x, 2, 2);
    }
    net
}

fn mobilenet_v2(extent: [usize; 2]) -> Network {
    let norm_relu = |net: &mut Network, norm: String, relu: String, input: usize| {
        let x = net.norm(norm, input, 1e-3);
        net.push("ReLU", relu, &[x], json!({"max_value": 6.0}))
    };
    let (mut net, input) = begun();
    let mut x = net.conv("Conv1".to_owned(), input, [3, 3], 2, true, false);
    x = norm_relu(&mut net, "bn_Conv1".to_owned(), "Conv1_relu".to_owned(), x);
    let mut extent = extent.map(|side| side.div_ceil(2));
    let stages = [(1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1)];
    let mut block = 0;
    for (layers, first_stride) in stages {
        for layer in 0..layers {
            let stride = if layer == 0 { first_stride } else { 1 };
            let prefix = if block == 0 { "expanded_conv".to_owned() } else { format!("block_{block}") };
            let name = |part: &str| format!("{prefix}_{part}");
            let before = x;
            if block > 0 {
                x = net.conv(name("expand"), x, [1, 1], 1, true, false);
                x = norm_relu(&mut net, name("expand_BN"), name("expand_relu"), x);
            }
            if stride == 2 {
                let sides = extent.map(|side| if side % 2 == 0 { [0, 1] } else { [1, 1] });
                x = net.pad(name("pad"), x, sides);
                extent = extent.map(|side| side.div_ceil(2));
            }
            let padding = if stride == 1 { "same" } else { "valid" };
            let config = json!({"kernel_size": 3, "strides": stride, "padding": padding, "use_bias": false});
            x = net.push("DepthwiseConv2D", name("depthwise"), &[x], config);
            x = norm_relu(&mut net, name("depthwise_BN"), name("depthwise_relu"), x);
            x = net.conv(name("project"), x, [1, 1], 1, true, false);
            x = net.norm(name("project_BN"), x, 1e-3);
            if layer > 0 {
                x = net.push("Add", name("add"), &[before, x], json!({}));
            }
            block += 1;
        }
    }
    x = net.conv("Conv_1".to_owned(), x, [1, 1], 1, false, false);
    norm_relu(&mut net, "Conv_1_bn".to_owned(), "out_relu".to_owned(), x);
    net
}

/// Layer for node as the architecture here has it, under numbers in the order of its nodes.
fn inception_v3() -> Network {
    let variant = Variant { count_include_pad: false, norm_scale: false, ..Variant::default() };
    let graph = Architecture::InceptionV3.graph(&variant);
    let (mut net, input) = begun();
    let mut layers = vec![input];
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for node in graph.nodes().iter().skip(1) {
        let inputs: Vec<usize> = node.inputs.iter().map(|input| layers[input.index()]).collect();
        let mut name = |class: &'static str| {
            let count = counts.entry(class).or_default();
            *count += 1;
            format!("{class}_{count}")
        };
        layers.push(match node.op {
            Op::Conv2d(conv) => {
                let same = conv.padding.sum(0) + conv.padding.sum(1) > 0;
                net.conv(name("conv2d"), inputs[0], conv.kernel, conv.stride[0], same, false)
            }
            Op::BatchNorm(_) => net.push(
                "BatchNormalization",
                name("batch_normalization"),
                &inputs,
                json!({"scale": false, "epsilon": 1e-3}),
            ),
            Op::Relu => net.relu(name("activation"), inputs[0]),
            Op::MaxPool(pool) => net.pool("MaxPooling2D", name("max_pooling2d"), inputs[0], 3, pool.stride[0]),
            Op::AvgPool { .. } => {
                let config = json!({"pool_size": 3, "strides": 1, "padding": "same"});
                net.push("AveragePooling2D", name("average_pooling2d"), &inputs, config)
            }
            Op::Concat => net.push("Concatenate", name("concatenate"), &inputs, json!({})),
            // Its head is not part of the network.
            _ => break,
        });
    }
    net
}
