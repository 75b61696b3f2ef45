//! Forward steps.

use std::sync::Arc;

use super::super::super::error::Result;
use super::super::kernel::{Activation, Aligned, FlatSpec, LANES, LayerNormSpec, SharedValues, Step, Target, Tensor};
use super::super::lower::{Affine, Convolution, Filter, Layer, Trace, ValueId};
use super::super::pack::{self, Direction};
use super::table::{forward_table, lines, listed, patches, window};
use super::{PackKind, Planner};

impl Planner<'_, '_> {
    pub(super) fn forward(&mut self) -> Result<()> {
        let layers = &self.source.lowered.layers;
        for (index, layer) in layers.iter().enumerate() {
            self.layer_forward(index, layer)?;
            self.layer_ends.push(self.forward.len());
        }
        Ok(())
    }

    fn layer_forward(&mut self, index: usize, layer: &Layer) -> Result<()> {
        let step = match layer {
            Layer::Convolution(convolution) => return self.convolution_forward(index, convolution),
            Layer::Normalize { input, output, affine, activation, window } => {
                self.normalize_forward(index, *input, *output, affine, *activation, *window)
            }
            Layer::MaxPool { input, output, pool } => {
                let (source, target) = (self.tensor(*input), Target::store(self.tensor(*output)));
                let len = target.tensor.pixels() * target.tensor.channels;
                let window = window(pool, source.px, false, (self.winners, len));
                self.layer_winners.insert(index, self.winners);
                self.winners += if window.high_winners.is_some() { 2 * len } else { len };
                Step::MaxForward { source, target, window }
            }
            Layer::MeanPool { input, output, pool, count_include_pad, bias, activation } => {
                let source = self.tensor(*input);
                let window = window(pool, source.px, *count_include_pad, (0, 0));
                Step::MeanForward { source, target: self.output(*output, bias.as_ref(), *activation), window }
            }
            Layer::Copy { input, output } => {
                let (source, target) = (self.tensor(*input), self.tensor(*output));
                if self.source.lowered.values[*input].buffer.is_none() {
                    Step::PadImage { image: source, target }
                } else {
                    Step::Spread { source, target: Target::store(target), window: 1 }
                }
            }
            Layer::GlobalMean { input, output } => {
                let source = self.tensor(*input);
                let share = 1.0 / source.pixels() as f32;
                Step::SumPixels { source, second: None, share, target: Target::store(self.tensor(*output)) }
            }
            Layer::Sum { inputs: [first, second], output, activation } => {
                let target = Target { addend: Some(self.tensor(*second)), ..self.output(*output, None, *activation) };
                Step::Spread { source: self.tensor(*first), target, window: 1 }
            }
            Layer::Product { factors, output } => Step::Multiply {
                factors: factors.map(|factor| self.tensor(factor)),
                third: None,
                target: Target::store(self.tensor(*output)),
            },
            Layer::Listed { input, output, listing } => {
                let (source, target) = (self.tensor(*input), self.tensor(*output));
                let listed = Arc::new(listed(*listing, source.px, target.px));
                Step::Sparse { source, target: Target::store(target), listed }
            }
            Layer::NormalizePixels { input, output, affine, eps } => {
                let spec = self.layer_norm_spec(index, *input, affine, *eps);
                let target = self.output(*output, Some(&affine.shift), None);
                Step::LayerNorm { source: self.tensor(*input), target, spec }
            }
            Layer::Flat { input, filter } => {
                let target = self.output(filter.output, filter.bias.as_ref(), filter.activation);
                Step::FlatForward { source: self.tensor(*input), target, spec: self.flat_spec(*input, filter)? }
            }
            Layer::Rearrange { input, output } => {
                let (source, target) = (self.tensor(*input), Target::store(self.tensor(*output)));
                Step::Rearrange { source, target, from: self.rearranged(*input, *output) }
            }
        };
        self.forward.push(step);
        Ok(())
    }

