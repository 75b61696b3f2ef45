//! `saliscope explain`: maps of every wanted method for every image, as arrays, as numbers and as one page.

use std::borrow::Cow;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::arguments::{Inputs, Machine, Wanted};
use super::error::{Error, Result};
use super::interrupt::Interrupt;
use super::output::Output;
use super::progress::Progress;
use super::report::{ClassFound, Subject};
use super::request::{Choices, folders, shown};
use super::study_image::StudyImage;
use super::{executor, model, print_json, print_warnings};
use crate::array_file::{self, NpyArray, NpzWriter};
use crate::figure::{Panel, paint};
use crate::network::{Model, Weights};
use crate::saliency::{self, ArrayValues, ClassChoice, Explanation, Method, Noise, Preset, Request};

/// Largest noise file read, in bytes.
const MAX_NOISE_BYTES: u64 = 1 << 30;

/// Draws saliency maps of radiographs.
///
/// Writes to the output folder: maps.npz (stored, not deflated: <METHOD>_raw and <METHOD> as float32 [h, w], logits),
/// explain.json (logits, probabilities, class explained, where each map came from) and panel.png (the image and its
/// maps). With several images each has a folder `image_000`, `image_001`, ... in the order given; which is which is
/// printed, not written: file names may be patients' names. All files appear at the end, or none.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  All eight methods as in the study, for the predicted class:
    saliscope explain --model model.safetensors --image chest.png --out result
  Two quick methods for the positive class of many images:
    saliscope explain --model model.safetensors --image *.png --methods GRAD,GCAM --class positive --out result
  Another number of noisy copies and steps:
    saliscope explain --model model.safetensors --image chest.png --set SG.samples=50 --set IG.steps=32 --out result
  Repeat a published run exactly, with its noise:
    saliscope explain --model model.safetensors --image chest.npy --noise noise.npy --intermediates --out result

Exit codes: 0 done, 1 the work failed, 2 usage. Nothing is written unless everything is.
Research use - not for diagnosis.")]
pub(super) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    /// Methods: all, or some of GRAD, SG, IG, SIG, GCAM, XRAI, GBP, GGCAM with commas between
    #[arg(long, value_name = "METHODS", value_delimiter = ',', default_value = "all")]
    methods: Vec<Wanted>,
    /// Defaults of all parameters and of the class: arun2021 (predicted class) or recommended (positive class)
    #[arg(long, value_name = "PRESET", default_value_t)]
    preset: Preset,
    /// Class explained: predicted, positive or its index; without it as the preset says
    #[arg(long, value_name = "CLASS")]
    class: Option<ClassChoice>,
    /// Standard-normal samples [n, c, h, w] in NPY, used instead of seeded noise
    #[arg(long, value_name = "FILE", conflicts_with = "seed")]
    noise: Option<PathBuf>,
    /// Seed of the noise of SG and SIG
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Parameters as a JSON object such as {"sg": {"samples": 10}}; what it leaves out is as the preset says
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
    /// One parameter, such as SG.samples=10, over those of the file; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    machine: Machine,
    /// Also keep signed maps, grids and segments in maps.npz
    #[arg(long)]
    intermediates: bool,
    /// Folder for the results, made where needed; files of an earlier run are replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// The line printed when all is done.
#[derive(Serialize)]
struct Summary<'a> {
    out: Cow<'a, str>,
    seconds: f64,
    images: Vec<ImageSummary<'a>>,
}

#[derive(Serialize)]
struct ImageSummary<'a> {
    index: usize,
    image: Cow<'a, str>,
    folder: Cow<'a, str>,
    predicted: ClassFound,
    explained: ClassFound,
    /// Methods whose map is blank, constant, sparse or not finite.
    without_map: Vec<Method>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let Arguments { inputs, machine, .. } = arguments;
    machine.check()?;
    let interrupt = Interrupt::listen();
    let mut model = model::open(&inputs.model, inputs.arch)?;
    model.require_classifier()?;
    let images = StudyImage::open_all(&inputs.image, &model)?;
    let request = request(arguments, &model, &images)?;
    let mut output = Output::prepare(&arguments.out)?;
    let subject = model::name(&inputs.model);
    let work = Work { name: &subject, images: &images, request: &request, machine, started, interrupt };
    let explanations = work.explain_into(&mut output, &mut model)?;
    let folders = folders(images.len());
    output.publish()?;
    print_json(&Summary {
        out: arguments.out.to_string_lossy(),
        seconds: started.elapsed().as_secs_f64(),
        images: explanations
            .iter()
            .enumerate()
            .map(|(index, explanation)| ImageSummary {
                index,
                image: inputs.image[index].to_string_lossy(),
                folder: shown(&folders[index]),
                predicted: ClassFound::predicted(&model.card, &explanation.logits),
                explained: ClassFound::new(&model.card, &explanation.logits, explanation.class),
                without_map: explanation
                    .maps
                    .iter()
                    .filter(|map| map.display.reason.is_some())
                    .map(|map| map.method)
                    .collect(),
            })
            .collect(),
    })
}

