//! OCCLUSION: how far the logit falls when a part of the image is covered (Zeiler and Fergus 2014), as Captum's
//! `Occlusion` counts it: windows at the far borders are cut off there, and what a pixel gets is the mean over the windows
//! that cover it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Card;
use super::spec::{ChangedInputs, Colour, Cost, FromChanges, MethodSpec, Reads, Scale, Sign, Way};
use crate::limits;
use crate::saliency::canvas::{Canvas, Made};
use crate::saliency::display::Outcome;
use crate::saliency::error::Result;
use crate::saliency::parameters::{Baseline, MethodParameters, ParameterGroup, check_baseline, refuse};
use crate::saliency::plan::{Constant, ImageFacts};

pub(super) static SPEC: MethodSpec = MethodSpec {
    name: "OCCLUSION",
    title: "Occlusion",
    caption: "How far the score falls where a patch covers it",
    card: Card {
        shows: "Places that the score of the class needs, or that hold it down: covering them changes it.",
        made: "A square patch of one gray covers the image, place after place. What the score loses is written to the places \
               that were covered; where patches overlap, their mean.",
        cannot: "Details smaller than the patch, and findings of which a part is enough: what is left of them keeps the \
                 score up. A covered image is like nothing the network was trained on, and the picture hangs on the patch \
                 and its gray.",
        cost: "362 evaluations on the study's images with patches of 32 pixels every 16, all without a way back.",
        study: "It was not tested.",
    },
    colour: Colour { on_dark: [190, 235, 90], on_light: [85, 110, 0] },
    reads: &[Reads::Forward],
    sign: Sign::Raw,
    scale: Scale::Clipped,
    factors: &[],
    way: Way::Changes(FromChanges {
        inputs: |parameters, image| Ok(Arc::new(Covered::new(&parameters.occlusion, image)?)),
    }),
    // The image itself, and each of its covered copies.
    cost: |parameters, size| {
        let passes = parameters.occlusion.windows(size).saturating_add(1);
        Cost { needed: passes, with_gradient: 0, forward_alone: passes }
    },
    check: |parameters| parameters.occlusion.check(),
    used: |parameters| MethodParameters::Occlusion {
        occlusion: parameters.occlusion.clone(),
        clip_percentile: parameters.clip_percentile,
    },
    groups: |parameters| vec![ParameterGroup::Occlusion(&mut parameters.occlusion)],
};

/// Parameters of OCCLUSION.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Occlusion {
    /// Side of the square that is covered, in pixels of the model's input.
    pub patch_px: usize,
    /// From one place to the next, in pixels, at most the side of the patch.
    pub stride_px: usize,
    /// What covers it.
    pub fill: Baseline,
}

impl Default for Occlusion {
    fn default() -> Self {
        Self { patch_px: 32, stride_px: 16, fill: Baseline::ImageMean }
    }
}

impl Occlusion {
    /// Whether nobody chose anything else.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    fn check(&self) -> Result<()> {
        if !limits::PATCH_PX.contains(self.patch_px) {
            return Err(refuse("occlusion.patch_px", self.patch_px, limits::PATCH_PX));
        }
        if !(1..=self.patch_px).contains(&self.stride_px) {
            let accepted = "at least 1 and at most occlusion.patch_px, so that every pixel is covered";
            return Err(refuse("occlusion.stride_px", self.stride_px, accepted));
        }
        check_baseline(&self.fill, "occlusion.fill")
    }

    /// Places along a side of so many pixels: as many as it takes to reach its end.
    fn places(&self, side_px: usize) -> usize {
        side_px.saturating_sub(self.patch_px).div_ceil(self.stride_px.max(1)).saturating_add(1)
    }

    /// Windows of an image, `[h, w]`.
    fn windows(&self, size: [usize; 2]) -> usize {
        let [rows, columns] = size.map(|side| self.places(side));
        rows.saturating_mul(columns)
    }
}

/// An image that is covered place after place, row by row.
struct Covered {
    patch_px: usize,
    stride_px: usize,
    fill: Constant,
    /// `[h, w]`.
    size: [usize; 2],
    /// Places along a row.
    columns: usize,
    len: usize,
}

impl Covered {
    fn new(parameters: &Occlusion, image: &ImageFacts<'_>) -> Result<Self> {
        let [_, h, w] = image.shape;
        let Occlusion { patch_px, stride_px, ref fill } = *parameters;
        if patch_px > h.min(w) {
            return Err(refuse("occlusion.patch_px", patch_px, "at most the shorter side of the image"));
        }
        let len = parameters.windows([h, w]);
        if len > limits::PATCHES {
            let accepted = format!("larger, so that at most {} patches cover the image", limits::PATCHES);
            return Err(refuse("occlusion.stride_px", stride_px, accepted));
        }
        let columns = parameters.places(w);
        Ok(Self { patch_px, stride_px, fill: image.constant(fill)?, size: [h, w], columns, len })
    }

