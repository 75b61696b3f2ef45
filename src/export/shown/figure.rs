//! Figures of what is shown: as it lies on the screen, or arranged for print.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use super::tile::{ShownMap, ShownTile, image_record, model_record};
use crate::display::MapDisplay;
use crate::export::{
    self, ClassFound, DisplayRecord, Error, FigureRecord, MapRecord, Origin, Result, VERSION, score_explanation,
};
use crate::figure::template::{
    ColourBar, Labels, MapTable, MapTile, MethodGrid, Page, ScreenGrid, SingleCase, Template,
};
use crate::figure::{Format, Painted};
use crate::saliency::Method;

/// How pictures are arranged.
#[derive(Clone)]
pub enum Arrangement {
    /// As on the screen: the parts that are seen, as many a row.
    Screen {
        /// The pictures, row by row.
        tiles: Vec<ShownTile>,
        /// Pictures a row.
        columns: usize,
        /// Whether the colours mean the same in all pictures.
        has_one_scale: bool,
    },
    /// The radiograph and one map of it.
    SingleCase(Box<ShownTile>),
    /// The radiograph and its maps by several methods of one model.
    MethodGrid(Vec<ShownTile>),
    /// Rows are models, columns are methods; nothing where a map was not computed.
    ModelGrid {
        /// Above the columns.
        methods: Vec<Method>,
        /// A row a model.
        rows: Vec<Vec<Option<ShownTile>>>,
    },
}

/// A figure of what is shown.
#[derive(Clone)]
pub struct ShownFigure {
    /// How it is arranged.
    pub arrangement: Arrangement,
    /// Whether the experts' marks and the scores against them are in it.
    pub has_truth: bool,
    /// Whether it says whose images they are.
    pub has_identity: bool,
}

impl ShownFigure {
    /// Writes the figure and its record, both or neither.
    ///
    /// # Errors
    /// As [`export::figure`], and when there is no map.
    pub fn write(&self, page: Page, format: Format, target: &Path) -> Result<Vec<PathBuf>> {
        let template = self.template()?;
        export::figure(&template, page, format, &self.record(page)?, target).map(Vec::from)
    }

    /// The figure as a picture about `width_px` wide, to be looked at before it is written.
    ///
    /// # Errors
    /// When it cannot be drawn.
    pub fn preview(&self, width_mm: f64, width_px: u32) -> Result<Painted> {
        /// Millimetres in an inch.
        const MM_PER_INCH: f64 = 25.4;
        let dpi = (f64::from(width_px) / width_mm * MM_PER_INCH).clamp(72.0, 1200.0);
        let page = Page::new(width_mm, dpi as u32)?;
        Ok(page.paint(&self.template()?.scene(page)?)?)
    }

    /// The figure.
    ///
    /// # Errors
    /// When there is nothing to show, or an identity is wanted that cannot be decoded.
    pub fn template(&self) -> Result<Template> {
        let tiles = self.tiles();
        if self.has_identity {
            for tile in &tiles {
                tile.case.facts.identity.require_decoded()?;
            }
        }
        let first = *tiles.first().ok_or_else(|| Error::Maps("none is finished".to_owned()))?;
        let labels = self.labels(&tiles);
        let tile = |tile: &ShownTile| tile.tile(self.has_truth);
        let maps: Vec<&ShownMap> = tiles.iter().filter_map(|tile| tile.map.as_ref()).collect();
        let bar = maps.first().map(|map| bar(map, &maps));
        let needs_bar = || Error::Maps("none is finished".to_owned());
        Ok(match &self.arrangement {
            Arrangement::Screen { tiles, columns, has_one_scale } => Template::Screen(ScreenGrid {
                labels,
                tiles: tiles.iter().map(tile).collect(),
                columns: *columns,
                bar: bar.filter(|_| maps.iter().any(|map| map.display.visible)),
                has_one_scale: *has_one_scale,
            }),
            Arrangement::SingleCase(shown) => Template::SingleCase(SingleCase {
                labels,
                radiograph: shown.radiograph(self.has_truth),
                map: tile(shown),
                bar: bar.ok_or_else(needs_bar)?,
            }),
            Arrangement::MethodGrid(shown) => Template::MethodGrid(MethodGrid {
                labels,
                radiograph: first.radiograph(self.has_truth),
                maps: shown.iter().map(tile).collect(),
                bar: bar.ok_or_else(needs_bar)?,
                columns: None,
            }),
            Arrangement::ModelGrid { methods, rows } => {
                let rows = rows.iter().map(|row| {
                    let map = row.iter().flatten().find_map(|tile| tile.map.as_ref());
                    let cells: Vec<Option<MapTile>> = row.iter().map(|cell| cell.as_ref().map(tile)).collect();
                    (map.map(row_label).unwrap_or_default(), cells)
                });
                Template::ModelGrid(MapTable {
                    labels,
                    radiograph: first.radiograph(self.has_truth),
                    columns: methods.iter().map(|method| method.name().to_owned()).collect(),
                    rows: rows.collect(),
                    bar: bar.ok_or_else(needs_bar)?,
                })
            }
        })
    }

