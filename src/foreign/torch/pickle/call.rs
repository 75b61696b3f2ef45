//! What functions and classes would have given, made without calling them.

use std::rc::Rc;

use super::machine::{MAX_NAME_BYTES, Machine};
use super::{Id, Instance, Object, Storage, Tensor, damaged};
use crate::foreign::error::Result;
use crate::limits;

/// Arguments of a call that matter.
const MAX_ARGUMENTS: usize = 16;
/// Most axes of a tensor.
const MAX_RANK: usize = 16;

impl Machine<'_> {
    /// The class of `('module', class, file, source)`; none for another reference.
    pub(super) fn module_class(&self, id: Id) -> Option<Id> {
        let Object::Sequence(items) = self.get(id) else { return None };
        let [tag, class, ..] = items[..] else { return None };
        let is_module = matches!(self.get(tag), Object::Text(tag) if tag == "module");
        (is_module && matches!(self.get(class), Object::Global(_))).then_some(class)
    }

    /// `('storage', class, key, location, count)`, and in the format of before version 1.6 a sixth item: none, or a view
    /// `(key, offset, count)` of a part.
    pub(super) fn storage(&self, id: Id) -> Result<Storage> {
        if let Object::Sequence(items) = self.get(id)
            && let [tag, class, key, _, count] | [tag, class, key, _, count, _] = items[..]
            && let (Object::Text(tag), Object::Global(class)) = (self.get(tag), self.get(class))
            && let (Object::Text(key), Object::Int(count)) = (self.get(key), self.get(count))
            && tag == "storage"
            && key.len() <= MAX_NAME_BYTES
            && let Ok(whole) = usize::try_from(*count)
            && let Some((offset, count)) = self.view(items.get(5).copied(), whole)
        {
            let class = class.rsplit('.').next().unwrap_or(class).into();
            return Ok(Storage { class, key: key.as_str().into(), offset, count, whole });
        }
        damaged("its pickle refers to something other than a storage")
    }

    /// Offset and count of a view of a storage of `whole` elements; none where it makes no sense.
    fn view(&self, view: Option<Id>, whole: usize) -> Option<(usize, usize)> {
        let Some(view) = view else { return Some((0, whole)) };
        match self.get(view) {
            Object::Other => Some((0, whole)),
            Object::Sequence(items) => {
                let [_, offset, count] = items[..] else { return None };
                let (Object::Int(offset), Object::Int(count)) = (self.get(offset), self.get(count)) else {
                    return None;
                };
                let (offset, count) = (usize::try_from(*offset).ok()?, usize::try_from(*count).ok()?);
                (offset.checked_add(count)? <= whole).then_some((offset, count))
            }
            _ => None,
        }
    }

    /// What a class or function gives for its arguments.
    pub(super) fn call(&mut self, callee: Id, arguments: Id) -> Result<()> {
        let name = match self.get(callee) {
            Object::Global(name) | Object::Instance(Instance { class: name, .. }) => Rc::clone(name),
            _ => return damaged("its pickle calls something that is no function"),
        };
        let arguments = if let Object::Sequence(items) = self.get(arguments) { items.as_slice() } else { &[] };
        let arguments = arguments[..arguments.len().min(MAX_ARGUMENTS)].to_vec();
        match &*name {
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
            "torch._utils._rebuild_parameter"
            | "torch._utils._rebuild_parameter_with_state"
            | "torch.nn.parameter.Parameter"
            | "torch.autograd.variable.Variable" => match arguments.first() {
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
                _ => self.push_instance(name),
            },
            "copy_reg._reconstructor" | "copyreg._reconstructor" | "copyreg.__newobj__" | "copy_reg.__newobj__" => {
                let class = match arguments.first().map(|class| self.get(*class)) {
                    Some(Object::Global(class)) => Rc::clone(class),
                    _ => name,
                };
                self.push_instance(class)
            }
            _ => self.push_instance(name),
        }
    }

    fn push_instance(&mut self, class: Rc<str>) -> Result<()> {
        self.push(Object::Instance(Instance { class, state: None, entries: Vec::new() }))
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
            return Ok(Tensor { storage: Rc::clone(storage), offset, shape, strides });
        }
        damaged("its pickle has a tensor whose storage, shape or strides make no sense")
    }
}
