//! The graph of a model: that of its architecture, or the one in its card.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::architecture::Architecture;
use super::error::{Error, Result};
use super::graph::Graph;
use super::graph_file::{GraphFile, check_extents};
use super::model_card::ModelCard;
use super::weights_file::sha256_hex;

/// A block of an imported network as its card names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// What the cascade calls it.
    pub name: String,
    /// Name of its first node. It ends before the first node of the next block; nodes before the first block belong to that.
    pub first: String,
}

/// A card with the graph that lies in it.
#[derive(Serialize)]
struct WithGraph<'a> {
    #[serde(flatten)]
    card: &'a ModelCard,
    #[serde(skip_serializing_if = "Option::is_none")]
    graph: Option<GraphFile>,
}

impl ModelCard {
    /// The network that it describes.
    ///
    /// # Errors
    /// When [`ModelCard::blocks`] does not fit the graph.
    pub fn graph(&self) -> Result<Graph> {
        let Some(graph) = &self.imported_graph else { return Ok(self.architecture.graph(&self.variant())) };
        let mut graph = Graph::clone(graph);
        if let Some(blocks) = &self.blocks {
            in_blocks(&mut graph, blocks).map_err(|problem| Error::Card { field: "blocks", problem })?;
        }
        Ok(graph)
    }

    /// The whole card as JSON, the graph of an imported network with it. What is written of a card elsewhere is without
    /// the graph.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let graph = self.imported_graph.as_deref().map(GraphFile::from);
        serde_json::to_vec_pretty(&WithGraph { card: self, graph }).map_err(Error::CardSyntax)
    }

    /// SHA-256 of the graph of an imported network with its blocks, which its weights do not tell; none for others.
    ///
    /// # Errors
    /// As [`ModelCard::graph`] and [`ModelCard::to_json`].
    pub fn graph_sha256(&self) -> Result<Option<String>> {
        if self.imported_graph.is_none() {
            return Ok(None);
        }
        let json = serde_json::to_vec(&GraphFile::from(&self.graph()?)).map_err(Error::CardSyntax)?;
        Ok(Some(sha256_hex(&json)))
    }

    /// That a graph is there where one is needed and nowhere else, and that it holds for images of the card's size.
    pub(super) fn check_graph(&self) -> Result<()> {
        let refuse = |field, problem: String| Err(Error::Card { field, problem });
        match (self.architecture, &self.imported_graph) {
            (Architecture::Imported, Some(graph)) => {
                // Whoever made the graph: what can be written and read again contradicts nothing.
                let again = GraphFile::from(&**graph).graph(Architecture::Imported);
                let [height, width] = self.input_size;
                let checked = again.and_then(|again| {
                    if again == **graph {
                        check_extents(graph, height, width)
                    } else {
                        Err("changes when it is written".to_owned())
                    }
                });
                if let Err(problem) = checked {
                    return refuse("graph", problem);
                }
                if graph.kind() != self.kind {
                    return refuse(
                        "graph",
                        format!("is for {}, and imported networks are classifiers", graph.kind().name()),
                    );
                }
                self.graph().map(|_| ())
            }
            (Architecture::Imported, None) => {
                refuse("graph", "is missing, which describes an imported network: convert its file again".to_owned())
            }
            (named, Some(_)) => {
                refuse("graph", format!("is for imported networks, and {named} has its own: leave it out"))
            }
            (named, None) if self.blocks.is_some() => {
                refuse("blocks", format!("is for imported networks, and {named} has its own: leave it out"))
            }
            (_, None) if self.norm_folded => refuse("norm_folded", "is for imported networks: leave it out".to_owned()),
            _ => Ok(()),
        }
    }
}

