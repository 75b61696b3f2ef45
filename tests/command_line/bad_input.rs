//! Bad files and bad arguments: one sentence, the right exit code, nothing left behind.

use std::io::Read;
use std::time::{Duration, Instant};

use image::ExtendedColorType;
use saliscope::network::Architecture;

use super::bench::{Bench, SIDE, command, gray, jpeg_of, names, npy_of, png_of, run, with};

#[test]
fn bad_images_are_refused_with_their_path_last() {
    let bench = Bench::new();
    let whole = png_of(ExtendedColorType::L8, &gray(1));
    let jpeg = jpeg_of(&gray(1));
    let mut screenshot: Vec<u8> = gray(1).iter().flat_map(|level| [*level, *level, *level, 255]).collect();
    screenshot[4000] = 250;
    let mut figure = vec![255_u8; SIDE * SIDE * 4];
    figure[(SIDE * 40 + 40) * 4..][..160].fill(0);
    std::fs::create_dir(bench.path("folder.png")).unwrap();
    let files: [(&str, Vec<u8>, &str); 9] = [
        ("empty.png", vec![], "empty (0 bytes)"),
        ("text.png", b"this is a letter".to_vec(), "no DICOM, PNG, JPEG, TIFF or NPY"),
        ("cut.png", whole[..whole.len() / 2].to_vec(), "truncated or damaged"),
        ("cut.jpg", jpeg[..jpeg.len() * 3 / 4].to_vec(), "truncated or damaged"),
        ("screenshot.png", png_of(ExtendedColorType::Rgba8, &screenshot), "screenshot"),
        ("figure.png", png_of(ExtendedColorType::Rgba8, &figure), "white borders"),
        ("cut.npy", npy_of(&[SIDE, SIDE], &vec![0.5; SIDE * SIDE])[..4000].to_vec(), "truncated"),
        ("cube.npy", npy_of(&[4, 4, 4], &[0.5; 64]), "[h, w]"),
        ("hounsfield.npy", npy_of(&[2, 2], &[-1000.0, 0.0, 1.0, 2.0]), "neither gray levels"),
    ];
    for (name, content, _) in &files {
        bench.write(name, content);
    }
    let others = [("absent.png", "no such image file"), ("folder.png", "folder")];
    for (name, told) in files.iter().map(|(name, _, told)| (*name, *told)).chain(others) {
        let ran = run(&bench.explain(name, "out"));
        let sentence = ran.refused(1);
        assert!(sentence.contains(told) && sentence.ends_with(name), "{sentence}");
        assert!(!bench.path("out").exists(), "{name} left an output folder");
    }
}

#[test]
fn colours_are_explained_with_a_warning() {
    let bench = Bench::new();
    let rgb: Vec<u8> = gray(1).iter().flat_map(|level| [*level, level / 2, 0]).collect();
    bench.write("colour.png", &png_of(ExtendedColorType::Rgb8, &rgb));
    run(&bench.explain("colour.png", "out")).succeeded();
    let report = bench.report("out");
    assert!(report["warnings"][0].as_str().unwrap().contains("luma"), "{report}");
}

#[test]
fn images_of_other_sizes_are_resized_and_stretching_is_told() {
    let bench = Bench::new();
    let wide = vec![0.25_f32; 40 * 200];
    bench.write("wide.npy", &npy_of(&[40, 200], &wide));
    run(&bench.explain("wide.npy", "out")).succeeded();
    assert_eq!(bench.arrays("out")["GRAD"].shape, [SIDE, SIDE]);
    let warnings = bench.report("out")["warnings"].to_string();
    assert!(warnings.contains("stretched") && warnings.contains("fractions of white"), "{warnings}");
}

