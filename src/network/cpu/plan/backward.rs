//! Backward steps: every tensor's gradient is stored by its first contribution, added to by the others, and masked by
//! its ReLU with the last, so that no pass over memory is needed for any of these alone.

use std::sync::Arc;

use super::super::super::Result;
use super::super::kernel::{Aligned, Bits, LANES, Step, Target, Tensor, Window};
use super::super::lower::{Affine, Convolution, Layer, ValueId, is_pointwise};
use super::super::pack::{self, Direction};
use super::table::{backward_table, patches};
use super::{PackKind, Planner};

/// State of one channel group's gradient while the backward steps are planned.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one group")]
struct GroupState {
    /// Contributions still to come.
    pending: usize,
    written: bool,
    masked: bool,
    /// Its values are captured before the mask.
    pinned: bool,
    relu: bool,
}

impl Planner<'_, '_> {
    pub(super) fn backward(&mut self) -> Result<()> {
        let lowered = self.source.lowered;
        let mut state: Vec<Vec<GroupState>> =
            lowered.buffers.iter().map(|(channels, _)| vec![GroupState::default(); channels / LANES]).collect();
        for (id, _) in lowered.values.iter().enumerate().filter(|(_, value)| value.relu) {
            if let Some((buffer, groups)) = self.groups(id) {
                state[buffer][groups].iter_mut().for_each(|group| group.relu = true);
            }
        }
        let (pinned, pinned_after) = lowered.pinned;
        if let Some((buffer, groups)) = self.groups(pinned) {
            state[buffer][groups].iter_mut().for_each(|group| group.pinned = true);
        }
        // Layers on a path to the logits, and how many gradients each tensor will receive.
        let mut live = vec![false; lowered.layers.len()];
        let mut reached: Vec<Vec<bool>> = state.iter().map(|groups| vec![false; groups.len()]).collect();
        if let Some((buffer, groups)) = self.groups(lowered.logits) {
            reached[buffer][groups.clone()].fill(true);
            state[buffer][groups].iter_mut().for_each(|group| group.written = true);
        }
        for (index, layer) in lowered.layers.iter().enumerate().rev() {
            live[index] = layer.outputs().iter().any(|id| {
                self.groups(*id).is_some_and(|(buffer, groups)| reached[buffer][groups].iter().any(|group| *group))
            });
            if live[index]
                && let Some((buffer, groups)) = self.groups(layer.input())
            {
                reached[buffer][groups.clone()].fill(true);
                state[buffer][groups].iter_mut().for_each(|group| group.pending += 1);
            }
        }
        self.backward.push(Step::Zero { tensor: self.tensor(lowered.image) });
        for (index, layer) in lowered.layers.iter().enumerate().rev() {
            if pinned_after == index + 1 {
                self.zero_unwritten(pinned, &mut state);
                self.gradient_capture = self.backward.len();
            }
            if !live[index] {
                continue;
            }
            for output in layer.outputs() {
                self.finish_gradient(output, &mut state);
            }
            self.layer_backward(index, layer, &mut state)?;
        }
        if pinned_after == 0 {
            self.gradient_capture = self.backward.len();
        }
        Ok(())
    }

    /// Zeros the groups of a value that no gradient reached.
    fn zero_unwritten(&mut self, id: ValueId, state: &mut [Vec<GroupState>]) {
        let Some((buffer, groups)) = self.groups(id) else { return };
        for group in groups {
            if !state[buffer][group].written {
                state[buffer][group].written = true;
                let tensor = Tensor { first: group * LANES, channels: LANES, ..self.tensor(id) };
                self.backward.push(Step::Zero { tensor });
            }
        }
    }

    /// Makes the gradient of a layer's output ready to be read: complete and behind its ReLU.
    fn finish_gradient(&mut self, id: ValueId, state: &mut [Vec<GroupState>]) {
        self.zero_unwritten(id, state);
        let Some((buffer, groups)) = self.groups(id) else { return };
        let unmasked = state[buffer][groups.clone()].iter().any(|group| group.relu && !group.masked);
        if self.source.lowered.values[id].relu && unmasked {
            let target = Target { mask: self.value_bits(id), ..Target::store(self.tensor(id)) };
            self.backward.push(Step::Mask { target });
            state[buffer][groups].iter_mut().for_each(|group| group.masked = true);
        }
    }

    /// The target of a contribution to the gradient of `id`. `covers` says whether every pixel is written.
    fn contribution(&mut self, id: ValueId, covers: bool, state: &mut [Vec<GroupState>]) -> Target {
        let mut target = Target::store(self.tensor(id));
        let Some((buffer, groups)) = self.groups(id) else { return target };
        let any_written = state[buffer][groups.clone()].iter().any(|group| group.written);
        if any_written || !covers {
            self.zero_unwritten(id, state);
            target.accumulate = true;
        }
        let groups = &mut state[buffer][groups];
        for group in groups.iter_mut() {
            group.written = true;
            group.pending -= 1;
        }
        let complete = groups.iter().all(|group| group.pending == 0 && !group.pinned && !group.masked);
        // Where only some channels come from a ReLU, each is masked by itself later: the guided rule must spare the rest.
        if covers && complete && groups.iter().all(|group| group.relu) {
            target.mask = self.value_bits(id);
            for group in groups {
                group.masked = true;
            }
        }
        target
    }

