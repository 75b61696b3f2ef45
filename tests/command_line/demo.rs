//! The program without a command, and the networks that are part of it.

use std::process::Command;

use super::bench::{Bench, run};

#[test]
fn the_bare_program_explains_the_demo_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_saliscope"));
    for display in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        program.env_remove(display);
    }
    let output = program.current_dir(folder.path()).output().unwrap();
    let (out, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{told}");
    assert!(told.contains("no window can be opened") && told.contains("Research use - not for diagnosis"), "{told}");
    // Four files, and the scores of eight maps against the phantom's truth.
    assert_eq!(out.lines().count(), 12);
    assert!(out.lines().last().unwrap().starts_with("GGCAM AUPRC "), "{out}");
    let result = folder.path().join("saliscope-demo");
    assert!(std::fs::read(result.join("panel.png")).unwrap().starts_with(b"\x89PNG"));
    assert!(std::fs::read(result.join("panel.pdf")).unwrap().starts_with(b"%PDF"));
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(result.join("explain.json")).unwrap()).unwrap();
    assert_eq!(report["maps"].as_array().map(Vec::len), Some(8), "{report}");
    for map in report["maps"].as_array().unwrap() {
        let scores = &map["scores"];
        for name in ["auprc_trapezoid", "average_precision", "roc_auc", "hit"] {
            assert!((0.0..=1.0).contains(&scores[name].as_f64().unwrap()), "{map}");
        }
    }
}

#[test]
fn embedded_networks_are_named() {
    let bench = Bench::new();
    let image = bench.png("chest.png", 1);
    let image = image.to_str().unwrap();
    let ran = run(&["predict", "--model", "demo:pneumonia_densenet_121_1", "--image", image]).succeeded();
    assert_eq!(ran.lines()[0]["logits"].as_array().map(Vec::len), Some(2));
    let refused = run(&["predict", "--model", "demo:nothing", "--image", image]);
    assert!(refused.refused(2).contains("pneumothorax_inception_v3_1"));
    let u_net = run(&["predict", "--model", "demo:pneumothorax_u_net_1", "--image", image]);
    assert!(u_net.refused(1).contains("localizes"));
    let out = bench.path("cascade");
    let out = out.to_str().unwrap();
    let words = ["--methods", "GRAD", "--states", "Logits", "--image", image, "--out", out, "--quiet"];
    run(&[&["cascade", "--model", "demo:pneumothorax_densenet_121_1"][..], &words[..]].concat()).succeeded();
}
