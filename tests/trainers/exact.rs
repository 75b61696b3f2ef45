//! Where every number is exact, both trainers give the same bits: ties, steps of the optimizer, resuming.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use saliscope::network::{
    AdamW, Architecture, Batch, Conv2d, Graph, GraphBuilder, Mode, ModelKind, NodeId, Pool, Tensor, Trainable, Variant,
    Weights,
};

use super::common::formula;
use super::common::random_graph::networks;
use super::{both, output_gradients, processor};

/// A graph of one output without classes.
fn finish(builder: GraphBuilder, output: NodeId) -> Graph {
    builder.finish_as(ModelKind::Segmentation, "test", &[output], 1, output, 1)
}

fn pointwise() -> Conv2d {
    Conv2d::new(1, [1, 1])
}

fn one_kernel(values: &[f32]) -> Weights {
    let mut weights = Weights::default();
    weights.insert("conv.weight".to_owned(), Tensor { shape: vec![1, values.len(), 1, 1], values: values.to_vec() });
    weights
}

/// Two channels: a constant, and the number of the pixel.
fn constant_and_number(height: usize, width: usize) -> Batch {
    let count = height * width;
    let values = (0..2 * count).map(|at| if at < count { 3.0 } else { (at - count) as f32 });
    Batch::new([1, 2, height, width], values.collect())
}

/// Of equal maxima the first one in its window takes the gradient: the kernel's second channel learns which pixel won.
#[test]
fn the_first_of_equal_maxima_learns() {
    let (mut builder, image) = GraphBuilder::new(2, "all");
    let conv = builder.conv("conv", image, pointwise());
    let output = builder.max_pool("pool", conv, Pool::square(3, 2, 1));
    let graph = finish(builder, output);
    for mut trainer in both(&graph, &one_kernel(&[-1.0, 0.0])) {
        let outputs = trainer.forward(&constant_and_number(4, 5), Mode::Train).unwrap();
        assert_eq!(outputs[0], Batch::new([1, 1, 2, 3], vec![-3.0; 6]));
        trainer.backward(&[Batch::new([1, 1, 2, 3], vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0])]).unwrap();
        // Windows begin at pixels 0, 1, 3 of row 0 and of row 1, whose first pixel is number 5.
        let numbers = 2.0 + 3.0 * 4.0 + 5.0 * 8.0 + 6.0 * 16.0 + 8.0 * 32.0;
        assert_eq!(trainer.gradients().unwrap(), one_kernel(&[3.0 * 63.0, numbers]), "{}", trainer.describe());
    }
}

/// The derivative of a ReLU at 0 is 0.
#[test]
fn nothing_is_learned_through_a_relu_at_zero() {
    let (mut builder, image) = GraphBuilder::new(2, "all");
    let conv = builder.conv("conv", image, pointwise());
    let output = builder.relu("relu", conv);
    let graph = finish(builder, output);
    for mut trainer in both(&graph, &one_kernel(&[0.0, 0.0])) {
        trainer.forward(&constant_and_number(3, 3), Mode::Train).unwrap();
        trainer.backward(&[Batch::new([1, 1, 3, 3], vec![1.0; 9])]).unwrap();
        assert_eq!(trainer.gradients().unwrap(), one_kernel(&[0.0, 0.0]), "{}", trainer.describe());
    }
}

/// A convolution alone, images of small whole numbers: its gradients do not depend on its weights and are exact.
fn whole_numbers() -> (Graph, Batch) {
    let (mut builder, image) = GraphBuilder::new(2, "all");
    let conv = Conv2d::new(3, [3, 2]).stride([2, 1]).padding([1, 0]).bias(true);
    let output = builder.conv("conv", image, conv);
    let graph = finish(builder, output);
    let values = formula::unit_values("whole", 2 * 2 * 7 * 6).into_iter().map(|u| (16.0 * u).floor() as f32 - 8.0);
    (graph, Batch::new([2, 2, 7, 6], values.collect()))
}

/// The gradient in whole numbers times `scale`.
fn learn(trainer: &mut dyn Trainable, images: &Batch, step: &AdamW, seed: usize, scale: f32) -> f64 {
    let shape = trainer.forward(images, Mode::Train).unwrap()[0].shape();
    let units = formula::unit_values(&format!("gradient {seed}"), shape.iter().product());
    let values = units.into_iter().map(|u| scale * ((16.0 * u).floor() as f32 - 8.0)).collect();
    trainer.backward(&[Batch::new(shape, values)]).unwrap();
    trainer.update(step).unwrap()
}

