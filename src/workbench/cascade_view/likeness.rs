//! Likeness to the original map, state by state.

use egui::{Sense, Ui};
use egui_plot::{GridMark, HLine, HoverPosition, Line, LineStyle, Plot, PlotPoint, PlotPoints, Points, Text, VLine};

use super::Scene;
use crate::workbench::action::Actions;
use crate::workbench::theme;

/// Draws the curves with the place where the player is; a press or a drag goes to another.
pub(super) fn likeness_ui(ui: &mut Ui, scene: &Scene<'_>, actions: &mut Actions) {
    let states = &scene.run.states;
    let last = scene.last() as f64;
    let names: Vec<String> = states.iter().map(|state| state.name.clone()).collect();
    let name_at = |names: &[String], x: f64| {
        let is_whole = (x - x.round()).abs() < 0.01 && x >= -0.01;
        is_whole.then(|| names.get(x.round() as usize).cloned()).flatten()
    };
    let axis_names = names.clone();
    let visuals = ui.visuals().clone();
    let position = scene.state.player.position;
    let plot = Plot::new("cascade likeness")
        .height(ui.available_height())
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_x(false)
        .sense(Sense::click_and_drag())
        .show_y(false)
        .default_x_bounds(-0.4, last + 0.4)
        .default_y_bounds(lowest(scene), 1.05)
        .y_axis_label(format!("SSIM at range {}", scene.run.question.range()))
        .x_axis_formatter(move |mark: GridMark, _| name_at(&axis_names, mark.value).unwrap_or_default())
        .x_grid_spacer(move |_| {
            (0..=last as usize).map(|state| GridMark { value: state as f64, step_size: 1.0 }).collect()
        })
        .label_formatter(move |hover: &HoverPosition<'_>| match hover {
            HoverPosition::NearDataPoint { plot_name, position, .. } => {
                let state = name_at(&names, position.x)?;
                Some(format!("{plot_name} at {state}: {:.3}", position.y))
            }
            HoverPosition::Elsewhere { .. } => None,
        });
    let response = plot.show(ui, |plot| {
        if let Some(control) = scene.control() {
            let line = HLine::new("unrelated blurred noise", control);
            plot.hline(line.color(theme::CONTROL).style(LineStyle::dashed_dense()).allow_hover(false));
            let words = Text::new("control", PlotPoint::new(last, control), "unrelated blurred noise");
            plot.text(words.anchor(egui::Align2::RIGHT_BOTTOM).color(theme::CONTROL));
        }
        for method in &scene.state.player.methods {
            let curve = scene.run.curve(scene.found, *method);
            let points: Vec<[f64; 2]> = curve
                .points
                .iter()
                .enumerate()
                .filter_map(|(state, point)| point.mean.map(|mean| [state as f64, mean]))
                .collect();
            let colour = theme::method_colour(*method, &visuals);
            for part in points.chunk_by(|a, b| b[0] - a[0] < 1.5) {
                let line = Line::new(method.name(), PlotPoints::from(part.to_vec())).color(colour).width(1.8);
                plot.line(line);
            }
            plot.points(Points::new(method.name(), points).color(colour).radius(2.6));
        }
        plot.vline(VLine::new("here", f64::from(position)).color(theme::ACCENT).allow_hover(false));
    });
    let place = |at: egui::Pos2| response.transform.value_from_position(at).x as f32;
    let pointer = response.response.interact_pointer_pos();
    if let Some(at) = pointer.filter(|_| response.response.clicked()) {
        super::scrub(scene.state, scene.run.states.len(), place(at).round(), actions);
    } else if let Some(at) = pointer.filter(|_| response.response.dragged()) {
        super::scrub(scene.state, scene.run.states.len(), place(at), actions);
    }
}

/// The lower end of the axis: 0, or as many fifths below as the values need.
fn lowest(scene: &Scene<'_>) -> f64 {
    let values = scene.found.rows.iter().filter_map(|row| scene.run.question.likeness(&row.similarity));
    ((values.fold(0.0, f64::min) * 5.0).floor() / 5.0).max(-1.0) - 0.02
}
