//! A cascade as it is drawn.

use std::sync::Arc;

use image::RgbImage;

use crate::display::{CascadeDisplay, CascadeStack, Fields, GrayDisplay, Plane, Viewport};

/// The maps of a cascade at one place of it, in a view.
#[derive(Clone, Debug)]
pub struct CascadePicture {
    /// Which view this is: pictures on the screen at the same time have different ones.
    pub view_id: u64,
    /// The radiograph.
    pub plane: Arc<Plane>,
    /// How it becomes gray.
    pub gray: GrayDisplay,
    /// The maps.
    pub stack: CascadeStack,
    /// How they are shown.
    pub display: CascadeDisplay,
    /// Where the radiograph is.
    pub viewport: Viewport,
}

impl CascadePicture {
    /// The same picture, computed without a graphics card.
    pub fn render(&self) -> RgbImage {
        self.render_with(&mut Fields::default())
    }

    /// The same, with what is left of the last time.
    pub fn render_with(&self, fields: &mut Fields) -> RgbImage {
        self.display.render_with(&self.plane, &self.gray, &self.stack, &self.viewport, fields)
    }
}
