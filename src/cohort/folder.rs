//! A plain folder: images anywhere below it, with optional `labels.csv`, `boxes.csv` and `masks/`.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::case::{Case, Mark, Source};
use super::error::{Error, Result};
use super::files::{self, Header, ImageFile, stem, without_extension};
use super::marks::{BoxColumns, LinedBox, place_boxes};
use super::mask_file::{self, MaskFile};
use super::notes::{Exclusion, Reason, Warnings};
use super::spec::CohortOptions;
use super::split::{self, Split};
use super::table::{Table, TableRole, is_missing};
use super::{Found, SplitSource};
use crate::truth::Task;
use crate::watch::Watch;

const MASKS_FOLDER: &str = "masks";
const ID_COLUMNS: [&str; 4] = ["image", "Image_ID", "filename", "file"];

/// A case in the making.
struct Draft {
    case: Case,
    relative: String,
    /// A row names it, and its line.
    row: Option<u64>,
    /// Rows contradict each other.
    contradicted: bool,
    boxes: Vec<LinedBox>,
    /// A row of the boxes says that there is none.
    without_box: bool,
}

/// What `labels.csv` told.
#[derive(Clone, Copy, Default)]
struct Told {
    labels: bool,
    splits: bool,
}

/// What the folder holds beside images.
struct Tables {
    labels: Option<PathBuf>,
    boxes: Option<PathBuf>,
    masks: HashMap<String, Vec<PathBuf>>,
}

pub(super) fn open(folder: &Path, options: &CohortOptions, watch: &dyn Watch) -> Result<Found> {
    let mut warnings = Warnings::default();
    let mut exclusions = Vec::new();
    let listing = files::list(folder, |name| name == MASKS_FOLDER, watch)?;
    let skipped = listing.skipped;
    let mut drafts = name_cases(listing.images, &mut exclusions, &mut warnings);
    let names = Names::new(&drafts);
    let tables =
        Tables { labels: table(folder, "labels.csv"), boxes: table(folder, "boxes.csv"), masks: masks(folder)? };
    let mut told = Told::default();
    if let Some(path) = &tables.labels {
        told = read_labels(path, options.task, &names, &mut drafts, &mut exclusions, &mut warnings)?;
    }
    if let Some(path) = &tables.boxes {
        read_boxes(path, &names, &mut drafts, &mut exclusions, &mut warnings)?;
    }
    attach_masks(&tables.masks, &mut drafts, &mut warnings);
    let drafts = check_masks(drafts, told.labels, &mut exclusions, &mut warnings, watch)?;
    let has_labels = told.labels || tables.boxes.is_some() || !tables.masks.is_empty();
    let cases =
        drafts.into_iter().filter_map(|draft| judge(draft, has_labels, &mut exclusions, &mut warnings)).collect();
    // Boxes of a folder are drawn on the very files.
    let cases = place_boxes(cases, None, TableRole::Boxes, &mut exclusions, &mut warnings)?;
    Ok(Found { cases, exclusions, warnings, skipped, splits: told.splits.then_some(SplitSource::Labels) })
}

/// Names each image by its stem where no other has it, else by its path below the folder.
fn name_cases(images: Vec<ImageFile>, exclusions: &mut Vec<Exclusion>, warnings: &mut Warnings) -> Vec<Draft> {
    let count = |name: fn(&ImageFile) -> &str| {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for image in &images {
            *counts.entry(name(image).to_owned()).or_default() += 1;
        }
        counts
    };
    let stems = count(|image| stem(&image.relative));
    let paths = count(|image| without_extension(&image.relative));
    let shared = stems.values().filter(|count| **count > 1).count();
    if shared > 0 {
        warnings.note(format!(
            "{shared} file names occur several times; those images are named by their paths below the folder"
        ));
    }
    let mut drafts = Vec::with_capacity(images.len());
    for ImageFile { path, relative, header } in images {
        let id = if stems[stem(&relative)] == 1 {
            stem(&relative)
        } else if paths[without_extension(&relative)] == 1 {
            without_extension(&relative)
        } else {
            &relative
        };
        let id = id.to_owned();
        if let Header::Image { size_px, patient, is_phantom, .. } = header {
            let case = Case { patient, is_phantom, ..Case::new(id, Source::File(path), size_px) };
            drafts.push(Draft {
                case,
                relative,
                row: None,
                contradicted: false,
                boxes: Vec::new(),
                without_box: false,
            });
        } else {
            exclusions.push(Exclusion { reason: Reason::Unreadable, id, line: None });
        }
    }
    drafts
}

