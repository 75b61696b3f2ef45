//! One layer of a configuration, checked.

use serde_json::Value;

use super::config::{Argument, Call};
use super::function::{self, Fault, Function};
use crate::limits;
use crate::network::Border;

/// What a layer does.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::enum_variant_names, reason = "layer normalization is called so")]
pub(super) enum Layer {
    Input,
    /// Gives what it gets.
    Identity,
    /// Acts in training alone.
    Dropped,
    Conv(Conv),
    Dense {
        units: usize,
        bias: bool,
        activation: Function,
    },
    /// `vectors`: its axis is the channels of vectors alone.
    BatchNorm {
        eps: f64,
        scale: bool,
        center: bool,
        vectors: bool,
    },
    LayerNorm {
        eps: f64,
        scale: bool,
        center: bool,
        vectors: bool,
    },
    Function(Function),
    Add,
    Multiply,
    Concat {
        vectors: bool,
    },
    ZeroPadding(Border),
    Pool {
        max: bool,
        kernel: [usize; 2],
        stride: [usize; 2],
        same: bool,
    },
    GlobalPool {
        max: bool,
        keep_sides: bool,
    },
    Flatten,
    Reshape(Vec<i64>),
    /// `scale * x + offset`, constants of the network: one for each channel, or one for all.
    Affine {
        scale: Vec<f64>,
        offset: Vec<f64>,
    },
    /// Mean and variance lie with the weights.
    Normalization,
    /// A learned factor for each channel.
    LayerScale,
    /// The first input and so many times the second (InceptionResNetV2).
    AddScaled(f64),
}

/// A convolution of any kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Conv {
    pub(super) kind: ConvKind,
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) dilation: [usize; 2],
    /// As many zeros as give `ceil(input / stride)` pixels.
    pub(super) same: bool,
    pub(super) bias: bool,
    pub(super) activation: Function,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConvKind {
    Full {
        filters: usize,
        groups: usize,
    },
    /// So many kernels for each channel.
    Depthwise {
        multiplier: usize,
    },
    /// A depthwise convolution and then a full one of one pixel.
    Separable {
        multiplier: usize,
        filters: usize,
    },
}

/// Which axis is that of the channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    ChannelsLast,
    ChannelsFirst,
}

/// What all layers of a file share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) layout: Layout,
    /// Version of Keras, 2 or 3.
    pub(super) major: u64,
}

/// Layers that do nothing when a model predicts.
const ONLY_IN_TRAINING: [&str; 24] = [
    "Dropout",
    "SpatialDropout2D",
    "GaussianDropout",
    "GaussianNoise",
    "AlphaDropout",
    "ActivityRegularization",
    "StochasticDepth",
    "FixedDropout",
    "RandomFlip",
    "RandomRotation",
    "RandomZoom",
    "RandomTranslation",
    "RandomContrast",
    "RandomBrightness",
    "RandomShear",
    "RandomPerspective",
    "RandomHue",
    "RandomSaturation",
    "RandomSharpness",
    "RandomGrayscale",
    "RandomColorJitter",
    "RandomPosterization",
    "RandomGaussianBlur",
    "RandomInvert",
];

/// Largest side of a kernel, a window, a border or a step, and most channels.
const SIDE: usize = limits::INPUT_SIDE_PX;