#[test]
fn bad_weights_are_refused() {
    let bench = Bench::new();
    std::fs::remove_file(bench.path("model.json")).unwrap();
    let whole = std::fs::read(bench.path("model.safetensors")).unwrap();
    let replace = |from: &str, to: &str| {
        let text = String::from_utf8_lossy(&whole[..4000]).into_owned();
        let at = text.find(from).unwrap();
        let mut changed = whole.clone();
        changed[at..at + to.len()].copy_from_slice(to.as_bytes());
        changed
    };
    let mut long_header = whole.clone();
    long_header[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    for (what, content) in [
        ("empty", vec![]),
        ("text", b"no weights at all".to_vec()),
        ("a header longer than the file", long_header),
        ("offsets that lie", replace("\"data_offsets\":[0,", "\"data_offsets\":[9,")),
        ("a cut file", whole[..whole.len() - 1000].to_vec()),
    ] {
        bench.write("model.safetensors", &content);
        let ran = run(&bench.explain("chest.png", "out"));
        assert!(ran.refused(1).ends_with("model.safetensors"), "{what}: {}", ran.stderr);
        assert!(!bench.path("out").exists());
    }
    bench.model("model.safetensors", Architecture::DenseNet121);
    let ran = run(&with(bench.explain("chest.png", "out"), &["--arch", "inception_v3"]));
    let sentence = ran.refused(1);
    assert!(sentence.contains("do not fit") && sentence.contains("Conv2d_1a_3x3"), "{sentence}");
    std::fs::remove_file(bench.path("model.safetensors")).unwrap();
    assert!(run(&bench.explain("chest.png", "out")).refused(1).ends_with("model.safetensors"));
}

#[test]
fn a_card_that_contradicts_the_weights_is_refused() {
    let bench = Bench::new();
    bench.card(r#""classes": ["a", "b", "c"]"#);
    let ran = run(&bench.explain("chest.png", "out"));
    assert!(ran.refused(1).ends_with("model.json"), "{}", ran.stderr);
}

#[test]
fn a_class_that_does_not_exist_fails_and_leaves_nothing() {
    let bench = Bench::new();
    let ran = run(&with(bench.explain("chest.png", "out/deep"), &["--class", "2"]));
    assert!(ran.refused(1).contains("class 2 does not exist: the model has 2 classes"), "{}", ran.stderr);
    assert!(!bench.path("out").exists(), "folders made for the result are taken away");
}

#[test]
fn noise_that_does_not_fit_is_refused() {
    let bench = Bench::new();
    bench.write("small.npy", &npy_of(&[1, 3, 4, 4], &[0.0; 48]));
    bench.write("flat.npy", &npy_of(&[48], &[0.0; 48]));
    bench.write("text.npy", b"nothing");
    for name in ["small.npy", "flat.npy", "text.npy", "absent.npy"] {
        let noise = bench.path(name);
        let more = ["--noise", noise.to_str().unwrap()];
        let arguments: Vec<String> = bench.explain("chest.png", "out");
        let arguments = arguments.iter().map(|word| word.replace("GRAD,GCAM", "SG")).collect();
        run(&with(arguments, &more)).refused(1);
        assert!(!bench.path("out").exists());
    }
}

#[test]
fn an_output_folder_that_cannot_be_written_is_told() {
    let bench = Bench::new();
    bench.write("file", b"in the way");
    for out in ["file", "file/below"] {
        let ran = run(&bench.explain("chest.png", out));
        let sentence = ran.refused(1);
        assert!(sentence.contains("output folder") && sentence.ends_with(out), "{sentence}");
    }
    assert_eq!(std::fs::read(bench.path("file")).unwrap(), b"in the way");
}

#[test]
fn misused_arguments_are_usage() {
    let bench = Bench::new();
    let noise = bench.write("noise.npy", b"");
    let noise = noise.to_str().unwrap();
    for more in [
        &["--class", "best"][..],
        &["--preset", "arun2031"],
        &["--arch", "vgg_17"],
        &["--noise", noise, "--seed", "3"],
        &["--batch", "0"],
        &["--threads", "none"],
        &["--device", "abacus"],
        &["--device", "cuda", "--executor", "cpu"],
        &["--isa", "portable", "--executor", "candle"],
        &["--isa", "avx2", "--device", "metal"],
        &["--set", "sg.sampels=3"],
        &["--surprise"],
    ] {
        let ran = run(&with(bench.explain("chest.png", "out"), more));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{more:?}: {}", ran.stderr);
    }
    let unknown: Vec<String> =
        bench.explain("chest.png", "out").iter().map(|word| word.replace("GRAD,GCAM", "GRAD,LIME")).collect();
    let ran = run(&unknown);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("choose from GRAD, SG"), "{}", ran.stderr);
    let zero: Vec<String> =
        bench.explain("chest.png", "out").iter().map(|word| word.replace("GRAD,GCAM", "SG")).collect();
    assert!(run(&with(zero, &["--set", "SG.samples=0"])).refused(2).contains("sg.samples is 0"));
    assert!(!bench.path("out").exists());
}

#[test]
fn help_is_a_result_and_an_unknown_command_is_usage() {
    let ran = run(&["explode"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("no command, file, folder or data set called explode"), "{}", ran.stderr);
    for arguments in [&["--help"][..], &["explain", "--help"], &["predict", "--help"]] {
        let ran = run(arguments).succeeded();
        assert!(ran.stdout.contains("Examples:") && ran.stdout.contains("Research use - not for diagnosis"));
    }
}

#[cfg(not(any(feature = "cuda", feature = "metal")))]
#[test]
fn a_device_that_was_not_built_in_is_told() {
    let bench = Bench::new();
    for device in ["cuda", "metal"] {
        let ran = run(&with(bench.explain("chest.png", "out"), &["--device", device]));
        assert!(ran.refused(1).contains(&format!("--features {device}")), "{}", ran.stderr);
        assert!(!bench.path("out").exists());
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_nothing() {
    let bench = Bench::new();
    let endless: Vec<String> =
        bench.explain("chest.png", "out").iter().map(|word| word.replace("GRAD,GCAM", "SG")).collect();
    let mut child = command(&with(endless, &["--set", "SG.samples=1000000", "--batch", "1"])).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_mins(2);
    // Work begins once the hidden folder is there.
    let is_hidden = |name: &String| name.starts_with(".saliscope-");
    while !names(&bench.path("")).iter().any(is_hidden) {
        assert!(Instant::now() < deadline, "the work did not begin");
        assert!(child.try_wait().unwrap().is_none(), "the work ended too early");
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = std::process::Command::new("sh").arg("-c").arg(format!("kill -INT {}", child.id())).status().unwrap();
    assert!(killed.success());
    let status = child.wait().unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{stderr}");
    // In whichever words: while evaluations are listed nothing hears it, and the work is ended after two seconds.
    assert!(stderr.contains("error: interrupted; "), "{stderr}");
    assert!(!bench.path("out").exists() && !names(&bench.path("")).iter().any(is_hidden));
}
