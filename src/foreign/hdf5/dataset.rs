//! Datasets of floating-point numbers.

use std::collections::HashSet;
use std::io::Read;

use flate2::read::ZlibDecoder;

use super::super::bytes::{Bytes, Damage};
use super::File;
use super::object::{DATASPACE, DATATYPE, FILTERS, LAYOUT, Message, messages};

const DEFLATE: u16 = 1;
const SHUFFLE: u16 = 2;
const FLETCHER32: u16 = 3;
const MAX_RANK: usize = 8;

/// A dataset whose values were not read yet.
#[derive(Clone, Debug)]
pub(in super::super) struct Dataset<'a> {
    /// Its shape.
    pub(in super::super) shape: Vec<usize>,
    /// Number of values; fits memory addresses.
    count: usize,
    float: Float,
    storage: Storage<'a>,
}

impl Dataset<'_> {
    /// How many values it has.
    pub(in super::super) fn count(&self) -> usize {
        self.count
    }
}

/// A kind of floating-point number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Float {
    size: usize,
    big_endian: bool,
}

#[derive(Clone, Debug)]
enum Storage<'a> {
    /// All values in one piece.
    Whole(&'a [u8]),
    /// Equal boxes, the outer ones reaching over the edge.
    Chunked { extent: Vec<usize>, tree: u64, filters: Vec<Filter> },
}

#[derive(Clone, Copy, Debug)]
struct Filter {
    id: u16,
    /// First parameter; the size of an element for shuffle.
    parameter: u32,
}

