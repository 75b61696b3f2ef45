//! A folder with models and images, and a way to run the program on them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use image::{ExtendedColorType, ImageEncoder};
use saliscope::array_file::{NpyArray, write_npy};
use saliscope::network::{Architecture, Precision, Variant, Weights};
use tempfile::TempDir;

/// Side of the images and of the models' input, in pixels.
pub(crate) const SIDE: usize = 96;

/// A fresh folder that vanishes at the end of its test.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    /// A folder with `model.safetensors` (InceptionV3 at 1/16 width), its card and `chest.png`.
    pub(crate) fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        bench.model("model.safetensors", Architecture::InceptionV3);
        bench.card(r#""classes": ["clear", "finding"], "positive_class": 1"#);
        bench.png("chest.png", 1);
        bench
    }

    /// Where everything lies.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Seeded weights of a narrow network with two classes.
    pub(crate) fn model(&self, name: &str, architecture: Architecture) -> PathBuf {
        self.model_of(name, architecture, &Variant::default())
    }

    /// Seeded weights of a narrow network of some variant, at 1/16 of its width.
    pub(crate) fn model_of(&self, name: &str, architecture: Architecture, variant: &Variant) -> PathBuf {
        let graph = architecture.graph(&Variant { width: 1.0 / 16.0, ..variant.clone() });
        self.write(name, &Weights::initialize(&graph, 7).to_safetensors(Precision::Single).unwrap())
    }

    /// The card of `model.safetensors` with these fields more; it states its scaling.
    pub(crate) fn card(&self, fields: &str) -> PathBuf {
        self.card_of("inception_v3", &format!(r#""scaling": "unit_to_symmetric", {fields}"#))
    }

    /// A card `model.json` of an architecture with these fields more.
    pub(crate) fn card_of(&self, architecture: &str, fields: &str) -> PathBuf {
        let json = format!(r#"{{"architecture": "{architecture}", "input_size": [{SIDE}, {SIDE}], {fields}}}"#);
        self.write("model.json", json.as_bytes())
    }

    /// An 8-bit gray PNG of [`gray`].
    pub(crate) fn png(&self, name: &str, seed: u32) -> PathBuf {
        self.write(name, &png_of(ExtendedColorType::L8, &gray(seed)))
    }

    /// Arguments of `explain` for one image with the two cheapest methods, to which more may be added.
    pub(crate) fn explain(&self, image: &str, out: &str) -> Vec<String> {
        let path = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let fixed = ["explain", "--quiet", "--methods", "GRAD,GCAM", "--model"].map(str::to_owned);
        let files = [path("model.safetensors"), "--image".to_owned(), path(image), "--out".to_owned(), path(out)];
        fixed.into_iter().chain(files).collect()
    }

    /// The arrays of a finished run.
    pub(crate) fn arrays(&self, folder: &str) -> BTreeMap<String, NpyArray> {
        let bytes = std::fs::read(self.path(folder).join("maps.npz")).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        (0..archive.len())
            .map(|index| {
                let mut entry = archive.by_index(index).unwrap();
                assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
                let name = entry.name().unwrap().strip_suffix(".npy").unwrap().to_owned();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                (name, content)
            })
            // Labels are int32, which is written but not read here.
            .filter_map(|(name, content)| Some((name, NpyArray::from_bytes(&content).ok()?)))
            .collect()
    }

    pub(crate) fn report(&self, folder: &str) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.path(folder).join("explain.json")).unwrap()).unwrap()
    }

    /// Names in a folder.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        names(&self.path(folder))
    }
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Standard output as one JSON value a line.
    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Fails the test unless the program ended well.
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// Fails the test unless the program ended with `code` and one line on standard error, which is given back.
    pub(crate) fn refused(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "a failed command prints no result");
        assert_eq!(self.stderr.lines().count(), 1, "one sentence: {}", self.stderr);
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
        self.stderr.trim_end()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub(crate) fn command<S: AsRef<OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saliscope"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn run<S: AsRef<OsStr>>(arguments: &[S]) -> Ran {
    command(arguments).output().unwrap().into()
}

