//! Where the logits are: in front of probabilities, and of what rescales them.

use std::collections::HashSet;

use super::check::Checked;
use super::model::Model;
use super::refusal::{Problem, short};
use super::step::{Kind, Loose, StepId};
use super::trace::{Trace, Value};
use crate::network::{Nonlinearity, Op, Output};

/// What follows the sigmoid in the rescaling by operating points of `TorchXRayVision` (`op_norm`), by either exporter.
const RESCALING: [&str; 30] = [
    "Less",
    "Greater",
    "GreaterOrEqual",
    "LessOrEqual",
    "Equal",
    "Not",
    "And",
    "Or",
    "IsNaN",
    "NonZero",
    "Transpose",
    "GatherND",
    "ScatterND",
    "ScatterElements",
    "GatherElements",
    "Where",
    "Expand",
    "Reshape",
    "Shape",
    "Slice",
    "Gather",
    "Unsqueeze",
    "Squeeze",
    "Cast",
    "ReduceSum",
    "ConstantOfShape",
    "Div",
    "Mul",
    "Sub",
    "Add",
];

/// The logits of an output.
#[derive(Clone, Debug)]
pub(super) struct Cut {
    pub(super) logits: StepId,
    pub(super) output: Option<Output>,
    pub(super) notes: Vec<String>,
}

/// Why an output gives no logits.
#[derive(Clone, Debug)]
pub(super) enum NoLogits {
    /// Nodes in front of it are not read.
    Problems(Vec<Problem>),
    /// It is something else; the rest of a sentence about it.
    Other(String),
}

/// The logits in front of the output called `name`.
pub(super) fn cut(trace: &Trace<'_>, checked: &Checked<'_, '_>, name: &str) -> Result<Cut, NoLogits> {
    let nodes = ancestors(trace.model, checked, name);
    let mut notes = Vec::new();
    let step = match trace.values.get(name) {
        Some(Value::Map(map)) => map.step,
        Some(Value::Constant(_)) => return Err(NoLogits::Other("does not hang on the image".to_owned())),
        Some(Value::Unknown) | None => {
            if let Some((step, count)) = rescaled(trace, checked, &nodes) {
                notes.push(format!(
                    "{count} nodes behind the sigmoid that rescale its probabilities by thresholds (TorchXRayVision's op_norm) are \
                     cut off: probabilities are those of the sigmoid itself"
                ));
                step
            } else {
                let problems = trace.problems.iter().filter(|problem| nodes.contains(&problem.node));
                return Err(NoLogits::Problems(problems.cloned().collect()));
            }
        }
    };
    let (mut step, mut output) = (step, None);
    let inside = |step: StepId| trace.steps[step].inputs[0];
    loop {
        let found = &trace.steps[step];
        match &found.kind {
            Kind::Loose(Loose::Largest) if output.is_none() => {
                notes.push("the number of the largest class is cut off".to_owned());
                step = inside(step);
            }
            Kind::Loose(Loose::Softmax) if output.is_none() => {
                output = Some(Output::Softmax);
                notes.push(
                    "the softmax at the end is cut off: what is explained are the logits in front of it".to_owned(),
                );
                step = inside(step);
            }
            Kind::Plain(Op::Nonlinearity(Nonlinearity::Sigmoid)) if output.is_none() && found.shape[1..] == [1, 1] => {
                output = Some(Output::Sigmoid);
                notes.push(
                    "the sigmoid at the end is cut off: what is explained are the logits in front of it".to_owned(),
                );
                step = inside(step);
            }
            Kind::Plain(Op::Concat) if output.is_none() => match complement(trace, step) {
                Some(sigmoid) => step = sigmoid,
                None => break,
            },
            Kind::Channels(_) if output.is_none() && is_probability(trace, inside(step)) => {
                return Err(NoLogits::Other("changes the probabilities behind a sigmoid or softmax".to_owned()));
            }
            _ => break,
        }
    }
    let [classes, rows, columns] = trace.steps[step].shape;
    if [rows, columns] != [1, 1] {
        return Err(NoLogits::Other(format!("is a map of {classes} x {rows} x {columns} and no list of class scores")));
    }
    if step == 0 {
        return Err(NoLogits::Other("is the image itself".to_owned()));
    }
    Ok(Cut { logits: step, output, notes })
}

fn is_probability(trace: &Trace<'_>, step: StepId) -> bool {
    let found = &trace.steps[step];
    let sigmoid = matches!(found.kind, Kind::Plain(Op::Nonlinearity(Nonlinearity::Sigmoid)));
    (sigmoid && found.shape[1..] == [1, 1]) || matches!(found.kind, Kind::Loose(Loose::Softmax))
}

/// The sigmoid p of a step that is `[1 - p, p]`.
fn complement(trace: &Trace<'_>, step: StepId) -> Option<StepId> {
    let [first, second] = trace.steps[step].inputs[..] else { return None };
    let Kind::Channels(channels) = &trace.steps[first].kind else { return None };
    let fits = channels.uniform() == Some((-1.0, 1.0)) && trace.steps[first].inputs == [second];
    (fits && is_probability(trace, second) && trace.steps[second].shape == [1, 1, 1]).then_some(second)
}

