//! A network whose gradient is a polynomial, with the same formulas as `tests/reference/saliency_maps.py`.

use std::sync::Mutex;

use saliscope::network::{
    Activation, Batch, Error, Executor, Graph, GraphBuilder, Pass, PassOutput, Result, Target, predicted_class,
};

/// Channels, rows, columns of the pretended last feature map.
pub(crate) const GRID: [usize; 3] = [4, 5, 6];

/// `y = sum of w x + a x^2 + b x^3 + p x x'`, where `x'` is the next pixel.
pub(crate) struct Analytic {
    graph: Graph,
    /// Batch sizes of the passes run so far.
    pub(crate) passes: Mutex<Vec<usize>>,
    /// Larger batches fail like a device that has too little memory.
    pub(crate) memory: usize,
    /// What every gradient is multiplied by.
    pub(crate) factor: f32,
    /// What the pretended activation is multiplied by.
    pub(crate) activation_factor: f64,
}

impl Analytic {
    pub(crate) fn new() -> Self {
        let (mut builder, image) = GraphBuilder::new(3, "stem");
        let features = builder.relu("features", image);
        let pooled = builder.global_avg_pool("pool", features);
        builder.linear("logits", pooled, 2);
        Self {
            graph: builder.finish("analytic", features, 1),
            passes: Mutex::default(),
            memory: usize::MAX,
            factor: 1.0,
            activation_factor: 1.0,
        }
    }

    pub(crate) fn evaluations(&self) -> usize {
        self.passes.lock().unwrap().iter().sum()
    }

    fn activation(&self, image: &[f32], class: usize) -> [Vec<f32>; 2] {
        let mean = image.iter().map(|x| f64::from(*x)).sum::<f64>() / image.len() as f64;
        let cells = 0..GRID.iter().product::<usize>();
        let value = |j: usize| (self.activation_factor * ((0.7 * j as f64).sin() + mean)) as f32;
        let slope = |j: usize| (1.3 * j as f64 + class as f64).cos() as f32;
        [cells.clone().map(value).collect(), cells.map(slope).collect()]
    }
}

/// Factors of x, x^2, x^3 and of the product with the next pixel.
fn coefficients(i: usize, class: usize) -> [f64; 4] {
    let i = i as f64 + 1000.0 * class as f64;
    [(0.37 * i).sin(), (0.11 * i).cos(), 0.5 * (0.23 * i + 1.0).sin(), (0.05 * i + 2.0).cos()]
}

fn logit(image: &[f32], class: usize) -> f32 {
    let n = image.len();
    let term = |i: usize| {
        let [w, a, b, p] = coefficients(i, class);
        let x = f64::from(image[i]);
        w * x + a * x * x + b * x * x * x + p * x * f64::from(image[(i + 1) % n])
    };
    (0..n).map(term).sum::<f64>() as f32
}

fn gradient(image: &[f32], class: usize) -> Vec<f32> {
    let n = image.len();
    let x = |i: usize| f64::from(image[i % n]);
    let term = |i: usize| {
        let [w, a, b, p] = coefficients(i, class);
        let before = (i + n - 1) % n;
        let [.., p_before] = coefficients(before, class);
        (w + 2.0 * a * x(i) + 3.0 * b * x(i) * x(i) + p * x(i + 1) + p_before * x(before)) as f32
    };
    (0..n).map(term).collect()
}

impl Executor for Analytic {
    fn graph(&self) -> &Graph {
        &self.graph
    }

    fn describe(&self) -> String {
        "analytic".to_owned()
    }

    fn preferred_batch(&self, _: usize, _: usize) -> usize {
        4
    }

    fn run(&self, pass: &Pass<'_>) -> Result<PassOutput> {
        let [n, c, h, w] = pass.input.shape();
        if n > self.memory {
            let source = Box::new(candle_core::Error::Msg("CUDA_ERROR_OUT_OF_MEMORY".to_owned()));
            return Err(Error::Candle { operation: "conv".to_owned(), shape: vec![n, c, h, w], source });
        }
        self.passes.lock().unwrap().push(n);
        let images = || (0..n).map(|index| pass.input.image(index));
        let logits: Vec<f32> = images().flat_map(|image| [logit(image, 0), logit(image, 1)]).collect();
        let classes: Vec<usize> = match pass.target {
            Target::Predicted => logits.chunks_exact(2).map(predicted_class).collect(),
            Target::Class(class) => vec![class; n],
            Target::Classes(list) => list.to_vec(),
        };
        if let Some(class) = classes.iter().find(|class| **class > 1) {
            return Err(Error::UnknownClass { class: *class, classes: 2 });
        }
        let gradients = |least: f32| {
            let of_image = |(image, class): (&[f32], &usize)| gradient(image, *class);
            let values = images().zip(&classes).flat_map(of_image).map(|g| g.max(least) * self.factor).collect();
            Batch::new(pass.input.shape(), values)
        };
        let activation = pass.activation.map(|_| {
            let [k, rows, columns] = GRID;
            let parts: Vec<[Vec<f32>; 2]> =
                images().zip(&classes).map(|(image, class)| self.activation(image, *class)).collect();
            let part =
                |at: usize| Batch::new([n, k, rows, columns], parts.iter().flat_map(|part| part[at].clone()).collect());
            Activation { value: part(0), gradient: part(1) }
        });
        Ok(PassOutput {
            gradient: pass.gradient.then(|| gradients(f32::NEG_INFINITY)),
            guided_gradient: pass.guided_gradient.then(|| gradients(0.0)),
            activation,
            logits,
            classes,
        })
    }
}
