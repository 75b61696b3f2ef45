//! Checks that every executor must pass, whatever it is made of.

use saliscope::network::{Batch, CandleExecutor, Executor, Pass, PassOutput, PassOutputF64, Target};

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
    let guided = graph.unguided().is_none();
    let classes = [0, graph.classes() - 1, 0];
    let all = |input: &Batch, classes: &[usize]| {
        let target = Target::Classes(classes);
        let pass = Pass { input, target, gradient: true, guided_gradient: guided, activation: node };
        executor.run(&pass).unwrap()
    };
    let together = all(&batch, &classes);
    assert_eq!(together, all(&batch, &classes), "a second pass gives the same");
    for index in 0..batch.len() {
        let [_, c, h, w] = batch.shape();
        let image = Batch::new([1, c, h, w], batch.image(index).to_vec());
        let alone = all(&image, &classes[index..=index]);
        let n = graph.logit_count();
        assert_eq!(alone.logits, together.logits[index * n..(index + 1) * n], "logits of image {index}");
        let same = |alone: &Batch, together: &Batch, what: &str| {
            assert!(alone.values() == together.image(index), "{what} of image {index} depends on its batch");
        };
        let pair = |output: &PassOutput| output.activation.clone().unwrap();
        same(alone.gradient.as_ref().unwrap(), together.gradient.as_ref().unwrap(), "gradient");
        if guided {
            same(
                alone.guided_gradient.as_ref().unwrap(),
                together.guided_gradient.as_ref().unwrap(),
                "guided gradient",
            );
        }
        same(&pair(&alone).value, &pair(&together).value, "activation");
        same(&pair(&alone).gradient, &pair(&together).gradient, "activation gradient");

        let target = Target::Class(classes[index]);
        let bare = Pass { input: &image, target, ..Pass::logits(&image) };
        let only = |pass| executor.run(&pass).unwrap();
        assert_eq!(only(bare).logits, alone.logits);
        assert_eq!(only(Pass { gradient: true, ..bare }).gradient, alone.gradient);
        assert_eq!(only(Pass { guided_gradient: guided, ..bare }).guided_gradient, alone.guided_gradient);
        assert_eq!(only(Pass { activation: node, ..bare }).activation, alone.activation);
    }
}

/// Compares an executor with candle in double precision on the same graph and the weights of [`formula::weights`]; says
/// what is further off than `bound`, relatively.
///
/// A ReLU or a max pool whose inputs nearly tie may go the other way in single precision and change a small network's
/// gradient by percents. That happens once in hundreds of images, so the middle one of three errors counts.
pub fn near_double(
    executor: &dyn Executor,
    double: &CandleExecutor,
    height: usize,
    width: usize,
    bound: f64,
) -> Result<(), String> {
    let graph = executor.graph();
    let mut errors: Vec<[f64; 5]> = Vec::new();
    for name in ["first", "second", "third"] {
        let input = formula::image(name, graph.input_channels(), height, width);
        let target = Target::Class(graph.classes() - 1);
        let activation = Some(graph.features());
        let guided_gradient = graph.unguided().is_none();
        let pass = Pass { input: &input, target, gradient: true, guided_gradient, activation };
        errors.push(pass_errors(&executor.run(&pass).unwrap(), &double.run_f64(&pass).unwrap()));
    }
    let what = ["logits", "gradient", "guided gradient", "activation", "activation gradient"];
    for (index, what) in what.into_iter().enumerate() {
        let mut sorted: Vec<f64> = errors.iter().map(|errors| errors[index]).collect();
        sorted.sort_by(f64::total_cmp);
        if sorted[1].is_nan() || sorted[1] > bound {
            return Err(format!("{what}: errors {sorted:?} above {bound:e}"));
        }
    }
    Ok(())
}

/// Errors of logits, gradient, guided gradient where there is one, activation and its gradient. Logits may cancel to almost nothing; they
/// are measured against the activation they are sums of where that is larger.
fn pass_errors(found: &PassOutput, expected: &PassOutputF64) -> [f64; 5] {
    let activation = found.activation.as_ref().unwrap();
    let (value, slope) = expected.activation.as_ref().unwrap();
    let mean_square = value.iter().map(|v| v * v).sum::<f64>() / value.len() as f64;
    let largest = expected.logits.iter().fold(mean_square.sqrt(), |largest, logit| largest.max(logit.abs()));
    let logits = found.logits.iter().zip(&expected.logits).map(|(a, b)| (f64::from(*a) - b).abs() / largest);
    let relative = |found: &Batch, expected: &[f64]| relative_error(found.values(), expected);
    [
        logits.fold(0.0, f64::max),
        relative(found.gradient.as_ref().unwrap(), expected.gradient.as_ref().unwrap()),
        found.guided_gradient.as_ref().zip(expected.guided_gradient.as_ref()).map_or(0.0, |(a, b)| relative(a, b)),
        relative(&activation.value, value),
        relative(&activation.gradient, slope),
    ]
}
