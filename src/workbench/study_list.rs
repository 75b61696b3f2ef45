//! The study list at the left: search, filter, order, and a row for each listed case.

use egui::style::ScrollAnimation;
use egui::{ComboBox, Id, Panel, Rect, ScrollArea, TextEdit, Ui, vec2};

use super::action::{Action, Actions};
use super::command::Command;
use super::list::{EntryId, LabelFilter, SortBy};
use super::private_field::private_field_ui;
use super::services::Services;
use super::state::State;
use super::study_row::{self, ROW_HEIGHT};
use crate::cohort::Split;

impl LabelFilter {
    /// All, in the order of the menu.
    pub const ALL: [Self; 5] = [Self::All, Self::Positive, Self::Negative, Self::Unlabelled, Self::Wrong];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "All cases",
            Self::Positive => "With the finding",
            Self::Negative => "Without it",
            Self::Unlabelled => "Without a label",
            Self::Wrong => "Predicted wrong",
        }
    }
}

impl SortBy {
    /// All, in the order of the menu.
    pub const ALL: [Self; 4] = [Self::Opened, Self::Title, Self::Label, Self::Prediction];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opened => "As opened",
            Self::Title => "By name",
            Self::Label => "Finding first",
            Self::Prediction => "Most probable first",
        }
    }
}

/// Splits in the order of the menu.
const SPLITS: [Option<Split>; 4] = [None, Some(Split::Train), Some(Split::Val), Some(Split::Test)];

/// What the list is filtered and sorted by, while a view changes it.
struct Choice {
    search: String,
    filter: LabelFilter,
    split: Option<Split>,
    sort: SortBy,
}

/// Draws the study list.
pub(super) fn study_list_ui(ui: &mut Ui, state: &State, services: &Services, actions: &mut Actions) {
    Panel::left("study list").resizable(true).default_size(270.0).size_range(200.0..=480.0).show(ui, |ui| {
        ui.add_space(4.0);
        if state.list.entries().is_empty() {
            empty_ui(ui, state, actions);
            return;
        }
        choice_ui(ui, state, actions);
        ui.separator();
        if state.list.listed().is_empty() {
            nothing_matches_ui(ui, actions);
        } else {
            rows_ui(ui, state, services, actions);
        }
    });
}

fn choice_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    let list = &state.list;
    let mut choice = Choice { search: list.search.clone(), filter: list.filter, split: list.split, sort: list.sort };
    let mut is_changed = false;
    let hint = "Search names";
    let has_identity = state.shown.has_identity;
    let response = private_field_ui(
        ui,
        "search",
        &mut choice.search,
        has_identity,
        |_| false,
        |text| TextEdit::singleline(text).hint_text(hint).char_limit(200).desired_width(f32::INFINITY),
    );
    let response = response.accessible_name("Search names");
    is_changed |= response.changed();
    if state.focus_search {
        response.request_focus();
        actions.send(Action::SearchFocused);
    }
    ui.horizontal(|ui| {
        let width = (ui.available_width() - ui.spacing().item_spacing.x) / 2.0;
        let filter = ComboBox::from_id_salt("filter").width(width).selected_text(choice.filter.name());
        let filter = filter.show_ui(ui, |ui| {
            for option in LabelFilter::ALL {
                is_changed |= ui.selectable_value(&mut choice.filter, option, option.name()).changed();
            }
        });
        filter.response.accessible_name("Filter by label").on_hover_text("Which cases are listed");
        let sort = ComboBox::from_id_salt("sort").width(width).selected_text(choice.sort.name());
        let sort = sort.show_ui(ui, |ui| {
            for option in SortBy::ALL {
                is_changed |= ui.selectable_value(&mut choice.sort, option, option.name()).changed();
            }
        });
        sort.response.accessible_name("Order").on_hover_text("In which order cases are listed");
    });
    ui.horizontal(|ui| {
        for split in SPLITS {
            let name = split.map_or("Any split", Split::name);
            is_changed |= ui.selectable_value(&mut choice.split, split, name).changed();
        }
    });
    let (listed, all) = (list.listed().len(), list.entries().len());
    ui.label(if listed == all { format!("{all} cases") } else { format!("{listed} of {all} cases") });
    if is_changed {
        let Choice { search, filter, split, sort } = choice;
        actions.send(Action::FilterList { search, filter, split, sort });
    }
}