/// Images by everything a row may call them.
struct Names(HashMap<String, Vec<usize>>);

impl Names {
    fn new(drafts: &[Draft]) -> Self {
        let mut names: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, draft) in drafts.iter().enumerate() {
            let relative = draft.relative.as_str();
            let last = relative.rsplit('/').next().unwrap_or(relative);
            let mut known = vec![relative, without_extension(relative), last, stem(relative)];
            known.sort_unstable();
            known.dedup();
            for name in known {
                names.entry(name.to_owned()).or_default().push(index);
            }
        }
        Self(names)
    }

    /// Images that `name` may mean, best first: by its path, by its path without extension, by its last part.
    fn find(&self, name: &str) -> &[usize] {
        let name = name.replace('\\', "/");
        let name = name.trim_start_matches("./").trim_start_matches('/');
        let last = name.rsplit('/').next().unwrap_or(name);
        let known = [name, without_extension(name), last, stem(last)];
        known.into_iter().find_map(|name| self.0.get(name)).map_or(&[], Vec::as_slice)
    }
}

/// A CSV file of the folder itself, whatever the case of its name.
fn table(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(std::result::Result::ok)
        .filter(|entry| entry.file_name().eq_ignore_ascii_case(name))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found.pop()
}

/// Mask files by their path below `masks/` without extension, and by their stem; several where names are not unique.
fn masks(folder: &Path) -> Result<HashMap<String, Vec<PathBuf>>> {
    let folder = folder.join(MASKS_FOLDER);
    let mut masks: HashMap<String, Vec<PathBuf>> = HashMap::new();
    if !folder.is_dir() {
        return Ok(masks);
    }
    for image in files::list(&folder, |_| false, &())?.images {
        let (stem, name) = (stem(&image.relative), without_extension(&image.relative));
        if stem != name {
            masks.entry(stem.to_owned()).or_default().push(image.path.clone());
        }
        masks.entry(name.to_owned()).or_default().push(image.path);
    }
    Ok(masks)
}

/// Finds the one image that a row means.
fn find<'a>(
    row: &super::table::Row<'_>,
    role: TableRole,
    column: usize,
    names: &'a Names,
    exclusions: &mut Vec<Exclusion>,
    warnings: &mut Warnings,
) -> Result<Option<&'a usize>> {
    let name = row.field(column);
    if name.is_empty() {
        warnings.at(role, row.line, "no image; the line is ignored");
        return Ok(None);
    }
    match names.find(&name) {
        [] => {
            exclusions.push(Exclusion { reason: Reason::NoFile, id: name.into_owned(), line: Some(row.line) });
            Ok(None)
        }
        [index] => Ok(Some(index)),
        several => {
            let count = several.len();
            Err(row.refuse("image", format!("{count} images have this name; write the path below the folder instead")))
        }
    }
}

