//! `saliscope cohort`: what a data set holds, how it is split, and what was left out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::console;
use super::error::{Error, Result};
use super::interrupt::Interrupt;
use super::print_json;
use super::progress::Progress;
use crate::cohort::{
    self, Cohort, CohortOptions, CohortSpec, Count, Exclusion, Findings, Readers, Reason, Skipped, SplitSource,
    ThirdClass, Warning,
};
use crate::limits;
use crate::truth::{Task, TruthKind};

/// Lines of a CSV file that are named for each reason.
const LINES_NAMED: usize = 5;

/// Counts the images of a data set by split and class, and says what was left out and why.
///
/// siim:DIR, rsna:DIR, nih:DIR (ChestX-ray14) and vindr:DIR (VinDr-CXR) are the files of the public sets or mirrors of them,
/// folder:DIR is images with optional labels.csv, boxes.csv and masks/, phantom:SEED[:COUNT] is generated. Where labels are
/// about several findings, --task names the one that is meant. Nothing is written into a folder.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saliscope cohort siim:siim-acr --splits pneumothorax_splits.csv
  saliscope cohort rsna:rsna-pneumonia --third-class include --json
  saliscope cohort nih:chestx-ray14 --task pneumothorax
  saliscope cohort vindr:vindr-cxr --task pneumothorax --readers majority
  saliscope cohort folder:images --task pneumothorax --list-excluded

Where nothing usable is there, warnings and what was left out are told all the same.
Exit codes: 0 done, 1 nothing usable is there or a file is wrong, 2 the command line cannot be understood.
Research use - not for diagnosis.")]
pub(super) struct Arguments {
    /// siim:DIR, rsna:DIR, nih:DIR, vindr:DIR, folder:DIR or phantom:SEED[:COUNT]
    #[arg(value_name = "COHORT")]
    cohort: CohortSpec,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    form: Form,
    /// No progress and, unless the work fails, no warnings
    #[arg(long)]
    quiet: bool,
}

/// What is printed.
#[derive(Clone, Copy, Debug, Args)]
struct Form {
    /// One object of JSON instead of text
    #[arg(long)]
    json: bool,
    /// List what was left out by id; ids may be patients'
    #[arg(long)]
    list_excluded: bool,
    /// List the cases as well, by id, label and split
    #[arg(long)]
    list: bool,
}

impl Form {
    /// Whether ids of what was left out are printed.
    fn lists_excluded(self) -> bool {
        self.list_excluded || self.list
    }
}

/// How a cohort is taken, and how its splits are drawn.
#[derive(Clone, Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    taking: Taking,
    /// Seed of drawn splits
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

/// How a cohort is taken.
#[derive(Clone, Debug, Args)]
pub(super) struct Taking {
    /// Splits in the authors' form (columns `Image_ID` and Split); else such a file in the folder is taken, or splits are
    /// drawn
    #[arg(long, value_name = "FILE")]
    pub(super) splits: Option<PathBuf>,
    /// What becomes of RSNA's class No Lung Opacity / Not Normal
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    third_class: ThirdClassChoice,
    /// The finding: a column of labels.csv or a name in it, however spelled, pneumothorax or pneumonia of phantoms; what
    /// the labels are about where they name no finding. Several with commas between, or the option several times
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    task: Vec<Task>,
    /// Whose findings and marks count in VinDr-CXR: union (any reader's), majority (more than half of an image's readers),
    /// or one reader, such as R9
    #[arg(long, value_name = "WHOSE", default_value_t)]
    readers: Readers,
    /// Size of the images that masks and boxes were drawn on, where the files are resized copies: 1024x1024 for the
    /// original sets
    #[arg(long, value_name = "WxH", value_parser = size)]
    truth_size: Option<[usize; 2]>,
}

/// `--third-class`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ThirdClassChoice {
    /// Left out, as in the study
    #[default]
    Exclude,
    /// Taken as images without the finding
    Include,
}

impl Options {
    pub(super) fn cohort_options(&self) -> CohortOptions {
        self.taking.cohort_options(self.seed)
    }
}

impl Taking {
    /// The findings that were named.
    pub(super) fn tasks(&self) -> &[Task] {
        &self.task
    }

