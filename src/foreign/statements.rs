//! What people state about a model that its file does not hold, and the card that this makes.

use std::sync::Arc;

use super::Foreign;
use crate::network::{
    self, Architecture, ChannelOrder, DetectorCard, ModelCard, ModelKind, Output, Resize, STUDY_INPUT_PX, Scaling,
    class_names,
};

/// What is stated about a model of another program; what is not, follows from its file or is assumed and marked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statements {
    /// Images it was trained on, `[height, width]` in pixels; 320x320 where neither anybody nor the file says.
    pub input_size: Option<[usize; 2]>,
    /// How gray values become its input.
    pub scaling: Option<Scaling>,
    /// How images are brought to its size.
    pub resize: Option<Resize>,
    /// Whether its images were 8-bit files.
    pub is_8_bit: bool,
    /// Whether it reads red or blue first.
    pub channel_order: ChannelOrder,
    /// See [`ModelCard::transform_input`].
    pub transform_input: bool,
    /// How its outputs become probabilities.
    pub output: Option<Output>,
    /// Names of the classes.
    pub classes: Option<Vec<String>>,
    /// The class that means a finding; class 1 of 2 where nobody says.
    pub positive_class: Option<usize>,
    /// Whether it was trained on images of patients.
    pub trained_on_patients: Option<bool>,
}

impl Statements {
    /// The card of `foreign`, the weights of which are written as a file of this SHA-256.
    ///
    /// # Errors
    /// When statements contradict each other or the weights.
    pub fn card(&self, foreign: &Foreign, sha256: &str) -> network::Result<ModelCard> {
        let Foreign { architecture, variant, .. } = foreign;
        let stated = self.scaling.clone().or_else(|| foreign.scaling.clone());
        let kind = architecture.kind();
        let classes = class_names(kind, variant.classes, self.classes.clone().or_else(|| foreign.classes.clone()));
        let transform_input = self.transform_input || foreign.transform_input;
        let said = self.output.or(foreign.output);
        let card = ModelCard {
            architecture: *architecture,
            kind,
            width: variant.width,
            input_size: self.input_size.or(foreign.input_size).unwrap_or([STUDY_INPUT_PX; 2]),
            channels: variant.input_channels,
            scaling_assumed: stated.is_none(),
            scaling: stated
                .or_else(|| foreign.usual_scaling.clone())
                .unwrap_or_else(|| architecture.assumed_scaling(variant.input_channels, transform_input)),
            resize: self.resize.or(foreign.resize).unwrap_or_default(),
            is_8_bit: self.is_8_bit,
            channel_order: self.channel_order,
            transform_input,
            output: said.or(Output::by_rule(kind, variant.classes)),
            temperature: None,
            logits: variant.classes,
            positive_class: self.positive_class.or(if classes.len() == 2 { Some(1) } else { None }),
            classes,
            trained_on: None,
            trained_on_patients: self.trained_on_patients,
            origin: Some(foreign.origin.clone()),
            count_include_pad: variant.count_include_pad,
            norm_scale: variant.norm_scale,
            norm_eps: variant.norm_eps,
            head_assumed: foreign.head_assumed,
            head: variant.head.clone(),
            detector: (kind == ModelKind::Detection)
                .then(|| DetectorCard { p6_from_c5: variant.p6_from_c5, ..DetectorCard::default() }),
            norm_folded: foreign.norm_folded,
            blocks: None,
            checked: None,
            sha256: sha256.to_owned(),
            imported_graph: foreign.graph.clone().map(Arc::new),
        };
        card.check(variant, sha256)?;
        Ok(card)
    }

    /// What has to be told about the card that [`Statements::card`] made, one sentence each: what the file says, what was
    /// assumed, what was overruled.
    pub fn notes(&self, foreign: &Foreign, card: &ModelCard) -> Vec<String> {
        let assumed = card.scaling_assumed.then(|| card.assumed_scaling_note());
        let overruled = foreign.output.filter(|said| card.output != Some(*said));
        let overruled = overruled.map(|said| format!("the file says {said}; what was stated was followed instead"));
        let is_unproven = card.kind == ModelKind::Classifier && card.checked.is_none();
        let unproven = is_unproven.then(|| unproven_note(card));
        foreign.notes.iter().cloned().chain(assumed).chain(overruled).chain(unproven).collect()
    }
}

/// What nobody proved of a model whose answers were not compared with those of its own framework.
fn unproven_note(card: &ModelCard) -> String {
    let remedy = "`saliscope convert --sample` compares its logits with those of the program that trained it";
    if card.architecture == Architecture::Imported {
        return format!("nobody compared this model with its own program: {remedy}");
    }
    let name = card.architecture;
    format!(
        "strides, dilations, padding and pooling are those that {name} usually has, which tensors do not tell: {remedy}"
    )
}
