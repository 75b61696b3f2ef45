//! `benchmark init` and `cost`: ready protocols, what is left out of them and told, and what they take. Every command that
//! takes a cohort reads the plain folder that `phantom` makes.

use std::fmt::Write as _;
use std::path::Path;

use saliscope::benchmark::Protocol;
use saliscope::benchmark::protocol::Test;

use super::bench::{Ran, run};

fn phantoms(folder: &Path) -> String {
    let out = folder.join("phantoms");
    run(&["phantom", "--quiet", "--size", "128", "--count", "150", "--seed", "4", "--out", out.to_str().unwrap()])
        .succeeded();
    format!("folder:{}", out.join("png").display())
}

fn init(out: &Path, more: &[&str]) -> Ran {
    let mut arguments = vec!["benchmark", "init", "--out", out.to_str().unwrap()];
    arguments.extend(more);
    run(&arguments)
}

const MODELS: [&str; 10] = [
    "--classifier",
    "demo:pneumothorax_inception_v3_1",
    "--classifier",
    "demo:pneumothorax_inception_v3_2",
    "--other",
    "demo:pneumothorax_densenet_121_1",
    "--localizer",
    "demo:pneumothorax_u_net_1",
    "--localizer",
    "demo:pneumothorax_u_net_2",
];

#[test]
fn the_programs_own_folder_serves_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let cohort = phantoms(folder.path());
    let ran = run(&["cohort", &cohort]);
    let told = ran.refused(1);
    assert!(told.contains("several findings; there are pneumonia, pneumothorax: choose one with --task"), "{told}");
    let report = run(&["cohort", &cohort, "--task", "Pneumothorax", "--json"]).succeeded();
    let report = &report.lines()[0];
    assert_eq!((&report["images"], &report["truth"]), (&150.into(), &"mask".into()));
    assert_eq!(report["findings"], serde_json::json!(["pneumonia", "pneumothorax"]));

    let weights = folder.path().join("model.safetensors");
    let weights = weights.to_str().unwrap();
    let trained = run(&[
        "train",
        "--quiet",
        "--cohort",
        &cohort,
        "--task",
        "PNEUMONIA",
        "--arch",
        "densenet_121",
        "--width",
        "0.125",
        "--input-size",
        "64",
        "--epochs",
        "1",
        "--batch",
        "8",
        "--out",
        weights,
    ]);
    trained.succeeded();
    let judged =
        run(&["evaluate", "--quiet", "--model", weights, "--cohort", &cohort, "--task", "pneumonia", "--json"]);
    let table = std::fs::read_to_string(folder.path().join("phantoms/png/labels.csv")).unwrap();
    let positives = table.lines().filter(|line| line.contains(",pneumonia,test,")).count();
    assert_eq!(judged.succeeded().lines()[0]["positives"], positives);
    let other = run(&["evaluate", "--model", weights, "--cohort", &cohort, "--task", "pneumothorax", "--json"]);
    assert!(other.succeeded().stderr.contains("no class of the model is called pneumothorax"), "the pairing is told");
    let detector = folder.path().join("detector.safetensors");
    let refused = run(&[
        "train",
        "--cohort",
        &cohort,
        "--task",
        "pneumothorax",
        "--arch",
        "retina_net",
        "--input-size",
        "64",
        "--out",
        detector.to_str().unwrap(),
    ]);
    assert!(refused.refused(2).contains("retina_net learns boxes, and pneumothorax has masks"));

    let protocol = folder.path().join("protocol.toml");
    let mut more = vec!["--cohort", cohort.as_str(), "--task", "pneumothorax", "--utility-images", "2"];
    more.extend(["--similarity-images", "2", "--tests", "utility,repeatability"]);
    more.extend(&MODELS);
    init(&protocol, &more).succeeded();
    let text = std::fs::read_to_string(&protocol)
        .unwrap()
        .replace(", \"SG\", \"IG\", \"SIG\", \"GCAM\", \"XRAI\", \"GBP\", \"GGCAM\"", "");
    std::fs::write(&protocol, text.replace("keep_maps = true", "keep_maps = false")).unwrap();
    let protocol = protocol.to_str().unwrap();
    let cost = run(&["benchmark", "cost", "--protocol", protocol, "--json", "--threads", "1"]).succeeded();
    let cost = &cost.lines()[0];
    let out = folder.path().join("run");
    let ran = run(&["benchmark", "run", "--protocol", protocol, "--out", out.to_str().unwrap(), "--threads", "1"])
        .succeeded();
    assert_eq!(cost["units"], ran.lines()[0]["total"], "the cost is that of the run");
    assert!(cost["secs"].as_f64().is_some_and(|secs| secs > 0.0) && cost["passes"].as_f64().is_some());
    let told = format!("{} units of work, about ", cost["units"]);
    assert!(ran.stderr.contains(&told) && ran.stderr.contains("an estimate"), "{}", ran.stderr);
    let again = run(&["benchmark", "run", "--protocol", protocol, "--out", out.to_str().unwrap()]).succeeded();
    assert!(!again.stderr.contains("an estimate"), "what is done costs nothing");
}