/// The nodes that a name hangs on.
fn ancestors(model: &Model<'_>, checked: &Checked<'_, '_>, name: &str) -> HashSet<usize> {
    let mut found = HashSet::new();
    let mut ahead: Vec<usize> = checked.writers.get(name).copied().into_iter().collect();
    while let Some(index) = ahead.pop() {
        if found.insert(index) {
            ahead.extend(model.nodes[index].inputs.iter().filter_map(|name| checked.writers.get(name)).copied());
        }
    }
    found
}

/// The step of the last sigmoid and the count of nodes behind it, where nothing but a rescaling by one threshold a class
/// follows.
fn rescaled(trace: &Trace<'_>, checked: &Checked<'_, '_>, nodes: &HashSet<usize>) -> Option<(StepId, usize)> {
    let model = trace.model;
    let is_constant = |name: &str| matches!(trace.values.get(name), Some(Value::Constant(_)));
    let step_of = |index: usize| match trace.values.get(*model.nodes[index].outputs.first()?) {
        Some(Value::Map(map)) if is_probability(trace, map.step) => Some(map.step),
        _ => None,
    };
    let sigmoids = checked.order.iter().rev().filter(|index| nodes.contains(index));
    let (sigmoid, step) = sigmoids
        .filter(|index| model.nodes[**index].operation == "Sigmoid")
        .find_map(|index| step_of(*index).map(|step| (*index, step)))?;
    let classes = trace.steps[step].shape[0];
    let before = ancestors(model, checked, model.nodes[sigmoid].outputs[0]);
    let (mut behind, mut thresholds) = (HashSet::from([sigmoid]), false);
    for index in checked.order.iter().filter(|index| nodes.contains(index) && !before.contains(index)) {
        let node = &model.nodes[*index];
        if node.outputs.iter().all(|name| is_constant(name)) {
            continue;
        }
        let hangs_on = |name: &&&str| checked.writers.get(*name).is_some_and(|writer| behind.contains(writer));
        let free = |name: &&str| name.is_empty() || is_constant(name);
        let inputs_fit = node.inputs.iter().all(|name| free(name) || hangs_on(&name));
        if !inputs_fit || !RESCALING.contains(&node.operation) {
            return None;
        }
        thresholds |= node.inputs.iter().any(|name| match trace.values.get(name) {
            Some(Value::Constant(constant)) => !constant.is_whole() && constant.count() == classes,
            _ => false,
        });
        behind.insert(*index);
    }
    let compares = behind
        .iter()
        .any(|index| matches!(model.nodes[*index].operation, "Less" | "Greater" | "GreaterOrEqual" | "LessOrEqual"));
    (thresholds && compares).then_some((step, behind.len() - 1))
}

/// The output to take among several: one that others do not lead to, in the order of the file.
pub(super) fn choose<'a>(trace: &Trace<'a>, checked: &Checked<'_, 'a>) -> Result<(Cut, Vec<String>), NoLogits> {
    let model = trace.model;
    let mut first_problem = None;
    let mut found: Vec<(&str, Cut)> = Vec::new();
    for port in &model.outputs {
        match cut(trace, checked, port.name) {
            Ok(cut) => found.push((port.name, cut)),
            Err(problem) => first_problem = first_problem.or(Some((port.name, problem))),
        }
    }
    // Features that are given beside the class scores lead to these.
    let leads_on =
        |cut: &Cut| found.iter().any(|(_, other)| other.logits != cut.logits && reads(trace, other.logits, cut.logits));
    let chosen = found.iter().find(|(_, cut)| !leads_on(cut)).cloned();
    let Some((name, cut)) = chosen else {
        return Err(match first_problem {
            Some((name, NoLogits::Other(problem))) => {
                NoLogits::Other(format!("its output {:?} {problem}", short(name)))
            }
            Some((_, problem)) => problem,
            None => NoLogits::Other("it has no output".to_owned()),
        });
    };
    let others: Vec<String> =
        model.outputs.iter().filter(|port| port.name != name).map(|port| format!("{:?}", short(port.name))).collect();
    let mut notes = Vec::new();
    if !others.is_empty() {
        notes.push(format!(
            "of {} outputs {:?} is taken; left out: {}",
            model.outputs.len(),
            short(name),
            others.join(", ")
        ));
    }
    Ok((cut, notes))
}

/// Whether a step hangs on an earlier one.
fn reads(trace: &Trace<'_>, step: StepId, earlier: StepId) -> bool {
    let mut seen = HashSet::new();
    let mut ahead = vec![step];
    while let Some(step) = ahead.pop() {
        if step == earlier {
            return true;
        }
        if step > earlier && seen.insert(step) {
            ahead.extend(&trace.steps[step].inputs);
        }
    }
    false
}
