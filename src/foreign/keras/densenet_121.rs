//! DenseNet-121 of keras-applications. Its layers have names of their own; Keras 2 writes `conv1/conv`, Keras 3
//! `conv1_conv`.

use std::collections::BTreeMap;

use super::super::error::{Error, Result};
use super::weights_alone::{Layers, node_names};
use crate::network::{Architecture, Op};

/// The path of every convolution and normalization by our name for it; none where this is another network.
pub(super) fn names(layers: &Layers<'_>) -> Result<Option<BTreeMap<String, String>>> {
    // DenseNet-169 and 201 have more layers in blocks 3 and 4.
    let has = |name: &str| find(layers, name).is_some();
    if !has("conv1/conv") || !has("conv5_block16_2_conv") || has("conv4_block25_1_conv") {
        return Ok(None);
    }
    let mut names = BTreeMap::new();
    for name in node_names(ARCHITECTURE, |op| matches!(op, Op::Conv2d(_) | Op::BatchNorm(_))) {
        let keras = keras_name(&name);
        let Some(path) = keras.as_deref().and_then(|keras| find(layers, keras)) else {
            let problem = format!("layer {} is missing", keras.unwrap_or(name));
            return Err(Error::OtherNetwork { architecture: ARCHITECTURE, problem });
        };
        names.insert(name, path);
    }
    Ok(Some(names))
}

const ARCHITECTURE: Architecture = Architecture::DenseNet121;

/// The path of a layer, which may be preceded by names of models and its own name once more.
fn find(layers: &Layers<'_>, name: &str) -> Option<String> {
    let other = name.replace('/', "_");
    let ends = |path: &str, name: &str| {
        path.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    // The shortest, because `bn` also ends `conv1/bn`.
    layers
        .keys()
        .filter(|path| ends(path, name) || ends(path, &other))
        .min_by_key(|path| path.matches('/').count())
        .cloned()
}

/// Keras' name of one of our layers.
fn keras_name(name: &str) -> Option<String> {
    let rest = name.strip_prefix("features.")?;
    Some(match rest {
        "conv0" => "conv1/conv".to_owned(),
        "norm0" => "conv1/bn".to_owned(),
        "norm5" => "bn".to_owned(),
        _ => {
            let (group, layer) = rest.split_once('.')?;
            if let Some(number) = group.strip_prefix("transition") {
                let stage = number.parse::<usize>().ok()? + 1;
                format!("pool{stage}_{}", if layer == "conv" { "conv" } else { "bn" })
            } else {
                let stage = group.strip_prefix("denseblock")?.parse::<usize>().ok()? + 1;
                let (number, layer) = layer.strip_prefix("denselayer")?.split_once('.')?;
                let suffix = match layer {
                    "norm1" => "0_bn",
                    "conv1" => "1_conv",
                    "norm2" => "1_bn",
                    "conv2" => "2_conv",
                    _ => return None,
                };
                format!("conv{stage}_block{number}_{suffix}")
            }
        }
    })
}
