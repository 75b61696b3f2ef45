//! One array from the bytes of a `.npy` file, checked before anything is allocated.

use half::f16;

use super::npy_header::{Element, Header, Kind};
use super::{Error, Result};
use crate::limits;

/// The bytes every `.npy` file begins with.
pub const NPY_MAGIC: &[u8] = b"\x93NUMPY";

/// Elements in C order, whatever the byte order of the file.
#[derive(Clone, Debug, PartialEq)]
pub enum NpyValues {
    /// `bool`
    Bool(Vec<bool>),
    /// `int8`
    I8(Vec<i8>),
    /// `int16`
    I16(Vec<i16>),
    /// `int32`
    I32(Vec<i32>),
    /// `int64`
    I64(Vec<i64>),
    /// `uint8`
    U8(Vec<u8>),
    /// `uint16`
    U16(Vec<u16>),
    /// `uint32`
    U32(Vec<u32>),
    /// `uint64`
    U64(Vec<u64>),
    /// `float16`
    F16(Vec<f16>),
    /// `float32`
    F32(Vec<f32>),
    /// `float64`
    F64(Vec<f64>),
}

/// Does the same with the elements of every type.
macro_rules! each {
    ($values:expr, $elements:ident => $result:expr) => {
        match $values {
            NpyValues::Bool($elements) => $result,
            NpyValues::I8($elements) => $result,
            NpyValues::I16($elements) => $result,
            NpyValues::I32($elements) => $result,
            NpyValues::I64($elements) => $result,
            NpyValues::U8($elements) => $result,
            NpyValues::U16($elements) => $result,
            NpyValues::U32($elements) => $result,
            NpyValues::U64($elements) => $result,
            NpyValues::F16($elements) => $result,
            NpyValues::F32($elements) => $result,
            NpyValues::F64($elements) => $result,
        }
    };
}

impl NpyValues {
    /// The number of elements.
    pub fn len(&self) -> usize {
        each!(self, values => values.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All elements as `f32`, rounded to the nearest; true is 1.
    pub fn into_f32(self) -> Vec<f32> {
        match self {
            Self::F32(values) => values,
            other => each!(other, values => values.into_iter().map(|value| value.as_f64() as f32).collect()),
        }
    }

    /// All elements as `f64`; true is 1.
    pub fn into_f64(self) -> Vec<f64> {
        each!(self, values => values.into_iter().map(Number::as_f64).collect())
    }

    /// All elements as `f32` on a scale of their own: where the largest finite one lies beyond what `f32` holds, or all are
    /// so small that it loses digits of them, all are multiplied by the same power of two.
    pub fn into_f32_of_any_scale(self) -> Vec<f32> {
        let Self::F64(values) = self else { return self.into_f32() };
        let largest =
            values.iter().filter(|value| value.is_finite()).fold(0.0_f64, |most, value| most.max(value.abs()));
        if largest == 0.0 || (1e-20..=f64::from(f32::MAX)).contains(&largest) {
            return Self::F64(values).into_f32();
        }
        // Two factors: one alone may lie beyond what `f64` holds.
        let power = -(largest.log2().floor() as i32);
        let factors = [power / 2, power - power / 2].map(|power| 2.0_f64.powi(power));
        values.into_iter().map(|value| (value * factors[0] * factors[1]) as f32).collect()
    }

    /// All elements as `i32`; none where one is no whole number or beyond its range.
    pub fn to_i32(&self) -> Option<Vec<i32>> {
        each!(self, values => values.iter().map(|value| value.whole().and_then(|whole| whole.try_into().ok())).collect())
    }

    /// Smallest and largest element; none where one is not finite, and where there are no elements.
    pub fn finite_range(&self) -> Option<[f64; 2]> {
        each!(self, values => values.iter().try_fold([f64::INFINITY, f64::NEG_INFINITY], |[min, max], value| {
            let value = value.as_f64();
            value.is_finite().then(|| [min.min(value), max.max(value)])
        }))
        .filter(|[min, max]| min <= max)
    }

    /// Whether the elements are floating-point numbers.
    pub fn is_float(&self) -> bool {
        matches!(self, Self::F16(_) | Self::F32(_) | Self::F64(_))
    }

    /// Whether the elements may be negative.
    pub fn is_signed(&self) -> bool {
        !matches!(self, Self::Bool(_) | Self::U8(_) | Self::U16(_) | Self::U32(_) | Self::U64(_))
    }

    /// Bits of an element.
    pub fn bits(&self) -> u32 {
        each!(self, values => bits_of(values))
    }

    /// NumPy's name of the element type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::I8(_) => "int8",
            Self::I16(_) => "int16",
            Self::I32(_) => "int32",
            Self::I64(_) => "int64",
            Self::U8(_) => "uint8",
            Self::U16(_) => "uint16",
            Self::U32(_) => "uint32",
            Self::U64(_) => "uint64",
            Self::F16(_) => "float16",
            Self::F32(_) => "float32",
            Self::F64(_) => "float64",
        }
    }
}

