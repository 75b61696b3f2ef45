//! Extents and axes, by the rules that constants and feature maps share.

use super::model::Node;
use super::tensor::{Constant, count};
use crate::limits;

/// The position of an axis that may be counted from the end.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let counted = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    let counted = counted.and_then(|axis| usize::try_from(axis).ok()).filter(|axis| *axis < rank);
    counted.ok_or_else(|| format!("there is no axis {axis} of {rank}"))
}

/// The axes that a node names in an attribute, or since some version of the operators in its input `index`; none where it
/// names none.
pub(super) fn axes_of(
    node: &Node<'_>,
    inputs: &[Option<&Constant<'_>>],
    index: usize,
) -> Result<Option<Vec<i64>>, String> {
    if let Some(axes) = node.integers("axes")? {
        return Ok(Some(axes.to_vec()));
    }
    match inputs.get(index).copied().flatten() {
        Some(axes) => Ok(Some(axes.wholes()?.to_vec())),
        None => Ok(None),
    }
}

/// The same axes counted from the front, each once, in their order.
pub(super) fn sorted(axes: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let mut found = axes.iter().map(|number| axis(*number, rank)).collect::<Result<Vec<_>, _>>()?;
    found.sort_unstable();
    if found.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("an axis is named twice".to_owned());
    }
    Ok(found)
}

/// The extents that `Reshape` asks for: 0 keeps the one that was there (unless `allow_zero`), -1 takes what is left.
pub(super) fn reshaped(dims: &[usize], wanted: &[i64], allow_zero: bool) -> Result<Vec<usize>, String> {
    let total = count(dims)?;
    if wanted.len() > limits::ONNX_AXES {
        return Err(format!("{} axes are more than {}", wanted.len(), limits::ONNX_AXES));
    }
    let mut found = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (index, extent) in wanted.iter().enumerate() {
        found.push(match *extent {
            -1 if open.is_none() => {
                open = Some(index);
                1
            }
            0 if !allow_zero => *dims.get(index).ok_or("an extent is kept that is not there")?,
            extent => usize::try_from(extent).map_err(|_| format!("an extent of {extent}"))?,
        });
    }
    let known = count(&found)?;
    if let Some(index) = open {
        if known == 0 || !total.is_multiple_of(known) {
            return Err(format!("{dims:?} does not become {wanted:?}"));
        }
        found[index] = total / known;
    } else if known != total {
        return Err(format!("{dims:?} does not become {wanted:?}"));
    }
    Ok(found)
}

/// The order of axes of `Transpose`: without `perm` the reverse.
pub(super) fn permutation(node: &Node<'_>, rank: usize) -> Result<Vec<usize>, String> {
    let Some(perm) = node.integers("perm")? else { return Ok((0..rank).rev().collect()) };
    let perm = perm.iter().map(|number| axis(*number, rank)).collect::<Result<Vec<_>, _>>()?;
    if perm.len() != rank || (0..rank).any(|axis| !perm.contains(&axis)) {
        return Err(format!("perm is no order of {rank} axes"));
    }
    Ok(perm)
}

/// The extents to which two tensors are repeated together.
pub(super) fn broadcast(first: &[usize], second: &[usize]) -> Result<Vec<usize>, String> {
    let rank = first.len().max(second.len());
    let at = |dims: &[usize], axis: usize| (axis + dims.len()).checked_sub(rank).map_or(1, |axis| dims[axis]);
    let along = |axis: usize| match (at(first, axis), at(second, axis)) {
        (first, second) if first == second => Ok(first),
        (1, other) | (other, 1) => Ok(other),
        _ => Err(format!("{first:?} and {second:?} do not fit each other")),
    };
    (0..rank).map(along).collect()
}

/// One axis of a `Slice`: the first position, the step, and how many are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) axis: usize,
    pub(super) start: usize,
    pub(super) step: i64,
    pub(super) count: usize,
}

/// What `Slice` takes of a tensor of these extents.
pub(super) fn cuts(node: &Node<'_>, inputs: &[Option<&Constant<'_>>], dims: &[usize]) -> Result<Vec<Cut>, String> {
    let given = |name: &str, index: usize| -> Result<Option<Vec<i64>>, String> {
        match (node.integers(name)?, inputs.get(index).copied().flatten()) {
            (Some(values), _) => Ok(Some(values.to_vec())),
            (None, Some(values)) => Ok(Some(values.wholes()?.to_vec())),
            (None, None) => Ok(None),
        }
    };
    let starts = given("starts", 1)?.ok_or("where it starts is not known")?;
    let ends = given("ends", 2)?.ok_or("where it ends is not known")?;
    let axes = given("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = given("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err("starts, ends, axes and steps differ in number".to_owned());
    }
    sorted(&axes, dims.len())?;
    let cut = |index: usize| -> Result<Cut, String> {
        let axis = axis(axes[index], dims.len())?;
        let (extent, step) = (dims[axis] as i64, steps[index]);
        let counted = |position: i64| if position < 0 { position.saturating_add(extent) } else { position };
        let (start, end) = (counted(starts[index]), counted(ends[index]));
        let (start, room) = match step {
            1.. => {
                let start = start.clamp(0, extent);
                (start, end.clamp(0, extent) - start)
            }
            0 => return Err("a step of 0".to_owned()),
            _ => {
                let start = start.clamp(-1, extent - 1);
                (start, start - end.clamp(-1, extent - 1))
            }
        };
        let count = if room <= 0 { 0 } else { (room as u64).div_ceil(step.unsigned_abs()) as usize };
        Ok(Cut { axis, start: usize::try_from(start).unwrap_or(0), step, count })
    };
    (0..starts.len()).map(cut).collect()
}
