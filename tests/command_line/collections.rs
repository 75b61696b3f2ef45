//! A folder, a DICOMDIR and a zip archive are opened as their images.

use std::fs;
use std::path::Path;

use super::archives::{Packed, dicomdir_of, zip_of};
use super::bench::{Bench, Ran, dicom_of, gray, names, png_of, run, with};

/// A DICOM image of its own for each seed.
fn image(seed: u32) -> Vec<u8> {
    dicom_of(&gray(seed), &[(0x10, 0x20, b"LO", b"MRN-1")])
}

/// A DICOM object without pixels.
fn report() -> Vec<u8> {
    let whole = dicom_of(&[], &[(8, 0x60, b"CS", b"SR")]);
    let rows = whole.windows(4).position(|tag| tag == [0x28, 0, 2, 0]).unwrap();
    whole[..rows].to_vec()
}

fn put(bench: &Bench, name: &str, content: &[u8]) {
    let path = bench.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn inspect(path: &Path) -> Ran {
    run(&["inspect", path.to_str().unwrap()])
}

/// The sum of the gray levels of each image, which tells which it is.
fn sums(ran: &Ran) -> Vec<u64> {
    ran.lines().iter().filter_map(|line| line["stored"]["sum"].as_u64()).collect()
}

fn sum(seed: u32) -> u64 {
    gray(seed).iter().map(|level| u64::from(*level)).sum()
}

/// A folder with four images, and much that is none.
fn mixed(bench: &Bench) {
    put(bench, "cd/IM10", &image(3));
    put(bench, "cd/IM2", &image(2));
    put(bench, "cd/a/scan.dcm", &image(4));
    put(bench, "cd/a2.png", &png_of(image::ExtendedColorType::L8, &gray(1)));
    put(bench, "cd/report.dcm", &report());
    put(bench, "cd/letter.dcm", b"Dear colleague");
    put(bench, "cd/empty.png", b"");
    put(bench, "cd/.DS_Store", b"\0");
    put(bench, "cd/__MACOSX/._IM2", b"\0");
    put(bench, "cd/masks/IM2.png", &png_of(image::ExtendedColorType::L8, &gray(1)));
    put(bench, "cd/DICOMDIR", &dicomdir_of(&[("IMAGE", "IM2", true)]));
    put(bench, "cd/more.zip", &zip_of(&[Packed::stored("x.dcm", &image(5))]));
}

#[test]
fn a_folder_is_its_images_in_natural_order() {
    let bench = Bench::new();
    mixed(&bench);
    let ran = inspect(&bench.path("cd")).succeeded();
    assert_eq!(sums(&ran), [sum(4), sum(1), sum(2), sum(3)], "a/scan.dcm, a2.png, IM2, IM10");
    for told in [
        "in the folder, archives that were not opened (name them by themselves): 1",
        "in the folder, files in folders called masks that were left out: 1",
        "in the folder, files that are no images and were left out: 3",
    ] {
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("IM2") && !ran.stderr.contains("cd/"), "no name: {}", ran.stderr);
    // Folders and files together, each in its place.
    let arguments = ["cd", "chest.png"].map(|name| bench.path(name).to_str().unwrap().to_owned());
    let ran = run(&[&["inspect".to_owned()][..], &arguments].concat()).succeeded();
    assert_eq!(sums(&ran)[3..], [sum(3), sum(1)]);
    // None at all.
    put(&bench, "texts/a.txt", b"hello");
    let ran = inspect(&bench.path("texts"));
    assert_eq!(ran.code, Some(1));
    let error = ran.lines()[0]["error"].as_str().unwrap().to_owned();
    assert_eq!(error, "the folder holds no image that is read; files that are no images and were left out: 1");
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_of_a_folder_are_not_followed() {
    let bench = Bench::new();
    put(&bench, "cd/one.dcm", &image(1));
    put(&bench, "other/two.dcm", &image(2));
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, bench.path(name)).unwrap();
    link("one.dcm", "cd/three.dcm");
    link("../other/two.dcm", "cd/two.dcm");
    link("../other", "cd/folder");
    link(".", "cd/circle");
    let ran = inspect(&bench.path("cd")).succeeded();
    assert_eq!(sums(&ran), [sum(1), sum(1)]);
    assert!(ran.stderr.contains("lead out of it and were not followed: 2"), "{}", ran.stderr);
    // A DICOMDIR that leads out, by its names and by links.
    let records = dicomdir_of(&[
        ("IMAGE", "ONE.DCM", true),
        ("IMAGE", "TWO.DCM", true),
        ("IMAGE", "FOLDER\\TWO.DCM", true),
        ("IMAGE", "..\\other\\two.dcm", true),
        ("IMAGE", "/etc/passwd", true),
        ("IMAGE", "NOTHERE", true),
    ]);
    put(&bench, "cd/DICOMDIR", &records);
    let ran = inspect(&bench.path("cd/DICOMDIR")).succeeded();
    assert_eq!(sums(&ran), [sum(1)]);
    assert!(ran.stderr.contains("lead out of it and were not followed: 4"), "{}", ran.stderr);
    assert!(ran.stderr.contains("images that are not there and were left out: 1"), "{}", ran.stderr);
}

#[test]
fn a_dicomdir_gives_the_order_and_forgives_the_names_of_cds() {
    let bench = Bench::new();
    put(&bench, "cd/dicom/im000001", &image(1));
    put(&bench, "cd/dicom/im000002.;1", &image(2));
    put(&bench, "cd/EXACT/IM000003", &image(3));
    put(&bench, "cd/dicom/report", &report());
    let records = dicomdir_of(&[
        ("PATIENT", "", true),
        ("STUDY", "", true),
        ("SERIES", "", true),
        ("IMAGE", "EXACT\\IM000003", true),
        ("IMAGE", "DICOM\\IM000002", true),
        ("IMAGE", "DICOM\\IM000001", true),
        ("IMAGE", "DICOM\\IM000001", true),
        ("IMAGE", "EXACT\\IM000003", false),
        ("IMAGE", "DICOM\\IM000009", true),
        ("IMAGE", "", true),
        ("SR DOCUMENT", "DICOM\\REPORT", true),
    ]);
    // Whatever it is called.
    for name in ["DICOMDIR", "index.dat"] {
        put(&bench, &format!("cd/{name}"), &records);
        let ran = inspect(&bench.path(&format!("cd/{name}"))).succeeded();
        assert_eq!(sums(&ran), [sum(3), sum(2), sum(1)]);
        assert!(
            ran.stderr.contains("in the DICOMDIR, images that are not there and were left out: 2"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("files that are no images and were left out: 1"), "{}", ran.stderr);
    }
    // Cut off: the records before are used.
    put(&bench, "cd/DICOMDIR", &records[..records.len() - 160]);
    let ran = inspect(&bench.path("cd/DICOMDIR"));
    assert!(ran.code == Some(1) || !ran.lines().is_empty(), "{ran:?}");
    put(&bench, "cd/DICOMDIR", &dicomdir_of(&[("PATIENT", "", true)]));
    let ran = inspect(&bench.path("cd/DICOMDIR"));
    assert_eq!(ran.lines()[0]["error"], "the DICOMDIR holds no image that is read");
}

#[test]
fn a_zip_archive_is_its_images_however_they_are_packed() {
    let bench = Bench::new();
    let wide = Packed { is_wide: true, ..Packed::deflated("f/IM4", &image(4)) };
    let behind = Packed { flags: 8, ..Packed::deflated("f/IM10", &image(5)) };
    let files = [
        behind,
        wide,
        Packed::stored("f/IM1", &image(1)),
        Packed::deflated("f/IM2.dcm", &image(2)),
        Packed::stored("f/IM3.png", &png_of(image::ExtendedColorType::L8, &gray(3))),
        Packed::stored("f/", b""),
        Packed::stored("DICOMDIR", &dicomdir_of(&[("IMAGE", "F\\IM1", true)])),
        Packed::deflated("report", &report()),
        Packed::deflated("readme.txt", b"hello"),
        Packed::deflated("__MACOSX/f/._IM1", b"junk"),
        Packed::deflated("masks/IM1.png", &png_of(image::ExtendedColorType::L8, &gray(3))),
        Packed::stored("inner.zip", &zip_of(&[Packed::stored("x.dcm", &image(6))])),
    ];
    // Its name says nothing.
    for name in ["cd.zip", "cd"] {
        put(&bench, name, &zip_of(&files));
        let ran = inspect(&bench.path(name)).succeeded();
        assert_eq!(sums(&ran), [sum(1), sum(2), sum(3), sum(4), sum(5)]);
        assert_eq!(ran.lines()[4]["entry"], "f/IM10");
        assert!(ran.lines()[4]["file"].as_str().unwrap().ends_with(name));
        assert!(ran.stderr.contains("in the zip archive, archives that were not opened"), "{}", ran.stderr);
        assert!(ran.stderr.contains("files that are no images and were left out: 2"), "{}", ran.stderr);
    }
    assert_eq!(names(&bench.path("")), ["cd", "cd.zip", "chest.png", "model.json", "model.safetensors"], "nothing new");
}

#[test]
fn what_is_wrong_with_a_zip_archive_is_said_and_the_rest_is_opened() {
    let bench = Bench::new();
    let sound = Packed::stored("sound.dcm", &image(1));
    let dcm = |name: &str| Packed::deflated(name, &image(2));
    let huge = Packed { size: 500 << 20, ..dcm("huge.dcm") };
    for (bad, told) in [
        (Packed { flags: 1, ..dcm("a.dcm") }, "encrypted files that were left out"),
        (Packed { method: 12, ..dcm("a.dcm") }, "compressed by bzip2"),
        (Packed { method: 93, ..dcm("a.dcm") }, "compressed by Zstandard"),
        (Packed { method: 9, ..dcm("a.dcm") }, "compressed by Deflate64"),
        (Packed { method: 777, ..dcm("a.dcm") }, "compressed by an unknown method"),
        (dcm("../../a.dcm"), "lead out of it"),
        (dcm("/etc/a.dcm"), "lead out of it"),
        (dcm("f/../../a.dcm"), "lead out of it"),
        (Packed { mode: 0o120_777, ..Packed::stored("a.dcm", b"/etc/passwd") }, "lead out of it"),
        (huge, "files too large for an image"),
        (Packed { bytes: vec![0xff; 300], ..dcm("a.dcm") }, "damaged files"),
    ] {
        put(&bench, "cd.zip", &zip_of(&[bad.clone(), sound.clone()]));
        let ran = inspect(&bench.path("cd.zip")).succeeded();
        assert_eq!(sums(&ran), [sum(1)], "{told}");
        assert!(ran.stderr.contains(told) && ran.stderr.contains(": 1"), "{told}: {}", ran.stderr);
        assert!(!ran.stderr.contains("a.dcm"), "{}", ran.stderr);
        put(&bench, "cd.zip", &zip_of(&[bad]));
        let ran = inspect(&bench.path("cd.zip"));
        assert!(ran.lines()[0]["error"].as_str().unwrap().contains(told), "{told}: {}", ran.stdout);
    }
    // What shows only when an image is read to its end is the error of that image.
    for (bad, told) in [
        (Packed { crc: 7, ..dcm("a.dcm") }, "its checksum is wrong"),
        (Packed { crc: 0, ..Packed::stored("a.dcm", &image(2)) }, "its checksum is wrong"),
        (Packed { size: 2_000, ..dcm("a.dcm") }, "more than the 2000 bytes"),
        (Packed { size: 90_000, ..dcm("a.dcm") }, "less than the 90000 bytes"),
    ] {
        put(&bench, "cd.zip", &zip_of(&[bad, sound.clone()]));
        let ran = inspect(&bench.path("cd.zip"));
        assert_eq!((ran.code, sums(&ran)), (Some(1), vec![sum(1)]), "{told}");
        assert!(ran.lines()[0]["error"].as_str().unwrap().contains(told), "{told}: {}", ran.stdout);
    }
}

#[test]
fn archives_that_cannot_be_what_they_claim_are_refused() {
    let bench = Bench::new();
    let image = Packed::deflated("a.dcm", &image(2));
    let named = |index: usize| Packed { name: format!("{index}.dcm"), ..image.clone() };
    let whole = zip_of(&[image.clone(), named(1)]);
    let bomb = Packed { size: 100 << 30, is_wide: true, ..image.clone() };
    let many = Packed { size: 300 << 20, ..image.clone() };
    let many: Vec<Packed> = (0..8).map(|index| Packed { name: format!("{index}.dcm"), ..many.clone() }).collect();
    // Both entries claim the bytes of the first.
    let mut shared = whole.clone();
    let last = shared.windows(4).rposition(|at| at == b"PK\x01\x02").unwrap();
    shared[last + 42..last + 46].fill(0);
    shared[last + 20..last + 24].copy_from_slice(&(whole.len() as u32).to_le_bytes());
    for (bytes, told) in [
        (zip_of(&[bomb]), "more than 64 GiB"),
        (zip_of(&many), "times its size, which no images do"),
        (shared, "overlap or are cut off"),
        (zip_of(&[image.clone(), image.clone()]), "have the same name"),
        (whole[..whole.len() - 30].to_vec(), "the zip archive is damaged"),
        (whole[..40].to_vec(), "the zip archive is damaged"),
        (zip_of(&[]), "holds no image that is read"),
    ] {
        put(&bench, "cd.zip", &bytes);
        let ran = inspect(&bench.path("cd.zip"));
        assert_eq!(ran.code, Some(1));
        assert!(ran.lines()[0]["error"].as_str().unwrap().contains(told), "{told}: {}", ran.stdout);
        let arguments = bench.explain("cd.zip", "out");
        assert!(run(&arguments).refused(1).contains(told), "{told}");
    }
    // Damage anywhere is an error or another image, and never the end of the program.
    let mut random = 7_u64;
    for _ in 0..60 {
        let mut bytes = whole.clone();
        for _ in 0..3 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let tail = bytes.len() - 250;
            let at =
                if random >> 63 == 0 { tail + (random >> 33) as usize % 250 } else { (random >> 33) as usize % tail };
            bytes[at] = (random >> 20) as u8;
        }
        put(&bench, "cd.zip", &bytes);
        let ran = inspect(&bench.path("cd.zip"));
        assert!(matches!(ran.code, Some(0 | 1)) && !ran.stderr.contains("panicked"), "{ran:?}");
    }
}

#[test]
fn every_command_that_takes_images_takes_collections() {
    let bench = Bench::new();
    put(&bench, "cd/IM1", &image(1));
    put(&bench, "cd/IM2", &image(2));
    put(&bench, "cd/readme.txt", b"hello");
    put(&bench, "cd/DICOMDIR", &dicomdir_of(&[("IMAGE", "IM1", true), ("IMAGE", "IM2", true)]));
    put(&bench, "cd.zip", &zip_of(&[Packed::deflated("IM1", &image(1)), Packed::stored("IM2", &image(2))]));
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let predict = |images: &[&str]| {
        let fixed = ["predict", "--model", &path("model.safetensors"), "--image"].map(str::to_owned);
        let ran = run(&fixed.into_iter().chain(images.iter().map(|name| path(name))).collect::<Vec<_>>()).succeeded();
        let logits: Vec<String> = ran.lines().iter().map(|line| line["logits"].to_string()).collect();
        (logits, ran)
    };
    let (one_by_one, _) = predict(&["cd/IM1", "cd/IM2"]);
    for name in ["cd", "cd/DICOMDIR", "cd.zip"] {
        let (logits, ran) = predict(&[name]);
        assert_eq!(logits, one_by_one, "{name}");
        let images: Vec<_> = ran.lines().iter().map(|line| line["image"].as_str().unwrap().to_owned()).collect();
        let ending = if name == "cd.zip" { "cd.zip/IM2" } else { "cd/IM2" };
        assert!(images[1].ends_with(ending), "{images:?}");
    }
    run(&bench.explain("cd.zip", "of_zip")).succeeded();
    let second = with(bench.explain("cd/IM1", "of_files"), &["--image", &path("cd/IM2")]);
    run(&second).succeeded();
    for folder in ["image_000", "image_001"] {
        let maps = |out: &str| fs::read(bench.path(&format!("{out}/{folder}/maps.npz"))).unwrap();
        assert_eq!(maps("of_zip"), maps("of_files"));
    }
    let cascade =
        ["cascade", "--quiet", "--model", &path("model.safetensors"), "--image", &path("cd"), "--methods", "GRAD"];
    let more = ["--states", "Logits", "--tile", "64", "--out", &path("cascade")];
    run(&with(cascade.map(str::to_owned).to_vec(), &more)).succeeded();
    assert!(bench.path("cascade/image_001/cascade.npz").exists());
    // A figure is of one image.
    let figure = |image: &str| {
        let spec = format!(
            r#"{{"template": "single_case", "image": "{image}", "models": ["model.safetensors"], "methods": ["GRAD"], "dpi": 72}}"#
        );
        bench.write("spec.json", spec.as_bytes());
        run(&["figure", "--quiet", &path("spec.json"), "--out", &path("figure.svg")])
    };
    assert!(figure("cd.zip").refused(2).contains("one image and there are 2 here"));
    put(&bench, "one.zip", &zip_of(&[Packed::deflated("IM1", &image(1))]));
    figure("one.zip").succeeded();
}
