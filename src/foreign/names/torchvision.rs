//! Torchvision's names, those it had at first, and those that its networks get in a `Sequential` or from MONAI.

use super::Listing;
use super::dialect::{Dialect, Found, Padding};

const PLAIN: Dialect = Dialect {
    words: "torchvision's",
    anchors: &[],
    rename: |_, _| None,
    inner: "",
    norm_eps: None,
    padding: Padding::Equal,
};

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        words: "RetinaNet",
        anchors: &["backbone.body.conv1.weight", "head.classification_head.cls_logits.weight"],
        rename: |name, _| crate::network::canonical_name(name).map(std::borrow::Cow::into_owned),
        ..PLAIN
    },
    Dialect {
        words: "a U-Net",
        anchors: &["encoder0.conv1.weight"],
        rename: |name, _| crate::network::canonical_name(name).map(std::borrow::Cow::into_owned),
        ..PLAIN
    },
    Dialect {
        words: "a DenseNet with torchvision's names",
        anchors: &["denseblock1.denselayer1.norm1.weight", "conv0.weight"],
        rename: |name, _| densenet(name),
        inner: "features.",
        ..PLAIN
    },
    Dialect {
        words: "a DenseNet with the names that torchvision had at first",
        anchors: &["denseblock1.denselayer1.norm.1.weight", "conv0.weight"],
        rename: |name, _| densenet(name),
        inner: "features.",
        ..PLAIN
    },
    Dialect {
        words: "MONAI's DenseNet",
        anchors: &["denseblock1.denselayer1.layers.norm1.weight", "conv0.weight"],
        rename: |name, _| densenet(&name.replacen(".layers.", ".", 1)),
        inner: "features.",
        ..PLAIN
    },
    Dialect {
        words: "a DenseNet whose parts were put into a Sequential",
        anchors: &["4.denselayer1.norm1.weight", "0.weight", "11.running_mean"],
        rename: |name, _| sequential_densenet(name),
        inner: "features.",
        ..PLAIN
    },
    Dialect {
        words: "a ResNet with torchvision's names",
        anchors: &["layer1.0.conv1.weight", "conv1.weight"],
        rename: |name, _| inside(name, &["conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4."]),
        ..PLAIN
    },
    Dialect {
        words: "a ResNet whose parts were put into a Sequential",
        anchors: &["4.0.conv1.weight", "0.weight", "1.running_mean"],
        rename: |name, _| sequential_resnet(name),
        ..PLAIN
    },
    Dialect {
        words: "InceptionV3",
        anchors: &["Mixed_5b.branch1x1.conv.weight"],
        rename: |name, _| inside(name, &["Conv2d_", "Mixed_"]),
        ..PLAIN
    },
    Dialect {
        words: "GoogLeNet",
        anchors: &["inception3a.branch1.conv.weight"],
        rename: |name, _| inside(name, &["conv1.", "conv2.", "conv3.", "inception"]),
        ..PLAIN
    },
    Dialect {
        words: "MobileNetV2",
        anchors: &["1.conv.0.0.weight", "0.0.weight"],
        rename: |name, _| featured(name),
        inner: "features.",
        ..PLAIN
    },
    Dialect {
        words: "an EfficientNet with torchvision's names",
        anchors: &["1.0.block.0.0.weight", "0.0.weight"],
        rename: |name, _| featured(name),
        inner: "features.",
        ..PLAIN
    },
    Dialect {
        words: "MobileNetV3 with torchvision's names",
        anchors: &["1.block.0.0.weight", "0.0.weight"],
        rename: |name, _| featured(name),
        inner: "features.",
        ..PLAIN
    },
    Dialect {
        words: "a ConvNeXt with torchvision's names",
        anchors: &["1.0.layer_scale", "0.0.weight"],
        rename: |name, _| {
            featured(name).map(|name| if name.ends_with(".layer_scale") { format!("{name}.weight") } else { name })
        },
        inner: "features.",
        ..PLAIN
    },
    Dialect {
        words: "a RegNet with torchvision's names",
        anchors: &["trunk_output.block1.block1-0.f.a.0.weight"],
        rename: |name, _| inside(name, &["stem.", "trunk_output."]),
        ..PLAIN
    },
];

