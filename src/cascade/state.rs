//! The states of a cascade: which blocks of a network are randomized in each.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use crate::network::{Architecture, Graph};
use crate::saliency::Preset;

/// Name of the state in which nothing is randomized.
pub const ORIGINAL: &str = "Original";

/// The lowest block that the study randomized.
const LOWEST_OF_STUDY: &str = "mixed1";

/// The order in which blocks are randomized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// From the logits towards the image, each state keeping what earlier ones randomized (Adebayo et al. 2018; the
    /// study).
    #[default]
    TopDown,
    /// From the image towards the logits, each state keeping what earlier ones randomized.
    BottomUp,
    /// One block at a time, all others as they were trained.
    Independent,
}

impl Order {
    /// All orders.
    pub const ALL: [Self; 3] = [Self::TopDown, Self::BottomUp, Self::Independent];

    /// Name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::TopDown => "top-down",
            Self::BottomUp => "bottom-up",
            Self::Independent => "independent",
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Order {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|order| order.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| Error::UnknownOrder { name: text.trim().to_owned() })
    }
}

/// One state of a network: some of its blocks randomized, the others as they were trained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    /// `Original`, or the name of the block that this state randomizes beyond the one before: `Logits`, `10` ... `0` for
    /// the study's `logits`, `mixed10` ... `mixed0`, others as the graph calls them.
    pub name: String,
    /// Names of all randomized blocks, in the order of the cascade.
    pub blocks: Vec<String>,
}

impl State {
    /// The state in which nothing is randomized.
    pub fn original() -> Self {
        Self { name: ORIGINAL.to_owned(), blocks: Vec::new() }
    }

    /// The states of `graph` in `order`, [`State::original`] first, then one for each block with parameters.
    ///
    /// `arun2021` leaves the stem and `mixed0` of InceptionV3 as they were trained, as the study did, whatever the order;
    /// `recommended`, and both presets on every other graph, reach every block.
    pub fn all(graph: &Graph, order: Order, preset: Preset) -> Vec<Self> {
        let mut blocks = blocks_with_parameters(graph);
        if preset == Preset::Arun2021 && graph.architecture() == Architecture::InceptionV3.name() {
            let lowest = blocks.iter().position(|block| *block == LOWEST_OF_STUDY);
            blocks.drain(..lowest.unwrap_or(0));
        }
        Self::of_blocks(&blocks, order)
    }

    /// The states of a network whose blocks with parameters are called so, from the image to the outputs.
    pub fn of_blocks(blocks: &[&str], order: Order) -> Vec<Self> {
        let mut blocks = blocks.to_vec();
        if order != Order::BottomUp {
            blocks.reverse();
        }
        let mut states = vec![Self::original()];
        for (index, block) in blocks.iter().enumerate() {
            let randomized = if order == Order::Independent { &blocks[index..=index] } else { &blocks[..=index] };
            states
                .push(Self { name: label(block), blocks: randomized.iter().map(|&block| block.to_owned()).collect() });
        }
        states
    }

    /// Those of `states` that `names` name, in their own order; [`ORIGINAL`] always among them.
    ///
    /// # Errors
    /// When a name is not among them.
    pub fn choose(states: Vec<Self>, names: &[String]) -> Result<Vec<Self>> {
        let named = |state: &Self| names.iter().any(|name| name.trim().eq_ignore_ascii_case(&state.name));
        let unknown = |name: &&String| !states.iter().any(|state| state.name.eq_ignore_ascii_case(name.trim()));
        if let Some(name) = names.iter().find(unknown) {
            let known = states.iter().map(|state| state.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownState { name: name.trim().to_owned(), known });
        }
        Ok(states.into_iter().filter(|state| state.blocks.is_empty() || named(state)).collect())
    }
}

/// The name of a block in the study's figures.
pub(super) fn label(block: &str) -> String {
    match block.strip_prefix("mixed") {
        Some(number) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => number.to_owned(),
        _ if block == "logits" => "Logits".to_owned(),
        _ => block.to_owned(),
    }
}

/// Names of the blocks that have parameters, from the image to the outputs, each once.
pub fn blocks_with_parameters(graph: &Graph) -> Vec<&str> {
    let with: HashSet<usize> = graph.parameters().iter().map(|parameter| graph.node(parameter.node).block).collect();
    let mut names: Vec<&str> = Vec::new();
    for (index, name) in graph.blocks().iter().enumerate() {
        if with.contains(&index) && !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Variant;

    fn names(architecture: Architecture, order: Order, preset: Preset) -> Vec<String> {
        let graph = architecture.graph(&Variant { width: 0.1, ..Variant::default() });
        State::all(&graph, order, preset).into_iter().map(|state| state.name).collect()
    }

    #[test]
    fn the_study_has_twelve_states_and_the_recommended_preset_goes_on() {
        let study = names(Architecture::InceptionV3, Order::TopDown, Preset::Arun2021);
        assert_eq!(study, ["Original", "Logits", "10", "9", "8", "7", "6", "5", "4", "3", "2", "1"]);
        let whole = names(Architecture::InceptionV3, Order::TopDown, Preset::Recommended);
        assert_eq!(whole[..12], study);
        assert_eq!(whole[12..], ["0", "stem"]);
    }

    #[test]
    fn other_graphs_have_their_own_blocks_in_either_direction() {
        let down = names(Architecture::DenseNet121, Order::TopDown, Preset::Arun2021);
        assert_eq!(down[..4], ["Original", "Logits", "norm5", "denseblock4"]);
        assert_eq!(down.last().unwrap(), "stem");
        assert_eq!(down, names(Architecture::DenseNet121, Order::Independent, Preset::Recommended));
        let up = names(Architecture::DenseNet121, Order::BottomUp, Preset::Recommended);
        assert_eq!(up[0], ORIGINAL);
        assert!(up[1..].iter().eq(down[1..].iter().rev()));
    }

    #[test]
    fn cumulative_states_hold_all_blocks_so_far_and_independent_ones_a_single_one() {
        let graph = Architecture::InceptionV3.graph(&Variant { width: 0.1, ..Variant::default() });
        let blocks = |order, index: usize| State::all(&graph, order, Preset::Recommended)[index].blocks.clone();
        assert_eq!(blocks(Order::TopDown, 3), ["logits", "mixed10", "mixed9"]);
        assert_eq!(blocks(Order::BottomUp, 3), ["stem", "mixed0", "mixed1"]);
        assert_eq!(blocks(Order::Independent, 3), ["mixed9"]);
        assert_eq!(blocks(Order::TopDown, 13).len(), 13);
        assert_eq!(blocks(Order::TopDown, 0).len(), 0);
    }

    #[test]
    fn chosen_states_keep_their_order() {
        let graph = Architecture::InceptionV3.graph(&Variant { width: 0.1, ..Variant::default() });
        let all = || State::all(&graph, Order::TopDown, Preset::Arun2021);
        let chosen = State::choose(all(), &["3".to_owned(), " logits".to_owned()]).unwrap();
        assert_eq!(chosen.iter().map(|state| state.name.as_str()).collect::<Vec<_>>(), ["Original", "Logits", "3"]);
        assert_eq!(chosen[2], all()[9]);
        let error = State::choose(all(), &["0".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("Original, Logits, 10") && error.contains("\"0\""), "{error}");
    }
}
