//! `saliscope convert`: weights of other programs become a model of ours.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::arguments::{OutputChoice, YesNo};
use super::console;
use super::error::{Error, Result};
use super::{output_file, print_json, runtime};
use crate::export::ModelFiles;
use crate::foreign::{self, Asked, Foreign, HeadActivation, Said, Statements};
use crate::limits;
use crate::network::{
    Architecture, ChannelOrder, Function, Model, ModelCard, Nonlinearity, Output, Resize, RuntimeOptions,
    STUDY_INPUT_PX, Sample, Scaling, SelfCheck,
};

/// Converts the weights of another program into safetensors with a model card beside them.
///
/// Reads weights of the networks known by name (--arch lists them) as PyTorch, Lightning, timm, MONAI, TorchXRayVision and
/// Hugging Face save them (.pth, .pt, .ckpt, .safetensors with config.json); whole Keras models (.keras, .h5), and weights
/// alone of DenseNet, ResNet, VGG, InceptionV3 and MobileNetV2 of keras.applications; and ONNX models (.onnx) of classifiers
/// of convolutions. The content tells the format. Nothing in the file is executed, but what a model says is only as good as where it came from: convert files
/// that you trust. Exit codes: 0 done, 1 the work failed, 2 usage.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saliscope convert checkpoint.pth model.safetensors
  saliscope convert keras.h5 model.safetensors --input-size 299 \\
      --classes clear,pneumothorax
  saliscope convert fourteen_labels.pth model.safetensors --output sigmoid \\
      --scaling imagenet
  saliscope convert gray.pth model.safetensors --range=-1024,1024
  saliscope convert chexpert.pth model.safetensors --mean 0.533 --std 0.0349
  saliscope convert model.onnx model.safetensors --scaling unit \\
      --output sigmoid
  saliscope convert torchvision.pth model.safetensors --input-size 224 \\
      --resize center-crop --resize-px 256
  saliscope convert checkpoint.pth model.safetensors --sample sample.npz

