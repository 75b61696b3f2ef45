//! `saliscope explain`: maps of every wanted method for every image, as arrays, as numbers and as one page.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::arguments::{Inputs, Machine, Wanted, methods_help};
use super::error::{Error, Result};
use super::explain_files::{DicomChoices, Shown, write_image};
use super::interrupt::Interrupt;
use super::output::Output;
use super::progress::Progress;
use super::report::{ClassFound, Subject};
use super::request::{Choices, folders, shown, tell_preset};
use super::study_image::StudyImage;
use super::{caution, model, print_json, print_warnings, runtime};
use crate::array_file::{NPY_MAGIC, NpyArray};
use crate::export::SourceImage;
use crate::files::Source;
use crate::limits;
use crate::network::{Model, Weights};
use crate::radiograph::ImagePlace;
use crate::saliency::{self, ClassChoice, Explanation, Method, Noise, Preset, Request};

/// Draws saliency maps of radiographs.
///
/// Writes to the output folder: maps.npz (stored, not deflated: <METHOD>_raw and <METHOD> as float32 [h, w], logits),
/// explain.json (logits, probabilities, class explained, where each map came from) and panel.png and panel.pdf (the image
/// and its maps on one page). With --dicom also capture_<METHOD>.dcm (Secondary Capture) and segmentation_<METHOD>.dcm
/// (the region of values from --threshold on) for a PACS, and radiograph.dcm, the copy without identity that they belong
/// to. With several images each has a folder `image_000`, `image_001`, ... in the order given; which is which is
/// printed, not written: file names may be patients' names. All files appear at the end, or none.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  All eight methods, for the positive class:
    saliscope explain --model model.safetensors --image chest.png --out result
  As in the study, for the predicted class:
    saliscope explain --model model.safetensors --image chest.png \\
        --preset arun2021 --out result
  Two quick methods for many images:
    saliscope explain --model model.safetensors --methods GRAD,GCAM \\
        --out result folder/ *.png
    saliscope explain --model model.safetensors --methods GRAD,GCAM \\
        --out result --images-from list.txt
  Another number of noisy copies and steps:
    saliscope explain --model model.safetensors --image chest.png \\
        --set SG.samples=50 --set IG.steps=32 --out result
  Results for a PACS, in the study of the patient:
    saliscope explain --model model.safetensors --image chest.dcm \\
        --methods GCAM --dicom --identity --out result
  Repeat a published run exactly, with its noise:
    saliscope explain --model model.safetensors --image chest.npy \\
        --preset arun2021 --noise noise.npy --intermediates --out result

Exit codes: 0 done, 1 the work failed, 2 usage. Nothing is written unless everything is.
Research use - not for diagnosis.")]
pub(super) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    #[arg(long, value_name = "METHODS", value_delimiter = ',', default_value = "all", help = methods_help())]
    methods: Vec<Wanted>,
    /// Defaults of all parameters and of the class: recommended (positive class, paths from the model's own black) or
    /// arun2021 (as in the study: predicted class, paths from -1)
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
    /// Also write DICOM: a capture and a segmentation a method, anonymous unless --identity is given
    #[arg(long)]
    dicom: bool,
    /// Least map value, above 0 to 1, of the region in DICOM segmentations
    #[arg(long, value_name = "T", default_value_t = 0.5, value_parser = threshold, requires = "dicom")]
    threshold: f32,
    /// Put the DICOM results into the patient's study: name, identifiers and dates are taken over as they are, and refused
    /// where the file's character set is not decoded
    #[arg(long, requires = "dicom")]
    identity: bool,
    /// Folder for the results, made where needed; files of an earlier run are replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// The line printed when all is done.
#[derive(Serialize)]
struct Summary<'a> {
    out: Cow<'a, str>,
    preset: Preset,
    seconds: f64,
    images: Vec<ImageSummary<'a>>,
}

