//! The program without a command: the embedded demo, computed without a window.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use super::arguments::{Machine, Wanted};
use super::error::{Error, Result};
use super::explain::Work;
use super::interrupt::Interrupt;
use super::output::Output;
use super::request::Choices;
use super::study_image::StudyImage;
use crate::demo;
use crate::phantom;
use crate::radiograph::{Radiograph, ValueScale};
use crate::saliency::Preset;

/// The classifier that explains the first case.
const MODEL: &str = "pneumothorax_inception_v3_1";

/// Where the results go, below the current folder.
const FOLDER: &str = "saliscope-demo";

/// Explains a generated radiograph by an embedded network with all eight methods; `reason` says why there is no window.
pub(super) fn run(reason: &str) -> Result<()> {
    let started = Instant::now();
    let say = |line: &str| {
        let _ = writeln!(std::io::stderr(), "{line}");
    };
    say(&format!("no window can be opened: {reason}"));
    say("the demo is computed instead: a generated radiograph, explained by a network that is part of the program");
    let interrupt = Interrupt::listen();
    let Some(network) = demo::model(MODEL) else { unreachable!("the list of demo models has its first") };
    let mut model = network.open()?;
    let phantom = phantom::generate(&demo::FIRST_CASE);
    let gray = phantom.gray.into_iter().map(f32::from).collect();
    let radiograph = Radiograph::new(phantom.size_px, phantom.size_px, gray, ValueScale::Gray);
    let image = StudyImage::of(0, &radiograph, &model)?;
    let choices = Choices {
        methods: &[Wanted::All],
        preset: Preset::Recommended,
        class: None,
        parameters: None,
        set: &[],
        seed: 0,
        batch: None,
    };
    let images = [image];
    let request = choices.request(&model, &images)?;
    let mut output = Output::prepare(Path::new(FOLDER))?;
    let machine = Machine::default();
    let work = Work { name: MODEL, images: &images, request: &request, machine: &machine, started, interrupt };
    work.explain_into(&mut output, &mut model)?;
    output.publish()?;
    let mut out = std::io::stdout();
    for (file, content) in [
        ("panel.png", "the radiograph and its eight maps"),
        ("maps.npz", "the maps as numbers"),
        ("explain.json", "where each map came from"),
    ] {
        writeln!(out, "{FOLDER}/{file}: {content}").map_err(Error::Stdout)?;
    }
    say("`saliscope --help` lists the commands. Research use - not for diagnosis.");
    Ok(())
}
