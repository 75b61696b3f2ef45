//! Operations on constants: what becomes of them hangs on nothing but the file and the extents of the image.

use std::cell::Cell;

use super::model::{Attribute, Node};
use super::shape::{axes_of, axis, broadcast, cuts, permutation, reshaped, sorted};
use super::tensor::{Constant, Data, count, element};
use crate::limits;

/// Numbers that constants which follow from others may still take.
#[derive(Debug)]
pub(super) struct Folding(Cell<usize>);

type Inputs<'i, 'a> = [Option<&'i Constant<'a>>];

impl Folding {
    /// For a file with so many numbers.
    pub(super) fn new(stored: usize) -> Self {
        Self(Cell::new(limits::ONNX_FOLDED_VALUES.saturating_add(stored)))
    }

    /// Takes place for a tensor of these extents.
    pub(super) fn spend(&self, dims: &[usize]) -> Result<usize, String> {
        let wanted = count(dims)?;
        let left = self.0.get().checked_sub(wanted).ok_or("constants that follow from others take too much memory")?;
        self.0.set(left);
        Ok(wanted)
    }

    /// The result of a node whose inputs are constants; none where it is of a kind that is not computed here.
    pub(super) fn node<'a>(&self, node: &Node<'a>, inputs: &Inputs<'_, 'a>) -> Option<Result<Constant<'a>, String>> {
        let input = |index: usize| inputs.get(index).copied().flatten().ok_or("an input is missing".to_owned());
        Some(match node.operation {
            "Constant" => constant(node),
            "ConstantOfShape" => input(0).and_then(|shape| self.filled(node, shape)),
            "Identity" | "Dropout" => input(0).cloned(),
            "Cast" => input(0).and_then(|value| self.cast(value, node.integer("to")?.unwrap_or(0))),
            "CastLike" => input(0).and_then(|value| {
                let to = if input(1)?.is_whole() { element::INT64 } else { element::FLOAT };
                self.cast(value, to)
            }),
            "Shape" => input(0).and_then(|value| shape(node, &value.dims)),
            "Size" => input(0).map(|value| Constant::whole(Vec::new(), vec![value.count() as i64])),
            "Reshape" => input(0).and_then(|value| {
                let allow_zero = node.integer("allowzero")? == Some(1);
                Ok(value.with_dims(reshaped(&value.dims, input(1)?.wholes()?, allow_zero)?))
            }),
            "Flatten" => input(0).and_then(|value| Ok(value.with_dims(flattened(node, &value.dims)?))),
            "Unsqueeze" => input(0).and_then(|value| Ok(value.with_dims(unsqueezed(node, inputs, &value.dims)?))),
            "Squeeze" => input(0).and_then(|value| {
                let gone = squeezed(node, inputs, &value.dims)?;
                let kept = (0..value.dims.len()).filter(|axis| !gone.contains(axis)).map(|axis| value.dims[axis]);
                Ok(value.with_dims(kept.collect()))
            }),
            "Transpose" => input(0).and_then(|value| {
                let perm = permutation(node, value.dims.len())?;
                let strides = strides(&value.dims);
                let dims = perm.iter().map(|axis| value.dims[*axis]).collect();
                self.strided(value, dims, &perm.iter().map(|axis| strides[*axis]).collect::<Vec<_>>(), 0)
            }),
            "Slice" => input(0).and_then(|value| self.slice(node, inputs, value)),
            "Expand" => input(0).and_then(|value| {
                let wanted = reshape_free(input(1)?.wholes()?)?;
                self.expand(value, &broadcast(&value.dims, &wanted)?)
            }),
            "Gather" => input(0).and_then(|value| self.gather(node, value, input(1)?)),
            "Concat" => self.concat(node, inputs),
            "Range" => self.range(inputs),
            "Where" => input(0).and_then(|choice| self.choose(choice, input(1)?, input(2)?)),
            "ReduceProd" | "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" => {
                input(0).and_then(|value| self.reduce(node, inputs, value))
            }
            "Clip" => input(0).and_then(|value| self.clip(node, inputs, value)),
            "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Min" | "Max" | "Mod" | "Equal" | "Less" | "Greater"
            | "LessOrEqual" | "GreaterOrEqual" | "And" | "Or" => {
                input(0).and_then(|first| self.pair(node.operation, first, input(1)?))
            }
            "Neg" | "Abs" | "Sqrt" | "Reciprocal" | "Exp" | "Log" | "Ceil" | "Floor" | "Round" | "Not" | "IsNaN" => {
                input(0).and_then(|value| self.single(node.operation, value))
            }
            _ => return None,
        })
    }

    fn filled<'a>(&self, node: &Node<'a>, shape: &Constant<'a>) -> Result<Constant<'a>, String> {
        let dims = reshape_free(shape.wholes()?)?;
        let count = self.spend(&dims)?;
        let value = match node.value() {
            None => Constant::real(vec![1], vec![0.0]),
            Some((_, Attribute::Tensor(stored))) => Constant::of(stored)?,
            Some(_) => return Err("its value is no tensor".to_owned()),
        };
        if value.count() != 1 {
            return Err(format!("its value has {} numbers", value.count()));
        }
        Ok(if value.is_whole() {
            Constant::whole(dims, vec![value.wholes()?[0]; count])
        } else {
            Constant::real(dims, vec![value.scalar()?; count])
        })
    }

    fn cast<'a>(&self, value: &Constant<'a>, to: i64) -> Result<Constant<'a>, String> {
        if element::is_real(to) {
            if !value.is_whole() {
                return Ok(value.clone());
            }
            self.spend(&value.dims)?;
            return Ok(Constant::real(value.dims.clone(), value.reals()?));
        }
        if !element::is_whole(to) {
            return Err(format!("values of type {to} are not read"));
        }
        self.spend(&value.dims)?;
        let truth = |value: i64| if to == element::BOOL { i64::from(value != 0) } else { value };
        let values = if value.is_whole() {
            value.wholes()?.iter().map(|value| truth(*value)).collect()
        } else if to == element::BOOL {
            value.reals()?.iter().map(|value| i64::from(*value != 0.0)).collect()
        } else {
            value.reals()?.iter().map(|value| *value as i64).collect()
        };
        Ok(Constant::whole(value.dims.clone(), values))
    }

    /// The values at regular steps.
    fn strided<'a>(
        &self,
        value: &Constant<'a>,
        dims: Vec<usize>,
        strides: &[i64],
        start: usize,
    ) -> Result<Constant<'a>, String> {
        self.spend(&dims)?;
        let places = places(&dims, strides, start);
        Ok(match &value.data {
            Data::Whole(values) => {
                let values = places.map(|place| values[place]).collect();
                Constant::whole(dims, values)
            }
            Data::Stored(_) | Data::Real(_) => {
                let values = value.reals()?;
                let values = places.map(|place| values[place]).collect();
                Constant::real(dims, values)
            }
        })
    }

    pub(super) fn expand<'a>(&self, value: &Constant<'a>, dims: &[usize]) -> Result<Constant<'a>, String> {
        self.strided(value, dims.to_vec(), &repeated(&value.dims, dims), 0)
    }

    fn slice<'a>(
        &self,
        node: &Node<'a>,
        inputs: &Inputs<'_, 'a>,
        value: &Constant<'a>,
    ) -> Result<Constant<'a>, String> {
        let (mut dims, mut steps, mut start) = (value.dims.clone(), strides(&value.dims), 0);
        for cut in cuts(node, inputs, &value.dims)? {
            start += cut.start * steps[cut.axis] as usize;
            dims[cut.axis] = cut.count;
            steps[cut.axis] = steps[cut.axis].saturating_mul(cut.step);
        }
        self.strided(value, dims, &steps, start)
    }

    fn gather<'a>(&self, node: &Node<'a>, value: &Constant<'a>, wanted: &Constant<'a>) -> Result<Constant<'a>, String> {
        let axis = axis(node.integer("axis")?.unwrap_or(0), value.dims.len())?;
        let extent = value.dims[axis];
        let (outer, inner) = (count(&value.dims[..axis])?, count(&value.dims[axis + 1..])?);
        let dims = [&value.dims[..axis], &wanted.dims, &value.dims[axis + 1..]].concat();
        self.spend(&dims)?;
        let positions: Vec<usize> =
            wanted.wholes()?.iter().map(|at| self::axis(*at, extent)).collect::<Result<_, _>>()?;
        let places = (0..outer).flat_map(|outer| {
            positions
                .iter()
                .flat_map(move |at| (0..inner).map(move |inner_at| (outer * extent + at) * inner + inner_at))
        });
        Ok(match &value.data {
            Data::Whole(values) => {
                let values = places.map(|place| values[place]).collect();
                Constant::whole(dims, values)
            }
            Data::Stored(_) | Data::Real(_) => {
                let values = value.reals()?;
                let values = places.map(|place| values[place]).collect();
                Constant::real(dims, values)
            }
        })
    }

    fn concat<'a>(&self, node: &Node<'a>, inputs: &Inputs<'_, 'a>) -> Result<Constant<'a>, String> {
        let parts: Vec<&Constant<'_>> = inputs.iter().copied().flatten().collect();
        let first = parts.first().ok_or("an input is missing")?;
        let axis = axis(node.integer("axis")?.ok_or("it names no axis")?, first.dims.len())?;
        let mut dims = first.dims.clone();
        dims[axis] = 0;
        for part in &parts {
            let mut other = part.dims.clone();
            if other.len() != dims.len() {
                return Err("its inputs differ in axes".to_owned());
            }
            dims[axis] = dims[axis].checked_add(other[axis]).ok_or("it is too large")?;
            other[axis] = dims[axis];
            if other != dims {
                return Err("its inputs differ in extents".to_owned());
            }
        }
        self.spend(&dims)?;
        let outer = count(&dims[..axis])?;
        let lengths: Vec<usize> = parts.iter().map(|part| part.dims[axis..].iter().product()).collect();
        if parts.iter().all(|part| part.is_whole()) {
            let values: Vec<&[i64]> = parts.iter().map(|part| part.wholes()).collect::<Result<_, _>>()?;
            Ok(Constant::whole(dims, joined(&values, &lengths, outer)))
        } else {
            let values: Vec<Vec<f32>> = parts.iter().map(|part| part.reals()).collect::<Result<_, _>>()?;
            let values: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
            Ok(Constant::real(dims, joined(&values, &lengths, outer)))
        }
    }

    fn range<'a>(&self, inputs: &Inputs<'_, 'a>) -> Result<Constant<'a>, String> {
        let number = |index: usize| -> Result<i64, String> {
            let value: &Constant<'_> = inputs.get(index).copied().flatten().ok_or("an input is missing")?;
            value.wholes()?.first().copied().ok_or_else(|| "an input is empty".to_owned())
        };
        let (start, limit, step) = (number(0)?, number(1)?, number(2)?);
        let room = if step < 0 { start.saturating_sub(limit) } else { limit.saturating_sub(start) };
        if step == 0 {
            return Err("a step of 0".to_owned());
        }
        let length = if room <= 0 { 0 } else { (room as u64).div_ceil(step.unsigned_abs()) as usize };
        let length = self.spend(&[length])?;
        Ok(Constant::whole(vec![length], (0..length as i64).map(|index| start + index * step).collect()))
    }

    fn choose<'a>(&self, choice: &Constant<'a>, yes: &Constant<'a>, no: &Constant<'a>) -> Result<Constant<'a>, String> {
        let dims = broadcast(&broadcast(&choice.dims, &yes.dims)?, &no.dims)?;
        let [choice, yes, no] = [self.expand(choice, &dims)?, self.expand(yes, &dims)?, self.expand(no, &dims)?];
        let choice = choice.wholes()?.iter();
        if yes.is_whole() && no.is_whole() {
            let both = yes.wholes()?.iter().zip(no.wholes()?);
            return Ok(Constant::whole(
                dims,
                choice.zip(both).map(|(c, (y, n))| if *c != 0 { *y } else { *n }).collect(),
            ));
        }
        let (yes, no) = (yes.reals()?, no.reals()?);
        let values = choice.zip(yes.iter().zip(&no)).map(|(c, (y, n))| if *c != 0 { *y } else { *n }).collect();
        Ok(Constant::real(dims, values))
    }

    fn reduce<'a>(
        &self,
        node: &Node<'a>,
        inputs: &Inputs<'_, 'a>,
        value: &Constant<'a>,
    ) -> Result<Constant<'a>, String> {
        let rank = value.dims.len();
        let axes = axes_of(node, inputs, 1)?.filter(|axes| !axes.is_empty());
        if axes.is_none() && node.integer("noop_with_empty_axes")? == Some(1) {
            return Ok(value.clone());
        }
        let axes = axes.map_or_else(|| Ok((0..rank).collect()), |axes| sorted(&axes, rank))?;
        // What is reduced comes last, so that its values lie side by side.
        let kept: Vec<usize> = (0..rank).filter(|axis| !axes.contains(axis)).collect();
        let order: Vec<usize> = kept.iter().chain(&axes).copied().collect();
        let steps = strides(&value.dims);
        let dims = order.iter().map(|axis| value.dims[*axis]).collect();
        let turned = self.strided(value, dims, &order.iter().map(|axis| steps[*axis]).collect::<Vec<_>>(), 0)?;
        let length = axes.iter().map(|axis| value.dims[*axis]).product::<usize>();
        if length == 0 {
            return Err("it reduces nothing".to_owned());
        }
        let dims = if node.integer("keepdims")?.unwrap_or(1) == 1 {
            (0..rank).map(|axis| if axes.contains(&axis) { 1 } else { value.dims[axis] }).collect()
        } else {
            kept.iter().map(|axis| value.dims[*axis]).collect()
        };
        if turned.is_whole() {
            let of = |part: &[i64]| match node.operation {
                "ReduceProd" => part.iter().try_fold(1_i64, |product, value| product.checked_mul(*value)),
                "ReduceSum" => part.iter().try_fold(0_i64, |sum, value| sum.checked_add(*value)),
                "ReduceMax" => part.iter().max().copied(),
                "ReduceMin" => part.iter().min().copied(),
                _ => None,
            };
            let values = turned.wholes()?.chunks(length).map(of).collect::<Option<Vec<_>>>();
            return Ok(Constant::whole(dims, values.ok_or("whole numbers are reduced to what is none")?));
        }
        let of = |part: &[f32]| match node.operation {
            "ReduceProd" => part.iter().product(),
            "ReduceSum" => part.iter().sum(),
            "ReduceMax" => part.iter().copied().fold(f32::NEG_INFINITY, f32::max),
            "ReduceMin" => part.iter().copied().fold(f32::INFINITY, f32::min),
            _ => part.iter().sum::<f32>() / part.len() as f32,
        };
        Ok(Constant::real(dims, turned.reals()?.chunks(length).map(of).collect()))
    }

    fn clip<'a>(&self, node: &Node<'a>, inputs: &Inputs<'_, 'a>, value: &Constant<'a>) -> Result<Constant<'a>, String> {
        self.spend(&value.dims)?;
        let bound = |name: &str, index: usize| -> Result<Option<f32>, String> {
            match (node.float(name)?, inputs.get(index).copied().flatten()) {
                (Some(bound), _) => Ok(Some(bound)),
                (None, Some(bound)) => bound.scalar().map(Some),
                (None, None) => Ok(None),
            }
        };
        let (low, high) = (bound("min", 1)?, bound("max", 2)?);
        if value.is_whole() {
            let (low, high) = (low.map_or(i64::MIN, |low| low as i64), high.map_or(i64::MAX, |high| high as i64));
            let values = value.wholes()?.iter().map(|value| (*value).max(low).min(high)).collect();
            return Ok(Constant::whole(value.dims.clone(), values));
        }
        let (low, high) = (low.unwrap_or(f32::NEG_INFINITY), high.unwrap_or(f32::INFINITY));
        let values = value.reals()?.iter().map(|value| value.max(low).min(high)).collect();
        Ok(Constant::real(value.dims.clone(), values))
    }

    fn pair<'a>(&self, operation: &str, first: &Constant<'a>, second: &Constant<'a>) -> Result<Constant<'a>, String> {
        let dims = broadcast(&first.dims, &second.dims)?;
        let (first, second) = (self.expand(first, &dims)?, self.expand(second, &dims)?);
        self.spend(&dims)?;
        if first.is_whole() && second.is_whole() && operation != "Pow" {
            let of = |(a, b): (&i64, &i64)| whole(operation, *a, *b);
            let values = first.wholes()?.iter().zip(second.wholes()?).map(of).collect::<Option<Vec<_>>>();
            return Ok(Constant::whole(dims, values.ok_or("a whole number leaves its range")?));
        }
        let (first, second) = (first.reals()?, second.reals()?);
        let pairs = first.iter().zip(&second).map(|(a, b)| (*a, *b));
        let truths =
            |truth: fn(f32, f32) -> bool| -> Vec<i64> { pairs.clone().map(|(a, b)| i64::from(truth(a, b))).collect() };
        let truths = match operation {
            "Equal" => Some(truths(|a, b| a == b)),
            "Less" => Some(truths(|a, b| a < b)),
            "Greater" => Some(truths(|a, b| a > b)),
            "LessOrEqual" => Some(truths(|a, b| a <= b)),
            "GreaterOrEqual" => Some(truths(|a, b| a >= b)),
            _ => None,
        };
        if let Some(truths) = truths {
            return Ok(Constant::whole(dims, truths));
        }
        let values: fn(f32, f32) -> f32 = match operation {
            "Add" => |a, b| a + b,
            "Sub" => |a, b| a - b,
            "Mul" => |a, b| a * b,
            "Div" => |a, b| a / b,
            "Pow" => f32::powf,
            "Min" => f32::min,
            "Max" => f32::max,
            _ => return Err("it computes no real numbers".to_owned()),
        };
        Ok(Constant::real(dims, pairs.map(|(a, b)| values(a, b)).collect()))
    }

    fn single<'a>(&self, operation: &str, value: &Constant<'a>) -> Result<Constant<'a>, String> {
        self.spend(&value.dims)?;
        let dims = value.dims.clone();
        if value.is_whole() {
            let of = |value: &i64| match operation {
                "Neg" => value.checked_neg(),
                "Abs" => value.checked_abs(),
                "Not" => Some(i64::from(*value == 0)),
                "Ceil" | "Floor" | "Round" => Some(*value),
                _ => None,
            };
            let values = value.wholes()?.iter().map(of).collect::<Option<Vec<_>>>();
            return Ok(Constant::whole(dims, values.ok_or("it computes no whole numbers")?));
        }
        let values = value.reals()?;
        if operation == "IsNaN" {
            return Ok(Constant::whole(dims, values.iter().map(|value| i64::from(value.is_nan())).collect()));
        }
        let of: fn(f32) -> f32 = match operation {
            "Neg" => |value| -value,
            "Abs" => f32::abs,
            "Sqrt" => f32::sqrt,
            "Reciprocal" => f32::recip,
            "Exp" => f32::exp,
            "Log" => f32::ln,
            "Ceil" => f32::ceil,
            "Floor" => f32::floor,
            "Round" => f32::round_ties_even,
            _ => return Err("it computes no real numbers".to_owned()),
        };
        Ok(Constant::real(dims, values.into_iter().map(of).collect()))
    }
}

