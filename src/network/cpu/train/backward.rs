//! The way from gradients by the outputs to those by the weights.

use std::sync::Arc;

use rayon::prelude::*;

use super::super::super::error::Result;
use super::super::super::executor::Batch;
use super::super::super::graph::NodeId;
use super::super::super::op::Op;
use super::super::super::trainable::check_output_gradients;
use super::super::kernel::{self, Aligned, InputGradient};
use super::layer_norm::PixelStatistics;
use super::linear::{self, Inputs};
use super::pool::Windows;
use super::{CpuTrainer, Tape, exchange_axes, planes};

/// Gradients by the values of nodes, as far as they are known.
type Gradients = Vec<Option<Aligned>>;

/// Goes back through all nodes; the gradients by the weights are then in the trainer's optimizer.
pub(super) fn run(trainer: &mut CpuTrainer, mut tape: Tape, output_gradients: &[Batch]) -> Result<()> {
    let outputs = trainer.network.graph.outputs().to_vec();
    let mut gradients: Gradients = (0..trainer.network.graph.nodes().len()).map(|_| None).collect();
    let shape = |id: NodeId| {
        let [height, width] = tape.extents[id.index()];
        [tape.images, trainer.network.graph.node(id).channels, height, width]
    };
    check_output_gradients(outputs.iter().map(|id| shape(*id)), output_gradients)?;
    trainer.optimizer.gradient.fill(0.0);
    for (id, gradient) in outputs.iter().zip(output_gradients) {
        let [images, channels, height, width] = gradient.shape();
        let mut own = trainer.network.buffers.take(gradient.values().len());
        exchange_axes(gradient.values(), [images, channels, height * width], own.as_mut_slice());
        gradients[id.index()] = Some(own);
    }
    let pool = Arc::clone(&trainer.network.pool);
    pool.install(|| {
        for index in (1..gradients.len()).rev() {
            if let Some(gradient) = gradients[index].take() {
                trainer.node_back(&mut tape, &mut gradients, index, gradient.as_slice());
                trainer.network.buffers.give(gradient);
            }
            // Readers of this node are done, and so is the node itself.
            tape.values[index].take().into_iter().for_each(|values| trainer.network.buffers.give(values));
        }
    });
    tape.values.into_iter().flatten().for_each(|values| trainer.network.buffers.give(values));
    gradients.into_iter().flatten().for_each(|values| trainer.network.buffers.give(values));
    Ok(())
}

impl CpuTrainer {
    /// Hands memory for the gradient by `input` to `write`, which adds to it where the second argument says so.
    fn pass_back(
        &mut self,
        tape: &Tape,
        gradients: &mut Gradients,
        input: NodeId,
        write: impl FnOnce(&mut Self, &mut [f32], bool),
    ) {
        let (mut own, accumulate) = match gradients[input.index()].take() {
            Some(own) => (own, true),
            None => (self.network.buffers.take(self.network.len(tape, input)), false),
        };
        write(self, own.as_mut_slice(), accumulate);
        gradients[input.index()] = Some(own);
    }

    /// As [`Self::pass_back`], but `add` always adds.
    fn add_back(
        &mut self,
        tape: &Tape,
        gradients: &mut Gradients,
        input: NodeId,
        add: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let plane_len = tape.plane_len(input);
        self.pass_back(tape, gradients, input, |_, target, accumulate| {
            planes::for_each_plane(target, plane_len, |number, target| {
                if !accumulate {
                    target.fill(0.0);
                }
                add(number, target);
            });
        });
    }