#[derive(Serialize)]
struct ImageSummary<'a> {
    index: usize,
    image: String,
    folder: Cow<'a, str>,
    predicted: ClassFound,
    explained: ClassFound,
    /// Methods whose map is blank, constant, sparse or not finite.
    without_map: Vec<Method>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let Arguments { inputs, machine, .. } = arguments;
    runtime::begin(&machine.options())?;
    let interrupt = Interrupt::listen();
    let mut model = model::open(&inputs.model, inputs.arch, inputs.output)?;
    model.require_classifier()?;
    model::print_notes(&model, machine.quiet);
    let kept = Kept::default();
    let places = inputs.images.find(machine.quiet, &interrupt)?;
    let images = kept.open_all(&places, arguments.identity, &model)?;
    let request = request(arguments, &model, &images)?;
    caution::tell(caution::of_images(&model.card, &images));
    let mut output = Output::prepare(&arguments.out)?;
    output.protect(
        inputs.model_files().iter().chain(&arguments.noise).chain(&arguments.parameters).map(PathBuf::as_path),
    );
    output.protect(places.iter().map(ImagePlace::file));
    let subject = model::name(&inputs.model);
    let sources = |index: usize| {
        let image = kept.take(index).map_or_else(|| SourceImage::open_at(&places[index]), Ok)?;
        Ok(Shown { image, truth: None })
    };
    let dicom =
        arguments.dicom.then_some(DicomChoices { threshold: arguments.threshold, identity: arguments.identity });
    let work = Work {
        name: &subject,
        images: &images,
        sources: &sources,
        request: &request,
        machine,
        dicom,
        started,
        interrupt,
    };
    let explanations = work.explain_into(&mut output, &mut model)?;
    let folders = folders(images.len());
    tell_preset(&request, machine.quiet);
    output.publish()?;
    print_json(&Summary {
        out: arguments.out.to_string_lossy(),
        preset: arguments.preset,
        seconds: started.elapsed().as_secs_f64(),
        images: explanations
            .iter()
            .enumerate()
            .map(|(index, explanation)| ImageSummary {
                index,
                image: places[index].path().to_string_lossy().into_owned(),
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

/// Images as their files give them, from when they are read to when they are drawn. Those that do not fit
/// [`limits::KEPT_IMAGES_BYTES`] are read again then.
#[derive(Default)]
struct Kept {
    images: RefCell<BTreeMap<usize, SourceImage>>,
}

impl Kept {
    /// Reads every image at the size that the model's card names. What cannot give the identity that is wanted is refused:
    /// better before the work than after it.
    fn open_all(&self, places: &[ImagePlace], identity: bool, model: &Model) -> Result<Vec<StudyImage>> {
        let mut bytes = 0;
        let mut open = |(index, place): (usize, &ImagePlace)| {
            let image = SourceImage::open_at(place)?;
            let mut assumed = None;
            if identity {
                let Some(dicom) = &image.dicom else {
                    let problem = format!("--identity: image {index} is no DICOM file and has no identity to give");
                    return Err(Error::Usage(problem));
                };
                image.require_identity_for_dicom()?;
                assumed = dicom.identity().warning;
            }
            let mut read = StudyImage::of(index, &image.radiograph, model)?;
            read.warnings.extend(assumed);
            bytes += image.bytes();
            if bytes <= limits::KEPT_IMAGES_BYTES {
                self.images.borrow_mut().insert(index, image);
            }
            Ok(read)
        };
        places.iter().enumerate().map(&mut open).collect()
    }

    /// The image of this number, which is then kept no longer.
    fn take(&self, index: usize) -> Option<SourceImage> {
        self.images.borrow_mut().remove(&index)
    }
}

/// Images to be explained by a model.
pub(super) struct Work<'a> {
    /// The model's name.
    pub(super) name: &'a str,
    pub(super) images: &'a [StudyImage],
    /// Each of them as its file gives it, read when it is drawn.
    pub(super) sources: &'a dyn Fn(usize) -> Result<Shown>,
    pub(super) request: &'a Request,
    pub(super) machine: &'a Machine,
    pub(super) dicom: Option<DicomChoices>,
    pub(super) started: Instant,
    pub(super) interrupt: Interrupt,
}

impl Work<'_> {
    /// Computes the maps and writes their files to `output`, which is not yet published. Takes the model's weights.
    pub(super) fn explain_into(self, output: &mut Output, model: &mut Model) -> Result<Vec<Explanation>> {
        let Work { name, images, sources, request, machine, dicom, started, interrupt } = self;
        let executor = runtime::open(machine)?.executor(&model.graph, &model.weights)?;
        model.weights = Weights::default();
        if !machine.quiet {
            for (index, image) in images.iter().enumerate() {
                print_warnings(index, images.len(), &image.warnings);
            }
        }
        let progress = Progress::new(machine.quiet, interrupt.clone());
        let explanations = saliency::explain(executor.as_ref(), request, &progress);
        progress.finish();
        let mut explanations = explanations.map_err(|error| match error {
            saliency::Error::Cancelled => Error::Interrupted,
            other => Error::Saliency(other),
        })?;
        for (image, explanation) in images.iter().zip(&mut explanations) {
            explanation.maps.iter_mut().for_each(|map| map.area = image.area);
        }
        let executor = executor.describe();
        let seconds = started.elapsed().as_secs_f64();
        let subject = Subject { name, model, request, executor: &executor, seconds };
        let folders = folders(images.len());
        for (index, (image, explanation)) in images.iter().zip(&explanations).enumerate() {
            interrupt.check()?;
            let shown = sources(index)?;
            write_image(output, &folders[index], &subject, index, image, &shown, explanation, dicom)?;
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
    let mut file = Source::open(path, limits::NOISE_BYTES).map_err(|error| refuse(error.to_string()))?;
    let head = file.head(NPY_MAGIC.len()).map_err(|error| refuse(error.to_string()))?;
    if head != NPY_MAGIC {
        return Err(refuse("it is no array file of NumPy (.npy)".to_owned()));
    }
    let bytes = file.read().map_err(|error| refuse(error.to_string()))?;
    let array = NpyArray::from_bytes(&bytes).map_err(|error| refuse(error.to_string()))?;
    if !array.values.is_float() {
        return Err(refuse("noise is float32 or float64".to_owned()));
    }
    let shape = <[usize; 4]>::try_from(array.shape.as_slice())
        .map_err(|_| refuse(format!("its shape is {:?}, not [n, c, h, w]", array.shape)))?;
    Noise::new(shape, array.values.into_f32()).map_err(|error| refuse(error.to_string()))
}

/// Reads a map value above 0.
fn threshold(text: &str) -> std::result::Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if value > 0.0 && value <= 1.0 => Ok(value),
        Ok(_) => Err("map values go from 0 to 1; a region begins above 0".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