impl Layer {
    /// What the layer of `call` does.
    pub(super) fn of(call: &Call<'_>, setting: Setting) -> Result<Self, Fault> {
        let config = Config { value: call.config, setting };
        if call.config["quantization_config"].is_object()
            || call.config["dtype"]["class_name"] == "QuantizedDTypePolicy"
        {
            return Err("quantized weights".to_owned());
        }
        if let Some(function) = function::layer(call.class, call.config, setting.major) {
            return function.map(Self::Function);
        }
        Ok(match call.class {
            "InputLayer" => Self::Input,
            class if ONLY_IN_TRAINING.contains(&class) => Self::Dropped,
            "Identity" => Self::Identity,
            "Conv2D" | "Convolution2D" => {
                let groups = config.number("groups", Some(1), limits::CLASSES)?;
                Self::Conv(config.conv(ConvKind::Full { filters: config.channels("filters")?, groups })?)
            }
            "DepthwiseConv2D" => {
                let multiplier = config.number("depth_multiplier", Some(1), SIDE)?;
                Self::Conv(config.conv(ConvKind::Depthwise { multiplier })?)
            }
            "SeparableConv2D" | "SeparableConvolution2D" => {
                let multiplier = config.number("depth_multiplier", Some(1), SIDE)?;
                Self::Conv(config.conv(ConvKind::Separable { multiplier, filters: config.channels("filters")? })?)
            }
            "Dense" => Self::Dense {
                units: config.channels("units")?,
                bias: config.flag("use_bias", true)?,
                activation: config.activation()?,
            },
            "BatchNormalization" | "BatchNormalizationV1" | "BatchNormalizationV2" | "SyncBatchNormalization" => {
                let (scale, center) = (config.flag("scale", true)?, config.flag("center", true)?);
                Self::BatchNorm { eps: config.eps()?, scale, center, vectors: config.of_vectors()? }
            }
            "LayerNormalization" => {
                if config.flag("rms_scaling", false)? {
                    return Err("rms_scaling".to_owned());
                }
                let (scale, center) = (config.flag("scale", true)?, config.flag("center", true)?);
                Self::LayerNorm { eps: config.eps()?, scale, center, vectors: config.of_vectors()? }
            }
            "ZeroPadding2D" => Self::ZeroPadding(config.border()?),
            "MaxPooling2D" | "MaxPool2D" => config.pool(true)?,
            "AveragePooling2D" | "AvgPool2D" => config.pool(false)?,
            "GlobalAveragePooling2D" | "GlobalAvgPool2D" => {
                Self::GlobalPool { max: false, keep_sides: config.flag("keepdims", false)? }
            }
            "GlobalMaxPooling2D" | "GlobalMaxPool2D" => {
                Self::GlobalPool { max: true, keep_sides: config.flag("keepdims", false)? }
            }
            "Flatten" => Self::Flatten,
            "Reshape" => Self::Reshape(config.target_shape()?),
            "Rescaling" => Self::Affine { scale: config.numbers("scale")?, offset: config.numbers("offset")? },
            "Normalization" => config.normalization()?,
            "LayerScale" => Self::LayerScale,
            "CustomScaleLayer" => Self::AddScaled(config.real("scale")?),
            "Concatenate" => Self::Concat { vectors: config.of_vectors()? },
            "TFOpLambda" | "TensorFlowOpLayer" | "TFOpLambdaV2" => {
                let function = config.value["function"].as_str().unwrap_or("an operation of TensorFlow");
                operation(function, call).unwrap_or_else(|| Err(format!("{function:?}")))?
            }
            class => operation(class, call).unwrap_or_else(|| Err(String::new()))?,
        })
    }
}

impl Layer {
    /// Whether files hold weights of it.
    pub(super) fn has_variables(&self) -> bool {
        matches!(
            self,
            Self::Conv(_)
                | Self::Dense { .. }
                | Self::BatchNorm { .. }
                | Self::LayerNorm { .. }
                | Self::Normalization
                | Self::LayerScale
        )
    }
}

