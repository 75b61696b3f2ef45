//! What a model is, in a JSON file beside its weights.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::architecture::{Architecture, Variant};
use super::card_graph::Block;
use super::class_logit::class_count;
use super::error::{Error, Result};
use super::graph::{Graph, ModelKind};
use super::graph_file::GraphFile;
use super::head::Head;
use super::output::Output;
use super::read_area::{Resize, ResizeFields};
use super::scaling::{ChannelOrder, Scaling, ScalingFields, TRANSFORMED_CHANNELS, transform_input};
use super::self_check::Checked;
use super::weights_file::{sha256_hex, written};
use crate::{files, limits};

/// Side of the images of the study, in pixels: what is taken where nobody says it.
pub(crate) const STUDY_INPUT_PX: usize = 320;

/// What is said wherever a network whose card says `"trained_on_patients": false` speaks about an image that is no
/// phantom.
pub const NEVER_SAW_PATIENTS: &str = "Trained on generated images. It says nothing about patients.";

/// What a model is and how it wants its images. Written as `model.json`, or under the name of the weights with the
/// ending `.json`, in the folder of the weights.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct ModelCard {
    /// Architecture.
    pub architecture: Architecture,
    /// What it says about an image; follows from the architecture.
    pub kind: ModelKind,
    /// Multiplier on every layer's channels; 1.0 is the published network.
    pub width: f64,
    /// Images it was made for, `[height, width]` in pixels.
    pub input_size: [usize; 2],
    /// Channels of the image.
    pub channels: usize,
    /// How gray values become its input: in the file `scaling`, or `range`, or `mean` and `std`.
    #[serde(flatten)]
    pub scaling: Scaling,
    /// How images are brought to its size: in the file `resize` and `resize_px`.
    #[serde(flatten)]
    pub resize: Resize,
    /// Gray levels are whole numbers before and after they are resized, as in pipelines whose images are 8-bit files: in the
    /// file `"bit_depth": 8`. Otherwise every bit of a radiograph counts.
    #[serde(rename = "bit_depth", skip_serializing_if = "is_full_depth", serialize_with = "eight_bits")]
    pub is_8_bit: bool,
    /// In which order it reads the channels of the scaling.
    #[serde(skip_serializing_if = "is_rgb")]
    pub channel_order: ChannelOrder,
    /// Names of the classes: one a logit of a classifier (two of a single logit: the absence of the finding, and the
    /// finding), a map of a segmentation, a kind of box of a detector.
    pub classes: Vec<String>,
    /// The class that means a finding; none where that is not defined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive_class: Option<usize>,
    /// Set where nobody stated how gray values become its input: [`ModelCard::scaling`] is a guess.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub scaling_assumed: bool,
    /// InceptionV3 or GoogLeNet that torchvision made with `transform_input=True`: what [`ModelCard::scaling`] gives is brought from
    /// ImageNet's scale to -1..1 before the first layer. It counts as part of the scaling: maps are those of the
    /// transformed input.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub transform_input: bool,
    /// How the logits of a classifier become probabilities; none where nobody said so and there are more than two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
    /// Classifiers: what the logits are divided by before they become probabilities, so that these are as often right as they
    /// say (Guo et al. 2017); none is 1. One number for all classes, so that their order stays that of the logits, which
    /// alone are explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Logits of a classifier, maps of a segmentation, kinds of boxes of a detector; follows from the weights. A single
    /// logit has two classes.
    #[serde(skip)]
    pub logits: usize,
    /// What it was trained on, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trained_on: Option<String>,
    /// Whether it was trained on images of patients; none where nobody stated it. A network that never saw a patient
    /// says nothing about patients ([`NEVER_SAW_PATIENTS`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trained_on_patients: Option<bool>,
    /// What the weights were converted from, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// InceptionV3: average pools count the zeros of their border (torchvision) or not (Keras).
    pub count_include_pad: bool,
    /// InceptionV3: batch normalization has a learned factor (torchvision) or none (Keras).
    pub norm_scale: bool,
    /// All but InceptionV3 and ConvNeXt: added to the variance of batch normalization.
    pub norm_eps: f64,
    /// Classifiers: the head, where it is not that of the published network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<Head>,
    /// Set where the functions between the layers of [`ModelCard::head`] are a guess: no tensor tells them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub head_assumed: bool,
    /// Detectors: what their boxes start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detector: Option<DetectorCard>,
    /// Imported networks: batch normalization was folded into the layers before it when the file was written, so that
    /// randomizing a layer cannot reset the one without the other, as the study did.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub norm_folded: bool,
    /// Imported networks: blocks for the cascade, in the order of the data, instead of those of the graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks: Option<Vec<Block>>,
    /// What a comparison with the framework that the model comes from gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checked>,
    /// SHA-256 of the file of weights, in lower-case hexadecimal.
    pub sha256: String,
    /// The graph of an imported network, in the file `graph`; [`ModelCard::graph`] gives that of any model.
    #[serde(skip)]
    pub imported_graph: Option<Arc<Graph>>,
}

