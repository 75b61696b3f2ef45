//! What `explain` writes, and what it does not depend on.

use image::ExtendedColorType;
use saliscope::array_file::NpyArray;
use saliscope::saliency::seeded_sample;

use super::bench::{Bench, SIDE, gray, names, npy_of, png_of, run, with};

/// Few copies and steps, so that all eight methods take a moment.
const SMALL: [&str; 12] = [
    "--methods",
    "all",
    "--set",
    "SG.samples=3",
    "--set",
    "IG.steps=3",
    "--set",
    "SIG.noise.samples=2",
    "--set",
    "SIG.path.steps=3",
    "--set",
    "XRAI.ig_steps=4",
];

fn all_methods(bench: &Bench, image: &str, out: &str) -> Vec<String> {
    let arguments = bench.explain(image, out);
    let without_methods: Vec<String> =
        arguments.into_iter().filter(|argument| argument != "--methods" && argument != "GRAD,GCAM").collect();
    with(without_methods, &SMALL)
}

fn values(array: &NpyArray) -> Vec<f32> {
    array.values.clone().into_f32()
}

#[test]
fn all_methods_give_maps_a_report_and_a_panel() {
    let bench = Bench::new();
    bench.png("Doe_Jane_19700101.png", 3);
    let ran = run(&all_methods(&bench, "Doe_Jane_19700101.png", "out/deep")).succeeded();
    assert_eq!(ran.stderr, "");
    assert_eq!(bench.names("out/deep"), ["explain.json", "maps.npz", "panel.pdf", "panel.png"]);

    let summary = ran.lines();
    assert_eq!(summary.len(), 1);
    assert!(summary[0]["images"][0]["image"].as_str().unwrap().ends_with("Doe_Jane_19700101.png"));

    let arrays = bench.arrays("out/deep");
    let report = bench.report("out/deep");
    let methods = ["GRAD", "SG", "IG", "SIG", "GCAM", "XRAI", "GBP", "GGCAM"];
    assert_eq!(arrays.len(), 2 * methods.len() + 1);
    for (method, map) in methods.iter().zip(report["maps"].as_array().unwrap()) {
        assert_eq!(map["method"], *method);
        assert_eq!(map["preset"], "recommended");
        assert!(map["seconds"].is_number() && map["evaluations"]["needed"].is_number(), "{map}");
        let display = &arrays[*method];
        assert_eq!(display.shape, [SIDE, SIDE]);
        assert_eq!(arrays[&format!("{method}_raw")].shape, [SIDE, SIDE]);
        assert!(values(display).iter().all(|value| (0.0..=1.0).contains(value)));
        let blank = values(display).iter().all(|value| *value == 0.0);
        assert_eq!(map["outcome"] == "normal", !blank, "a blank map is told: {map}");
    }
    assert!(values(&arrays["GRAD"]).contains(&1.0));
    assert_eq!(report["maps"][1]["parameters"]["noise"]["samples"], 3);
    let logits: Vec<f32> = serde_json::from_value(report["logits"].clone()).unwrap();
    assert_eq!(logits, values(&arrays["logits"]));
    assert_eq!(report["explained"], report["predicted"]);
    let probabilities: Vec<f64> = serde_json::from_value(report["probabilities"].clone()).unwrap();
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert_eq!(report["notice"], "Research use - not for diagnosis");
    assert_eq!(report["model"]["architecture"], "inception_v3");

    // Two columns of a journal at 300 dots an inch; three rows of three pictures with their words.
    let panel = image::open(bench.path("out/deep/panel.png")).unwrap();
    assert!(panel.width() == 2161 && panel.height() > panel.width(), "{}x{}", panel.width(), panel.height());

    for name in bench.names("out/deep") {
        let content = std::fs::read(bench.path("out/deep").join(&name)).unwrap();
        for secret in [&b"Jane"[..], b"19700101"] {
            assert!(!content.windows(secret.len()).any(|part| part == secret), "{name} holds the name of the image");
        }
    }
}

#[test]
fn batch_size_threads_and_company_change_nothing() {
    let bench = Bench::new();
    bench.png("other.png", 9);
    run(&with(all_methods(&bench, "chest.png", "one"), &["--batch", "1", "--threads", "1"])).succeeded();
    run(&with(all_methods(&bench, "chest.png", "many"), &["--batch", "5", "--threads", "2"])).succeeded();
    let two = with(all_methods(&bench, "other.png", "two"), &["--image", bench.path("chest.png").to_str().unwrap()]);
    let ran = run(&two).succeeded();
    let maps = |folder: &str| std::fs::read(bench.path(folder).join("maps.npz")).unwrap();
    assert!(maps("one") == maps("many"), "batch size or threads changed a map");
    assert!(maps("one") == maps("two/image_001"), "another image in the run changed a map");
    assert!(maps("one") != maps("two/image_000"));

    assert_eq!(bench.names("two"), ["image_000", "image_001"]);
    assert_eq!(bench.names("two/image_001"), ["explain.json", "maps.npz", "panel.pdf", "panel.png"]);
    let summary = &ran.lines()[0]["images"];
    assert!(summary[1]["image"].as_str().unwrap().ends_with("chest.png"));
    assert_eq!(summary[1]["folder"], "image_001");
}