/// Images to be explained by a model.
pub(super) struct Work<'a> {
    /// The model's name.
    pub(super) name: &'a str,
    pub(super) images: &'a [StudyImage],
    pub(super) request: &'a Request,
    pub(super) machine: &'a Machine,
    pub(super) started: Instant,
    pub(super) interrupt: Interrupt,
}

impl Work<'_> {
    /// Computes the maps and writes their files to `output`, which is not yet published. Takes the model's weights.
    pub(super) fn explain_into(self, output: &mut Output, model: &mut Model) -> Result<Vec<Explanation>> {
        let Work { name, images, request, machine, started, interrupt } = self;
        let executor = executor::build(model, machine)?;
        model.weights = Weights::default();
        if !machine.quiet {
            for (index, image) in images.iter().enumerate() {
                print_warnings(index, images.len(), &image.warnings);
            }
        }
        let progress = Progress::new(machine.quiet, interrupt.clone());
        let explanations = saliency::explain(executor.as_ref(), request, &progress);
        progress.finish();
        let explanations = explanations.map_err(|error| match error {
            saliency::Error::Cancelled => Error::Interrupted,
            other => Error::Saliency(other),
        })?;
        let executor = executor.describe();
        let seconds = started.elapsed().as_secs_f64();
        let subject = Subject { name, model, request, executor: &executor, seconds };
        let folders = folders(images.len());
        for (index, (image, explanation)) in images.iter().zip(&explanations).enumerate() {
            interrupt.check()?;
            write_image(output, &folders[index], &subject, index, image, explanation)?;
        }
        interrupt.check()?;
        Ok(explanations)
    }
}

fn request(arguments: &Arguments, model: &Model, images: &[StudyImage]) -> Result<Request> {
    let choices = Choices {
        methods: &arguments.methods,
        preset: arguments.preset,
        class: arguments.class,
        parameters: arguments.parameters.as_deref(),
        set: &arguments.set,
        seed: arguments.seed,
        batch: arguments.machine.batch,
    };
    let mut request = choices.request(model, images)?;
    request.noise = arguments.noise.as_deref().map(open_noise).transpose()?.map(Arc::new);
    request.intermediates = arguments.intermediates;
    Ok(request)
}

fn open_noise(path: &Path) -> Result<Noise> {
    let refuse = |problem: String| Error::File { what: "the noise file", problem, path: path.to_owned() };
    let length = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
    if length > MAX_NOISE_BYTES {
        return Err(refuse("it is larger than 1 GiB".to_owned()));
    }
    let bytes = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let array = NpyArray::from_bytes(&bytes).map_err(|error| refuse(error.to_string()))?;
    if !array.values.is_float() {
        return Err(refuse("noise is float32 or float64".to_owned()));
    }
    let shape = <[usize; 4]>::try_from(array.shape.as_slice())
        .map_err(|_| refuse(format!("its shape is {:?}, not [n, c, h, w]", array.shape)))?;
    Noise::new(shape, array.values.into_f32()).map_err(|error| refuse(error.to_string()))
}

fn write_image(
    output: &mut Output,
    folder: &Path,
    subject: &Subject<'_>,
    index: usize,
    image: &StudyImage,
    explanation: &Explanation,
) -> Result<()> {
    let arrays = folder.join("maps.npz");
    let bytes = maps_npz(explanation).map_err(|problem| Error::Arrays { problem, path: arrays.clone() })?;
    output.write(&arrays, &bytes)?;
    let report = subject.report(index, explanation, &image.warnings);
    let mut json = serde_json::to_vec_pretty(&report).map_err(|error| Error::Output {
        operation: "report cannot be written",
        source: error.into(),
        path: folder.into(),
    })?;
    json.push(b'\n');
    output.write(&folder.join("explain.json"), &json)?;
    let panel = subject.panel(index, explanation, &image.gray, &image.warnings);
    let png = paint(&panel.scene()?, Panel::SCALE)?.to_png()?;
    output.write(&folder.join("panel.png"), &png)
}

fn maps_npz(explanation: &Explanation) -> array_file::Result<Vec<u8>> {
    let mut arrays = NpzWriter::new(Cursor::new(Vec::new()));
    for map in &explanation.maps {
        let shape = [map.height, map.width];
        arrays.add_f32(&format!("{}_raw", map.method), &shape, &map.raw)?;
        arrays.add_f32(map.method.name(), &shape, &map.display.values)?;
        for array in &map.intermediates {
            match &array.values {
                ArrayValues::F32(values) => arrays.add_f32(&array.name, &array.shape, values)?,
                ArrayValues::I32(values) => arrays.add_i32(&array.name, &array.shape, values)?,
            }
        }
    }
    arrays.add_f32("logits", &[explanation.logits.len()], &explanation.logits)?;
    Ok(arrays.finish()?.into_inner())
}
