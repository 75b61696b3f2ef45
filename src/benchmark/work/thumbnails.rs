//! Small copies of the radiographs, kept while they are read anyway.

use super::Bench;
use super::block::Loaded;
use crate::benchmark::error::Result;
use crate::benchmark::figures::Picture;
use crate::benchmark::store::{Marks, Thumbnail};
use crate::limits;

impl Bench<'_> {
    /// Keeps what is missing of the first [`limits::THUMBNAILS`] images of the sample.
    pub(super) fn thumbnails(&self, loaded: &[Loaded]) -> Result<()> {
        if !self.keeps_thumbnails {
            return Ok(());
        }
        for image in loaded.iter().filter(|image| image.image < limits::THUMBNAILS) {
            if self.store().has_thumbnail(&image.id)? {
                continue;
            }
            let Some(radiograph) = Picture::of_radiograph(&image.radiograph, self.setup.size_px()) else { continue };
            let small = radiograph.fit(limits::THUMBNAIL_PX);
            let gray = small.values.iter().map(|value| (value.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
            let (height, width) = (small.height_px, small.width_px);
            let own = Thumbnail { height, width, gray, marks: self.marks(image) };
            self.store().keep_thumbnail(&image.id, &own)?;
        }
        Ok(())
    }

    /// The marks of an image at the size of the maps, whether its test asks for them or not.
    fn marks(&self, image: &Loaded) -> std::result::Result<Marks, String> {
        let setup = self.setup;
        let [height, width] = setup.size_px();
        if let Ok(mask) = &image.truth {
            return Ok(Marks { height, width, pixels: mask.pixels().to_vec() });
        }
        let truth = setup.cohort.truth(setup.case(image.image), height, width, setup.protocol.cohort.truth_rule);
        let pixels = truth.map_err(|error| error.without_path())?.pixels().to_vec();
        Ok(Marks { height, width, pixels })
    }
}
