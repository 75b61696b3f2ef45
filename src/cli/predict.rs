//! `saliscope predict`: logits and probabilities, one line of JSON an image.

use clap::Args;
use serde::Serialize;

use super::arguments::{Inputs, Machine};
use super::error::Result;
use super::interrupt::Interrupt;
use super::report::ClassFound;
use super::study_image::StudyImage;
use super::{caution, console, images, model, print_json, print_warnings, runtime};
use crate::network::{Batch, Pass, Weights};

/// Prints the logits and probabilities of radiographs, one line of JSON each.
///
/// Every image is read before anything is printed. Exit codes: 0 done, 1 the work failed, 2 usage.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saliscope predict --model model.safetensors --image chest.png
  saliscope predict --model model.safetensors --image folder/*.png --quiet > predictions.jsonl
  saliscope predict --model model.safetensors --image folder cd/DICOMDIR export.zip
  saliscope predict --model fourteen_labels.safetensors --output sigmoid --image chest.png

Research use - not for diagnosis.")]
pub(super) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    machine: Machine,
}

#[derive(Serialize)]
struct Line<'a> {
    index: usize,
    image: String,
    predicted: ClassFound,
    logits: &'a [f32],
    probabilities: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    scaling_assumed: bool,
    /// What the logits were divided by before they became probabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    /// What has to be known before any of it is believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    caution: Option<&'static str>,
    warnings: &'a [String],
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { inputs, machine } = arguments;
    runtime::begin(&machine.options())?;
    let interrupt = Interrupt::listen();
    let mut model = model::open(&inputs.model, inputs.arch, inputs.output)?;
    model.require_classifier()?;
    model::require_output(&model)?;
    model::print_notes(&model, machine.quiet);
    if let Some(checked) = model.card.checked.as_ref().filter(|checked| checked.agrees() && !machine.quiet) {
        console::tell(format_args!("note: the model {}", checked.words()));
    }
    let places = images::find(&inputs.image, machine.quiet, &interrupt)?;
    let images = StudyImage::open_all(&places, &model)?;
    caution::tell(caution::of_images(&model.card, &images));
    let executor = runtime::open(machine)?.executor(&model.graph, &model.weights)?;
    model.weights = Weights::default();
    let [height, width] = model.card.input_size;
    let batch = machine.batch.unwrap_or_else(|| executor.preferred_batch(height, width)).max(1);
    for (first, group) in images.chunks(batch).enumerate().map(|(group, images)| (group * batch, images)) {
        interrupt.check()?;
        let values: Vec<f32> = group.iter().flat_map(|image| image.input.values()).copied().collect();
        let input = Batch::new([group.len(), model.card.channels, height, width], values);
        let output = executor.run(&Pass::logits(&input))?;
        for (offset, (image, logits)) in group.iter().zip(output.logits.chunks(model.card.logits)).enumerate() {
            let index = first + offset;
            if !machine.quiet {
                print_warnings(index, images.len(), &image.warnings);
            }
            print_json(&Line {
                index,
                image: places[index].path().to_string_lossy().into_owned(),
                predicted: ClassFound::predicted(&model.card, logits),
                logits,
                probabilities: model.card.probabilities(logits),
                scaling_assumed: model.card.scaling_assumed,
                temperature: model.card.temperature,
                caution: model.card.caution(image.is_phantom),
                warnings: &image.warnings,
            })?;
        }
    }
    Ok(())
}
