//! Decodes frames of DICOM files for scripts that compare or time them with pydicom.
//!
//! `dicom_frame values FILE FRAME`: stored values (`i32`), values of the modality (`f32`) and gray for display (`f32`),
//! one after the other, little endian, on standard output.
//! `dicom_frame time FILE REPEATS`: seconds from the bytes of the file to gray for display, one number a repeat.

#![allow(clippy::print_stdout, reason = "numbers are the output of this program")]

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use saliscope::radiograph::dicom::{DicomImage, VoiChoice};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [task, file, number] = arguments.as_slice() else { return Err("values|time FILE NUMBER".into()) };
    let number: usize = number.parse()?;
    if task == "time" {
        let bytes = std::fs::read(file)?;
        for _ in 0..number {
            let copy = bytes.clone();
            let start = Instant::now();
            let gray = DicomImage::from_bytes(copy)?.frame(0)?.display(&VoiChoice::AsStored)?;
            println!("{}", start.elapsed().as_secs_f64());
            std::hint::black_box(gray);
        }
        return Ok(());
    }
    let frame = DicomImage::open(Path::new(file))?.frame(number)?;
    let stored = frame.stored.values.iter().flat_map(|value| value.to_le_bytes());
    let [modality, display] = [frame.modality_values(), frame.display(&VoiChoice::AsStored)?];
    let reals = modality.iter().chain(&display).flat_map(|value| value.to_le_bytes());
    std::io::stdout().write_all(&stored.chain(reals).collect::<Vec<u8>>())?;
    Ok(())
}
