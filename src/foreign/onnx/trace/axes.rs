//! Operations that move, pick or join values.

use super::super::fold::{flattened, squeezed, unsqueezed};
use super::super::layout::{Layout, Side};
use super::super::model::Node;
use super::super::shape::{Cut, axis, cuts, permutation, reshaped};
use super::super::step::{Channels, Kind, Loose, StepId};
use super::super::tensor::Constant;
use super::{Inputs, Map, Outcome, Trace, Value};
use crate::limits;
use crate::network::{Border, Op, Pool};

const TRANSFORM_ALONE: &str = "it picks, repeats or reorders channels, which is read only where the image comes in";

impl<'a> Trace<'a> {
    pub(super) fn reshape(node: &Node<'a>, inputs: &Inputs<'a>, constants: &[Option<&Constant<'a>>]) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        let dims = map.layout.dims();
        let wanted = match node.operation {
            "Flatten" => flattened(node, &dims)?,
            "Unsqueeze" => unsqueezed(node, constants, &dims)?,
            "Squeeze" => {
                let gone = squeezed(node, constants, &dims)?;
                (0..dims.len()).filter(|axis| !gone.contains(axis)).map(|axis| dims[axis]).collect()
            }
            _ => {
                let wanted = Self::constant(inputs, 1, "shape")?.ok_or("its shape is missing")?;
                reshaped(&dims, wanted.wholes()?, node.integer("allowzero")? == Some(1))
                    .map_err(|reason| format!("{reason} with images of the size that is asked for"))?
            }
        };
        let layout = map.layout.reshaped(&wanted).ok_or_else(|| format!("{dims:?} becomes {wanted:?}"))?;
        Ok(Map { step: map.step, layout })
    }

    pub(super) fn transpose(node: &Node<'a>, inputs: &Inputs<'a>) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        let perm = permutation(node, map.layout.0.len())?;
        Ok(Map { step: map.step, layout: map.layout.permuted(&perm) })
    }

    pub(super) fn concat(&mut self, node: &Node<'a>, inputs: &Inputs<'a>) -> Outcome<Map> {
        let maps = (0..inputs.len()).map(|index| Self::input(inputs, index)).collect::<Outcome<Vec<_>>>()?;
        let first = maps.first().ok_or("an input is missing")?.clone();
        let axis = axis(node.integer("axis")?.ok_or("it names no axis")?, first.layout.0.len())?;
        let [_, rows, columns] = self.shape(&first);
        let mut sum = 0_usize;
        for map in &maps {
            let shape = self.shape(map);
            // The axis holds the channels; all others are those of the first.
            let fits = map.layout.0.len() == first.layout.0.len()
                && map.layout.is_channels(axis, shape[0])
                && map.layout.with_channels(axis, 1) == first.layout.with_channels(axis, 1)
                && shape[1..] == [rows, columns];
            if !fits {
                return Err("it joins along another axis than the channels".to_owned());
            }
            sum = sum.saturating_add(shape[0]);
        }
        if let [map] = &maps[..] {
            return Ok(map.clone());
        }
        let layout = first.layout.with_channels(axis, sum);
        let steps: Vec<StepId> = maps.iter().map(|map| map.step).collect();
        if let Some(joined) = self.joined_image(&steps) {
            return Ok(Map { step: self.channels(0, joined)?, layout });
        }
        let step = self.push(Kind::Plain(Op::Concat), &steps, [sum, rows, columns])?;
        Ok(Map { step, layout })
    }

    /// The channels of the image that all `steps` together are, where they are nothing else.
    fn joined_image(&self, steps: &[StepId]) -> Option<Channels> {
        let mut joined = Channels { picked: Some(Vec::new()), factors: Vec::new(), offsets: Vec::new() };
        for step in steps {
            let part = self.of_image(*step)?;
            let places = (0..part.factors.len()).collect();
            joined.picked.get_or_insert_default().extend(part.picked.unwrap_or(places));
            joined.factors.extend(part.factors);
            joined.offsets.extend(part.offsets);
        }
        Some(joined)
    }

