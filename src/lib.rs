//! Shows where a chest-radiograph classifier looked, and how far that picture can be trusted.

pub mod array_file;
pub mod figure;
pub mod network;
pub mod radiograph;
pub mod saliency;
