//! The machine that goes through the op-codes of a pickle.

use std::collections::HashMap;
use std::rc::Rc;

use super::{Id, Instance, Object, Pickle, damaged};
use crate::foreign::error::Result;
use crate::limits;

/// Longest name of a class or of a storage.
pub(super) const MAX_NAME_BYTES: usize = 255;

/// Reads one pickle, and gives the bytes behind it.
pub(super) fn run(bytes: &[u8]) -> Result<(Pickle, &[u8])> {
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

pub(super) struct Machine<'a> {
    rest: &'a [u8],
    objects: Vec<Object>,
    pub(super) stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Entries of lists that were copied into dictionaries.
    pub(super) copied: usize,
}

impl<'a> Machine<'a> {
    fn run(mut self) -> Result<(Pickle, &'a [u8])> {
        loop {
            let [code] = self.array()?;
            if code == b'.' {
                let root = self.pop()?;
                return Ok((Pickle { objects: self.objects, root }, self.rest));
            }
            self.step(code)?;
            if self.stack.len() > limits::PICKLE_STACK || self.marks.len() > limits::PICKLE_STACK {
                return damaged("its pickle is too deep");
            }
        }
    }

    /// Every op-code of protocols 2 to 5 that `torch.save` and its dictionaries use.
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
            b'N' | 0x8f => self.push(Object::Other),
            0x88 | 0x89 => self.push(Object::Bool(code == 0x88)),
            b'G' => {
                let value = f64::from_be_bytes(self.array()?);
                self.push(Object::Float(value))
            }
            b'F' => self.line().and_then(|_| self.push(Object::Other)),
            b'K' | b'M' | b'J' | b'I' | 0x8a | 0x8b => self.integer(code),
            b'X' | b'T' | b'U' | b'B' | b'C' | 0x8c | 0x8d | 0x8e | 0x96 => self.text(code),
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
                self.push(Object::Global(format!("{module}.{name}").into()))
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                match (self.get(module), self.get(name)) {
                    (Object::Text(module), Object::Text(name)) if module.len().max(name.len()) <= MAX_NAME_BYTES => {
                        let global = Object::Global(format!("{module}.{name}").into());
                        self.push(global)
                    }
                    _ => damaged("its pickle names a class by no text or by too long a one"),
                }
            }
            b'Q' => {
                let id = self.pop()?;
                // The format of before version 1.6 refers to the classes of modules so, with their source code.
                if let Some(class) = self.module_class(id) {
                    self.stack.push(class);
                    return Ok(());
                }
                let storage = self.storage(id)?;
                self.push(Object::Storage(Rc::new(storage)))
            }
            b'R' | 0x81 => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                self.call(callee, arguments)
            }
            0x92 => {
                let (_, arguments, callee) = (self.pop()?, self.pop()?, self.pop()?);
                self.call(callee, arguments)
            }
            b'b' => self.build(),
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

    pub(super) fn get(&self, id: Id) -> &Object {
        &self.objects[id as usize]
    }

    pub(super) fn push(&mut self, object: Object) -> Result<()> {
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
            b'B' | b'C' | 0x8e | 0x96 => None,
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
            if self.memo.len() > limits::PICKLE_OBJECTS {
                return damaged("its pickle remembers too many objects");
            }
        }
        Ok(())
    }

    /// The state of an instance; attributes of a dictionary or of a tensor do not matter.
    fn build(&mut self) -> Result<()> {
        let state = self.pop()?;
        let top = self.top()?;
        if let Object::Instance(instance) = &mut self.objects[top as usize] {
            instance.state = Some(state);
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
        if let Object::Dict(entries) | Object::Instance(Instance { entries, .. }) = &mut self.objects[top as usize] {
            entries.extend(items);
        }
        Ok(())
    }
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>> {
    if items.len() % 2 == 1 {
        return damaged("its pickle has a key without a value");
    }
    Ok(items.as_chunks::<2>().0.iter().map(|[key, value]| (*key, *value)).collect())
}
