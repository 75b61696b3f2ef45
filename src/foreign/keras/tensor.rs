//! Values of Keras' variables in the order of torchvision's tensors.

use super::super::error::Result;
use super::super::hdf5::{Dataset, File};
use super::store::of_hdf5;

/// A tensor of the network before its values are read.
#[derive(Clone, Debug)]
pub(super) struct Tensor<'a> {
    /// The shape it will have.
    pub(super) shape: Vec<usize>,
    pub(super) source: Source<'a>,
}

/// Where values come from.
#[derive(Clone, Debug)]
pub(super) enum Source<'a> {
    /// The file: what it holds is seen as an array of `axes`, of which the tensor takes `order` one after the other.
    File { dataset: Dataset<'a>, axes: Vec<usize>, order: Vec<usize> },
    /// Constants.
    Values(Vec<f32>),
}

impl<'a> Tensor<'a> {
    /// A vector as it lies in the file.
    pub(super) fn vector(dataset: Dataset<'a>) -> Self {
        let shape = dataset.shape.clone();
        let axes = vec![shape.iter().fold(1_usize, |count, side| count.saturating_mul(*side))];
        Self { shape, source: Source::File { dataset, axes, order: vec![0] } }
    }

    /// The same constant `count` times.
    pub(super) fn constant(value: f32, count: usize) -> Self {
        Self { shape: vec![count], source: Source::Values(vec![value; count]) }
    }

    /// `[rows, columns, in, out]` as `[out, in, rows, columns]`.
    pub(super) fn kernel(dataset: Dataset<'a>) -> Self {
        let axes = dataset.shape.clone();
        let shape = match axes[..] {
            [rows, columns, inputs, outputs] => vec![outputs, inputs, rows, columns],
            _ => axes.clone(),
        };
        Self::taken(dataset, axes, &[3, 2, 0, 1], shape)
    }

    /// `[rows, columns, channels, multiplier]` as `[channels * multiplier, 1, rows, columns]`.
    pub(super) fn depthwise(dataset: Dataset<'a>) -> Self {
        let axes = dataset.shape.clone();
        let shape = match axes[..] {
            [rows, columns, channels, multiplier] => vec![channels.saturating_mul(multiplier), 1, rows, columns],
            _ => axes.clone(),
        };
        Self::taken(dataset, axes, &[2, 3, 0, 1], shape)
    }

    /// `[in, out]` as `[out, in]`; of a layer that is a convolution of one pixel, `[out, in, 1, 1]`.
    pub(super) fn dense(dataset: Dataset<'a>, pixel: bool) -> Self {
        let axes = dataset.shape.clone();
        let shape = match axes[..] {
            [inputs, outputs] if pixel => vec![outputs, inputs, 1, 1],
            [inputs, outputs] => vec![outputs, inputs],
            _ => axes.clone(),
        };
        Self::taken(dataset, axes, &[1, 0], shape)
    }

    /// `[rows * columns * channels, out]` as `[out, channels * rows * columns]`: Keras flattens channels last.
    pub(super) fn flattened(dataset: Dataset<'a>, extent: [usize; 2], channels: usize) -> Self {
        let found = dataset.shape.clone();
        let inputs = [extent[0], extent[1], channels].iter().fold(1_usize, |count, side| count.saturating_mul(*side));
        let [held, outputs] = found[..] else { return Self::taken(dataset, found.clone(), &[1, 0], found) };
        if held != inputs {
            // Refused by its shape.
            return Self::taken(dataset, found, &[1, 0], vec![outputs, held]);
        }
        Self::taken(dataset, vec![extent[0], extent[1], channels, outputs], &[3, 2, 0, 1], vec![outputs, inputs])
    }

    /// A kernel of one pixel as a matrix.
    pub(super) fn without_pixels(mut self) -> Self {
        self.shape.truncate(2);
        self
    }

    fn taken(dataset: Dataset<'a>, axes: Vec<usize>, order: &[usize], shape: Vec<usize>) -> Self {
        // Of another rank it keeps its shape, and is refused by that.
        let order = if axes.len() == order.len() { order.to_vec() } else { (0..axes.len()).collect() };
        Self { shape, source: Source::File { dataset, axes, order } }
    }

    /// The values, row-major.
    pub(super) fn read(&self, file: File<'_>) -> Result<Vec<f32>> {
        match &self.source {
            Source::Values(values) => Ok(values.clone()),
            Source::File { dataset, axes, order } => {
                let values = file.read(dataset).map_err(of_hdf5)?;
                Ok(transposed(&values, axes, order))
            }
        }
    }
}

/// The array of `axes` with its axes in another order.
fn transposed(values: &[f32], axes: &[usize], order: &[usize]) -> Vec<f32> {
    if order.is_sorted() {
        return values.to_vec();
    }
    let mut strides = vec![1; axes.len()];
    for axis in (1..axes.len()).rev() {
        strides[axis - 1] = strides[axis] * axes[axis];
    }
    let sides: Vec<usize> = order.iter().map(|axis| axes[*axis]).collect();
    let steps: Vec<usize> = order.iter().map(|axis| strides[*axis]).collect();
    let mut result = Vec::with_capacity(values.len());
    let mut index = vec![0; sides.len()];
    let mut at = 0;
    for _ in 0..values.len() {
        result.push(values[at]);
        for axis in (0..sides.len()).rev() {
            index[axis] += 1;
            at += steps[axis];
            if index[axis] < sides[axis] {
                break;
            }
            at -= steps[axis] * sides[axis];
            index[axis] = 0;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::transposed;

    #[test]
    fn axes_change_places() {
        let values: Vec<f32> = (0..24_u8).map(f32::from).collect();
        // [2, 3, 4] as [4, 2, 3]: element (k, i, j) is (i * 3 + j) * 4 + k.
        let moved = transposed(&values, &[2, 3, 4], &[2, 0, 1]);
        assert_eq!(moved[..7], [0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 1.0]);
        assert_eq!(transposed(&moved, &[4, 2, 3], &[1, 2, 0]), values);
    }
}
