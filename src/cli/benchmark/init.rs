//! `saliscope benchmark init`: a protocol, ready or to fill in.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::benchmark::Protocol;
use crate::benchmark::protocol::{ModelSection, Test};
use crate::cli::cohort::size;
use crate::cli::console;
use crate::cli::error::{Error, Result};
use crate::cli::interrupt::Interrupt;
use crate::cli::progress::Progress;
use crate::cohort::{Cohort, CohortSpec, Readers};
use crate::demo;
use crate::export::FileSet;
use crate::export::place::Taken;
use crate::saliency::Preset;
use crate::truth::Task;

/// Writes a protocol with all its fields, what they are for, and the parameters of its methods.
///
/// Without a cohort and models it has places for them to fill in. With them it is ready: tests that they cannot give (utility
/// without masks or boxes, repeatability with one network) are left out, and it is said. A name that ends in .json gives
/// JSON, without comments; any other TOML.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # then fill in cohort and models
  saliscope benchmark init --out protocol.toml
  saliscope benchmark init --cohort folder:images --task pneumothorax \\
      --classifier a1.safetensors --classifier a2.safetensors \\
      --other b.safetensors --localizer u_net_1.safetensors \\
      --localizer u_net_2.safetensors --out protocol.toml
  saliscope benchmark cost --protocol protocol.toml

Exit codes: 0 done, 1 a file cannot be read or written, 2 the command line cannot be understood.
Research use - not for diagnosis.")]
pub(super) struct Arguments {
    /// recommended: without what misleads; arun2021: what the study did, quirks included
    #[arg(long, value_name = "PRESET", default_value_t)]
    preset: Preset,
    /// The demo run's protocol: generated radiographs, networks that are part of the program
    #[arg(long, conflicts_with_all = ["cohort", "classifier", "other", "localizer"])]
    demo: bool,
    /// The finding: a column of labels.csv or a name in it, however spelled; of the demo pneumothorax or pneumonia
    #[arg(long, value_name = "NAME")]
    task: Option<Task>,
    /// siim:DIR, rsna:DIR, nih:DIR, vindr:DIR, folder:DIR or phantom:SEED[:COUNT]; it is opened to see what it has
    #[arg(long, value_name = "COHORT")]
    cohort: Option<CohortSpec>,
    /// Splits in the authors' form (columns `Image_ID` and Split)
    #[arg(long, value_name = "FILE")]
    splits: Option<PathBuf>,
    /// Whose marks count in VinDr-CXR: union, majority, or one reader, such as R9
    #[arg(long, value_name = "WHOSE")]
    readers: Option<Readers>,
    /// Size of the images that masks and boxes were drawn on, where the files are resized copies
    #[arg(long, value_name = "WxH", value_parser = size)]
    truth_size: Option<[usize; 2]>,
    /// A classifier, or demo:NAME; further ones are replicates of its architecture
    #[arg(long, value_name = "FILE")]
    classifier: Vec<String>,
    /// A classifier of another architecture, for reproducibility
    #[arg(long, value_name = "FILE")]
    other: Option<String>,
    /// A U-Net or a RetinaNet, the high baseline; two of them are also compared
    #[arg(long, value_name = "FILE")]
    localizer: Vec<String>,
    /// Tests, with commas between; else all that cohort and models can give
    #[arg(long, value_name = "TESTS", value_delimiter = ',', value_parser = test)]
    tests: Vec<Test>,
    /// Images with the finding that utility sees; else all
    #[arg(long, value_name = "N")]
    utility_images: Option<usize>,
    /// Images with the finding that the other tests see
    #[arg(long, value_name = "N")]
    similarity_images: Option<usize>,
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// No progress and no warnings
    #[arg(long)]
    quiet: bool,
}

fn test(text: &str) -> std::result::Result<Test, String> {
    let known = Test::ALL.map(Test::name).join(", ");
    Test::of_name(text.trim()).ok_or_else(|| format!("the tests are {known}"))
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let out = &arguments.out;
    let (protocol, told) = protocol(arguments)?;
    if !arguments.quiet {
        for text in &told {
            console::tell(format_args!("warning: {text}"));
        }
    }
    let failed = |operation: &'static str| {
        let path = out.clone();
        move |source: std::io::Error| Error::Output { operation, source, path }
    };
    let text = if out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
        serde_json::to_string_pretty(&protocol).map(|text| text + "\n").map_err(std::io::Error::from)
    } else {
        protocol.to_commented_toml().map_err(std::io::Error::other)
    };
    let text = text.map_err(failed("file cannot be made"))?;
    let mut files = FileSet::over(Taken::Stays);
    files.add(out, text.as_bytes())?;
    files.publish()?;
    console::tell(format_args!("a protocol of preset {}", arguments.preset));
    Ok(())
}

