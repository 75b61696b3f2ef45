//! Synthetic chest radiographs with known findings: demonstration data that belong to nobody.
//!
//! A phantom is a map of water-equivalent thickness, exposed on a simple detector. Geometry is drawn before anything is
//! painted, in a frame that spans -1 to 1, so one `(seed, index)` shows the same patient at every size; each part draws
//! from a stream of its own, so the same `(seed, index)` with and without a finding is the same patient with the same
//! devices, exposure and window. Phantoms teach a network to find these phantoms' findings, nothing else.

mod blur;
mod body;
mod bones;
mod brush;
mod cohort;
mod curve;
mod detector;
mod devices;
pub mod export;
mod frame;
mod labels;
mod lungs;
mod organs;
mod patient;
mod pneumonia;
mod pneumothorax;
mod raster_box;
mod stream;
mod texture;
mod thickness;
mod vessels;

use std::ops::RangeInclusive;

use body::Body;
use bones::Bones;
use brush::Brush;
use detector::Detector;
use devices::Equipment;
use frame::{CM_PER_UNIT, Frame, Pose};
use labels::Labels;
use lungs::Lungs;
use organs::Organs;
use pneumonia::Pneumonia;
use pneumothorax::Pneumothorax;
use stream::{Purpose, Stream};
use texture::Texture;
use thickness::{Anatomy, Layers};
use vessels::Vessels;

use crate::limits;
use crate::truth::{FindingBox, Mask, Task};
pub use cohort::{PhantomCohort, Split};
pub use devices::Devices;
pub use patient::{Patient, Sex, View};

/// What a phantom has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Nothing.
    None,
    /// Air in the pleural space of one side; truth is a mask.
    Pneumothorax,
    /// One or two opacities; truth is boxes.
    Pneumonia,
}

impl Finding {
    /// Those that are something, with their names.
    pub const TASKS: [(Task, Self); 2] = [(Task::PNEUMONIA, Self::Pneumonia), (Task::PNEUMOTHORAX, Self::Pneumothorax)];

    /// The task it is positive for.
    pub fn task(self) -> Option<Task> {
        match self {
            Self::None => None,
            Self::Pneumothorax => Some(Task::PNEUMOTHORAX),
            Self::Pneumonia => Some(Task::PNEUMONIA),
        }
    }

    /// Its name; nothing where it is nothing.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Pneumothorax => Some("pneumothorax"),
            Self::Pneumonia => Some("pneumonia"),
        }
    }

    /// The finding that a task looks for; nothing where phantoms do not have it.
    pub fn of_task(task: &Task) -> Option<Self> {
        Self::TASKS.into_iter().find(|(known, _)| known.is_called(task.name())).map(|(_, finding)| finding)
    }
}

/// Which phantom to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct PhantomSpec {
    /// Seed of the cohort.
    pub seed: u64,
    /// Number of the patient in the cohort.
    pub index: u64,
    /// Rows and columns, within [`PhantomSpec::SIZES_PX`].
    pub size_px: usize,
    /// What the patient has.
    pub finding: Finding,
}

impl PhantomSpec {
    /// Sizes that can be made.
    pub const SIZES_PX: RangeInclusive<usize> = limits::PHANTOM_SIDE_PX.least..=limits::PHANTOM_SIDE_PX.most;

    fn stream(&self, purpose: Purpose) -> Stream {
        Stream::new(self.seed, self.index, purpose)
    }
}

/// A synthetic radiograph and what there is to find on it.
#[derive(Clone, Debug)]
pub struct Phantom {
    /// Rows and columns.
    pub size_px: usize,
    /// Gray levels, `[size_px, size_px]`, row-major; 0 is black and little attenuation.
    pub gray: Vec<u8>,
    /// The same before rounding, 0 to 255, for files of more than 8 bits.
    pub levels: Vec<f32>,
    /// What the patient has.
    pub finding: Finding,
    /// Pixels of the pneumothorax, where there is one.
    pub mask: Option<Mask>,
    /// Boxes around the opacities of pneumonia; those of a side that overlap are one.
    pub boxes: Vec<FindingBox>,
    /// Who it is.
    pub patient: Patient,
    /// What lies on or in the patient, whatever the finding.
    pub devices: Devices,
    /// Distance between pixels in the patient, in mm.
    pub pixel_spacing_mm: f64,
}

