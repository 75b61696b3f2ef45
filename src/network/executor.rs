//! What every executor can do: logits, input gradients, activations. No weight gradients, ever.

use super::class_logit::predicted_class;
use super::error::{Error, Result};
use super::family::Joining;
use super::graph::{Graph, ModelKind, NodeId};
use super::weights::Weights;

/// Images or gradients in host memory, `[n, c, h, w]`, row-major, `f32`.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    shape: [usize; 4],
    values: Vec<f32>,
}

impl Batch {
    /// Takes `values` as `[n, c, h, w]`.
    ///
    /// # Panics
    /// When the number of values is not the product of the shape.
    pub fn new(shape: [usize; 4], values: Vec<f32>) -> Self {
        assert_eq!(values.len(), shape.iter().product::<usize>(), "a batch holds n * c * h * w values");
        Self { shape, values }
    }

    /// A batch of zeros.
    pub fn zeros(shape: [usize; 4]) -> Self {
        Self { shape, values: vec![0.0; shape.iter().product()] }
    }

    /// `[n, c, h, w]`.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.shape[0]
    }

    /// Whether it holds no image.
    pub fn is_empty(&self) -> bool {
        self.shape[0] == 0
    }

    /// All values, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// All values, row-major, to be changed.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Values of one image, `[c, h, w]`.
    pub fn image(&self, index: usize) -> &[f32] {
        let len = self.image_len();
        &self.values[index * len..(index + 1) * len]
    }

    /// Values of one image, `[c, h, w]`, to be changed.
    pub fn image_mut(&mut self, index: usize) -> &mut [f32] {
        let len = self.image_len();
        &mut self.values[index * len..(index + 1) * len]
    }

    /// Values in one image: c * h * w.
    pub fn image_len(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// The images at `positions`, in that order.
    #[must_use]
    pub fn select(&self, positions: &[usize]) -> Self {
        let [_, c, h, w] = self.shape;
        let values = positions.iter().flat_map(|position| self.image(*position).iter().copied()).collect();
        Self { shape: [positions.len(), c, h, w], values }
    }

    /// Gives the values away.
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }
}

/// How a gradient passes a ReLU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReluRule {
    /// Where the output is positive.
    Standard,
    /// Where output and gradient both are positive (Springenberg et al. 2015).
    Guided,
}

/// Which class of each image is explained, by the logit that speaks for it ([`super::class_logit`]).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target<'a> {
    /// The class that most speaks for; ties go to the lower index.
    Predicted,
    /// One class for every image.
    Class(usize),
    /// A class for each image.
    Classes(&'a [usize]),
}

/// One forward pass and whatever is wanted of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pass<'a> {
    /// Images `[n, c, h, w]`, already scaled as the model wants.
    pub input: &'a Batch,
    /// The logit to differentiate.
    pub target: Target<'a>,
    /// Wanted: the gradient of the logit by the input.
    pub gradient: bool,
    /// Wanted: the same under [`ReluRule::Guided`].
    pub guided_gradient: bool,
    /// Wanted: value and gradient of the output of this node.
    pub activation: Option<NodeId>,
}

impl<'a> Pass<'a> {
    /// A pass that gives logits alone.
    pub fn logits(input: &'a Batch) -> Self {
        Self { input, target: Target::Predicted, gradient: false, guided_gradient: false, activation: None }
    }
}

/// What is wanted of a pass, whatever its input; every field as in [`Pass`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted<'a> {
    /// The logit to differentiate.
    pub target: Target<'a>,
    /// The gradient of the logit by the input.
    pub gradient: bool,
    /// The same under [`ReluRule::Guided`].
    pub guided_gradient: bool,
    /// Value and gradient of the output of this node.
    pub activation: Option<NodeId>,
}

impl<'a> Wanted<'a> {
    /// The pass over `input`.
    pub fn of(self, input: &'a Batch) -> Pass<'a> {
        let Self { target, gradient, guided_gradient, activation } = self;
        Pass { input, target, gradient, guided_gradient, activation }
    }
}

/// Value of a node and gradient of the target logit by it, both `[n, c, h, w]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Activation {
    /// Output of the node.
    pub value: Batch,
    /// Derivative of the target logit by that output.
    pub gradient: Batch,
}

