//! Cascading randomization (Adebayo et al. 2018): does a map change when the network forgets what it learned?
//!
//! A network is randomized block by block; in each [`State`] every image is explained again, with the same noise, the
//! same segments and the same class, and each map is compared with that of the trained network. A method whose maps stay
//! alike does not show what the network learned. What "alike" is worth is told by two lines: maps of different images,
//! and unrelated blurred noise.

pub mod animation;
mod baseline;
mod csv;
mod error;
mod lockstep;
mod randomizer;
mod run;
mod similarity;
mod state;
mod verdict;

pub use baseline::{BetweenImages, CONTROL_BLUR_FRACTION, PAIRS, PairMean, control, pair_mean, pairs};
pub use csv::{baselines_csv, csv};
pub use error::{Error, Result};
pub use randomizer::Randomizer;
pub use run::{Cascade, Curve, CurvePoint, Finished, MethodBaseline, Plan, Row, curves, maps, run};
pub use similarity::{Comparable, Similarity, signed_map};
pub use state::{ORIGINAL, Order, State, blocks_with_parameters};
pub use verdict::{Verdict, VerdictKind, verdict};
