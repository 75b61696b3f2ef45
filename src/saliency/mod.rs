//! Saliency maps: where in an image a classifier's evidence lies.

pub mod resize;
pub mod xrai;
