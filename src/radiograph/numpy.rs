//! An array as a radiograph: which axis is which, and which scale its values are on.

use super::image_scale::Numbers;
use super::{Problem, Radiograph};
use crate::array_file::{NpyArray, NpyValues};
use crate::limits;

/// The elements of an array as they are stored.
pub(super) struct StoredArray {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) channels: usize,
    /// In the order of the file.
    pub(super) values: NpyValues,
}

/// Every element, whatever its value, as long as it is finite.
pub(super) fn stored(bytes: &[u8]) -> Result<StoredArray, Problem> {
    let (layout, values) = read(bytes)?;
    Numbers::of(&values)?;
    let Layout { height_px: rows, width_px: columns, channels } = layout;
    Ok(StoredArray { rows, columns, channels: channels.count(), values })
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
    let numbers = Numbers::of(&values)?;
    let mut pixels = layout.gray(values.into_f32())?;
    let mut warnings = Vec::new();
    let scale = numbers.to_gray(&mut pixels, "NPY", &mut warnings)?;
    Ok(Radiograph { warnings, ..Radiograph::new(layout.height_px, layout.width_px, pixels, scale) })
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
    use half::f16;

    use super::super::ValueScale;
    use super::*;
    use crate::array_file::{NpyElement, write_npy};

    fn npy<T: NpyElement>(shape: &[usize], values: &[T]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_npy(&mut bytes, shape, values).unwrap();
        bytes
    }

    /// An array of two elements of a type that is not written.
    fn pair(descr: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = npy(&[1, 2], &[0_u16; 2]);
        let at = bytes.windows(3).position(|window| window == b"<u2").unwrap();
        bytes[at..at + 3].copy_from_slice(descr.as_bytes());
        bytes.truncate(bytes.len() - 4);
        bytes.extend(data);
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
    fn whole_numbers_of_other_types_go_by_their_range() {
        let told = |bytes: &[u8]| {
            let image = decode(bytes).unwrap();
            (image.pixels().to_vec(), image.warnings().join("; "))
        };
        for bytes in [
            npy(&[1, 2], &[0_i16, 200]),
            npy(&[1, 2], &[0_i32, 200]),
            npy(&[1, 2], &[0_i64, 200]),
            npy(&[1, 2], &[0_u32, 200]),
            npy(&[1, 2], &[0_u64, 200]),
        ] {
            let (pixels, warnings) = told(&bytes);
            assert_eq!(pixels, [0.0, 200.0]);
            assert!(warnings.contains("gray of 8 bits"), "{warnings}");
        }
        let (pixels, warnings) = told(&npy(&[1, 2], &[257_i64, 65_535]));
        assert_eq!(pixels, [1.0, 255.0]);
        assert!(warnings.contains("16 bits") && !warnings.contains("black"), "{warnings}");
        let (_, warnings) = told(&npy(&[1, 2], &[0_i16, 4095]));
        assert!(warnings.contains("almost black"), "{warnings}");
        let (pixels, warnings) = told(&pair("|b1", &[0, 1]));
        assert_eq!((pixels, warnings.contains("white and black")), (vec![0.0, 255.0], true));
        let halves = [0.25, 1.0].map(|value| f16::from_f32(value).to_le_bytes()).concat();
        assert_eq!(told(&pair("<f2", &halves)).0, [63.75, 255.0]);
        for bytes in [npy(&[1, 2], &[-1_i16, 200]), npy(&[1, 2], &[0_i32, 65_536]), npy(&[1, 2], &[0, u64::MAX])] {
            let problem = decode(&bytes).unwrap_err();
            assert!(matches!(problem, Problem::ArrayRange { .. }), "{problem}");
        }
        let problem = decode(&npy(&[1, 2], &[0.0, 1e300])).unwrap_err();
        assert!(matches!(problem, Problem::ArrayRange { max: 1e300, .. }), "{problem}");
    }

    #[test]
    fn twelve_bits_in_sixteen_are_told() {
        assert!(decode(&npy(&[1, 2], &[0_u16, 4095])).unwrap().warnings()[0].contains("almost black"));
        assert!(decode(&npy(&[1, 2], &[0_u16, 4096])).unwrap().warnings().is_empty());
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
