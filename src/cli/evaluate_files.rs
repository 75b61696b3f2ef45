//! What `evaluate --out` writes: the report, and of a classifier its curves as figures and tables.

use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use super::evaluate::Report;
use super::output::Output;
use super::report::VERSION;
use crate::evaluation::{self, Plots, Scores, calibration_csv, curve_csv};
use crate::figure::{Format, UnitPlot};

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
    let undefined = |problem| Error::Evaluation(evaluation::Error::Curves { problem });
    if let Some(plots) = Plots::new(report.evaluation, &details(report, sha256), report.caution).map_err(undefined)? {
        for (name, plot) in [
            ("roc", &plots.receiver_operating_characteristic),
            ("precision_recall", &plots.precision_recall),
            ("calibration", &plots.calibration),
        ] {
            write_figure(&mut output, name, plot)?;
        }
        let curve = curve_csv(&report.evaluation.outcomes).map_err(undefined)?;
        output.write(Path::new("curve.csv"), curve.as_bytes())?;
    }
    if let Scores::Classifier(scores) = &report.evaluation.scores
        && let Some(calibration) = &scores.calibration
    {
        output.write(Path::new("calibration.csv"), calibration_csv(calibration).as_bytes())?;
    }
    output.publish()
}

/// What stands below the headline of each figure.
fn details(report: &Report<'_>, sha256: &str) -> Vec<String> {
    let (model, evaluation) = (&report.model, report.evaluation);
    let hash = sha256.get(..8).unwrap_or_default();
    let class = model.card.positive_class.and_then(|class| model.card.classes.get(class));
    let finding = class.map(|name| format!("Finding: {name}. ")).unwrap_or_default();
    vec![
        format!(
            "{finding}{} split of a cohort ({}): {} cases, {} with the finding.",
            evaluation.split, report.cohort, evaluation.cases, evaluation.positives
        ),
        format!(
            "Model “{}”, {}, SHA-256 {hash}…  ·  {} resamples, seed {}  ·  saliscope {VERSION}",
            model.name, model.card.architecture, evaluation.resamples, evaluation.bootstrap_seed
        ),
    ]
}

fn write_figure(output: &mut Output, name: &str, plot: &UnitPlot) -> Result<()> {
    let scene = plot.scene()?;
    for format in [Format::Svg, Format::Pdf, Format::Png { dpi: PNG_DPI }] {
        let path = PathBuf::from(name).with_extension(format.extension());
        output.write(&path, &format.encode(&scene, WIDTH_MM)?)?;
    }
    Ok(())
}
