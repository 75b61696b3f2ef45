//! Small pictures for lists.

use std::sync::Arc;

use super::case::plane_of_file;
use super::error::{Error, Result};
use super::source::CaseSource;
use crate::display::{Compositor, Plane, Viewport};
use crate::phantom;
use crate::radiograph::{ImagePlace, Radiograph, ValueScale};

/// A small gray picture of a case, shown as its file wants to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// Columns and rows; the same number, the image lying in the middle.
    pub side_px: usize,
    /// Gray levels `[h, w]`, 0 to 255.
    pub gray: Vec<u8>,
}

impl Thumbnail {
    /// Reads the pixels of a case and nothing else of it.
    ///
    /// # Errors
    /// When the image cannot be read.
    pub fn read(source: &CaseSource, side_px: usize) -> Result<Self> {
        let plane = match source {
            CaseSource::File(path) => plane_of_file(&path.as_path().into())?,
            CaseSource::Entry(entry) => plane_of_file(&ImagePlace::Entry(entry.clone()))?,
            CaseSource::Phantom(spec) => {
                let made = phantom::generate(spec);
                let gray = made.gray.into_iter().map(f32::from).collect();
                Plane::from_radiograph(&Radiograph::new(made.size_px, made.size_px, gray, ValueScale::Gray))?
            }
            CaseSource::Cohort { cohort, .. } => {
                let Some(case) = source.case() else { return Err(Error::NoSuchCase) };
                match case.path() {
                    Some(path) => plane_of_file(&path.into())?,
                    None => Plane::from_radiograph(&cohort.radiograph(case)?)?,
                }
            }
        };
        Ok(Self::of(&plane, side_px))
    }

    /// Of an image in memory.
    pub fn of(plane: &Plane, side_px: usize) -> Self {
        let size_px = [plane.width_px(), plane.height_px()];
        let viewport = Viewport::fit([side_px as u32; 2], size_px, 1.0);
        let compositor = Compositor::new(plane, plane.own(), None);
        let picture = compositor.render(&viewport);
        Self { side_px, gray: picture.pixels().map(|pixel| pixel.0[0]).collect() }
    }
}

/// What a thumbnail is made of.
#[derive(Clone)]
pub enum ThumbnailSource {
    /// A case that is in memory.
    Plane(Arc<Plane>),
    /// A case that has to be read.
    Case(CaseSource),
}

impl ThumbnailSource {
    /// The small picture.
    ///
    /// # Errors
    /// When the image cannot be read.
    pub fn thumbnail(&self, side_px: usize) -> Result<Thumbnail> {
        match self {
            Self::Plane(plane) => Ok(Thumbnail::of(plane, side_px)),
            Self::Case(source) => Thumbnail::read(source, side_px),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::{Finding, PhantomSpec};

    #[test]
    fn a_thumbnail_is_the_picture_made_small() {
        let spec = PhantomSpec { seed: 3, index: 0, size_px: 128, finding: Finding::None };
        let small = Thumbnail::read(&CaseSource::Phantom(spec), 32).unwrap();
        assert_eq!(small.gray.len(), 32 * 32);
        let made = phantom::generate(&spec);
        let mean = |values: &[u8]| values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
        assert!((mean(&small.gray) - mean(&made.gray)).abs() < 3.0, "{} {}", mean(&small.gray), mean(&made.gray));
        let contrast = small.gray.iter().max().unwrap() - small.gray.iter().min().unwrap();
        assert!(contrast > 100, "{contrast}");
    }

    #[test]
    fn an_oblong_image_keeps_its_shape() {
        let radiograph = Radiograph::new(10, 20, vec![255.0; 200], ValueScale::Gray);
        let small = Thumbnail::of(&Plane::from_radiograph(&radiograph).unwrap(), 20);
        let row = |y: usize| &small.gray[y * 20..(y + 1) * 20];
        assert!(row(0).iter().all(|gray| *gray == 0) && row(10).iter().all(|gray| *gray > 250));
    }
}
