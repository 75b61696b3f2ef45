//! Who looks on while something takes long: how far it is, and whether it is to go on.
//!
//! Work that has more to tell than counts has a trait of its own above [`Watch`]; all other work takes `&dyn Watch`.

/// Follows work, from any of its threads. All methods do nothing unless overridden; `()` follows nothing.
pub trait Watch: Sync {
    /// `done` of `total` parts are finished; what a part is, the work says.
    fn progress(&self, done: usize, total: usize) {
        let _ = (done, total);
    }

    /// Whether to stop; asked between parts. Once it was true it stays so.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// Whether to wait before the next part. Only work that may take days asks: a benchmark, between two passes.
    fn is_paused(&self) -> bool {
        false
    }
}

impl Watch for () {}

/// One of several equal parts of a whole, watched by whoever watches the whole.
pub struct Part<'a> {
    /// Who watches the whole.
    pub watch: &'a dyn Watch,
    /// Which part, from 0.
    pub index: usize,
    /// Parts of the whole.
    pub parts: usize,
}

impl Watch for Part<'_> {
    fn progress(&self, done: usize, total: usize) {
        self.watch.progress(self.index * total + done, self.parts * total);
    }

    fn is_cancelled(&self) -> bool {
        self.watch.is_cancelled()
    }

    fn is_paused(&self) -> bool {
        self.watch.is_paused()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Whole {
        told: Mutex<Vec<[usize; 2]>>,
        is_stopped: bool,
    }

    impl Watch for Whole {
        fn progress(&self, done: usize, total: usize) {
            self.told.lock().unwrap().push([done, total]);
        }

        fn is_cancelled(&self) -> bool {
            self.is_stopped
        }

        fn is_paused(&self) -> bool {
            self.is_stopped
        }
    }

    #[test]
    fn a_part_is_counted_in_the_whole_and_stops_with_it() {
        let mut whole = Whole::default();
        for index in 0..2 {
            let part = Part { watch: &whole, index, parts: 2 };
            for done in [0, 5, 10] {
                part.progress(done, 10);
            }
            assert!(!part.is_cancelled() && !part.is_paused());
        }
        let told = std::mem::take(&mut *whole.told.lock().unwrap());
        assert_eq!(told, [[0, 20], [5, 20], [10, 20], [10, 20], [15, 20], [20, 20]]);
        whole.is_stopped = true;
        let part = Part { watch: &whole, index: 0, parts: 2 };
        assert!(part.is_cancelled() && part.is_paused());
    }
}
