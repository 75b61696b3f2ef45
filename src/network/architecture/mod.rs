//! The architectures there are, and what a weight file tells about the variant it holds.

mod detect;
mod infer;
mod variant;
mod width;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::families::{
    alexnet, convnext, densenet, efficientnet, googlenet, inception_v3, mobilenet_v2, mobilenet_v3, regnet, resnet,
    retina_net, u_net, vgg,
};
use super::graph::{Graph, ModelKind};

pub use detect::Nearest;
pub use variant::Variant;

/// A family of networks, and which one of it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Design {
    InceptionV3,
    DenseNet(densenet::Plan),
    ResNet(resnet::Plan),
    Vgg(vgg::Plan),
    AlexNet,
    GoogLeNet,
    MobileNetV2,
    MobileNetV3(mobilenet_v3::Plan),
    EfficientNet(efficientnet::Plan),
    RegNet(regnet::Plan),
    ConvNext(convnext::Plan),
    UNet,
    RetinaNet,
    /// A graph that came from a file.
    Imported,
}

/// Why nobody asks an imported network for what names tell.
const NOT_BY_NAME: &str = "an imported network is described by its card";

/// Makes the list of architectures: variant, name, design.
macro_rules! architectures {
    ($($variant:ident = $name:literal: $design:expr;)*) => {
        /// A network architecture. Its name is torchvision's, with an underscore before a number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum Architecture {
            $(#[doc = concat!("`", $name, "`.")] $variant,)*
            /// A classifier whose graph came from a file and lies in its card, `imported`.
            Imported,
        }

        impl Architecture {
            /// All that are known by name: every one but [`Architecture::Imported`].
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// Its name, such as `inception_v3`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Imported => "imported",
                }
            }

            fn design(self) -> Design {
                match self {
                    $(Self::$variant => $design,)*
                    Self::Imported => Design::Imported,
                }
            }
        }
    };
}

