//! Why networks cannot run where somebody wants them to.

use super::super::cpu::Isa;
use super::choice::Gpu;

/// Why networks cannot run there, as one sentence the user can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The processor's kernels were asked for on a GPU.
    #[error("the processor's kernels (--executor cpu) run on no GPU: leave --device out, or use --executor candle")]
    KernelsOnGpu,
    /// An instruction set where no kernel of ours runs.
    #[error("--isa is for the processor's kernels: leave it out, or use --executor cpu")]
    IsaWithoutKernels,
    /// The program has no code for the device.
    #[error("{}, or run on the processor (--device cpu)", .gpu.not_built())]
    NotBuilt {
        /// The device.
        gpu: Gpu,
    },
    /// The device is not there, or does not answer.
    #[error("{} could not start ({reason}): run on the processor (--device cpu)", .gpu.name())]
    Failed {
        /// The device.
        gpu: Gpu,
        /// The driver's words.
        reason: String,
    },
    /// The machine lacks an instruction set.
    #[error("this machine has no {isa}: leave the choice to the program, or take portable")]
    NoIsa {
        /// The set.
        isa: Isa,
    },
    /// The operating system gave no threads.
    #[error("the kernels' threads could not be started ({reason}): ask for fewer (--threads)")]
    Threads {
        /// The system's words.
        reason: String,
    },
}

impl StartError {
    /// Whether the choices contradict each other, whatever this build and machine have.
    pub fn is_contradiction(&self) -> bool {
        matches!(self, Self::KernelsOnGpu | Self::IsaWithoutKernels)
    }

    /// What is wrong, for those who go on without what was asked for.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::NotBuilt { gpu } => gpu.not_built(),
            Self::Failed { gpu, reason } => format!("{} could not start ({reason})", gpu.name()),
            other => other.to_string(),
        }
    }
}

impl Gpu {
    /// That this build does not know it, and what to do about that.
    pub fn not_built(self) -> String {
        let (name, feature) = (self.name(), self.feature());
        format!("this program was built without {name}: build it with `cargo build --release --features {feature}`")
    }
}
