//! What the names and shapes of tensors tell: architecture, width, head, and what is near to a known network.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;

use saliscope::network::{Architecture, Function, Graph, Head, HeadLayer, ModelKind, Variant};

type Shapes = BTreeMap<String, Vec<usize>>;

fn shapes(graph: &Graph) -> Shapes {
    graph.parameters().into_iter().map(|p| (p.name, p.shape)).collect()
}

#[test]
fn a_variant_is_read_off_the_shapes_of_its_tensors() {
    for arch in Architecture::ALL {
        for width in [0.0625, 0.1, 0.25, 0.37, 0.5, 0.75, 1.0, 1.5] {
            let variant = Variant { input_channels: 1, classes: 5, width, ..arch.usual_variant() };
            let graph = arch.graph(&variant);
            let inferred = arch.infer(&shapes(&graph));
            assert_eq!(arch.graph(&inferred), graph, "{arch} at width {width}, inferred {}", inferred.width);
            assert_eq!((inferred.input_channels, inferred.classes), (1, 5));
            assert_eq!(inferred.head, None, "{arch}");
            if width.to_bits() == 1.0_f64.to_bits() {
                assert_eq!(inferred.width.to_bits(), width.to_bits(), "{arch}");
            }
        }
    }
}

#[test]
fn a_head_of_several_layers_is_read_off_its_names() {
    let linear = |features| HeadLayer::Linear { features, bias: true };
    let relu = HeadLayer::Function(Function::Relu);
    let norm = HeadLayer::BatchNorm { eps: 1e-5 };
    let heads = [
        (vec![linear(12), relu], 1, true),
        (vec![linear(12), norm, relu, linear(7), norm, relu], 1, true),
        (vec![norm, linear(5), relu], 1, true),
        (vec![HeadLayer::Linear { features: 9, bias: false }, norm, relu], 1, false),
        (vec![HeadLayer::LayerNorm { eps: 1e-5 }], 1, true),
        (vec![linear(6), relu], 3, true),
        (Vec::new(), 2, true),
        (Vec::new(), 1, false),
    ];
    for arch in Architecture::ALL.into_iter().filter(|arch| arch.kind() == ModelKind::Classifier) {
        for (hidden, pooled, bias) in heads.clone() {
            let head = Head { pooled, hidden, bias };
            let variant = Variant { width: 0.25, classes: 3, head: Some(head.clone()), ..arch.usual_variant() };
            let graph = arch.graph(&variant);
            let inferred = arch.infer(&shapes(&graph));
            assert_eq!(arch.graph(&inferred), graph, "{arch}, {head:?}, inferred {:?}", inferred.head);
            assert_eq!(inferred.classes, 3);
        }
    }
}

#[test]
fn a_network_without_learned_factor_is_recognized() {
    let graph = Architecture::InceptionV3.graph(&Variant { norm_scale: false, ..Variant::default() });
    assert!(!Architecture::InceptionV3.infer(&shapes(&graph)).norm_scale);
}

#[test]
fn the_level_that_p6_reads_is_told_by_its_kernel() {
    for p6_from_c5 in [false, true] {
        let variant = Variant { width: 0.1, p6_from_c5, ..Architecture::RetinaNet.usual_variant() };
        let graph = Architecture::RetinaNet.graph(&variant);
        assert_eq!(Architecture::RetinaNet.infer(&shapes(&graph)), variant);
    }
}

#[test]
fn every_architecture_is_told_by_its_tensors() {
    for arch in Architecture::ALL {
        for (input_channels, classes, width) in [(3, 1000, 1.0), (1, 14, 1.0), (3, 2, 0.25)] {
            let variant = Variant { input_channels, classes, width, ..arch.usual_variant() };
            let shapes = shapes(&arch.graph(&variant));
            let nearest = Architecture::nearest(&shapes).unwrap();
            assert!(nearest.is_exact(), "{arch} at {width}: {nearest}");
            // Scaled down, some networks of a family are the same: a wide ResNet-50 has the layers of a ResNet-50, but
            // not their proportions; an EfficientNet-B2 is a wider B1.
            if width.to_bits() == 1.0_f64.to_bits() {
                assert_eq!(nearest.architecture, arch);
                assert_eq!(Architecture::detect(&shapes), Some(arch));
            }
        }
    }
}

#[test]
fn near_misses_are_named_with_what_differs() {
    let linear = HeadLayer::Linear { features: 256, bias: true };
    let hidden = vec![linear, HeadLayer::Function(Function::Relu)];
    let head = Some(Head { hidden, ..Head::default() });
    let arch = Architecture::DenseNet169;
    let mut found = shapes(&arch.graph(&Variant { head, ..arch.usual_variant() }));
    let words = |found: &BTreeMap<String, Vec<usize>>| Architecture::nearest(found).unwrap().to_string();
    assert_eq!(words(&found), "densenet_169 with a head of 3 layers, 2 of them fully connected");
    found.insert("gate.weight".to_owned(), vec![3]);
    found.remove("classifier.2.bias");
    found.remove("features.norm5.bias");
    assert_eq!(
        words(&found),
        "densenet_169 with a head of 3 layers, 2 of them fully connected (846 of its 847 tensors fit: 1 missing \
         (features.norm5.bias), 1 superfluous (gate.weight))"
    );
    let other: BTreeMap<String, Vec<usize>> = [("conv1.weight", vec![32, 1, 3, 3]), ("fc.weight", vec![2, 99])]
        .into_iter()
        .map(|(name, shape)| (name.to_owned(), shape))
        .collect();
    assert_eq!(Architecture::detect(&other), None);
}