const NUMBERED: Dialect = Dialect {
    words: "a VGG or AlexNet with torchvision's names",
    rename: |name, _| featured(name),
    inner: "features.",
    ..PLAIN
};

/// A name that begins as one of the trunk's does.
fn inside(name: &str, beginnings: &[&str]) -> Option<String> {
    beginnings.iter().any(|beginning| name.starts_with(beginning)).then(|| name.to_owned())
}

/// A layer that has a number in `features`.
fn featured(name: &str) -> Option<String> {
    let (number, _) = name.split_once('.')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("features.{name}"))
}

fn densenet(name: &str) -> Option<String> {
    let name = crate::network::canonical_name(&format!("features.{name}"))?.into_owned();
    let inner = name.strip_prefix("features.")?;
    let parts = ["conv0.", "norm0.", "denseblock", "transition", "norm5."];
    parts.iter().any(|part| inner.starts_with(part)).then_some(name)
}

/// `features` of a DenseNet as a list: convolution, normalization, ReLU, pool, and blocks and transitions by turns.
fn sequential_densenet(name: &str) -> Option<String> {
    const PARTS: [(&str, &str); 10] = [
        ("0", "conv0"),
        ("1", "norm0"),
        ("4", "denseblock1"),
        ("5", "transition1"),
        ("6", "denseblock2"),
        ("7", "transition2"),
        ("8", "denseblock3"),
        ("9", "transition3"),
        ("10", "denseblock4"),
        ("11", "norm5"),
    ];
    let (number, rest) = name.split_once('.')?;
    let (_, part) = PARTS.iter().find(|(own, _)| *own == number)?;
    densenet(&format!("{part}.{rest}"))
}

/// The children of a ResNet as a list: convolution, normalization, ReLU, pool, four stages.
fn sequential_resnet(name: &str) -> Option<String> {
    const PARTS: [(&str, &str); 6] =
        [("0", "conv1"), ("1", "bn1"), ("4", "layer1"), ("5", "layer2"), ("6", "layer3"), ("7", "layer4")];
    let (number, rest) = name.split_once('.')?;
    let (_, part) = PARTS.iter().find(|(own, _)| *own == number)?;
    Some(format!("{part}.{rest}"))
}

/// Numbers of the convolutions of AlexNet and of each VGG, without and with batch normalization.
fn numbered_plans() -> Vec<Vec<usize>> {
    const DEPTHS: [[usize; 5]; 4] = [[1, 1, 2, 2, 2], [2, 2, 2, 2, 2], [2, 2, 3, 3, 3], [2, 2, 4, 4, 4]];
    let vgg = |depths: &[usize; 5], step: usize| {
        let (mut numbers, mut next) = (Vec::new(), 0);
        for depth in depths {
            for _ in 0..*depth {
                numbers.push(next);
                next += step;
            }
            next += 1;
        }
        numbers
    };
    let all = DEPTHS.iter().flat_map(|depths| [vgg(depths, 2), vgg(depths, 3)]);
    all.chain([vec![0, 3, 6, 8, 10]]).collect()
}

/// Most kernels that may be the first one of a trunk.
const MOST: usize = 32;

/// A trunk of numbered layers alone: told by the numbers of all its convolutions.
pub(super) fn numbered(listing: &Listing) -> Vec<Found> {
    let plans = numbered_plans();
    let mut found = Vec::new();
    let mut looked_at = 0;
    for (name, shape) in &listing.tensors {
        let Some(prefix) = name.strip_suffix("0.weight").filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
        else {
            continue;
        };
        if shape.len() != 4 || looked_at == MOST {
            continue;
        }
        looked_at += 1;
        let number = |(name, shape): &(String, Vec<usize>)| {
            let number = name.strip_prefix(prefix)?.strip_suffix(".weight")?;
            if shape.len() == 4 { number.parse::<usize>().ok() } else { None }
        };
        let mut numbers: Vec<usize> = listing.tensors.iter().filter_map(number).collect();
        numbers.sort_unstable();
        if plans.contains(&numbers) {
            found.push(Found { dialect: &NUMBERED, prefix: prefix.to_owned() });
        }
    }
    found
}
