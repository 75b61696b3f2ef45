//! Everything in a file that is not read, told at once.

use std::collections::BTreeMap;

use super::super::error::Error;
use super::model::Node;

/// Names that are told of nodes with the same fault.
const NAMES: usize = 3;
/// Kinds of faults that are told.
const KINDS: usize = 12;
/// Most letters of a name.
const NAME_LETTERS: usize = 60;

/// A node that is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Its position in the file.
    pub(super) node: usize,
    operation: String,
    name: String,
    reason: String,
}

impl Problem {
    pub(super) fn of_node(index: usize, node: &Node<'_>, reason: String) -> Self {
        let name = if node.name.is_empty() { node.outputs.first().copied().unwrap_or("") } else { node.name };
        let operation = if super::model::is_usual(node.domain) {
            node.operation.to_owned()
        } else {
            format!("{}.{}", node.domain, node.operation)
        };
        Self { node: index, operation: short(&operation), name: short(name), reason }
    }
}

/// A name of which no more is told than anybody reads.
pub(super) fn short(name: &str) -> String {
    let shown: String =
        name.chars().take(NAME_LETTERS).map(|letter| if letter.is_control() { '?' } else { letter }).collect();
    if shown.len() < name.len() { shown + "..." } else { shown }
}

/// All of them in one sentence, counted by operation and reason.
pub(super) fn refusal(problems: &[Problem]) -> Error {
    let mut kinds: BTreeMap<(&str, &str), Vec<&Problem>> = BTreeMap::new();
    for problem in problems {
        kinds.entry((&problem.operation, &problem.reason)).or_default().push(problem);
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, nodes)| nodes[0].node);
    let told = kinds.iter().take(KINDS).map(|((operation, reason), nodes)| {
        let names: Vec<&str> = nodes.iter().take(NAMES).map(|node| node.name.as_str()).collect();
        let more = if nodes.len() > NAMES { ", ..." } else { "" };
        format!("{} x {operation} ({}{more}): {reason}", nodes.len(), names.join(", "))
    });
    let mut told: Vec<String> = told.collect();
    if kinds.len() > KINDS {
        told.push(format!("and {} more kinds", kinds.len() - KINDS));
    }
    Error::Unsupported(format!(
        "the ONNX graph has {} that are not read: {}; replace them in the program that wrote it and export the model again",
        super::super::tensors::counted(problems.len(), "node"),
        told.join("; ")
    ))
}