/// What is asked for, and what was left out of it.
fn protocol(arguments: &Arguments) -> Result<(Protocol, Vec<String>)> {
    let Arguments { preset, demo, task, cohort, out, .. } = arguments;
    if *demo {
        let task = task.clone().unwrap_or(Task::PNEUMOTHORAX);
        let known = demo::MODELS.iter().map(|model| &model.task).find(|known| known.is_called(task.name()));
        let unknown = || Error::Usage(format!("--task: the demo knows pneumothorax and pneumonia, not {task}"));
        return Ok((Protocol::demo(*preset, known.ok_or_else(unknown)?.clone()), Vec::new()));
    }
    let mut protocol = Protocol::of(*preset);
    let has_models = !arguments.classifier.is_empty() || arguments.other.is_some() || !arguments.localizer.is_empty();
    if has_models && arguments.classifier.is_empty() {
        return Err(Error::Usage("--classifier: maps need one".to_owned()));
    }
    protocol.cohort.task.clone_from(task);
    protocol.cohort.readers.clone_from(&arguments.readers);
    protocol.cohort.truth_size_px = arguments.truth_size;
    protocol.cohort.splits = arguments.splits.as_deref().map(|path| seen_from(out, path));
    if !arguments.tests.is_empty() {
        protocol.tests.clone_from(&arguments.tests);
        protocol.tests.sort_unstable();
        protocol.tests.dedup();
    }
    if arguments.utility_images.is_some() {
        protocol.sample.utility = arguments.utility_images;
    }
    if arguments.similarity_images.is_some() {
        protocol.sample.similarity = arguments.similarity_images;
    }
    if has_models {
        let model = |text: &String| model_seen_from(out, text);
        protocol.models = ModelSection {
            classifiers: arguments.classifier.iter().map(model).collect(),
            other_architecture: arguments.other.as_ref().map(model),
            localizers: arguments.localizer.iter().map(model).collect(),
        };
    }
    let mut told = Vec::new();
    let mut opened = None;
    if let Some(spec) = cohort {
        protocol.cohort.source = spec.to_string();
        let (spec, mut options) = protocol.cohort_spec()?;
        // Here paths begin where the command was given.
        options.splits.clone_from(&arguments.splits);
        let progress = Progress::plain(arguments.quiet, Interrupt::listen());
        let cohort = Cohort::open(&spec, &options, &progress);
        progress.finish();
        let cohort = cohort?;
        told.extend(cohort.warnings().iter().map(ToString::to_string));
        if let Some(folder) = spec.folder() {
            protocol.cohort.source = format!("{}:{}", spec.kind(), seen_from(out, folder).display());
        }
        opened = Some(cohort);
    }
    if opened.is_some() || has_models {
        let asked = protocol.tests.clone();
        let left_out = protocol.cut_to(opened.as_ref());
        if let Some(test) = arguments.tests.iter().find(|test| !protocol.tests.contains(test)) {
            let why = left_out.iter().find(|text| text.starts_with(test.name())).cloned().unwrap_or_default();
            return Err(Error::Usage(format!("--tests: {why}; leave {test} out of --tests")));
        }
        if protocol.tests.is_empty() {
            let asked = asked.iter().map(|test| test.name()).collect::<Vec<_>>().join(", ");
            return Err(Error::Usage(format!("no test is left of {asked}: {}", left_out.join("; "))));
        }
        told.extend(left_out);
    }
    protocol.check()?;
    Ok((protocol, told))
}

/// A path as it is written into the file `out`, where relative ones begin at its folder.
fn seen_from(out: &Path, path: &Path) -> PathBuf {
    let is_here = out.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder == Path::new("."));
    if is_here {
        return path.to_owned();
    }
    // Without a present folder there is nothing better to write than what was given.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn model_seen_from(out: &Path, text: &str) -> String {
    if text.starts_with("demo:") {
        text.to_owned()
    } else {
        seen_from(out, Path::new(text)).to_string_lossy().into_owned()
    }
}
