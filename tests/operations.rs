//! Single operations against PyTorch in double precision; the fixture is by `tests/reference/operations.py`.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::path::Path;

use candle_core::{DType, Device};
use common::formula;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use saliscope::network::{
    Batch, Border, CandleExecutor, CandleTrainer, Conv2d, CpuOptions, CpuTrainer, Executor, Graph, GraphBuilder, Isa,
    Mode, NodeId, Nonlinearity, Op, Pass, Pool, Target, Tensor, Trainable, Weights,
};

type Build = Box<dyn Fn(&mut GraphBuilder, NodeId) -> NodeId>;

fn conv(conv: Conv2d) -> Build {
    Box::new(move |builder, x| builder.conv("op", x, conv))
}

fn max(pool: Pool) -> Build {
    Box::new(move |builder, x| builder.max_pool("op", x, pool))
}

fn average(pool: Pool, count_include_pad: bool) -> Build {
    Box::new(move |builder, x| builder.avg_pool("op", x, pool, count_include_pad))
}

fn adaptive(output: [usize; 2]) -> Build {
    Box::new(move |builder, x| builder.adaptive_avg_pool("op", x, output))
}

fn function(function: Nonlinearity) -> Build {
    Box::new(move |builder, x| builder.nonlinearity("op", x, function))
}

fn convolutions() -> Vec<(&'static str, Build)> {
    let border = |before, after| Border { before, after };
    let same = Conv2d { padding: border([0, 0], [1, 1]), ..Conv2d::new(4, [3, 3]).stride([2, 2]).bias(true) };
    let skewed = Conv2d { padding: border([2, 0], [1, 3]), dilation: [2, 1], ..Conv2d::new(4, [3, 4]).stride([1, 2]) };
    let late = Conv2d { padding: border([0, 1], [4, 2]), dilation: [3, 2], ..Conv2d::new(6, [2, 3]).stride([3, 2]) };
    let grouped = Conv2d { dilation: [2, 3], ..Conv2d::new(9, [3, 2]).stride([2, 1]).padding([2, 1]) };
    let dilated = Conv2d { dilation: [2, 2], ..Conv2d::new(7, [3, 3]).padding([2, 2]) };
    vec![
        ("conv_grouped", conv(grouped.groups(3).bias(true))),
        ("conv_depthwise", conv(Conv2d::new(10, [5, 5]).stride([2, 2]).padding([2, 2]).groups(5))),
        ("conv_wide", conv(Conv2d::new(17, [7, 7]).padding([3, 3]).groups(17).bias(true))),
        ("conv_pointwise", conv(Conv2d::new(12, [1, 1]).groups(4).bias(true))),
        ("conv_same", conv(same)),
        ("conv_skewed", conv(skewed)),
        ("conv_late", conv(late.groups(2).bias(true))),
        ("conv_dilated", conv(dilated.bias(true))),
    ]
}

fn pools() -> Vec<(&'static str, Build)> {
    let ceil = |kernel, stride, sides| Pool { kernel, stride, padding: Border::equal(sides), ceil_mode: true };
    let skewed =
        Pool { kernel: [3, 2], stride: [2, 2], padding: Border { before: [0, 1], after: [1, 0] }, ceil_mode: false };
    vec![
        ("max_ceil", max(ceil([3, 2], [2, 3], [1, 0]))),
        ("max_dropped", max(ceil([2, 2], [2, 2], [1, 1]))),
        ("max_googlenet", max(ceil([3, 3], [2, 2], [0, 0]))),
        ("max_skewed", max(skewed)),
        ("avg_ceil_include", average(ceil([3, 2], [2, 2], [1, 1]), true)),
        ("avg_ceil_exclude", average(ceil([3, 2], [2, 2], [1, 1]), false)),
        ("avg_dropped_include", average(ceil([2, 2], [2, 2], [1, 1]), true)),
        ("avg_ceil_bare", average(ceil([3, 2], [2, 3], [0, 0]), true)),
        ("avg_skewed_include", average(skewed, true)),
        ("avg_skewed_exclude", average(skewed, false)),
        ("adaptive_down", adaptive([3, 4])),
        ("adaptive_up", adaptive([4, 5])),
        ("adaptive_equal", adaptive([7, 7])),
    ]
}

