//! How an image is brought to the size that a network reads, and where its pixels then lie.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits;

/// How an image of any size becomes one of the size that a network reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Resize {
    /// The whole image, its sides scaled independently.
    #[default]
    Squash,
    /// The shorter side is brought to so many pixels, the longer one in proportion (cut to whole pixels), and the middle is
    /// read: torchvision's `Resize` and `CenterCrop`.
    CenterCrop {
        /// Pixels of the shorter side, at least those of the longer side that is read.
        shorter_side_px: usize,
    },
    /// The whole image in proportion, as large as fits, in the middle of a black field.
    Pad,
}

impl fmt::Display for Resize {
    /// What it does, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Squash => f.write_str("the whole image, its sides scaled independently"),
            Self::CenterCrop { shorter_side_px } => {
                write!(f, "the middle of the image, whose shorter side has {shorter_side_px} pixels before")
            }
            Self::Pad => f.write_str("the whole image in proportion, with black beside it"),
        }
    }
}

/// Where what a network reads lies on an image: a window on the whole image at the scale at which it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct ReadArea {
    /// `[height, width]` of the whole image at this scale, in pixels.
    pub whole_px: [usize; 2],
    /// Rows and columns of the window before the image begins, where it is larger.
    pub before_px: [usize; 2],
    /// Rows and columns of the image before the window begins, where that is smaller.
    pub skipped_px: [usize; 2],
    /// `[height, width]` of the window, in pixels.
    pub window_px: [usize; 2],
}

impl Resize {
    /// The window of `input` = `[height, width]` pixels on an image of `image` = `[height, width]` pixels.
    pub fn area(self, image: [usize; 2], input: [usize; 2]) -> ReadArea {
        let whole_px = match self {
            Self::Squash => return ReadArea::whole(input),
            Self::CenterCrop { shorter_side_px } => {
                let shorter = image[0].min(image[1]).max(1);
                // torchvision: int(size * longer / shorter).
                image.map(|side| if side == shorter { shorter_side_px } else { shorter_side_px * side / shorter })
            }
            Self::Pad => {
                let fits = |axis: usize| input[axis] as f64 / image[axis].max(1) as f64;
                let scale = fits(0).min(fits(1));
                [0, 1].map(|axis| ((image[axis] as f64 * scale).round() as usize).clamp(1, input[axis]))
            }
        };
        // torchvision's CenterCrop: Python's round, halves to even numbers.
        let half = |room: usize| (room as f64 / 2.0).round_ties_even() as usize;
        ReadArea {
            whole_px,
            before_px: [0, 1].map(|axis| input[axis].saturating_sub(whole_px[axis]) / 2),
            skipped_px: [0, 1].map(|axis| half(whole_px[axis].saturating_sub(input[axis]))),
            window_px: input,
        }
    }

    /// Why it cannot be the rule of a network that reads images of `input` = `[height, width]` pixels.
    pub(super) fn problem(self, input: [usize; 2]) -> Option<String> {
        let Self::CenterCrop { shorter_side_px } = self else { return None };
        let least = input[0].max(input[1]);
        let most = limits::INPUT_SIDE_PX;
        (!(least..=most).contains(&shorter_side_px))
            .then(|| format!("is {shorter_side_px}, not a number of pixels from {least}, which are read, to {most}"))
    }
}

impl ReadArea {
    /// The window that is the whole image.
    pub fn whole(size_px: [usize; 2]) -> Self {
        Self { whole_px: size_px, before_px: [0; 2], skipped_px: [0; 2], window_px: size_px }
    }

    /// Whether the window is the whole image and nothing else.
    pub fn is_whole(&self) -> bool {
        *self == Self::whole(self.window_px)
    }

    /// Whether part of the image lies outside of the window.
    pub fn leaves_out(&self) -> bool {
        (0..2).any(|axis| self.whole_px[axis] > self.window_px[axis])
    }

    /// What lies in the window, of `values` of the whole image; `outside` where there is no image.
    ///
    /// # Panics
    /// When there are not as many values as pixels of the whole image.
    pub fn window_of<T: Copy>(&self, values: &[T], outside: T) -> Vec<T> {
        self.moved(values, self.whole_px, self.window_px, self.skipped_px, self.before_px, outside)
    }

    /// `values` of the window on the whole image; `missing` where the window does not reach.
    ///
    /// # Panics
    /// When there are not as many values as pixels of the window.
    pub fn over_image<T: Copy>(&self, values: &[T], missing: T) -> Vec<T> {
        self.moved(values, self.window_px, self.whole_px, self.before_px, self.skipped_px, missing)
    }

    /// Copies what two grids have in common; each begins that many pixels before the common part.
    fn moved<T: Copy>(
        &self,
        values: &[T],
        from: [usize; 2],
        to: [usize; 2],
        from_start: [usize; 2],
        to_start: [usize; 2],
        empty: T,
    ) -> Vec<T> {
        assert_eq!(values.len(), from[0] * from[1], "an image holds height x width values");
        let common: [usize; 2] = [0, 1].map(|axis| self.whole_px[axis].min(self.window_px[axis]));
        let mut moved = vec![empty; to[0] * to[1]];
        for row in 0..common[0] {
            let source = (from_start[0] + row) * from[1] + from_start[1];
            let target = (to_start[0] + row) * to[1] + to_start[1];
            moved[target..target + common[1]].copy_from_slice(&values[source..source + common[1]]);
        }
        moved
    }
}

