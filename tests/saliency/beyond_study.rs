//! The methods beyond the study against pytorch-grad-cam and Captum; the fixture is made by
//! `tests/reference/beyond_study.py`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

use candle_core::{DType, Device};
use safetensors::SafeTensors;
use saliscope::network::{
    Architecture, CandleExecutor, CpuExecutor, CpuOptions, Executor, Graph, GraphBuilder, Pass, PassOutput, Variant,
    Weights,
};
use saliscope::saliency::methods::Occlusion;
use saliscope::saliency::{
    ArrayValues, Baseline, ClassChoice, Explanation, ImageInput, Method, Outcome, Parameters, Preset, Request, explain,
};

use crate::analytic::Analytic;
use crate::formula;
use crate::schedule::image;

struct Fixture {
    arrays: HashMap<String, Vec<f32>>,
    metadata: HashMap<String, String>,
}

impl Fixture {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/saliency_beyond_study.safetensors");
        let bytes = std::fs::read(path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let metadata = header.metadata().clone().unwrap();
        let floats = |data: &[u8]| data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let arrays = tensors.iter().map(|(name, view)| (name.to_owned(), floats(view.data()))).collect();
        Self { arrays, metadata }
    }

    /// Three times PyTorch's own error in single precision, or 1e-5, below which GCAM stays at full width: a grid of four
    /// cells may be more exact by luck.
    fn check(&self, name: &str, found: &[f32]) {
        let expected = &self.arrays[name];
        assert_eq!(found.len(), expected.len(), "{name}");
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
        let error = norm(&mut found.iter().zip(expected).map(|(a, b)| f64::from(*a) - f64::from(*b)))
            / norm(&mut expected.iter().map(|value| f64::from(*value)));
        let torch: f64 = self.metadata[&format!("{name}_error")].parse().unwrap();
        assert!(error <= (3.0 * torch).max(1e-5), "{name}: {error:.2e}, PyTorch in f32 {torch:.2e}");
    }
}

fn explained(executor: &dyn Executor, methods: &[Method], set: impl FnOnce(&mut Parameters)) -> Explanation {
    let input = ImageInput { id_seed: 0, values: formula::image("image", 3, 75, 75) };
    let mut request = Request::new(vec![input], methods.to_vec(), Preset::Arun2021);
    request.class = ClassChoice::Index(1);
    request.intermediates = true;
    set(&mut request.parameters);
    explain(executor, &request, &()).unwrap().remove(0)
}

fn check(executor: &dyn Executor) {
    let fixture = Fixture::read();
    let cams = [Method::LayerCam, Method::HiResCam];
    for key in ["last", "inner"] {
        let node = fixture.metadata[&format!("{key}_node")].clone();
        // Without a name it is the last one.
        let explanation = explained(executor, &cams, |of| of.gcam.node = (key == "inner").then(|| node.clone()));
        for method in cams {
            let map = explanation.map(method).unwrap();
            assert_eq!(map.provenance.tensor.as_deref(), Some(node.as_str()));
            fixture.check(&format!("{method}_{key}"), &map.raw);
            let ArrayValues::F32(grid) = &map.intermediates[0].values else { panic!("a grid holds real numbers") };
            assert_eq!(map.intermediates[0].name, format!("{method}_grid"));
            fixture.check(&format!("{method}_{key}_grid"), grid);
        }
    }
    for (key, patch_px, stride_px, fill) in
        [("value", 16, 11, Baseline::Value(-0.25)), ("mean", 20, 20, Baseline::ImageMean)]
    {
        let occlusion = Occlusion { patch_px, stride_px, fill };
        let explanation = explained(executor, &[Method::Occlusion], |of| of.occlusion = occlusion);
        let map = explanation.map(Method::Occlusion).unwrap();
        fixture.check(&format!("OCCLUSION_{key}"), &map.raw);
        assert_eq!(map.display.outcome, Outcome::Normal);
        assert!(map.raw.iter().any(|value| *value < 0.0), "the raw map keeps its sign");
        assert!(map.display.values.iter().all(|value| (0.0..=1.0).contains(value)));
    }
}

fn network() -> (Graph, Weights) {
    let graph = Architecture::DenseNet121.graph(&Variant { width: 0.125, ..Variant::default() });
    let weights = formula::weights(&graph);
    (graph, weights)
}

#[test]
fn candle_equals_the_others_programs() {
    let (graph, weights) = network();
    check(&CandleExecutor::new(graph, &weights, Device::Cpu, DType::F32).unwrap());
}

#[test]
fn the_processors_kernels_equal_the_others_programs() {
    let (graph, weights) = network();
    check(&CpuExecutor::new(graph, &weights, CpuOptions { threads: Some(2), ..CpuOptions::default() }).unwrap());
}

/// Fails where anything has to go back.
struct ForwardAlone(Analytic, Mutex<usize>);

impl Executor for ForwardAlone {
    fn graph(&self) -> &Graph {
        self.0.graph()
    }

    fn describe(&self) -> String {
        self.0.describe()
    }

    fn preferred_batch(&self, height: usize, width: usize) -> usize {
        self.0.preferred_batch(height, width)
    }

    fn run(&self, pass: &Pass<'_>) -> saliscope::network::Result<PassOutput> {
        assert!(!pass.gradient && !pass.guided_gradient && pass.activation.is_none(), "{pass:?}");
        *self.1.lock().unwrap() += pass.input.len();
        self.0.run(pass)
    }
}

