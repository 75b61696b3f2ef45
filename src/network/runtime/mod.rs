//! Where networks run: decided here, once, for the command line, the window, the benchmark, evaluation and training.

mod choice;
mod devices;
mod error;
mod forward;

use candle_core::{DType, Device};

pub use choice::{DeviceChoice, ExecutorChoice, Gpu, RuntimeOptions};
pub use devices::{Devices, ThisMachine};
pub use error::StartError;
pub use forward::Forward;

use super::candle_executor::CandleExecutor;
use super::candle_trainer::CandleTrainer;
use super::cpu::{CpuExecutor, CpuForward, CpuOptions, CpuTrainer, Isa};
use super::error::{Error, Result};
use super::executor::{Executor, check_classifier};
use super::graph::{Graph, ModelKind};
use super::model::Model;
use super::trainable::Trainable;
use super::weights::Weights;

/// A device that was started, and what runs networks on it. Cheap to clone; clones are the same place.
#[derive(Clone, Debug)]
pub struct Runtime {
    place: Place,
    warning: Option<String>,
}

/// Where networks run.
#[derive(Clone, Debug)]
enum Place {
    /// On the processor, in kernels made for them.
    Kernels {
        options: CpuOptions,
        isa: Isa,
        /// As many as `options` come to on this machine.
        threads: usize,
    },
    /// On a device of candle's.
    Candle(Device),
}

impl Runtime {
    /// Starts what is asked for. A GPU that is found but does not start is replaced by the processor where nobody named it,
    /// and [`Runtime::warning`] says so.
    ///
    /// # Errors
    /// When the choices exclude each other, when this build or machine has not what is asked for, or it does not start.
    pub fn open(options: &RuntimeOptions) -> std::result::Result<Self, StartError> {
        Self::open_on(options, &ThisMachine)
    }

    /// As [`Runtime::open`], of these devices.
    ///
    /// # Errors
    /// As [`Runtime::open`].
    pub fn open_on(options: &RuntimeOptions, devices: &dyn Devices) -> std::result::Result<Self, StartError> {
        options.check()?;
        let is_of_kernels = options.executor == ExecutorChoice::Cpu || options.isa.is_some();
        let (device, failed) = match options.device {
            DeviceChoice::Cpu => (Device::Cpu, None),
            DeviceChoice::Auto if is_of_kernels => (Device::Cpu, None),
            DeviceChoice::Auto => match Gpu::ALL.into_iter().find(|gpu| devices.is_built(*gpu)) {
                Some(gpu) => start(gpu, devices).map_or_else(|error| (Device::Cpu, Some(error)), |found| (found, None)),
                None => (Device::Cpu, None),
            },
            DeviceChoice::Cuda => (start(Gpu::Cuda, devices)?, None),
            DeviceChoice::Metal => (start(Gpu::Metal, devices)?, None),
        };
        let place = if device.is_cpu() && options.executor != ExecutorChoice::Candle {
            Place::kernels(options)?
        } else {
            Place::Candle(device)
        };
        Ok(Self { place, warning: None }.instead_of(failed.as_ref()))
    }

    /// As [`Runtime::open_on`], but goes on on the processor where what is asked for cannot be had;
    /// [`Runtime::warning`] says so.
    ///
    /// # Errors
    /// When the processor has no threads left.
    pub fn open_or_processor(options: &RuntimeOptions, devices: &dyn Devices) -> std::result::Result<Self, StartError> {
        Self::open_on(options, devices).or_else(|error| {
            let place = Place::kernels(&RuntimeOptions::default())?;
            Ok(Self { place, warning: None }.instead_of(Some(&error)))
        })
    }

    /// Notes what could not be had.
    fn instead_of(mut self, failed: Option<&StartError>) -> Self {
        let words = self.describe();
        self.warning = failed.map(|error| format!("{}; networks run here instead: {words}", error.reason()));
        self
    }

