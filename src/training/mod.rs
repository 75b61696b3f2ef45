//! Training networks on a cohort.
//!
//! The network goes forward and back in a [`crate::network::Trainable`]; losses are candle expressions of its outputs.
//! Everything follows from the seed: the first weights, the order of images (by epoch), their augmentation (by epoch and
//! id). The number of threads changes nothing, and neither does a pause: a checkpoint after each epoch holds weights,
//! moments of the optimizer and the log, and a resumed training ends with the same bits as one that never stopped. Neither
//! does it matter whether prepared images lie in memory or on the disk.

mod augmentation;
mod checkpoint;
mod curve;
mod error;
mod initial;
mod log;
pub mod loss;
mod memory;
mod objective;
mod pixel_store;
mod run;
mod samples;
mod schedule;
mod settings;
mod temperature;
mod validation;

pub use augmentation::Augmentation;
pub use checkpoint::Checkpoint;
pub use curve::curve;
pub use error::{Error, Result};
pub use initial::{Inherited, initial_weights};
pub use log::{Epoch, csv};
pub use memory::usual_memory_bytes;
pub use pixel_store::Pixels;
pub use run::{Outcome, Progress, Training, TrainingWatch};
pub use samples::{Loading, Sample, Samples};
pub use schedule::Schedule;
pub use settings::Settings;
pub use temperature::{Answer, NoTemperature, temperature};
pub use validation::{Score, score_name};
