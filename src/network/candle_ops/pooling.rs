//! Pooling with borders, and where its gradient goes.

use candle_core::{DType, Device, Result, Tensor};

use super::super::op::{Border, Pool};
use super::strided::{crop, every, interleave, pad, phase_extent, place};

/// Maximum over windows; the border never wins.
pub(in super::super) fn max_pool(x: &Tensor, pool: Pool) -> Result<Tensor> {
    padded(x, pool, f64::NEG_INFINITY)?.max_pool2d_with_stride((pool.kernel[0], pool.kernel[1]), strides(pool))
}

/// For every output pixel the number of its maximum within the window, row-major; the first one where several tie.
pub(in super::super) fn max_pool_winners(x: &Tensor, maxima: &Tensor, pool: Pool) -> Result<Tensor> {
    let padded = padded(x, pool, f64::NEG_INFINITY)?;
    let (_, _, rows, columns) = maxima.dims4()?;
    let mut winners = Tensor::zeros(maxima.shape(), DType::U32, x.device())?;
    // From the last to the first, so that the first maximum is written last.
    for number in (0..pool.kernel[0] * pool.kernel[1]).rev() {
        let offset = [number / pool.kernel[1], number % pool.kernel[1]];
        let candidate = every(&padded, offset, pool.stride, [rows, columns])?;
        let here = Tensor::full(number as u32, maxima.shape(), x.device())?;
        winners = candidate.eq(maxima)?.where_cond(&here, &winners)?;
    }
    Ok(winners)
}

/// Gradient of a max pool by its input of `input` rows and columns.
pub(in super::super) fn max_pool_backward(
    gradient: &Tensor,
    winners: &Tensor,
    pool: Pool,
    input: [usize; 2],
) -> Result<Tensor> {
    let zeros = gradient.zeros_like()?;
    scatter(pool, input, |number| winners.eq(number as u32)?.where_cond(gradient, &zeros))
}

/// Mean over windows; `count_include_pad` counts the zeros of the border (PyTorch) or leaves them out (Keras).
pub(in super::super) fn avg_pool(x: &Tensor, pool: Pool, count_include_pad: bool) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    let mean = padded(x, pool, 0.0)?.avg_pool2d_with_stride((pool.kernel[0], pool.kernel[1]), strides(pool))?;
    match window_shares(&mean, pool, count_include_pad, [height, width])? {
        Some(shares) => mean.broadcast_mul(&shares),
        None => Ok(mean),
    }
}

/// Gradient of an average pool by its input of `input` rows and columns.
pub(in super::super) fn avg_pool_backward(
    gradient: &Tensor,
    pool: Pool,
    count_include_pad: bool,
    input: [usize; 2],
) -> Result<Tensor> {
    let mut part = (gradient / (pool.kernel[0] * pool.kernel[1]) as f64)?;
    if let Some(shares) = window_shares(gradient, pool, count_include_pad, input)? {
        part = part.broadcast_mul(&shares)?;
    }
    scatter(pool, input, |_| Ok(part.clone()))
}

fn strides(pool: Pool) -> (usize, usize) {
    (pool.stride[0], pool.stride[1])
}

/// The border, and behind it what the last windows reach over.
fn border(pool: Pool, input: [usize; 2]) -> Result<Border> {
    let Some(output) = pool.output(input) else {
        candle_core::bail!("a window of {:?} pixels does not fit {input:?}", pool.kernel);
    };
    let after = [0, 1].map(|axis| pool.padding.after[axis] + pool.overhang(axis, input[axis], output[axis]));
    Ok(Border { after, ..pool.padding })
}

fn padded(x: &Tensor, pool: Pool, value: f64) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    pad(x, border(pool, [height, width])?, value)
}

/// For every output pixel, pixels of the window over those that count, `[1, 1, rows, columns]`; none where all count.
fn window_shares(output: &Tensor, pool: Pool, count_include_pad: bool, input: [usize; 2]) -> Result<Option<Tensor>> {
    let (_, _, rows, columns) = output.dims4()?;
    let counted = |axis: usize, count: usize| -> Vec<usize> {
        (0..count).map(|at| pool.window(axis, at, input[axis], count_include_pad).1).collect()
    };
    let (by_row, by_column) = (counted(0, rows), counted(1, columns));
    let whole = |axis: usize, counted: &[usize]| counted.iter().all(|count| *count == pool.kernel[axis]);
    if whole(0, &by_row) && whole(1, &by_column) {
        return Ok(None);
    }
    let pixels = (pool.kernel[0] * pool.kernel[1]) as f64;
    let share = |row: &usize| by_column.iter().map(|column| pixels / (row * column) as f64).collect::<Vec<_>>();
    let shares: Vec<f64> = by_row.iter().flat_map(share).collect();
    // Cast on the host: not every device has f64.
    let shares = Tensor::from_vec(shares, (1, 1, rows, columns), &Device::Cpu)?;
    shares.to_dtype(output.dtype())?.to_device(output.device()).map(Some)
}

/// Adds up, over the pixels of a window numbered row-major, what `part` sends to that pixel of every window.
fn scatter(pool: Pool, input: [usize; 2], part: impl Fn(usize) -> Result<Tensor>) -> Result<Tensor> {
    let stride = pool.stride;
    let extent = phase_extent(input, border(pool, input)?, stride);
    let mut phases: Vec<Option<Tensor>> = vec![None; pool.stride[0] * pool.stride[1]];
    let mut shape = None;
    for number in 0..pool.kernel[0] * pool.kernel[1] {
        let offset = [number / pool.kernel[1], number % pool.kernel[1]];
        let phase = (offset[0] % pool.stride[0]) * pool.stride[1] + offset[1] % pool.stride[1];
        let placed = place(&part(number)?, [offset[0] / pool.stride[0], offset[1] / pool.stride[1]], extent)?;
        shape.get_or_insert_with(|| (placed.shape().clone(), placed.dtype(), placed.device().clone()));
        phases[phase] = Some(match phases[phase].take() {
            Some(sum) => (sum + placed)?,
            None => placed,
        });
    }
    let Some((shape, dtype, device)) = shape else {
        candle_core::bail!("a pool needs a window of at least one pixel");
    };
    let phases = phases
        .into_iter()
        .map(|phase| phase.map_or_else(|| Tensor::zeros(&shape, dtype, &device), Ok))
        .collect::<Result<Vec<_>>>()?;
    crop(&interleave(&phases, stride)?, pool.padding.before, input)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Result, Tensor};

    use super::{Pool, max_pool, max_pool_backward, max_pool_winners};

    /// `torch.nn.functional.max_pool2d(x, 3, 2, 1)` of ones, differentiated by `[[1, 2], [3, 4]]`, sends each gradient
    /// to the top left pixel of its window that lies in the image; of minus ones as well.
    #[test]
    fn the_first_of_equal_maxima_takes_the_whole_gradient() -> Result<()> {
        let pool = Pool::square(3, 2, 1);
        for level in [1.0, -1.0] {
            let x = (Tensor::ones((1, 1, 4, 3), candle_core::DType::F32, &Device::Cpu)? * level)?;
            let y = max_pool(&x, pool)?;
            let winners = max_pool_winners(&x, &y, pool)?;
            let gradient = Tensor::new(&[[[[1f32, 2.0], [3.0, 4.0]]]], &Device::Cpu)?;
            let back = max_pool_backward(&gradient, &winners, pool, [4, 3])?;
            let expected = [1.0, 2.0, 0.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
            assert_eq!(back.flatten_all()?.to_vec1::<f32>()?, expected);
        }
        Ok(())
    }
}
