//! Requests that cannot be served, and maps that show nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use saliscope::network::{self, Batch};
use saliscope::saliency::{
    Baseline, ClassChoice, Error, Explanation, ImageInput, MapWatch, Method, Noise, Outcome, Preset, Request, Result,
    explain,
};
use saliscope::watch::Watch;

use crate::analytic::Analytic;
use crate::schedule::image;

fn request(methods: &[Method]) -> Request {
    Request::new(vec![image(1, 12, 12, false)], methods.to_vec(), Preset::Arun2021)
}

fn run(request: &Request) -> Result<Explanation> {
    explain(&Analytic::new(), request, &()).map(|mut found| found.remove(0))
}

#[test]
fn cancelling_stops_between_batches() {
    struct Impatient(AtomicUsize);
    impl Watch for Impatient {
        fn is_cancelled(&self) -> bool {
            // Planning asks once before the first batch.
            self.0.fetch_add(1, Ordering::Relaxed) == 4
        }
    }
    impl MapWatch for Impatient {}
    let executor = Analytic::new();
    let found = explain(&executor, &request(&Method::STUDY), &Impatient(AtomicUsize::new(0)));
    assert!(matches!(found, Err(Error::Cancelled)));
    assert_eq!(executor.passes.into_inner().unwrap().len(), 3);
}

#[test]
fn classes_chosen_before_belong_to_their_images() {
    let images = || vec![image(1, 12, 12, false), image(1, 12, 12, false), image(2, 12, 12, true)];
    let mut request = Request::new(images(), Method::STUDY.to_vec(), Preset::Arun2021);
    request.parameters.xrai.segments.resize_px = Some([48, 48]);
    request.parameters.sig.noise.samples = 2;
    request.classes = Some(vec![0, 1, 1]);
    let found = explain(&Analytic::new(), &request, &()).unwrap();
    assert_eq!(found.iter().map(|explanation| explanation.class).collect::<Vec<_>>(), [0, 1, 1]);
    // The same image twice, but two questions.
    for (explanation, class) in found[..2].iter().zip([0, 1]) {
        let mut alone = request.clone();
        alone.images.truncate(1);
        (alone.classes, alone.class) = (None, ClassChoice::Index(class));
        let alone = explain(&Analytic::new(), &alone, &()).unwrap().remove(0);
        assert!(alone.maps.iter().zip(&explanation.maps).all(|(a, b)| a.raw == b.raw), "class {class}");
    }
    request.classes = Some(vec![0]);
    let refused = explain(&Analytic::new(), &request, &());
    assert!(matches!(refused, Err(Error::Parameter { parameter: "classes", .. })), "one class for three images");
    request.classes = Some(vec![0, 2, 0]);
    let refused = explain(&Analytic::new(), &request, &());
    assert!(matches!(refused, Err(Error::Network(network::Error::UnknownClass { class: 2, classes: 2 }))));
}

#[test]
fn the_class_must_exist_and_be_known() {
    let mut request = request(&[Method::Grad]);
    request.class = ClassChoice::Positive;
    assert!(matches!(run(&request), Err(Error::NoPositiveClass)));
    request.positive_class = Some(1);
    assert_eq!(run(&request).unwrap().class, 1);
    request.class = ClassChoice::Index(2);
    assert!(matches!(run(&request), Err(Error::Network(network::Error::UnknownClass { class: 2, classes: 2 }))));
    request.class = ClassChoice::Predicted;
    let explanation = run(&request).unwrap();
    assert_eq!(explanation.class, network::predicted_class(&explanation.logits));
}

#[test]
fn noise_must_suffice_and_fit() {
    let mut request = request(&[Method::Sg]);
    let noise = |samples, height| {
        let shape = [samples, 3, height, 12];
        Some(Arc::new(Noise::new(shape, vec![0.5; shape.iter().product()]).unwrap()))
    };
    request.noise = noise(24, 12);
    assert!(matches!(run(&request), Err(Error::NoiseSamples { available: 24, needed: 25 })));
    request.noise = noise(25, 11);
    assert!(matches!(run(&request), Err(Error::NoiseShape { noise: [3, 11, 12], index: 0, image: [3, 12, 12] })));
    request.noise = noise(25, 12);
    assert!(run(&request).is_ok());
    // Methods without noise do not care.
    request.methods = vec![Method::Ig];
    request.noise = noise(1, 1);
    assert!(run(&request).is_ok());
}

#[test]
fn images_must_be_single_and_finite() {
    let mut twice = request(&[Method::Grad]);
    twice.images.push(ImageInput { id_seed: 0, values: Batch::zeros([2, 3, 12, 12]) });
    assert!(matches!(run(&twice), Err(Error::ImageShape { index: 1, shape: [2, 3, 12, 12] })));
    let mut broken = request(&[Method::Grad]);
    broken.images[0].values.values_mut()[7] = f32::INFINITY;
    assert!(matches!(run(&broken), Err(Error::ImageNotFinite { index: 0 })));
    let mut empty = request(&[Method::Grad]);
    empty.batch = Some(0);
    assert!(matches!(run(&empty), Err(Error::Parameter { parameter: "batch", .. })));
}

#[test]
fn an_unknown_node_is_named() {
    let mut request = request(&[Method::Gcam]);
    request.parameters.gcam.node = Some("mixed11".to_owned());
    assert!(run(&request).unwrap_err().to_string().contains("mixed11"));
    request.parameters.gcam.node = Some("features".to_owned());
    let tensor = run(&request).unwrap().maps.remove(0).provenance.tensor;
    assert_eq!(tensor.as_deref(), Some("features"));
}

