//! Fresh random weights, as each architecture's published initializer draws them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use sha2::{Digest, Sha256};

use super::architecture::Architecture;
use super::graph::{Graph, Parameter, ParameterRole};
use super::weights::{Tensor, Weights};

/// Standard deviation of torchvision's InceptionV3 weights; they are truncated at -2 and 2.
const INCEPTION_STD: f64 = 0.1;
const INCEPTION_BOUND: f64 = 2.0;

impl Weights {
    /// Weights of an untrained network: InceptionV3 from a truncated normal distribution, others from Kaiming's (He et
    /// al. 2015); batch normalization with factor 1, offset 0, mean 0 and variance 1; biases 0.
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
    let inception = architecture == Architecture::InceptionV3.name();
    let mut random = stream(seed, &parameter.name);
    let fan_in = parameter.shape[1..].iter().product::<usize>() as f64;
    let mut normal = |std: f64, bound: f64| -> Vec<f32> {
        let mut draw = || loop {
            let value = std * random.sample::<f64, _>(StandardNormal);
            if value.abs() <= bound {
                return value as f32;
            }
        };
        (0..count).map(|_| draw()).collect()
    };
    match parameter.role {
        ParameterRole::ConvWeight | ParameterRole::LinearWeight if inception => normal(INCEPTION_STD, INCEPTION_BOUND),
        ParameterRole::ConvWeight => normal((2.0 / fan_in).sqrt(), f64::INFINITY),
        ParameterRole::LinearWeight => {
            let bound = 1.0 / fan_in.sqrt();
            (0..count).map(|_| random.random_range(-bound..bound) as f32).collect()
        }
        ParameterRole::Bias | ParameterRole::NormBias | ParameterRole::RunningMean => vec![0.0; count],
        ParameterRole::NormWeight | ParameterRole::RunningVariance => vec![1.0; count],
    }
}

fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(name.as_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}
