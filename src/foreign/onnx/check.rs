//! Whether a graph is one, before anything of it is followed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use super::super::bytes::Damage;
use super::super::error::{Error, Result};
use super::model::{Model, Node, Port, is_usual};
use super::refusal::{Problem, refusal, short};
use super::{damaged, element};
use crate::limits;

/// Oldest version of the operators that is read.
const OLDEST_OPSET: i64 = 7;

/// A graph whose names lead somewhere.
pub(super) struct Checked<'m, 'a> {
    /// The one input that is no constant.
    pub(super) image: &'m Port<'a>,
    /// Positions of the nodes that the outputs hang on, each behind those that it reads.
    pub(super) order: Vec<usize>,
    /// The node that writes each name.
    pub(super) writers: HashMap<&'a str, usize>,
}

/// Checks versions, names and the kinds of nodes.
///
/// # Errors
/// When it is damaged, or of a kind that is not read at all.
pub(super) fn check<'m, 'a>(model: &'m Model<'a>) -> Result<Checked<'m, 'a>> {
    if !(OLDEST_OPSET..=limits::ONNX_OPSET).contains(&model.opset) {
        return Err(Error::Unsupported(format!(
            "the ONNX file has version {} of the operators, and {OLDEST_OPSET} to {} are read; export the model again with \
             opset_version=20",
            model.opset,
            limits::ONNX_OPSET
        )));
    }
    if model.sparse {
        return Err(Error::Unsupported(
            "the ONNX file stores sparse weights (sparse_initializer); export the model with dense ones".to_owned(),
        ));
    }
    let (writers, known) = names(model)?;
    let order = order(model, &writers, &known)?;
    refuse_kinds(model, &order)?;
    Ok(Checked { image: image(model)?, order, writers })
}

/// Who writes each name, and the names that are there before any node.
fn names<'a>(model: &Model<'a>) -> Result<(HashMap<&'a str, usize>, HashSet<&'a str>)> {
    let mut known: HashSet<&str> = HashSet::new();
    for tensor in &model.initializers {
        if tensor.name.is_empty() || !known.insert(tensor.name) {
            return Err(damaged(Damage(format!("two stored tensors are called {:?}", short(tensor.name)))));
        }
    }
    let mut ports = HashSet::new();
    for port in &model.inputs {
        if !ports.insert(port.name) {
            return Err(damaged(Damage(format!("two inputs are called {:?}", short(port.name)))));
        }
        // Old files list every stored tensor among the inputs.
        known.insert(port.name);
    }
    let mut writers = HashMap::new();
    for (index, node) in model.nodes.iter().enumerate() {
        for name in node.outputs.iter().filter(|name| !name.is_empty()) {
            if known.contains(name) || writers.insert(*name, index).is_some() {
                return Err(damaged(Damage(format!("{:?} is written twice, by {} too", short(name), called(node)))));
            }
        }
    }
    Ok((writers, known))
}

fn called(node: &Node<'_>) -> String {
    format!("{} {:?}", short(node.operation), short(node.name))
}

