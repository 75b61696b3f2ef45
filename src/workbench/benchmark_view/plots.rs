//! Numbers so far: boxes and points by method, curves by state. A press on a point shows its case.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use egui::{Color32, Rangef, RichText, Sense, Ui};
use egui_plot::{
    AxisHints, BoxElem, BoxPlot, BoxSpread, Corner, GridMark, HLine, HoverPosition, Legend, Line, LineStyle, Plot,
    PlotPoint, PlotPoints, Points,
};

use super::wish;
use crate::benchmark::protocol::Test;
use crate::benchmark::results::condition;
use crate::benchmark::verdict::{artefact, metric_title, primary_metric};
use crate::saliency::Method;
use crate::workbench::action::Actions;
use crate::workbench::bench::{Bench, BenchWish, Value};
use crate::workbench::theme;

const HEIGHT: f32 = 320.0;

/// Columns whose names fit into one line.
const ONE_LINE: usize = 8;

/// Half of the length of the dashed line of a mean: that of its box, in columns.
const MEAN_HALF: f64 = 0.15;

/// How near to a point a press counts, in points of the screen.
const NEAR: f32 = 8.0;

/// Conditions that a method is compared with, drawn beside it.
const BESIDE: [&str; 2] = [condition::RANDOM, condition::DIFFERENT_IMAGES];

/// One box: where it stands, whose numbers it holds.
struct Group<'a> {
    x: f64,
    method: &'a str,
    words: String,
    colour: Color32,
    values: &'a [Value],
}

/// Draws the numbers of the test that is shown.
pub(super) fn plot_ui(ui: &mut Ui, bench: &Bench, actions: &mut Actions) {
    let test = bench.test;
    if !bench.values.keys().any(|(of, ..)| *of == test) {
        ui.label("No number of this test is there yet");
        return;
    }
    if test == Test::Randomization {
        curves_ui(ui, bench);
    } else {
        boxes_ui(ui, bench, actions);
    }
    ui.label(RichText::new(legend(test)).weak().small());
}

/// What is seen in the plot of a test.
fn legend(test: Test) -> &'static str {
    match test {
        Test::Utility => {
            "Median solid, mean dashed. Coloured: the trained network. Gray beside it: the same method on a network with random \
             weights. Gray alone: baselines and controls. Each point is an image; a press on one shows its case"
        }
        Test::Randomization => {
            "Mean likeness to the map of the trained network, block after block made random. A curve that stays high hardly \
             depends on what the network learned"
        }
        Test::Repeatability | Test::Reproducibility => {
            "Likeness of the maps of two networks on one image; gray beside it, on two different images. Median solid, mean \
             dashed. Each point is an image or a pair; a press on one shows its case"
        }
    }
}

/// Methods in the study's order, then everything else by name.
fn methods(bench: &Bench) -> Vec<&str> {
    let mut found: Vec<&str> =
        bench.values.keys().filter(|(test, ..)| *test == bench.test).map(|(_, method, _)| method.as_str()).collect();
    let rank = |name: &str| Method::ALL.iter().position(|method| method.name() == name).unwrap_or(Method::ALL.len());
    found.sort_by_key(|name| (rank(name), *name));
    found.dedup();
    found
}

fn colour_of(ui: &Ui, method: &str) -> Color32 {
    method.parse::<Method>().map_or(theme::CONTROL, |method| theme::method_colour(method, ui.visuals()))
}