architectures! {
    InceptionV3 = "inception_v3": Design::InceptionV3;
    DenseNet121 = "densenet_121": Design::DenseNet(densenet::DENSENET_121);
    DenseNet161 = "densenet_161": Design::DenseNet(densenet::DENSENET_161);
    DenseNet169 = "densenet_169": Design::DenseNet(densenet::DENSENET_169);
    DenseNet201 = "densenet_201": Design::DenseNet(densenet::DENSENET_201);
    ResNet18 = "resnet_18": Design::ResNet(resnet::RESNET_18);
    ResNet34 = "resnet_34": Design::ResNet(resnet::RESNET_34);
    ResNet50 = "resnet_50": Design::ResNet(resnet::RESNET_50);
    ResNet101 = "resnet_101": Design::ResNet(resnet::RESNET_101);
    ResNet152 = "resnet_152": Design::ResNet(resnet::RESNET_152);
    ResNext50 = "resnext_50_32x4d": Design::ResNet(resnet::RESNEXT_50_32X4D);
    ResNext101 = "resnext_101_32x8d": Design::ResNet(resnet::RESNEXT_101_32X8D);
    ResNext101Of64 = "resnext_101_64x4d": Design::ResNet(resnet::RESNEXT_101_64X4D);
    WideResNet50 = "wide_resnet_50_2": Design::ResNet(resnet::WIDE_RESNET_50_2);
    WideResNet101 = "wide_resnet_101_2": Design::ResNet(resnet::WIDE_RESNET_101_2);
    Vgg11 = "vgg_11": Design::Vgg(vgg::VGG_11);
    Vgg13 = "vgg_13": Design::Vgg(vgg::VGG_13);
    Vgg16 = "vgg_16": Design::Vgg(vgg::VGG_16);
    Vgg19 = "vgg_19": Design::Vgg(vgg::VGG_19);
    Vgg11Norm = "vgg_11_bn": Design::Vgg(vgg::VGG_11_BN);
    Vgg13Norm = "vgg_13_bn": Design::Vgg(vgg::VGG_13_BN);
    Vgg16Norm = "vgg_16_bn": Design::Vgg(vgg::VGG_16_BN);
    Vgg19Norm = "vgg_19_bn": Design::Vgg(vgg::VGG_19_BN);
    AlexNet = "alexnet": Design::AlexNet;
    GoogLeNet = "googlenet": Design::GoogLeNet;
    MobileNetV2 = "mobilenet_v2": Design::MobileNetV2;
    MobileNetV3Small = "mobilenet_v3_small": Design::MobileNetV3(mobilenet_v3::SMALL);
    MobileNetV3Large = "mobilenet_v3_large": Design::MobileNetV3(mobilenet_v3::LARGE);
    EfficientNetB0 = "efficientnet_b0": Design::EfficientNet(efficientnet::B0);
    EfficientNetB1 = "efficientnet_b1": Design::EfficientNet(efficientnet::B1);
    EfficientNetB2 = "efficientnet_b2": Design::EfficientNet(efficientnet::B2);
    EfficientNetB3 = "efficientnet_b3": Design::EfficientNet(efficientnet::B3);
    EfficientNetB4 = "efficientnet_b4": Design::EfficientNet(efficientnet::B4);
    EfficientNetB5 = "efficientnet_b5": Design::EfficientNet(efficientnet::B5);
    EfficientNetB6 = "efficientnet_b6": Design::EfficientNet(efficientnet::B6);
    EfficientNetB7 = "efficientnet_b7": Design::EfficientNet(efficientnet::B7);
    EfficientNetV2S = "efficientnet_v2_s": Design::EfficientNet(efficientnet::V2_S);
    EfficientNetV2M = "efficientnet_v2_m": Design::EfficientNet(efficientnet::V2_M);
    EfficientNetV2L = "efficientnet_v2_l": Design::EfficientNet(efficientnet::V2_L);
    RegNetX400Mf = "regnet_x_400mf": Design::RegNet(regnet::X_400MF);
    RegNetX800Mf = "regnet_x_800mf": Design::RegNet(regnet::X_800MF);
    RegNetX1Gf = "regnet_x_1_6gf": Design::RegNet(regnet::X_1_6GF);
    RegNetX3Gf = "regnet_x_3_2gf": Design::RegNet(regnet::X_3_2GF);
    RegNetX8Gf = "regnet_x_8gf": Design::RegNet(regnet::X_8GF);
    RegNetX16Gf = "regnet_x_16gf": Design::RegNet(regnet::X_16GF);
    RegNetX32Gf = "regnet_x_32gf": Design::RegNet(regnet::X_32GF);
    RegNetY400Mf = "regnet_y_400mf": Design::RegNet(regnet::Y_400MF);
    RegNetY800Mf = "regnet_y_800mf": Design::RegNet(regnet::Y_800MF);
    RegNetY1Gf = "regnet_y_1_6gf": Design::RegNet(regnet::Y_1_6GF);
    RegNetY3Gf = "regnet_y_3_2gf": Design::RegNet(regnet::Y_3_2GF);
    RegNetY8Gf = "regnet_y_8gf": Design::RegNet(regnet::Y_8GF);
    RegNetY16Gf = "regnet_y_16gf": Design::RegNet(regnet::Y_16GF);
    RegNetY32Gf = "regnet_y_32gf": Design::RegNet(regnet::Y_32GF);
    RegNetY128Gf = "regnet_y_128gf": Design::RegNet(regnet::Y_128GF);
    ConvNextTiny = "convnext_tiny": Design::ConvNext(convnext::TINY);
    ConvNextSmall = "convnext_small": Design::ConvNext(convnext::SMALL);
    ConvNextBase = "convnext_base": Design::ConvNext(convnext::BASE);
    ConvNextLarge = "convnext_large": Design::ConvNext(convnext::LARGE);
    UNet = "u_net": Design::UNet;
    RetinaNet = "retina_net": Design::RetinaNet;
}

