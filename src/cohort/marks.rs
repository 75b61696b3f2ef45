//! Whether masks and boxes fit the images they are said to be drawn on.

use super::case::{Case, Mark};
use super::error::{Error, Result};
use super::notes::{Exclusion, Reason, Warnings};
use super::rle::Runs;
use super::table::{Row, Table, TableRole};

/// A box that is none: the column with what is wrong there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadBox {
    column: &'static str,
    problem: &'static str,
}

impl BadBox {
    /// One more box than an image may have.
    pub(super) const TOO_MANY: Self = Self { column: "x", problem: "the image has more boxes than any that is known" };

    /// What becomes of it.
    pub(super) fn warn(self, row: &Row<'_>) {
        row.warn_of_mark(&format!("column {}: {}", self.column, self.problem));
    }
}
use crate::truth::FindingBox;

/// A box and the line it is on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LinedBox {
    pub(super) line: u64,
    pub(super) finding: FindingBox,
}

/// Columns of a box.
pub(super) struct BoxColumns {
    columns: [usize; 4],
    names: [&'static str; 4],
    /// The last two are the far corner instead of the size.
    are_corners: bool,
}

/// Corner and size, the names of NIH's list behind the usual ones.
const SIZED: [&[&str]; 4] = [&["x", "Bbox [x"], &["y"], &["width", "w"], &["height", "h"]];

const SIZED_NAMES: [&str; 4] = ["x", "y", "width", "height"];

const CORNERS: [&str; 4] = ["x_min", "y_min", "x_max", "y_max"];

impl BoxColumns {
    pub(super) fn of(table: &Table<'_>) -> Result<Self> {
        // A table may have the size of its images in columns that are called as a box's size.
        let are_corners = CORNERS.iter().all(|name| table.column(&[name]).is_some());
        let names = if are_corners { CORNERS } else { SIZED_NAMES };
        let mut columns = [0; 4];
        for (index, column) in columns.iter_mut().enumerate() {
            *column = if are_corners { table.require(&[CORNERS[index]])? } else { table.require(SIZED[index])? };
            table.forbid_twins(&[(*column, names[index])])?;
        }
        Ok(Self { columns, names, are_corners })
    }

