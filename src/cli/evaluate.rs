//! `saliscope evaluate`: how good a model is on a split of a cohort.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::arguments::{Machine, OutputChoice, real, whole};
use super::cohort::Options as CohortArguments;
use super::console;
use super::error::{Error, Result};
use super::interrupt::Interrupt;
use super::progress::Progress;
use super::report::VERSION;
use super::{caution, evaluate_files, model, print_json, runtime};
use crate::cohort::{Cohort, CohortOptions, CohortSpec, Split};
use crate::evaluation::{
    self, CaseMean, ClassifierScores, DetectionScores, Evaluation, FindingScores, FindingsScores, Scores,
    SegmentationScores, Unusable, evaluate,
};
use crate::figure::NOT_FOR_DIAGNOSIS;
use crate::limits;
use crate::metrics::{Bootstrap, Estimate};
use crate::network::{Architecture, ModelCard, ModelKind};
use crate::truth::Task;

/// Judges a model on a split of a data set.
///
/// Classifiers: area under the ROC curve, average precision, calibration (Brier score, expected calibration error over ten
/// bins, slope and intercept of the logistic regression on the log odds), sensitivity and specificity; those of several
/// findings on each that model and cohort both name. U-Net: Dice and pixel AUPRC. RetinaNet: average precision and the AUPRC of
/// its pixel map. Each with a 95 % percentile interval over resampled cases. A threshold that is judged on the cases that chose
/// it says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saliscope evaluate --model model.safetensors --cohort siim:siim-acr --youden
  saliscope evaluate --model model.safetensors --cohort siim:siim-acr \\
      --sensitivity 0.95 --out evaluation
  saliscope evaluate --model u_net.safetensors --cohort phantom:7:200 \\
      --split val --json

Exit codes: 0 done, 1 the work failed, 2 the command line cannot be understood.
Research use - not for diagnosis.")]
pub(super) struct Arguments {
    /// Weights in safetensors; a model card (`<name>.json` or `model.json`) beside them is read
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Architecture, where neither a model card nor the tensor names tell it
    #[arg(long, value_name = "NAME", value_parser = clap::value_parser!(Architecture))]
    arch: Option<Architecture>,
    /// How a classifier's outputs become probabilities, where its card does not say it: exactly one class is true
    /// (softmax), or each is a label of its own (sigmoid)
    #[arg(long, value_name = "OUTPUT", value_enum)]
    output: Option<OutputChoice>,
    /// siim:DIR, rsna:DIR, nih:DIR, vindr:DIR, folder:DIR or phantom:SEED[:COUNT]
    #[arg(long, value_name = "COHORT")]
    cohort: CohortSpec,
    /// Cases that judge the model
    #[arg(long, value_name = "SPLIT", value_enum, default_value_t)]
    split: SplitChoice,
    #[command(flatten)]
    cohort_options: CohortArguments,
    /// Also judge a classifier at the threshold with the best Youden index on the validation split
    #[arg(long)]
    youden: bool,
    /// Also at the highest threshold that calls this share of the positives of the validation split, such as 0.95
    #[arg(long, value_name = "SHARE", value_parser = real(limits::CALLED_SHARE))]
    sensitivity: Option<f64>,
    /// Also at the lowest threshold that passes this share of the negatives of the validation split, such as 0.9
    #[arg(long, value_name = "SHARE", value_parser = real(limits::CALLED_SHARE))]
    specificity: Option<f64>,
    /// Folder for evaluation.json and, of a classifier, `roc`, `precision_recall` and `calibration` as SVG, PDF and PNG,
    /// every operating point (curve.csv) and the reliability diagram (calibration.csv); files of an earlier run are
    /// replaced
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Resamples behind each interval
    #[arg(long, value_name = "R", default_value_t = Bootstrap::default().resamples, value_parser = whole(limits::SCORE_RESAMPLES))]
    resamples: usize,
    /// Seed of the resamples
    #[arg(long, value_name = "S", default_value_t = 0)]
    bootstrap_seed: u64,
    /// One object of JSON instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    machine: Machine,
}

/// `--split`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum SplitChoice {
    /// What it was trained on
    Train,
    /// What it was chosen by
    Val,
    /// What it has never seen
    #[default]
    Test,
}

/// What `--json` prints and `evaluation.json` holds.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    notice: &'static str,
    /// What has to be known before any of it is believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) caution: Option<&'static str>,
    saliscope: &'static str,
    pub(super) model: ModelReport<'a>,
    pub(super) cohort: &'static str,
    executor: &'a str,
    #[serde(flatten)]
    pub(super) evaluation: &'a Evaluation,
}

