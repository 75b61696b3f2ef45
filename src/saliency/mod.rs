//! Saliency methods over any [`Executor`](crate::network::Executor), through one schedule that shares passes.

mod canvas;
mod case;
mod display;
mod error;
mod explanation;
mod feature_maps;
mod grad_cam;
mod inputs;
mod map;
pub mod methods;
mod noise;
mod overrides;
mod parameters;
mod plan;
mod provenance;
mod request;
pub mod resize;
mod schedule;
mod sum;
pub mod xrai;

pub(crate) use display::percentile;
pub use display::{DisplayMap, Outcome};
pub use error::{Error, Result};
pub use explanation::{ArrayValues, Explanation, NamedArray, SaliencyMap};
pub use feature_maps::{FeatureMap, feature_maps};
pub use methods::{Card, Method, MethodSpec};
pub use noise::{Noise, seeded_sample};
pub use overrides::Place;
pub use parameters::{
    Aggregate, Baseline, GradCam, IntegratedGradients, MethodParameters, ParameterGroup, Parameters, Preset,
    SmoothGrad, SmoothIntegratedGradients, Xrai,
};
pub use provenance::{Completeness, Evaluations, NoiseOrigin, Provenance};
pub use request::{ClassChoice, FinishedMap, ImageInput, MapWatch, PartialMap, Request};
pub use schedule::{About, Explainer, explain};