    /// What a step makes of the channels of the image, where it does nothing else.
    fn of_image(&self, step: StepId) -> Option<Channels> {
        let found = &self.steps[step];
        match &found.kind {
            Kind::Input => {
                let channels = found.shape[0];
                Some(Channels { picked: None, factors: vec![1.0; channels], offsets: vec![0.0; channels] })
            }
            Kind::Channels(channels) if found.inputs == [0] => Some(channels.clone()),
            _ => None,
        }
    }

    /// The channels at `places` of a map that is the image.
    fn pick(&mut self, map: &Map, places: &[usize], layout: Layout) -> Outcome<Map> {
        let all = self.shape(map)[0];
        if places.iter().copied().eq(0..all) {
            return Ok(Map { step: map.step, layout });
        }
        let Some(of_image) = self.of_image(map.step) else { return Err(TRANSFORM_ALONE.to_owned()) };
        let from = |place: &usize| of_image.picked.as_ref().map_or(*place, |picked| picked[*place]);
        let channels = Channels {
            picked: Some(places.iter().map(from).collect()),
            factors: places.iter().map(|place| of_image.factors[*place]).collect(),
            offsets: places.iter().map(|place| of_image.offsets[*place]).collect(),
        };
        Ok(Map { step: self.channels(0, channels)?, layout })
    }