    /// Rows and columns that a window covers, each from and to.
    fn window(&self, index: usize) -> [[usize; 2]; 2] {
        let place = [index / self.columns, index % self.columns];
        [0, 1].map(|axis| {
            let from = place[axis] * self.stride_px;
            [from, (from + self.patch_px).min(self.size[axis])]
        })
    }
}

impl ChangedInputs for Covered {
    fn len(&self) -> usize {
        self.len
    }

    fn write(&self, index: usize, image: &[f32], out: &mut [f32]) {
        out.copy_from_slice(image);
        let [h, w] = self.size;
        let [[top, bottom], [left, right]] = self.window(index);
        for (plane, bits) in out.chunks_exact_mut(h * w).zip(self.fill.iter()) {
            for row in plane.chunks_exact_mut(w).take(bottom).skip(top) {
                row[left..right].fill(f32::from_bits(*bits));
            }
        }
    }

    fn raw(&self, of_image: f32, of_copies: &[f32]) -> Vec<f32> {
        let [h, w] = self.size;
        let mut sums = vec![0.0_f64; h * w];
        let mut counts = vec![0_u32; h * w];
        for (index, logit) in of_copies.iter().enumerate() {
            let fall = f64::from(of_image) - f64::from(*logit);
            let [[top, bottom], [left, right]] = self.window(index);
            for row in top..bottom {
                let pixels = row * w + left..row * w + right;
                sums[pixels.clone()].iter_mut().for_each(|sum| *sum += fall);
                counts[pixels].iter_mut().for_each(|count| *count += 1);
            }
        }
        // Places that are yet to be covered are 0.
        sums.iter().zip(counts).map(|(sum, count)| (sum / f64::from(count.max(1))) as f32).collect()
    }

    fn make(&self, canvas: &Canvas<'_>, raw: Vec<f32>) -> Made {
        let mut display = canvas.clipped(&raw);
        if display.outcome == Outcome::Blank {
            let class = canvas.class;
            display = display.because(format!("no patch, wherever it lies, changes the score of class {class}"));
        }
        Made { raw, display, intermediates: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(patch_px: usize, stride_px: usize, size: [usize; 2]) -> Result<Covered> {
        let image: Vec<f32> = (0..2 * size[0] * size[1]).map(|value| value as f32).collect();
        let facts = ImageFacts { shape: [2, size[0], size[1]], range: [0.0, 1.0], image: &image, card: None };
        Covered::new(&Occlusion { patch_px, stride_px, fill: Baseline::Channels(vec![-1.0, -2.0]) }, &facts)
    }

    #[test]
    fn the_last_window_is_cut_off_at_the_border() {
        let covered = covered(3, 2, [4, 6]).unwrap();
        assert_eq!(covered.len(), 2 * 3, "rows from 0 and 2, columns from 0, 2 and 4");
        assert_eq!(covered.window(5), [[2, 4], [4, 6]]);
        let image = [1.0; 48];
        let mut out = [0.0; 48];
        covered.write(5, &image, &mut out);
        let of = |value: f32| out.iter().filter(|pixel| **pixel == value).count();
        assert_eq!([of(-1.0), of(-2.0), of(1.0)], [4, 4, 40]);
        assert_eq!([out[2 * 6 + 4], out[23], out[24 + 23], out[2 * 6 + 3]], [-1.0, -1.0, -2.0, 1.0]);
    }

    #[test]
    fn a_pixel_gets_the_mean_of_the_windows_that_cover_it() {
        let covered = covered(2, 1, [2, 4]).unwrap();
        assert_eq!(covered.raw(1.0, &[0.0, 2.0, 4.0])[..4], [1.0, 0.0, -2.0, -3.0]);
        assert_eq!(covered.raw(1.0, &[0.0])[..4], [1.0, 1.0, 0.0, 0.0], "the others are yet to come");
    }

    #[test]
    fn what_covers_no_image_or_takes_too_long_is_refused() {
        for (patch_px, stride_px, size, told) in
            [(5, 1, [4, 6], "occlusion.patch_px is 5"), (1, 1, [320, 320], "occlusion.stride_px is 1")]
        {
            let error = covered(patch_px, stride_px, size).err().unwrap().to_string();
            assert!(error.starts_with(told), "{error}");
        }
        assert_eq!(covered(4, 4, [4, 4]).unwrap().len(), 1);
        for (patch_px, stride_px) in [(0, 1), (4097, 1), (8, 0), (8, 9), (usize::MAX, 1)] {
            let parameters = Occlusion { patch_px, stride_px, fill: Baseline::ImageMean };
            assert!(parameters.check().is_err(), "{parameters:?}");
            // Nothing overflows before it is refused.
            assert!(parameters.windows([320, usize::MAX]) > 0);
        }
        assert!(Occlusion { fill: Baseline::Gray(256.0), ..Occlusion::default() }.check().is_err());
    }
}
