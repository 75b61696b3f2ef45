//! Names, blocks, shared weights and what else a graph says beside its numbers.

use saliscope::network::{Graph, Nonlinearity, Op, Start};

use super::read;

fn graph(name: &str) -> Graph {
    read(name).graph.unwrap()
}

fn count(graph: &Graph, is: impl Fn(&Op) -> bool) -> usize {
    graph.nodes().iter().filter(|node| is(&node.op)).count()
}

#[test]
fn patterns_become_one_operation() {
    for name in ["squeeze_silu_script20", "squeeze_silu_dynamo"] {
        let graph = graph(name);
        assert_eq!(count(&graph, |op| *op == Op::Nonlinearity(Nonlinearity::Silu)), 5, "{name}");
        assert_eq!(count(&graph, |op| *op == Op::Nonlinearity(Nonlinearity::Sigmoid)), 1, "the gate of {name}");
        assert_eq!(count(&graph, |op| *op == Op::Mul), 1, "{name}");
    }
    for name in ["squeeze_hard_script11", "squeeze_hard_script20", "squeeze_hard_dynamo"] {
        let graph = graph(name);
        assert_eq!(count(&graph, |op| *op == Op::Nonlinearity(Nonlinearity::HardSwish)), 4, "{name}");
        let hard = |op: &Op| matches!(op, Op::Nonlinearity(Nonlinearity::HardSigmoid { .. }));
        assert_eq!(count(&graph, hard), 1, "{name}");
    }
    for name in ["convnext_script16", "convnext_script20", "convnext_dynamo"] {
        let graph = graph(name);
        assert_eq!(count(&graph, |op| matches!(op, Op::LayerNorm { .. })), 3, "{name}");
        assert_eq!(count(&graph, |op| *op == Op::Nonlinearity(Nonlinearity::Gelu)), 1, "{name}");
        assert_eq!(count(&graph, |op| *op == Op::Nonlinearity(Nonlinearity::GeluTanh)), 1, "{name}");
        assert_eq!(count(&graph, |op| matches!(op, Op::Scale { .. })), 1, "the factor of the layer in {name}");
    }
    for name in ["squeeze_relu6_script10", "squeeze_relu6_script20", "squeeze_relu6_dynamo"] {
        let graph = graph(name);
        assert_eq!(count(&graph, |op| *op == Op::Nonlinearity(Nonlinearity::RELU6)), 5, "{name}");
        assert_eq!(
            graph.unguided().map(|id| graph.node(id).op),
            Some(Op::Nonlinearity(Nonlinearity::Sigmoid)),
            "{name}"
        );
    }
}

#[test]
fn constants_are_told_from_what_was_learned() {
    let starts = |name: &str| {
        let graph = graph(name);
        let scales = graph.nodes().iter().filter(|node| matches!(node.op, Op::Scale { .. }));
        scales.map(|node| node.start).collect::<Vec<_>>()
    };
    // The scaling of the image in front of the first layer, which no cascade draws anew; ConvNeXt's factors are learned.
    assert_eq!(starts("inception_script20"), [Start::Fixed]);
    assert_eq!(starts("convnext_script20"), [Start::Usual]);
}

#[test]
fn blocks_follow_the_names_of_modules() {
    // The older exporter keeps modules that were called; of these blocks only the layers were.
    let layers: &[&str] = &["conv1", "conv1_1", "conv2", "conv1_2", "conv2_1", "downsample", "fc"];
    let modules: &[&str] = &["conv1", "layer1", "layer2", "fc"];
    for (name, expected) in [("residual_script12", layers), ("residual_script20", layers), ("residual_dynamo", modules)]
    {
        let graph = graph(name);
        let found: Vec<&str> = graph.blocks().iter().map(String::as_str).collect();
        assert!(expected.iter().all(|block| found.contains(block)), "{name}: {found:?}");
        // In the order of the data.
        let order: Vec<usize> = graph.nodes().iter().map(|node| node.block).collect();
        assert!(order.is_sorted(), "{name}");
        assert_eq!(order.last(), Some(&(found.len() - 1)), "{name}");
        let features = graph.node(graph.features());
        assert!(features.op == Op::Relu && features.channels == 10, "{name}: {features:?}");
    }
    let graph = graph("dense_script20");
    assert_eq!(graph.blocks(), ["conv0", "layers", "transition", "classifier"]);
}

#[test]
fn what_was_folded_cut_or_assumed_is_said() {
    for (name, folded) in [
        ("residual_script20", true),
        ("residual_dynamo", true),
        ("dense_script20", false),
        ("flat_script20", false),
        ("convnext_dynamo", false),
        ("keras_pooled_tf2onnx", true),
        ("keras_flat_tf2onnx", false),
    ] {
        let foreign = read(name);
        assert_eq!(foreign.norm_folded, folded, "{name}");
        assert_eq!(
            foreign.notes.iter().any(|note| note.contains("was folded into the convolutions")),
            folded,
            "{name}"
        );
    }
    let said = |name: &str, what: &str| {
        let notes = read(name).notes;
        assert!(notes.iter().any(|note| note.contains(what)), "{name}: {notes:?}");
    };
    said("shared_script20", "the softmax at the end is cut off");
    said("shared_script20", "of 2 outputs");
    said("sigmoid_dynamo", "the sigmoid at the end is cut off");
    said("labels_script20", "rescale its probabilities by thresholds");
    said("labels_dynamo", "rescale its probabilities by thresholds");
    said("single_dynamo", "the head has a single output z");
    said("hand_half", "in single precision");
    assert_eq!(read("hand_half").classes.unwrap(), ["clear", "mass", "nodule"]);
}

#[test]
fn layers_that_read_the_same_weights_share_them() {
    for name in ["shared_script20", "shared_dynamo"] {
        let graph = graph(name);
        let shared: Vec<_> = graph.nodes().iter().filter(|node| node.shares.is_some()).collect();
        assert_eq!(shared.len(), 1, "{name}");
        assert!(matches!(shared[0].op, Op::Conv2d(_)), "{name}");
        // The image is normalized by a node of its own, in front of the first layer.
        assert!(matches!(graph.nodes()[1].op, Op::Scale { bias: true }), "{name}: {:?}", graph.nodes()[1]);
    }
}

#[test]
fn open_extents_are_taken_from_whoever_asks() {
    let bytes = super::fixture("open");
    let foreign = saliscope::foreign::from_bytes(&bytes, &super::sided(48)).unwrap();
    assert_eq!(foreign.input_size, Some([48, 48]));
    let foreign = saliscope::foreign::from_bytes(&bytes, &saliscope::foreign::Asked::default()).unwrap();
    assert!(foreign.notes.iter().any(|note| note.contains("leaves the size of images open")), "{:?}", foreign.notes);
}
