//! What a forward pass leaves for networks that compute the same up to some layer.
//!
//! Going back through those layers needs their kept values, ReLU bits and max-pool winners, which have places of their own in memory;
//! going forward from a boundary needs the few tensors that are read across it.

use std::sync::Arc;

use super::super::executor::Batch;
use super::super::graph::NodeId;
use super::family::{Form, Layout};
use super::kernel::{Memory, Sizes};
use super::plan::Plan;

/// What is kept of one pass.
pub(super) struct Checkpoint {
    layout: Layout,
    pinned: NodeId,
    form: Arc<Form>,
    input: Batch,
    /// From the image upwards.
    boundaries: Vec<Boundary>,
    kept: Vec<f32>,
    bits: Vec<u16>,
    winners: Vec<u8>,
}

/// Values in memory before a forward step, of those regions that are read from there on.
struct Boundary {
    step: usize,
    values: Vec<f32>,
}

impl Checkpoint {
    pub(super) fn is_for(&self, layout: Layout, pinned: NodeId) -> bool {
        self.layout == layout && self.pinned == pinned
    }

    pub(super) fn input(&self) -> &Batch {
        &self.input
    }

    /// How much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        let values = self.input.values().len()
            + self.kept.len()
            + self.boundaries.iter().map(|kept| kept.values.len()).sum::<usize>();
        size_of::<f32>() * values + size_of_val(&self.bits[..]) + self.winners.len()
    }

    /// Puts into `memory` what the network of `form` and this pass have in common, and says with which forward step to go
    /// on; 0 where there is nothing.
    pub(super) fn restore(&self, form: &Form, plan: &Plan, memory: &mut Memory) -> usize {
        let latest = plan.resumable(self.form.first_difference(form));
        let Some(boundary) = self.boundaries.iter().rev().find(|boundary| boundary.step <= latest) else { return 0 };
        let batch = memory.batch;
        let mut from = &boundary.values[..];
        for region in plan.live_at(boundary.step) {
            let (values, rest) = from.split_at(region.len * batch);
            memory.values_mut()[region.offset * batch..][..region.len * batch].copy_from_slice(values);
            from = rest;
        }
        memory.restore(&self.kept, &self.bits, &self.winners);
        boundary.step
    }
}

/// Gathers a [`Checkpoint`] while a pass runs.
pub(super) struct Recorder {
    wanted: Vec<usize>,
    boundaries: Vec<Boundary>,
}

impl Recorder {
    /// Chooses from `steps`, in ascending order, as many of the last ones as fit into `kept_bytes` with all else that is
    /// kept of `input`: the later a boundary, the smaller it is and the more it saves. `None` where none is left.
    pub(super) fn new(steps: &[usize], plan: &Plan, input: &Batch, kept_bytes: usize) -> Option<Self> {
        let Sizes { kept, bits, winners, .. } = plan.sizes;
        let batch = input.len();
        let image = size_of::<f32>() * (input.image_len() + kept) + size_of::<u16>() * bits + winners;
        let mut left = kept_bytes.checked_sub(image * batch)?;
        let mut wanted = Vec::new();
        for step in steps.iter().rev() {
            let values: usize = plan.live_at(*step).map(|region| region.len).sum();
            let Some(rest) = left.checked_sub(size_of::<f32>() * values * batch) else { break };
            left = rest;
            wanted.push(*step);
        }
        wanted.reverse();
        (!wanted.is_empty()).then_some(Self { wanted, boundaries: Vec::new() })
    }

    /// Is told of every step before it runs.
    pub(super) fn before(&mut self, step: usize, plan: &Plan, memory: &Memory) {
        if !self.wanted.contains(&step) {
            return;
        }
        let batch = memory.batch;
        let mut values = Vec::with_capacity(batch * plan.live_at(step).map(|region| region.len).sum::<usize>());
        for region in plan.live_at(step) {
            values.extend_from_slice(&memory.values()[region.offset * batch..][..region.len * batch]);
        }
        self.boundaries.push(Boundary { step, values });
    }

    /// What is to be kept, before the way back or after it.
    pub(super) fn finish(
        self,
        layout: Layout,
        pinned: NodeId,
        form: Arc<Form>,
        input: &Batch,
        memory: &Memory,
    ) -> Checkpoint {
        Checkpoint {
            layout,
            pinned,
            form,
            input: input.clone(),
            boundaries: self.boundaries,
            kept: memory.kept().to_vec(),
            bits: memory.bits().to_vec(),
            winners: memory.winners().to_vec(),
        }
    }
}
