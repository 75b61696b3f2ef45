//! Follows the image through the nodes of a file.

mod axes;
mod layers;
mod pair;
mod pointwise;
mod pools;
mod simplify;

use std::collections::HashMap;

use super::fold::{Folding, shape};
use super::layout::Layout;
use super::model::{Model, Node};
use super::refusal::Problem;
use super::step::{Kind, Loose, Step, StepId};
use super::tensor::{Constant, count};
use crate::limits;

/// What a name of the file stands for.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Constant(Constant<'a>),
    Map(Map),
    /// What a node writes that was not understood.
    Unknown,
}

/// A feature map under the axes of the file.
#[derive(Clone, Debug)]
pub(super) struct Map {
    pub(super) step: StepId,
    pub(super) layout: Layout,
}

/// What became of the nodes of a file.
pub(super) struct Trace<'a> {
    pub(super) model: &'a Model<'a>,
    pub(super) steps: Vec<Step<'a>>,
    pub(super) values: HashMap<&'a str, Value<'a>>,
    /// Nodes that were not understood, with the reason.
    pub(super) problems: Vec<Problem>,
    /// Stored tensors that are not read, with the reason.
    unread: HashMap<&'a str, String>,
    folding: Folding,
    /// Images a batch, as the file fixes it.
    batch: usize,
    /// Parts of patterns that were made already.
    loose: HashMap<(String, Vec<StepId>), StepId>,
    /// The node that is followed now.
    at: Option<usize>,
}

/// The image as a file wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) batch: usize,
    /// Channels, rows and columns.
    pub(super) shape: [usize; 3],
    /// Whether its channels are the last axis.
    pub(super) channels_last: bool,
}

type Outcome<T> = Result<T, String>;

/// Inputs of a node, by position; none where an optional one is left out.
type Inputs<'a> = [Option<Value<'a>>];

impl<'a> Trace<'a> {
    /// Follows an image called `name` through the nodes in the given `order`.
    pub(super) fn run(model: &'a Model<'a>, order: &[usize], name: &'a str, image: Image) -> Self {
        let stored = model.initializers.iter().filter_map(|tensor| count(&tensor.dims).ok());
        let mut trace = Self {
            model,
            steps: Vec::new(),
            values: HashMap::new(),
            problems: Vec::new(),
            unread: HashMap::new(),
            folding: Folding::new(stored.fold(0, usize::saturating_add)),
            batch: image.batch,
            loose: HashMap::new(),
            at: None,
        };
        trace.steps.push(Step { node: None, kind: Kind::Input, inputs: Vec::new(), shape: image.shape });
        let layout = if image.channels_last { Layout::channels_last } else { Layout::channels_first };
        let layout = layout(image.batch, image.shape);
        trace.values.insert(name, Value::Map(Map { step: 0, layout }));
        for tensor in &model.initializers {
            match Constant::of(tensor) {
                Ok(constant) => {
                    trace.values.insert(tensor.name, Value::Constant(constant));
                }
                Err(reason) => {
                    trace.unread.insert(tensor.name, reason);
                }
            }
        }
        for index in order {
            trace.follow(*index);
        }
        trace
    }

    fn follow(&mut self, index: usize) {
        let node = &self.model.nodes[index];
        self.at = Some(index);
        let inputs: Vec<Option<Value<'a>>> =
            node.inputs.iter().map(|name| (!name.is_empty()).then(|| self.value(name))).collect();
        let unread = node.inputs.iter().filter(|name| !name.is_empty()).find_map(|name| self.unread.get(name));
        if let Some(reason) = unread {
            self.problems.push(Problem::of_node(index, node, reason.clone()));
        }
        let unknown = inputs.iter().any(|input| matches!(input, Some(Value::Unknown)));
        let values = if unknown { None } else { Some(self.outputs(node, &inputs)) };
        let values = match values {
            Some(Ok(values)) => values,
            Some(Err(reason)) => {
                self.problems.push(Problem::of_node(index, node, reason));
                Vec::new()
            }
            None => Vec::new(),
        };
        let understood = !values.is_empty();
        let mut values = values.into_iter();
        for name in &node.outputs {
            let value = values.next();
            if value.is_none() && understood {
                self.unread.insert(name, format!("it reads a second output of {}", node.operation));
            }
            self.values.insert(name, value.unwrap_or(Value::Unknown));
        }
    }

