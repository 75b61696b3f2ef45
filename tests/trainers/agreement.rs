//! Outputs, gradients and running statistics of both trainers on the same networks.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use saliscope::network::{
    Architecture, Batch, BatchNorm, Conv2d, Graph, GraphBuilder, Mode, ModelKind, Pool, Trainable, Variant, Weights,
};

use super::common::formula;
use super::common::random_graph::plain_networks;
use super::{candle, output_gradients, processor};

/// |a - b| in the Euclidean norm.
fn distance(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
}

fn length(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

/// The largest error of a tensor, in parts of its length; tensors shorter than a hundredth of the longest are measured
/// against that, for some are nothing but what rounding left of a sum that is 0.
fn weights_error(found: &Weights, expected: &Weights) -> f64 {
    let longest = expected.iter().map(|(_, tensor)| length(&tensor.values)).fold(0.0, f64::max);
    let error = |(name, tensor): (&String, &saliscope::network::Tensor)| {
        let scale = length(&tensor.values).max(longest / 100.0).max(f64::MIN_POSITIVE);
        distance(&found.get(name).unwrap().values, &tensor.values) / scale
    };
    assert_eq!(found.iter().count(), expected.iter().count());
    expected.iter().map(error).fold(0.0, f64::max)
}

fn outputs_error(found: &[Batch], expected: &[Batch]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let error = |(found, expected): (&Batch, &Batch)| {
        assert_eq!(found.shape(), expected.shape());
        distance(found.values(), expected.values()) / length(expected.values()).max(f64::MIN_POSITIVE)
    };
    found.iter().zip(expected).map(error).fold(0.0, f64::max)
}

/// Errors of outputs in training, gradients, weights with running statistics afterwards, and outputs in evaluation.
fn errors(graph: &Graph, images: &Batch) -> [f64; 4] {
    let weights = formula::weights(graph);
    let (mut candle, mut cpu) = (candle(graph, &weights), processor(graph, &weights, 2));
    let expected = cpu.forward(images, Mode::Train).unwrap();
    let found = candle.forward(images, Mode::Train).unwrap();
    let given = output_gradients(&expected);
    cpu.backward(&given).unwrap();
    candle.backward(&given).unwrap();
    let gradients = weights_error(&candle.gradients().unwrap(), &cpu.gradients().unwrap());
    let moved = weights_error(&candle.weights().unwrap(), &cpu.weights().unwrap());
    let evaluated =
        outputs_error(&candle.forward(images, Mode::Evaluate).unwrap(), &cpu.forward(images, Mode::Evaluate).unwrap());
    [outputs_error(&found, &expected), gradients, moved, evaluated]
}

/// Normalizing by a dozen values, as the deepest layers do for one image, magnifies rounding; and a ReLU or a max pool
/// whose inputs nearly tie may go the other way. Wrong formulas are off by percents.
const BOUNDS: [f64; 4] = [2e-4, 2e-3, 1e-4, 1e-4];

fn check(architecture: Architecture, variant: Variant, sizes: [[usize; 3]; 2]) {
    let graph = architecture.graph(&Variant { width: 0.0625, ..variant });
    for [count, height, width] in sizes {
        let images = formula::images(count, graph.input_channels(), height, width);
        let errors = errors(&graph, &images);
        let within = errors.iter().zip(BOUNDS).all(|(error, bound)| *error <= bound);
        assert!(within, "{architecture}, {count} images of {height}x{width}: {errors:?} above {BOUNDS:?}");
    }
}

#[test]
fn u_net() {
    check(Architecture::UNet, Variant { input_channels: 1, ..Variant::default() }, [[1, 71, 90], [3, 53, 49]]);
}

#[test]
fn retina_net() {
    check(Architecture::RetinaNet, Variant::default(), [[1, 131, 98], [3, 97, 70]]);
}

#[test]
fn inception_v3_as_keras_has_it() {
    let keras = Variant { count_include_pad: false, norm_scale: false, ..Variant::default() };
    check(Architecture::InceptionV3, keras, [[1, 155, 171], [3, 107, 118]]);
}

#[test]
fn densenet_121() {
    check(Architecture::DenseNet121, Variant::default(), [[1, 129, 111], [3, 75, 97]]);
}

/// Outputs that other nodes read, a sum of a node with itself, shared kernels, a normalization that two nodes read and
/// one of the image, and kernels that no output depends on.
#[test]
fn a_tangled_network() {
    let (mut builder, image) = GraphBuilder::new(2, "all");
    let conv = |out_channels, side| Conv2d::new(out_channels, [side; 2]).padding([side / 2; 2]).bias(true);
    let norm = BatchNorm { eps: 1e-3, scale: true };
    let normed_image = builder.batch_norm("image_norm", image, norm);
    let first = builder.conv("first", normed_image, conv(3, 3));
    let normed = builder.batch_norm("norm", first, norm);
    let relu = builder.relu("relu", normed);
    let again = builder.conv("again", relu, conv(3, 3));
    let shared = builder.conv_shared("shared", normed, again);
    let doubled = builder.add("doubled", again, again);
    let small = builder.max_pool("small", doubled, Pool::square(3, 2, 1));
    let large = builder.upsample_nearest("large", small, shared);
    let joined = builder.concat("joined", &[large, shared, image]);
    builder.conv("unread", joined, conv(2, 1));
    let outputs = [normed, joined, again];
    let graph = builder.finish_as(ModelKind::Detection, "tangled", &outputs, 1, joined, 1);
    let errors = errors(&graph, &formula::images(2, 2, 9, 14));
    assert!(errors.iter().zip(BOUNDS).all(|(error, bound)| *error <= bound), "{errors:?}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Every kind of stride, padding and pool on images of every size; batches large enough that no normalization has
    /// a handful of values.
    #[test]
    fn random_networks(network in plain_networks(false), count in 5usize..8) {
        let images = formula::images(count, network.graph.input_channels(), network.height, network.width);
        let errors = errors(&network.graph, &images);
        prop_assert!(errors.iter().zip(BOUNDS).all(|(error, bound)| *error <= bound), "{errors:?}");
    }
}
