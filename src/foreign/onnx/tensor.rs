//! Values that a file holds or that follow from them alone.

use std::rc::Rc;

use half::{bf16, f16};

use super::wire::varint;
use crate::limits;

/// A tensor as it lies in a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Stored<'a> {
    pub(super) name: &'a str,
    pub(super) dims: Vec<usize>,
    /// Type of its values, by ONNX' number.
    pub(super) element: i64,
    pub(super) raw: Option<&'a [u8]>,
    /// Values that are not raw: the number of the field and encoded numbers.
    pub(super) typed: Vec<(u64, &'a [u8])>,
    /// Where the values lie in another file, by key.
    pub(super) external: Vec<(&'a str, &'a str)>,
    pub(super) is_external: bool,
}

/// Types of values, by ONNX' number.
pub(super) mod element {
    pub(in super::super) const FLOAT: i64 = 1;
    pub(in super::super) const UINT8: i64 = 2;
    pub(in super::super) const INT8: i64 = 3;
    pub(in super::super) const INT32: i64 = 6;
    pub(in super::super) const INT64: i64 = 7;
    pub(in super::super) const BOOL: i64 = 9;
    pub(in super::super) const FLOAT16: i64 = 10;
    pub(in super::super) const DOUBLE: i64 = 11;
    pub(in super::super) const BFLOAT16: i64 = 16;

    /// Whether values of a type are real numbers.
    pub(in super::super) fn is_real(element: i64) -> bool {
        matches!(element, FLOAT | FLOAT16 | DOUBLE | BFLOAT16)
    }

    /// Whether values of a type are whole numbers or truths that are read.
    pub(in super::super) fn is_whole(element: i64) -> bool {
        matches!(element, UINT8 | INT8 | INT32 | INT64 | BOOL)
    }
}

/// A constant: extents and values, row-major.
#[derive(Clone, Debug)]
pub(super) struct Constant<'a> {
    pub(super) dims: Vec<usize>,
    pub(super) data: Data<'a>,
}

/// Values of a constant.
#[derive(Clone, Debug)]
pub(super) enum Data<'a> {
    /// Real numbers still in the file.
    Stored(Rc<Stored<'a>>),
    /// Real numbers.
    Real(Rc<[f32]>),
    /// Whole numbers and truths.
    Whole(Rc<[i64]>),
}

impl<'a> Constant<'a> {
    /// The tensor of a file; real numbers stay there until they are needed.
    pub(super) fn of(stored: &Stored<'a>) -> Result<Self, String> {
        let dims = stored.dims.clone();
        let count = count(&dims)?;
        let data = if element::is_real(stored.element) {
            Data::Stored(Rc::new(stored.clone()))
        } else if element::is_whole(stored.element) {
            if count > limits::ONNX_WHOLE_VALUES {
                return Err(format!("{} has {count} whole numbers", stored.name));
            }
            Data::Whole(stored.whole(count)?.into())
        } else {
            return Err(format!("{} has values of type {}, which is not read", stored.name, stored.element));
        };
        Ok(Self { dims, data })
    }

    pub(super) fn real(dims: Vec<usize>, values: Vec<f32>) -> Self {
        Self { dims, data: Data::Real(values.into()) }
    }

    pub(super) fn whole(dims: Vec<usize>, values: Vec<i64>) -> Self {
        Self { dims, data: Data::Whole(values.into()) }
    }

    /// How many values it has.
    pub(super) fn count(&self) -> usize {
        self.dims.iter().product()
    }

    /// The same values with other extents.
    pub(super) fn with_dims(&self, dims: Vec<usize>) -> Self {
        Self { dims, data: self.data.clone() }
    }

    pub(super) fn is_whole(&self) -> bool {
        matches!(self.data, Data::Whole(_))
    }

    /// Its values as real numbers.
    pub(super) fn reals(&self) -> Result<Vec<f32>, String> {
        match &self.data {
            Data::Stored(stored) => stored.reals(self.count()),
            Data::Real(values) => Ok(values.to_vec()),
            Data::Whole(values) => Ok(values.iter().map(|value| *value as f32).collect()),
        }
    }

    /// Its values as whole numbers.
    pub(super) fn wholes(&self) -> Result<&[i64], String> {
        match &self.data {
            Data::Whole(values) => Ok(values),
            Data::Stored(_) | Data::Real(_) => Err("whole numbers are needed".to_owned()),
        }
    }

