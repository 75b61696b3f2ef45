//! Tensors beside a network that its outputs do not depend on.

/// Counters, and weights of what a training compares outputs with: last parts of names.
const LAST: [&str; 11] = [
    "num_batches_tracked",
    "n_averaged",
    "op_threshs",
    "total_ops",
    "total_params",
    "pos_weight",
    "class_weight",
    "class_weights",
    "ce_weight",
    "ema_step",
    "initted",
];
/// Modules of a training: first parts of names.
const FIRST: [&str; 12] = [
    "criterion",
    "criteria",
    "loss",
    "losses",
    "loss_fn",
    "loss_func",
    "loss_function",
    "metric",
    "metrics",
    "accuracy",
    "auroc",
    "optimizer",
];
/// Heads that only a training has.
const AUXILIARY: [&str; 4] = ["AuxLogits.", "aux1.", "aux2.", "aux_logits."];

/// What a tensor outside the trunk is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aside {
    /// A counter that batch normalization keeps.
    Counter,
    /// TorchXRayVision's thresholds, by which its outputs are scaled behind the sigmoid.
    Thresholds,
    /// An auxiliary head.
    Auxiliary,
    /// Part of a training.
    Training,
}

/// Whether the outputs do not depend on a tensor; `name` is without the prefix of the network.
pub(super) fn aside(name: &str) -> Option<Aside> {
    let last = name.rsplit('.').next().unwrap_or(name);
    if last == "op_threshs" {
        return Some(Aside::Thresholds);
    }
    if AUXILIARY.iter().any(|head| name.starts_with(head)) {
        return Some(Aside::Auxiliary);
    }
    if LAST.contains(&last) {
        let counter = matches!(last, "num_batches_tracked" | "n_averaged" | "total_ops" | "total_params");
        return Some(if counter { Aside::Counter } else { Aside::Training });
    }
    let first = name.split('.').next().unwrap_or(name);
    let stage = ["train_", "val_", "test_", "valid_"].into_iter().find_map(|stage| first.strip_prefix(stage));
    FIRST.contains(&stage.unwrap_or(first)).then_some(Aside::Training)
}
