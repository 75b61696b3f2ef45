//! `saliscope benchmark run` and `resume`: working through a protocol.

use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::TaskChoice;
use super::status::span;
use crate::benchmark::{self, Cost, Options, Progress, Protocol, RunWatch, Setup, Shard, Store, Summary};
use crate::cli::arguments::{Machine, whole};
use crate::cli::caution;
use crate::cli::console;
use crate::cli::error::{Error, Result};
use crate::cli::interrupt::Interrupt;
use crate::cli::{print_json, runtime};
use crate::limits;
use crate::saliency::Preset;
use crate::watch::Watch;

/// Works through a protocol, or through what is left of it.
///
/// Every finished unit is kept at once in DIR/benchmark.sqlite (with --shard in a database of its own), so that Ctrl-C,
/// a crash or a power cut costs minutes at most: the same command goes on. A folder that holds another run is refused
/// with what differs. What fails is noted with its reason and left; --retry-failed tries it again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saliscope benchmark run --demo --out demo-run
  saliscope benchmark run --protocol protocol.toml --out run --maps lime-maps
  saliscope benchmark run --protocol protocol.toml --out run --shard 3/16

The demo does the whole protocol, all methods, states and tests, on 8 radiographs with the finding for randomization,
repeatability and reproducibility (the study: 100) and on all of the test split for utility. It takes minutes.

Exit codes: 0 done (failed units are counted in the printed line), 1 the work stopped, 2 usage or protocol.
Research use - not for diagnosis.")]
pub(super) struct Arguments {
    /// The protocol, TOML or JSON
    #[arg(long, value_name = "FILE", required_unless_present = "demo", conflicts_with = "demo")]
    protocol: Option<PathBuf>,
    /// The demo's protocol: generated radiographs, networks that are part of the program
    #[arg(long)]
    demo: bool,
    /// Preset of the demo
    #[arg(long, value_name = "PRESET", default_value_t, requires = "demo")]
    preset: Preset,
    /// Finding of the demo
    #[arg(long, value_name = "TASK", value_enum, default_value_t, requires = "demo")]
    task: TaskChoice,
    /// Folder of another program's maps, scored as methods of their own: IMAGE-ID.npz, each with one array a method or
    /// one in all
    #[arg(long, value_name = "DIR")]
    maps: Option<PathBuf>,
    /// Folder of the run, made where needed
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Which part to do, such as 3/16 (from 0/16 to 15/16); without it that of the Slurm or Kubernetes array this process
    /// belongs to, or the whole
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<Shard>,
    #[command(flatten)]
    sitting: Sitting,
}

/// Goes on with a run from its database alone.
#[derive(Debug, Args)]
pub(super) struct ResumeArguments {
    /// Folder of the run, or a database
    #[arg(value_name = "PATH")]
    path: PathBuf,
    #[command(flatten)]
    sitting: Sitting,
}

/// How the work is done.
#[derive(Debug, Args)]
struct Sitting {
    /// Jobs at the same time, each with networks of its own and its share of the threads
    #[arg(long, value_name = "N", value_parser = whole(limits::WORKERS), default_value_t = 1)]
    workers: usize,
    /// Try units again that failed earlier
    #[arg(long)]
    retry_failed: bool,
    #[command(flatten)]
    machine: Machine,
}

fn shard(text: &str) -> std::result::Result<Shard, String> {
    text.parse().map_err(|error: benchmark::Error| error.to_string())
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let protocol = match &arguments.protocol {
        Some(path) => Protocol::open(path)?,
        None => Protocol::demo(arguments.preset, arguments.task.task()),
    };
    let shard = match arguments.shard {
        Some(shard) => shard,
        None => Shard::of_environment(|name| std::env::var(name).ok())?.unwrap_or_default(),
    };
    work(&protocol, false, arguments.maps.as_deref(), &arguments.out, shard, &arguments.sitting)
}

