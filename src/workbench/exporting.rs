//! From what is on the screen to what the export writes.

use std::sync::Arc;

use super::app::Workbench;
use super::command::Command;
use super::export_form::{ExportForm, ExportWhat, FigureWidth};
use super::look::Stage;
use super::services::{OnScreen, Services};
use super::shown::{MapValues, Shown};
use super::state::{CompareMode, State, TileSubject, View};
use super::tile::map_on_screen;
use super::{compare_view, study_row};
use crate::export::shown::{Arrangement, ShownDicom, ShownExport, ShownFigure, ShownMap, ShownMaps, ShownTile};
use crate::figure::template::Page;
use crate::job::{Ending, Lane, Start, Told};
use crate::reading::{OpenCase, OpenModel, Standing};
use crate::saliency::Method;

/// What there is to export, and what is missing from it.
pub(super) struct Gathered {
    /// The export without its place.
    pub(super) export: ShownExport,
    /// Its page, where it is a figure.
    pub(super) page: Option<Page>,
    /// What is left out, in a sentence.
    pub(super) left_out: Option<String>,
}

impl Workbench {
    /// Opens the export dialog for what a command exports, anonymous whatever it was before.
    pub fn open_export(&mut self, command: Command) {
        let mut form = self.state.dialogs.export_form.clone();
        form.what = match command {
            Command::ExportMaps => ExportWhat::Maps,
            Command::ExportDicom => ExportWhat::Dicom,
            _ if form.what.is_figure() => form.what,
            _ => ExportWhat::Screen,
        };
        form.has_truth = self.state.shown.has_truth;
        form.has_identity = false;
        form.has_no_dialog = false;
        form.job = None;
        let threshold = self.state.shown.map.threshold;
        if threshold > 0.0 {
            form.threshold = threshold;
        }
        let own = directories::UserDirs::new();
        let own = own.as_ref().and_then(|folders| folders.document_dir().filter(|folder| folder.is_dir()));
        let here = std::env::current_dir().unwrap_or_default();
        form.propose(own.unwrap_or(&here));
        self.state.dialogs.export_form = form;
        self.state.dialogs.export = true;
    }

    /// Has the export written in the background.
    pub(super) fn export(&mut self) {
        let form = self.state.dialogs.export_form.clone();
        let Some(target) = form.path() else { return };
        let Ok(gathered) = gather(&form, &self.state, &self.services) else { return };
        let start = Start { name: form.what.name().to_owned(), lane: Lane::Write, urgent: false, listed: true };
        let job = self.services.jobs.start(start, move |watch| match gathered.export.write(&target) {
            Ok(files) => {
                let name = |path: &std::path::PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
                let names: Vec<String> = files.iter().filter_map(name).collect();
                watch.about(names.join(", "));
                Ending::Done(Some(
                    if files.len() == 1 { "One file is written" } else { "The files are written" }.to_owned(),
                ))
            }
            Err(error) => watch.failed(Told::of(error.without_path(), error.path())),
        });
        self.state.dialogs.export_form.job = Some(job);
    }
}

