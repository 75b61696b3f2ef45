//! What the benchmark found for one method on one network, in words, to be shown beside its maps.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::protocol::Test;
use super::analysis::{Analysis, MetricAnalysis, TestedModel};
use super::names::test_title;
use super::rules::{IntervalVerdict, StudyVerdict};
use super::words::{count, number};
use crate::export::place::{self, Taken};
use crate::figure::NOT_FOR_DIAGNOSIS;
use crate::files::{self, Readers};
use crate::limits;
use crate::saliency::Preset;

/// Name of the file beside a database.
const FILE_NAME: &str = "trust.json";

/// Layout of the file.
const FORMAT: u32 = 1;

/// What was found about a method on a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrustCard {
    /// One line for each of the four tests, in the study's order.
    pub lines: Vec<TrustLine>,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrustLine {
    /// The test.
    pub test: Test,
    /// Both verdicts, or that it was not tested.
    pub verdict: TrustVerdict,
    /// What was found, in one or two sentences.
    pub sentence: String,
}

/// Both verdicts on one test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustVerdict {
    /// The network or the method was not tested, or no verdict was possible.
    NotTested,
    /// It was.
    Tested {
        /// By the study's rule.
        study: StudyVerdict,
        /// By interval and margin, where it can be told.
        interval: Option<IntervalVerdict>,
        /// The limit of the latter, as a score; cards of earlier programs have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<f64>,
    },
}

impl std::fmt::Display for TrustVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotTested => f.write_str("not tested"),
            Self::Tested { study, interval, limit } => {
                let interval = interval.map_or("no verdict", IntervalVerdict::words);
                write!(f, "{} by the study's rule; {interval} by interval and margin", study.words())?;
                limit.map_or(Ok(()), |limit| write!(f, ", limit {}", number(Some(limit))))
            }
        }
    }
}

impl TrustCard {
    /// The card of a network or method that no benchmark knows.
    pub fn not_tested() -> Self {
        Self { lines: Test::ALL.into_iter().map(|test| TrustLine::not_tested(test, "was not tested")).collect() }
    }

    /// Whether any test has a verdict.
    pub fn is_tested(&self) -> bool {
        self.lines.iter().any(|line| line.verdict != TrustVerdict::NotTested)
    }
}

impl TrustLine {
    fn not_tested(test: Test, why: &str) -> Self {
        let sentence = format!("{} {why} for this method on this network.", test_title(test));
        Self { test, verdict: TrustVerdict::NotTested, sentence }
    }
}

/// What a run found for `method` on the network whose weights have the hash `model_sha256`, one line a test. Tests in
/// which that network did not take part are not tested, whatever its replicates did.
pub fn trust_card(analysis: &Analysis, model_sha256: &str, method: &str) -> TrustCard {
    let networks: Vec<&TestedModel> =
        analysis.models.iter().filter(|model| model.sha256.eq_ignore_ascii_case(model_sha256)).collect();
    let line = |test: Test| {
        if !networks.iter().any(|network| network.tests.contains(&test)) {
            return TrustLine::not_tested(test, "was not tested");
        }
        let Some(metric) = analysis.primary(test) else { return TrustLine::not_tested(test, "was not tested") };
        let Some(finding) = metric.finding(method) else { return TrustLine::not_tested(test, "was not tested") };
        let Some(study) = finding.study else {
            return TrustLine { test, verdict: TrustVerdict::NotTested, sentence: finding.sentence.clone() };
        };
        let mut sentence = finding.sentence.clone();
        if analysis.units[0] < analysis.units[1] {
            sentence.push_str(" The run is not finished.");
        }
        let limit = finding.limit.as_ref().map(|limit| limit.score);
        TrustLine { test, verdict: TrustVerdict::Tested { study, interval: finding.interval, limit }, sentence }
    };
    TrustCard { lines: Test::ALL.into_iter().map(line).collect() }
}

/// Cards of all networks and methods of a run, in a small file beside its database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrustFile {
    /// Not for diagnosis.
    notice: String,
    /// What has to be known before any of it is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caution: Option<String>,
    /// Layout.
    format: u32,
    /// Names the run.
    pub run_id: String,
    /// Its preset.
    pub preset: Preset,
    /// Units done and in all.
    pub units: [usize; 2],
    /// Fewest and most images behind a test of the run; files of earlier programs do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<[usize; 2]>,
    /// Whether it is part of the program, and no run of the user's; not in the file.
    #[serde(skip)]
    pub is_shipped: bool,
    /// The cards.
    pub cards: Vec<TrustEntry>,
}

/// The card of a network and a method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrustEntry {
    /// Hash of the network's weights.
    pub model_sha256: String,
    /// The method, such as `XRAI`.
    pub method: String,
    /// What was found.
    pub card: TrustCard,
}

/// Why cards cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file system.
    #[error("the file of trust cards {operation} ({}): {}", files::words(source), path.display())]
    File {
        /// What failed, as the rest of a sentence.
        operation: &'static str,
        /// The system's words.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// What the file says.
    #[error("the file of trust cards cannot be used: {problem}; make it anew with `saliscope benchmark report`: {}", path.display())]
    Content {
        /// What is wrong.
        problem: String,
        /// The file.
        path: PathBuf,
    },
}

