//! How a model ends: the activation that makes probabilities of its logits is left out, and told.

use std::borrow::Cow;

use super::super::error::{Error, Result};
use super::config::Model;
use super::function::Function;
use super::layer::{ConvKind, Layer};
use crate::network::{Nonlinearity, Output};

/// The last layers of a model.
#[derive(Debug)]
pub(super) struct Ending {
    /// The call whose activation is left out.
    cut: Option<usize>,
    /// How the logits become probabilities, where the model says it.
    pub(super) output: Option<Output>,
    /// The call of the layer that gives the logits.
    last: usize,
    /// Calls from the last pooling or flattening on.
    head: Vec<usize>,
}

impl Ending {
    pub(super) fn of_model(model: &Model<'_>, layers: &[Layer]) -> Result<Self> {
        let mut readers = vec![0_usize; layers.len()];
        for input in model.calls.iter().flat_map(super::config::Call::inputs) {
            readers[input] += 1;
        }
        readers[model.output] += 1;
        let input = |at: usize| model.calls[at].inputs().next();
        let mut ending = Self { cut: None, output: None, last: model.output, head: Vec::new() };
        let mut at = model.output;
        loop {
            ending.head.push(at);
            let function = match &layers[at] {
                Layer::Function(function) => *function,
                Layer::Dense { activation, .. } => *activation,
                Layer::Conv(conv) => conv.activation,
                _ => Function::Linear,
            };
            if readers[at] > 1 {
                return Err(other(model, at, "it is read again inside the model"));
            }
            match (function, probability(function)) {
                (Function::Linear, _) => {}
                (_, Some(output)) if ending.cut.is_none() => (ending.cut, ending.output) = (Some(at), Some(output)),
                _ => return Err(other(model, at, "its activation gives neither logits nor probabilities")),
            }
            match &layers[at] {
                Layer::Identity | Layer::Dropped | Layer::Reshape(_) | Layer::Flatten | Layer::Function(_) => {}
                Layer::Dense { .. } | Layer::Conv(_) => break,
                // Maps of classes that are averaged.
                Layer::GlobalPool { .. } if input(at).is_some_and(|before| is_linear(&layers[before])) => break,
                _ => return Err(other(model, at, "it is no Dense layer")),
            }
            at = input(at).ok_or_else(|| other(model, at, "it reads nothing"))?;
        }
        ending.last = at;
        let is_pooling = |layer: &Layer| matches!(layer, Layer::GlobalPool { .. } | Layer::Flatten);
        while !is_pooling(&layers[at]) {
            let Some(before) = input(at) else { break };
            let goes_on = matches!(
                layers[before],
                Layer::Dense { .. }
                    | Layer::BatchNorm { .. }
                    | Layer::LayerNorm { .. }
                    | Layer::Function(_)
                    | Layer::Identity
                    | Layer::Dropped
                    | Layer::Reshape(_)
                    | Layer::GlobalPool { .. }
                    | Layer::Flatten
            );
            if !goes_on {
                break;
            }
            at = before;
            ending.head.push(at);
        }
        Ok(ending)
    }

    /// A layer without the activation that is left out.
    pub(super) fn of<'l>(&self, at: usize, layer: &'l Layer) -> Cow<'l, Layer> {
        if self.cut != Some(at) {
            return Cow::Borrowed(layer);
        }
        let mut layer = layer.clone();
        match &mut layer {
            Layer::Function(function) => *function = Function::Linear,
            Layer::Dense { activation, .. } => *activation = Function::Linear,
            Layer::Conv(conv) => conv.activation = Function::Linear,
            _ => {}
        }
        Cow::Owned(layer)
    }

    /// Whether a call gives the logits.
    pub(super) fn is_last(&self, at: usize) -> bool {
        self.last == at
    }

    /// Whether a call is in the head, before the layer of the logits or not.
    pub(super) fn is_head(&self, at: usize) -> bool {
        self.head.contains(&at)
    }

    /// Whether the head has layers of weights before that of the logits.
    pub(super) fn is_deep(&self, layers: &[Layer]) -> bool {
        self.head.iter().any(|at| *at != self.last && layers[*at].has_variables())
    }
}

fn is_linear(layer: &Layer) -> bool {
    match layer {
        Layer::Conv(conv) => conv.activation == Function::Linear && matches!(conv.kind, ConvKind::Full { .. }),
        _ => false,
    }
}

/// How a function makes probabilities of logits.
fn probability(function: Function) -> Option<Output> {
    match function {
        Function::Softmax | Function::LogSoftmax => Some(Output::Softmax),
        Function::Of(Nonlinearity::Sigmoid) => Some(Output::Sigmoid),
        _ => None,
    }
}

fn other(model: &Model<'_>, at: usize, why: &str) -> Error {
    let call = &model.calls[at];
    Error::Unsupported(format!(
        "the model ends in layer {:?} ({}), and {why}: a classifier ends in a Dense layer with softmax, sigmoid or no \
         activation, such as behind GlobalAveragePooling2D of a network with include_top=False",
        call.path.join("/"),
        call.class
    ))
}
