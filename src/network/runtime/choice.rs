//! What can be chosen of where networks run.

use serde::{Deserialize, Serialize};

use super::super::cpu::Isa;
use super::error::StartError;

/// On which device networks run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceChoice {
    /// A GPU where this build and the machine have one, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The first NVIDIA GPU.
    Cuda,
    /// The GPU of a Mac.
    Metal,
}

impl DeviceChoice {
    /// All, in the order of lists.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Cpu, Self::Cuda, Self::Metal];

    /// The GPU that it names.
    pub fn gpu(self) -> Option<Gpu> {
        match self {
            Self::Auto | Self::Cpu => None,
            Self::Cuda => Some(Gpu::Cuda),
            Self::Metal => Some(Gpu::Metal),
        }
    }
}

/// What runs networks on the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutorChoice {
    /// The fastest for the device.
    #[default]
    Auto,
    /// candle's tensor operations, on any device: the reference.
    Candle,
    /// Kernels made for these networks, on the processor.
    Cpu,
}

impl ExecutorChoice {
    /// All, in the order of lists.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Candle, Self::Cpu];
}

/// A kind of GPU that a build may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gpu {
    /// NVIDIA's.
    Cuda,
    /// Apple's.
    Metal,
}

impl Gpu {
    /// All, those that are taken first where nobody says which.
    pub const ALL: [Self; 2] = [Self::Cuda, Self::Metal];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cuda => "CUDA",
            Self::Metal => "Metal",
        }
    }

    /// The feature of the build that holds it.
    pub fn feature(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Metal => "metal",
        }
    }
}

/// Everything that decides where networks run; no result but that of another kind of device depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RuntimeOptions {
    /// The device.
    pub device: DeviceChoice,
    /// What runs networks on it.
    pub executor: ExecutorChoice,
    /// Instruction set of the processor's kernels; `None` takes the best that this machine has.
    pub isa: Option<Isa>,
    /// Threads of the processor's kernels; `None` takes one for each core.
    pub threads: Option<usize>,
}

impl RuntimeOptions {
    /// Refuses choices that exclude each other.
    ///
    /// # Errors
    /// When they do.
    pub fn check(&self) -> Result<(), StartError> {
        let is_gpu = self.device.gpu().is_some();
        if is_gpu && self.executor == ExecutorChoice::Cpu {
            return Err(StartError::KernelsOnGpu);
        }
        if self.isa.is_some() && (is_gpu || self.executor == ExecutorChoice::Candle) {
            return Err(StartError::IsaWithoutKernels);
        }
        Ok(())
    }
}
