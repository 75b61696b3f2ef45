//! A plain folder: images anywhere below it, with optional `labels.csv`, `boxes.csv` and `masks/`.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::box_table::{named_boxes, read_boxes};
use super::case::{Case, Label, Mark, Source};
use super::error::{Error, Result};
use super::files::{self, Header, ImageFile, stem, without_extension};
use super::label_table::{LabelColumns, Said};
use super::likeness::{self, Meant};
use super::marks::{LinedBox, place_boxes};
use super::mask_file::{self, MaskFile};
use super::mask_folder::{MASKS_FOLDER, Masks};
use super::mask_name;
use super::notes::{Exclusion, Notes, Reason, Warnings};
use super::spec::CohortOptions;
use super::split::{self, Split};
use super::table::{Row, Table, TableRole, is_missing};
use super::{Found, SplitSource};
use crate::truth::Task;
use crate::watch::Watch;

pub(super) const ID_COLUMNS: [&str; 6] = ["image", "Image_ID", "filename", "file", "Image Index", "path"];

/// A case in the making.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Draft {
    pub(super) case: Case,
    pub(super) relative: String,
    /// A row names it, and its line.
    row: Option<u64>,
    /// Rows contradict each other.
    contradicted: bool,
    /// What rows say of each finding; empty where no row names the image.
    labels: Vec<Label>,
    /// Rows name other findings alone, so that marks which name none may be theirs.
    is_other: bool,
    /// A row of the boxes that is no box, and its line.
    pub(super) bad_box: Option<u64>,
    pub(super) boxes: Vec<LinedBox>,
    /// A row of the boxes says that there is none.
    pub(super) without_box: bool,
    /// A row of the boxes is of another finding.
    pub(super) has_other_box: bool,
}

/// What the tables told.
#[derive(Default)]
pub(super) struct Told {
    labels: bool,
    splits: bool,
    /// The findings that labels are about; one without a name where nobody named it.
    pub(super) tasks: Vec<Option<Task>>,
    /// All findings that are named.
    pub(super) known: Vec<String>,
}

pub(super) fn open(folder: &Path, options: &CohortOptions, watch: &dyn Watch, notes: &mut Notes) -> Result<Found> {
    let Notes { warnings, exclusions, skipped } = notes;
    let listing = files::list(folder, |name| name == MASKS_FOLDER, watch)?;
    *skipped = listing.skipped;
    let mut drafts = name_cases(listing.images, exclusions, warnings);
    warn_of_masks_among(&drafts, warnings);
    let names = Names::new(&drafts);
    let (labels, boxes) = (table(folder, "labels.csv"), table(folder, "boxes.csv"));
    let mut told = Told::default();
    if let Some(path) = &labels {
        told = read_labels(path, options, &names, &mut drafts, exclusions, warnings)?;
    }
    let is_of_several = !options.findings.is_empty();
    if is_of_several && !told.labels {
        let problem = "several findings at once need a labels.csv that names them".to_owned();
        return Err(Error::Options(problem));
    }
    // Marks are of one finding.
    let mut masks = Masks::default();
    if !is_of_several {
        let named = boxes.as_deref().map(|path| named_boxes(path, options, &mut told, warnings)).transpose()?.flatten();
        let task = told.tasks.first().cloned().flatten().or_else(|| options.task.clone());
        if let Some(path) = &boxes {
            read_boxes(path, task.as_ref().filter(|_| named.is_some()), &names, &mut drafts, exclusions, warnings)?;
        }
        masks = Masks::of(folder, task.as_ref(), &told.known, warnings)?;
        masks.attach(&mut drafts, warnings);
        leave_to_others(&mut drafts, named.is_some(), masks.are_named(), warnings);
        told.tasks = vec![task];
    }
    let drafts = check_masks(drafts, told.labels, exclusions, warnings, watch)?;
    let has_labels = told.labels || boxes.is_some() || !masks.is_empty();
    let cases = drafts.into_iter().filter_map(|draft| judge(draft, has_labels, exclusions, warnings)).collect();
    // Boxes of a folder are drawn on the very files.
    let cases = place_boxes(cases, None, TableRole::Boxes, exclusions, warnings)?;
    let findings = told.tasks.into_iter().flatten().collect();
    Ok(Found { cases, splits: told.splits.then_some(SplitSource::Labels), findings, known: told.known })
}

