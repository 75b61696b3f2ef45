//! An array as a radiograph: which axis is which, and which scale its values are on.

use super::{Problem, Radiograph, ValueScale};
use crate::array_file::{NpyArray, NpyValues};
use crate::limits;

/// The elements of an array as they are stored.
pub(super) struct StoredArray {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) channels: usize,
    pub(super) bits: u32,
    pub(super) is_float: bool,
    /// In the order of the file; `float64` rounded.
    pub(super) values: Vec<f32>,
}

/// Every element, whatever its value.
pub(super) fn stored(bytes: &[u8]) -> Result<StoredArray, Problem> {
    let (layout, values) = read(bytes)?;
    let bits = match values {
        NpyValues::U8(_) => 8,
        NpyValues::U16(_) => 16,
        NpyValues::F32(_) => 32,
        NpyValues::F64(_) => 64,
    };
    let is_float = values.is_float();
    let values = values.into_f32();
    range(&values)?;
    let Layout { height_px: rows, width_px: columns, channels } = layout;
    Ok(StoredArray { rows, columns, channels: channels.count(), bits, is_float, values })
}

fn read(bytes: &[u8]) -> Result<(Layout, NpyValues), Problem> {
    if bytes.len() as u64 > limits::DECODED_BYTES {
        return Err(Problem::TooLarge { reason: format!("the array has {} MiB", bytes.len() >> 20) });
    }
    let NpyArray { shape, values } = NpyArray::from_bytes(bytes)?;
    Ok((Layout::of_shape(&shape)?, values))
}

pub(super) fn decode(bytes: &[u8]) -> Result<Radiograph, Problem> {
    let (layout, values) = read(bytes)?;
    let is_float = values.is_float();
    let is_16_bit = matches!(values, NpyValues::U16(_));
    let mut pixels = layout.gray(values.into_f32())?;
    let (min, max) = range(&pixels)?;
    let mut warnings = Vec::new();
    let mut scale = ValueScale::Gray;
    if is_16_bit {
        for value in &mut pixels {
            *value /= 257.0;
        }
    } else if is_float {
        if (-1.0..0.0).contains(&min) && max <= 1.0 {
            scale = ValueScale::Symmetric;
        } else if min >= 0.0 && max <= 1.0 {
            for value in &mut pixels {
                *value *= 255.0;
            }
            warnings.push("the array values lie in [0, 1] and were taken as fractions of white".to_owned());
        } else if min < 0.0 || max > 255.0 {
            return Err(Problem::ArrayRange { min, max });
        }
    }
    Ok(Radiograph { warnings, ..Radiograph::new(layout.height_px, layout.width_px, pixels, scale) })
}

fn range(pixels: &[f32]) -> Result<(f32, f32), Problem> {
    if !pixels.iter().all(|value| value.is_finite()) {
        return Err(Problem::NotFinite);
    }
    Ok(pixels.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(min, max), value| (min.min(*value), max.max(*value))))
}

#[derive(Clone, Copy)]
enum Channels {
    One,
    First,
    Last,
}

impl Channels {
    fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::First | Self::Last => 3,
        }
    }
}

#[derive(Clone, Copy)]
struct Layout {
    height_px: usize,
    width_px: usize,
    channels: Channels,
}

impl Layout {
    fn of_shape(shape: &[usize]) -> Result<Self, Problem> {
        let refuse = || Problem::ArrayShape { shape: shape.to_vec() };
        let mut inner = shape;
        while inner.len() > 2 && inner[0] == 1 {
            inner = &inner[1..];
        }
        let (height_px, width_px, channels) = match *inner {
            [height, width] | [height, width, 1] => (height, width, Channels::One),
            [height, width, 3] => (height, width, Channels::Last),
            [3, height, width] => (height, width, Channels::First),
            _ => return Err(refuse()),
        };
        if height_px == 0 || width_px == 0 {
            return Err(refuse());
        }
        if height_px.max(width_px) > limits::SIDE_PX as usize
            || height_px * width_px * channels.count() > limits::PIXELS
        {
            return Err(Problem::TooLarge { reason: format!("{width_px}x{height_px} pixels") });
        }
        Ok(Self { height_px, width_px, channels })
    }

