//! Likeness to the original map, state by state.

use egui::{RichText, Sense, Ui};
use egui_plot::{GridMark, HLine, HoverPosition, Line, LineStyle, Plot, PlotPoint, PlotPoints, Points, Text, VLine};

use super::Scene;
use crate::saliency::Method;
use crate::workbench::action::Actions;
use crate::workbench::theme;

/// Draws the curves with the place where the player is; a press or a drag goes to another.
pub(super) fn likeness_ui(ui: &mut Ui, scene: &Scene<'_>, actions: &mut Actions) {
    ui.label(RichText::new(caption(scene)).small());
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
                // A line between different images is the same at every state.
                if plot_name.ends_with(BETWEEN) {
                    return Some(format!("{plot_name}: {:.3}", position.y));
                }
                let state = name_at(&names, position.x)?;
                Some(format!("{plot_name} at {state}: {:.3}", position.y))
            }
            HoverPosition::Elsewhere { .. } => None,
        });
    let response = plot.show(ui, |plot| {
        if let Some(control) = scene.control() {
            let line = HLine::new("unrelated blurred noise", control);
            let line = line.color(theme::CONTROL).style(LineStyle::dotted_dense()).width(1.0);
            plot.hline(line.allow_hover(false));
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
            if let Some(baseline) = scene.baseline(*method) {
                let ends: Vec<[f64; 2]> = (0..=states.len()).map(|at| [at as f64 - 0.5, baseline.mean]).collect();
                let name = format!("{}, {} {BETWEEN}", method.name(), baseline.pairs_words());
                let line = Line::new(name, PlotPoints::from(ends)).color(colour).width(1.4);
                plot.line(line.style(LineStyle::dashed_dense()));
            }
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

/// How the names of lines end that tell what different images reach.
const BETWEEN: &str = "of different images";

/// What the dashed and the dotted lines are, or why there is none.
fn caption(scene: &Scene<'_>) -> String {
    let dotted = "Dotted: unrelated blurred noise.";
    let methods = &scene.state.player.methods;
    let known = methods.iter().filter_map(|method| scene.found.baselines.get(method));
    let is_comparing = methods.iter().any(|method| scene.is_comparing(*method));
    if let Some(most) = known.max_by_key(|baseline| baseline.mean.pairs) {
        let (pairs, images) = (most.mean.pairs, most.images);
        let pairs = if pairs == 1 { "the one pair".to_owned() } else { format!("{pairs} pairs") };
        let lacking: Vec<&str> = methods.iter().filter(|method| lacks(scene, **method)).map(|m| m.name()).collect();
        let lacking = match lacking.join(", ") {
            names if names.is_empty() => String::new(),
            names if is_comparing => format!(" Still to come: {names}."),
            names => format!(" Not compared: {names}."),
        };
        return format!("Dashed: maps of different images, mean over {pairs} of {images} images.{lacking} {dotted}");
    }
    let dashed = if scene.found.other_images == 0 {
        "No dashed line: it needs other images in the study list.".to_owned()
    } else if is_comparing {
        "Dashed lines come when maps of other images are made.".to_owned()
    } else if let Some(reason) = &scene.found.baseline_failure {
        format!("No dashed line: {reason}.")
    } else {
        "No dashed line: no other image of the list has been compared.".to_owned()
    };
    format!("{dashed} {dotted}")
}

fn lacks(scene: &Scene<'_>, method: Method) -> bool {
    scene.baseline(method).is_none()
}

/// The lower end of the axis: 0, or as many fifths below as the values need.
fn lowest(scene: &Scene<'_>) -> f64 {
    let values = scene.found.rows.iter().filter_map(|row| scene.run.question.likeness(&row.similarity));
    let values = values.chain(scene.found.baselines.keys().filter_map(|of| scene.baseline(*of)).map(|of| of.mean));
    ((values.fold(0.0, f64::min) * 5.0).floor() / 5.0).max(-1.0) - 0.02
}
