//! Where values lie: buffers, places in concatenations, channel layouts.

use super::super::super::error::{Error, Result};
use super::super::super::graph::NodeId;
use super::super::super::op::{Border, Op};
use super::fusion::{Lowering, padded};
use super::{Layer, Trace, Value, ValueId};

impl Lowering<'_> {
    /// The value of a node, padded.
    pub(super) fn read(&mut self, id: NodeId) -> Result<ValueId> {
        let value = self.unpadded(id)?;
        if self.values[value].buffer.is_some() {
            return Ok(value);
        }
        if let Some(padded) = self.padded_image {
            return Ok(padded);
        }
        let output = self.leaf(id, id, None, false);
        self.layers.push(Layer::Copy { input: value, output });
        self.padded_image = Some(output);
        Ok(output)
    }

    /// The value of a node in the channel layout of `like`.
    pub(super) fn read_as(&mut self, id: NodeId, like: ValueId) -> Result<ValueId> {
        let input = self.read(id)?;
        let (value, wanted) = (&self.values[input], &self.values[like]);
        if value.map == wanted.map && value.channels.len() == wanted.channels.len() {
            return Ok(input);
        }
        let (map, width, extent_of) = (wanted.map.clone(), wanted.channels.len(), value.extent_of);
        let output = self.place(id, extent_of, None, false, map, width);
        self.layers.push(Layer::Rearrange { input, output });
        Ok(output)
    }

    pub(super) fn unpadded(&self, id: NodeId) -> Result<ValueId> {
        self.values_of[id.0].ok_or_else(|| Error::UnknownNode { name: self.graph.node(id).name.clone() })
    }

    /// The node that a convolution reading `id` reads, and the zeros around it, where nothing but convolutions reads them.
    pub(super) fn behind_pads(&self, id: NodeId) -> (NodeId, Border) {
        let (mut id, mut border) = (id, Border::NONE);
        while self.folded_pads[id.0]
            && let Op::Pad(more) = self.graph.node(id).op
        {
            for axis in 0..2 {
                border.before[axis] += more.before[axis];
                border.after[axis] += more.after[axis];
            }
            id = self.graph.node(id).inputs[0];
        }
        (id, border)
    }

    /// Memory for the output of `id`, in its concatenation if one claimed it.
    pub(super) fn write(&mut self, id: NodeId, extent_of: NodeId, trace: Option<Trace>) -> ValueId {
        let value = self.leaf(id, extent_of, trace, true);
        self.values_of[id.0] = Some(value);
        value
    }

    /// As [`Self::write`], with the channel layout of `input`.
    pub(super) fn write_like(
        &mut self,
        id: NodeId,
        extent_of: NodeId,
        input: ValueId,
        trace: Option<Trace>,
    ) -> ValueId {
        let (map, width) = (self.values[input].map.clone(), self.values[input].channels.len());
        let value = self.place(id, extent_of, trace, true, map, width);
        self.values_of[id.0] = Some(value);
        value
    }

    pub(super) fn leaf(&mut self, id: NodeId, extent_of: NodeId, trace: Option<Trace>, in_slot: bool) -> ValueId {
        let channels = self.graph.node(id).channels;
        self.place(id, extent_of, trace, in_slot, (0..channels).collect(), padded(channels))
    }

    pub(super) fn place(
        &mut self,
        id: NodeId,
        extent_of: NodeId,
        trace: Option<Trace>,
        in_slot: bool,
        map: Vec<usize>,
        width: usize,
    ) -> ValueId {
        let slot = if in_slot { self.slots[id.0] } else { None };
        let (buffer, first) = if let Some((root, first)) = slot {
            (self.root_buffer(root, extent_of), first)
        } else {
            self.buffers.push((width, extent_of));
            (self.buffers.len() - 1, 0)
        };
        self.values.push(Value { buffer: Some(buffer), channels: first..first + width, map, extent_of, trace });
        self.values.len() - 1
    }

    fn root_buffer(&mut self, root: NodeId, extent_of: NodeId) -> usize {
        *self.buffer_of_root[root.0].get_or_insert_with(|| {
            self.buffers.push((self.widths[root.0], extent_of));
            self.buffers.len() - 1
        })
    }

    pub(super) fn concat(&mut self, id: NodeId) -> Result<()> {
        let Some((root, first)) = self.slots[id.0] else {
            return Err(Error::UnknownNode { name: self.graph.node(id).name.clone() });
        };
        let buffer = self.root_buffer(root, id);
        let mut map = Vec::with_capacity(self.graph.node(id).channels);
        let mut offset = first;
        for input in &self.graph.node(id).inputs {
            let value = self.read(*input)?;
            let here = self.values[value].buffer == Some(buffer) && self.values[value].channels.start == offset;
            let in_place = here && self.slots[input.0] == Some((root, offset));
            let inner = if in_place {
                self.values[value].map.clone()
            } else {
                // Claimed by another concatenation, or read twice by this one.
                let width = self.values[value].channels.len();
                let inner = self.values[value].map.clone();
                self.values.push(Value {
                    buffer: Some(buffer),
                    channels: offset..offset + width,
                    map: inner.clone(),
                    extent_of: id,
                    trace: None,
                });
                self.layers.push(Layer::Copy { input: value, output: self.values.len() - 1 });
                inner
            };
            map.extend(inner.iter().map(|at| offset - first + at));
            offset += self.widths[input.0];
        }
        self.values.push(Value { buffer: Some(buffer), channels: first..offset, map, extent_of: id, trace: None });
        self.values_of[id.0] = Some(self.values.len() - 1);
        Ok(())
    }
}
