//! timm's names, and those of `efficientnet_pytorch`, which MONAI's EfficientNets have too.

use super::Shapes;
use super::dialect::{Dialect, Padding, Trunk};

/// PyTorch's own value, where torchvision gives some of these networks another.
const NORM_EPS: f64 = 1e-5;
/// TensorFlow's value for these networks.
pub(super) const TENSORFLOW_NORM_EPS: f64 = 1e-3;

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        words: "timm's MobileNetV3",
        anchors: &["conv_head.bias", "conv_stem.weight", "blocks.0.0.bn1.weight"],
        rename: mobilenet_v3,
        inner: "",
        norm_eps: Some(NORM_EPS),
        padding: Padding::Either,
    },
    Dialect {
        words: "timm's EfficientNet",
        anchors: &["blocks.0.0.se.conv_reduce.weight", "conv_stem.weight", "bn2.weight"],
        rename: efficientnet,
        inner: "",
        norm_eps: Some(NORM_EPS),
        padding: Padding::Either,
    },
    Dialect {
        words: "timm's EfficientNetV2",
        anchors: &["blocks.0.0.conv.weight", "conv_stem.weight", "bn2.weight"],
        rename: efficientnet,
        inner: "",
        norm_eps: Some(NORM_EPS),
        padding: Padding::Either,
    },
    Dialect {
        words: "timm's MobileNetV2",
        anchors: &["blocks.0.0.conv_dw.weight", "conv_stem.weight", "bn2.weight"],
        rename: mobilenet_v2,
        inner: "",
        norm_eps: Some(NORM_EPS),
        padding: Padding::Equal,
    },
    Dialect {
        words: "timm's ConvNeXt",
        anchors: &["stages.0.blocks.0.conv_dw.weight", "stem.0.weight"],
        rename: convnext,
        inner: "",
        norm_eps: None,
        padding: Padding::Equal,
    },
    Dialect {
        words: "timm's VGG",
        anchors: &["pre_logits.fc1.weight", "features.0.weight"],
        rename: vgg,
        inner: "",
        norm_eps: None,
        padding: Padding::Equal,
    },
    Dialect {
        words: "timm's RegNet",
        anchors: &["s1.b1.conv1.conv.weight", "stem.conv.weight"],
        rename: regnet,
        inner: "",
        norm_eps: None,
        padding: Padding::Equal,
    },
    Dialect {
        words: "an EfficientNet of efficientnet_pytorch",
        anchors: &["_blocks.0._depthwise_conv.weight", "_conv_stem.weight"],
        rename: efficientnet_pytorch,
        inner: "",
        norm_eps: Some(TENSORFLOW_NORM_EPS),
        padding: Padding::Same,
    },
    Dialect {
        words: "MONAI's EfficientNet",
        anchors: &["_blocks.0.0._depthwise_conv.weight", "_conv_stem.weight"],
        rename: efficientnet_pytorch,
        inner: "",
        norm_eps: Some(TENSORFLOW_NORM_EPS),
        padding: Padding::Same,
    },
];

/// `blocks.S.B.rest` or `_blocks.S.B.rest`.
fn block(name: &str) -> Option<(usize, usize, &str)> {
    let rest = name.strip_prefix("blocks.").or_else(|| name.strip_prefix("_blocks."))?;
    let (stage, rest) = rest.split_once('.')?;
    let (repetition, rest) = rest.split_once('.')?;
    Some((stage.parse().ok()?, repetition.parse().ok()?, rest))
}

/// Most stages of a network.
const MAX_STAGES: usize = 16;

/// The smallest number of a block in each stage.
pub(super) fn first_blocks(shapes: &Shapes) -> Vec<usize> {
    let mut first = vec![usize::MAX; MAX_STAGES];
    for (stage, repetition, _) in shapes.keys().filter_map(|name| block(name)) {
        if let Some(first) = first.get_mut(stage) {
            *first = repetition.min(*first);
        }
    }
    first
}

