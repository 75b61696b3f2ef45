//! How gray levels become a model's input, stated or assumed.

use saliscope::network::{Architecture, Batch, CpuExecutor, CpuOptions, Executor, Pass, Variant, Weights};

use super::bench::{Bench, Ran, SIDE, gray, run, with};

/// `model.safetensors` is such a network; the card beside it has these fields more.
fn bench(architecture: Architecture, channels: usize, fields: &str) -> Bench {
    let bench = Bench::new();
    bench.model_of("model.safetensors", architecture, &variant(channels));
    bench.card_of(architecture.name(), fields);
    bench
}

fn variant(channels: usize) -> Variant {
    Variant { input_channels: channels, ..Variant::default() }
}

fn predict(bench: &Bench, more: &[&str]) -> Ran {
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let fixed = ["predict".to_owned(), "--model".to_owned(), path("model.safetensors"), "--image".to_owned()];
    run(&with(fixed.into_iter().chain([path("chest.png")]).collect(), more))
}

/// Logits of the network for `chest.png` scaled by `scale`, which has gray value and channel.
fn expected(bench: &Bench, architecture: Architecture, channels: usize, scale: &dyn Fn(f32, usize) -> f32) -> Vec<f64> {
    let graph = architecture.graph(&Variant { width: 1.0 / 16.0, ..variant(channels) });
    let weights = Weights::load(&bench.path("model.safetensors"), &graph).unwrap();
    let values = (0..channels).flat_map(|channel| gray(1).into_iter().map(move |gray| (f32::from(gray), channel)));
    let values = values.map(|(gray, channel)| scale(gray, channel)).collect();
    let input = Batch::new([1, channels, SIDE, SIDE], values);
    let executor = CpuExecutor::new(graph, &weights, CpuOptions::default()).unwrap();
    executor.run(&Pass::logits(&input)).unwrap().logits.into_iter().map(f64::from).collect()
}

fn logits(ran: Ran) -> Vec<f64> {
    serde_json::from_value(ran.succeeded().lines()[0]["logits"].clone()).unwrap()
}

const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

type Scale = fn(f32, usize) -> f32;

#[test]
fn a_card_can_say_any_scaling() {
    use Architecture::{DenseNet121, InceptionV3};
    let cases: [(Architecture, usize, &str, Scale); 9] = [
        (InceptionV3, 3, r#""scaling": "unit""#, |gray, _| gray / 255.0),
        (DenseNet121, 3, r#""range": [0, 1]"#, |gray, _| gray / 255.0),
        (DenseNet121, 1, r#""range": [-1024, 1024]"#, |gray, _| (2.0 * (gray / 255.0) - 1.0) * 1024.0),
        (DenseNet121, 3, r#""range": [0, 255]"#, |gray, _| gray / 255.0 * 255.0),
        (DenseNet121, 3, r#""mean": [0.533], "std": [0.0349]"#, |gray, _| (gray / 255.0 - 0.533) / 0.0349),
        (DenseNet121, 1, r#""mean": [0.449], "std": [0.226]"#, |gray, _| (gray / 255.0 - 0.449) / 0.226),
        (DenseNet121, 3, r#""mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]"#, |gray, channel| {
            (gray / 255.0 - MEAN[channel]) / STD[channel]
        }),
        (DenseNet121, 1, r#""scaling": "unit_to_symmetric""#, |gray, _| (gray / 255.0 - 0.5) / 0.5),
        (InceptionV3, 3, r#""scaling": "imagenet", "transform_input": true"#, |gray, channel| {
            let scaled = (gray / 255.0 - MEAN[channel]) / STD[channel];
            let [mean, std] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]].map(|of: [f64; 3]| of[channel]);
            scaled * (std / 0.5) as f32 + ((mean - 0.5) / 0.5) as f32
        }),
    ];
    for (architecture, channels, fields, scale) in cases {
        let bench = bench(architecture, channels, fields);
        let ran = predict(&bench, &[]);
        assert_eq!(ran.stderr, "", "{fields}: nothing was assumed");
        let (found, expected) = (logits(ran), expected(&bench, architecture, channels, &scale));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            let bound = 1e-5 * expected.abs().max(1.0);
            assert!((found - expected).abs() < bound, "{fields}: {found} instead of {expected}");
        }
    }
}

#[test]
fn what_a_card_says_twice_or_wrongly_is_refused() {
    for (fields, expected) in [
        (r#""scaling": "imagenet", "range": [0, 1]"#, "`scaling` of the model card is one way too many"),
        (r#""range": [0, 1], "mean": [0.5], "std": [0.5]"#, "`range` of the model card is one way too many"),
        (r#""mean": [0.5]"#, "`mean` of the model card needs `std` beside it"),
        (r#""range": [1, 0]"#, "`range` of the model card is [1, 0], not two numbers that rise"),
        (r#""mean": [0.5, 0.5], "std": [0.5, 0.5]"#, "`mean` of the model card has 2 numbers"),
        (r#""mean": [0.5], "std": [0]"#, "`std` of the model card has 0, not a number above 0"),
        (r#""transform_input": true"#, "`transform_input` of the model card is for inception_v3"),
    ] {
        let bench = bench(Architecture::DenseNet121, 3, fields);
        let refused = predict(&bench, &[]);
        assert!(refused.refused(1).contains(expected), "{}", refused.stderr);
    }
}

#[test]
fn what_nobody_stated_is_said_and_marked() {
    let bench = bench(Architecture::DenseNet121, 3, r#""classes": ["clear", "finding"]"#);
    let ran = predict(&bench, &[]).succeeded();
    let note = "note: nobody stated how gray levels become this model's input; assumed: gray levels by ImageNet's mean";
    assert!(ran.stderr.starts_with(note) && ran.stderr.lines().count() == 1, "{}", ran.stderr);
    assert_eq!(ran.lines()[0]["scaling_assumed"], true);
    assert_eq!(predict(&bench, &["--quiet"]).succeeded().stderr, "");
    let out = bench.path("out");
    let fixed = ["explain", "--methods", "GRAD", "--quiet", "--model"].map(str::to_owned).to_vec();
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let out = out.to_str().unwrap();
    run(&with(fixed, &[&path("model.safetensors"), "--image", &path("chest.png"), "--out", out])).succeeded();
    assert_eq!(bench.report("out")["model"]["scaling_assumed"], true);

    // Without any card, one channel.
    let bench = self::bench(Architecture::DenseNet121, 1, "");
    std::fs::remove_file(bench.path("model.json")).unwrap();
    let image = bench.path("large.png");
    image::save_buffer(&image, &vec![90; 320 * 320], 320, 320, image::ExtendedColorType::L8).unwrap();
    let model = bench.path("model.safetensors");
    let ran = run(&["predict", "--model", model.to_str().unwrap(), "--image", image.to_str().unwrap()]).succeeded();
    assert!(ran.stderr.contains("assumed: gray levels from -1 to 1"), "{}", ran.stderr);
}
