//! What must not change a map, and what a schedule saves.

use std::sync::Mutex;

use candle_core::{DType, Device};
use saliscope::network::{
    Architecture, Batch, CandleExecutor, CpuExecutor, CpuOptions, Executor, Isa, Variant, Weights,
};
use saliscope::saliency::{
    Baseline, ClassChoice, Explanation, ImageInput, MapWatch, Method, PartialMap, Preset, Request, explain,
};
use saliscope::watch::Watch;

use saliscope::saliency::methods::Occlusion;

use crate::analytic::Analytic;

/// An image with values from -0.8 (or -1, where `black`) to 0.9.
pub(crate) fn image(seed: u64, height: usize, width: usize, black: bool) -> ImageInput {
    let mut values: Vec<f32> = (0..3 * height * width)
        .map(|i| {
            let [y, x] = [i / width % height, i % width].map(|v| v as f32);
            0.4 * (0.3 * x + seed as f32).sin() + 0.4 * (0.2 * y - 0.1 * x * seed as f32).cos()
        })
        .collect();
    values[0] = if black { -1.0 } else { -0.8 };
    values[1] = 0.9;
    ImageInput { id_seed: seed, values: Batch::new([1, 3, height, width], values) }
}

fn small_request(images: Vec<ImageInput>) -> Request {
    let mut request = Request::new(images, Method::ALL.to_vec(), Preset::Arun2021);
    request.parameters.sg.samples = 3;
    request.parameters.sig.noise.samples = 4;
    request.parameters.sig.path.steps = 4;
    request.parameters.ig.steps = 4;
    request.parameters.xrai.ig_steps = 7;
    request.parameters.xrai.segments.resize_px = Some([48, 48]);
    request.parameters.occlusion = Occlusion { patch_px: 5, stride_px: 3, fill: Baseline::ImageMean };
    request.intermediates = true;
    request
}

/// Everything about an explanation but what it cost.
fn essence(explanation: &Explanation) -> Explanation {
    let mut essence = explanation.clone();
    for map in &mut essence.maps {
        map.provenance.seconds = 0.0;
        map.provenance.evaluations = saliscope::saliency::Evaluations::default();
    }
    essence
}

fn assert_invariant(executor: &dyn Executor, images: &[ImageInput], batches: &[usize]) {
    let run = |request: &Request| -> Vec<Explanation> {
        explain(executor, request, &()).unwrap().iter().map(essence).collect()
    };
    let request = small_request(images.to_vec());
    let expected = run(&request);
    assert!(expected.iter().all(|explanation| explanation.maps.len() == Method::ALL.len()));
    for batch in batches {
        assert!(run(&Request { batch: Some(*batch), ..request.clone() }) == expected, "batch {batch}");
    }

    let mut reversed = request.clone();
    reversed.images.reverse();
    reversed.images.push(images[0].clone());
    let found = run(&reversed);
    assert_eq!(found.len(), images.len() + 1);
    assert!(found.iter().take(images.len()).rev().eq(expected.iter()), "the order of the images");
    assert!(found[images.len()] == expected[0], "a repeated image");

    let pairs = [[Method::Sig, Method::Sg], [Method::Ggcam, Method::Xrai], [Method::Ig, Method::Grad]];
    let alone = Method::ALL.iter().map(|method| vec![*method]).chain(pairs.iter().map(|pair| pair.to_vec()));
    for methods in alone {
        let found = run(&Request { methods: methods.clone(), ..request.clone() });
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.maps.len(), methods.len());
            for method in &methods {
                assert!(found.map(*method) == expected.map(*method), "{method} beside {methods:?}");
            }
        }
    }
}

#[test]
fn neither_batch_nor_order_nor_company_changes_a_bit() {
    let images = [image(1, 24, 20, false), image(2, 24, 20, true), image(3, 16, 24, true), image(4, 24, 20, true)];
    assert_invariant(&Analytic::new(), &images, &[1, 2, 3, 7, 64, 1000]);
}

