//! A configuration becomes a graph, and the variables of its layers the graph's tensors.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::error::{Error, Result};
use super::super::tensors::Named;
use super::blocks::Blocks;
use super::config::{Call, Model};
use super::ending::Ending;
use super::function::{Fault, Function};
use super::layer::{Layer, Setting, normalization};
use super::shape::{Form, Value};
use super::store::{Store, of_hdf5};
use super::tensor::{Source, Tensor};
use crate::limits;
use crate::network::{Architecture, BatchNorm, Border, Graph, GraphBuilder, NodeId, Nonlinearity, Pool, Start};

/// A network that a file describes.
#[derive(Debug)]
pub(super) struct Imported<'a> {
    pub(super) graph: Graph,
    pub(super) tensors: Named<Tensor<'a>>,
    /// Rows and columns of the images, for which its borders and flattened layers are made.
    pub(super) input_size: [usize; 2],
    /// How many layers of each class act in training alone.
    pub(super) dropped: BTreeMap<String, usize>,
    /// Layers that are called more than once.
    pub(super) copied: Vec<String>,
    /// What its first layer makes of an image, where that is a scaling.
    pub(super) first: Option<(Vec<f64>, Vec<f64>)>,
}

/// What is wrong at one layer.
pub(super) enum Problem {
    Fault(Fault),
    Error(Error),
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

pub(super) type Step<T> = std::result::Result<T, Problem>;

/// Describes the network of `model` for images of `input` rows, columns and channels.
pub(super) fn import<'a>(
    model: &Model<'_>,
    layers: &[Layer],
    ending: &Ending,
    setting: Setting,
    input: [usize; 3],
    store: &Store<'a>,
) -> Result<Imported<'a>> {
    let [rows, columns, channels] = input;
    let blocks = Blocks::new(model, layers, ending);
    let (builder, image) = GraphBuilder::new(channels, blocks.first());
    let image = Value::image(image, [rows, columns]);
    let mut importer = Importer {
        builder,
        store,
        setting,
        ending,
        blocks,
        names: HashSet::from(["input".to_owned()]),
        tensors: Named::new(),
        features: None,
    };
    let own = own_names(model);
    let mut values: Vec<Value> = Vec::with_capacity(model.calls.len());
    let (mut dropped, mut copied, mut first) = (BTreeMap::new(), Vec::new(), None);
    for (at, (call, layer)) in model.calls.iter().zip(layers).enumerate() {
        let inputs: Vec<usize> = call.inputs().collect();
        if layer == &Layer::Input {
            values.push(image);
            continue;
        }
        if layer == &Layer::Dropped {
            *dropped.entry(call.class.to_owned()).or_default() += 1;
        }
        if call.again == 1 && layer.has_variables() {
            copied.push(call.name().to_owned());
        }
        let layer = ending.of(at, layer);
        let name = importer.fresh(&own[at]);
        let step = importer.step(at, call, &layer, &name, &inputs, &mut values);
        let value = step.map_err(|problem| match problem {
            Problem::Fault(fault) => Error::Unsupported(format!(
                "layer {:?} ({}) {fault}; replace it, or export the model to ONNX",
                call.path.join("/"),
                call.class
            )),
            Problem::Error(error) => error,
        })?;
        if let Layer::Affine { scale, offset } = &*layer
            && first.is_none()
            && inputs.first().is_some_and(|input| values[*input].node == image.node)
        {
            first = Some((scale.clone(), offset.clone()));
        }
        values.push(value);
    }
    let last = values[model.output];
    if last.extent != [1, 1] || last.border != Border::NONE {
        return Err(Error::Unsupported(format!(
            "the model gives {} x {} pixels a channel instead of one number a class; a classifier ends in global pooling or \
             Flatten and a Dense layer",
            last.extent[0], last.extent[1]
        )));
    }
    let features = importer.features.ok_or_else(|| {
        Error::Unsupported(
            "the model has no feature map before its head; a network of convolutions is needed".to_owned(),
        )
    })?;
    let Importer { builder, tensors, .. } = importer;
    let count = builder.channels(last.node);
    let kind = Architecture::Imported.kind();
    let graph =
        builder.finish_as(kind, Architecture::Imported.name(), &[last.node], count, features, rows.min(columns));
    Ok(Imported { graph, tensors, input_size: [rows, columns], dropped, copied, first })
}

