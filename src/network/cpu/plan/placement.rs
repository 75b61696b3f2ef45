//! Where each buffer lies in memory.

use super::super::super::graph::NodeId;
use super::super::kernel::{LANES, Sizes, Step, Tensor};
use super::{Capture, Plan, Planner, Region};

/// A buffer's life in steps, for placing it in memory.
#[derive(Clone, Copy, Debug, Default)]
struct Life {
    len: usize,
    first: usize,
    last: usize,
    used: bool,
}

impl Life {
    fn touch(&mut self, step: usize) {
        if !self.used {
            self.first = step;
            self.used = true;
        }
        self.first = self.first.min(step);
        self.last = self.last.max(step);
    }
}

impl Planner<'_, '_> {
    /// Places all buffers and gives tensors their real offsets. What is kept comes first, at the same place in both passes.
    pub(super) fn finish(mut self) -> Plan {
        let lowered = self.source.lowered;
        let count = lowered.buffers.len() + 1;
        let lens: Vec<usize> = lowered
            .buffers
            .iter()
            .map(|(channels, extent_of)| channels * self.pixels(*extent_of))
            .chain([self.tensor(lowered.image).channels * self.pixels(NodeId(0))])
            .map(|len| len.next_multiple_of(LANES))
            .collect();
        let mut kept_len = 0;
        let mut kept_offsets = Vec::with_capacity(self.kept.len());
        for len in &self.kept {
            kept_offsets.push(kept_len);
            kept_len += len;
        }
        let image = self.tensor(lowered.image);
        let (logits, logits_gradient) = (self.tensor(lowered.logits), self.gradient(lowered.logits));
        let (pinned, layers) = lowered.pinned;
        let (captured, map) = (self.tensor(pinned), lowered.values[pinned].map.clone());
        let captured_gradient = self.gradient(pinned);
        let value_after = if layers == 0 { 0 } else { self.layer_ends[layers - 1] };
        let gradient_after = self.gradient_capture;

        let place = |steps: &mut Vec<Step>, kept: &[(usize, usize)]| {
            let mut lives: Vec<Life> = lens.iter().map(|len| Life { len: *len, ..Life::default() }).collect();
            for (index, step) in steps.iter().enumerate() {
                for tensor in step.tensors().iter().filter(|tensor| tensor.offset < count) {
                    lives[tensor.offset].touch(index);
                }
            }
            for (buffer, step) in kept.iter().filter(|(buffer, _)| *buffer < count) {
                lives[*buffer].touch(*step);
            }
            let (mut offsets, len) = arrange(&lives);
            for offset in &mut offsets {
                *offset += kept_len;
            }
            offsets.extend(&kept_offsets);
            for step in steps.iter_mut() {
                step.for_each_tensor(|tensor| tensor.offset = offsets[tensor.offset]);
            }
            (offsets, kept_len + len, lives)
        };
        let moved = |tensor: Tensor, offsets: &[usize]| Tensor { offset: offsets[tensor.offset], ..tensor };

        let kept = [(image.offset, 0), (logits.offset, self.forward.len()), (captured.offset, value_after)];
        let (offsets, forward_len, lives) = place(&mut self.forward, &kept);
        let regions = lives.iter().zip(&offsets).filter(|(life, _)| life.used).map(|(life, offset)| Region {
            offset: *offset,
            len: life.len,
            first: life.first,
            last: life.last,
        });
        let regions = regions.collect();
        let value_capture = Capture { tensor: moved(captured, &offsets), map: map.clone(), after: value_after };
        let (image_forward, logits_forward) = (moved(image, &offsets), moved(logits, &offsets));

        let kept = [
            (logits_gradient.offset, 0),
            (image.offset, self.backward.len()),
            (captured_gradient.offset, gradient_after),
        ];
        let (offsets, backward_len, _) = place(&mut self.backward, &kept);
        let gradient_capture = Capture { tensor: moved(captured_gradient, &offsets), map, after: gradient_after };
        Plan {
            sizes: Sizes {
                values: forward_len.max(backward_len),
                kept: kept_len,
                bits: self.bits,
                winners: self.winners,
            },
            image: image_forward,
            logits: logits_forward,
            logits_gradient: moved(logits_gradient, &offsets),
            image_gradient: moved(image, &offsets),
            value_capture,
            gradient_capture,
            layer_multiply_adds: lowered.layers.iter().map(|layer| self.multiply_adds(layer)).collect(),
            layer_ends: self.layer_ends,
            regions,
            forward: self.forward,
            backward: self.backward,
        }
    }
}

/// Places buffers so that no two alive at once overlap, largest first; returns offsets and the whole length.
fn arrange(lives: &[Life]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..lives.len()).filter(|index| lives[*index].used).collect();
    order.sort_by_key(|index| std::cmp::Reverse(lives[*index].len));
    let mut offsets = vec![0; lives.len()];
    let mut placed: Vec<usize> = Vec::new();
    let mut total = 0;
    for index in order {
        let life = lives[index];
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|other| lives[**other].first <= life.last && life.first <= lives[**other].last)
            .map(|other| (offsets[*other], offsets[*other] + lives[*other].len))
            .collect();
        taken.sort_unstable();
        let mut offset = 0;
        for (start, end) in taken {
            if offset + life.len <= start {
                break;
            }
            offset = offset.max(end);
        }
        offsets[index] = offset;
        total = total.max(offset + life.len);
        placed.push(index);
    }
    (offsets, total)
}
