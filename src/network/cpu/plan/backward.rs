//! Backward steps.

use std::sync::Arc;

use super::super::super::error::Result;
use super::super::kernel::{Activation, Aligned, Bits, LANES, Step, Target, Tensor};
use super::super::lower::{Affine, Convolution, Layer, Trace, ValueId};
use super::super::pack::{self, Direction};
use super::gradients::{GroupState, States};
use super::table::{backward_table, lines, listed, patches, window};
use super::{PackKind, Planner};

impl Planner<'_, '_> {
    pub(super) fn backward(&mut self) -> Result<()> {
        let lowered = self.source.lowered;
        let mut states: States =
            lowered.buffers.iter().map(|(channels, _)| vec![GroupState::default(); channels / LANES]).collect();
        for (id, value) in lowered.values.iter().enumerate().filter(|(_, value)| value.trace.is_some()) {
            if let Some((buffer, groups)) = self.groups(id) {
                states[buffer][groups].iter_mut().for_each(|group| group.trace = value.trace);
            }
        }
        let (pinned, pinned_after) = lowered.pinned;
        if let Some((buffer, groups)) = self.groups(pinned) {
            states[buffer][groups].iter_mut().for_each(|group| group.pinned = true);
        }
        self.live = self.live_layers(&mut states);
        self.backward.push(Step::Zero { tensor: self.gradient(lowered.image) });
        for (index, layer) in lowered.layers.iter().enumerate().rev() {
            if pinned_after == index + 1 {
                self.zero_unwritten(pinned, &mut states);
                self.gradient_capture = self.backward.len();
            }
            if self.live[index] {
                let gradients = layer.outputs().into_iter().map(|id| self.finished(id, &mut states)).collect();
                self.layer_backward(index, layer, gradients, &mut states)?;
            }
        }
        if pinned_after == 0 {
            self.gradient_capture = self.backward.len();
        }
        Ok(())
    }

    /// Which layers lie on a path to the logits; counts how many gradients each tensor will receive.
    fn live_layers(&self, states: &mut States) -> Vec<bool> {
        let lowered = self.source.lowered;
        let mut live = vec![false; lowered.layers.len()];
        let mut reached: Vec<Vec<bool>> = states.iter().map(|groups| vec![false; groups.len()]).collect();
        if let Some((buffer, groups)) = self.groups(lowered.logits) {
            reached[buffer][groups.clone()].fill(true);
            states[buffer][groups].iter_mut().for_each(|group| group.written = true);
        }
        for (index, layer) in lowered.layers.iter().enumerate().rev() {
            live[index] = layer.outputs().iter().any(|id| {
                self.groups(*id).is_some_and(|(buffer, groups)| reached[buffer][groups].iter().any(|group| *group))
            });
            for id in layer.inputs().into_iter().filter(|_| live[index]) {
                if let Some((buffer, groups)) = self.groups(id) {
                    reached[buffer][groups.clone()].fill(true);
                    states[buffer][groups].iter_mut().for_each(|group| group.pending += 1);
                }
            }
        }
        live
    }

    fn layer_backward(
        &mut self,
        index: usize,
        layer: &Layer,
        gradients: Vec<Tensor>,
        states: &mut States,
    ) -> Result<()> {
        let source = gradients[0];
        let step = match layer {
            Layer::Convolution(convolution) => {
                return self.convolution_backward(index, convolution, gradients, states);
            }
            Layer::Normalize { input, affine, activation, window, .. } => {
                let covers = self.gradient(*input).px.iter().all(|extent| extent % window == 0);
                let mut target = self.contribution(*input, covers, states);
                self.inner(&mut target, index, affine, *activation);
                Step::Spread { source, target, window: *window }
            }
            Layer::MaxPool { input, pool, .. } => {
                let target = self.contribution(*input, true, states);
                let winners = (self.layer_winners[&index], source.pixels() * source.channels);
                let window = window(pool, target.tensor.px, false, winners);
                Step::MaxBackward { source, target, window }
            }
            Layer::MeanPool { input, pool, count_include_pad, .. } => {
                let target = self.contribution(*input, true, states);
                let window = window(pool, target.tensor.px, *count_include_pad, (0, 0));
                Step::MeanBackward { source, target, window }
            }
            Layer::Copy { input, .. } => {
                if self.source.lowered.values[*input].buffer.is_none() {
                    Step::UnpadImage { source, image: self.gradient(*input) }
                } else {
                    let target = self.contribution(*input, true, states);
                    Step::Spread { source, target, window: 1 }
                }
            }
            Layer::GlobalMean { input, .. } => {
                if let Some(factors) = self.waiting_products.remove(input) {
                    self.contributed(*input, states);
                    let target = self.contribution(*input, true, states);
                    let share = 1.0 / target.tensor.pixels() as f32;
                    Step::Multiply { factors, third: Some((source, share)), target }
                } else {
                    let target = self.contribution(*input, true, states);
                    Step::GlobalSpread { source, target }
                }
            }
            Layer::Sum { inputs, .. } => {
                for id in inputs {
                    self.hand_on(*id, source, states);
                }
                return Ok(());
            }
            Layer::Product { factors, .. } => {
                self.product_backward(index, *factors, source, states);
                return Ok(());
            }
            Layer::Listed { input, listing, .. } => {
                let target = self.contribution(*input, true, states);
                let listed = listed(*listing, target.tensor.px, source.px).transposed(target.tensor.pixels());
                Step::Sparse { source, target, listed: Arc::new(listed) }
            }
            Layer::NormalizePixels { input, .. } => {
                let spec = self.layer_norms[&index].clone();
                Step::LayerNormBackward { source, target: self.contribution(*input, true, states), spec }
            }
            Layer::Flat { input, filter } => {
                let spec = self.flat_spec(*input, filter)?;
                Step::FlatBackward { source, target: self.contribution(*input, true, states), spec }
            }
            Layer::Rearrange { input, output } => {
                let target = self.contribution(*input, true, states);
                Step::Rearrange { source, target, from: self.rearranged(*output, *input) }
            }
        };
        self.backward.push(step);
        Ok(())
    }

