//! What is to be run.

use egui::{Button, ComboBox, DragValue, Grid, RichText, TextEdit, Ui};

use super::wish;
use crate::benchmark::Protocol;
use crate::benchmark::protocol::Test;
use crate::benchmark::verdict::{question, test_title};
use crate::limits;
use crate::saliency::{Method, Preset};
use crate::truth::Task;
use crate::workbench::action::Actions;
use crate::workbench::bench::BenchWish;
use crate::workbench::name_column::name_ui;
use crate::workbench::private_field::private_field_ui;
use crate::workbench::state::State;
use crate::workbench::theme;

/// Width of the names of rows, in points.
const NAME_WIDTH: f32 = 116.0;

/// Between a name and its choice, and between rows, in points.
const SPACING: egui::Vec2 = egui::vec2(16.0, 8.0);

/// Draws the choices.
pub(super) fn form_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let before = &state.bench.protocol;
    let mut protocol = before.clone();
    let has_identity = state.shown.has_identity;
    ui.heading("How far can these maps be trusted?");
    ui.label("Four tests on many images tell what one picture cannot. A run can be stopped and continued at any time");
    ui.horizontal_wrapped(|ui| {
        ui.label("Start from");
        for task in [Task::PNEUMOTHORAX, Task::PNEUMONIA] {
            let button = ui.button(format!("Demo, {task}"));
            let words = "Generated radiographs and the networks that are part of the program; some minutes of work";
            if button.on_hover_text(words).clicked() {
                protocol = Protocol::demo(before.preset, task);
            }
        }
        let button = ui.add_enabled(!state.models.is_empty(), Button::new("The cohort and models that are open"));
        let words = "The cohort of the case that is shown; models of one architecture become replicates, another one is \
                     compared with them; tests that these cannot give are left out";
        if button.on_hover_text(words).clicked() {
            wish(actions, BenchWish::TakeOpen);
        }
        if ui.button("Open a benchmark…").on_hover_text("A database that was begun earlier, or its folder").clicked()
        {
            wish(actions, BenchWish::Choose);
        }
    });
    // Outside of the grid, whose rows cannot grow by a second line.
    tests_ui(ui, &mut protocol);
    methods_ui(ui, &mut protocol);
    Grid::new("benchmark choices").num_columns(2).min_col_width(NAME_WIDTH).spacing(SPACING).show(ui, |ui| {
        preset_ui(ui, &mut protocol);
        ui.end_row();
        let name = ui.label("Cohort");
        let source = &mut protocol.cohort.source;
        let is_public = |text: &str| text.starts_with("phantom:");
        let edit = private_field_ui(ui, "cohort", source, has_identity, is_public, |text| {
            TextEdit::singleline(text).desired_width(420.0)
        });
        edit.labelled_by(name.id)
            .on_hover_text("siim:DIR, rsna:DIR, nih:DIR, vindr:DIR, folder:DIR or phantom:SEED:COUNT");
        ui.end_row();
        task_ui(ui, &mut protocol);
        ui.end_row();
        models_ui(ui, &mut protocol, has_identity);
        numbers_ui(ui, &mut protocol);
    });
    let problem = protocol.check().err();
    if let Some(problem) = &problem {
        ui.label(RichText::new(problem.to_string()).color(theme::failure(ui.visuals())));
    }
    for text in &state.bench.left_out {
        ui.label(RichText::new(text).color(theme::caution(ui.visuals())));
    }
    ui.horizontal_wrapped(|ui| {
        let start = ui.add_enabled(problem.is_none(), Button::new("Start in a folder…"));
        if start.on_hover_text("A folder that holds the same run already goes on where it was").clicked() {
            wish(actions, BenchWish::Start);
        }
        cost_ui(ui, state, problem.is_none(), actions);
    });
    if protocol != *before {
        wish(actions, BenchWish::Ask(Box::new(protocol)));
    }
}

/// The finding, where the cohort is about several or names none.
fn task_ui(ui: &mut Ui, protocol: &mut Protocol) {
    let name = ui.label("Finding");
    let task = &protocol.cohort.task;
    // A name being typed may end in a blank, which no finding does.
    let typed = ui.scope_id().with("finding typed");
    let kept = ui.data(|data| data.get_temp::<String>(typed)).filter(|kept| Task::named(kept).ok() == *task);
    let mut text = kept.unwrap_or_else(|| task.as_ref().map_or_else(String::new, |task| task.name().to_owned()));
    let edit = ui.add(TextEdit::singleline(&mut text).char_limit(limits::FINDING_NAME_LETTERS).desired_width(420.0));
    let edit = edit.labelled_by(name.id);
    if edit.on_hover_text("A column of labels.csv or a name in it; empty where the cohort has one").changed() {
        protocol.cohort.task = Task::named(&text).ok();
        ui.data_mut(|data| data.insert_temp(typed, text));
    }
}

/// What it will cost, once somebody asked.
fn cost_ui(ui: &mut Ui, state: &State, can_be_run: bool, actions: &mut Actions) {
    let bench = &state.bench;
    let is_weighing = bench.weighing.is_some();
    let ask = ui.add_enabled(can_be_run && !is_weighing, Button::new("What it costs"));
    if ask.on_hover_text("Opens cohort and networks and times a few passes; computes no map").clicked() {
        wish(actions, BenchWish::Weigh);
    }
    if is_weighing {
        ui.spinner();
    } else if let Some(words) = bench.cost_words() {
        ui.label(words);
    }
}

