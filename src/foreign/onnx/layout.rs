//! How the axes of an ONNX tensor lie in our `[n, c, h, w]`.
//!
//! Transposing, reshaping, squeezing and flattening move no value; they are followed here instead of being computed. An
//! axis of the file is made of parts of our sides, outermost first; an axis of extent 1 has none.

use super::tensor::count;

/// A side of our tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Batch,
    Channel,
    Row,
    Column,
}

/// A part of a side: `extent` positions, `step` of the side apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) side: Side,
    pub(super) extent: usize,
    pub(super) step: usize,
}

/// The parts of every axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout(pub(super) Vec<Vec<Part>>);

/// A whole side, as an axis.
fn whole(side: Side, extent: usize) -> Vec<Part> {
    if extent == 1 { Vec::new() } else { vec![Part { side, extent, step: 1 }] }
}

impl Layout {
    /// The axes batch, channels, rows, columns of a map `[c, h, w]`.
    pub(super) fn channels_first(batch: usize, [c, h, w]: [usize; 3]) -> Self {
        Self(vec![whole(Side::Batch, batch), whole(Side::Channel, c), whole(Side::Row, h), whole(Side::Column, w)])
    }

    /// The axes batch, rows, columns, channels.
    pub(super) fn channels_last(batch: usize, shape: [usize; 3]) -> Self {
        Self::channels_first(batch, shape).permuted(&[0, 2, 3, 1])
    }

    /// The extents of the axes.
    pub(super) fn dims(&self) -> Vec<usize> {
        self.0.iter().map(|parts| parts.iter().map(|part| part.extent).product()).collect()
    }

    /// The axes in another order.
    pub(super) fn permuted(&self, order: &[usize]) -> Self {
        Self(order.iter().map(|axis| self.0[*axis].clone()).collect())
    }

    /// The same values under other extents; none where an axis would cut through a part.
    pub(super) fn reshaped(&self, dims: &[usize]) -> Option<Self> {
        if count(dims).ok()? != self.dims().iter().product::<usize>() {
            return None;
        }
        let mut parts: Vec<Part> = self.0.iter().flatten().rev().copied().collect();
        let mut axes = Vec::with_capacity(dims.len());
        for dim in dims {
            let (mut axis, mut wanted) = (Vec::new(), *dim);
            while wanted > 1 {
                let part = parts.pop()?;
                if wanted % part.extent == 0 {
                    wanted /= part.extent;
                    push(&mut axis, part);
                } else if part.extent % wanted == 0 {
                    let inner = Part { extent: part.extent / wanted, ..part };
                    push(&mut axis, Part { side: part.side, extent: wanted, step: part.step * inner.extent });
                    parts.push(inner);
                    wanted = 1;
                } else {
                    return None;
                }
            }
            axes.push(axis);
        }
        Some(Self(axes))
    }

    /// Whether an axis is exactly a whole side of more than one position.
    pub(super) fn is_side(&self, axis: usize, side: Side, extent: usize) -> bool {
        extent > 1 && self.0[axis] == whole(side, extent)
    }

    /// Whether an axis is exactly all channels of `c`.
    pub(super) fn is_channels(&self, axis: usize, c: usize) -> bool {
        self.0[axis] == whole(Side::Channel, c)
    }

    /// The same with the channels replaced by others, on the axis where they were.
    pub(super) fn with_channels(&self, axis: usize, c: usize) -> Self {
        let mut axes = self.0.clone();
        axes[axis] = whole(Side::Channel, c);
        Self(axes)
    }
}

/// Adds an inner part to an axis; two that continue each other become one.
fn push(axis: &mut Vec<Part>, part: Part) {
    match axis.last_mut() {
        Some(outer) if outer.side == part.side && outer.step == part.step * part.extent => {
            outer.extent *= part.extent;
            outer.step = part.step;
        }
        _ => axis.push(part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshaping_follows_the_values() {
        let map = Layout::channels_first(1, [6, 2, 5]);
        assert_eq!(map.dims(), [1, 6, 2, 5]);
        assert_eq!(map.reshaped(&[1, 60]).unwrap().reshaped(&[1, 6, 2, 5]).unwrap(), map);
        let flat = map.permuted(&[0, 2, 3, 1]).reshaped(&[1, 60]).unwrap();
        assert_eq!(
            flat.0[1].iter().map(|part| part.side).collect::<Vec<_>>(),
            [Side::Row, Side::Column, Side::Channel]
        );
        // Channels in groups, exchanged: no longer the same order.
        let shuffled =
            map.reshaped(&[1, 3, 2, 2, 5]).unwrap().permuted(&[0, 2, 1, 3, 4]).reshaped(&[1, 6, 2, 5]).unwrap();
        assert_ne!(shuffled, map);
        assert_eq!(shuffled.dims(), map.dims());
        assert_eq!(map.reshaped(&[1, 4, 15]), None, "through the middle of the channels");
        assert_eq!(map.reshaped(&[1, 61]), None);
        assert!(Layout::channels_first(1, [7, 1, 1]).reshaped(&[7]).unwrap().is_channels(0, 7));
    }
}