fn joins() -> Vec<(&'static str, Build)> {
    let squeezed = |builder: &mut GraphBuilder, x| {
        let mean = builder.global_avg_pool("mean", x);
        let factor = builder.nonlinearity("factor", mean, Nonlinearity::Silu);
        builder.mul("op", x, factor)
    };
    let equal = |builder: &mut GraphBuilder, x| {
        let factor = builder.nonlinearity("factor", x, Nonlinearity::Tanh);
        builder.mul("op", x, factor)
    };
    let border = Border { before: [2, 0], after: [1, 3] };
    vec![
        ("layer_norm", Box::new(|builder, x| builder.layer_norm("op", x, 1e-6))),
        ("scale", Box::new(|builder, x| builder.scale("op", x, false))),
        ("scale_bias", Box::new(|builder, x| builder.scale("op", x, true))),
        ("mul_broadcast", Box::new(squeezed)),
        ("mul_equal", Box::new(equal)),
        ("mul_self", Box::new(|builder, x| builder.mul("op", x, x))),
        ("add_self", Box::new(|builder, x| builder.add("op", x, x))),
        ("pad", Box::new(move |builder, x| builder.pad("op", x, border))),
    ]
}

fn functions() -> Vec<(&'static str, Build)> {
    vec![
        ("relu6", function(Nonlinearity::RELU6)),
        ("clip", function(Nonlinearity::Clip { low: -1.0, high: 0.5 })),
        ("sigmoid", function(Nonlinearity::Sigmoid)),
        ("silu", function(Nonlinearity::Silu)),
        ("hard_sigmoid", function(Nonlinearity::HARD_SIGMOID)),
        ("hard_sigmoid_quarter", function(Nonlinearity::HardSigmoid { slope: 0.25, offset: 0.5 })),
        ("hard_swish", function(Nonlinearity::HardSwish)),
        ("gelu", function(Nonlinearity::Gelu)),
        ("gelu_tanh", function(Nonlinearity::GeluTanh)),
        ("leaky_relu", function(Nonlinearity::LeakyRelu { slope: 0.125 })),
        ("elu", function(Nonlinearity::Elu { alpha: 0.5 })),
        ("tanh", function(Nonlinearity::Tanh)),
    ]
}

/// What PyTorch said.
struct Reference(Vec<u8>);

impl Reference {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/operations.safetensors");
        Self(std::fs::read(path).unwrap())
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).unwrap()
    }

    fn values(&self, key: &str) -> Vec<f64> {
        let tensors = self.tensors();
        let words = |view: TensorView<'_>| -> Vec<f64> {
            view.data().as_chunks::<8>().0.iter().map(|word| f64::from_le_bytes(*word)).collect()
        };
        words(tensors.tensor(key).unwrap())
    }

    fn cases(&self) -> Vec<Case<'_>> {
        let all = [convolutions(), pools(), joins(), functions()].into_iter().flatten();
        let cases: Vec<Case<'_>> = all.map(|(name, build)| Case::new(self, name, &build)).collect();
        let outputs = self.tensors().names().into_iter().filter(|name| name.ends_with(" output")).count();
        assert_eq!(cases.len(), outputs, "every case of the fixture is checked");
        cases
    }
}

/// One operation between an image and a weighted sum of what it writes. In front of it lies a factor of 1 a channel with
/// an offset of 0, whose gradients trainers give: sums of the gradient by the input.
struct Case<'a> {
    reference: &'a Reference,
    name: &'static str,
    graph: Graph,
    weights: Weights,
    input: Batch,
}