#[derive(Serialize)]
pub(super) struct ModelReport<'a> {
    pub(super) name: &'a str,
    #[serde(flatten)]
    pub(super) card: &'a ModelCard,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let machine = &arguments.machine;
    runtime::begin(&machine.options())?;
    let progress = Progress::plain(machine.quiet, Interrupt::listen());
    let mut model = model::open(&arguments.model, arguments.arch, arguments.output)?;
    model::require_output(&model)?;
    model::print_notes(&model, machine.quiet);
    let asks_threshold = arguments.youden || arguments.sensitivity.is_some() || arguments.specificity.is_some();
    if asks_threshold && model.card.kind != ModelKind::Classifier {
        let problem =
            "--youden, --sensitivity and --specificity choose a threshold of a classifier, and this model localizes";
        return Err(Error::Usage(problem.to_owned()));
    }
    let mut network = runtime::open(machine)?.forward(&model)?;
    let opened = open_cohort(arguments, &model.card, &progress);
    let cohort = opened.inspect_err(|_| progress.finish())?;
    let warn = |message: String| {
        if !machine.quiet {
            progress.bar.suspend(|| {
                console::tell(format_args!("warning: {message}"));
            });
        }
    };
    cohort.warnings().iter().for_each(|warning| warn(warning.to_string()));
    evaluation::pair(&mut model.card, cohort.task()).into_iter().for_each(&warn);
    let options = evaluation::Options {
        split: match arguments.split {
            SplitChoice::Train => Split::Train,
            SplitChoice::Val => Split::Val,
            SplitChoice::Test => Split::Test,
        },
        youden: arguments.youden,
        sensitivity: arguments.sensitivity,
        specificity: arguments.specificity,
        batch: machine.batch,
        bootstrap: Bootstrap { resamples: arguments.resamples, seed: arguments.bootstrap_seed },
    };
    let is_of_phantoms = cohort.in_split(options.split).all(|case| case.is_phantom);
    let caution = model.card.caution(is_of_phantoms);
    progress.bar.suspend(|| caution::tell(caution));
    let judged = evaluate(&model, &mut network, &cohort, &options, &progress);
    progress.finish();
    let evaluation = judged.map_err(|error| match error {
        evaluation::Error::Interrupted => Error::Interrupted,
        other => Error::Evaluation(other),
    })?;
    for Unusable { reason, cases } in &evaluation.unusable {
        warn(format!("{cases} cases are left out: {reason}"));
    }
    let name = model::name(&arguments.model);
    let executor = network.describe();
    let report = Report {
        notice: NOT_FOR_DIAGNOSIS,
        caution,
        saliscope: VERSION,
        model: ModelReport { name: &name, card: &model.card },
        cohort: arguments.cohort.kind(),
        executor: &executor,
        evaluation: &evaluation,
    };
    if let Some(out) = &arguments.out {
        evaluate_files::write(out, &report, &model.sha256)?;
    }
    if arguments.json {
        return print_json(&report);
    }
    let text = text(&name, &model.card, caution, &evaluation);
    console::print(&text)
}

/// Opens the cohort. Where no finding is named and model and cohort share several, it is opened for all of these.
fn open_cohort(arguments: &Arguments, card: &ModelCard, progress: &Progress) -> Result<Cohort> {
    // A classifier is asked for no place.
    let labels_suffice = card.kind == ModelKind::Classifier;
    let options = CohortOptions { labels_suffice, ..arguments.cohort_options.cohort_options() };
    let opened = Cohort::open(&arguments.cohort, &options, progress);
    let is_named = options.task.is_some() || !options.findings.is_empty();
    if is_named || !labels_suffice {
        return Ok(opened?);
    }
    let known = match &opened {
        Ok(cohort) => cohort.known_findings(),
        Err(error) => error.findings_to_choose().unwrap_or_default(),
    };
    let is_known = |task: &Task| known.iter().any(|name| task.is_called(name));
    let shared: Vec<Task> = card.classes.iter().filter_map(|class| Task::named(class).ok()).filter(is_known).collect();
    let options = match &shared[..] {
        [only] if opened.is_err() => CohortOptions { task: Some(only.clone()), ..options },
        [] | [_] => return Ok(opened?),
        _ => CohortOptions { findings: shared.clone(), ..options },
    };
    let names: Vec<&str> = shared.iter().map(Task::name).collect();
    if !arguments.machine.quiet {
        progress.bar.suspend(|| {
            console::tell(format_args!(
                "judged on what model and cohort both name: {} (--task chooses)",
                names.join(", ")
            ));
        });
    }
    Ok(Cohort::open(&arguments.cohort, &options, progress)?)
}

