//! Networks and their training.

use super::range::{Real, Whole};

/// Longest side of a network's input, in pixels: an InceptionV3 takes 6 GB for one pass at this size.
pub const INPUT_SIDE_PX: usize = 4096;

/// Multiplier on every layer's channels, above 0: weights grow by its square.
pub const WIDTH: f64 = 16.0;

/// Logits, maps or kinds of boxes of a network; the largest published classifiers have 22,000.
pub const CLASSES: usize = 100_000;

/// Hidden layers of a classifier's head, functions among them; the largest published ones have about ten.
pub const HEAD_LAYERS: usize = 64;

/// Rows and columns to which a head pools the features; VGG pools to 7.
pub const HEAD_POOLED_PX: Whole = Whole::new(1, 64);

/// Added to the variance of batch normalization; PyTorch adds 0.00001, Keras 0.001.
pub const NORM_EPS: Real = Real::new(0.0, 1.0);

/// Side of a detector's smallest anchor, in pixels: below, rounding to pixels would leave some without area; beyond, every
/// anchor would be larger than any image.
pub const ANCHOR_PX: Real = Real::new(4.0, 16_384.0);

/// The same of a detector that is trained here, whose images are no larger than [`TRAINING_SIDE_PX`].
pub const TRAINING_ANCHOR_PX: Real = Real::new(4.0, 512.0);

/// Memory for the images of a training, in GiB; beyond any machine.
pub const TRAINING_MEMORY_GIB: Real = Real::new(0.0, 1e6);

/// Side of images to train on, in pixels.
pub const TRAINING_SIDE_PX: Whole = Whole::new(1, 2048);

/// Passes over all images of a training; a log of more would not be read by anybody.
pub const EPOCHS: Whole = Whole::new(1, 100_000);

/// Epochs without a better score after which training ends; 0 for never.
pub const PATIENCE: Whole = Whole::new(0, EPOCHS.most);

/// Images of a training step: batch normalization compares those of a batch.
pub const TRAINING_BATCH: Whole = Whole::new(2, 4096);

/// Learning rate and weight decay: beyond, the first step already leaves all numbers behind.
pub const RATE: f64 = 1000.0;

/// What logits are divided by before they become probabilities: beyond, every probability would be certain, or none would say
/// anything.
pub const TEMPERATURE: Real = Real::new(0.01, 100.0);

/// Nodes of a graph that came from a file, the image among them; the largest published classifiers have about 2,000.
pub const GRAPH_NODES: Whole = Whole::new(2, 20_000);

/// Channels of a node of such a graph; an Inception or a DenseNet has 2,208 at most, a layer behind flattened features 4,096.
pub const GRAPH_CHANNELS: Whole = Whole::new(1, CLASSES);

/// Kernels, strides, windows and extents of such a graph, in pixels: no image is larger.
pub const NETWORK_SIDE_PX: Whole = Whole::new(1, INPUT_SIDE_PX);

/// Length of a name in such a graph, in bytes.
pub const GRAPH_NAME_BYTES: Whole = Whole::new(1, 512);

/// Weights of such a graph: as many as a file of weights has in single precision.
pub const GRAPH_WEIGHTS: usize = (super::WEIGHTS_BYTES / size_of::<f32>() as u64) as usize;

/// Values that one node of such a graph writes for an image: 64 channels at the largest size of an image.
pub const GRAPH_NODE_VALUES: usize = 64 * INPUT_SIDE_PX * INPUT_SIDE_PX;

/// Multiply-adds of such a graph for an image: forty times those of a VGG-19 at the largest size of an image, and some hours
/// of a computer's work.
pub const GRAPH_WORK: u64 = 1 << 48;

/// Inputs of a sample that a model is compared with, each a pass in double precision.
pub const SAMPLE_INPUTS: Whole = Whole::new(1, 64);
