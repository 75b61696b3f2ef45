//! Arrays as `.npy`, as NumPy writes them.

use std::io::Write;

use super::{NPY_MAGIC, Result};

/// Elements that are written at once.
const BLOCK: usize = 1 << 14;

/// Where the data begin is a multiple of so many bytes, so that a reader can map them.
const ALIGNMENT: usize = 64;

/// A number that arrays are written of.
pub trait NpyElement: Copy {
    /// NumPy's name of the type, with the byte order.
    const DESCR: &'static str;

    /// Appends its bytes, the lowest first.
    fn append(self, bytes: &mut Vec<u8>);
}

macro_rules! element {
    ($($number:ty: $descr:literal),+) => {$(
        impl NpyElement for $number {
            const DESCR: &'static str = $descr;

            fn append(self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_le_bytes());
            }
        }
    )+};
}

element!(u8: "|u1", i8: "|i1", u16: "<u2", i16: "<i2", u32: "<u4", i32: "<i4", u64: "<u8", i64: "<i8", f32: "<f4", f64: "<f8");

/// Writes `values` as an array of this shape, the last axis fastest.
///
/// # Errors
/// When writing fails.
///
/// # Panics
/// When the number of values is not the product of the shape.
pub fn write_npy<T: NpyElement>(mut out: impl Write, shape: &[usize], values: &[T]) -> Result<()> {
    assert_eq!(values.len(), shape.iter().product::<usize>(), "an array has shape {shape:?}");
    let extents: Vec<String> = shape.iter().map(ToString::to_string).collect();
    // A tuple of one has a comma behind it.
    let comma = if shape.len() == 1 { "," } else { "" };
    let mut header =
        format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{comma}), }}", T::DESCR, extents.join(", "));
    let before = NPY_MAGIC.len() + 4;
    let padded = (before + header.len() + 1).next_multiple_of(ALIGNMENT) - before;
    header = format!("{header:<width$}\n", width = padded - 1);
    out.write_all(NPY_MAGIC)?;
    // Version 1: the length of the header has two bytes.
    out.write_all(&[1, 0])?;
    out.write_all(&(padded as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    let mut bytes = Vec::with_capacity(size_of::<T>() * BLOCK.min(values.len()));
    for block in values.chunks(BLOCK) {
        bytes.clear();
        for value in block {
            value.append(&mut bytes);
        }
        out.write_all(&bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{NpyArray, NpyValues};
    use super::*;

    #[test]
    fn what_is_written_is_what_numpy_writes_and_is_read_back() {
        let mut bytes = Vec::new();
        write_npy(&mut bytes, &[2, 3], &[0_i16, 1, 2, 3, 4, -5]).unwrap();
        let text = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }";
        assert_eq!(bytes[..10], *b"\x93NUMPY\x01\0\x76\0");
        assert_eq!(bytes[10..128], *format!("{text:<117}\n").as_bytes());
        let array = NpyArray::from_bytes(&bytes).unwrap();
        assert_eq!(array, NpyArray { shape: vec![2, 3], values: NpyValues::I16(vec![0, 1, 2, 3, 4, -5]) });
        for shape in [vec![], vec![1], vec![1, 1, 1]] {
            let mut bytes = Vec::new();
            write_npy(&mut bytes, &shape, &[2.5_f64]).unwrap();
            assert_eq!(NpyArray::from_bytes(&bytes).unwrap().shape, shape);
        }
    }
}
