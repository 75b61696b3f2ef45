//! The ending of a file's name may be a patient's: what is said of it repeats none of it.

use image::ExtendedColorType;

use super::bench::{Bench, dicom_of, gray, jpeg_of, names, npy_of, png_of, run, with};

/// Endings that no format has, or another one than the content's.
const ENDINGS: [&str; 7] =
    ["Meyer_Anna", "M\u{fc}ller", "Doe Jane 1970-01-01", "pngDoe", "scan of Anna", "TIFF", "dcm"];

#[test]
fn no_result_and_no_word_holds_the_ending() {
    let bench = Bench::new();
    let scaled: Vec<f32> = gray(1).iter().map(|level| f32::from(*level) / 127.5 - 1.0).collect();
    let contents = [
        ("PNG", png_of(ExtendedColorType::L8, &gray(1))),
        ("JPEG", jpeg_of(&gray(1))),
        ("NPY", npy_of(&[super::bench::SIDE; 2], &scaled)),
    ];
    for (ending, (format, content)) in ENDINGS.into_iter().zip(contents.iter().cycle()) {
        let name = format!("scan.{ending}");
        let file = bench.write(&name, content);
        let arguments: Vec<String> =
            with(bench.explain(&name, "out"), &["--dicom"]).into_iter().filter(|word| word != "--quiet").collect();
        let ran = run(&arguments).succeeded();
        let said = ran.stderr.lines().find(|line| line.starts_with("warning: ")).unwrap();
        assert!(said.contains(&format!("holds {format}")), "{said}");
        let warnings = bench.report("out")["warnings"].to_string();
        assert!(warnings.contains("ending") || warnings.contains("named as"), "{warnings}");
        let inspected = run(&["inspect", file.to_str().unwrap()]).succeeded().lines().remove(0);
        let results = names(&bench.path("out")).into_iter();
        let contents = results.map(|result| std::fs::read(bench.path("out").join(result)).unwrap());
        let words = [&warnings, &ran.stderr, &inspected["warnings"].to_string()].map(|text| text.clone().into_bytes());
        // Endings that are formats are said by the formats' names.
        if !["TIFF", "dcm"].contains(&ending) {
            for content in contents.chain(words) {
                let hit = content.windows(ending.len()).any(|part| part == ending.as_bytes());
                assert!(!hit, "{format} .{ending}: {}", String::from_utf8_lossy(&content));
            }
        }
        std::fs::remove_dir_all(bench.path("out")).unwrap();
    }
}

#[test]
fn what_is_named_rightly_is_not_told() {
    let bench = Bench::new();
    bench.write("a.PNG", &png_of(ExtendedColorType::L8, &gray(1)));
    bench.write("b.jfif", &jpeg_of(&gray(1)));
    for name in ["c.dcm", "c", "c.Meyer_Anna", "1.2.840.113619"] {
        bench.write(name, &dicom_of(&gray(1), &[]));
    }
    for name in ["a.PNG", "b.jfif", "c.dcm", "c", "c.Meyer_Anna", "1.2.840.113619"] {
        let line = run(&["inspect", bench.path(name).to_str().unwrap()]).succeeded().lines().remove(0);
        assert_eq!(line["warnings"], serde_json::json!([]), "{name}");
    }
}
