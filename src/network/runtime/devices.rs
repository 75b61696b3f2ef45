//! What this build and this machine have to run networks on.

use candle_core::Device;

use super::choice::Gpu;

/// GPUs of a build and a machine. Tests put others in the place of the real ones.
pub trait Devices: Send + Sync {
    /// Whether the program has code for it.
    fn is_built(&self, gpu: Gpu) -> bool;

    /// Starts the first one.
    ///
    /// # Errors
    /// When there is none, or its driver fails.
    fn start(&self, gpu: Gpu) -> candle_core::Result<Device>;
}

/// Those that are there.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

impl Devices for ThisMachine {
    fn is_built(&self, gpu: Gpu) -> bool {
        match gpu {
            Gpu::Cuda => candle_core::utils::cuda_is_available(),
            Gpu::Metal => candle_core::utils::metal_is_available(),
        }
    }

    fn start(&self, gpu: Gpu) -> candle_core::Result<Device> {
        match gpu {
            Gpu::Cuda => Device::new_cuda(0),
            Gpu::Metal => Device::new_metal(0),
        }
    }
}
