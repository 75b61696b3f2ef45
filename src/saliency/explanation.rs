//! What the schedule gives back.

use super::display::DisplayMap;
use super::methods::Method;
use super::provenance::Provenance;
use crate::network::ReadArea;

/// Everything found for one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Logits: one a class, or a single one.
    pub logits: Vec<f32>,
    /// The class explained.
    pub class: usize,
    /// One map a wanted method, in the study's order.
    pub maps: Vec<SaliencyMap>,
}

impl Explanation {
    /// The map of `method`, where it was wanted.
    pub fn map(&self, method: Method) -> Option<&SaliencyMap> {
        self.maps.iter().find(|map| map.method == method)
    }
}

/// One finished map.
#[derive(Clone, Debug, PartialEq)]
pub struct SaliencyMap {
    /// Its method.
    pub method: Method,
    /// The map before display normalization, `[h, w]`, row-major. Gradient-like methods: the sum over channels of the
    /// magnitudes; GCAM: the resized grid, 0 to 1; XRAI: the merged attribution with its sign; GGCAM: the product of two
    /// display maps; others as the file of the method says.
    pub raw: Vec<f32>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The map as it is shown and scored, 0 to 1.
    pub display: DisplayMap,
    /// Where it came from.
    pub provenance: Provenance,
    /// Where it lies on the image: everywhere, until whoever read the image for a network says otherwise.
    pub area: ReadArea,
    /// Arrays met on the way; empty unless asked for.
    pub intermediates: Vec<NamedArray>,
}

impl SaliencyMap {
    /// `values` of the map's pixels over the whole image, `[h, w]` and row-major: NaN where the map does not reach, without
    /// what lies beside the image.
    ///
    /// # Panics
    /// When there are not as many values as pixels of the map.
    pub fn over_image(&self, values: &[f32]) -> ([usize; 2], Vec<f32>) {
        (self.area.whole_px, self.area.over_image(values, f32::NAN))
    }
}

/// An array met on the way to a map, such as `IG_signed` `[c, h, w]`.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedArray {
    /// Name, beginning with that of the method.
    pub name: String,
    /// Shape, row-major.
    pub shape: Vec<usize>,
    /// Values.
    pub values: ArrayValues,
}

/// Values of a [`NamedArray`], row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrayValues {
    /// Real numbers.
    F32(Vec<f32>),
    /// Labels.
    I32(Vec<i32>),
}