    fn value(&self, name: &str) -> Value<'a> {
        self.values.get(name).cloned().unwrap_or(Value::Unknown)
    }

    fn outputs(&mut self, node: &Node<'a>, inputs: &Inputs<'a>) -> Outcome<Vec<Value<'a>>> {
        let constants: Vec<Option<&Constant<'a>>> = inputs
            .iter()
            .map(|input| match input {
                Some(Value::Constant(constant)) => Some(constant),
                _ => None,
            })
            .collect();
        let map = inputs.iter().flatten().find_map(|input| match input {
            Value::Map(map) => Some(map),
            Value::Constant(_) | Value::Unknown => None,
        });
        let Some(map) = map else {
            let folded = self.folding.node(node, &constants);
            let folded = folded.ok_or("it is not read, not even of constants")?;
            return Ok(vec![Value::Constant(folded?)]);
        };
        if self.is_largest(map) {
            // The number of a class can be turned and converted; nothing follows from it.
            return match node.operation {
                "Identity" | "Cast" | "Squeeze" | "Unsqueeze" | "Reshape" | "Flatten" => {
                    Ok(vec![Value::Map(map.clone())])
                }
                _ => Err("it goes on from the number of the largest class".to_owned()),
            };
        }
        match node.operation {
            "Shape" => Ok(vec![Value::Constant(shape(node, &map.layout.dims())?)]),
            "Size" => {
                let size = count(&map.layout.dims())? as i64;
                Ok(vec![Value::Constant(Constant::whole(Vec::new(), vec![size]))])
            }
            "Split" => self.split(node, inputs, &constants),
            "ArgMax" | "TopK" => {
                let map = self.largest(inputs)?;
                Ok(vec![Value::Map(map.clone()), Value::Map(map)])
            }
            _ => Ok(vec![Value::Map(self.map(node, inputs, &constants)?)]),
        }
    }

    fn is_largest(&self, map: &Map) -> bool {
        matches!(self.steps[map.step].kind, Kind::Loose(Loose::Largest))
    }

    /// The map that a node with one output writes.
    fn map(&mut self, node: &Node<'a>, inputs: &Inputs<'a>, constants: &[Option<&Constant<'a>>]) -> Outcome<Map> {
        match node.operation {
            "Conv" => self.conv(node, inputs, constants),
            "Gemm" => self.gemm(node, inputs, constants),
            "MatMul" => self.matmul(inputs, constants),
            "BatchNormalization" => self.batch_norm(node, inputs, constants),
            "LayerNormalization" => self.layer_norm(node, inputs, constants),
            "MaxPool" | "AveragePool" => self.pool(node, inputs),
            "GlobalAveragePool" | "GlobalMaxPool" => self.global_pool(node, inputs),
            "ReduceMean" | "ReduceSum" | "ReduceMax" => self.reduce(node, inputs, constants),
            "Add" | "Sub" | "Mul" | "Div" | "Max" | "Min" | "Pow" | "Sum" => self.pair(node, inputs),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => Self::reshape(node, inputs, constants),
            "Transpose" => Self::transpose(node, inputs),
            "Concat" => self.concat(node, inputs),
            "Slice" => self.slice(node, inputs, constants),
            "Gather" => self.gather(node, inputs, constants),
            "Expand" | "Tile" => self.expand(node, inputs, constants),
            "Pad" => self.pad(node, inputs, constants),
            "Resize" | "Upsample" => Self::resize(node, inputs, constants),
            _ => self.pointwise(node, inputs, constants),
        }
    }

    /// The map at position `index` of the inputs.
    fn input(inputs: &Inputs<'a>, index: usize) -> Outcome<Map> {
        match inputs.get(index) {
            Some(Some(Value::Map(map))) => Ok(map.clone()),
            Some(Some(Value::Constant(_))) => Err("a constant stands where it should read the image".to_owned()),
            _ => Err("an input is missing".to_owned()),
        }
    }

    /// The constant at position `index`, where there is one.
    fn constant(inputs: &Inputs<'a>, index: usize, what: &str) -> Outcome<Option<Constant<'a>>> {
        match inputs.get(index) {
            Some(Some(Value::Constant(constant))) => Ok(Some(constant.clone())),
            Some(Some(_)) => Err(format!("its {what} follows from the image")),
            _ => Ok(None),
        }
    }

    /// The step of a map whose axes are batch, channels, rows and columns.
    fn image(&self, map: &Map) -> Outcome<StepId> {
        if map.layout.0.len() > 4 {
            return Err("it reads volumes; only flat images are read".to_owned());
        }
        if map.layout == Layout::channels_first(self.batch, self.shape(map)) {
            Ok(map.step)
        } else {
            let dims = map.layout.dims();
            Err(format!("what it reads, {dims:?}, is no image of batch, channels, rows and columns"))
        }
    }

    fn shape(&self, map: &Map) -> [usize; 3] {
        self.steps[map.step].shape
    }

    /// Adds a step.
    fn push(&mut self, kind: Kind<'a>, inputs: &[StepId], shape: [usize; 3]) -> Outcome<StepId> {
        let values = shape.iter().try_fold(1_usize, |product, side| product.checked_mul(*side));
        match values {
            Some(1..=limits::GRAPH_NODE_VALUES) => {}
            _ => return Err(format!("what it writes, {shape:?}, is empty or too large")),
        }
        self.steps.push(Step { node: self.at, kind, inputs: inputs.to_vec(), shape });
        Ok(self.steps.len() - 1)
    }

    /// Adds a part of a pattern, or finds it.
    fn push_loose(&mut self, loose: Loose, input: StepId, shape: [usize; 3]) -> Outcome<StepId> {
        let key = (format!("{loose:?}"), vec![input]);
        if let Some(step) = self.loose.get(&key) {
            return Ok(*step);
        }
        let step = self.push(Kind::Loose(loose), &[input], shape)?;
        self.loose.insert(key, step);
        Ok(step)
    }

    /// The map of a step with batch, channels, rows and columns.
    fn as_image(&self, step: StepId) -> Map {
        Map { step, layout: Layout::channels_first(self.batch, self.steps[step].shape) }
    }
}