#[test]
fn both_trainers_take_the_same_steps_and_resume_each_other() {
    let (graph, images) = whole_numbers();
    let weights = formula::weights(&graph);
    let plain = AdamW { learning_rate: 3e-3, weight_decay: 0.3, ..AdamW::default() };
    let clipped = AdamW { clip_norm: Some(0.7), ..plain };
    let [mut first, mut second] = both(&graph, &weights);
    // A length whose square is beyond single precision is no reason to stop.
    let plan = [(plain, 1.0), (clipped, 1.0), (clipped, 2.0_f32.powi(70)), (clipped, 2.0_f32.powi(-70)), (plain, 1.0)];
    for (index, (step, scale)) in plan.into_iter().enumerate() {
        let lengths = [&mut first, &mut second].map(|t| learn(t.as_mut(), &images, &step, index, scale));
        assert_eq!(lengths[0].to_bits(), lengths[1].to_bits(), "step {index}");
        assert_eq!(first.weights().unwrap(), second.weights().unwrap(), "step {index}");
        let moments = [&first, &second].map(|trainer| trainer.moments().unwrap());
        assert_eq!(moments[0], moments[1], "step {index}");
        assert_eq!(moments[0].steps, index as u64 + 1);
        assert_ne!(first.weights().unwrap(), weights);
    }
    let (kept, moments) = (first.weights().unwrap(), first.moments().unwrap());
    for mut resumed in both(&graph, &weights) {
        resumed.restore(&kept, &moments).unwrap();
        assert_eq!((resumed.weights().unwrap(), resumed.moments().unwrap()), (kept.clone(), moments.clone()));
        learn(resumed.as_mut(), &images, &clipped, 9, 1.0);
        first.restore(&kept, &moments).unwrap();
        learn(first.as_mut(), &images, &clipped, 9, 1.0);
        assert_eq!(resumed.weights().unwrap(), first.weights().unwrap());
        assert_eq!(resumed.moments().unwrap(), first.moments().unwrap());
    }
}

/// Outputs, gradients and weights of two steps with a number of threads.
fn two_steps(graph: &Graph, images: &Batch, threads: usize) -> impl PartialEq + use<> {
    let mut trainer = processor(graph, &formula::weights(graph), threads);
    let mut seen = Vec::new();
    for _ in 0..2 {
        let outputs = trainer.forward(images, Mode::Train).unwrap();
        trainer.backward(&output_gradients(&outputs)).unwrap();
        let norm = trainer.update(&AdamW::default()).unwrap();
        assert!(norm > 0.0 && norm.is_finite());
        seen.push((outputs, trainer.gradients().unwrap(), norm.to_bits()));
    }
    seen.push((trainer.forward(images, Mode::Evaluate).unwrap(), trainer.weights().unwrap(), 0));
    (seen, trainer.moments().unwrap())
}

/// Two steps of the processor's trainer are the same bits with any number of threads, and a second time.
#[test]
fn the_processor_trains_alike_with_any_number_of_threads() {
    let sizes = [
        (Architecture::UNet, 3, 37, 50),
        (Architecture::RetinaNet, 2, 70, 97),
        (Architecture::InceptionV3, 2, 99, 91),
        (Architecture::DenseNet121, 1, 65, 75),
    ];
    for (architecture, count, height, width) in sizes {
        let graph = architecture.graph(&Variant { width: 0.125, ..Variant::default() });
        let images = formula::images(count, 3, height, width);
        let alone = two_steps(&graph, &images, 1);
        for threads in [1, 2, 3] {
            assert!(two_steps(&graph, &images, threads) == alone, "{architecture} with {threads} threads");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 30,
        rng_seed: RngSeed::Fixed(2),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The same of every operation.
    #[test]
    fn every_operation_trains_alike_with_any_number_of_threads(network in networks(false)) {
        let images = formula::images(5, network.graph.input_channels(), network.height, network.width);
        prop_assert!(two_steps(&network.graph, &images, 1) == two_steps(&network.graph, &images, 3));
    }
}