impl<'a> Case<'a> {
    fn new(reference: &'a Reference, name: &'static str, build: &Build) -> Self {
        let tensors = reference.tensors();
        let view = tensors.tensor(&format!("{name} input")).unwrap();
        let values = view.data().as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect();
        let input = Batch::new(view.shape().try_into().unwrap(), values);
        let [_, _, rows, columns]: [usize; 4] =
            tensors.tensor(&format!("{name} output")).unwrap().shape().try_into().unwrap();
        let (mut builder, image) = GraphBuilder::new(input.shape()[1], "all");
        let before = builder.scale("before", image, true);
        let op = build(&mut builder, before);
        builder.flatten_linear("fc", op, [rows, columns], 1, false);
        let graph = builder.finish("test", op, 1);
        let mut weights = formula::weights(&graph);
        for (name, value) in [("before.weight", 1.0), ("before.bias", 0.0)] {
            let shape = weights.get(name).unwrap().shape.clone();
            let values = vec![value; shape.iter().product()];
            weights.insert(name.to_owned(), Tensor { shape, values });
        }
        Self { reference, name, graph, weights, input }
    }

    fn expected(&self, what: &str) -> Vec<f64> {
        self.reference.values(&format!("{} {what}", self.name))
    }

    /// The largest difference, in parts of the largest value.
    fn check<T: Copy + Into<f64>>(&self, who: &str, what: &str, found: &[T], bound: f64) {
        let expected = self.expected(what);
        assert_near(&format!("{who}, {} {what}", self.name), found, &expected, bound);
    }

    fn check_trainer(&self, trainer: &mut dyn Trainable) {
        let who = trainer.describe();
        let outputs = trainer.forward(&self.input, Mode::Train).unwrap();
        let [images, channels, ..] = self.input.shape();
        trainer.backward(&[Batch::new([images, 1, 1, 1], vec![1.0; images])]).unwrap();
        let gradients = trainer.gradients().unwrap();
        let weighted = |output: &[f64]| -> f64 {
            let weights = &self.weights.get("fc.weight").unwrap().values;
            output.iter().zip(weights).map(|(value, weight)| value * f64::from(*weight)).sum()
        };
        let output = self.expected("output");
        let length = output.len() / images;
        let logits: Vec<f64> = output.chunks_exact(length).map(weighted).collect();
        let scale = output.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        for (found, expected) in outputs[0].values().iter().zip(&logits) {
            assert!((f64::from(*found) - expected).abs() < 1e-5 * scale, "{who}, {}: {found} {expected}", self.name);
        }
        // By the last layer: what the operation wrote, of all images together.
        let sums: Vec<f64> = (0..length).map(|at| output.iter().skip(at).step_by(length).sum()).collect();
        let name = format!("{who}, {}", self.name);
        assert_near(&format!("{name} fc.weight"), &gradients.get("fc.weight").unwrap().values, &sums, 1e-5);
        let (gradient, plane) = (self.expected("gradient"), self.input.image_len() / channels);
        let (mut plain, mut weighted) = (vec![0.0; channels], vec![0.0; channels]);
        for (index, (gradient, x)) in gradient.iter().zip(self.input.values()).enumerate() {
            plain[index / plane % channels] += gradient;
            weighted[index / plane % channels] += gradient * f64::from(*x);
        }
        assert_near(&format!("{name} before.bias"), &gradients.get("before.bias").unwrap().values, &plain, 2e-5);
        assert_near(&format!("{name} before.weight"), &gradients.get("before.weight").unwrap().values, &weighted, 2e-5);
        for (parameter, tensor) in gradients.iter().filter(|(parameter, _)| parameter.starts_with("op.")) {
            self.check(&who, parameter, &tensor.values, 2e-5);
        }
    }
}

fn assert_near<T: Copy + Into<f64>>(what: &str, found: &[T], expected: &[f64], bound: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(f64::MIN_POSITIVE, |most, value| most.max(value.abs()));
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let found: f64 = (*found).into();
        assert!((found - expected).abs() <= bound * scale, "{what}, value {at}: {found} instead of {expected}");
    }
}