/// How the weights of an untrained network are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// Normal, cut off at twenty standard deviations of 0.1 (torchvision's InceptionV3).
    Inception,
    /// Normal, with the standard deviation 0.01 cut off far out (torchvision's GoogLeNet).
    GoogLeNet,
    /// Kaiming's by the values a kernel reads.
    FanIn,
    /// Kaiming's by the values a kernel writes.
    FanOut,
    /// The same, and fully connected layers normal with the standard deviation 0.01.
    FanOutSmallLinear,
    /// The same, and fully connected layers uniform by the values they write.
    FanOutEfficientNet,
    /// As PyTorch's layers: uniform by the values they read.
    Layers,
    /// Normal with the standard deviation 0.02, residual factors 1e-6.
    ConvNext,
}

impl Architecture {
    /// What its networks say about an image.
    pub fn kind(self) -> ModelKind {
        match self {
            Self::UNet => ModelKind::Segmentation,
            Self::RetinaNet => ModelKind::Detection,
            _ => ModelKind::Classifier,
        }
    }

    /// The variant to take where nothing is said: 3 channels, full width, torchvision's normalization, two logits for a
    /// classifier, one kind of finding for networks that localize.
    pub fn usual_variant(self) -> Variant {
        let classes = if self.kind() == ModelKind::Classifier { 2 } else { 1 };
        let usual = Variant::default();
        let norm_eps = match self.design() {
            Design::GoogLeNet | Design::MobileNetV3(_) => mobilenet_v3::NORM_EPS,
            Design::EfficientNet(plan) => plan.norm_eps,
            _ => usual.norm_eps,
        };
        Variant { classes, norm_eps, ..usual }
    }

    /// The names of all, joined by commas; names that differ in their end alone share a beginning:
    /// `densenet_121/161/169/201`.
    pub fn known() -> String {
        let mut text = String::new();
        let mut before = "";
        for name in Self::ALL.map(Self::name) {
            let (beginning, end) = name.rsplit_once('_').unwrap_or((name, name));
            if beginning == before {
                text.push('/');
                text.push_str(end);
            } else {
                if !text.is_empty() {
                    text.push_str(", ");
                }
                text.push_str(name);
            }
            before = if beginning == name { "" } else { beginning };
        }
        text
    }

    /// The smallest image side it accepts, in pixels.
    pub fn min_input_px(self) -> usize {
        match self.design() {
            Design::InceptionV3 => inception_v3::MIN_INPUT_PX,
            Design::DenseNet(_) => densenet::MIN_INPUT_PX,
            Design::ResNet(_) => resnet::MIN_INPUT_PX,
            Design::Vgg(_) => vgg::MIN_INPUT_PX,
            Design::AlexNet => alexnet::MIN_INPUT_PX,
            Design::GoogLeNet => googlenet::MIN_INPUT_PX,
            Design::MobileNetV2 => mobilenet_v2::MIN_INPUT_PX,
            Design::MobileNetV3(_) => mobilenet_v3::MIN_INPUT_PX,
            Design::EfficientNet(_) => efficientnet::MIN_INPUT_PX,
            Design::RegNet(_) => regnet::MIN_INPUT_PX,
            Design::ConvNext(_) => convnext::MIN_INPUT_PX,
            Design::UNet => u_net::MIN_INPUT_PX,
            Design::RetinaNet => retina_net::MIN_INPUT_PX,
            Design::Imported => 1,
        }
    }