/// The bit depth that a card may state.
const EIGHT_BITS: u64 = 8;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_rgb(order: &ChannelOrder) -> bool {
    *order == ChannelOrder::Rgb
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_full_depth(is_8_bit: &bool) -> bool {
    !*is_8_bit
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn eight_bits<S: serde::Serializer>(_: &bool, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_u64(EIGHT_BITS)
}

/// What a detector's boxes start from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DetectorCard {
    /// Side of the smallest square anchor, on level P3, in pixels of the input; it doubles from level to level. 32 in the
    /// article, for images of 800 pixels.
    pub anchor_base_px: f64,
    /// Level P6 reads the backbone's C5 (the article) or P5 (torchvision's first RetinaNet).
    pub p6_from_c5: bool,
}

impl Default for DetectorCard {
    /// As the article.
    fn default() -> Self {
        Self { anchor_base_px: 32.0, p6_from_c5: true }
    }
}

/// What of [`DetectorCard`] people write.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DetectorFile {
    anchor_base_px: Option<f64>,
    p6_from_c5: Option<bool>,
}

/// How images are brought to the size of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageFit {
    /// [`ModelCard::input_size`]
    pub input_size: [usize; 2],
    /// [`ModelCard::resize`]
    pub resize: Resize,
    /// [`ModelCard::is_8_bit`]
    pub is_8_bit: bool,
}

impl ImageFit {
    /// As a card in JSON says, whether or not its network is known; nothing where it does not say it.
    pub fn of_json(card: &[u8]) -> Option<Self> {
        CardFile::parse(card).ok()?.fit()
    }
}

/// The card as people write it: all but the architecture may be left out, fields of later versions are passed over.
#[derive(Debug, Deserialize)]
pub(super) struct CardFile {
    pub(super) architecture: Architecture,
    kind: Option<ModelKind>,
    width: Option<f64>,
    input_size: Option<[usize; 2]>,
    channels: Option<usize>,
    #[serde(flatten)]
    scaling: ScalingFields,
    #[serde(flatten)]
    resize: ResizeFields,
    bit_depth: Option<u64>,
    channel_order: Option<ChannelOrder>,
    transform_input: Option<bool>,
    output: Option<Output>,
    temperature: Option<f64>,
    classes: Option<Vec<String>>,
    positive_class: Option<usize>,
    scaling_assumed: Option<bool>,
    trained_on: Option<String>,
    trained_on_patients: Option<bool>,
    origin: Option<String>,
    count_include_pad: Option<bool>,
    norm_scale: Option<bool>,
    norm_eps: Option<f64>,
    head: Option<Head>,
    head_assumed: Option<bool>,
    detector: Option<DetectorFile>,
    norm_folded: Option<bool>,
    blocks: Option<Vec<Block>>,
    checked: Option<Checked>,
    pub(super) sha256: Option<String>,
    graph: Option<GraphFile>,
    /// What `graph` describes.
    #[serde(skip)]
    imported_graph: Option<Arc<Graph>>,
}

impl CardFile {
    /// A card that says nothing but the architecture.
    pub(super) fn bare(architecture: Architecture) -> Self {
        Self {
            architecture,
            kind: None,
            width: None,
            input_size: None,
            channels: None,
            scaling: ScalingFields::default(),
            resize: ResizeFields::default(),
            bit_depth: None,
            channel_order: None,
            transform_input: None,
            output: None,
            temperature: None,
            classes: None,
            positive_class: None,
            scaling_assumed: None,
            trained_on: None,
            trained_on_patients: None,
            origin: None,
            count_include_pad: None,
            norm_scale: None,
            norm_eps: None,
            head: None,
            head_assumed: None,
            detector: None,
            norm_folded: None,
            blocks: None,
            checked: None,
            sha256: None,
            graph: None,
            imported_graph: None,
        }
    }

    /// What the shapes of the weights tell; of an imported network its graph does.
    pub(super) fn inferred(&self, shapes: &BTreeMap<String, Vec<usize>>) -> Variant {
        match (self.architecture, &self.imported_graph) {
            (Architecture::Imported, Some(graph)) => graph.imported_variant(),
            (Architecture::Imported, None) => self.architecture.usual_variant(),
            (named, _) => named.infer(shapes),
        }
    }