/// A name for every call: the layer's own where no other layer has it, else with the names of the models around it.
fn own_names(model: &Model<'_>) -> Vec<String> {
    let mut places: HashMap<&str, HashSet<&str>> = HashMap::new();
    for call in &model.calls {
        places.entry(call.name()).or_default().insert(&call.place);
    }
    let own = |call: &Call<'_>| {
        if places[call.name()].len() == 1 { call.name().to_owned() } else { call.path.join("/") }
    };
    model.calls.iter().map(own).collect()
}

pub(super) struct Importer<'s, 'a> {
    pub(super) builder: GraphBuilder,
    pub(super) store: &'s Store<'a>,
    pub(super) setting: Setting,
    pub(super) ending: &'s Ending,
    blocks: Blocks,
    names: HashSet<String>,
    pub(super) tensors: Named<Tensor<'a>>,
    /// What the last pooling or flattening of the trunk read.
    features: Option<NodeId>,
}

impl Importer<'_, '_> {
    /// A name that no node has.
    pub(super) fn fresh(&mut self, name: &str) -> String {
        let cut: String = name.chars().take(MAX_NAME_CHARS).collect();
        let cut = if cut.is_empty() { "layer".to_owned() } else { cut };
        let mut fresh = cut.clone();
        let mut number = 1;
        while !self.names.insert(fresh.clone()) {
            number += 1;
            fresh = format!("{cut}_{number}");
        }
        fresh
    }