/// Blocks before each stage. Numbers of stages that make no sense give nothing.
pub(super) fn blocks_before(shapes: &Shapes) -> Vec<usize> {
    let mut counts = vec![0; MAX_STAGES];
    for (stage, repetition, _) in shapes.keys().filter_map(|name| block(name)) {
        if let Some(count) = counts.get_mut(stage) {
            *count = repetition.saturating_add(1).max(*count);
        }
    }
    let mut sum: usize = 0;
    let mut before = Vec::new();
    for count in counts {
        before.push(sum);
        sum = sum.saturating_add(count);
    }
    before
}

/// Stage and repetition of each `_blocks.N`: the channels that a block writes are those of its stage.
pub(super) fn flat_blocks(shapes: &Shapes) -> Vec<(usize, usize)> {
    let mut flat: Vec<(usize, usize)> = Vec::new();
    let mut channels = None;
    while let Some(shape) = shapes.get(&format!("_blocks.{}._project_conv.weight", flat.len())) {
        let written = shape.first().copied();
        flat.push(match flat.last() {
            Some((stage, repetition)) if written == channels => (*stage, repetition + 1),
            Some((stage, _)) => (stage + 1, 0),
            None => (0, 0),
        });
        channels = written;
    }
    flat
}

/// `layer.parameter` of a block as number and parameter: which convolution or normalization it is, counted in the order in
/// which they are computed. Squeeze and excitation is none of these.
fn part(rest: &str, depthwise_first: bool) -> Option<(usize, usize, &str)> {
    let (layer, parameter) = rest.split_once('.')?;
    let place = match (layer, depthwise_first) {
        ("conv_pw" | "conv_exp", false) | ("conv_dw" | "conv", true) => (0, 0),
        ("conv_dw", false) | ("conv_pw", true) => (1, 0),
        ("conv_pwl", false) => (2, 0),
        ("bn1", _) => (0, 1),
        ("bn2", _) => (1, 1),
        ("bn3", false) => (2, 1),
        _ => return None,
    };
    Some((place.0, place.1, parameter))
}

/// Parts of an inverted residual in torchvision's naming: `base.N.M.parameter`, squeeze and excitation having a number of its
/// own behind the depthwise convolution.
fn inverted_residual(name: &str, base: &str, trunk: &Trunk) -> Option<String> {
    let (stage, repetition, rest) = block(name)?;
    let start = format!("blocks.{stage}.{repetition}.");
    let has = |layer: &str| trunk.has(&format!("{start}{layer}"));
    let fused = has("conv_exp.weight");
    let depthwise_first = !has("conv_pwl.weight");
    let squeezes = trunk.has_inside(&format!("{start}se."));
    let depthwise = usize::from(!depthwise_first);
    if let Some(rest) = rest.strip_prefix("se.") {
        let (layer, parameter) = rest.split_once('.')?;
        let layer = match layer {
            "conv_reduce" => "fc1",
            "conv_expand" => "fc2",
            _ => return None,
        };
        return Some(format!("{base}.{}.{layer}.{parameter}", depthwise + 1));
    }
    let (mut number, kind, parameter) = if fused {
        // Expanded by a full convolution, then projected.
        let (layer, parameter) = rest.split_once('.')?;
        let (number, kind) = match layer {
            "conv_exp" => (0, 0),
            "bn1" => (0, 1),
            "conv_pwl" => (1, 0),
            "bn2" => (1, 1),
            _ => return None,
        };
        (number, kind, parameter)
    } else {
        part(rest, depthwise_first)?
    };
    if squeezes && number > depthwise {
        number += 1;
    }
    Some(format!("{base}.{number}.{kind}.{parameter}"))
}

fn stem_and_top(name: &str, top: usize) -> Option<String> {
    let (layer, parameter) = name.split_once('.')?;
    Some(match layer {
        "conv_stem" | "_conv_stem" => format!("features.0.0.{parameter}"),
        "bn1" | "_bn0" => format!("features.0.1.{parameter}"),
        "conv_head" | "_conv_head" => format!("features.{top}.0.{parameter}"),
        "bn2" | "_bn1" => format!("features.{top}.1.{parameter}"),
        _ => return None,
    })
}

