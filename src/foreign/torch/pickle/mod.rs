//! The subset of Python's pickle format that checkpoints and whole modules need. Names of functions and classes are looked
//! at and never called: a tensor, an ordered dictionary, and everything else an inert instance with the state it would
//! have been given.
//!
//! Objects live in one list and refer to each other by position, so that no depth of nesting costs stack.

mod call;
mod machine;

use std::rc::Rc;

use super::super::error::{Error, Result};

/// Position of an object.
pub(super) type Id = u32;

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    /// `None`, bytes, sets: nothing that a checkpoint is read for.
    Other,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// A tuple or a list.
    Sequence(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// `module.name` of a class or function.
    Global(Rc<str>),
    Storage(Rc<Storage>),
    Tensor(Tensor),
    Instance(Instance),
}

/// What a class or function that is not called would have made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Instance {
    /// `module.name`.
    pub(super) class: Rc<str>,
    /// What it would have been given as its state, often a dictionary of its attributes.
    pub(super) state: Option<Id>,
    /// What was put into it, where its class is a kind of dictionary.
    pub(super) entries: Vec<(Id, Id)>,
}

/// The memory of one or more tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    /// Name of its class, such as `FloatStorage`.
    pub(super) class: Rc<str>,
    /// Its name in the archive.
    pub(super) key: Rc<str>,
    /// Where a view of a part begins, in elements; 0 for a whole storage.
    pub(super) offset: usize,
    /// Number of elements.
    pub(super) count: usize,
    /// Number of elements of the whole storage, of which this may be a view.
    pub(super) whole: usize,
}

/// A view of a storage; offset and strides in elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) storage: Rc<Storage>,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// All objects of a pickle.
#[derive(Debug)]
pub(super) struct Pickle {
    objects: Vec<Object>,
    root: Id,
}

impl Pickle {
    /// Reads one pickle; what follows it does not matter.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        Self::parse_first(bytes).map(|(pickle, _)| pickle)
    }

    /// Reads the first of several pickles, and gives the bytes behind it.
    pub(super) fn parse_first(bytes: &[u8]) -> Result<(Self, &[u8])> {
        machine::run(bytes)
    }

    pub(super) fn root(&self) -> Id {
        self.root
    }

    pub(super) fn get(&self, id: Id) -> &Object {
        &self.objects[id as usize]
    }

    /// All objects, in the order they were made.
    pub(super) fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The entries of a dictionary whose keys are text; none for other objects.
    pub(super) fn entries(&self, id: Id) -> impl Iterator<Item = (&str, Id)> {
        let entries = match self.get(id) {
            Object::Dict(entries) | Object::Instance(Instance { entries, .. }) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().filter_map(|(key, value)| {
            if let Object::Text(key) = self.get(*key) { Some((key.as_str(), *value)) } else { None }
        })
    }

    /// The last value under `key` of a dictionary.
    pub(super) fn value(&self, id: Id, key: &str) -> Option<Id> {
        self.entries(id).filter(|(name, _)| *name == key).last().map(|(_, value)| value)
    }

    /// The attributes of an instance, as a dictionary; its state may be a pair of that and slots.
    pub(super) fn attributes(&self, id: Id) -> Option<Id> {
        let Object::Instance(Instance { state: Some(state), .. }) = self.get(id) else { return None };
        match self.get(*state) {
            Object::Dict(_) => Some(*state),
            Object::Sequence(items) => {
                items.first().copied().filter(|first| matches!(self.get(*first), Object::Dict(_)))
            }
            _ => None,
        }
    }

    /// An attribute of an instance.
    pub(super) fn attribute(&self, id: Id, name: &str) -> Option<&Object> {
        self.attributes(id).and_then(|state| self.value(state, name)).map(|value| self.get(value))
    }
}

fn damaged<T>(problem: impl Into<String>) -> Result<T> {
    Err(Error::Damaged { format: "PyTorch", problem: problem.into() })
}