/// A sum or a product: of results alone, or with one number. None for other operations.
fn operation(name: &str, call: &Call<'_>) -> Option<Result<Layer, Fault>> {
    let numbers: Vec<f64> = call
        .arguments
        .iter()
        .filter_map(|argument| match argument {
            Argument::Number(number) => Some(*number),
            Argument::Call(_) => None,
        })
        .collect();
    let first_is_number = matches!(call.arguments.first(), Some(Argument::Number(_)));
    let inputs = call.arguments.len() - numbers.len();
    let affine = |scale: f64, offset: f64| Ok(Layer::Affine { scale: vec![scale], offset: vec![offset] });
    let fault = || Err("arguments that are no two results, nor one and a number".to_owned());
    Some(match (name, &numbers[..], inputs) {
        ("Add" | "__operators__.add" | "math.add", [], _) => Ok(Layer::Add),
        ("Multiply" | "math.multiply", [], _) => Ok(Layer::Multiply),
        ("Add" | "__operators__.add" | "math.add", [number], 1) => affine(1.0, *number),
        ("Multiply" | "math.multiply", [number], 1) => affine(*number, 0.0),
        ("Subtract" | "math.subtract", [number], 1) => {
            if first_is_number {
                affine(-1.0, *number)
            } else {
                affine(1.0, -number)
            }
        }
        ("Divide" | "TrueDivide" | "math.divide" | "math.truediv", [number], 1)
            if !first_is_number && *number != 0.0 =>
        {
            affine(1.0 / number, 0.0)
        }
        ("nn.relu" | "Relu", [], 1) => Ok(Layer::Function(Function::Relu)),
        (
            "Add" | "Multiply" | "__operators__.add" | "math.add" | "math.multiply" | "math.subtract" | "math.truediv",
            ..,
        ) => fault(),
        _ => return None,
    })
}

/// The settings of one layer.
struct Config<'a> {
    value: &'a Value,
    setting: Setting,
}

impl Config<'_> {
    fn activation(&self) -> Result<Function, Fault> {
        function::named(&self.value["activation"], self.setting.major)
    }

    fn flag(&self, key: &str, usual: bool) -> Result<bool, Fault> {
        match &self.value[key] {
            Value::Null => Ok(usual),
            value => value.as_bool().ok_or_else(|| format!("{key} {value}")),
        }
    }

    /// A whole number from 1 to `most`; `usual` where it is not said.
    fn number(&self, key: &str, usual: Option<usize>, most: usize) -> Result<usize, Fault> {
        match (&self.value[key], usual) {
            (Value::Null, Some(usual)) => Ok(usual),
            (value, _) => whole(value, most).filter(|number| *number > 0).ok_or_else(|| format!("{key} {value}")),
        }
    }

    fn channels(&self, key: &str) -> Result<usize, Fault> {
        self.number(key, None, limits::CLASSES)
    }

    fn real(&self, key: &str) -> Result<f64, Fault> {
        let value = &self.value[key];
        value.as_f64().filter(|number| number.is_finite()).ok_or_else(|| format!("{key} {value}"))
    }

    /// A number, or several.
    fn numbers(&self, key: &str) -> Result<Vec<f64>, Fault> {
        numbers(&self.value[key]).ok_or_else(|| format!("{key} {}", self.value[key]))
    }

    fn eps(&self) -> Result<f64, Fault> {
        match &self.value["epsilon"] {
            Value::Null => Ok(1e-3),
            value => {
                value.as_f64().filter(|eps| limits::NORM_EPS.contains(*eps)).ok_or_else(|| format!("epsilon {value}"))
            }
        }
    }

    /// Two numbers above 0 for height and width, or one for both.
    fn pair(&self, key: &str, usual: Option<[usize; 2]>) -> Result<[usize; 2], Fault> {
        let value = &self.value[key];
        let pair = match value {
            Value::Null => usual,
            Value::Array(list) => match &list[..] {
                [height, width] => whole(height, SIDE).zip(whole(width, SIDE)).map(|(height, width)| [height, width]),
                [side] => whole(side, SIDE).map(|side| [side; 2]),
                _ => None,
            },
            side => whole(side, SIDE).map(|side| [side; 2]),
        };
        pair.filter(|pair| !pair.contains(&0)).ok_or_else(|| format!("{key} {value}"))
    }

    fn same(&self) -> Result<bool, Fault> {
        match self.value["padding"].as_str() {
            Some("same") => Ok(true),
            Some("valid") => Ok(false),
            None if self.value["padding"].is_null() => Ok(false),
            _ => Err(format!("padding {}", self.value["padding"])),
        }
    }

    fn conv(&self, kind: ConvKind) -> Result<Conv, Fault> {
        Ok(Conv {
            kind,
            kernel: self.pair("kernel_size", None)?,
            stride: self.pair("strides", Some([1, 1]))?,
            dilation: self.pair("dilation_rate", Some([1, 1]))?,
            same: self.same()?,
            bias: self.flag("use_bias", true)?,
            activation: self.activation()?,
        })
    }

    fn pool(&self, max: bool) -> Result<Layer, Fault> {
        let kernel = self.pair("pool_size", Some([2, 2]))?;
        Ok(Layer::Pool { max, kernel, stride: self.pair("strides", Some(kernel))?, same: self.same()? })
    }

    /// `[[above, below], [left, right]]`, `[vertical, horizontal]` or one number.
    fn border(&self) -> Result<Border, Fault> {
        let value = &self.value["padding"];
        let sides = |value: &Value| match value {
            Value::Array(list) => match &list[..] {
                [before, after] => whole(before, SIDE).zip(whole(after, SIDE)),
                _ => None,
            },
            both => whole(both, SIDE).map(|both| (both, both)),
        };
        let axes = match value {
            Value::Array(list) => match &list[..] {
                [rows, columns] => sides(rows).zip(sides(columns)),
                _ => None,
            },
            both => sides(both).map(|both| (both, both)),
        };
        let ((above, below), (left, right)) = axes.ok_or_else(|| format!("padding {value}"))?;
        Ok(Border { before: [above, left], after: [below, right] })
    }

    /// Whether its axis is that of the channels only of vectors; refuses an axis that never is.
    fn of_vectors(&self) -> Result<bool, Fault> {
        let value = &self.value["axis"];
        let axis = match value {
            Value::Null => Some(-1),
            Value::Array(list) if list.len() == 1 => list[0].as_i64(),
            value => value.as_i64(),
        };
        match (axis, self.setting.layout) {
            (Some(-1 | 3), Layout::ChannelsLast) | (Some(-3 | 1), Layout::ChannelsFirst) => Ok(false),
            (Some(1), Layout::ChannelsLast) | (Some(-1), Layout::ChannelsFirst) => Ok(true),
            _ => Err(format!("axis {value}")),
        }
    }

    fn target_shape(&self) -> Result<Vec<i64>, Fault> {
        let value = &self.value["target_shape"];
        let shape = value.as_array().and_then(|list| list.iter().map(Value::as_i64).collect::<Option<Vec<_>>>());
        shape.ok_or_else(|| format!("target_shape {value}"))
    }

    fn normalization(&self) -> Result<Layer, Fault> {
        if self.flag("invert", false)? {
            return Err("invert".to_owned());
        }
        if self.value["mean"].is_null() && self.value["variance"].is_null() {
            return Ok(Layer::Normalization);
        }
        let (mean, variance) = (self.numbers("mean")?, self.numbers("variance")?);
        if mean.len() != variance.len() || variance.iter().any(|variance| *variance < 0.0) {
            return Err("a mean and a variance that do not belong together".to_owned());
        }
        Ok(normalization(&mean, &variance))
    }
}