    fn layer_backward(&mut self, index: usize, layer: &Layer, state: &mut [Vec<GroupState>]) -> Result<()> {
        match layer {
            Layer::Convolution(convolution) => self.convolution_backward(index, convolution, state)?,
            Layer::Normalize { input, output, affine, relu, window } => {
                let source = self.tensor(*output);
                let input_px = self.tensor(*input).px;
                let covers = input_px.iter().all(|extent| extent % window == 0);
                let mut target = self.contribution(*input, covers, state);
                self.inner(&mut target, index, affine, *relu);
                self.backward.push(Step::Spread { source, target, window: *window });
            }
            Layer::MaxPool { input, output, pool } => {
                let window =
                    Window::max(pool.kernel[0], pool.stride[0], pool.padding.before[0], self.layer_winners[&index]);
                let target = self.contribution(*input, true, state);
                self.backward.push(Step::MaxBackward { source: self.tensor(*output), target, window });
            }
            Layer::MeanPool { input, output, pool, count_include_pad, .. } => {
                let window = Window::mean(pool.kernel[0], pool.stride[0], pool.padding.before[0], *count_include_pad);
                let target = self.contribution(*input, true, state);
                self.backward.push(Step::MeanBackward { source: self.tensor(*output), target, window });
            }
            Layer::Copy { input, output } => {
                let source = self.tensor(*output);
                if self.source.lowered.values[*input].buffer.is_none() {
                    self.backward.push(Step::UnpadImage { source, image: self.tensor(*input) });
                } else {
                    let target = self.contribution(*input, true, state);
                    self.backward.push(Step::Spread { source, target, window: 1 });
                }
            }
            Layer::GlobalMean { input, output } => {
                let target = self.contribution(*input, true, state);
                self.backward.push(Step::GlobalSpread { source: self.tensor(*output), target });
            }
        }
        Ok(())
    }

    /// Adds the gradient of a layer's own normalization to a target.
    fn inner(&self, target: &mut Target, layer: usize, affine: &Affine, relu: bool) {
        target.inner_scale = Some(Arc::new(Aligned::from_slice(&affine.scale)));
        if relu {
            let stride = target.tensor.channels / LANES;
            target.inner_mask = Some(Bits { offset: self.layer_bits[&layer], stride, first: 0 });
        }
    }

    fn convolution_backward(
        &mut self,
        index: usize,
        convolution: &Convolution,
        state: &mut [Vec<GroupState>],
    ) -> Result<()> {
        let sources: Vec<Tensor> = convolution.filters.iter().map(|filter| self.tensor(filter.output)).collect();
        if self.source.lowered.values[convolution.input].buffer.is_none() {
            let packed = self.packed(index, PackKind::Backward([0, 0]), convolution, |placed, vectors| {
                pack::patches_backward(&placed[0], vectors)
            })?;
            let image = self.tensor(convolution.input);
            self.backward.push(Step::PatchesBackward {
                source: sources[0],
                patches: patches(convolution, image, sources[0]),
                image,
                packed,
            });
            return Ok(());
        }
        let mut target = self.contribution(convolution.input, true, state);
        if let Some(affine) = &convolution.before {
            self.inner(&mut target, index, affine, true);
        }
        if let Some((shape, axes)) = self.tiling(convolution, sources[0], target.tensor) {
            let packed = self.packed(index, PackKind::WinogradBackward, convolution, |placed, vectors| {
                pack::winograd(&placed[0], axes, Direction::Backward, vectors)
            })?;
            let padding = [0, 1].map(|axis| convolution.kernel[axis] - 1 - convolution.padding[axis]);
            self.backward.push(Step::Winograd { source: sources[0], target, shape, axes, padding, packed });
            return Ok(());
        }
        if convolution.before.is_some() || is_pointwise(convolution) {
            let packed = self.packed(index, PackKind::Backward([0, 0]), convolution, |placed, vectors| {
                pack::direct_backward(placed, &[[0, 0]], vectors)
            })?;
            self.backward.push(Step::Direct {
                taps: (0..sources.len()).map(|source| (source, None)).collect(),
                sources,
                table: Arc::new(Vec::new()),
                columns: 0,
                listed: Arc::new(Vec::new()),
                packed,
                targets: vec![target],
                before: None,
            });
            return Ok(());
        }
        for phase_y in 0..convolution.stride[0] {
            for phase_x in 0..convolution.stride[1] {
                let phase = [phase_y, phase_x];
                let (taps, table, listed) = backward_table(convolution, target.tensor.px, sources[0].px, phase);
                if listed.is_empty() {
                    continue;
                }
                let packed = self.packed(index, PackKind::Backward(phase), convolution, |placed, vectors| {
                    pack::direct_backward(placed, &taps, vectors)
                })?;
                self.backward.push(Step::Direct {
                    sources: vec![sources[0]],
                    columns: taps.len(),
                    taps: (0..taps.len()).map(|column| (0, Some(column))).collect(),
                    table: Arc::new(table),
                    listed: Arc::new(listed),
                    packed,
                    targets: vec![target.clone()],
                    before: None,
                });
            }
        }
        Ok(())
    }
}
