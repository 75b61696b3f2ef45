//! The export dialog: what, how large, with or without marks and identity, and where to.

use egui::{Button, CollapsingHeader, ComboBox, Context, Key, RichText, Slider, TextEdit, Ui, vec2};

use super::{change, dialog_ui, scroll_ui};
use crate::export::shown::ShownExport;
use crate::figure::ColumnWidth;
use crate::job::{Ending, Phase};
use crate::workbench::action::{Action, Actions};
use crate::workbench::export_form::{ExportForm, ExportWhat, FigureFormat, FigureWidth};
use crate::workbench::exporting::{Gathered, gather};
use crate::workbench::private_field::private_field_ui;
use crate::workbench::services::Services;
use crate::workbench::state::State;
use crate::workbench::theme;

/// Dots an inch that are offered.
const DPIS: [u32; 3] = [150, 300, 600];

/// Largest size of the preview in points.
const PREVIEW: [f32; 2] = [300.0, 330.0];

/// Draws the dialog.
pub(super) fn export_ui(context: &Context, state: &State, services: &Services, actions: &mut Actions) {
    let before = &state.dialogs.export_form;
    let mut form = before.clone();
    let gathered = gather(&form, state, services);
    let job = form.job.and_then(|job| services.jobs.reports().into_iter().find(|report| report.id == job));
    let is_writing = job.as_ref().is_some_and(crate::job::JobReport::is_under_way);
    let mut wants_export = false;
    let is_closed = dialog_ui(context, "Export", 740.0, |ui| {
        scroll_ui(ui, "export", |ui| {
            ui.horizontal_top(|ui| {
                ui.vertical(|ui| {
                    ui.set_width((ui.available_width() - PREVIEW[0] - 16.0).clamp(280.0, 410.0));
                    choices_ui(ui, &mut form, state);
                    target_ui(ui, &mut form, state.shown.has_identity, actions, &mut wants_export);
                });
                ui.vertical(|ui| preview_ui(ui, &gathered, services));
            });
        });
        ui.separator();
        let notes = gathered.as_ref().map(|gathered| gathered.left_out.clone());
        let (text, is_bad) = match (&job, &notes) {
            (Some(report), _) if !report.is_under_way() => match &report.phase {
                Phase::Over(Ending::Failed(_)) => (report.words(state.shown.has_identity), true),
                _ => (None, false),
            },
            (_, Err(reason)) => (Some((*reason).clone()), false),
            (_, Ok(left_out)) => (left_out.clone(), false),
        };
        if let Some(text) = text {
            let colour = if is_bad { theme::failure(ui.visuals()) } else { theme::caution(ui.visuals()) };
            ui.label(RichText::new(text).color(colour));
        }
        ui.horizontal(|ui| {
            let is_possible = gathered.is_ok() && form.path().is_some() && !is_writing;
            let button = ui.add_enabled(is_possible, Button::new("Export")).accessible_name("Write the files");
            wants_export |= button.clicked();
            wants_export &= is_possible;
            if is_writing {
                ui.label("is being written…");
            }
            ui.label(RichText::new("Research use - not for diagnosis").small());
        });
    });
    let is_written = job.is_some_and(|report| matches!(report.phase, Phase::Over(Ending::Done(_))));
    if is_closed || is_written {
        services.export_preview.forget();
        form.job = None;
        change(state, actions, |dialogs| {
            dialogs.export = false;
            dialogs.export_form = form;
        });
        return;
    }
    if form != *before {
        change(state, actions, |dialogs| dialogs.export_form = form);
    }
    if wants_export {
        actions.send(Action::Export);
    }
}

fn choices_ui(ui: &mut Ui, form: &mut ExportForm, state: &State) {
    let before = (form.what, form.format);
    let combo = ComboBox::from_id_salt("export what").selected_text(form.what.name()).width(270.0);
    let combo = combo.show_ui(ui, |ui| {
        for what in ExportWhat::ALL {
            ui.selectable_value(&mut form.what, what, what.name()).on_hover_text(what.words());
        }
    });
    combo.response.accessible_name("What to export");
    ui.label(RichText::new(form.what.words()).small());
    ui.add_space(4.0);
    egui::Grid::new("export choices").num_columns(2).spacing([12.0, 8.0]).show(ui, |ui| {
        if form.what.is_figure() {
            figure_ui(ui, form);
        }
        if form.what == ExportWhat::Dicom {
            ui.label("Segmentation from");
            let slider = Slider::new(&mut form.threshold, 0.05..=1.0).fixed_decimals(2);
            ui.add(slider).on_hover_text("Pixels whose map value, 0 to 1, is at least this belong to the segmentation");
            ui.end_row();
        }
    });
    if before != (form.what, form.format) {
        form.follow_choice();
    }
    if form.what != ExportWhat::Maps {
        ui.checkbox(&mut form.has_truth, "Expert marks and scores against them");
        let has_identity = state.list.current.is_some();
        ui.add_enabled_ui(has_identity, |ui| ui.checkbox(&mut form.has_identity, "Name and number of the patient"));
        if form.has_identity {
            let warning = "The files will say whose images they are. Hand them on only where you may";
            ui.label(RichText::new(warning).color(theme::failure(ui.visuals())).strong());
        } else {
            ui.label(RichText::new("Anonymous: no name, number, date, file name or path enters the files").small());
        }
    }
}