impl<'a> File<'a> {
    /// Shape and place of the dataset at `address`.
    pub(in super::super) fn dataset(self, address: u64) -> Result<Dataset<'a>, Damage> {
        let messages = messages(self.bytes, address)?;
        let find = |kind: u16, what: &str| -> Result<Message<'a>, Damage> {
            let found = messages.iter().find(|message| message.kind == kind).copied();
            let message = found.ok_or_else(|| Damage(format!("a dataset has no {what}")))?;
            if message.shared { Err(Damage(format!("a dataset has a shared {what}"))) } else { Ok(message) }
        };
        let shape = shape(find(DATASPACE, "dataspace")?.data)?;
        let float = float(find(DATATYPE, "datatype")?.data)?;
        let count = shape.iter().try_fold(1_usize, |count, extent| count.checked_mul(*extent));
        let bytes = count.and_then(|count| count.checked_mul(float.size)).and_then(|bytes| u64::try_from(bytes).ok());
        let (count, bytes) = count.zip(bytes).ok_or_else(|| Damage(format!("a dataset has shape {shape:?}")))?;
        let filters = match messages.iter().find(|message| message.kind == FILTERS) {
            Some(message) => filters(message.data)?,
            None => Vec::new(),
        };
        let layout = find(LAYOUT, "layout")?.data;
        let storage = match (layout.u8(0)?, layout.u8(1)?) {
            (3 | 4, 0) => Storage::Whole(layout.slice(4, u64::from(layout.u16(2)?))?),
            (3 | 4, 1) if count == 0 => Storage::Whole(&[]),
            (3 | 4, 1) => Storage::Whole(self.bytes.slice(layout.u64(2)?, bytes)?),
            (3, 2) => {
                let rank = usize::from(layout.u8(2)?);
                let extents = (0..rank as u64).map(|axis| layout.u32(11 + 4 * axis).map(|extent| extent as usize));
                let mut extent = extents.collect::<Result<Vec<_>, _>>()?;
                // The last one is the size of a value.
                if extent.pop() != Some(float.size) || extent.len() != shape.len() || extent.contains(&0) {
                    return Err(Damage(format!("a dataset of shape {shape:?} has impossible chunks")));
                }
                Storage::Chunked { extent, tree: layout.u64(3)?, filters }
            }
            (version, class) => {
                return Err(Damage(format!(
                    "a dataset has layout {class} of version {version}; save it again with h5py's defaults"
                )));
            }
        };
        if let Storage::Whole(stored) = storage
            && (stored.len() as u64) < bytes
        {
            return Err(Damage(format!("a dataset of shape {shape:?} has {} bytes", stored.len())));
        }
        Ok(Dataset { shape, count, float, storage })
    }

    /// The values of a dataset, row-major.
    pub(in super::super) fn read(self, dataset: &Dataset<'_>) -> Result<Vec<f32>, Damage> {
        match &dataset.storage {
            Storage::Whole(stored) => Ok(dataset.float.decode(&stored[..dataset.count * dataset.float.size])),
            Storage::Chunked { extent, tree, filters } => self.read_chunks(dataset, extent, *tree, filters),
        }
    }

    fn read_chunks(
        self,
        dataset: &Dataset<'_>,
        extent: &[usize],
        tree: u64,
        filters: &[Filter],
    ) -> Result<Vec<f32>, Damage> {
        let shape = &dataset.shape;
        let incomplete = || Damage(format!("a dataset of shape {shape:?} lacks some of its chunks"));
        if dataset.count == 0 {
            return Ok(Vec::new());
        }
        let chunk_count = extent.iter().try_fold(1_usize, |count, extent| count.checked_mul(*extent));
        let chunk_bytes = chunk_count.and_then(|count| count.checked_mul(dataset.float.size));
        let chunk_bytes = chunk_bytes.ok_or_else(incomplete)?;
        let chunks = self.tree_leaves(tree, 1, 8 * (extent.len() as u64 + 2))?;
        let wanted = shape.iter().zip(extent).map(|(whole, part)| whole.div_ceil(*part));
        let wanted = wanted.fold(1_usize, usize::saturating_mul);
        // Memory for the values is taken only if chunks for all of them exist, and bounded by what deflate can do.
        let stored = chunks.iter().try_fold(0, |sum: u64, chunk| chunk.key.u32(0).map(|size| sum + u64::from(size)))?;
        if chunks.len() != wanted || stored.saturating_mul(1_100) < dataset.count as u64 {
            return Err(incomplete());
        }
        let mut values = vec![0.0; dataset.count];
        let mut origins = HashSet::new();
        for chunk in &chunks {
            let stored = self.bytes.slice(chunk.child, u64::from(chunk.key.u32(0)?))?;
            let raw = unfilter(stored, filters, chunk.key.u32(4)?, chunk_bytes)?;
            let axes = 0..extent.len() as u64;
            let origin: Vec<u64> = axes.map(|axis| chunk.key.u64(8 + 8 * axis)).collect::<Result<_, _>>()?;
            let fits = origin
                .iter()
                .zip(shape.iter().zip(extent))
                .all(|(start, (whole, part))| *start < *whole as u64 && start % *part as u64 == 0);
            if !fits || !origins.insert(origin.clone()) {
                return Err(incomplete());
            }
            let origin: Vec<usize> = origin.into_iter().map(|start| start as usize).collect();
            place(&dataset.float.decode(&raw), extent, &origin, shape, &mut values);
        }
        Ok(values)
    }
}

impl Float {
    fn decode(self, bytes: &[u8]) -> Vec<f32> {
        fn words<const N: usize>(bytes: &[u8], big_endian: bool) -> impl Iterator<Item = [u8; N]> {
            bytes.as_chunks::<N>().0.iter().map(move |word| {
                let mut word = *word;
                if big_endian {
                    word.reverse();
                }
                word
            })
        }
        match self.size {
            2 => words(bytes, self.big_endian).map(|word| half::f16::from_le_bytes(word).to_f32()).collect(),
            4 => words(bytes, self.big_endian).map(f32::from_le_bytes).collect(),
            _ => words(bytes, self.big_endian).map(|word| f64::from_le_bytes(word) as f32).collect(),
        }
    }
}

/// Copies what of a chunk lies inside the dataset.
fn place(chunk: &[f32], extent: &[usize], origin: &[usize], shape: &[usize], values: &mut [f32]) {
    let Some((row, outer)) = extent.split_last() else {
        values.copy_from_slice(chunk);
        return;
    };
    let last = outer.len();
    let width = (*row).min(shape[last] - origin[last]);
    for (index, line) in chunk.chunks_exact(*row).enumerate() {
        let mut rest = index;
        let (mut target, mut stride) = (origin[last], shape[last]);
        let mut inside = true;
        for axis in (0..last).rev() {
            let at = origin[axis] + rest % outer[axis];
            rest /= outer[axis];
            inside &= at < shape[axis];
            target += at * stride;
            stride *= shape[axis];
        }
        if inside {
            values[target..target + width].copy_from_slice(&line[..width]);
        }
    }
}

