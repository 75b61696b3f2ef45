//! Every s-th row and column of a tensor, and the way back: what strided windows read and where their gradients go.

use candle_core::{Result, Tensor};

use super::super::op::Border;

/// Adds rows and columns of `value` around `[n, c, h, w]`.
pub(in super::super) fn pad(x: &Tensor, border: Border, value: f64) -> Result<Tensor> {
    let mut padded = x.clone();
    for axis in 0..2 {
        let dim = axis + 2;
        let edge = |count: usize| {
            let mut shape = padded.dims().to_vec();
            shape[dim] = count;
            Tensor::full(value as f32, shape, x.device())?.to_dtype(x.dtype())
        };
        let mut parts = Vec::with_capacity(3);
        if border.before[axis] > 0 {
            parts.push(edge(border.before[axis])?);
        }
        parts.push(padded.clone());
        if border.after[axis] > 0 {
            parts.push(edge(border.after[axis])?);
        }
        if parts.len() > 1 {
            padded = Tensor::cat(&parts, dim)?;
        }
    }
    Ok(padded)
}

/// The `extent` rows and columns that start at `offset` and lie `stride` apart.
pub(in super::super) fn every(
    x: &Tensor,
    offset: [usize; 2],
    stride: [usize; 2],
    extent: [usize; 2],
) -> Result<Tensor> {
    let mut picked = x.clone();
    for axis in 0..2 {
        let (dim, step, count) = (axis + 2, stride[axis], extent[axis]);
        let span = step * count;
        let available = (picked.dim(dim)? - offset[axis]).min(span);
        picked = picked.narrow(dim, offset[axis], available)?;
        if step > 1 {
            picked = picked.pad_with_zeros(dim, 0, span - available)?;
            let mut shape = picked.dims().to_vec();
            shape[dim] = count;
            shape.insert(dim + 1, step);
            picked = picked.contiguous()?.reshape(shape)?.narrow(dim + 1, 0, 1)?.squeeze(dim + 1)?;
        }
    }
    Ok(picked)
}

/// Puts `x` at `[row, column]` = `offset` of a field of zeros of `extent`.
pub(in super::super) fn place(x: &Tensor, offset: [usize; 2], extent: [usize; 2]) -> Result<Tensor> {
    let mut placed = x.clone();
    for axis in 0..2 {
        let dim = axis + 2;
        let after = extent[axis] - offset[axis] - placed.dim(dim)?;
        placed = placed.pad_with_zeros(dim, offset[axis], after)?;
    }
    Ok(placed)
}

/// Interleaves `stride[0] * stride[1]` phases `[n, c, rows, columns]`, row-major, into
/// `[n, c, rows * stride[0], columns * stride[1]]`: phase `(a, b)` fills rows `a, a + stride[0], ...`.
pub(in super::super) fn interleave(phases: &[Tensor], stride: [usize; 2]) -> Result<Tensor> {
    if let [only] = phases {
        return Ok(only.clone());
    }
    let (n, c, rows, columns) = phases[0].dims4()?;
    let bands = phases
        .chunks(stride[1])
        .map(|band| Tensor::stack(band, 4)?.reshape((n, c, rows, columns * stride[1])))
        .collect::<Result<Vec<_>>>()?;
    Tensor::stack(&bands, 3)?.reshape((n, c, rows * stride[0], columns * stride[1]))
}

/// Rows and columns of one phase: those of the input with its border, divided by the stride and rounded up.
pub(in super::super) fn phase_extent(input: [usize; 2], border: Border, stride: [usize; 2]) -> [usize; 2] {
    [0, 1].map(|axis| (input[axis] + border.sum(axis)).div_ceil(stride[axis]))
}

/// Takes the border off again: leaves the `extent` rows and columns behind the first `before`.
pub(in super::super) fn crop(x: &Tensor, before: [usize; 2], extent: [usize; 2]) -> Result<Tensor> {
    x.narrow(2, before[0], extent[0])?.narrow(3, before[1], extent[1])?.contiguous()
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::{every, interleave};

    #[test]
    fn interleaving_the_phases_of_a_field_gives_the_field_back() -> candle_core::Result<()> {
        let field = Tensor::arange(0f32, 2.0 * 6.0 * 9.0, &Device::Cpu)?.reshape((1, 2, 6, 9))?;
        let stride = [2, 3];
        let mut phases = Vec::new();
        for row in 0..2 {
            for column in 0..3 {
                phases.push(every(&field, [row, column], stride, [3, 3])?);
            }
        }
        let again = interleave(&phases, stride)?;
        assert_eq!(again.flatten_all()?.to_vec1::<f32>()?, field.flatten_all()?.to_vec1::<f32>()?);
        Ok(())
    }
}