fn text(name: &str, card: &ModelCard, caution: Option<&str>, evaluation: &Evaluation) -> String {
    let Evaluation { split, cases, positives, unlabelled, unusable, .. } = evaluation;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ =
        writeln!(text, "{name} ({}), {split} split: {cases} cases, {positives} with the finding", card.architecture);
    if let Some(caution) = caution {
        let _ = writeln!(text, "{caution}");
    }
    let unusable = unusable.iter().map(|unusable| unusable.cases).sum();
    for (count, what) in [(*unlabelled, "without a label"), (unusable, "that could not be used")] {
        if count > 0 {
            let _ = writeln!(text, "left out: {count} {what}");
        }
    }
    let _ = match &evaluation.scores {
        Scores::Classifier(scores) => classifier(&mut text, scores),
        Scores::Findings(scores) => findings(&mut text, scores),
        Scores::Segmentation(scores) => segmentation(&mut text, scores),
        Scores::Detection(scores) => detection(&mut text, scores),
    };
    let _ = writeln!(text, "In brackets: 95 % percentile intervals over {} resamples of cases.", evaluation.resamples);
    let _ = writeln!(text, "{NOT_FOR_DIAGNOSIS}");
    text
}

fn classifier(text: &mut String, scores: &ClassifierScores) -> std::fmt::Result {
    line(text, "AUC", scores.auc.as_ref())?;
    line(text, "average precision", scores.average_precision.as_ref())?;
    if let Some(own) = &scores.calibration {
        line(text, "Brier score", own.brier_score.as_ref())?;
        line(text, "expected calibration error", own.expected_calibration_error.as_ref())?;
        line(text, "calibration slope", own.slope.as_ref())?;
        line(text, "calibration intercept", own.intercept.as_ref())?;
        line(text, "calibration in the large", own.in_the_large.as_ref())?;
    }
    for threshold in &scores.thresholds {
        writeln!(text, "At a probability of {:.4}{}", threshold.threshold, threshold.origin())?;
        line(text, "  sensitivity", threshold.sensitivity.as_ref())?;
        line(text, "  specificity", threshold.specificity.as_ref())?;
        if let Some(caution) = threshold.chosen_on.as_ref().and_then(|chosen| chosen.caution.as_ref()) {
            writeln!(text, "  {caution}")?;
        }
    }
    Ok(())
}

fn findings(text: &mut String, scores: &FindingsScores) -> std::fmt::Result {
    let FindingsScores { mean_auc, in_mean, findings } = scores;
    line(text, &format!("mean AUC of {in_mean} findings"), mean_auc.as_ref())?;
    for FindingScores { name, cases, positives, scores, no_threshold, .. } in findings {
        writeln!(text, "{name}: {cases} cases, {positives} with it")?;
        classifier(text, scores)?;
        if let Some(problem) = no_threshold {
            writeln!(text, "  {problem}")?;
        }
    }
    Ok(())
}

fn segmentation(text: &mut String, scores: &SegmentationScores) -> std::fmt::Result {
    mean(text, "Dice, cases with the finding", scores.dice_of_positives.as_ref())?;
    mean(text, "Dice, all cases", scores.dice_of_all.as_ref())?;
    mean(text, "pixel AUPRC (trapezoids)", scores.pixel_auprc.as_ref())?;
    mean(text, "pixel average precision", scores.pixel_average_precision.as_ref())
}

fn detection(text: &mut String, scores: &DetectionScores) -> std::fmt::Result {
    line(text, "mAP 0.5:0.95 (101 points)", scores.map.as_ref())?;
    line(text, "AP50 (101 points)", scores.ap50.as_ref())?;
    line(text, "AP50 (all points)", scores.ap50_all_points.as_ref())?;
    mean(text, "pixel AUPRC (trapezoids)", scores.pixel_auprc.as_ref())?;
    mean(text, "pixel average precision", scores.pixel_average_precision.as_ref())
}

fn line(text: &mut String, name: &str, estimate: Option<&Estimate>) -> std::fmt::Result {
    match estimate {
        Some(Estimate { value, low, high, .. }) => writeln!(text, "{name:<30}{value:.4} [{low:.4}, {high:.4}]"),
        None => writeln!(text, "{name:<30}not defined for these cases"),
    }
}

fn mean(text: &mut String, name: &str, figure: Option<&CaseMean>) -> std::fmt::Result {
    match figure {
        Some(CaseMean { mean: Estimate { value, low, high, .. }, sd, cases }) => {
            writeln!(text, "{name:<30}{value:.4} [{low:.4}, {high:.4}], SD {sd:.4} over {cases} cases")
        }
        None => line(text, name, None),
    }
}
