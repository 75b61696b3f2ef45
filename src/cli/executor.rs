//! From the arguments to an executor and its threads.

use candle_core::{DType, Device};

use super::arguments::{DeviceChoice, ExecutorChoice, IsaChoice, Machine};
use super::error::{Error, Result};
use crate::evaluation::Network;
use crate::network::{
    self, CandleExecutor, CandleTrainer, CpuExecutor, CpuOptions, CpuTrainer, Executor, Graph, Isa, Model, ModelKind,
    Trainable, Weights,
};

/// The executor that `machine` asks for, ready to run the classifier `model`; it keeps its own copy of the weights.
pub(super) fn build(model: &Model, machine: &Machine) -> Result<Box<dyn Executor>> {
    Ok(Factory::new(machine)?.build(&model.graph, &model.weights)?)
}

/// Makes executors of one kind; threads and device are chosen once.
pub(super) struct Factory(Place);

impl Factory {
    /// Makes what `machine` asks for.
    pub(super) fn new(machine: &Machine) -> Result<Self> {
        place(machine).map(Self)
    }

    /// Makes what `share` asks for, while work outside of executors runs on the threads of `machine`.
    pub(super) fn sharing(machine: &Machine, share: &Machine) -> Result<Self> {
        start_threads(machine.threads)?;
        place_without_threads(share).map(Self)
    }

    /// What runs a model of any kind forward; it keeps its own copy of the weights.
    pub(super) fn network(&self, model: &Model) -> network::Result<Network> {
        if model.card.kind == ModelKind::Classifier {
            return self.build(&model.graph, &model.weights).map(Network::Classifier);
        }
        let graph = model.graph.clone();
        Ok(match &self.0 {
            Place::Kernels(options) => Network::Trained(Box::new(CpuTrainer::new(graph, &model.weights, *options)?)),
            Place::Candle(device) => {
                Network::Candle(CandleExecutor::new(graph, &model.weights, device.clone(), DType::F32)?)
            }
        })
    }

    /// An executor with a copy of `weights`.
    pub(super) fn build(&self, graph: &Graph, weights: &Weights) -> network::Result<Box<dyn Executor>> {
        Ok(match &self.0 {
            Place::Kernels(options) => Box::new(CpuExecutor::new(graph.clone(), weights, *options)?),
            Place::Candle(device) => Box::new(CandleExecutor::new(graph.clone(), weights, device.clone(), DType::F32)?),
        })
    }
}

/// What `machine` asks for to run a model of any kind forward; it keeps its own copy of the weights.
pub(super) fn build_network(model: &Model, machine: &Machine) -> Result<Network> {
    Ok(Factory::new(machine)?.network(model)?)
}

/// Where a network runs.
enum Place {
    /// On the processor, in kernels made for it.
    Kernels(CpuOptions),
    /// On a device of candle's.
    Candle(Device),
}

fn place(machine: &Machine) -> Result<Place> {
    start_threads(machine.threads)?;
    place_without_threads(machine)
}

fn place_without_threads(machine: &Machine) -> Result<Place> {
    let device = match machine.executor {
        ExecutorChoice::Cpu => Device::Cpu,
        ExecutorChoice::Auto if machine.isa != IsaChoice::Auto => Device::Cpu,
        ExecutorChoice::Auto | ExecutorChoice::Candle => device(machine.device)?,
    };
    if device.is_cpu() && machine.executor != ExecutorChoice::Candle {
        let isa = match machine.isa {
            IsaChoice::Auto => None,
            IsaChoice::Avx512 => Some(Isa::Avx512),
            IsaChoice::Avx2 => Some(Isa::Avx2),
            IsaChoice::Portable => Some(Isa::Portable),
        };
        return Ok(Place::Kernels(CpuOptions { threads: machine.threads, isa, ..CpuOptions::default() }));
    }
    Ok(Place::Candle(device))
}

/// Work outside of an executor runs on this many threads; one for each core where nobody says.
pub(super) fn start_threads(threads: Option<usize>) -> Result<()> {
    threads.map_or(Ok(()), |threads| {
        let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        built.map_err(|error| Error::Threads(error.to_string()))
    })
}

/// What trains `graph` on the device asked for.
pub(super) fn trainer(
    graph: Graph,
    weights: &Weights,
    choice: DeviceChoice,
    threads: Option<usize>,
) -> Result<Box<dyn Trainable>> {
    let device = device(choice)?;
    if device.is_cpu() {
        let options = CpuOptions { threads, ..CpuOptions::default() };
        return Ok(Box::new(CpuTrainer::new(graph, weights, options)?));
    }
    Ok(Box::new(CandleTrainer::new(graph, weights, device)?))
}

fn device(choice: DeviceChoice) -> Result<Device> {
    let unavailable = |name: &str, feature: &str| {
        Error::Unavailable(format!(
            "this program was built without {name}: build it with `cargo build --release --features {feature}`, or use \
             --device cpu"
        ))
    };
    let failed = |name: &str, error: candle_core::Error| {
        Error::Unavailable(format!("no {name} device can be used ({error}); use --device cpu"))
    };
    match choice {
        DeviceChoice::Auto => {
            let gpu = if candle_core::utils::cuda_is_available() {
                Device::new_cuda(0)
            } else if candle_core::utils::metal_is_available() {
                Device::new_metal(0)
            } else {
                Ok(Device::Cpu)
            };
            // A card that cannot be used is no reason to fail where nobody asked for one. Without CUDA's libraries a build
            // with CUDA does not even start: it is linked with them.
            Ok(gpu.unwrap_or(Device::Cpu))
        }
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Cuda if !candle_core::utils::cuda_is_available() => Err(unavailable("CUDA", "cuda")),
        DeviceChoice::Cuda => Device::new_cuda(0).map_err(|error| failed("CUDA", error)),
        DeviceChoice::Metal if !candle_core::utils::metal_is_available() => Err(unavailable("Metal", "metal")),
        DeviceChoice::Metal => Device::new_metal(0).map_err(|error| failed("Metal", error)),
    }
}
