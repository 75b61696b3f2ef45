//! `saliscope phantom`: synthetic radiographs with known findings, in the layouts of the public data sets.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;
use serde::Serialize;

use super::arguments::whole;
use super::error::Result;
use super::interrupt::Interrupt;
use super::output::Output;
use super::print_json;
use crate::limits;
use crate::phantom::Finding;
use crate::phantom::export::{Export, ExportedPhantom};

/// Phantoms held in memory by each thread.
const BATCH: usize = 4;

/// Makes synthetic chest radiographs with a known pneumothorax, pneumonia or nothing.
///
/// Writes to a new or empty folder, in the layouts of the public data sets: `siim/` (DICOM and `train-rle.csv`), `rsna/`
/// (DICOM, `stage_2_train_labels.csv` and `stage_2_detailed_class_info.csv`), `png/` (images, masks, `labels.csv` and
/// `boxes.csv`), and beside them `siim_splits.csv`, `rsna_splits.csv` and `phantoms.csv`. A tenth more phantoms fill the
/// folders of test images, which have no labels. All files appear at the end, or none. The same seed gives the same
/// files; a longer run begins with the phantoms of a shorter one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  Both data sets, 300 phantoms, a third with pneumothorax, a third with pneumonia:
    saliscope phantom --out phantoms --count 300 --seed 1
  The same also in the layouts of ChestX-ray14 and VinDr-CXR:
    saliscope phantom --out phantoms --count 300 --seed 1 --also nih,vindr
  Small ones for one task, half of them positive:
    saliscope phantom --out phantoms --count 2000 --seed 1 --size 224 \\
        --task pneumothorax

Exit codes: 0 done, 1 the work failed, 2 usage. Nothing is written unless everything is.
Research use - not for diagnosis.")]
pub(super) struct Arguments {
    /// Folder for the files, made where needed; it must be empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Number of labelled phantoms, up to 1000000
    #[arg(long, value_name = "N", value_parser = whole(limits::PHANTOMS))]
    count: usize,
    /// Seed from which every phantom follows
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Rows and columns, 128 to 2048
    #[arg(long, value_name = "PX", default_value_t = 1024, value_parser = whole(limits::PHANTOM_SIDE_PX))]
    size: usize,
    /// Only this finding and the data set that has it
    #[arg(long, value_name = "TASK", value_enum)]
    task: Option<TaskChoice>,
    /// Further layouts: nih as ChestX-ray14, vindr as VinDr-CXR (`nih/`, `vindr/`), with commas between
    #[arg(long, value_name = "LAYOUTS", value_enum, value_delimiter = ',')]
    also: Vec<Layout>,
    /// Threads; the files do not depend on their number
    #[arg(long, value_name = "T", value_parser = whole(limits::THREADS))]
    threads: Option<usize>,
    /// No progress
    #[arg(long)]
    quiet: bool,
}

/// `--task`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TaskChoice {
    /// Air in the pleural space, with masks
    Pneumothorax,
    /// Opacities of pneumonia, with boxes
    Pneumonia,
}

/// `--also`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// ChestX-ray14: PNG files, names of findings, boxes for about half of the images with one
    Nih,
    /// VinDr-CXR: DICOM files, boxes of three readers who differ
    Vindr,
}

/// The line printed when all is done.
#[derive(Serialize)]
struct Summary<'a> {
    out: Cow<'a, str>,
    seconds: f64,
    size_px: usize,
    seed: u64,
    /// Labelled phantoms.
    phantoms: usize,
    pneumothorax: usize,
    pneumonia: usize,
    /// Phantoms among the test images.
    unlabelled: usize,
    files: usize,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let interrupt = Interrupt::listen();
    let mut output = Output::prepare_empty(&arguments.out)?;
    let task = arguments.task.map(|task| match task {
        TaskChoice::Pneumothorax => Finding::Pneumothorax,
        TaskChoice::Pneumonia => Finding::Pneumonia,
    });
    let has = |layout| arguments.also.contains(&layout);
    let export = Export::new(arguments.seed, arguments.count, arguments.size, task);
    let export = export.also(has(Layout::Nih), has(Layout::Vindr));
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(arguments.threads.unwrap_or(0))
        .build()
        .map_err(|error| super::Error::Threads(error.to_string()))?;
    let bar = progress_bar(export.len(), arguments.quiet);
    let written = write_all(&export, &mut output, &threads, &interrupt, &bar);
    bar.finish_and_clear();
    let (phantoms, files) = written?;
    interrupt.check()?;
    output.publish()?;
    let count = |finding| phantoms.iter().filter(|p| p.is_labelled() && p.finding() == finding).count();
    print_json(&Summary {
        out: arguments.out.to_string_lossy(),
        seconds: started.elapsed().as_secs_f64(),
        size_px: arguments.size,
        seed: arguments.seed,
        phantoms: arguments.count,
        pneumothorax: count(Finding::Pneumothorax),
        pneumonia: count(Finding::Pneumonia),
        unlabelled: phantoms.len() - arguments.count,
        files,
    })
}

/// Writes images batch by batch, then the tables; gives the phantoms and the number of files.
fn write_all(
    export: &Export,
    output: &mut Output,
    threads: &rayon::ThreadPool,
    interrupt: &Interrupt,
    bar: &ProgressBar,
) -> Result<(Vec<ExportedPhantom>, usize)> {
    let indices: Vec<u64> = (0..export.len()).collect();
    let mut phantoms = Vec::with_capacity(indices.len());
    let mut files = 0;
    for batch in indices.chunks(BATCH * threads.current_num_threads()) {
        interrupt.check()?;
        let made: Vec<_> = threads.install(|| {
            batch
                .par_iter()
                .map(|index| {
                    let phantom = export.phantom(*index);
                    bar.inc(1);
                    phantom
                })
                .collect()
        });
        for phantom in made {
            let phantom = phantom?;
            for file in &phantom.files {
                output.write(&file.path, &file.bytes)?;
                files += 1;
            }
            phantoms.push(phantom.without_files());
        }
    }
    for file in export.tables(&phantoms) {
        output.write(&file.path, &file.bytes)?;
        files += 1;
    }
    Ok((phantoms, files))
}

fn progress_bar(phantoms: u64, quiet: bool) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(phantoms), target);
    let template = "{bar:32} {percent:>3} %  {pos} of {len} phantoms  {elapsed} elapsed, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
