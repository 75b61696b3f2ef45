//! What Grad-CAM can read of a network.

use crate::network::{Graph, NodeId, Op};

/// A tensor that Grad-CAM can read: what a block hands on to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureMap {
    /// The block, as the study calls it, such as `mixed9`.
    pub block: String,
    /// The node, as [`super::GradCam::node`] calls it, such as `Mixed_7b`.
    pub node: String,
}

/// The feature maps of `graph`, from the image to the one that Grad-CAM reads unless told otherwise, which is the last;
/// one a block.
pub fn feature_maps(graph: &Graph) -> Vec<FeatureMap> {
    let features = graph.features();
    let mut found: Vec<(usize, NodeId)> = Vec::new();
    for index in 0..=features.index() {
        let id = NodeId(index);
        let node = graph.node(id);
        if node.op == Op::Input {
            continue;
        }
        match found.last_mut() {
            // Nodes of a block follow each other, and the last of them is what others read.
            Some((block, last)) if *block == node.block => *last = id,
            _ => found.push((node.block, id)),
        }
    }
    found
        .into_iter()
        .map(|(block, id)| FeatureMap { block: graph.blocks()[block].clone(), node: graph.node(id).name.clone() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Architecture;

    #[test]
    fn each_block_hands_on_one_and_the_last_is_the_usual_one() {
        for architecture in [Architecture::InceptionV3, Architecture::DenseNet121] {
            let graph = architecture.graph(&architecture.usual_variant());
            let maps = feature_maps(&graph);
            assert_eq!(maps.last().unwrap().node, graph.node(graph.features()).name);
            assert_eq!(maps.len(), graph.blocks().len() - 1, "all but the logits");
            let extents = graph.extents(320, 320).unwrap();
            for map in &maps {
                let extent = extents[graph.find(&map.node).unwrap().index()];
                assert!(extent.iter().all(|side| *side > 1), "{map:?}: {extent:?}");
            }
        }
    }
}
