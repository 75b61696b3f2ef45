//! U-Net and RetinaNet: against PyTorch (fixtures by `tests/reference/localizers.py`), as files, and what refuses them.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::path::Path;

use candle_core::{DType, Device};
use common::executor_checks::relative_error;
use common::formula;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use saliscope::network::{
    Architecture, Batch, CandleExecutor, Conv2d, CpuExecutor, CpuOptions, Error, Executor, Graph, GraphBuilder, Model,
    ModelKind, Pass, Pool, Target, Variant, Weights,
};

/// A network with an image and PyTorch's outputs in double precision.
struct Fixture {
    name: &'static str,
    graph: Graph,
    image: Batch,
    outputs: Vec<Vec<f64>>,
}

fn fixtures() -> Vec<Fixture> {
    ["u_net", "retina_net_c5", "retina_net_p5"].map(read).into()
}

fn read(name: &'static str) -> Fixture {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/localizer_{name}.safetensors"));
    let bytes = std::fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let said = header.metadata().clone().unwrap();
    let number = |key: &str| said[key].parse::<usize>().unwrap();
    let variant = Variant {
        input_channels: number("channels"),
        classes: number("classes"),
        width: said["width"].parse().unwrap(),
        p6_from_c5: name == "retina_net_c5",
        ..Variant::default()
    };
    let graph = said["architecture"].parse::<Architecture>().unwrap().graph(&variant);
    let (height, width) = said["size"].split_once('x').unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let values = |index: usize| {
        let view = tensors.tensor(&format!("output{index}")).unwrap();
        view.data().as_chunks::<8>().0.iter().map(|word| f64::from_le_bytes(*word)).collect()
    };
    Fixture {
        name,
        image: formula::image("image", variant.input_channels, height.parse().unwrap(), width.parse().unwrap()),
        outputs: (0..tensors.len()).map(values).collect(),
        graph,
    }
}

#[test]
fn outputs_equal_pytorch() {
    for Fixture { name, graph, image, outputs } in fixtures() {
        for (dtype, bound) in [(DType::F64, 1e-7), (DType::F32, 5e-6)] {
            let executor = CandleExecutor::new(graph.clone(), &formula::weights(&graph), Device::Cpu, dtype).unwrap();
            let found = executor.outputs(&image).unwrap();
            assert_eq!(found.len(), outputs.len());
            for (index, (found, expected)) in found.iter().zip(&outputs).enumerate() {
                let values: Vec<f64> = found.values().iter().map(|value| f64::from(*value)).collect();
                let error = relative_error(&values, expected);
                // The result is rounded to f32 either way.
                assert!(error < bound, "{name}, output {index}, {}: error {error:.2e}", dtype.as_str());
            }
        }
    }
}

#[test]
fn an_image_has_the_same_outputs_in_any_batch() {
    for Fixture { graph, image, .. } in fixtures() {
        let executor = CandleExecutor::new(graph.clone(), &formula::weights(&graph), Device::Cpu, DType::F32).unwrap();
        let [_, channels, height, width] = image.shape();
        let images = formula::images(3, channels, height, width);
        let together = executor.outputs(&images).unwrap();
        for index in 0..images.len() {
            for (alone, all) in executor.outputs(&images.select(&[index])).unwrap().iter().zip(&together) {
                assert_eq!(alone.values(), all.image(index));
            }
        }
        let wrong = formula::image("image", channels + 1, height, width);
        assert!(matches!(executor.outputs(&wrong), Err(Error::InputShape { .. })));
    }
}

/// A classifier that adds, upsamples and shares.
fn residual_classifier() -> Graph {
    let (mut builder, image) = GraphBuilder::new(2, "stem");
    let conv = |out_channels, stride| Conv2d::new(out_channels, [3, 3]).stride([stride; 2]).padding([1, 1]).bias(true);
    let first = builder.conv("first", image, conv(3, 1));
    let half = builder.conv("half", first, conv(3, 2));
    let shared = builder.conv_shared("half.again", half, half);
    let up = builder.upsample_nearest("up", shared, first);
    let sum = builder.add("sum", first, up);
    let twice = builder.add("twice", sum, sum);
    let pooled = builder.avg_pool("pool", twice, Pool::square(2, 1, 0), true);
    let mean = builder.global_avg_pool("mean", pooled);
    builder.linear("fc", mean, 3);
    builder.finish("residual", twice, 4)
}

#[test]
fn gradients_pass_sums_upsampling_and_shared_kernels() {
    let graph = residual_classifier();
    assert_eq!(graph.kind(), ModelKind::Classifier);
    assert_eq!(graph.parameters().len(), 6);
    let executor = CandleExecutor::new(graph.clone(), &formula::weights(&graph), Device::Cpu, DType::F64).unwrap();
    let kernels = CpuExecutor::new(graph.clone(), &formula::weights(&graph), CpuOptions::default()).unwrap();
    for (height, width) in [(7, 5), (8, 6), (4, 11)] {
        let image = formula::image("image", 2, height, width);
        let pass = Pass { target: Target::Class(1), gradient: true, ..Pass::logits(&image) };
        let exact = executor.run_f64(&pass).unwrap();
        let gradient = exact.gradient.unwrap();
        let output = kernels.run(&pass).unwrap();
        let near = |found: &[f32], exact: &[f64]| {
            let largest = exact.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
            assert_eq!(found.len(), exact.len());
            for (found, exact) in found.iter().zip(exact) {
                assert!((f64::from(*found) - exact).abs() <= 1e-5 * largest, "{found} against {exact}");
            }
        };
        near(&output.logits, &exact.logits);
        near(output.gradient.unwrap().values(), &gradient);
        // The network is affine, so a difference of any width gives the gradient.
        for position in (0..image.image_len()).step_by(3) {
            let logit = |step: f32| {
                let mut moved = image.clone();
                moved.values_mut()[position] = step;
                executor.run_f64(&Pass::logits(&moved)).unwrap().logits[1]
            };
            let difference = (logit(8.0) - logit(-8.0)) / 16.0;
            assert!((gradient[position] - difference).abs() < 1e-12, "{} against {difference}", gradient[position]);
        }
    }
}

