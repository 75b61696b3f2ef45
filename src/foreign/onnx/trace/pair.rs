//! Operations on two inputs, of which one may be a constant.

use super::super::layout::Layout;
use super::super::model::Node;
use super::super::shape::broadcast;
use super::super::step::{Channels, Kind, Loose, StepId};
use super::super::tensor::{Constant, count};
use super::{Inputs, Map, Outcome, Trace, Value};
use crate::network::{Nonlinearity, Op};

impl<'a> Trace<'a> {
    pub(super) fn pair(&mut self, node: &Node<'a>, inputs: &Inputs<'a>) -> Outcome<Map> {
        let [Some(first), Some(second)] = inputs else {
            return match inputs {
                [Some(Value::Map(map))] => Ok(map.clone()),
                _ => Err(format!("it has {} inputs; two are read", inputs.len())),
            };
        };
        match (first, second) {
            (Value::Map(first), Value::Map(second)) => self.of_maps(node.operation, first, second),
            (Value::Map(map), Value::Constant(constant)) => self.with_constant(node.operation, map, constant, false),
            (Value::Constant(constant), Value::Map(map)) => self.with_constant(node.operation, map, constant, true),
            _ => Err("an input is missing".to_owned()),
        }
    }

    fn of_maps(&mut self, operation: &str, first: &Map, second: &Map) -> Outcome<Map> {
        let layout = joint(&first.layout, &second.layout).ok_or_else(|| {
            let [first, second] = [first, second].map(|map| map.layout.dims());
            format!("{first:?} and {second:?} do not lie alike")
        })?;
        let (mut a, mut b) = (first.step, second.step);
        let shapes = [a, b].map(|step| self.steps[step].shape);
        let centered = |trace: &Self| {
            matches!(trace.steps[b].kind, Kind::Loose(Loose::ChannelMean)) && trace.steps[b].inputs == [a]
        };
        let step = match operation {
            "Sub" if centered(self) => self.push_loose(Loose::Centered, a, shapes[0])?,
            "Add" | "Sub" | "Sum" => {
                if operation == "Sub" {
                    b = self.shifted(b, -1.0, 0.0)?;
                }
                if shapes[0] != shapes[1] {
                    return Err(format!("{:?} is added to {:?}", shapes[1], shapes[0]));
                }
                self.push(Kind::Plain(Op::Add), &[a, b], shapes[0])?
            }
            "Mul" => {
                if let Some(found) = self.product(a, b) {
                    return Ok(Map { step: found?, layout });
                }
                if shapes[0][1..] == [1, 1] && shapes[1][1..] != [1, 1] {
                    (a, b) = (b, a);
                }
                let [shape, gate] = [a, b].map(|step| self.steps[step].shape);
                if gate[0] != shape[0] || (gate[1..] != [1, 1] && gate != shape) {
                    return Err(format!("{shape:?} is multiplied by {gate:?}; equal channels are read"));
                }
                self.push(Kind::Plain(Op::Mul), &[a, b], shape)?
            }
            "Div" => self.quotient(a, b).ok_or("it divides by what follows from the image")??,
            _ => return Err("it compares two maps".to_owned()),
        };
        Ok(Map { step, layout })
    }

    fn with_constant(&mut self, operation: &str, map: &Map, constant: &Constant<'a>, first: bool) -> Outcome<Map> {
        let (map, values) = self.per_channel(map, constant)?;
        let one = values.windows(2).all(|pair| pair[0] == pair[1]).then(|| values[0]);
        let channels = |factors: Vec<f64>, offsets: Vec<f64>| Channels { picked: None, factors, offsets };
        let (ones, zeros) = (vec![1.0; values.len()], vec![0.0; values.len()]);
        let step = match (operation, first) {
            ("Add" | "Sum", _) => self.channels(map.step, channels(ones, values))?,
            ("Sub", false) => self.channels(map.step, channels(ones, values.iter().map(|value| -value).collect()))?,
            ("Sub", true) => self.channels(map.step, channels(vec![-1.0; values.len()], values))?,
            ("Mul", _) => self.channels(map.step, channels(values, zeros))?,
            ("Div", false) => {
                self.channels(map.step, channels(values.iter().map(|value| 1.0 / value).collect(), zeros))?
            }
            ("Div", true) if one == Some(1.0) => {
                self.push_loose(Loose::Reciprocal, map.step, self.steps[map.step].shape)?
            }
            ("Max", _) => self.clipped(map.step, Some(one.ok_or("its bounds differ by channel")? as f32), None)?,
            ("Min", _) => self.clipped(map.step, None, Some(one.ok_or("its bounds differ by channel")? as f32))?,
            ("Pow", false) => self.power(map.step, one.ok_or("its exponents differ by channel")?)?,
            _ => return Err("it divides by what follows from the image, or takes it for an exponent".to_owned()),
        };
        Ok(Map { step, layout: map.layout })
    }

