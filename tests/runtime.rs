//! Where networks run is decided once: every kind of network on every kind of place, and what is said where a place cannot
//! be had.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![allow(clippy::float_cmp, reason = "equal bits compare exactly")]

use candle_core::Device;
use saliscope::network::{
    AdamW, Architecture, Batch, CpuForward, CpuOptions, CpuTrainer, DeviceChoice, Devices, ExecutorChoice, Forward,
    Gpu, Graph, Isa, Mode, Model, ModelKind, Pass, Runtime, RuntimeOptions, StartError, Target, Trainable as _,
    Variant, Weights,
};

const SIDE_PX: usize = 96;

/// One of each family.
const FAMILIES: [Architecture; 13] = [
    Architecture::InceptionV3,
    Architecture::DenseNet121,
    Architecture::ResNet18,
    Architecture::ResNext50,
    Architecture::Vgg11Norm,
    Architecture::AlexNet,
    Architecture::GoogLeNet,
    Architecture::MobileNetV3Small,
    Architecture::EfficientNetB0,
    Architecture::RegNetY400Mf,
    Architecture::ConvNextTiny,
    Architecture::UNet,
    Architecture::RetinaNet,
];

/// A narrow network with seeded weights.
fn network(architecture: Architecture) -> (Graph, Weights) {
    let graph = architecture.graph(&Variant { width: 0.0625, ..architecture.usual_variant() });
    let weights = Weights::initialize(&graph, 5);
    (graph, weights)
}

/// The same as a file that was opened.
fn model(architecture: Architecture) -> Model {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    network(architecture).1.save(&path).unwrap();
    let card = format!(r#"{{"architecture": "{architecture}", "input_size": [{SIDE_PX}, {SIDE_PX}]}}"#);
    std::fs::write(path.with_extension("json"), card).unwrap();
    Model::open(&path, None).unwrap()
}

fn images(graph: &Graph, count: usize) -> Batch {
    let shape = [count, graph.input_channels(), SIDE_PX, SIDE_PX];
    let len: usize = shape.iter().product();
    Batch::new(shape, (0..len).map(|index| (index as f32 * 0.37).sin()).collect())
}

fn options(executor: ExecutorChoice) -> RuntimeOptions {
    RuntimeOptions { device: DeviceChoice::Cpu, executor, threads: Some(2), ..RuntimeOptions::default() }
}

fn both() -> [Runtime; 2] {
    [ExecutorChoice::Auto, ExecutorChoice::Candle].map(|executor| Runtime::open(&options(executor)).unwrap())
}

/// The largest distance, relative to the largest value.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0_f32, |most, value| most.max(value.abs()));
    largest(&mut a.iter().zip(b).map(|(a, b)| a - b)) / largest(&mut a.iter().copied()).max(1e-6)
}

#[test]
fn every_kind_of_network_runs_forward_in_both_executors() {
    for architecture in FAMILIES {
        let model = model(architecture);
        let input = images(&model.graph, 2);
        let mut found: Vec<Vec<Batch>> = Vec::new();
        for (runtime, words) in both().iter().zip(["cpu (", "candle (cpu, f32)"]) {
            let mut forward = runtime.forward(&model).unwrap();
            assert!(forward.describe().starts_with(words), "{architecture}: {}", forward.describe());
            assert!(forward.preferred_batch(SIDE_PX, SIDE_PX) >= 1);
            found.push(forward.outputs(&input).unwrap());
        }
        for (kernels, candle) in found[0].iter().zip(&found[1]) {
            assert_eq!(kernels.shape(), candle.shape(), "{architecture}");
            assert!(kernels.values().iter().any(|value| *value != 0.0), "{architecture}");
            let far = distance(kernels.values(), candle.values());
            assert!(far < 1e-3, "{architecture}: {far}");
        }
    }
}