/// Makes a phantom, a pure function of `spec`.
///
/// # Panics
/// When the size is outside [`PhantomSpec::SIZES_PX`].
pub fn generate(spec: &PhantomSpec) -> Phantom {
    assert!(PhantomSpec::SIZES_PX.contains(&spec.size_px), "phantoms have 128 to 2048 rows, not {}", spec.size_px);
    let patient = Patient::draw(&mut spec.stream(Purpose::Patient));
    let body = Body::draw(&mut spec.stream(Purpose::Body), &patient);
    let lungs = Lungs::draw(&mut spec.stream(Purpose::Lungs), &body, &patient);
    let vessels = Vessels::draw(&mut spec.stream(Purpose::Vessels), &lungs);
    let bones = Bones::draw(&mut spec.stream(Purpose::Bones), &lungs, &body, &patient);
    let organs = Organs::draw(&mut spec.stream(Purpose::Organs), &lungs, &patient);
    let equipment = Equipment::draw(&mut spec.stream(Purpose::Devices), &lungs, &body, &patient);
    let labels = Labels::draw(&mut spec.stream(Purpose::Labels), &patient);
    let mut texture = spec.stream(Purpose::Texture);
    let tissue = Texture::draw(&mut texture, 7.0, 3, 0.5);
    let parenchyma = [Texture::draw(&mut texture, 24.0, 4, 0.62), Texture::draw(&mut texture, 7.0, 1, 1.0)];

    let frame = Frame::new(spec.size_px, Pose::draw(&mut spec.stream(Purpose::Pose)));
    let mut brush = Brush::default();
    let anatomy = Anatomy { body: &body, lungs: &lungs, vessels: &vessels, bones: &bones, organs: &organs };
    let layers = Layers::new(&frame, &mut brush, &anatomy, &equipment, tissue, parenchyma);

    let mut exposure = spec.stream(Purpose::Detector);
    let detector = Detector::draw(&mut exposure);
    let healthy_cm = layers.healthy_cm();
    let tone = detector.tone(&frame, &healthy_cm);
    let (mut mask, mut boxes) = (None, Vec::new());
    let thickness_cm = match spec.finding {
        Finding::None => healthy_cm,
        Finding::Pneumothorax => {
            let pneumothorax = Pneumothorax::draw(&mut spec.stream(Purpose::Pneumothorax), &lungs);
            let (thickness_cm, found) = layers.with_pneumothorax(&frame, &lungs, &pneumothorax);
            mask = Some(found);
            thickness_cm
        }
        Finding::Pneumonia => {
            let pneumonia = Pneumonia::draw(&mut spec.stream(Purpose::Pneumonia), &lungs);
            let opacity = pneumonia.raster(&frame, &mut brush, |pixel| layers.inside[pixel]);
            boxes = opacity.boxes.iter().map(|pixels| FindingBox::from(*pixels)).collect();
            layers.with_opacity(&opacity)
        }
    };
    let mut levels = detector.expose(spec.size_px, &thickness_cm, &tone, &mut exposure);
    labels.write_on(&frame, &mut brush, &mut levels);
    for level in &mut levels {
        *level *= 255.0;
    }
    Phantom {
        size_px: spec.size_px,
        gray: levels.iter().map(|level| level.round() as u8).collect(),
        levels,
        finding: spec.finding,
        mask,
        boxes,
        patient,
        devices: equipment.shown,
        pixel_spacing_mm: f64::from(CM_PER_UNIT) * 20.0 / spec.size_px as f64,
    }
}