#[test]
fn a_protocol_is_ready_or_says_what_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready.toml");
    let mut more = vec!["--cohort", "phantom:3:60", "--preset", "arun2021"];
    more.extend(&MODELS);
    init(&ready, &more).succeeded();
    let protocol = Protocol::open(&ready).unwrap();
    assert_eq!((protocol.tests.as_slice(), protocol.models.localizers.len()), (&Test::ALL[..], 2));
    assert!(init(&ready, &more).refused(1).contains("ready.toml"), "nothing is overwritten");

    let one = folder.path().join("one.json");
    let ran = init(&one, &["--cohort", "phantom:3:60", "--classifier", "demo:pneumothorax_inception_v3_1"]).succeeded();
    for words in ["repeatability is left out: it compares two", "reproducibility is left out: it compares two"] {
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    assert_eq!(Protocol::open(&one).unwrap().tests, [Test::Utility, Test::Randomization]);

    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    let mut table = "image,Edema,Mass\n".to_owned();
    for index in 0..12 {
        image::GrayImage::from_fn(16, 16, |x, y| image::Luma([(x * y + index) as u8]))
            .save(images.join(format!("{index}.png")))
            .unwrap();
        writeln!(table, "{index},{},0", index % 2).unwrap();
    }
    std::fs::write(images.join("labels.csv"), table).unwrap();
    let cohort = format!("folder:{}", images.display());
    let labelled = folder.path().join("labelled.toml");
    let with = |tests: Option<&'static str>| {
        let mut more = vec!["--cohort", cohort.as_str(), "--task", "edema"];
        more.extend(tests.into_iter().flat_map(|tests| ["--tests", tests]));
        more.extend(&MODELS);
        init(&labelled, &more)
    };
    let ran = with(Some("utility,randomization"));
    let refused = ran.refused(2);
    assert!(
        refused.contains("utility is left out: the cohort has labels alone") && refused.contains("leave utility out")
    );
    let ran = with(None).succeeded();
    assert!(ran.stderr.contains("utility is left out: the cohort has labels alone"), "{}", ran.stderr);
    let protocol = Protocol::open(&labelled).unwrap();
    assert_eq!(protocol.tests, [Test::Randomization, Test::Repeatability, Test::Reproducibility]);
    assert!(!protocol.average_mask && protocol.cohort.source == cohort);

    let misused = |more: &[&str], hint: &str| {
        let ran = init(&folder.path().join("none.toml"), more);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(hint), "{}", ran.stderr);
    };
    misused(&["--other", "demo:pneumothorax_densenet_121_1"], "--classifier");
    misused(&["--demo", "--task", "hernia"], "pneumothorax and pneumonia");
    misused(&["--tests", "speed"], "the tests are utility");
    misused(&["--cohort", "mimic:/x"], "nih:DIR, vindr:DIR");
    misused(&["--readers", "each"], "union, majority");
}
