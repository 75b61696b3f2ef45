//! From steps to a graph and its weights.

use std::collections::{HashMap, HashSet};

use super::super::error::{Error, Result};
use super::blocks::{Member, blocks};
use super::cut::Cut;
use super::names::{Names, module_path};
use super::refusal::{Problem, refusal};
use super::step::{Channels, Kind, Layer, Step, StepId};
use super::trace::Trace;
use super::weights::{bias, weight};
use crate::limits;
use crate::network::{Architecture, BatchNorm, Graph, GraphBuilder, ModelKind, NodeId, Op, Start, Tensor, Weights};

/// A network out of a file.
pub(super) struct Built {
    pub(super) graph: Graph,
    pub(super) weights: Weights,
    pub(super) norm_folded: bool,
    pub(super) notes: Vec<String>,
}

/// Convolutions from which on a network without any normalization is taken to have had one.
const DEEP: usize = 8;

/// What is done to a step where it stands in the graph.
#[derive(Default)]
struct Plan {
    /// Steps that become nodes, in order.
    kept: Vec<StepId>,
    /// Steps whose result is that of another one.
    same_as: HashMap<StepId, StepId>,
    /// Factors and offsets that a layer takes over.
    taken: HashMap<StepId, Channels>,
    /// Factors and offsets that are nodes of their own, and what each reads.
    channels: HashMap<StepId, (Channels, StepId)>,
    /// Zeros around what a convolution reads.
    padded: HashMap<StepId, StepId>,
}