fn bits_of<T>(_: &[T]) -> u32 {
    8 * size_of::<T>() as u32
}

/// An element of an array.
trait Number: Copy {
    fn as_f64(self) -> f64;
    /// None of floating-point numbers.
    fn whole(self) -> Option<i128>;
}

macro_rules! whole {
    ($($number:ty),+) => {$(
        impl Number for $number {
            fn as_f64(self) -> f64 {
                self as f64
            }
            fn whole(self) -> Option<i128> {
                Some(i128::from(self))
            }
        }
    )+};
}

whole!(i8, i16, i32, i64, u8, u16, u32, u64);

impl Number for bool {
    fn as_f64(self) -> f64 {
        f64::from(u8::from(self))
    }
    fn whole(self) -> Option<i128> {
        Some(i128::from(self))
    }
}

macro_rules! real {
    ($($number:ty),+) => {$(
        impl Number for $number {
            fn as_f64(self) -> f64 {
                f64::from(self)
            }
            fn whole(self) -> Option<i128> {
                None
            }
        }
    )+};
}

real!(f16, f32, f64);

/// An array of any rank in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct NpyArray {
    /// Extent of each axis.
    pub shape: Vec<usize>,
    /// Elements, the last axis fastest.
    pub values: NpyValues,
}

impl NpyArray {
    /// Reads an array from the whole content of a `.npy` file.
    ///
    /// # Errors
    /// When the header is not NumPy's, the element type is not read, the data are fewer than promised or more than
    /// 1 GiB.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let header = Header::read(bytes)?;
        let Element { kind, bytes: item_bytes, is_big_endian } = header.element;
        let (shape, data_bytes) = sizes(&header)?;
        let data = bytes.get(header.data_start..).unwrap_or_default();
        let Some(data) = data.get(..data_bytes) else {
            return Err(Error::Truncated { shape, expected: data_bytes, found: data.len() });
        };
        /// Elements of one size, from little or big-endian bytes.
        macro_rules! numbers {
            ($number:ty) => {{
                let words = data.as_chunks::<{ size_of::<$number>() }>().0.iter();
                in_c_order(
                    if is_big_endian {
                        words.map(|word| <$number>::from_be_bytes(*word)).collect()
                    } else {
                        words.map(|word| <$number>::from_le_bytes(*word)).collect()
                    },
                    &shape,
                    header.is_fortran,
                )
            }};
        }
        let values = match (kind, item_bytes) {
            (Kind::Bool, _) => {
                NpyValues::Bool(in_c_order(data.iter().map(|byte| *byte != 0).collect(), &shape, header.is_fortran))
            }
            (Kind::Signed, 1) => NpyValues::I8(numbers!(i8)),
            (Kind::Signed, 2) => NpyValues::I16(numbers!(i16)),
            (Kind::Signed, 4) => NpyValues::I32(numbers!(i32)),
            (Kind::Signed, _) => NpyValues::I64(numbers!(i64)),
            (Kind::Unsigned, 1) => NpyValues::U8(numbers!(u8)),
            (Kind::Unsigned, 2) => NpyValues::U16(numbers!(u16)),
            (Kind::Unsigned, 4) => NpyValues::U32(numbers!(u32)),
            (Kind::Unsigned, _) => NpyValues::U64(numbers!(u64)),
            (Kind::Float, 2) => NpyValues::F16(numbers!(f16)),
            (Kind::Float, 4) => NpyValues::F32(numbers!(f32)),
            (Kind::Float, _) => NpyValues::F64(numbers!(f64)),
        };
        Ok(Self { shape, values })
    }
}

