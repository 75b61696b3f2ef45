//! Operations on candle's tape whose value was computed beforehand and whose derivative is ours.
//!
//! candle's own tape will not do for everything: the derivative of its ReLU at 0 is 1, equal maxima share their
//! gradient, pools with overlapping windows have none, that of a convolution with stride fails on images whose sides
//! leave different remainders, and rests on a transposed convolution that is naive on CUDA.

use std::sync::{Mutex, PoisonError};

use candle_core::backend::{BackendDevice, BackendStorage};
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp2, CustomOp3, Layout, MetalStorage, Result, Shape, Storage, Tensor,
    bail,
};

/// The way back through an operation, made of tensor operations that every device has.
pub(super) trait Derivative: Send + Sync + 'static {
    /// Name for candle's messages.
    const NAME: &'static str;

    /// Gradients by the arguments, in their order, from the gradient by the result `y`; none for an argument that
    /// needs none. Nothing here is on a tape.
    fn back(&self, arguments: &[Tensor], y: &Tensor, gradient: &Tensor) -> Result<Vec<Option<Tensor>>>;
}

/// Puts `value`, computed from `arguments` without a tape, on the tape of the arguments; there may be one to three.
///
/// candle wants a result in memory of its own, so the value is copied.
pub(super) fn record(arguments: &[&Tensor], value: Tensor, derivative: impl Derivative) -> Result<Tensor> {
    let operation = Recorded { value: Mutex::new(Some(value)), derivative };
    match arguments {
        [first] => first.apply_op1(operation),
        [first, second] => first.apply_op2(second, operation),
        [first, second, third] => first.apply_op3(second, third, operation),
        _ => bail!("an operation has one to three arguments, not {}", arguments.len()),
    }
}

struct Recorded<D> {
    /// Taken when candle asks for it, lest the tape hold it twice.
    value: Mutex<Option<Tensor>>,
    derivative: D,
}

impl<D: Derivative> Recorded<D> {
    fn take(&self) -> Result<Tensor> {
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.ok_or_else(|| candle_core::Error::Msg(format!("the value of a {} was taken twice", D::NAME)))
    }

    fn cpu(&self) -> Result<(CpuStorage, Shape)> {
        let value = self.take()?;
        let (storage, layout) = value.storage_and_layout();
        match &*storage {
            Storage::Cpu(storage) => copy(storage, layout),
            _ => bail!("the value of a {} is on another device than its arguments", D::NAME),
        }
    }

    fn cuda(&self) -> Result<(CudaStorage, Shape)> {
        let value = self.take()?;
        let (storage, layout) = value.storage_and_layout();
        match &*storage {
            Storage::Cuda(storage) => copy(storage, layout),
            _ => bail!("the value of a {} is on another device than its arguments", D::NAME),
        }
    }

    fn metal(&self) -> Result<(MetalStorage, Shape)> {
        let value = self.take()?;
        let (storage, layout) = value.storage_and_layout();
        match &*storage {
            Storage::Metal(storage) => copy(storage, layout),
            _ => bail!("the value of a {} is on another device than its arguments", D::NAME),
        }
    }

    fn back<const N: usize>(
        &self,
        arguments: [&Tensor; N],
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<[Option<Tensor>; N]> {
        // What is computed from detached tensors leaves no tape of the way back.
        let parts = self.derivative.back(&arguments.map(Tensor::detach), &y.detach(), &gradient.contiguous()?)?;
        parts.try_into().or_else(|_| bail!("a {} has a gradient for each of {N} arguments", D::NAME))
    }
}

fn copy<S: BackendStorage>(storage: &S, layout: &Layout) -> Result<(S, Shape)>
where
    S::Device: BackendDevice<Storage = S>,
{
    let mut copy = storage.device().zeros_impl(layout.shape(), storage.dtype())?;
    storage.copy_strided_src(&mut copy, 0, layout)?;
    Ok((copy, layout.shape().clone()))
}

impl<D: Derivative> CustomOp1 for Recorded<D> {
    fn name(&self) -> &'static str {
        D::NAME
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.cuda()
    }

    fn metal_fwd(&self, _: &MetalStorage, _: &Layout) -> Result<(MetalStorage, Shape)> {
        self.metal()
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let [first] = self.back([x], y, gradient)?;
        Ok(first)
    }
}

impl<D: Derivative> CustomOp2 for Recorded<D> {
    fn name(&self) -> &'static str {
        D::NAME
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.cuda()
    }

    fn metal_fwd(&self, _: &MetalStorage, _: &Layout, _: &MetalStorage, _: &Layout) -> Result<(MetalStorage, Shape)> {
        self.metal()
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [first, second] = self.back([x, weight], y, gradient)?;
        Ok((first, second))
    }
}

impl<D: Derivative> CustomOp3 for Recorded<D> {
    fn name(&self) -> &'static str {
        D::NAME
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.cpu()
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.cuda()
    }

    fn metal_fwd(
        &self,
        _: &MetalStorage,
        _: &Layout,
        _: &MetalStorage,
        _: &Layout,
        _: &MetalStorage,
        _: &Layout,
    ) -> Result<(MetalStorage, Shape)> {
        self.metal()
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [first, second, third] = self.back([x, weight, bias], y, gradient)?;
        Ok((first, second, third))
    }
}