    /// Its graph.
    ///
    /// # Panics
    /// Of [`Architecture::Imported`], whose graph lies in the card: [`super::ModelCard::graph`] gives that of any model.
    pub fn graph(self, variant: &Variant) -> Graph {
        let name = self.name();
        let Variant { input_channels, classes, width, norm_eps, p6_from_c5, .. } = *variant;
        match self.design() {
            Design::InceptionV3 => inception_v3::graph(name, variant),
            Design::DenseNet(plan) => densenet::graph(name, &plan, variant),
            Design::ResNet(plan) => resnet::graph(name, &plan, variant),
            Design::Vgg(plan) => vgg::graph(name, &plan, variant),
            Design::AlexNet => alexnet::graph(name, variant),
            Design::GoogLeNet => googlenet::graph(name, variant),
            Design::MobileNetV2 => mobilenet_v2::graph(name, variant),
            Design::MobileNetV3(plan) => mobilenet_v3::graph(name, &plan, variant),
            Design::EfficientNet(plan) => efficientnet::graph(name, &plan, variant),
            Design::RegNet(plan) => regnet::graph(name, &plan, variant),
            Design::ConvNext(plan) => convnext::graph(name, &plan, variant),
            Design::UNet => u_net::u_net(&u_net::Config { input_channels, classes, width, norm_eps }),
            Design::RetinaNet => {
                retina_net::retina_net(&retina_net::Config { input_channels, classes, width, norm_eps, p6_from_c5 })
            }
            Design::Imported => unreachable!("{NOT_BY_NAME}"),
        }
    }

    /// The name of the first layer's kernel.
    pub(crate) fn first_kernel(self) -> &'static str {
        match self.design() {
            Design::InceptionV3 => inception_v3::FIRST_KERNEL,
            Design::DenseNet(_) => densenet::FIRST_KERNEL,
            Design::ResNet(_) => resnet::FIRST_KERNEL,
            Design::Vgg(_) => vgg::FIRST_KERNEL,
            Design::AlexNet => alexnet::FIRST_KERNEL,
            Design::GoogLeNet => googlenet::FIRST_KERNEL,
            Design::MobileNetV2 => mobilenet_v2::FIRST_KERNEL,
            Design::MobileNetV3(_) => mobilenet_v3::FIRST_KERNEL,
            Design::EfficientNet(_) => efficientnet::FIRST_KERNEL,
            Design::RegNet(_) => regnet::FIRST_KERNEL,
            Design::ConvNext(_) => convnext::FIRST_KERNEL,
            Design::UNet => "encoder0.conv1.weight",
            Design::RetinaNet => "backbone.body.conv1.weight",
            Design::Imported => unreachable!("{NOT_BY_NAME}"),
        }
    }

    /// What stands before the numbers of the layers of a classifier's head, `fc` or `classifier`: see
    /// [`super::Head`]. Networks that localize have none.
    pub(crate) fn head(self) -> Option<&'static str> {
        match self.design() {
            Design::InceptionV3 => Some(inception_v3::HEAD),
            Design::DenseNet(_) => Some(densenet::HEAD),
            Design::ResNet(_) => Some(resnet::HEAD),
            Design::Vgg(_) => Some(vgg::HEAD),
            Design::AlexNet => Some(alexnet::HEAD),
            Design::GoogLeNet => Some(googlenet::HEAD),
            Design::MobileNetV2 => Some(mobilenet_v2::HEAD),
            Design::MobileNetV3(_) => Some(mobilenet_v3::HEAD),
            Design::EfficientNet(_) => Some(efficientnet::HEAD),
            Design::RegNet(_) => Some(regnet::HEAD),
            Design::ConvNext(_) => Some(convnext::HEAD),
            Design::UNet | Design::RetinaNet | Design::Imported => None,
        }
    }

    /// The last layer of the published network, whose rows are the outputs: `fc`, `classifier.6`.
    pub(crate) fn last_layer(self) -> &'static str {
        match self.design() {
            Design::InceptionV3 => inception_v3::HEAD,
            Design::DenseNet(_) => densenet::HEAD,
            Design::ResNet(_) => resnet::HEAD,
            Design::Vgg(_) => vgg::LAST,
            Design::AlexNet => alexnet::LAST,
            Design::GoogLeNet => googlenet::HEAD,
            Design::MobileNetV2 => mobilenet_v2::LAST,
            Design::MobileNetV3(_) => mobilenet_v3::LAST,
            Design::EfficientNet(_) => efficientnet::LAST,
            Design::RegNet(_) => regnet::HEAD,
            Design::ConvNext(_) => convnext::LAST,
            Design::UNet => "output",
            Design::RetinaNet => "head.classification_head.cls_logits",
            Design::Imported => unreachable!("{NOT_BY_NAME}"),
        }
    }

    /// How its untrained weights are drawn.
    pub(super) fn beginning(self) -> Beginning {
        match self.design() {
            Design::InceptionV3 => Beginning::Inception,
            Design::GoogLeNet => Beginning::GoogLeNet,
            Design::DenseNet(_) | Design::UNet => Beginning::FanIn,
            Design::ResNet(_) | Design::RetinaNet | Design::Imported => Beginning::FanOut,
            Design::Vgg(_) | Design::MobileNetV2 | Design::MobileNetV3(_) | Design::RegNet(_) => {
                Beginning::FanOutSmallLinear
            }
            Design::EfficientNet(_) => Beginning::FanOutEfficientNet,
            Design::AlexNet => Beginning::Layers,
            Design::ConvNext(_) => Beginning::ConvNext,
        }
    }

    /// Whether its torchvision network may bring its input from ImageNet's scale to -1..1 first (`transform_input`).
    pub(super) fn transforms_input(self) -> bool {
        matches!(self, Self::InceptionV3 | Self::GoogLeNet)
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Architecture> for String {
    fn from(architecture: Architecture) -> Self {
        architecture.name().to_owned()
    }
}

impl TryFrom<String> for Architecture {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        if name == Self::Imported.name() { Ok(Self::Imported) } else { name.parse() }
    }
}

