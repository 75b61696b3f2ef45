//! Every difference between a set of tensors and the graph it was meant for, told in one sentence.

use std::fmt;

use super::architecture::Architecture;

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
    /// Whether there is no difference.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.superfluous.is_empty() && self.misshapen.is_empty()
    }

    /// Remembers the architecture these names belong to where it is not `expected`.
    pub(super) fn find_lookalike<'a>(&mut self, expected: &str, names: impl Iterator<Item = &'a str>) {
        self.lookalike = Architecture::detect(names).filter(|found| found.name() != expected);
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
