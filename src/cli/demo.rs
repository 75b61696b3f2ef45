//! The program without a command: the embedded demo, computed without a window.

use std::path::Path;
use std::time::Instant;

use super::arguments::{Machine, Wanted};
use super::console;
use super::error::Result;
use super::explain::Work;
use super::interrupt::Interrupt;
use super::output::Output;
use super::request::Choices;
use super::study_image::StudyImage;
use crate::demo;
use crate::export::score_lines;
use crate::saliency::Preset;

/// The classifier that explains the first case.
const MODEL: &str = "pneumothorax_inception_v3_1";

/// Where the results go, below the current folder.
const FOLDER: &str = "saliscope-demo";

/// Explains a generated radiograph by an embedded network with all eight methods; `reason` says why there is no window.
pub(super) fn run(reason: &str) -> Result<()> {
    let started = Instant::now();
    let say = |line: &str| console::tell(line);
    say(&format!("no window can be opened: {reason}"));
    say("the demo is computed instead: a generated radiograph, explained by a network that is part of the program");
    let interrupt = Interrupt::listen();
    let Some(network) = demo::model(MODEL) else { unreachable!("the list of demo models has its first") };
    let mut model = network.open()?;
    let source = super::source::first_case();
    let image = StudyImage::of(0, &source.image.radiograph, &model)?;
    let choices = Choices {
        methods: &[Wanted::All],
        preset: Preset::default(),
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
    let work = Work {
        name: MODEL,
        images: &images,
        sources: &|_| Ok(super::source::first_case()),
        request: &request,
        machine: &machine,
        dicom: None,
        started,
        interrupt,
    };
    let explanations = work.explain_into(&mut output, &mut model)?;
    output.publish()?;
    let mut lines = Vec::new();
    for (file, content) in [
        ("panel.png", "the radiograph, its eight maps, and how well each finds the pneumothorax (yellow)"),
        ("panel.pdf", "the same for print"),
        ("maps.npz", "the maps as numbers"),
        ("explain.json", "where each map came from, and its scores"),
    ] {
        lines.push(format!("{FOLDER}/{file}: {content}\n"));
    }
    for explanation in &explanations {
        for (map, scores) in explanation.maps.iter().zip(source.scores(explanation)) {
            let scores = scores.map_or_else(String::new, |scores| score_lines(&scores).join(", "));
            lines.push(format!("{:5} {scores}\n", map.method));
        }
    }
    console::print(&lines.concat())?;
    say("`saliscope --help` lists the commands. Research use - not for diagnosis.");
    Ok(())
}
