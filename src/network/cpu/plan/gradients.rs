//! Which gradients are complete: every tensor's gradient is stored by its first contribution, added to by the others, and
//! masked by its activation with the last, so that no pass over memory is needed for any of these alone.
//!
//! A gradient that a sum hands on unchanged is not copied. The tensor it lies in is remembered, read in place of the other,
//! or added by the next contribution.

use super::super::kernel::{LANES, Step, Target, Tensor};
use super::super::lower::{Trace, ValueId};
use super::Planner;

/// Where the gradient of one channel group lies instead of its own buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Elsewhere {
    buffer: usize,
    stride: usize,
    group: usize,
}

/// State of one channel group's gradient while the backward steps are planned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GroupState {
    /// Contributions still to come.
    pub(super) pending: usize,
    pub(super) written: bool,
    masked: bool,
    /// Its values are captured before the mask.
    pub(super) pinned: bool,
    pub(super) trace: Option<Trace>,
    /// The only contribution so far, which has not been written.
    elsewhere: Option<Elsewhere>,
}

/// States of all groups of all buffers.
pub(super) type States = Vec<Vec<GroupState>>;

impl Planner<'_, '_> {
    /// The tensor that holds the gradient of all groups of `id` where none has one of its own.
    fn elsewhere(&self, id: ValueId, states: &States) -> Option<Tensor> {
        let (buffer, groups) = self.groups(id)?;
        let states = &states[buffer][groups];
        let first = states.first()?.elsewhere?;
        let follows = |(index, state): (usize, &GroupState)| {
            state.elsewhere == Some(Elsewhere { group: first.group + index, ..first })
        };
        let Elsewhere { buffer: offset, stride, group } = first;
        let tensor = Tensor { offset, stride, first: group * LANES, ..self.gradient(id) };
        states.iter().enumerate().all(follows).then_some(tensor)
    }

    /// Writes gradients of `id` that lie elsewhere to where they belong.
    pub(super) fn settle(&mut self, id: ValueId, states: &mut States) {
        let Some((buffer, groups)) = self.groups(id) else { return };
        if let Some(source) = self.elsewhere(id, states) {
            let mut target = Target::store(self.gradient(id));
            states[buffer][groups.clone()].iter_mut().for_each(|group| group.elsewhere = None);
            self.mark_written(id, states);
            self.mask_with_last(id, &mut target, states);
            self.backward.push(Step::Spread { source, target, window: 1 });
            return;
        }
        for group in groups {
            if let Some(Elsewhere { buffer: offset, stride, group: from }) = states[buffer][group].elsewhere.take() {
                states[buffer][group].written = true;
                let own = Tensor { first: group * LANES, channels: LANES, ..self.gradient(id) };
                let source = Tensor { offset, stride, first: from * LANES, ..own };
                self.backward.push(Step::Spread { source, target: Target::store(own), window: 1 });
            }
        }
    }

    /// Zeros the groups of a value that no gradient reached.
    pub(super) fn zero_unwritten(&mut self, id: ValueId, states: &mut States) {
        self.settle(id, states);
        let Some((buffer, groups)) = self.groups(id) else { return };
        for group in groups {
            if !states[buffer][group].written {
                states[buffer][group].written = true;
                let tensor = Tensor { first: group * LANES, channels: LANES, ..self.gradient(id) };
                self.backward.push(Step::Zero { tensor });
            }
        }
    }

    /// The gradient of a layer's output, ready to be read: complete and behind its activation.
    pub(super) fn finished(&mut self, id: ValueId, states: &mut States) -> Tensor {
        let trace = self.source.lowered.values[id].trace;
        if trace.is_none()
            && let Some(tensor) = self.elsewhere(id, states)
        {
            return tensor;
        }
        self.zero_unwritten(id, states);
        let tensor = self.gradient(id);
        let Some((buffer, groups)) = self.groups(id) else { return tensor };
        let unmasked = states[buffer][groups.clone()].iter().any(|group| group.trace.is_some() && !group.masked);
        if let Some(trace) = trace
            && unmasked
        {
            let mut target = Target::store(tensor);
            self.mask(id, trace, &mut target);
            self.backward.push(Step::Mask { target });
            states[buffer][groups].iter_mut().for_each(|group| group.masked = true);
        }
        tensor
    }

