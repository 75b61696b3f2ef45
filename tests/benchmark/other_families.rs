//! Networks whose architecture the study did not have: their states come in the order of their own blocks, and methods that are
//! not defined for them say so while all others run.

use std::path::{Path, PathBuf};

use saliscope::benchmark::figures::NoPictures;
use saliscope::benchmark::protocol::Test;
use saliscope::benchmark::report::{ReportOptions, report};
use saliscope::benchmark::results::Results;
use saliscope::benchmark::{Analysis, Protocol, open};
use saliscope::network::{Architecture, Variant, Weights};
use saliscope::saliency::Method;

use super::common::{protocol, run_plain, setup};

const SIDE_PX: usize = 64;

/// A narrow untrained network with its card.
fn model(folder: &Path, name: &str, architecture: Architecture, seed: u64) -> String {
    let graph = architecture.graph(&Variant { width: 0.25, ..architecture.usual_variant() });
    let path: PathBuf = folder.join(format!("{name}.safetensors"));
    Weights::initialize(&graph, seed).save(&path).unwrap();
    let card = format!(
        r#"{{"architecture": "{architecture}", "input_size": [{SIDE_PX}, {SIDE_PX}], "scaling": "imagenet",
            "classes": ["clear", "finding"], "output": "softmax"}}"#
    );
    std::fs::write(path.with_extension("json"), card).unwrap();
    path.to_str().unwrap().to_owned()
}

fn of_families(folder: &Path) -> Protocol {
    let mut protocol = protocol();
    protocol.models.classifiers =
        (1..=2).map(|seed| model(folder, &format!("mobile_{seed}"), Architecture::MobileNetV3Small, seed)).collect();
    protocol.models.other_architecture = Some(model(folder, "residual", Architecture::ResNet18, 3));
    protocol.models.localizers.clear();
    protocol.methods = vec![Method::Grad, Method::Gbp];
    protocol.randomization.states = ["block11", "Logits", "top", "hidden1"].map(str::to_owned).to_vec();
    protocol
}

fn curve(results: &Results, method: &str) -> Option<Vec<String>> {
    let analysis = Analysis::of(results);
    let metric = analysis.primary(Test::Randomization).unwrap();
    let curve = metric.curves.iter().find(|curve| curve.method == method)?;
    Some(curve.states.iter().map(|state| state.state.clone()).collect())
}

#[test]
fn states_follow_the_data_and_undefined_methods_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let summary = run_plain(&setup(&of_families(folder.path())).unwrap(), &out).unwrap();
    assert_eq!(summary.status.failed, 0, "{:?}", summary.status);
    let results = open(&out).unwrap().results().unwrap();
    // From the logits to the image, which is no order of the alphabet.
    let expected = ["Original", "Logits", "hidden1", "top", "block11"].map(str::to_owned).to_vec();
    assert_eq!(curve(&results, "GRAD"), Some(expected));
    assert_eq!(curve(&results, "GBP"), None);
    assert!(results.scores.iter().all(|score| score.method != "GBP" || !score.models.contains("mobilenet")));
    let excluded: Vec<&str> = results
        .exclusions
        .iter()
        .filter(|exclusion| exclusion.reason.contains("not defined for this network"))
        .map(|exclusion| exclusion.what.as_str())
        .collect();
    assert_eq!(excluded, ["GBP on mobilenet_v3_small_1", "GBP on mobilenet_v3_small_2"]);
    let analysis = Analysis::of(&results);
    for test in [Test::Utility, Test::Randomization, Test::Repeatability, Test::Reproducibility] {
        let finding = analysis.primary(test).unwrap().finding("GBP").unwrap();
        assert!(finding.study.is_none() && finding.interval.is_none(), "{test:?}");
        let told = "GBP is not defined for this network: features.0.2 is a hard swish";
        assert!(finding.sentence.contains(told), "{test:?}: {}", finding.sentence);
    }
    let html = report(&results, None, &NoPictures, ReportOptions::default()).unwrap().html;
    assert!(html.contains("GBP is not defined for this network"));

    // A run of an earlier version kept no blocks, and its architecture's name tells them.
    let mut earlier = results.clone();
    earlier.provenance.models.iter_mut().for_each(|model| model.blocks.clear());
    assert_eq!(curve(&earlier, "GRAD"), curve(&results, "GRAD"));
    // A network that came from a file has no such name; its blocks are kept.
    let mut imported = results;
    imported.provenance.models.iter_mut().for_each(|model| model.architecture = "imported".to_owned());
    assert_eq!(curve(&imported, "GRAD"), curve(&earlier, "GRAD"));
}
