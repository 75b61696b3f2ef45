//! Blocks for the cascade: from the names of modules, else from the resolution.

use std::collections::{BTreeMap, HashMap};

/// Most blocks.
const MOST: usize = 32;
/// Fewest that names should tell where one module has most of the layers: it is looked into.
const ENOUGH: usize = 6;
/// Fewest that names may tell at all.
const FEWEST: usize = 3;

/// A node to be put into a block.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Module path, joined by points.
    pub(super) path: String,
    /// Rows and columns written.
    pub(super) extent: [usize; 2],
    /// Whether it is a convolution or a fully connected layer.
    pub(super) is_layer: bool,
    /// Whether it has parameters.
    pub(super) has_weights: bool,
    /// Whether it comes behind the last feature map.
    pub(super) is_head: bool,
}

/// Names of the blocks, and the block of every member; blocks follow each other in the order of the data.
pub(super) fn blocks(members: &[Member]) -> (Vec<String>, Vec<usize>) {
    by_names(members).unwrap_or_else(|| by_resolution(members))
}

/// The first `depth` parts of a path.
fn prefix(path: &str, depth: usize) -> &str {
    path.match_indices('.').nth(depth - 1).map_or(path, |(end, _)| &path[..end])
}

/// The key of a path: one part more than the longest of the modules that are looked into.
fn key<'p>(path: &'p str, opened: &[String]) -> &'p str {
    let depth = opened.iter().filter(|module| path.starts_with(&format!("{module}.")));
    let depth = depth.map(|module| module.matches('.').count() + 1).max().unwrap_or(0);
    prefix(path, depth + 1)
}

/// Keys with weights in their order, each with its members; those without a layer join the key before them.
fn keys<'m>(members: &'m [Member], opened: &[String]) -> Vec<(&'m str, usize)> {
    let mut found: Vec<(&str, usize, bool)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for member in members.iter().filter(|member| member.has_weights) {
        let name = key(&member.path, opened);
        let place = *places.entry(name).or_insert(found.len());
        if place == found.len() {
            found.push((name, 0, false));
        }
        let (_, count, layers) = &mut found[place];
        *count += 1;
        *layers |= member.is_layer;
    }
    let mut kept: Vec<(&str, usize)> = Vec::new();
    for (name, count, layers) in found {
        match kept.last_mut() {
            Some((_, before)) if !layers => *before += count,
            _ => kept.push((name, count)),
        }
    }
    kept
}

fn by_names(members: &[Member]) -> Option<(Vec<String>, Vec<usize>)> {
    let mut opened: Vec<String> = Vec::new();
    let mut found = keys(members, &opened);
    while found.len() < ENOUGH {
        // The largest module that has parts is looked into.
        let has_parts = |name: &str| {
            let inside = format!("{name}.");
            members.iter().any(|member| member.has_weights && member.path.starts_with(&inside))
        };
        let candidates = found.iter().filter(|(name, count)| *count > 1 && has_parts(name));
        let Some((largest, count)) = candidates.max_by_key(|(_, count)| *count) else { break };
        let all: usize = found.iter().map(|(_, count)| count).sum();
        if found.len() > FEWEST && count * 5 < all * 3 {
            break;
        }
        opened.push((*largest).to_owned());
        let next = keys(members, &opened);
        if next.len() > MOST {
            opened.pop();
            break;
        }
        found = next;
    }
    let known: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
    if !(FEWEST..=MOST).contains(&known.len()) || known.iter().any(|name| name.is_empty()) {
        return None;
    }
    let (mut current, mut started) = (0, vec![false; known.len()]);
    started[0] = true;
    let mut order = vec![0];
    let mut places = Vec::with_capacity(members.len());
    for member in members {
        let own = known.iter().position(|name| *name == key(&member.path, &opened));
        // What comes late of an earlier block stays in the one that runs.
        if let Some(own) = own.filter(|own| !started[*own]) {
            started[own] = true;
            current = order.len();
            order.push(own);
        }
        places.push(current);
    }
    Some((titles(&order.iter().map(|own| known[*own]).collect::<Vec<_>>()), places))
}

/// The last part of each key where that is a word of its own, else all of it.
fn titles(keys: &[&str]) -> Vec<String> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for key in keys {
        *counts.entry(last(key)).or_default() += 1;
    }
    let title = |key: &&str| {
        let last = last(key);
        let is_word = last.starts_with(|letter: char| letter.is_alphabetic());
        if is_word && counts[&last] == 1 { last } else { (*key).to_owned() }
    };
    keys.iter().map(title).collect()
}

/// A block for every resolution, and one for what follows the last feature map.
fn by_resolution(members: &[Member]) -> (Vec<String>, Vec<usize>) {
    let mut names = vec!["stage1".to_owned()];
    let mut places = Vec::with_capacity(members.len());
    let (mut smallest, mut head) = (None, false);
    for member in members {
        let area = member.extent[0] * member.extent[1];
        if member.is_head {
            if !std::mem::replace(&mut head, true) {
                names.push("head".to_owned());
            }
        } else if member.is_layer && area > 1 {
            // What only widens, or stays, belongs to the stage that runs.
            if smallest.is_some_and(|smallest| area < smallest) {
                names.push(format!("stage{}", names.len() + 1));
            }
            smallest = Some(smallest.map_or(area, |smallest: usize| smallest.min(area)));
        }
        places.push(names.len() - 1);
    }
    (names, places)
}
