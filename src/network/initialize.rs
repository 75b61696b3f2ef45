//! Fresh random weights, as each architecture's published initializer draws them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use sha2::{Digest, Sha256};

use super::architecture::{Architecture, Beginning};
use super::graph::{Graph, Parameter, ParameterRole};
use super::weights::{Tensor, Weights};

/// Standard deviation of the weights of RetinaNet's heads at full width, where each output reads so many values.
const HEAD_STD: f64 = 0.01;
const HEAD_FAN_IN: f64 = 9.0 * 256.0;
/// Probability with which every anchor of an untrained RetinaNet holds a finding.
const RARE_PROBABILITY: f64 = 0.01;

/// Standard deviations of torchvision's InceptionV3 and GoogLeNet; weights beyond -2 and 2 are drawn again.
const INCEPTION_STD: f64 = 0.1;
const GOOGLENET_STD: f64 = 0.01;
const INCEPTION_BOUND: f64 = 2.0;

/// Standard deviation of the last layers of torchvision's VGG, MobileNets and RegNets.
const SMALL_LINEAR_STD: f64 = 0.01;

/// Standard deviation of ConvNeXt's weights, drawn again beyond -2 and 2, and the factors of its residual branches.
const CONVNEXT_STD: f64 = 0.02;
const LAYER_SCALE: f32 = 1e-6;

impl Weights {
    /// Weights of an untrained network, as torchvision draws those of the family: InceptionV3, GoogLeNet and ConvNeXt from a
    /// truncated normal distribution, AlexNet from a uniform one, others from Kaiming's (He et al. 2015; DenseNets and U-Net by
    /// the values a kernel reads, the rest by those it writes); normalization with factor 1, offset 0, mean 0 and variance 1;
    /// biases 0. A graph of no architecture here begins as a ResNet.
    ///
    /// RetinaNet's pyramid keeps variances (uniform, as torchvision's). Its heads are normal with standard deviation 0.01
    /// at full width, and at other widths such that signals shrink as much as they do there; class scores start at a
    /// probability of 0.01.
    ///
    /// Every tensor has its own stream of random numbers, derived from `seed` and its name, so that any subset of the
    /// tensors can be drawn alone and gets the same values.
    pub fn initialize(graph: &Graph, seed: u64) -> Self {
        let mut weights = Self::default();
        for parameter in graph.parameters() {
            let values = initial_values(graph.architecture(), &parameter, seed);
            weights.insert(parameter.name, Tensor { shape: parameter.shape, values });
        }
        weights
    }
}

/// The values of one tensor of an untrained network.
pub fn initial_values(architecture: &str, parameter: &Parameter, seed: u64) -> Vec<f32> {
    let count: usize = parameter.shape.iter().product();
    let beginning = architecture.parse::<Architecture>().map_or(Beginning::FanOut, Architecture::beginning);
    let fan_in = parameter.shape[1..].iter().product::<usize>() as f64;
    let taps: usize = parameter.shape.iter().skip(2).product();
    let fan_out = (parameter.shape[0] * taps) as f64;
    let random = stream(seed, &parameter.name);
    let (normal, uniform) = (Normal { count, random: random.clone() }, Uniform { count, random });
    match parameter.role {
        ParameterRole::ConvWeight | ParameterRole::LinearWeight if beginning == Beginning::Inception => {
            normal.values(INCEPTION_STD, INCEPTION_BOUND)
        }
        ParameterRole::ConvWeight | ParameterRole::LinearWeight if beginning == Beginning::GoogLeNet => {
            normal.values(GOOGLENET_STD, INCEPTION_BOUND)
        }
        ParameterRole::ConvWeight | ParameterRole::LinearWeight if beginning == Beginning::ConvNext => {
            normal.values(CONVNEXT_STD, INCEPTION_BOUND)
        }
        // Kaiming's uniform distribution with the slope sqrt(5): bounds of 1 / sqrt(read).
        ParameterRole::ConvWeight if beginning == Beginning::Layers => uniform.values(1.0 / fan_in.sqrt()),
        ParameterRole::ConvWeight => {
            let fan = if beginning == Beginning::FanIn { fan_in } else { fan_out };
            normal.values((2.0 / fan).sqrt(), f64::INFINITY)
        }
        ParameterRole::LinearWeight if beginning == Beginning::FanOutSmallLinear => {
            normal.values(SMALL_LINEAR_STD, f64::INFINITY)
        }
        ParameterRole::LinearWeight if beginning == Beginning::FanOutEfficientNet => {
            uniform.values(1.0 / fan_out.sqrt())
        }
        ParameterRole::NormWeight if parameter.name.ends_with(".layer_scale.weight") => vec![LAYER_SCALE; count],
        ParameterRole::HeadWeight => normal.values(HEAD_STD * (HEAD_FAN_IN / fan_in).sqrt(), f64::INFINITY),
        // Uniform numbers in -b..b have variance b^2 / 3.
        ParameterRole::LinearConvWeight => uniform.values((3.0 / fan_in).sqrt()),
        ParameterRole::LinearWeight => uniform.values(1.0 / fan_in.sqrt()),
        ParameterRole::RareScoreBias => vec![-((1.0 - RARE_PROBABILITY) / RARE_PROBABILITY).ln() as f32; count],
        ParameterRole::Bias | ParameterRole::NormBias | ParameterRole::RunningMean => vec![0.0; count],
        ParameterRole::NormWeight | ParameterRole::RunningVariance => vec![1.0; count],
    }
}

/// Draws from the normal distribution.
struct Normal {
    count: usize,
    random: ChaCha8Rng,
}

impl Normal {
    /// Values of mean 0 and standard deviation `std`; those beyond `bound` are drawn again.
    fn values(mut self, std: f64, bound: f64) -> Vec<f32> {
        let mut draw = || loop {
            let value = std * self.random.sample::<f64, _>(StandardNormal);
            if value.abs() <= bound {
                return value as f32;
            }
        };
        (0..self.count).map(|_| draw()).collect()
    }
}

/// Draws from the uniform distribution.
struct Uniform {
    count: usize,
    random: ChaCha8Rng,
}

impl Uniform {
    /// Values from `-bound` to `bound`.
    fn values(mut self, bound: f64) -> Vec<f32> {
        (0..self.count).map(|_| self.random.random_range(-bound..bound) as f32).collect()
    }
}

fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(name.as_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}
