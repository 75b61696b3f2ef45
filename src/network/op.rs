//! What the nodes of a network compute.

use serde::{Deserialize, Serialize};

use super::nonlinearity::Nonlinearity;

/// Zeros added around an image, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Border {
    /// `[above the first row, left of the first column]`.
    pub before: [usize; 2],
    /// `[below the last row, right of the last column]`.
    pub after: [usize; 2],
}

impl Border {
    /// No border.
    pub const NONE: Self = Self::equal([0, 0]);

    /// The same `[vertical, horizontal]` border on opposite sides.
    pub const fn equal(sides: [usize; 2]) -> Self {
        Self { before: sides, after: sides }
    }

    /// Pixels of both sides of an axis together.
    pub fn sum(self, axis: usize) -> usize {
        self.before[axis] + self.after[axis]
    }

    /// The border `[vertical, horizontal]` where opposite sides have the same.
    pub fn equal_sides(self) -> Option<[usize; 2]> {
        (self.before == self.after).then_some(self.before)
    }
}

/// A convolution; weight `[out, in / groups, kh, kw]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// Channels written.
    pub out_channels: usize,
    /// Taps `[height, width]`.
    pub kernel: [usize; 2],
    /// Step `[vertical, horizontal]` in input pixels.
    pub stride: [usize; 2],
    /// Zeros around the input.
    pub padding: Border,
    /// Input pixels from one tap to the next `[vertical, horizontal]`; 1 is the usual convolution.
    pub dilation: [usize; 2],
    /// Parts into which input and output channels are cut; each part of the output reads its part of the input alone.
    pub groups: usize,
    /// Whether a bias `[out]` follows.
    pub bias: bool,
}

impl Conv2d {
    /// A convolution of stride 1 without padding, dilation, groups or bias.
    pub const fn new(out_channels: usize, kernel: [usize; 2]) -> Self {
        Self { out_channels, kernel, stride: [1, 1], padding: Border::NONE, dilation: [1, 1], groups: 1, bias: false }
    }

    /// The same with a step `[vertical, horizontal]`.
    #[must_use]
    pub const fn stride(self, stride: [usize; 2]) -> Self {
        Self { stride, ..self }
    }

    /// The same with `[vertical, horizontal]` zeros on opposite sides.
    #[must_use]
    pub const fn padding(self, sides: [usize; 2]) -> Self {
        Self { padding: Border::equal(sides), ..self }
    }

    /// The same in groups.
    #[must_use]
    pub const fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// The same with a bias.
    #[must_use]
    pub const fn bias(self, bias: bool) -> Self {
        Self { bias, ..self }
    }

    /// Input pixels `[height, width]` between the first and the last tap, both counted.
    pub fn span(&self) -> [usize; 2] {
        [0, 1].map(|axis| (self.kernel[axis] - 1) * self.dilation[axis] + 1)
    }

    /// Rows and columns written for an input of `input` rows and columns; none where the kernel does not fit.
    pub fn output(&self, input: [usize; 2]) -> Option<[usize; 2]> {
        let span = self.span();
        let along = |axis: usize| {
            let room = (input[axis] + self.padding.sum(axis)).checked_sub(span[axis])?;
            Some(room / self.stride[axis] + 1)
        };
        Some([along(0)?, along(1)?])
    }
}

/// Batch normalization with fixed statistics: `(x - mean) / sqrt(variance + eps) * weight + bias`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Added to the variance.
    pub eps: f64,
    /// Whether a learned factor exists (Keras' Inception has none).
    pub scale: bool,
}

/// Windows of a pooling layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Window `[height, width]` in pixels.
    pub kernel: [usize; 2],
    /// Step `[vertical, horizontal]` in pixels.
    pub stride: [usize; 2],
    /// Border in pixels, on each side smaller than the window: zeros of an average, never the maximum.
    pub padding: Border,
    /// Whether a last window that reaches beyond the border is kept, as long as it begins within image and border before.
    /// What lies beyond the border counts for nothing (PyTorch's `ceil_mode`).
    pub ceil_mode: bool,
}

impl Pool {
    /// Square windows with the same border on every side.
    pub const fn square(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], padding: Border::equal([padding; 2]), ceil_mode: false }
    }

    /// Rows and columns written for an input of `input` rows and columns; none where the window does not fit.
    pub fn output(&self, input: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let room = (input[axis] + self.padding.sum(axis)).checked_sub(self.kernel[axis])?;
            let stride = self.stride[axis];
            if !self.ceil_mode {
                return Some(room / stride + 1);
            }
            let count = room.div_ceil(stride) + 1;
            let begins_inside = (count - 1) * stride < input[axis] + self.padding.before[axis];
            Some(if begins_inside { count } else { count - 1 })
        };
        Some([along(0)?, along(1)?])
    }

    /// Pixels by which the last window of an axis reaches beyond the border: only where [`Pool::ceil_mode`] is set.
    pub fn overhang(&self, axis: usize, input: usize, output: usize) -> usize {
        let end = (output - 1) * self.stride[axis] + self.kernel[axis];
        end.saturating_sub(input + self.padding.sum(axis))
    }

    /// Pixels of the input along an axis that window number `at` covers, and the pixels by which an average divides: those of
    /// image and border where the border counts, else those of the image alone.
    pub fn window(
        &self,
        axis: usize,
        at: usize,
        input: usize,
        count_include_pad: bool,
    ) -> (std::ops::Range<usize>, usize) {
        let before = self.padding.before[axis];
        let start = at * self.stride[axis];
        let end = start + self.kernel[axis];
        let covered = start.saturating_sub(before).min(input)..end.saturating_sub(before).min(input);
        let counted = if count_include_pad { end.min(input + self.padding.sum(axis)) - start } else { covered.len() };
        (covered, counted)
    }
}

