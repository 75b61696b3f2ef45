//! `saliscope cascade`: do the maps change while the network forgets what it learned?

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::animated::{Animated, Look};
use super::arguments::{Inputs, Machine, Wanted, methods_help};
use super::cascade_report::Subject;
use super::error::{Error, Result};
use super::interrupt::Interrupt;
use super::output::Output;
use super::progress::Progress;
use super::report::ClassFound;
use super::request::{Choices, folders, shown, tell_preset};
use super::study_image::StudyImage;
use super::{caution, model, print_json, print_warnings, runtime};
use crate::array_file::{self, NpzWriter};
use crate::cascade::animation;
use crate::cascade::{self, Finished, Order, Plan, Randomizer, Row, State};
use crate::figure::{CascadeTile, Format, Scene};
use crate::limits;
use crate::network::{Model, ReadArea};
use crate::radiograph::ImagePlace;
use crate::saliency::{ClassChoice, Method, Preset, Request};

/// Images that get a figure 3B of their own.
const FIGURES: usize = 8;

/// Scene pixels of a figure in an inch.
const SCREEN_DPI: f64 = 96.0;
const MM_PER_INCH: f64 = 25.4;

/// Pixels of a painted figure in an inch.
const PNG_DPI: u32 = 192;

/// Randomizes a network block by block and shows how much each method's maps change.
///
/// Every image is explained in every state with the same noise, the same segments and the class of the trained network.
/// Writes to the output folder: cascade.npz (`<METHOD>/<STATE>_raw`, `<METHOD>/<STATE>` as shown, 0 to 1,
/// `<METHOD>/<STATE>_signed`, -1 to 1, where the method has a sign, and `logits/<STATE>`), cascade.csv (likeness of each
/// map to the original one), baselines.csv (likeness of maps of different images and of noise), cascade.json (model, states, seeds, parameters, means, baselines), `figure_3a` (likeness by
/// state) and `figure_3b` (the maps), as SVG, PDF and PNG, and `animation.gif` (the maps while block after block is
/// randomized). With several images cascade.npz and, for the first eight, `figure_3b` are in folders `image_000`,
/// `image_001`, ... in the order given, and the animation is in that of the first. All files appear at the end, or none.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  Two images, all methods, down to the first convolution:
    saliscope cascade --model model.safetensors --image a.png b.png \\
        --out cascade
  The study's cascade:
    saliscope cascade --model model.safetensors --image a.png b.png \\
        --preset arun2021 --out cascade
  Quick methods, another draw of random weights:
    saliscope cascade --model model.safetensors --image *.png \\
        --methods GRAD,GCAM,GBP --replicate 2 --out cascade
  Animations of the first three images, with exact colours, maps as strong as in the original:
    saliscope cascade --model model.safetensors --image *.png \\
        --animation gif,webp --animated 3 --normalization original \\
        --out cascade
  Each block by itself:
    saliscope cascade --model model.safetensors --image a.png \\
        --order independent --out cascade

Exit codes: 0 done, 1 the work failed, 2 usage. Nothing is written unless everything is.
Research use - not for diagnosis.")]
pub(super) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    #[arg(long, value_name = "METHODS", value_delimiter = ',', default_value = "all", help = methods_help())]
    methods: Vec<Wanted>,
    /// Order of the blocks: top-down (from the logits), bottom-up, or independent (one block at a time)
    #[arg(long, value_name = "ORDER", default_value_t)]
    order: Order,
    /// States beside the original, such as Logits,5,1; without it all
    #[arg(long, value_name = "STATES", value_delimiter = ',')]
    states: Vec<String>,
    /// recommended: every block, similarity at a data range of 1, the positive class; arun2021: InceptionV3 keeps its stem
    /// and mixed0, range 2, the predicted class
    #[arg(long, value_name = "PRESET", default_value_t)]
    preset: Preset,
    /// Class explained in every state: predicted (by the trained network), positive or its index; without it as the
    /// preset says
    #[arg(long, value_name = "CLASS")]
    class: Option<ClassChoice>,
    /// Seed of the random weights, of the noise of SG and SIG, and of the baselines
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Number of the replicate; each has other random weights and the same noise
    #[arg(long, value_name = "R", default_value_t = 1)]
    replicate: u64,
    /// Parameters as a JSON object such as {"sg": {"samples": 10}}; what it leaves out is as the preset says
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
    /// One parameter, such as SG.samples=10, over those of the file; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    look: Look,
    #[command(flatten)]
    machine: Machine,
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
    states: Vec<&'a str>,
    images: Vec<ImageSummary<'a>>,
}

#[derive(Serialize)]
struct ImageSummary<'a> {
    index: usize,
    image: String,
    folder: Cow<'a, str>,
    explained: ClassFound,
}