    /// What was asked for and could not be had, and what runs instead; a sentence.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Where networks run, in a few words, such as `processor, AVX2, 2 threads`.
    pub fn describe(&self) -> String {
        match &self.place {
            Place::Kernels { isa, threads, .. } => {
                format!("processor, {}, {threads} thread{}", isa_title(*isa), if *threads == 1 { "" } else { "s" })
            }
            Place::Candle(Device::Cpu) => "processor, candle".to_owned(),
            Place::Candle(Device::Cuda(_)) => format!("{}, candle", Gpu::Cuda.name()),
            Place::Candle(Device::Metal(_)) => format!("{}, candle", Gpu::Metal.name()),
        }
    }

    /// Whether `other` is the same place, so that what was made by one need not be made again by the other.
    pub fn is_same_place(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Place::Kernels { options: own, .. }, Place::Kernels { options: others, .. }) => own == others,
            (Place::Candle(own), Place::Candle(others)) => own.same_device(others),
            _ => false,
        }
    }

    /// The share of one of `workers` that run at the same time: the threads are divided between them.
    #[must_use]
    pub fn share(&self, workers: usize) -> Self {
        let mut own = self.clone();
        if let Place::Kernels { options, threads, .. } = &mut own.place
            && workers > 1
        {
            *threads = (*threads / workers).max(1);
            options.threads = Some(*threads);
        }
        own
    }

    /// An executor of a classifier, with a copy of `weights`.
    ///
    /// # Errors
    /// When the graph is no classifier, the weights do not fit, or the device fails.
    pub fn executor(&self, graph: &Graph, weights: &Weights) -> Result<Box<dyn Executor>> {
        check_classifier(graph)?;
        Ok(match &self.place {
            Place::Kernels { options, .. } => Box::new(CpuExecutor::new(graph.clone(), weights, *options)?),
            Place::Candle(device) => Box::new(CandleExecutor::new(graph.clone(), weights, device.clone(), DType::F32)?),
        })
    }

    /// What runs a model of any kind forward, with a copy of its weights.
    ///
    /// # Errors
    /// When the weights do not fit, or the device fails.
    pub fn forward(&self, model: &Model) -> Result<Forward> {
        let (graph, weights) = (&model.graph, &model.weights);
        if graph.kind() == ModelKind::Classifier {
            return self.executor(graph, weights).map(Forward::Classifier);
        }
        Ok(match &self.place {
            Place::Kernels { options, .. } => {
                Forward::Kernels(Box::new(CpuForward::new(graph.clone(), weights, *options)?))
            }
            Place::Candle(device) => {
                let executor = CandleExecutor::new(graph.clone(), weights, device.clone(), DType::F32)?;
                Forward::Candle(Box::new(executor))
            }
        })
    }

    /// What trains a network of any kind, from a copy of `weights` on.
    ///
    /// # Errors
    /// When the weights do not fit, or the device fails.
    pub fn trainer(&self, graph: Graph, weights: &Weights) -> Result<Box<dyn Trainable>> {
        Ok(match &self.place {
            Place::Kernels { options, .. } => Box::new(CpuTrainer::new(graph, weights, *options)?),
            Place::Candle(device) => Box::new(CandleTrainer::new(graph, weights, device.clone())?),
        })
    }
}

impl Place {
    fn kernels(options: &RuntimeOptions) -> std::result::Result<Self, StartError> {
        let options = CpuOptions { threads: options.threads, isa: options.isa, ..CpuOptions::default() };
        // Every network starts threads of its own; these show whether there are any, and how many.
        let (isa, pool) = options.start().map_err(|error| match error {
            Error::IsaUnavailable { isa } => StartError::NoIsa { isa },
            Error::Threads { source } => StartError::Threads { reason: source.to_string() },
            other => StartError::Threads { reason: other.to_string() },
        })?;
        Ok(Self::Kernels { options, isa, threads: pool.current_num_threads() })
    }
}

/// The name of an instruction set on screen.
fn isa_title(isa: Isa) -> &'static str {
    match isa {
        Isa::Avx512 => "AVX-512",
        Isa::Avx2 => "AVX2",
        Isa::Portable => "portable",
    }
}

fn start(gpu: Gpu, devices: &dyn Devices) -> std::result::Result<Device, StartError> {
    if !devices.is_built(gpu) {
        return Err(StartError::NotBuilt { gpu });
    }
    devices.start(gpu).map_err(|error| StartError::Failed { gpu, reason: error.to_string() })
}
