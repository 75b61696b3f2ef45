//! Upsampling by repetition, and its gradient.

use candle_core::{Result, Tensor};

/// Row `y` of the output is row `floor(y * in / out)` of the input, columns alike.
pub(in super::super) fn nearest(x: &Tensor, output: [usize; 2]) -> Result<Tensor> {
    let (_, _, rows, columns) = x.dims4()?;
    let x = x.contiguous()?.index_select(&sources(rows, output[0], x)?, 2)?;
    x.index_select(&sources(columns, output[1], &x)?, 3)
}

/// Gradient by the input of `input` rows and columns: every pixel gets the sum over its repetitions.
pub(in super::super) fn nearest_backward(gradient: &Tensor, input: [usize; 2]) -> Result<Tensor> {
    let (n, c, rows, columns) = gradient.dims4()?;
    let zeros = |shape: (usize, usize, usize, usize)| Tensor::zeros(shape, gradient.dtype(), gradient.device());
    let by_column = zeros((n, c, rows, input[1]))?.index_add(&sources(input[1], columns, gradient)?, gradient, 3)?;
    zeros((n, c, input[0], input[1]))?.index_add(&sources(input[0], rows, gradient)?, &by_column, 2)
}

/// For each of `output` positions the one of `input` positions that it repeats.
fn sources(input: usize, output: usize, like: &Tensor) -> Result<Tensor> {
    let positions: Vec<u32> = (0..output).map(|position| (position * input / output) as u32).collect();
    Tensor::from_vec(positions, output, like.device())
}