#[test]
fn occlusion_asks_no_gradient_and_tells_what_it_asked() {
    let executor = ForwardAlone(Analytic::new(), Mutex::default());
    let mut request = Request::new(vec![image(1, 40, 36, false)], vec![Method::Occlusion], Preset::Arun2021);
    request.parameters.occlusion = Occlusion { patch_px: 8, stride_px: 5, fill: Baseline::ImageMinimum };
    let map = explain(&executor, &request, &()).unwrap().remove(0).maps.remove(0);
    // The image, and (32 / 5 rounded up, and 1) by (28 / 5 rounded up, and 1) places.
    let passes = 1 + 8 * 7;
    assert_eq!(executor.1.into_inner().unwrap(), passes);
    let evaluations = map.provenance.evaluations;
    assert_eq!([evaluations.needed, evaluations.distinct, evaluations.forward_alone], [passes; 3]);
    let provenance = serde_json::to_value(&map.provenance).unwrap();
    assert_eq!(provenance["parameters"]["occlusion"]["patch_px"], 8);
    assert_eq!(map.provenance.parameters.in_short(None), "8 px every 5 px, covered by the image's minimum");
}

/// Beside methods that want gradients, each gets its own and nothing more.
#[test]
fn company_changes_nothing() {
    let mut request = Request::new(
        vec![image(1, 24, 20, false), image(2, 24, 20, true)],
        vec![Method::Occlusion, Method::Sg, Method::Ig],
        Preset::Arun2021,
    );
    request.parameters.occlusion = Occlusion { patch_px: 7, stride_px: 4, fill: Baseline::ImageMean };
    request.parameters.sg.samples = 3;
    let together = explain(&Analytic::new(), &request, &()).unwrap();
    for batch in [1, 3, 64] {
        for method in [Method::Occlusion, Method::Sg, Method::Ig] {
            let alone = Request { methods: vec![method], batch: Some(batch), ..request.clone() };
            for (alone, together) in explain(&Analytic::new(), &alone, &()).unwrap().iter().zip(&together) {
                assert_eq!(alone.maps[0].raw, together.map(method).unwrap().raw, "{method}, batch {batch}");
            }
        }
    }
}

/// The two classes of one logit: what falls for one rises for the other, and both are explained.
#[test]
fn both_classes_of_one_logit_are_explained() {
    let (mut builder, input) = GraphBuilder::new(3, "stem");
    let features = builder.relu("features", input);
    let pooled = builder.global_avg_pool("pool", features);
    builder.linear("logits", pooled, 1);
    let graph = builder.finish("one logit", features, 1);
    let weights = Weights::initialize(&graph, 3);
    let candle = CandleExecutor::new(graph.clone(), &weights, Device::Cpu, DType::F32).unwrap();
    let own = CpuExecutor::new(graph, &weights, CpuOptions { threads: Some(1), ..CpuOptions::default() }).unwrap();
    let executors: [&dyn Executor; 2] = [&candle, &own];
    for executor in executors {
        let of_class = |class: usize| {
            let methods = vec![Method::Occlusion, Method::LayerCam, Method::HiResCam];
            let mut request = Request::new(vec![image(3, 24, 20, false)], methods, Preset::Arun2021);
            request.parameters.occlusion = Occlusion { patch_px: 6, stride_px: 3, fill: Baseline::ImageMaximum };
            request.class = ClassChoice::Index(class);
            explain(executor, &request, &()).unwrap().remove(0)
        };
        let [against, pro] = [0, 1].map(of_class);
        let [against_raw, pro_raw] = [&against, &pro].map(|of| &of.map(Method::Occlusion).unwrap().raw);
        assert!(pro_raw.iter().any(|value| *value != 0.0));
        assert!(against_raw.iter().zip(pro_raw).all(|(a, b)| *a + *b == 0.0), "{}", executor.describe());
        for method in [Method::LayerCam, Method::HiResCam] {
            let [a, b] = [&against, &pro].map(|of| &of.map(method).unwrap().raw);
            assert_ne!(a, b, "{method}");
        }
    }
}

#[test]
fn a_map_that_shows_nothing_says_why() {
    let mut executor = Analytic::new();
    executor.activation_factor = 0.0;
    let methods = vec![Method::LayerCam, Method::HiResCam];
    let request = Request::new(vec![image(1, 24, 20, false)], methods, Preset::Arun2021);
    for map in explain(&executor, &request, &()).unwrap().remove(0).maps {
        assert_eq!(map.display.outcome, Outcome::Blank, "{}", map.method);
        let reason = map.display.reason.unwrap();
        assert!(reason.starts_with(map.method.title()) && reason.contains("no positive evidence"), "{reason}");
    }
    let mut request = Request::new(vec![image(1, 24, 20, false)], vec![Method::Occlusion], Preset::Arun2021);
    let refused = explain(&Analytic::new(), &request, &()).unwrap_err().to_string();
    assert!(refused.starts_with("occlusion.patch_px is 32: it must be at most the shorter side"), "{refused}");
    // Covered by what it is made of.
    request.parameters.occlusion = Occlusion { patch_px: 6, stride_px: 6, fill: Baseline::Value(0.5) };
    request.images[0].values.values_mut().fill(0.5);
    let map = explain(&Analytic::new(), &request, &()).unwrap().remove(0).maps.remove(0);
    assert_eq!(map.display.outcome, Outcome::Blank);
    assert!(map.display.reason.unwrap().contains("no patch"));
}
