//! Pictures in rows and columns, each with its words.

use super::legend::keys;
use super::page::{MARGIN, NAME, ORIENTATION, SCORE, SMALL, Sheet, TITLE, line_height};
use super::picture::Picture;
use crate::figure::text::wrapped;
use crate::figure::{Anchor, Result, Rgb, TextStyle, text_width_px};

const EMPTY: Rgb = [236, 239, 242];
const REMARK_BOX: Rgb = [255, 255, 255];

/// A place of the grid.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    /// Above the picture, strong.
    pub(super) name: String,
    /// Below the name.
    pub(super) title: String,
    /// Below the title, quiet.
    pub(super) lines: Vec<String>,
    /// Nothing where there is no map.
    pub(super) picture: Option<Picture>,
    /// Below the picture.
    pub(super) scores: Vec<String>,
    /// Why there is nothing to see, written into the picture.
    pub(super) remark: Option<String>,
}

/// Cells, row by row.
pub(super) struct Grid {
    pub(super) columns: usize,
    /// One a row, left of it; none leaves no room for them.
    pub(super) row_labels: Vec<String>,
    pub(super) cells: Vec<Cell>,
    pub(super) gap: f64,
}

/// Lines of text with their styles.
type Block = Vec<(String, TextStyle)>;

fn height(block: &Block) -> f64 {
    block.iter().map(|(_, style)| line_height(*style)).sum()
}

fn block(parts: &[(&str, TextStyle)], width: f64) -> Result<Block> {
    let mut lines = Vec::new();
    for (text, style) in parts {
        lines.extend(wrapped(text, *style, width)?.into_iter().map(|line| (line, *style)));
    }
    Ok(lines)
}

fn write(sheet: &mut Sheet, block: &Block, x: f64, mut y: f64, anchor: Anchor) {
    for (line, style) in block {
        y += line_height(*style);
        sheet.scene.text([x, y - 0.28 * style.size_px], anchor, *style, line);
    }
}

impl Grid {
    /// Room for the labels of rows: as much as the longest needs, at most an eighth.
    fn label_width(&self, inner: f64) -> Result<f64> {
        let mut longest = 0.0_f64;
        for label in &self.row_labels {
            longest = longest.max(text_width_px(label, TITLE)? + 6.0);
        }
        Ok(longest.min((inner * 0.13).clamp(34.0, 80.0)))
    }

    /// Draws the cells and the keys that hold for all of them.
    pub(super) fn draw(&self, sheet: &mut Sheet) -> Result<()> {
        let label_width = self.label_width(sheet.inner())?;
        let room = sheet.inner() - label_width - self.gap * (self.columns - 1) as f64;
        let dot = sheet.page.dot_pt();
        // A hair more, so that rounding does not cost a dot where pictures fit exactly.
        let width = (room / self.columns as f64 / dot + 1e-6).floor() * dot;
        let aspect = self.cells.iter().find_map(|cell| cell.picture.as_ref()).map_or(1.0, Picture::aspect);
        for (row, cells) in self.cells.chunks(self.columns).enumerate() {
            let heads = cells.iter().map(|cell| head(cell, width)).collect::<Result<Vec<_>>>()?;
            let feet = cells.iter().map(|cell| foot(cell, width)).collect::<Result<Vec<_>>>()?;
            let head_height = heads.iter().map(height).fold(0.0, f64::max);
            let foot_height = feet.iter().map(height).fold(0.0, f64::max);
            let top = sheet.page.snapped(sheet.y + head_height + if head_height > 0.0 { 2.5 } else { 0.0 });
            let tallest = cells
                .iter()
                .map(|cell| sheet.page.snapped(width * cell.picture.as_ref().map_or(aspect, Picture::aspect)))
                .fold(dot, f64::max);
            for (column, (cell, (head, foot))) in cells.iter().zip(heads.iter().zip(&feet)).enumerate() {
                let x = MARGIN + label_width + column as f64 * (width + self.gap);
                let x = sheet.page.snapped(x);
                write(sheet, head, x, top - 2.5 - head_height, Anchor::Start);
                let own = cell.picture.as_ref().map_or(aspect, Picture::aspect);
                let size = [width, sheet.page.snapped(width * own).max(dot)];
                match &cell.picture {
                    Some(picture) => picture.draw(&mut sheet.scene, sheet.page, [x, top], size)?,
                    None => sheet.scene.rectangle([x, top], size, EMPTY),
                }
                remark(sheet, cell, [x, top], size)?;
                write(sheet, foot, x, top + size[1] + 1.5, Anchor::Start);
            }
            if let Some(label) = self.row_labels.get(row) {
                let label = block(&[(label, TITLE)], label_width - 5.0)?;
                let middle = top + (tallest - height(&label)) / 2.0;
                write(sheet, &label, MARGIN, middle.max(top), Anchor::Start);
                sheet.y = sheet.y.max(middle + height(&label));
            }
            let foot_height = if foot_height > 0.0 { foot_height + 1.5 } else { 0.0 };
            sheet.y = sheet.y.max(top + tallest + foot_height) + self.gap;
        }
        let pictures: Vec<(&Picture, f64)> =
            self.cells.iter().filter_map(|cell| cell.picture.as_ref().map(|picture| (picture, width))).collect();
        keys(sheet, &pictures)
    }
}

fn head(cell: &Cell, width: f64) -> Result<Block> {
    let mut parts = vec![(cell.name.as_str(), NAME)];
    if cell.title != cell.name {
        parts.push((&cell.title, TITLE));
    }
    parts.extend(cell.lines.iter().map(|line| (line.as_str(), SMALL)));
    block(&parts, width)
}

/// How the picture was turned, mirrored and inverted, before anything that was measured.
fn foot(cell: &Cell, width: f64) -> Result<Block> {
    let orientation = cell.picture.as_ref().and_then(|picture| picture.orientation().words());
    let mut parts: Vec<(&str, TextStyle)> = orientation.iter().map(|words| (words.as_str(), ORIENTATION)).collect();
    parts.extend(cell.scores.iter().map(|line| (line.as_str(), SCORE)));
    block(&parts, width)
}

/// A box in the middle of a picture that has nothing to show.
fn remark(sheet: &mut Sheet, cell: &Cell, [x, top]: [f64; 2], [width, tall]: [f64; 2]) -> Result<()> {
    let Some(remark) = &cell.remark else { return Ok(()) };
    let mut lines = block(&[(&format!("No map: {remark}"), SMALL)], width - 8.0)?;
    // What does not fit is in the report; a cut sentence says so.
    let fitting = ((tall - 8.0) / line_height(SMALL)).floor().max(1.0) as usize;
    if lines.len() > fitting {
        lines.truncate(fitting);
        if let Some((line, _)) = lines.last_mut() {
            line.pop();
            line.push('…');
        }
    }
    let box_height = height(&lines) + 4.0;
    let box_top = top + ((tall - box_height) / 2.0).max(0.0);
    sheet.scene.rectangle([x + 2.0, box_top], [width - 4.0, box_height], REMARK_BOX);
    write(sheet, &lines, x + width / 2.0, box_top + 1.5, Anchor::Middle);
    Ok(())
}
