//! What candle's tensor operations lack for these networks, made of those that every device has.

pub(super) mod adaptive;
pub(super) mod conv;
pub(super) mod layer_norm;
pub(super) mod nonlinearity;
pub(super) mod pooling;
pub(super) mod strided;
pub(super) mod upsample;

use candle_core::{DType, Device, Tensor};

use super::error::{Error, Result};

/// The device in a word or two for provenance.
pub(super) fn device_name(device: &Device) -> &'static str {
    match device {
        Device::Cpu => "cpu",
        Device::Cuda(_) if cfg!(feature = "cudnn") => "cuda, cuDNN with TF32 convolutions",
        Device::Cuda(_) => "cuda",
        Device::Metal(_) => "metal",
    }
}

/// Values in host memory as `f32`, row-major.
pub(super) fn host_f32(tensor: &Tensor) -> Result<Vec<f32>> {
    host(tensor, DType::F32, Tensor::to_vec1::<f32>)
}

/// Values in host memory as `f64`, row-major.
pub(super) fn host_f64(tensor: &Tensor) -> Result<Vec<f64>> {
    host(tensor, DType::F64, Tensor::to_vec1::<f64>)
}

/// Values in host memory, row-major. The cast happens on the host: not every device has `f64`.
fn host<T>(tensor: &Tensor, dtype: DType, read: impl Fn(&Tensor) -> candle_core::Result<Vec<T>>) -> Result<Vec<T>> {
    tensor
        .flatten_all()
        .and_then(|flat| flat.to_device(&Device::Cpu))
        .and_then(|flat| flat.to_dtype(dtype))
        .and_then(|flat| read(&flat))
        .map_err(|source| Error::candle("the copy to host memory", tensor.dims(), source))
}