    /// The card that belongs to `weights`: `<stem>.json` or `model.json` in its folder, with its path.
    pub(super) fn beside(weights: &Path) -> Result<Option<(Self, PathBuf)>> {
        for path in [weights.with_extension("json"), weights.with_file_name("model.json")] {
            match files::read(&path, limits::CARD_BYTES) {
                Ok(json) => {
                    let card = Self::parse(&json).map_err(|error| error.in_file(&path))?;
                    return Ok(Some((card, path)));
                }
                Err(problem) if problem.is_missing() => {}
                Err(problem) => return Err(Error::Io { action: "reading the model card", problem }.in_file(&path)),
            }
        }
        Ok(None)
    }

    pub(super) fn parse(json: &[u8]) -> Result<Self> {
        let mut card: Self = serde_json::from_slice(json).map_err(Error::CardSyntax)?;
        let graph = card.graph.take().map(|file| file.graph(Architecture::Imported)).transpose();
        card.imported_graph = graph.map_err(|problem| Error::Card { field: "graph", problem })?.map(Arc::new);
        Ok(card)
    }

    /// How images are brought to the size of the network, as a card says that names its size; nothing where it makes no sense.
    fn fit(self) -> Option<ImageFit> {
        let resize = self.resize.resize().ok()?;
        let input_size =
            self.input_size.filter(|sides| sides.iter().all(|side| (1..=limits::INPUT_SIDE_PX).contains(side)))?;
        resize.problem(input_size).is_none().then_some(ImageFit {
            input_size,
            resize,
            is_8_bit: self.bit_depth.is_some(),
        })
    }

    /// Fills what the card leaves out: sizes from `inferred`, which the weights told, the rest by the study's rules
    /// (320x320 pixels, InceptionV3 and U-Net scaled to -1..1, others by ImageNet; class 1 of 2 is
    /// positive).
    pub(super) fn complete(self, inferred: &Variant, sha256: &str) -> Result<ModelCard> {
        let kind = self.architecture.kind();
        let detector = match (kind, self.detector) {
            (ModelKind::Detection, file) => {
                let (file, usual) = (file.unwrap_or_default(), DetectorCard::default());
                Some(DetectorCard {
                    anchor_base_px: file.anchor_base_px.unwrap_or(usual.anchor_base_px),
                    p6_from_c5: file.p6_from_c5.unwrap_or(inferred.p6_from_c5),
                })
            }
            (_, None) => None,
            (_, Some(_)) => {
                let problem = format!("is for detectors, but {} is none", self.architecture);
                return Err(Error::Card { field: "detector", problem });
            }
        };
        if let Some(said) = self.kind.filter(|said| *said != kind) {
            let problem = format!("is {}, but {} is for {}", said.name(), self.architecture, kind.name());
            return Err(Error::Card { field: "kind", problem });
        }
        let logits = inferred.classes;
        if logits > limits::CLASSES {
            let problem = format!("would have {logits} names, by the weights, and {} are read", limits::CLASSES);
            return Err(Error::Card { field: "classes", problem });
        }
        let is_single = kind == ModelKind::Classifier && logits == 1;
        // Cards of a single logit may name the finding alone, as class 0.
        let names_finding_alone = is_single && self.classes.as_ref().is_some_and(|names| names.len() == 1);
        let positive_class = self.positive_class.filter(|class| !(names_finding_alone && *class == 0));
        let classes = class_names(kind, logits, self.classes);
        let positive_by_rule = match classes.len() {
            1 => Some(0),
            2 => Some(1),
            _ => None,
        };
        let transform_input = self.transform_input.unwrap_or(false);
        let said = self.scaling.scaling().map_err(|(field, problem)| Error::Card { field, problem })?;
        let resize = self.resize.resize().map_err(|(field, problem)| Error::Card { field, problem })?;
        if let Some(depth) = self.bit_depth.filter(|depth| *depth != EIGHT_BITS) {
            let problem =
                format!("is {depth}: 8 is known, for gray levels in whole numbers; leave it out for every bit");
            return Err(Error::Card { field: "bit_depth", problem });
        }
        let card = ModelCard {
            architecture: self.architecture,
            kind,
            resize,
            is_8_bit: self.bit_depth.is_some(),
            channel_order: self.channel_order.unwrap_or_default(),
            width: self.width.unwrap_or(inferred.width),
            input_size: self.input_size.unwrap_or([STUDY_INPUT_PX; 2]),
            channels: self.channels.unwrap_or(inferred.input_channels),
            scaling_assumed: self.scaling_assumed.unwrap_or(said.is_none()),
            scaling: said
                .unwrap_or_else(|| self.architecture.assumed_scaling(inferred.input_channels, transform_input)),
            transform_input,
            output: self.output.or(Output::by_rule(kind, logits)),
            temperature: self.temperature,
            logits,
            positive_class: positive_class.or(positive_by_rule),
            classes,
            trained_on: self.trained_on,
            trained_on_patients: self.trained_on_patients,
            origin: self.origin,
            count_include_pad: self.count_include_pad.unwrap_or(inferred.count_include_pad),
            norm_scale: self.norm_scale.unwrap_or(inferred.norm_scale),
            norm_eps: self.norm_eps.unwrap_or(inferred.norm_eps),
            head_assumed: self
                .head_assumed
                .unwrap_or(self.head.is_none() && inferred.head.as_ref().is_some_and(Head::has_functions)),
            head: self.head.or_else(|| inferred.head.clone()),
            detector,
            norm_folded: self.norm_folded.unwrap_or(false),
            blocks: self.blocks,
            checked: self.checked,
            sha256: self.sha256.unwrap_or_else(|| sha256.to_owned()).to_lowercase(),
            imported_graph: self.imported_graph,
        };
        card.check(inferred, sha256)?;
        Ok(card)
    }
}