    /// Each factor's gradient is the other's values times that of the product; of a factor of one pixel the sum over pixels.
    /// Where the second follows from the mean of the first and nothing else reads that, both contributions to the first are
    /// written at once, when the mean's gradient is there.
    fn product_backward(&mut self, index: usize, [first, second]: [ValueId; 2], source: Tensor, states: &mut States) {
        let values = [first, second].map(|id| self.tensor(id));
        let target = self.contribution(second, true, states);
        let target_is_narrow = target.tensor.px != source.px;
        self.backward.push(if target.tensor.px == source.px {
            Step::Multiply { factors: [source, values[0]], third: None, target }
        } else {
            Step::SumPixels { source, second: Some(values[0]), share: 1.0, target }
        });
        let layers = self.source.lowered.layers[..index].iter().zip(&self.live);
        let mean = |layer: &Layer| matches!(layer, Layer::GlobalMean { input, .. } if *input == first);
        let squeezed = layers.into_iter().any(|(layer, live)| *live && mean(layer));
        if squeezed && target_is_narrow && self.awaits(first, 2, states) {
            self.waiting_products.insert(first, [source, values[1]]);
            return;
        }
        let target = self.contribution(first, true, states);
        self.backward.push(Step::Multiply { factors: [source, values[1]], third: None, target });
    }

    /// Adds the gradient of a layer's own normalization and activation to a target.
    fn inner(&self, target: &mut Target, layer: usize, affine: &Affine, activation: Option<Activation>) {
        target.inner_scale = Some(Arc::new(Aligned::from_slice(&affine.scale)));
        match activation.map(Trace::of) {
            None => {}
            Some(Trace::Bits) => {
                let stride = target.tensor.channels / LANES;
                target.inner_mask = Some(Bits { offset: self.layer_bits[&layer], stride, first: 0 });
            }
            Some(Trace::Slopes) => target.inner_slope = Some(self.layer_slopes[&layer]),
        }
    }

    fn convolution_backward(
        &mut self,
        index: usize,
        convolution: &Convolution,
        sources: Vec<Tensor>,
        states: &mut States,
    ) -> Result<()> {
        if let Some(addend) = convolution.addend {
            self.hand_on(addend, sources[0], states);
        }
        if self.source.lowered.values[convolution.input].buffer.is_none() {
            let packed = self.packed(index, PackKind::Backward([0, 0]), convolution, |placed, vectors| {
                pack::patches_backward(&placed[0], vectors)
            })?;
            let image = self.gradient(convolution.input);
            self.backward.push(Step::PatchesBackward {
                source: sources[0],
                patches: patches(convolution, image, sources[0]),
                image,
                packed,
            });
            return Ok(());
        }
        let mut target = self.contribution(convolution.input, true, states);
        if convolution.depthwise {
            let packed = self.packed(index, PackKind::Forward, convolution, |placed, _| pack::depthwise(&placed[0]))?;
            let lines = Arc::new(lines(convolution, target.tensor.px, sources[0].px, true));
            let columns = convolution.kernel[1];
            self.backward.push(Step::Depthwise { source: sources[0], target, lines, columns, packed });
            return Ok(());
        }
        if let Some(affine) = &convolution.before {
            self.inner(&mut target, index, affine, Some(Activation::RELU));
        }
        if let Some((shape, axes)) = self.tiling(convolution, sources[0], target.tensor) {
            let packed = self.packed(index, PackKind::WinogradBackward, convolution, |placed, vectors| {
                pack::winograd(&placed[0], axes, Direction::Backward, vectors)
            })?;
            // Below zero for borders wider than the kernel.
            let padding =
                [0, 1].map(|axis| (convolution.kernel[axis] - 1).wrapping_sub(convolution.padding.before[axis]));
            self.backward.push(Step::Winograd { source: sources[0], target, shape, axes, padding, packed });
            return Ok(());
        }
        if convolution.is_pointwise() {
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
        // Pixels that no tap reaches stay as they are where nothing else is to be done to them.
        let in_place = |target: &Target| {
            let own = target
                .addend
                .is_some_and(|addend| (addend.offset, addend.first) == (target.tensor.offset, target.tensor.first));
            own && target.mask.is_none() && target.slope.is_none()
        };
        for phase_y in 0..convolution.stride[0] {
            for phase_x in 0..convolution.stride[1] {
                let phase = [phase_y, phase_x];
                let (taps, table, listed) = backward_table(convolution, target.tensor.px, sources[0].px, phase);
                if listed.is_empty() || taps.is_empty() && in_place(&target) {
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
