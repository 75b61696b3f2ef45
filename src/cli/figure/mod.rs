//! `saliscope figure`: a figure from a specification, for papers and talks.

mod build;
mod earlier;
mod fields;
mod kept;
mod spec;

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::arguments::Machine;
use super::error::{Error, Result};
use super::interrupt::Interrupt;
use super::output_file::same_file;
use super::{caution, print_json, runtime};
use crate::export;
use crate::figure::Format;
use crate::saliency::Method;
use crate::{files, limits};
use spec::{DEMO_CASE, Spec, TruthSpec};

/// What a specification may say; `BEYOND` stands for the line of methods beyond the study.
const HELP: &str = "\\
The specification is a JSON object; paths in it begin at its own folder:
  template      single_case: the radiograph, and one map over it
                method_grid: the radiograph and its maps by several methods, scores below
                model_grid: a row a model, a column a method (the study's Figure 4)
                cascade_row: a row a method, a column a state of a randomized network (Figure 3B)
  image         DICOM, PNG, JPEG, TIFF or NPY, or demo:case
  models        list of files or demo:NAME; they compute the maps
  maps          instead of models: the folder that `saliscope explain` wrote, or for cascade_row
                `saliscope cascade`, or that of one image in it; or an .npz file. What the run says
                of model, class, preset and range is read beside the maps; of a run of several
                images those of this image are taken, by its pixels
  methods       list such as [\"GRAD\", \"GCAM\"]; the study's eight without it
BEYOND
  states        of cascade_row, list of names; all without it
  preset        arun2021 or recommended (without it)
  class         predicted, positive or an index; as the preset says without it
  parameters    object such as {\"sg\": {\"samples\": 10}}
  seed          of the noise, 0 without it
  truth         {\"mask\": \"mask.png\"} (above 127 is marked) or {\"boxes\": [[x, y, width, height], ...]} in pixels of the
                image: drawn in yellow, and scores of the maps against it
  display       object: colour_map (inferno, magma, viridis, cividis, gray, jet), opacity 0 to 1, opacity_by_value
                (true: weak values let the radiograph through), threshold 0 to 1, contours (list of levels),
                smooth, window [centre, width] or percentiles [black, white], inverted
  width         in mm (60 to 841) or single (85), wide_single (89), one_and_a_half (120), double (178),
                wide_double (183, without it)
  dpi           72 to 1200, 300 without it; pictures in PDF and SVG are as fine
  columns       of method_grid, 3 without it
  headline      instead of the one that names the class explained
  row_labels    of model_grid and cascade_row, one a row
  identity      true: the patient's name and number are shown; false without it

Examples:
  saliscope figure figure_4.json --out figure_4.pdf
  with {\"template\": \"model_grid\", \"image\": \"demo:case\", \"methods\": [\"GRAD\", \"GCAM\"], \"width\": \"double\",
        \"models\": [\"demo:pneumothorax_inception_v3_1\", \"demo:pneumothorax_inception_v3_2\"]}

Exit codes: 0 done, 1 the work failed, 2 usage. Research use - not for diagnosis.";

fn help() -> String {
    let beyond: Vec<&str> = Method::beyond_study().map(Method::name).collect();
    let line = format!("                beyond the study, by name only: {}\n", beyond.join(", "));
    HELP.replace("BEYOND\n", if beyond.is_empty() { "" } else { &line })
}

/// Draws a figure for a paper from a specification in JSON.
///
/// Writes the figure and, under the same name with the ending .record.json, its record: program version, hashes of model and image,
/// parameters, seed, scores, display. Both are anonymous unless the specification asks for the image's identity, and appear
/// together or not at all.
#[derive(Debug, Args)]
#[command(after_long_help = help())]
pub(super) struct Arguments {
    /// The specification
    #[arg(value_name = "SPEC.json")]
    spec: PathBuf,
    /// The figure: .png, .svg or .pdf; replaced where it is there already, as is its record, unless they are read-only
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    machine: Machine,
}

/// The line printed when all is done.
#[derive(Serialize)]
struct Summary {
    figure: String,
    record: String,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { spec: path, out, machine } = arguments;
    runtime::begin(&machine.options())?;
    let interrupt = Interrupt::listen();
    let spec = read(path)?;
    let extension = out.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let Some(format) = Format::of_extension(extension, spec.page.dpi) else {
        return Err(Error::Usage("--out: the name ends in .png, .svg or .pdf".to_owned()));
    };
    refuse_replacing_inputs(path, &spec, out)?;
    // Better before the work than after it.
    export::check_figure_names(out)?;
    let figure = build::figure(&spec, machine, &interrupt)?;
    caution::tell(figure.record.caution.as_deref());
    interrupt.check()?;
    let [figure, record] = export::figure(&figure.template, spec.page, format, &figure.record, out)?;
    let shown = |path: PathBuf| path.to_string_lossy().into_owned();
    print_json(&Summary { figure: shown(figure), record: shown(record) })
}

fn read(path: &Path) -> Result<Spec> {
    let refuse = |problem: String| Error::File { what: "the specification", problem, path: path.to_owned() };
    let json = files::read(path, limits::TEXT_BYTES).map_err(|error| refuse(error.to_string()))?;
    Spec::parse(&json, path.parent().unwrap_or(Path::new(""))).map_err(refuse)
}

/// A figure must not take the place of what it is made from.
fn refuse_replacing_inputs(path: &Path, spec: &Spec, out: &Path) -> Result<()> {
    let record = export::record_path(out);
    let mask = match &spec.truth {
        Some(TruthSpec::Mask(mask)) => Some(mask.as_path()),
        _ => None,
    };
    let kept = spec.maps.as_deref().map(|maps| earlier::files_of(spec, maps)).unwrap_or_default();
    let inputs =
        [path, &spec.image].into_iter().chain(mask).chain(spec.models.iter().chain(&kept).map(PathBuf::as_path));
    for input in inputs.filter(|input| input.as_os_str() != DEMO_CASE) {
        if same_file(input, out) || same_file(input, &record) {
            return Err(Error::Usage(
                "--out: the figure or its record (the same name with the ending .record.json) would replace a file it is made \
                 from; choose another name"
                    .to_owned(),
            ));
        }
    }
    Ok(())
}
