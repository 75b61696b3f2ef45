//! What a file of weights looks like where it is no network known here, and what its names alone do not tell.

use super::dialect::{Found, Padding};
use super::{Hints, Listing, counted, some_names};
use crate::foreign::error::{Error, Result};
use crate::network::Architecture;

/// What to do with a network of convolutions that is not known by name.
const ONNX: &str = "export it to ONNX (torch.onnx.export(model, example, \"model.onnx\")) and convert that file";
/// What to do with a network of tokens.
const TOKENS: &str = "networks of tokens are not read, since no map of features is left of them; take a network of \
                      convolutions, such as a ResNet, DenseNet, EfficientNet or ConvNeXt";

/// Parts of names that only one family has.
const FAMILIES: [(&str, &str, &str); 18] = [
    ("relative_position_bias_table", "a Swin transformer", TOKENS),
    ("cls_token", "a vision transformer (ViT)", TOKENS),
    ("class_token", "a vision transformer (ViT)", TOKENS),
    ("pos_embed", "a vision transformer (ViT)", TOKENS),
    ("position_embeddings", "a vision transformer (ViT)", TOKENS),
    ("attn.qkv.", "a network with attention", TOKENS),
    ("self_attention.", "a network with attention", TOKENS),
    ("attention.attention.query", "a network with attention", TOKENS),
    ("block1.rep.", "an Xception", ONNX),
    ("stack.conv1.conv_dw.", "an Xception of timm", ONNX),
    ("se_module.", "an SENet", ONNX),
    (".squeeze.weight", "a SqueezeNet", ONNX),
    ("stage2.0.branch2.", "a ShuffleNet", ONNX),
    ("cell_stem_0.", "a NASNet", ONNX),
    (
        "rpn.head.",
        "a detector with region proposals",
        "only RetinaNet is read among detectors; convert the weights of one",
    ),
    ("decoder.blocks.", "a segmentation network with an encoder of its own", ONNX),
    ("layer1.0.conv1.weight", "a ResNet with another first layer than torchvision's", ONNX),
    ("denseblock", "a DenseNet with layers of its own", ONNX),
];

/// Refuses weights in which no network is known, naming what they look like.
pub(super) fn unknown(listing: &Listing) -> Error {
    if let Err(error) = refuse_volumes(listing) {
        return error;
    }
    let count = counted(listing.tensors.len(), "tensor");
    let family = FAMILIES.iter().find(|(part, ..)| listing.tensors.iter().any(|(name, _)| name.contains(part)));
    if let Some((_, family, remedy)) = family {
        return Error::Unsupported(format!("the weights ({count}) look like those of {family}: {remedy}"));
    }
    let names = some_names(listing.tensors.iter().map(|(name, _)| name.as_str()));
    Error::Unsupported(format!(
        "the names of the {count} ({names}) are those of no network known here ({}); if it is one of its own making, {ONNX}",
        Architecture::known()
    ))
}

/// Refuses networks of volumes.
pub(super) fn refuse_volumes(listing: &Listing) -> Result<()> {
    match listing.tensors.iter().find(|(_, shape)| shape.len() == 5) {
        Some((name, shape)) => Err(Error::Unsupported(format!(
            "the network reads volumes (its kernel {name} has the shape {shape:?}); only networks of two-dimensional images are \
             read: convert one with spatial_dims=2"
        ))),
        None => Ok(()),
    }
}

/// Refuses networks that share their tensors with one known here, but compute something else, by what they are called.
pub(super) fn refuse_lookalikes(found: &Found, hints: &Hints) -> Result<()> {
    let said = hints.said.timm_name.as_deref().or(hints.architecture.as_deref()).unwrap_or_default().to_lowercase();
    let part = ["blur", "resnetaa", "_gn", "_frelu", "evos", "_d8s"].into_iter().find(|part| said.contains(part));
    match part {
        Some(_) => Err(Error::Unsupported(format!(
            "the network is called {said}: it has the tensors of {}, but computes something else; {ONNX}",
            found.dialect.words
        ))),
        None => Ok(()),
    }
}

/// Whether a network pads as TensorFlow does: by its dialect, its layers, or the name it has in timm.
pub(super) fn same_padding(listing: &Listing, found: &Found, hints: &Hints, notes: &mut Vec<String>) -> Result<bool> {
    if found.dialect.padding != Padding::Either {
        return Ok(found.dialect.padding == Padding::Same);
    }
    if !listing.layers.is_empty() {
        return Ok(listing.layers.iter().any(|layer| layer.kind() == "Conv2dSame"));
    }
    let sources = [
        (hints.said.timm_name.as_deref(), "--timm-name"),
        (hints.architecture.as_deref(), "what is said of its architecture"),
        (hints.file_name.as_deref(), "the name of the file"),
    ];
    for (name, source) in sources {
        let Some((name, same)) = name.and_then(timm_name) else { continue };
        let padding = if same { "as TensorFlow does" } else { "as PyTorch does" };
        notes.push(format!("taken to be timm's {name}, which pads {padding}, by {source}"));
        return Ok(same);
    }
    Err(Error::Unsupported(format!(
        "the weights are those of {}, of which there are two kinds with the same tensors: those that were ported from \
         TensorFlow (tf_...) pad in another way; say which it is with --timm-name, such as --timm-name efficientnet_b0 or \
         --timm-name tf_efficientnet_b0",
        found.dialect.words
    )))
}

/// The name of a network of timm in a text, and whether it was ported from TensorFlow.
fn timm_name(text: &str) -> Option<(String, bool)> {
    let text = text.to_lowercase();
    let at = ["efficientnet_b", "efficientnetv2_", "mobilenetv3_"].iter().find_map(|family| text.find(family))?;
    let same = text[..at].ends_with("tf_");
    let start = if same { at - 3 } else { at };
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let name: String = text[start..].chars().take_while(|letter| is_part(*letter)).collect();
    Some((name, same))
}
