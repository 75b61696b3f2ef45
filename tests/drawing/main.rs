//! The shaders against their twins on the processor, on whatever driver this machine has.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]
#![allow(clippy::float_cmp, reason = "tests of exact arithmetic compare exactly")]

mod cascades;
mod cases;
mod manners;
mod screen;
mod twins;
mod window;
