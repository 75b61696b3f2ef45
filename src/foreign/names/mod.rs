//! Names of tensors as people's files have them, brought to torchvision's: prefixes of wrappers, other programs' names of the
//! same networks, heads of several layers. A tensor that is not accounted for is never dropped without a word.

mod aside;
mod dialect;
mod head;
mod likeness;
mod plan;
mod timm;
mod torchvision;
mod transformers;
mod verify;

use std::collections::BTreeMap;

use crate::network::Function;

pub(super) use plan::{Plan, SamePadding, plan};

/// Tensors of one network, as a file lists them.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    /// Names and shapes.
    pub(super) tensors: Vec<(String, Vec<usize>)>,
    /// Layers, where the file holds a whole module.
    pub(super) layers: Vec<Layer>,
    /// Whether the order of the tensors is that in which the network defines them.
    pub(super) ordered: bool,
}

impl Listing {
    /// Whether the layers of a network known here are among its names.
    pub(super) fn is_known(&self) -> bool {
        !dialect::find(self).is_empty()
    }
}

/// One layer of a module that was saved whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layer {
    /// Its path in the module.
    pub(super) path: String,
    /// Its class, `module.name`.
    pub(super) class: String,
    /// What is added to a variance.
    pub(super) eps: Option<f64>,
    /// Factor of a leaky ReLU below 0.
    pub(super) slope: Option<f64>,
    /// Whether a GELU is computed by its formula with a hyperbolic tangent.
    pub(super) approximates: bool,
    /// Step `[vertical, horizontal]`.
    pub(super) stride: Option<[usize; 2]>,
    /// Zeros on opposite sides `[vertical, horizontal]`.
    pub(super) padding: Option<[usize; 2]>,
    /// Pixels from one tap to the next `[vertical, horizontal]`.
    pub(super) dilation: Option<[usize; 2]>,
    /// torchvision's flag of InceptionV3 and GoogLeNet.
    pub(super) transform_input: Option<bool>,
    /// What TorchXRayVision calls the outputs.
    pub(super) class_names: Option<Vec<String>>,
}

impl Layer {
    /// The name of its class alone.
    pub(super) fn kind(&self) -> &str {
        self.class.rsplit('.').next().unwrap_or(&self.class)
    }
}

/// What is known of a network beside its tensors.
#[derive(Clone, Debug, Default)]
pub(super) struct Hints {
    /// What the file, or a file beside it, calls the architecture.
    pub(super) architecture: Option<String>,
    /// Name of the file, without its ending.
    pub(super) file_name: Option<String>,
    /// What whoever converts it says.
    pub(super) said: Said,
}

/// What whoever converts a file says about its tensors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// What timm calls the network.
    pub timm_name: Option<String>,
    /// Of several networks in a file, the one to read: its key, or what precedes its names.
    pub network: Option<String>,
    /// Tensors that do not matter: names, or what names begin with.
    pub leave_out: Vec<String>,
    /// The function between the layers of a head of which the file says nothing.
    pub head_activation: Option<HeadActivation>,
}

/// What stands between two layers of a head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HeadActivation {
    /// Nothing.
    Nothing,
    /// A function.
    Function(Function),
}

/// Shapes by name.
pub(super) type Shapes = BTreeMap<String, Vec<usize>>;

/// `count` and the noun it counts.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Up to five names, joined by commas.
pub(super) fn some_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 5;
    let names: Vec<&str> = names.into_iter().collect();
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    format!("{}{more}", names[..names.len().min(SHOWN)].join(", "))
}
