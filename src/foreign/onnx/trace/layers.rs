//! Layers with weights.

use super::super::layout::Side;
use super::super::model::Node;
use super::super::step::{Kind, Layer, Matrix, StepId};
use super::super::tensor::{Constant, count};
use super::{Inputs, Map, Outcome, Trace};
use crate::limits::{NETWORK_SIDE_PX, NORM_EPS};
use crate::network::{Border, Conv2d};

/// The largest kernel, step or border that a window may have, in pixels.
pub(super) const WINDOW_PX: i64 = NETWORK_SIDE_PX.most as i64;

/// The double whose shortest decimal is that of a stored number: exporters write 0.00001 in single precision.
pub(super) fn as_written(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// Added to a variance.
pub(super) fn eps(value: Option<f32>) -> Outcome<f64> {
    let eps = as_written(value.unwrap_or(1e-5));
    if NORM_EPS.contains(eps) { Ok(eps) } else { Err(format!("{eps} is added to the variance")) }
}

/// A pair of sides of a window, each of at least `least` pixels.
pub(super) fn sides(node: &Node<'_>, name: &str, least: i64) -> Outcome<Option<[usize; 2]>> {
    match node.integers(name)? {
        None => Ok(None),
        Some([height, width]) if [height, width].iter().all(|side| (least..=WINDOW_PX).contains(*side)) => {
            Ok(Some([*height as usize, *width as usize]))
        }
        Some([_]) => Err("it reads signals along one axis; only flat images are read".to_owned()),
        Some([_, _, _]) => Err("it reads volumes; only flat images are read".to_owned()),
        Some(other) => Err(format!("its {name} are {other:?}")),
    }
}

/// The border of a window that spans `span` pixels of an `input`, by `pads` or by `auto_pad`.
pub(super) fn border(node: &Node<'_>, input: [usize; 2], span: [usize; 2], stride: [usize; 2]) -> Outcome<Border> {
    let same = |more_before: bool| {
        let total = [0, 1].map(|axis| {
            let count = input[axis].div_ceil(stride[axis]);
            ((count - 1) * stride[axis] + span[axis]).saturating_sub(input[axis])
        });
        let (less, more) = (total.map(|total| total / 2), total.map(|total| total.div_ceil(2)));
        if more_before { Border { before: more, after: less } } else { Border { before: less, after: more } }
    };
    match node.text("auto_pad")?.unwrap_or("NOTSET") {
        "SAME_UPPER" => Ok(same(false)),
        "SAME_LOWER" => Ok(same(true)),
        "VALID" => Ok(Border::NONE),
        "NOTSET" => match node.integers("pads")? {
            None => Ok(Border::NONE),
            Some(pads) if pads.len() == 4 && pads.iter().all(|pad| (0..=WINDOW_PX).contains(pad)) => {
                let [top, left, bottom, right] = [0, 1, 2, 3].map(|side| pads[side] as usize);
                Ok(Border { before: [top, left], after: [bottom, right] })
            }
            Some(pads) => Err(format!("its pads are {pads:?}")),
        },
        other => Err(format!("its auto_pad is {other}")),
    }
}

impl<'a> Trace<'a> {
    pub(super) fn conv(
        &mut self,
        node: &Node<'a>,
        inputs: &Inputs<'a>,
        constants: &[Option<&Constant<'a>>],
    ) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        let weight = constants.get(1).copied().flatten().ok_or("its weights are no constants")?;
        let [out_channels, read, height, width] = weight.dims[..] else {
            return Err(match weight.dims.len() {
                5 => "it is a convolution of volumes; only flat images are read".to_owned(),
                _ => format!("its weights are {:?}", weight.dims),
            });
        };
        let input = self.image(&map)?;
        let [channels, rows, columns] = self.shape(&map);
        let kernel = [height, width];
        if sides(node, "kernel_shape", 1)?.is_some_and(|stated| stated != kernel)
            || kernel.iter().any(|side| !(1..=WINDOW_PX).contains(&(*side as i64)))
        {
            return Err(format!("its weights are {:?}, which is not its kernel_shape", weight.dims));
        }
        let groups = usize::try_from(node.integer("group")?.unwrap_or(1)).unwrap_or(0);
        let fits = groups > 0 && read.checked_mul(groups) == Some(channels) && out_channels.is_multiple_of(groups);
        if !fits || out_channels == 0 {
            return Err(format!("weights {:?} in {groups} groups do not read {channels} channels", weight.dims));
        }
        let bias = Self::constant(inputs, 2, "bias")?;
        check_vector(bias.as_ref(), out_channels, "bias")?;
        let mut conv = Conv2d {
            out_channels,
            kernel,
            stride: sides(node, "strides", 1)?.unwrap_or([1, 1]),
            padding: Border::NONE,
            dilation: sides(node, "dilations", 1)?.unwrap_or([1, 1]),
            groups,
            bias: bias.is_some(),
        };
        conv.padding = border(node, [rows, columns], conv.span(), conv.stride)?;
        let Some([rows, columns]) = conv.output([rows, columns]) else {
            return Err(format!("its kernel is larger than its input of {rows} x {columns} pixels"));
        };
        let layer = Layer { weight: weight.clone(), matrix: None, bias, factors: [1.0, 1.0] };
        let step = self.push(Kind::Conv(conv, layer), &[input], [out_channels, rows, columns])?;
        Ok(self.as_image(step))
    }

    pub(super) fn gemm(
        &mut self,
        node: &Node<'a>,
        inputs: &Inputs<'a>,
        constants: &[Option<&Constant<'a>>],
    ) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        if node.integer("transA")?.unwrap_or(0) != 0 {
            return Err("it turns what it reads (transA)".to_owned());
        }
        let weight = constants.get(1).copied().flatten().ok_or("its weights are no constants")?;
        let bias = Self::constant(inputs, 2, "bias")?;
        let factors = [node.float("alpha")?.unwrap_or(1.0), node.float("beta")?.unwrap_or(1.0)];
        let inputs_first = node.integer("transB")?.unwrap_or(0) == 0;
        self.linear(&map, weight, inputs_first, bias, factors)
    }

    pub(super) fn matmul(&mut self, inputs: &Inputs<'a>, constants: &[Option<&Constant<'a>>]) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        let weight =
            constants.get(1).copied().flatten().ok_or("its weights are no constants (attention is not read)")?;
        self.linear(&map, weight, true, None, [1.0, 1.0])
    }

    /// A matrix over the last axis: a fully connected layer, or a convolution of single pixels.
    fn linear(
        &mut self,
        map: &Map,
        weight: &Constant<'a>,
        inputs_first: bool,
        bias: Option<Constant<'a>>,
        factors: [f32; 2],
    ) -> Outcome<Map> {
        let [first, second] = weight.dims[..] else { return Err(format!("its weights are {:?}", weight.dims)) };
        let (read, out) = if inputs_first { (first, second) } else { (second, first) };
        let last = map.layout.0.len().checked_sub(1).ok_or("it reads a single number")?;
        let dims = map.layout.dims();
        if dims[last] != read || out == 0 {
            return Err(format!("weights for {read} values read {dims:?}"));
        }
        check_vector(bias.as_ref(), out, "bias")?;
        let order = map.layout.0[last].clone();
        let [channels, rows, columns] = self.shape(map);
        let everything = order.iter().all(|part| part.side != Side::Batch);
        let matrix = Some(Matrix { inputs_first, order: order.clone() });
        let layer = Layer { weight: weight.clone(), matrix, bias, factors };
        if everything && channels.checked_mul(rows * columns) == Some(read) {
            let step = self.push(Kind::Linear([rows, columns], layer), &[map.step], [out, 1, 1])?;
            return Ok(Map { step, layout: map.layout.with_channels(last, out) });
        }
        if map.layout.is_channels(last, channels) {
            let conv = Conv2d::new(out, [1, 1]).bias(layer.bias.is_some());
            let step = self.push(Kind::Conv(conv, layer), &[map.step], [out, rows, columns])?;
            return Ok(Map { step, layout: map.layout.with_channels(last, out) });
        }
        Err(format!("it reads a part of the image, {dims:?}"))
    }

    pub(super) fn batch_norm(
        &mut self,
        node: &Node<'a>,
        inputs: &Inputs<'a>,
        constants: &[Option<&Constant<'a>>],
    ) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        if node.integer("spatial")?.unwrap_or(1) != 1 {
            return Err("it normalizes every pixel on its own (spatial=0)".to_owned());
        }
        let [channels, rows, columns] = self.shape(&map);
        // Of a flat vector of several pixels every value would have numbers of its own.
        let axis_fits = map.layout.0.get(1).is_some() && map.layout.is_channels(1, channels);
        if !axis_fits || (map.layout.0.len() == 2 && rows * columns > 1) {
            return Err("its second axis is not that of the channels".to_owned());
        }
        let eps = eps(node.float("epsilon")?)?;
        let mut parameters = Vec::with_capacity(4);
        for index in 1..=4 {
            let constant = constants.get(index).copied().flatten().ok_or("its statistics are no constants")?;
            check_vector(Some(constant), channels, "statistics")?;
            parameters.push(constant.clone());
        }
        let Ok(parameters) = <[Constant<'a>; 4]>::try_from(parameters) else {
            return Err("its statistics are missing".to_owned());
        };
        let step = self.push(Kind::BatchNorm(eps, parameters), &[map.step], [channels, rows, columns])?;
        Ok(Map { step, layout: map.layout })
    }

    pub(super) fn layer_norm(
        &mut self,
        node: &Node<'a>,
        inputs: &Inputs<'a>,
        constants: &[Option<&Constant<'a>>],
    ) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        let rank = map.layout.0.len();
        let axis = super::super::shape::axis(node.integer("axis")?.unwrap_or(-1), rank)?;
        let shape @ [channels, ..] = self.shape(&map);
        if axis + 1 != rank || channels == 1 || !map.layout.is_channels(axis, channels) {
            return Err("it normalizes over other axes than the channels".to_owned());
        }
        let eps = eps(node.float("epsilon")?)?;
        let weight = constants.get(1).copied().flatten().cloned();
        let bias = Self::constant(inputs, 2, "offset")?;
        check_vector(weight.as_ref(), channels, "factor")?;
        check_vector(bias.as_ref(), channels, "offset")?;
        let step = self.push(Kind::LayerNorm(eps, weight, bias), &[map.step], shape)?;
        Ok(Map { step, layout: map.layout })
    }

    /// A layer normalization without factor and offset, as a pattern of smaller operations gave it.
    pub(super) fn plain_layer_norm(&mut self, input: StepId, eps: f64) -> Outcome<StepId> {
        if !NORM_EPS.contains(eps) {
            return Err(format!("{eps} is added to the variance"));
        }
        self.push(Kind::LayerNorm(eps, None, None), &[input], self.steps[input].shape)
    }
}

/// Refuses a vector of other than `length` numbers; extents of 1 around them do not matter.
fn check_vector(constant: Option<&Constant<'_>>, length: usize, what: &str) -> Outcome<()> {
    match constant {
        Some(constant) if count(&constant.dims)? != length => {
            Err(format!("its {what} has {:?} numbers for {length} channels", constant.dims))
        }
        _ => Ok(()),
    }
}
