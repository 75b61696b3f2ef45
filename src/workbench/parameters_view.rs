//! Every parameter of the method shown, with the reason for it.

use egui::{ComboBox, DragValue, RichText, Ui};

use super::action::{Action, Actions};
use super::state::State;
use crate::reading::Question;
use crate::saliency::{Aggregate, Baseline, Method, Parameters, SmoothGrad};

/// Draws the parameters that the method shown reads.
pub(super) fn parameters_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let method = state.shown.method;
    let question = &state.question;
    let mut parameters = question.parameters.clone();
    ui.label(RichText::new(format!("of {}", method.title())).small());
    match method {
        Method::Grad | Method::Gbp => {
            ui.label("This method has no parameters of its own");
        }
        Method::Sg => smooth_ui(ui, &mut parameters.sg),
        Method::Ig => {
            steps_ui(ui, &mut parameters.ig.steps);
            baseline_ui(ui, "begins at", &mut parameters.ig.baseline);
        }
        Method::Sig => {
            smooth_ui(ui, &mut parameters.sig.noise);
            steps_ui(ui, &mut parameters.sig.path.steps);
            baseline_ui(ui, "begins at", &mut parameters.sig.path.baseline);
        }
        Method::Gcam | Method::Ggcam => {
            let node = parameters.gcam.node.clone().unwrap_or_else(|| "the last feature map".to_owned());
            ui.label(format!("reads {node}"));
            ui.label(RichText::new("Earlier layers give finer maps of less specific features").small());
        }
        Method::Xrai => {
            number_ui(ui, "steps a path", &mut parameters.xrai.ig_steps, 2..=1000)
                .on_hover_text("Points on each of two paths, from the image's minimum and maximum. The study: 100");
            let segments = &mut parameters.xrai.segments;
            number_ui(ui, "smallest segment", &mut segments.min_size_px, 10..=5000)
                .on_hover_text("Pixels of the smallest segment. The study: 150");
            number_ui(ui, "dilation", &mut segments.dilation_radius_px, 0..=30)
                .on_hover_text("Segments grow by this radius, so that an edge belongs to both sides. The study: 5");
        }
    }
    ui.horizontal(|ui| {
        let label = ui.label("clip percentile");
        ui.add(DragValue::new(&mut parameters.clip_percentile).range(50.0..=100.0).speed(0.1)).labelled_by(label.id)
    })
    .inner
    .on_hover_text("Values above this percentile of the map become 1, so that few bright pixels do not darken the rest. The study: 99");
    let mut seed = question.seed;
    if matches!(method, Method::Sg | Method::Sig) {
        ui.horizontal(|ui| {
            let label = ui.label("seed");
            ui.add(DragValue::new(&mut seed)).labelled_by(label.id)
        })
        .inner
        .on_hover_text("Another seed gives other noise: a map that changes with it has too few copies");
    }
    if ui.button("Defaults of the preset").clicked() {
        parameters = Parameters::of(question.preset);
    }
    if parameters != question.parameters || seed != question.seed {
        actions.send(Action::Ask(Question { parameters, seed, ..question.clone() }));
    }
}

fn smooth_ui(ui: &mut Ui, noise: &mut SmoothGrad) {
    number_ui(ui, "noisy copies", &mut noise.samples, 1..=500)
        .on_hover_text("More copies, less grain, more time. The study: 25");
    ui.horizontal(|ui| {
        let label = ui.label("noise");
        ui.add(DragValue::new(&mut noise.sigma_fraction).range(0.0..=1.0).speed(0.005)).labelled_by(label.id)
    })
    .inner
    .on_hover_text("Standard deviation as a fraction of the image's range. Too much, and the model sees another image. The study: 0.15");
    let name = |aggregate| match aggregate {
        Aggregate::MeanSquare => "mean of squares",
        Aggregate::Mean => "mean with sign",
    };
    ComboBox::from_label("copies become").selected_text(name(noise.aggregate)).show_ui(ui, |ui| {
        for aggregate in [Aggregate::MeanSquare, Aggregate::Mean] {
            ui.selectable_value(&mut noise.aggregate, aggregate, name(aggregate));
        }
    });
}

fn steps_ui(ui: &mut Ui, steps: &mut usize) {
    number_ui(ui, "steps", steps, 2..=1000).on_hover_text(
        "Points on the path from the baseline to the image, both ends included. The study: 10, which is few",
    );
}

fn baseline_ui(ui: &mut Ui, label: &str, baseline: &mut Baseline) {
    let name = |baseline: &Baseline| match baseline {
        Baseline::Value(value) => format!("{value}"),
        Baseline::Channels(_) => "the model's black".to_owned(),
        Baseline::ImageMinimum => "the image's minimum".to_owned(),
        Baseline::ImageMaximum => "the image's maximum".to_owned(),
    };
    let own = baseline.clone();
    let combo = ComboBox::from_label(label).selected_text(name(baseline)).show_ui(ui, |ui| {
        for choice in [Baseline::Value(-1.0), Baseline::Value(0.0), Baseline::ImageMinimum, Baseline::ImageMaximum] {
            let text = name(&choice);
            ui.selectable_value(baseline, choice, text);
        }
        if matches!(own, Baseline::Channels(_)) {
            let text = name(&own);
            ui.selectable_value(baseline, own, text);
        }
    });
    combo
        .response
        .on_hover_text("What the image is compared with: a pixel that equals the baseline gets no attribution");
}

fn number_ui(ui: &mut Ui, label: &str, value: &mut usize, range: std::ops::RangeInclusive<usize>) -> egui::Response {
    ui.horizontal(|ui| {
        let label = ui.label(label);
        ui.add(DragValue::new(value).range(range)).labelled_by(label.id)
    })
    .inner
}