#[test]
fn executors_are_for_classifiers_and_trainers_for_all() {
    for architecture in FAMILIES {
        let (graph, weights) = network(architecture);
        let input = images(&graph, 2);
        let is_classifier = architecture.kind() == ModelKind::Classifier;
        for runtime in both() {
            let executor = runtime.executor(&graph, &weights);
            assert_eq!(executor.is_ok(), is_classifier, "{architecture}: {}", runtime.describe());
            if let Ok(executor) = executor {
                let output = executor.run(&pass(&input)).unwrap();
                assert!(output.gradient.unwrap().values().iter().all(|value| value.is_finite()), "{architecture}");
            }
            let mut trainer = runtime.trainer(graph.clone(), &weights).unwrap();
            let outputs = trainer.forward(&input, Mode::Train).unwrap();
            let ones: Vec<Batch> =
                outputs.iter().map(|output| Batch::new(output.shape(), vec![1e-3; output.values().len()])).collect();
            trainer.backward(&ones).unwrap();
            assert!(trainer.update(&AdamW::default()).unwrap() > 0.0, "{architecture}");
            assert!(trainer.weights().unwrap() != weights, "{architecture}: a step changes weights");
        }
    }
}

fn pass(input: &Batch) -> Pass<'_> {
    Pass { input, target: Target::Class(0), gradient: true, guided_gradient: false, activation: None }
}

#[test]
fn forward_passes_are_the_trainers_bits_without_its_memory() {
    for architecture in [Architecture::UNet, Architecture::RetinaNet, Architecture::DenseNet121] {
        let (graph, weights) = network(architecture);
        let numbers: usize = weights.iter().map(|(_, tensor)| tensor.values.len()).sum();
        for isa in Isa::available() {
            let options = CpuOptions { threads: Some(2), isa: Some(isa), ..CpuOptions::default() };
            let mut forward = CpuForward::new(graph.clone(), &weights, options).unwrap();
            let mut trainer = CpuTrainer::new(graph.clone(), &weights, options).unwrap();
            // Of four numbers a weight, three are a gradient and two moments.
            assert_eq!((forward.held_bytes(), trainer.held_bytes()), (4 * numbers, 16 * numbers), "{architecture}");
            for count in [3, 1] {
                let input = images(&graph, count);
                let outputs = forward.outputs(&input).unwrap();
                assert_eq!(outputs, trainer.forward(&input, Mode::Evaluate).unwrap(), "{architecture}, {isa}");
                assert_eq!(forward.held_bytes() + 12 * numbers, trainer.held_bytes(), "{architecture}, after a pass");
            }
            let none = Batch::zeros([0, graph.input_channels(), SIDE_PX, SIDE_PX]);
            assert!(forward.outputs(&none).is_err() && forward.outputs(&Batch::zeros([1, 7, 96, 96])).is_err());
        }
        let runtime = Runtime::open(&options(ExecutorChoice::Auto)).unwrap();
        let made = runtime.forward(&model(architecture)).unwrap();
        let is_classifier = architecture == Architecture::DenseNet121;
        assert!(if is_classifier {
            matches!(made, Forward::Classifier(_))
        } else {
            matches!(made, Forward::Kernels(_))
        });
    }
}

/// A build for these GPUs, none of which starts.
struct Broken(Vec<Gpu>);

impl Devices for Broken {
    fn is_built(&self, gpu: Gpu) -> bool {
        self.0.contains(&gpu)
    }

    fn start(&self, _: Gpu) -> candle_core::Result<Device> {
        Err(candle_core::Error::Msg("the driver is too old".to_owned()))
    }
}