A head with one output z has two classes: z speaks for the finding, class 1, and -z against it. What nobody states about
the scaling is assumed, said in a line, and marked in the card (`scaling_assumed`).
Research use - not for diagnosis.")]
pub(super) struct Arguments {
    /// A PyTorch checkpoint, a safetensors file, a Keras model or an ONNX model
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where the weights go; the model card goes beside them, with the ending .json
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Architecture that the file must hold, such as `resnet_50`; its tensors tell it. An unknown name lists all
    #[arg(long, value_name = "NAME", value_parser = clap::value_parser!(Architecture))]
    arch: Option<Architecture>,
    /// Side of the images it was trained on, in pixels, or height and width such as 320x299; without this, as the file says,
    /// else 320
    #[arg(long, value_name = "PX", value_parser = input_size)]
    input_size: Option<[usize; 2]>,
    /// How gray values become its input; without this or --range or --mean, it is assumed: symmetric for `inception_v3`
    /// and where there are not 3 channels, else imagenet
    #[arg(long, value_name = "SCALING", value_enum, conflicts_with_all = ["range", "mean", "std"])]
    scaling: Option<ScalingChoice>,
    /// Black and white as the network reads them, such as 0,1 or -1024,1024
    #[arg(long, value_name = "LO,HI", value_delimiter = ',', num_args = 1, allow_hyphen_values = true,
          conflicts_with_all = ["mean", "std"])]
    range: Option<Vec<f32>>,
    /// Mean that is taken from gray levels of 0 to 1: one for each channel, or one for all
    #[arg(
        long,
        value_name = "M,..",
        value_delimiter = ',',
        num_args = 1,
        allow_hyphen_values = true,
        requires = "std"
    )]
    mean: Option<Vec<f32>>,
    /// Deviation that they are divided by then
    #[arg(long, value_name = "S,..", value_delimiter = ',', num_args = 1, requires = "mean")]
    std: Option<Vec<f32>>,
    /// The network is torchvision's InceptionV3 or GoogLeNet with `transform_input=True`: images scaled by imagenet are brought to -1..1
    #[arg(long)]
    transform_input: bool,
    /// How images are brought to its size: the whole image, its sides scaled independently (squash, the default), the middle
    /// after the shorter side got --resize-px pixels (center-crop, as torchvision's Resize and `CenterCrop`), or the whole image
    /// in proportion with black beside it (pad)
    #[arg(long, value_name = "RULE", value_enum)]
    resize: Option<ResizeChoice>,
    /// Pixels of the shorter side before the middle is cut out, such as 256 of --input-size 224
    #[arg(long, value_name = "PX", value_parser = |text: &str| limits::NETWORK_SIDE_PX.read(text))]
    resize_px: Option<usize>,
    /// 8 where its images were 8-bit files: gray levels are then rounded to whole numbers before and after the resize
    #[arg(long, value_name = "BITS", value_parser = ["8"])]
    bit_depth: Option<String>,
    /// Whether the network reads red or blue first; it matters where the scaling differs by channel
    #[arg(long, value_name = "rgb|bgr", value_enum)]
    channel_order: Option<OrderChoice>,
    /// How its outputs become probabilities: exactly one class is true (softmax), or each is a label of its own (sigmoid);
    /// without this, as the file says, else softmax of two outputs and sigmoid of one
    #[arg(long = "output", value_name = "OUTPUT", value_enum)]
    output_kind: Option<OutputChoice>,
    /// Of several networks in the file the one to read: the key it lies under, or what precedes the names of its tensors
    #[arg(long, value_name = "NAME")]
    network: Option<String>,
    /// Tensors that the outputs do not depend on, joined by commas: their names, or the modules they are in
    #[arg(long, value_name = "NAMES", value_delimiter = ',', num_args = 1)]
    leave_out: Option<Vec<String>>,
    /// What stands between the layers of a head of which the file says nothing; without this, a ReLU is assumed
    #[arg(long, value_name = "FUNCTION", value_enum)]
    head_activation: Option<ActivationChoice>,
    /// What timm calls the network, such as `tf_efficientnet_b0`, where its tensors do not tell
    #[arg(long, value_name = "NAME")]
    timm_name: Option<String>,
    /// Names of the classes, joined by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    classes: Option<Vec<String>>,
    /// The class that means a finding, counted from 0; without this, class 1 of 2
    #[arg(long, value_name = "CLASS")]
    positive_class: Option<usize>,
    /// Whether it was trained on images of patients, for the model card; without it the card does not say
    #[arg(long, value_name = "yes|no", value_enum)]
    trained_on_patients: Option<YesNo>,
    /// Inputs as the network gets them and the answers of its own framework (.npz): the model is compared with them, and the
    /// card keeps the difference
    #[arg(long, value_name = "NPZ")]
    sample: Option<PathBuf>,
    /// Replace files that are there already
    #[arg(long)]
    force: bool,
    /// No notes on standard error
    #[arg(long)]
    quiet: bool,
}

/// `--scaling`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ScalingChoice {
    /// From -1 to 1
    Symmetric,
    /// From 0 to 1: torchvision's `ToTensor` alone, Keras' `rescale=1/255`
    Unit,
    /// By the means and deviations of `ImageNet`
    Imagenet,
    /// 0 to 255 minus the means of `ImageNet`, blue first: Keras' `preprocess_input` of `ResNet` and VGG
    Caffe,
}

/// `--resize`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ResizeChoice {
    /// The whole image, its sides scaled independently
    Squash,
    /// The middle
    CenterCrop,
    /// The whole image in proportion, with black beside it
    Pad,
}

/// `--channel-order`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OrderChoice {
    /// Red, green, blue
    Rgb,
    /// Blue, green, red
    Bgr,
}