#[test]
fn the_same_holds_on_a_real_network() {
    let graph = Architecture::DenseNet121.graph(&Variant { width: 0.1, ..Variant::default() });
    let weights = Weights::initialize(&graph, 5);
    let executor = CandleExecutor::new(graph, &weights, Device::Cpu, DType::F32).unwrap();
    let images = [image(1, 48, 40, false), image(2, 48, 40, true)];
    assert_invariant(&executor, &images, &[1, 5, 64]);
}

#[test]
fn the_same_holds_for_the_processors_kernels() {
    let graph = Architecture::InceptionV3.graph(&Variant { width: 0.1, ..Variant::default() });
    let weights = Weights::initialize(&graph, 5);
    for isa in Isa::available() {
        let options = CpuOptions { threads: Some(2), isa: Some(isa), ..CpuOptions::default() };
        let executor = CpuExecutor::new(graph.clone(), &weights, options).unwrap();
        let images = [image(1, 80, 76, false), image(2, 80, 76, true)];
        assert_invariant(&executor, &images, &[1, 5, 64]);
    }
}

#[test]
fn threads_change_nothing() {
    // Large enough to be spread over threads.
    let request = small_request(vec![image(1, 100, 90, true)]);
    let executor = Analytic::new();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        essence(&pool.install(|| explain(&executor, &request, &())).unwrap().remove(0))
    };
    let alone = run(1);
    assert!([2, 5].into_iter().all(|threads| run(threads) == alone));
}

/// Sharing must be worth it, and must be told truly.
#[test]
fn every_different_input_is_evaluated_once() {
    #[derive(Default)]
    struct Counter(Mutex<Vec<[usize; 2]>>);
    impl Watch for Counter {
        fn progress(&self, done: usize, total: usize) {
            self.0.lock().unwrap().push([done, total]);
        }
    }
    impl MapWatch for Counter {}

    let mut request = Request::new(vec![image(1, 12, 12, true)], Method::STUDY.to_vec(), Preset::Arun2021);
    let executor = Analytic::new();
    let counter = Counter::default();
    let explanation = explain(&executor, &request, &counter).unwrap().remove(0);
    // The study counts 488. Image 1, constants 2, SG 25, SIG 25 x 8, XRAI 2 x 98, IG all in XRAI's first path.
    let expected = 1 + 2 + 25 + 200 + 196;
    assert_eq!(executor.evaluations(), expected);
    let progress = counter.0.into_inner().unwrap();
    assert_eq!(progress.last(), Some(&[expected, expected]));
    assert!(progress.is_sorted_by(|a, b| a[0] <= b[0] && a[1] == b[1]));

    let counts = explanation.maps.iter().map(|map| {
        let e = map.provenance.evaluations;
        (map.method, e.needed, e.distinct, e.shared)
    });
    let expected = [
        (Method::Grad, 1, 1, 1),
        (Method::Sg, 25, 25, 25),
        (Method::Ig, 10, 10, 10),
        (Method::Sig, 250, 226, 26),
        (Method::Gcam, 1, 1, 1),
        (Method::Xrai, 200, 199, 10),
        (Method::Gbp, 1, 1, 1),
        (Method::Ggcam, 2, 1, 1),
    ];
    assert!(counts.eq(expected));

    // A second image with the same range and class borrows both constants.
    request.images.push(image(1, 12, 12, true));
    request.images[1].values.values_mut()[5] = 0.5;
    request.images[1].id_seed = 9;
    request.class = ClassChoice::Index(0);
    let executor = Analytic::new();
    explain(&executor, &request, &()).unwrap();
    assert_eq!(executor.evaluations(), 2 * (1 + 25 + 200 + 196) + 2);
}

#[test]
fn batches_are_full_across_methods_and_images() {
    let executor = Analytic::new();
    let mut request = small_request(vec![image(1, 12, 12, false), image(2, 12, 12, true), image(3, 12, 12, true)]);
    // What goes forward alone has batches of its own.
    request.methods = Method::STUDY.to_vec();
    request.batch = Some(8);
    explain(&executor, &request, &()).unwrap();
    let passes = executor.passes.into_inner().unwrap();
    assert_eq!(passes[0], 3);
    let (last, full) = passes[1..].split_last().unwrap();
    assert!(full.iter().all(|len| *len == 8) && *last <= 8, "{passes:?}");
}

