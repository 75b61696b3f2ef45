//! Play, pause, step, speed, loop, and what is seen of the maps.

use egui::{Button, ComboBox, Slider, Ui};

use super::{Scene, change};
use crate::display::{CascadeMode, Normalization};
use crate::workbench::action::Actions;
use crate::workbench::command::Command;
use crate::workbench::player::Player;

/// Draws the line of buttons and switches.
pub(super) fn transport_ui(ui: &mut Ui, scene: &Scene<'_>, actions: &mut Actions) {
    let state = scene.state;
    let player = &state.player;
    ui.horizontal_wrapped(|ui| {
        let mut button = |ui: &mut Ui, sign: &str, name: &str, command: Command| {
            let response = ui.add(Button::new(sign).min_size(egui::vec2(30.0, 24.0)));
            if response.accessible_name(name).on_hover_text(command.tooltip()).clicked() {
                actions.run(command);
            }
        };
        button(ui, "⏮", "Previous state", Command::PreviousState);
        let (sign, name) = if player.is_playing { ("⏸", "Pause") } else { ("▶", "Play") };
        button(ui, sign, name, Command::PlayPause);
        button(ui, "⏭", "Next state", Command::NextState);
        let mut changed = player.clone();
        let [slowest, fastest] = Player::SPEED;
        ui.add(Slider::new(&mut changed.speed, slowest..=fastest).logarithmic(true).text("speed").fixed_decimals(2))
            .on_hover_text("1 is the speed of an exported animation at its defaults");
        ui.checkbox(&mut changed.loops, "Loop").on_hover_text("Begins again at the end");
        ui.checkbox(&mut changed.fades, "Cross-fade").on_hover_text("States fade into each other");
        normalization_ui(ui, &mut changed.normalization);
        mode_ui(ui, &mut changed.mode);
        if changed != *player {
            change(state, actions, |player| *player = changed);
        }
    });
}

fn normalization_ui(ui: &mut Ui, normalization: &mut Normalization) {
    let mut is_locked = *normalization == Normalization::LockedToOriginal;
    let response = ui.checkbox(&mut is_locked, "Locked to the original");
    let response = response.on_hover_text(
        "On: values that filled the colours of the original map fill them in every state, so a map that fades away fades \
         on the screen. Off: each map fills the colours by itself, as it is compared",
    );
    if response.changed() {
        *normalization = if is_locked { Normalization::LockedToOriginal } else { Normalization::PerState };
    }
}

fn mode_ui(ui: &mut Ui, mode: &mut CascadeMode) {
    let words = |mode: CascadeMode| match mode {
        CascadeMode::OverRadiograph => "over the radiograph",
        CascadeMode::MapAlone => "the map alone",
        CascadeMode::Difference => "difference to the original",
    };
    ComboBox::from_label("shown").selected_text(words(*mode)).width(160.0).show_ui(ui, |ui| {
        for choice in [CascadeMode::OverRadiograph, CascadeMode::MapAlone, CascadeMode::Difference] {
            ui.selectable_value(mode, choice, words(choice));
        }
    });
}
