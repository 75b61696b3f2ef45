//! Open, explain, compare, export, close.

use std::path::{Path, PathBuf};
use std::process::Command;

use image::RgbImage;
use saliscope::array_file::NpzReader;
use saliscope::figure::NOT_FOR_DIAGNOSIS;
use saliscope::radiograph::dicom::DicomImage;
use saliscope::saliency::Method;

use super::display::{Display, difference, is_possible, until};

const SALISCOPE: &str = env!("CARGO_BIN_EXE_saliscope");

/// The model that answers where nobody opened another.
const MODEL: &str = "demo:pneumothorax_inception_v3_1";

/// The line below a method whose map is ready, in the dark theme.
const READY: [u8; 3] = [130, 215, 150];

/// Keys for commands that have none by themselves.
const SETTINGS: &str = r#"{"version": 1, "content": {"keys": {"assigned": {
    "export_maps": [{"command": true, "shift": true, "alt": false, "key": "M"}],
    "export_dicom": [{"command": true, "shift": true, "alt": false, "key": "D"}]}}}}"#;

/// Somewhere on the picture, whatever lies beside it.
const ON_THE_PICTURE: [u32; 2] = [640, 470];

#[test]
fn a_file_is_opened_explained_compared_and_exported_by_mouse_and_keyboard() {
    if !is_possible() {
        let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!is_ci, "Xvfb, xdotool and ImageMagick's import must be installed");
        eprintln!("skipped: Xvfb, xdotool or ImageMagick's import is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let radiograph = phantom(&at("phantoms"));
    std::fs::create_dir(at("home")).unwrap();
    std::fs::write(at("home/settings.json"), SETTINGS).unwrap();
    let display = Display::start();
    let mut window = display
        .command(SALISCOPE)
        .arg("--home")
        .arg(at("home"))
        .arg(&radiograph)
        .env("HOME", folder.path())
        .spawn()
        .unwrap();
    let shot = std::env::temp_dir().join(format!("saliscope-e2e-{}.png", std::process::id()));
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        tell(&display, folder.path());
        until_closed(&mut window)
    }));
    if told.is_err() {
        display.keep(&shot);
        eprintln!("the screen at that time: {}", shot.display());
    }
    let _ = window.kill();
    let _ = window.wait();
    let code = told.unwrap_or_else(|failure| std::panic::resume_unwind(failure));
    assert_eq!(code, Some(0));

    let session = session(folder.path());
    assert_eq!(session["view"], "compare");
    assert!(session["cases"].to_string().contains(&radiograph.file_name().unwrap().to_string_lossy().into_owned()));
    check(folder.path(), &radiograph);
}

/// What the user does.
fn tell(display: &Display, folder: &Path) {
    display.enter_window();
    display.until_seen("all maps", |screen| ready_methods(screen) == Method::STUDY.len());

    // Dragging changes the window of gray levels; the session tells.
    display.drag(ON_THE_PICTURE, [ON_THE_PICTURE[0] + 60, ON_THE_PICTURE[1] + 40]);
    until("the new window", || session(folder)["shown"]["tone"].get("custom").is_some());
    export(display, "ctrl+e", &folder.join("case.png"));

    display.press("F3");
    until("the comparison", || session(folder)["view"] == "compare");
    let all_tiles = display.look();
    // Where frames take long, two clicks may lie too far apart.
    display.until_seen("one tile", |screen| {
        let is_large = difference(screen, &all_tiles) > 0.1;
        if !is_large {
            display.double_click(ON_THE_PICTURE);
        }
        is_large
    });
    display.press("Escape");
    display.until_seen("all tiles", |screen| difference(screen, &all_tiles) < 0.03);

    export(display, "ctrl+e", &folder.join("tiles.pdf"));
    export(display, "ctrl+shift+m", &folder.join("maps.npz"));
    // Grad-CAM may find nothing on a radiograph without the finding; XRAI, the next method, always ranks its segments.
    display.press("bracketright");
    until("the next method", || session(folder)["shown"]["method"] == "XRAI");
    export(display, "ctrl+shift+d", &folder.join("map.dcm"));
    display.press("ctrl+q");
}