fn rows_ui(ui: &mut Ui, state: &State, services: &Services, actions: &mut Actions) {
    let listed = state.list.listed();
    let scroll_to = newly_current(ui, state);
    let spacing = vec2(0.0, 2.0);
    ui.spacing_mut().item_spacing = spacing;
    let area = ScrollArea::vertical().id_salt("rows").auto_shrink([false, false]);
    area.show_rows(ui, ROW_HEIGHT, listed.len(), |ui, range| {
        let top = ui.max_rect().top();
        if let Some(row) = scroll_to {
            let y = top + (row as f32 - range.start as f32) * (ROW_HEIGHT + spacing.y);
            let rect = Rect::from_min_size(egui::pos2(ui.max_rect().left(), y), vec2(1.0, ROW_HEIGHT));
            ui.scroll_to_rect_animation(rect, None, ScrollAnimation::none());
        }
        for id in listed.get(range).unwrap_or_default() {
            study_row::row_ui(ui, *id, state, services, actions);
        }
    });
    services.thumbnails.borrow_mut().make_missing(&services.jobs, services.post());
}

/// What decides where the current row is, unless rows come and go by themselves: those do not move the list under
/// somebody's hands.
#[derive(Clone, PartialEq)]
struct Place {
    current: Option<EntryId>,
    search: String,
    filter: LabelFilter,
    split: Option<Split>,
    sort: SortBy,
}

/// The row of the current case, in the one frame after it became current or the list was filtered or sorted anew.
fn newly_current(ui: &Ui, state: &State) -> Option<usize> {
    let list = &state.list;
    let (search, filter, split, sort) = (list.search.clone(), list.filter, list.split, list.sort);
    let now = Place { current: list.current, search, filter, split, sort };
    let id = Id::unique("the row scrolled to");
    let before = ui.data(|data| data.get_temp::<Place>(id));
    if before.as_ref() == Some(&now) {
        return None;
    }
    ui.data_mut(|data| data.insert_temp(id, now));
    let current = list.current?;
    list.listed().iter().position(|listed| *listed == current)
}

fn nothing_matches_ui(ui: &mut Ui, actions: &mut Actions) {
    ui.vertical_centered(|ui| {
        ui.add_space(40.0);
        ui.label("No case matches search and filter");
        if ui.button("Show all cases").clicked() {
            actions.send(Action::FilterList {
                search: String::new(),
                filter: LabelFilter::All,
                split: None,
                sort: SortBy::Opened,
            });
        }
    });
}

fn empty_ui(ui: &mut Ui, state: &State, actions: &mut Actions) {
    ui.vertical_centered(|ui| {
        ui.add_space(40.0);
        ui.heading("No cases yet");
        ui.add_space(8.0);
        ui.label("Drop images, folders or a model onto this window");
        ui.label("DICOM, PNG, JPEG, TIFF and NPY are read, whatever they are called");
        ui.add_space(8.0);
        for command in [Command::OpenFiles, Command::OpenFolder, Command::OpenCohort, Command::OpenDemo] {
            let keys = state.settings.keys.keys(command);
            let button = egui::Button::new(command.label());
            let button = match keys.first() {
                Some(shortcut) => button.shortcut_text(super::keys::words(*shortcut)),
                None => button,
            };
            let response = ui.add_sized([ui.available_width().min(220.0), 26.0], button);
            if response.accessible_name(command.label()).on_hover_text(command.tooltip()).clicked() {
                actions.run(command);
            }
        }
        ui.add_space(8.0);
        ui.label("The demo shows generated radiographs, which belong to nobody");
    });
}
