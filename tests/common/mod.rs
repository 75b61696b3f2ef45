//! What several tests of the networks share: weights and images by formula, reference results, checks of an executor.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

pub mod executor_checks;
pub mod fixture;
pub mod formula;
pub mod random_graph;
