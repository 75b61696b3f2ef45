//! Example maps in rows and columns, each with its score below.

use super::page::{BACKGROUND, Heading, INK, MARGIN, NAME, NOTICE, QUIET, TICK};
use super::pictures::Absent;
use crate::figure::{Anchor, Result, Rgb, Scene, TextStyle, inferno, text_width_px, wrapped};
use crate::radiograph::Radiograph;

const SIDE: f64 = 112.0;
const GAP: f64 = 8.0;
const OUTLINE: Rgb = [255, 221, 0];
const EMPTY: Rgb = [238, 240, 243];

/// From line to line.
const LINE: f64 = 14.5;

/// Widest name of a row in one line.
const WIDEST_NAME: f64 = 220.0;

/// Lines below each other, the first at `[x, baseline]`.
fn write(scene: &mut Scene, [x, baseline]: [f64; 2], anchor: Anchor, style: TextStyle, lines: &[String]) {
    for (position, line) in lines.iter().enumerate() {
        scene.text([x, baseline + position as f64 * LINE], anchor, style, line);
    }
}

/// A small picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Rows.
    pub height_px: usize,
    /// Columns.
    pub width_px: usize,
    /// Gray or map values from 0 to 1, `[h, w]`.
    pub values: Vec<f32>,
}

impl Picture {
    /// Longest side of a picture in a figure, in pixels.
    const SIDE_PX: usize = 128;

    /// Takes `values`, `[h, w]`; nothing where they are not as many as the size says.
    pub fn new([height_px, width_px]: [usize; 2], values: Vec<f32>) -> Option<Self> {
        let fits = height_px > 0 && height_px.checked_mul(width_px) == Some(values.len()) && width_px > 0;
        fits.then_some(Self { height_px, width_px, values })
    }

    /// A radiograph at `size_px` (`[rows, columns]`); nothing where it cannot be brought to that size.
    pub(in crate::benchmark) fn of_radiograph(radiograph: &Radiograph, [height, width]: [usize; 2]) -> Option<Self> {
        let sized = radiograph.resized(height, width).ok()?;
        Self::new([height, width], sized.gray_levels().iter().map(|gray| gray / 255.0).collect())
    }

    /// Means over the areas of the pixels of another size, `[rows, columns]`.
    #[must_use]
    pub fn at(&self, [rows, columns]: [usize; 2]) -> Self {
        let across = overlaps(self.width_px, columns);
        let mut lines = Vec::with_capacity(self.height_px * columns);
        for line in self.values.chunks_exact(self.width_px) {
            lines.extend(across.iter().map(|(first, shares)| mean(shares, |step| line[first + step])));
        }
        let mut values = Vec::with_capacity(rows * columns);
        for (first, shares) in overlaps(self.height_px, rows) {
            values.extend((0..columns).map(|x| mean(&shares, |step| lines[(first + step) * columns + x])));
        }
        Self { height_px: rows, width_px: columns, values }
    }

    /// Means over areas so that the longest side has `side_px` pixels; as it is where it has no more.
    #[must_use]
    pub fn fit(&self, side_px: usize) -> Self {
        let longest = self.height_px.max(self.width_px);
        if longest <= side_px {
            return self.clone();
        }
        self.at([self.height_px, self.width_px].map(|side| (side * side_px).div_ceil(longest).max(1)))
    }

    /// Means over squares, no side longer than `side_px`.
    #[must_use]
    pub fn small(&self, side_px: usize) -> Self {
        let factor = self.height_px.max(self.width_px).div_ceil(side_px.max(1)).max(1);
        let [rows, columns] = [self.height_px, self.width_px].map(|side| side.div_ceil(factor));
        let mean = |index: usize| {
            let [top, left] = [index / columns * factor, index % columns * factor];
            let (mut sum, mut count) = (0.0, 0.0);
            for y in top..(top + factor).min(self.height_px) {
                for x in left..(left + factor).min(self.width_px) {
                    sum += self.values[y * self.width_px + x];
                    count += 1.0;
                }
            }
            sum / count
        };
        Self { height_px: rows, width_px: columns, values: (0..rows * columns).map(mean).collect() }
    }

    /// Gray as colours.
    pub fn gray(&self) -> Vec<Rgb> {
        self.values.iter().map(|value| [(value.clamp(0.0, 1.0) * 255.0).round() as u8; 3]).collect()
    }

