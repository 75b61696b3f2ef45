//! The formulas against PAIR's own code; the fixture is made by `tests/reference/saliency_maps.py`.

use std::path::Path;
use std::sync::Arc;

use safetensors::SafeTensors;
use saliscope::network::{Batch, Output};
use saliscope::saliency::{
    ArrayValues, ClassChoice, Explanation, ImageInput, Method, Noise, Outcome, Preset, Request, explain,
};

use crate::analytic::Analytic;

const SAMPLES: usize = 4;

struct Fixture {
    bytes: Vec<u8>,
}

impl Fixture {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/saliency.safetensors");
        Self { bytes: std::fs::read(path).unwrap() }
    }

    fn array(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = tensors.tensor(name).unwrap();
        let floats = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        (view.shape().to_vec(), floats)
    }

    fn request(&self) -> Request {
        let (shape, values) = self.array("image");
        let image = ImageInput { id_seed: 1, values: Batch::new([1, shape[1], shape[2], shape[3]], values) };
        let mut request = Request::new(vec![image], Method::STUDY.to_vec(), Preset::Arun2021);
        request.class = ClassChoice::Index(1);
        request.parameters.sg.samples = SAMPLES;
        request.parameters.sig.noise.samples = SAMPLES;
        request.intermediates = true;
        let (shape, values) = self.array("noise");
        request.noise = Some(Arc::new(Noise::new([shape[0], shape[1], shape[2], shape[3]], values).unwrap()));
        request
    }

    fn explain(&self) -> Explanation {
        explain(&Analytic::new(), &self.request(), &()).unwrap().remove(0)
    }
}

/// Largest difference as a fraction of the largest magnitude expected.
fn difference(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(f64::from(value.abs())));
    let difference = |(a, b): (&f32, &f32)| f64::from((a - b).abs());
    found.iter().zip(expected).map(difference).fold(0.0, f64::max) / largest
}

fn intermediate<'a>(explanation: &'a Explanation, method: Method, name: &str) -> (&'a [usize], &'a ArrayValues) {
    let map = explanation.map(method).unwrap();
    let array = map.intermediates.iter().find(|array| array.name == name).unwrap();
    (&array.shape, &array.values)
}

#[test]
fn attributions_equal_pair() {
    let fixture = Fixture::read();
    let explanation = fixture.explain();
    for (method, name, bound) in [
        (Method::Grad, "GRAD_signed", 3e-7),
        (Method::Sg, "SG_mean_square", 1e-6),
        (Method::Ig, "IG_signed", 1e-6),
        (Method::Sig, "SIG_mean_square", 1e-6),
        (Method::Xrai, "XRAI_attribution", 1e-6),
    ] {
        let (shape, expected) = fixture.array(name);
        let (found_shape, found) = intermediate(&explanation, method, name);
        let ArrayValues::F32(found) = found else { panic!("{name} holds real numbers") };
        assert_eq!(found_shape, shape);
        let error = difference(found, &expected);
        assert!(error <= bound, "{name}: {error:e}");
    }
}

#[test]
fn resized_and_merged_maps_equal_pair() {
    let fixture = Fixture::read();
    let explanation = fixture.explain();
    for (method, name) in [(Method::Gcam, "GCAM_raw"), (Method::Xrai, "XRAI_raw")] {
        let error = difference(&explanation.map(method).unwrap().raw, &fixture.array(name).1);
        assert!(error <= 1e-6, "{name}: {error:e}");
    }
}

#[test]
fn display_maps_equal_pair() {
    let fixture = Fixture::read();
    let explanation = fixture.explain();
    for method in Method::STUDY {
        let display = &explanation.map(method).unwrap().display;
        assert_eq!(display.outcome, Outcome::Normal);
        let error = difference(&display.values, &fixture.array(method.name()).1);
        assert!(error <= 2e-6, "{method}: {error:e}");
    }
}

#[test]
fn logits_and_probabilities_belong_together() {
    let fixture = Fixture::read();
    let explanation = fixture.explain();
    assert!(difference(&explanation.logits, &fixture.array("logits").1) < 1e-6);
    let odds = f64::from(explanation.logits[0] - explanation.logits[1]).exp();
    let probabilities = Output::Softmax.probabilities(&explanation.logits);
    assert!((probabilities[0] / probabilities[1] / odds - 1.0).abs() < 1e-5);
    assert_eq!(explanation.class, 1);
}

#[test]
fn larger_scales_have_fewer_segments() {
    let explanation = Fixture::read().explain();
    let (shape, values) = intermediate(&explanation, Method::Xrai, "XRAI_segments");
    assert_eq!(shape, [6, 40, 36]);
    let ArrayValues::I32(labels) = values else { panic!("segments are labels") };
    let counts: Vec<i32> = labels.chunks_exact(40 * 36).map(|scale| scale.iter().max().unwrap() + 1).collect();
    assert!(counts[0] > 1 && counts.is_sorted_by(|fine, coarse| fine >= coarse), "{counts:?}");
}

/// The path integral of a cubic is exact in the limit: the gap must shrink as fast as the rule of equal weights does.
#[test]
fn the_completeness_gap_closes_with_more_steps() {
    let fixture = Fixture::read();
    let gap = |steps| {
        let mut request = fixture.request();
        request.methods = vec![Method::Ig];
        request.parameters.ig.steps = steps;
        let explanation = explain(&Analytic::new(), &request, &()).unwrap().remove(0);
        let map = explanation.map(Method::Ig).unwrap();
        let ArrayValues::F32(signed) = &map.intermediates[0].values else { panic!("IG_signed holds real numbers") };
        let sum: f64 = signed.iter().map(|value| f64::from(*value)).sum();
        let completeness = map.provenance.completeness.unwrap();
        assert!((completeness.attribution_sum - sum).abs() < 1e-3 * sum.abs());
        assert!((completeness.gap - (completeness.attribution_sum - completeness.logit_difference)).abs() < 1e-9);
        completeness.gap.abs()
    };
    let [coarse, fine] = [10, 1000].map(gap);
    assert!(fine < coarse / 50.0, "{coarse} and {fine}");
}