/// Reads labels, patients and splits.
fn read_labels(
    path: &Path,
    task: Option<Task>,
    names: &Names,
    drafts: &mut [Draft],
    exclusions: &mut Vec<Exclusion>,
    warnings: &mut Warnings,
) -> Result<Told> {
    const ROLE: TableRole = TableRole::Labels;
    let mut table = Table::open(path, ROLE)?;
    let image = table.require(&ID_COLUMNS)?;
    let label = table.column(&["label"]);
    let split_column = table.column(&["split"]);
    let patient = table.column(&["patient", "patient_id"]);
    let known = [(Some(image), "image"), (label, "label"), (split_column, "split"), (patient, "patient")];
    let known: Vec<_> = known.into_iter().filter_map(|(column, name)| Some((column?, name))).collect();
    table.forbid_twins(&known)?;
    let mut told = Told { labels: label.is_some(), splits: false };
    while let Some(row) = table.next()? {
        let Some(index) = find(&row, ROLE, image, names, exclusions, warnings)? else { continue };
        let draft = &mut drafts[*index];
        let field = row.optional(label);
        let value = if is_missing(&field) {
            None
        } else {
            let text = "this is no label: 0, 1, false, true, negative, positive, or the name of the finding";
            Some(label_of(&field, task).ok_or_else(|| row.refuse("label", text))?)
        };
        let name = row.optional(split_column);
        let part = if is_missing(&name) {
            None
        } else {
            let part =
                Split::of_name(&name).ok_or_else(|| row.refuse("split", "this is neither train, val nor test"))?;
            told.splits = true;
            Some(part)
        };
        if let Some(line) = draft.row {
            if draft.case.split != part {
                return Err(row.refuse("split", format!("the image is in another split on line {line}")));
            }
            if draft.case.label == value {
                warnings.at(ROLE, row.line, "the same image again; it is used once");
            } else {
                draft.contradicted = true;
                warnings.at(ROLE, row.line, "the image has different labels on different lines; it is left out");
            }
            continue;
        }
        draft.row = Some(row.line);
        draft.case.label = value;
        draft.case.split = part;
        let patient = row.optional(patient);
        if !is_missing(&patient) {
            draft.case.patient = Some(patient.into_owned());
        }
    }
    let placed =
        drafts.iter().filter_map(|draft| Some((draft.case.patient.as_deref()?, draft.case.split?, draft.row?)));
    split::warn_of_shared_patients(placed, ROLE, warnings);
    Ok(told)
}

/// What a label says about the finding.
fn label_of(text: &str, task: Option<Task>) -> Option<bool> {
    let text = text.to_lowercase();
    let finding = task.is_none_or(|task| task.name() == text);
    match text.as_str() {
        "1" | "1.0" | "true" | "yes" | "positive" | "finding" | "abnormal" => Some(true),
        "0" | "0.0" | "false" | "no" | "negative" | "no finding" | "normal" | "healthy" => Some(false),
        "pneumothorax" | "pneumonia" if finding => Some(true),
        "lung opacity" if task != Some(Task::Pneumothorax) => Some(true),
        _ => None,
    }
}

fn read_boxes(
    path: &Path,
    names: &Names,
    drafts: &mut [Draft],
    exclusions: &mut Vec<Exclusion>,
    warnings: &mut Warnings,
) -> Result<()> {
    const ROLE: TableRole = TableRole::Boxes;
    let mut table = Table::open(path, ROLE)?;
    let image = table.require(&ID_COLUMNS)?;
    table.forbid_twins(&[(image, "image")])?;
    let columns = BoxColumns::of(&table)?;
    while let Some(row) = table.next()? {
        let finding = columns.read(&row)?;
        let Some(index) = find(&row, ROLE, image, names, exclusions, warnings)? else { continue };
        let draft = &mut drafts[*index];
        match finding {
            None => draft.without_box = true,
            Some(finding) if draft.boxes.iter().any(|lined| lined.finding == finding) => {
                warnings.at(ROLE, row.line, "the same row again; it is used once");
            }
            Some(finding) => draft.boxes.push(LinedBox { line: row.line, finding }),
        }
    }
    Ok(())
}

fn attach_masks(masks: &HashMap<String, Vec<PathBuf>>, drafts: &mut [Draft], warnings: &mut Warnings) {
    let mut used = HashSet::new();
    let mut ambiguous = 0;
    for draft in &mut *drafts {
        let names = [without_extension(&draft.relative), draft.case.id.as_str()];
        match names.into_iter().find_map(|name| masks.get(name)).map(Vec::as_slice) {
            Some([path]) => draft.case.mark = Mark::File(path.clone()),
            Some(_) => ambiguous += 1,
            None => continue,
        }
        used.extend(names.into_iter().filter_map(|name| masks.get(name)).flatten());
    }
    if ambiguous > 0 {
        warnings.note(format!("images with several masks of their name, none of which is taken: {ambiguous}"));
    }
    let all: HashSet<&PathBuf> = masks.values().flatten().collect();
    let unused = all.difference(&used).count();
    if unused > 0 {
        warnings.note(format!("masks without an image of the same name: {unused}"));
    }
}

