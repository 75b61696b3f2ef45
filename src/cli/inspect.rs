//! `saliscope inspect`: what image files hold, one line of JSON a file.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::error::{Error, Result};
use super::interrupt::Interrupt;
use super::print_json;
use crate::radiograph::Inspection;

/// Prints what image files hold, one line of JSON each.
///
/// Gives kind, size, number format, smallest and largest stored value, their sum and SHA-256; of DICOM files also the
/// transfer syntax, windows, lookup tables, spacing, overlays, the kind of picture and the range after the modality LUT.
/// Says nothing about the patient unless --identity is given. Exit codes: 0 done, 1 a file could not be read, 2 usage.
#[derive(Debug, Args)]
#[command(after_help = "\
The SHA-256 is that of the stored values of the frame (before any lookup table or window) as little-endian 32-bit
integers, row by row, the samples of a pixel together: gray as decoded, with only the stored bits and their sign;
colour as red, green, blue (YBR is converted, palettes are not looked up); PNG, JPEG and TIFF with every channel of the
file; NPY of floating-point type as little-endian 32-bit floats.

Examples:
  saliscope inspect chest.dcm
  saliscope inspect folder/*.dcm | jq -r 'select(.error) | .file'

A file that cannot be read gives a line with \"error\", and the others go on.
Research use - not for diagnosis.")]
pub(super) struct Arguments {
    /// Radiographs: DICOM, PNG, JPEG, TIFF or NPY
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Frame to look at, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    frame: usize,
    /// Print the patient's name, id and dates, and the UIDs, too; what cannot be decoded is marked and listed
    #[arg(long)]
    identity: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    file: std::borrow::Cow<'a, str>,
    #[serde(flatten)]
    found: Found,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Found {
    Image(Box<Inspection>),
    Nothing { error: String },
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let interrupt = Interrupt::listen();
    let mut unread = 0;
    for path in &arguments.files {
        interrupt.check()?;
        let found = match Inspection::open(path, arguments.frame, arguments.identity) {
            Ok(inspection) => Found::Image(Box::new(inspection)),
            Err(error) => Found::Nothing { error: error.problem.to_string() },
        };
        let is_unread = match &found {
            Found::Image(inspection) => inspection.error.is_some(),
            Found::Nothing { .. } => true,
        };
        unread += usize::from(is_unread);
        print_json(&Line { file: path.to_string_lossy(), found })?;
    }
    if unread > 0 { Err(Error::Unread { unread, files: arguments.files.len() }) } else { Ok(()) }
}