/// Cuts a graph into blocks.
fn in_blocks(graph: &mut Graph, blocks: &[Block]) -> std::result::Result<(), String> {
    if blocks.is_empty() {
        return Err("is empty: leave it out, or name a block and its first node".to_owned());
    }
    let mut names = HashSet::new();
    if let Some(block) = blocks.iter().find(|block| block.name.is_empty() || !names.insert(block.name.as_str())) {
        return Err(format!("names {:?}, which is empty or there twice", block.name));
    }
    let mut firsts = Vec::with_capacity(blocks.len());
    for block in blocks {
        let found = graph.nodes.iter().position(|node| node.name == block.first);
        let Some(first) = found else {
            return Err(format!("begins {:?} at {:?}, and there is no such node", block.name, block.first));
        };
        if firsts.last().is_some_and(|last| first <= *last) {
            return Err(format!(
                "begins {:?} at {:?}, which comes before the block before it",
                block.name, block.first
            ));
        }
        firsts.push(first);
    }
    for (position, node) in graph.nodes.iter_mut().enumerate() {
        node.block = firsts.partition_point(|first| *first <= position).saturating_sub(1);
    }
    graph.blocks = blocks.iter().map(|block| block.name.clone()).collect();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::network::{
        Batch, CpuExecutor, CpuOptions, Executor, Model, ModelKind, Pass, Precision, Target, Variant, Weights,
    };

    fn classifiers() -> impl Iterator<Item = Architecture> {
        Architecture::ALL.into_iter().filter(|architecture| architecture.kind() == ModelKind::Classifier)
    }

    /// A model by name, and the same as one that came from a file.
    fn pair(architecture: Architecture) -> (Model, ModelCard, Vec<u8>) {
        let variant = Variant { width: 0.1, ..architecture.usual_variant() };
        let weights = Weights::initialize(&architecture.graph(&variant), 3).to_safetensors(Precision::Single).unwrap();
        let card = format!(r#"{{"architecture": "{architecture}", "input_size": [96, 96], "scaling": "unit"}}"#);
        let named = Model::from_bytes(card.as_bytes(), &weights).unwrap();
        let graph = Graph { architecture: Architecture::Imported.name().to_owned(), ..named.graph.clone() };
        let imported = Architecture::Imported;
        let card = ModelCard {
            architecture: imported,
            width: 1.0,
            imported_graph: Some(Arc::new(graph)),
            ..named.card.clone()
        };
        (named, card, weights)
    }

    fn refused(card: &ModelCard, weights: &[u8]) -> String {
        Model::from_bytes(&card.to_json().unwrap(), weights).unwrap_err().to_string()
    }

    #[test]
    fn a_network_from_its_card_is_the_network_by_name() {
        for architecture in classifiers() {
            let (named, card, weights) = pair(architecture);
            let imported = Model::from_bytes(&card.to_json().unwrap(), &weights).unwrap();
            assert_eq!(imported.graph.nodes(), named.graph.nodes());
            assert_eq!(imported.graph.blocks(), named.graph.blocks());
            assert_eq!((imported.card.architecture, &imported.weights), (Architecture::Imported, &named.weights));
            let again = Model::from_bytes(&imported.card.to_json().unwrap(), &weights).unwrap();
            assert_eq!(again, imported);
            assert!(!serde_json::to_string(&imported.card).unwrap().contains("nodes"), "reports need no graph");

            let input = Batch::new([1, 3, 96, 96], (0..3 * 96 * 96).map(|i| ((i % 97) as f32 / 97.0).sin()).collect());
            let pass = Pass {
                target: Target::Class(1),
                gradient: true,
                activation: Some(named.graph.features()),
                ..Pass::logits(&input)
            };
            let run = |model: &Model| {
                let executor = CpuExecutor::new(model.graph.clone(), &model.weights, CpuOptions::default()).unwrap();
                executor.run(&pass).unwrap()
            };
            assert_eq!(run(&imported), run(&named), "{architecture}");
        }
    }

    #[test]
    fn blocks_of_the_card_cut_the_graph() {
        let (named, card, weights) = pair(Architecture::DenseNet121);
        let block = |name: &str, first: &str| Block { name: name.to_owned(), first: first.to_owned() };
        let with = |blocks: &[Block]| ModelCard { blocks: Some(blocks.to_vec()), ..card.clone() };
        let cut = with(&[block("low", "features.conv0"), block("high", "features.denseblock4.denselayer1.norm1")]);
        let model = Model::from_bytes(&cut.to_json().unwrap(), &weights).unwrap();
        assert_eq!(model.graph.blocks(), ["low", "high"]);
        let first = named.graph.find("features.denseblock4.denselayer1.norm1").unwrap();
        for (position, node) in model.graph.nodes().iter().enumerate() {
            assert_eq!(node.block, usize::from(position >= first.index()), "{}", node.name);
        }
        assert_eq!(model.card, cut);
        assert_ne!(model.card.graph_sha256().unwrap(), card.graph_sha256().unwrap());
        for (blocks, expected) in [
            (vec![], "field `blocks` of the model card is empty"),
            (vec![block("a", "no")], "begins \"a\" at \"no\", and there is no such node"),
            (vec![block("a", "classifier"), block("b", "features.conv0")], "comes before the block before it"),
            (vec![block("a", "input"), block("a", "classifier")], "names \"a\", which is empty or there twice"),
        ] {
            let told = refused(&with(&blocks), &weights);
            assert!(told.contains(expected), "{told}");
        }
        let by_name = ModelCard { blocks: Some(vec![block("a", "input")]), ..named.card };
        assert!(refused(&by_name, &weights).contains("`blocks` of the model card is for imported networks"));
    }

    #[test]
    fn a_card_and_its_graph_agree() {
        let (named, card, weights) = pair(Architecture::InceptionV3);
        let graph = Graph::clone(card.imported_graph.as_deref().unwrap());
        let with = |graph: Graph| ModelCard { imported_graph: Some(Arc::new(graph)), ..card.clone() };
        for (wrong, expected) in [
            (ModelCard { imported_graph: None, ..card.clone() }, "`graph` of the model card is missing"),
            (ModelCard { width: 0.1, ..card.clone() }, "`width` of the model card is 0.1"),
            (ModelCard { channels: 1, ..card.clone() }, "`channels` of the model card is 1, but the weights read 3"),
            (ModelCard { input_size: [80, 74], ..card.clone() }, "is 80x74, smaller than 75x75"),
            (with(Graph { min_input_px: 1, ..graph.clone() }), ""),
            (
                ModelCard { input_size: [40, 40], ..with(Graph { min_input_px: 1, ..graph.clone() }) },
                "`graph` of the model card cannot read 40x40 pixels",
            ),
            (with(Graph { kind: ModelKind::Segmentation, ..graph.clone() }), "imported networks are classifiers"),
            (
                ModelCard { imported_graph: Some(Arc::new(graph.clone())), ..named.card.clone() },
                "`graph` of the model card is for imported networks, and inception_v3 has its own",
            ),
            (ModelCard { norm_folded: true, ..named.card }, "`norm_folded` of the model card is for imported networks"),
        ] {
            if expected.is_empty() {
                assert!(Model::from_bytes(&wrong.to_json().unwrap(), &weights).is_ok());
            } else {
                let told = refused(&wrong, &weights);
                assert!(told.contains(expected), "{told}");
            }
        }
    }
}