/// Opens the export dialog by its keys, types where to, and waits for the files.
fn export(display: &Display, keys: &str, target: &Path) {
    let before = display.look();
    display.press(keys);
    // A dialog darkens all that is behind it.
    display.until_seen("the dialog", |screen| difference(screen, &before) > 0.15);
    display.type_anew(&target.to_string_lossy());
    display.press("Return");
    display.until_seen("the end of the dialog", |screen| difference(screen, &before) < 0.05);
}

/// How many methods have the line that says that their map is ready.
fn ready_methods(screen: &RgbImage) -> usize {
    let is_ready = |x: u32, y: u32| screen.get_pixel(x, y).0.iter().zip(READY).all(|(a, b)| a.abs_diff(b) < 12);
    let lines = |y: u32| {
        let starts = |x: &u32| is_ready(*x, y) && (*x == 0 || !is_ready(*x - 1, y));
        (0..screen.width()).filter(starts).count()
    };
    (0..screen.height() / 4).map(lines).max().unwrap_or_default()
}

fn session(folder: &Path) -> serde_json::Value {
    // It is replaced as a whole, but may not be there yet.
    let text = std::fs::read(folder.join("home/session.json")).unwrap_or_default();
    let file: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    file["content"].clone()
}

fn until_closed(window: &mut std::process::Child) -> Option<i32> {
    let window = std::cell::RefCell::new(window);
    until("the end", || window.borrow_mut().try_wait().unwrap().is_some());
    window.borrow_mut().wait().unwrap().code()
}

/// A generated radiograph as DICOM, with a patient's name in it.
fn phantom(folder: &Path) -> PathBuf {
    let made = Command::new(SALISCOPE)
        .args(["phantom", "--count", "2", "--seed", "5", "--size", "512", "--task", "pneumothorax", "--quiet", "--out"])
        .arg(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut files: Vec<PathBuf> =
        walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.unwrap().into_path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "dcm"));
    files.sort();
    files.swap_remove(0)
}

/// Checks everything that was written.
fn check(folder: &Path, radiograph: &Path) {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let record = |name: &str| serde_json::from_slice::<serde_json::Value>(&read(name)).unwrap();
    let picture = image::load_from_memory(&read("case.png")).unwrap();
    assert!(picture.width() > 1000 && picture.height() > 500);
    assert!(read("tiles.pdf").starts_with(b"%PDF-"));
    for (name, maps) in [("case.record.json", 1), ("tiles.record.json", 8), ("maps.json", 8)] {
        let record = record(name);
        assert_eq!(record["notice"], NOT_FOR_DIAGNOSIS, "{name}");
        assert_eq!(record["maps"].as_array().unwrap().len(), maps, "{name}");
    }
    assert_eq!(record("tiles.record.json")["template"], "screen");

    let out = folder.join("explained");
    let explained = Command::new(SALISCOPE)
        .args(["explain", "--model", MODEL, "--quiet", "--image"])
        .arg(radiograph)
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert!(explained.status.success(), "{}", String::from_utf8_lossy(&explained.stderr));
    let (window, line) = (read("maps.npz"), std::fs::read(out.join("maps.npz")).unwrap());
    let (mut window, mut line) = (NpzReader::new(&window).unwrap(), NpzReader::new(&line).unwrap());
    let sorted = |reader: &NpzReader<'_>| {
        let mut names = reader.names();
        names.sort();
        names
    };
    assert_eq!(sorted(&window), sorted(&line));
    for name in sorted(&line) {
        let [a, b] = [&mut window, &mut line].map(|reader| reader.array(&name).unwrap().unwrap());
        assert_eq!(a.shape, b.shape, "{name}");
        assert!(a.values.into_f32() == b.values.into_f32(), "{name} differs");
    }

    // Nobody's name is in any file, and every DICOM object says what it is for.
    let identity = DicomImage::open(radiograph).unwrap().identity();
    let (name, number) = (identity.patient_name.unwrap(), identity.patient_id.unwrap());
    let file = radiograph.file_stem().unwrap().to_string_lossy().into_owned();
    for output in [
        "case.png",
        "case.record.json",
        "tiles.pdf",
        "tiles.record.json",
        "maps.npz",
        "maps.json",
        "map_capture.dcm",
        "map_segmentation.dcm",
    ] {
        let bytes = read(output);
        for secret in [&name, &number, &file] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{output} names the patient");
        }
    }
    for dicom in ["map_capture.dcm", "map_radiograph.dcm"] {
        assert!(DicomImage::open(&folder.join(dicom)).is_ok(), "{dicom}");
    }
}
