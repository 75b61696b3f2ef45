//! Every difference between a set of tensors and the graph it was meant for, told in one sentence.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::architecture::Architecture;
use super::graph::Graph;

/// Up to this many names of a kind are all listed.
const LISTED: usize = 24;
/// Of more than that, so many are given as examples.
const EXAMPLES: usize = 5;

/// A tensor of another shape than the graph needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misshapen {
    /// Tensor name.
    pub name: String,
    /// Its shape.
    pub found: Vec<usize>,
    /// The shape needed.
    pub expected: Vec<usize>,
}

/// Differences between tensors and graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Names the graph needs and the tensors lack.
    pub missing: Vec<String>,
    /// Names the graph does not know.
    pub superfluous: Vec<String>,
    /// Tensors of another shape.
    pub misshapen: Vec<Misshapen>,
    /// The architecture whose names these are.
    pub lookalike: Option<Architecture>,
}

impl Mismatch {
    /// What differs between the tensors of `shapes` and those that `graph` needs.
    pub(super) fn between(shapes: &BTreeMap<String, &[usize]>, graph: &Graph) -> Self {
        let parameters = graph.parameters();
        let mut mismatch = Self::default();
        let mut known = 0;
        for parameter in &parameters {
            let Some(found) = shapes.get(&parameter.name) else {
                mismatch.missing.push(parameter.name.clone());
                continue;
            };
            known += 1;
            if *found != parameter.shape {
                let (found, expected) = (found.to_vec(), parameter.shape.clone());
                mismatch.misshapen.push(Misshapen { name: parameter.name.clone(), found, expected });
            }
        }
        if known < shapes.len() {
            let needed: BTreeSet<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
            mismatch.superfluous = shapes.keys().filter(|name| !needed.contains(name.as_str())).cloned().collect();
        }
        mismatch
    }

    /// Whether there is no difference.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.superfluous.is_empty() && self.misshapen.is_empty()
    }

    /// How many tensors differ.
    pub fn count(&self) -> usize {
        self.missing.len() + self.superfluous.len() + self.misshapen.len()
    }

    /// Remembers the architecture that tensors of these shapes belong to where it is not `expected`.
    pub(super) fn find_lookalike(&mut self, expected: &str, shapes: &BTreeMap<String, &[usize]>) {
        let shapes = shapes.iter().map(|(name, shape)| (name.clone(), shape.to_vec())).collect();
        self.lookalike = Architecture::detect(&shapes).filter(|found| found.name() != expected);
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let misshapen: Vec<String> = self
            .misshapen
            .iter()
            .map(|tensor| format!("{} {:?} instead of {:?}", tensor.name, tensor.found, tensor.expected))
            .collect();
        let kinds = [("missing", &self.missing), ("superfluous", &self.superfluous), ("of another shape", &misshapen)];
        let mut separator = "";
        for (kind, names) in kinds {
            if names.is_empty() {
                continue;
            }
            let shown = if names.len() > LISTED { EXAMPLES } else { names.len() };
            let more = if shown < names.len() { ", ..." } else { "" };
            write!(f, "{separator}{} {kind} ({}{more})", names.len(), names[..shown].join(", "))?;
            separator = ", ";
        }
        if let Some(lookalike) = self.lookalike {
            write!(f, "; these look like weights of {lookalike}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Architecture, Mismatch, Misshapen};

    #[test]
    fn few_names_are_all_listed_and_many_are_counted() {
        let mismatch = Mismatch {
            missing: vec!["a".to_owned(), "b".to_owned()],
            superfluous: (0..300).map(|i| format!("t{i}")).collect(),
            misshapen: vec![Misshapen { name: "fc.bias".to_owned(), found: vec![1000], expected: vec![2] }],
            lookalike: Some(Architecture::DenseNet121),
        };
        assert_eq!(
            mismatch.to_string(),
            "2 missing (a, b), 300 superfluous (t0, t1, t2, t3, t4, ...), \
             1 of another shape (fc.bias [1000] instead of [2]); these look like weights of densenet_121"
        );
    }
}
