//! What `cascade` writes, what it does not depend on, and what it refuses.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use saliscope::array_file::NpyArray;
use saliscope::metrics::structural_similarities;
use saliscope::network::Architecture;

use super::bench::{Bench, SIDE, names, run, with};

const SMALL: [&str; 10] = [
    "--set",
    "SG.samples=2",
    "--set",
    "IG.steps=2",
    "--set",
    "SIG.noise.samples=2",
    "--set",
    "SIG.path.steps=2",
    "--set",
    "XRAI.ig_steps=2",
];

fn arguments(bench: &Bench, images: &[&str], out: &str, more: &[&str]) -> Vec<String> {
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let mut words = vec!["cascade".to_owned(), "--quiet".to_owned(), "--model".to_owned(), path("model.safetensors")];
    words.push("--image".to_owned());
    words.extend(images.iter().map(|image| path(image)));
    words.extend(["--out".to_owned(), path(out)]);
    with(with(words, &SMALL), more)
}

fn arrays(bench: &Bench, file: &str) -> BTreeMap<String, Vec<f32>> {
    let bytes = std::fs::read(bench.path(file)).unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            let name = entry.name().unwrap().strip_suffix(".npy").unwrap().to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (name, NpyArray::from_bytes(&content).unwrap().values.into_f32())
        })
        .collect()
}

fn table(bench: &Bench, out: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(bench.path(out).join("cascade.csv")).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

fn json(bench: &Bench, out: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(bench.path(out).join("cascade.json")).unwrap()).unwrap()
}

