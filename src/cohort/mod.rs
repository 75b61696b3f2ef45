//! Many radiographs with labels, truth and splits: the two public sets, a plain folder, generated phantoms.
//!
//! | what is read | when |
//! |---|---|
//! | CSV files | when the cohort is opened |
//! | headers of image files: size, patient of a DICOM file; some microseconds each, on all threads | the same |
//! | mask files of a plain folder, to see whether they fit images and labels; some milliseconds each | the same |
//! | pixels of an image | at [`Cohort::radiograph`] |
//! | mask files again | at [`Cohort::truth`]; run-length codes are kept in memory as pairs of numbers |
//!
//! Phantoms are generated anew at each call, which takes a fraction of a second.
//!
//! Nothing is ever written into a data set's folder. What cannot be used is left out with a [`Reason`] and the line of
//! the CSV file that says so; what can be understood in spite of its form is used with a [`Warning`]; what may mean
//! something else than it says is an error that names line and column.

mod box_table;
mod by_stem;
mod case;
mod dicom_header;
mod error;
mod files;
mod fingerprint;
mod folder;
mod label_table;
mod likeness;
mod marks;
mod mask_file;
mod mask_folder;
mod mask_name;
mod nih;
mod notes;
mod phantoms;
mod readers;
pub mod rle;
mod rsna;
mod siim;
mod spec;
mod split;
mod table;
mod tasks;
mod truth;
mod vindr;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use case::{Mark, PhantomMarks, Source};
use notes::{Notes, Warnings, shape};
use split::{Drawn, SplitFile};
use table::{Table, tables_in};

pub use case::{Case, Label};
pub use error::{Error, Result};
pub use files::Skipped;
pub(crate) use label_table::is_healthy;
pub use mask_file::open_mask;
pub use notes::{Exclusion, Findings, Reason, Warning, first_warnings};
pub use spec::{CohortOptions, CohortSpec, DEFAULT_PHANTOMS, Readers, ReadersError, SPEC_FORMS, SpecError, ThirdClass};
pub use split::{Fractions, Split};
pub use table::TableRole;
pub use truth::{TruthRule, boxes_at, mask_at};

use crate::limits;
use crate::phantom::{self, Finding};
use crate::radiograph::{Radiograph, ValueScale};
use crate::truth::{FindingBox, Mask, Task, TruthKind};
use crate::watch::Watch;

/// Where the splits of a cohort come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum SplitSource {
    /// A file the user named.
    Given,
    /// A file of splits in the cohort's folder.
    Found,
    /// The column `split` of the folder's `labels.csv`.
    Labels,
    /// The phantoms' own rule.
    Phantoms,
    /// Testing by the set's own lists or folders, validation drawn from the rest with a seed.
    Lists {
        /// The seed.
        seed: u64,
    },
    /// Drawn by label with a seed, patients kept together.
    Drawn {
        /// The seed.
        seed: u64,
    },
}

/// Cases of one split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Count {
    /// Which; nothing for cases that are in none.
    pub split: Option<Split>,
    /// Cases with the finding.
    pub positive: usize,
    /// Cases without it.
    pub negative: usize,
    /// Cases of which nobody said.
    pub unlabelled: usize,
}

/// Many radiographs with labels, truth and splits.
#[derive(Clone, Debug)]
pub struct Cohort {
    spec: CohortSpec,
    findings: Vec<Task>,
    /// What the fingerprint says of the finding: of a folder what the user named.
    fingerprinted: Option<Task>,
    known: Vec<String>,
    cases: Vec<Case>,
    by_id: HashMap<String, usize>,
    noted: Findings,
    split_source: SplitSource,
}

/// What a reader of one kind of cohort found.
struct Found {
    cases: Vec<Case>,
    /// Where the splits come from that the cases already have.
    splits: Option<SplitSource>,
    /// What the labels are about, as the set or the user calls it.
    findings: Vec<Task>,
    /// All findings that the set names, as it calls them.
    known: Vec<String>,
}

