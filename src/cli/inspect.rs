//! `saliscope inspect`: what image files hold, one line of JSON a file.

use clap::Args;
use serde::Serialize;

use super::arguments::Images;
use super::error::{Error, Result};
use super::interrupt::Interrupt;
use super::{images, print_json};
use crate::radiograph::{ImagePlace, Inspection};

/// Prints what image files hold, one line of JSON each. Of a folder, a DICOMDIR and a zip archive, each image has its line.
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
  saliscope inspect cd/DICOMDIR export.zip
  saliscope inspect folder/*.dcm | jq -r 'select(.error) | .file'

A file that cannot be read gives a line with \"error\", and the others go on.
Research use - not for diagnosis.")]
pub(super) struct Arguments {
    #[command(flatten)]
    images: Images,
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
    /// The name inside a zip archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<&'a str>,
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
    let mut files = 0;
    for path in &arguments.images.paths()? {
        interrupt.check()?;
        let places = match images::find(std::slice::from_ref(path), false, &interrupt) {
            Ok(places) => places,
            Err(Error::Radiograph(error)) => {
                (files, unread) = (files + 1, unread + 1);
                let found = Found::Nothing { error: error.problem.to_string() };
                print_json(&Line { file: path.to_string_lossy(), entry: None, found })?;
                continue;
            }
            Err(other) => return Err(other),
        };
        files += places.len();
        for place in &places {
            interrupt.check()?;
            unread += usize::from(!inspect(place, arguments)?);
        }
    }
    if unread > 0 { Err(Error::Unread { unread, files }) } else { Ok(()) }
}

/// Prints what an image holds, and says whether it could be read.
fn inspect(place: &ImagePlace, arguments: &Arguments) -> Result<bool> {
    let found = match Inspection::open_at(place, arguments.frame, arguments.identity) {
        Ok(inspection) => Found::Image(Box::new(inspection)),
        Err(error) => Found::Nothing { error: error.problem.to_string() },
    };
    let is_read = matches!(&found, Found::Image(inspection) if inspection.error.is_none());
    print_json(&Line { file: place.file().to_string_lossy(), entry: place.entry(), found })?;
    Ok(is_read)
}
