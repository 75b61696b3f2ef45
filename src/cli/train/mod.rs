//! `saliscope train`: fits a network to a cohort.

mod arguments;
mod files;
mod terminal;

use serde::Serialize;

use super::console;
use super::error::{Error, Result};
use super::interrupt::Interrupt;
use super::progress::Progress;
use super::{print_json, runtime};
use crate::cohort::Split;
use crate::network::{ModelCard, ModelKind, Variant, WeightsFile};
use crate::training::{Checkpoint, Error as TrainingError, Samples, Training, csv, curve, initial_weights, score_name};

pub(super) use arguments::Arguments;
use files::Files;
use terminal::Terminal;

/// What is printed at the end.
#[derive(Serialize)]
struct Report<'a> {
    epochs: usize,
    best_epoch: usize,
    score: &'a str,
    validation_score: f64,
    parameters: usize,
    sha256: &'a str,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let files = Files::beside(&arguments.out);
    files.refuse_inputs(&arguments.files_read(), arguments.cohort_folder())?;
    files.check(arguments.force, arguments.resume)?;
    let settings = arguments.settings();
    settings.check()?;
    arguments.check()?;
    // Better before the images than after them.
    let file = arguments.course.init.as_deref().map(|path| WeightsFile::open(path)?.tensors()).transpose()?;
    let interrupt = Interrupt::listen();
    runtime::begin(&arguments.options())?;
    let runtime = runtime::start(&arguments.options(), arguments.quiet)?;
    let cohort = arguments.open_cohort(&interrupt)?;
    let size_px = [arguments.input_size; 2];
    let kind = arguments.arch.kind();
    let load = |split: Split| {
        let progress = Progress::over(&format!("{} images", split.name()), arguments.quiet, interrupt.clone());
        let samples = Samples::load(&cohort, split, kind, size_px, &progress);
        progress.finish();
        samples
    };
    let (train, validation) = (load(Split::Train)?, load(Split::Val)?);
    if !arguments.quiet {
        for (reason, count) in train.unusable.iter().chain(&validation.unusable) {
            console::tell(format_args!("warning: {count} images are left out: {reason}"));
        }
    }
    let variant = Variant { width: arguments.width, ..arguments.arch.usual_variant() };
    let graph = arguments.arch.graph(&variant);
    graph.extents(size_px[0], size_px[1])?;
    let (weights, inherited) = initial_weights(&graph, arguments.seed, file.as_deref());
    if file.is_some() {
        if inherited.taken == 0 {
            let text = "--init: not one tensor of the file fits this network by name and shape";
            return Err(Error::Usage(text.to_owned()));
        }
        let (taken, drawn, unused) = (inherited.taken, inherited.drawn, inherited.unused);
        console::tell(format_args!(
            "{taken} tensors taken over, {drawn} drawn from the seed, {unused} of the file not used"
        ));
    }
    let parameters: usize = weights.iter().map(|(_, tensor)| tensor.values.len()).sum();
    let trainer = runtime.trainer(graph, &weights)?;
    let told = arguments.told(&settings, &trainer.describe(), &train, &validation, file.as_deref());
    let resume = arguments.resume.then(|| Checkpoint::open(&told, &files.checkpoint)).transpose()?;
    let progress = Progress::over("steps", arguments.quiet, interrupt);
    let watch = Terminal { progress, told, checkpoint: &files.checkpoint };
    let anchor_base_px = arguments.anchor_base_px();
    let scaling = arguments.arch.usual_scaling(variant.input_channels);
    let training =
        Training { trainer, scaling, anchor_base_px, train: &train, validation: &validation, settings: &settings };
    let outcome = training.run(resume, &watch);
    watch.progress.finish();
    let outcome = outcome.map_err(|error| match error {
        TrainingError::Cancelled => Error::TrainingStopped,
        other => other.into(),
    })?;
    let bytes = outcome.weights.to_safetensors(arguments.course.precision.precision())?;
    let score = score_name(kind);
    let words = arguments.in_words(&train, outcome.best_score, outcome.best_epoch, score);
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
    card.trained_on_patients = arguments.trained_on_patients(&train);
    let title = arguments.title();
    let picture = curve(&outcome.epochs, outcome.best_epoch, &title, score)?;
    files.write(arguments.force, csv(&outcome.epochs, score).as_bytes(), &picture, &bytes, &card)?;
    // It is this training's own. The work is done; a checkpoint that stays behind does no harm.
    let _ = std::fs::remove_file(&files.checkpoint);
    print_json(&Report {
        epochs: outcome.epochs.len(),
        best_epoch: outcome.best_epoch,
        score,
        validation_score: outcome.best_score,
        parameters,
        sha256: &card.sha256,
    })
}
