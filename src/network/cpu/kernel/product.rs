//! Products of tensors, pixel by pixel or with one factor an image and channel.

use super::epilogue::Epilogue;
use super::simd::{LANES, Lanes};

/// Sums over pixels go in parts of this many, so that long ones lose no accuracy.
const PART: usize = 1024;

/// Values in memory.
#[derive(Clone, Copy)]
pub(crate) struct Values {
    pub start: *const f32,
    /// Values from one pixel to the next.
    pub stride: usize,
    /// Pixels of one image: one pixel serves all pixels of the target.
    pub pixels: usize,
}

impl Values {
    #[inline(always)]
    unsafe fn at(&self, image: usize, pixel: usize, group: usize) -> *const f32 {
        let pixel = if self.pixels == 1 { image } else { image * self.pixels + pixel };
        // SAFETY: the caller names a pixel and a group that lie in memory.
        unsafe { self.start.add(pixel * self.stride + group * LANES) }
    }
}

/// `first * second + share * third` for target pixels `from..to` of `pixels` an image; the third may be absent.
#[inline(always)]
pub(crate) unsafe fn multiply<L: Lanes>(
    factors: &[Values; 2],
    third: Option<&(Values, f32)>,
    (groups, pixels): (usize, usize),
    target: &Epilogue,
    from: usize,
    to: usize,
) {
    // SAFETY: the caller has the instruction set and describes live memory; other tasks write other pixels.
    unsafe {
        for pixel in from..to {
            let (image, at) = (pixel / pixels, pixel % pixels);
            for group in 0..groups {
                let first = L::load(factors[0].at(image, at, group));
                let second = L::load(factors[1].at(image, at, group));
                let value = if let Some((third, share)) = third {
                    let more = L::mul(L::load(third.at(image, at, group)), L::splat(*share));
                    L::fma(first, second, more)
                } else {
                    L::mul(first, second)
                };
                target.apply::<L>(value, pixel, group);
            }
        }
    }
}

/// Sums over the pixels of each image of `values`, times `share`; or of the products with `second`. Unit `image * groups +
/// group` of `from..to`.
#[inline(always)]
pub(crate) unsafe fn sum_pixels<L: Lanes>(
    values: &Values,
    second: Option<&Values>,
    groups: usize,
    share: f32,
    target: &Epilogue,
    from: usize,
    to: usize,
) {
    // SAFETY: as above; other tasks write other groups or images.
    unsafe {
        let mut unit = from;
        while unit < to {
            let (image, group) = (unit / groups, unit % groups);
            let left = (to - unit).min(groups - group);
            let count = if left >= 4 { 4 } else { 1 };
            if count == 4 {
                sum_groups::<L, 4>(values, second, share, target, image, group);
            } else {
                sum_groups::<L, 1>(values, second, share, target, image, group);
            }
            unit += count;
        }
    }
}

#[inline(always)]
unsafe fn sum_groups<L: Lanes, const COUNT: usize>(
    values: &Values,
    second: Option<&Values>,
    share: f32,
    target: &Epilogue,
    image: usize,
    group: usize,
) {
    // SAFETY: as above for `COUNT` groups from `group` on.
    unsafe {
        let mut sums = [L::splat(0.0); COUNT];
        let mut start = 0;
        while start < values.pixels {
            let end = (start + PART).min(values.pixels);
            let mut part = [L::splat(0.0); COUNT];
            for pixel in start..end {
                let at = values.start.add((image * values.pixels + pixel) * values.stride + group * LANES);
                if let Some(second) = second {
                    let other = second.at(image, pixel, group);
                    for index in 0..COUNT {
                        let (a, b) = (L::load(at.add(index * LANES)), L::load(other.add(index * LANES)));
                        part[index] = L::fma(a, b, part[index]);
                    }
                } else {
                    for index in 0..COUNT {
                        part[index] = L::add(part[index], L::load(at.add(index * LANES)));
                    }
                }
            }
            for index in 0..COUNT {
                sums[index] = L::add(sums[index], part[index]);
            }
            start = end;
        }
        let share = L::splat(share);
        for index in 0..COUNT {
            target.apply::<L>(L::mul(sums[index], share), image, group + index);
        }
    }
}