/// Reads every mask once: only that tells whether it fits its image and its label, and gives the label where no table
/// does. A row of the boxes without a box gives one as well.
fn check_masks(
    drafts: Vec<Draft>,
    labels_are_told: bool,
    exclusions: &mut Vec<Exclusion>,
    warnings: &mut Warnings,
    watch: &dyn Watch,
) -> Result<Vec<Draft>> {
    let total = drafts.iter().filter(|draft| matches!(draft.case.mark, Mark::File(_))).count();
    let done = AtomicUsize::new(0);
    let read = |draft: &Draft| match &draft.case.mark {
        Mark::File(path) if !watch.is_cancelled() => {
            let file = mask_file::read(path);
            watch.progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            Some(file)
        }
        _ => None,
    };
    let found: Vec<Option<Result<MaskFile>>> = drafts.par_iter().map(read).collect();
    if watch.is_cancelled() {
        return Err(Error::Interrupted);
    }
    let mut kept = Vec::with_capacity(drafts.len());
    for (mut draft, found) in drafts.into_iter().zip(found) {
        let mut marked = if draft.boxes.is_empty() { draft.without_box.then_some(false) } else { Some(true) };
        if let Some(found) = found {
            match judge_mask(&draft, found, labels_are_told, warnings) {
                Ok(is_marked) => marked = Some(is_marked),
                Err(reason) => {
                    exclusions.push(Exclusion { reason, id: draft.case.id, line: draft.row });
                    continue;
                }
            }
        }
        if !labels_are_told {
            draft.case.label = marked;
        }
        kept.push(draft);
    }
    let without_mark =
        |draft: &&Draft| draft.case.label == Some(true) && draft.case.mark == Mark::None && draft.boxes.is_empty();
    let count = kept.iter().filter(without_mark).count();
    if count > 0 {
        warnings.note(format!("positive images without mask or box, whose truth is not known: {count}"));
    }
    Ok(kept)
}

/// Whether a mask marks anything, or why its image is left out.
fn judge_mask(
    draft: &Draft,
    found: Result<MaskFile>,
    labels_are_told: bool,
    warnings: &mut Warnings,
) -> std::result::Result<bool, Reason> {
    let Ok(MaskFile { mask, warning }) = found else {
        warnings.note("a mask file cannot be read; its image is left out");
        return Err(Reason::DamagedMask);
    };
    if let Some(warning) = warning {
        warnings.note(warning);
    }
    if draft.case.size_px.is_some_and(|size_px| size_px != [mask.height_px(), mask.width_px()]) {
        warnings.note("a mask has another size than its image; the image is left out");
        return Err(Reason::MaskBeyondImage);
    }
    let is_marked = mask.area_px() > 0;
    if labels_are_told && draft.case.label.is_some_and(|label| label != is_marked) {
        let label = if is_marked { "negative" } else { "positive" };
        let found = if is_marked { "marks something" } else { "marks nothing" };
        warnings.note(format!("an image is labelled {label} and its mask {found}; it is left out"));
        return Err(Reason::Contradiction);
    }
    Ok(is_marked)
}

/// The case and its boxes, unless something speaks against it.
fn judge(
    draft: Draft,
    has_labels: bool,
    exclusions: &mut Vec<Exclusion>,
    warnings: &mut Warnings,
) -> Option<(Case, Vec<LinedBox>)> {
    let line = draft.row;
    let reason = if draft.contradicted {
        Some(Reason::Contradiction)
    } else if draft.without_box && !draft.boxes.is_empty() {
        warnings.at(
            TableRole::Boxes,
            draft.boxes[0].line,
            "another line says that the image has no box; it is left out",
        );
        Some(Reason::Contradiction)
    } else if draft.case.label == Some(false) && !draft.boxes.is_empty() {
        warnings.at(
            TableRole::Boxes,
            draft.boxes[0].line,
            "the image has a box and is labelled negative; it is left out",
        );
        Some(Reason::Contradiction)
    } else if draft.case.label.is_none() && has_labels {
        Some(Reason::Unlabelled)
    } else {
        None
    };
    match reason {
        Some(reason) => exclusions.push(Exclusion { reason, id: draft.case.id, line }),
        None => return Some((draft.case, draft.boxes)),
    }
    None
}
