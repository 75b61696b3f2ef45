//! Whether the numbers of an operation are possible, and how many channels it then writes.

use super::nonlinearity::Nonlinearity;
use super::op::{Border, Op, Pool};
use crate::limits;

/// Channels that `op` writes where the nodes it reads have `read` channels each; `image` are those of the image itself.
///
/// # Errors
/// What is impossible or beyond its bound, as the rest of a sentence about the node.
pub(super) fn written_channels(op: &Op, read: &[usize], image: Option<usize>) -> Result<usize, String> {
    let (least, most) = match op {
        Op::Input => (0, 0),
        Op::Add | Op::Mul | Op::UpsampleNearest => (2, 2),
        Op::Concat => (1, limits::GRAPH_NODES.most),
        _ => (1, 1),
    };
    if !(least..=most).contains(&read.len()) {
        let needed = if least == most { least.to_string() } else { format!("{least} to {most}") };
        return Err(format!("reads {} nodes, and a {} reads {needed}", read.len(), op.name()));
    }
    let first = read.first().copied().unwrap_or_default();
    let channels = match *op {
        Op::Input => image.unwrap_or_default(),
        Op::Conv2d(conv) => {
            let cuts = |channels: usize| conv.groups > 0 && channels.is_multiple_of(conv.groups);
            if !cuts(first) || !cuts(conv.out_channels) {
                let (out, groups) = (conv.out_channels, conv.groups);
                return Err(format!("cuts {first} channels into {groups} groups and writes {out}: no whole numbers"));
            }
            sides("a kernel", conv.kernel)?;
            sides("a stride", conv.stride)?;
            sides("a dilation", conv.dilation)?;
            border(conv.padding)?;
            conv.out_channels
        }
        Op::Linear { out_features, extent, .. } => {
            sides("an extent", extent)?;
            out_features
        }
        Op::MaxPool(pool) | Op::AvgPool { pool, .. } => {
            check_pool(&pool)?;
            first
        }
        Op::AdaptiveAvgPool { output } => {
            sides("an output", output)?;
            first
        }
        Op::Pad(around) => {
            border(around)?;
            first
        }
        Op::BatchNorm(norm) => {
            check_eps(norm.eps)?;
            first
        }
        Op::LayerNorm { eps } => {
            check_eps(eps)?;
            first
        }
        Op::Nonlinearity(function) => {
            check_function(function)?;
            first
        }
        Op::Concat => read.iter().fold(0_usize, |sum, channels| sum.saturating_add(*channels)),
        Op::Add | Op::Mul => {
            if let Some(other) = read.iter().find(|channels| **channels != first) {
                return Err(format!("adds or multiplies {first} and {other} channels"));
            }
            first
        }
        Op::Scale { .. } | Op::Relu | Op::GlobalAvgPool | Op::UpsampleNearest => first,
    };
    if limits::GRAPH_CHANNELS.contains(channels) {
        Ok(channels)
    } else {
        Err(format!("has {channels} channels, not {}", limits::GRAPH_CHANNELS))
    }
}

fn sides(what: &str, sides: [usize; 2]) -> Result<(), String> {
    match sides.into_iter().find(|side| !limits::NETWORK_SIDE_PX.contains(*side)) {
        Some(side) => Err(format!("has {what} of {side}, not {}", limits::NETWORK_SIDE_PX)),
        None => Ok(()),
    }
}

fn border(border: Border) -> Result<(), String> {
    let most = limits::NETWORK_SIDE_PX.most;
    match border.before.into_iter().chain(border.after).find(|side| *side > most) {
        Some(side) => Err(format!("has a border of {side} pixels, and {most} are the most")),
        None => Ok(()),
    }
}

fn check_pool(pool: &Pool) -> Result<(), String> {
    sides("a window", pool.kernel)?;
    sides("a stride", pool.stride)?;
    for axis in [0, 1] {
        let widest = pool.padding.before[axis].max(pool.padding.after[axis]);
        if widest >= pool.kernel[axis] {
            return Err(format!("has a border of {widest} pixels, which is not smaller than its window"));
        }
    }
    Ok(())
}

fn check_eps(eps: f64) -> Result<(), String> {
    if limits::NORM_EPS.contains(eps) { Ok(()) } else { Err(format!("has an eps of {eps}, not {}", limits::NORM_EPS)) }
}

fn check_function(function: Nonlinearity) -> Result<(), String> {
    let numbers = match function {
        Nonlinearity::Clip { low, high } => {
            if low >= high {
                return Err(format!("clips from {low} to {high}, which do not rise"));
            }
            [low, high]
        }
        Nonlinearity::HardSigmoid { slope, offset } => [slope, offset],
        Nonlinearity::LeakyRelu { slope } => [slope, 0.0],
        Nonlinearity::Elu { alpha } => [alpha, 0.0],
        Nonlinearity::Sigmoid
        | Nonlinearity::Silu
        | Nonlinearity::HardSwish
        | Nonlinearity::Gelu
        | Nonlinearity::GeluTanh
        | Nonlinearity::Tanh => [0.0; 2],
    };
    match numbers.into_iter().find(|number| !number.is_finite()) {
        Some(number) => Err(format!("has {number} for a factor or a bound, which is no number")),
        None => Ok(()),
    }
}