impl Cohort {
    /// Finds the cases of a cohort and what is known about each. `watch` is told the number of files looked at and of all
    /// files, and asked between files.
    ///
    /// # Errors
    /// When the folder or a needed CSV file is missing, a CSV file says something impossible (the message names line and
    /// column), options contradict the cohort, nothing usable is there, or `watch` cancels. What was left out and what was
    /// odd until then is told by [`Error::findings`].
    pub fn open(spec: &CohortSpec, options: &CohortOptions, watch: &dyn Watch) -> Result<Self> {
        check(spec, options)?;
        let mut notes = Notes::new(options.labels_suffice);
        match find(spec, options, watch, &mut notes) {
            Ok((Found { cases, findings, known, .. }, split_source)) => {
                let by_id = cases.iter().enumerate().map(|(index, case)| (case.id.clone(), index)).collect();
                let is_told = matches!(spec, CohortSpec::Folder(_));
                let fingerprinted = if is_told { options.task.clone() } else { findings.first().cloned() };
                let (spec, noted) = (spec.clone(), notes.into_findings());
                Ok(Self { spec, findings, fingerprinted, known, cases, by_id, noted, split_source })
            }
            Err(problem) => Err(notes.explain(problem)),
        }
    }

    /// What was opened.
    pub fn spec(&self) -> &CohortSpec {
        &self.spec
    }

    /// The finding; nothing for a folder whose labels name none and whose user did not say, and where there are several.
    pub fn task(&self) -> Option<&Task> {
        self.findings.first().filter(|_| self.findings.len() == 1)
    }

    /// What [`Case::labels`] is about: the finding, or the several that were asked for. Empty where nobody named it.
    pub fn findings(&self) -> &[Task] {
        &self.findings
    }

    /// All findings that the set names, as it calls them; each can be asked for.
    pub fn known_findings(&self) -> &[String] {
        &self.known
    }

    /// What says where the finding is: masks before boxes, where some cases have these and some those.
    pub fn truth_kind(&self) -> TruthKind {
        let has = |is: &dyn Fn(&Case) -> bool| self.cases.iter().any(is);
        if has(&Case::has_mask) {
            TruthKind::Mask
        } else if has(&Case::has_boxes) {
            TruthKind::Boxes
        } else {
            TruthKind::Label
        }
    }

    /// All cases, in the order of their ids.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// The case of an id.
    pub fn case(&self, id: &str) -> Option<&Case> {
        self.by_id.get(id).map(|index| &self.cases[*index])
    }

    /// Whether every case is a generated image, which is of no patient.
    pub fn is_of_phantoms(&self) -> bool {
        self.cases.iter().all(|case| case.is_phantom)
    }

