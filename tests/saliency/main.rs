//! The eight methods and their schedule, on a model with a closed form and on small real networks.

#![expect(clippy::unwrap_used, reason = "a failing unwrap fails the test")]

mod analytic;
mod failures;
mod formulas;
mod schedule;
