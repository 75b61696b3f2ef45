//! Results of PyTorch in double precision, made by `tests/reference/networks.py`.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;

use safetensors::SafeTensors;
use saliscope::network::{Architecture, Batch, Graph, NodeId, Pass, Target, Variant, Weights};

use super::formula;

/// One network with one image and everything PyTorch says about it.
pub struct Fixture {
    pub name: String,
    pub graph: Graph,
    pub weights: Weights,
    pub image: Batch,
    pub target: Target<'static>,
    /// The layer before pooling, and one within the network.
    pub nodes: [(&'static str, NodeId); 2],
    values: HashMap<String, Vec<f64>>,
    torch_f32_errors: HashMap<String, f64>,
}

const NAMES: [&str; 4] =
    ["inception_v3_torchvision", "inception_v3_keras", "densenet_121_square", "densenet_121_oblong"];

/// All fixtures.
pub fn fixtures() -> Vec<Fixture> {
    NAMES.iter().map(|name| Fixture::read(name)).collect()
}

impl Fixture {
    fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let bytes = std::fs::read(folder.join(format!("network_{name}.safetensors"))).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let said = header.metadata().clone().unwrap();
        let number = |key: &str| f64::from_str(&said[key]).unwrap();
        let (height, width) = said["size"].split_once('x').unwrap();
        let channels = number("channels") as usize;
        let variant = Variant {
            input_channels: channels,
            classes: number("classes") as usize,
            width: number("width"),
            count_include_pad: said["count_include_pad"] == "true",
            norm_scale: said["norm_scale"] == "true",
            ..Variant::default()
        };
        let graph = said["architecture"].parse::<Architecture>().unwrap().graph(&variant);
        let read = |view: safetensors::tensor::TensorView<'_>| {
            view.data().as_chunks::<8>().0.iter().map(|word| f64::from_le_bytes(*word)).collect()
        };
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        Self {
            name: name.to_owned(),
            weights: formula::weights(&graph),
            image: formula::image("image", channels, height.parse().unwrap(), width.parse().unwrap()),
            target: said["target"].parse().map_or(Target::Predicted, Target::Class),
            nodes: ["features", "inner"].map(|key| (key, graph.find(&said[key]).unwrap())),
            values: tensors.iter().map(|(key, view)| (key.to_owned(), read(view))).collect(),
            torch_f32_errors: said
                .iter()
                .filter_map(|(key, value)| Some((key.strip_suffix("_error")?.to_owned(), value.parse().ok()?)))
                .collect(),
            graph,
        }
    }

    /// Everything the fixture knows, in one pass but for the second node.
    pub fn pass(&self, node: NodeId) -> Pass<'_> {
        Pass { input: &self.image, target: self.target, gradient: true, guided_gradient: true, activation: Some(node) }
    }

    /// PyTorch's values in double precision: `logits`, `gradient`, `guided_gradient`, `<node>_value`,
    /// `<node>_gradient`.
    pub fn expected(&self, key: &str) -> &[f64] {
        &self.values[key]
    }

    /// L2-relative error of PyTorch in single precision for the same values.
    pub fn torch_f32_error(&self, key: &str) -> f64 {
        self.torch_f32_errors[key]
    }
}