    fn mask(&self, id: ValueId, trace: Trace, target: &mut Target) {
        match trace {
            Trace::Bits => target.mask = self.value_bits(id),
            Trace::Slopes => target.slope = self.value_slopes(id),
        }
    }

    fn mark_written(&self, id: ValueId, states: &mut States) {
        if let Some((buffer, groups)) = self.groups(id) {
            states[buffer][groups].iter_mut().for_each(|group| group.written = true);
        }
    }

    /// Masks a contribution that covers all of `id` where it is the last one.
    fn mask_with_last(&self, id: ValueId, target: &mut Target, states: &mut States) {
        let Some((buffer, groups)) = self.groups(id) else { return };
        let groups = &mut states[buffer][groups];
        let complete = groups.iter().all(|group| group.pending == 0 && !group.pinned && !group.masked);
        let Some(trace) = groups.first().and_then(|group| group.trace) else { return };
        // Where only some channels come from an activation, each is masked by itself later: the guided rule must spare the
        // rest.
        if complete && groups.iter().all(|group| group.trace == Some(trace)) {
            self.mask(id, trace, target);
            for group in groups {
                group.masked = true;
            }
        }
    }

    /// The target of a contribution to the gradient of `id`. `covers` says whether every pixel is written.
    pub(super) fn contribution(&mut self, id: ValueId, covers: bool, states: &mut States) -> Target {
        let own = self.gradient(id);
        let mut target = Target::store(own);
        let Some((buffer, groups)) = self.groups(id) else { return target };
        if let Some(tensor) = self.elsewhere(id, states).filter(|_| covers) {
            target.addend = Some(tensor);
            states[buffer][groups.clone()].iter_mut().for_each(|group| group.elsewhere = None);
        } else {
            self.settle(id, states);
            let any_written = states[buffer][groups.clone()].iter().any(|group| group.written);
            if any_written || !covers {
                self.zero_unwritten(id, states);
                target.addend = Some(own);
            }
        }
        for group in &mut states[buffer][groups] {
            group.written = true;
            group.pending -= 1;
        }
        if covers {
            self.mask_with_last(id, &mut target, states);
        }
        target
    }

    /// Whether exactly `count` contributions to every group of `id` are to come, and none has been made.
    pub(super) fn awaits(&self, id: ValueId, count: usize, states: &States) -> bool {
        let fresh = |group: &GroupState| group.pending == count && !group.written && group.elsewhere.is_none();
        self.groups(id).is_some_and(|(buffer, groups)| states[buffer][groups].iter().all(fresh))
    }

    /// One contribution fewer is to come: the next one brings it along.
    pub(super) fn contributed(&self, id: ValueId, states: &mut States) {
        if let Some((buffer, groups)) = self.groups(id) {
            states[buffer][groups].iter_mut().for_each(|group| group.pending -= 1);
        }
    }

    /// A contribution that equals the finished gradient in `source`.
    pub(super) fn hand_on(&mut self, id: ValueId, source: Tensor, states: &mut States) {
        let Some((buffer, groups)) = self.groups(id) else { return };
        let untouched = |group: &GroupState| !group.written && group.elsewhere.is_none();
        if !states[buffer][groups.clone()].iter().all(untouched) {
            let target = self.contribution(id, true, states);
            self.backward.push(Step::Spread { source, target, window: 1 });
            return;
        }
        for (index, group) in states[buffer][groups].iter_mut().enumerate() {
            group.pending -= 1;
            group.elsewhere =
                Some(Elsewhere { buffer: source.offset, stride: source.stride, group: source.first / LANES + index });
        }
    }
}