fn boxes_ui(ui: &mut Ui, bench: &Bench, actions: &mut Actions) {
    let test = bench.test;
    let names: Vec<String> = methods(bench).into_iter().map(str::to_owned).collect();
    let primary = primary_metric(test, bench.protocol.preset);
    let mut groups = Vec::new();
    for ((of, method, condition), values) in &bench.values {
        let Some(place) = names.iter().position(|name| name == method).filter(|_| *of == test) else { continue };
        let is_beside = BESIDE.contains(&condition.as_str());
        let has_other =
            BESIDE.iter().any(|beside| bench.values.contains_key(&(test, method.clone(), (*beside).to_owned())));
        let shift = if is_beside {
            0.2
        } else if has_other {
            -0.2
        } else {
            0.0
        };
        let colour = if is_beside { theme::CONTROL } else { colour_of(ui, method) };
        let words = match artefact(method, primary) {
            Some(artefact) => format!("{method}, {condition}; {artefact}"),
            None => format!("{method}, {condition}"),
        };
        groups.push(Group { x: place as f64 + shift, method, words, colour, values });
    }
    let metric = metric_title(primary).to_owned();
    let plot = plain_plot("benchmark boxes", names.clone()).y_axis_label(metric).label_formatter(
        |hover: &HoverPosition<'_>| match hover {
            HoverPosition::NearDataPoint { plot_name, position, .. } => {
                Some(format!("{plot_name}: {:.3}\npress to see the case", position.y))
            }
            HoverPosition::Elsewhere { .. } => None,
        },
    );
    let threshold = bench.protocol.similarity_threshold;
    // Known once somebody judged.
    let judged =
        bench.judged.as_ref().and_then(|judged| judged.analysis.primary(test)).filter(|_| test != Test::Utility);
    let limit = judged.and_then(|metric| metric.limit()).map(|limit| limit.score);
    let ui_ink = ui.visuals().strong_text_color();
    let response = plot.show(ui, |plot| {
        if test != Test::Utility {
            let line = HLine::new("the study's limit", threshold);
            plot.hline(line.color(theme::CONTROL).style(LineStyle::dashed_dense()).allow_hover(false));
        }
        if let Some(limit) = limit.filter(|limit| *limit > threshold) {
            let line = HLine::new("the limit by interval", limit);
            plot.hline(line.color(theme::CONTROL).style(LineStyle::dotted_dense()).allow_hover(false));
        }
        for group in &groups {
            if let Some(spread) = spread(group.values) {
                let element = BoxElem::new(group.x, spread).box_width(0.3).name(&group.words);
                let element = element.fill(group.colour.gamma_multiply(0.25)).stroke((1.2, group.colour));
                plot.box_plot(BoxPlot::new(&group.words, vec![element]).allow_hover(false));
            }
            if let Some(mean) = mean(group.values) {
                let ends = vec![[group.x - MEAN_HALF, mean], [group.x + MEAN_HALF, mean]];
                let line = Line::new(&group.words, ends).color(ui_ink).width(1.6).style(LineStyle::dashed_dense());
                plot.line(line.allow_hover(false));
            }
            let points: Vec<[f64; 2]> = placed(group).map(|(x, value)| [x, value.value]).collect();
            plot.points(Points::new(&group.words, points).color(group.colour).radius(2.0));
        }
    });
    let pressed = response.response.interact_pointer_pos().filter(|_| response.response.clicked());
    let Some(at) = pressed else { return };
    let near = groups.iter().flat_map(|group| placed(group).map(move |(x, value)| (group, x, value)));
    let distance =
        |x: f64, value: &Value| response.transform.position_from_point(&PlotPoint::new(x, value.value)).distance(at);
    let nearest = near.map(|(group, x, value)| (distance(x, value), group, value)).min_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, group, value)) = nearest.filter(|(distance, ..)| *distance <= NEAR) {
        let (image, method) = (value.image.clone(), group.method.to_owned());
        wish(actions, BenchWish::Case { image, method, replicate: value.replicate });
    }
}

/// Points side by side, in a pattern that does not change while more come.
fn placed<'a>(group: &Group<'a>) -> impl Iterator<Item = (f64, &'a Value)> + use<'a> {
    let middle = group.x;
    group.values.iter().enumerate().map(move |(index, value)| {
        // Multiples of the golden ratio fill an interval evenly.
        let part = (index as f64 * 0.618_034).fract() - 0.5;
        (middle + 0.2 * part, value)
    })
}

/// The mean; nothing where there is no value.
fn mean(values: &[Value]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().map(|value| value.value).sum::<f64>() / values.len() as f64)
}

