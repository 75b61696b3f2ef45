//! Figures for papers and talks: data in, scene out, wherever the maps come from.
//!
//! Pictures are drawn by [`crate::display`], as the window draws them, at the dots of the page: where a dot is a pixel of
//! the window, they are the same. Text is 6 points or larger, wraps, and never lies over text or pictures.

mod grid;
mod legend;
mod page;
mod picture;

use grid::{Cell, Grid};
pub use legend::ColourBar;
pub use page::Page;
use page::{DETAIL, HEADLINE, SMALL, Sheet};
pub use picture::{Picture, Scale, Truth};

use super::{Result, Scene};

/// What no reader should take from a map.
const NOT_TO_CONCLUDE: &str = "A map shows what the score reacts to: not where disease is, not why, and not whether the \
                               model is right. Each map is scaled by itself, so colours tell where, not how much, and \
                               cannot be compared between maps.";

/// The same where all maps have one scale.
const NOT_TO_CONCLUDE_ON_ONE_SCALE: &str = "A map shows what the score reacts to: not where disease is, not why, and not \
                                            whether the model is right.";

/// The same for a cascade.
const NOT_TO_CONCLUDE_OF_CASCADES: &str = "The network's weights are replaced by random ones from state to state. A map \
                                           that hardly changes does not depend on what the network has learned, however \
                                           plausible it looks. Each map is scaled by itself.";

/// The words above a figure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// What is shown, such as `Explained: class 1 "pneumothorax", probability 0.93`.
    pub headline: String,
    /// What has to be known before anything of the figure is believed; in amber below the headline.
    pub caution: Option<String>,
    /// Model, preset, warnings: one paragraph each.
    pub details: Vec<String>,
    /// Whose image it is, only where that was asked for.
    pub identity: Option<String>,
}

/// A map with its words.
#[derive(Clone, Debug)]
pub struct MapTile {
    /// Abbreviation, such as `SIG`.
    pub name: String,
    /// The method in words.
    pub title: String,
    /// What it shows, in one sentence; may be empty.
    pub caption: String,
    /// Its parameters, short; may be empty.
    pub parameters: String,
    /// The radiograph with the map.
    pub picture: Picture,
    /// What was measured on it, such as `AUPRC 0.41`; a line each.
    pub scores: Vec<String>,
    /// Why there is nothing to see, where that is so.
    pub remark: Option<String>,
}

impl MapTile {
    fn cell(&self) -> Cell {
        let lines = [&self.caption, &self.parameters].into_iter().filter(|line| !line.is_empty());
        Cell { title: self.title.clone(), lines: lines.cloned().collect(), ..self.bare_cell(&self.name) }
    }

    fn bare_cell(&self, name: &str) -> Cell {
        Cell {
            name: name.to_owned(),
            picture: Some(self.picture.clone()),
            scores: self.scores.clone(),
            remark: self.remark.clone(),
            ..Cell::default()
        }
    }
}

/// One map of one radiograph.
#[derive(Clone, Debug)]
pub struct SingleCase {
    /// The words above.
    pub labels: Labels,
    /// The radiograph.
    pub radiograph: Picture,
    /// The map, with the truth where it is known.
    pub map: MapTile,
    /// What its colours mean.
    pub bar: ColourBar,
}

/// A radiograph and its maps by several methods.
#[derive(Clone, Debug)]
pub struct MethodGrid {
    /// The words above.
    pub labels: Labels,
    /// The radiograph.
    pub radiograph: Picture,
    /// The maps, at least one.
    pub maps: Vec<MapTile>,
    /// What their colours mean.
    pub bar: ColourBar,
    /// Pictures a row; three where nothing is given.
    pub columns: Option<usize>,
}

/// A table of maps: a row a model (the study's Figure 4) or a method (Figure 3B).
#[derive(Clone, Debug)]
pub struct MapTable {
    /// The words above.
    pub labels: Labels,
    /// The radiograph, at the beginning of each row.
    pub radiograph: Picture,
    /// Above the columns of maps.
    pub columns: Vec<String>,
    /// Name of each row, and its maps: as many as columns, nothing where there is none.
    pub rows: Vec<(String, Vec<Option<MapTile>>)>,
    /// What the colours mean.
    pub bar: ColourBar,
}

/// Pictures as they lie on a screen, row by row.
#[derive(Clone, Debug)]
pub struct ScreenGrid {
    /// The words above.
    pub labels: Labels,
    /// The pictures, at least one; the radiograph alone where a picture has no map.
    pub tiles: Vec<MapTile>,
    /// Pictures a row.
    pub columns: usize,
    /// What the colours mean, where any picture has a map.
    pub bar: Option<ColourBar>,
    /// Whether the colours mean the same in all pictures.
    pub has_one_scale: bool,
}

