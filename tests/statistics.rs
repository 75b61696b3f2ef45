//! Models, tests and distributions beside those of R: lme4, lmerTest, emmeans, pbkrtest, multcomp (fixtures made by
//! `tests/reference/statistics.R` from seeded synthetic scores).

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "statistics/bad_data.rs"]
mod bad_data;
#[path = "statistics/command.rs"]
mod command;
#[path = "statistics/distributions.rs"]
mod distributions;
#[path = "statistics/invariance.rs"]
mod invariance;
#[path = "statistics/r_fits.rs"]
mod r_fits;
#[path = "statistics/scores.rs"]
mod scores;
#[path = "statistics/trained_random.rs"]
mod trained_random;