impl TrustError {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::File { path, .. } | Self::Content { path, .. } => path,
        }
    }

    /// What is wrong, without the name of the file, whose folder may be a patient's name.
    pub fn without_path(&self) -> String {
        match self {
            Self::File { operation, source, .. } => format!("the file of trust cards {operation} ({source})"),
            Self::Content { problem, .. } => format!("the file of trust cards cannot be used: {problem}"),
        }
    }
}

impl TrustFile {
    /// Cards of every network that explains (localizers do not) and every judged method.
    pub fn of(analysis: &Analysis) -> Self {
        let mut methods: Vec<&str> = Vec::new();
        for finding in analysis.metrics.iter().flat_map(|metric| &metric.findings) {
            if finding.role.is_judged() && !methods.contains(&finding.method.as_str()) {
                methods.push(&finding.method);
            }
        }
        let networks = analysis.models.iter().filter(|model| model.role != "localizer");
        let cards = networks.flat_map(|network| {
            methods.iter().map(|method| TrustEntry {
                model_sha256: network.sha256.clone(),
                method: (*method).to_owned(),
                card: trust_card(analysis, &network.sha256, method),
            })
        });
        Self {
            notice: NOT_FOR_DIAGNOSIS.to_owned(),
            caution: analysis.caution.map(str::to_owned),
            format: FORMAT,
            run_id: analysis.run_id.clone(),
            preset: analysis.preset,
            units: analysis.units,
            images: images(analysis),
            is_shipped: false,
            cards: cards.collect(),
        }
    }

    /// What stands above a card: from which run it is.
    pub fn origin(&self) -> String {
        let images = match self.images {
            Some([fewest, most]) if fewest == most => format!(", {}", count(most, "image")),
            Some([fewest, most]) => format!(", {fewest} to {}", count(most, "image")),
            None => String::new(),
        };
        let (preset, run) = (self.preset, self.run_id.get(..8).unwrap_or(&self.run_id));
        if self.is_shipped {
            format!("shipped with the program: run {run} on generated images alone, preset {preset}{images}")
        } else {
            format!("run {run}, preset {preset}{images}")
        }
    }

    /// Where the cards of a database lie.
    pub fn beside(database: &Path) -> PathBuf {
        database.with_file_name(FILE_NAME)
    }

    /// The card of a network and a method, where there is one.
    pub fn find(&self, model_sha256: &str, method: &str) -> Option<&TrustCard> {
        let entry = self
            .cards
            .iter()
            .find(|entry| entry.method == method && entry.model_sha256.eq_ignore_ascii_case(model_sha256));
        entry.map(|entry| &entry.card)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is too large, of a newer layout or no file of trust cards.
    pub fn read(path: &Path) -> Result<Self, TrustError> {
        let failed = |error: files::Error| TrustError::File {
            operation: "cannot be read",
            source: error.into(),
            path: path.to_owned(),
        };
        let refuse = |problem: String| TrustError::Content { problem, path: path.to_owned() };
        let bytes = files::read(path, limits::TRUST_BYTES).map_err(failed)?;
        Self::parsed(&bytes).map_err(refuse)
    }

    /// Reads the bytes of a file, or says what is wrong with them.
    pub(in super::super) fn parsed(bytes: &[u8]) -> Result<Self, String> {
        let file: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if file.format != FORMAT {
            return Err(format!("its layout is {}, this program reads {FORMAT}", file.format));
        }
        Ok(file)
    }

    /// Writes the file whole or not at all, in the place of an older one. Any other file of that name stays.
    ///
    /// # Errors
    ///
    /// A file that cannot be written, or a name that something else has.
    pub fn write(&self, path: &Path) -> Result<(), TrustError> {
        let write = || {
            place::check(path, Taken::Replaced)?;
            if path.symlink_metadata().is_ok() && !is_earlier(path)? {
                let text = "a file that holds no trust cards of this program has that name: move it away";
                return Err(std::io::Error::new(std::io::ErrorKind::AlreadyExists, text));
            }
            let mut json = serde_json::to_vec_pretty(self)?;
            json.push(b'\n');
            let file = files::stage(path, Readers::Usual, |file| file.write_all(&json))?;
            place::place_staged(file, path, Taken::Replaced).map(drop)
        };
        write().map_err(|source| TrustError::File { operation: "cannot be written", source, path: path.to_owned() })
    }
}

/// Fewest and most images behind a test by its deciding metric, over the methods that have most.
fn images(analysis: &Analysis) -> Option<[usize; 2]> {
    let of = |metric: &MetricAnalysis| {
        let judged = metric.findings.iter().filter(|finding| finding.role.is_judged());
        judged.map(|finding| finding.summary.images).max().filter(|images| *images > 0)
    };
    let found: Vec<usize> = analysis.metrics.iter().filter(|metric| metric.primary).filter_map(of).collect();
    Some([found.iter().copied().min()?, found.iter().copied().max()?])
}

/// Whether a file is one of trust cards, of this layout or an older one.
fn is_earlier(path: &Path) -> std::io::Result<bool> {
    let bytes = match files::read(path, limits::TRUST_BYTES) {
        Err(files::Error::TooLarge { .. }) => return Ok(false),
        read => read?,
    };
    // What is no JSON is no file of ours.
    let Ok(found) = serde_json::from_slice::<serde_json::Value>(&bytes) else { return Ok(false) };
    let layout = found.get("format").and_then(serde_json::Value::as_u64);
    let has_run = found.get("run_id").is_some_and(serde_json::Value::is_string);
    Ok(has_run && layout.is_some_and(|layout| layout <= u64::from(FORMAT)))
}
