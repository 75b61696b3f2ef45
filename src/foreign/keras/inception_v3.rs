//! InceptionV3 of keras-applications. Its layers have automatic names, `conv2d`, `conv2d_1`, ..., numbered in the order
//! of their creation over all models of a session; that order is the one of our graph's nodes.

use std::collections::BTreeMap;

use super::weights_alone::{Kind, Layers, last_name, node_names};
use crate::network::{Architecture, Op};

/// The path of every convolution and normalization by our name for it; none where this is another network.
pub(super) fn names(layers: &Layers<'_>) -> Option<BTreeMap<String, String>> {
    let convolutions =
        numbered(layers, "conv2d", |path| layers[path].get("kernel").is_some_and(|kernel| kernel.kind == Kind::Kernel));
    let norms = numbered(layers, "batch_normalization", |path| layers[path].contains_key("moving_mean"));
    if convolutions.is_empty() || norms.is_empty() {
        return None;
    }
    let mut names = BTreeMap::new();
    for (found, expected) in [
        (convolutions, node_names(ARCHITECTURE, |op| matches!(op, Op::Conv2d(_)))),
        (norms, node_names(ARCHITECTURE, |op| matches!(op, Op::BatchNorm(_)))),
    ] {
        if found.len() != expected.len() {
            return None;
        }
        names.extend(expected.into_iter().zip(found));
    }
    Some(names)
}

const ARCHITECTURE: Architecture = Architecture::InceptionV3;

/// Paths of the layers called `stem` or `stem_<number>`, by number.
fn numbered(layers: &Layers<'_>, stem: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let number = |path: &str| -> Option<u64> {
        match last_name(path).strip_prefix(stem)? {
            "" => Some(0),
            rest => rest.strip_prefix('_')?.parse().ok(),
        }
    };
    let mut found: Vec<(u64, &String)> =
        layers.keys().filter(|path| wanted(path)).filter_map(|path| Some((number(path)?, path))).collect();
    found.sort();
    found.into_iter().map(|(_, path)| path.clone()).collect()
}
