//! Checks that every executor must pass, whatever it is made of.

use saliscope::network::{Batch, Executor, Pass, PassOutput, Target};

use super::fixture::Fixture;
use super::formula;

/// |a - b| / |b| in the Euclidean norm.
pub fn relative_error<T: Copy + Into<f64>>(found: &[T], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let difference: f64 = found.iter().zip(expected).map(|(a, b)| ((*a).into() - b).powi(2)).sum();
    let norm: f64 = expected.iter().map(|b| b * b).sum();
    (difference / norm.max(f64::MIN_POSITIVE)).sqrt()
}

/// Values in `f32` with the name the fixtures give them.
pub fn named(output: &PassOutput, node: &str) -> Vec<(String, Vec<f32>)> {
    let activation = output.activation.as_ref().unwrap();
    vec![
        ("logits".to_owned(), output.logits.clone()),
        ("gradient".to_owned(), output.gradient.as_ref().unwrap().values().to_vec()),
        ("guided_gradient".to_owned(), output.guided_gradient.as_ref().unwrap().values().to_vec()),
        (format!("{node}_value"), activation.value.values().to_vec()),
        (format!("{node}_gradient"), activation.gradient.values().to_vec()),
    ]
}

/// Compares an executor in single precision with PyTorch in double precision: the error may be three times PyTorch's
/// own in single precision, and `floor` in any case.
pub fn check_against_reference(executor: &dyn Executor, fixture: &Fixture, floor: f64) {
    for (key, node) in fixture.nodes {
        let output = executor.run(&fixture.pass(node)).unwrap();
        for (key, values) in named(&output, key) {
            let error = relative_error(&values, fixture.expected(&key));
            let bound = (3.0 * fixture.torch_f32_error(&key)).max(floor);
            assert!(error <= bound, "{}, {key}: error {error:.2e} above {bound:.2e}", fixture.name);
        }
    }
}

/// The values of an image must be the same bits alone, in a batch, at every place of it, and when asked for singly.
pub fn check_independence(executor: &dyn Executor, height: usize, width: usize) {
    let graph = executor.graph();
    let batch = formula::images(3, graph.input_channels(), height, width);
    let node = Some(graph.features());
    let classes = [0, graph.classes() - 1, 0];
    let all = |input: &Batch, classes: &[usize]| {
        let target = Target::Classes(classes);
        let pass = Pass { input, target, gradient: true, guided_gradient: true, activation: node };
        executor.run(&pass).unwrap()
    };
    let together = all(&batch, &classes);
    assert_eq!(together, all(&batch, &classes), "a second pass gives the same");
    for index in 0..batch.len() {
        let [_, c, h, w] = batch.shape();
        let image = Batch::new([1, c, h, w], batch.image(index).to_vec());
        let alone = all(&image, &classes[index..=index]);
        let n = graph.classes();
        assert_eq!(alone.logits, together.logits[index * n..(index + 1) * n], "logits of image {index}");
        let same = |alone: &Batch, together: &Batch, what: &str| {
            assert!(alone.values() == together.image(index), "{what} of image {index} depends on its batch");
        };
        let pair = |output: &PassOutput| output.activation.clone().unwrap();
        same(alone.gradient.as_ref().unwrap(), together.gradient.as_ref().unwrap(), "gradient");
        same(alone.guided_gradient.as_ref().unwrap(), together.guided_gradient.as_ref().unwrap(), "guided gradient");
        same(&pair(&alone).value, &pair(&together).value, "activation");
        same(&pair(&alone).gradient, &pair(&together).gradient, "activation gradient");

        let target = Target::Class(classes[index]);
        let bare = Pass { input: &image, target, ..Pass::logits(&image) };
        let only = |pass| executor.run(&pass).unwrap();
        assert_eq!(only(bare).logits, alone.logits);
        assert_eq!(only(Pass { gradient: true, ..bare }).gradient, alone.gradient);
        assert_eq!(only(Pass { guided_gradient: true, ..bare }).guided_gradient, alone.guided_gradient);
        assert_eq!(only(Pass { activation: node, ..bare }).activation, alone.activation);
    }
}