fn figure_ui(ui: &mut Ui, form: &mut ExportForm) {
    ui.label("Format");
    ui.horizontal(|ui| {
        for format in FigureFormat::ALL {
            let tip = match format {
                FigureFormat::Png => "Pixels; for slides and most journals",
                FigureFormat::Svg | FigureFormat::Pdf => {
                    "Text and lines stay sharp at any size, maps are embedded as pixels"
                }
            };
            ui.selectable_value(&mut form.format, format, format.name()).on_hover_text(tip);
        }
    });
    ui.end_row();
    ui.label("Dots an inch");
    ui.horizontal(|ui| {
        for dpi in DPIS {
            ui.selectable_value(&mut form.dpi, dpi, dpi.to_string());
        }
    });
    ui.end_row();
    ui.label("Width");
    let words = |width: FigureWidth| match width {
        FigureWidth::Pixels => "a dot for each screen pixel".to_owned(),
        FigureWidth::Column(width) => {
            let name = match width {
                ColumnWidth::Single | ColumnWidth::WideSingle => "one column",
                ColumnWidth::OneAndAHalf => "one and a half columns",
                ColumnWidth::Double | ColumnWidth::WideDouble => "two columns",
            };
            format!("{} mm, {name}", width.mm())
        }
    };
    if form.what != ExportWhat::Screen && form.width == FigureWidth::Pixels {
        form.width = FigureWidth::Column(ColumnWidth::Double);
    }
    let combo = ComboBox::from_id_salt("export width").selected_text(words(form.width)).width(190.0);
    let combo = combo.show_ui(ui, |ui| {
        for width in ColumnWidth::ALL.map(FigureWidth::Column) {
            ui.selectable_value(&mut form.width, width, words(width));
        }
        if form.what == ExportWhat::Screen {
            ui.selectable_value(&mut form.width, FigureWidth::Pixels, words(FigureWidth::Pixels));
        }
    });
    combo.response.accessible_name("Width of the figure");
    ui.end_row();
}

fn target_ui(ui: &mut Ui, form: &mut ExportForm, has_identity: bool, actions: &mut Actions, wants_export: &mut bool) {
    ui.add_space(6.0);
    let name = ui.label(if form.what == ExportWhat::Dicom { "Files, named after" } else { "File" });
    let edit = private_field_ui(
        ui,
        "target",
        &mut form.target,
        has_identity,
        |_| false,
        |text| TextEdit::singleline(text).char_limit(4096).desired_width(f32::INFINITY),
    );
    let edit = edit.labelled_by(name.id);
    // Asked before the field gets the focus again, which it loses to Enter.
    *wants_export |= edit.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    // Whoever hides identity puts the keyboard into the field by themselves: it would show the folder.
    if has_identity && ui.memory(|memory| memory.focused().is_none()) {
        edit.request_focus();
    }
    if edit.changed() {
        form.follow_target();
        form.job = None;
    }
    ui.horizontal_wrapped(|ui| {
        if ui
            .button("Choose…")
            .accessible_name("Choose where to write")
            .on_hover_text("Asks with the system's dialog")
            .clicked()
        {
            actions.send(Action::AskTarget);
        }
        if form.has_no_dialog {
            ui.label(RichText::new("No file dialog of the system answered: type the path").small());
        }
    });
    match form.path() {
        None => drop(ui.label(RichText::new("Type the name of a file").color(theme::caution(ui.visuals())))),
        Some(path) => {
            if let Some(replaced) = form.replaced(&path) {
                let name =
                    replaced.file_name().filter(|_| has_identity).map(|name| name.to_string_lossy().into_owned());
                let replaced = name.unwrap_or_else(|| "A file of this name".to_owned());
                let words = format!("{replaced} is there and will be replaced");
                ui.label(RichText::new(words).color(theme::caution(ui.visuals())));
            }
        }
    }
}

fn preview_ui(ui: &mut Ui, gathered: &Result<Gathered, String>, services: &Services) {
    let Ok(Gathered { export, page, .. }) = gathered else { return };
    match (export, page) {
        (ShownExport::Figure(figure, ..), Some(page)) => {
            let looked = services.export_preview.look(ui.ctx(), &services.jobs, figure, page.width_mm);
            match looked {
                None => drop(ui.label("The preview is being painted…")),
                Some(Err(reason)) => drop(ui.label(RichText::new(reason).color(theme::failure(ui.visuals())))),
                Some(Ok(texture)) => {
                    let size = texture.size_vec2();
                    let scale = (PREVIEW[0] / size.x).min(PREVIEW[1] / size.y);
                    ui.add(egui::Image::new((texture.id(), size * scale)).alt_text("Preview of the figure"));
                    let height_mm = page.width_mm * f64::from(size.y / size.x);
                    ui.label(RichText::new(format!("{:.0} x {height_mm:.0} mm", page.width_mm)).small());
                }
            }
        }
        (ShownExport::Maps(maps), _) => {
            let list = CollapsingHeader::new(format!("{} maps", maps.maps.len())).default_open(true);
            list.show(ui, |ui| {
                for map in &maps.maps {
                    let found = &map.answer.map;
                    let [height, width] = found.area.whole_px;
                    ui.label(format!("{}_raw, {} [{height}, {width}]", found.method, found.method));
                }
                ui.label("logits");
            });
        }
        _ => {
            ui.set_max_width(PREVIEW[0]);
            ui.allocate_space(vec2(PREVIEW[0], 0.0));
            ui.label("Writes a capture and, where any pixel reaches the threshold, a segmentation");
            ui.label("Anonymous files come with a copy of the radiograph that the segmentation refers to");
        }
    }
}
