//! PyTorch's files, in the zip format and in that of before version 1.6: state dicts alone or in checkpoints, modules that
//! were pickled whole, and TorchScript programs, of which the tensors alone are read.

mod archive;
mod container;
mod find;
mod legacy;
mod modules;
mod pickle;
mod values;
pub(super) mod zip;

use std::collections::HashMap;

use super::error::{Error, Result};
use super::named;
use super::names::{Hints, Listing, plan, some_names};
use super::{Asked, Foreign};
use container::Container;
use find::{Contents, Network, contents, nothing_known};
use pickle::Tensor;

pub(super) use legacy::is_legacy;

/// Longest name of a tensor.
const MAX_NAME_BYTES: usize = 512;

fn damaged(problem: impl Into<String>) -> Error {
    Error::Damaged { format: "PyTorch", problem: problem.into() }
}

pub(super) fn read(bytes: &[u8], asked: &Asked, mut hints: Hints) -> Result<Foreign> {
    let container = Container::new(bytes)?;
    let contents = contents(container.pickle())?;
    if hints.architecture.is_none() {
        hints.architecture.clone_from(&contents.architecture);
    }
    let (network, listing, mut notes) = choose(&contents, &hints, container.is_script())?;
    // A key that was named is no part of the tensors' names.
    if hints.said.network.as_deref() == Some(network.place.as_str()) {
        hints.said.network = None;
    }
    let plan = plan(&listing, &hints)?;
    let tensors: HashMap<&str, &Tensor> =
        network.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let read = |name: &str| match tensors.get(name) {
        Some(tensor) => container.values(name, tensor),
        None => Err(damaged(format!("it has no tensor {name:?}"))),
    };
    let origin = match (container.is_script(), network.layers.is_empty()) {
        (true, _) => "a TorchScript program",
        (false, false) => "a PyTorch module",
        (false, true) => "a PyTorch state dict",
    };
    let mut foreign = named::assemble(plan, asked, origin, read)?;
    notes.append(&mut foreign.notes);
    Ok(Foreign { notes, ..foreign })
}

/// The network that a file is about, its names and shapes, and what is said of the choice.
fn choose<'a>(contents: &'a Contents, hints: &Hints, is_script: bool) -> Result<(&'a Network, Listing, Vec<String>)> {
    let listings: Vec<(&Network, Listing)> =
        contents.networks.iter().map(|network| (network, network.listing())).collect();
    let mut known: Vec<&(&Network, Listing)> = listings.iter().filter(|(_, listing)| listing.is_known()).collect();
    known.sort_by_key(|(network, _)| network.rank());
    let mut notes = Vec::new();
    let said = hints.said.network.as_deref();
    let chosen = known.iter().position(|(network, _)| Some(network.place.as_str()) == said);
    if let (None, [(first, _), (second, _), ..]) = (chosen, &known[..]) {
        if first.rank() == second.rank() {
            let places: Vec<&str> = known.iter().map(|(network, _)| network.place.as_str()).collect();
            return Err(Error::Unsupported(format!(
                "the file holds several networks ({}); say which to read with --network NAME",
                some_names(places)
            )));
        }
        let others: Vec<&str> = known[1..].iter().map(|(network, _)| network.place.as_str()).collect();
        let kind = if first.is_averaged() { "the averaged weights" } else { "the weights" };
        notes.push(format!("{kind} {:?} were read, not {} (--network says another)", first.place, some_names(others)));
    }
    match known.get(chosen.unwrap_or(0)) {
        Some((network, listing)) => Ok((*network, listing.clone(), notes)),
        // The largest says best what the file is.
        None => match listings.iter().max_by_key(|(network, _)| network.tensors.len()) {
            Some((network, listing)) if !contents.quantized && !network.tensors.is_empty() => {
                Ok((*network, listing.clone(), notes))
            }
            _ => Err(nothing_known(contents, is_script)),
        },
    }
}