    /// What the figure is made from.
    ///
    /// # Errors
    /// When there is nothing to show.
    pub fn record(&self, page: Page) -> Result<FigureRecord> {
        let tiles = self.tiles();
        let first = *tiles.first().ok_or_else(|| Error::Maps("none is finished".to_owned()))?;
        let (name, has_view) = match &self.arrangement {
            Arrangement::Screen { .. } => ("screen", true),
            Arrangement::SingleCase(_) => ("single_case", false),
            Arrangement::MethodGrid(_) => ("method_grid", false),
            Arrangement::ModelGrid { .. } => ("model_grid", false),
        };
        let any = tiles.iter().find_map(|tile| tile.map.as_ref());
        let display = any.map_or_else(MapDisplay::default, |map| map.display);
        let mut display = DisplayRecord::new(&first.gray, &display);
        display.view = first.view.filter(|_| has_view);
        let seed = any.map_or(0, |map| map.question.seed);
        let mut record = FigureRecord::new(name, page, image_record(&first.case), display, seed);
        record.caution = caution(&tiles).map(str::to_owned);
        if self.has_identity {
            first.case.facts.identity.require_decoded()?;
            record.identity = first.case.dicom.as_ref().map(crate::radiograph::dicom::DicomImage::identity);
        }
        // The same image turned is another one of the figure.
        let image = |tile: &&ShownTile| (tile.case.content.clone(), tile.orientation(has_view));
        let mut images = vec![image(&first)];
        record.note_orientation(0, first.orientation(has_view));
        let mut models: Vec<&str> = Vec::new();
        for tile in &tiles {
            let own = image(tile);
            let case = images.iter().position(|known| *known == own).unwrap_or_else(|| {
                record.other_images.push(image_record(&tile.case));
                record.note_orientation(images.len(), own.1);
                images.push(own);
                images.len() - 1
            });
            let Some(map) = &tile.map else { continue };
            let model = models.iter().position(|known| *known == map.model.identity()).unwrap_or_else(|| {
                models.push(map.model.identity());
                record.models.push(model_record(&map.model));
                models.len() - 1
            });
            let explained = class_found(map);
            let scores = tile.scores().filter(|_| self.has_truth);
            let mut found = MapRecord::of(&map.answer.map, model, explained, scores);
            found.image = Some(case).filter(|_| case > 0);
            record.maps.push(found);
        }
        Ok(record)
    }

