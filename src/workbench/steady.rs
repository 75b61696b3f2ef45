//! Controls that stay themselves while others come and go around them.

use egui::{AsIdSalt, Ui, UiBuilder};

/// A part of a view whose controls are known by `name`, unique among its neighbours, and not by how many controls came
/// before: a press or drag on one goes on when others appear or vanish, and never ends on another that took its place.
pub(super) fn steady<R>(ui: &mut Ui, name: impl AsIdSalt, content: impl FnOnce(&mut Ui) -> R) -> R {
    let own = UiBuilder::new().scope_id(ui.make_persistent_id(name));
    ui.scope_builder(own, content).inner
}