impl ModelCard {
    /// How images are brought to its size.
    pub fn fit(&self) -> ImageFit {
        ImageFit { input_size: self.input_size, resize: self.resize, is_8_bit: self.is_8_bit }
    }

    /// The card of a network made here: `classes` are its names, `weights_file` is the whole file of its weights.
    ///
    /// # Errors
    /// When fields contradict each other.
    pub fn of_new_model(
        architecture: Architecture,
        variant: &Variant,
        input_size: [usize; 2],
        classes: Vec<String>,
        trained_on: String,
        anchor_base_px: Option<f64>,
        weights_file: &[u8],
    ) -> Result<Self> {
        let mut card = CardFile::bare(architecture);
        card.input_size = Some(input_size);
        card.classes = Some(classes);
        card.trained_on = Some(trained_on);
        // Whoever trained it has scaled its images by this very rule.
        card.scaling_assumed = Some(false);
        card.width = Some(variant.width);
        card.count_include_pad = Some(variant.count_include_pad);
        card.norm_scale = Some(variant.norm_scale);
        card.norm_eps = Some(variant.norm_eps);
        card.head.clone_from(&variant.head);
        card.detector = anchor_base_px
            .map(|base| DetectorFile { anchor_base_px: Some(base), p6_from_c5: Some(variant.p6_from_c5) });
        card.complete(variant, &sha256_hex(weights_file))
    }

    /// The variant of the architecture it describes.
    pub fn variant(&self) -> Variant {
        Variant {
            input_channels: self.channels,
            classes: self.logits,
            width: self.width,
            count_include_pad: self.count_include_pad,
            norm_scale: self.norm_scale,
            norm_eps: self.norm_eps,
            p6_from_c5: self.detector.is_none_or(|detector| detector.p6_from_c5),
            head: self.head.clone(),
        }
    }

