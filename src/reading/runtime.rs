//! Where networks run, as it was chosen last.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::network::{Devices, Gpu, Runtime, RuntimeOptions, StartError, ThisMachine};

/// The place that was chosen last, which is started when it is first needed. What cannot be started is replaced by the
/// processor, and [`Runtime::warning`] says so. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct ChosenRuntime {
    devices: Arc<dyn Devices>,
    chosen: Arc<Mutex<Arc<Chosen>>>,
}

/// One choice and what came of it.
struct Chosen {
    options: RuntimeOptions,
    started: OnceLock<Result<Runtime, StartError>>,
}

impl Chosen {
    fn new(options: RuntimeOptions) -> Arc<Self> {
        Arc::new(Self { options, started: OnceLock::new() })
    }
}

impl ChosenRuntime {
    /// What `options` ask for, on these devices; nothing is started yet.
    pub fn new(options: RuntimeOptions, devices: Arc<dyn Devices>) -> Self {
        Self { devices, chosen: Arc::new(Mutex::new(Chosen::new(options))) }
    }

    /// Chooses anew, and says whether that is another choice. What runs goes on where it began.
    pub fn choose(&self, options: RuntimeOptions) -> bool {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_another = chosen.options != options;
        if is_another {
            *chosen = Chosen::new(options);
        }
        is_another
    }

    fn chosen(&self) -> Arc<Chosen> {
        // Nothing that can panic changes what is inside.
        Arc::clone(&self.chosen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The runtime, started where nobody did so far: that may take seconds.
    ///
    /// # Errors
    /// When not even the processor can be used.
    pub fn get(&self) -> Result<Runtime, StartError> {
        let chosen = self.chosen();
        let start = || Runtime::open_or_processor(&chosen.options, self.devices.as_ref());
        chosen.started.get_or_init(start).clone()
    }

    /// The runtime, once it was started. Never waits.
    pub fn started(&self) -> Option<Result<Runtime, StartError>> {
        self.chosen().started.get().cloned()
    }

    /// Whether the program has code for it.
    pub fn is_built(&self, gpu: Gpu) -> bool {
        self.devices.is_built(gpu)
    }

    /// Why these options cannot be had in this build, in a sentence.
    pub fn obstacle(&self, options: &RuntimeOptions) -> Option<String> {
        if let Err(error) = options.check() {
            return Some(error.to_string());
        }
        options.device.gpu().filter(|gpu| !self.devices.is_built(*gpu)).map(Gpu::not_built)
    }
}

impl Default for ChosenRuntime {
    /// The fastest of this machine.
    fn default() -> Self {
        Self::new(RuntimeOptions::default(), Arc::new(ThisMachine))
    }
}