/// What a [`Pass`] gave.
#[derive(Clone, Debug, PartialEq)]
pub struct PassOutput {
    /// Logits, `[n, logits]`, row-major; see [`Graph::logit_count`].
    pub logits: Vec<f32>,
    /// The class differentiated, one an image.
    pub classes: Vec<usize>,
    /// Input gradient `[n, c, h, w]` where asked for.
    pub gradient: Option<Batch>,
    /// Guided input gradient `[n, c, h, w]` where asked for.
    pub guided_gradient: Option<Batch>,
    /// Activation and its gradient where asked for.
    pub activation: Option<Activation>,
}

/// Multiply-adds of forward passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ForwardWork {
    /// Those that were done.
    pub done: u64,
    /// Those whose results were still there, from a network that computes the same up to some layer.
    pub reused: u64,
}

/// Runs a graph with one set of weights.
///
/// The values for an image do not depend on the other images of its batch, on the number of threads or on earlier
/// passes. Gradients follow PyTorch: ReLU derivative 0 at 0, max-pool ties to the first maximum.
pub trait Executor: Send + Sync {
    /// The network it runs.
    fn graph(&self) -> &Graph;

    /// One line for provenance, such as `cpu (avx512, 2 threads)`.
    fn describe(&self) -> String;

    /// The batch size at which it runs best for images of this size.
    fn preferred_batch(&self, height: usize, width: usize) -> usize;

    /// An executor of the same graph with other weights that shares with this one what they have in common; `None` where
    /// the executor knows no way to share. A [`super::Family`] asks for it, and sees to it that sharing is of use.
    ///
    /// Tensors are common where `weights` is a clone of this executor's weights in which others were replaced. A pass that
    /// wants a gradient keeps what later ones of the family can use, until another batch comes. Results are the same bits as
    /// those of an executor made from scratch.
    fn with_weights(&self, weights: &Weights, joining: Joining) -> Option<Result<Box<dyn Executor>>> {
        let _ = (weights, joining);
        None
    }

    /// Forward work of this executor and all that share with it.
    fn forward_work(&self) -> ForwardWork {
        ForwardWork::default()
    }

    /// Runs one pass.
    ///
    /// # Errors
    /// When the input does not fit the graph, a class does not exist, or the device fails.
    fn run(&self, pass: &Pass<'_>) -> Result<PassOutput>;
}

/// Checks a pass against a graph before any work.
///
/// # Errors
/// When channels, extent or classes do not fit, or the graph is no classifier.
pub(crate) fn check_pass(graph: &Graph, pass: &Pass<'_>) -> Result<()> {
    check_classifier(graph)?;
    check_input(graph, pass.input)?;
    if pass.guided_gradient
        && let Some(id) = graph.unguided()
    {
        let node = graph.node(id);
        return Err(Error::Unguided { node: node.name.clone(), operation: node.op.name() });
    }
    let n = pass.input.len();
    let classes = graph.classes();
    let refuse = |class| Err(Error::UnknownClass { class, classes });
    match pass.target {
        Target::Class(class) if class >= classes => refuse(class),
        Target::Predicted | Target::Class(_) => Ok(()),
        Target::Classes(list) => {
            assert_eq!(list.len(), n, "one class for each image");
            list.iter().find(|class| **class >= classes).map_or(Ok(()), |class| refuse(*class))
        }
    }
}

/// Refuses graphs that localize.
pub(crate) fn check_classifier(graph: &Graph) -> Result<()> {
    match graph.kind() {
        ModelKind::Classifier => Ok(()),
        ModelKind::Segmentation | ModelKind::Detection => {
            Err(Error::NotAClassifier { architecture: graph.architecture().to_owned() })
        }
    }
}

/// The extents of all nodes for a batch.
///
/// # Errors
/// When its channels or its extent do not fit the graph.
pub(crate) fn check_input(graph: &Graph, input: &Batch) -> Result<Vec<[usize; 2]>> {
    let [_, channels, height, width] = input.shape();
    if channels != graph.input_channels() {
        return Err(Error::InputShape { expected: graph.input_channels(), shape: input.shape() });
    }
    graph.extents(height, width)
}

/// The class explained for each image, given the logits `[n, logit_count]`.
pub(crate) fn resolve_classes(target: &Target<'_>, logits: &[f32], logit_count: usize) -> Vec<usize> {
    let rows = logits.chunks_exact(logit_count);
    match target {
        Target::Predicted => rows.map(predicted_class).collect(),
        Target::Class(class) => rows.map(|_| *class).collect(),
        Target::Classes(list) => list.to_vec(),
    }
}
