//! Forward steps.

use std::sync::Arc;

use super::super::super::Result;
use super::super::kernel::{Step, Target, Window};
use super::super::lower::{Convolution, Layer, is_pointwise};
use super::super::pack::{self, Direction};
use super::table::{forward_table, patches};
use super::{PackKind, Planner};

impl Planner<'_, '_> {
    pub(super) fn forward(&mut self) -> Result<()> {
        let layers = &self.source.lowered.layers;
        for (index, layer) in layers.iter().enumerate() {
            match layer {
                Layer::Convolution(convolution) => self.convolution_forward(index, convolution)?,
                Layer::Normalize { input, output, affine, relu, window } => {
                    let spec = self.normalize_spec(index, *input, affine, *relu, *window);
                    let target = Target::store(self.tensor(*output));
                    self.forward.push(Step::Normalize { source: self.tensor(*input), target, spec });
                }
                Layer::MaxPool { input, output, pool } => {
                    let (source, target) = (self.tensor(*input), Target::store(self.tensor(*output)));
                    let window = Window::max(pool.kernel[0], pool.stride[0], pool.padding.before[0], self.winners);
                    self.layer_winners.insert(index, self.winners);
                    self.winners += target.tensor.pixels() * target.tensor.channels;
                    self.forward.push(Step::MaxForward { source, target, window });
                }
                Layer::MeanPool { input, output, pool, count_include_pad, bias, relu } => {
                    let window =
                        Window::mean(pool.kernel[0], pool.stride[0], pool.padding.before[0], *count_include_pad);
                    let target = self.output(*output, bias.as_ref(), *relu);
                    self.forward.push(Step::MeanForward { source: self.tensor(*input), target, window });
                }
                Layer::Copy { input, output } => {
                    let (source, target) = (self.tensor(*input), self.tensor(*output));
                    self.forward.push(if self.source.lowered.values[*input].buffer.is_none() {
                        Step::PadImage { image: source, target }
                    } else {
                        Step::Spread { source, target: Target::store(target), window: 1 }
                    });
                }
                Layer::GlobalMean { input, output } => {
                    let target = Target::store(self.tensor(*output));
                    self.forward.push(Step::GlobalMean { source: self.tensor(*input), target });
                }
            }
            self.layer_ends.push(self.forward.len());
        }
        Ok(())
    }

    fn convolution_forward(&mut self, index: usize, convolution: &Convolution) -> Result<()> {
        let source = self.tensor(convolution.input);
        let targets: Vec<Target> = convolution
            .filters
            .iter()
            .map(|filter| self.output(filter.output, filter.bias.as_ref(), filter.relu))
            .collect();
        if self.source.lowered.values[convolution.input].buffer.is_none() {
            let packed = self.packed(index, PackKind::Forward, convolution, |placed, vectors| {
                pack::patches_forward(&placed[0], vectors)
            })?;
            self.forward.push(Step::PatchesForward {
                image: source,
                patches: patches(convolution, source, targets[0].tensor),
                target: targets[0].clone(),
                packed,
            });
            return Ok(());
        }
        let end = self.source.lowered.values[convolution.filters[0].output].extent_of;
        let exact = self.source.exact.is_some_and(|rule| rule.critical[end.index()]);
        if let Some((shape, axes)) = self.tiling(convolution, source, targets[0].tensor).filter(|_| !exact) {
            let packed = self.packed(index, PackKind::WinogradForward, convolution, |placed, vectors| {
                pack::winograd(&placed[0], axes, Direction::Forward, vectors)
            })?;
            self.forward.push(Step::Winograd {
                source,
                target: targets[0].clone(),
                shape,
                axes,
                padding: convolution.padding,
                packed,
            });
            return Ok(());
        }
        let packed = self.packed(index, PackKind::Forward, convolution, pack::direct_forward)?;
        let before =
            convolution.before.as_ref().map(|affine| self.normalize_spec(index, convolution.input, affine, true, 1));
        let pointwise = before.is_some() || is_pointwise(convolution);
        let (taps, table) = if pointwise {
            (vec![(0, None)], Vec::new())
        } else {
            let count: usize = convolution.kernel.iter().product();
            (
                (0..count).map(|column| (0, Some(column))).collect(),
                forward_table(convolution, source.px, targets[0].tensor.px),
            )
        };
        self.forward.push(Step::Direct {
            columns: if pointwise { 0 } else { taps.len() },
            sources: vec![source],
            taps,
            table: Arc::new(table),
            listed: Arc::new(Vec::new()),
            packed,
            targets,
            before,
        });
        Ok(())
    }
}
