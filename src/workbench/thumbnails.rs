//! Thumbnails of the rows that can be seen, made in the background; those used longest ago go first.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use egui::{ColorImage, Context, TextureHandle, TextureOptions};

use super::list::EntryId;
use super::services::{Message, Post};
use crate::job::{Ending, Jobs, Lane, Start};
use crate::reading::{Thumbnail, ThumbnailSource};
use crate::watch::Watch;

/// Columns and rows of a thumbnail, in pixels.
pub(super) const SIDE_PX: usize = 48;

/// Most thumbnails kept, 9 KB each on the graphics card.
pub const KEPT: usize = 400;

/// A thumbnail, or that there can be none.
struct Slot {
    texture: Option<TextureHandle>,
    used: u64,
}

/// What waits to be made, shared with the job that makes it.
#[derive(Default)]
struct Queue {
    wanted: VecDeque<(EntryId, ThumbnailSource)>,
    /// What is being made now.
    making: Option<EntryId>,
    is_working: bool,
}

/// Thumbnails of cases.
#[derive(Default)]
pub struct Thumbnails {
    slots: HashMap<EntryId, Slot>,
    clock: u64,
    queue: Arc<Mutex<Queue>>,
    missing: Vec<(EntryId, ThumbnailSource)>,
}

/// Lets the next job start, whatever became of this one.
struct Working(Arc<Mutex<Queue>>);

impl Drop for Working {
    fn drop(&mut self) {
        let mut queue = lock(&self.0);
        (queue.is_working, queue.making) = (false, None);
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    // Nothing that can panic runs while the lock is held.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Thumbnails {
    /// The thumbnail of a row that can be seen; where it is not there it is noted as missing, with what it is made of.
    pub fn see(&mut self, id: EntryId, source: impl FnOnce() -> ThumbnailSource) -> Option<&TextureHandle> {
        self.clock += 1;
        match self.slots.get_mut(&id) {
            Some(slot) => slot.used = self.clock,
            None => self.missing.push((id, source())),
        }
        self.slots.get(&id)?.texture.as_ref()
    }

    /// Has the missing thumbnails of this frame made. What was asked for in earlier frames and has been scrolled past is
    /// forgotten.
    pub fn make_missing(&mut self, jobs: &Jobs, post: Post) {
        let missing = std::mem::take(&mut self.missing);
        let mut queue = lock(&self.queue);
        let making = queue.making;
        queue.wanted = missing.into_iter().filter(|(id, _)| Some(*id) != making).collect();
        if queue.is_working || queue.wanted.is_empty() {
            return;
        }
        queue.is_working = true;
        drop(queue);
        let working = Working(Arc::clone(&self.queue));
        let start = Start { name: "Thumbnails".to_owned(), lane: Lane::Thumbnails, urgent: false, listed: false };
        jobs.start(start, move |watch| {
            loop {
                let mut queue = lock(&working.0);
                let next = queue.wanted.pop_front().filter(|_| !watch.is_cancelled());
                queue.making = next.as_ref().map(|(id, _)| *id);
                // Decided under the lock, so that nothing can be wished for in between and wait for ever.
                queue.is_working = next.is_some();
                drop(queue);
                let Some((id, source)) = next else { return Ending::Done(None) };
                // Why an image cannot be read is told when it is opened.
                post.send(Message::ThumbnailMade(id, source.thumbnail(SIDE_PX).ok()));
            }
        });
    }

    /// Keeps a thumbnail, or that there can be none.
    pub fn put(&mut self, context: &Context, id: EntryId, made: Option<&Thumbnail>) {
        self.clock += 1;
        let texture = made.map(|made| {
            let image = ColorImage::from_gray([made.side_px; 2], &made.gray);
            context.load_texture("thumbnail", image, TextureOptions::LINEAR)
        });
        self.slots.insert(id, Slot { texture, used: self.clock });
        if self.slots.len() > KEPT {
            let oldest = self.slots.iter().min_by_key(|(_, slot)| slot.used).map(|(id, _)| *id);
            oldest.map(|oldest| self.slots.remove(&oldest));
        }
    }

    /// Thumbnails kept, with those that cannot be made.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Thumbnails that wait to be made.
    pub fn waiting(&self) -> usize {
        lock(&self.queue).wanted.len()
    }
}
