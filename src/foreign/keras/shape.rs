//! The result of a layer: where it is in the graph and how Keras sees it.

use super::function::Fault;
use super::layer::Layout;
use crate::limits;
use crate::network::{Border, NodeId};

/// What one call of a layer gave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) node: NodeId,
    /// Rows and columns of the node.
    pub(super) extent: [usize; 2],
    pub(super) form: Form,
    /// Zeros around it that no node has added yet.
    pub(super) border: Border,
    /// Whether it is never negative and its derivative is 0 where it is 0.
    pub(super) rectified: bool,
}

/// Axes that Keras sees behind that of the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Rows, columns and channels.
    Image,
    /// Channels.
    Vector,
    /// All pixels and channels in one, channels last.
    Flat,
}

impl Value {
    pub(super) fn image(node: NodeId, extent: [usize; 2]) -> Self {
        Self { node, extent, form: Form::Image, border: Border::NONE, rectified: false }
    }

    /// The same shape at another node, without a border.
    pub(super) fn at(self, node: NodeId, rectified: bool) -> Self {
        Self { node, border: Border::NONE, rectified, ..self }
    }

    /// Rows and columns with its border.
    pub(super) fn padded_extent(self) -> [usize; 2] {
        [0, 1].map(|axis| {
            self.extent[axis].saturating_add(self.border.before[axis]).saturating_add(self.border.after[axis])
        })
    }

    /// Refuses what is larger than any image.
    pub(super) fn checked(self) -> Result<Self, Fault> {
        let [rows, columns] = self.padded_extent();
        if rows.max(columns) > limits::INPUT_SIDE_PX {
            return Err(format!("gives {rows} x {columns} pixels, at most {0} x {0} are read", limits::INPUT_SIDE_PX));
        }
        Ok(self)
    }

    pub(super) fn image_or_fault(self) -> Result<(), Fault> {
        if self.form == Form::Image { Ok(()) } else { Err("reads no image".to_owned()) }
    }

    pub(super) fn flattened(self) -> Self {
        let form = if self.extent == [1, 1] { Form::Vector } else { Form::Flat };
        Self { form, ..self }
    }

    /// As a shape without the axis of the images; -1 stands for as much as is there.
    pub(super) fn reshaped(self, shape: &[i64], channels: usize, layout: Layout) -> Result<Self, Fault> {
        let [rows, columns] = self.extent;
        let count = rows
            .checked_mul(columns)
            .and_then(|pixels| pixels.checked_mul(channels))
            .and_then(|count| i64::try_from(count).ok());
        let known: Option<i64> =
            shape.iter().filter(|side| **side != -1).try_fold(1_i64, |count, side| count.checked_mul(*side));
        let fault = || format!("reshapes {rows} x {columns} pixels of {channels} channels to {shape:?}");
        let (count, known) = count.zip(known).filter(|(_, known)| *known > 0).ok_or_else(fault)?;
        let shape: Vec<i64> = shape.iter().map(|side| if *side == -1 { count / known } else { *side }).collect();
        let [rows, columns, channels] =
            [rows, columns, channels].map(|extent| i64::try_from(extent).unwrap_or(i64::MAX));
        let pixel = match layout {
            Layout::ChannelsLast => [1, 1, channels],
            Layout::ChannelsFirst => [channels, 1, 1],
        };
        let same = match layout {
            Layout::ChannelsLast => [rows, columns, channels],
            Layout::ChannelsFirst => [channels, rows, columns],
        };
        match &shape[..] {
            [all]
                if *all == count
                    && (layout == Layout::ChannelsLast || self.extent == [1, 1] || self.form != Form::Image) =>
            {
                Ok(self.flattened())
            }
            shape if shape == pixel && self.extent == [1, 1] => Ok(Self { form: Form::Image, ..self }),
            shape if shape == same && self.form == Form::Image => Ok(self),
            _ => Err(fault()),
        }
    }
}