    /// Map values as colours.
    pub fn coloured(&self) -> Vec<Rgb> {
        self.values.iter().map(|value| inferno(*value)).collect()
    }

    /// Lines between pixels above and below one half, in pixels, each from `[x, y]` to `[x, y]`.
    pub fn edges(&self) -> Vec<[[f64; 2]; 2]> {
        let marked = |y: Option<usize>, x: Option<usize>| match (y, x) {
            (Some(y), Some(x)) if y < self.height_px && x < self.width_px => self.values[y * self.width_px + x] >= 0.5,
            _ => false,
        };
        let mut edges = Vec::new();
        for y in 0..=self.height_px {
            for x in 0..=self.width_px {
                let own = marked(Some(y), Some(x));
                let [fx, fy] = [x as f64, y as f64];
                if own != marked(y.checked_sub(1), Some(x)) {
                    edges.push([[fx, fy], [fx + 1.0, fy]]);
                }
                if own != marked(Some(y), x.checked_sub(1)) {
                    edges.push([[fx, fy], [fx, fy + 1.0]]);
                }
            }
        }
        edges
    }
}

/// For each of `to` pixels over `from` others: the first one under it, and the share of each from there on.
fn overlaps(from: usize, to: usize) -> Vec<(usize, Vec<f32>)> {
    let one = |target: usize| {
        let (start, end) = (target * from, (target + 1) * from);
        let length = |source: usize| (((source + 1) * to).min(end) - (source * to).max(start)) as f32 / from as f32;
        (start / to, (start / to..end.div_ceil(to)).map(length).collect())
    };
    (0..to).map(one).collect()
}

fn mean(shares: &[f32], value: impl Fn(usize) -> f32) -> f32 {
    shares.iter().enumerate().map(|(step, share)| share * value(step)).sum()
}

/// One tile.
#[derive(Clone, Debug, PartialEq)]
pub struct GridTile {
    /// The picture, or why there is none.
    pub picture: std::result::Result<Picture, Absent>,
    /// Whether it is a map, in colours, or a radiograph, in gray.
    pub is_map: bool,
    /// What stands below it.
    pub caption: String,
}

/// A page of example maps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TileGrid {
    /// What is shown.
    pub headline: String,
    /// What has to be known before any of it is believed; in amber at the top.
    pub caution: Option<String>,
    /// How, one line each.
    pub details: Vec<String>,
    /// Names above the columns.
    pub columns: Vec<String>,
    /// Name of each row and its tiles, one a column.
    pub rows: Vec<(String, Vec<GridTile>)>,
    /// What is not shown and why, one sentence each; below the details.
    pub absent: Vec<String>,
    /// The experts' marks, drawn over every tile in yellow: 1 inside, 0 outside.
    pub truth: Option<Picture>,
}

impl TileGrid {
    /// Draws the page.
    ///
    /// # Errors
    /// When text cannot be laid out or pixels cannot be encoded.
    pub fn scene(&self) -> Result<Scene> {
        // Names of networks may be long; they take several lines then.
        let names = self.rows.iter().map(|(name, _)| wrapped(name, NAME, WIDEST_NAME)).collect::<Result<Vec<_>>>()?;
        let mut left: f64 = 0.0;
        for line in names.iter().flatten() {
            left = left.max(text_width_px(line, NAME)?);
        }
        let left = MARGIN + left + 14.0;
        let heads = self.columns.iter().map(|name| wrapped(name, NAME, SIDE)).collect::<Result<Vec<_>>>()?;
        let head_height = heads.iter().map(Vec::len).max().unwrap_or(1).max(1) as f64 * LINE;
        let columns = self.columns.len() as f64;
        let width = (left + columns * (SIDE + GAP) + MARGIN).max(440.0);
        let details = [self.details.as_slice(), &self.absent].concat();
        let heading = Heading::new(&self.headline, self.caution.as_deref(), &details, width)?;
        let top = heading.bottom_px + head_height + 9.0;
        let captions = self.rows.iter().flat_map(|(_, tiles)| tiles).map(|tile| wrapped(&tile.caption, TICK, SIDE));
        let captions = captions.map(|lines| Ok(lines?.len())).collect::<Result<Vec<usize>>>()?;
        let most_lines = captions.into_iter().max().unwrap_or(1).max(1);
        let row_height = SIDE + 12.0 + most_lines as f64 * LINE;
        let height = top + self.rows.len() as f64 * row_height + 6.0 + NOTICE.height_px;
        let mut scene = Scene::new(width, height, BACKGROUND);
        heading.draw(&mut scene);
        for (column, lines) in heads.iter().enumerate() {
            let middle = left + column as f64 * (SIDE + GAP) + SIDE / 2.0;
            let first = top - 8.0 - (lines.len().max(1) - 1) as f64 * LINE;
            write(&mut scene, [middle, first], Anchor::Middle, NAME, lines);
        }
        for (row, ((_, tiles), name)) in self.rows.iter().zip(&names).enumerate() {
            let y = top + row as f64 * row_height;
            let first = y + SIDE / 2.0 + 4.0 - (name.len().max(1) - 1) as f64 * LINE / 2.0;
            write(&mut scene, [MARGIN, first], Anchor::Start, NAME, name);
            for (column, tile) in tiles.iter().take(self.columns.len()).enumerate() {
                let x = left + column as f64 * (SIDE + GAP);
                self.tile(&mut scene, [x, y], tile)?;
                let caption = wrapped(&tile.caption, TICK, SIDE)?;
                write(&mut scene, [x + SIDE / 2.0, y + SIDE + 14.0], Anchor::Middle, TICK, &caption);
            }
        }
        scene.notice(NOTICE);
        Ok(scene)
    }

