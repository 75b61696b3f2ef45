//! What stands in the bar at the bottom at every size: that nothing here is for diagnosis.

use std::sync::Arc;

use egui::{FontId, Galley, Id, Rect, Role, Sense, TextStyle, Ui, Vec2, WidgetInfo, pos2, vec2};

use crate::figure::NOT_FOR_DIAGNOSIS;

/// Between the notice and what stands beside it, in points.
const GAP: f32 = 14.0;

/// Narrower than this, in points, what stands beside the notice says nothing: the notice takes a line of its own then.
const LEAST_BESIDE: f32 = 300.0;

/// Lines the notice may take: more are smaller letters.
const MOST_LINES: usize = 2;

/// The smallest letters, in points.
const SMALLEST_LETTERS: f32 = 8.0;

/// Where the notice and the rest of the bar lie, for a bar of some width.
pub(super) struct NoticePlace {
    galley: Arc<Galley>,
    is_beside: bool,
    line: f32,
}

impl NoticePlace {
    /// Lays the notice out in a bar `width` points wide, whose other things have lines of `line` points. The room is the
    /// notice's whatever else is in the bar, so it is never cut, shortened or moved by it.
    pub(super) fn of(ui: &Ui, width: f32, line: f32) -> Self {
        let body = TextStyle::Body.resolve(ui.style());
        let colour = ui.visuals().strong_text_color();
        let galley = ui.painter().layout_no_wrap(NOT_FOR_DIAGNOSIS.to_owned(), body.clone(), colour);
        if galley.size().x + GAP + LEAST_BESIDE <= width {
            return Self { galley, is_beside: true, line };
        }
        let mut size = body.size;
        loop {
            let font = FontId { size, ..body.clone() };
            let galley = ui.painter().layout(NOT_FOR_DIAGNOSIS.to_owned(), font, colour, width);
            let is_whole = galley.rows.len() <= MOST_LINES && galley.size().x <= width;
            if is_whole || size <= SMALLEST_LETTERS {
                return Self { galley, is_beside: false, line };
            }
            size -= 1.0;
        }
    }

    /// Height that the bar needs, in points.
    pub(super) fn height(&self) -> f32 {
        if self.is_beside { self.line.max(self.galley.size().y) } else { self.line + self.galley.size().y }
    }

    /// Draws the notice into its part of `bar` and says which part is left.
    pub(super) fn ui(&self, ui: &Ui, bar: Rect) -> Rect {
        let size = self.galley.size();
        let (own, rest) = if self.is_beside {
            let own = Rect::from_min_size(
                pos2(bar.right() - size.x, bar.top() + (self.height() - size.y) / 2.0),
                Vec2::new(size.x, size.y),
            );
            (own, Rect::from_min_max(bar.min, pos2(own.left() - GAP, bar.top() + self.line)))
        } else {
            let own = Rect::from_min_size(bar.left_top() + vec2(0.0, self.line), size);
            (own, Rect::from_min_size(bar.min, vec2(bar.width(), self.line)))
        };
        let response = ui.interact(own, Id::unique("notice"), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, NOT_FOR_DIAGNOSIS));
        // Above menus, dialogs and what is said while files hover: nothing may lie over it.
        let painter = ui.ctx().debug_painter();
        painter.rect_filled(own.expand2(vec2(4.0, 1.0)), 2.0, ui.visuals().panel_fill);
        painter.galley(own.min, Arc::clone(&self.galley), ui.visuals().strong_text_color());
        rest
    }
}