/// Tiles of the maps of one image: by method, by state.
type Tiles = Vec<Vec<Option<CascadeTile>>>;

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let Arguments { inputs, machine, .. } = arguments;
    runtime::begin(&machine.options())?;
    arguments.look.check()?;
    let interrupt = Interrupt::listen();
    let places = find_images(arguments, &interrupt)?;
    let model = model::open(&inputs.model, inputs.arch, inputs.output)?;
    model.require_classifier()?;
    model::print_notes(&model, machine.quiet);
    let states = State::all(&model.graph, arguments.order, arguments.preset);
    let states = if arguments.states.is_empty() {
        states
    } else {
        State::choose(states, &arguments.states).map_err(|error| Error::Usage(error.to_string()))?
    };
    let images = StudyImage::open_all(&places, &model)?;
    let plan = Plan {
        states,
        randomizer: Randomizer { seed: arguments.seed, replicate: arguments.replicate },
        request: request(arguments, &model, &images)?,
    };
    let mut output = Output::prepare(&arguments.out)?;
    output.protect(inputs.model_files().iter().chain(&arguments.parameters).map(PathBuf::as_path));
    output.protect(places.iter().map(ImagePlace::file));
    let runtime = runtime::open(machine)?;
    warn(&model, &images, machine.quiet);
    let folders = folders(images.len());
    let mut keeper = Keeper::new(&mut output, &folders, &images, &plan, arguments.look.images())?;
    let progress = Progress::new(machine.quiet, interrupt.clone());
    let mut failure = None;
    let found = cascade::run(
        &plan,
        &model.graph,
        &model.weights,
        &|weights| runtime.executor(&model.graph, weights),
        &progress,
        &mut |finished| {
            keeper.keep(finished).map_err(|error| {
                let reason = error.to_string();
                failure = Some(error);
                cascade::Error::Sink { reason }
            })
        },
    );
    progress.finish();
    let found = found.map_err(|error| failure.unwrap_or_else(|| of_cascade(error)))?;
    let Kept { tiles, animated, logits } = keeper.finish()?;
    let subject = Subject {
        name: &model::name(&inputs.model),
        model: &model,
        plan: &plan,
        order: arguments.order,
        images: &images,
        found: &found,
        logits: &logits,
        seconds: started.elapsed().as_secs_f64(),
    };
    output.write(Path::new("cascade.csv"), cascade::csv(&found.rows, &found.states).as_bytes())?;
    let baselines = cascade::baselines_csv(&found.baselines, found.control);
    output.write(Path::new("baselines.csv"), baselines.as_bytes())?;
    let mut json = serde_json::to_vec_pretty(&subject.report()).map_err(|error| Error::Output {
        operation: "report cannot be written",
        source: error.into(),
        path: arguments.out.clone(),
    })?;
    json.push(b'\n');
    output.write(Path::new("cascade.json"), &json)?;
    write_figure(&mut output, Path::new("figure_3a"), &subject.curves().scene()?)?;
    for (index, tiles) in tiles.into_iter().enumerate() {
        interrupt.check()?;
        write_figure(&mut output, &folders[index].join("figure_3b"), &subject.tiles(index, tiles).scene()?)?;
    }
    for (index, animated) in animated.into_iter().enumerate() {
        let animation = animated.animation(&subject, index, &arguments.look)?;
        let mut create = |name: &str| {
            let file = output.create(&folders[index].join(name));
            let file = file.map_err(|error| cascade::Error::Encode { reason: error.to_string() })?;
            Ok(Box::new(std::io::BufWriter::new(file)) as Box<dyn Write>)
        };
        let formats = arguments.look.formats();
        animation::encode(&animation, &formats, &interrupt, &mut create).map_err(of_cascade)?;
    }
    interrupt.check()?;
    tell_preset(&plan.request, machine.quiet);
    output.publish()?;
    print_json(&Summary {
        out: arguments.out.to_string_lossy(),
        preset: arguments.preset,
        seconds: started.elapsed().as_secs_f64(),
        states: found.states.iter().map(|state| state.name.as_str()).collect(),
        images: (0..images.len())
            .map(|index| ImageSummary {
                index,
                image: places[index].path().to_string_lossy().into_owned(),
                folder: shown(&folders[index]),
                explained: ClassFound::new(&model.card, &logits[index][0], found.classes[index]),
            })
            .collect(),
    })
}

fn find_images(arguments: &Arguments, interrupt: &Interrupt) -> Result<Vec<ImagePlace>> {
    let places = arguments.inputs.images.find(arguments.machine.quiet, interrupt)?;
    if places.len() > limits::CASCADE_IMAGES {
        return Err(Error::Usage(format!("a cascade takes at most {} images a run", limits::CASCADE_IMAGES)));
    }
    Ok(places)
}

/// Tells what has to be known before maps are made.
fn warn(model: &Model, images: &[StudyImage], quiet: bool) {
    caution::tell(caution::of_images(&model.card, images));
    if !quiet {
        for (index, image) in images.iter().enumerate() {
            print_warnings(index, images.len(), &image.warnings);
        }
    }
}