#[test]
fn executors_and_instruction_sets_agree() {
    let bench = Bench::new();
    let logits = |out: &str, more: &[&str]| {
        run(&with(bench.explain("chest.png", out), more)).succeeded();
        (values(&bench.arrays(out)["logits"]), bench.report(out)["executor"].as_str().unwrap().to_owned())
    };
    let (candle, described) = logits("candle", &["--executor", "candle"]);
    assert!(described.contains("candle"), "{described}");
    let (portable, described) = logits("portable", &["--executor", "cpu", "--isa", "portable"]);
    assert!(described.contains("portable"), "{described}");
    let largest = candle.iter().fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
    for (a, b) in candle.iter().zip(&portable) {
        assert!((a - b).abs() <= 1e-5 * largest, "{candle:?} {portable:?}");
    }
}

#[test]
fn files_of_another_kind_with_the_same_pixels_give_the_same_maps() {
    let bench = Bench::new();
    let levels = gray(1);
    let wide: Vec<u8> = levels.iter().flat_map(|level| (u16::from(*level) * 257).to_ne_bytes()).collect();
    bench.write("wide.png", &png_of(ExtendedColorType::L16, &wide));
    let rgb: Vec<u8> = levels.iter().flat_map(|level| [*level; 3]).collect();
    bench.write("named.jpg", &png_of(ExtendedColorType::Rgb8, &rgb));
    let scaled: Vec<f32> = levels.iter().flat_map(|level| [(f32::from(*level) / 255.0 - 0.5) * 2.0; 3]).collect();
    bench.write("scaled.npy", &npy_of(&[SIDE, SIDE, 3], &scaled));
    let noisy = ["--methods", "SG", "--set", "SG.samples=2"];
    let arguments = |image: &str, out: &str| {
        let plain = bench.explain(image, out);
        let kept: Vec<String> = plain.into_iter().filter(|word| word != "--methods" && word != "GRAD,GCAM").collect();
        with(kept, &noisy)
    };
    run(&arguments("chest.png", "gray")).succeeded();
    for (image, warnings) in [("wide.png", 0), ("named.jpg", 1), ("scaled.npy", 0)] {
        let out = format!("{image}.out");
        run(&arguments(image, &out)).succeeded();
        assert_eq!(bench.arrays("gray"), bench.arrays(&out), "{image}");
        assert_eq!(bench.report(&out)["warnings"].as_array().unwrap().len(), warnings, "{image}");
    }
}

