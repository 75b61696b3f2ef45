//! Maps by their content, the least recently used going first.

use std::collections::HashMap;
use std::sync::Arc;

use super::explainer::Answer;
use super::question::MapKey;

/// Finished maps, within a bound of memory.
pub struct MapCache {
    capacity_bytes: usize,
    bytes: usize,
    clock: u64,
    entries: HashMap<MapKey, (u64, Arc<Answer>)>,
}

impl MapCache {
    /// Keeps up to `capacity_bytes` of maps.
    pub fn new(capacity_bytes: usize) -> Self {
        Self { capacity_bytes, bytes: 0, clock: 0, entries: HashMap::new() }
    }

    /// The map called `key`, which counts as used by that.
    pub fn get(&mut self, key: &MapKey) -> Option<Arc<Answer>> {
        self.clock += 1;
        let (used, answer) = self.entries.get_mut(key)?;
        *used = self.clock;
        Some(Arc::clone(answer))
    }

    /// Keeps a map; those used longest ago go where there are too many.
    pub fn insert(&mut self, key: MapKey, answer: Arc<Answer>) {
        self.clock += 1;
        self.bytes += answer.bytes();
        if let Some((_, replaced)) = self.entries.insert(key, (self.clock, answer)) {
            self.bytes -= replaced.bytes();
        }
        while self.bytes > self.capacity_bytes && self.entries.len() > 1 {
            let oldest = self.entries.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
            let Some((_, dropped)) = oldest.and_then(|key| self.entries.remove(&key)) else { return };
            self.bytes -= dropped.bytes();
        }
    }

    /// Bytes in use.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Maps kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
