//! Links and attributes of objects that have many of them, in files of `libver="latest"`: records in a B-tree of version 2 name
//! places in a fractal heap (specification, sections III.A.2 and III.G).

use std::collections::HashSet;

use super::super::bytes::{Bytes, Damage};
use super::File;
use crate::limits;

/// Kinds of records, and where the identifier of the heap begins in them.
pub(super) const LINKS_BY_NAME: (u8, u64) = (5, 4);
pub(super) const ATTRIBUTES_BY_NAME: (u8, u64) = (8, 0);

/// Before the records of a node, and its checksum behind.
const NODE_HEAD_BYTES: u64 = 6;
const NODE_BYTES: u64 = NODE_HEAD_BYTES + 4;
/// Indirect blocks in indirect blocks; each row doubles the size.
const MAX_INDIRECT: usize = 4;

impl<'a> File<'a> {
    /// The messages that the records of the tree at `tree` name in the heap at `heap`.
    pub(super) fn dense(self, heap: u64, tree: u64, (kind, at): (u8, u64)) -> Result<Vec<Bytes<'a>>, Damage> {
        let heap = Heap::new(self.bytes, heap)?;
        let records = self.records(tree, kind)?;
        let object = |record: &Bytes<'a>| heap.object(record.tail(at)?).map(Bytes);
        records.iter().map(object).collect()
    }

    /// All records of a B-tree of version 2.
    fn records(self, address: u64, kind: u8) -> Result<Vec<Bytes<'a>>, Damage> {
        let head = self.bytes.tail(address)?;
        head.expect(b"BTHD", "head of a B-tree")?;
        let (found, node_bytes, record_bytes) = (head.u8(5)?, u64::from(head.u32(6)?), u64::from(head.u16(10)?));
        let (depth, root, count) = (usize::from(head.u16(12)?), head.u64(16)?, u64::from(head.u16(24)?));
        if found != kind || record_bytes == 0 || node_bytes < NODE_BYTES + record_bytes || depth > MAX_INDIRECT {
            return Err(Damage("a B-tree is of another kind than it should be".to_owned()));
        }
        // How many records there are at most, in a leaf and below a node of each height, decides the width of counts.
        let mut total = (node_bytes - NODE_BYTES) / record_bytes;
        let count_bytes = width(total);
        let mut total_bytes = vec![0];
        for _ in 0..depth {
            let pointer_bytes = 8 + count_bytes + total_bytes[total_bytes.len() - 1];
            let most = (node_bytes - NODE_BYTES).saturating_sub(pointer_bytes) / (record_bytes + pointer_bytes);
            total = total.saturating_mul(most + 1).saturating_add(most);
            total_bytes.push(width(total));
        }
        let mut records = Vec::new();
        let mut seen = HashSet::new();
        let mut waiting = if count == 0 { Vec::new() } else { vec![(root, count, depth)] };
        while let Some((address, count, height)) = waiting.pop() {
            if !seen.insert(address) || records.len() as u64 + count > limits::HDF5_LINKS as u64 {
                return Err(Damage("a B-tree runs in circles or is too large".to_owned()));
            }
            let node = self.bytes.tail(address)?;
            node.expect(if height == 0 { b"BTLF" } else { b"BTIN" }, "node of a B-tree")?;
            for index in 0..count {
                records.push(Bytes(node.slice(NODE_HEAD_BYTES + index * record_bytes, record_bytes)?));
            }
            let Some(below) = height.checked_sub(1) else { continue };
            let pointer_bytes = 8 + count_bytes + total_bytes[below];
            let children = NODE_HEAD_BYTES + count * record_bytes;
            for child in 0..=count {
                let at = children + child * pointer_bytes;
                waiting.push((node.u64(at)?, number(node, at + 8, count_bytes)?, below));
            }
        }
        Ok(records)
    }
}

/// Bytes of a number that is at most `most`.
fn width(most: u64) -> u64 {
    u64::from(most.max(1).ilog2()) / 8 + 1
}

