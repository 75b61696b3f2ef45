//! Networks of one graph that differ in some of their weights, and what they have in common: threads, memory, plans made
//! of shared packed weights, and the activations below the first layer in which they differ.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::Result;
use super::super::executor::{Batch, ForwardWork};
use super::super::graph::{Graph, NodeId};
use super::super::weights::Weights;
use super::checkpoint::Checkpoint;
use super::kernel::{Isa, Memory};
use super::lower::{Lowered, lower};
use super::plan::{PackCache, Plan, Source, plan};
use super::ties::TieRule;

/// Number of a network in its [`Family`], in the order in which they joined.
pub(super) type Member = usize;

/// Which images a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Layout {
    /// Height and width.
    pub(super) px: [usize; 2],
    /// Sums below max pools are exact, for images that lead to ties.
    pub(super) exact: bool,
}

/// A network as passes over memory.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) lowered: Lowered,
    /// For each layer the member that had it first: equal numbers, equal layers.
    pub(super) origins: Vec<Member>,
}

impl Form {
    /// The first layer in which it differs from `other`; the number of layers where it does not.
    pub(super) fn first_difference(&self, other: &Self) -> usize {
        let pairs = self.origins.iter().zip(&other.origins);
        pairs.take_while(|(own, other)| own == other).count()
    }
}

/// See the module.
pub(super) struct Family {
    pub(super) graph: Graph,
    pub(super) isa: Isa,
    pub(super) winograd: bool,
    pub(super) pool: rayon::ThreadPool,
    /// Bytes that kept activations may take.
    pub(super) kept_bytes: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    joined: usize,
    members: BTreeMap<Member, Weights>,
    /// By the node they keep.
    forms: HashMap<(NodeId, Member), Arc<Form>>,
    packs: HashMap<NodeId, PackCache>,
    plans: HashMap<(Layout, NodeId, Member), Arc<Plan>>,
    tie_rules: HashMap<[usize; 2], Option<Arc<TieRule>>>,
    /// Memory of the last pass; a pass that finds none takes new memory.
    memory: Option<Memory>,
    /// One for each layout and node, the latest last.
    checkpoints: Vec<Arc<Checkpoint>>,
    work: ForwardWork,
}

