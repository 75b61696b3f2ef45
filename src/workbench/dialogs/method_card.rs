//! What a method shows, what it cannot, what it costs, and what was found about it.

use egui::{Context, RichText, Ui};

use super::{change, dialog_ui, scroll_ui};
use crate::saliency::Method;
use crate::workbench::action::Actions;
use crate::workbench::state::State;

/// Draws the card of a method, with the others one click away.
pub(super) fn method_card_ui(context: &Context, method: Method, state: &State, actions: &mut Actions) {
    let mut next = method;
    let is_closed = dialog_ui(context, "About this method", 560.0, |ui| {
        ui.horizontal_wrapped(|ui| {
            for other in Method::ALL {
                let name = ui.selectable_value(&mut next, other, other.name()).on_hover_text(other.title());
                name.accessible_name(format!("Card of {}", other.title()));
            }
        });
        ui.separator();
        let card = method.card();
        scroll_ui(ui, "card", |ui| {
            ui.heading(format!("{} ({})", method.title(), method.name()));
            section_ui(ui, "What it shows", card.shows);
            section_ui(ui, "How it is made", card.made);
            section_ui(ui, "What it cannot show", card.cannot);
            section_ui(ui, "What it costs", card.cost);
            section_ui(ui, "What the study found", card.study);
            ui.add_space(6.0);
            ui.label(RichText::new(crate::saliency::Card::STUDY).small());
        });
    });
    if is_closed {
        change(state, actions, |dialogs| dialogs.method_card = None);
    } else if next != method {
        change(state, actions, |dialogs| dialogs.method_card = Some(next));
    }
}

fn section_ui(ui: &mut Ui, title: &str, text: &str) {
    ui.add_space(6.0);
    ui.label(RichText::new(title).strong());
    ui.label(text);
}
