//! The networks of a run, opened and checked against each other.

use std::path::Path;

use super::error::{Error, Result};
use super::protocol::{Protocol, Test};
use crate::demo;
use crate::evaluation::pair;
use crate::network::{self, Model, ModelKind, Resize};
use crate::truth::Task;

/// What a network is in a run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A replicate whose maps are judged.
    Classifier,
    /// A classifier of another architecture.
    OtherArchitecture,
    /// A network trained to localize: the high baseline.
    Localizer,
}

impl Role {
    /// Its name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
            Self::OtherArchitecture => "other_architecture",
            Self::Localizer => "localizer",
        }
    }
}

/// One network of a run.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name in results, such as `inception_v3_1`; the number counts within its role.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Its position within the role, from 1.
    pub replicate: u32,
    /// The network.
    pub model: Model,
}

impl Subject {
    /// Its place in the protocol.
    fn field(&self) -> String {
        let index = self.replicate as usize - 1;
        match self.role {
            Role::Classifier => format!("models.classifiers[{index}]"),
            Role::OtherArchitecture => "models.other_architecture".to_owned(),
            Role::Localizer => format!("models.localizers[{index}]"),
        }
    }

    /// What its maps are called as a method: `UNET` or `RETINANET`; nothing for classifiers.
    pub fn localizer_method(&self) -> Option<&'static str> {
        match self.model.card.kind {
            ModelKind::Classifier => None,
            ModelKind::Segmentation => Some("UNET"),
            ModelKind::Detection => Some("RETINANET"),
        }
    }
}

/// The networks of a run by their roles.
#[derive(Clone, Debug)]
pub struct Subjects {
    /// Replicates of one architecture.
    pub classifiers: Vec<Subject>,
    /// A classifier of another architecture.
    pub other: Option<Subject>,
    /// Networks that localize.
    pub localizers: Vec<Subject>,
}

impl Subjects {
    /// Opens the networks of a protocol.
    ///
    /// # Errors
    /// When one cannot be read, has the wrong kind for its role, or does not fit the others; the message names its place
    /// in the protocol.
    pub fn open(protocol: &Protocol) -> Result<Self> {
        let models = &protocol.models;
        let list = |field: &str, sources: &[String], role: Role| -> Result<Vec<Subject>> {
            let one = |(index, source): (usize, &String)| open_one(&format!("{field}[{index}]"), source, role, index);
            sources.iter().enumerate().map(one).collect()
        };
        let other = models.other_architecture.as_ref();
        let subjects = Self {
            classifiers: list("models.classifiers", &models.classifiers, Role::Classifier)?,
            other: other
                .map(|source| open_one("models.other_architecture", source, Role::OtherArchitecture, 0))
                .transpose()?,
            localizers: list("models.localizers", &models.localizers, Role::Localizer)?,
        };
        subjects.check(protocol)?;
        Ok(subjects)
    }

    /// All of them: classifiers, the other architecture, localizers.
    pub fn all(&self) -> impl Iterator<Item = &Subject> {
        self.classifiers.iter().chain(&self.other).chain(&self.localizers)
    }

    /// Those whose maps are made, in the order of their numbers in units.
    pub fn explained(&self) -> impl Iterator<Item = &Subject> {
        self.classifiers.iter().chain(&self.other)
    }

    /// `[height, width]` of the maps.
    pub fn size_px(&self) -> [usize; 2] {
        self.classifiers.first().map_or([0, 0], |subject| subject.model.card.input_size)
    }