    /// The cases of one split.
    pub fn in_split(&self, split: Split) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(move |case| case.split == Some(split))
    }

    /// Images and rows that are no cases, by reason.
    pub fn exclusions(&self) -> &[Exclusion] {
        &self.noted.exclusions
    }

    /// What was odd, each kind once. Names no file and no id.
    pub fn warnings(&self) -> &[Warning] {
        &self.noted.warnings
    }

    /// Files that are no images.
    pub fn skipped(&self) -> Skipped {
        self.noted.skipped
    }

    /// Where the splits come from.
    pub fn split_source(&self) -> SplitSource {
        self.split_source
    }

    /// Cases by split and label: training, validation, test, and none where there are such.
    pub fn counts(&self) -> Vec<Count> {
        let splits = Split::ALL.map(Some).into_iter().chain([None]);
        let count = |split| {
            let with = |label| self.cases.iter().filter(|case| case.split == split && case.label == label).count();
            Count { split, positive: with(Some(true)), negative: with(Some(false)), unlabelled: with(None) }
        };
        let all: Vec<Count> = splits.map(count).collect();
        all.into_iter().filter(|count| count.split.is_some() || count.total() > 0).collect()
    }

    /// The radiograph of a case, read now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn radiograph(&self, case: &Case) -> Result<Radiograph> {
        match &case.source {
            Source::File(path) => Ok(Radiograph::open(path)?),
            Source::Phantom { spec, marks } => {
                let made = phantom::generate(spec);
                // Who looks at a phantom asks for its marks next: they need not be made a second time.
                marks.get_or_init(|| PhantomMarks::of(&made));
                let gray = made.gray.into_iter().map(f32::from).collect();
                Ok(Radiograph::new(spec.size_px, spec.size_px, gray, ValueScale::Gray).of_phantom())
            }
        }
    }

    /// Boxes of a case on its image ([`Case::boxes_lie_on_px`]), cut to it; none for a case without the finding. Those of a
    /// phantom are made with its radiograph, or when they are first asked for.
    pub fn boxes<'a>(&self, case: &'a Case) -> &'a [FindingBox] {
        match &case.source {
            Source::Phantom { spec, marks } if spec.finding == Finding::Pneumonia => {
                &marks.get_or_init(|| PhantomMarks::of(&phantom::generate(spec))).boxes
            }
            Source::Phantom { .. } | Source::File(_) if case.scaled_boxes.is_empty() => &case.boxes,
            Source::Phantom { .. } | Source::File(_) => &case.scaled_boxes,
        }
    }

    /// The same on the image that they were drawn on.
    fn drawn_boxes<'a>(&self, case: &'a Case) -> &'a [FindingBox] {
        if case.boxes.is_empty() { self.boxes(case) } else { &case.boxes }
    }

    /// What experts marked on a case, as a mask of `height_px` x `width_px` (of a map on the whole image). A case without
    /// the finding gives an empty mask. A small finding may have no pixel left at a small size.
    ///
    /// A mask goes before boxes where a case has both.
    ///
    /// # Errors
    /// When the label or the mark is missing, the mask file cannot be read or has another size than the image, or mark
    /// and label contradict each other.
    pub fn truth(&self, case: &Case, height_px: usize, width_px: usize, rule: TruthRule) -> Result<Mask> {
        let side = 1..=limits::SIDE_PX as usize;
        if !side.contains(&height_px) || !side.contains(&width_px) {
            return Err(Error::MaskSize { height_px, width_px });
        }
        let label = case.label.ok_or(Error::Truth("the case has no label, so its truth is not known"))?;
        if let Source::Phantom { spec, marks } = &case.source
            && spec.finding == Finding::Pneumothorax
        {
            let marks = marks.get_or_init(|| PhantomMarks::of(&phantom::generate(spec)));
            let nothing = Error::Truth("the phantom has a pneumothorax, but no pixel of it is in the picture");
            let mut mask = Mask::empty(spec.size_px, spec.size_px);
            marks.mask.as_ref().ok_or(nothing)?.mark(&mut mask)?;
            return Ok(mask_at(&mask, height_px, width_px, rule));
        }
        match &case.mark {
            Mark::None if !label => Ok(Mask::empty(height_px, width_px)),
            Mark::None => match self.drawn_boxes(case) {
                [] => Err(Error::Truth("the case has a finding, but neither mask nor box says where")),
                boxes => Ok(boxes_at(boxes, self.drawn_on_px(case)?, height_px, width_px, rule)),
            },
            Mark::Runs(runs) => {
                let [rows, columns] = self.drawn_on_px(case)?;
                let mut mask = Mask::empty(rows, columns);
                for runs in runs {
                    runs.mark(&mut mask)?;
                }
                Ok(mask_at(&mask, height_px, width_px, rule))
            }
            Mark::Files(paths) => {
                let mask = self.mask_of_files(case, paths)?;
                match (label, mask.area_px()) {
                    (true, 0) => Err(Error::Truth("the case is labelled positive, but nothing in its mask is marked")),
                    (false, 1..) => Err(Error::Truth("the case is labelled negative, but its mask marks something")),
                    _ => Ok(mask_at(&mask, height_px, width_px, rule)),
                }
            }
        }
    }

    /// What experts marked on a case, at the size of its image: masks as they are, of boxes the pixels at least half of
    /// whose area they cover.
    ///
    /// # Errors
    /// As [`Cohort::truth`], and when the image's size can only be had by reading it and that fails.
    pub fn mask_at_own_size(&self, case: &Case) -> Result<Mask> {
        let [height_px, width_px] = self.size_px(case)?;
        self.truth(case, height_px, width_px, TruthRule::AreaExact)
    }

    /// `[rows, columns]` of a case's image, which is read where its header did not tell them.
    ///
    /// # Errors
    /// When it has to be read and cannot.
    pub fn size_px(&self, case: &Case) -> Result<[usize; 2]> {
        if let Some(size_px) = case.size_px {
            return Ok(size_px);
        }
        let image = self.radiograph(case)?;
        Ok([image.height_px(), image.width_px()])
    }

    fn drawn_on_px(&self, case: &Case) -> Result<[usize; 2]> {
        case.drawn_on_px.map_or_else(|| self.size_px(case), Ok)
    }

    fn mask_of_files(&self, case: &Case, paths: &[PathBuf]) -> Result<Mask> {
        let mask = mask_file::read_parts(paths)?.mask;
        let [rows, columns] = self.drawn_on_px(case)?;
        if (mask.height_px(), mask.width_px()) == (rows, columns) {
            return Ok(mask);
        }
        let found = format!("has {}x{} pixels (width x height)", mask.width_px(), mask.height_px());
        let path = paths.first().cloned().unwrap_or_default();
        Err(Error::MaskFile { problem: format!("{found} and its image {columns}x{rows}"), path })
    }
}