/// Stages that have blocks.
fn stages(trunk: &Trunk) -> usize {
    let last = trunk.before.last().copied().unwrap_or(0);
    trunk.before.iter().position(|before| *before == last).unwrap_or(0)
}

fn efficientnet(name: &str, trunk: &Trunk) -> Option<String> {
    match block(name) {
        Some((stage, repetition, _)) => {
            inverted_residual(name, &format!("features.{}.{repetition}.block", stage.checked_add(1)?), trunk)
        }
        None => stem_and_top(name, stages(trunk) + 1).or_else(|| head(name, "classifier.", "classifier.1.")),
    }
}

/// A name of the head's one layer, where it is that.
fn head(name: &str, own: &str, today: &str) -> Option<String> {
    let parameter = name.strip_prefix(own)?;
    matches!(parameter, "weight" | "bias").then(|| format!("{today}{parameter}"))
}

/// Blocks counted without stages; the last one is a convolution alone, and the first layer of the head is a convolution.
fn mobilenet_v3(name: &str, trunk: &Trunk) -> Option<String> {
    let Some((stage, repetition, rest)) = block(name) else {
        return match name.split_once('.')? {
            ("conv_head", parameter) => Some(format!("classifier.0.{parameter}")),
            ("bn2", _) => None,
            _ => stem_and_top(name, 0).or_else(|| head(name, "classifier.", "classifier.3.")),
        };
    };
    let number = trunk.before.get(stage)?.checked_add(repetition)?.checked_add(1)?;
    if trunk.has(&format!("blocks.{stage}.{repetition}.conv.weight")) {
        let (layer, parameter) = rest.split_once('.')?;
        return match layer {
            "conv" => Some(format!("features.{number}.0.{parameter}")),
            "bn1" => Some(format!("features.{number}.1.{parameter}")),
            _ => None,
        };
    }
    inverted_residual(name, &format!("features.{number}.block"), trunk)
}

fn mobilenet_v2(name: &str, trunk: &Trunk) -> Option<String> {
    let Some((stage, repetition, _)) = block(name) else {
        let blocks = trunk.before.last().copied().unwrap_or(0);
        return stem_and_top(name, blocks + 1).or_else(|| head(name, "classifier.", "classifier.1."));
    };
    let number = trunk.before.get(stage)?.checked_add(repetition)?.checked_add(1)?;
    let base = format!("features.{number}.conv");
    let last = if trunk.has(&format!("blocks.{stage}.{repetition}.conv_pwl.weight")) { 2 } else { 1 };
    let renamed = inverted_residual(name, &base, trunk)?;
    // The projection is a convolution and a normalization in one list with the parts before them.
    let projection = format!("{base}.{last}.");
    let Some(rest) = renamed.strip_prefix(&projection) else { return Some(renamed) };
    let (kind, parameter) = rest.split_once('.')?;
    Some(format!("{base}.{}.{parameter}", last + usize::from(kind == "1")))
}

fn convnext(name: &str, _: &Trunk) -> Option<String> {
    if let Some(rest) = name.strip_prefix("stem.") {
        return Some(format!("features.0.{rest}"));
    }
    if let Some(parameter) = name.strip_prefix("head.norm.") {
        return Some(format!("classifier.0.{parameter}"));
    }
    if let Some(name) = head(name, "head.fc.", "classifier.2.") {
        return Some(name);
    }
    let (stage, rest) = name.strip_prefix("stages.")?.split_once('.')?;
    let stage: usize = stage.parse().ok()?;
    if let Some(rest) = rest.strip_prefix("downsample.") {
        return Some(format!("features.{}.{rest}", stage.checked_mul(2)?));
    }
    let (number, rest) = rest.strip_prefix("blocks.")?.split_once('.')?;
    let block = format!("features.{}.{number}", stage.checked_mul(2)?.checked_add(1)?);
    convnext_block(&block, rest, ["conv_dw.", "norm.", "mlp.fc1.", "mlp.fc2.", "gamma"])
}

