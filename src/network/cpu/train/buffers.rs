//! Memory that passes of the same shape use again.

use std::collections::HashMap;

use super::super::kernel::Aligned;

/// Buffers not in use, by length.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    free: HashMap<usize, Vec<Aligned>>,
}

impl Buffers {
    /// `len` values, whatever they were.
    pub(super) fn take(&mut self, len: usize) -> Aligned {
        self.free.get_mut(&len).and_then(Vec::pop).unwrap_or_else(|| Aligned::zeros(len))
    }

    /// Takes back what is no longer needed.
    pub(super) fn give(&mut self, values: Aligned) {
        self.free.entry(values.as_slice().len()).or_default().push(values);
    }

    /// Values in them.
    pub(super) fn len(&self) -> usize {
        self.free.iter().map(|(len, free)| len * free.len()).sum()
    }

    /// Frees everything not in use: the next pass has another shape.
    pub(super) fn clear(&mut self) {
        self.free.clear();
    }
}