/// Pixels of an axis of `input` pixels under output pixel `at` of an adaptive pool that writes `output` of them.
pub(super) fn adaptive_window(at: usize, input: usize, output: usize) -> std::ops::Range<usize> {
    at * input / output..((at + 1) * input).div_ceil(output)
}

/// What a node computes from its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// The image, `[n, c, h, w]`.
    Input,
    /// Convolution.
    Conv2d(Conv2d),
    /// Batch normalization in evaluation mode.
    BatchNorm(BatchNorm),
    /// Normalization of every pixel over its channels, then a factor and an offset a channel (Ba et al. 2016):
    /// `(x - mean) / sqrt(variance + eps) * weight + bias`, the variance being over `c`, not `c - 1`.
    LayerNorm {
        /// Added to the variance.
        eps: f64,
    },
    /// A learned factor a channel, and an offset where `bias` is set.
    Scale {
        /// Whether an offset follows.
        bias: bool,
    },
    /// `max(x, 0)`; its derivative at 0 is 0.
    Relu,
    /// Another function of each value.
    Nonlinearity(Nonlinearity),
    /// Maximum over windows; the gradient goes to the first maximum in row-major order.
    MaxPool(Pool),
    /// Mean over windows.
    AvgPool {
        /// The window.
        pool: Pool,
        /// PyTorch's rule when true (zeros of the border count), Keras' when false.
        count_include_pad: bool,
    },
    /// Mean over `output` rows and columns of windows as equal as can be: window `i` of `out` covers pixels
    /// `floor(i * in / out)` to `ceil((i + 1) * in / out)`, the end not counted (PyTorch's `AdaptiveAvgPool2d`).
    AdaptiveAvgPool {
        /// Rows and columns written.
        output: [usize; 2],
    },
    /// Joins its inputs along the channels.
    Concat,
    /// Mean over height and width, giving `[n, c, 1, 1]`.
    GlobalAvgPool,
    /// Fully connected layer on all values of an image `[n, c, h, w]`, row-major; weight `[out, c * h * w]`.
    Linear {
        /// Classes or features written.
        out_features: usize,
        /// Rows and columns `[h, w]` it reads; `[1, 1]` after global pooling.
        extent: [usize; 2],
        /// Whether a bias `[out]` follows.
        bias: bool,
    },
    /// Sum of two inputs of equal shape.
    Add,
    /// Product of two inputs of equal channels; the second has the extent of the first or is `[n, c, 1, 1]`, which then
    /// counts for every pixel.
    Mul,
    /// Zeros around the image.
    Pad(Border),
    /// Repeats the pixels of the first input until it has the extent of the second, whose values do not matter:
    /// row `y` of `out` rows is row `floor(y * in / out)`, columns alike.
    UpsampleNearest,
}

impl Op {
    /// What it is, in a word or two for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Conv2d(_) => "convolution",
            Self::BatchNorm(_) => "batch normalization",
            Self::LayerNorm { .. } => "layer normalization",
            Self::Scale { .. } => "factor a channel",
            Self::Relu => "ReLU",
            Self::Nonlinearity(function) => function.name(),
            Self::MaxPool(_) => "max pool",
            Self::AvgPool { .. } => "average pool",
            Self::AdaptiveAvgPool { .. } => "adaptive average pool",
            Self::Concat => "concatenation",
            Self::GlobalAvgPool => "global average pool",
            Self::Linear { .. } => "fully connected layer",
            Self::Add => "sum",
            Self::Mul => "product",
            Self::Pad(_) => "zero padding",
            Self::UpsampleNearest => "nearest upsampling",
        }
    }

    /// Whether guided backpropagation has a rule for it: every operation but the nonlinearities that are no gates
    /// (Springenberg et al. 2015 defines the rule for the ReLU).
    pub fn is_guided(&self) -> bool {
        match self {
            Self::Nonlinearity(function) => function.is_gate(),
            _ => true,
        }
    }

    /// Whether its windows are of the kind that every executor reads so far.
    pub(super) fn is_plain(&self) -> bool {
        match self {
            Self::Conv2d(conv) => conv.groups == 1 && conv.dilation == [1, 1] && conv.padding.equal_sides().is_some(),
            Self::MaxPool(pool) | Self::AvgPool { pool, .. } => {
                let square = |sides: [usize; 2]| sides[0] == sides[1];
                let same = square(pool.kernel) && square(pool.stride) && pool.padding.equal_sides().is_some_and(square);
                same && !pool.ceil_mode
            }
            Self::Linear { extent, bias, .. } => *bias && *extent == [1, 1],
            Self::LayerNorm { .. }
            | Self::Scale { .. }
            | Self::Nonlinearity(_)
            | Self::AdaptiveAvgPool { .. }
            | Self::Mul
            | Self::Pad(_) => false,
            _ => true,
        }
    }
}
