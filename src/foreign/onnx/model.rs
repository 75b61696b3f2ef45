//! An ONNX model as it lies in a file: nodes, attributes, stored tensors. Field numbers are those of `onnx.proto`.

use super::super::bytes::Damage;
use super::tensor::Stored;
use super::wire::{Content, Fields, varint};
use crate::limits;

/// A model.
#[derive(Clone, Debug, Default)]
pub(super) struct Model<'a> {
    /// Version of the operators.
    pub(super) opset: i64,
    /// What the file says of itself, by key.
    pub(super) metadata: Vec<(&'a str, &'a str)>,
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) initializers: Vec<Stored<'a>>,
    pub(super) inputs: Vec<Port<'a>>,
    pub(super) outputs: Vec<Port<'a>>,
    /// Whether it has tensors of which only the values other than 0 are stored.
    pub(super) sparse: bool,
}

/// An input or an output of the whole graph.
#[derive(Clone, Debug, Default)]
pub(super) struct Port<'a> {
    pub(super) name: &'a str,
    /// Type of its values; 0 where the file does not say.
    pub(super) element: i64,
    /// Its extents, where the file fixes them; none where it has no shape.
    pub(super) dims: Option<Vec<Option<usize>>>,
}

/// One operation.
#[derive(Clone, Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    pub(super) operation: &'a str,
    pub(super) domain: &'a str,
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) attributes: Vec<(&'a str, Attribute<'a>)>,
    /// What the exporter noted about it, by key.
    pub(super) metadata: Vec<(&'a str, &'a str)>,
}

/// The value of an attribute.
#[derive(Clone, Debug)]
pub(super) enum Attribute<'a> {
    Float(f32),
    Integer(i64),
    Text(&'a [u8]),
    Tensor(Stored<'a>),
    Floats(Vec<f32>),
    Integers(Vec<i64>),
    /// A graph within the graph.
    Graph,
    /// Of a kind that no operation here has.
    Other,
}

/// Counts what a file makes of its bytes, so that a small file cannot fill the memory.
struct Budget {
    items: usize,
}

impl Budget {
    fn spend(&mut self) -> Result<(), Damage> {
        self.items = self.items.checked_sub(1).ok_or_else(|| {
            Damage(format!("it has more than {} nodes, names, attributes and extents", limits::ONNX_ITEMS))
        })?;
        Ok(())
    }
}

impl<'a> Model<'a> {
    /// Reads the bytes of a whole file.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let mut budget = Budget { items: limits::ONNX_ITEMS };
        let mut model = Self::default();
        let mut graph = None;
        for field in Fields(bytes) {
            let (number, content) = field?;
            match number {
                7 => once(&mut graph, content.bytes()?, "graph")?,
                8 => {
                    let (domain, version) = opset(content.bytes()?)?;
                    if is_usual(domain) {
                        model.opset = version;
                    }
                }
                14 => {
                    budget.spend()?;
                    model.metadata.push(entry(content.bytes()?)?);
                }
                _ => {}
            }
        }
        let graph = graph.ok_or_else(|| Damage("it holds no graph".to_owned()))?;
        for field in Fields(graph) {
            let (number, content) = field?;
            match number {
                1 => {
                    if model.nodes.len() == limits::ONNX_NODES {
                        return Err(Damage(format!("it has more than {} nodes", limits::ONNX_NODES)));
                    }
                    model.nodes.push(Node::parse(content.bytes()?, &mut budget)?);
                }
                5 => {
                    budget.spend()?;
                    model.initializers.push(stored(content.bytes()?, &mut budget)?);
                }
                11 => model.inputs.push(Port::parse(content.bytes()?, &mut budget)?),
                12 => {
                    if model.outputs.len() == limits::ONNX_OUTPUTS {
                        return Err(Damage(format!("it has more than {} outputs", limits::ONNX_OUTPUTS)));
                    }
                    model.outputs.push(Port::parse(content.bytes()?, &mut budget)?);
                }
                15 => model.sparse = true,
                _ => {}
            }
        }
        Ok(model)
    }
}

