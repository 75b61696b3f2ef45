//! `saliscope predict`: logits and probabilities, one line of JSON or one row of CSV an image.

use clap::Args;
use serde::Serialize;

use super::arguments::{Inputs, Machine};
use super::error::{Error, Result};
use super::interrupt::Interrupt;
use super::progress::Progress;
use super::report::ClassFound;
use super::study_image::StudyImage;
use super::{caution, console, model, print_json, print_warnings, runtime};
use crate::network::{Batch, Executor, Model, ModelCard, Pass, Weights, class_logit};
use crate::radiograph::{ImagePlace, Radiograph};
use crate::watch::Watch;

/// Prints the logits and probabilities of radiographs, one line of JSON or one row of CSV each.
///
/// Every image is read before anything is printed. Columns of --csv: `index` (from 0), `image`, `predicted` (number of the class
/// that the logits most speak for), `predicted_name`, for each class `logit_NAME` and `probability_NAME`, `warnings` (how many;
/// standard error says which), `scaling_assumed` (true where nobody stated how gray levels become the input), `temperature`
/// (that of the model card, over which the logits are taken for probabilities), `caution`.
/// Exit codes: 0 done, 1 the work failed, 2 usage.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saliscope predict --model model.safetensors --image chest.png
  saliscope predict --model model.safetensors --image folder/*.png --quiet \\
      > predictions.jsonl
  saliscope predict --model model.safetensors \\
      --csv folder/ cd/DICOMDIR export.zip > predictions.csv
  find . -name '*.dcm' | saliscope predict --model model.safetensors --csv --images-from - > predictions.csv
  saliscope predict --model fourteen_labels.safetensors --output sigmoid \\
      --image chest.png

Research use - not for diagnosis.")]
pub(super) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    /// Print CSV, a row an image, instead of lines of JSON
    #[arg(long)]
    csv: bool,
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

/// What is kept of an image.
struct Predicted {
    logits: Vec<f32>,
    warnings: Vec<String>,
    caution: Option<&'static str>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { inputs, csv, machine } = arguments;
    runtime::begin(&machine.options())?;
    let interrupt = Interrupt::listen();
    let mut model = model::open(&inputs.model, inputs.arch, inputs.output)?;
    model.require_classifier()?;
    model::require_output(&model)?;
    model::print_notes(&model, machine.quiet);
    if let Some(checked) = model.card.checked.as_ref().filter(|checked| checked.agrees() && !machine.quiet) {
        console::tell(format_args!("note: the model {}", checked.words()));
    }
    let places = inputs.images.find(machine.quiet, &interrupt)?;
    let executor = runtime::open(machine)?.executor(&model.graph, &model.weights)?;
    model.weights = Weights::default();
    let [height, width] = model.card.input_size;
    let batch = machine.batch.unwrap_or_else(|| executor.preferred_batch(height, width)).max(1);
    let progress = Progress::over("images", machine.quiet, interrupt);
    let predicted = predict_all(&places, &model, executor.as_ref(), batch, &progress);
    progress.finish();
    let predicted = predicted?;
    caution::tell(predicted.iter().find_map(|found| found.caution));
    if !machine.quiet {
        for (index, found) in predicted.iter().enumerate() {
            print_warnings(index, predicted.len(), &found.warnings);
        }
    }
    if *csv {
        return console::print(&table(&model.card, &places, &predicted)?);
    }
    for (index, (place, found)) in places.iter().zip(&predicted).enumerate() {
        print_json(&Line {
            index,
            image: place.path().to_string_lossy().into_owned(),
            predicted: ClassFound::predicted(&model.card, &found.logits),
            logits: &found.logits,
            probabilities: model.card.probabilities(&found.logits),
            scaling_assumed: model.card.scaling_assumed,
            temperature: model.card.temperature,
            caution: found.caution,
            warnings: &found.warnings,
        })?;
    }
    Ok(())
}

/// Reads and judges `batch` images at a time, so that memory does not grow with their number.
fn predict_all(
    places: &[ImagePlace],
    model: &Model,
    executor: &dyn Executor,
    batch: usize,
    progress: &Progress,
) -> Result<Vec<Predicted>> {
    let [height, width] = model.card.input_size;
    let mut predicted = Vec::with_capacity(places.len());
    for group in places.chunks(batch) {
        let mut values = Vec::with_capacity(group.len() * model.card.channels * height * width);
        let mut read = Vec::with_capacity(group.len());
        for (index, place) in (predicted.len()..).zip(group) {
            if progress.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let image = StudyImage::of(index, &Radiograph::open_at(place)?, model)?;
            values.extend_from_slice(image.input.values());
            read.push((image.warnings, model.card.caution(image.is_phantom)));
        }
        let input = Batch::new([group.len(), model.card.channels, height, width], values);
        let output = executor.run(&Pass::logits(&input))?;
        for ((warnings, caution), logits) in read.into_iter().zip(output.logits.chunks(model.card.logits)) {
            predicted.push(Predicted { logits: logits.to_vec(), warnings, caution });
        }
        progress.progress(predicted.len(), places.len());
    }
    Ok(predicted)
}

/// The rows of `--csv` below their names.
fn table(card: &ModelCard, places: &[ImagePlace], predicted: &[Predicted]) -> Result<String> {
    let failed = |error: csv::Error| Error::Stdout(error.into());
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut head = ["index", "image", "predicted", "predicted_name"].map(str::to_owned).to_vec();
    // Without an output nobody knows a probability.
    let has_probabilities = card.known_output().is_ok();
    for name in class_names(card) {
        head.push(format!("logit_{name}"));
        head.extend(has_probabilities.then(|| format!("probability_{name}")));
    }
    head.extend(["warnings", "scaling_assumed", "temperature", "caution"].map(str::to_owned));
    writer.write_record(&head).map_err(failed)?;
    for (index, (place, found)) in places.iter().zip(predicted).enumerate() {
        let class = ClassFound::predicted(card, &found.logits);
        let image = place.path().to_string_lossy().into_owned();
        let mut row = vec![index.to_string(), image, class.index.to_string(), class.name];
        let probabilities = card.probabilities(&found.logits);
        for class in 0..card.classes.len() {
            row.push(class_logit(&found.logits, class).to_string());
            row.extend(probabilities.as_ref().map(|all| all[class].to_string()));
        }
        row.extend([
            found.warnings.len().to_string(),
            card.scaling_assumed.to_string(),
            card.temperature.map(|temperature| temperature.to_string()).unwrap_or_default(),
            found.caution.unwrap_or_default().to_owned(),
        ]);
        writer.write_record(&row).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| Error::Stdout(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Names of the classes for columns; with the number where two classes have one name.
fn class_names(card: &ModelCard) -> Vec<String> {
    let is_only = |name: &String| card.classes.iter().filter(|other| *other == name).count() == 1;
    let named = card.classes.iter().enumerate();
    named.map(|(class, name)| if is_only(name) { name.clone() } else { format!("{name}_{class}") }).collect()
}