pub(super) fn resume(arguments: &ResumeArguments) -> Result<()> {
    let database = benchmark::find_database(&arguments.path)?;
    let meta = Store::read(&database)?.meta().clone();
    let shard = Shard { index: meta.shard, count: meta.shards };
    let out = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let own = benchmark::database_path(out, shard);
    if meta.parts.len() > 1 || own.file_name() != database.file_name() {
        let advice = "this database was joined from parts, or renamed: go on with the parts and join them again";
        return Err(Error::Usage(advice.to_owned()));
    }
    work(&meta.protocol, true, meta.external.as_deref(), out, shard, &arguments.sitting)
}

fn work(
    protocol: &Protocol,
    is_begun: bool,
    maps: Option<&Path>,
    out: &Path,
    shard: Shard,
    sitting: &Sitting,
) -> Result<()> {
    runtime::begin(&sitting.machine.options())?;
    let terminal = Terminal::new(sitting.machine.quiet);
    // The workers share the threads.
    let runtime = runtime::open(&sitting.machine)?.share(sitting.workers);
    let open = if is_begun { Setup::reopen } else { Setup::open };
    let setup = open(protocol, maps, &Opening(&terminal));
    let setup = setup.inspect_err(|_| terminal.bar.finish_and_clear())?;
    setup.warnings().iter().for_each(|warning| terminal.warning(warning));
    terminal.bar.suspend(|| caution::tell(setup.caution(|model| model.card.trained_on_patients)));
    let is_new = !is_begun && !benchmark::database_path(out, shard).is_file();
    if is_new && !sitting.machine.quiet {
        // The threads of one worker, as many of which work side by side.
        let cost = Cost::of(&setup, shard)?.timed(&setup, shard, &runtime)?.shared_by(sitting.workers);
        terminal.tell(format_args!("{}", cost.words(span)));
    }
    let (workers, retry_failed, batch) = (sitting.workers, sitting.retry_failed, sitting.machine.batch);
    let done = benchmark::run(&setup, out, &runtime, &Options { workers, shard, retry_failed, batch }, &terminal);
    terminal.bar.finish_and_clear();
    let summary: Summary = done?;
    if summary.status.failed > 0 {
        let failed = summary.status.failed;
        terminal.warning(&format!("{failed} units failed; `saliscope benchmark status` says why"));
    }
    print_json(&summary)
}

/// Progress and Ctrl-C.
pub(super) struct Terminal {
    pub(super) bar: ProgressBar,
    interrupt: Interrupt,
    quiet: bool,
}

impl Terminal {
    pub(super) fn new(quiet: bool) -> Self {
        let bar = ProgressBar::no_length();
        bar.set_draw_target(if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() });
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {percent:>3} %  {msg}") {
            bar.set_style(style);
        }
        Self { bar, interrupt: Interrupt::listen(), quiet }
    }

    /// Says something odd.
    pub(super) fn tell_warning(&self, text: &str) {
        self.tell(format_args!("warning: {text}"));
    }

    fn tell(&self, text: std::fmt::Arguments<'_>) {
        if !self.quiet {
            self.bar.suspend(|| {
                console::tell(text);
            });
        }
    }
}

impl Watch for Terminal {
    fn progress(&self, done: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
    }

    fn is_cancelled(&self) -> bool {
        self.interrupt.is_cancelled()
    }
}

impl RunWatch for Terminal {
    fn sitting(&self, progress: &Progress) {
        let Progress { done, total, failed, units_per_sec, work_secs, .. } = progress;
        let left = progress.secs_left.map_or_else(String::new, |left| format!(", about {} left", span(left)));
        let failed = if *failed > 0 { format!(", {failed} failed") } else { String::new() };
        let elapsed = span(*work_secs);
        self.bar.set_message(format!(
            "{done} of {total} units{failed}, {units_per_sec:.1} a second so far, {elapsed}{left}"
        ));
    }

    fn warning(&self, text: &str) {
        self.tell_warning(text);
    }
}

/// The same while the cohort's files are looked at.
pub(super) struct Opening<'a>(pub(super) &'a Terminal);

impl Watch for Opening<'_> {
    fn progress(&self, done: usize, total: usize) {
        self.0.progress(done, total);
        self.0.bar.set_message("looking at the files");
    }

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}