    /// The box of a row, or nothing where all four fields are missing.
    pub(super) fn read(&self, row: &Row<'_>) -> std::result::Result<Option<FindingBox>, BadBox> {
        let mut values = [None; 4];
        for ((value, column), name) in values.iter_mut().zip(self.columns).zip(self.names) {
            *value = row.number(column).map_err(|problem| BadBox { column: name, problem })?;
        }
        if values.iter().all(Option::is_none) {
            return Ok(None);
        }
        if let Some(missing) = values.iter().position(Option::is_none) {
            let problem = "the box has no such value, and others of its values are there";
            return Err(BadBox { column: self.names[missing], problem });
        }
        let [x_px, y_px, mut width_px, mut height_px] = values.map(Option::unwrap_or_default);
        if self.are_corners {
            (width_px, height_px) = (width_px - x_px, height_px - y_px);
        }
        for (value, column) in [(width_px, self.names[2]), (height_px, self.names[3])] {
            if value <= 0.0 {
                return Err(BadBox { column, problem: "a box needs a size above 0" });
            }
        }
        Ok(Some(FindingBox { x_px, y_px, width_px, height_px }))
    }
}

/// What a box is on its image.
enum Fit {
    Inside,
    Cut(FindingBox),
    Outside,
}

fn fit(finding: &FindingBox, [rows, columns]: [usize; 2]) -> Fit {
    let (left, top) = (finding.x_px.max(0.0), finding.y_px.max(0.0));
    let (right, bottom) = (finding.x_px + finding.width_px, finding.y_px + finding.height_px);
    let (width_px, height_px) = (right.min(columns as f64) - left, bottom.min(rows as f64) - top);
    if width_px <= 0.0 || height_px <= 0.0 {
        Fit::Outside
    } else if left > finding.x_px || top > finding.y_px || right > columns as f64 || bottom > rows as f64 {
        Fit::Cut(FindingBox { x_px: left, y_px: top, width_px, height_px })
    } else {
        Fit::Inside
    }
}

/// As many marks outside their images prove, with a tenth of all, that images of another size were drawn on.
const MISFITS_FOR_PROOF: usize = 5;

/// Copies of a set with smaller images keep its CSV files. A mark that happens to fit would be taken at the wrong place
/// then, so that many which do not fit are proof against all.
fn refuse_other_size(misfits: usize, all: usize) -> Result<()> {
    if misfits < MISFITS_FOR_PROOF || 10 * misfits <= all {
        return Ok(());
    }
    Err(Error::OtherSize { misfits, all })
}

/// Gives each case its boxes, cut where they reach beyond the image; a case with a box wholly outside is left out,
/// or has none where labels suffice.
///
/// `drawn_on_px` is the size of the images the boxes were drawn on, where it is not that of the files or of the case.
///
/// # Errors
/// When so many boxes are outside that they were drawn on images of another size.
pub(super) fn place_boxes(
    cases: Vec<(Case, Vec<LinedBox>)>,
    drawn_on_px: Option<[usize; 2]>,
    table: TableRole,
    exclusions: &mut Vec<Exclusion>,
    warnings: &Warnings,
) -> Result<Vec<Case>> {
    let mut kept = Vec::with_capacity(cases.len());
    let (mut misfits, mut all) = (0, 0);
    for (mut case, boxes) in cases {
        let drawn_on_px = drawn_on_px.or(case.drawn_on_px);
        let odd = odd_shape(&case, drawn_on_px);
        let mut left_out = None;
        for LinedBox { line, finding } in boxes {
            all += 1;
            let size_px = drawn_on_px.or(case.size_px);
            match size_px.map_or(Fit::Inside, |size_px| fit(&finding, size_px)) {
                Fit::Inside => case.boxes.push(finding),
                Fit::Cut(inside) => {
                    misfits +=
                        usize::from(inside.width_px * inside.height_px < 0.5 * finding.width_px * finding.height_px);
                    warnings.at(table, line, "the box reaches beyond its image; it was cut");
                    case.boxes.push(inside);
                }
                Fit::Outside => {
                    misfits += 1;
                    warnings.at(table, line, &format!("the box lies outside its image; {}", warnings.fate()));
                    left_out = Some(line);
                }
            }
            if let Some(odd) = odd {
                warnings.at(table, line, &format!("{odd}; {}", warnings.fate()));
                left_out = Some(line);
            }
        }
        if left_out.is_some() && !warnings.labels_suffice() {
            exclusions.push(Exclusion { reason: Reason::BoxOutside, id: case.id, line: left_out });
        } else {
            if left_out.is_some() {
                case.boxes.clear();
            }
            case.drawn_on_px = drawn_on_px.filter(|size_px| case.size_px != Some(*size_px));
            if let (Some(own_px), Some(drawn_px)) = (case.size_px, case.drawn_on_px) {
                case.scaled_boxes = case.boxes.iter().map(|finding| scaled(finding, drawn_px, own_px)).collect();
            }
            kept.push(case);
        }
    }
    if !warnings.labels_suffice() {
        refuse_other_size(misfits, all)?;
    }
    Ok(kept)
}

/// A box on an image of `from_px` (`[rows, columns]`) as it lies on a copy of `to_px`.
fn scaled(finding: &FindingBox, from_px: [usize; 2], to_px: [usize; 2]) -> FindingBox {
    let [down, right] = [0, 1].map(|axis| to_px[axis] as f64 / from_px[axis] as f64);
    FindingBox {
        x_px: finding.x_px * right,
        y_px: finding.y_px * down,
        width_px: finding.width_px * right,
        height_px: finding.height_px * down,
    }
}

/// Gives each case its run-length codes; a case with one that ends behind its image is left out, or has none where labels
/// suffice. The number is the line of a case's first row.
///
/// # Errors
/// As [`place_boxes`].
pub(super) fn place_runs(
    cases: Vec<(Case, Vec<Runs>, u64)>,
    drawn_on_px: Option<[usize; 2]>,
    exclusions: &mut Vec<Exclusion>,
    warnings: &Warnings,
) -> Result<Vec<Case>> {
    let mut kept = Vec::with_capacity(cases.len());
    let (mut misfits, mut all) = (0, 0);
    for (mut case, runs, line) in cases {
        if runs.is_empty() {
            kept.push(case);
            continue;
        }
        all += 1;
        let end = runs.iter().map(Runs::end).max().unwrap_or(0);
        let size_px = drawn_on_px.or(case.size_px);
        let is_beyond = size_px.is_some_and(|[rows, columns]| end > rows as u64 * columns as u64);
        let odd = odd_shape(&case, drawn_on_px);
        if is_beyond || odd.is_some() {
            misfits += usize::from(is_beyond);
            let beyond = "a run-length code of the image ends behind its last pixel";
            warnings.at(TableRole::Masks, line, &format!("{}; {}", odd.unwrap_or(beyond), warnings.fate()));
            if warnings.labels_suffice() {
                kept.push(case);
                continue;
            }
            exclusions.push(Exclusion { reason: Reason::MaskBeyondImage, id: case.id, line: Some(line) });
            continue;
        }
        case.mark = Mark::Runs(runs);
        case.drawn_on_px = drawn_on_px.filter(|size_px| case.size_px != Some(*size_px));
        kept.push(case);
    }
    if !warnings.labels_suffice() {
        refuse_other_size(misfits, all)?;
    }
    Ok(kept)
}

/// Why an image cannot be a resized copy of one of `drawn_on_px`.
fn odd_shape(case: &Case, drawn_on_px: Option<[usize; 2]>) -> Option<&'static str> {
    let ([rows, columns], [drawn_rows, drawn_columns]) = (case.size_px?, drawn_on_px?);
    let change = (rows * drawn_columns) as f64 / (columns * drawn_rows) as f64;
    let text = "the image has another aspect ratio than the truth size";
    (!(0.98..=1.02).contains(&change)).then_some(text)
}
