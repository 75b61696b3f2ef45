//! Layers of candle-nn from tensors by their names in torchvision, in double precision.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{BatchNorm, Conv2d, Conv2dConfig, Linear, Module, ModuleT};
use saliscope::network::Weights;

/// Parameters by name.
pub(crate) struct Tensors<'a>(&'a Weights);

impl<'a> Tensors<'a> {
    pub(crate) fn new(weights: &'a Weights) -> Self {
        Self(weights)
    }

    fn get(&self, name: &str) -> Result<Tensor> {
        let tensor = self.0.get(name).unwrap();
        Tensor::from_slice(&tensor.values, &tensor.shape[..], &Device::Cpu)?.to_dtype(DType::F64)
    }

    /// Convolution without bias; padding is written out, because candle-nn's is the same on all sides.
    pub(crate) fn conv(&self, name: &str, x: &Tensor, stride: usize, [rows, columns]: [usize; 2]) -> Result<Tensor> {
        let x = padded(x, rows, columns)?;
        let config = Conv2dConfig { stride, ..Conv2dConfig::default() };
        Conv2d::new(self.get(&format!("{name}.weight"))?, None, config).forward(&x)
    }

    /// Batch normalization with its running statistics; a factor of 1 where there is none.
    pub(crate) fn norm(&self, name: &str, x: &Tensor, eps: f64) -> Result<Tensor> {
        let of = |part: &str| self.get(&format!("{name}.{part}"));
        let (mean, variance, bias) = (of("running_mean")?, of("running_var")?, of("bias")?);
        let weight = match self.0.get(&format!("{name}.weight")) {
            Ok(_) => of("weight")?,
            Err(_) => bias.ones_like()?,
        };
        BatchNorm::new(mean.dim(0)?, mean, variance, weight, bias, eps)?.forward_t(x, false)
    }

    /// Global average and the last layer.
    pub(crate) fn head(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        let pooled = x.mean((2, 3))?;
        Linear::new(self.get(&format!("{name}.weight"))?, Some(self.get(&format!("{name}.bias"))?)).forward(&pooled)
    }
}

/// `x` with rows and columns of zeros around it.
pub(crate) fn padded(x: &Tensor, rows: usize, columns: usize) -> Result<Tensor> {
    x.pad_with_zeros(2, rows, rows)?.pad_with_zeros(3, columns, columns)
}
