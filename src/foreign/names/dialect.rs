//! Which program's names a listing has, and what stands before them.

use std::collections::BTreeSet;

use super::{Listing, Shapes, timm, torchvision, transformers};
use crate::foreign::error::{Error, Result};

/// A way to name the layers of a family.
#[derive(Debug)]
pub(super) struct Dialect {
    /// Whose it is, in words.
    pub(super) words: &'static str,
    /// Endings of tensor names that are all there, behind the same prefix; the first is looked for first.
    pub(super) anchors: &'static [&'static str],
    /// Torchvision's name of a tensor, given its name behind the prefix; none where it is no part of the trunk.
    pub(super) rename: fn(&str, &Trunk) -> Option<String>,
    /// The module that torchvision puts the trunk into, as the last part of a prefix: `features.` or nothing.
    pub(super) inner: &'static str,
    /// What is added to a variance, where it is not torchvision's.
    pub(super) norm_eps: Option<f64>,
    /// Whether the network pads as TensorFlow does.
    pub(super) padding: Padding,
}

/// How many zeros a convolution puts where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    /// The same on opposite sides, as PyTorch does.
    Equal,
    /// As TensorFlow's `SAME`: as many as the size of the image asks for, one more behind it than before it where that is odd.
    Same,
    /// One or the other: timm has both kinds under the same names.
    Either,
}

/// The tensors of a trunk, behind its prefix.
#[derive(Debug)]
pub(super) struct Trunk {
    /// Shapes by name behind the prefix.
    pub(super) shapes: Shapes,
    /// Stage and repetition of blocks that are counted without stages.
    pub(super) flat: Vec<(usize, usize)>,
    /// Blocks before each stage, where stages are counted.
    pub(super) before: Vec<usize>,
    /// Number of the first block of each stage; MONAI counts on from stage to stage.
    pub(super) first: Vec<usize>,
}

impl Trunk {
    pub(super) fn has(&self, name: &str) -> bool {
        self.shapes.contains_key(name)
    }

    pub(super) fn has_inside(&self, beginning: &str) -> bool {
        let after = self.shapes.range(beginning.to_owned()..).next();
        after.is_some_and(|(name, _)| name.starts_with(beginning))
    }
}

/// All of them; of two that fit, the first counts.
fn all() -> impl Iterator<Item = &'static Dialect> {
    torchvision::DIALECTS.iter().chain(timm::DIALECTS).chain(transformers::DIALECTS)
}

/// A dialect and the prefix its names stand behind.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) dialect: &'static Dialect,
    pub(super) prefix: String,
}

/// Most networks that are looked for: a file with several is refused anyway.
const MOST: usize = 8;

/// All networks in a listing.
pub(super) fn find(listing: &Listing) -> Vec<Found> {
    let names: BTreeSet<&str> = listing.tensors.iter().map(|(name, _)| name.as_str()).collect();
    let mut found: Vec<Found> = Vec::new();
    for dialect in all() {
        for name in &names {
            let Some(prefix) = name.strip_suffix(dialect.anchors[0]) else { continue };
            let is_whole = prefix.is_empty() || prefix.ends_with('.');
            let has_all =
                || dialect.anchors[1..].iter().all(|anchor| names.contains(format!("{prefix}{anchor}").as_str()));
            // A block deeper inside may look like another network.
            let is_inside = |other: &Found| {
                prefix.starts_with(&other.prefix)
                    && (prefix != other.prefix || other.dialect.anchors != dialect.anchors)
            };
            if found.len() < MOST && is_whole && has_all() && !found.iter().any(is_inside) {
                found.push(Found { dialect, prefix: prefix.to_owned() });
            }
        }
    }
    if found.is_empty() {
        found.extend(torchvision::numbered(listing));
    }
    found
}

impl Found {
    /// The tensors behind the prefix.
    pub(super) fn trunk(&self, listing: &Listing) -> Trunk {
        let inside = |(name, shape): &(String, Vec<usize>)| {
            name.strip_prefix(&self.prefix).map(|name| (name.to_owned(), shape.clone()))
        };
        let shapes: Shapes = listing.tensors.iter().filter_map(inside).collect();
        let flat = timm::flat_blocks(&shapes);
        let before = timm::blocks_before(&shapes);
        let first = timm::first_blocks(&shapes);
        Trunk { shapes, flat, before, first }
    }

    /// What precedes the names of the whole network: the trunk's prefix without the module that torchvision has it in, or
    /// without the wrapper's name of it.
    pub(super) fn outer(&self) -> &str {
        let inner = self.dialect.inner;
        if let Some(outer) = self.prefix.strip_suffix(inner) {
            return outer;
        }
        // `backbone.` alone, where torchvision has `features.`.
        let parent = self.prefix.strip_suffix('.').and_then(|path| path.rfind('.'));
        parent.map_or("", |at| &self.prefix[..=at])
    }

    /// Whether the trunk lies in a module of another name than torchvision's, so that the file does not tell what follows it.
    pub(super) fn is_wrapped(&self) -> bool {
        !self.prefix.ends_with(self.dialect.inner) || self.dialect.words.contains("Sequential")
    }
}

/// The network to read; none where no name is known.
pub(super) fn choose(listing: &Listing) -> Result<Option<Found>> {
    let mut found = find(listing);
    if found.len() > 1 {
        let prefixes: Vec<String> = found.iter().map(|found| format!("{:?}", found.prefix)).collect();
        return Err(Error::Unsupported(format!(
            "the weights hold several networks ({} precede their names); say which to read with --network NAME",
            prefixes.join(" and ")
        )));
    }
    Ok(found.pop())
}
