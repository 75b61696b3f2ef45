//! What `evaluate --out` writes: the report, and of a classifier its curves as figures and tables.

use std::path::{Path, PathBuf};

use super::console;
use super::error::{Error, Result};
use super::evaluate::Report;
use super::output::Output;
use super::report::VERSION;
use crate::evaluation::{self, Evaluation, JudgedOnOne, Plots, calibration_csv, curve_csv};
use crate::figure::{Format, UnitPlot};
use crate::metrics::Bootstrap;

/// Width of a figure on paper: one column and a half of a journal.
const WIDTH_MM: f64 = 120.0;

/// Pixels of a painted figure in an inch.
const PNG_DPI: u32 = 300;

/// Writes all files to a folder, or none.
pub(super) fn write(folder: &Path, report: &Report<'_>, sha256: &str) -> Result<()> {
    let mut output = Output::prepare(folder)?;
    let mut json = serde_json::to_vec_pretty(report).map_err(|error| Error::Output {
        operation: "report cannot be written",
        source: error.into(),
        path: folder.to_owned(),
    })?;
    json.push(b'\n');
    output.write(Path::new("evaluation.json"), &json)?;
    for (index, judged) in report.evaluation.of_each_finding().iter().enumerate() {
        // A folder each; the name of a finding may be anything, so letters and digits of it stand behind its number.
        let place = judged.finding.map_or_else(PathBuf::new, |name| PathBuf::from(folder_name(index, name)));
        match write_curves(&mut output, &place, report, judged, sha256) {
            // The other findings have curves.
            Err(Error::Evaluation(evaluation::Error::Curves { problem })) if judged.finding.is_some() => {
                let name = judged.finding.unwrap_or_default();
                console::tell(format_args!("warning: no curves of {}: {problem}", console::in_line(name)));
            }
            written => written?,
        }
    }
    output.publish()
}

/// The folder of one of several findings, such as `2_pleural_effusion`.
fn folder_name(index: usize, name: &str) -> String {
    let plain = name.chars().map(|sign| if sign.is_ascii_alphanumeric() { sign.to_ascii_lowercase() } else { '_' });
    format!("{}_{}", index + 1, plain.take(40).collect::<String>())
}

/// Figures and tables of a classifier on the cases that tell of one finding.
fn write_curves(
    output: &mut Output,
    place: &Path,
    report: &Report<'_>,
    judged: &JudgedOnOne<'_>,
    sha256: &str,
) -> Result<()> {
    let undefined = |problem| Error::Evaluation(evaluation::Error::Curves { problem });
    let Evaluation { resamples, bootstrap_seed, .. } = *report.evaluation;
    let bootstrap = Bootstrap { resamples, seed: bootstrap_seed };
    let details = details(report, judged, sha256);
    let plots = Plots::new(judged, bootstrap, &details, report.caution).map_err(undefined)?;
    for (name, plot) in [
        ("roc", &plots.receiver_operating_characteristic),
        ("precision_recall", &plots.precision_recall),
        ("calibration", &plots.calibration),
    ] {
        write_figure(output, &place.join(name), plot)?;
    }
    let curve = curve_csv(&judged.outcomes).map_err(undefined)?;
    output.write(&place.join("curve.csv"), curve.as_bytes())?;
    if let Some(calibration) = &judged.scores.calibration {
        output.write(&place.join("calibration.csv"), calibration_csv(calibration).as_bytes())?;
    }
    Ok(())
}

/// What stands below the headline of each figure.
fn details(report: &Report<'_>, judged: &JudgedOnOne<'_>, sha256: &str) -> Vec<String> {
    let (model, evaluation) = (&report.model, report.evaluation);
    let hash = sha256.get(..8).unwrap_or_default();
    let class = model.card.positive_class.and_then(|class| model.card.classes.get(class).map(String::as_str));
    let finding = judged.finding.or(class).map(|name| format!("Finding: {name}. ")).unwrap_or_default();
    let positives = judged.outcomes.iter().filter(|outcome| outcome.positive()).count();
    vec![
        format!(
            "{finding}{} split of a cohort ({}): {} cases, {positives} with the finding.",
            evaluation.split,
            report.cohort,
            judged.outcomes.len()
        ),
        format!(
            "Model “{}”, {}, SHA-256 {hash}…  ·  {} resamples, seed {}  ·  saliscope {VERSION}",
            model.name, model.card.architecture, evaluation.resamples, evaluation.bootstrap_seed
        ),
    ]
}

fn write_figure(output: &mut Output, name: &Path, plot: &UnitPlot) -> Result<()> {
    let scene = plot.scene()?;
    for format in [Format::Svg, Format::Pdf, Format::Png { dpi: PNG_DPI }] {
        let path = name.with_extension(format.extension());
        output.write(&path, &format.encode(&scene, WIDTH_MM)?)?;
    }
    Ok(())
}
