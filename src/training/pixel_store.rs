//! Where the prepared pixels of a training lie: in memory, or in a file that goes with the program.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::files;
use crate::network::ModelKind;
use crate::truth::Mask;

/// Steps between gray levels kept: 16 bits hold what a resize leaves between levels.
const STEPS_A_LEVEL: f32 = 257.0;

/// The pixels of one image at the size of the network's input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Gray levels 0 to 255 in steps of 1/257, `[h, w]`.
    pub(super) gray: Vec<u16>,
    /// Pixels of the finding; for segmentation alone.
    pub mask: Option<Mask>,
}

impl Pixels {
    /// Of gray levels 0 to 255.
    pub(super) fn new(gray_levels: &[f32], mask: Option<Mask>) -> Self {
        let stored = |gray: &f32| (gray * STEPS_A_LEVEL).round().clamp(0.0, 65_535.0) as u16;
        Self { gray: gray_levels.iter().map(stored).collect(), mask }
    }

    /// Gray levels 0 to 255, `[h, w]`.
    pub fn gray(&self) -> impl Iterator<Item = f32> + '_ {
        self.gray.iter().map(|value| f32::from(*value) / STEPS_A_LEVEL)
    }

    /// Bytes that those of one image take.
    pub(super) fn bytes(kind: ModelKind, [height, width]: [usize; 2]) -> usize {
        let mask = usize::from(kind == ModelKind::Segmentation);
        height * width * (size_of::<u16>() + mask)
    }
}

/// The pixels of many images, by their places.
#[derive(Debug)]
pub(super) enum PixelStore {
    Memory(Vec<Pixels>),
    File(PixelFile),
}

/// A file without a name, which the system removes with the program, however that ends: it holds pixels of patients.
#[derive(Debug)]
pub(super) struct PixelFile {
    /// At the end of what was written, while images are added.
    file: Mutex<File>,
    size_px: [usize; 2],
    has_masks: bool,
    images: usize,
}

impl PixelStore {
    /// An empty one; in a file inside `folder` where one is given.
    pub(super) fn new(folder: Option<&Path>, kind: ModelKind, size_px: [usize; 2]) -> io::Result<Self> {
        let Some(folder) = folder else { return Ok(Self::Memory(Vec::new())) };
        let file = Mutex::new(files::nameless_in(folder)?);
        Ok(Self::File(PixelFile { file, size_px, has_masks: kind == ModelKind::Segmentation, images: 0 }))
    }

    /// Adds an image; gives its place.
    pub(super) fn push(&mut self, pixels: Pixels) -> io::Result<usize> {
        match self {
            Self::Memory(all) => {
                all.push(pixels);
                Ok(all.len() - 1)
            }
            Self::File(all) => all.push(&pixels),
        }
    }

    /// The image at a place.
    pub(super) fn get(&self, place: usize) -> io::Result<Cow<'_, Pixels>> {
        match self {
            Self::Memory(all) => Ok(Cow::Borrowed(&all[place])),
            Self::File(all) => all.get(place).map(Cow::Owned),
        }
    }
}

impl PixelFile {
    fn push(&mut self, pixels: &Pixels) -> io::Result<usize> {
        let mut bytes = bytemuck::cast_slice::<u16, u8>(&pixels.gray).to_vec();
        bytes.extend(pixels.mask.iter().flat_map(Mask::pixels).map(|pixel| u8::from(*pixel)));
        debug_assert_eq!(bytes.len(), self.stride());
        self.file.get_mut().unwrap_or_else(PoisonError::into_inner).write_all(&bytes)?;
        self.images += 1;
        Ok(self.images - 1)
    }

    fn get(&self, place: usize) -> io::Result<Pixels> {
        let [height, width] = self.size_px;
        let mut bytes = vec![0; self.stride()];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(place as u64 * bytes.len() as u64))?;
            file.read_exact(&mut bytes)?;
        }
        let (gray, mask) = bytes.split_at(height * width * size_of::<u16>());
        let mask = self.has_masks.then(|| Mask::new(height, width, mask.iter().map(|pixel| *pixel != 0).collect()));
        Ok(Pixels { gray: bytemuck::pod_collect_to_vec(gray), mask })
    }

    /// Bytes from one image to the next.
    fn stride(&self) -> usize {
        let kind = if self.has_masks { ModelKind::Segmentation } else { ModelKind::Classifier };
        Pixels::bytes(kind, self.size_px)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_back_what_memory_does_in_any_order_and_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let size_px = [3, 5];
        for kind in [ModelKind::Classifier, ModelKind::Segmentation] {
            let mut stores = [None, Some(folder.path())].map(|folder| PixelStore::new(folder, kind, size_px).unwrap());
            let image = |number: usize| {
                let gray: Vec<f32> = (0..15).map(|pixel| (number * 31 + pixel * 7) as f32 % 255.0 + 0.3).collect();
                let mask = Mask::new(3, 5, (0..15).map(|pixel| (pixel + number).is_multiple_of(3)).collect());
                Pixels::new(&gray, (kind == ModelKind::Segmentation).then_some(mask))
            };
            for number in 0..4 {
                for store in &mut stores {
                    assert_eq!(store.push(image(number)).unwrap(), number);
                }
            }
            for number in [2, 0, 3, 3, 1] {
                for store in &stores {
                    assert_eq!(*store.get(number).unwrap(), image(number));
                }
            }
            assert_eq!(
                std::fs::read_dir(folder.path()).unwrap().count(),
                0,
                "nothing is left behind, whatever happens"
            );
        }
    }
}
