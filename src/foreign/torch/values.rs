//! The values of a tensor, out of the bytes of its storage.

use super::super::error::{Error, Result};
use super::pickle::Tensor;
use crate::network;

/// Bytes of one element, by the class of a storage; none for classes that are not known.
pub(super) fn element_bytes(class: &str) -> Option<usize> {
    Some(match class {
        "ByteStorage" | "CharStorage" | "BoolStorage" | "QUInt8Storage" | "QInt8Storage" | "UntypedStorage" => 1,
        "HalfStorage" | "BFloat16Storage" | "ShortStorage" => 2,
        "FloatStorage" | "IntStorage" | "QInt32Storage" => 4,
        "DoubleStorage" | "LongStorage" | "ComplexFloatStorage" => 8,
        "ComplexDoubleStorage" => 16,
        _ => return None,
    })
}

/// Types of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Float {
    F16,
    Bf16,
    F32,
    F64,
}

impl Float {
    fn of(class: &str) -> Option<Self> {
        match class {
            "HalfStorage" => Some(Self::F16),
            "BFloat16Storage" => Some(Self::Bf16),
            "FloatStorage" => Some(Self::F32),
            "DoubleStorage" => Some(Self::F64),
            _ => None,
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// The number in the first bytes of `word`, least significant first.
    fn value(self, word: [u8; 8]) -> f32 {
        let [a, b, c, d, ..] = word;
        match self {
            Self::F16 => half::f16::from_le_bytes([a, b]).to_f32(),
            Self::Bf16 => half::bf16::from_le_bytes([a, b]).to_f32(),
            Self::F32 => f32::from_le_bytes([a, b, c, d]),
            Self::F64 => f64::from_le_bytes(word) as f32,
        }
    }
}

fn beyond(name: &str, tensor: &Tensor) -> Error {
    let (shape, count) = (&tensor.shape, tensor.storage.count);
    let problem = format!("tensor {name:?} of shape {shape:?} reaches beyond its storage of {count}");
    Error::Damaged { format: "PyTorch", problem }
}

/// Refuses a tensor that is of no type of weights, or whose strides reach beyond its storage.
pub(super) fn check(name: &str, tensor: &Tensor) -> Result<()> {
    let Tensor { storage, offset, shape, strides } = tensor;
    if Float::of(&storage.class).is_none() {
        let dtype = storage.class.strip_suffix("Storage").unwrap_or(&storage.class).to_lowercase();
        return Err(network::Error::TensorDtype { name: name.to_owned(), dtype }.into());
    }
    if shape.contains(&0) {
        return Ok(());
    }
    let last = shape.iter().zip(strides).try_fold(*offset, |last, (size, stride)| {
        (size - 1).checked_mul(*stride).and_then(|step| last.checked_add(step))
    });
    // What a file repeats by a stride of 0 would take more memory than the file.
    let length = shape.iter().try_fold(1_usize, |length, side| length.checked_mul(*side));
    let fits = last.is_some_and(|last| last < storage.count) && length.is_some_and(|length| length <= storage.count);
    if fits { Ok(()) } else { Err(beyond(name, tensor)) }
}

/// The values of a tensor, row-major, whatever its strides; `bytes` is its whole storage.
pub(super) fn read(name: &str, tensor: &Tensor, bytes: &[u8], big_endian: bool) -> Result<Vec<f32>> {
    check(name, tensor)?;
    let Tensor { storage, offset, shape, strides } = tensor;
    let Some(float) = Float::of(&storage.class).filter(|_| !shape.contains(&0)) else { return Ok(Vec::new()) };
    let mut values = Vec::with_capacity(shape.iter().product());
    let mut index = vec![0; shape.len()];
    // A view lies inside its storage, whose bytes were counted.
    let mut at = storage.offset + offset;
    loop {
        let stored = bytes.get(at * float.bytes()..(at + 1) * float.bytes()).ok_or_else(|| beyond(name, tensor))?;
        let mut word = [0; 8];
        word[..stored.len()].copy_from_slice(stored);
        if big_endian {
            word[..stored.len()].reverse();
        }
        values.push(float.value(word));
        // The next index, the last axis first.
        let mut axis = shape.len();
        loop {
            if axis == 0 {
                return Ok(values);
            }
            axis -= 1;
            index[axis] += 1;
            at += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
}
