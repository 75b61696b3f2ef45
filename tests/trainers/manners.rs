//! What a trainer says to input and calls that make no sense.

use saliscope::network::{AdamW, Architecture, Batch, Graph, Mode, Moments, Trainable, Variant, Weights};

use super::both;
use super::common::formula;

fn small() -> (Graph, Weights, Batch) {
    let graph = Architecture::UNet.graph(&Variant { width: 0.0625, ..Variant::default() });
    let weights = formula::weights(&graph);
    (graph, weights, formula::images(2, 3, 33, 35))
}

fn trained_bits(weights: &Weights) -> Vec<u32> {
    let trained = weights.iter().filter(|(name, _)| !name.contains("running"));
    trained.flat_map(|(_, tensor)| tensor.values.iter().map(|value| value.to_bits())).collect()
}

#[test]
fn calls_out_of_order_are_refused() {
    let (graph, weights, images) = small();
    for mut trainer in both(&graph, &weights) {
        let said = |result: Result<(), saliscope::network::Error>| result.unwrap_err().to_string();
        let gradient = || Batch::zeros([2, 2, 33, 35]);
        assert!(said(trainer.backward(&[gradient()])).contains("no forward pass"));
        assert!(said(trainer.gradients().map(|_| ())).contains("no backward pass"));
        assert!(said(trainer.update(&AdamW::default()).map(|_| ())).contains("no backward pass"));
        trainer.forward(&images, Mode::Evaluate).unwrap();
        assert!(said(trainer.backward(&[gradient()])).contains("no forward pass"));
        trainer.forward(&images, Mode::Train).unwrap();
        trainer.forward(&images, Mode::Evaluate).unwrap();
        assert!(said(trainer.backward(&[gradient()])).contains("no forward pass"), "the tape is of the last pass");
        for wrong in [vec![], vec![gradient(), gradient()], vec![Batch::zeros([2, 2, 35, 33])]] {
            trainer.forward(&images, Mode::Train).unwrap();
            assert!(said(trainer.backward(&wrong)).contains("do not fit the outputs"));
        }
        trainer.forward(&images, Mode::Train).unwrap();
        trainer.backward(&[gradient()]).unwrap();
        assert!(said(trainer.backward(&[gradient()])).contains("no forward pass"), "a tape serves once");
        assert!(trained_bits(&trainer.gradients().unwrap()).iter().all(|bits| bits << 1 == 0));
    }
}

#[test]
fn batches_that_do_not_fit_are_refused() {
    let (graph, weights, images) = small();
    for mut trainer in both(&graph, &weights) {
        for mode in [Mode::Train, Mode::Evaluate] {
            for shape in [[0, 3, 33, 35], [2, 1, 33, 35], [2, 3, 15, 35], [1, 3, 0, 0]] {
                assert!(trainer.forward(&Batch::zeros(shape), mode).is_err(), "{shape:?}");
            }
        }
        assert_eq!(trainer.weights().unwrap(), weights);
        trainer.forward(&images, Mode::Train).unwrap();
    }
}

#[test]
fn evaluation_changes_nothing() {
    let (graph, weights, images) = small();
    for mut trainer in both(&graph, &weights) {
        let first = trainer.forward(&images, Mode::Evaluate).unwrap();
        assert_eq!(trainer.forward(&images, Mode::Evaluate).unwrap(), first);
        assert_eq!(trainer.weights().unwrap(), weights);
    }
}

#[test]
fn what_is_not_finite_changes_no_weight() {
    let (graph, weights, images) = small();
    for mut trainer in both(&graph, &weights) {
        let outputs = trainer.forward(&images, Mode::Train).unwrap();
        let gradient = Batch::new(outputs[0].shape(), vec![0.1; outputs[0].values().len()]);
        trainer.backward(std::slice::from_ref(&gradient)).unwrap();
        assert!(trainer.update(&AdamW::default()).unwrap().is_finite());
        let (kept, moments) = (trained_bits(&trainer.weights().unwrap()), trainer.moments().unwrap());
        let refused = |trainer: &mut dyn Trainable, clip_norm| {
            let norm = trainer.update(&AdamW { clip_norm, ..AdamW::default() }).unwrap();
            assert!(!norm.is_finite(), "{norm}");
            assert_eq!(trained_bits(&trainer.weights().unwrap()), kept);
            assert_eq!(trainer.moments().unwrap(), moments);
        };
        let mut endless = gradient.clone();
        endless.values_mut()[7] = f32::INFINITY;
        trainer.forward(&images, Mode::Train).unwrap();
        trainer.backward(&[endless]).unwrap();
        refused(trainer.as_mut(), None);
        refused(trainer.as_mut(), Some(1.0));
        for bad in [f32::NAN, f32::INFINITY] {
            let mut images = images.clone();
            images.values_mut()[40] = bad;
            trainer.forward(&images, Mode::Train).unwrap();
            trainer.backward(std::slice::from_ref(&gradient)).unwrap();
            refused(trainer.as_mut(), Some(1.0));
        }
    }
}

#[test]
fn a_misfit_restores_nothing() {
    let (graph, weights, images) = small();
    for mut trainer in both(&graph, &weights) {
        let outputs = trainer.forward(&images, Mode::Train).unwrap();
        trainer.backward(&[Batch::new(outputs[0].shape(), vec![1.0; outputs[0].values().len()])]).unwrap();
        trainer.update(&AdamW::default()).unwrap();
        let (kept, moments) = (trainer.weights().unwrap(), trainer.moments().unwrap());
        let mut misshapen = moments.clone();
        let (name, tensor) = moments.second.iter().last().unwrap();
        let mut tensor = tensor.clone();
        tensor.shape.push(1);
        misshapen.second.insert(name.clone(), tensor);
        for (weights, moments) in
            [(&Weights::default(), &moments), (&weights, &Moments::default()), (&weights, &misshapen)]
        {
            assert!(trainer.restore(weights, moments).is_err());
        }
        assert_eq!(trainer.weights().unwrap(), kept);
        assert_eq!(trainer.moments().unwrap(), moments);
    }
}