    /// Equal for figures that look the same, in this run of the program.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let kind = std::mem::discriminant(&self.arrangement);
        (kind, self.has_truth, self.has_identity).hash(&mut hasher);
        if let Arrangement::Screen { columns, .. } = &self.arrangement {
            columns.hash(&mut hasher);
        }
        for tile in self.tiles() {
            (&tile.name, &tile.case.content, &tile.remark).hash(&mut hasher);
            format!("{:?} {:?}", tile.gray, tile.view).hash(&mut hasher);
            if let Some(map) = &tile.map {
                (map.plane.id(), map.answer.display.id(), map.caution).hash(&mut hasher);
                format!("{:?} {:?}", map.display, map.contour).hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    /// All pictures in their order.
    fn tiles(&self) -> Vec<&ShownTile> {
        match &self.arrangement {
            Arrangement::Screen { tiles, .. } | Arrangement::MethodGrid(tiles) => tiles.iter().collect(),
            Arrangement::SingleCase(tile) => vec![tile.as_ref()],
            Arrangement::ModelGrid { rows, .. } => rows.iter().flatten().flatten().collect(),
        }
    }

    fn labels(&self, tiles: &[&ShownTile]) -> Labels {
        let asked: Vec<(&ShownTile, &ShownMap)> =
            tiles.iter().filter_map(|tile| Some((*tile, tile.map.as_ref()?))).collect();
        let mut labels = match asked.as_slice() {
            [] => Labels { headline: "Radiograph".to_owned(), ..Labels::default() },
            [(tile, map), rest @ ..] => {
                let is_one = |(other, of): &(&ShownTile, &ShownMap)| {
                    other.case.content == tile.case.content && of.model.identity() == map.model.identity()
                };
                if rest.iter().all(is_one) {
                    map.origin(&tile.case.warnings).labels(&map.explanation())
                } else {
                    labels_of_several(&asked)
                }
            }
        };
        labels.caution = caution(tiles).map(str::to_owned);
        if self.has_truth {
            let scores = tiles.iter().find_map(|tile| tile.scores());
            labels.details.extend(scores.as_ref().map(score_explanation));
        }
        if self.has_identity {
            labels.identity = Some(identities(tiles));
        }
        labels
    }
}

/// What has to be said of the maps together.
fn caution(tiles: &[&ShownTile]) -> Option<&'static str> {
    tiles.iter().find_map(|tile| tile.map.as_ref()?.caution)
}

/// The class that a map explains.
fn class_found(map: &ShownMap) -> ClassFound {
    ClassFound::new(&map.model.model.card, &map.answer.prediction.logits, map.answer.map.provenance.class)
}

/// The model and what it says, beside its row.
fn row_label(map: &ShownMap) -> String {
    class_found(map).row_label(&map.model.title)
}

/// Headline and details of maps of several models or several images.
fn labels_of_several(asked: &[(&ShownTile, &ShownMap)]) -> Labels {
    let count = |mut names: Vec<&str>| {
        names.sort_unstable();
        names.dedup();
        names.len()
    };
    let models = count(asked.iter().map(|(_, map)| map.model.identity()).collect());
    let images = count(asked.iter().map(|(tile, _)| tile.case.content.as_str()).collect());
    let many = |count: usize, one: &str, several: &str| match count {
        1 => one.to_owned(),
        count => format!("{count} {several}"),
    };
    let of = many(images, "one radiograph", "radiographs");
    let by = many(models, "one model", "models");
    let mut details: Vec<String> = Vec::new();
    for (tile, map) in asked {
        let class = class_found(map);
        let whose = if images > 1 { format!("{}: ", tile.name) } else { String::new() };
        let model = map.origin(&[]).model();
        let line = format!("{whose}{model}: explained {}, {}", class.label(), class.probability_words());
        if !details.contains(&line) {
            details.push(line);
        }
    }
    if let Some((_, map)) = asked.first() {
        let Origin { preset, seed, .. } = map.origin(&[]);
        details.push(format!("Preset {preset}  ·  seed {seed}  ·  saliscope {VERSION}"));
    }
    let mut warnings: Vec<&String> = asked.iter().flat_map(|(tile, _)| &tile.case.warnings).collect();
    warnings.sort_unstable();
    warnings.dedup();
    details.extend(warnings.into_iter().map(|warning| format!("Note: {warning}.")));
    Labels { headline: format!("Maps of {of} by {by}"), details, ..Labels::default() }
}

/// Name, number and date of study of every image.
fn identities(tiles: &[&ShownTile]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for tile in tiles {
        let identity = &tile.case.facts.identity;
        let parts = [&identity.patient_name, &identity.patient_id, &identity.study_date];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        let line = if parts.is_empty() { "The file names no patient".to_owned() } else { parts.join("  ·  ") };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.join("; ")
}

/// What the colours mean: the first map's, or only their place in each map's range where ranges differ.
fn bar(first: &ShownMap, maps: &[&ShownMap]) -> ColourBar {
    let display = &first.display;
    if first.plane.id() == first.answer.display.id() {
        return export::map_bar(display, first.clip_percentile());
    }
    let is_signed = first.answer.signed.as_ref().is_some_and(|signed| signed.id() == first.plane.id());
    if is_signed {
        let label = format!(
            "Map value with its sign, -1 to 1 for each map: 1 is the {}th percentile of its magnitudes",
            first.clip_percentile()
        );
        return ColourBar { label, ..export::bar(display) };
    }
    let is_same = |range: [f32; 2]| range.iter().zip(display.range).all(|(a, b)| a.total_cmp(&b).is_eq());
    if maps.iter().all(|map| is_same(map.display.range)) {
        return ColourBar { label: "Raw map value".to_owned(), ..export::bar(display) };
    }
    let label = "Place in each raw map's own range: 0 is its smallest value, 1 its largest".to_owned();
    ColourBar { label, ends: [0.0, 1.0], ..export::bar(display) }
}