/// A figure made from a template.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a figure is made once and drawn once")]
pub enum Template {
    /// Pictures as they lie on a screen.
    Screen(ScreenGrid),
    /// One map of one radiograph.
    SingleCase(SingleCase),
    /// A radiograph and its maps by several methods.
    MethodGrid(MethodGrid),
    /// Rows are models, columns are methods.
    ModelGrid(MapTable),
    /// Rows are methods, columns are states of a network that is randomized.
    CascadeRow(MapTable),
}

impl Template {
    /// Lays the figure out.
    ///
    /// # Errors
    /// When text cannot be laid out or pixels cannot be encoded.
    ///
    /// # Panics
    /// When a row of a table has not one map, or its absence, a column.
    pub fn scene(&self, page: Page) -> Result<Scene> {
        match self {
            Self::Screen(figure) => figure.scene(page),
            Self::SingleCase(figure) => {
                // One picture shows the finding without a line over it.
                let radiograph = radiograph_cell(&figure.radiograph.unmarked());
                let grid =
                    Grid { columns: 2, row_labels: vec![], cells: vec![radiograph, figure.map.cell()], gap: 8.0 };
                sheet(page, &figure.labels, &grid, Some(&figure.bar), NOT_TO_CONCLUDE)
            }
            Self::MethodGrid(figure) => {
                let maps = figure.maps.iter().map(MapTile::cell);
                let cells: Vec<Cell> = std::iter::once(radiograph_cell(&figure.radiograph)).chain(maps).collect();
                let columns = figure.columns.unwrap_or(3).clamp(1, cells.len());
                sheet(
                    page,
                    &figure.labels,
                    &Grid { columns, row_labels: vec![], cells, gap: 8.0 },
                    Some(&figure.bar),
                    NOT_TO_CONCLUDE,
                )
            }
            Self::ModelGrid(table) => table.scene(page, NOT_TO_CONCLUDE),
            Self::CascadeRow(table) => table.scene(page, NOT_TO_CONCLUDE_OF_CASCADES),
        }
    }
}

impl ScreenGrid {
    fn scene(&self, page: Page) -> Result<Scene> {
        let cells = match self.tiles.as_slice() {
            [one] => vec![one.cell()],
            several => several.iter().map(|tile| tile.bare_cell(&tile.name)).collect(),
        };
        let columns = self.columns.clamp(1, cells.len().max(1));
        let grid = Grid { columns, row_labels: vec![], cells, gap: page::SCREEN_GAP };
        let note = if self.has_one_scale { NOT_TO_CONCLUDE_ON_ONE_SCALE } else { NOT_TO_CONCLUDE };
        sheet(page, &self.labels, &grid, self.bar.as_ref(), note)
    }
}

impl MapTable {
    fn scene(&self, page: Page, note: &str) -> Result<Scene> {
        let mut cells = Vec::new();
        for (row, (_, maps)) in self.rows.iter().enumerate() {
            assert_eq!(maps.len(), self.columns.len(), "a row has one map a column");
            // Columns are named once.
            let name = |name: &str| if row == 0 { name.to_owned() } else { String::new() };
            cells.push(Cell { name: name("Image"), picture: Some(self.radiograph.clone()), ..Cell::default() });
            for (column, map) in self.columns.iter().zip(maps) {
                cells.push(match map {
                    Some(map) => map.bare_cell(&name(column)),
                    None => Cell { name: name(column), remark: Some("not computed".to_owned()), ..Cell::default() },
                });
            }
        }
        let row_labels = self.rows.iter().map(|(label, _)| label.clone()).collect();
        let grid = Grid { columns: self.columns.len() + 1, row_labels, cells, gap: 3.0 };
        sheet(page, &self.labels, &grid, Some(&self.bar), note)
    }
}

fn radiograph_cell(picture: &Picture) -> Cell {
    Cell { name: "Radiograph".to_owned(), picture: Some(picture.clone()), ..Cell::default() }
}

fn sheet(page: Page, labels: &Labels, grid: &Grid, bar: Option<&ColourBar>, note: &str) -> Result<Scene> {
    let mut sheet = Sheet::new(page);
    sheet.paragraph(&labels.headline, HEADLINE)?;
    sheet.space(1.0);
    if let Some(caution) = &labels.caution {
        sheet.caution(caution)?;
    }
    for line in labels.identity.iter().chain(&labels.details) {
        sheet.paragraph(line, DETAIL)?;
    }
    sheet.space(6.0);
    grid.draw(&mut sheet)?;
    sheet.space(2.0);
    if let Some(bar) = bar {
        bar.draw(&mut sheet)?;
        sheet.paragraph(note, SMALL)?;
    }
    Ok(sheet.finish())
}
