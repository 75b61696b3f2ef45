//! What stands between the pooled features of a classifier and its logits.

use serde::{Deserialize, Serialize};

use super::graph::{Graph, NodeId};
use super::graph_builder::GraphBuilder;
use super::nonlinearity::Nonlinearity;
use super::op::BatchNorm;
use crate::limits;

/// Added to the variance by a normalization of a head where nothing is said, as PyTorch does.
pub const HEAD_NORM_EPS: f64 = 1e-5;

/// A head that is not the one of the published network: hidden layers, then a fully connected layer that gives the logits.
///
/// Its tensors are called `<head>.<number>.<parameter>`, `<head>` being the architecture's ([`super::Architecture::head`]),
/// and the number counts `hidden` and the last layer from 0. Dropouts do nothing and are not counted. A head without hidden
/// layers in an architecture that has none either keeps the architecture's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Rows and columns to which the features are pooled; 1 is global pooling.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub pooled: usize,
    /// Layers before the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<HeadLayer>,
    /// Whether the last layer has a bias.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub bias: bool,
}

/// One hidden layer of a [`Head`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadLayer {
    /// Fully connected layer.
    Linear {
        /// Features written.
        features: usize,
        /// Whether a bias follows.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        bias: bool,
    },
    /// Batch normalization with fixed statistics.
    BatchNorm {
        /// Added to the variance.
        #[serde(default = "usual_eps")]
        eps: f64,
    },
    /// Normalization over all features.
    LayerNorm {
        /// Added to the variance.
        #[serde(default = "usual_eps")]
        eps: f64,
    },
    /// A function of each value.
    Function(Function),
}

/// A function of each value, the ReLU among them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// `max(x, 0)`.
    Relu,
    /// Another one.
    #[serde(untagged)]
    Other(Nonlinearity),
}

fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_one(value: &usize) -> bool {
    *value == 1
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_yes(value: &bool) -> bool {
    *value
}

fn usual_eps() -> f64 {
    HEAD_NORM_EPS
}

impl Default for Head {
    /// One layer that reads globally pooled features.
    fn default() -> Self {
        Self { pooled: 1, hidden: Vec::new(), bias: true }
    }
}

impl Head {
    /// Whether it has functions, which no tensor tells.
    pub(crate) fn has_functions(&self) -> bool {
        self.hidden.iter().any(|layer| matches!(layer, HeadLayer::Function(_)))
    }

    /// What no head may have: the sentence names it.
    pub(super) fn problem(&self) -> Option<String> {
        if !limits::HEAD_POOLED_PX.contains(self.pooled) {
            return Some(format!("pools to {0}x{0} pixels, not {1}", self.pooled, limits::HEAD_POOLED_PX));
        }
        if self.hidden.len() > limits::HEAD_LAYERS {
            return Some(format!("has {} hidden layers, and {} are read", self.hidden.len(), limits::HEAD_LAYERS));
        }
        let first_linear = self.hidden.iter().position(|layer| matches!(layer, HeadLayer::Linear { .. }));
        self.hidden.iter().enumerate().find_map(|(number, layer)| match *layer {
            HeadLayer::Linear { features, .. } if !(1..=limits::CLASSES).contains(&features) => {
                Some(format!("has a layer of {features} features, not 1 to {}", limits::CLASSES))
            }
            HeadLayer::BatchNorm { eps } | HeadLayer::LayerNorm { eps } if !limits::NORM_EPS.contains(eps) => {
                Some(format!("has a normalization whose eps is {eps}, not {}", limits::NORM_EPS))
            }
            HeadLayer::BatchNorm { .. } | HeadLayer::LayerNorm { .. }
                if self.pooled > 1 && first_linear.is_none_or(|first| number < first) =>
            {
                Some("normalizes features that are not pooled to one pixel".to_owned())
            }
            HeadLayer::Function(Function::Other(function)) if !function.is_finite() => {
                Some("has a function whose parameters are no numbers".to_owned())
            }
            _ => None,
        })
    }

    /// Whether all its layers have the same tensors as those of `other`: functions have none.
    pub(super) fn has_tensors_of(&self, other: &Self) -> bool {
        let kind = |layer: &HeadLayer| match *layer {
            HeadLayer::Linear { features, bias } => Some((features, bias)),
            HeadLayer::BatchNorm { .. } => Some((0, true)),
            HeadLayer::LayerNorm { .. } => Some((0, false)),
            HeadLayer::Function(_) => None,
        };
        self.pooled == other.pooled
            && self.bias == other.bias
            && self.hidden.iter().map(kind).eq(other.hidden.iter().map(kind))
    }

    /// Its layers in words: `3 layers (2 fully connected)`.
    pub(super) fn words(&self) -> String {
        let linear = 1 + self.hidden.iter().filter(|layer| matches!(layer, HeadLayer::Linear { .. })).count();
        match self.hidden.len() {
            0 => "a head of one layer".to_owned(),
            hidden => format!("a head of {} layers, {linear} of them fully connected", hidden + 1),
        }
    }
}

/// The head that an architecture was published with.
pub(super) struct OwnHead<'a> {
    /// What stands before the numbers of another head's layers: `fc` or `classifier`.
    pub base: &'a str,
    /// Rows and columns to which the features are pooled.
    pub pooled: usize,
    /// Hidden layers with their names.
    pub hidden: Vec<(&'a str, HeadLayer)>,
    /// Name of the last layer.
    pub last: &'a str,
}

impl<'a> OwnHead<'a> {
    /// Global pooling and one layer called `name`.
    pub(super) fn single(name: &'a str) -> Self {
        Self { base: name, pooled: 1, hidden: Vec::new(), last: name }
    }
}

/// Ends the graph of a classifier behind its last feature map: pooling, and the layers of `head`, or of `own` where it is
/// none. Hidden fully connected layers are blocks called `hidden1`, `hidden2`, ...; the last is `logits`.
pub(super) fn finish(
    mut builder: GraphBuilder,
    architecture: &str,
    features: NodeId,
    own: &OwnHead<'_>,
    head: Option<&Head>,
    classes: usize,
    min_input_px: usize,
) -> Graph {
    let pooled = head.map_or(own.pooled, |head| head.pooled);
    let layers: Vec<(String, HeadLayer)> = match head {
        None => own.hidden.iter().map(|(name, layer)| ((*name).to_owned(), *layer)).collect(),
        Some(head) => numbered(own.base, &head.hidden),
    };
    let last = match head {
        Some(head) if !(head.hidden.is_empty() && own.hidden.is_empty()) => {
            format!("{}.{}", own.base, head.hidden.len())
        }
        _ => own.last.to_owned(),
    };
    let mut linear_left = layers.iter().filter(|(_, layer)| matches!(layer, HeadLayer::Linear { .. })).count();
    let mut block = 0;
    let mut next_block = |builder: &mut GraphBuilder, left: usize| {
        block += 1;
        let name = if left == 0 { "logits".to_owned() } else { format!("hidden{block}") };
        builder.block(&name);
    };
    next_block(&mut builder, linear_left);
    let mut x = if pooled == 1 {
        builder.global_avg_pool("avgpool", features)
    } else {
        builder.adaptive_avg_pool("avgpool", features, [pooled; 2])
    };
    let mut extent = [pooled; 2];
    let mut was_linear = false;
    for (name, layer) in &layers {
        if let HeadLayer::Linear { features, bias } = *layer {
            if was_linear {
                next_block(&mut builder, linear_left);
            }
            x = builder.flatten_linear(name, x, extent, features, bias);
            (extent, was_linear) = ([1, 1], true);
            linear_left -= 1;
            continue;
        }
        x = match *layer {
            HeadLayer::BatchNorm { eps } => builder.batch_norm(name, x, BatchNorm { eps, scale: true }),
            HeadLayer::LayerNorm { eps } => builder.layer_norm(name, x, eps),
            HeadLayer::Function(function) => builder.function(name, x, function),
            HeadLayer::Linear { .. } => x,
        };
    }
    if was_linear {
        next_block(&mut builder, 0);
    }
    builder.flatten_linear(&last, x, extent, classes, head.is_none_or(|head| head.bias));
    builder.finish(architecture, features, min_input_px)
}

fn numbered(base: &str, layers: &[HeadLayer]) -> Vec<(String, HeadLayer)> {
    layers.iter().enumerate().map(|(number, layer)| (format!("{base}.{number}"), *layer)).collect()
}

impl GraphBuilder {
    /// Adds a function of each value.
    pub fn function(&mut self, name: &str, input: NodeId, function: Function) -> NodeId {
        match function {
            Function::Relu => self.relu(name, input),
            Function::Other(function) => self.nonlinearity(name, input, function),
        }
    }
}