    #[expect(clippy::too_many_lines, reason = "a table of layers")]
    fn step(
        &mut self,
        at: usize,
        call: &Call<'_>,
        layer: &Layer,
        name: &str,
        inputs: &[usize],
        values: &mut [Value],
    ) -> Step<Value> {
        let Some(&first) = inputs.first() else { return Err("reads nothing".to_owned().into()) };
        let many = matches!(layer, Layer::Add | Layer::Multiply | Layer::Concat { .. } | Layer::AddScaled(_));
        if !many && inputs.len() > 1 {
            return Err("reads several results".to_owned().into());
        }
        self.blocks.enter(at, layer, values[first].extent, &mut self.builder);
        // What reads a border as a border takes it; for all others it becomes a layer of its own.
        let takes_border = matches!(
            layer,
            Layer::Conv(_) | Layer::ZeroPadding(_) | Layer::Pool { .. } | Layer::Dropped | Layer::Identity
        );
        if !takes_border {
            for input in inputs {
                values[*input] = self.padded(values[*input])?;
            }
        }
        let value = values[first];
        match layer {
            Layer::Input | Layer::Identity | Layer::Dropped => Ok(value),
            Layer::Conv(conv) => self.conv(call, name, value, conv, at),
            Layer::Dense { units, bias, activation } => self.dense(call, name, value, *units, *bias, *activation),
            Layer::BatchNorm { eps, scale, center, vectors } => {
                Self::per_channel(value, *vectors)?;
                let node = self.builder.batch_norm(name, value.node, BatchNorm { eps: *eps, scale: *scale });
                let names = [learned(*scale, *center), vec!["moving_mean", "moving_variance"]].concat();
                let mut variables = self.store.variables(call, &names)?.into_iter().map(Tensor::vector);
                if *scale {
                    self.put(name, "weight", variables.next());
                }
                let zeros = Tensor::constant(0.0, self.builder.channels(node));
                let offset = if *center { variables.next() } else { Some(zeros) };
                self.put(name, "bias", offset);
                self.put(name, "running_mean", variables.next());
                self.put(name, "running_var", variables.next());
                Ok(value.at(node, false))
            }
            Layer::LayerNorm { eps, scale, center, vectors } => {
                Self::per_channel(value, *vectors)?;
                let node = self.builder.layer_norm(name, value.node, *eps);
                let mut variables =
                    self.store.variables(call, &learned(*scale, *center))?.into_iter().map(Tensor::vector);
                let channels = self.builder.channels(node);
                for (suffix, learned, usual) in [("weight", *scale, 1.0), ("bias", *center, 0.0)] {
                    let tensor = if learned { variables.next() } else { Some(Tensor::constant(usual, channels)) };
                    self.put(name, suffix, tensor);
                }
                Ok(value.at(node, false))
            }
            Layer::Function(function) => self.function(name, value, *function),
            Layer::Add => {
                let values: Vec<Value> = inputs.iter().map(|input| values[*input]).collect();
                self.joined(name, &values, false, GraphBuilder::add)
            }
            Layer::Multiply => {
                let mut values: Vec<Value> = inputs.iter().map(|input| values[*input]).collect();
                // Those of one pixel come second.
                values.sort_by_key(|value| value.extent == [1, 1]);
                self.joined(name, &values, true, GraphBuilder::mul)
            }
            Layer::AddScaled(scale) => {
                let &[first, second] = inputs else { return Err("does not read two results".to_owned().into()) };
                let scaled = self.affine(&format!("{name}.scale"), values[second], &[*scale], &[0.0])?;
                self.joined(name, &[values[first], scaled], false, GraphBuilder::add)
            }
            Layer::Concat { vectors } => {
                let values: Vec<Value> = inputs.iter().map(|input| values[*input]).collect();
                for joined in &values {
                    Self::per_channel(*joined, *vectors)?;
                    if joined.extent != value.extent || joined.form != value.form {
                        return Err("joins results of different extents".to_owned().into());
                    }
                }
                let nodes: Vec<NodeId> = values.iter().map(|value| value.node).collect();
                let channels: usize = nodes.iter().map(|node| self.builder.channels(*node)).sum();
                if channels > limits::CLASSES {
                    return Err(format!("has {channels} channels").into());
                }
                let node = self.builder.concat(name, &nodes);
                Ok(value.at(node, values.iter().all(|value| value.rectified)))
            }
            Layer::ZeroPadding(border) => {
                value.image_or_fault()?;
                Ok(Value { border: sum(value.border, *border), ..value }.checked()?)
            }
            Layer::Pool { max, kernel, stride, same } => self.pool(name, value, *max, *kernel, *stride, *same),
            Layer::GlobalPool { max, keep_sides } => {
                value.image_or_fault()?;
                self.features = Some(value.node);
                let node = if *max {
                    let pool = Pool { kernel: value.extent, stride: value.extent, ..Pool::square(1, 1, 0) };
                    self.builder.max_pool(name, value.node, pool)
                } else {
                    self.builder.global_avg_pool(name, value.node)
                };
                let form = if *keep_sides { Form::Image } else { Form::Vector };
                Ok(Value { extent: [1, 1], form, ..value.at(node, value.rectified) })
            }
            Layer::Flatten => {
                if value.form == Form::Image {
                    self.features =
                        if value.extent == [1, 1] { self.features.or(Some(value.node)) } else { Some(value.node) };
                }
                Ok(value.flattened())
            }
            Layer::Reshape(shape) => {
                let channels = self.builder.channels(value.node);
                let shaped = value.reshaped(shape, channels, self.setting.layout)?;
                if value.extent != [1, 1] && shaped.form == Form::Flat {
                    self.features = Some(value.node);
                }
                Ok(shaped)
            }
            Layer::Affine { scale, offset } => self.affine(name, value, scale, offset),
            Layer::Normalization => {
                let [mean, variance] = &self.store.variables(call, &["mean", "variance"])?[..] else {
                    unreachable!("as many variables as were asked for")
                };
                let channels = self.builder.channels(value.node);
                let mut read = Vec::new();
                for dataset in [mean, variance] {
                    // No larger than the image has channels.
                    if !matches!(dataset.count(), 1) && dataset.count() != channels {
                        return Err(format!("has a mean of shape {:?}", dataset.shape).into());
                    }
                    let values = self.store.file().read(dataset).map_err(of_hdf5)?;
                    read.push(values.into_iter().map(f64::from).collect::<Vec<_>>());
                }
                let Layer::Affine { scale, offset } = normalization(&read[0], &read[1]) else {
                    unreachable!("a normalization is an affine function")
                };
                self.affine(name, value, &scale, &offset)
            }
            Layer::LayerScale => {
                Self::per_channel(value, false)?;
                let node = self.builder.scale(name, value.node, false);
                let mut variables = self.store.variables(call, &["*"])?;
                self.put(name, "weight", variables.pop().map(Tensor::vector));
                Ok(value.at(node, false))
            }
        }
    }

    /// A border as a layer of its own.
    pub(super) fn padded(&mut self, value: Value) -> Step<Value> {
        if value.border == Border::NONE {
            return Ok(value);
        }
        let name = self.fresh("padding");
        let node = self.builder.pad(&name, value.node, value.border);
        Ok(Value { node, extent: value.padded_extent(), border: Border::NONE, ..value }.checked()?)
    }

