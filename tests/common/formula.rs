//! Weights and images that Python computes as well; keep in step with `tests/reference/networks.py`.

use saliscope::network::{Batch, Graph, ParameterRole, Tensor, Weights};

/// `count` numbers in [0, 1), multiples of 2^-24: FNV-1a of the name, then `SplitMix64` by position.
pub fn unit_values(name: &str, count: usize) -> Vec<f64> {
    let seed = name
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
    (1..=count as u64)
        .map(|position| {
            let mut z = seed.wrapping_add(position.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            (z >> 40) as f64 / f64::from(1 << 24)
        })
        .collect()
}

/// Kaiming's uniform kernels, batch normalization near its initial state.
pub fn weights(graph: &Graph) -> Weights {
    let mut weights = Weights::default();
    for parameter in graph.parameters() {
        let count = parameter.shape.iter().product();
        let fan_in = parameter.shape[1..].iter().product::<usize>() as f64;
        let value = |u: f64| match parameter.role {
            ParameterRole::ConvWeight
            | ParameterRole::LinearConvWeight
            | ParameterRole::HeadWeight
            | ParameterRole::LinearWeight => (2.0 * u - 1.0) * (6.0 / fan_in).sqrt(),
            ParameterRole::NormWeight | ParameterRole::ConstantFactor => 0.75 + 0.5 * u,
            ParameterRole::NormBias | ParameterRole::ConstantOffset => 0.4 * u - 0.2,
            ParameterRole::Bias | ParameterRole::RareScoreBias | ParameterRole::RunningMean => 0.2 * u - 0.1,
            ParameterRole::RunningVariance => 0.5 + u,
        };
        let values = unit_values(&parameter.name, count).into_iter().map(|u| value(u) as f32).collect();
        weights.insert(parameter.name, Tensor { shape: parameter.shape, values });
    }
    weights
}

/// A slanted ramp with noise, `[1, c, h, w]` in [-1, 1); `name` chooses the noise, the fixtures' is `image`.
pub fn image(name: &str, channels: usize, height: usize, width: usize) -> Batch {
    let mut noise = unit_values(name, channels * height * width).into_iter();
    let mut values = Vec::with_capacity(noise.len());
    for channel in 0..channels {
        for row in 0..height {
            for column in 0..width {
                let ramp = ((3 * row + 5 * column + 17 * channel) % 64) as f64 / 64.0;
                values.push((0.5 * ramp + 1.5 * noise.next().unwrap() - 1.0) as f32);
            }
        }
    }
    Batch::new([1, channels, height, width], values)
}

/// Several images in one batch, each with its own noise.
pub fn images(count: usize, channels: usize, height: usize, width: usize) -> Batch {
    let values = (0..count).flat_map(|i| image(&format!("image {i}"), channels, height, width).into_values()).collect();
    Batch::new([count, channels, height, width], values)
}
