//! The names of Hugging Face's `transformers`, and those of ConvNeXt's authors.

use super::dialect::{Dialect, Padding, Trunk};
use super::timm::convnext_block;

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        words: "the ResNet of transformers",
        anchors: &["encoder.stages.0.layers.0.layer.0.convolution.weight", "embedder.embedder.convolution.weight"],
        rename: resnet,
        inner: "resnet.",
        norm_eps: None,
        padding: Padding::Equal,
    },
    Dialect {
        words: "the ConvNeXt of transformers",
        anchors: &["encoder.stages.0.layers.0.dwconv.weight", "embeddings.patch_embeddings.weight"],
        rename: convnext,
        inner: "convnext.",
        norm_eps: None,
        padding: Padding::Equal,
    },
    Dialect {
        words: "the ConvNeXt of its authors",
        anchors: &["stages.0.0.dwconv.weight", "downsample_layers.0.0.weight"],
        rename: authors_convnext,
        inner: "",
        norm_eps: None,
        padding: Padding::Equal,
    },
];

/// A convolution and its normalization, in torchvision's names `conv` and `norm`.
fn unit(rest: &str, conv: &str, norm: &str) -> Option<String> {
    let (layer, parameter) = rest.split_once('.')?;
    match layer {
        "convolution" => Some(format!("{conv}.{parameter}")),
        "normalization" => Some(format!("{norm}.{parameter}")),
        _ => None,
    }
}

fn resnet(name: &str, _: &Trunk) -> Option<String> {
    if let Some(rest) = name.strip_prefix("embedder.embedder.") {
        return unit(rest, "conv1", "bn1");
    }
    let (stage, rest) = name.strip_prefix("encoder.stages.")?.split_once('.')?;
    let (number, rest) = rest.strip_prefix("layers.")?.split_once('.')?;
    let block = format!("layer{}.{number}", stage.parse::<usize>().ok()?.checked_add(1)?);
    if let Some(rest) = rest.strip_prefix("shortcut.") {
        return unit(rest, &format!("{block}.downsample.0"), &format!("{block}.downsample.1"));
    }
    let (layer, rest) = rest.strip_prefix("layer.")?.split_once('.')?;
    let layer = layer.parse::<usize>().ok()?.checked_add(1)?;
    unit(rest, &format!("{block}.conv{layer}"), &format!("{block}.bn{layer}"))
}

fn convnext(name: &str, _: &Trunk) -> Option<String> {
    let stems = [
        ("embeddings.patch_embeddings.", "features.0.0."),
        ("embeddings.layernorm.", "features.0.1."),
        ("layernorm.", "classifier.0."),
    ];
    for (own, today) in stems {
        if let Some(parameter) = name.strip_prefix(own) {
            return Some(format!("{today}{parameter}"));
        }
    }
    let (stage, rest) = name.strip_prefix("encoder.stages.")?.split_once('.')?;
    let stage = stage.parse::<usize>().ok()?.checked_mul(2)?;
    if let Some(rest) = rest.strip_prefix("downsampling_layer.") {
        return Some(format!("features.{stage}.{rest}"));
    }
    let (number, rest) = rest.strip_prefix("layers.")?.split_once('.')?;
    let names = ["dwconv.", "layernorm.", "pwconv1.", "pwconv2.", "layer_scale_parameter"];
    convnext_block(&format!("features.{}.{number}", stage + 1), rest, names)
}

fn authors_convnext(name: &str, _: &Trunk) -> Option<String> {
    if let Some(rest) = name.strip_prefix("downsample_layers.") {
        let (stage, rest) = rest.split_once('.')?;
        return Some(format!("features.{}.{rest}", stage.parse::<usize>().ok()?.checked_mul(2)?));
    }
    if let Some(rest) = name.strip_prefix("stages.") {
        let (stage, rest) = rest.split_once('.')?;
        let (number, rest) = rest.split_once('.')?;
        let block = format!("features.{}.{number}", stage.parse::<usize>().ok()?.checked_mul(2)?.checked_add(1)?);
        return convnext_block(&block, rest, ["dwconv.", "norm.", "pwconv1.", "pwconv2.", "gamma"]);
    }
    let parameter = name.strip_prefix("norm.")?;
    Some(format!("classifier.0.{parameter}"))
}