fn constant<'a>(node: &Node<'a>) -> Result<Constant<'a>, String> {
    Ok(match node.value() {
        Some((_, Attribute::Tensor(stored))) => Constant::of(stored)?,
        Some(("value_float", Attribute::Float(value))) => Constant::real(Vec::new(), vec![*value]),
        Some(("value_int", Attribute::Integer(value))) => Constant::whole(Vec::new(), vec![*value]),
        Some(("value_floats", Attribute::Floats(values))) => Constant::real(vec![values.len()], values.clone()),
        Some(("value_ints", Attribute::Integers(values))) => Constant::whole(vec![values.len()], values.clone()),
        Some((name, _)) => return Err(format!("a constant given as {name} is not read")),
        None => return Err("it has no value".to_owned()),
    })
}

/// The extents of a tensor as a constant, all or those between `start` and `end`.
pub(super) fn shape<'a>(node: &Node<'a>, dims: &[usize]) -> Result<Constant<'a>, String> {
    let rank = dims.len() as i64;
    let bound = |value: i64| if value < 0 { value.saturating_add(rank) } else { value }.clamp(0, rank) as usize;
    let (start, end) = (bound(node.integer("start")?.unwrap_or(0)), bound(node.integer("end")?.unwrap_or(rank)));
    let dims: Vec<i64> = dims[start.min(end)..end].iter().map(|dim| *dim as i64).collect();
    Ok(Constant::whole(vec![dims.len()], dims))
}

