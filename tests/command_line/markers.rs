//! Marker strings of a patient, in everything that an input can hold and in its names, and in nothing that a command writes or
//! prints.
//!
//! What is allowed, and why: [`Allowed`].

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use saliscope::benchmark::Protocol;
use saliscope::saliency::{Method, Preset};
use saliscope::truth::Task;

use super::archives::{Packed, dicomdir_of, zip_of};
use super::bench::{Bench, Element, Ran, SIDE, dicom_of, gray, jpeg_of, png_of, run, with};

/// The beginning of every marker in letters; nothing else is called so.
const LETTERS: &str = "Zqxv7";

/// Markers where only digits may stand: in identifiers, dates and times.
const DIGITS: [&str; 4] = ["997123450", "19531117", "1953-11-17", "235941"];

/// Where a marker may be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowed {
    /// Nowhere.
    Nothing,
    /// Standard output names each image by the path that the user typed or named a folder of: it is how results and images are
    /// told apart, and it is written nowhere.
    PathsOnOutput,
    /// `--list` and `--list-excluded` are asked for the ids.
    Ids,
}

/// Fields of lines on standard output that are paths.
const PATHS: [&str; 5] = ["image", "file", "entry", "out", "folder"];

fn marker(what: &str) -> String {
    format!("{LETTERS}{what}")
}

/// A DICOM file with a marker in every attribute that is text, an identifier, a date or a time.
fn dicom(seed: u32) -> Vec<u8> {
    let texts: Vec<(u16, u16, &[u8; 2], String)> = [
        (0x02, 0x16, b"AE", marker("AET")),
        (0x08, 0x05, b"CS", "ISO_IR 192".to_owned()),
        (0x08, 0x12, b"DA", DIGITS[1].to_owned()),
        (0x08, 0x14, b"UI", format!("1.2.826.0.1.{}.1", DIGITS[0])),
        (0x08, 0x16, b"UI", "1.2.840.10008.5.1.4.1.1.1".to_owned()),
        (0x08, 0x18, b"UI", format!("1.2.826.0.1.{}.2", DIGITS[0])),
        (0x08, 0x20, b"DA", DIGITS[1].to_owned()),
        (0x08, 0x21, b"DA", DIGITS[1].to_owned()),
        (0x08, 0x22, b"DA", DIGITS[1].to_owned()),
        (0x08, 0x30, b"TM", DIGITS[3].to_owned()),
        (0x08, 0x50, b"SH", marker("ACC")),
        (0x08, 0x60, b"CS", "CR".to_owned()),
        (0x08, 0x70, b"LO", marker("MAKER")),
        (0x08, 0x80, b"LO", marker("CLINIC")),
        (0x08, 0x81, b"ST", marker("ADDRESS")),
        (0x08, 0x90, b"PN", marker("REFERRER^X")),
        (0x08, 0x1010, b"SH", marker("STATION")),
        (0x08, 0x1030, b"LO", marker("STUDY")),
        (0x08, 0x103e, b"LO", marker("SERIES")),
        (0x08, 0x1040, b"LO", marker("DEPT")),
        (0x08, 0x1050, b"PN", marker("PHYSICIAN")),
        (0x08, 0x1070, b"PN", marker("OPERATOR")),
        (0x08, 0x1090, b"LO", marker("MODEL")),
        (0x08, 0x2111, b"ST", marker("DERIVATION")),
        (0x09, 0x10, b"LO", marker("CREATOR")),
        (0x09, 0x1001, b"LT", marker("PRIVATE")),
        (0x10, 0x10, b"PN", marker("NAME^Anna=\u{5c71}^Zqxv7IDEO")),
        (0x10, 0x20, b"LO", marker("ID")),
        (0x10, 0x30, b"DA", DIGITS[1].to_owned()),
        (0x10, 0x32, b"TM", DIGITS[3].to_owned()),
        (0x10, 0x1000, b"LO", marker("OTHERID")),
        (0x10, 0x1001, b"PN", marker("OTHERNAME")),
        (0x10, 0x1040, b"LO", marker("HOME")),
        (0x10, 0x2154, b"SH", marker("PHONE")),
        (0x10, 0x21b0, b"LT", marker("HISTORY")),
        (0x10, 0x4000, b"LT", marker("COMMENTS")),
        (0x18, 0x15, b"CS", "CHEST".to_owned()),
        (0x18, 0x1000, b"LO", marker("SERIAL")),
        (0x18, 0x1020, b"LO", marker("SOFTWARE")),
        (0x18, 0x1030, b"LO", marker("PROTOCOL")),
        (0x18, 0x1400, b"LO", marker("PROCESSING")),
        (0x20, 0x0d, b"UI", format!("1.2.826.0.1.{}.3", DIGITS[0])),
        (0x20, 0x0e, b"UI", format!("1.2.826.0.1.{}.4", DIGITS[0])),
        (0x20, 0x10, b"SH", marker("STUDYID")),
        (0x20, 0x4000, b"LT", marker("IMAGECOMMENTS")),
        (0x28, 0x1050, b"DS", "128".to_owned()),
        (0x28, 0x1051, b"DS", "256".to_owned()),
        (0x32, 0x1060, b"LO", marker("REQUESTED")),
        (0x32, 0x4000, b"LT", marker("STUDYCOMMENTS")),
        (0x40, 0x254, b"LO", marker("STEP")),
        (0x40, 0x280, b"ST", marker("STEPCOMMENTS")),
        (0x6000, 0x22, b"LO", marker("OVERLAYDESCRIPTION")),
        (0x6000, 0x1500, b"LO", marker("OVERLAYLABEL")),
    ]
    .to_vec();
    let elements: Vec<Element<'_>> = texts.iter().map(|(g, n, vr, text)| (*g, *n, *vr, text.as_bytes())).collect();
    dicom_of(&gray(seed), &elements)
}