    /// The channel that all three are.
    fn gray(self, values: Vec<f32>) -> Result<Vec<f32>, Problem> {
        // Compared as bits, so that NaN reaches the check that names it.
        let same = |a: &f32, b: &f32| a.to_bits() == b.to_bits();
        match self.channels {
            Channels::One => Ok(values),
            Channels::First => {
                let (red, others) = values.split_at(self.height_px * self.width_px);
                let equal = others.chunks_exact(red.len()).all(|plane| plane.iter().zip(red).all(|(a, b)| same(a, b)));
                if equal { Ok(red.to_vec()) } else { Err(Problem::ChannelsDiffer) }
            }
            Channels::Last => {
                let pixels = values.chunks_exact(3);
                let equal = pixels.clone().all(|pixel| same(&pixel[0], &pixel[1]) && same(&pixel[0], &pixel[2]));
                if equal { Ok(pixels.map(|pixel| pixel[0]).collect()) } else { Err(Problem::ChannelsDiffer) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use npyz::WriterBuilder;

    use super::*;

    fn npy<T: npyz::AutoSerialize + Copy>(shape: &[u64], values: &[T]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(&mut bytes).begin_nd().unwrap();
        writer.extend(values.iter().copied()).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn scaled_input_is_kept_exactly_in_every_layout() {
        // The study's scaling of the gray levels 0, 17, 128 and 255, in its order of operations.
        let plane = [0.0_f32, 17.0, 128.0, 255.0].map(|gray| (gray / 255.0 - 0.5) * 2.0);
        let last: Vec<f32> = plane.iter().flat_map(|value| [*value; 3]).collect();
        let first = plane.repeat(3);
        for (shape, values) in [
            (vec![2, 2], plane.to_vec()),
            (vec![2, 2, 3], last.clone()),
            (vec![3, 2, 2], first),
            (vec![1, 2, 2, 3], last),
        ] {
            let image = decode(&npy(&shape, &values)).unwrap();
            assert_eq!(image.scale(), ValueScale::Symmetric);
            assert_eq!(image.pixels(), plane, "{shape:?}");
            assert!(image.warnings().is_empty());
        }
    }

    #[test]
    fn integers_and_gray_floats_are_gray_levels() {
        let image = decode(&npy(&[1, 3], &[0_u8, 7, 255])).unwrap();
        assert_eq!((image.pixels(), image.scale()), (&[0.0, 7.0, 255.0][..], ValueScale::Gray));
        assert_eq!(decode(&npy(&[1, 2], &[257_u16, 65_535])).unwrap().pixels(), [1.0, 255.0]);
        assert_eq!(decode(&npy(&[1, 2], &[0.5_f64, 200.25])).unwrap().pixels(), [0.5, 200.25]);
    }

    #[test]
    fn fractions_are_told() {
        let image = decode(&npy(&[1, 3], &[0.0_f32, 0.5, 1.0])).unwrap();
        assert_eq!((image.pixels(), image.warnings().len()), (&[0.0, 127.5, 255.0][..], 1));
    }

    #[test]
    fn what_is_no_gray_image_is_refused() {
        assert!(matches!(decode(&npy(&[4], &[0_u8; 4])), Err(Problem::ArrayShape { .. })));
        assert!(matches!(decode(&npy(&[2, 2, 4], &[0_u8; 16])), Err(Problem::ArrayShape { .. })));
        assert!(matches!(decode(&npy::<u8>(&[0, 3], &[])), Err(Problem::ArrayShape { .. })));
        assert!(matches!(decode(&npy(&[2, 1, 3], &[1_u8, 1, 1, 1, 1, 2])), Err(Problem::ChannelsDiffer)));
        assert!(matches!(decode(&npy(&[1, 2], &[f32::NAN, 0.0])), Err(Problem::NotFinite)));
        assert!(matches!(decode(&npy(&[1, 2], &[-1024.0_f32, 3000.0])), Err(Problem::ArrayRange { .. })));
        assert!(matches!(decode(&npy(&[1, 20_000], &vec![0_u8; 20_000])), Err(Problem::TooLarge { .. })));
    }
}