    fn tile(&self, scene: &mut Scene, [x, y]: [f64; 2], tile: &GridTile) -> Result<()> {
        let picture = match &tile.picture {
            Ok(picture) => picture,
            Err(absent) => {
                scene.rectangle([x, y], [SIDE, SIDE], EMPTY);
                let lines = wrapped(absent.tile, TICK, SIDE - 8.0)?;
                let first = y + SIDE / 2.0 + 4.0 - (lines.len().max(1) - 1) as f64 * LINE / 2.0;
                write(scene, [x + SIDE / 2.0, first], Anchor::Middle, TICK, &lines);
                return Ok(());
            }
        };
        let small = if tile.is_map { picture.small(Picture::SIDE_PX) } else { picture.fit(Picture::SIDE_PX) };
        let colours = if tile.is_map { small.coloured() } else { small.gray() };
        scene.rectangle([x, y], [SIDE, SIDE], INK);
        scene.pixels([x, y], [SIDE, SIDE], small.width_px, &colours)?;
        if let Some(truth) = &self.truth {
            let truth = truth.small(Picture::SIDE_PX);
            let [sx, sy] = [SIDE / truth.width_px as f64, SIDE / truth.height_px as f64];
            for [from, to] in truth.edges() {
                let at = |point: [f64; 2]| [x + point[0] * sx, y + point[1] * sy];
                scene.line(at(from), at(to), 1.4, OUTLINE);
            }
        }
        scene.polyline(&[[x, y], [x + SIDE, y], [x + SIDE, y + SIDE], [x, y + SIDE], [x, y]], 0.6, QUIET, None);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_surround_what_is_marked() {
        let picture = Picture::new([2, 3], vec![0.0, 1.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
        assert_eq!(picture.edges().len(), 4);
        assert!(picture.edges().contains(&[[1.0, 0.0], [2.0, 0.0]]));
        assert!(Picture::new([2, 3], vec![0.0; 5]).is_none() && Picture::new([0, 0], vec![]).is_none());
    }

    #[test]
    fn small_pictures_are_means() {
        let picture = Picture::new([256, 256], (0..65536).map(|index| (index % 2) as f32).collect()).unwrap();
        let small = picture.small(128);
        assert_eq!((small.height_px, small.width_px, small.values[77]), (128, 128, 0.5));
    }

    #[test]
    fn another_size_keeps_the_place_and_the_mean() {
        let picture = Picture::new([2, 3], vec![0.0, 1.0, 0.0, 1.0, 0.0, 0.0]).unwrap();
        assert_eq!(picture.at([2, 3]), picture);
        assert_eq!(picture.at([4, 6]).values[..6], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        let one = picture.at([1, 1]);
        assert!((one.values[0] - 1.0 / 3.0).abs() < 1e-6, "{one:?}");
        // Two columns over three: each is a whole one and half of the middle one.
        let two = picture.at([1, 2]);
        assert!(two.values.iter().zip([0.5, 1.0 / 6.0]).all(|(a, b)| (a - b).abs() < 1e-6), "{two:?}");
    }
}
