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
        let own: Vec<String> =
            graph.parameters().into_iter().map(|p| p.name).filter(|name| name.starts_with(&prefix)).collect();
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
        if own.iter().all(|name| is_last(name)) && found.iter().all(|name| is_last(name)) {
            let head = Head { pooled: pooled(&kernel)?, bias: found.contains(&bias.as_str()), hidden: Vec::new() };
            return (head != Head::default() && head.problem().is_none()).then_some((head, kernel));
        }
        if found.len() == own.len() && own.iter().all(|name| found.contains(&name.as_str())) {
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

#[cfg(test)]
mod tests {
    use super::super::super::graph::Graph;
    use super::{Architecture, Function, Head, HeadLayer, Shapes, Variant};

    fn shapes(graph: &Graph) -> Shapes {
        graph.parameters().into_iter().map(|p| (p.name, p.shape)).collect()
    }

    #[test]
    fn a_variant_is_read_off_the_shapes_of_its_tensors() {
        for arch in Architecture::ALL {
            for width in [0.0625, 0.1, 0.25, 0.37, 0.5, 0.75, 1.0, 1.5] {
                let variant = Variant { input_channels: 1, classes: 5, width, ..arch.usual_variant() };
                let graph = arch.graph(&variant);
                let inferred = arch.infer(&shapes(&graph));
                assert_eq!(arch.graph(&inferred), graph, "{arch} at width {width}, inferred {}", inferred.width);
                assert_eq!((inferred.input_channels, inferred.classes), (1, 5));
                assert_eq!(inferred.head, None, "{arch}");
                if width == 1.0 {
                    assert_eq!(inferred.width, 1.0, "{arch}");
                }
            }
        }
    }

    #[test]
    fn a_head_of_several_layers_is_read_off_its_names() {
        let linear = |features| HeadLayer::Linear { features, bias: true };
        let relu = HeadLayer::Function(Function::Relu);
        let norm = HeadLayer::BatchNorm { eps: 1e-5 };
        let heads = [
            (vec![linear(12), relu], 1, true),
            (vec![linear(12), norm, relu, linear(7), norm, relu], 1, true),
            (vec![norm, linear(5), relu], 1, true),
            (vec![HeadLayer::Linear { features: 9, bias: false }, norm, relu], 1, false),
            (vec![HeadLayer::LayerNorm { eps: 1e-5 }], 1, true),
            (vec![linear(6), relu], 3, true),
            (Vec::new(), 2, true),
            (Vec::new(), 1, false),
        ];
        for arch in Architecture::ALL.into_iter().filter(|arch| arch.head().is_some()) {
            for (hidden, pooled, bias) in heads.clone() {
                let head = Head { pooled, hidden, bias };
                let variant = Variant { width: 0.25, classes: 3, head: Some(head.clone()), ..arch.usual_variant() };
                let graph = arch.graph(&variant);
                let inferred = arch.infer(&shapes(&graph));
                assert_eq!(arch.graph(&inferred), graph, "{arch}, {head:?}, inferred {:?}", inferred.head);
                assert_eq!(inferred.classes, 3);
            }
        }
    }

    #[test]
    fn a_network_without_learned_factor_is_recognized() {
        let graph = Architecture::InceptionV3.graph(&Variant { norm_scale: false, ..Variant::default() });
        assert!(!Architecture::InceptionV3.infer(&shapes(&graph)).norm_scale);
    }

    #[test]
    fn the_level_that_p6_reads_is_told_by_its_kernel() {
        for p6_from_c5 in [false, true] {
            let variant = Variant { width: 0.1, p6_from_c5, ..Architecture::RetinaNet.usual_variant() };
            let graph = Architecture::RetinaNet.graph(&variant);
            assert_eq!(Architecture::RetinaNet.infer(&shapes(&graph)), variant);
        }
    }
}