impl Plan {
    /// Puts the channels of step `index` where they belong: into the layer that it reads, together with the channels that it
    /// reads, or on their own.
    fn channels(&mut self, steps: &[Step<'_>], index: StepId, wanted: &Channels, input: StepId, alone: bool) {
        let layer = self.same_as.get(&input).copied().unwrap_or(input);
        if alone && let Some(taken) = self.taken.get_mut(&layer) {
            if wanted.has_offsets_alone() || matches!(steps[layer].kind, Kind::LayerNorm(..)) {
                *taken = wanted.after(taken);
                self.same_as.insert(index, layer);
                return;
            }
        } else if alone && takes(&steps[layer].kind, wanted) {
            self.taken.insert(layer, wanted.clone());
            self.same_as.insert(index, layer);
            return;
        } else if alone && let Some((before, read)) = self.channels.remove(&input) {
            self.kept.retain(|kept| *kept != input);
            self.channels.insert(index, (wanted.after(&before), read));
            self.kept.push(index);
            return;
        }
        self.channels.insert(index, (wanted.clone(), input));
        self.kept.push(index);
    }
}

/// A parameter of a node: the end of its name, extents and values.
type Parameter = (&'static str, Vec<usize>, Vec<f32>);

pub(super) fn build(trace: &Trace<'_>, cut: &Cut) -> Result<Built> {
    let alive = alive(&trace.steps, cut.logits);
    refuse_loose(trace, &alive)?;
    let plan = plan(&trace.steps, &alive, cut.logits);
    if !limits::GRAPH_NODES.contains(plan.kept.len()) {
        return Err(Error::Unsupported(format!(
            "the ONNX graph becomes {} operations, and {} are read; export the model up to its class scores",
            plan.kept.len(),
            limits::GRAPH_NODES
        )));
    }
    let (features, features_note) = features(&trace.steps, cut.logits);
    let features = plan.same_as.get(&features).copied().unwrap_or(features);
    let members: Vec<Member> = plan.kept[1..].iter().map(|step| member(trace, *step, features)).collect();
    let (block_names, places) = blocks(&members);
    let mut names = Names::new();
    let (builder, image) = GraphBuilder::new(trace.steps[0].shape[0], &block_names[0]);
    let mut maker = Maker {
        trace,
        plan: &plan,
        nodes: HashMap::from([(0, image)]),
        weights: Weights::default(),
        owners: HashMap::new(),
        values: 0,
        builder,
    };
    let mut block = 0;
    for ((step, member), place) in plan.kept[1..].iter().zip(&members).zip(places) {
        while block < place {
            block += 1;
            maker.builder.block(&block_names[block]);
        }
        maker.step(*step, &names.give(&member.path))?;
    }
    let Maker { nodes, weights, builder, .. } = maker;
    let node = |step: StepId| nodes[&plan.same_as.get(&step).copied().unwrap_or(step)];
    let architecture = Architecture::Imported.name();
    let logit_count = trace.steps[cut.logits].shape[0];
    let outputs = [node(cut.logits)];
    let graph = builder.finish_as(ModelKind::Classifier, architecture, &outputs, logit_count, node(features), 1);
    weights.check(&graph)?;
    weights.check_finite()?;
    let norm_folded = norm_folded(trace, &plan);
    Ok(Built { graph, weights, norm_folded, notes: features_note.into_iter().collect() })
}

/// The steps that the logits hang on.
fn alive(steps: &[Step<'_>], logits: StepId) -> Vec<bool> {
    let mut alive = vec![false; steps.len()];
    (alive[0], alive[logits]) = (true, true);
    for step in (0..steps.len()).rev() {
        if alive[step] {
            steps[step].inputs.iter().for_each(|input| alive[*input] = true);
        }
    }
    alive
}

/// Refuses parts of patterns that became no whole.
fn refuse_loose(trace: &Trace<'_>, alive: &[bool]) -> Result<()> {
    let mut problems = Vec::new();
    for step in trace.steps.iter().zip(alive).filter(|(_, alive)| **alive).map(|(step, _)| step) {
        let reason = match &step.kind {
            Kind::Loose(loose) => format!("a {} is read as a part of known layers alone", loose.name()),
            Kind::LowPad(_) => "it pads by the lowest number, which only a max pool reads".to_owned(),
            Kind::Channels(channels) if channels.picked.is_some() && step.inputs != [0] => {
                "it picks channels behind the first layer".to_owned()
            }
            _ => continue,
        };
        if let Some(node) = step.node {
            problems.push(Problem::of_node(node, &trace.model.nodes[node], reason));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(refusal(&problems)) }
}

/// Puts factors, offsets and borders into the layers beside them, where these are alone with them.
fn plan(steps: &[Step<'_>], alive: &[bool], logits: StepId) -> Plan {
    let mut readers = vec![0; steps.len()];
    for (step, alive) in steps.iter().zip(alive) {
        if *alive {
            step.inputs.iter().for_each(|input| readers[*input] += 1);
        }
    }
    let alone = |step: StepId| readers[step] == 1 && step != logits;
    let mut plan = Plan::default();
    for (index, step) in steps.iter().enumerate().filter(|(index, _)| alive[*index]) {
        match (&step.kind, step.inputs.first()) {
            (Kind::Channels(channels), Some(&input)) => plan.channels(steps, index, channels, input, alone(input)),
            (Kind::Conv(conv, _), Some(&input)) => {
                if let Kind::Plain(Op::Pad(border)) = steps[input].kind
                    && alone(input)
                {
                    let span = conv.span();
                    let fits = |axis: usize| {
                        let before = conv.padding.before[axis] + border.before[axis];
                        let after = conv.padding.after[axis] + border.after[axis];
                        before < span[axis] && after < span[axis]
                    };
                    if fits(0) && fits(1) {
                        plan.padded.insert(index, input);
                        plan.kept.retain(|kept| *kept != input);
                    }
                }
                plan.kept.push(index);
            }
            _ => plan.kept.push(index),
        }
    }
    plan
}

/// Whether a layer takes factors and offsets over without another result: offsets always, factors where it has none.
fn takes(kind: &Kind<'_>, channels: &Channels) -> bool {
    channels.picked.is_none()
        && match kind {
            Kind::Conv(..) | Kind::Linear(..) => channels.has_offsets_alone(),
            Kind::LayerNorm(_, None, None) => true,
            _ => false,
        }
}

/// What the blocks are made of.
fn member(trace: &Trace<'_>, step: StepId, features: StepId) -> Member {
    let found = &trace.steps[step];
    let stored = match &found.kind {
        Kind::Conv(_, layer) | Kind::Linear(_, layer) => layer.weight.stored(),
        Kind::BatchNorm(_, parameters) => parameters[0].stored(),
        Kind::LayerNorm(_, weight, _) => weight.as_ref().and_then(|weight| weight.stored()),
        _ => None,
    };
    let is_layer = matches!(found.kind, Kind::Conv(..) | Kind::Linear(..));
    let has_weights = is_layer || matches!(found.kind, Kind::BatchNorm(..) | Kind::LayerNorm(..));
    let path = found.node.map(|node| module_path(&trace.model.nodes[node], stored.map(|stored| stored.name)));
    let path = path.filter(|path| !path.is_empty()).unwrap_or_else(|| format!("node_{step}"));
    let [_, rows, columns] = found.shape;
    Member { path, extent: [rows, columns], is_layer, has_weights, is_head: step > features }
}

/// The last feature map in front of pooling, and a word where there are several.
fn features(steps: &[Step<'_>], logits: StepId) -> (StepId, Option<String>) {
    let (mut seen, mut ahead, mut found) = (HashSet::new(), vec![logits], Vec::new());
    while let Some(step) = ahead.pop() {
        if !seen.insert(step) {
            continue;
        }
        let is_map = |step: StepId| steps[step].shape[1..] != [1, 1];
        for &input in &steps[step].inputs {
            let pools = match steps[step].kind {
                Kind::Plain(Op::GlobalAvgPool) => true,
                Kind::Plain(Op::MaxPool(pool)) => pool.kernel == steps[input].shape[1..] && is_map(input),
                _ => false,
            };
            if pools {
                found.push(input);
            } else if is_map(input) || input == 0 || matches!(steps[step].kind, Kind::Plain(Op::MaxPool(_))) {
                // An average in front of a layer that reads all pixels pools as well.
                let pooled = matches!(steps[input].kind, Kind::Plain(Op::AvgPool { .. }));
                let linear = matches!(steps[step].kind, Kind::Linear(..));
                found.push(if pooled && linear { steps[input].inputs[0] } else { input });
            } else {
                ahead.push(input);
            }
        }
    }
    found.retain(|step| *step != 0);
    found.sort_unstable();
    found.dedup();
    match found[..] {
        [] => (logits, None),
        [only] => (only, None),
        [.., last] => {
            (last, Some(format!("the class scores read {} feature maps; Grad-CAM reads the last of them", found.len())))
        }
    }
}

/// Whether batch normalization was folded into convolutions before.
fn norm_folded(trace: &Trace<'_>, plan: &Plan) -> bool {
    let mut convolutions = 0;
    let (mut biased, mut named, mut told) = (0, 0, false);
    for step in &plan.kept {
        let step = &trace.steps[*step];
        let Kind::Conv(_, layer) = &step.kind else { continue };
        convolutions += 1;
        if layer.bias.is_none() {
            continue;
        }
        biased += 1;
        let name_of = |constant: Option<&super::tensor::Constant<'_>>| {
            constant.and_then(|constant| constant.stored()).map_or("", |stored| stored.name).to_lowercase()
        };
        let (weight, bias) = (name_of(Some(&layer.weight)), name_of(layer.bias.as_ref()));
        let ends = |name: &str, end: &str| name.rsplit('.').next() == Some(end);
        named += usize::from(ends(&weight, "weight") && ends(&bias, "bias"));
        let metadata = step.node.map_or(&[][..], |node| &trace.model.nodes[node].metadata);
        let rewritten = metadata.iter().any(|(_, value)| value.contains("BatchNorm"));
        let named_so = ["batchnorm", "batch_norm", "batch_normalization", "fused_bn", "_bn", ".bn"];
        let by_name = named_so.iter().any(|part| bias.contains(part) || weight.contains(part));
        told |= rewritten || by_name || weight.starts_with("onnx::conv");
    }
    let norms = |kind: &Kind<'_>| matches!(kind, Kind::BatchNorm(..) | Kind::LayerNorm(..));
    let without = !plan.kept.iter().any(|step| norms(&trace.steps[*step].kind));
    told || (without && convolutions >= DEEP && biased == convolutions && named == 0)
}

/// Makes nodes and weights out of steps.
struct Maker<'t, 'a> {
    trace: &'t Trace<'a>,
    plan: &'t Plan,
    nodes: HashMap<StepId, NodeId>,
    weights: Weights,
    /// Layers by the stored tensors that they read.
    owners: HashMap<String, StepId>,
    /// Values of all weights so far.
    values: usize,
    builder: GraphBuilder,
}

impl Maker<'_, '_> {
    fn step(&mut self, step: StepId, name: &str) -> Result<()> {
        let found = &self.trace.steps[step];
        let mut inputs: Vec<StepId> = found.inputs.clone();
        let border = self.plan.padded.get(&step).map(|pad| {
            inputs.clone_from(&self.trace.steps[*pad].inputs);
            &self.trace.steps[*pad].kind
        });
        let channels_of = self.plan.channels.get(&step);
        if let Some((_, read)) = channels_of {
            inputs = vec![*read];
        }
        let read = inputs.first().map_or([1; 3], |input| self.trace.steps[*input].shape);
        let nodes: Vec<NodeId> =
            inputs.iter().map(|input| self.nodes[&self.plan.same_as.get(input).copied().unwrap_or(*input)]).collect();
        let taken = self.plan.taken.get(&step);
        let channels = found.shape[0];
        let (op, parameters) = match &found.kind {
            Kind::Conv(conv, layer) => {
                let mut conv = *conv;
                if let Some(Kind::Plain(Op::Pad(border))) = border {
                    for axis in 0..2 {
                        conv.padding.before[axis] += border.before[axis];
                        conv.padding.after[axis] += border.after[axis];
                    }
                }
                conv.bias |= taken.is_some();
                let shape = vec![channels, read[0] / conv.groups, conv.kernel[0], conv.kernel[1]];
                let op = Op::Conv2d(conv);
                if self.shared(step, name, op, layer, &nodes) {
                    return Ok(());
                }
                // A matrix reads the channels of single pixels.
                (op, self.layer(step, layer, shape, [read[0], 1, 1], taken)?)
            }
            Kind::Linear(extent, layer) => {
                let bias = layer.bias.is_some() || taken.is_some();
                let op = Op::Linear { out_features: channels, extent: *extent, bias };
                if self.shared(step, name, op, layer, &nodes) {
                    return Ok(());
                }
                (op, self.layer(step, layer, vec![channels, read.iter().product()], read, taken)?)
            }
            Kind::BatchNorm(eps, constants) => {
                let named = ["weight", "bias", "running_mean", "running_var"];
                let values = named.into_iter().zip(constants).map(|(name, constant)| {
                    constant
                        .reals()
                        .map(|values| (name, vec![channels], values))
                        .map_err(|reason| self.refuse(step, reason))
                });
                (Op::BatchNorm(BatchNorm { eps: *eps, scale: true }), values.collect::<Result<Vec<_>>>()?)
            }
            Kind::LayerNorm(eps, weight, bias) => {
                let read = |constant: &Option<super::tensor::Constant<'_>>| match constant {
                    Some(constant) => constant.reals().map(Some).map_err(|reason| self.refuse(step, reason)),
                    None => Ok(None),
                };
                let usual = |values: Option<Vec<f32>>, taken: Option<&Vec<f64>>, usual: f32| match (values, taken) {
                    (Some(values), _) => values,
                    (None, Some(taken)) => taken.iter().map(|value| *value as f32).collect(),
                    (None, None) => vec![usual; channels],
                };
                let weight = usual(read(weight)?, taken.map(|taken| &taken.factors), 1.0);
                let bias = usual(read(bias)?, taken.map(|taken| &taken.offsets), 0.0);
                (Op::LayerNorm { eps: *eps }, vec![("weight", vec![channels], weight), ("bias", vec![channels], bias)])
            }
            Kind::Channels(wanted) => {
                let wanted = channels_of.map_or(wanted, |(wanted, _)| wanted);
                let (op, parameters) = channel_layer(wanted, read[0]);
                self.add(step, name, op, &nodes, parameters)?;
                if wanted.is_one_for_all() || !self.is_learned(&inputs) {
                    self.builder.start(Start::Fixed);
                }
                return Ok(());
            }
            Kind::Plain(op) => (*op, Vec::new()),
            Kind::Input | Kind::Loose(_) | Kind::LowPad(_) => unreachable!("refused or made before"),
        };
        self.add(step, name, op, &nodes, parameters)
    }

    /// Whether a layer lies in front of one of these steps: the scaling of the image itself is no layer.
    fn is_learned(&self, steps: &[StepId]) -> bool {
        let (mut seen, mut ahead) = (HashSet::new(), steps.to_vec());
        while let Some(step) = ahead.pop() {
            let found = &self.trace.steps[step];
            if matches!(found.kind, Kind::Conv(..) | Kind::Linear(..) | Kind::BatchNorm(..) | Kind::LayerNorm(..)) {
                return true;
            }
            ahead.extend(found.inputs.iter().copied().filter(|input| seen.insert(*input)));
        }
        false
    }

    /// Weight and bias of a layer.
    fn layer(
        &self,
        step: StepId,
        layer: &Layer<'_>,
        shape: Vec<usize>,
        read: [usize; 3],
        taken: Option<&Channels>,
    ) -> Result<Vec<Parameter>> {
        let out = shape[0];
        let refuse = |reason| self.refuse(step, reason);
        let values = weight(layer, out, read).map_err(refuse)?;
        let mut parameters = vec![("weight", shape, values)];
        let own = bias(layer).map_err(refuse)?;
        if own.is_some() || taken.is_some() {
            let mut bias = own.unwrap_or_else(|| vec![0.0; out]);
            for (value, offset) in bias.iter_mut().zip(taken.into_iter().flat_map(|taken| &taken.offsets)) {
                *value = (f64::from(*value) + offset) as f32;
            }
            parameters.push(("bias", vec![out], bias));
        }
        Ok(parameters)
    }

    /// Adds a layer that reads the same stored tensors as an earlier one in the same way, where there is such.
    fn shared(&mut self, step: StepId, name: &str, op: Op, layer: &Layer<'_>, nodes: &[NodeId]) -> bool {
        let Some(weight) = layer.weight.stored().filter(|_| !self.plan.taken.contains_key(&step)) else { return false };
        let bias = layer.bias.as_ref().map(|bias| bias.stored().map(|bias| bias.name));
        if weight.name.is_empty() || bias == Some(None) {
            return false;
        }
        let read = nodes.first().map(|node| self.builder.channels(*node));
        let key = format!("{} {bias:?} {op:?} {:?} {:?} {read:?}", weight.name, layer.matrix, layer.factors);
        if let Some(owner) = self.owners.get(&key) {
            let id = self.builder.shared(name, nodes, self.nodes[owner]);
            self.nodes.insert(step, id);
            return true;
        }
        self.owners.insert(key, step);
        false
    }

    fn add(&mut self, step: StepId, name: &str, op: Op, nodes: &[NodeId], parameters: Vec<Parameter>) -> Result<()> {
        let id = self.builder.op(name, op, nodes).map_err(|problem| self.refuse(step, format!("it {problem}")))?;
        self.nodes.insert(step, id);
        for (suffix, shape, values) in parameters {
            self.values = self.values.saturating_add(values.len());
            if self.values > limits::FOREIGN_VALUES {
                return Err(Error::Unsupported("the weights take more than 2 GiB".to_owned()));
            }
            self.weights.insert(format!("{name}.{suffix}"), Tensor { shape, values });
        }
        Ok(())
    }

    fn refuse(&self, step: StepId, reason: String) -> Error {
        match self.trace.steps[step].node {
            Some(node) => refusal(&[Problem::of_node(node, &self.trace.model.nodes[node], reason)]),
            None => Error::Unsupported(reason),
        }
    }
}

/// Factors and offsets as a node of their own; where channels are picked, as a convolution of single pixels.
fn channel_layer(wanted: &Channels, read: usize) -> (Op, Vec<Parameter>) {
    let out = wanted.factors.len();
    let offset = wanted.offsets.iter().any(|offset| *offset != 0.0);
    let mut parameters = Vec::new();
    let op = match &wanted.picked {
        None => {
            parameters.push(("weight", vec![out], wanted.factors.iter().map(|factor| *factor as f32).collect()));
            Op::Scale { bias: offset }
        }
        Some(picked) => {
            let mut kernel = vec![0.0; out * read];
            for (row, (from, factor)) in picked.iter().zip(&wanted.factors).enumerate() {
                kernel[row * read + from] = *factor as f32;
            }
            parameters.push(("weight", vec![out, read, 1, 1], kernel));
            Op::Conv2d(crate::network::Conv2d::new(out, [1, 1]).bias(offset))
        }
    };
    if offset {
        parameters.push(("bias", vec![out], wanted.offsets.iter().map(|offset| *offset as f32).collect()));
    }
    (op, parameters)
}