/// Keras never divides by less.
const LEAST_DEVIATION: f64 = 1e-7;

/// `(x - mean) / sqrt(variance)`
pub(super) fn normalization(mean: &[f64], variance: &[f64]) -> Layer {
    let scale: Vec<f64> = variance.iter().map(|variance| 1.0 / variance.sqrt().max(LEAST_DEVIATION)).collect();
    let offset = mean.iter().zip(&scale).map(|(mean, scale)| -mean * scale).collect();
    Layer::Affine { scale, offset }
}

fn whole(value: &Value, most: usize) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok()).filter(|number| *number <= most)
}

/// Numbers in lists in lists, as arrays are written; at most as many as an image has channels.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    fn collect(value: &Value, depth: usize, found: &mut Vec<f64>) -> Option<()> {
        match value {
            Value::Array(list) if depth > 0 => list.iter().try_for_each(|value| collect(value, depth - 1, found)),
            Value::Object(object) if depth > 0 => collect(object.get("config")?.get("value")?, depth - 1, found),
            value => value.as_f64().filter(|number| number.is_finite()).map(|number| found.push(number)),
        }
    }
    let mut found = Vec::new();
    collect(value, 6, &mut found)?;
    (!found.is_empty() && found.len() <= limits::CLASSES).then_some(found)
}