/// `arguments` and then `more`.
pub(crate) fn with(mut arguments: Vec<String>, more: &[&str]) -> Vec<String> {
    arguments.extend(more.iter().map(|&argument| argument.to_owned()));
    arguments
}

/// A gray image that differs by seed: two soft spots and a grain.
pub(crate) fn gray(seed: u32) -> Vec<u8> {
    let spot = |x: f32, y: f32, cx: f32, cy: f32| (-((x - cx).powi(2) + (y - cy).powi(2)) / 300.0).exp();
    (0..SIDE * SIDE)
        .map(|index| {
            let (x, y) = ((index % SIDE) as f32, (index / SIDE) as f32);
            let grain = ((index as u32).wrapping_mul(2_654_435_761).wrapping_add(seed * 97) >> 24) as f32 / 255.0;
            let shade = 0.5 * spot(x, y, 30.0 + seed as f32, 40.0) + 0.3 * spot(x, y, 70.0, 60.0) + 0.15 * grain;
            (shade * 255.0) as u8
        })
        .collect()
}

/// A PNG of `SIDE` x `SIDE` pixels.
pub(crate) fn png_of(color: ExtendedColorType, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let side = SIDE as u32;
    image::codecs::png::PngEncoder::new(&mut out).write_image(bytes, side, side, color).unwrap();
    out
}

/// A JPEG of `SIDE` x `SIDE` gray pixels.
pub(crate) fn jpeg_of(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let side = SIDE as u32;
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 95);
    encoder.write_image(bytes, side, side, ExtendedColorType::L8).unwrap();
    out
}

/// A `.npy` file.
pub(crate) fn npy_of(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let mut out = Vec::new();
    write_npy(&mut out, shape, values).unwrap();
    out
}

/// An element of a DICOM file: group, number, value representation, value.
pub(crate) type Element<'a> = (u16, u16, &'a [u8; 2], &'a [u8]);

/// A DICOM file of `SIDE` x `SIDE` gray pixels without a window, with more elements in their order.
pub(crate) fn dicom_of(pixels: &[u8], elements: &[Element<'_>]) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    let short = |bytes: &mut Vec<u8>, (group, number, vr, value): Element<'_>| {
        bytes.extend(group.to_le_bytes().into_iter().chain(number.to_le_bytes()).chain(*vr));
        let padding = if vr == b"UI" { 0 } else { b' ' };
        let value: Vec<u8> = value.iter().copied().chain((value.len() % 2 == 1).then_some(padding)).collect();
        bytes.extend((value.len() as u16).to_le_bytes());
        bytes.extend(value);
    };
    short(&mut bytes, (2, 0x10, b"UI", b"1.2.840.10008.1.2.1"));
    let is_before = |element: &Element<'_>| (element.0, element.1) < (0x28, 2);
    elements.iter().filter(|element| is_before(element)).for_each(|element| short(&mut bytes, *element));
    let word = |value: usize| (value as u16).to_le_bytes();
    short(&mut bytes, (0x28, 0x02, b"US", &word(1)));
    short(&mut bytes, (0x28, 0x04, b"CS", b"MONOCHROME2"));
    for (number, value) in [(0x10, SIDE), (0x11, SIDE), (0x100, 8), (0x101, 8), (0x102, 7), (0x103, 0)] {
        short(&mut bytes, (0x28, number, b"US", &word(value)));
    }
    elements.iter().filter(|element| !is_before(element)).for_each(|element| short(&mut bytes, *element));
    bytes.extend([0xe0, 0x7f, 0x10, 0, b'O', b'B', 0, 0]);
    bytes.extend((pixels.len() as u32).to_le_bytes());
    bytes.extend(pixels);
    bytes
}

/// Far more than a refusal takes on the slowest machine: who is not done by then waits for ever.
const PATIENCE: Duration = Duration::from_mins(2);

/// Runs the program, and ends it where it waits for ever or reads without end.
pub(crate) fn guarded(arguments: &[String], what: &str) -> Ran {
    let mut child = command(arguments).spawn().unwrap();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{what}: no end of it");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    Ran { code: status.code(), stdout, stderr }
}