/// Extents and bytes of the data, which are at most 1 GiB.
fn sizes(header: &Header) -> Result<(Vec<usize>, usize)> {
    let data_bytes =
        header.shape.iter().try_fold(header.element.bytes as u64, |bytes, extent| bytes.checked_mul(*extent));
    match data_bytes {
        Some(bytes) if bytes <= limits::NPY_DATA_BYTES as u64 => {
            Ok((header.shape.iter().map(|extent| *extent as usize).collect(), bytes as usize))
        }
        _ => Err(Error::TooLarge { shape: header.shape.clone(), limit_mib: limits::NPY_DATA_BYTES >> 20 }),
    }
}

/// Extents of the axes of an array by the beginning of its file, at least [`limits::NPY_HEADER_BYTES`] and 12 more where the
/// file has as many.
///
/// # Errors
/// As [`NpyArray::from_bytes`], save that the data are not looked at.
pub(super) fn shape_of_start(bytes: &[u8]) -> Result<Vec<usize>> {
    sizes(&Header::read(bytes)?).map(|(shape, _)| shape)
}

/// Puts elements that run along the first axis fastest into C order.
fn in_c_order<T: Copy>(values: Vec<T>, shape: &[usize], is_fortran: bool) -> Vec<T> {
    if !is_fortran || shape.len() < 2 {
        return values;
    }
    let mut strides = vec![1_usize; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1].saturating_mul(shape[axis - 1]);
    }
    let mut index = vec![0_usize; shape.len()];
    let mut ordered = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        ordered.push(values[index.iter().zip(&strides).map(|(i, stride)| i * stride).sum::<usize>()]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A version 1 file as NumPy writes it.
    fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
        let order = if fortran { "True" } else { "False" };
        let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
        while (10 + header.len() + 1) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes = NPY_MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn values(descr: &str, data: &[u8]) -> NpyValues {
        let items = data.len() / descr[2..].parse::<usize>().unwrap();
        NpyArray::from_bytes(&npy(descr, false, &format!("({items},)"), data)).unwrap().values
    }

    #[test]
    fn reads_every_element_type_and_byte_order() {
        let array = NpyArray::from_bytes(&npy("|u1", false, "(2, 2)", &[1, 2, 3, 4])).unwrap();
        assert_eq!(array, NpyArray { shape: vec![2, 2], values: NpyValues::U8(vec![1, 2, 3, 4]) });
        assert_eq!(values("|b1", &[0, 1, 2]), NpyValues::Bool(vec![false, true, true]));
        assert_eq!(values("|i1", &[1, 0xff]), NpyValues::I8(vec![1, -1]));
        assert_eq!(values(">u2", &[1, 2, 3, 4]), NpyValues::U16(vec![0x0102, 0x0304]));
        assert_eq!(values("<i2", &[0xfe, 0xff]), NpyValues::I16(vec![-2]));
        assert_eq!(values("<u4", &7_u32.to_le_bytes()), NpyValues::U32(vec![7]));
        assert_eq!(values(">i4", &(-7_i32).to_be_bytes()), NpyValues::I32(vec![-7]));
        assert_eq!(values("<i8", &i64::MIN.to_le_bytes()), NpyValues::I64(vec![i64::MIN]));
        assert_eq!(values(">u8", &u64::MAX.to_be_bytes()), NpyValues::U64(vec![u64::MAX]));
        assert_eq!(values("<f2", &[0, 0x3e]).into_f32(), [1.5]);
        assert_eq!(values(">f2", &[0x3e, 0]).into_f32(), [1.5]);
        assert_eq!(values("<f4", &1.5_f32.to_le_bytes()), NpyValues::F32(vec![1.5]));
        assert_eq!(values(">f8", &2.5_f64.to_be_bytes()).into_f32(), [2.5]);
    }

    #[test]
    fn ranges_are_those_of_finite_elements() {
        assert_eq!(values("<u8", &u64::MAX.to_le_bytes()).finite_range(), Some([u64::MAX as f64; 2]));
        assert_eq!(values("|i1", &[5, 0x80]).finite_range(), Some([-128.0, 5.0]));
        assert_eq!(values("|b1", &[1, 0]).finite_range(), Some([0.0, 1.0]));
        assert_eq!(values("<f8", &1e300_f64.to_le_bytes()).finite_range(), Some([1e300; 2]));
        assert_eq!(values("<f4", &f32::NAN.to_le_bytes()).finite_range(), None);
        assert_eq!(values("|u1", &[]).finite_range(), None);
        assert_eq!(values("|i1", &[5, 0x80]).to_i32(), Some(vec![5, -128]));
        assert_eq!(values("<u4", &u32::MAX.to_le_bytes()).to_i32(), None);
        assert_eq!(values("<f4", &[0; 4]).to_i32(), None);
    }

    #[test]
    fn numbers_beyond_single_precision_stay_finite_and_in_their_order() {
        let of = |all: &[f64]| NpyValues::F64(all.to_vec()).into_f32_of_any_scale();
        for scale in [1e300, 1e39, 1e-30, 1e-45, 1e-300, 1e-310] {
            let found = of(&[0.0, scale, 2.0 * scale, -4.0 * scale, f64::NAN, f64::INFINITY]);
            assert_eq!(found[0], 0.0);
            assert!(found[1] > 0.0 && (found[2] / found[1] - 2.0).abs() < 1e-5, "{scale:e}: {found:?}");
            assert!((found[3] / found[1] + 4.0).abs() < 1e-5 && found[3].is_finite(), "{scale:e}: {found:?}");
            assert!(found[4].is_nan() && found[5] == f32::INFINITY);
        }
        assert_eq!(of(&[0.1, -3.0, 1e10]), [0.1, -3.0, 1e10], "what fits is not touched");
        assert_eq!(of(&[0.0, 0.0]), [0.0, 0.0]);
    }

    #[test]
    fn fortran_order_becomes_c_order() {
        let array = NpyArray::from_bytes(&npy("|u1", true, "(2, 3)", &[0, 10, 1, 11, 2, 12])).unwrap();
        assert_eq!(array.values, NpyValues::U8(vec![0, 1, 2, 10, 11, 12]));
        let array = NpyArray::from_bytes(&npy("<i2", true, "(2, 1, 2)", &[0, 0, 2, 0, 1, 0, 3, 0])).unwrap();
        assert_eq!(array.values, NpyValues::I16(vec![0, 1, 2, 3]));
    }

    #[test]
    fn truncated_data_are_counted() {
        let error = NpyArray::from_bytes(&npy("<f4", false, "(4, 4)", &[0; 60])).unwrap_err();
        assert!(matches!(error, Error::Truncated { expected: 64, found: 60, .. }), "{error}");
    }

    #[test]
    fn lying_headers_are_refused_before_allocation() {
        let huge = npy("<f8", false, "(4294967296, 4294967296)", &[]);
        assert!(matches!(NpyArray::from_bytes(&huge), Err(Error::TooLarge { .. })));
        let none = NpyArray::from_bytes(&npy("<f8", true, "(65536, 65536, 0)", &[])).unwrap();
        assert_eq!((none.shape, none.values), (vec![65_536, 65_536, 0], NpyValues::F64(Vec::new())));
        assert!(NpyArray::from_bytes(&npy("|O", false, "(1,)", &[0; 8])).is_err());
        assert!(NpyArray::from_bytes(b"\x93NUMPY\x01").is_err());
        assert!(NpyArray::from_bytes(b"").is_err());
    }
}