/// Takes marks from images that have other findings alone, unless the marks name this one: they are the others'.
fn leave_to_others(drafts: &mut [Draft], boxes_are_named: bool, masks_are_named: bool, warnings: &Warnings) {
    let (mut masks, mut boxes) = (0, 0);
    for draft in drafts.iter_mut().filter(|draft| draft.is_other) {
        if !masks_are_named && draft.case.mark != Mark::None {
            draft.case.mark = Mark::None;
            masks += 1;
        }
        if !boxes_are_named && (!draft.boxes.is_empty() || draft.without_box || draft.bad_box.is_some()) {
            (draft.without_box, draft.bad_box) = (false, None);
            boxes += usize::from(!draft.boxes.is_empty());
            draft.boxes.clear();
        }
    }
    for (count, marks) in [(masks, "masks"), (boxes, "boxes")] {
        if count > 0 {
            warnings
                .note(format!("images with {marks} that are of another finding by their labels, not used: {count}"));
        }
    }
}

/// Masks that lie beside their images are images as any other.
fn warn_of_masks_among(drafts: &[Draft], warnings: &Warnings) {
    let mut relatives = drafts.iter().map(|draft| draft.relative.as_str());
    if !relatives.clone().any(|relative| likeness::folded(stem(relative)).contains("mask")) {
        return;
    }
    let names = relatives.clone().map(|relative| likeness::folded(without_extension(relative))).collect();
    let is_mask = |relative: &&str| {
        stem(relative).to_lowercase().contains("mask") && mask_name::is_of_neighbour(relative, &names)
    };
    let count = relatives.by_ref().filter(is_mask).count();
    if count > 0 {
        warnings.note(format!(
            "files named like masks of the images beside them, which are taken as images: {count}; put masks into a folder masks"
        ));
    }
}

/// Names each image by its stem where no other has it, else by its path below the folder.
fn name_cases(images: Vec<ImageFile>, exclusions: &mut Vec<Exclusion>, warnings: &Warnings) -> Vec<Draft> {
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
                labels: Vec::new(),
                is_other: false,
                bad_box: None,
                boxes: Vec::new(),
                without_box: false,
                has_other_box: false,
            });
        } else {
            exclusions.push(Exclusion { reason: Reason::Unreadable, id, line: None });
        }
    }
    drafts
}

/// Images by everything a row may call them.
pub(super) struct Names(HashMap<String, Vec<usize>>);

impl Names {
    fn new(drafts: &[Draft]) -> Self {
        let mut names: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, draft) in drafts.iter().enumerate() {
            let mut known = likeness::forms(&draft.relative).to_vec();
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
        likeness::forms(&plain(name)).into_iter().find_map(|name| self.0.get(name)).map_or(&[], Vec::as_slice)
    }
}

/// The name in a row as a path below the folder.
fn plain(name: &str) -> Cow<'_, str> {
    let trimmed = |name: &str| name.trim_start_matches("./").trim_start_matches('/').to_owned();
    if name.contains('\\') || name.starts_with(['.', '/']) {
        trimmed(&name.replace('\\', "/")).into()
    } else {
        name.into()
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

/// The images that the rows of one table mean.
pub(super) struct Sought<'a> {
    names: &'a Names,
    /// Images by names that are none of theirs.
    meant: HashMap<String, Meant>,
    column: usize,
}

impl<'a> Sought<'a> {
    /// Reads the names of a table, which is at `path` and has them in `column`.
    pub(super) fn in_table(
        path: &Path,
        role: TableRole,
        column: usize,
        names: &'a Names,
        drafts: &[Draft],
    ) -> Result<Self> {
        // Whoever reads the table for its content tells what is odd about it.
        let warnings = Warnings::default();
        let mut table = Table::open(path, role, &warnings)?;
        let mut known: HashSet<usize> = HashSet::new();
        let mut unknown: BTreeSet<String> = BTreeSet::new();
        while let Some(row) = table.next()? {
            let name = row.field(column);
            match names.find(&name) {
                [] if !name.is_empty() => drop(unknown.insert(plain(&name).into_owned())),
                found => known.extend(found.iter().copied()),
            }
        }
        let mut free = Vec::new();
        if !unknown.is_empty() {
            let drafts = drafts.iter().enumerate().filter(|(index, _)| !known.contains(index));
            free = drafts.map(|(index, draft)| (index, draft.relative.as_str())).collect();
        }
        let meant = likeness::meant(unknown.iter().map(String::as_str).collect(), &free);
        let meant = meant.into_iter().map(|(name, meant)| (name.to_owned(), meant)).collect();
        Ok(Self { names, meant, column })
    }

