//! The architectures there are, and what a weight file tells about the variant it holds.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::graph::{Graph, ModelKind, NodeId};
use super::op::Op;
use super::{densenet_121, inception_v3, retina_net, u_net};
use crate::limits;

/// Why nobody asks an imported network for what names tell.
const NOT_BY_NAME: &str = "an imported network is described by its card";

/// A network architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Architecture {
    /// InceptionV3, `inception_v3`.
    #[serde(rename = "inception_v3")]
    InceptionV3,
    /// DenseNet-121, `densenet_121`.
    #[serde(rename = "densenet_121")]
    DenseNet121,
    /// U-Net, `u_net`.
    #[serde(rename = "u_net")]
    UNet,
    /// RetinaNet on ResNet-50, `retina_net`.
    #[serde(rename = "retina_net")]
    RetinaNet,
    /// A classifier whose graph came from a file and lies in its card, `imported`.
    #[serde(rename = "imported")]
    Imported,
}

/// What may vary between two networks of one architecture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variant {
    /// Channels of the image.
    pub input_channels: usize,
    /// Number of logits, logit maps or kinds of boxes.
    pub classes: usize,
    /// Multiplier on every layer's channels; 1.0 is the published network.
    pub width: f64,
    /// InceptionV3: average pools count the zeros of their border (torchvision) or not (Keras).
    pub count_include_pad: bool,
    /// InceptionV3: batch normalization has a learned factor (torchvision) or none (Keras).
    pub norm_scale: bool,
    /// All but InceptionV3: added to the variance of batch normalization; 1e-5 in torchvision, 1.001e-5 in Keras, 0 in
    /// torchvision's published RetinaNet.
    pub norm_eps: f64,
    /// RetinaNet: pyramid level P6 reads the backbone's C5 (the article) or P5 (torchvision's first RetinaNet).
    pub p6_from_c5: bool,
}

impl Default for Variant {
    /// The networks of the study: 3 channels, 2 classes, full width, torchvision's rules.
    fn default() -> Self {
        Self {
            input_channels: 3,
            classes: 2,
            width: 1.0,
            count_include_pad: true,
            norm_scale: true,
            norm_eps: densenet_121::Config::default().norm_eps,
            p6_from_c5: true,
        }
    }
}

impl Architecture {
    /// All that are known by name: every one but [`Architecture::Imported`].
    pub const ALL: [Self; 4] = [Self::InceptionV3, Self::DenseNet121, Self::UNet, Self::RetinaNet];

