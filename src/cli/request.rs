//! What the commands that draw maps ask of the methods, and where each image's files go.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arguments::Wanted;
use super::console;
use super::error::{Error, Result};
use super::parameters;
use super::study_image::StudyImage;
use crate::network::{Graph, Model};
use crate::saliency::{self, ClassChoice, ImageInput, Method, Parameters, Preset, Request};

/// The choices that these commands share.
pub(super) struct Choices<'a> {
    pub(super) methods: &'a [Wanted],
    pub(super) preset: Preset,
    pub(super) class: Option<ClassChoice>,
    pub(super) parameters: Option<&'a Path>,
    pub(super) set: &'a [String],
    pub(super) seed: u64,
    pub(super) batch: Option<usize>,
}

impl Choices<'_> {
    /// The request for `images`, each read by `model`.
    pub(super) fn request(&self, model: &Model, images: &[StudyImage]) -> Result<Request> {
        let methods = defined(Wanted::methods(self.methods), &model.graph)?;
        let preset_parameters = Parameters::for_model(self.preset, &model.card);
        let parameters = parameters::overridden(&preset_parameters, self.parameters, self.set)?;
        parameters.check(&methods).map_err(|error| Error::Usage(error.to_string()))?;
        let input = |image: &StudyImage| ImageInput { id_seed: image.content_seed, values: image.input.clone() };
        let mut request = Request::new(images.iter().map(input).collect(), methods, self.preset);
        request.parameters = parameters;
        request.class = self.class.unwrap_or_else(|| class_of(self.preset, model));
        request.positive_class = model.card.positive_class;
        request.card = Some(Arc::new(model.card.clone()));
        request.seed = self.seed;
        request.batch = self.batch;
        Ok(request)
    }
}

/// The class that `preset` means of a model: the predicted one where the card names no positive class, as in the window.
fn class_of(preset: Preset, model: &Model) -> ClassChoice {
    match preset.class() {
        ClassChoice::Positive if model.card.positive_class.is_none() => ClassChoice::Predicted,
        class => class,
    }
}

/// Says with which preset the work is done, unless `quiet`.
pub(super) fn tell_preset(request: &Request, quiet: bool) {
    if quiet {
        return;
    }
    let Request { preset, class, positive_class, .. } = request;
    let reason = if preset.class() == ClassChoice::Positive && positive_class.is_none() {
        "; the model card names no positive class: add `positive_class`, or choose with --class"
    } else {
        ""
    };
    console::tell(format_args!("preset {preset}, class {class}{reason}"));
}

/// Those of `methods` that are defined for a network; the others are told.
fn defined(methods: Vec<Method>, graph: &Graph) -> Result<Vec<Method>> {
    let mut reasons = Vec::new();
    let mut found = Vec::new();
    for method in methods {
        match method.undefined_for(graph) {
            None => found.push(method),
            Some(reason) if reasons.contains(&reason) => {}
            Some(reason) => reasons.push(reason),
        }
    }
    if found.is_empty()
        && let Some(reason) = reasons.pop()
    {
        return Err(Error::Saliency(saliency::Error::Undefined { reason }));
    }
    for reason in reasons {
        console::tell(format_args!("warning: {reason}: it is left out"));
    }
    Ok(found)
}

/// Where the files of each image go, below the output folder.
pub(super) fn folders(images: usize) -> Vec<PathBuf> {
    let folder = |index| if images == 1 { PathBuf::new() } else { format!("image_{index:03}").into() };
    (0..images).map(folder).collect()
}

/// Such a folder as it is printed.
pub(super) fn shown(folder: &Path) -> Cow<'_, str> {
    if folder.as_os_str().is_empty() { ".".into() } else { folder.to_string_lossy() }
}