    /// Writes it as JSON under a temporary name and moves it into place.
    ///
    /// # Errors
    /// When it cannot be written; the path comes last.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.to_json().and_then(|json| written(path, &json)).map_err(|error| error.in_file(path))
    }

    /// Checks every field against the others, and against what the file of weights says.
    ///
    /// # Errors
    /// Names the first field that contradicts.
    pub fn check(&self, inferred: &Variant, sha256: &str) -> Result<()> {
        let refuse = |field, problem: String| Err(Error::Card { field, problem });
        let min_px =
            self.imported_graph.as_ref().map_or(self.architecture.min_input_px(), |graph| graph.min_input_px());
        if self.sha256 != sha256 {
            return refuse("sha256", format!("is {}, but these weights have {sha256}", self.sha256));
        }
        if !(self.width > 0.0 && self.width <= limits::WIDTH) {
            return refuse("width", format!("is {}, not a number above 0 and up to {}", self.width, limits::WIDTH));
        }
        let is_same = self.width.to_bits() == inferred.width.to_bits() || {
            let graph = |width| self.architecture.graph(&Variant { width, ..inferred.clone() });
            self.architecture != Architecture::Imported && graph(self.width) == graph(inferred.width)
        };
        if !is_same {
            return refuse("width", format!("is {}, but the weights have width {}", self.width, inferred.width));
        }
        if self.input_size.iter().any(|side| *side < min_px) {
            let [height, width] = self.input_size;
            return refuse("input_size", format!("is {height}x{width}, smaller than {min_px}x{min_px}"));
        }
        let most_px = limits::INPUT_SIDE_PX;
        if self.input_size.iter().any(|side| *side > most_px) {
            let [height, width] = self.input_size;
            return refuse("input_size", format!("is {height}x{width}, larger than {most_px}x{most_px}"));
        }
        self.check_graph()?;
        if let Some(problem) = self.checked.as_ref().and_then(Checked::problem) {
            return refuse("checked", problem);
        }
        if self.channels != inferred.input_channels {
            return refuse(
                "channels",
                format!("is {}, but the weights read {}", self.channels, inferred.input_channels),
            );
        }
        if let Some((field, problem)) = self.scaling.problem(self.channels) {
            return refuse(field, problem);
        }
        if let Some(problem) = self.resize.problem(self.input_size) {
            return refuse("resize_px", problem);
        }
        if self.resize != Resize::Squash && self.kind != ModelKind::Classifier {
            return refuse("resize", "is for classifiers; networks that localize read the whole image".to_owned());
        }
        if self.channel_order == ChannelOrder::Bgr && (self.channels != 3 || self.scaling == Scaling::Caffe) {
            let problem = "is bgr, which is for 3 channels whose scaling is named from red to blue: leave it out";
            return refuse("channel_order", problem.to_owned());
        }
        if self.transform_input && !(self.architecture.transforms_input() && self.channels == TRANSFORMED_CHANNELS) {
            let problem = "is for inception_v3 and googlenet with 3 channels, as torchvision makes them: leave it out";
            return refuse("transform_input", problem.to_owned());
        }
        self.check_head(inferred)?;
        self.check_classes(inferred.classes)?;
        if let Some(detector) = self.detector {
            let DetectorCard { anchor_base_px, p6_from_c5 } = detector;
            if !limits::ANCHOR_PX.contains(anchor_base_px) {
                let range = format!("is {anchor_base_px}, not {}", limits::ANCHOR_PX);
                return refuse("detector.anchor_base_px", range);
            }
            if p6_from_c5 != inferred.p6_from_c5 {
                let told = format!("is {p6_from_c5}, but the weights tell {}", inferred.p6_from_c5);
                return refuse("detector.p6_from_c5", told);
            }
        }
        if !limits::NORM_EPS.contains(self.norm_eps) {
            return refuse("norm_eps", format!("is {}, not {}", self.norm_eps, limits::NORM_EPS));
        }
        Ok(())
    }

    /// The head against what the weights tell of it.
    fn check_head(&self, inferred: &Variant) -> Result<()> {
        let refuse = |problem: String| Err(Error::Card { field: "head", problem });
        let Some(head) = &self.head else { return Ok(()) };
        if self.architecture.head().is_none() {
            return refuse(format!("is for classifiers, but {} is none: leave it out", self.architecture));
        }
        if let Some(problem) = head.problem() {
            return refuse(problem);
        }
        match &inferred.head {
            Some(told) if !head.has_tensors_of(told) => {
                refuse(format!("is {}, but the tensors of the weights tell {}", head.description(), told.description()))
            }
            _ => Ok(()),
        }
    }

    /// Names, positive class and output against the number of logits.
    fn check_classes(&self, logits: usize) -> Result<()> {
        let refuse = |field, problem: String| Err(Error::Card { field, problem });
        let named = self.classes.len();
        let is_single = self.kind == ModelKind::Classifier && logits == 1;
        if is_single && named != class_count(logits) {
            let needed = "which has two classes: name the absence of the finding, and the finding";
            return refuse("classes", format!("has {named} names, but the weights give 1 logit, {needed}"));
        }
        if !is_single && named != logits {
            return refuse("classes", format!("has {named} names, but the weights give {logits} logits"));
        }
        match self.positive_class {
            Some(class) if class >= named => {
                return refuse("positive_class", format!("is {class}, but there are only {named} classes"));
            }
            Some(0) if is_single => {
                let problem = "is 0, but the single logit speaks for class 1: name the finding second";
                return refuse("positive_class", problem.to_owned());
            }
            _ => {}
        }
        match self.output {
            Some(Output::Softmax) if is_single => {
                refuse("output", "is softmax, which is always 1 of a single logit: write sigmoid".to_owned())
            }
            Some(_) if self.kind != ModelKind::Classifier => {
                refuse("output", format!("is for classifiers, but {} is none: leave it out", self.architecture))
            }
            _ => self.check_temperature(),
        }
    }

    fn check_temperature(&self) -> Result<()> {
        let refuse = |problem: String| Err(Error::Card { field: "temperature", problem });
        match self.temperature {
            Some(_) if self.kind != ModelKind::Classifier => {
                refuse(format!("is for classifiers, but {} is none: leave it out", self.architecture))
            }
            Some(temperature) if !limits::TEMPERATURE.contains(temperature) => {
                refuse(format!("is {temperature}, not {}", limits::TEMPERATURE))
            }
            _ => Ok(()),
        }
    }

    /// Gray value 0 to 255 as the network reads it in one channel: scaled, and transformed where the card says so.
    pub fn scale(&self, gray: f32, channel: usize) -> f32 {
        let scaled = self.scaling.apply(gray, self.channel_order.of_scaling(channel, self.channels));
        if self.transform_input { transform_input(scaled, channel) } else { scaled }
    }

    /// The same card, whose logits become probabilities so. A temperature that was fitted to others goes.
    ///
    /// # Errors
    /// When the network has no such probabilities.
    pub fn with_output(mut self, output: Output) -> Result<Self> {
        self.temperature = self.temperature.filter(|_| self.output == Some(output));
        self.output = Some(output);
        self.check_classes(self.logits)?;
        Ok(self)
    }

    /// That its scaling was assumed, and how to state it.
    pub fn assumed_scaling_note(&self) -> String {
        format!(
            "nobody stated how gray levels become this model's input; assumed: {}. State it in the model card (`scaling`, \
             `range`, or `mean` and `std`), or with an option of saliscope convert",
            self.scaling_words()
        )
    }

    /// That the functions of its head were assumed, and how to state them.
    pub fn assumed_head_note(&self) -> String {
        "the weights do not tell which functions stand between the layers of the head; assumed: a ReLU where a number is left \
         out. State them in the model card (`head`)"
            .to_owned()
    }

    /// That a cascade of it is not the study's, where batch normalization was folded away.
    pub fn folded_norm_note(&self) -> Option<&'static str> {
        self.norm_folded.then_some(
            "Batch normalization was folded into the layers before it when the model's file was written: randomizing a layer \
             resets both at once, so that the study's randomization cannot be repeated exactly.",
        )
    }

    /// How gray levels become its input, for people.
    pub fn scaling_words(&self) -> String {
        let transformed = if self.transform_input { ", then transformed to -1..1 (transform_input)" } else { "" };
        let reversed = if self.channel_order == ChannelOrder::Bgr { ", blue first" } else { "" };
        let depth = if self.is_8_bit { "8-bit " } else { "" };
        format!("{depth}{}{reversed}{transformed}", self.scaling.words())
    }

    /// Probabilities of the classes, 0 to 1; none where nobody said how logits become probabilities.
    pub fn probabilities(&self, logits: &[f32]) -> Option<Vec<f64>> {
        self.output.map(|output| output.probabilities_at(logits, self.temperature.unwrap_or(1.0)))
    }

    /// That its probabilities are not those of the bare logits, where that is so.
    pub fn temperature_note(&self) -> Option<String> {
        self.temperature.map(|temperature| {
            format!(
                "Probabilities are those of the logits over a temperature of {temperature:.4}, by the model card. Maps \
                 explain the logits themselves."
            )
        })
    }

    /// How logits become probabilities, for work that needs to know.
    ///
    /// # Errors
    /// When nobody said so; the sentence names the field of the card that does.
    pub fn known_output(&self) -> Result<Output> {
        self.output.ok_or(Error::UnknownOutput { logits: self.logits })
    }
}