impl Family {
    pub(super) fn new(graph: Graph, isa: Isa, winograd: bool, pool: rayon::ThreadPool, kept_bytes: usize) -> Self {
        Self { graph, isa, winograd, pool, kept_bytes, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The maps hold finished values only, so a panic elsewhere leaves them usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up a network.
    ///
    /// # Errors
    /// When a tensor is missing or the graph holds an operation without a kernel.
    pub(super) fn join(&self, weights: &Weights) -> Result<Member> {
        let member = {
            let mut state = self.state();
            let member = state.joined;
            state.joined += 1;
            state.members.insert(member, weights.clone());
            member
        };
        match self.form(self.graph.features(), member) {
            Ok(_) => Ok(member),
            Err(error) => {
                self.leave(member);
                Err(error)
            }
        }
    }

    /// Forgets a network and what only it needs.
    pub(super) fn leave(&self, leaving: Member) {
        let mut state = self.state();
        state.members.remove(&leaving);
        state.forms.retain(|(_, member), _| *member != leaving);
        state.plans.retain(|(_, _, member), _| *member != leaving);
        let State { forms, packs, .. } = &mut *state;
        for (pinned, packs) in packs {
            packs.retain(|(layer, _, origin), _| {
                forms.iter().any(|((node, _), form)| node == pinned && form.origins[*layer] == *origin)
            });
        }
    }

    /// The network as passes over memory, with the output of `pinned` in memory as the graph defines it.
    pub(super) fn form(&self, pinned: NodeId, member: Member) -> Result<Arc<Form>> {
        if let Some(form) = self.state().forms.get(&(pinned, member)) {
            return Ok(Arc::clone(form));
        }
        let (weights, elders) = {
            let state = self.state();
            let elders: Vec<(Member, Weights)> =
                state.members.range(..member).map(|(elder, weights)| (*elder, weights.clone())).collect();
            (state.members.get(&member).cloned().unwrap_or_default(), elders)
        };
        let lowered = lower(&self.graph, &weights, pinned)?;
        let mut origins = vec![member; lowered.layers.len()];
        for (elder, elders_weights) in &elders {
            // One that left in the meantime.
            let Ok(form) = self.form(pinned, *elder) else { continue };
            let shares = |name: &str| match (weights.shared(name), elders_weights.shared(name)) {
                (Some(own), Some(elders)) => Arc::ptr_eq(own, elders),
                _ => false,
            };
            for (index, (layer, elders)) in lowered.layers.iter().zip(&form.lowered.layers).enumerate() {
                if origins[index] == member && layer.computes_as(elders, shares) {
                    origins[index] = form.origins[index];
                }
            }
        }
        let form = Arc::new(Form { lowered, origins });
        self.state().forms.insert((pinned, member), Arc::clone(&form));
        Ok(form)
    }

    /// The rule for images of this size; `None` where none is needed.
    pub(super) fn tie_rule(&self, px: [usize; 2]) -> Result<Option<Arc<TieRule>>> {
        if !self.winograd {
            return Ok(None);
        }
        if let Some(rule) = self.state().tie_rules.get(&px) {
            return Ok(rule.clone());
        }
        let rule = TieRule::new(&self.graph, &self.graph.extents(px[0], px[1])?).map(Arc::new);
        self.state().tie_rules.insert(px, rule.clone());
        Ok(rule)
    }

    /// The steps of a network.
    pub(super) fn plan(&self, layout: Layout, pinned: NodeId, member: Member, form: &Form) -> Result<Arc<Plan>> {
        let key = (layout, pinned, member);
        if let Some(plan) = self.state().plans.get(&key) {
            return Ok(Arc::clone(plan));
        }
        let rule = if layout.exact { self.tie_rule(layout.px)? } else { None };
        let (weights, mut packs) = {
            let mut state = self.state();
            let weights = state.members.get(&member).cloned().unwrap_or_default();
            (weights, state.packs.remove(&pinned).unwrap_or_default())
        };
        let source = Source {
            graph: &self.graph,
            weights: &weights,
            lowered: &form.lowered,
            origins: &form.origins,
            kernels: self.isa.kernels(),
            winograd: self.winograd,
            exact: rule.as_deref(),
        };
        let plan = self.pool.install(|| plan(&source, &mut packs, layout.px[0], layout.px[1]));
        let mut state = self.state();
        state.packs.insert(pinned, packs);
        let plan = Arc::new(plan?);
        state.plans.insert(key, Arc::clone(&plan));
        Ok(plan)
    }

    /// The forward steps from which on networks that joined after `member` may want to go on.
    pub(super) fn boundaries(&self, pinned: NodeId, member: Member, form: &Form, plan: &Plan) -> Vec<usize> {
        let younger: Vec<Member> = self.state().members.range(member + 1..).map(|(member, _)| *member).collect();
        let step = |member: Member| {
            let other = self.form(pinned, member).ok()?;
            Some(plan.resumable(form.first_difference(&other)))
        };
        let mut steps: Vec<usize> = younger.into_iter().filter_map(step).collect();
        steps.sort_unstable();
        steps.dedup();
        steps
    }

    /// What was kept of a pass over `input`.
    pub(super) fn checkpoint(&self, layout: Layout, pinned: NodeId, input: &Batch) -> Option<Arc<Checkpoint>> {
        let kept = self.state().checkpoints.iter().find(|kept| kept.is_for(layout, pinned)).cloned();
        kept.filter(|kept| kept.input() == input)
    }

    /// Keeps what a pass left, in place of what was kept before for its layout and node; older ones go where the bytes
    /// do not suffice for all.
    pub(super) fn keep(&self, layout: Layout, pinned: NodeId, checkpoint: Checkpoint) {
        let mut state = self.state();
        state.checkpoints.retain(|kept| !kept.is_for(layout, pinned));
        let mut bytes = checkpoint.bytes();
        state.checkpoints.push(Arc::new(checkpoint));
        let mut first = state.checkpoints.len() - 1;
        while first > 0 && bytes + state.checkpoints[first - 1].bytes() <= self.kept_bytes {
            first -= 1;
            bytes += state.checkpoints[first].bytes();
        }
        state.checkpoints.drain(..first);
    }

    pub(super) fn take_memory(&self) -> Memory {
        self.state().memory.take().unwrap_or_default()
    }

    pub(super) fn give_memory(&self, memory: Memory) {
        self.state().memory = Some(memory);
    }

    pub(super) fn add_work(&self, done: u64, reused: u64) {
        let work = &mut self.state().work;
        work.done += done;
        work.reused += reused;
    }

    pub(super) fn work(&self) -> ForwardWork {
        self.state().work
    }
}