    /// The one value.
    pub(super) fn scalar(&self) -> Result<f32, String> {
        if self.count() != 1 {
            return Err(format!("one number is needed, not {}", self.count()));
        }
        Ok(self.reals()?[0])
    }

    /// The tensor of the file that it is, whole and in its order.
    pub(super) fn stored(&self) -> Option<&Rc<Stored<'a>>> {
        match &self.data {
            Data::Stored(stored) => Some(stored),
            Data::Real(_) | Data::Whole(_) => None,
        }
    }
}

/// The number of values of a tensor of these extents.
pub(super) fn count(dims: &[usize]) -> Result<usize, String> {
    let count = dims.iter().try_fold(1_usize, |count, dim| count.checked_mul(*dim));
    count.filter(|count| *count <= limits::FOREIGN_VALUES).ok_or_else(|| "a tensor takes more than 2 GiB".to_owned())
}

impl Stored<'_> {
    fn reals(&self, count: usize) -> Result<Vec<f32>, String> {
        let raw = |width: usize| match self.raw {
            Some(raw) if raw.len() == count.saturating_mul(width) => Ok(Some(raw)),
            Some(raw) => Err(format!("{} has {} bytes for {count} values", self.name, raw.len())),
            None => Ok(None),
        };
        let values: Vec<f32> = match self.element {
            element::FLOAT => match raw(4)? {
                Some(raw) => fixed::<4>(raw).map(f32::from_le_bytes).collect(),
                None => self.packed(4).flat_map(fixed::<4>).map(f32::from_le_bytes).take(count + 1).collect(),
            },
            element::DOUBLE => match raw(8)? {
                Some(raw) => fixed::<8>(raw).map(|bytes| f64::from_le_bytes(bytes) as f32).collect(),
                None => self
                    .packed(10)
                    .flat_map(fixed::<8>)
                    .map(|bytes| f64::from_le_bytes(bytes) as f32)
                    .take(count + 1)
                    .collect(),
            },
            kind => {
                let decode = |bits: u16| {
                    if kind == element::FLOAT16 {
                        f16::from_bits(bits).to_f32()
                    } else {
                        bf16::from_bits(bits).to_f32()
                    }
                };
                match raw(2)? {
                    Some(raw) => fixed::<2>(raw).map(|bytes| decode(u16::from_le_bytes(bytes))).collect(),
                    // The bits of half precision lie among the whole numbers of 32 bits.
                    None => self.varints(5, count)?.into_iter().map(|bits| decode(bits as u16)).collect(),
                }
            }
        };
        self.check_count(values.len(), count)?;
        Ok(values)
    }

    fn whole(&self, count: usize) -> Result<Vec<i64>, String> {
        let width = match self.element {
            element::INT64 => 8,
            element::INT32 => 4,
            _ => 1,
        };
        let values = match self.raw {
            Some(raw) if raw.len() != count.saturating_mul(width) => {
                return Err(format!("{} has {} bytes for {count} values", self.name, raw.len()));
            }
            Some(raw) => match self.element {
                element::INT64 => fixed::<8>(raw).map(i64::from_le_bytes).collect(),
                element::INT32 => fixed::<4>(raw).map(|bytes| i64::from(i32::from_le_bytes(bytes))).collect(),
                element::INT8 => raw.iter().map(|byte| i64::from(byte.cast_signed())).collect(),
                _ => raw.iter().map(|byte| i64::from(*byte)).collect(),
            },
            None => self.varints(if self.element == element::INT64 { 7 } else { 5 }, count)?,
        };
        self.check_count(values.len(), count)?;
        Ok(values)
    }

    fn check_count(&self, found: usize, count: usize) -> Result<(), String> {
        if found == count { Ok(()) } else { Err(format!("{} has other than {count} values", self.name)) }
    }

    fn packed(&self, field: u64) -> impl Iterator<Item = &[u8]> {
        self.typed.iter().filter(move |(number, _)| *number == field).map(|(_, bytes)| *bytes)
    }

    /// At most one more than `count`, which tells a list that is too long.
    fn varints(&self, field: u64, count: usize) -> Result<Vec<i64>, String> {
        let mut values = Vec::new();
        for mut bytes in self.packed(field) {
            while !bytes.is_empty() && values.len() <= count {
                values.push(varint(&mut bytes).map_err(|damage| damage.0)?.cast_signed());
            }
        }
        Ok(values)
    }
}

/// Values of a fixed width; a rest at the end is none.
fn fixed<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}
