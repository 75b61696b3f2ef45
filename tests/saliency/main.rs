//! The methods and their schedule, on a model with a closed form and on small real networks.

#![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]

mod analytic;
mod beyond_study;
mod costs;
mod failures;
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the networks")]
#[path = "../common/formula.rs"]
mod formula;
mod formulas;
mod networks;
mod schedule;