/// Names of the rules in a card's `resize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Named {
    Squash,
    CenterCrop,
    Pad,
}

/// The fields of a card that say a rule: `resize`, and `resize_px` of a centre crop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ResizeFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    resize: Option<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resize_px: Option<usize>,
}

impl ResizeFields {
    /// The rule they say.
    ///
    /// # Errors
    /// The field that contradicts the other, and how.
    pub(super) fn resize(self) -> Result<Resize, (&'static str, String)> {
        match (self.resize, self.resize_px) {
            (None | Some(Named::Squash), None) => Ok(Resize::Squash),
            (Some(Named::Pad), None) => Ok(Resize::Pad),
            (Some(Named::CenterCrop), Some(shorter_side_px)) => Ok(Resize::CenterCrop { shorter_side_px }),
            (Some(Named::CenterCrop), None) => Err((
                "resize",
                "is center_crop, which needs `resize_px`: the shorter side before it is cropped".to_owned(),
            )),
            (_, Some(_)) => Err(("resize_px", "is for `resize` center_crop: leave it out".to_owned())),
        }
    }
}

impl Serialize for Resize {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = match *self {
            Self::Squash => ResizeFields::default(),
            Self::CenterCrop { shorter_side_px } => {
                ResizeFields { resize: Some(Named::CenterCrop), resize_px: Some(shorter_side_px) }
            }
            Self::Pad => ResizeFields { resize: Some(Named::Pad), resize_px: None },
        };
        fields.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_centre_crop_is_torchvisions() {
        // Resize(256), CenterCrop(224) of 1024x833 (width x height) pixels: 314x256, and 45 columns and 16 rows before.
        let area = Resize::CenterCrop { shorter_side_px: 256 }.area([833, 1024], [224, 224]);
        assert_eq!((area.whole_px, area.skipped_px, area.before_px), ([256, 314], [16, 45], [0, 0]));
        // (259 - 224) / 2 = 17.5 and (257 - 224) / 2 = 16.5 become even numbers.
        let area = Resize::CenterCrop { shorter_side_px: 257 }.area([1000, 1008], [224, 224]);
        assert_eq!((area.whole_px, area.skipped_px), ([257, 259], [16, 18]));
    }

    #[test]
    fn padding_lies_on_both_sides() {
        let area = Resize::Pad.area([1000, 500], [320, 320]);
        assert_eq!((area.whole_px, area.before_px, area.skipped_px), ([320, 160], [0, 80], [0, 0]));
        assert_eq!(area.window_of(&vec![1; 320 * 160], 0).iter().sum::<i32>(), 320 * 160);
        assert!(Resize::Pad.area([64, 64], [320, 320]).is_whole());
    }

    fn rules() -> impl Strategy<Value = Resize> {
        prop_oneof![
            Just(Resize::Squash),
            Just(Resize::Pad),
            (32_usize..80).prop_map(|shorter_side_px| Resize::CenterCrop { shorter_side_px }),
        ]
    }

    proptest! {
        /// A pixel of the image at the network's scale lands where the rule says, and comes back.
        #[test]
        fn a_marked_pixel_comes_back(
            resize in rules(),
            image in [1_usize..200, 1_usize..200],
            input in [1_usize..33, 1_usize..33],
            place in [0.0..1.0_f64, 0.0..1.0_f64],
        ) {
            let area = resize.area(image, input);
            let [rows, columns] = area.whole_px;
            let marked = [0, 1].map(|axis| (place[axis] * area.whole_px[axis] as f64) as usize);
            let at = marked[0] * columns + marked[1];
            let mut whole = vec![0_u8; rows * columns];
            whole[at] = 1;
            let window = area.window_of(&whole, 2);
            let back = area.over_image(&window, 3);
            let landed = [0, 1].map(|axis| {
                (marked[axis] + area.before_px[axis])
                    .checked_sub(area.skipped_px[axis])
                    .filter(|place| *place < input[axis])
            });
            if let [Some(row), Some(column)] = landed {
                prop_assert_eq!(window[row * input[1] + column], 1);
                prop_assert_eq!(back[at], 1);
            } else {
                prop_assert!(area.leaves_out() && !window.contains(&1));
                prop_assert_eq!(back[at], 3);
            }
            // What is no image is black, and never comes back.
            prop_assert!(!back.contains(&2));
            prop_assert_eq!(back.contains(&3), area.leaves_out());
            // The middle stays the middle, to a pixel.
            for axis in [0, 1] {
                let (before, skipped) = (area.before_px[axis], area.skipped_px[axis]);
                prop_assert!(before == 0 || skipped == 0);
                prop_assert!((2 * before).abs_diff(input[axis].saturating_sub(area.whole_px[axis])) <= 1);
                prop_assert!((2 * skipped).abs_diff(area.whole_px[axis].saturating_sub(input[axis])) <= 1);
            }
        }
    }
}
