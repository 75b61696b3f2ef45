//! One array from the bytes of a `.npy` file, checked before anything is allocated.

use npyz::{DType, NpyFile, Order, TypeChar};

use super::{Error, Result};
use crate::limits;

/// The bytes every `.npy` file begins with.
pub const NPY_MAGIC: &[u8] = b"\x93NUMPY";

/// Elements in C order.
#[derive(Clone, Debug, PartialEq)]
pub enum NpyValues {
    /// `uint8`
    U8(Vec<u8>),
    /// `uint16`, of either byte order.
    U16(Vec<u16>),
    /// `float32`, of either byte order.
    F32(Vec<f32>),
    /// `float64`, of either byte order.
    F64(Vec<f64>),
}

impl NpyValues {
    /// All elements as `f32`; `f64` is rounded to the nearest.
    pub fn into_f32(self) -> Vec<f32> {
        match self {
            Self::U8(values) => values.into_iter().map(f32::from).collect(),
            Self::U16(values) => values.into_iter().map(f32::from).collect(),
            Self::F32(values) => values,
            Self::F64(values) => values.into_iter().map(|value| value as f32).collect(),
        }
    }

    /// Whether the elements are floating-point numbers.
    pub fn is_float(&self) -> bool {
        matches!(self, Self::F32(_) | Self::F64(_))
    }
}

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
        check_header_length(bytes)?;
        let file = NpyFile::new(bytes).map_err(|source| Error::Header { reason: source.to_string() })?;
        let order = file.order();
        let (kind, item_bytes) = element_type(&file.dtype())?;
        let shape = file.shape().to_vec();
        let data_bytes = shape
            .iter()
            .try_fold(item_bytes as u64, |bytes, extent| bytes.checked_mul(*extent))
            .filter(|bytes| *bytes <= limits::NPY_DATA_BYTES as u64)
            .ok_or_else(|| Error::TooLarge { shape: shape.clone(), limit_mib: limits::NPY_DATA_BYTES >> 20 })?
            as usize;
        let shape: Vec<usize> = shape.into_iter().map(|extent| extent as usize).collect();
        let header_bytes = header_length(bytes).map_or(bytes.len(), |(start, length)| start + length);
        let found = bytes.len().saturating_sub(header_bytes);
        if found < data_bytes {
            return Err(Error::Truncated { shape, expected: data_bytes, found });
        }
        let reason = |source: std::io::Error| Error::Header { reason: source.to_string() };
        let values = match kind {
            Kind::U8 => NpyValues::U8(in_c_order(file.into_vec().map_err(reason)?, &shape, order)),
            Kind::U16 => NpyValues::U16(in_c_order(file.into_vec().map_err(reason)?, &shape, order)),
            Kind::F32 => NpyValues::F32(in_c_order(file.into_vec().map_err(reason)?, &shape, order)),
            Kind::F64 => NpyValues::F64(in_c_order(file.into_vec().map_err(reason)?, &shape, order)),
        };
        Ok(Self { shape, values })
    }
}

/// Element types that are read.
#[derive(Clone, Copy)]
enum Kind {
    U8,
    U16,
    F32,
    F64,
}

fn element_type(dtype: &DType) -> Result<(Kind, usize)> {
    let refuse = || Error::ElementType { found: dtype.descr() };
    let DType::Plain(plain) = dtype else { return Err(refuse()) };
    match (plain.type_char(), plain.size_field()) {
        (TypeChar::Uint, 1) => Ok((Kind::U8, 1)),
        (TypeChar::Uint, 2) => Ok((Kind::U16, 2)),
        (TypeChar::Float, 4) => Ok((Kind::F32, 4)),
        (TypeChar::Float, 8) => Ok((Kind::F64, 8)),
        _ => Err(refuse()),
    }
}

/// Start and length of the header text, by the version in the file.
fn header_length(bytes: &[u8]) -> Option<(usize, usize)> {
    let version = *bytes.get(NPY_MAGIC.len())?;
    if version == 1 {
        let field: [u8; 2] = bytes.get(8..10)?.try_into().ok()?;
        Some((10, u16::from_le_bytes(field) as usize))
    } else {
        let field: [u8; 4] = bytes.get(8..12)?.try_into().ok()?;
        Some((12, u32::from_le_bytes(field) as usize))
    }
}

fn check_header_length(bytes: &[u8]) -> Result<()> {
    let refuse = |reason: &str| Err(Error::Header { reason: reason.to_owned() });
    if !bytes.starts_with(NPY_MAGIC) {
        return refuse("it does not begin with NumPy's mark");
    }
    match header_length(bytes) {
        None => refuse("it ends too early"),
        Some((_, length)) if length > limits::NPY_HEADER_BYTES => refuse("it is longer than any that NumPy writes"),
        Some((start, length)) if start + length > bytes.len() => refuse("it ends too early"),
        Some(_) => Ok(()),
    }
}

/// Puts elements that run along the first axis fastest into C order.
fn in_c_order<T: Copy>(values: Vec<T>, shape: &[usize], order: Order) -> Vec<T> {
    if order == Order::C || shape.len() < 2 {
        return values;
    }
    let mut strides = vec![1_usize; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
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

    #[test]
    fn reads_every_element_type_and_byte_order() {
        let array = NpyArray::from_bytes(&npy("|u1", false, "(2, 2)", &[1, 2, 3, 4])).unwrap();
        assert_eq!(array, NpyArray { shape: vec![2, 2], values: NpyValues::U8(vec![1, 2, 3, 4]) });
        let array = NpyArray::from_bytes(&npy(">u2", false, "(2,)", &[1, 2, 3, 4])).unwrap();
        assert_eq!(array.values, NpyValues::U16(vec![0x0102, 0x0304]));
        let array = NpyArray::from_bytes(&npy("<f4", false, "(1, 1)", &1.5_f32.to_le_bytes())).unwrap();
        assert_eq!(array.values, NpyValues::F32(vec![1.5]));
        let array = NpyArray::from_bytes(&npy(">f8", false, "(1, 1)", &2.5_f64.to_be_bytes())).unwrap();
        assert_eq!(array.values.into_f32(), vec![2.5]);
    }

    #[test]
    fn fortran_order_becomes_c_order() {
        let array = NpyArray::from_bytes(&npy("|u1", true, "(2, 3)", &[0, 10, 1, 11, 2, 12])).unwrap();
        assert_eq!(array.values, NpyValues::U8(vec![0, 1, 2, 10, 11, 12]));
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
        let object = npy("|O", false, "(1,)", &[0; 8]);
        assert!(NpyArray::from_bytes(&object).is_err());
        let mut nested = NPY_MAGIC.to_vec();
        nested.extend([1, 0]);
        nested.extend(60_000_u16.to_le_bytes());
        nested.extend(vec![b'('; 60_000]);
        assert!(matches!(NpyArray::from_bytes(&nested), Err(Error::Header { .. })));
        assert!(NpyArray::from_bytes(b"\x93NUMPY\x01").is_err());
        assert!(NpyArray::from_bytes(b"").is_err());
    }
}
