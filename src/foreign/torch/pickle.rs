//! The subset of Python's pickle format that state dicts need. Names of functions and classes are looked at and never
//! called: a tensor, an ordered dictionary, and everything else an opaque instance.
//!
//! Objects live in one list and refer to each other by position, so that no depth of nesting costs stack.

use std::collections::HashMap;

use super::super::error::{Error, Result};
use crate::limits;

/// Longest name of a class or of a storage; objects made from it bear copies.
const MAX_NAME_BYTES: usize = 255;
/// Arguments of a call that matter.
const MAX_ARGUMENTS: usize = 16;
/// Position of an object.
pub(super) type Id = u32;

/// One object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    /// `None`, numbers other than integers, bytes, sets: nothing that a state dict is read for.
    Other,
    Int(i64),
    Text(String),
    /// A tuple or a list.
    Sequence(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// `module.name` of a class or function.
    Global(String),
    Storage(Storage),
    Tensor(Tensor),
    /// What a class or function that is not called would have made.
    Instance(String),
}

/// The memory of one or more tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    /// Name of its class, such as `FloatStorage`.
    pub(super) class: String,
    /// Name of its file in the archive.
    pub(super) key: String,
    /// Number of elements.
    pub(super) count: usize,
}

/// A view of a storage; offset and strides in elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) storage: Storage,
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
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let machine = Machine {
            rest: bytes,
            objects: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            copied: 0,
        };
        machine.run()
    }

    pub(super) fn root(&self) -> Id {
        self.root
    }

    pub(super) fn get(&self, id: Id) -> &Object {
        &self.objects[id as usize]
    }

    /// The entries of a dictionary whose keys are text; none for other objects.
    pub(super) fn entries(&self, id: Id) -> impl Iterator<Item = (&str, Id)> {
        let entries = if let Object::Dict(entries) = self.get(id) { entries.as_slice() } else { &[] };
        entries.iter().filter_map(|(key, value)| {
            if let Object::Text(key) = self.get(*key) { Some((key.as_str(), *value)) } else { None }
        })
    }
}

fn damaged<T>(problem: impl Into<String>) -> Result<T> {
    Err(Error::Damaged { format: "PyTorch", problem: problem.into() })
}

struct Machine<'a> {
    rest: &'a [u8],
    objects: Vec<Object>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Entries of lists that were copied into dictionaries.
    copied: usize,
}

impl<'a> Machine<'a> {
    fn run(mut self) -> Result<Pickle> {
        loop {
            let [code] = self.array()?;
            if code == b'.' {
                let root = self.pop()?;
                return Ok(Pickle { objects: self.objects, root });
            }
            self.step(code)?;
            if self.stack.len() > limits::PICKLE_STACK || self.marks.len() > limits::PICKLE_STACK {
                return damaged("its pickle is too deep");
            }
        }
    }

