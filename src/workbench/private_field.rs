//! Text fields that may hold paths: while identity is hidden they show what is in them to nobody but whoever types.

use egui::{Response, TextBuffer, TextEdit, Ui};

/// Stands for a path.
const MASK: &str = "••••••";

/// Draws a field, which is known as `name` among its neighbours. While identity is hidden, only a field that is being typed
/// into shows lines that name a file; `is_public` says which lines name none.
pub(super) fn private_field_ui(
    ui: &mut Ui,
    name: &str,
    text: &mut String,
    has_identity: bool,
    is_public: impl Fn(&str) -> bool,
    field: impl for<'t> FnOnce(&'t mut dyn TextBuffer) -> TextEdit<'t>,
) -> Response {
    let id = ui.make_persistent_id(name);
    let is_public = |line: &str| line.trim().is_empty() || is_public(line);
    let is_typed = ui.memory(|memory| memory.has_focus(id));
    if has_identity || is_typed || text.split('\n').all(is_public) {
        return ui.add(field(text).id(id));
    }
    let shown: Vec<&str> = text.split('\n').map(|line| if is_public(line) { line } else { MASK }).collect();
    let shown = shown.join("\n");
    // Letters cannot be put into it: it takes them from the frame on in which it has the keyboard.
    let mut shown = shown.as_str();
    ui.add(field(&mut shown).id(id))
}