/// The nodes that the outputs hang on, each behind those that it reads; otherwise in the order of the file.
fn order(model: &Model<'_>, writers: &HashMap<&str, usize>, known: &HashSet<&str>) -> Result<Vec<usize>> {
    let mut needed = vec![false; model.nodes.len()];
    let mut ahead = Vec::new();
    for port in &model.outputs {
        match writers.get(port.name) {
            Some(index) => ahead.push(*index),
            None if known.contains(port.name) => {}
            None => return Err(damaged(Damage(format!("nothing writes its output {:?}", short(port.name))))),
        }
    }
    let mut readers: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut open = vec![0_usize; model.nodes.len()];
    while let Some(index) = ahead.pop() {
        if std::mem::replace(&mut needed[index], true) {
            continue;
        }
        let node = &model.nodes[index];
        for name in node.inputs.iter().filter(|name| !name.is_empty()) {
            match writers.get(name) {
                Some(writer) => {
                    readers.entry(*writer).or_default().push(index);
                    open[index] += 1;
                    ahead.push(*writer);
                }
                None if known.contains(name) => {}
                None => {
                    return Err(damaged(Damage(format!(
                        "{} reads {:?}, which nothing writes",
                        called(node),
                        short(name)
                    ))));
                }
            }
        }
    }
    let total = needed.iter().filter(|needed| **needed).count();
    let ready = (0..model.nodes.len()).filter(|index| needed[*index] && open[*index] == 0);
    let mut ready: BinaryHeap<Reverse<usize>> = ready.map(Reverse).collect();
    let mut order = Vec::with_capacity(total);
    while let Some(Reverse(index)) = ready.pop() {
        order.push(index);
        for reader in readers.get(&index).into_iter().flatten() {
            open[*reader] -= 1;
            if open[*reader] == 0 {
                ready.push(Reverse(*reader));
            }
        }
    }
    if order.len() < total {
        let stuck = (0..model.nodes.len()).filter(|index| needed[*index] && open[*index] > 0);
        let stuck: Vec<String> = stuck.take(3).map(|index| called(&model.nodes[index])).collect();
        return Err(damaged(Damage(format!("nodes read each other in a circle ({}, ...)", stuck.join(", ")))));
    }
    Ok(order)
}

/// The one input that is no stored tensor.
fn image<'m, 'a>(model: &'m Model<'a>) -> Result<&'m Port<'a>> {
    let stored: HashSet<&str> = model.initializers.iter().map(|tensor| tensor.name).collect();
    let free: Vec<&Port<'_>> = model.inputs.iter().filter(|port| !stored.contains(port.name)).collect();
    match free[..] {
        [port] if matches!(port.element, 0 | element::UINT8) || element::is_real(port.element) => Ok(port),
        [port] => Err(Error::Unsupported(format!(
            "the ONNX graph reads {:?}, whose values are no real numbers; a classifier of images is needed",
            short(port.name)
        ))),
        _ => {
            let names: Vec<String> = free.iter().map(|port| short(port.name)).take(5).collect();
            Err(Error::Unsupported(format!(
                "the ONNX graph has {} inputs ({}), and one image is read; export the model with the others fixed",
                free.len(),
                names.join(", ")
            )))
        }
    }
}

/// Refuses what needs another export of the model, with the way to it.
fn refuse_kinds(model: &Model<'_>, order: &[usize]) -> Result<()> {
    let found = |is: fn(&Model<'_>, &Node<'_>) -> bool, reason: &str| -> Vec<Problem> {
        let nodes = order.iter().map(|index| (*index, &model.nodes[*index]));
        nodes
            .filter(|(_, node)| is(model, node))
            .map(|(index, node)| Problem::of_node(index, node, reason.to_owned()))
            .collect()
    };
    let mut problems = found(|_, node| is_quantized(node), "its numbers are quantized; export the float model");
    let reason = "it normalizes as in training; call model.eval() before the export, and export with training off";
    problems.extend(found(is_in_training, reason));
    problems.extend(found(
        |_, node| node.has_graphs(),
        "it holds graphs of its own (If, Loop, Scan); trace the model without them",
    ));
    let foreign = |_: &Model<'_>, node: &Node<'_>| !is_usual(node.domain) && !is_quantized(node);
    problems
        .extend(found(foreign, "it is no operator of ONNX itself; export the model without functions and extensions"));
    if problems.is_empty() { Ok(()) } else { Err(refusal(&problems)) }
}

fn is_quantized(node: &Node<'_>) -> bool {
    let name = node.operation;
    name.starts_with("QLinear")
        || name.starts_with("QGemm")
        || matches!(
            name,
            "QuantizeLinear" | "DequantizeLinear" | "DynamicQuantizeLinear" | "ConvInteger" | "MatMulInteger"
        )
}

/// Batch normalization in training mode, which since version 14 an attribute says, and before further outputs.
fn is_in_training(_: &Model<'_>, node: &Node<'_>) -> bool {
    let more = node.outputs.iter().skip(1).any(|name| !name.is_empty());
    let stated = node.attributes.iter().any(|(name, _)| *name == "training_mode")
        && node.integer("training_mode").is_ok_and(|mode| mode != Some(0));
    node.operation == "BatchNormalization" && (more || stated)
}
