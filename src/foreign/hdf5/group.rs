//! Groups: which objects a file holds, by path (specification, sections III.A to III.D).

use std::collections::{BTreeMap, HashSet};

use super::super::bytes::{Bytes, Damage};
use super::File;
use super::dense::LINKS_BY_NAME;
use super::object::{LAYOUT, LINK, LINK_INFO, Message, SYMBOL_TABLE, messages};
use crate::limits;

const MAX_DEPTH: usize = 12;
const MAX_NAME_BYTES: usize = 255;
pub(super) const UNDEFINED: u64 = u64::MAX;

/// Path, such as `conv2d/kernel:0`, and address of every object.
#[derive(Debug, Default)]
pub(in super::super) struct Objects {
    pub(in super::super) datasets: BTreeMap<String, u64>,
    pub(in super::super) groups: BTreeMap<String, u64>,
}

impl<'a> File<'a> {
    /// All objects of the file.
    pub(in super::super) fn objects(self) -> Result<Objects, Damage> {
        let mut objects = Objects::default();
        let mut seen = HashSet::from([self.root]);
        let mut waiting = vec![(String::new(), self.root, 0)];
        let mut links = 0;
        while let Some((path, address, depth)) = waiting.pop() {
            let messages = messages(self.bytes, address)?;
            if messages.iter().any(|message| message.kind == LAYOUT) {
                objects.datasets.insert(path, address);
                continue;
            }
            if depth == MAX_DEPTH {
                return Err(Damage("its groups are nested too deeply".to_owned()));
            }
            for (name, child) in self.links(&messages, limits::HDF5_LINKS - links)? {
                links += 1;
                // An object that is linked twice, or from inside itself, counts once.
                if seen.insert(child) {
                    let inner = if path.is_empty() { name } else { format!("{path}/{name}") };
                    waiting.push((inner, child, depth + 1));
                }
            }
            objects.groups.insert(path, address);
        }
        Ok(objects)
    }

    /// Names and addresses of the members of a group, at most `limit`.
    fn links(self, messages: &[Message<'_>], limit: usize) -> Result<Vec<(String, u64)>, Damage> {
        let mut links = Vec::new();
        for message in messages {
            match message.kind {
                SYMBOL_TABLE => {
                    let heap = self.heap(message.data.u64(8)?)?;
                    self.symbols(message.data.u64(0)?, heap, limit, &mut links)?;
                }
                LINK if links.len() >= limit => return Err(Damage("it holds too many objects".to_owned())),
                LINK => links.extend(hard_link(message.data)?),
                LINK_INFO => {
                    let at = if message.data.u8(1)? & 1 != 0 { 10 } else { 2 };
                    let (heap, tree) = (message.data.u64(at)?, message.data.u64(at + 8)?);
                    if heap != UNDEFINED {
                        for link in self.dense(heap, tree, LINKS_BY_NAME)? {
                            if links.len() >= limit {
                                return Err(Damage("it holds too many objects".to_owned()));
                            }
                            links.extend(hard_link(link)?);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(links)
    }

    /// The names of a group.
    fn heap(self, address: u64) -> Result<Bytes<'a>, Damage> {
        let head = self.bytes.tail(address)?;
        head.expect(b"HEAP", "heap of names")?;
        self.bytes.slice(head.u64(24)?, head.u64(8)?).map(Bytes)
    }

    /// Adds the members in the leaves of a group's B-tree.
    fn symbols(self, tree: u64, heap: Bytes<'_>, limit: usize, links: &mut Vec<(String, u64)>) -> Result<(), Damage> {
        for leaf in self.tree_leaves(tree, 0, 8)? {
            let node = self.bytes.tail(leaf.child)?;
            node.expect(b"SNOD", "node of a symbol table")?;
            for index in 0..u64::from(node.u16(6)?) {
                if links.len() >= limit {
                    return Err(Damage("it holds too many objects".to_owned()));
                }
                let entry = Bytes(node.slice(8 + 40 * index, 40)?);
                links.push((name_at(heap, entry.u64(0)?)?, entry.u64(8)?));
            }
        }
        Ok(())
    }

    /// The children of the lowest nodes of a B-tree (version 1), each with the key before it.
    pub(super) fn tree_leaves(self, root: u64, kind: u8, key_bytes: u64) -> Result<Vec<Leaf<'a>>, Damage> {
        let mut leaves = Vec::new();
        let mut seen = HashSet::from([root]);
        let mut waiting = vec![(root, None)];
        while let Some((address, level)) = waiting.pop() {
            let node = self.bytes.tail(address)?;
            node.expect(b"TREE", "node of a B-tree")?;
            let (found_kind, found_level) = (node.u8(4)?, node.u8(5)?);
            if found_kind != kind || level.is_some_and(|level: u8| level != found_level) {
                return Err(Damage("a B-tree has a node of the wrong kind".to_owned()));
            }
            for index in 0..u64::from(node.u16(6)?) {
                let at = 24 + index * (key_bytes + 8);
                let key = Bytes(node.slice(at, key_bytes)?);
                let child = node.u64(at + key_bytes)?;
                if !seen.insert(child) || seen.len() > limits::HDF5_NODES {
                    return Err(Damage("a B-tree runs in circles or is too large".to_owned()));
                }
                if let Some(below) = found_level.checked_sub(1) {
                    waiting.push((child, Some(below)));
                } else {
                    leaves.push(Leaf { key, child });
                }
            }
        }
        Ok(leaves)
    }
}

/// What the lowest nodes of a B-tree hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf<'a> {
    pub(super) key: Bytes<'a>,
    pub(super) child: u64,
}

fn name_at(heap: Bytes<'_>, offset: u64) -> Result<String, Damage> {
    let name = heap.tail(offset)?.0;
    let length = name.iter().take(MAX_NAME_BYTES + 1).position(|byte| *byte == 0);
    let length = length.ok_or_else(|| Damage("a name does not end".to_owned()))?;
    checked_name(&name[..length])
}

/// The name and address in a link message; none for soft and external links.
fn hard_link(message: Bytes<'_>) -> Result<Option<(String, u64)>, Damage> {
    let flags = message.u8(1)?;
    let mut at = 2;
    let kind = if flags & 8 == 0 { 0 } else { message.u8(at)? };
    at += u64::from(flags & 8 != 0) + 8 * u64::from(flags & 4 != 0) + u64::from(flags & 16 != 0);
    let (length, width) = match flags & 3 {
        0 => (u64::from(message.u8(at)?), 1),
        1 => (u64::from(message.u16(at)?), 2),
        2 => (u64::from(message.u32(at)?), 4),
        _ => (message.u64(at)?, 8),
    };
    at += width;
    let name = checked_name(message.slice(at, length)?)?;
    if kind == 0 { Ok(Some((name, message.u64(at + length)?))) } else { Ok(None) }
}

fn checked_name(name: &[u8]) -> Result<String, Damage> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(Damage("an object has no name or too long a name".to_owned()));
    }
    String::from_utf8(name.to_vec()).map_err(|_| Damage("a name is not UTF-8".to_owned()))
}