    /// With splits drawn from `seed`, where no file gives them.
    pub(super) fn cohort_options(&self, seed: u64) -> CohortOptions {
        let (task, findings) = match &self.task[..] {
            [task] => (Some(task.clone()), Vec::new()),
            findings => (None, findings.to_vec()),
        };
        CohortOptions {
            task,
            findings,
            splits: self.splits.clone(),
            seed,
            third_class: match self.third_class {
                ThirdClassChoice::Exclude => ThirdClass::Exclude,
                ThirdClassChoice::Include => ThirdClass::Include,
            },
            readers: self.readers.clone(),
            truth_size_px: self.truth_size,
            ..CohortOptions::default()
        }
    }
}

/// `WxH` as `[rows, columns]`.
pub(super) fn size(text: &str) -> std::result::Result<[usize; 2], String> {
    let most = limits::SIDE_PX as usize;
    let side = |text: &str| text.trim().parse::<usize>().ok().filter(|side| (1..=most).contains(side));
    let sides = text.split_once(['x', 'X']).and_then(|(width, height)| Some([side(height)?, side(width)?]));
    sides.ok_or_else(|| format!("a size is width x height in pixels, such as 1024x1024, each from 1 to {most}"))
}

#[derive(Serialize)]
struct Report<'a> {
    kind: &'static str,
    task: Option<&'a Task>,
    /// All findings that the set names.
    findings: &'a [String],
    truth: TruthKind,
    images: usize,
    splits: SplitSource,
    counts: Vec<Count>,
    third_class: usize,
    left_out: Vec<LeftOut<'a>>,
    skipped_files: Skipped,
    warnings: &'a [Warning],
    #[serde(skip_serializing_if = "Option::is_none")]
    cases: Option<Vec<CaseLine<'a>>>,
}

/// A data set that could not be opened.
#[derive(Serialize)]
struct Unopened<'a> {
    kind: &'static str,
    images: usize,
    left_out: Vec<LeftOut<'a>>,
    skipped_files: Skipped,
    warnings: &'a [Warning],
}

#[derive(Serialize)]
struct LeftOut<'a> {
    reason: Reason,
    count: usize,
    lines: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ids: Option<Vec<&'a str>>,
}

#[derive(Serialize)]
struct CaseLine<'a> {
    id: &'a str,
    label: Option<bool>,
    split: Option<cohort::Split>,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let progress = Progress::plain(arguments.quiet, Interrupt::listen());
    let opened = Cohort::open(&arguments.cohort, &arguments.options.cohort_options(), &progress);
    progress.finish();
    let cohort = match opened {
        Ok(cohort) => cohort,
        Err(cohort::Error::Options(problem)) => return Err(Error::Usage(problem)),
        Err(error) => {
            if let Some(findings) = error.findings() {
                print_findings(findings, &arguments.cohort, arguments.form)?;
            }
            return Err(error.into());
        }
    };
    if !arguments.quiet {
        for warning in cohort.warnings() {
            console::tell(format_args!("warning: {warning}"));
        }
    }
    let report = report(&cohort, arguments.form);
    if arguments.form.json {
        return print_json(&report);
    }
    console::print(&text(&report))
}

/// What there is to say of a data set that could not be opened, where it is asked for.
fn print_findings(findings: &Findings, spec: &CohortSpec, form: Form) -> Result<()> {
    let left_out = left_out(&findings.exclusions, form);
    if form.json {
        return print_json(&Unopened {
            kind: spec.kind(),
            images: 0,
            left_out,
            skipped_files: findings.skipped,
            warnings: &findings.warnings,
        });
    }
    if !form.lists_excluded() {
        return Ok(());
    }
    let mut lines = lines_left_out(&left_out);
    lines.push(String::new());
    console::print(&lines.join("\n"))
}

/// What was left out, by reason.
fn left_out<'a>(exclusions: &'a [Exclusion], form: Form) -> Vec<LeftOut<'a>> {
    let mut by_reason: BTreeMap<Reason, Vec<&Exclusion>> = BTreeMap::new();
    for exclusion in exclusions {
        by_reason.entry(exclusion.reason).or_default().push(exclusion);
    }
    let one = |exclusions: Vec<&'a Exclusion>, reason| LeftOut {
        reason,
        count: exclusions.len(),
        lines: exclusions.iter().filter_map(|exclusion| exclusion.line).take(LINES_NAMED).collect(),
        ids: form.lists_excluded().then(|| exclusions.iter().map(|exclusion| exclusion.id.as_str()).collect()),
    };
    by_reason.into_iter().map(|(reason, exclusions)| one(exclusions, reason)).collect()
}