    /// Every op-code of protocols 2 to 4 that `torch.save` and its dictionaries use.
    fn step(&mut self, code: u8) -> Result<()> {
        match code {
            0x80 => self.take(1).map(|_| ()),
            0x95 => self.take(8).map(|_| ()),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(|_| ()),
            b'1' => self.pop_mark().map(|_| ()),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
                Ok(())
            }
            b'N' | 0x88 | 0x89 | 0x8f => self.push(Object::Other),
            b'G' => self.take(8).and_then(|_| self.push(Object::Other)),
            b'F' => self.line().and_then(|_| self.push(Object::Other)),
            b'K' | b'M' | b'J' | b'I' | 0x8a | 0x8b => self.integer(code),
            b'X' | b'T' | b'U' | b'B' | b'C' | 0x8c | 0x8d | 0x8e => self.text(code),
            b')' | b']' => self.push(Object::Sequence(Vec::new())),
            b'}' => self.push(Object::Dict(Vec::new())),
            0x85..=0x87 => {
                let at = self.stack.len().checked_sub(usize::from(code - 0x84));
                let Some(at) = at.filter(|at| *at >= self.floor()) else { return damaged("its pickle lacks objects") };
                let items = self.stack.split_off(at);
                self.push(Object::Sequence(items))
            }
            b't' | b'l' => {
                let items = self.pop_mark()?;
                self.push(Object::Sequence(items))
            }
            b'd' => {
                let items = self.pop_mark()?;
                self.push(Object::Dict(pairs(&items)?))
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(&[item])
            }
            b'e' | 0x90 => {
                let items = self.pop_mark()?;
                self.extend(&items)
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set(vec![(key, value)])
            }
            b'u' => {
                let items = self.pop_mark()?;
                self.set(pairs(&items)?)
            }
            b'q' | b'r' | b'h' | b'j' | 0x94 => self.memorize(code),
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Object::Global(format!("{module}.{name}")))
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.get(module), self.get(name)) {
                    (Object::Text(module), Object::Text(name)) if module.len().max(name.len()) <= MAX_NAME_BYTES => {
                        let global = Object::Global(format!("{module}.{name}"));
                        self.push(global)
                    }
                    _ => damaged("its pickle names a class by no text or by too long a one"),
                }
            }
            b'Q' => {
                let id = self.pop()?;
                let storage = self.storage(id)?;
                self.push(Object::Storage(storage))
            }
            b'R' | 0x81 => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                self.call(callee, arguments)
            }
            0x92 => {
                let (_, arguments, callee) = (self.pop()?, self.pop()?, self.pop()?);
                self.call(callee, arguments)
            }
            // The state of an instance: attributes of a dictionary, or of something that is not looked into.
            b'b' => self.pop().and_then(|_| self.top()).map(|_| ()),
            _ => damaged(format!("its pickle has the unknown op-code {code:#04x}")),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return damaged(format!("its pickle wants {count} bytes where {} are left", self.rest.len()));
        };
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn line(&mut self) -> Result<&'a str> {
        let Some(length) = self.rest.iter().take(MAX_NAME_BYTES + 1).position(|byte| *byte == b'\n') else {
            return damaged("its pickle has a name that is too long");
        };
        let line = self.take(length)?;
        self.take(1)?;
        std::str::from_utf8(line).or_else(|_| damaged("its pickle has a name that is not UTF-8"))
    }

    fn get(&self, id: Id) -> &Object {
        &self.objects[id as usize]
    }

    fn push(&mut self, object: Object) -> Result<()> {
        if self.objects.len() >= limits::PICKLE_OBJECTS {
            return damaged("its pickle has too many objects");
        }
        let id = self.objects.len() as Id;
        self.objects.push(object);
        self.stack.push(id);
        Ok(())
    }

    /// Below the last mark nothing may be taken.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Id> {
        if self.stack.len() > self.floor()
            && let Some(id) = self.stack.pop()
        {
            return Ok(id);
        }
        damaged("its pickle lacks objects")
    }

    fn top(&self) -> Result<Id> {
        match self.stack.last() {
            Some(id) if self.stack.len() > self.floor() => Ok(*id),
            _ => damaged("its pickle lacks objects"),
        }
    }

    /// Everything above the last mark.
    fn pop_mark(&mut self) -> Result<Vec<Id>> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => damaged("its pickle lacks a mark"),
        }
    }

    fn integer(&mut self, code: u8) -> Result<()> {
        let value = match code {
            b'K' => i64::from(self.array::<1>()?[0]),
            b'M' => i64::from(u16::from_le_bytes(self.array()?)),
            b'J' => i64::from(i32::from_le_bytes(self.array()?)),
            // `01` and `00` are the truth values of protocol 0.
            b'I' => match self.line()?.parse() {
                Ok(value) => value,
                Err(_) => return damaged("its pickle has an integer without digits"),
            },
            _ => {
                let length = match code {
                    0x8a => usize::from(self.array::<1>()?[0]),
                    _ => u32::from_le_bytes(self.array()?) as usize,
                };
                let bytes = self.take(length)?;
                if length > 8 {
                    return self.push(Object::Other);
                }
                let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
                let mut word = if negative { [0xff; 8] } else { [0; 8] };
                word[..length].copy_from_slice(bytes);
                i64::from_le_bytes(word)
            }
        };
        self.push(Object::Int(value))
    }

    fn text(&mut self, code: u8) -> Result<()> {
        let length = match code {
            b'U' | b'C' | 0x8c => u64::from(self.array::<1>()?[0]),
            b'X' | b'T' | b'B' => u64::from(u32::from_le_bytes(self.array()?)),
            _ => u64::from_le_bytes(self.array()?),
        };
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        let text = match code {
            b'B' | b'C' | 0x8e => None,
            _ => std::str::from_utf8(bytes).ok(),
        };
        self.push(text.map_or(Object::Other, |text| Object::Text(text.to_owned())))
    }

    fn memorize(&mut self, code: u8) -> Result<()> {
        let slot = match code {
            b'q' | b'h' => u32::from(self.array::<1>()?[0]),
            b'r' | b'j' => u32::from_le_bytes(self.array()?),
            _ => self.memo.len() as u32,
        };
        if matches!(code, b'h' | b'j') {
            let Some(id) = self.memo.get(&slot) else { return damaged("its pickle refers to an object it lacks") };
            self.stack.push(*id);
        } else {
            let top = self.top()?;
            self.memo.insert(slot, top);
        }
        Ok(())
    }

    fn extend(&mut self, items: &[Id]) -> Result<()> {
        let top = self.top()?;
        if let Object::Sequence(sequence) = &mut self.objects[top as usize] {
            sequence.extend(items);
        }
        Ok(())
    }

    fn set(&mut self, items: Vec<(Id, Id)>) -> Result<()> {
        let top = self.top()?;
        if let Object::Dict(dict) = &mut self.objects[top as usize] {
            dict.extend(items);
        }
        Ok(())
    }

    /// `('storage', class, key, location, count)`
    fn storage(&self, id: Id) -> Result<Storage> {
        if let Object::Sequence(items) = self.get(id)
            && let [tag, class, key, _, count] = items[..]
            && let (Object::Text(tag), Object::Global(class)) = (self.get(tag), self.get(class))
            && let (Object::Text(key), Object::Int(count)) = (self.get(key), self.get(count))
            && tag == "storage"
            && key.len() <= MAX_NAME_BYTES
            && let Ok(count) = usize::try_from(*count)
        {
            let class = class.rsplit('.').next().unwrap_or(class).to_owned();
            return Ok(Storage { class, key: key.clone(), count });
        }
        damaged("its pickle refers to something other than a storage")
    }

    /// What a class or function gives for its arguments.
    fn call(&mut self, callee: Id, arguments: Id) -> Result<()> {
        let Object::Global(name) = self.get(callee) else {
            return damaged("its pickle calls something that is no function");
        };
        let arguments = if let Object::Sequence(items) = self.get(arguments) { items.as_slice() } else { &[] };
        let arguments = arguments[..arguments.len().min(MAX_ARGUMENTS)].to_vec();
        match name.as_str() {
            "collections.OrderedDict" | "collections.defaultdict" | "builtins.dict" => {
                let listed = arguments.first().map(|list| self.listed_pairs(*list)).unwrap_or_default();
                // A list may be used again and again: what is copied counts as objects.
                self.copied += listed.len();
                if self.copied > limits::PICKLE_OBJECTS {
                    return damaged("its pickle has too many objects");
                }
                self.push(Object::Dict(listed))
            }
            "torch._utils._rebuild_tensor_v2" | "torch._utils._rebuild_tensor" => {
                let tensor = self.tensor(&arguments)?;
                self.push(Object::Tensor(tensor))
            }
            // (data, requires_grad, hooks): the data are a tensor already.
            "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state" => match arguments.first()
            {
                Some(data) => {
                    self.stack.push(*data);
                    Ok(())
                }
                None => damaged("its pickle has a parameter without data"),
            },
            // (function, type, arguments, state): a tensor with attributes.
            "torch._tensor._rebuild_from_type_v2" => match arguments[..] {
                [function, _, inner, _] if matches!(self.get(function), Object::Global(f) if f.starts_with("torch._utils.")) => {
                    self.call(function, inner)
                }
                _ => damaged("its pickle has a tensor of an unknown kind"),
            },
            "copy_reg._reconstructor" | "copyreg._reconstructor" | "copyreg.__newobj__" | "copy_reg.__newobj__" => {
                let class = match arguments.first().map(|class| self.get(*class)) {
                    Some(Object::Global(class)) => class.clone(),
                    _ => name.clone(),
                };
                self.push(Object::Instance(class))
            }
            _ => {
                let name = name.clone();
                self.push(Object::Instance(name))
            }
        }
    }

    /// `[[key, value], ...]`
    fn listed_pairs(&self, list: Id) -> Vec<(Id, Id)> {
        let Object::Sequence(items) = self.get(list) else { return Vec::new() };
        let pair = |item: &Id| match self.get(*item) {
            Object::Sequence(pair) => <[Id; 2]>::try_from(pair.as_slice()).ok().map(|[key, value]| (key, value)),
            _ => None,
        };
        items.iter().filter_map(pair).collect()
    }

    /// `(storage, offset, shape, strides, ...)`
    fn tensor(&self, arguments: &[Id]) -> Result<Tensor> {
        let sizes = |id: Id| -> Option<Vec<usize>> {
            let Object::Sequence(items) = self.get(id) else { return None };
            let size =
                |item: &Id| if let Object::Int(size) = self.get(*item) { usize::try_from(*size).ok() } else { None };
            if items.len() > MAX_RANK { None } else { items.iter().map(size).collect() }
        };
        if let [storage, offset, shape, strides, ..] = *arguments
            && let (Object::Storage(storage), Object::Int(offset)) = (self.get(storage), self.get(offset))
            && let (Some(shape), Some(strides)) = (sizes(shape), sizes(strides))
            && let Ok(offset) = usize::try_from(*offset)
            && shape.len() == strides.len()
        {
            return Ok(Tensor { storage: storage.clone(), offset, shape, strides });
        }
        damaged("its pickle has a tensor whose storage, shape or strides make no sense")
    }
}

const MAX_RANK: usize = 16;

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>> {
    if items.len() % 2 == 1 {
        return damaged("its pickle has a key without a value");
    }
    Ok(items.as_chunks::<2>().0.iter().map(|[key, value]| (*key, *value)).collect())
}
