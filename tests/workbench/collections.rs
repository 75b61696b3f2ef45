//! A zip archive and a DICOMDIR open as their images, and come back with the session.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use saliscope::radiograph::dicom::DicomImage;
use saliscope::reading::{CaseSource, OpenCase, Thumbnail};
use saliscope::workbench::{Action, Command, Opening, Recent, Workbench};
use zip::write::{SimpleFileOptions, ZipWriter};

use super::window::{Window, empty_at, opened, until, write_png};

/// An archive of `count` images, all different, and a text.
fn archive(folder: &Path, count: u8) -> PathBuf {
    let path = folder.join("MEYER_ANNA.zip");
    let mut zip = ZipWriter::new(fs::File::create(&path).unwrap());
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut add = |name: &str, content: &[u8]| {
        zip.start_file(name, options).unwrap();
        zip.write_all(content).unwrap();
    };
    add("readme.txt", b"hello");
    for index in (1..=count).rev() {
        let png = fs::read(write_png(folder, "one.png", index)).unwrap();
        add(&format!("MEYER/IM{index}"), &png);
    }
    zip.finish().unwrap();
    if count > 0 {
        fs::remove_file(folder.join("one.png")).unwrap();
    }
    path
}

fn titles(window: &Window) -> Vec<String> {
    window.state().state.list.entries().iter().map(|entry| entry.title.to_string()).collect()
}

/// Waits for all work, and for what is asked for when it is there.
fn settle(window: &mut Window) {
    for _ in 0..2 {
        until(window, |workbench| !workbench.services.jobs.is_busy());
    }
}

#[test]
fn an_archive_is_a_list_of_cases_that_comes_back() {
    let (home, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = archive(data.path(), 11);
    let mut window = empty_at(Some(home.path()));
    window.state_mut().apply(Action::OpenPaths(vec![path.clone()]));
    settle(&mut window);
    let expected: Vec<String> = (1..=11).map(|index| format!("IM{index}")).collect();
    assert_eq!(titles(&window), expected, "in natural order");
    let words: Vec<String> =
        window.state().services.jobs.reports().iter().filter_map(|report| report.words(true)).collect();
    assert!(words.iter().any(|words| words.contains("files that are no images and were left out: 1")), "{words:?}");
    let state = &window.state().state;
    assert_eq!(state.settings.recent, [Recent::Path(path.clone())], "the archive, not what is in it");
    let entries: Vec<_> = state.list.entries().iter().map(|entry| (entry.id, entry.source.clone())).collect();
    for (id, source) in &entries {
        let shown = window.state().services.shelf.case(*id).unwrap();
        assert_eq!(shown.content, OpenCase::read(source).unwrap().content);
        assert!(Thumbnail::read(source, 16).is_ok());
    }
    window.state_mut().apply(Action::Remove(entries[4].0));
    window.state_mut().apply(Action::Select(entries[9].0));
    settle(&mut window);
    eframe::App::on_exit(window.state_mut());
    let again = |home: &Path| {
        let mut window = opened(Opening { home: Some(home.to_owned()), ..Opening::default() });
        until(&mut window, |workbench| !workbench.services.jobs.is_busy());
        window
    };
    let window = again(home.path());
    let kept: Vec<String> = expected.iter().filter(|title| *title != "IM5").cloned().collect();
    assert_eq!(titles(&window), kept);
    let list = &window.state().state.list;
    let current = list.entry(list.current.unwrap()).unwrap();
    assert_eq!(&*current.title, "IM10");
    assert!(matches!(&current.source, CaseSource::Entry(entry) if entry.archive == path && entry.name == "MEYER/IM10"));
    assert!(window.state().services.shelf.case(current.id).is_some());
    drop(window);
    // An archive that is gone takes its cases along.
    fs::remove_file(&path).unwrap();
    let window = again(home.path());
    assert!(titles(&window).iter().all(|title| !title.starts_with("IM")), "{:?}", titles(&window));
}

#[test]
fn many_images_are_read_when_they_are_looked_at() {
    let data = tempfile::tempdir().unwrap();
    let path = archive(data.path(), 40);
    let mut window = empty_at(None);
    window.state_mut().apply(Action::OpenPaths(vec![path]));
    settle(&mut window);
    assert_eq!(window.state().state.list.entries().len(), 40);
    let ids: Vec<_> = window.state().state.list.entries().iter().map(|entry| entry.id).collect();
    let in_memory =
        |workbench: &Workbench| ids.iter().filter(|id| workbench.services.shelf.case(**id).is_some()).count();
    until(&mut window, |workbench| workbench.services.shelf.case(ids[0]).is_some());
    assert_eq!(in_memory(window.state()), 1, "the one that is shown");
    window.state_mut().apply(Action::Select(ids[30]));
    until(&mut window, |workbench| workbench.services.shelf.case(ids[30]).is_some());
    assert_eq!(in_memory(window.state()), 2);
    window.state_mut().state.shown.has_identity = false;
    window.run();
    assert!(
        super::painted::everything_said(&window).iter().all(|text| !text.contains("MEYER") && !text.contains("IM31"))
    );
}

#[test]
fn an_archive_without_images_says_so() {
    let data = tempfile::tempdir().unwrap();
    let path = archive(data.path(), 0);
    let mut window = empty_at(None);
    window.state_mut().apply(Action::OpenPaths(vec![path]));
    settle(&mut window);
    assert!(window.state().state.list.entries().is_empty());
    let words: Vec<String> =
        window.state().services.jobs.reports().iter().filter_map(|report| report.words(false)).collect();
    assert!(words.iter().any(|words| words.contains("the zip archive holds no image")), "{words:?}");
    assert!(words.iter().all(|words| !words.contains("MEYER")), "{words:?}");
}

/// Whose images were open stands in no file of the window: paths do, and nothing of what is in the files.
#[test]
fn no_file_of_the_window_names_a_patient() {
    let (home, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dicom");
    let path = data.path().join("image.dcm");
    fs::copy(fixtures.join("rescale_window.dcm"), &path).unwrap();
    let identity = serde_json::to_value(DicomImage::open(&path).unwrap().identity()).unwrap();
    let words: Vec<String> =
        identity.as_object().unwrap().values().filter_map(|value| value.as_str()).map(str::to_owned).collect();
    let words: Vec<String> = words.into_iter().filter(|word| word.len() > 3).collect();
    assert!(words.len() >= 3, "{identity}");
    let mut window = empty_at(Some(home.path()));
    window.state_mut().apply(Action::OpenPaths(vec![path.clone(), fixtures.join("text.dcm")]));
    settle(&mut window);
    window.state_mut().apply(Action::Run(Command::Invert));
    eframe::App::on_exit(window.state_mut());
    let files: Vec<PathBuf> = walkdir::WalkDir::new(home.path())
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.is_file())
        .collect();
    assert!(files.len() >= 2, "settings and session: {files:?}");
    for file in files {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).to_lowercase();
        for word in &words {
            assert!(!text.contains(&word.to_lowercase()), "{word} in {}", file.display());
        }
    }
}
