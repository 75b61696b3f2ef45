//! Values of a layer in the order of ours.

use super::layout::{Part, Side};
use super::step::{Layer, Matrix};

/// The weights of a layer, each output's behind those of the one before; `read` are the channels, rows and columns that it
/// reads.
pub(super) fn weight(layer: &Layer<'_>, out: usize, read: [usize; 3]) -> Result<Vec<f32>, String> {
    let mut values = layer.weight.reals()?;
    if let Some(matrix) = &layer.matrix {
        values = ordered(&values, matrix, out, read);
    }
    let [factor, _] = layer.factors;
    if factor.to_bits() != 1.0_f32.to_bits() {
        for value in &mut values {
            *value *= factor;
        }
    }
    Ok(values)
}

/// The bias of a layer, one number an output.
pub(super) fn bias(layer: &Layer<'_>) -> Result<Option<Vec<f32>>, String> {
    let [_, factor] = layer.factors;
    let Some(bias) = &layer.bias else { return Ok(None) };
    Ok(Some(bias.reals()?.into_iter().map(|value| value * factor).collect()))
}

/// A matrix as `[out, channels * rows * columns]`.
fn ordered(values: &[f32], matrix: &Matrix, out: usize, read: [usize; 3]) -> Vec<f32> {
    let places = places(&matrix.order, read);
    let count = places.len();
    let mut turned = vec![0.0; values.len()];
    for (from, to) in places.into_iter().enumerate() {
        for output in 0..out {
            let at = if matrix.inputs_first { from * out + output } else { output * count + from };
            turned[output * count + to] = values[at];
        }
    }
    turned
}

/// For every value in the order of the file, its place in channels, rows, columns.
fn places(order: &[Part], [_, rows, columns]: [usize; 3]) -> Vec<usize> {
    let mut places = vec![0];
    for part in order {
        let unit = part.step
            * match part.side {
                Side::Channel => rows * columns,
                Side::Row => columns,
                Side::Batch | Side::Column => 1,
            };
        places = places.iter().flat_map(|place| (0..part.extent).map(move |at| place + at * unit)).collect();
    }
    places
}

#[cfg(test)]
mod tests {
    use super::super::layout::Layout;
    use super::*;

    #[test]
    fn flattened_pixels_come_back_in_order_of_channels() {
        let map = Layout::channels_last(1, [2, 1, 3]).reshaped(&[1, 6]).unwrap();
        assert_eq!(places(&map.0[1], [2, 1, 3]), [0, 3, 1, 4, 2, 5]);
        let matrix = Matrix { inputs_first: true, order: map.0[1].clone() };
        // One output; the values are the places in the file.
        assert_eq!(ordered(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], &matrix, 1, [2, 1, 3]), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    }
}