/// Output and input gradient.
fn check_executor(executor: &dyn Executor, case: &Case<'_>, bound: f64) {
    let activation = Some(case.graph.features());
    let pass =
        Pass { input: &case.input, target: Target::Class(1), gradient: true, guided_gradient: false, activation };
    let output = executor.run(&pass).unwrap();
    let who = executor.describe();
    case.check(&who, "output", output.activation.unwrap().value.values(), bound);
    case.check(&who, "gradient", output.gradient.unwrap().values(), bound);
}

#[test]
fn candle_s_double_precision_is_pytorch_s() {
    let reference = Reference::read();
    for case in reference.cases() {
        let executor = CandleExecutor::new(case.graph.clone(), &case.weights, Device::Cpu, DType::F64).unwrap();
        let activation = Some(case.graph.features());
        let target = Target::Class(1);
        let pass = Pass { input: &case.input, target, gradient: true, guided_gradient: false, activation };
        let output = executor.run_f64(&pass).unwrap();
        case.check("f64", "output", &output.activation.unwrap().0, 1e-12);
        case.check("f64", "gradient", &output.gradient.unwrap(), 1e-12);
    }
}

#[test]
fn candle_s_single_precision_is_near_pytorch_s_double() {
    let reference = Reference::read();
    for case in reference.cases() {
        let executor = CandleExecutor::new(case.graph.clone(), &case.weights, Device::Cpu, DType::F32).unwrap();
        check_executor(&executor, &case, 1e-5);
    }
}

/// A clip from 0 on is a gate: the guided rule lets what speaks for the logit through where the clip lets values through.
#[test]
fn clips_are_guided_as_gates() {
    let reference = Reference::read();
    let case = Case::new(&reference, "relu6", &function(Nonlinearity::RELU6));
    let target = Target::Class(1);
    let pass = Pass { input: &case.input, target, gradient: false, guided_gradient: true, activation: None };
    let expected: Vec<f64> = case.expected("gradient").into_iter().map(|slope| slope.max(0.0)).collect();
    for dtype in [DType::F64, DType::F32] {
        let executor = CandleExecutor::new(case.graph.clone(), &case.weights, Device::Cpu, dtype).unwrap();
        let found = executor.run(&pass).unwrap().guided_gradient.unwrap();
        assert_near("guided", found.values(), &expected, 1e-6);
    }
}

/// The functions themselves, which every executor is held to, at kinks as elsewhere.
#[test]
fn functions_are_pytorch_s() {
    let reference = Reference::read();
    for case in reference.cases() {
        let Op::Nonlinearity(function) = case.graph.node(case.graph.features()).op else { continue };
        let weights = &case.weights.get("fc.weight").unwrap().values;
        let values = case.input.values().iter().map(|x| f64::from(*x));
        let found: Vec<f64> = values.clone().map(|x| function.value(x)).collect();
        case.check("definition", "output", &found, 1e-14);
        let slopes = values.zip(weights.iter().cycle()).map(|(x, weight)| function.derivative(x) * f64::from(*weight));
        case.check("definition", "gradient", &slopes.collect::<Vec<_>>(), 1e-14);
    }
}

#[test]
fn candle_s_trainer_has_pytorch_s_gradients() {
    let reference = Reference::read();
    for case in reference.cases() {
        case.check_trainer(&mut CandleTrainer::new(case.graph.clone(), &case.weights, Device::Cpu).unwrap());
    }
}

#[test]
fn the_processor_s_trainer_has_pytorch_s_gradients() {
    let reference = Reference::read();
    for case in reference.cases() {
        for isa in Isa::available() {
            let options = CpuOptions { threads: Some(2), isa: Some(isa), ..CpuOptions::default() };
            case.check_trainer(&mut CpuTrainer::new(case.graph.clone(), &case.weights, options).unwrap());
        }
    }
}