fn report<'a>(cohort: &'a Cohort, form: Form) -> Report<'a> {
    let line = |case: &'a cohort::Case| CaseLine { id: &case.id, label: case.label, split: case.split };
    Report {
        kind: cohort.spec().kind(),
        task: cohort.task(),
        findings: cohort.known_findings(),
        truth: cohort.truth_kind(),
        images: cohort.cases().len(),
        splits: cohort.split_source(),
        counts: cohort.counts(),
        third_class: cohort.cases().iter().filter(|case| case.third_class).count(),
        left_out: left_out(cohort.exclusions(), form),
        skipped_files: cohort.skipped(),
        warnings: cohort.warnings(),
        cases: form.list.then(|| cohort.cases().iter().map(line).collect()),
    }
}

fn text(report: &Report<'_>) -> String {
    let mut lines = Vec::new();
    let task = report.task.map_or(String::new(), |task| format!(", {task}"));
    let truth = report.truth.words();
    lines.push(format!("{} images{task}, {truth}; splits {}", report.images, origin(report.splits)));
    if report.findings.len() > 1 {
        lines.push(format!("findings named there (--task): {}", report.findings.join(", ")));
    }
    lines.push(format!("{:<8}{:>9}{:>9}{:>9}{:>11}", "split", "images", "positive", "negative", "unlabelled"));
    let row = |name: &str, count: &Count| {
        format!("{name:<8}{:>9}{:>9}{:>9}{:>11}", count.total(), count.positive, count.negative, count.unlabelled)
    };
    let mut all = Count { split: None, positive: 0, negative: 0, unlabelled: 0 };
    for count in &report.counts {
        lines.push(row(count.split.map_or("none", cohort::Split::name), count));
        all.positive += count.positive;
        all.negative += count.negative;
        all.unlabelled += count.unlabelled;
    }
    lines.push(row("all", &all));
    if report.third_class > 0 {
        lines.push(format!("of the negatives {} are of the class No Lung Opacity / Not Normal", report.third_class));
    }
    lines.extend(lines_left_out(&report.left_out));
    let Skipped { hidden, dicomdir, other, unreachable } = report.skipped_files;
    let skipped = [(hidden, "hidden"), (dicomdir, "DICOMDIR"), (other, "no image"), (unreachable, "not reachable")];
    let skipped: Vec<String> =
        skipped.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if !skipped.is_empty() {
        lines.push(format!("other files: {}", skipped.join(", ")));
    }
    if let Some(cases) = &report.cases {
        lines.push("id,label,split".to_owned());
        for CaseLine { id, label, split } in cases {
            let label = label.map_or("", |label| if label { "1" } else { "0" });
            lines.push(format!("{},{label},{}", console::in_line(id), split.map_or("", cohort::Split::name)));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

fn lines_left_out(left_out: &[LeftOut<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    if !left_out.is_empty() {
        lines.push("left out:".to_owned());
    }
    for LeftOut { reason, count, lines: numbers, ids } in left_out {
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        let first = match numbers.len() {
            0 => String::new(),
            shown if shown == *count => format!(" (line {})", numbers.join(", ")),
            _ => format!(" (line {}, ...)", numbers.join(", ")),
        };
        lines.push(format!("{count:>9}  {}{first}", reason.description()));
        lines.extend(ids.iter().flatten().map(|id| format!("{:>11}{}", "", console::in_line(id))));
    }
    lines
}

fn origin(splits: SplitSource) -> String {
    match splits {
        SplitSource::Given => "from the file given".to_owned(),
        SplitSource::Found => "from a file in the folder".to_owned(),
        SplitSource::Labels => "from labels.csv".to_owned(),
        SplitSource::Phantoms => "by the phantoms' own rule".to_owned(),
        SplitSource::Lists { seed } => format!("for testing as the set says, validation drawn with seed {seed}"),
        SplitSource::Drawn { seed } => format!("drawn with seed {seed}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_width_by_height() {
        assert_eq!(super::size("640x480"), Ok([480, 640]));
        for text in ["", "x", "10", "0x5", "5x", "axb", "-1x2"] {
            assert!(super::size(text).is_err(), "{text}");
        }
    }
}