fn preset_ui(ui: &mut Ui, protocol: &mut Protocol) {
    let name = ui.label("Preset");
    ComboBox::from_id_salt("benchmark preset")
        .selected_text(protocol.preset.name())
        .show_ui(ui, |ui| {
            for preset in Preset::ALL {
                if ui.selectable_label(preset == protocol.preset, preset.name()).clicked() && preset != protocol.preset
                {
                    let fresh = Protocol::of(preset);
                    let cohort = crate::benchmark::protocol::CohortSection {
                        truth_rule: fresh.cohort.truth_rule,
                        ..protocol.cohort.clone()
                    };
                    *protocol = Protocol {
                        cohort,
                        tests: protocol.tests.clone(),
                        methods: protocol.methods.clone(),
                        models: protocol.models.clone(),
                        sample: protocol.sample,
                        ..fresh
                    };
                }
            }
        })
        .response
        .labelled_by(name.id);
}

/// A row with a name as wide as those of the grid, whose content may take several lines.
fn row_ui(ui: &mut Ui, name: &str, content: impl FnOnce(&mut Ui)) {
    ui.horizontal_top(|ui| {
        name_ui(ui, name, NAME_WIDTH);
        ui.add_space(SPACING.x - ui.spacing().item_spacing.x);
        ui.vertical(|ui| ui.horizontal_wrapped(content));
    });
}

fn tests_ui(ui: &mut Ui, protocol: &mut Protocol) {
    row_ui(ui, "Tests", |ui| {
        for test in Test::ALL {
            let mut is_wanted = protocol.tests.contains(&test);
            if ui.checkbox(&mut is_wanted, test_title(test)).on_hover_text(question(test)).changed() {
                protocol.tests.retain(|other| *other != test);
                if is_wanted {
                    protocol.tests.push(test);
                    protocol.tests.sort_unstable();
                }
            }
        }
    });
}

fn methods_ui(ui: &mut Ui, protocol: &mut Protocol) {
    row_ui(ui, "Methods", |ui| {
        for method in Method::ALL {
            let mut is_wanted = protocol.methods.contains(&method);
            if ui.checkbox(&mut is_wanted, method.name()).on_hover_text(method.title()).changed() {
                protocol.methods.retain(|other| *other != method);
                if is_wanted {
                    protocol.methods.push(method);
                    protocol.methods.sort_unstable();
                }
            }
        }
    });
}

/// Whether a model's text names no file.
fn is_demo(text: &str) -> bool {
    text.starts_with("demo:")
}

fn models_ui(ui: &mut Ui, protocol: &mut Protocol, has_identity: bool) {
    let models = &mut protocol.models;
    lines_ui(
        ui,
        "Replicates",
        &mut models.classifiers,
        has_identity,
        "One a line: weights files, or demo:NAME; two for repeatability",
    );
    ui.end_row();
    let name = ui.label("Other architecture");
    let mut text = models.other_architecture.clone().unwrap_or_default();
    let edit = private_field_ui(ui, "other", &mut text, has_identity, is_demo, |text| {
        TextEdit::singleline(text).desired_width(420.0)
    });
    let edit = edit.labelled_by(name.id);
    if edit.on_hover_text("Compared with the first replicate for reproducibility").changed() {
        models.other_architecture = Some(text).filter(|text| !text.trim().is_empty());
    }
    ui.end_row();
    lines_ui(
        ui,
        "Localizers",
        &mut models.localizers,
        has_identity,
        "None, or two U-Nets (masks) or RetinaNets (boxes): the high baseline",
    );
    ui.end_row();
}

fn lines_ui(ui: &mut Ui, label: &str, lines: &mut Vec<String>, has_identity: bool, words: &str) {
    let name = ui.label(label);
    let mut text = lines.join("\n");
    let rows = lines.len().clamp(1, 4);
    let edit = private_field_ui(ui, label, &mut text, has_identity, is_demo, |text| {
        TextEdit::multiline(text).desired_rows(rows).desired_width(420.0)
    });
    let edit = edit.labelled_by(name.id);
    if edit.on_hover_text(words).changed() {
        *lines = text.split('\n').map(str::to_owned).collect();
        // An empty field names nothing; an empty line is one being typed.
        if text.trim().is_empty() {
            lines.clear();
        }
    }
}

fn numbers_ui(ui: &mut Ui, protocol: &mut Protocol) {
    let number = |ui: &mut Ui, label: &str, value: &mut Option<usize>, words: &str| {
        let name = ui.label(label);
        ui.horizontal(|ui| {
            let mut is_all = value.is_none();
            if ui.checkbox(&mut is_all, format!("all for {}", label.to_lowercase())).changed() {
                *value = if is_all { None } else { Some(crate::benchmark::STUDY_SAMPLE) };
            }
            if let Some(value) = value {
                ui.add(DragValue::new(value).range(1..=1_000_000)).labelled_by(name.id).on_hover_text(words);
            }
        });
        ui.end_row();
    };
    number(ui, "Utility images", &mut protocol.sample.utility, "Images with the finding that utility sees");
    number(ui, "Similarity images", &mut protocol.sample.similarity, "For the other three tests; the study's 100");
    ui.label("Maps");
    ui.checkbox(&mut protocol.keep_maps, "keep every map")
        .on_hover_text("Reports can show them then; takes disk space");
    ui.end_row();
}