/// Collects what the form asks for; why there is nothing to export, in a sentence, where that is so.
pub(super) fn gather(form: &ExportForm, state: &State, services: &Services) -> Result<Gathered, String> {
    let entry = state.list.current.ok_or("No case is open")?;
    let case = services.shelf.case(entry).ok_or("The case is not open yet")?;
    let stage = services.on_screen.get().stage;
    let gathering = Gathering { state, services, case, entry };
    let not_ready = || "The map is not finished yet".to_owned();
    let of_one = |tile: Option<ShownTile>| tile.filter(|tile| tile.map.is_some()).ok_or_else(not_ready);
    let shown_method = state.shown.method;
    let (has_truth, has_identity) = (form.has_truth, form.has_identity);
    let mut left_out = None;
    let mut columns = 1;
    let arrangement = match form.what {
        ExportWhat::Screen => {
            let (tiles, across, has_one_scale) = gathering.screen()?;
            let missing = tiles.iter().filter(|tile| tile.remark.is_some()).count();
            left_out = (missing > 0).then(|| format!("{missing} of {} maps are not finished yet", tiles.len()));
            columns = across;
            Arrangement::Screen { tiles, columns, has_one_scale }
        }
        ExportWhat::SingleCase => Arrangement::SingleCase(Box::new(of_one(
            state.model().and_then(|model| gathering.map(model, shown_method)),
        )?)),
        ExportWhat::MethodGrid => {
            let model = state.model().ok_or("No model is open")?;
            let methods = gathering.methods(std::slice::from_ref(model));
            let tiles: Vec<ShownTile> = methods.iter().filter_map(|method| gathering.map(model, *method)).collect();
            left_out = missing(tiles.len(), methods.len());
            Arrangement::MethodGrid((!tiles.is_empty()).then_some(tiles).ok_or_else(not_ready)?)
        }
        ExportWhat::ModelGrid => {
            let methods = gathering.methods(&state.models);
            let row = |model: &Arc<OpenModel>| methods.iter().map(|method| gathering.map(model, *method)).collect();
            let mut rows: Vec<Vec<Option<ShownTile>>> = state.models.iter().map(row).collect();
            let all = rows.len() * methods.len();
            let ready = rows.iter().flatten().flatten().count();
            // A model without any map would be a row without a name.
            rows.retain(|row| row.iter().any(Option::is_some));
            left_out = missing(ready, all);
            if rows.is_empty() {
                return Err(not_ready());
            }
            Arrangement::ModelGrid { methods, rows }
        }
        ExportWhat::Maps => {
            let model = state.model().ok_or("No model is open")?;
            let methods = gathering.methods(std::slice::from_ref(model));
            let ready = methods.iter().filter_map(|method| gathering.map(model, *method)?.map);
            let maps: Vec<ShownMap> = ready.collect();
            let left_out = missing(maps.len(), methods.len());
            if maps.is_empty() {
                return Err(not_ready());
            }
            let export = ShownExport::Maps(ShownMaps { case: Arc::clone(case), maps });
            return Ok(Gathered { export, page: None, left_out });
        }
        ExportWhat::Dicom => {
            let tile = of_one(state.model().and_then(|model| gathering.map(model, shown_method)))?;
            let dicom = ShownDicom { tile, threshold: form.threshold, has_truth, has_identity };
            return Ok(Gathered { export: ShownExport::Dicom(Box::new(dicom)), page: None, left_out });
        }
    };
    let page = match (form.width, form.what, stage) {
        (FigureWidth::Pixels, ExportWhat::Screen, Some(stage)) => Page::one_to_one(stage.tile_px[0], columns, form.dpi),
        (FigureWidth::Pixels, ..) => Page::new(crate::figure::ColumnWidth::Double.mm(), form.dpi),
        (FigureWidth::Column(width), ..) => Page::new(width.mm(), form.dpi),
    };
    let page = page.map_err(|error| error.to_string())?; // a page knows no path
    let figure = ShownFigure { arrangement, has_truth, has_identity };
    let export = ShownExport::Figure(Box::new(figure), page, form.format.at(form.dpi));
    Ok(Gathered { export, page: Some(page), left_out })
}

fn missing(ready: usize, all: usize) -> Option<String> {
    (ready < all).then(|| format!("{} of {all} maps are not finished and left out", all - ready))
}

struct Gathering<'a> {
    state: &'a State,
    services: &'a Services,
    case: &'a Arc<OpenCase>,
    entry: super::list::EntryId,
}

