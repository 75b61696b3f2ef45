//! Pooling, and sums and means over rows and columns.

use super::super::layout::Side;
use super::super::model::Node;
use super::super::shape::{axes_of, sorted};
use super::super::step::{Kind, Loose};
use super::super::tensor::Constant;
use super::layers::{border, sides};
use super::{Inputs, Map, Outcome, Trace};
use crate::network::{Border, Op, Pool};

impl<'a> Trace<'a> {
    pub(super) fn pool(&mut self, node: &Node<'a>, inputs: &Inputs<'a>) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        let input = self.image(&map)?;
        let [channels, rows, columns] = self.shape(&map);
        if node.outputs.len() > 1 && node.outputs[1..].iter().any(|name| !name.is_empty()) {
            return Err("it also tells where the maxima are (Indices)".to_owned());
        }
        if sides(node, "dilations", 1)?.is_some_and(|dilations| dilations != [1, 1]) {
            return Err("its windows have gaps (dilations)".to_owned());
        }
        let kernel = sides(node, "kernel_shape", 1)?.ok_or("it has no kernel_shape")?;
        let stride = sides(node, "strides", 1)?.unwrap_or([1, 1]);
        let padding = border(node, [rows, columns], kernel, stride)?;
        let explicit = node.text("auto_pad")?.unwrap_or("NOTSET") == "NOTSET";
        let ceil_mode = explicit && node.integer("ceil_mode")?.unwrap_or(0) != 0;
        let pool = Pool { kernel, stride, padding, ceil_mode };
        if node.operation == "MaxPool" {
            return self.max_pool(map, pool);
        }
        check_window(pool)?;
        if pool == Pool::square(1, 1, 0) {
            return Ok(map);
        }
        let Some(out) = pool.output([rows, columns]) else { return Err(too_large(pool, [rows, columns])) };
        let whole = kernel == [rows, columns] && padding == Border::NONE;
        let count_include_pad = node.integer("count_include_pad")?.unwrap_or(0) != 0;
        let op = if whole { Op::GlobalAvgPool } else { Op::AvgPool { pool, count_include_pad } };
        let step = self.push(Kind::Plain(op), &[input], [channels, out[0], out[1]])?;
        Ok(self.as_image(step))
    }

    /// A max pool; zeros of a border never count, so that of a padding by the lowest number becomes its own.
    pub(super) fn max_pool(&mut self, map: Map, mut pool: Pool) -> Outcome<Map> {
        let mut input = self.image(&map)?;
        if let Kind::LowPad(border) = self.steps[input].kind
            && !pool.ceil_mode
        {
            for axis in 0..2 {
                pool.padding.before[axis] += border.before[axis];
                pool.padding.after[axis] += border.after[axis];
            }
            input = self.steps[input].inputs[0];
        }
        let [channels, rows, columns] = self.steps[input].shape;
        check_window(pool)?;
        if pool == Pool::square(1, 1, 0) {
            return Ok(map);
        }
        let Some(out) = pool.output([rows, columns]) else { return Err(too_large(pool, [rows, columns])) };
        let step = self.push(Kind::Plain(Op::MaxPool(pool)), &[input], [channels, out[0], out[1]])?;
        Ok(self.as_image(step))
    }

    pub(super) fn global_pool(&mut self, node: &Node<'a>, inputs: &Inputs<'a>) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        let input = self.image(&map)?;
        let [channels, rows, columns] = self.shape(&map);
        let op = if node.operation == "GlobalAveragePool" {
            Op::GlobalAvgPool
        } else {
            Op::MaxPool(Pool { kernel: [rows, columns], ..Pool::square(1, 1, 0) })
        };
        let step = self.push(Kind::Plain(op), &[input], [channels, 1, 1])?;
        Ok(self.as_image(step))
    }

    /// Mean, sum or maximum over axes: of rows and columns pooling, of the channels a part of a layer normalization.
    pub(super) fn reduce(
        &mut self,
        node: &Node<'a>,
        inputs: &Inputs<'a>,
        constants: &[Option<&Constant<'a>>],
    ) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        let rank = map.layout.0.len();
        let axes = match axes_of(node, constants, 1)?.filter(|axes| !axes.is_empty()) {
            Some(axes) => sorted(&axes, rank)?,
            None if node.integer("noop_with_empty_axes")? == Some(1) => return Ok(map),
            None => (0..rank).collect(),
        };
        let [channels, rows, columns] = self.shape(&map);
        let mut layout = map.layout.clone();
        let mut gone = Vec::new();
        for axis in &axes {
            gone.append(&mut layout.0[*axis]);
        }
        if node.integer("keepdims")?.unwrap_or(1) != 1 {
            layout.0 = (0..rank).filter(|axis| !axes.contains(axis)).map(|axis| layout.0[axis].clone()).collect();
        }
        let extent =
            |side: Side| gone.iter().filter(|part| part.side == side).map(|part| part.extent).product::<usize>();
        let whole = |side: Side, extent_of: usize| extent(side) == extent_of;
        let over_rows = rows > 1 && whole(Side::Row, rows);
        let over_columns = columns > 1 && whole(Side::Column, columns);
        let over_channels = channels > 1 && whole(Side::Channel, channels);
        let expected = [(over_rows, rows), (over_columns, columns), (over_channels, channels)];
        let expected: usize = expected.iter().filter(|(over, _)| *over).map(|(_, extent)| extent).product();
        if gone.iter().map(|part| part.extent).product::<usize>() != expected {
            return Err("it goes over a part of an axis, or over several images".to_owned());
        }
        let step = match (node.operation, over_channels) {
            ("ReduceMean", true) if !over_rows && !over_columns => {
                self.push_loose(Loose::ChannelMean, map.step, [1, rows, columns])?
            }
            (_, true) => return Err("it goes over the channels".to_owned()),
            (operation, false) => {
                let side = |over: bool, extent: usize| if over { extent } else { 1 };
                let kernel = [side(over_rows, rows), side(over_columns, columns)];
                let shape = [channels, rows / kernel[0], columns / kernel[1]];
                let pool = Pool { kernel, stride: kernel, ..Pool::square(1, 1, 0) };
                let all = kernel == [rows, columns];
                let op = match operation {
                    "ReduceMax" => Op::MaxPool(pool),
                    // The mean over single pixels changes nothing, but it is where the pooled features begin.
                    _ if all => Op::GlobalAvgPool,
                    _ => Op::AvgPool { pool, count_include_pad: true },
                };
                let step = self.push(Kind::Plain(op), &[map.step], shape)?;
                if operation == "ReduceSum" { self.shifted(step, (kernel[0] * kernel[1]) as f64, 0.0)? } else { step }
            }
        };
        Ok(Map { step, layout })
    }
}

fn too_large(pool: Pool, input: [usize; 2]) -> String {
    format!("its window {:?} is larger than its input of {} x {} pixels", pool.kernel, input[0], input[1])
}

/// Refuses a border in which a whole window would lie.
fn check_window(pool: Pool) -> Outcome<()> {
    let fits = |axis: usize| pool.padding.before[axis].max(pool.padding.after[axis]) < pool.kernel[axis];
    if fits(0) && fits(1) { Ok(()) } else { Err(format!("its border is as large as its window {:?}", pool.kernel)) }
}
