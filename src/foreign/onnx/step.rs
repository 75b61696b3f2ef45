//! What is computed of the image, one step after the other, before it becomes a graph.

use super::layout::Part;
use super::tensor::Constant;
use crate::network::{Border, Conv2d, Op};

/// Position of a step in the list of all; a step reads only those before it.
pub(super) type StepId = usize;

/// One operation on feature maps.
#[derive(Clone, Debug)]
pub(super) struct Step<'a> {
    /// The node of the file that it comes from; none for the image.
    pub(super) node: Option<usize>,
    pub(super) kind: Kind<'a>,
    pub(super) inputs: Vec<StepId>,
    /// Channels, rows and columns written.
    pub(super) shape: [usize; 3],
}

/// What a step computes.
#[derive(Clone, Debug)]
pub(super) enum Kind<'a> {
    Input,
    Conv(Conv2d, Layer<'a>),
    /// A fully connected layer on rows and columns of this extent.
    Linear([usize; 2], Layer<'a>),
    /// Batch normalization: added to the variance; factor, offset, mean, variance.
    BatchNorm(f64, [Constant<'a>; 4]),
    /// Normalization over the channels: added to the variance, factor, offset.
    LayerNorm(f64, Option<Constant<'a>>, Option<Constant<'a>>),
    /// Channels picked, multiplied and shifted.
    Channels(Channels),
    /// Lowest numbers around the image, which a max pool passes over.
    LowPad(Border),
    /// An operation of the graph that has no parameters.
    Plain(Op),
    /// Part of a pattern; nothing in the graph computes it alone.
    Loose(Loose),
}

/// Weights of a convolution or a fully connected layer.
#[derive(Clone, Debug)]
pub(super) struct Layer<'a> {
    pub(super) weight: Constant<'a>,
    /// How a matrix lies in the file; none for kernels.
    pub(super) matrix: Option<Matrix>,
    pub(super) bias: Option<Constant<'a>>,
    /// Factors of weight and bias.
    pub(super) factors: [f32; 2],
}

/// How a matrix lies in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Matrix {
    /// Whether it is `[in, out]`.
    pub(super) inputs_first: bool,
    /// Order of the values that it reads.
    pub(super) order: Vec<Part>,
}

/// For every channel written: the one read, a factor and an offset.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Channels {
    /// None where every channel stays in its place.
    pub(super) picked: Option<Vec<usize>>,
    pub(super) factors: Vec<f64>,
    pub(super) offsets: Vec<f64>,
}

impl Channels {
    /// Whether they are shifted and nothing else.
    pub(super) fn has_offsets_alone(&self) -> bool {
        self.picked.is_none() && self.factors.iter().all(|factor| *factor == 1.0)
    }

    /// Whether they are constants of the network: channels picked, or all of them multiplied and shifted alike. A layer
    /// learns a number for each.
    pub(super) fn is_one_for_all(&self) -> bool {
        let alike = |values: &[f64]| values.iter().all(|value| *value == values[0]);
        self.picked.is_some() || self.factors.len() > 1 && alike(&self.factors) && alike(&self.offsets)
    }

    /// The same of what `before` made of its channels.
    pub(super) fn after(&self, before: &Self) -> Self {
        let from = |index: usize| self.picked.as_ref().map_or(index, |picked| picked[index]);
        let places: Vec<usize> = (0..self.factors.len()).map(from).collect();
        let picked = match (&before.picked, &self.picked) {
            (Some(before), _) => Some(places.iter().map(|from| before[*from]).collect()),
            (None, picked) => picked.clone(),
        };
        let factors = places.iter().zip(&self.factors).map(|(from, factor)| factor * before.factors[*from]).collect();
        let offsets = places.iter().zip(self.factors.iter().zip(&self.offsets));
        let offsets = offsets.map(|(from, (factor, offset))| factor * before.offsets[*from] + offset).collect();
        Self { picked, factors, offsets }
    }

    /// The one factor and the one offset of all channels.
    pub(super) fn uniform(&self) -> Option<(f64, f64)> {
        let (factor, offset) = (*self.factors.first()?, *self.offsets.first()?);
        let same =
            self.factors.iter().all(|other| *other == factor) && self.offsets.iter().all(|other| *other == offset);
        (self.picked.is_none() && same).then_some((factor, offset))
    }
}

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Loose {
    /// Mean over the channels of every pixel.
    ChannelMean,
    /// The image minus its mean over the channels.
    Centered,
    /// The second or third power.
    Power(u8),
    SquareRoot,
    Reciprocal,
    /// The error function.
    Erf,
    /// Probabilities of classes of which one is true, or their logarithms.
    Softmax,
    /// The number of the largest value.
    Largest,
}

impl Loose {
    /// What it is, in a word or two for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ChannelMean => "mean over channels",
            Self::Centered => "difference from the mean over channels",
            Self::Power(_) => "power",
            Self::SquareRoot => "square root",
            Self::Reciprocal => "reciprocal",
            Self::Erf => "error function",
            Self::Softmax => "softmax",
            Self::Largest => "largest class",
        }
    }
}
