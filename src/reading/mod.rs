//! Reading cases: an image opened for looking, models opened for asking, and the maps that answer.
//!
//! This is what a window does without the window: [`OpenCase`] holds one radiograph with everything that is shown around
//! it, [`OpenModel`] a network ready to run, and [`Explainer`] computes maps in the background, cheapest first, and keeps
//! them by content, so that going back is instant.

mod cache;
mod cascade_baseline;
mod cascade_files;
mod cascade_run;
mod case;
mod error;
mod explainer;
mod facts;
mod likeness;
mod model;
mod question;
mod runtime;
mod source;
mod thumbnail;

pub use cache::MapCache;
pub use cascade_baseline::{ImageBaseline, OTHER_IMAGES, OtherImage, other_images};
pub use cascade_files::{CascadeExport, CascadeFile};
pub use cascade_run::{CascadeFound, CascadeQuestion, CascadeRun, Cascades};
pub use case::{CaseTruth, OpenCase, PlacedOverlay};
pub use error::{Error, Result};
pub use explainer::{Answer, Explainer, PartialAnswer, Standing, predict};
pub use facts::Facts;
pub use likeness::likeness;
pub use model::{ModelSource, OpenModel, Prediction};
pub use question::{MapKey, Question};
pub use runtime::ChosenRuntime;
pub use source::CaseSource;
pub use thumbnail::{Thumbnail, ThumbnailSource};