/// Names of the classes of a network with so many logits: those `named`, or numbers. Who names one class of a single logit
/// names the finding.
pub fn class_names(kind: ModelKind, logits: usize, named: Option<Vec<String>>) -> Vec<String> {
    let numbered = |count: usize| (0..count).map(|i| format!("class {i}")).collect();
    match (kind, logits, named) {
        (ModelKind::Classifier, 1, Some(names)) if names.len() == 1 => {
            names.into_iter().flat_map(|name| [format!("not {name}"), name]).collect()
        }
        (_, _, Some(names)) => names,
        (ModelKind::Classifier, ..) => numbered(class_count(logits)),
        (_, 1, None) => vec!["finding".to_owned()],
        (_, _, None) => numbered(logits),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CardFile, DetectorCard, ModelKind, Output, Scaling, Variant};
    use crate::limits;

    fn complete(json: &str) -> Result<super::ModelCard, String> {
        CardFile::parse(json.as_bytes())
            .and_then(|card| card.complete(&Variant::default(), "ab12"))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_a_card_leaves_out_follows_the_study() {
        let card = complete(r#"{"architecture": "inception_v3", "a_field_of_tomorrow": [1]}"#).unwrap();
        assert_eq!((card.input_size, card.channels, card.width), ([320, 320], 3, 1.0));
        assert_eq!((card.scaling, card.positive_class), (Scaling::UnitToSymmetric, Some(1)));
        assert!(card.scaling_assumed);
        assert_eq!(card.sha256, "ab12");
        assert_eq!((card.kind, card.detector), (ModelKind::Classifier, None));
        let card = complete(r#"{"architecture": "densenet_121"}"#).unwrap();
        assert_eq!(card.scaling, Scaling::Imagenet);
        let card = complete(r#"{"architecture": "retina_net", "detector": {"anchor_base_px": 12.5}}"#).unwrap();
        assert_eq!((card.kind, card.scaling), (ModelKind::Detection, Scaling::Imagenet));
        assert_eq!(card.detector, Some(DetectorCard { anchor_base_px: 12.5, p6_from_c5: true }));
    }

    #[test]
    fn outputs_are_guessed_only_where_the_study_has_them() {
        let of = |classes: usize, fields: &str| {
            let json = format!(r#"{{"architecture": "densenet_121"{fields}}}"#);
            CardFile::parse(json.as_bytes())
                .and_then(|card| card.complete(&Variant { classes, ..Variant::default() }, "ab12"))
                .map_err(|error| error.to_string())
        };
        assert_eq!(of(2, "").unwrap().output, Some(Output::Softmax));
        assert_eq!(of(2, r#", "output": "sigmoid""#).unwrap().output, Some(Output::Sigmoid));
        let many = of(14, "").unwrap();
        assert_eq!((many.output, many.probabilities(&[0.0; 14])), (None, None));
        let problem = many.known_output().unwrap_err().to_string();
        assert!(problem.contains("14 outputs") && problem.contains(r#""output": "sigmoid""#), "{problem}");

        let single = of(1, r#", "classes": ["air"], "positive_class": 0"#).unwrap();
        assert_eq!((single.classes.join(", "), single.positive_class), ("not air, air".to_owned(), Some(1)));
        assert_eq!((single.output, single.logits), (Some(Output::Sigmoid), 1));
        let again = CardFile::parse(&serde_json::to_vec(&single).unwrap()).unwrap();
        assert_eq!(again.complete(&Variant { classes: 1, ..Variant::default() }, "ab12").unwrap(), single);
        for (fields, expected) in [
            (r#", "output": "softmax""#, "`output` of the model card is softmax, which is always 1"),
            (r#", "classes": ["a", "b"], "positive_class": 0"#, "the single logit speaks for class 1"),
            (r#", "classes": ["a", "b", "c"]"#, "has 3 names, but the weights give 1 logit, which has two classes"),
        ] {
            let problem = of(1, fields).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }

    /// A number as a file may have it, often at the edges of what a computer counts with.
    fn number() -> impl Strategy<Value = String> {
        let edges = [0, 1, 75, 4096, 4097, 1 << 31, (1 << 32) + 96, 1 << 53, u64::MAX / 2 + 1, u64::MAX];
        prop_oneof![
            proptest::sample::select(edges.to_vec()).prop_map(|number| number.to_string()),
            any::<u64>().prop_map(|number| number.to_string()),
            any::<i64>().prop_map(|number| number.to_string()),
            (0_u64..5000).prop_map(|number| number.to_string()),
            any::<f64>().prop_filter("JSON has no others", |number| number.is_finite()).prop_map(|n| n.to_string()),
            Just("null".to_owned()),
            Just("\"1\"".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn no_numbers_of_a_card_do_harm(
            numbers in proptest::collection::vec(number(), 12),
            present in proptest::collection::vec(any::<bool>(), 9),
            architecture in proptest::sample::select(super::Architecture::ALL.to_vec()),
        ) {
            let [height, width, channels, times, positive, eps, black, white, mean, std, anchor, p6] = &numbers[..] else {
                unreachable!()
            };
            let fields = [
                format!(r#""input_size": [{height}, {width}]"#),
                format!(r#""channels": {channels}"#),
                format!(r#""width": {times}"#),
                format!(r#""positive_class": {positive}"#),
                format!(r#""norm_eps": {eps}"#),
                format!(r#""range": [{black}, {white}]"#),
                format!(r#""mean": [{mean}], "std": [{std}]"#),
                format!(r#""detector": {{"anchor_base_px": {anchor}}}"#),
                format!(r#""detector": {{"p6_from_c5": {p6}}}"#),
            ];
            let chosen = fields.iter().zip(&present).filter(|(_, present)| **present).map(|(field, _)| field.as_str());
            let first = format!(r#""architecture": "{architecture}""#);
            let json = format!("{{{}}}", std::iter::once(first.as_str()).chain(chosen).collect::<Vec<_>>().join(", "));
            let inferred = architecture.usual_variant();
            if let Ok(card) = CardFile::parse(json.as_bytes()).and_then(|card| card.complete(&inferred, "ab12")) {
                let sides = architecture.min_input_px()..=limits::INPUT_SIDE_PX;
                prop_assert!(card.input_size.iter().all(|side| sides.contains(side)), "{json}");
                prop_assert!((0..card.channels).all(|channel| !card.scale(128.0, channel).is_nan()), "{json}");
            }
        }
    }

    #[test]
    fn a_card_survives_being_written_and_read() {
        let json = r#"{"architecture": "densenet_121", "classes": ["clear", "finding"], "trained_on": "phantoms"}"#;
        let detector = r#"{"architecture": "retina_net", "kind": "detection", "detector": {"anchor_base_px": 16}}"#;
        let scaled = r#"{"architecture": "densenet_121", "mean": [0.1, 0.2, 0.3], "std": [0.7]}"#;
        let range = r#"{"architecture": "densenet_121", "range": [-1024, 1024], "trained_on_patients": true}"#;
        let cropped = r#"{"architecture": "densenet_121", "input_size": [224, 200], "resize": "center_crop", "resize_px": 256,
            "bit_depth": 8, "channel_order": "bgr"}"#;
        let padded = r#"{"architecture": "densenet_121", "resize": "pad", "scaling": "caffe"}"#;
        let tempered = r#"{"architecture": "densenet_121", "temperature": 1.25}"#;
        for json in [json, detector, scaled, range, cropped, padded, tempered] {
            let card = complete(json).unwrap();
            assert_eq!(complete(&serde_json::to_string(&card).unwrap()).unwrap(), card);
        }
    }

    #[test]
    fn a_temperature_is_that_of_its_output() {
        let card = complete(r#"{"architecture": "densenet_121", "temperature": 2, "output": "softmax"}"#).unwrap();
        assert_eq!(card.probabilities(&[2.0, -2.0]), Some(Output::Softmax.probabilities(&[1.0, -1.0])));
        assert!(card.temperature_note().unwrap().contains("temperature of 2.0000"));
        assert_eq!(card.clone().with_output(Output::Softmax).unwrap().temperature, Some(2.0));
        assert_eq!(card.with_output(Output::Sigmoid).unwrap().temperature, None, "it was fitted to a softmax");
        let plain = complete(r#"{"architecture": "densenet_121"}"#).unwrap();
        assert_eq!((plain.temperature, plain.temperature_note()), (None, None));
        assert_eq!(plain.probabilities(&[2.0, -2.0]), Some(Output::Softmax.probabilities(&[2.0, -2.0])));
    }

    #[test]
    fn errors_name_the_field() {
        for (fields, expected) in [
            (r#""sha256": "CD""#, "field `sha256` of the model card is cd, but these weights have ab12"),
            (
                r#""resize": "center_crop""#,
                "field `resize` of the model card is center_crop, which needs `resize_px`: the shorter side before it is cropped",
            ),
            (r#""resize_px": 256"#, "field `resize_px` of the model card is for `resize` center_crop: leave it out"),
            (
                r#""resize": "center_crop", "resize_px": 256"#,
                "field `resize_px` of the model card is 256, not a number of pixels from 320, which are read, to 4096",
            ),
            (
                r#""bit_depth": 12"#,
                "field `bit_depth` of the model card is 12: 8 is known, for gray levels in whole numbers; leave it out for every bit",
            ),
            (
                r#""scaling": "caffe", "channel_order": "bgr""#,
                "field `channel_order` of the model card is bgr, which is for 3 channels whose scaling is named from red to blue: leave it out",
            ),
            (r#""width": -1"#, "field `width` of the model card is -1, not a number above 0 and up to 16"),
            (r#""width": 0.5"#, "field `width` of the model card is 0.5, but the weights have width 1"),
            (r#""input_size": [320, 60]"#, "field `input_size` of the model card is 320x60, smaller than 75x75"),
            (r#""input_size": [4097, 80]"#, "field `input_size` of the model card is 4097x80, larger than 4096x4096"),
            (r#""channels": 1"#, "field `channels` of the model card is 1, but the weights read 3"),
            (r#""temperature": 0"#, "field `temperature` of the model card is 0, not a number from 0.01 to 100"),
            (r#""classes": ["a"]"#, "field `classes` of the model card has 1 names, but the weights give 2 logits"),
            (r#""positive_class": 2"#, "field `positive_class` of the model card is 2, but there are only 2 classes"),
        ] {
            let json = format!(r#"{{"architecture": "inception_v3", {fields}}}"#);
            assert_eq!(complete(&json).unwrap_err(), expected);
        }
        assert!(complete("{}").unwrap_err().contains("architecture"));
        for (card, expected) in [
            (
                r#""architecture": "u_net", "kind": "classifier""#,
                "`kind` of the model card is classifier, but u_net is for segmentation",
            ),
            (
                r#""architecture": "u_net", "temperature": 2"#,
                "`temperature` of the model card is for classifiers, but u_net is none: leave it out",
            ),
            (
                r#""architecture": "u_net", "detector": {}"#,
                "`detector` of the model card is for detectors, but u_net is none",
            ),
            (
                r#""architecture": "retina_net", "detector": {"anchor_base_px": 0}"#,
                "`detector.anchor_base_px` of the model card is 0, not a number from 4 to 16384",
            ),
            (
                r#""architecture": "retina_net", "detector": {"p6_from_c5": false}"#,
                "`detector.p6_from_c5` of the model card is false, but the weights tell true",
            ),
        ] {
            assert_eq!(complete(&format!("{{{card}}}")).unwrap_err(), format!("field {expected}"));
        }
        let wrong_type = complete(r#"{"architecture": "inception_v3", "scaling": "log"}"#).unwrap_err();
        assert!(wrong_type.contains("unit_to_symmetric"), "{wrong_type}");
    }
}