impl Count {
    /// All of them.
    pub fn total(&self) -> usize {
        self.positive + self.negative + self.unlabelled
    }
}

/// The cases, the finding and where the splits come from; all else goes to `notes`.
fn find(
    spec: &CohortSpec,
    options: &CohortOptions,
    watch: &dyn Watch,
    notes: &mut Notes,
) -> Result<(Found, SplitSource)> {
    let mut found = match spec {
        CohortSpec::Siim(folder) => siim::open(folder, options, watch, notes)?,
        CohortSpec::Rsna(folder) => rsna::open(folder, options, watch, notes)?,
        CohortSpec::Nih(folder) => nih::open(folder, options, watch, notes)?,
        CohortSpec::Vindr(folder) => vindr::open(folder, options, watch, notes)?,
        CohortSpec::Folder(folder) => folder::open(folder, options, watch, notes)?,
        CohortSpec::Phantom { seed, count } => phantoms::open(*seed, *count, options)?,
    };
    let cases = &mut found.cases;
    notes.skipped.warn(&notes.warnings);
    if let (true, Some(folder)) = (cases.is_empty(), spec.folder()) {
        return Err(Error::Nothing { found: nothing(&notes.exclusions, notes.skipped), path: folder.to_owned() });
    }
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    for case in cases.iter_mut().filter(|case| case.labels.is_empty()) {
        case.labels = vec![Label::of(case.label)];
    }
    let split_source = assign_splits(cases, spec.folder(), options, found.splits, &notes.warnings)?;
    Ok((found, split_source))
}

fn check(spec: &CohortSpec, options: &CohortOptions) -> Result<()> {
    let refuse = |text: &str| Err(Error::Options(text.to_owned()));
    if !options.fractions.are_valid() {
        return refuse("the fractions of validation and test cases must be from 0 to 1, and so must their sum");
    }
    let side = 1..=limits::SIDE_PX as usize;
    if options.truth_size_px.is_some_and(|size_px| size_px.iter().any(|length| !side.contains(length))) {
        return refuse(&format!("the truth size must be from 1 to {} pixels a side", limits::SIDE_PX));
    }
    if options.findings.len() > limits::FINDINGS {
        return refuse(&format!("at most {} findings are read at once", limits::FINDINGS));
    }
    if options.readers != Readers::Union && !matches!(spec, CohortSpec::Vindr(_)) {
        return refuse(&format!("readers are for vindr:, and {}: has one truth an image: leave them out", spec.kind()));
    }
    let only = match spec {
        CohortSpec::Siim(_) => Task::PNEUMOTHORAX,
        CohortSpec::Rsna(_) => Task::PNEUMONIA,
        CohortSpec::Nih(_) | CohortSpec::Vindr(_) | CohortSpec::Folder(_) | CohortSpec::Phantom { .. } => return Ok(()),
    };
    let is_it = |task: &Task| only.is_meant_by(task.name());
    match options.findings.iter().chain(&options.task).find(|task| !is_it(task)) {
        Some(task) => refuse(&format!(
            "{}: is a set of {only}, and knows nothing of {task}: leave the task out, or take another set",
            spec.kind()
        )),
        None => Ok(()),
    }
}

