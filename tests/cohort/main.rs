//! Cohorts from synthetic folders in the layouts of the public data sets, with every trap that is known of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![allow(clippy::float_cmp, reason = "pixels of marks are whole numbers")]

mod command;
mod folder;
mod hostile;
mod names;
mod nih;
mod phantoms;
mod rle;
mod rsna;
mod siim;
mod splits;
mod tasks;
mod tree;
mod vindr;