#[test]
fn warnings_go_to_standard_error_without_the_name_of_the_image() {
    let bench = Bench::new();
    bench.png("Doe_Jane.tif", 1);
    let arguments: Vec<String> =
        bench.explain("Doe_Jane.tif", "out").into_iter().filter(|argument| argument != "--quiet").collect();
    let ran = run(&arguments).succeeded();
    assert!(ran.stderr.contains("warning: the file is named as TIFF but holds PNG"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("Jane"), "{}", ran.stderr);
    assert_eq!(ran.lines().len(), 1, "standard output is for the result");
}

#[test]
fn given_noise_is_used_and_seeds_matter() {
    let bench = Bench::new();
    let len = 3 * SIDE * SIDE;
    let samples: Vec<f32> = (0..2).flat_map(|sample| seeded_sample(5, 5, sample, len)).collect();
    bench.write("noise.npy", &npy_of(&[2, 3, SIDE, SIDE], &samples));
    let noise = bench.path("noise.npy");
    let arguments = |out: &str, more: &[&str]| {
        let plain = bench.explain("chest.png", out);
        let kept: Vec<String> = plain.into_iter().filter(|word| word != "--methods" && word != "GRAD,GCAM").collect();
        with(with(kept, &["--methods", "sg", "--set", "sg.samples=2"]), more)
    };
    run(&arguments("given", &["--noise", noise.to_str().unwrap()])).succeeded();
    run(&arguments("seed0", &[])).succeeded();
    run(&arguments("seed0_again", &["--seed", "0"])).succeeded();
    run(&arguments("seed1", &["--seed", "1"])).succeeded();
    assert_eq!(bench.report("given")["maps"][0]["noise"]["given"]["samples"], 2);
    assert_eq!(bench.arrays("seed0"), bench.arrays("seed0_again"));
    assert_ne!(bench.arrays("seed0")["SG_raw"], bench.arrays("seed1")["SG_raw"]);
    assert_ne!(bench.arrays("seed0")["SG_raw"], bench.arrays("given")["SG_raw"]);
}

#[test]
fn class_and_preset_decide_what_is_explained() {
    let bench = Bench::new();
    let explained = |out: &str, more: &[&str]| {
        run(&with(bench.explain("chest.png", out), more)).succeeded();
        bench.report(out)["explained"]["index"].as_u64().unwrap()
    };
    assert_eq!(explained("zero", &["--class", "0"]), 0);
    assert_eq!(explained("one", &["--class", "1"]), 1);
    assert_eq!(explained("positive", &["--class", "positive"]), 1);
    assert_eq!(explained("default", &[]), 1);
    let predicted = bench.report("default")["predicted"]["index"].as_u64().unwrap();
    assert_eq!(explained("study", &["--preset", "arun2021"]), predicted);
    assert_eq!(bench.report("one")["explained"]["name"], "finding");
    assert_ne!(bench.arrays("zero")["GRAD_raw"], bench.arrays("one")["GRAD_raw"]);
    assert_eq!(bench.arrays("one"), bench.arrays("default"));
}

#[test]
fn intermediates_are_kept_when_asked_for() {
    let bench = Bench::new();
    run(&with(all_methods(&bench, "chest.png", "out"), &["--intermediates"])).succeeded();
    let arrays = bench.arrays("out");
    assert_eq!(arrays["IG_signed"].shape, [3, SIDE, SIDE]);
    assert_eq!(arrays["XRAI_attribution"].shape, [SIDE, SIDE]);
    let bytes = std::fs::read(bench.path("out/maps.npz")).unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut segments = Vec::new();
    std::io::Read::read_to_end(&mut archive.by_name("XRAI_segments.npy").unwrap(), &mut segments).unwrap();
    let header = String::from_utf8_lossy(&segments[..128]).into_owned();
    assert!(header.contains("<i4") && header.contains(&format!("(6, {SIDE}, {SIDE}")), "{header}");
}

#[test]
fn an_earlier_run_is_replaced_and_strangers_stay() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("out")).unwrap();
    bench.write("out/notes.txt", b"mine");
    bench.write("out/panel.png", b"old");
    run(&bench.explain("chest.png", "out")).succeeded();
    assert_eq!(names(&bench.path("out")), ["explain.json", "maps.npz", "notes.txt", "panel.pdf", "panel.png"]);
    assert!(std::fs::read(bench.path("out/panel.png")).unwrap().len() > 1000);
}

#[test]
fn methods_beyond_the_study_run_by_name_only() {
    let bench = Bench::new();
    bench.png("chest.png", 3);
    let named = |methods: &str, out: &str, more: &[&str]| {
        let words = bench.explain("chest.png", out);
        let words = words.into_iter().map(|word| if word == "GRAD,GCAM" { methods.to_owned() } else { word }).collect();
        run(&with(words, more))
    };
    let patches =
        ["--set", "OCCLUSION.patch_px=20", "--set", "OCCLUSION.stride_px=15", "--set", "OCCLUSION.fill.gray=128"];
    named("layercam,HIRESCAM,Occlusion,GRAD", "out", &patches).succeeded();
    let arrays = bench.arrays("out");
    let report = bench.report("out");
    let methods = ["GRAD", "LAYERCAM", "HIRESCAM", "OCCLUSION"];
    assert_eq!(arrays.len(), 2 * methods.len() + 1);
    for (method, map) in methods.iter().zip(report["maps"].as_array().unwrap()) {
        assert_eq!(map["method"], *method);
        assert_eq!(arrays[&format!("{method}_raw")].shape, [SIDE, SIDE]);
    }
    assert_eq!(report["maps"][3]["parameters"]["occlusion"]["fill"]["gray"], 128.0);
    let forward = &report["maps"][3]["evaluations"]["forward_alone"];
    assert_eq!(*forward, report["maps"][3]["evaluations"]["needed"]);
    assert!(report["maps"][0]["evaluations"].get("forward_alone").is_none(), "the study's are told as before");

    for (setting, told) in [
        ("OCCLUSION.stride_px=33", "occlusion.stride_px is 33"),
        ("OCCLUSION.patch_px=4096", "occlusion.patch_px is 4096"),
        ("OCCLUSION.fill.gray=256", "occlusion.fill is gray 256"),
    ] {
        let refused = named("OCCLUSION", "refused", &["--set", setting]);
        assert!(refused.code != Some(0) && refused.stderr.contains(told), "{}", refused.stderr);
    }
    let unknown = named("LIME", "refused", &[]);
    assert!(unknown.stderr.contains("or beyond the study LAYERCAM, HIRESCAM, OCCLUSION"), "{}", unknown.stderr);
    for command in ["explain", "cascade"] {
        let help = run(&[command.to_owned(), "--help".to_owned()]).succeeded().stdout;
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("beyond the study, by name only: LAYERCAM, HIRESCAM, OCCLUSION"), "{help}");
    }
    let help = run(&["figure".to_owned(), "--help".to_owned()]).succeeded().stdout;
    assert!(help.contains("beyond the study, by name only: LAYERCAM, HIRESCAM, OCCLUSION"), "{help}");
}