/// Whether a domain is that of ONNX' own operators.
pub(super) fn is_usual(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// A message that must not come twice: what two of them mean together depends on the reader.
fn once<'a>(place: &mut Option<&'a [u8]>, bytes: &'a [u8], what: &str) -> Result<(), Damage> {
    match place.replace(bytes) {
        None => Ok(()),
        Some(_) => Err(Damage(format!("it has two {what}s where one belongs"))),
    }
}

fn opset(bytes: &[u8]) -> Result<(&str, i64), Damage> {
    let (mut domain, mut version) = ("", 0);
    for field in Fields(bytes) {
        match field? {
            (1, content) => domain = content.text()?,
            (2, content) => version = content.integer()?,
            _ => {}
        }
    }
    Ok((domain, version))
}

/// A key and its value.
fn entry(bytes: &[u8]) -> Result<(&str, &str), Damage> {
    let (mut key, mut value) = ("", "");
    for field in Fields(bytes) {
        match field? {
            (1, content) => key = content.text()?,
            (2, content) => value = content.text()?,
            _ => {}
        }
    }
    Ok((key, value))
}

impl<'a> Port<'a> {
    fn parse(bytes: &'a [u8], budget: &mut Budget) -> Result<Self, Damage> {
        budget.spend()?;
        let mut port = Self::default();
        for field in Fields(bytes) {
            match field? {
                (1, content) => port.name = content.text()?,
                (2, content) => {
                    // TypeProto: tensor_type 1; within it elem_type 1, shape 2; within that dim 1.
                    for field in Fields(content.bytes()?) {
                        let (1, tensor) = field? else { continue };
                        for field in Fields(tensor.bytes()?) {
                            match field? {
                                (1, content) => port.element = content.integer()?,
                                (2, content) => port.dims = Some(dims(content.bytes()?, budget)?),
                                _ => {}
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(port)
    }
}

/// The extents of a shape; those with a name, or with none, are open.
fn dims(bytes: &[u8], budget: &mut Budget) -> Result<Vec<Option<usize>>, Damage> {
    let mut dims = Vec::new();
    for field in Fields(bytes) {
        let (1, content) = field? else { continue };
        budget.spend()?;
        let mut dim = None;
        for field in Fields(content.bytes()?) {
            if let (1, content) = field? {
                // Some exporters write -1 or 0 for what is open.
                dim = usize::try_from(content.integer()?).ok().filter(|dim| *dim > 0);
            }
        }
        dims.push(dim);
    }
    Ok(dims)
}

impl<'a> Node<'a> {
    fn parse(bytes: &'a [u8], budget: &mut Budget) -> Result<Self, Damage> {
        let mut node = Self::default();
        for field in Fields(bytes) {
            let (number, content) = field?;
            budget.spend()?;
            match number {
                1 => node.inputs.push(content.text()?),
                2 => node.outputs.push(content.text()?),
                3 => node.name = content.text()?,
                4 => node.operation = content.text()?,
                5 => node.attributes.push(attribute(content.bytes()?, budget)?),
                7 => node.domain = content.text()?,
                9 => node.metadata.push(entry(content.bytes()?)?),
                _ => {}
            }
        }
        Ok(node)
    }

    fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes.iter().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// A whole number.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, String> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Integer(value)) => Ok(Some(*value)),
            Some(_) => Err(format!("{name} is no whole number")),
        }
    }

    /// A number.
    pub(super) fn float(&self, name: &str) -> Result<Option<f32>, String> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Float(value)) => Ok(Some(*value)),
            Some(_) => Err(format!("{name} is no number")),
        }
    }

    /// Whole numbers.
    pub(super) fn integers(&self, name: &str) -> Result<Option<&[i64]>, String> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Integers(values)) => Ok(Some(values)),
            Some(_) => Err(format!("{name} is no list of whole numbers")),
        }
    }

    /// Text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Text(value)) => {
                std::str::from_utf8(value).map(Some).map_err(|_| format!("{name} is no text"))
            }
            Some(_) => Err(format!("{name} is no text")),
        }
    }

    /// The attribute with which a constant or its filling is given.
    pub(super) fn value(&self) -> Option<(&'a str, &Attribute<'a>)> {
        self.attributes.iter().find(|(name, _)| name.starts_with("value")).map(|(name, value)| (*name, value))
    }

    /// Whether it holds graphs of its own, as `If` and `Loop` do.
    pub(super) fn has_graphs(&self) -> bool {
        self.attributes.iter().any(|(_, value)| matches!(value, Attribute::Graph))
    }
}