/// A layer of a ConvNeXt block, whose depthwise convolution, normalization, two layers and factor are called `names`.
pub(super) fn convnext_block(block: &str, rest: &str, names: [&str; 5]) -> Option<String> {
    if rest == names[4] {
        return Some(format!("{block}.layer_scale.weight"));
    }
    let layers = names.iter().zip(["0", "2", "3", "5"]);
    layers.into_iter().find_map(|(name, number)| {
        let parameter = rest.strip_prefix(name)?;
        Some(format!("{block}.block.{number}.{parameter}"))
    })
}

/// The layers of the head are convolutions here.
fn vgg(name: &str, _: &Trunk) -> Option<String> {
    if name.starts_with("features.") {
        return Some(name.to_owned());
    }
    let layers = [("pre_logits.fc1.", "classifier.0."), ("pre_logits.fc2.", "classifier.3.")];
    let hidden = layers.into_iter().find_map(|(own, today)| head(name, own, today));
    hidden.or_else(|| head(name, "head.fc.", "classifier.6."))
}

fn regnet(name: &str, _: &Trunk) -> Option<String> {
    let unit = |rest: &str| -> Option<String> {
        let (layer, parameter) = rest.split_once('.')?;
        match layer {
            "conv" => Some(format!("0.{parameter}")),
            "bn" => Some(format!("1.{parameter}")),
            _ => None,
        }
    };
    if let Some(rest) = name.strip_prefix("stem.") {
        return Some(format!("stem.{}", unit(rest)?));
    }
    if let Some(name) = head(name, "head.fc.", "fc.") {
        return Some(name);
    }
    let (stage, rest) = name.strip_prefix('s')?.split_once('.')?;
    let (block, rest) = rest.strip_prefix('b')?.split_once('.')?;
    let (stage, block) = (stage.parse::<usize>().ok()?, block.parse::<usize>().ok()?);
    let base = format!("trunk_output.block{stage}.block{stage}-{}", block.checked_sub(1)?);
    let (layer, rest) = rest.split_once('.')?;
    Some(match layer {
        "conv1" => format!("{base}.f.a.{}", unit(rest)?),
        "conv2" => format!("{base}.f.b.{}", unit(rest)?),
        "conv3" => format!("{base}.f.c.{}", unit(rest)?),
        "se" => format!("{base}.f.se.{rest}"),
        "downsample" => format!("{base}.proj.{}", unit(rest)?),
        _ => return None,
    })
}

fn efficientnet_pytorch(name: &str, trunk: &Trunk) -> Option<String> {
    let nested = trunk.flat.is_empty();
    let last = if nested { stages(trunk) } else { trunk.flat.last().map_or(0, |(stage, _)| stage + 1) };
    let Some(rest) = name.strip_prefix("_blocks.") else {
        return stem_and_top(name, last + 1).or_else(|| head(name, "_fc.", "classifier.1."));
    };
    let (number, rest) = rest.split_once('.')?;
    let number: usize = number.parse().ok()?;
    let (stage, repetition, rest) = if nested {
        let (stage, number, rest) = block(name)?;
        (stage, number.checked_sub(*trunk.first.get(stage)?)?, rest)
    } else {
        let (stage, repetition) = *trunk.flat.get(number)?;
        (stage, repetition, rest)
    };
    let start = &name[..name.len() - rest.len()];
    let expands = usize::from(trunk.has(&format!("{start}_expand_conv.weight")));
    let (layer, parameter) = rest.split_once('.')?;
    let layer = match layer {
        "_expand_conv" => "0.0".to_owned(),
        "_bn0" => "0.1".to_owned(),
        "_depthwise_conv" => format!("{expands}.0"),
        "_bn1" => format!("{expands}.1"),
        "_se_reduce" => format!("{}.fc1", expands + 1),
        "_se_expand" => format!("{}.fc2", expands + 1),
        "_project_conv" => format!("{}.0", expands + 2),
        "_bn2" => format!("{}.1", expands + 2),
        _ => return None,
    };
    Some(format!("features.{}.{repetition}.block.{layer}.{parameter}", stage.checked_add(1)?))
}