#[test]
fn a_device_with_little_memory_gets_smaller_batches() {
    let request = Request { batch: Some(16), ..small_request(vec![image(1, 12, 12, false), image(2, 12, 12, true)]) };
    let plenty = explain(&Analytic::new(), &request, &()).unwrap();
    let mut executor = Analytic::new();
    executor.memory = 3;
    let little = explain(&executor, &request, &()).unwrap();
    assert!(plenty.iter().map(essence).eq(little.iter().map(essence)));
    assert!(executor.passes.into_inner().unwrap().iter().all(|len| *len <= 2));
    let mut none = Analytic::new();
    none.memory = 0;
    assert!(explain(&none, &request, &()).is_err());
}

#[test]
fn noise_follows_the_seed_and_the_image_alone() {
    let maps = |seed, id_seed| {
        let mut images = vec![image(1, 12, 12, false)];
        images[0].id_seed = id_seed;
        let mut request = small_request(images);
        request.methods = vec![Method::Sg, Method::Ig];
        request.seed = seed;
        let explanation = explain(&Analytic::new(), &request, &()).unwrap().remove(0);
        [Method::Sg, Method::Ig].map(|method| explanation.map(method).unwrap().raw.clone())
    };
    let [sg, ig] = maps(1, 1);
    for [other_sg, other_ig] in [maps(2, 1), maps(1, 2)] {
        assert_ne!(sg, other_sg);
        assert_eq!(ig, other_ig);
    }
    assert_eq!(maps(1, 1), [sg, ig]);
}

#[test]
fn noisy_copies_keep_the_class_of_the_clean_image() {
    let mut request = small_request(vec![image(3, 12, 12, false)]);
    request.methods = vec![Method::Sg];
    request.parameters.sg.sigma_fraction = 3.0;
    let predicted = explain(&Analytic::new(), &request, &()).unwrap().remove(0);
    request.class = ClassChoice::Index(predicted.class);
    let fixed = explain(&Analytic::new(), &request, &()).unwrap().remove(0);
    assert_eq!(predicted.maps[0].raw, fixed.maps[0].raw);
}

#[test]
fn partial_maps_grow_into_the_finished_ones() {
    struct Part {
        method: Method,
        k: usize,
        n: usize,
        raw: Vec<f32>,
    }
    #[derive(Default)]
    struct Seen(Mutex<Vec<Part>>);
    impl Watch for Seen {}
    impl MapWatch for Seen {
        fn wants_partial_maps(&self) -> bool {
            true
        }

        fn partial(&self, partial: &PartialMap<'_>) {
            assert_eq!([partial.image, partial.height, partial.width], [0, 12, 12]);
            let PartialMap { method, k, n, raw, .. } = *partial;
            self.0.lock().unwrap().push(Part { method, k, n, raw: raw.to_vec() });
        }
    }

    let seen = Seen::default();
    let request = Request { batch: Some(2), ..small_request(vec![image(1, 12, 12, false)]) };
    let explanation = explain(&Analytic::new(), &request, &seen).unwrap().remove(0);
    let seen = seen.0.into_inner().unwrap();
    for map in &explanation.maps {
        let parts: Vec<_> = seen.iter().filter(|part| part.method == map.method).collect();
        assert!(parts.is_sorted_by(|a, b| a.k < b.k), "{}", map.method);
        let last = parts.last().unwrap();
        assert_eq!((last.k, &last.raw), (last.n, &map.raw));
        assert!(parts.len() > 1 || !matches!(map.method, Method::Sg | Method::Sig | Method::Xrai));
    }
}

#[test]
fn a_baseline_by_channel_equals_the_value_repeated() {
    let run = |baseline| {
        let mut request = small_request(vec![image(1, 12, 12, false)]);
        request.methods = vec![Method::Ig];
        request.parameters.ig.baseline = baseline;
        explain(&Analytic::new(), &request, &()).unwrap().remove(0).maps.remove(0).raw
    };
    assert_eq!(run(Baseline::Value(-0.25)), run(Baseline::Channels(vec![-0.25; 3])));
    assert_eq!(run(Baseline::ImageMinimum), run(Baseline::Value(-0.8)));
    assert_ne!(run(Baseline::ImageMaximum), run(Baseline::ImageMinimum));
}
