//! A small picture of the figure that would be written, painted in the background.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use egui::{ColorImage, Context, TextureHandle, TextureOptions};

use crate::export::shown::ShownFigure;
use crate::figure::Painted;
use crate::job::{Ending, Jobs, Lane, Start};

/// Columns of the picture.
const WIDTH_PX: u32 = 900;

/// A painted figure, or why it cannot be painted.
type Outcome = Result<ColorImage, String>;

#[derive(Default)]
struct Slot {
    /// The figure that is wanted by now.
    wanted: u64,
    painted: Option<(u64, Outcome)>,
}

/// The preview of the export dialog.
#[derive(Default)]
pub struct ExportPreview {
    slot: Arc<Mutex<Slot>>,
    shown: RefCell<Option<Result<TextureHandle, String>>>,
}

impl ExportPreview {
    /// The picture of `figure` as wide as a page of `width_mm`, or the one before while it is painted; nothing until
    /// there is one.
    pub(super) fn look(
        &self,
        context: &Context,
        jobs: &Jobs,
        figure: &ShownFigure,
        width_mm: f64,
    ) -> Option<Result<TextureHandle, String>> {
        let key = figure.fingerprint() ^ width_mm.to_bits();
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, outcome)) = slot.painted.take_if(|(painted, _)| *painted == key) {
            let texture = outcome.map(|image| context.load_texture("export preview", image, TextureOptions::LINEAR));
            *self.shown.borrow_mut() = Some(texture);
        }
        if slot.wanted != key {
            slot.wanted = key;
            drop(slot);
            self.paint(jobs, figure.clone(), width_mm, key);
        }
        self.shown.borrow().clone()
    }

    /// Forgets the picture, so that a dialog opened later does not begin with it.
    pub(super) fn forget(&self) {
        *self.shown.borrow_mut() = None;
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).wanted = 0;
    }

    fn paint(&self, jobs: &Jobs, figure: ShownFigure, width_mm: f64, key: u64) {
        let slot = Arc::clone(&self.slot);
        // Small and waited for, as the pictures of the list are.
        let start = Start { name: "Preview a figure".to_owned(), lane: Lane::Thumbnails, urgent: true, listed: false };
        jobs.start(start, move |_| {
            let is_wanted = || slot.lock().unwrap_or_else(PoisonError::into_inner).wanted == key;
            if !is_wanted() {
                return Ending::Cancelled;
            }
            let painted = figure.preview(width_mm, WIDTH_PX).map(|painted| image(&painted));
            let outcome = painted.map_err(|error| error.without_path());
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if slot.wanted == key {
                slot.painted = Some((key, outcome));
            }
            Ending::Done(None)
        });
    }
}

fn image(painted: &Painted) -> ColorImage {
    ColorImage::from_rgb([painted.width_px as usize, painted.height_px as usize], &painted.rgb)
}