fn of_cascade(error: cascade::Error) -> Error {
    match error {
        cascade::Error::Cancelled => Error::Interrupted,
        cascade::Error::Network(error) => Error::Network(error),
        cascade::Error::Saliency(error) => Error::Saliency(error),
        cascade::Error::Figure(error) => Error::Figure(error),
        error => Error::Cascade(error),
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
    choices.request(model, images)
}

/// Writes maps as they come, and keeps what the report and the figures need of them.
struct Keeper<'a> {
    plan: &'a Plan,
    /// In the study's order.
    methods: Vec<Method>,
    /// Where the maps of each image lie on it.
    areas: Vec<ReadArea>,
    /// One archive an image, with its path inside the output folder.
    archives: Vec<(PathBuf, NpzWriter<File>)>,
    kept: Kept,
}

/// What remains of the maps once they are written.
struct Kept {
    /// Of the first images, for figure 3B.
    tiles: Vec<Tiles>,
    /// Of the first images, for animations.
    animated: Vec<Animated>,
    /// Logits of each image in each state.
    logits: Vec<Vec<Vec<f32>>>,
}

impl<'a> Keeper<'a> {
    fn new(
        output: &mut Output,
        folders: &[PathBuf],
        images: &[StudyImage],
        plan: &'a Plan,
        animated: usize,
    ) -> Result<Self> {
        let archive = |folder: &PathBuf| {
            let path = folder.join("cascade.npz");
            output.create(&path).map(|file| (path, NpzWriter::new(file)))
        };
        let archives = folders.iter().map(archive).collect::<Result<_>>()?;
        let mut methods = plan.request.methods.clone();
        methods.sort_unstable();
        methods.dedup();
        let row = vec![None; plan.states.len()];
        let kept = Kept {
            tiles: vec![vec![row; methods.len()]; folders.len().min(FIGURES)],
            animated: vec![Animated::default(); folders.len().min(animated)],
            logits: vec![vec![Vec::new(); plan.states.len()]; folders.len()],
        };
        let areas = images.iter().map(|image| image.area).collect();
        Ok(Self { plan, methods, areas, archives, kept })
    }

    fn keep(&mut self, finished: &Finished<'_>) -> Result<()> {
        let Row { image, state, method, .. } = finished.row;
        let (path, archive) = &mut self.archives[image];
        let failed = |problem| Error::Arrays { problem, path: path.clone() };
        let name = &self.plan.states[state].name;
        let logits = &mut self.kept.logits[image][state];
        if logits.is_empty() {
            *logits = finished.logits.to_vec();
            archive.add_f32(&format!("logits/{name}"), &[logits.len()], logits).map_err(failed)?;
        }
        add_map(archive, &format!("{method}/{name}"), finished, &self.areas[image]).map_err(failed)?;
        let row = self.methods.iter().position(|other| *other == method);
        if let (Some(tiles), Some(row)) = (self.kept.tiles.get_mut(image), row) {
            let size = [finished.map.height, finished.map.width];
            tiles[row][state] = finished.comparable.display().map(|display| CascadeTile::new(display, size, 1.0));
        }
        if let Some(animated) = self.kept.animated.get_mut(image) {
            animated.keep(finished, self.plan.states.len());
        }
        Ok(())
    }

    fn finish(self) -> Result<Kept> {
        for (path, archive) in self.archives {
            archive.finish().map_err(|problem| Error::Arrays { problem, path })?;
        }
        Ok(self.kept)
    }
}

/// Adds the arrays of a map, over the whole image.
fn add_map(
    archive: &mut NpzWriter<File>,
    name: &str,
    finished: &Finished<'_>,
    area: &ReadArea,
) -> array_file::Result<()> {
    let map = finished.map;
    let mut add =
        |name: &str, values: &[f32]| archive.add_f32(name, &area.whole_px, &area.over_image(values, f32::NAN));
    add(&format!("{name}_raw"), &map.raw)?;
    add(name, &map.display.values)?;
    match finished.comparable.signed() {
        Some(signed) => add(&format!("{name}_signed"), signed),
        None => Ok(()),
    }
}

/// Writes one figure as SVG, PDF and PNG, with letters as large as on a screen.
fn write_figure(output: &mut Output, path: &Path, scene: &Scene) -> Result<()> {
    let [width_px, _] = scene.size_px();
    let width_mm =
        (width_px / SCREEN_DPI * MM_PER_INCH).clamp(limits::FIGURE_WIDTH_MM.least, limits::FIGURE_WIDTH_MM.most);
    for format in [Format::Svg, Format::Pdf, Format::Png { dpi: PNG_DPI }] {
        output.write(&path.with_extension(format.extension()), &format.encode(scene, width_mm)?)?;
    }
    Ok(())
}