/// The same image in a DICOM file that says nothing.
fn plain_dicom(seed: u32) -> Vec<u8> {
    let elements: [Element<'_>; 8] = [
        (0x08, 0x05, b"CS", b"ISO_IR 192"),
        (0x08, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.1"),
        (0x08, 0x60, b"CS", b"CR"),
        (0x18, 0x15, b"CS", b"CHEST"),
        (0x28, 0x1050, b"DS", b"128"),
        (0x28, 0x1051, b"DS", b"256"),
        // An overlay without pixels, which is left out with a warning.
        (0x6000, 0x22, b"LO", b"lines"),
        (0x6000, 0x1500, b"LO", b"scale"),
    ];
    dicom_of(&gray(seed), &elements)
}

fn chunk(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let body = [&kind[..], content].concat();
    let mut crc = flate2::Crc::new();
    crc.update(&body);
    [&(content.len() as u32).to_be_bytes()[..], &body, &crc.sum().to_be_bytes()].concat()
}

fn zlib(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn png(seed: u32) -> Vec<u8> {
    let plain = png_of(image::ExtendedColorType::L8, &gray(seed));
    let text = |what: &str| [b"Author\0".as_slice(), marker(what).as_bytes()].concat();
    let international = [b"Title\0\0\0de\0Titel\0".as_slice(), marker("ITXT").as_bytes()].concat();
    let packed = [b"Comment\0\0".as_slice(), &zlib(marker("ZTXT").as_bytes())].concat();
    let exif = [b"MM\0*\0\0\0\x08".as_slice(), marker("EXIF").as_bytes()].concat();
    let chunks = [
        chunk(*b"tEXt", &text("TEXT")),
        chunk(*b"iTXt", &international),
        chunk(*b"zTXt", &packed),
        chunk(*b"eXIf", &exif),
    ];
    [&plain[..33], &chunks.concat(), &plain[33..]].concat()
}

fn jpeg(seed: u32) -> Vec<u8> {
    let plain = jpeg_of(&gray(seed));
    let segment =
        |kind: u8, content: &[u8]| [&[0xff, kind][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat();
    let exif = [b"Exif\0\0MM\0*\0\0\0\x08".as_slice(), marker("EXIF").as_bytes()].concat();
    let parts =
        [segment(0xe1, &exif), segment(0xed, marker("IPTC").as_bytes()), segment(0xfe, marker("COM").as_bytes())];
    [&plain[..2], &parts.concat(), &plain[2..]].concat()
}

/// A TIFF of one strip with texts in its tags.
fn tiff(seed: u32) -> Vec<u8> {
    let texts: Vec<(u16, Vec<u8>)> =
        [(270, "DESCRIPTION"), (271, "MAKE"), (305, "PROGRAM"), (315, "ARTIST"), (33432, "RIGHTS")]
            .map(|(tag, what)| (tag, [marker(what).as_bytes(), b"\0"].concat()))
            .to_vec();
    let mut bytes = b"II*\0\0\0\0\0".to_vec();
    let pixels_at = bytes.len() as u32;
    bytes.extend(gray(seed));
    let side = SIDE as u32;
    let mut entries: Vec<(u16, u16, u32, u32)> = vec![
        (256, 4, 1, side),
        (257, 4, 1, side),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, pixels_at),
        (277, 3, 1, 1),
        (278, 4, 1, side),
        (279, 4, 1, side * side),
    ];
    for (tag, text) in &texts {
        entries.push((*tag, 2, text.len() as u32, bytes.len() as u32));
        bytes.extend(text);
        bytes.resize(bytes.len().next_multiple_of(2), 0);
    }
    entries.sort_unstable();
    let at = bytes.len() as u32;
    bytes[4..8].copy_from_slice(&at.to_le_bytes());
    bytes.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        bytes
            .extend([&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat());
    }
    bytes.extend([0; 4]);
    bytes
}

/// A bench with marked inputs below a marked folder. Results go beside it.
struct Marked {
    bench: Bench,
    folder: PathBuf,
}

impl Marked {
    fn new() -> Self {
        let bench = Bench::new();
        let folder = bench.path(&marker("FOLDER"));
        fs::create_dir(&folder).unwrap();
        let at = |name: &str| folder.join(format!("{}{name}", marker("FILE")));
        fs::write(at(".dcm"), dicom(1)).unwrap();
        fs::write(at(".png"), png(2)).unwrap();
        fs::write(at(".jpg"), jpeg(3)).unwrap();
        fs::write(at(".tif"), tiff(4)).unwrap();
        // A name without an ending that is known.
        fs::write(folder.join(format!("scan.{}", marker("ENDING"))), png(5)).unwrap();
        fs::write(at(".zip"), zip_of(&[Packed::deflated(&format!("{}/a.dcm", marker("INNER")), &dicom(6))])).unwrap();
        fs::create_dir(folder.join("CD")).unwrap();
        fs::write(folder.join("CD/ZQXV7IM"), dicom(7)).unwrap();
        fs::write(folder.join("CD/DICOMDIR"), dicomdir_of(&[("PATIENT", "", true), ("IMAGE", "ZQXV7IM", true)]))
            .unwrap();
        Self { bench, folder }
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(format!("{}{name}", marker("FILE"))).to_str().unwrap().to_owned()
    }

    fn images(&self) -> Vec<String> {
        let mut images = [".dcm", ".png", ".jpg", ".tif", ".zip"].map(|ending| self.file(ending)).to_vec();
        images.push(self.folder.join(format!("scan.{}", marker("ENDING"))).to_str().unwrap().to_owned());
        images.push(self.folder.join("CD/DICOMDIR").to_str().unwrap().to_owned());
        images
    }

    fn path(&self, name: &str) -> String {
        self.bench.path(name).to_str().unwrap().to_owned()
    }

    /// A cohort in a marked folder: six images with marks, labels and splits.
    fn cohort(&self) -> String {
        let folder = self.folder.join(marker("COHORT"));
        fs::create_dir_all(folder.join("masks")).unwrap();
        let mut labels = "image,label,split,patient\n".to_owned();
        for index in 0..12_u32 {
            let name = format!("{}{index}", marker("CASE"));
            fs::write(folder.join(format!("{name}.dcm")), dicom(20 + index)).unwrap();
            let (label, split) = (
                index % 2,
                if index < 4 {
                    "train"
                } else if index < 8 {
                    "val"
                } else {
                    "test"
                },
            );
            labels += &[name.as_str(), &label.to_string(), split, &format!("{}{index}\n", marker("PATIENT"))].join(",");
            let marked = |pixel: usize| label == 1 && (30..50).contains(&(pixel % SIDE)) && pixel / SIDE > 60;
            let mask: Vec<u8> = (0..SIDE * SIDE).map(|pixel| if marked(pixel) { 255 } else { 0 }).collect();
            fs::write(folder.join(format!("masks/{name}.png")), png_of(image::ExtendedColorType::L8, &mask)).unwrap();
        }
        labels += &[&marker("NOFILE"), ",1,test,x\n"].concat();
        fs::write(folder.join("labels.csv"), labels).unwrap();
        format!("folder:{}", folder.display())
    }
}

/// Every marker in `bytes`, in UTF-8 and UTF-16 and whatever the case of its letters, as they are and inside containers.
fn markers_in(bytes: &[u8]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for layer in layers(bytes, 0) {
        let lower = layer.to_ascii_lowercase();
        for word in [LETTERS].iter().chain(&DIGITS) {
            let word = word.to_ascii_lowercase();
            let wide = |order: fn(u16) -> [u8; 2]| word.encode_utf16().flat_map(order).collect::<Vec<u8>>();
            for pattern in [word.clone().into_bytes(), wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
                let mut windows = lower.windows(pattern.len());
                if let Some(at) = windows.position(|window| window == pattern) {
                    let around = &layer[at.saturating_sub(20)..layer.len().min(at + 40)];
                    found.insert(String::from_utf8_lossy(around).into_owned());
                }
            }
        }
    }
    found
}

/// The bytes, and what is packed in them: zip entries, deflated streams of PDF and PNG, pictures in text.
fn layers(bytes: &[u8], depth: usize) -> Vec<Vec<u8>> {
    let mut all = vec![bytes.to_vec()];
    if depth == 3 {
        return all;
    }
    let mut inner = Vec::new();
    if bytes.starts_with(b"PK") {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        for index in 0..archive.len() {
            let mut content = Vec::new();
            archive.by_index(index).unwrap().read_to_end(&mut content).unwrap();
            inner.push(content);
        }
    }
    if bytes.starts_with(b"\x89PNG") {
        let mut at = 8;
        let mut data = Vec::new();
        while at + 12 <= bytes.len() {
            let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
            let content = &bytes[at + 8..at + 8 + length];
            match &bytes[at + 4..at + 8] {
                b"IDAT" => data.extend(content),
                b"zTXt" | b"iTXt" | b"iCCP" => {
                    inner.extend(inflated(&content[content.iter().position(|b| *b == 0).unwrap() + 2..]));
                }
                _ => {}
            }
            at += 12 + length;
        }
        inner.extend(inflated(&data));
    }
    if bytes.starts_with(b"%PDF") {
        for at in positions(bytes, b"stream\n").chain(positions(bytes, b"stream\r\n")) {
            let start = at + if bytes[at + 6] == b'\r' { 8 } else { 7 };
            inner.extend(inflated(&bytes[start..]));
        }
    }
    for at in positions(bytes, b";base64,") {
        let text: Vec<u8> =
            bytes[at + 8..].iter().copied().take_while(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b)).collect();
        inner.extend(base64::engine::general_purpose::STANDARD.decode(text).ok());
    }
    for content in inner {
        all.extend(layers(&content, depth + 1));
    }
    all
}

fn positions<'a>(bytes: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    bytes.windows(word.len()).enumerate().filter(move |(_, window)| *window == word).map(|(at, _)| at)
}

fn inflated(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    flate2::read::ZlibDecoder::new(bytes).read_to_end(&mut content).ok().map(|_| content)
}

/// Files below a folder but for the marked one.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(|entry| entry.unwrap().into_path());
    entries.filter(|path| path.is_file()).collect()
}