/// The two extents of `Flatten`.
pub(super) fn flattened(node: &Node<'_>, dims: &[usize]) -> Result<Vec<usize>, String> {
    let at = node.integer("axis")?.unwrap_or(1);
    // The axis may lie behind the last one.
    let at = if at == dims.len() as i64 { dims.len() } else { axis(at, dims.len())? };
    Ok(vec![count(&dims[..at])?, count(&dims[at..])?])
}

/// The extents behind `Unsqueeze`.
pub(super) fn unsqueezed(node: &Node<'_>, inputs: &Inputs<'_, '_>, dims: &[usize]) -> Result<Vec<usize>, String> {
    let axes = axes_of(node, inputs, 1)?.ok_or("it names no axes")?;
    let rank = dims.len() + axes.len();
    if rank > limits::ONNX_AXES {
        return Err(format!("{rank} axes are more than {}", limits::ONNX_AXES));
    }
    let axes = sorted(&axes, rank)?;
    let mut left = dims.iter();
    let extent = |axis| if axes.contains(&axis) { Some(1) } else { left.next().copied() };
    (0..rank).map(extent).collect::<Option<Vec<_>>>().ok_or_else(|| "its axes do not fit".to_owned())
}

/// The axes that `Squeeze` drops.
pub(super) fn squeezed(node: &Node<'_>, inputs: &Inputs<'_, '_>, dims: &[usize]) -> Result<Vec<usize>, String> {
    let axes = match axes_of(node, inputs, 1)? {
        Some(axes) => sorted(&axes, dims.len())?,
        None => (0..dims.len()).filter(|axis| dims[*axis] == 1).collect(),
    };
    match axes.iter().find(|axis| dims[**axis] != 1) {
        Some(axis) => Err(format!("axis {axis} of {dims:?} cannot be dropped")),
        None => Ok(axes),
    }
}