/// `--head-activation`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ActivationChoice {
    /// Nothing
    None,
    /// max(x, 0)
    Relu,
    /// x where positive, else 0.01 x
    LeakyRelu,
    /// min(max(x, 0), 6)
    Relu6,
    /// x * sigmoid(x), also called swish
    Silu,
    /// x * Phi(x), exactly
    Gelu,
    /// Hyperbolic tangent
    Tanh,
    /// 1 / (1 + exp(-x))
    Sigmoid,
    /// x * min(max(x / 6 + 1/2, 0), 1)
    HardSwish,
}

impl From<ActivationChoice> for HeadActivation {
    fn from(choice: ActivationChoice) -> Self {
        /// PyTorch's default.
        const LEAK: f32 = 0.01;
        let other = match choice {
            ActivationChoice::None => return Self::Nothing,
            ActivationChoice::Relu => return Self::Function(Function::Relu),
            ActivationChoice::LeakyRelu => Nonlinearity::LeakyRelu { slope: LEAK },
            ActivationChoice::Relu6 => Nonlinearity::RELU6,
            ActivationChoice::Silu => Nonlinearity::Silu,
            ActivationChoice::Gelu => Nonlinearity::Gelu,
            ActivationChoice::Tanh => Nonlinearity::Tanh,
            ActivationChoice::Sigmoid => Nonlinearity::Sigmoid,
            ActivationChoice::HardSwish => Nonlinearity::HardSwish,
        };
        Self::Function(Function::Other(other))
    }
}

#[derive(Serialize)]
struct Line<'a> {
    weights: std::borrow::Cow<'a, str>,
    tensors: usize,
    parameters: usize,
    card: &'a ModelCard,
    notes: &'a [String],
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { input, output, force, .. } = arguments;
    let card_path = output.with_extension("json");
    if card_path == *output {
        return Err(Error::Usage("OUT must not end in .json: that is where its model card goes".to_owned()));
    }
    // Weights of the Hugging Face hub have their configuration beside them.
    let beside = ["config.json", "preprocessor_config.json"].map(|name| input.with_file_name(name));
    for path in [output, &card_path] {
        if output_file::same_file(input, path) {
            let card = "OUT's model card would replace IN; give OUT another name";
            let words = if path == output { "IN and OUT are the same file" } else { card };
            return Err(Error::Usage(words.to_owned()));
        }
        if beside.iter().chain(&arguments.sample).any(|read| output_file::same_file(read, path)) {
            let words = "OUT or its model card would replace a file that is read with IN; give OUT another name";
            return Err(Error::Usage(words.to_owned()));
        }
        output_file::refuse_taken(path, *force)?;
    }
    let sample = arguments.sample.as_deref().map(Sample::open).transpose()?;
    let sample_size = sample.as_ref().map(Sample::likely_input_size);
    let input_size = arguments.input_size.or(sample_size);
    let asked = Asked {
        architecture: arguments.arch,
        input_size,
        said: Said {
            timm_name: arguments.timm_name.clone(),
            network: arguments.network.clone(),
            leave_out: arguments.leave_out.clone().unwrap_or_default(),
            head_activation: arguments.head_activation.map(HeadActivation::from),
        },
    };
    let foreign = foreign::open(input, &asked)?;
    let statements = statements(arguments, input_size)?;
    let mut files = ModelFiles::new(&foreign, &statements)?;
    let mut compared = Vec::new();
    if let Some(sample) = &sample {
        let SelfCheck { checked, notes } = compare(&files.card, &foreign, sample)?;
        compared.extend(notes);
        compared.push(format!("the model {}", checked.words()));
        files.card.checked = Some(checked);
    }
    files.publish(output, output_file::taken(*force))?;
    let card = files.card;
    if !arguments.quiet {
        let trust = "nothing in the file was executed; still, convert trusted files only".to_owned();
        let notes = statements.notes(&foreign, &card);
        for note in notes.iter().chain(&compared).chain([&trust]) {
            console::tell(format_args!("note: {note}"));
        }
    }
    print_json(&Line {
        weights: output.to_string_lossy(),
        tensors: foreign.weights.iter().count(),
        parameters: foreign.weights.iter().map(|(_, tensor)| tensor.values.len()).sum(),
        card: &card,
        notes: &foreign.notes,
    })
}

