//! From a loss to gradients by a network's outputs, where something other than candle goes back through the network.

use candle_core::{DType, Device, Tensor, Var};

use super::error::{Error, Result};
use crate::network::Batch;

const GRADIENTS: &str = "the gradients by the outputs";

/// A batch as a tensor `[n, c, h, w]` of `f32` on the processor.
///
/// # Errors
/// When there is no memory.
fn tensor_of(batch: &Batch) -> Result<Tensor> {
    Tensor::from_slice(batch.values(), &batch.shape(), &Device::Cpu).map_err(Error::candle(GRADIENTS))
}

/// A tensor `[n, c, h, w]` as a batch.
///
/// # Errors
/// When it has another rank, or the device fails.
fn batch_of(tensor: &Tensor) -> Result<Batch> {
    let read = || {
        let (n, c, h, w) = tensor.dims4()?;
        let values = tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        Ok(Batch::new([n, c, h, w], values))
    };
    read().map_err(Error::candle(GRADIENTS))
}

/// Value of a loss of a network's outputs, and its gradient by each of them; zeros by outputs that the loss does not read.
///
/// # Errors
/// When the loss fails, is no scalar, or the device fails.
pub fn output_gradients(
    outputs: &[Batch],
    loss: impl FnOnce(&[Tensor]) -> Result<Tensor>,
) -> Result<(f64, Vec<Batch>)> {
    let leaves = outputs
        .iter()
        .map(|output| tensor_of(output).and_then(|tensor| leaf(&tensor)))
        .collect::<Result<Vec<Var>>>()?;
    let tensors: Vec<Tensor> = leaves.iter().map(|leaf| leaf.as_tensor().clone()).collect();
    let loss = loss(&tensors)?;
    let value = loss.to_dtype(DType::F64).and_then(|loss| loss.to_scalar()).map_err(Error::candle(GRADIENTS))?;
    let slopes = loss.backward().map_err(Error::candle(GRADIENTS))?;
    let gradient = |(leaf, output): (&Var, &Batch)| match slopes.get(leaf) {
        Some(slope) => batch_of(slope),
        None => Ok(Batch::zeros(output.shape())),
    };
    Ok((value, leaves.iter().zip(outputs).map(gradient).collect::<Result<Vec<_>>>()?))
}

fn leaf(tensor: &Tensor) -> Result<Var> {
    Var::from_tensor(tensor).map_err(Error::candle(GRADIENTS))
}