impl Gathering<'_> {
    /// The study's methods, and those beyond it whose map is finished for one of `models`.
    fn methods(&self, models: &[Arc<OpenModel>]) -> Vec<Method> {
        let is_there = |method: Method| {
            let is_ready = |model: &Arc<OpenModel>| {
                matches!(self.services.standing(self.state, self.case, model, method), Standing::Ready(_))
            };
            models.iter().any(is_ready)
        };
        Method::ALL.into_iter().filter(|method| method.is_of_study() || is_there(*method)).collect()
    }

    /// The whole current case with a finished map.
    fn map(&self, model: &Arc<OpenModel>, method: Method) -> Option<ShownTile> {
        let shown = &self.state.shown;
        let map = self.finished(self.case, model, method, shown, None)?;
        Some(picture(self.case, method.name().to_owned(), shown, Some(map), None))
    }

    /// The pictures on the screen, how many lie in a row, and whether their colours mean the same.
    fn screen(&self) -> Result<(Vec<ShownTile>, usize, bool), String> {
        let state = self.state;
        let is_compared = state.view == View::Compare;
        let OnScreen { stage, tiles: drawn, columns, .. } = self.services.on_screen.get();
        let subjects: Vec<(usize, TileSubject)> = if is_compared {
            let all = state.tiles().into_iter().enumerate();
            match state.compare.maximised {
                Some(only) => all.filter(|(index, _)| *index == only).collect(),
                None => all.take(drawn.max(1)).collect(),
            }
        } else {
            vec![(0, TileSubject { entry: self.entry, model: state.model, method: Some(state.shown.method) })]
        };
        let tiles: Vec<TileSubject> = state.tiles();
        let raw_range = if is_compared { compare_view::shared_raw_range(&tiles, state, self.services) } else { None };
        let mut pictures = Vec::new();
        for (index, subject) in subjects {
            let Some(case) = self.services.shelf.case(subject.entry) else { continue };
            let shown = if is_compared { state.tile_shown(index) } else { state.shown.clone() };
            let map = subject
                .method
                .zip(state.models.get(subject.model))
                .and_then(|(method, model)| self.finished(case, model, method, &shown, raw_range));
            let view = stage.map(|stage| {
                let own =
                    Stage { image_px: case.size_px(), pixel_aspect: case.facts.pixel_aspect, tile_px: stage.tile_px };
                shown.look.viewport(&own)
            });
            let mut tile = picture(case, self.name(&subject, index), &shown, map, view);
            if tile.map.is_none() && subject.method.is_some() && shown.map.visible {
                tile.remark = Some("it is not finished yet".to_owned());
            }
            pictures.push(tile);
        }
        if pictures.is_empty() {
            return Err("Nothing is on the screen".to_owned());
        }
        let columns = if pictures.len() > 1 { columns.max(1) } else { 1 };
        let first_range = pictures.iter().find_map(|tile| tile.map.as_ref()).map(|map| map.display.range);
        let is_raw = state.shown.values == MapValues::Raw;
        let is_first = |range: [f32; 2]| {
            first_range.is_some_and(|first| range.iter().zip(first).all(|(a, b)| a.total_cmp(&b).is_eq()))
        };
        let maps = || pictures.iter().filter_map(|tile| tile.map.as_ref());
        let has_one_scale = is_raw && maps().count() > 1 && maps().all(|map| is_first(map.display.range));
        Ok((pictures, columns, has_one_scale))
    }

    /// What a figure calls a tile; never the name of a file or a patient.
    fn name(&self, subject: &TileSubject, index: usize) -> String {
        let state = self.state;
        let method = || subject.method.map_or_else(|| "Radiograph".to_owned(), |method| method.name().to_owned());
        match state.compare.mode {
            _ if state.view != View::Compare => method(),
            CompareMode::Methods => method(),
            CompareMode::Models => {
                state.models.get(subject.model).map_or_else(method, |model| format!("{}, {}", method(), model.title))
            }
            CompareMode::Images => {
                let entry = state.list.entry(subject.entry);
                let title = entry.map(|entry| study_row::title(entry, false));
                format!("{}, {}", method(), title.unwrap_or_else(|| format!("image {}", index + 1)))
            }
        }
    }

    /// A finished map as the screen shows it.
    fn finished(
        &self,
        case: &Arc<OpenCase>,
        model: &Arc<OpenModel>,
        method: Method,
        shown: &Shown,
        raw_range: Option<[f32; 2]>,
    ) -> Option<ShownMap> {
        let question = &self.state.question;
        let Standing::Ready(answer) = self.services.standing(self.state, case, model, method) else {
            return None;
        };
        let (plane, display, _) = map_on_screen(shown, &answer, raw_range);
        let [low, high] = display.range;
        let contour = shown.has_contour.then_some(low + (high - low) * shown.contour_level);
        let caution = self.state.caution(model, case.is_phantom());
        let (model, question) = (Arc::clone(model), question.clone());
        Some(ShownMap { model, question, answer, plane, display, contour, caution })
    }
}

fn picture(
    case: &Arc<OpenCase>,
    name: String,
    shown: &Shown,
    map: Option<ShownMap>,
    view: Option<crate::display::Viewport>,
) -> ShownTile {
    ShownTile { name, case: Arc::clone(case), gray: shown.gray(&case.plane), map, view, remark: None }
}
