//! Controls of one parameter: its name, its value, and the reason for it.

use std::ops::RangeInclusive;

use egui::emath::Numeric;
use egui::{ComboBox, DragValue, Ui};

/// A number within `range`; `speed` is what a dragged point changes.
pub(super) fn number_ui<N: Numeric>(
    ui: &mut Ui,
    name: &str,
    value: &mut N,
    range: RangeInclusive<N>,
    speed: f64,
    reason: &str,
) {
    ui.horizontal(|ui| {
        let label = ui.label(name).on_hover_text(reason);
        ui.add(DragValue::new(value).range(range).speed(speed)).labelled_by(label.id).on_hover_text(reason);
    });
}

/// One of several choices, each with its name and the reason for it.
pub(super) fn choice_ui<T: PartialEq + Clone>(
    ui: &mut Ui,
    name: &str,
    value: &mut T,
    choices: &[(T, &str, &str)],
    reason: &str,
) {
    let shown = choices.iter().find(|(choice, ..)| choice == value).map_or("", |(_, name, _)| *name);
    let combo = ComboBox::from_label(name).selected_text(shown).show_ui(ui, |ui| {
        for (choice, name, reason) in choices {
            ui.selectable_value(value, choice.clone(), *name).on_hover_text(*reason);
        }
    });
    combo.response.on_hover_text(reason);
}