/// Extents given as numbers.
fn reshape_free(wanted: &[i64]) -> Result<Vec<usize>, String> {
    if wanted.len() > limits::ONNX_AXES {
        return Err(format!("{} axes are more than {}", wanted.len(), limits::ONNX_AXES));
    }
    wanted.iter().map(|extent| usize::try_from(*extent).map_err(|_| format!("an extent of {extent}"))).collect()
}

/// Values from one position of each axis to the next.
fn strides(dims: &[usize]) -> Vec<i64> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis] as i64;
    }
    strides
}

/// Steps through a tensor that is repeated to the extents `dims`, to which it fits.
fn repeated(of: &[usize], dims: &[usize]) -> Vec<i64> {
    let steps = strides(of);
    let behind = dims.len() - of.len();
    let along = |axis: usize| match axis.checked_sub(behind) {
        Some(axis) if of[axis] != 1 => steps[axis],
        _ => 0,
    };
    (0..dims.len()).map(along).collect()
}

/// Positions of the values of a tensor of extents `dims` in another.
fn places(dims: &[usize], strides: &[i64], start: usize) -> impl Iterator<Item = usize> {
    let total: usize = dims.iter().product();
    let (dims, strides) = (dims.to_vec(), strides.to_vec());
    let mut index = vec![0_usize; dims.len()];
    let mut place = start as i64;
    (0..total).map(move |_| {
        let found = place as usize;
        for axis in (0..dims.len()).rev() {
            index[axis] += 1;
            place = place.wrapping_add(strides[axis]);
            if index[axis] < dims[axis] {
                break;
            }
            place = place.wrapping_sub(strides[axis].wrapping_mul(dims[axis] as i64));
            index[axis] = 0;
        }
        found
    })
}

fn joined<T: Copy>(parts: &[&[T]], lengths: &[usize], outer: usize) -> Vec<T> {
    let rows = (0..outer).flat_map(|outer| {
        parts.iter().zip(lengths).flat_map(move |(part, length)| &part[outer * length..(outer + 1) * length])
    });
    rows.copied().collect()
}

fn whole(operation: &str, a: i64, b: i64) -> Option<i64> {
    match operation {
        "Add" => a.checked_add(b),
        "Sub" => a.checked_sub(b),
        "Mul" => a.checked_mul(b),
        "Div" => a.checked_div(b),
        "Mod" if b > 0 => a.checked_rem_euclid(b),
        "Min" => Some(a.min(b)),
        "Max" => Some(a.max(b)),
        "Equal" => Some(i64::from(a == b)),
        "Less" => Some(i64::from(a < b)),
        "Greater" => Some(i64::from(a > b)),
        "LessOrEqual" => Some(i64::from(a <= b)),
        "GreaterOrEqual" => Some(i64::from(a >= b)),
        "And" => Some(i64::from(a != 0 && b != 0)),
        "Or" => Some(i64::from(a != 0 || b != 0)),
        _ => None,
    }
}