    pub(super) fn slice(
        &mut self,
        node: &Node<'a>,
        inputs: &Inputs<'a>,
        constants: &[Option<&Constant<'a>>],
    ) -> Outcome<Map> {
        let mut map = Self::input(inputs, 0)?;
        let dims = map.layout.dims();
        for cut in cuts(node, constants, &dims)? {
            if cut == (Cut { axis: cut.axis, start: 0, step: 1, count: dims[cut.axis] }) {
                continue;
            }
            let [channels, rows, columns] = self.shape(&map);
            if channels > 1 && map.layout.is_channels(cut.axis, channels) {
                let place = |index: usize| (cut.start as i64 + index as i64 * cut.step) as usize;
                let places: Vec<usize> = (0..cut.count).map(place).collect();
                let layout = map.layout.with_channels(cut.axis, cut.count);
                map = self.pick(&map, &places, layout)?;
                continue;
            }
            // Every so many rows or columns from the first on: a pool over single pixels.
            let image = self.image(&map).is_ok() && cut.axis >= 2;
            if !image || cut.start != 0 || cut.step < 1 || cut.count != dims[cut.axis].div_ceil(cut.step as usize) {
                return Err(format!("it cuts out a part of {dims:?}"));
            }
            let mut stride = [1, 1];
            stride[cut.axis - 2] = cut.step as usize;
            if stride.iter().zip([rows, columns]).any(|(stride, extent)| *stride > extent) {
                return Err(format!("it cuts out a part of {dims:?}"));
            }
            map = self.max_pool(map, Pool { stride, ..Pool::square(1, 1, 0) })?;
        }
        Ok(map)
    }

    pub(super) fn gather(
        &mut self,
        node: &Node<'a>,
        inputs: &Inputs<'a>,
        constants: &[Option<&Constant<'a>>],
    ) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        let wanted = constants.get(1).copied().flatten().ok_or("what it picks follows from the image")?;
        let dims = map.layout.dims();
        let at = axis(node.integer("axis")?.unwrap_or(0), dims.len())?;
        let places = wanted.wholes()?.iter().map(|place| axis(*place, dims[at])).collect::<Outcome<Vec<_>>>()?;
        if dims.len() == 1 && wanted.dims.len() > 1 && places.iter().copied().eq(0..dims[0]) {
            // PyTorch's newer exporter writes `as_strided` so, which ConvNeXt's pooled values go through: a reshape.
            let layout = map.layout.reshaped(&wanted.dims).ok_or_else(|| format!("it picks {:?}", wanted.dims))?;
            return Ok(Map { step: map.step, layout });
        }
        let layout = match wanted.dims[..] {
            [] => {
                let mut layout = map.layout.clone();
                layout.0.remove(at);
                layout
            }
            [_] => map.layout.with_channels(at, places.len()),
            _ => return Err("it picks with several axes".to_owned()),
        };
        let channels = self.shape(&map)[0];
        if dims[at] == 1 && places.len() == 1 {
            return Ok(Map { step: map.step, layout });
        }
        if channels == 1 || !map.layout.is_channels(at, channels) {
            return Err(format!("it picks from {dims:?} along axis {at}"));
        }
        self.pick(&map, &places, layout)
    }

    pub(super) fn split(
        &mut self,
        node: &Node<'a>,
        inputs: &Inputs<'a>,
        constants: &[Option<&Constant<'a>>],
    ) -> Outcome<Vec<Value<'a>>> {
        let map = Self::input(inputs, 0)?;
        let dims = map.layout.dims();
        let at = axis(node.integer("axis")?.unwrap_or(0), dims.len())?;
        let channels = self.shape(&map)[0];
        if !map.layout.is_channels(at, channels) {
            return Err(format!("it splits {dims:?} along axis {at}"));
        }
        let stated = match (node.integers("split")?, constants.get(1).copied().flatten()) {
            (Some(split), _) => Some(split.to_vec()),
            (None, Some(split)) => Some(split.wholes()?.to_vec()),
            (None, None) => None,
        };
        let count = node.outputs.len().max(1);
        let size = channels.div_ceil(count);
        let sizes: Vec<usize> = match stated {
            Some(sizes) => sizes.iter().map(|size| usize::try_from(*size).unwrap_or(0)).collect(),
            None => (0..count).map(|index| channels.saturating_sub(index * size).min(size)).collect(),
        };
        let fits = sizes.iter().try_fold(0_usize, |sum, size| sum.checked_add(*size)) == Some(channels);
        if !fits || sizes.contains(&0) {
            return Err(format!("it splits {channels} channels into {sizes:?}"));
        }
        let mut start = 0;
        let mut values = Vec::with_capacity(sizes.len());
        for size in sizes {
            let places: Vec<usize> = (start..start + size).collect();
            start += size;
            values.push(Value::Map(self.pick(&map, &places, map.layout.with_channels(at, size))?));
        }
        Ok(values)
    }

    /// Repeats a gray image for each channel; other maps keep their extents.
    pub(super) fn expand(
        &mut self,
        node: &Node<'a>,
        inputs: &Inputs<'a>,
        constants: &[Option<&Constant<'a>>],
    ) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        let wanted = constants.get(1).copied().flatten().ok_or("its extents follow from the image")?.wholes()?;
        let dims = map.layout.dims();
        let factor = |at: usize, extent: i64| match (node.operation, extent) {
            ("Tile", extent) => Ok(extent),
            (_, extent) if extent == dims[at] as i64 || extent == 1 => Ok(1),
            (_, extent) if dims[at] == 1 => Ok(extent),
            (_, extent) => Err(format!("{dims:?} is not repeated to {extent}")),
        };
        if wanted.len() != dims.len() {
            return Err(format!("{dims:?} is repeated to {} axes", wanted.len()));
        }
        let factors = wanted.iter().enumerate().map(|(at, extent)| factor(at, *extent)).collect::<Outcome<Vec<_>>>()?;
        let repeated: Vec<(usize, i64)> = factors.into_iter().enumerate().filter(|(_, factor)| *factor != 1).collect();
        match repeated[..] {
            [] => Ok(map),
            [(at, count)] => self.repeat(&map, at, count),
            _ => Err("it repeats along several axes".to_owned()),
        }
    }

    /// Repeats a gray image `count` times along an axis.
    pub(super) fn repeat(&mut self, map: &Map, at: usize, count: i64) -> Outcome<Map> {
        let count = usize::try_from(count).ok().filter(|count| (1..=64).contains(count)).ok_or(TRANSFORM_ALONE)?;
        if self.shape(map)[0] != 1 || !map.layout.0[at].is_empty() || map.layout.0.len() != 4 {
            return Err(TRANSFORM_ALONE.to_owned());
        }
        self.pick(map, &vec![0; count], map.layout.with_channels(at, count))
    }

    pub(super) fn pad(
        &mut self,
        node: &Node<'a>,
        inputs: &Inputs<'a>,
        constants: &[Option<&Constant<'a>>],
    ) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        let rank = map.layout.0.len();
        let mode = node.text("mode")?.unwrap_or("constant");
        let pads = match (node.integers("pads")?, constants.get(1).copied().flatten()) {
            (Some(pads), _) => pads.to_vec(),
            (None, Some(pads)) => pads.wholes()?.to_vec(),
            (None, None) => return Err("its pads follow from the image".to_owned()),
        };
        let value = match (node.float("value")?, Self::constant(inputs, 2, "value")?) {
            (Some(value), _) => value,
            (None, Some(value)) => value.scalar()?,
            (None, None) => 0.0,
        };
        let axes = match constants.get(3).copied().flatten() {
            Some(axes) => axes.wholes()?.iter().map(|number| axis(*number, rank)).collect::<Outcome<Vec<_>>>()?,
            None => (0..rank).collect(),
        };
        if pads.len() != 2 * axes.len() {
            return Err(format!("its pads are {pads:?}"));
        }
        if pads.iter().all(|pad| *pad == 0) {
            return Ok(map);
        }
        if mode != "constant" {
            return Err(format!("it pads by {mode}; only zeros are read"));
        }
        let [channels, rows, columns] = self.shape(&map);
        let mut border = Border::NONE;
        for (index, at) in axes.iter().enumerate() {
            let pair = [pads[index], pads[index + axes.len()]];
            if pair == [0, 0] {
                continue;
            }
            let side = if map.layout.is_side(*at, Side::Row, rows) {
                0
            } else if map.layout.is_side(*at, Side::Column, columns) {
                1
            } else {
                return Err(format!("it pads axis {at}"));
            };
            let [before, after] =
                pair.map(|pad| usize::try_from(pad).ok().filter(|pad| *pad <= limits::NETWORK_SIDE_PX.most));
            let (Some(before), Some(after)) = (before, after) else { return Err(format!("its pads are {pads:?}")) };
            border.before[side] = before;
            border.after[side] = after;
        }
        let shape = [channels, rows + border.sum(0), columns + border.sum(1)];
        let kind = if value == 0.0 {
            Kind::Plain(Op::Pad(border))
        } else if value <= f32::MIN / 2.0 {
            Kind::LowPad(border)
        } else {
            return Err(format!("it pads by {value}; only zeros are read"));
        };
        let step = self.push(kind, &[map.step], shape)?;
        // Parts of a side know its extent.
        let layout = if map.layout == Layout::channels_first(self.batch, [channels, rows, columns]) {
            Layout::channels_first(self.batch, shape)
        } else if map.layout == Layout::channels_last(self.batch, [channels, rows, columns]) {
            Layout::channels_last(self.batch, shape)
        } else {
            return Err("what it pads is no image".to_owned());
        };
        Ok(Map { step, layout })
    }

    /// Resizing is read where it changes nothing.
    pub(super) fn resize(_: &Node<'a>, inputs: &Inputs<'a>, constants: &[Option<&Constant<'a>>]) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        let dims: Vec<i64> = map.layout.dims().iter().map(|dim| *dim as i64).collect();
        let of = |index: usize| constants.get(index).copied().flatten().filter(|constant| constant.count() > 0);
        let sizes = of(3).map(|sizes| sizes.wholes().map(<[i64]>::to_vec)).transpose()?;
        let scales = of(2).or(if constants.len() == 2 { of(1) } else { None });
        let scales = scales.map(Constant::reals).transpose()?;
        let same = match (sizes, scales) {
            (Some(sizes), _) => sizes == dims,
            (None, Some(scales)) => scales.iter().all(|scale| *scale == 1.0),
            (None, None) => false,
        };
        if same { Ok(map) } else { Err("it resizes images; give them in the size that the network reads".to_owned()) }
    }

    pub(super) fn largest(&mut self, inputs: &Inputs<'a>) -> Outcome<Map> {
        let map = Self::input(inputs, 0)?;
        if self.shape(&map)[1..] != [1, 1] {
            return Err("it picks the largest value of every pixel".to_owned());
        }
        let step = self.push_loose(Loose::Largest, map.step, [1, 1, 1])?;
        Ok(self.as_image(step))
    }
}