#[test]
fn a_gpu_that_does_not_start_is_an_error_where_named_and_a_warning_where_not() {
    let of = |device| RuntimeOptions { device, threads: Some(1), ..RuntimeOptions::default() };
    for (gpu, device) in [(Gpu::Cuda, DeviceChoice::Cuda), (Gpu::Metal, DeviceChoice::Metal)] {
        let broken = Broken(vec![gpu]);
        let refused = Runtime::open_on(&of(device), &broken).unwrap_err();
        assert_eq!(refused, StartError::Failed { gpu, reason: "the driver is too old".to_owned() });
        let words = refused.to_string();
        assert!(
            words.contains(gpu.name()) && words.contains("the driver is too old") && words.contains("--device cpu")
        );
        for runtime in [
            Runtime::open_on(&of(DeviceChoice::Auto), &broken).unwrap(),
            Runtime::open_or_processor(&of(device), &broken).unwrap(),
        ] {
            let warning = runtime.warning().unwrap();
            assert!(
                warning.starts_with(&format!("{} could not start (the driver is too old)", gpu.name())),
                "{warning}"
            );
            assert!(
                warning.ends_with(&runtime.describe()) && runtime.describe().starts_with("processor, "),
                "{warning}"
            );
            let (graph, weights) = network(Architecture::DenseNet121);
            assert!(runtime.executor(&graph, &weights).unwrap().describe().starts_with("cpu ("));
        }
        let candle = RuntimeOptions { executor: ExecutorChoice::Candle, ..of(DeviceChoice::Auto) };
        let candle = Runtime::open_on(&candle, &broken).unwrap();
        assert!(candle.warning().is_some() && candle.describe() == "processor, candle");
        // Whoever asks for the processor's kernels looks for no GPU.
        let kernels = RuntimeOptions { executor: ExecutorChoice::Cpu, ..of(DeviceChoice::Auto) };
        let portable = RuntimeOptions { isa: Some(Isa::Portable), ..of(DeviceChoice::Auto) };
        for options in [kernels, portable, of(DeviceChoice::Cpu)] {
            assert_eq!(Runtime::open_on(&options, &broken).unwrap().warning(), None);
        }
    }
    let none = Broken(Vec::new());
    assert_eq!(Runtime::open_on(&of(DeviceChoice::Auto), &none).unwrap().warning(), None, "nothing was to be had");
    let refused = Runtime::open_on(&of(DeviceChoice::Cuda), &none).unwrap_err();
    assert_eq!(refused, StartError::NotBuilt { gpu: Gpu::Cuda });
    assert!(refused.to_string().contains("--features cuda") && refused.to_string().contains("--device cpu"));
    let instead = Runtime::open_or_processor(&of(DeviceChoice::Cuda), &none).unwrap();
    assert!(instead.warning().unwrap().contains("--features cuda"));
}

#[test]
fn choices_that_exclude_each_other_are_told() {
    let cuda = |executor, isa| RuntimeOptions { device: DeviceChoice::Cuda, executor, isa, threads: None };
    for (options, error) in [
        (cuda(ExecutorChoice::Cpu, None), StartError::KernelsOnGpu),
        (cuda(ExecutorChoice::Auto, Some(Isa::Portable)), StartError::IsaWithoutKernels),
        (RuntimeOptions { isa: Some(Isa::Portable), ..options(ExecutorChoice::Candle) }, StartError::IsaWithoutKernels),
    ] {
        assert!(error.is_contradiction());
        assert_eq!(Runtime::open(&options).unwrap_err(), error);
    }
    for isa in [Isa::Avx512, Isa::Avx2].into_iter().filter(|isa| !isa.is_available()) {
        let refused = Runtime::open(&RuntimeOptions { isa: Some(isa), ..options(ExecutorChoice::Auto) }).unwrap_err();
        assert_eq!(refused, StartError::NoIsa { isa });
    }
}

#[test]
fn words_say_where_and_workers_share_the_threads() {
    let open = |threads, isa| {
        Runtime::open(&RuntimeOptions { threads: Some(threads), isa: Some(isa), ..options(ExecutorChoice::Auto) })
            .unwrap()
    };
    let portable = open(5, Isa::Portable);
    assert_eq!(portable.describe(), "processor, portable, 5 threads");
    assert_eq!(portable.share(1).describe(), "processor, portable, 5 threads");
    assert_eq!(portable.share(2).describe(), "processor, portable, 2 threads");
    assert_eq!(portable.share(9).describe(), "processor, portable, 1 thread");
    let (graph, weights) = network(Architecture::DenseNet121);
    assert!(portable.share(2).executor(&graph, &weights).unwrap().describe().contains("2 threads"));
    assert!(portable.is_same_place(&portable.clone()) && !portable.is_same_place(&portable.share(2)));
    let [kernels, candle] = both();
    assert!(!kernels.is_same_place(&candle) && candle.is_same_place(&candle.clone()));
    assert_eq!(candle.describe(), "processor, candle");
    assert_eq!(candle.share(2).describe(), "processor, candle");
}
