//! `saliscope train`: fits a network to a cohort.

mod arguments;
mod files;
mod first;
mod learnt;
mod terminal;

use std::collections::BTreeMap;

use serde::Serialize;

use super::console;
use super::error::{Error, Result};
use super::interrupt::Interrupt;
use super::progress::Progress;
use super::{print_json, runtime};
use crate::cohort::Split;
use crate::network::{ModelCard, ModelKind, Output, Variant, Weights};
use crate::training::{
    Checkpoint, Error as TrainingError, Loading, Outcome, Samples, Training, csv, curve, initial_weights, score_name,
};

pub(super) use arguments::Arguments;
use files::Files;
use first::First;
use terminal::Terminal;

/// Validation images below which the temperature that is fitted on them is told to be uncertain.
const FEW_IMAGES: usize = 50;

/// What is printed at the end.
#[derive(Serialize)]
struct Report<'a> {
    epochs: usize,
    best_epoch: usize,
    score: &'a str,
    validation_score: f64,
    /// The AUC of each of several findings or classes, of which the score is the mean.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    validation_scores: BTreeMap<&'a str, Option<f64>>,
    /// What the card says that logits are divided by before they become probabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    parameters: usize,
    sha256: &'a str,
}

/// The scores of several findings in the epoch whose weights are kept.
fn best_scores<'a>(outcome: &Outcome, findings: &'a [String]) -> BTreeMap<&'a str, Option<f64>> {
    let best = outcome.epochs.iter().find(|epoch| epoch.epoch == outcome.best_epoch);
    let scores = best.into_iter().flat_map(|epoch| epoch.validation_scores.iter().copied());
    findings.iter().map(String::as_str).zip(scores).collect()
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let files = Files::beside(&arguments.out);
    files.refuse_inputs(&arguments.files_read(), arguments.cohort_folder())?;
    files.check(arguments.force, arguments.resume)?;
    let settings = arguments.settings();
    settings.check()?;
    arguments.check()?;
    // Better before the images than after them.
    let first = arguments.course.init.as_deref().map(|path| First::open(path, arguments.arch)).transpose()?;
    let interrupt = Interrupt::listen();
    runtime::begin(&arguments.options())?;
    let runtime = runtime::start(&arguments.options(), arguments.quiet)?;
    let cohort = arguments.open_cohort(&interrupt)?;
    let (kind, size_px) = (arguments.arch.kind(), [arguments.input_size; 2]);
    let (output, logits) = arguments.output();
    let folder = arguments.scratch_folder(&cohort);
    let is_one_class = output == Some(Output::Softmax);
    let loading = Loading { kind, size_px, is_one_class, folder: folder.as_deref() };
    let load = |split: Split| {
        let progress = Progress::over(&format!("{} images", split.name()), arguments.quiet, interrupt.clone());
        let samples = Samples::load(&cohort, split, &loading, &progress);
        progress.finish();
        samples
    };
    let (train, validation) = (load(Split::Train)?, load(Split::Val)?);
    if !arguments.quiet {
        for (reason, count) in train.unusable.iter().chain(&validation.unusable) {
            console::tell(format_args!("warning: {count} images are left out: {reason}"));
        }
        arguments.tell_unscored(&validation);
    }
    let variant = Variant { width: arguments.width, classes: logits, ..first::variant(first.as_ref(), arguments.arch) };
    let graph = arguments.arch.graph(&variant);
    graph.extents(size_px[0], size_px[1])?;
    let file = first.as_ref().map(|first| &first.tensors[..]);
    let (weights, inherited) = initial_weights(&graph, arguments.seed, file);
    if let Some(first) = &first {
        first.tell(&inherited, &variant, arguments.arch)?;
    }
    let parameters: usize = weights.iter().map(|(_, tensor)| tensor.values.len()).sum();
    let trainer = runtime.trainer(graph, &weights)?;
    let told = arguments.told(&settings, &trainer.describe(), &train, &validation, &variant, file);
    let resume = arguments.resume.then(|| Checkpoint::open(&told, &files.checkpoint)).transpose()?;
    let progress = Progress::over("steps", arguments.quiet, interrupt);
    let scored = arguments.scored();
    let watch = Terminal::new(progress, told, &files.checkpoint, &scored);
    let anchor_base_px = arguments.anchor_base_px();
    let scaling = arguments.arch.usual_scaling(variant.input_channels);
    let (train, validation) = (&train, &validation);
    let mut training = Training { trainer, scaling, output, anchor_base_px, train, validation, settings: &settings };
    let stopped = |error| match error {
        TrainingError::Cancelled => Error::TrainingStopped,
        other => other.into(),
    };
    let outcome = training.run(resume, &watch);
    watch.progress.finish();
    let outcome = outcome.map_err(stopped)?;
    let bytes = outcome.weights.to_safetensors(arguments.course.precision.precision())?;
    // Of the weights as they are in the file, which may be rounded.
    let written = Weights::from_safetensors(&bytes, training.trainer.graph())?;
    let temperature = output.map(|_| training.temperature(&written, &watch)).transpose().map_err(stopped)?.transpose();
    if let Err(problem) = &temperature
        && !arguments.quiet
    {
        console::tell(format_args!("warning: the card has no temperature: {problem}"));
    }
    if let (Ok(Some(temperature)), count @ ..FEW_IMAGES, false) = (&temperature, validation.list.len(), arguments.quiet)
    {
        console::tell(format_args!(
            "warning: the temperature of the card, {temperature:.3}, is fitted on {count} validation images, which are too few to \
             rely on its probabilities"
        ));
    }
    // Why there is none was told.
    let temperature = temperature.ok().flatten();
    let score = score_name(kind);
    let words = arguments.in_words(train, outcome.best_score, outcome.best_epoch, score);
    let anchors = (kind == ModelKind::Detection).then_some(anchor_base_px);
    let mut card = ModelCard::of_new_model(
        arguments.arch,
        &variant,
        size_px,
        arguments.class_names(kind),
        words,
        anchors,
        &bytes,
    )?;
    card.trained_on_patients = arguments.trained_on_patients(train);
    card.temperature = temperature;
    arguments.say_output(&mut card);
    let title = arguments.title();
    let picture = curve(&outcome.epochs, outcome.best_epoch, &title, score)?;
    files.write(arguments.force, csv(&outcome.epochs, score, &scored).as_bytes(), &picture, &bytes, &card)?;
    // It is this training's own. The work is done; a checkpoint that stays behind does no harm.
    let _ = std::fs::remove_file(&files.checkpoint);
    print_json(&Report {
        epochs: outcome.epochs.len(),
        best_epoch: outcome.best_epoch,
        score,
        validation_score: outcome.best_score,
        validation_scores: best_scores(&outcome, &scored),
        temperature,
        parameters,
        sha256: &card.sha256,
    })
}