#[test]
fn nodes_of_different_extent_are_not_added() {
    let (mut builder, image) = GraphBuilder::new(1, "stem");
    let pooled = builder.max_pool("pool", image, Pool::square(2, 2, 0));
    let sum = builder.add("sum", image, pooled);
    let graph = builder.finish("wrong", sum, 1);
    let error = graph.extents(4, 6).unwrap_err().to_string();
    assert_eq!(error, "sum reads [4, 6] and [2, 3] rows and columns, which must be equal");
}

#[test]
fn executors_refuse_passes_of_networks_that_localize() {
    for Fixture { graph, image, .. } in fixtures() {
        let weights = formula::weights(&graph);
        let executor = CandleExecutor::new(graph.clone(), &weights, Device::Cpu, DType::F32).unwrap();
        let error = executor.run(&Pass::logits(&image)).unwrap_err();
        assert!(matches!(error, Error::NotAClassifier { .. }), "{error}");
        let refused = CpuExecutor::new(graph.clone(), &weights, CpuOptions::default()).err().unwrap();
        assert_eq!(
            refused.to_string(),
            format!("this model localizes ({}); predictions and saliency need a classifier", graph.architecture())
        );
    }
}

#[test]
fn models_that_localize_are_opened_by_their_tensors_or_their_card() {
    let folder = tempfile::tempdir().unwrap();
    for (fixture, kind) in fixtures().iter().zip([ModelKind::Segmentation, ModelKind::Detection, ModelKind::Detection])
    {
        let path = folder.path().join(format!("{}.safetensors", fixture.name));
        Weights::initialize(&fixture.graph, 5).save(&path).unwrap();
        let model = Model::open(&path, None).unwrap();
        assert_eq!((&model.graph, model.card.kind), (&fixture.graph, kind));
        assert!(matches!(model.require_classifier(), Err(Error::NotAClassifier { .. })));
        model.card.save(&path.with_extension("json")).unwrap();
        assert_eq!(Model::open(&path, None).unwrap(), model, "the card says what the tensors said");
    }
}

/// torchvision's first RetinaNet numbered its convolutions otherwise, and its published weights still do.
#[test]
fn the_first_names_of_torchvisions_retina_net_are_understood() {
    let Fixture { graph, .. } = read("retina_net_p5");
    let weights = Weights::initialize(&graph, 3);
    let old_name = |name: &str| {
        let parts: Vec<&str> = name.split('.').collect();
        match parts[..] {
            ["head", head, "conv", layer, "0", kind] => {
                format!("head.{head}.conv.{}.{kind}", 2 * layer.parse::<usize>().unwrap())
            }
            ["backbone", "fpn", blocks, index, "0", kind] => format!("backbone.fpn.{blocks}.{index}.{kind}"),
            _ => name.to_owned(),
        }
    };
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = weights
        .iter()
        .map(|(name, tensor)| {
            let data = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (old_name(name), tensor.shape.clone(), data)
        })
        .collect();
    assert!(tensors.iter().any(|(name, ..)| name == "head.regression_head.conv.6.bias"));
    let views = tensors
        .iter()
        .map(|(name, shape, data)| (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), data).unwrap()));
    let bytes = safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap();
    assert_eq!(Weights::from_safetensors(&bytes, &graph).unwrap(), weights);
}

#[test]
fn heads_begin_small_and_scores_rare_at_any_width() {
    for (width, tolerance) in [(1.0, 0.01), (0.125, 0.05)] {
        let graph = Architecture::RetinaNet.graph(&Variant { width, ..Architecture::RetinaNet.usual_variant() });
        let weights = Weights::initialize(&graph, 1);
        let deviation = |name: &str| {
            let values = &weights.get(name).unwrap().values;
            (values.iter().map(|w| f64::from(w * w)).sum::<f64>() / values.len() as f64).sqrt()
        };
        let expected = 0.01 / f64::sqrt(width);
        let found = deviation("head.classification_head.conv.2.0.weight");
        assert!((found / expected - 1.0).abs() < tolerance, "{found} instead of {expected}");
        let expected = (1.0 / (9.0 * 256.0 * width)).sqrt();
        let found = deviation("backbone.fpn.layer_blocks.1.0.weight");
        assert!((found / expected - 1.0).abs() < tolerance, "{found} instead of {expected}");
        for score in &weights.get("head.classification_head.cls_logits.bias").unwrap().values {
            assert!((1.0 / (1.0 + (-score).exp()) - 0.01).abs() < 1e-6);
        }
        assert!(weights.get("head.regression_head.bbox_reg.bias").unwrap().values.iter().all(|bias| *bias == 0.0));
    }
}