    fn node_back(&mut self, tape: &mut Tape, gradients: &mut Gradients, index: usize, gradient: &[f32]) {
        let id = NodeId(index);
        let node = self.network.graph.nodes()[index].clone();
        let input = node.inputs[0];
        let tape = &*tape;
        let (from_px, to_px) = (tape.extents[input.index()], tape.extents[index]);
        let (from_len, to_len) = (tape.plane_len(input), tape.plane_len(id));
        let part = |number: usize| &gradient[number * to_len..(number + 1) * to_len];
        match node.op {
            Op::Input => {}
            Op::Conv2d(_) => self.conv_back(tape, gradients, id, gradient),
            Op::BatchNorm(_) => self.norm_back(tape, gradients, id, None, gradient),
            Op::Relu if self.network.relu_of[input.index()] == Some(id) => {
                self.norm_back(tape, gradients, input, Some(id), gradient);
            }
            Op::Relu => {
                let y = tape.value(id);
                self.add_back(tape, gradients, input, |number, target| {
                    let values = part(number).iter().zip(&y[number * to_len..(number + 1) * to_len]);
                    for (target, (gradient, y)) in target.iter_mut().zip(values) {
                        *target += if *y > 0.0 { *gradient } else { 0.0 };
                    }
                });
            }
            Op::MaxPool(pool) => {
                let windows = Windows::new(pool, from_px, to_px);
                let x = tape.value(input);
                self.add_back(tape, gradients, input, |number, target| {
                    windows.max_gradient(&x[number * from_len..(number + 1) * from_len], part(number), target);
                });
            }
            Op::AvgPool { pool, count_include_pad } => {
                let windows = Windows::new(pool, from_px, to_px);
                self.add_back(tape, gradients, input, |number, target| {
                    windows.mean_gradient(part(number), count_include_pad, target);
                });
            }
            Op::Concat => {
                let mut start = 0;
                for input in node.inputs {
                    let len = self.network.len(tape, input);
                    let own = &gradient[start..start + len];
                    self.pass_back(tape, gradients, input, |_, target, add| planes::put(own, target, add));
                    start += len;
                }
            }
            Op::GlobalAvgPool => {
                let share = 1.0 / from_len as f32;
                self.add_back(tape, gradients, input, |number, target| {
                    let value = gradient[number] * share;
                    for target in target {
                        *target += value;
                    }
                });
            }
            Op::Linear { .. } => self.linear_back(tape, gradients, id, gradient),
            Op::Add => {
                for input in node.inputs {
                    self.pass_back(tape, gradients, input, |_, target, add| planes::put(gradient, target, add));
                }
            }
            Op::Mul => self.product_back(tape, gradients, [input, node.inputs[1]], gradient),
            Op::LayerNorm { eps } => self.layer_norm_back(tape, gradients, id, eps, gradient),
            Op::Scale { .. } => self.scale_back(tape, gradients, id, gradient),
            Op::Nonlinearity(function) => {
                let x = tape.value(input);
                self.pass_back(tape, gradients, input, |_, target, add| {
                    let slope = |at: usize| function.derivative(f64::from(x[at]));
                    planes::put_each(target, add, |at| (f64::from(gradient[at]) * slope(at)) as f32);
                });
            }
            Op::AdaptiveAvgPool { .. } => {
                let windows = Windows::adaptive(from_px, to_px);
                self.add_back(tape, gradients, input, |number, target| {
                    windows.mean_gradient(part(number), false, target);
                });
            }
            Op::Pad(border) => self.add_back(tape, gradients, input, |number, target| {
                planes::pad_gradient(part(number), from_px, border, target);
            }),
            Op::UpsampleNearest => self.add_back(tape, gradients, input, |number, target| {
                planes::upsample_gradient(part(number), from_px, to_px, target);
            }),
        }
    }

