//! Classifiers of other families than the study's.

use saliscope::network::{Architecture, Function, Head, HeadLayer, Variant};

use super::bench::{Bench, run};

/// `model.safetensors` is a narrow network of `architecture`.
fn bench(architecture: Architecture, head: Option<Head>) -> Bench {
    let bench = Bench::new();
    bench.model_of("model.safetensors", architecture, &Variant { head, ..architecture.usual_variant() });
    bench.card_of(architecture.name(), r#""scaling": "imagenet", "output": "softmax""#);
    bench
}

#[test]
fn methods_that_are_not_defined_are_left_out_with_a_word() {
    let bench = bench(Architecture::EfficientNetB0, None);
    let methods = |methods: &str, out: &str| {
        let mut arguments = bench.explain("chest.png", out);
        let place = arguments.iter().position(|word| word == "GRAD,GCAM").unwrap();
        arguments[place] = methods.to_owned();
        arguments
    };
    let both = run(&methods("GRAD,GBP,GGCAM,GCAM", "out")).succeeded();
    for method in ["GBP", "GGCAM"] {
        let told = format!("{method} is not defined for this network: features.0.2 is a SiLU");
        assert!(both.stderr.contains(&told), "{}", both.stderr);
    }
    let arrays = bench.arrays("out");
    assert!(arrays.contains_key("GRAD_raw") && arrays.contains_key("GCAM_raw"));
    assert!(!arrays.keys().any(|name| name.starts_with("GBP") || name.starts_with("GGCAM")));
    let alone = run(&methods("GBP", "alone"));
    assert!(alone.stderr.contains("GBP is not defined for this network"), "{}", alone.stderr);
    assert_ne!(alone.code, Some(0));
}

#[test]
fn a_head_that_was_assumed_is_said_and_one_that_is_stated_is_not() {
    let linear = HeadLayer::Linear { features: 8, bias: true };
    let head = Head { hidden: vec![linear, HeadLayer::Function(Function::Relu)], ..Head::default() };
    let bench = bench(Architecture::ResNet18, Some(head));
    let model = bench.path("model.safetensors");
    let image = bench.path("chest.png");
    let arguments = ["predict", "--model", model.to_str().unwrap(), "--image", image.to_str().unwrap()];
    let assumed = run(&arguments).succeeded();
    assert!(assumed.stderr.contains("which functions stand between the layers of the head"), "{}", assumed.stderr);
    let fields = |function: &str| {
        format!(
            r#""scaling": "imagenet", "output": "softmax",
               "head": {{"hidden": [{{"linear": {{"features": 8}}}}, {{"function": "{function}"}}]}}"#
        )
    };
    bench.card_of("resnet18", &fields("relu"));
    let stated = run(&arguments).succeeded();
    assert!(!stated.stderr.contains("functions"), "{}", stated.stderr);
    assert_eq!(stated.stdout, assumed.stdout);
    bench.card_of("resnet_18", &fields("tanh"));
    assert_ne!(run(&arguments).succeeded().stdout, stated.stdout);
    bench.card_of("resnet_18", &fields("relu").replace("8}", "9}"));
    assert!(run(&arguments).stderr.contains("field `head` of the model card"));
}