#[test]
fn a_broken_network_gives_zeros_that_say_so() {
    let mut executor = Analytic::new();
    executor.factor = f32::NAN;
    let explanation = explain(&executor, &request(&Method::STUDY), &()).unwrap().remove(0);
    for map in &explanation.maps {
        let healthy = map.method == Method::Gcam;
        assert_eq!(map.display.outcome == Outcome::Normal, healthy, "{}", map.method);
        if !healthy {
            assert_eq!(map.display.outcome, Outcome::NotFinite);
            assert!(map.display.values.iter().all(|value| *value == 0.0));
            assert!(map.display.reason.as_ref().unwrap().contains("NaN"), "{:?}", map.display.reason);
        }
    }
}

#[test]
fn a_flat_network_gives_blank_maps_with_the_reason() {
    let mut executor = Analytic::new();
    executor.factor = 0.0;
    let explanation = explain(&executor, &request(&[Method::Grad, Method::Sig, Method::Ggcam]), &()).unwrap().remove(0);
    for map in &explanation.maps {
        assert_eq!(map.display.outcome, Outcome::Blank, "{}", map.method);
        assert!(map.display.reason.is_some());
    }
}

#[test]
fn no_positive_evidence_blanks_grad_cam_and_its_product() {
    let mut executor = Analytic::new();
    executor.activation_factor = 0.0;
    let explanation = explain(&executor, &request(&[Method::Gcam, Method::Ggcam]), &()).unwrap().remove(0);
    let class = explanation.class;
    let expected = format!("Grad-CAM found no positive evidence for class {class}: every weighted activation is <= 0");
    let [cam, product] = &explanation.maps[..] else { panic!("two maps") };
    assert_eq!(cam.display.reason.as_ref(), Some(&expected));
    assert_eq!(product.display.outcome, Outcome::Blank);
    assert!(product.display.reason.as_ref().unwrap().contains(&expected));
}

#[test]
fn a_black_image_has_neither_ig_nor_xrai() {
    let mut request = request(&[Method::Xrai, Method::Grad]);
    request.methods.push(Method::Ig);
    request.images[0].values.values_mut().fill(-1.0);
    let explanation = run(&request).unwrap();
    let xrai = explanation.map(Method::Xrai).unwrap();
    assert_eq!(xrai.display.outcome, Outcome::Blank);
    assert!(xrai.display.reason.as_ref().unwrap().contains("constant"));
    let ig = explanation.map(Method::Ig).unwrap();
    assert_eq!(ig.display.outcome, Outcome::Blank);
    assert!(ig.display.reason.as_ref().unwrap().contains("baseline"));
    let gap = ig.provenance.completeness.unwrap();
    assert_eq!(vec![gap.attribution_sum, gap.logit_difference, gap.gap], [0.0; 3]);
    assert_eq!(gap.relative_gap, None);
    assert_eq!(explanation.map(Method::Grad).unwrap().display.outcome, Outcome::Normal);
}

/// A scaling gives channels values of their own, and a path may begin anywhere.
#[test]
fn an_image_that_shows_nothing_has_no_xrai_under_any_scaling() {
    let scaled: [fn(f32) -> [f32; 3]; 5] = [
        |gray| [gray / 127.5 - 1.0; 3],
        |gray| [gray / 255.0; 3],
        |gray| [[0.485, 0.229], [0.456, 0.224], [0.406, 0.225]].map(|[mean, std]| (gray / 255.0 - mean) / std),
        |gray| [gray / 255.0 * 2048.0 - 1024.0; 3],
        |gray| [gray, -gray, gray / 3.0],
    ];
    let baselines = [vec![Baseline::ImageMinimum, Baseline::ImageMaximum], vec![Baseline::Value(0.3)]];
    for scale in scaled {
        for gray in [0.0, 1.0, 77.0, 127.5, 128.0, 254.9, 255.0_f32] {
            for baselines in &baselines {
                let mut request = request(&[Method::Xrai]);
                request.parameters.xrai.baselines.clone_from(baselines);
                let plane = request.images[0].values.values().len() / 3;
                for (channel, value) in scale(gray).into_iter().enumerate() {
                    request.images[0].values.values_mut()[channel * plane..][..plane].fill(value);
                }
                let explanation = run(&request).unwrap();
                let map = explanation.map(Method::Xrai).unwrap();
                assert_ne!(map.display.outcome, Outcome::Normal, "{gray} as {:?}", scale(gray));
                let reason = map.display.reason.as_ref().unwrap();
                assert!(reason.contains("the image is constant"), "{gray} as {:?}: {reason}", scale(gray));
                assert!(map.raw.iter().all(|value| value.to_bits() == map.raw[0].to_bits()), "one segment, one value");
            }
        }
    }
}

#[test]
fn provenance_names_what_was_used() {
    let mut request = request(&Method::STUDY);
    request.preset = Preset::Recommended;
    request.class = ClassChoice::Positive;
    request.positive_class = Some(1);
    request.seed = 11;
    let explanation = run(&request).unwrap();
    let json = |method| serde_json::to_value(&explanation.map(method).unwrap().provenance).unwrap();
    let sg = json(Method::Sg);
    assert_eq!([&sg["preset"], &sg["class_choice"], &sg["executor"]], ["recommended", "positive", "analytic"]);
    assert_eq!([&sg["noise"]["seed"], &sg["parameters"]["noise"]["samples"], &sg["class"]], [11, 25, 1]);
    let ig = json(Method::Ig);
    assert!(ig["noise"].is_null() && ig["completeness"]["gap"].is_number());
    assert_eq!(json(Method::Xrai)["parameters"]["xrai"]["segments"]["min_size_px"], 150);
    let seconds: f64 = explanation.maps.iter().map(|map| map.provenance.seconds).sum();
    assert!(seconds > 0.0 && seconds.is_finite());
}
