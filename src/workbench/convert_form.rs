//! What the dialog for a model of another program asks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::foreign::{Foreign, Statements};
use crate::job::JobId;
use crate::limits;
use crate::network::{Output, Scaling};

/// Side of the images in pixels where a file does not say it: that of the study.
const USUAL_INPUT_PX: usize = 320;

/// How the user says that gray values become the network's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScalingAnswer {
    /// Nothing: what is usual for the architecture is assumed, and marked.
    #[default]
    NotStated,
    /// From -1 to 1.
    Symmetric,
    /// From 0 to 1.
    Unit,
    /// By ImageNet's means and deviations.
    Imagenet,
    /// 0 to 255 minus ImageNet's means, blue first.
    Caffe,
    /// By the values of black and white.
    Range,
    /// By a mean and a deviation a channel.
    MeanStd,
}

impl ScalingAnswer {
    /// All.
    pub const ALL: [Self; 7] =
        [Self::NotStated, Self::Symmetric, Self::Unit, Self::Imagenet, Self::Caffe, Self::Range, Self::MeanStd];

    /// What it is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotStated => "as the file says, else the usual is assumed",
            Self::Symmetric => "-1 to 1",
            Self::Unit => "0 to 1 (ToTensor, rescale=1/255)",
            Self::Imagenet => "ImageNet's mean and deviation",
            Self::Caffe => "0 to 255 minus ImageNet's means (Keras' ResNet, VGG)",
            Self::Range => "values of black and white",
            Self::MeanStd => "a mean and a deviation",
        }
    }

    /// The names of the two fields that it needs, and an example of each.
    pub fn fields(self) -> Option<[(&'static str, &'static str); 2]> {
        match self {
            Self::Range => Some([("Black", "-1024"), ("White", "1024")]),
            Self::MeanStd => Some([("Mean", "0.485, 0.456, 0.406"), ("Deviation", "0.229, 0.224, 0.225")]),
            Self::NotStated | Self::Symmetric | Self::Unit | Self::Imagenet | Self::Caffe => None,
        }
    }
}

/// A model of another program that was read, and what is said of it so far.
#[derive(Clone, Debug)]
pub struct ConvertForm {
    /// The file it came from.
    pub source: PathBuf,
    /// What was in it.
    pub foreign: Arc<Foreign>,
    /// What is said.
    pub answers: ConvertAnswers,
    /// The job that writes it.
    pub job: Option<JobId>,
}

/// What is said of a model of another program.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvertAnswers {
    /// Images it was trained on: a side in pixels, or height and width such as `320x299`.
    pub input_size: String,
    /// How gray values become its input.
    pub scaling: ScalingAnswer,
    /// The two fields of [`ScalingAnswer::fields`].
    pub scaling_fields: [String; 2],
    /// How its outputs become probabilities; none where nobody knows.
    pub output: Option<Output>,
    /// Names of the classes, joined by commas; empty for numbers.
    pub classes: String,
    /// Whether it was trained on images of patients; none where nobody knows.
    pub trained_on_patients: Option<bool>,
    /// Where the weights go.
    pub target: String,
}

impl ConvertForm {
    /// Begins with what the file says.
    pub fn new(source: PathBuf, foreign: Arc<Foreign>) -> Self {
        let answers = ConvertAnswers {
            input_size: {
                let [height, width] = foreign.input_size.unwrap_or([USUAL_INPUT_PX; 2]);
                if height == width { height.to_string() } else { format!("{height}x{width}") }
            },
            scaling: ScalingAnswer::NotStated,
            scaling_fields: Default::default(),
            output: foreign.output.or(Output::by_rule(foreign.architecture.kind(), foreign.variant.classes)),
            classes: foreign.classes.as_deref().unwrap_or_default().join(", "),
            trained_on_patients: None,
            target: source.with_extension("safetensors").to_string_lossy().into_owned(),
        };
        Self { source, foreign, answers, job: None }
    }

    /// What the network is, in a line.
    pub fn summary(&self) -> String {
        let Foreign { architecture, variant, origin, graph, .. } = &*self.foreign;
        let name = match graph {
            Some(graph) => format!("a network of {}", count(graph.nodes().len(), "operation")),
            None => architecture.to_string(),
        };
        let channels = count(variant.input_channels, "channel");
        format!("{name} from {origin}: {channels}, {}", count(variant.classes, "output"))
    }

    /// Where the weights go; none where nothing is typed or it is the file that was read.
    pub fn path(&self) -> Option<PathBuf> {
        let typed = self.answers.target.trim();
        (!typed.is_empty()).then(|| Path::new(typed).with_extension("safetensors")).filter(|path| *path != self.source)
    }

    /// What is stated.
    ///
    /// # Errors
    /// As [`ConvertAnswers::statements`].
    pub fn statements(&self) -> Result<Statements, String> {
        self.answers.statements()
    }
}

impl ConvertAnswers {
    /// What is stated.
    ///
    /// # Errors
    /// One sentence about the first field that cannot be read.
    pub fn statements(&self) -> Result<Statements, String> {
        let classes: Vec<String> = self.classes.split(',').map(|name| name.trim().to_owned()).collect();
        let is_named = classes.iter().any(|name| !name.is_empty());
        Ok(Statements {
            input_size: Some(input_size(self.input_size.trim())?),
            scaling: self.scaling()?,
            output: self.output,
            classes: is_named.then_some(classes),
            trained_on_patients: self.trained_on_patients,
            ..Statements::default()
        })
    }

    fn scaling(&self) -> Result<Option<Scaling>, String> {
        let [first, second] = &self.scaling_fields;
        Ok(Some(match self.scaling {
            ScalingAnswer::NotStated => return Ok(None),
            ScalingAnswer::Symmetric => Scaling::UnitToSymmetric,
            ScalingAnswer::Unit => Scaling::UNIT,
            ScalingAnswer::Imagenet => Scaling::Imagenet,
            ScalingAnswer::Caffe => Scaling::Caffe,
            ScalingAnswer::Range => match (&numbers(first)?[..], &numbers(second)?[..]) {
                ([black], [white]) => Scaling::Range([*black, *white]),
                _ => return Err("Black and white are one number each".to_owned()),
            },
            ScalingAnswer::MeanStd => Scaling::MeanStd { mean: numbers(first)?, std: numbers(second)? },
        }))
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Numbers joined by commas.
fn numbers(text: &str) -> Result<Vec<f32>, String> {
    text.split(',')
        .map(|number| number.trim().parse().map_err(|_| format!("{:?} is not a number, such as 0.5", number.trim())))
        .collect()
}

fn input_size(text: &str) -> Result<[usize; 2], String> {
    let most = limits::INPUT_SIDE_PX;
    let side = |text: &str| match text.trim().parse() {
        Ok(side) if (1..=most).contains(&side) => Ok(side),
        _ => Err(format!("The image size is a side of 1 to {most} pixels, or height and width such as 320x299")),
    };
    match text.split_once('x') {
        Some((height, width)) => Ok([side(height)?, side(width)?]),
        None => side(text).map(|side| [side; 2]),
    }
}
