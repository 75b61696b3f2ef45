//! `saliscope convert`: weights of other programs become a model of ours.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::arguments::{OutputChoice, YesNo};
use super::console;
use super::error::{Error, Result};
use super::{output_file, print_json};
use crate::export;
use crate::foreign::{self, Statements};
use crate::limits;
use crate::network::{Architecture, ModelCard, Output, Scaling};

/// Side of the images of the study, in pixels.
const STUDY_INPUT_PX: usize = 320;

/// Converts the weights of another program into safetensors with a model card beside them.
///
/// Reads PyTorch state dicts (.pth, .pt) and Keras weights (.h5) of InceptionV3 and DenseNet-121; the content tells the
/// format. Nothing in the file is executed, but what a model says is only as good as where it came from: convert files
/// that you trust. Exit codes: 0 done, 1 the work failed, 2 usage.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saliscope convert checkpoint.pth model.safetensors
  saliscope convert keras.h5 model.safetensors --input-size 299 --classes clear,pneumothorax
  saliscope convert fourteen_labels.pth model.safetensors --output sigmoid --scaling imagenet
  saliscope convert gray.pth model.safetensors --range=-1024,1024
  saliscope convert chexpert.pth model.safetensors --mean 0.533 --std 0.0349

A head with one output z has two classes: z speaks for the finding, class 1, and -z against it. What nobody states about
the scaling is assumed, said in a line, and marked in the card (`scaling_assumed`).
Research use - not for diagnosis.")]
pub(super) struct Arguments {
    /// A PyTorch state dict or a Keras HDF5 file
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where the weights go; the model card goes beside them, with the ending .json
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Architecture that the file must hold: `inception_v3` or `densenet_121`; its tensors tell it
    #[arg(long, value_name = "NAME", value_parser = clap::value_parser!(Architecture))]
    arch: Option<Architecture>,
    /// Side of the images it was trained on, in pixels, or height and width such as 320x299
    #[arg(long, value_name = "PX", value_parser = input_size, default_value = "320")]
    input_size: [usize; 2],
    /// How gray values become its input; without this or --range or --mean, it is assumed: imagenet for `densenet_121` with
    /// 3 channels, else symmetric
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
    /// The network is torchvision's InceptionV3 with `transform_input=True`: images scaled by imagenet are brought to -1..1
    #[arg(long)]
    transform_input: bool,
    /// How its outputs become probabilities: exactly one class is true (softmax), or each is a label of its own (sigmoid);
    /// without this, as the file says, else softmax of two outputs and sigmoid of one
    #[arg(long = "output", value_name = "OUTPUT", value_enum)]
    output_kind: Option<OutputChoice>,
    /// Names of the classes, joined by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    classes: Option<Vec<String>>,
    /// The class that means a finding, counted from 0; without this, class 1 of 2
    #[arg(long, value_name = "CLASS")]
    positive_class: Option<usize>,
    /// Whether it was trained on images of patients, for the model card; without it the card does not say
    #[arg(long, value_name = "yes|no", value_enum)]
    trained_on_patients: Option<YesNo>,
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
    for path in [output, &card_path] {
        if output_file::same_file(input, path) {
            return Err(Error::Usage("IN and OUT are the same file".to_owned()));
        }
        output_file::refuse_taken(path, *force)?;
    }
    let foreign = foreign::open(input, arguments.arch)?;
    let statements = statements(arguments)?;
    let card = export::write_model(&foreign, &statements, output, output_file::taken(*force))?;
    if !arguments.quiet {
        let trust = "nothing in the file was executed; still, convert trusted files only".to_owned();
        for note in statements.notes(&foreign, &card).iter().chain([&trust]) {
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

/// What the options state.
fn statements(arguments: &Arguments) -> Result<Statements> {
    Ok(Statements {
        input_size: Some(arguments.input_size),
        scaling: stated_scaling(arguments)?,
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
    }))
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