/// Runs a command and looks through what it prints, and through what it writes below `out`.
fn check(arguments: &[String], out: Option<&Path>, allowed: Allowed) -> Ran {
    let ran = run(arguments);
    let what = format!("{arguments:?}");
    assert_eq!(ran.code, Some(0), "{what}: {}", ran.stderr);
    assert_eq!(markers_in(ran.stderr.as_bytes()), BTreeSet::new(), "standard error of {what}");
    let printed = match allowed {
        Allowed::Nothing => ran.stdout.clone(),
        Allowed::PathsOnOutput => ran.lines().into_iter().map(|line| without_paths(line).to_string()).collect(),
        Allowed::Ids => String::new(),
    };
    assert_eq!(markers_in(printed.as_bytes()), BTreeSet::new(), "standard output of {what}");
    let mut looked_at = 0;
    for path in out.map(files).unwrap_or_default() {
        let name = path.strip_prefix(out.unwrap()).unwrap().to_str().unwrap();
        assert_eq!(markers_in(name.as_bytes()), BTreeSet::new(), "a name that {what} wrote");
        assert_eq!(markers_in(&fs::read(&path).unwrap()), BTreeSet::new(), "{name} of {what}");
        looked_at += 1;
    }
    assert!(out.is_none() || looked_at > 0, "{what} wrote nothing");
    ran
}