/// Undoes the filters of a chunk, the last one first.
fn unfilter(stored: &[u8], filters: &[Filter], skipped: u32, chunk_bytes: usize) -> Result<Vec<u8>, Damage> {
    let mut bytes = stored.to_vec();
    for (index, filter) in filters.iter().enumerate().rev() {
        if skipped >> index & 1 == 1 {
            continue;
        }
        bytes = match filter.id {
            DEFLATE => {
                let mut inflated = Vec::new();
                let limit = chunk_bytes as u64 + 4;
                let done = ZlibDecoder::new(bytes.as_slice()).take(limit).read_to_end(&mut inflated);
                done.map_err(|error| Damage(format!("a compressed chunk cannot be read: {error}")))?;
                inflated
            }
            SHUFFLE => unshuffle(&bytes, filter.parameter as usize),
            // The checksum that follows the data is not checked.
            FLETCHER32 => bytes[..bytes.len().saturating_sub(4)].to_vec(),
            id => return Err(Damage(format!("a dataset is packed with filter {id}, which is not read"))),
        };
    }
    if bytes.len() != chunk_bytes {
        return Err(Damage(format!("a chunk has {} instead of {chunk_bytes} bytes", bytes.len())));
    }
    Ok(bytes)
}

/// Bytes that were sorted by their place in an element go back.
fn unshuffle(bytes: &[u8], size: usize) -> Vec<u8> {
    let elements = bytes.len().checked_div(size).unwrap_or(0);
    let mut result = bytes.to_vec();
    for element in 0..elements {
        for byte in 0..size {
            result[element * size + byte] = bytes[byte * elements + element];
        }
    }
    result
}

fn shape(message: Bytes<'_>) -> Result<Vec<usize>, Damage> {
    let at = match message.u8(0)? {
        1 => 8,
        2 => 4,
        version => return Err(Damage(format!("a dataspace has version {version}"))),
    };
    let rank = usize::from(message.u8(1)?);
    if rank > MAX_RANK {
        return Err(Damage(format!("a dataset has {rank} axes")));
    }
    (0..rank as u64)
        .map(|axis| {
            let extent = message.u64(at + 8 * axis)?;
            usize::try_from(extent).map_err(|_| Damage(format!("a dataset has an extent of {extent}")))
        })
        .collect()
}

/// IEEE half, single or double precision.
fn float(message: Bytes<'_>) -> Result<Float, Damage> {
    const FLOAT: u8 = 1;
    let class = message.u8(0)? & 15;
    if class != FLOAT {
        return Err(Damage(format!("a dataset holds data of class {class}, not floating-point numbers")));
    }
    let size = message.u32(4)?;
    let exponent_bits = message.u8(13)?;
    let big_endian = match message.u8(1)? & 0x41 {
        0 => false,
        1 => true,
        _ => return Err(Damage("a dataset has an unknown order of bytes".to_owned())),
    };
    if !matches!((size, exponent_bits), (2, 5) | (4, 8) | (8, 11)) || u32::from(message.u16(10)?) != 8 * size {
        return Err(Damage(format!("a dataset has floating-point numbers of {size} bytes in a format of its own")));
    }
    Ok(Float { size: size as usize, big_endian })
}

fn filters(message: Bytes<'_>) -> Result<Vec<Filter>, Damage> {
    let (version, count) = (message.u8(0)?, message.u8(1)?);
    let mut at = match version {
        1 => 8,
        2 => 2,
        _ => return Err(Damage(format!("a filter pipeline has version {version}"))),
    };
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = message.u16(at)?;
        let named = version == 1 || id >= 256;
        let name_bytes = if named { u64::from(message.u16(at + 2)?) } else { 0 };
        at += if named { 6 } else { 4 };
        let parameters = u64::from(message.u16(at)?);
        at += 2 + if version == 1 { name_bytes.next_multiple_of(8) } else { name_bytes };
        filters.push(Filter { id, parameter: if parameters > 0 { message.u32(at)? } else { 0 } });
        at += 4 * (parameters + if version == 1 { parameters % 2 } else { 0 });
    }
    Ok(filters)
}