    /// Its name, such as `inception_v3`.
    pub fn name(self) -> &'static str {
        match self {
            Self::InceptionV3 => "inception_v3",
            Self::DenseNet121 => "densenet_121",
            Self::UNet => "u_net",
            Self::RetinaNet => "retina_net",
            Self::Imported => "imported",
        }
    }

    /// What its networks say about an image.
    pub fn kind(self) -> ModelKind {
        match self {
            Self::InceptionV3 | Self::DenseNet121 | Self::Imported => ModelKind::Classifier,
            Self::UNet => ModelKind::Segmentation,
            Self::RetinaNet => ModelKind::Detection,
        }
    }

    /// The variant to take where nothing is said: 3 channels, full width, two logits for a classifier, one kind of
    /// finding for networks that localize.
    pub fn usual_variant(self) -> Variant {
        let classes = if self.kind() == ModelKind::Classifier { 2 } else { 1 };
        Variant { classes, ..Variant::default() }
    }

    /// The names of all, joined by commas.
    pub fn known() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// The smallest image side it accepts, in pixels.
    pub fn min_input_px(self) -> usize {
        match self {
            Self::InceptionV3 => inception_v3::MIN_INPUT_PX,
            Self::DenseNet121 => densenet_121::MIN_INPUT_PX,
            Self::UNet => u_net::MIN_INPUT_PX,
            Self::RetinaNet => retina_net::MIN_INPUT_PX,
            Self::Imported => 1,
        }
    }

    /// Its graph.
    ///
    /// # Panics
    /// Of [`Architecture::Imported`], whose graph lies in the card: [`super::ModelCard::graph`] gives that of any model.
    pub fn graph(self, variant: &Variant) -> Graph {
        let Variant { input_channels, classes, width, count_include_pad, norm_scale, norm_eps, p6_from_c5 } = *variant;
        match self {
            Self::InceptionV3 => inception_v3::inception_v3(&inception_v3::Config {
                input_channels,
                classes,
                width,
                count_include_pad,
                norm_scale,
            }),
            Self::DenseNet121 => {
                densenet_121::densenet_121(&densenet_121::Config { input_channels, classes, width, norm_eps })
            }
            Self::UNet => u_net::u_net(&u_net::Config { input_channels, classes, width, norm_eps }),
            Self::RetinaNet => {
                retina_net::retina_net(&retina_net::Config { input_channels, classes, width, norm_eps, p6_from_c5 })
            }
            Self::Imported => unreachable!("{NOT_BY_NAME}"),
        }
    }

    /// The architecture to which tensors of these names belong.
    pub fn detect<'a>(names: impl Iterator<Item = &'a str>) -> Option<Self> {
        names.into_iter().find_map(|name| Self::ALL.into_iter().find(|arch| arch.signature() == name))
    }

    /// Reads channels, classes, width and kind of normalization off tensor shapes. What they do not tell stays at its
    /// default, so that the check against the graph lists what is wrong.
    pub fn infer(self, shapes: &BTreeMap<String, Vec<usize>>) -> Variant {
        let mut variant = self.usual_variant();
        // A tensor without values may claim any size; it tells nothing.
        let size = |name: &str, axis: usize| {
            shapes.get(name).filter(|shape| !shape.contains(&0)).and_then(|shape| shape.get(axis)).copied()
        };
        variant.input_channels = size(self.first_kernel(), 1).unwrap_or(variant.input_channels);
        let per_class = if self == Self::RetinaNet { retina_net::ANCHORS_PER_PIXEL } else { 1 };
        variant.classes = size(self.head(), 0).map_or(variant.classes, |outputs| outputs.div_ceil(per_class));
        variant.width = self.infer_width(&size).unwrap_or(variant.width);
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

    /// A tensor that no other architecture has.
    fn signature(self) -> &'static str {
        match self {
            // Other detectors of torchvision have the same backbone.
            Self::RetinaNet => self.head(),
            _ => self.first_kernel(),
        }
    }

    /// The name of the first layer's kernel, by which weights are recognized.
    pub(crate) fn first_kernel(self) -> &'static str {
        match self {
            Self::InceptionV3 => "Conv2d_1a_3x3.conv.weight",
            Self::DenseNet121 => "features.conv0.weight",
            Self::UNet => "encoder0.conv1.weight",
            Self::RetinaNet => "backbone.body.conv1.weight",
            Self::Imported => unreachable!("{NOT_BY_NAME}"),
        }
    }

    /// The name of the last layer's kernel, whose rows are the outputs.
    pub(crate) fn head(self) -> &'static str {
        match self {
            Self::InceptionV3 => "fc.weight",
            Self::DenseNet121 => "classifier.weight",
            Self::UNet => "output.weight",
            Self::RetinaNet => "head.classification_head.cls_logits.weight",
            Self::Imported => unreachable!("{NOT_BY_NAME}"),
        }
    }

    /// The roundest width that gives every layer its channels.
    fn infer_width(self, size: &impl Fn(&str, usize) -> Option<usize>) -> Option<f64> {
        let full: Vec<(String, usize)> = match self {
            Self::InceptionV3 | Self::UNet | Self::RetinaNet | Self::Imported => {
                let graph = self.graph(&Variant::default());
                // Outputs have as many channels as there are classes, whatever the width.
                let scales = |id: &NodeId| {
                    let node = graph.node(*id);
                    matches!(node.op, Op::Conv2d(_)) && node.shares.is_none() && !graph.outputs().contains(id)
                };
                (0..graph.nodes().len())
                    .map(NodeId)
                    .filter(scales)
                    .map(|id| (graph.parameter_name(id, "weight"), graph.node(id).channels))
                    .collect()
            }
            // Its other channels are sums and multiples of these two.
            Self::DenseNet121 => vec![
                (self.first_kernel().to_owned(), 64),
                ("features.denseblock1.denselayer1.conv2.weight".to_owned(), 32),
            ],
        };
        // channels = max(1, round(full * width)) bounds the width from both sides.
        let (mut low, mut high) = (0.0_f64, f64::INFINITY);
        for (name, full) in full {
            let channels = size(&name, 0)? as f64;
            if channels > 1.0 {
                low = low.max((channels - 0.5) / full as f64);
            }
            high = high.min((channels + 0.5) / full as f64);
        }
        if low >= high || low > limits::WIDTH {
            return None;
        }
        let middle = f64::midpoint(low, high);
        let inside = |width: &f64| low < *width && *width < high;
        let rounded = |denominator: f64| (middle * denominator).round() / denominator;
        let denominators = [1.0, 2.0, 4.0, 8.0, 10.0, 16.0, 32.0, 100.0, 1e3, 1e4, 1e5, 1e6];
        Some(denominators.into_iter().map(rounded).find(inside).unwrap_or(middle))
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Architecture {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|arch| arch.name() == name)
            .ok_or_else(|| Error::UnknownArchitecture { name: name.to_owned(), known: Self::known() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Architecture, Variant};

    #[test]
    fn a_variant_is_read_off_the_shapes_of_its_tensors() {
        for arch in Architecture::ALL {
            for width in [0.0625, 0.1, 0.25, 0.37, 0.5, 0.75, 1.0, 1.5] {
                let variant = Variant { input_channels: 1, classes: 5, width, ..Variant::default() };
                let graph = arch.graph(&variant);
                let shapes = graph.parameters().into_iter().map(|p| (p.name, p.shape)).collect();
                let inferred = arch.infer(&shapes);
                assert_eq!(arch.graph(&inferred), graph, "{arch} at width {width}, inferred {}", inferred.width);
                assert_eq!((inferred.input_channels, inferred.classes), (1, 5));
            }
        }
    }

    #[test]
    fn a_network_without_learned_factor_is_recognized() {
        let graph = Architecture::InceptionV3.graph(&Variant { norm_scale: false, ..Variant::default() });
        let shapes = graph.parameters().into_iter().map(|p| (p.name, p.shape)).collect();
        assert!(!Architecture::InceptionV3.infer(&shapes).norm_scale);
    }

    #[test]
    fn the_level_that_p6_reads_is_told_by_its_kernel() {
        for p6_from_c5 in [false, true] {
            let variant = Variant { width: 0.1, p6_from_c5, ..Architecture::RetinaNet.usual_variant() };
            let graph = Architecture::RetinaNet.graph(&variant);
            let shapes = graph.parameters().into_iter().map(|p| (p.name, p.shape)).collect();
            assert_eq!(Architecture::RetinaNet.infer(&shapes), variant);
        }
    }

    #[test]
    fn names_and_architectures_correspond() {
        for arch in Architecture::ALL {
            assert_eq!(arch.name().parse::<Architecture>().unwrap(), arch);
            assert_eq!(serde_json::to_string(&arch).unwrap(), format!("\"{arch}\""));
        }
        let error = "resnet".parse::<Architecture>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no architecture \"resnet\", only inception_v3, densenet_121, u_net, retina_net"
        );
    }
}