/// The table of a folder, or one level below, that `is_one` knows by its columns: of several the one with the first of the
/// `usual` names.
fn find_table(
    folder: &Path,
    role: TableRole,
    usual: &[&'static str],
    is_one: &dyn Fn(&Table<'_>) -> bool,
    warnings: &Warnings,
) -> Result<Option<PathBuf>> {
    let (mut found, mut refused) = (Vec::new(), None);
    for path in tables_in(folder) {
        match Table::open(&path, role, warnings) {
            Ok(table) if is_one(&table) => found.push(path),
            Ok(_) => {}
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    let has_name = |path: &PathBuf, name: &str| path.file_name().is_some_and(|own| own.eq_ignore_ascii_case(name));
    let named = usual.iter().find_map(|name| found.iter().position(|path| has_name(path, name)));
    match (named, found.len()) {
        (None, 0) => refused.map_or(Ok(None), Err),
        (None, 1) => Ok(found.pop()),
        (None, count) => {
            let advice = "leave one in the folder, or give it the name that it has in the original set";
            Err(Error::Ambiguous { count, role, advice, path: folder.to_owned() })
        }
        (Some(position), count) => {
            if count > 1 {
                warnings.note(format!("{count} files could be the {role}; the one with the set's own name was taken"));
            }
            Ok(Some(found.swap_remove(position)))
        }
    }
}

/// What there was instead of cases. Rows without a file and files without a row have an example each of what they look
/// like, which is what tells why they do not meet.
fn nothing(exclusions: &[Exclusion], skipped: Skipped) -> String {
    let mut counts: BTreeMap<Reason, (usize, &str)> = BTreeMap::new();
    for exclusion in exclusions {
        counts.entry(exclusion.reason).or_insert((0, &exclusion.id)).0 += 1;
    }
    let do_not_meet = [Reason::NoFile, Reason::Unlabelled].iter().all(|reason| counts.contains_key(reason));
    let one = |(reason, (count, id)): (&Reason, &(usize, &str))| {
        let example = match reason {
            Reason::NoFile | Reason::Unlabelled if do_not_meet => format!(", in the form `{}`", shape(id)),
            _ => String::new(),
        };
        format!("{}: {count}{example}", reason.description())
    };
    let mut found: Vec<String> = counts.iter().map(one).collect();
    let Skipped { hidden, dicomdir, other, .. } = skipped;
    for (count, what) in [(hidden, "hidden files"), (dicomdir, "DICOMDIR"), (other, "files that are no images")] {
        if count > 0 {
            found.push(format!("{what}: {count}"));
        }
    }
    if found.is_empty() { "no file at all".to_owned() } else { found.join("; ") }
}

fn assign_splits(
    cases: &mut [Case],
    folder: Option<&Path>,
    options: &CohortOptions,
    splits: Option<SplitSource>,
    warnings: &Warnings,
) -> Result<SplitSource> {
    if let Some(path) = &options.splits {
        let mut splits = SplitFile::read(path, warnings)?;
        splits.adopt(cases, warnings);
        if !cases.iter().any(|case| splits.find(&case.id).is_some()) {
            let forms = splits.first_id().zip(cases.first()).map(|(id, case)| {
                format!("; they are in the form `{}`, those of the cohort in the form `{}`", shape(id), shape(&case.id))
            });
            let problem = format!("not one id of it is in the cohort{}", forms.unwrap_or_default());
            return Err(Error::Table { role: TableRole::Splits, place: String::new(), problem, path: path.clone() });
        }
        apply(&splits, cases, warnings);
        return Ok(SplitSource::Given);
    }
    if let Some(source) = splits {
        return Ok(source);
    }
    if let Some(folder) = folder
        && let Some((splits, notes)) = find_splits(folder, cases)?
    {
        warnings.append(notes);
        apply(&splits, cases, warnings);
        return Ok(SplitSource::Found);
    }
    let drawn: Vec<Drawn<'_>> = cases
        .iter()
        .map(|case| Drawn { group: case.patient.as_deref().unwrap_or(&case.id), stratum: case.label })
        .collect();
    let splits = split::draw(&drawn, options.seed, options.fractions);
    for (case, split) in cases.iter_mut().zip(splits) {
        case.split = Some(split);
    }
    Ok(SplitSource::Drawn { seed: options.seed })
}

/// The one file of splits in `folder` or one level below that names a case.
fn find_splits(folder: &Path, cases: &[Case]) -> Result<Option<(SplitFile, Warnings)>> {
    let mut found = Vec::new();
    for path in tables_in(folder) {
        let notes = Warnings::default();
        if Table::open(&path, TableRole::Splits, &notes).is_ok_and(|table| SplitFile::is_one(&table)) {
            let mut splits = SplitFile::read(&path, &notes)?;
            splits.adopt(cases, &notes);
            if cases.iter().any(|case| splits.find(&case.id).is_some()) {
                found.push((splits, notes));
            }
        }
    }
    if found.len() > 1 {
        let advice = "give the right one with --splits";
        return Err(Error::Ambiguous { count: found.len(), role: TableRole::Splits, advice, path: folder.to_owned() });
    }
    Ok(found.pop())
}

fn apply(splits: &SplitFile, cases: &mut [Case], warnings: &Warnings) {
    let mut lines = vec![None; cases.len()];
    for (case, line) in cases.iter_mut().zip(&mut lines) {
        (case.split, *line) = splits.find(&case.id).unzip();
    }
    let used = lines.iter().flatten().collect::<HashSet<_>>().len();
    if splits.len() > used {
        warnings.note(format!("ids in the splits CSV that are no cases: {}", splits.len() - used));
    }
    let placed =
        cases.iter().zip(&lines).filter_map(|(case, line)| Some((case.patient.as_deref()?, case.split?, (*line)?)));
    split::warn_of_shared_patients(placed, TableRole::Splits, warnings);
}