    fn power(&mut self, step: StepId, exponent: f64) -> Outcome<StepId> {
        let shape = self.steps[step].shape;
        if exponent == 1.0 {
            Ok(step)
        } else if exponent == 2.0 {
            self.push_loose(Loose::Power(2), step, shape)
        } else if exponent == 3.0 {
            self.push_loose(Loose::Power(3), step, shape)
        } else if exponent.abs() == 0.5 {
            let root = self.push_loose(Loose::SquareRoot, step, shape)?;
            if exponent > 0.0 { Ok(root) } else { self.push_loose(Loose::Reciprocal, root, shape) }
        } else {
            Err(format!("it takes the power {exponent}"))
        }
    }

    /// Values held within bounds.
    pub(super) fn clipped(&mut self, step: StepId, low: Option<f32>, high: Option<f32>) -> Outcome<StepId> {
        let low = low.filter(|low| *low > f32::MIN);
        let high = high.filter(|high| *high < f32::MAX);
        match (low, high) {
            (None, None) => Ok(step),
            (Some(0.0), None) => self.push(Kind::Plain(Op::Relu), &[step], self.steps[step].shape),
            (low, high) => {
                let (low, high) = (low.unwrap_or(f32::MIN), high.unwrap_or(f32::MAX));
                if low.partial_cmp(&high) != Some(std::cmp::Ordering::Less) {
                    return Err(format!("it holds values within {low} and {high}"));
                }
                self.nonlinear(step, Nonlinearity::Clip { low, high })
            }
        }
    }

    /// A value a channel out of a constant that is repeated to the extents of a map. A gray image is repeated for a
    /// constant that has more channels.
    fn per_channel(&mut self, map: &Map, constant: &Constant<'a>) -> Outcome<(Map, Vec<f64>)> {
        let dims = map.layout.dims();
        let wanted = broadcast(&dims, &constant.dims)?;
        let mut map = map.clone();
        if wanted != dims {
            let grown: Vec<usize> = (0..wanted.len()).filter(|at| dims.get(*at) != Some(&wanted[*at])).collect();
            let [at] = grown[..] else { return Err(format!("it repeats {dims:?} to {wanted:?}")) };
            if wanted.len() != dims.len() {
                return Err(format!("it repeats {dims:?} to {wanted:?}"));
            }
            map = self.repeat(&map, at, wanted[at] as i64)?;
        }
        let channels = self.shape(&map)[0];
        // Only here the values are looked at: large ones are refused before.
        let behind = wanted.len() - constant.dims.len();
        let long: Vec<usize> = (0..constant.dims.len()).filter(|axis| constant.dims[*axis] > 1).collect();
        let values: Vec<f64> = match long[..] {
            [] => vec![f64::from(constant.scalar()?); channels],
            [axis] if channels > 1 && map.layout.is_channels(axis + behind, channels) => {
                constant.reals()?.into_iter().map(f64::from).collect()
            }
            _ => {
                let values = constant.reals()?;
                let first = *values.first().ok_or("a constant is empty")?;
                if count(&constant.dims)? > 1 && values.iter().any(|value| value.to_bits() != first.to_bits()) {
                    return Err("it has a constant for every pixel".to_owned());
                }
                vec![f64::from(first); channels]
            }
        };
        Ok((map, values))
    }
}

/// The axes of two maps of which one may be repeated; none where they are not the same ones.
fn joint(first: &Layout, second: &Layout) -> Option<Layout> {
    let rank = first.0.len().max(second.0.len());
    let at = |layout: &Layout, axis: usize| match (axis + layout.0.len()).checked_sub(rank) {
        Some(axis) => layout.0[axis].clone(),
        None => Vec::new(),
    };
    let along = |axis: usize| {
        let (first, second) = (at(first, axis), at(second, axis));
        if first == second || second.is_empty() { Some(first) } else { first.is_empty().then_some(second) }
    };
    (0..rank).map(along).collect::<Option<Vec<_>>>().map(Layout)
}
