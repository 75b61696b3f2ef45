//! A file is read once and decoded once, whatever a command makes of it.
//!
//! Commands run in this process, which counts; the counters are its own, so that one test runs at a time.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};

use saliscope::cohort::{Cohort, CohortOptions, CohortSpec};
use saliscope::files::{count_opened, times_opened};
use saliscope::network::{Architecture, Precision, Variant, Weights};
use saliscope::radiograph::dicom::frames_decoded;
use saliscope::reading::{CaseSource, OpenCase, Thumbnail};

static ALONE: Mutex<()> = Mutex::new(());

/// A folder with a narrow model, its card, and copies of DICOM fixtures.
struct Place {
    folder: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Place {
    fn new() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        count_opened();
        let place = Self { folder: tempfile::tempdir().unwrap(), _alone: alone };
        let graph = Architecture::InceptionV3.graph(&Variant { width: 1.0 / 16.0, ..Variant::default() });
        let weights = Weights::initialize(&graph, 7).to_safetensors(Precision::Single).unwrap();
        place.write("model.safetensors", &weights);
        place.write("model.json", br#"{"architecture": "inception_v3", "input_size": [96, 96], "scaling": "unit"}"#);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// A copy of a fixture under a name of its own.
    fn dicom(&self, fixture: &str, name: &str) -> PathBuf {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dicom");
        self.write(name, &std::fs::read(fixtures.join(fixture)).unwrap())
    }

    /// Runs a command whose words may be names in the folder after an `@`; gives the frames it decoded.
    fn run(&self, words: &[&str]) -> u64 {
        let before = frames_decoded();
        let word = |word: &&str| match word.strip_prefix('@') {
            Some(name) => self.path(name).into_os_string(),
            None => OsString::from(word),
        };
        let arguments = ["saliscope"].iter().chain(words).map(word);
        assert_eq!(saliscope::cli::run(arguments), ExitCode::SUCCESS, "{words:?}");
        frames_decoded() - before
    }
}

#[test]
fn commands_read_and_decode_each_image_once() {
    let place = Place::new();
    let explain = ["explain", "--quiet", "--methods", "GRAD", "--model", "@model.safetensors", "--out", "@out"];
    let more: [&[&str]; 3] = [&[], &["--dicom"], &["--dicom", "--identity"]];
    for (number, more) in more.into_iter().enumerate() {
        let names = [format!("a{number}.dcm"), format!("b{number}.dcm")];
        let images = [0, 1].map(|index| place.dicom("gray_8_explicit.dcm", &names[index]));
        let before = times_opened(&place.path("model.safetensors"));
        let words = names.iter().map(|name| format!("@{name}")).collect::<Vec<_>>();
        let decoded = place.run(&[&explain[..], more, &["--image", &words[0], &words[1]]].concat());
        assert_eq!((decoded, images.map(|image| times_opened(&image))), (2, [1, 1]), "explain {more:?}");
        assert_eq!(times_opened(&place.path("model.safetensors")), before + 1);
    }
    let spec = r#"{"template": "single_case", "image": "f.dcm", "models": ["model.safetensors"], "methods": ["GRAD"],
                   "dpi": 72, "identity": true}"#;
    place.write("spec.json", spec.as_bytes());
    let cascade =
        ["cascade", "--quiet", "--methods", "GRAD", "--states", "Logits", "--animation", "none", "--out", "@cascade"];
    let cascade = [&cascade[..], &["--model", "@model.safetensors", "--image", "@c.dcm"]].concat();
    for (name, words) in [
        ("p.dcm", &["predict", "--quiet", "--model", "@model.safetensors", "--image", "@p.dcm"][..]),
        ("c.dcm", &cascade),
        ("f.dcm", &["figure", "--quiet", "@spec.json", "--out", "@figure.svg"]),
        ("i.dcm", &["inspect", "--identity", "@i.dcm"]),
    ] {
        let image = place.dicom("gray_8_explicit.dcm", name);
        assert_eq!((place.run(words), times_opened(&image)), (1, 1), "{words:?}");
    }
    assert_eq!(times_opened(&place.path("spec.json")), 1);
    // One of its overlays lies in bits of the pixels.
    let image = place.dicom("overlays.dcm", "o.dcm");
    assert_eq!((place.run(&["inspect", "@o.dcm"]), times_opened(&image)), (1, 1));
}

#[test]
fn the_window_reads_and_decodes_a_case_once() {
    let place = Place::new();
    for (number, fixture) in ["gray_8_explicit.dcm", "overlays.dcm"].into_iter().enumerate() {
        let image = place.dicom(fixture, &format!("{number}.dcm"));
        let before = frames_decoded();
        let case = OpenCase::read(&CaseSource::File(image.clone())).unwrap();
        assert_eq!((frames_decoded() - before, times_opened(&image)), (1, 1), "{fixture}");
        assert_eq!(case.overlays.len(), if number == 0 { 0 } else { 3 }, "{:?}", case.warnings);
        let image = place.dicom(fixture, &format!("{number} small.dcm"));
        let before = frames_decoded();
        Thumbnail::read(&CaseSource::File(image.clone()), 32).unwrap();
        assert_eq!((frames_decoded() - before, times_opened(&image)), (1, 1), "{fixture} as a thumbnail");
    }
}

#[test]
fn tables_and_indexes_read_each_file_once() {
    let place = Place::new();
    let table = place.write("table.csv", b"i,m,v\n1,A,1\n1,B,2\n2,A,3\n2,B,5\n3,A,4\n3,B,5\n");
    let columns = ["--response", "v", "--factor", "m", "--group", "i", "--out", "@stats.json"];
    place.run(&[&["stats", "--quiet", "--data", "@table.csv"], &columns[..]].concat());
    assert_eq!(times_opened(&table), 1, "what is analysed is what the hash is of");
    std::fs::create_dir(place.path("images")).unwrap();
    let image = place.dicom("gray_8_explicit.dcm", "images/a.dcm");
    let spec = CohortSpec::Folder(place.path("images"));
    let options = CohortOptions { task: Some(saliscope::truth::Task::PNEUMONIA), ..CohortOptions::default() };
    let before = frames_decoded();
    let cohort = Cohort::open(&spec, &options, &()).unwrap();
    assert_eq!((frames_decoded() - before, times_opened(&image)), (0, 1), "an index reads headers");
    cohort.radiograph(&cohort.cases()[0]).unwrap();
    assert_eq!((frames_decoded() - before, times_opened(&image)), (1, 2));
}
