//! Average pooling to a given extent, and its gradient.

use candle_core::{Device, Result, Tensor};

use super::super::op::adaptive_window;

/// Means of `[n, c, h, w]` over `output` rows and columns of windows.
pub(in super::super) fn avg_pool(x: &Tensor, output: [usize; 2]) -> Result<Tensor> {
    let (_, _, rows, columns) = x.dims4()?;
    let [by_row, by_column] = [means(rows, output[0], x)?, means(columns, output[1], x)?];
    combine(x, &by_row, &by_column.t()?)
}

/// Gradient of [`avg_pool`] by its input of `input` rows and columns.
pub(in super::super) fn avg_pool_backward(gradient: &Tensor, input: [usize; 2]) -> Result<Tensor> {
    let (_, _, rows, columns) = gradient.dims4()?;
    let [by_row, by_column] = [means(input[0], rows, gradient)?, means(input[1], columns, gradient)?];
    combine(gradient, &by_row.t()?, &by_column)
}

/// `rows * plane * columns` for every plane of `[n, c, h, w]`.
fn combine(x: &Tensor, rows: &Tensor, columns: &Tensor) -> Result<Tensor> {
    let (n, c, height, width) = x.dims4()?;
    let (out_height, out_width) = (rows.dim(0)?, columns.dim(1)?);
    let across = x.reshape((n * c * height, width))?.matmul(&columns.contiguous()?)?;
    let across = across.reshape((n * c, height, out_width))?;
    rows.contiguous()?.broadcast_matmul(&across)?.reshape((n, c, out_height, out_width))
}

/// The matrix `[output, input]` that takes the mean over each window of an axis.
fn means(input: usize, output: usize, like: &Tensor) -> Result<Tensor> {
    let mut values = vec![0.0; output * input];
    for (at, row) in values.chunks_exact_mut(input).enumerate() {
        let window = adaptive_window(at, input, output);
        let share = 1.0 / window.len() as f64;
        row[window].fill(share);
    }
    // Cast on the host: not every device has f64.
    Tensor::from_vec(values, (output, input), &Device::Cpu)?.to_dtype(like.dtype())?.to_device(like.device())
}