    /// Has each network judged by its class that is the finding. Gives what was assumed, with the name of the network.
    ///
    /// # Errors
    /// When a card tells of no class that it is the finding.
    pub(super) fn pair(&mut self, task: Option<&Task>) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        let all = self.classifiers.iter_mut().chain(&mut self.other).chain(&mut self.localizers);
        for subject in all {
            notes.extend(pair(&mut subject.model.card, task).map(|note| format!("{}: {note}", subject.name)));
            if subject.model.card.positive_class.is_none() {
                let called = task.map_or_else(String::new, |task| {
                    let classes = subject.model.card.classes.join(", ");
                    format!(", and none of its classes ({classes}) is called {task}")
                });
                let problem = format!("has a card that names no positive class{called}: add `positive_class`");
                return Err(Error::field(subject.field(), problem));
            }
        }
        Ok(notes)
    }

    fn check(&self, protocol: &Protocol) -> Result<()> {
        let Some(first) = self.classifiers.first() else { return Ok(()) };
        for subject in self.all() {
            let field = || subject.field();
            let card = &subject.model.card;
            let classifies = card.kind == ModelKind::Classifier;
            if classifies != (subject.role != Role::Localizer) {
                let problem = match subject.role {
                    Role::Localizer => {
                        format!("is a classifier ({}): a U-Net or a RetinaNet goes here", card.architecture)
                    }
                    _ => {
                        format!(
                            "is no classifier ({}): a network that gives classes of the whole image goes here",
                            card.architecture
                        )
                    }
                };
                return Err(Error::field(field(), problem));
            }
            if card.input_size != first.model.card.input_size {
                let [height, width] = card.input_size;
                let [h, w] = first.model.card.input_size;
                let problem = format!(
                    "reads images of {width}x{height} pixels and the first classifier {w}x{h}: maps of different sizes \
                     cannot be compared"
                );
                return Err(Error::field(field(), problem));
            }
            if card.resize != Resize::Squash {
                let problem = format!(
                    "reads {}, and a benchmark compares maps of whole images: train or convert it for `resize` squash, or leave \
                     it out",
                    card.resize
                );
                return Err(Error::field(field(), problem));
            }
            if card.kind == ModelKind::Classifier
                && let Err(problem) = card.known_output()
            {
                return Err(Error::Model { name: field(), problem: Box::new(problem) });
            }
            let replica = subject.role == Role::Classifier;
            if replica && !same_architecture(&subject.model, &first.model) {
                let problem = format!(
                    "is {} and the first one {}: replicates have one architecture; name the other one in \
                     models.other_architecture",
                    card.architecture, first.model.card.architecture
                );
                return Err(Error::field(field(), problem));
            }
            let twin = self.all().take_while(|other| other.name != subject.name || other.role != subject.role);
            if let Some(twin) = twin.into_iter().find(|other| other.model.sha256 == subject.model.sha256) {
                let problem =
                    format!("has the weights of {}: comparing a network with itself tells nothing", twin.name);
                return Err(Error::field(field(), problem));
            }
        }
        if protocol.tests.contains(&Test::Reproducibility)
            && let Some(other) = &self.other
            && same_architecture(&other.model, &first.model)
        {
            let problem = format!(
                "is {0} as the classifiers are: name one of another architecture",
                first.model.card.architecture
            );
            return Err(Error::field("models.other_architecture", problem));
        }
        Ok(())
    }
}

/// Whether two networks are of one architecture; imported ones are when their graphs are equal.
fn same_architecture(one: &Model, other: &Model) -> bool {
    one.card.architecture == other.card.architecture && (!one.graph.is_imported() || one.graph == other.graph)
}

fn open_one(field: &str, source: &str, role: Role, index: usize) -> Result<Subject> {
    let model = match source.strip_prefix("demo:") {
        Some(name) => {
            let unknown = || Error::field(field, format!("is demo:{name}, but there are only {}", demo::names()));
            demo::model(name).ok_or_else(unknown)?.open()
        }
        None => Model::open(Path::new(source), None),
    };
    let model =
        model.map_err(|problem: network::Error| Error::Model { name: field.to_owned(), problem: Box::new(problem) })?;
    let replicate = index as u32 + 1;
    Ok(Subject { name: format!("{}_{replicate}", model.card.architecture.name()), role, replicate, model })
}