    /// Refuses a layer that works on channels where the last axis holds something else.
    fn per_channel(value: Value, vectors: bool) -> Step<()> {
        match value.form {
            Form::Flat if value.extent != [1, 1] => Err("works on flattened pixels".to_owned().into()),
            Form::Image if vectors => Err("works on another axis than that of the channels".to_owned().into()),
            _ => Ok(()),
        }
    }

    fn function(&mut self, name: &str, value: Value, function: Function) -> Step<Value> {
        let value = self.padded(value)?;
        let node = match function {
            Function::Linear => return Ok(value),
            Function::Relu => self.builder.relu(name, value.node),
            Function::Of(function) => self.builder.nonlinearity(name, value.node, function),
            Function::Softmax | Function::LogSoftmax => {
                return Err("is a softmax that is not the model's last layer".to_owned().into());
            }
        };
        Ok(value.at(node, function.is_rectifier()))
    }

    /// The activation behind a layer of weights.
    pub(super) fn activated(&mut self, name: &str, value: Value, function: Function) -> Step<Value> {
        let suffix = match function {
            Function::Linear => return Ok(value),
            Function::Relu => "relu",
            Function::Of(Nonlinearity::Silu) => "silu",
            Function::Of(_) | Function::Softmax | Function::LogSoftmax => "activation",
        };
        let name = self.fresh(&format!("{name}.{suffix}"));
        self.function(&name, value, function)
    }

    /// Sums or products of two, one after the other; `spreads`: a single pixel counts for all.
    fn joined(
        &mut self,
        name: &str,
        values: &[Value],
        spreads: bool,
        join: impl Fn(&mut GraphBuilder, &str, NodeId, NodeId) -> NodeId,
    ) -> Step<Value> {
        let [first, rest @ ..] = values else { return Err("reads nothing".to_owned().into()) };
        let mut sum = *first;
        for (index, other) in rest.iter().enumerate() {
            let equal = other.extent == sum.extent || (spreads && other.extent == [1, 1] && other.form == Form::Image);
            let channels = [sum.node, other.node].map(|node| self.builder.channels(node));
            if !equal || channels[0] != channels[1] || (sum.form == Form::Image) != (other.form == Form::Image) {
                return Err(format!(
                    "joins {} x {} pixels of {} channels with {} x {} of {}",
                    sum.extent[0], sum.extent[1], channels[0], other.extent[0], other.extent[1], channels[1]
                )
                .into());
            }
            let name = if index + 1 == rest.len() { name.to_owned() } else { self.fresh(&format!("{name}.{index}")) };
            sum = sum.at(join(&mut self.builder, &name, sum.node, other.node), false);
        }
        Ok(sum)
    }

    fn affine(&mut self, name: &str, value: Value, scale: &[f64], offset: &[f64]) -> Step<Value> {
        let channels = self.builder.channels(value.node);
        let fits = |numbers: &[f64]| numbers.len() == 1 || numbers.len() == channels;
        if !fits(scale) || !fits(offset) || (value.form == Form::Flat && scale.len().max(offset.len()) > 1) {
            return Err(format!("has {} numbers for {channels} channels", scale.len().max(offset.len())).into());
        }
        Self::per_channel(value, false).or_else(|problem| if scale.len() == 1 { Ok(()) } else { Err(problem) })?;
        let bias = offset.iter().any(|offset| *offset != 0.0);
        let node = self.builder.scale(name, value.node, bias);
        self.builder.start(Start::Fixed);
        let constants = |numbers: &[f64]| {
            let values = (0..channels).map(|channel| numbers[channel % numbers.len()] as f32).collect();
            Some(Tensor { shape: vec![channels], source: Source::Values(values) })
        };
        self.put(name, "weight", constants(scale));
        if bias {
            self.put(name, "bias", constants(offset));
        }
        Ok(value.at(node, false))
    }
}

/// Longest name of a layer; others are cut.
const MAX_NAME_CHARS: usize = 100;

/// Names of the learned factor and offset of a normalization.
fn learned(scale: bool, center: bool) -> Vec<&'static str> {
    [("gamma", scale), ("beta", center)].into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

/// Two borders, one around the other.
pub(super) fn sum(inner: Border, outer: Border) -> Border {
    let add = |inner: [usize; 2], outer: [usize; 2]| [0, 1].map(|axis| inner[axis].saturating_add(outer[axis]));
    Border { before: add(inner.before, outer.before), after: add(inner.after, outer.after) }
}