    /// For each padded channel of `to` the padded channel of `from` with the same number.
    pub(super) fn rearranged(&self, from: ValueId, to: ValueId) -> Arc<Vec<Option<usize>>> {
        let values = &self.source.lowered.values;
        let mut places = vec![None; values[to].channels.len()];
        for (from, to) in values[from].map.iter().zip(&values[to].map) {
            places[*to] = Some(*from);
        }
        Arc::new(places)
    }

    pub(super) fn flat_spec(&self, input: ValueId, filter: &Filter) -> Result<FlatSpec> {
        let places = Arc::new(self.source.lowered.values[input].map.clone());
        let scale = Arc::new(filter.scale.iter().map(|scale| *scale as f32).collect());
        Ok(FlatSpec { weights: SharedValues(self.source.weights.owned(&filter.weight)?), places, scale })
    }

    fn layer_norm_spec(&mut self, layer: usize, input: ValueId, affine: &Affine, eps: f32) -> LayerNormSpec {
        let tensor = self.tensor(input);
        let map = &self.source.lowered.values[input].map;
        let channels = map.len();
        let mut present = vec![0.0; tensor.channels];
        for at in map {
            present[*at] = 1.0;
        }
        let normalized = self.keep(tensor.pixels() * tensor.channels);
        let inverse = self.keep(tensor.pixels());
        let spec = LayerNormSpec {
            present: Arc::new(Aligned::from_slice(&present)),
            channels,
            weight: Arc::new(Aligned::from_slice(&affine.scale)),
            eps,
            normalized: Tensor { offset: normalized, stride: tensor.channels, first: 0, ..tensor },
            inverse: Tensor { offset: inverse, stride: 1, first: 0, channels: 1, px: tensor.px },
        };
        self.layer_norms.insert(layer, spec.clone());
        spec
    }

    fn normalize_forward(
        &mut self,
        layer: usize,
        input: ValueId,
        output: ValueId,
        affine: &Affine,
        activation: Option<Activation>,
        window: usize,
    ) -> Step {
        let source = self.tensor(input);
        let relu = activation == Some(Activation::RELU);
        let spec = self.normalize_spec(layer, input, affine, relu, window);
        let mut target = Target::store(self.tensor(output));
        if let Some(activation) = activation.filter(|_| !relu) {
            target.activation = Some(activation);
            match Trace::of(activation) {
                Trace::Bits => target.mask_out = Some(self.new_layer_bits(layer, source)),
                Trace::Slopes => {
                    let slopes = self.keep(source.pixels() * source.channels);
                    let slopes = Tensor { offset: slopes, stride: source.channels, first: 0, ..source };
                    self.layer_slopes.insert(layer, slopes);
                    target.slope_out = Some(slopes);
                }
            }
        }
        debug_assert_eq!(source.channels % LANES, 0, "channels are whole vectors");
        Step::Normalize { source, target, spec }
    }

    fn convolution_forward(&mut self, index: usize, convolution: &Convolution) -> Result<()> {
        let source = self.tensor(convolution.input);
        let addend = convolution.addend.map(|addend| self.tensor(addend));
        let targets: Vec<Target> = convolution
            .filters
            .iter()
            .map(|filter| Target { addend, ..self.output(filter.output, filter.bias.as_ref(), filter.activation) })
            .collect();
        if convolution.depthwise {
            let packed = self.packed(index, PackKind::Forward, convolution, |placed, _| pack::depthwise(&placed[0]))?;
            let lines = Arc::new(lines(convolution, source.px, targets[0].tensor.px, false));
            let columns = convolution.kernel[1];
            self.forward.push(Step::Depthwise { source, target: targets[0].clone(), lines, columns, packed });
            return Ok(());
        }
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
                padding: convolution.padding.before,
                packed,
            });
            return Ok(());
        }
        let packed = self.packed(index, PackKind::Forward, convolution, pack::direct_forward)?;
        let before =
            convolution.before.as_ref().map(|affine| self.normalize_spec(index, convolution.input, affine, true, 1));
        let pointwise = convolution.is_pointwise();
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
