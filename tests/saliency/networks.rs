//! All methods through real networks against PyTorch; fixtures by `tests/reference/saliency_networks.py`.

use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device};
use safetensors::SafeTensors;
use saliscope::network::{Architecture, CandleExecutor, Variant};
use saliscope::saliency::{ImageInput, Method, Noise, Preset, Request, explain};

use crate::formula;

const SAMPLES: usize = 3;

/// Uniform numbers of mean 0 and variance 1.
fn noise([_, channels, height, width]: [usize; 4]) -> Noise {
    let shape = [SAMPLES, channels, height, width];
    let values = formula::unit_values("noise", shape.iter().product());
    Noise::new(shape, values.into_iter().map(|u| (12.0_f64.sqrt() * (u - 0.5)) as f32).collect()).unwrap()
}

fn l2_error(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let difference = squares(&mut found.iter().zip(expected).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    (difference / squares(&mut expected.iter().map(|value| f64::from(*value)))).sqrt()
}

/// The bar of every map: three times the error of PyTorch in single precision, and a little for rounding.
fn check(architecture: Architecture, height: usize, width: usize) {
    let name = format!("tests/fixtures/saliency_{architecture}.safetensors");
    let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().clone().unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();

    let graph = architecture.graph(&Variant { width: 0.125, ..Variant::default() });
    let weights = formula::weights(&graph);
    let image = formula::image("image", 3, height, width);
    let noise = noise(image.shape());
    let methods: Vec<Method> =
        Method::STUDY.into_iter().filter(|method| metadata.contains_key(&format!("{method}_error"))).collect();
    let mut request = Request::new(vec![ImageInput { id_seed: 0, values: image }], methods.clone(), Preset::Arun2021);
    request.noise = Some(Arc::new(noise));
    request.parameters.sg.samples = SAMPLES;
    request.parameters.sig.noise.samples = SAMPLES;
    let executor = CandleExecutor::new(graph, &weights, Device::Cpu, DType::F32).unwrap();
    let explanation = explain(&executor, &request, &()).unwrap().remove(0);

    assert!(methods.len() >= 6);
    for method in methods {
        let view = tensors.tensor(method.name()).unwrap();
        let expected: Vec<f32> =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let error = l2_error(&explanation.map(method).unwrap().raw, &expected);
        let torch_error: f64 = metadata[&format!("{method}_error")].parse().unwrap();
        assert!(error <= 3.0 * torch_error + 1e-6, "{method}: {error:.2e}, PyTorch in f32 {torch_error:.2e}");
    }
}

#[test]
fn inception_v3_equals_pytorch() {
    check(Architecture::InceptionV3, 107, 107);
}

#[test]
fn densenet_121_equals_pytorch() {
    check(Architecture::DenseNet121, 75, 75);
}