fn attribute<'a>(bytes: &'a [u8], budget: &mut Budget) -> Result<(&'a str, Attribute<'a>), Damage> {
    let (mut name, mut kind) = ("", 0);
    let (mut float, mut integer, mut text, mut tensor) = (None, None, None, None);
    let (mut floats, mut integers, mut graph) = (Vec::new(), Vec::new(), false);
    for field in Fields(bytes) {
        let (number, content) = field?;
        match number {
            1 => name = content.text()?,
            2 => float = Some(content.float()?),
            3 => integer = Some(content.integer()?),
            4 => text = Some(content.bytes()?),
            5 => once(&mut tensor, content.bytes()?, "tensor")?,
            6 | 11 => graph = true,
            7 => {
                for four in content.encoded().chunks(4) {
                    budget.spend()?;
                    floats.push(Content::Fixed(four).float()?);
                }
            }
            8 => integers.extend(varints(content.encoded(), budget)?),
            20 => kind = content.integer()?,
            _ => {}
        }
    }
    let tensor = tensor.map(|bytes| stored(bytes, budget)).transpose()?;
    // Old files do not say the kind: what is there tells it.
    let found = [float.is_some(), integer.is_some(), text.is_some(), tensor.is_some(), graph];
    let kind = match (kind, found.iter().position(|found| *found)) {
        (0, Some(index)) => index as i64 + 1,
        (0, None) if !floats.is_empty() => 6,
        (0, None) => 7,
        (kind, _) => kind,
    };
    let value = match (kind, tensor) {
        (1, _) => Attribute::Float(float.unwrap_or(0.0)),
        (2, _) => Attribute::Integer(integer.unwrap_or(0)),
        (3, _) => Attribute::Text(text.unwrap_or(&[])),
        (4, Some(tensor)) => Attribute::Tensor(tensor),
        (5 | 10, _) => Attribute::Graph,
        (6, _) => Attribute::Floats(floats),
        (7, _) => Attribute::Integers(integers),
        _ => Attribute::Other,
    };
    Ok((name, value))
}

fn varints(mut bytes: &[u8], budget: &mut Budget) -> Result<Vec<i64>, Damage> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        budget.spend()?;
        values.push(varint(&mut bytes)?.cast_signed());
    }
    Ok(values)
}

fn stored<'a>(bytes: &'a [u8], budget: &mut Budget) -> Result<Stored<'a>, Damage> {
    let mut tensor = Stored::default();
    let mut raw = None;
    for field in Fields(bytes) {
        let (number, content) = field?;
        match number {
            1 => {
                for dim in varints(content.encoded(), budget)? {
                    let dim = usize::try_from(dim).map_err(|_| Damage(format!("a tensor has an extent of {dim}")))?;
                    tensor.dims.push(dim);
                }
            }
            2 => tensor.element = content.integer()?,
            // Of each type there is one list; which it is follows from the type.
            4 | 5 | 7 | 10 | 11 => {
                budget.spend()?;
                tensor.typed.push((number, content.encoded()));
            }
            8 => tensor.name = content.text()?,
            9 => once(&mut raw, content.bytes()?, "list of raw values")?,
            13 => {
                budget.spend()?;
                tensor.external.push(entry(content.bytes()?)?);
            }
            14 => tensor.is_external = content.integer()? == 1,
            _ => {}
        }
    }
    tensor.raw = raw;
    Ok(tensor)
}
