//! Networks of one graph, asked together.

use super::error::Result;
use super::executor::{Batch, Executor, ForwardWork, PassOutput, Wanted};
use super::graph::Graph;
use super::weights::Weights;

/// That a [`Family`] takes up a network: nobody else can make one, so that nobody else shares what executors keep.
#[derive(Clone, Copy, Debug)]
pub struct Joining(());

/// Networks of one graph whose executors share what their weights have in common.
///
/// What a pass leaves for the others is kept until another batch comes. So a family takes a batch and has all of its members
/// asked about that before it takes the next, in the order in which they joined; there is no other way to reach a member.
pub struct Family {
    first: Box<dyn Executor>,
    others: Vec<Box<dyn Executor>>,
}

impl Family {
    /// A family of one.
    pub fn new(first: Box<dyn Executor>) -> Self {
        Self { first, others: Vec::new() }
    }

    /// Takes up a network for each of `weights`, and says whether it did: executors that know no way to share stay by
    /// themselves. Tensors are common where `weights` are clones of the first network's in which others were replaced.
    ///
    /// # Errors
    /// When weights do not fit, or the device fails.
    pub fn join(&mut self, weights: &[Weights]) -> Result<bool> {
        let made: Option<Vec<_>> =
            weights.iter().map(|weights| self.first.with_weights(weights, Joining(()))).collect();
        let Some(made) = made else { return Ok(false) };
        self.others.extend(made.into_iter().collect::<Result<Vec<_>>>()?);
        Ok(true)
    }

    /// The graph of all members.
    pub fn graph(&self) -> &Graph {
        self.first.graph()
    }

    /// One line for provenance, such as `cpu (avx512, 2 threads)`.
    pub fn describe(&self) -> String {
        self.first.describe()
    }

    /// The batch size at which it runs best for images of this size.
    pub fn preferred_batch(&self, height: usize, width: usize) -> usize {
        self.first.preferred_batch(height, width)
    }

    /// Members; there is always one.
    pub fn members(&self) -> usize {
        1 + self.others.len()
    }

    /// Forward work of all members.
    pub fn forward_work(&self) -> ForwardWork {
        self.first.forward_work()
    }

    /// Has `ask` ask every member about `input`, one after the other by their numbers. Results are the same bits as those of
    /// an executor by itself.
    ///
    /// # Errors
    /// The first that `ask` gives; later members are not asked then.
    pub fn each<E>(
        &self,
        input: &Batch,
        mut ask: impl FnMut(usize, Turn<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let members = std::iter::once(&self.first).chain(&self.others);
        members.enumerate().try_for_each(|(number, executor)| ask(number, Turn { executor: executor.as_ref(), input }))
    }
}

/// One member at one batch.
#[derive(Clone, Copy)]
pub struct Turn<'a> {
    executor: &'a dyn Executor,
    input: &'a Batch,
}

impl Turn<'_> {
    /// Runs a pass over the batch.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn run(&self, wanted: Wanted<'_>) -> Result<PassOutput> {
        self.executor.run(&wanted.of(self.input))
    }
}