    /// Finds the one image that a row means.
    pub(super) fn find(&self, row: &Row<'_>, exclusions: &mut Vec<Exclusion>) -> Result<Option<usize>> {
        let name = row.field(self.column);
        if name.is_empty() {
            row.warn("no image; the line is ignored");
            return Ok(None);
        }
        match self.names.find(&name) {
            [] => {}
            [index] => return Ok(Some(*index)),
            several => {
                let count = several.len();
                let problem = format!("{count} images have this name; write the path below the folder instead");
                return Err(row.refuse("image", problem));
            }
        }
        match self.meant.get(&*plain(&name)) {
            Some(Meant::File(index, likeness)) => {
                likeness.warning().into_iter().for_each(|text| row.warn(text));
                return Ok(Some(*index));
            }
            Some(Meant::Several) => row.warn(likeness::SEVERAL),
            None if likeness::is_scientific(&name) => row.warn(likeness::SCIENTIFIC),
            None => {}
        }
        exclusions.push(Exclusion { reason: Reason::NoFile, id: name.into_owned(), line: Some(row.line) });
        Ok(None)
    }
}

/// Reads labels, patients and splits.
fn read_labels(
    path: &Path,
    options: &CohortOptions,
    names: &Names,
    drafts: &mut [Draft],
    exclusions: &mut Vec<Exclusion>,
    warnings: &Warnings,
) -> Result<Told> {
    const ROLE: TableRole = TableRole::Labels;
    let mut table = Table::open(path, ROLE, warnings)?;
    let image = table.require(&ID_COLUMNS)?;
    let split_column = table.column(&["split"]);
    let patient = table.column(&["patient", "patient_id"]);
    let known =
        [(Some(image), "image"), (table.column(&["label"]), "label"), (split_column, "split"), (patient, "patient")];
    let known: Vec<_> = known.into_iter().filter_map(|(column, name)| Some((column?, name))).collect();
    table.forbid_twins(&known)?;
    let taken: Vec<usize> = [Some(image), split_column, patient].into_iter().flatten().collect();
    // What is odd is told by the reading that follows.
    let unheard = Warnings::default();
    let labels = LabelColumns::of(Table::open(path, ROLE, &unheard)?, &taken, options, warnings)?;
    let sought = Sought::in_table(path, ROLE, image, names, drafts)?;
    let mut told = Told { labels: labels.is_some(), ..Told::default() };
    if let Some(labels) = &labels {
        (told.tasks, told.known) = (labels.tasks.clone(), labels.known.clone());
    }
    while let Some(row) = table.next()? {
        let Some(index) = sought.find(&row, exclusions)? else { continue };
        let draft = &mut drafts[index];
        let said = labels.as_ref().map(|labels| labels.read(&row)).transpose()?;
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
            draft.hear_again(said, &row);
            continue;
        }
        draft.row = Some(row.line);
        if let Some(said) = said {
            if said.labels.contains(&Label::Uncertain) {
                row.warn(match said.labels.len() {
                    1 => "the label is uncertain; the image is left out",
                    _ => "a label is uncertain; the image tells nothing of that finding",
                });
            }
            (draft.labels, draft.is_other) = (said.labels, said.is_other);
        }
        draft.case.split = part;
        let patient = row.optional(patient);
        if !is_missing(&patient) {
            draft.case.patient = Some(patient.into_owned());
        }
    }
    for draft in &mut *drafts {
        let known = |label: &Label| label.known();
        let is_there = draft.labels.contains(&Label::Positive);
        draft.case.label = if is_there { Some(true) } else { draft.labels.iter().find_map(known) };
        draft.case.labels.clone_from(&draft.labels);
    }
    let placed =
        drafts.iter().filter_map(|draft| Some((draft.case.patient.as_deref()?, draft.case.split?, draft.row?)));
    split::warn_of_shared_patients(placed, ROLE, warnings);
    Ok(told)
}

impl Draft {
    /// Takes another row of the image.
    fn hear_again(&mut self, said: Option<Said>, row: &Row<'_>) {
        let Some(said) = said else {
            row.warn("the same image again; it is used once");
            return;
        };
        let is_same = self.labels == said.labels && self.is_other == said.is_other;
        let is_silent = |labels: &[Label]| labels.iter().all(|label| *label == Label::Missing);
        // A finding a row, as tables of findings are written; one that says there is none contradicts the others.
        let finds = |labels: &[Label], is_other: bool| is_other || labels.contains(&Label::Positive);
        let is_more = said.is_of_names
            && (is_silent(&self.labels) || finds(&self.labels, self.is_other))
            && (is_silent(&said.labels) || finds(&said.labels, said.is_other));
        if is_same {
            row.warn("the same image again; it is used once");
        } else if is_more {
            row.warn("another row of the image names another finding; both count");
            for (label, more) in self.labels.iter_mut().zip(said.labels) {
                *label = if *label == Label::Positive || more == Label::Missing { *label } else { more };
            }
            self.is_other |= said.is_other;
            self.is_other &= !self.labels.contains(&Label::Positive);
        } else {
            self.contradicted = true;
            row.warn("the image has different labels on different lines; it is left out");
        }
    }

