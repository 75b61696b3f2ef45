//! What a window painted, for text that no assistive program is told of, and for what lies over what.

use egui::epaint::{ClippedShape, TextShape};
use egui::{Rect, Shape};
use egui_kittest::kittest::NodeT as _;

use super::window::Window;

/// A text on the screen.
pub(crate) struct Painted {
    /// The text.
    pub(crate) text: String,
    /// Where its letters are.
    pub(crate) rect: Rect,
    /// The part of the screen in which they can be seen.
    pub(crate) clip: Rect,
    /// Whether letters are left out.
    pub(crate) is_elided: bool,
    /// How many shapes were painted before.
    pub(crate) order: usize,
}

fn texts_of(shape: &Shape, clip: Rect, order: usize, found: &mut Vec<Painted>) {
    match shape {
        Shape::Vec(shapes) => shapes.iter().for_each(|shape| texts_of(shape, clip, order, found)),
        Shape::Text(TextShape { pos, galley, .. }) => found.push(Painted {
            text: galley.text().to_owned(),
            rect: galley.rect.translate(pos.to_vec2()),
            clip,
            is_elided: galley.elided,
            order,
        }),
        _ => {}
    }
}

/// All texts of the latest frame, in the order in which they were painted.
pub(crate) fn texts(window: &Window) -> Vec<Painted> {
    let mut found = Vec::new();
    for (order, ClippedShape { clip_rect, shape, .. }) in window.output().shapes.iter().enumerate() {
        texts_of(shape, *clip_rect, order, &mut found);
    }
    found
}

/// Where something visible was painted after the first `order` shapes.
pub(crate) fn painted_after(window: &Window, order: usize) -> Vec<Rect> {
    let later = window.output().shapes.iter().skip(order + 1);
    later.map(|clipped| clipped.shape.visual_bounding_rect().intersect(clipped.clip_rect)).collect()
}

/// Everything that the latest frame says: to eyes, and to assistive programs by names, values and descriptions.
pub(crate) fn everything_said(window: &Window) -> Vec<String> {
    let mut said: Vec<String> = texts(window).into_iter().map(|painted| painted.text).collect();
    for node in window.root().children_recursive() {
        let node = node.accesskit_node();
        said.extend([node.label(), node.value(), node.description()].into_iter().flatten());
        said.extend(node.data().tooltip().map(str::to_owned));
        said.extend(node.placeholder().map(str::to_owned));
    }
    said
}
