//! Cases in memory, those looked at longest ago going first.

use std::collections::HashMap;
use std::sync::Arc;

use super::list::EntryId;
use crate::job::JobId;
use crate::reading::OpenCase;

/// Memory for open cases.
const CAPACITY_BYTES: usize = 320 << 20;

enum Slot {
    Reading(JobId),
    Ready(Arc<OpenCase>, u64),
    Failed(String),
}

/// Where a case stands.
#[derive(Clone)]
pub enum Shelved {
    /// It is being read.
    Reading,
    /// It is there.
    Ready(Arc<OpenCase>),
    /// It cannot be read.
    Failed(String),
    /// Nobody asked for it.
    Absent,
}

/// Cases in memory.
#[derive(Default)]
pub struct Shelf {
    slots: HashMap<EntryId, Slot>,
    clock: u64,
}

impl Shelf {
    /// Where a case stands.
    pub fn look(&self, id: EntryId) -> Shelved {
        match self.slots.get(&id) {
            None => Shelved::Absent,
            Some(Slot::Reading(_)) => Shelved::Reading,
            Some(Slot::Ready(case, _)) => Shelved::Ready(Arc::clone(case)),
            Some(Slot::Failed(reason)) => Shelved::Failed(reason.clone()),
        }
    }

    /// The case, where it is there.
    pub fn case(&self, id: EntryId) -> Option<&Arc<OpenCase>> {
        match self.slots.get(&id) {
            Some(Slot::Ready(case, _)) => Some(case),
            _ => None,
        }
    }

    /// Notes that somebody looks at a case, so that it stays.
    pub fn touch(&mut self, id: EntryId) {
        self.clock += 1;
        if let Some(Slot::Ready(_, used)) = self.slots.get_mut(&id) {
            *used = self.clock;
        }
    }

    /// Notes that a case is being read.
    pub fn reading(&mut self, id: EntryId, job: JobId) {
        self.slots.insert(id, Slot::Reading(job));
    }

    /// The job that reads a case.
    pub fn reader(&self, id: EntryId) -> Option<JobId> {
        match self.slots.get(&id) {
            Some(Slot::Reading(job)) => Some(*job),
            _ => None,
        }
    }

    /// Puts a case on the shelf; others go where there are too many.
    pub fn put(&mut self, id: EntryId, case: Arc<OpenCase>) {
        self.clock += 1;
        self.slots.insert(id, Slot::Ready(case, self.clock));
        loop {
            let ready = self.slots.iter().filter_map(|(id, slot)| match slot {
                Slot::Ready(case, used) => Some((*id, *used, case.bytes())),
                Slot::Reading(_) | Slot::Failed(_) => None,
            });
            let ready: Vec<(EntryId, u64, usize)> = ready.collect();
            let bytes: usize = ready.iter().map(|(_, _, bytes)| bytes).sum();
            let oldest = ready.iter().filter(|(other, ..)| *other != id).min_by_key(|(_, used, _)| *used);
            match oldest {
                Some((oldest, ..)) if bytes > CAPACITY_BYTES => {
                    self.slots.remove(oldest);
                }
                _ => return,
            }
        }
    }

    /// Notes that a case cannot be read.
    pub fn fail(&mut self, id: EntryId, reason: String) {
        self.slots.insert(id, Slot::Failed(reason));
    }

    /// Forgets a case.
    pub fn forget(&mut self, id: EntryId) {
        self.slots.remove(&id);
    }

    /// Cases in memory.
    pub fn ready(&self) -> usize {
        self.slots.values().filter(|slot| matches!(slot, Slot::Ready(..))).count()
    }
}
