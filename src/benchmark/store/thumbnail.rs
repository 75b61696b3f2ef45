//! Small copies of the radiographs of a run, with the experts' marks, for reports that are made far from the data set.

use rusqlite::{OptionalExtension, params};

use super::Store;
use crate::benchmark::error::{Error, Result};
use crate::limits;

/// Came later than the other tables, as did that of times.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS thumbnail(
    image TEXT PRIMARY KEY, height INTEGER NOT NULL, width INTEGER NOT NULL, gray BLOB NOT NULL,
    marks_height INTEGER NOT NULL, marks_width INTEGER NOT NULL, marks BLOB, no_marks TEXT);
";

/// A radiograph in small, and what experts marked on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// Rows of the radiograph, at most [`limits::THUMBNAIL_PX`].
    pub height: usize,
    /// Columns, at most as many.
    pub width: usize,
    /// Gray levels, `[h, w]`.
    pub gray: Vec<u8>,
    /// The marks, or why there are none.
    pub marks: std::result::Result<Marks, String>,
}

/// Marks at the size of the maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Whether each pixel is marked, `[h, w]`.
    pub pixels: Vec<bool>,
}

impl Store {
    /// Whether the run keeps thumbnails; nothing where it was begun by a version that had none.
    pub fn keeps_thumbnails(&self) -> Option<bool> {
        self.meta.thumbnails
    }

    /// How many thumbnails there are.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn thumbnails(&self) -> Result<usize> {
        if !self.has_thumbnails()? {
            return Ok(0);
        }
        self.one("SELECT count(*) FROM thumbnail", |row| row.get::<_, i64>(0)).map(|count| count as usize)
    }

    /// The thumbnail of a case, where one was kept.
    ///
    /// # Errors
    /// When the database cannot be read, or the row is not one of a thumbnail.
    pub fn thumbnail(&self, image: &str) -> Result<Option<Thumbnail>> {
        if !self.has_thumbnails()? {
            return Ok(None);
        }
        let query =
            "SELECT height, width, gray, marks_height, marks_width, marks, no_marks FROM thumbnail WHERE image = ?1";
        let found = self.connection.query_row(query, [image], |row| {
            let sides: [i64; 4] = [row.get(0)?, row.get(1)?, row.get(3)?, row.get(4)?];
            let pixels: (Vec<u8>, Option<Vec<u8>>) = (row.get(2)?, row.get(5)?);
            Ok((sides, pixels, row.get::<_, Option<String>>(6)?))
        });
        let Some((sides, (gray, marks), no_marks)) = found.optional().map_err(Error::sqlite(&self.path))? else {
            return Ok(None);
        };
        let [height, width, marks_height, marks_width] = sides.map(|side| usize::try_from(side).unwrap_or(usize::MAX));
        let damaged = || self.damaged("a thumbnail is not whole".to_owned());
        if height.max(width) > limits::THUMBNAIL_PX {
            return Err(damaged());
        }
        let gray = unpacked([height, width], &gray).ok_or_else(damaged)?;
        let marks = match marks {
            None => Err(no_marks.unwrap_or_default()),
            Some(marks) => {
                let pixels = unpacked([marks_height, marks_width], &marks).ok_or_else(damaged)?;
                let pixels = pixels.into_iter().map(|pixel| pixel > 0).collect();
                Ok(Marks { height: marks_height, width: marks_width, pixels })
            }
        };
        Ok(Some(Thumbnail { height, width, gray, marks }))
    }

    /// Whether a case has a thumbnail.
    pub(crate) fn has_thumbnail(&self, image: &str) -> Result<bool> {
        let query = "SELECT 1 FROM thumbnail WHERE image = ?1";
        let found = self.connection.query_row(query, [image], |_| Ok(())).optional();
        Ok(found.map_err(Error::sqlite(&self.path))?.is_some())
    }

    /// Keeps the thumbnail of a case.
    pub(crate) fn keep_thumbnail(&self, image: &str, own: &Thumbnail) -> Result<()> {
        let failed = |source| Error::File { action: "compressing a thumbnail", source, path: self.path.clone() };
        let gray = zstd::bulk::compress(&own.gray, LEVEL).map_err(failed)?;
        let marks = own.marks.as_ref().ok();
        let packed = marks.map(|marks| {
            let bytes: Vec<u8> = marks.pixels.iter().map(|marked| u8::from(*marked)).collect();
            zstd::bulk::compress(&bytes, LEVEL)
        });
        let packed = packed.transpose().map_err(failed)?;
        let [height, width] = marks.map_or([0, 0], |marks| [marks.height, marks.width]);
        let whole = |side: usize| i64::try_from(side).unwrap_or(i64::MAX);
        let no_marks = own.marks.as_ref().err();
        let written = self.connection.execute(
            "INSERT OR REPLACE INTO thumbnail VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![image, whole(own.height), whole(own.width), gray, whole(height), whole(width), packed, no_marks],
        );
        written.map(drop).map_err(Error::sqlite(&self.path))
    }

    /// Whether the database is not from before thumbnails.
    fn has_thumbnails(&self) -> Result<bool> {
        self.one("SELECT count(*) FROM sqlite_master WHERE name = 'thumbnail'", |row| row.get(0))
    }
}

/// How hard zstd tries; masks become some hundred bytes.
const LEVEL: i32 = 3;

/// Bytes of packed ones; nothing where they are not as many as the size says.
fn unpacked([height, width]: [usize; 2], packed: &[u8]) -> Option<Vec<u8>> {
    let pixels = height.checked_mul(width).filter(|pixels| (1..=limits::KEPT_MAP_PIXELS).contains(pixels))?;
    zstd::bulk::decompress(packed, pixels).ok().filter(|bytes| bytes.len() == pixels)
}