impl FromStr for Architecture {
    type Err = Error;

    /// Letters and digits decide: `resnet_50`, `resnet50` and `ResNet-50` are the same.
    fn from_str(name: &str) -> Result<Self> {
        let plain = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        let asked = plain(name);
        // The name itself first: without underscores `regnet_x_1_6gf` is `regnet_x_16gf`.
        let exact = Self::ALL.into_iter().find(|arch| arch.name() == name);
        exact
            .or_else(|| Self::ALL.into_iter().find(|arch| plain(arch.name()) == asked))
            .ok_or_else(|| Error::UnknownArchitecture { name: name.to_owned(), known: Self::known() })
    }
}

#[cfg(test)]
mod tests {
    use super::Architecture;

    #[test]
    fn names_and_architectures_correspond() {
        for arch in Architecture::ALL {
            assert_eq!(arch.name().parse::<Architecture>().unwrap(), arch);
            assert_eq!(arch.graph(&arch.usual_variant()).architecture(), arch.name());
            let json = serde_json::to_string(&arch).unwrap();
            assert_eq!(json, format!("\"{arch}\""));
            assert_eq!(serde_json::from_str::<Architecture>(&json).unwrap(), arch);
        }
        for (name, arch) in [
            ("resnet50", Architecture::ResNet50),
            ("ResNet-50", Architecture::ResNet50),
            ("densenet121", Architecture::DenseNet121),
            ("DenseNet 121", Architecture::DenseNet121),
            ("wide_resnet50_2", Architecture::WideResNet50),
            ("resnext101_32x8d", Architecture::ResNext101),
            ("vgg16_bn", Architecture::Vgg16Norm),
            ("efficientnet-b0", Architecture::EfficientNetB0),
            ("Inception_V3", Architecture::InceptionV3),
        ] {
            assert_eq!(name.parse::<Architecture>().unwrap(), arch);
        }
        let error = "resnet".parse::<Architecture>().unwrap_err().to_string();
        assert!(
            error.starts_with("there is no architecture \"resnet\", only inception_v3, densenet_121/161/169/201, ")
        );
        assert!(error.ends_with(", u_net, retina_net"), "{error}");
    }
}