    /// Whether the image stays without its mark, by the label that a table told.
    fn suffices(&self, labels_are_told: bool, warnings: &Warnings) -> bool {
        warnings.labels_suffice() && labels_are_told && self.case.label.is_some()
    }

    /// What becomes of the image where its mask cannot be used, as the end of a sentence.
    fn fate(&self, labels_are_told: bool, warnings: &Warnings) -> &'static str {
        if self.suffices(labels_are_told, warnings) { warnings.fate() } else { "its image is left out" }
    }

    /// Whether rows say of a finding that nobody is sure, and of none more.
    fn is_uncertain(&self) -> bool {
        self.labels.contains(&Label::Uncertain) && self.case.label.is_none()
    }
}

/// Reads every mask once: only that tells whether it fits its image and its label, and gives the label where no table
/// does. A row of the boxes without a box gives one as well.
fn check_masks(
    drafts: Vec<Draft>,
    labels_are_told: bool,
    exclusions: &mut Vec<Exclusion>,
    warnings: &Warnings,
    watch: &dyn Watch,
) -> Result<Vec<Draft>> {
    let total = drafts.iter().filter(|draft| matches!(draft.case.mark, Mark::Files(_))).count();
    let done = AtomicUsize::new(0);
    let read = |draft: &Draft| match &draft.case.mark {
        Mark::Files(paths) if !watch.is_cancelled() => {
            let file = mask_file::read_parts(paths);
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
        let is_looked_at = draft.without_box || draft.has_other_box;
        let mut marked = if draft.boxes.is_empty() { is_looked_at.then_some(false) } else { Some(true) };
        if let Some(found) = found {
            match judge_mask(&draft, found, labels_are_told, warnings) {
                Ok(is_marked) => marked = Some(is_marked),
                Err(Reason::DamagedMask | Reason::MaskBeyondImage) if draft.suffices(labels_are_told, warnings) => {
                    draft.case.mark = Mark::None;
                }
                Err(reason) => {
                    exclusions.push(Exclusion { reason, id: draft.case.id, line: draft.row });
                    continue;
                }
            }
        }
        if !labels_are_told {
            draft.case.label = marked;
            draft.case.labels = vec![Label::of(marked)];
        }
        kept.push(draft);
    }
    let without_mark =
        |draft: &&Draft| draft.case.label == Some(true) && draft.case.mark == Mark::None && draft.boxes.is_empty();
    let count = kept.iter().filter(without_mark).count();
    let has_marks = kept.iter().any(|draft| draft.case.mark != Mark::None || !draft.boxes.is_empty());
    // Where there is none at all, the set has labels alone.
    if count > 0 && has_marks {
        warnings.note(format!("positive images without mask or box, whose truth is not known: {count}"));
    }
    Ok(kept)
}

/// Whether a mask marks anything, or why its image is left out.
fn judge_mask(
    draft: &Draft,
    found: Result<MaskFile>,
    labels_are_told: bool,
    warnings: &Warnings,
) -> std::result::Result<bool, Reason> {
    let Ok(MaskFile { mask, warning }) = found else {
        let fate = draft.fate(labels_are_told, warnings);
        warnings.note(format!("a mask file cannot be read; {fate}"));
        return Err(Reason::DamagedMask);
    };
    if let Some(warning) = warning {
        warnings.note(warning);
    }
    if draft.case.size_px.is_some_and(|size_px| size_px != [mask.height_px(), mask.width_px()]) {
        let fate = draft.fate(labels_are_told, warnings);
        warnings.note(format!("a mask has another size than its image; {fate}"));
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
    warnings: &Warnings,
) -> Option<(Case, Vec<LinedBox>)> {
    let mut line = draft.row;
    let reason = if draft.contradicted {
        Some(Reason::Contradiction)
    } else if draft.is_uncertain() {
        Some(Reason::Uncertain)
    } else if draft.bad_box.is_some() && !draft.suffices(draft.row.is_some(), warnings) {
        line = draft.bad_box;
        Some(Reason::BadBox)
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
        None => return Some((draft.case, if draft.bad_box.is_some() { Vec::new() } else { draft.boxes })),
    }
    None
}
