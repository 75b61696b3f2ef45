//! XRAI: paths, segments, and how these are ranked.

use egui::{Button, CollapsingHeader, ComboBox, Id, RichText, TextEdit, Ui};

use super::field::{choice_ui, number_ui};
use super::path::baseline_ui;
use crate::saliency::xrai::{MergeRule, Parameters, SCALE_SETS, read_scales, scales_text};
use crate::saliency::{Baseline, Xrai};
use crate::workbench::theme;

/// Most paths that the window offers; each takes as long as the first.
const MOST_PATHS: usize = 4;

/// Sides of the image to segment, in pixels.
const SIDES_PX: std::ops::RangeInclusive<usize> = 16..=1024;

/// Draws the parameters of XRAI.
pub(super) fn xrai_ui(ui: &mut Ui, xrai: &mut Xrai, channels: usize) {
    let reason =
        "Points on each path, both ends included. More, and the mean of a segment is more exact. The study: 100";
    number_ui(ui, "steps a path", &mut xrai.ig_steps, 2..=1000, 0.25, reason);
    paths_ui(ui, &mut xrai.baselines, channels);
    let segments = &mut xrai.segments;
    scales_ui(ui, &mut segments.scales);
    let reason = "Standard deviation of the blur before the segmentation, in pixels: more, and noise makes fewer \
                  segments. The study: 0.8";
    number_ui(ui, "segmentation sigma", &mut segments.sigma_px, 0.0..=20.0, 0.02, reason);
    let reason = "Pixels of the smallest segment; smaller ones join a neighbour. The study: 150";
    number_ui(ui, "smallest segment", &mut segments.min_size_px, 1..=5000, 1.0, reason);
    let reason = "Segments grow by this radius, so that an edge belongs to both sides. The study: 5";
    number_ui(ui, "dilation", &mut segments.dilation_radius_px, 0..=30, 0.1, reason);
    let choices = [
        (MergeRule::Full, "by what they add", "The mean over pixels not covered yet, found anew after each segment"),
        (MergeRule::Fast, "once, as a whole", "The mean over the whole segment: sooner done, and coarser"),
    ];
    let reason = "How segments are ranked by their mean attribution. The study: by what they add";
    choice_ui(ui, "segments are ranked", &mut segments.merge, &choices, reason);
    CollapsingHeader::new("Seldom changed").show(ui, |ui| seldom_ui(ui, segments));
}

fn paths_ui(ui: &mut Ui, baselines: &mut Vec<Baseline>, channels: usize) {
    for (index, baseline) in baselines.iter_mut().enumerate() {
        let study = "The study had two paths, from the image's minimum and from its maximum: one alone misses what is as \
                     dark, or as bright, as its beginning";
        baseline_ui(ui, &format!("path {} begins at", index + 1), baseline, channels, study);
    }
    ui.horizontal(|ui| {
        let more = ui.add_enabled(baselines.len() < MOST_PATHS, Button::new("Add a path"));
        if more.on_hover_text("The attribution is the mean of the paths. The study: 2").clicked() {
            baselines.push(Baseline::Value(0.0));
        }
        let less = ui.add_enabled(baselines.len() > 1, Button::new("Remove the last path"));
        if less.on_disabled_hover_text("An attribution needs a path").clicked() {
            baselines.pop();
        }
    });
}

/// Scales that are being typed, and those that they are to replace.
#[derive(Clone)]
struct Draft {
    replaces: Vec<f64>,
    text: String,
}

fn scales_ui(ui: &mut Ui, scales: &mut Vec<f64>) {
    let reason = "Felzenszwalb's scales: each gives segments of its own, larger ones give larger segments. The study: 50, \
                  100, 150, 250, 500, 1200";
    let known = SCALE_SETS.iter().find(|set| set.scales == scales.as_slice());
    let combo = ComboBox::from_label("scales").selected_text(known.map_or("own ones", |set| set.name));
    let combo = combo.show_ui(ui, |ui| {
        for set in &SCALE_SETS {
            let is_it = set.scales == scales.as_slice();
            if ui.selectable_label(is_it, set.name).on_hover_text(scales_text(set.scales)).clicked() {
                *scales = set.scales.to_vec();
            }
        }
    });
    combo.response.on_hover_text(reason);
    let id = Id::unique("scales that are being typed");
    let draft = ui.data(|data| data.get_temp::<Draft>(id)).filter(|draft| draft.replaces == *scales);
    let mut text = draft.map_or_else(|| scales_text(scales), |draft| draft.text);
    let label = ui.label("own scales").on_hover_text(reason);
    let edit = TextEdit::singleline(&mut text).char_limit(400).desired_width(f32::INFINITY);
    let response = ui.add(edit).labelled_by(label.id);
    let response = response.on_hover_text("Numbers with commas between; Enter asks. Each adds time and memory");
    let read = read_scales(&text);
    if let Err(error) = &read {
        ui.label(RichText::new(error.to_string()).color(theme::failure(ui.visuals())).small());
    }
    let replaces = scales.clone();
    // The beginning of a number is a number too: only what is finished is asked. What is none stays, to be mended.
    let is_finished = response.lost_focus() && read.is_ok();
    if let Some(read) = read.ok().filter(|_| is_finished) {
        *scales = read;
    }
    if is_finished || text == scales_text(scales) {
        ui.data_mut(|data| data.remove::<Draft>(id));
    } else {
        ui.data_mut(|data| data.insert_temp(id, Draft { replaces, text }));
    }
}

fn seldom_ui(ui: &mut Ui, segments: &mut Parameters) {
    let mut is_own_size = segments.resize_px.is_none();
    let reason = "Off, the image is brought to another size before the segmentation, which changes what a scale means. The \
                  study: off, 224 x 224";
    if ui.checkbox(&mut is_own_size, "Segment at the image's own size").on_hover_text(reason).changed() {
        segments.resize_px = if is_own_size { None } else { Parameters::default().resize_px };
    }
    if let Some([height, width]) = &mut segments.resize_px {
        number_ui(ui, "segmented rows", height, SIDES_PX, 1.0, "Height for the segmentation. The study: 224");
        number_ui(ui, "segmented columns", width, SIDES_PX, 1.0, "Width for the segmentation. The study: 224");
    }
    let reason = "Segments that add fewer pixels are dropped. The study: 50; it hardly matters";
    number_ui(ui, "fewest new pixels", &mut segments.min_new_pixels, 0..=10_000, 1.0, reason);
    let reason = "Ranking ends once more than this part of the image is covered; the rest gets its own mean. The study: 1, \
                  which is never";
    number_ui(ui, "area threshold", &mut segments.area_threshold, 0.0..=1.0, 0.01, reason);
    let [low, high] = &mut segments.value_range;
    let reason = "The image's darkest and brightest values become these before the segmentation: the wider apart, the more \
                  segments. The study: -1 and 1";
    number_ui(ui, "darkest becomes", low, -100.0..=*high - 0.01, 0.02, reason);
    number_ui(ui, "brightest becomes", high, *low + 0.01..=100.0, 0.02, reason);
}