/// The model of this card beside the answers of its own framework.
fn compare(card: &ModelCard, foreign: &Foreign, sample: &Sample) -> Result<SelfCheck> {
    let (graph, weights) = (card.graph()?, foreign.weights.clone());
    let executor = runtime::start(&RuntimeOptions::default(), true)?.executor(&graph, &weights)?;
    let sha256 = card.sha256.clone();
    let model = Model { card: card.clone(), graph, weights, sha256, had_constant_logit: false };
    Ok(model.check_sample(sample, &*executor)?)
}

/// What the options state.
fn statements(arguments: &Arguments, input_size: Option<[usize; 2]>) -> Result<Statements> {
    Ok(Statements {
        input_size,
        scaling: stated_scaling(arguments)?,
        resize: stated_resize(arguments)?,
        is_8_bit: arguments.bit_depth.is_some(),
        channel_order: match arguments.channel_order {
            Some(OrderChoice::Bgr) => ChannelOrder::Bgr,
            Some(OrderChoice::Rgb) | None => ChannelOrder::Rgb,
        },
        transform_input: arguments.transform_input,
        output: arguments.output_kind.map(Output::from),
        classes: arguments.classes.clone(),
        positive_class: arguments.positive_class,
        trained_on_patients: arguments.trained_on_patients.map(YesNo::is_yes),
    })
}

/// The scaling that the options state; none where they state nothing.
fn stated_scaling(arguments: &Arguments) -> Result<Option<Scaling>> {
    let Arguments { scaling, range, mean, std, .. } = arguments;
    if let Some(range) = range {
        let [black, white] = range[..] else {
            return Err(Error::Usage(format!("--range: two numbers are needed, such as 0,1, not {}", range.len())));
        };
        return Ok(Some(Scaling::Range([black, white])));
    }
    if let Some((mean, std)) = mean.clone().zip(std.clone()) {
        return Ok(Some(Scaling::MeanStd { mean, std }));
    }
    Ok(scaling.map(|choice| match choice {
        ScalingChoice::Symmetric => Scaling::UnitToSymmetric,
        ScalingChoice::Unit => Scaling::UNIT,
        ScalingChoice::Imagenet => Scaling::Imagenet,
        ScalingChoice::Caffe => Scaling::Caffe,
    }))
}

/// How images are resized by the options; none where they say nothing.
fn stated_resize(arguments: &Arguments) -> Result<Option<Resize>> {
    match (arguments.resize, arguments.resize_px) {
        (None, None) => Ok(None),
        (Some(ResizeChoice::Squash), None) => Ok(Some(Resize::Squash)),
        (Some(ResizeChoice::Pad), None) => Ok(Some(Resize::Pad)),
        (Some(ResizeChoice::CenterCrop), Some(shorter_side_px)) => Ok(Some(Resize::CenterCrop { shorter_side_px })),
        (Some(ResizeChoice::CenterCrop), None) => Err(Error::Usage(
            "--resize center-crop needs --resize-px, the shorter side before it is cropped".to_owned(),
        )),
        (_, Some(_)) => Err(Error::Usage("--resize-px is for --resize center-crop".to_owned())),
    }
}

fn input_size(text: &str) -> std::result::Result<[usize; 2], String> {
    let side = |text: &str| match text.parse::<usize>() {
        Ok(side) if (1..=limits::INPUT_SIDE_PX).contains(&side) => Ok(side),
        _ => Err(format!(
            "{text:?} is not a number of pixels from 1 to {}, such as {STUDY_INPUT_PX} or 299x299",
            limits::INPUT_SIDE_PX
        )),
    };
    match text.split_once('x') {
        Some((height, width)) => Ok([side(height)?, side(width)?]),
        None => side(text).map(|side| [side; 2]),
    }
}