#[test]
fn two_images_give_maps_a_table_a_report_and_figures() {
    let bench = Bench::new();
    bench.png("Doe_Jane_19700101.png", 9);
    let ran =
        run(&arguments(&bench, &["chest.png", "Doe_Jane_19700101.png"], "out", &["--preset", "arun2021"])).succeeded();
    assert_eq!(ran.stderr, "");
    let top = [
        "baselines.csv",
        "cascade.csv",
        "cascade.json",
        "figure_3a.pdf",
        "figure_3a.png",
        "figure_3a.svg",
        "image_000",
        "image_001",
    ];
    assert_eq!(bench.names("out"), top);
    assert_eq!(
        bench.names("out/image_000"),
        ["animation.gif", "cascade.npz", "figure_3b.pdf", "figure_3b.png", "figure_3b.svg"]
    );
    assert_eq!(bench.names("out/image_001"), ["cascade.npz", "figure_3b.pdf", "figure_3b.png", "figure_3b.svg"]);
    let states = ["Original", "Logits", "10", "9", "8", "7", "6", "5", "4", "3", "2", "1"];
    assert_eq!(ran.lines()[0]["states"], serde_json::json!(states));

    let methods = ["GRAD", "SG", "IG", "SIG", "GCAM", "XRAI", "GBP", "GGCAM"];
    let rows = table(&bench, "out");
    assert_eq!(rows.len(), 2 * methods.len() * states.len());
    let mut compared = 0;
    for image in 0..2 {
        let maps = arrays(&bench, &format!("out/image_00{image}/cascade.npz"));
        for method in methods {
            for state in states {
                let of = |row: &&BTreeMap<String, String>| {
                    row["image"] == image.to_string() && row["method"] == method && row["state"] == state
                };
                let row = rows.iter().find(of).unwrap();
                assert_eq!(maps[&format!("{method}/{state}_raw")].len(), SIDE * SIDE);
                let (a, b) = (&maps[&format!("{method}/Original")], &maps[&format!("{method}/{state}")]);
                if row["ssim_range_1"].is_empty() {
                    assert!([a, b].iter().any(|map| map.iter().all(|value| *value == 0.0)), "{row:?}");
                    continue;
                }
                let found = structural_similarities(a, b, [SIDE, SIDE], [1.0, 2.0]).unwrap();
                let told = ["ssim_range_1", "ssim_range_2"].map(|column| row[column].parse::<f64>().unwrap());
                assert_eq!(found.map(f64::to_bits), told.map(f64::to_bits), "{row:?}");
                compared += 1;
            }
        }
        assert_eq!(maps["logits/Logits"].len(), 2);
        assert_ne!(maps["logits/Logits"], maps["logits/Original"]);
        assert!(maps["GRAD/1_signed"].iter().any(|value| *value < 0.0) && !maps.contains_key("SG/1_signed"));
    }
    assert!(compared > 100, "{compared} of 192 maps have a likeness");

    let baselines = std::fs::read_to_string(bench.path("out").join("baselines.csv")).unwrap();
    assert!(baselines.lines().any(|line| line.starts_with("GRAD,") && line.ends_with(",1")), "{baselines}");
    assert!(baselines.lines().last().unwrap().starts_with("noise,"), "{baselines}");

    let report = json(&bench, "out");
    assert_eq!(report["order"], "top-down");
    assert_eq!(report["preset"], "arun2021");
    assert_eq!(report["states"][2]["blocks"][1]["name"], "mixed10");
    assert!(report["states"][2]["blocks"][1]["seed"].is_u64());
    assert_eq!(report["randomizer"], serde_json::json!({"seed": 0, "replicate": 1}));
    assert_eq!(report["similarity"]["figure_range"], 2);
    assert_eq!(report["parameters"]["sg"]["samples"], 2);
    assert_eq!(report["baselines"].as_array().unwrap().len(), 8);
    assert_eq!(report["control"]["pairs"], 50);
    assert_eq!(report["means"]["ssim_range_1"][0]["points"][0]["mean"], 1.0);
    assert_eq!(report["images"][1]["logits"].as_array().unwrap().len(), 12);
    let verdicts = report["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), 8);
    assert!(verdicts.iter().all(|verdict| verdict["sentence"].as_str().unwrap().len() > 40), "{verdicts:?}");
    let work = &report["forward_multiply_adds"];
    assert!(work["reused"].as_u64().unwrap() > work["done"].as_u64().unwrap() / 2, "{work}");
    let gif = std::fs::read(bench.path("out/image_000/animation.gif")).unwrap();
    assert!(gif.starts_with(b"GIF89a"));
    for figure in ["figure_3a", "image_000/figure_3b"] {
        let svg = std::fs::read_to_string(bench.path("out").join(format!("{figure}.svg"))).unwrap();
        assert!(svg.contains("Research use - not for diagnosis"), "{figure}");
        let png = image::open(bench.path("out").join(format!("{figure}.png"))).unwrap();
        assert!(png.width() > 1000, "{figure}");
        let pdf = std::fs::read(bench.path("out").join(format!("{figure}.pdf"))).unwrap();
        assert!(pdf.starts_with(b"%PDF-"), "{figure}");
    }
    for name in [
        "cascade.csv",
        "cascade.json",
        "figure_3a.svg",
        "image_001/cascade.npz",
        "image_001/figure_3b.svg",
        "image_000/animation.gif",
    ] {
        let content = std::fs::read(bench.path("out").join(name)).unwrap();
        for secret in [&b"Jane"[..], b"19700101"] {
            assert!(!content.windows(secret.len()).any(|part| part == secret), "{name} holds the name of the image");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_the_original_is_that_of_explain() {
    let bench = Bench::new();
    let names = ["cascade.npz", "cascade.csv", "figure_3a.svg", "figure_3b.png", "animation.gif"];
    let go = |out: &str, more: &[&str]| {
        let arguments = arguments(&bench, &["chest.png"], out, &["--methods", "GRAD,SG,XRAI"]);
        run(&with(arguments, more)).succeeded();
        names.map(|name| std::fs::read(bench.path(out).join(name)).unwrap())
    };
    let first = go("first", &[]);
    let again = go("again", &["--threads", "1", "--batch", "1"]);
    for ((name, one), other) in names.into_iter().zip(&first).zip(&again) {
        assert!(one == other, "{name}");
    }
    assert!(first[0] != go("replicate", &["--replicate", "2"])[0]);
    assert!(first[0] != go("seed", &["--seed", "5"])[0]);
    let mut explained: Vec<String> = bench
        .explain("chest.png", "explained")
        .into_iter()
        .filter(|word| word != "--methods" && word != "GRAD,GCAM")
        .collect();
    explained = with(with(explained, &SMALL), &["--methods", "GRAD,SG,XRAI"]);
    run(&explained).succeeded();
    let (maps, of_explain) = (arrays(&bench, "first/cascade.npz"), bench.arrays("explained"));
    let (one, two) = (arrays(&bench, "replicate/cascade.npz"), arrays(&bench, "seed/cascade.npz"));
    for method in ["GRAD", "SG", "XRAI"] {
        let original = &maps[&format!("{method}/Original_raw")];
        assert_eq!(*original, of_explain[&format!("{method}_raw")].values.clone().into_f32(), "{method}");
        assert_eq!(*original, one[&format!("{method}/Original_raw")], "a replicate has the same original and noise");
    }
    assert_ne!(maps["SG/Original_raw"], two["SG/Original_raw"], "another seed has other noise");
    assert!(maps.contains_key("GRAD/stem") && maps.contains_key("GRAD/0"));
    assert_eq!(json(&bench, "first")["similarity"]["figure_range"], 1);
    // A state alone is the state in sequence.
    go("alone", &["--states", "4,stem"]);
    let alone = arrays(&bench, "alone/cascade.npz");
    assert!(!alone.contains_key("GRAD/5"));
    assert!(alone.iter().all(|(name, values)| maps[name] == *values));
}

#[test]
fn orders_differ_and_other_networks_have_their_own_states() {
    let bench = Bench::new();
    bench.model("model.safetensors", Architecture::DenseNet121);
    std::fs::remove_file(bench.path("model.json")).unwrap();
    bench.write(
        "model.json",
        format!(r#"{{"architecture": "densenet_121", "input_size": [{SIDE}, {SIDE}]}}"#).as_bytes(),
    );
    let states = |order: &str| {
        let ran = run(&arguments(&bench, &["chest.png"], order, &["--methods", "GRAD", "--order", order])).succeeded();
        ran.lines()[0]["states"].as_array().unwrap().iter().map(|state| state.as_str().unwrap().to_owned()).collect()
    };
    let (down, up): (Vec<String>, Vec<String>) = (states("top-down"), states("bottom-up"));
    assert_eq!(down[..3], ["Original", "Logits", "norm5"]);
    assert!(up[1..].iter().eq(down[1..].iter().rev()));
    assert_eq!(states("independent"), down);
    let [down, up, alone] =
        ["top-down", "bottom-up", "independent"].map(|order| arrays(&bench, &format!("{order}/cascade.npz")));
    assert_eq!(down["GRAD/Logits_raw"], alone["GRAD/Logits_raw"], "the first state randomizes one block in both");
    assert_eq!(up["GRAD/stem_raw"], alone["GRAD/stem_raw"]);
    assert_ne!(down["GRAD/stem_raw"], alone["GRAD/stem_raw"]);
    assert_eq!(down["GRAD/stem_raw"], up["GRAD/Logits_raw"], "all blocks are randomized at either end");
}

#[test]
fn what_cannot_be_done_is_refused_and_nothing_is_written() {
    let bench = Bench::new();
    let refused = |images: &[&str], more: &[&str], code| {
        let ran = run(&arguments(&bench, images, "out", more));
        let said = ran.refused(code).to_owned();
        assert!(!bench.path("out").exists(), "{said}");
        said
    };
    let said = refused(&["chest.png"], &["--preset", "arun2021", "--states", "0"], 2);
    assert!(said.contains("\"0\"") && said.contains("Logits, 10"), "{said}");
    refused(&["chest.png", "missing.png"], &[], 1);
    refused(&["chest.png"], &["--set", "SG.samples=0"], 2);
    let ran = run(&arguments(&bench, &["chest.png"], "out", &["--order", "sideways"]));
    assert!(ran.code == Some(2) && ran.stderr.contains("top-down, bottom-up or independent"), "{ran:?}");
    bench.model("model.safetensors", Architecture::UNet);
    bench.write("model.json", br#"{"architecture": "u_net"}"#);
    let said = refused(&["chest.png"], &[], 1);
    assert!(said.contains("u_net"), "{said}");
    assert_eq!(names(&bench.path("")), ["chest.png", "model.json", "model.safetensors"]);
}

#[test]
fn animations_are_of_the_kind_size_and_number_asked_for() {
    let bench = Bench::new();
    bench.png("b.png", 9);
    let quick = ["--methods", "GRAD,GCAM", "--states", "10,5"];
    let go = |out: &str, more: &[&str]| run(&with(arguments(&bench, &["chest.png", "b.png"], out, &quick), more));
    go("none", &["--animation", "none"]).succeeded();
    assert_eq!(bench.names("none/image_000"), ["cascade.npz", "figure_3b.pdf", "figure_3b.png", "figure_3b.svg"]);
    let more =
        ["--animation", "gif,apng,webp,frames", "--animated", "2", "--tile", "96", "--fps", "5", "--fade", "0.6"];
    go(
        "all",
        &with(more.map(str::to_owned).to_vec(), &["--hold", "0.5"]).iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .succeeded();
    for image in ["image_000", "image_001"] {
        let there = bench.names(&format!("all/{image}"));
        assert_eq!(there[..3], ["animation.apng", "animation.gif", "animation.webp"]);
        // Three states stand still, and two fades of 0.6 s have three frames each.
        assert_eq!(bench.names(&format!("all/{image}/frames")).len(), 3 + 2 * 3);
    }
    let size = |out: &str| {
        let gif = std::fs::read(bench.path(out).join("image_000/animation.gif")).unwrap();
        [u16::from_le_bytes([gif[6], gif[7]]), u16::from_le_bytes([gif[8], gif[9]])]
    };
    go("large", &["--tile", "400", "--normalization", "original", "--view", "difference", "--fade", "0"]).succeeded();
    assert_eq!(size("large")[1] - size("all")[1], 400 - 96);
    for (name, value) in [("tile", "20"), ("fps", "0"), ("hold", "0"), ("fade", "-1"), ("animated", "9")] {
        let said = go("bad", &[&format!("--{name}={value}")]).refused(2).to_owned();
        assert!(said.contains(name), "{said}");
    }
    assert!(go("bad", &["--animation", "mp4"]).stderr.contains("gif, apng, webp or frames"));
    go("bad", &["--animation", "none,gif"]).refused(2);
    assert!(!bench.path("bad").exists());
}
