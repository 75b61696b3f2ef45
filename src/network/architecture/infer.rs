//! What the shapes of tensors tell about the variant.

use std::collections::BTreeMap;

use super::super::families::retina_net;
use super::super::head::{Function, HEAD_NORM_EPS, Head, HeadLayer};
use super::{Architecture, Variant};
use crate::limits;

/// Shapes of tensors by name.
type Shapes = BTreeMap<String, Vec<usize>>;

impl Architecture {
    /// Reads channels, classes, width, head and kind of normalization off tensor shapes. What they do not tell stays at its
    /// default, so that the check against the graph lists what is wrong. Functions between the layers of a head have no
    /// tensors: they are taken to be ReLUs.
    pub fn infer(self, shapes: &Shapes) -> Variant {
        let mut variant = self.usual_variant();
        // A tensor without values may claim any size; it tells nothing.
        let size = |name: &str, axis: usize| {
            shapes.get(name).filter(|shape| !shape.contains(&0)).and_then(|shape| shape.get(axis)).copied()
        };
        variant.input_channels = size(self.first_kernel(), 1).unwrap_or(variant.input_channels);
        variant.width = self.infer_width(&size).unwrap_or(variant.width);
        let mut last = format!("{}.weight", self.last_layer());
        if let Some((head, own)) = self.infer_head(shapes, &variant) {
            variant.head = Some(head);
            last = own;
        }
        let per_class = if self == Self::RetinaNet { retina_net::ANCHORS_PER_PIXEL } else { 1 };
        variant.classes = size(&last, 0).map_or(variant.classes, |outputs| outputs.div_ceil(per_class));
        if self == Self::InceptionV3 {
            let norm = |suffix: &str| shapes.contains_key(&format!("Conv2d_1a_3x3.bn.{suffix}"));
            variant.norm_scale = norm("weight") || !norm("bias");
        }
        if self == Self::RetinaNet {
            let [p6, p7] = ["p6", "p7"].map(|level| size(&format!("backbone.fpn.extra_blocks.{level}.weight"), 1));
            variant.p6_from_c5 = p6 != p7 || p6.is_none();
        }
        variant
    }

    /// The head where it is not the published one, and the name of its last kernel.
    fn infer_head(self, shapes: &Shapes, variant: &Variant) -> Option<(Head, String)> {
        let base = self.head()?;
        let last = self.last_layer();
        let prefix = format!("{base}.");
        let found: Vec<&str> = shapes.keys().map(String::as_str).filter(|name| name.starts_with(&prefix)).collect();
        let graph = self.graph(variant);
        let own: Vec<(String, Vec<usize>)> = graph
            .parameters()
            .into_iter()
            .map(|p| (p.name, p.shape))
            .filter(|own| own.0.starts_with(&prefix))
            .collect();
        let channels = graph.node(graph.features()).channels.max(1);
        // The rows and columns that a layer reads.
        let pooled = |kernel: &str| {
            let values = shapes.get(kernel)?.get(1)? / channels;
            Some(values.isqrt()).filter(|side| side * side == values)
        };
        let [kernel, bias] = ["weight", "bias"].map(|parameter| format!("{last}.{parameter}"));
        let is_last = |name: &str| name == kernel || name == bias;
        if found.is_empty() {
            return None;
        }
        if own.iter().all(|(name, _)| is_last(name)) && found.iter().all(|name| is_last(name)) {
            let head = Head { pooled: pooled(&kernel)?, bias: found.contains(&bias.as_str()), hidden: Vec::new() };
            return (head != Head::default() && head.problem().is_none()).then_some((head, kernel));
        }
        // A vector is a normalization's, a matrix a layer's.
        let is_vector = |shape: &[usize]| shape.len() == 1;
        let is_own = |(name, shape): &(String, Vec<usize>)| {
            shapes.get(name).is_some_and(|found| is_vector(found) == is_vector(shape))
        };
        if found.len() == own.len() && own.iter().all(is_own) {
            return None;
        }
        let mut hidden = numbered_layers(&prefix, &found, shapes)?;
        let Some(HeadLayer::Linear { bias, .. }) = hidden.pop() else { return None };
        let kernel = |layer: usize| format!("{prefix}{layer}.weight");
        let is_linear = |layer: &HeadLayer| matches!(layer, HeadLayer::Linear { .. });
        let first = hidden.iter().position(is_linear).unwrap_or(hidden.len());
        let head = Head { pooled: pooled(&kernel(first))?, bias, hidden };
        let kernel = kernel(head.hidden.len());
        head.problem().is_none().then_some((head, kernel))
    }
}

/// The layers whose tensors are called `<prefix><number>.<parameter>`; a number without tensors is a ReLU. None where the names
/// tell no such layers.
fn numbered_layers(prefix: &str, names: &[&str], shapes: &Shapes) -> Option<Vec<HeadLayer>> {
    let mut parameters: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for name in names {
        let (number, parameter) = name.strip_prefix(prefix)?.split_once('.')?;
        parameters.entry(number.parse().ok()?).or_default().push(parameter);
    }
    let mut layers = Vec::new();
    for (number, parameters) in parameters {
        if number > limits::HEAD_LAYERS {
            return None;
        }
        // Two numbers without tensors are no two functions: one is something else.
        if layers.len() + 1 == number && number > 1 {
            layers.push(HeadLayer::Function(Function::Relu));
        }
        if layers.len() != number {
            return None;
        }
        let shape = shapes.get(&format!("{prefix}{number}.weight"))?;
        let has = |parameter: &str| parameters.contains(&parameter);
        layers.push(match (&shape[..], parameters.len()) {
            ([features, _] | [features, _, 1, 1], 1) => HeadLayer::Linear { features: *features, bias: false },
            ([features, _] | [features, _, 1, 1], 2) if has("bias") => {
                HeadLayer::Linear { features: *features, bias: true }
            }
            ([_], 4) if has("bias") && has("running_mean") && has("running_var") => {
                HeadLayer::BatchNorm { eps: HEAD_NORM_EPS }
            }
            ([_], 2) if has("bias") => HeadLayer::LayerNorm { eps: HEAD_NORM_EPS },
            _ => return None,
        });
    }
    Some(layers)
}