fn without_paths(mut line: serde_json::Value) -> serde_json::Value {
    match &mut line {
        serde_json::Value::Object(fields) => {
            fields.retain(|name, _| !PATHS.contains(&name.as_str()));
            for value in fields.values_mut() {
                *value = without_paths(value.take());
            }
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(|value| *value = without_paths(value.take())),
        _ => {}
    }
    line
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn markers_are_found_wherever_they_hide() {
    let word = marker("NAME");
    let wide = |order: fn(u16) -> [u8; 2]| word.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let picture = base64::engine::general_purpose::STANDARD.encode(png(1));
    for bytes in [
        word.clone().into_bytes(),
        word.to_uppercase().into_bytes(),
        wide(u16::to_le_bytes),
        wide(u16::to_be_bytes),
        b"a 19531117 b".to_vec(),
        dicom(1),
        png(1),
        jpeg(1),
        tiff(1),
        [b"%PDF-1.7\nstream\n".as_slice(), &zlib(word.as_bytes()), b"\nendstream"].concat(),
        format!("<img src=\"data:image/png;base64,{picture}\"/>").into_bytes(),
        zip_of(&[Packed::stored("a", word.as_bytes())]),
    ] {
        assert!(!markers_in(&bytes).is_empty(), "{}", String::from_utf8_lossy(&bytes[..bytes.len().min(60)]));
    }
    let packed = [chunk(*b"zTXt", &[b"C\0\0".as_slice(), &zlib(word.as_bytes())].concat())].concat();
    let plain = png_of(image::ExtendedColorType::L8, &gray(1));
    assert!(!markers_in(&[&plain[..33], &packed, &plain[33..]].concat()).is_empty());
    assert!(markers_in(&plain).is_empty() && markers_in(&plain_dicom(1)).is_empty());
}

#[test]
fn no_command_about_images_tells_whose_they_are() {
    let marked = Marked::new();
    let (model, images) = (marked.path("model.safetensors"), marked.images());
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let on_images = |command: &[&str]| with(with(words(command), &["--model", &model, "--image"]), &images);
    let results = marked.bench.path("results");
    let out = |name: &str| results.join(name);

    let inspected = check(&with(words(&["inspect"]), &images), None, Allowed::PathsOnOutput);
    assert_eq!(inspected.lines().len(), images.len());
    check(&on_images(&["predict"]), None, Allowed::PathsOnOutput);
    let explained = out("explained");
    let more = ["--methods", "GRAD,GCAM", "--intermediates", "--dicom", "--out", explained.to_str().unwrap()];
    let ran = check(&with(on_images(&["explain"]), &more), Some(&explained), Allowed::PathsOnOutput);
    assert_eq!(ran.lines()[0]["images"].as_array().unwrap().len(), images.len());
    let cascade = out("cascade");
    let more = ["--methods", "GRAD", "--states", "Logits", "--tile", "64", "--animation", "gif,apng,webp,frames"];
    let more = with(words(&more), &["--animated", "2", "--out", cascade.to_str().unwrap()]);
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    check(&with(on_images(&["cascade"]), &more), Some(&cascade), Allowed::PathsOnOutput);
    let figures = out("figures");
    fs::create_dir(&figures).unwrap();
    for (index, image) in images.iter().enumerate() {
        let image = serde_json::to_string(image).unwrap();
        for (template, ending) in [("single_case", "svg"), ("method_grid", "pdf"), ("single_case", "png")] {
            let spec = format!(
                r#"{{"template": "{template}", "image": {image}, "models": ["model.safetensors"], "methods": ["GRAD"], "dpi": 72}}"#
            );
            let spec = marked.bench.write("spec.json", spec.as_bytes());
            let target = figures.join(format!("{template}_{index}.{ending}"));
            let arguments = ["figure", spec.to_str().unwrap(), "--out", target.to_str().unwrap()];
            check(&words(&arguments), Some(&figures), Allowed::Nothing);
        }
    }
}

/// A file that names a patient gives the bytes of one that names nobody.
#[test]
fn results_are_the_same_bytes_whoever_it_is() {
    let marked = Marked::new();
    let bench = &marked.bench;
    bench.write("nobody.dcm", &plain_dicom(1));
    let named = marked.file(".dcm");
    for (image, out) in [(named.as_str(), "named"), ("nobody.dcm", "unnamed")] {
        run(&with(bench.explain(image, out), &["--dicom", "--intermediates"])).succeeded();
    }
    let names = bench.names("named");
    assert_eq!(names, bench.names("unnamed"));
    for name in names.iter().filter(|name| *name != "explain.json") {
        let read = |out: &str| fs::read(bench.path(&format!("{out}/{name}"))).unwrap();
        assert!(read("named") == read("unnamed"), "{name} differs");
    }
}

#[test]
fn no_command_about_a_cohort_tells_who_is_in_it() {
    let marked = Marked::new();
    let cohort = marked.cohort();
    let model = marked.path("model.safetensors");
    check(&words(&["cohort", &cohort]), None, Allowed::Nothing);
    let line = check(&words(&["cohort", &cohort, "--json"]), None, Allowed::PathsOnOutput);
    assert!(line.lines()[0].to_string().contains("folder"), "{}", line.stdout);
    for list in ["--list", "--list-excluded"] {
        let ran = check(&words(&["cohort", &cohort, list]), None, Allowed::Ids);
        assert!(ran.stdout.contains(LETTERS), "it is asked for ids: {}", ran.stdout);
    }
    for more in [&["--youden"][..], &["--json"]] {
        let fixed = ["evaluate", "--model", &model, "--resamples", "10", "--cohort", &cohort];
        check(&with(words(&fixed), more), None, Allowed::Nothing);
    }
    let trained = marked.bench.path("trained");
    fs::create_dir(&trained).unwrap();
    let weights = trained.join("m.safetensors");
    let train = ["train", "--cohort", &cohort, "--task", "pneumothorax", "--arch", "densenet_121", "--width", "0.0625"];
    let more = ["--input-size", "96", "--epochs", "1", "--batch", "4", "--out", weights.to_str().unwrap()];
    check(&with(words(&train), &more), Some(&trained), Allowed::Nothing);

    let mut protocol = Protocol::demo(Preset::Arun2021, Task::PNEUMOTHORAX);
    protocol.tests.retain(|test| test.name() == "utility");
    protocol.methods = vec![Method::Grad, Method::Gcam];
    protocol.cohort.source.clone_from(&cohort);
    protocol.models.classifiers = vec![model.clone()];
    protocol.models.other_architecture = None;
    protocol.models.localizers.clear();
    protocol.sample.utility = None;
    let json = serde_json::to_vec(&protocol).unwrap();
    let protocol = marked.bench.write("protocol.json", &json);
    let (protocol, folder) = (protocol.to_str().unwrap().to_owned(), marked.path("run"));
    // The database keeps ids and folders, to go on from, and it is nothing that leaves the machine.
    check(&words(&["benchmark", "run", "--protocol", &protocol, "--out", &folder]), None, Allowed::Nothing);
    let kept = files(Path::new(&folder));
    let is_database = |path: &&PathBuf| path.file_name().is_some_and(|name| name.to_str().unwrap().contains(".sqlite"));
    assert!(kept.iter().filter(is_database).any(|path| !markers_in(&fs::read(path).unwrap()).is_empty()));
    for path in kept.iter().filter(|path| !is_database(path)) {
        assert_eq!(markers_in(&fs::read(path).unwrap()), BTreeSet::new(), "{}", path.display());
    }
    for more in [&[][..], &["--json"]] {
        check(&with(words(&["benchmark", "status", &folder]), more), None, Allowed::Nothing);
    }
    let reported = marked.bench.path("reported");
    fs::create_dir(&reported).unwrap();
    let report = reported.join("report.html");
    check(
        &words(&["benchmark", "report", &folder, "--out", report.to_str().unwrap()]),
        Some(&reported),
        Allowed::Nothing,
    );
    let exported = marked.bench.path("exported");
    check(
        &words(&["benchmark", "export", &folder, "--out", exported.to_str().unwrap()]),
        Some(&exported),
        Allowed::Nothing,
    );
    let scores = exported.join("scores.csv");
    let scores = scores.to_str().unwrap();
    let compared = marked.bench.path("compared");
    fs::create_dir(&compared).unwrap();
    let out = compared.join("stats.json");
    let stats = ["stats", "--data", scores, "--response", "value", "--factor", "method", "--group", "image"];
    let one_measure = ["--where", "test=utility", "--where", "metric=auprc"];
    let more = [&one_measure[..], &["--resamples", "20", "--out", out.to_str().unwrap()]].concat();
    check(&with(words(&stats), &more), Some(&compared), Allowed::Nothing);
}

/// Tables whose groups are patients, weights and masks in files that are called after one.
#[test]
fn no_other_command_tells_a_name() {
    let marked = Marked::new();
    let mut table = "score,method,image\n".to_owned();
    for index in 0..8 {
        for (method, shift) in [("A", 0), ("B", 3), ("C", 5)] {
            let line = format!("0.{}{},{method},{}{index}\n", 1 + shift, (index * 7 + shift) % 10, marker("CASE"));
            table += &line;
        }
    }
    let data = marked.file(".csv");
    fs::write(&data, table).unwrap();
    let out = marked.bench.path("stats");
    fs::create_dir(&out).unwrap();
    let target = out.join("stats.json");
    let stats = ["stats", "--data", &data, "--response", "score", "--factor", "method", "--group", "image"];
    let more = ["--null", "0.5", "--margin", "0.1", "--resamples", "20", "--out", target.to_str().unwrap()];
    check(&with(words(&stats), &more), Some(&out), Allowed::Nothing);

    let torch = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/foreign/torch_densenet_single.pth.gz");
    let mut weights = Vec::new();
    flate2::read::GzDecoder::new(fs::File::open(torch).unwrap()).read_to_end(&mut weights).unwrap();
    let source = marked.file(".pth");
    fs::write(&source, weights).unwrap();
    let out = marked.bench.path("converted");
    fs::create_dir(&out).unwrap();
    let target = out.join("m.safetensors");
    check(&words(&["convert", &source, target.to_str().unwrap()]), Some(&out), Allowed::Nothing);
    let folder = marked.bench.path("phantoms");
    let made = ["phantom", "--count", "2", "--size", "128", "--out", folder.to_str().unwrap()];
    check(&words(&made), Some(&folder), Allowed::Nothing);
}