    fn conv_back(&mut self, tape: &Tape, gradients: &mut Gradients, id: NodeId, gradient: &[f32]) {
        let geometry = self.network.geometry(tape, id);
        let slots = self.network.parameters.slots[id.index()].clone();
        let input = self.network.graph.node(id).inputs[0];
        let row_len = gradient.len() / geometry.out_channels;
        for (sum, row) in self.optimizer.gradient[slots.bias].iter_mut().zip(gradient.chunks_exact(row_len)) {
            *sum += row.iter().map(|value| f64::from(*value)).sum::<f64>() as f32;
        }
        let run = |trainer: &mut Self, in_gradient: Option<InputGradient<'_>>| {
            let weight = &trainer.network.parameters.values[slots.weight.clone()];
            let weight_gradient = &mut trainer.optimizer.gradient[slots.weight.clone()];
            let x = tape.value(input);
            kernel::backward(trainer.network.kernels, &geometry, x, weight, gradient, in_gradient, weight_gradient);
        };
        if self.network.graph.node(input).op == Op::Input {
            run(self, None);
        } else {
            self.pass_back(tape, gradients, input, |trainer, target, accumulate| {
                run(trainer, Some(InputGradient { target, accumulate }));
            });
        }
    }

    /// Through a normalization, and through the ReLU that alone reads it where there is one.
    fn norm_back(
        &mut self,
        tape: &Tape,
        gradients: &mut Gradients,
        id: NodeId,
        relu: Option<NodeId>,
        gradient: &[f32],
    ) {
        let Some(statistics) = &tape.statistics[id.index()] else { unreachable!("forward passes leave statistics") };
        let slots = self.network.parameters.slots[id.index()].clone();
        let input = self.network.graph.node(id).inputs[0];
        let (x, y) = (tape.value(input), relu.map_or(&[][..], |relu| tape.value(relu)));
        self.pass_back(tape, gradients, input, |trainer, target, accumulate| {
            let factor = &trainer.network.parameters.values[slots.weight.clone()];
            let sums = statistics.gradient(trainer.network.kernels, factor, [x, y, gradient], target, accumulate);
            for (channel, (weighted, plain)) in sums.into_iter().enumerate() {
                trainer.optimizer.gradient[slots.bias.start + channel] += plain;
                if !slots.weight.is_empty() {
                    trainer.optimizer.gradient[slots.weight.start + channel] += weighted;
                }
            }
        });
    }

    fn linear_back(&mut self, tape: &Tape, gradients: &mut Gradients, id: NodeId, gradient: &[f32]) {
        let slots = self.network.parameters.slots[id.index()].clone();
        let input = self.network.graph.node(id).inputs[0];
        let images = tape.images;
        for (sum, gradient) in self.optimizer.gradient[slots.bias].iter_mut().zip(gradient.chunks_exact(images)) {
            *sum += gradient.iter().sum::<f32>();
        }
        let plane_len = tape.plane_len(input);
        let inputs = Inputs::new(tape.value(input), images, plane_len);
        inputs.weight_gradient(gradient, &mut self.optimizer.gradient[slots.weight.clone()]);
        self.pass_back(tape, gradients, input, |trainer, target, accumulate| {
            let weight = &trainer.network.parameters.values[slots.weight];
            linear::input_gradient(weight, gradient, [images, plane_len], target, accumulate);
        });
    }

    /// Through a product, whose second factor may have one pixel for many of the first.
    fn product_back(&mut self, tape: &Tape, gradients: &mut Gradients, factors: [NodeId; 2], gradient: &[f32]) {
        let [first, second] = factors.map(|id| tape.value(id));
        let pixels_a_factor = first.len() / second.len();
        self.pass_back(tape, gradients, factors[0], |_, target, add| {
            planes::put_each(target, add, |at| gradient[at] * second[at / pixels_a_factor]);
        });
        self.pass_back(tape, gradients, factors[1], |_, target, add| {
            planes::put_each(target, add, |at| {
                let pixels = at * pixels_a_factor..(at + 1) * pixels_a_factor;
                let products = gradient[pixels.clone()].iter().zip(&first[pixels]);
                products.map(|(gradient, value)| f64::from(*gradient) * f64::from(*value)).sum::<f64>() as f32
            });
        });
    }

    fn layer_norm_back(&mut self, tape: &Tape, gradients: &mut Gradients, id: NodeId, eps: f64, gradient: &[f32]) {
        let slots = self.network.parameters.slots[id.index()].clone();
        let input = self.network.graph.node(id).inputs[0];
        let x = tape.value(input);
        let statistics = PixelStatistics::new(x, slots.weight.len(), eps);
        self.pass_back(tape, gradients, input, |trainer, target, accumulate| {
            let factor = &trainer.network.parameters.values[slots.weight.clone()];
            let sums = statistics.gradient(factor, [x, gradient], target, accumulate);
            for (channel, (by_factor, by_offset)) in sums.into_iter().enumerate() {
                trainer.optimizer.gradient[slots.weight.start + channel] += by_factor;
                trainer.optimizer.gradient[slots.bias.start + channel] += by_offset;
            }
        });
    }

    /// Through a factor a channel, with an offset where there is one.
    fn scale_back(&mut self, tape: &Tape, gradients: &mut Gradients, id: NodeId, gradient: &[f32]) {
        let slots = self.network.parameters.slots[id.index()].clone();
        let input = self.network.graph.node(id).inputs[0];
        let x = tape.value(input);
        let row_len = gradient.len() / slots.weight.len();
        let by_factor = |(gradient, x): (&[f32], &[f32])| {
            gradient.iter().zip(x).map(|(gradient, x)| f64::from(*gradient) * f64::from(*x)).sum::<f64>()
        };
        let by_offset = |gradient: &[f32]| gradient.iter().map(|value| f64::from(*value)).sum::<f64>();
        let sums = &mut self.optimizer.gradient;
        let rows = gradient.par_chunks_exact(row_len);
        let weight = sums[slots.weight.clone()].par_iter_mut().zip(rows.clone().zip(x.par_chunks_exact(row_len)));
        weight.for_each(|(sum, row)| *sum += by_factor(row) as f32);
        let bias = sums[slots.bias].par_iter_mut().zip(rows);
        bias.for_each(|(sum, row)| *sum += by_offset(row) as f32);
        self.pass_back(tape, gradients, input, |trainer, target, accumulate| {
            let factors = &trainer.network.parameters.values[slots.weight];
            planes::put_each(target, accumulate, |at| gradient[at] * factors[at / row_len]);
        });
    }
}