/// A number of `bytes` bytes, the least first.
fn number(bytes: Bytes<'_>, at: u64, width: u64) -> Result<u64, Damage> {
    let mut word = [0; 8];
    let stored = bytes.slice(at, width.min(8))?;
    word[..stored.len()].copy_from_slice(stored);
    Ok(u64::from_le_bytes(word))
}

/// A fractal heap of objects without filters.
struct Heap<'a> {
    file: Bytes<'a>,
    /// Bytes of an offset and of a length in an identifier.
    offset_bytes: u64,
    length_bytes: u64,
    /// Blocks of a row, the size of those of the first, and of the largest that holds objects.
    columns: u64,
    first_bytes: u64,
    largest_bytes: u64,
    root: u64,
    /// Rows of the root; 0: it holds objects itself.
    rows: u64,
}

impl<'a> Heap<'a> {
    fn new(file: Bytes<'a>, address: u64) -> Result<Self, Damage> {
        let head = file.tail(address)?;
        head.expect(b"FRHP", "fractal heap")?;
        let (columns, first_bytes, largest_bytes) = (u64::from(head.u16(110)?), head.u64(112)?, head.u64(120)?);
        let (bits, managed) = (u64::from(head.u16(128)?), u64::from(head.u32(10)?));
        if head.u16(7)? != 0 {
            return Err(Damage("a heap is packed; save the file again with h5py's defaults".to_owned()));
        }
        if columns == 0 || !first_bytes.is_power_of_two() || !largest_bytes.is_power_of_two() || bits > 64 {
            return Err(Damage("a heap has impossible blocks".to_owned()));
        }
        Ok(Self {
            file,
            offset_bytes: bits.div_ceil(8),
            length_bytes: width(largest_bytes.min(managed)),
            columns,
            first_bytes,
            largest_bytes,
            root: head.u64(132)?,
            rows: u64::from(head.u16(140)?),
        })
    }

    /// The object of an identifier.
    fn object(&self, identifier: Bytes<'a>) -> Result<&'a [u8], Damage> {
        match identifier.u8(0)? {
            0 => {
                let offset = number(identifier, 1, self.offset_bytes)?;
                let length = number(identifier, 1 + self.offset_bytes, self.length_bytes)?;
                let (block, start) = self.block(offset)?;
                self.file.tail(block)?.slice(offset - start, length)
            }
            kind if kind >> 4 == 2 => identifier.slice(1, u64::from(kind & 15) + 1),
            _ => {
                Err(Damage("an object is too large for its heap; save the file again with h5py's defaults".to_owned()))
            }
        }
    }

    /// The block that holds an offset, and the offset at which it begins.
    fn block(&self, offset: u64) -> Result<(u64, u64), Damage> {
        let beyond = || Damage("an object lies at no place of its heap".to_owned());
        let (mut address, mut rows, mut start) = (self.root, self.rows, 0_u64);
        for _ in 0..=MAX_INDIRECT {
            if rows == 0 {
                return Ok((address, start));
            }
            let node = self.file.tail(address)?;
            node.expect(b"FHIB", "indirect block of a heap")?;
            let mut entry = 13 + self.offset_bytes;
            let mut next = None;
            for row in 0..rows.min(64) {
                let doubled = self.first_bytes.checked_shl(row.saturating_sub(1) as u32).filter(|bytes| *bytes > 0);
                let bytes = doubled.ok_or_else(beyond)?;
                let row_bytes = bytes.checked_mul(self.columns).ok_or_else(beyond)?;
                if offset - start < row_bytes {
                    let column = (offset - start) / bytes;
                    start += column * bytes;
                    next = Some((node.u64(entry + 8 * column)?, bytes));
                    break;
                }
                start = start.checked_add(row_bytes).ok_or_else(beyond)?;
                entry += 8 * self.columns;
            }
            let (child, bytes) = next.ok_or_else(beyond)?;
            address = child;
            // An indirect block has the rows that fill its size.
            rows = if bytes <= self.largest_bytes {
                0
            } else {
                u64::from((bytes / self.first_bytes / self.columns).max(1).ilog2()) + 1
            };
        }
        Err(beyond())
    }
}
