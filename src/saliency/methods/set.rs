//! Sets of methods.

use super::Method;

/// A set of methods, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::saliency) struct MethodSet(u64);

const _: () = assert!(Method::ALL.len() <= u64::BITS as usize, "every method has a bit of its own");

impl MethodSet {
    /// The set of one method.
    pub(in crate::saliency) fn of(method: Method) -> Self {
        Self(1 << method as u32)
    }

    pub(in crate::saliency) fn insert(&mut self, method: Method) {
        self.0 |= Self::of(method).0;
    }

    pub(in crate::saliency) fn contains(self, method: Method) -> bool {
        self.0 & Self::of(method).0 != 0
    }

    /// How many methods it holds.
    pub(in crate::saliency) fn len(self) -> u32 {
        self.0.count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_a_bit_of_its_own() {
        for method in Method::ALL {
            let alone = MethodSet::of(method);
            assert_eq!(alone.len(), 1, "{method}");
            assert!(Method::ALL.iter().all(|other| alone.contains(*other) == (*other == method)), "{method}");
        }
        let mut all = MethodSet::default();
        for (index, method) in Method::ALL.into_iter().enumerate() {
            assert!(!all.contains(method), "{method}");
            all.insert(method);
            assert_eq!(all.len() as usize, index + 1);
        }
    }
}
