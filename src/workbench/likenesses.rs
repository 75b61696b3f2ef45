//! How alike chosen maps are, computed once in the background.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cascade::Similarity;
use crate::display::ContentId;
use crate::job::{Ending, Jobs, Lane, Start};
use crate::reading::{Answer, likeness};

/// Pairs remembered; each is a few numbers.
const KEPT: usize = 2_000;

/// Where the likeness of a pair stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Likeness {
    /// It is being computed.
    Pending,
    /// It is there; measures that are not defined are absent.
    Known(Similarity),
}

type Pair = [ContentId; 2];

/// The likeness of pairs of maps.
#[derive(Default)]
pub struct Likenesses {
    pairs: Arc<Mutex<HashMap<Pair, Likeness>>>,
}

impl Likenesses {
    /// How alike two maps are; asked for the first time, it is computed in the background.
    pub fn look(&self, jobs: &Jobs, a: &Arc<Answer>, b: &Arc<Answer>) -> Likeness {
        let pair = [a.display.id(), b.display.id()];
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = pairs.get(&pair) {
            return *known;
        }
        if pairs.len() >= KEPT {
            pairs.clear();
        }
        pairs.insert(pair, Likeness::Pending);
        drop(pairs);
        let (pairs, a, b) = (Arc::clone(&self.pairs), Arc::clone(a), Arc::clone(b));
        let name = "Compare two maps".to_owned();
        // Some tens of milliseconds: networks at work or files being opened would let it wait for seconds.
        let start = Start { name, lane: Lane::Thumbnails, urgent: true, listed: false };
        jobs.start(start, move |_| {
            let found = Likeness::Known(likeness(&a, &b));
            pairs.lock().unwrap_or_else(PoisonError::into_inner).insert(pair, found);
            Ending::Done(None)
        });
        Likeness::Pending
    }
}