/// Smallest value, quartiles, largest value.
fn spread(values: &[Value]) -> Option<BoxSpread> {
    let mut sorted: Vec<f64> = values.iter().map(|value| value.value).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let at = |share: f64| {
        let rank = share * last as f64;
        let (below, part) = (rank.floor() as usize, rank.fract());
        sorted[below] + part * (sorted[(below + 1).min(last)] - sorted[below])
    };
    Some(BoxSpread::new(at(0.0), at(0.25), at(0.5), at(0.75), at(1.0)))
}

fn curves_ui(ui: &mut Ui, bench: &Bench) {
    let test = Test::Randomization;
    let is_state = |name: &str| ![condition::BASELINE, condition::CONTROL].contains(&name);
    let states = states(bench, is_state);
    let mut curves: BTreeMap<&str, Vec<[f64; 2]>> = BTreeMap::new();
    let mut controls: Vec<f64> = Vec::new();
    for ((of, method, condition), values) in bench.values.iter().filter(|(_, values)| !values.is_empty()) {
        if *of == test && condition == condition::CONTROL {
            controls.extend(mean(values));
        } else if let Some(state) = states.iter().position(|name| name == condition).filter(|_| *of == test) {
            curves.entry(method).or_default().extend(mean(values).map(|mean| [state as f64, mean]));
        }
    }
    let metric = metric_title(primary_metric(test, bench.protocol.preset)).to_owned();
    let plot = plain_plot("benchmark curves", states.clone())
        .y_axis_label(metric)
        .legend(Legend::default().position(Corner::LeftBottom));
    let colours: BTreeMap<&str, Color32> = curves.keys().map(|method| (*method, colour_of(ui, method))).collect();
    plot.show(ui, |plot| {
        for control in controls {
            let line = HLine::new("unrelated blurred noise", control);
            plot.hline(line.color(theme::CONTROL).style(LineStyle::dashed_dense()).allow_hover(false));
        }
        for (method, mut points) in curves {
            points.sort_by(|a, b| a[0].total_cmp(&b[0]));
            let colour = colours.get(method).copied().unwrap_or(theme::CONTROL);
            plot.points(Points::new(method, points.clone()).color(colour).radius(2.6));
            plot.line(Line::new(method, PlotPoints::from(points)).color(colour).width(1.8));
        }
    });
}

/// States in the order of the cascade: the more blocks are random, the later.
fn states(bench: &Bench, is_state: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (test, _, condition) in bench.values.keys() {
        if *test == Test::Randomization && is_state(condition) && !found.contains(condition) {
            found.push(condition.clone());
        }
    }
    // The study's names count down; others keep the order of their names between them.
    let rank = |name: &str| match name {
        crate::cascade::ORIGINAL => -2,
        "Logits" => -1,
        "stem" => 1000,
        name => name.parse::<i32>().map_or(500, |number| 100 - number),
    };
    found.sort_by_key(|name| rank(name));
    found
}

/// A plot of columns with these names, which nobody can drag.
fn plain_plot(id: &'static str, names: Vec<String>) -> Plot<'static> {
    let columns = names.len();
    // Many names take turns in two lines, and are written however narrow the window is.
    let takes_turns = columns > ONE_LINE;
    // How much room a name has, in columns.
    let step_size = if takes_turns { 2.0 } else { 1.0 };
    let name = move |mark: GridMark, _: &RangeInclusive<f64>| {
        let place = mark.value.round() as usize;
        let line = if takes_turns && place % 2 == 1 { "\n" } else { "" };
        names.get(place).map(|name| format!("{line}{name}")).unwrap_or_default()
    };
    let axis = AxisHints::new_x().label_spacing(Rangef::new(4.0, 8.0)).formatter(name);
    Plot::new(id)
        .custom_x_axes(vec![axis])
        .height(HEIGHT)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_x(false)
        .show_y(false)
        .sense(Sense::click())
        .include_y(0.0)
        .include_y(1.0)
        .include_x(-0.5)
        .include_x(columns as f64 - 0.5)
        .x_grid_spacer(move |_| (0..columns).map(|at| GridMark { value: at as f64, step_size }).collect())
}
