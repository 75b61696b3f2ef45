//! A case as it is drawn.

use std::sync::Arc;

use image::RgbImage;

use crate::display::{Compositor, Fields, GrayDisplay, Lens, MapDisplay, MapPlane, Plane, Viewport};

/// A radiograph with a map over it, in a view.
#[derive(Clone, Debug)]
pub struct CasePicture {
    /// Which view this is: pictures on the screen at the same time have different ones.
    pub view_id: u64,
    /// The radiograph.
    pub plane: Arc<Plane>,
    /// How it becomes gray.
    pub gray: GrayDisplay,
    /// What is over it.
    pub map: Option<MapLayer>,
    /// Where it is.
    pub viewport: Viewport,
    /// A magnifier over it.
    pub lens: Option<Lens>,
}

/// A map over a radiograph.
#[derive(Clone, Debug)]
pub struct MapLayer {
    /// The map.
    pub map: MapPlane,
    /// How it is shown.
    pub display: MapDisplay,
    /// Another map of any size it is blended into, and how far: 0 shows the first, 1 the other.
    pub fade: Option<(MapPlane, f32)>,
}

impl CasePicture {
    /// A radiograph in a view, shown as its file wants.
    pub fn new(view_id: u64, plane: Arc<Plane>, viewport: Viewport) -> Self {
        let gray = plane.own().clone();
        Self { view_id, plane, gray, map: None, viewport, lens: None }
    }

    /// The same picture, computed without a graphics card.
    pub fn render(&self) -> RgbImage {
        self.render_with(&mut Fields::default())
    }

    /// The same, with what is left of the last time.
    pub fn render_with(&self, fields: &mut Fields) -> RgbImage {
        let map = self.map.as_ref().map(|layer| (&layer.map, &layer.display));
        let mut compositor = Compositor::new(&self.plane, &self.gray, map);
        if let Some((other, mix)) = self.map.as_ref().and_then(|layer| layer.fade.as_ref()) {
            compositor = compositor.fading_to(other, *mix);
        }
        match &self.lens {
            None => compositor.render_with(&self.viewport, fields),
            Some(lens) => compositor.render_with_lens(&self.viewport, lens),
        }
    }
}
