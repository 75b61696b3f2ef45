//! The layer that Grad-CAM reads.

use egui::{ComboBox, RichText, Ui};

use crate::network::Graph;
use crate::saliency::{GradCam, feature_maps};

/// Draws the choice among what the blocks of `graph` hand on.
pub(super) fn node_ui(ui: &mut Ui, gcam: &mut GradCam, graph: Option<&Graph>) {
    const LAST: &str = "the last feature map";
    let maps = graph.map(feature_maps).unwrap_or_default();
    let shown = gcam.node.clone().unwrap_or_else(|| LAST.to_owned());
    let combo = ComboBox::from_label("reads").selected_text(shown).show_ui(ui, |ui| {
        let last = maps.last().map(|map| format!("{}: {}", map.block, map.node)).unwrap_or_default();
        ui.selectable_value(&mut gcam.node, None, LAST).on_hover_text(last);
        for map in maps.iter().rev().skip(1) {
            let reason = format!("What {} hands on", map.block);
            ui.selectable_value(&mut gcam.node, Some(map.node.clone()), &map.node).on_hover_text(reason);
        }
    });
    combo.response.on_hover_text(
        "The layer whose channels are weighted by how much they raise the score. The study: the last feature map, whose \
         places are coarse but know most",
    );
    ui.label(RichText::new("Earlier layers give finer maps of less specific features").small());
}
