//! Segments made once and used by every network that explains the image.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::{Parameters, Result, Segmentation, segment};

/// Keeps segmentations by the content of image and parameters; they depend on nothing else. One of 320x320 takes about
/// 5 MB. The default keeps them all.
#[derive(Debug, Default)]
pub struct SegmentCache {
    most: Option<usize>,
    found: Mutex<HashMap<[u8; 32], Arc<Segmentation>>>,
}

impl SegmentCache {
    /// Keeps `most` segmentations and then begins anew, for whoever tries many parameters.
    pub fn keeping(most: usize) -> Self {
        Self { most: Some(most), found: Mutex::default() }
    }

    /// The segments of an image `[c, h, w]`, as [`segment`] finds them, made where they are not there yet.
    ///
    /// # Errors
    /// As [`segment`].
    pub fn segment(&self, image: &[f32], shape: [usize; 3], parameters: &Parameters) -> Result<Arc<Segmentation>> {
        let mut hash = Sha256::new();
        hash.update(format!("{shape:?} {parameters:?}"));
        for values in image.chunks(1 << 12) {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            hash.update(&bytes);
        }
        let key: [u8; 32] = hash.finalize().into();
        // The map holds finished values only, so a panic elsewhere leaves it usable.
        let found = || self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(segments) = found().get(&key) {
            return Ok(Arc::clone(segments));
        }
        let segments = Arc::new(segment(image, shape, parameters)?);
        let mut found = found();
        if self.most.is_some_and(|most| found.len() >= most) {
            found.clear();
        }
        found.insert(key, Arc::clone(&segments));
        Ok(segments)
    }

    /// Segmentations kept.
    pub fn len(&self) -> usize {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_made_once_for_each_image_and_parameters() {
        let image: Vec<f32> = (0..40 * 40).map(|pixel| (pixel as f32 * 0.37).sin()).collect();
        let other: Vec<f32> = image.iter().map(|value| -value).collect();
        let parameters = Parameters { resize_px: None, ..Parameters::default() };
        let cache = SegmentCache::default();
        let first = cache.segment(&image, [1, 40, 40], &parameters).unwrap();
        assert_eq!(*first, segment(&image, [1, 40, 40], &parameters).unwrap());
        assert!(Arc::ptr_eq(&first, &cache.segment(&image, [1, 40, 40], &parameters).unwrap()));
        cache.segment(&other, [1, 40, 40], &parameters).unwrap();
        cache.segment(&image, [1, 40, 40], &Parameters { min_size_px: 20, ..parameters.clone() }).unwrap();
        assert_eq!(cache.len(), 3);
        assert!(cache.segment(&[1.0; 4], [1, 2, 2], &parameters).is_err() && cache.len() == 3);

        let few = SegmentCache::keeping(2);
        for sigma_px in [0.5, 0.6, 0.7, 0.8, 0.9] {
            few.segment(&image, [1, 40, 40], &Parameters { sigma_px, ..parameters.clone() }).unwrap();
            assert!((1..=2).contains(&few.len()));
        }
    }
}
