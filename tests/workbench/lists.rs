//! The study list: rows, search, filter, order, thumbnails, dropped files.

use std::path::PathBuf;
use std::sync::Arc;

use egui_kittest::kittest::Queryable as _;
use saliscope::reading::{CaseSource, ModelSource};
use saliscope::workbench::{Action, EntryId, LabelFilter, ROW_HEIGHT, SortBy, THUMBNAILS_KEPT};

use super::window::{Window, drop_files, empty, press, says, type_into, until, with_phantoms, write_png};

#[test]
fn an_empty_list_teaches_how_to_fill_it() {
    let mut window = empty();
    for text in ["No cases yet", "Drop images, folders or a model", "Open images…", "Open folder…", "Open the demo"]
    {
        assert!(says(&window, text), "{text}");
    }
    press(&mut window, "Open cohort…");
    assert!(window.state().state.dialogs.path.is_some());
}

#[test]
fn of_26_684_cases_only_those_that_can_be_seen_are_drawn() {
    let mut window = empty();
    let list = &mut window.state_mut().state.list;
    for index in 0..26_684 {
        let path = PathBuf::from(format!("/nowhere/{index:05}.dcm"));
        list.add(CaseSource::File(path), &Arc::from("folder:nowhere"));
    }
    list.refresh();
    window.run();
    let drawn = |window: &Window| window.query_all_by_label_contains(".dcm, no label").count();
    let fit = (800.0 / ROW_HEIGHT) as usize;
    assert!((5..=fit + 1).contains(&drawn(&window)), "{} rows", drawn(&window));
    assert!(says(&window, "26684 cases") && says(&window, "00000.dcm") && !says(&window, "13000.dcm"));

    // The case shown is scrolled to, from wherever the list is.
    for id in [13_000, 26_683, 4] {
        window.state_mut().state.list.current = Some(EntryId(id));
        window.run();
        assert!(says(&window, &format!("{id:05}.dcm")), "{id}");
        assert!((5..=fit + 1).contains(&drawn(&window)), "{} rows", drawn(&window));
    }

    // Only what can be seen waits for a thumbnail, and no more than a bound are kept.
    assert!(window.state().services.thumbnails.borrow().waiting() <= fit + 1);
    let all: Vec<EntryId> = (0..600).map(EntryId).collect();
    for id in all {
        window.state_mut().services.thumbnails.get_mut().put(&egui::Context::default(), id, None);
    }
    assert_eq!(window.state().services.thumbnails.borrow().len(), THUMBNAILS_KEPT);

    type_into(&mut window, "Search names", "2668");
    assert!(says(&window, "7 of 26684 cases"));
}

#[test]
fn search_filter_and_order_choose_the_rows() {
    let mut window = with_phantoms(6);
    let all = |window: &Window| window.query_all_by_label_contains("Phantom ").count();
    assert_eq!(all(&window), 6);
    type_into(&mut window, "Search names", "phantom 4");
    assert_eq!((all(&window), window.state().state.list.search.as_str()), (1, "phantom 4"));
    window.state_mut().apply(Action::FilterList {
        search: "nobody".to_owned(),
        filter: LabelFilter::All,
        split: None,
        sort: SortBy::Opened,
    });
    window.run();
    assert!(says(&window, "No case matches"));
    press(&mut window, "Show all cases");
    assert_eq!(all(&window), 6);

    press(&mut window, "Filter by label");
    press(&mut window, "With the finding");
    assert_eq!((all(&window), window.state().state.list.filter), (3, LabelFilter::Positive));
    // A press that comes from an assistive program leaves the choice open.
    if window.query_by_label("All cases").is_none() {
        press(&mut window, "Filter by label");
    }
    press(&mut window, "All cases");
    press(&mut window, "Order");
    press(&mut window, "Finding first");
    let first = window.state().state.list.listed()[0];
    assert_eq!((first, window.state().state.list.sort), (EntryId(1), SortBy::Label));
    press(&mut window, "test");
    assert_eq!(all(&window), 0, "phantoms of their own belong to no split");
}

#[test]
fn rows_are_shown_compared_and_removed() {
    let mut window = with_phantoms(3);
    window.get_by_label_contains("Phantom 1").click();
    window.run();
    assert_eq!(window.state().state.list.current, Some(EntryId(1)));
    window.get_by_label_contains("Phantom 2").click_modifiers(egui::Modifiers::COMMAND);
    window.run();
    assert_eq!(window.state().state.compare.entries, [EntryId(2)]);
    window.get_by_label_contains("Phantom 0").click_secondary();
    window.run();
    press(&mut window, "Compare with this");
    assert_eq!(window.state().state.compare.entries, [EntryId(2), EntryId(0)]);
    window.get_by_label_contains("Phantom 0").click_secondary();
    window.run();
    press(&mut window, "Remove from list");
    assert!(!says(&window, "Phantom 0"));
    assert_eq!(window.state().state.compare.entries, [EntryId(2)]);
    window.key_press(egui::Key::ArrowDown);
    window.run();
    assert_eq!(window.state().state.list.current, Some(EntryId(2)));
}

#[test]
fn predictions_are_told_in_words_for_the_model_asked() {
    let mut window = with_phantoms(2);
    let name = saliscope::demo::CLASSIFIERS[0];
    window.state_mut().apply(Action::OpenModel(ModelSource::Demo(name.to_owned())));
    until(&mut window, |workbench| workbench.state.models.len() == 1);
    let identity = window.state().state.models[0].identity().to_owned();
    let list = &mut window.state_mut().state.list;
    list.entry_mut(EntryId(0)).unwrap().prediction = Some((identity.as_str().into(), 0.97));
    list.entry_mut(EntryId(1)).unwrap().prediction = Some(("another model".into(), 0.97));
    window.run();
    assert!(says(&window, "Phantom 0, without it, pneumothorax very likely, 0.97"));
    assert!(!says(&window, "Phantom 1, with the finding, p"));
    press(&mut window, "Filter by label");
    press(&mut window, "Predicted wrong");
    assert_eq!(window.state().state.list.listed(), [EntryId(0)]);
}

#[test]
fn thumbnails_come_in_the_background() {
    let mut window = with_phantoms(4);
    until(&mut window, |workbench| workbench.services.thumbnails.borrow().len() == 4);
    assert_eq!(window.state().services.thumbnails.borrow().waiting(), 0);
}

#[test]
fn names_of_files_are_hidden_with_identity() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_png(folder.path(), "Doe Jane.png", 0);
    let mut window = empty();
    drop_files(&mut window, [path]);
    until(&mut window, |workbench| workbench.state.list.entries().len() == 1);
    assert!(says(&window, "Doe Jane.png"));
    window.key_press(egui::Key::Q);
    window.run();
    assert!(!says(&window, "Doe Jane") && says(&window, "Case 1"));
}

#[test]
fn hovering_files_are_told_what_letting_go_does() {
    let mut window = empty();
    window.input_mut().hovered_files = vec![egui::HoveredFile::default(), egui::HoveredFile::default()];
    window.step();
    let is_told = window.output().shapes.iter().any(|clipped| match &clipped.shape {
        egui::Shape::Text(text) => text.galley.text() == "Drop to open 2 files",
        _ => false,
    });
    assert!(is_told);
}

#[test]
fn dropped_files_that_lie_are_told_and_harm_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = |name: &str| std::fs::read(format!("tests/fixtures/dicom/{name}.dcm")).unwrap();
    let png = std::fs::read(write_png(folder.path(), "sound.png", 9)).unwrap();
    let mut long = fixture("gray_8_implicit");
    let at = long.windows(4).rposition(|window| window == [0xe0, 0x7f, 0x10, 0]).unwrap() + 4;
    long[at..at + 4].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
    long.truncate(at + 8);
    let rle = fixture("rle_8");
    let mut segments = rle.clone();
    let head = [1, 0, 0, 0, 64, 0, 0, 0];
    let at = rle.windows(8).rposition(|window| window == head).unwrap();
    segments[at..at + 4].copy_from_slice(&[0xff; 4]);
    let hostile: Vec<(&str, Vec<u8>)> = vec![
        ("empty.dcm", Vec::new()),
        ("noise.png", (0..4096_u32).map(|value| (value.wrapping_mul(2_654_435_761) >> 24) as u8).collect()),
        ("cut.png", png[..png.len() / 2].to_vec()),
        ("pixels of 4 GiB.dcm", long),
        ("segments.dcm", segments),
        ("cut.dcm", rle[..at + 20].to_vec()),
        ("array.npy", b"\x93NUMPY\x01\x00\xff\xff{'descr': '<f8', 'shape': (4294967295, 4294967295)".to_vec()),
        ("weights.safetensors", vec![0xff; 64]),
    ];
    let mut window = with_phantoms(3);
    window.get_by_label_contains("Phantom 1").click();
    window.run();
    let count = hostile.len();
    for (name, bytes) in hostile {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        window.state().services.jobs.forget_over();
        drop_files(&mut window, [path]);
        until(&mut window, |workbench| !workbench.services.jobs.is_busy());
        // Once in the bar.
        assert!(says(&window, &format!("Open a file or folder: {name}: ")), "{name}");
        assert_eq!(window.state().state.list.entries().len(), 3, "{name}");
        assert_eq!(window.state().state.list.current, Some(EntryId(1)), "{name}");
    }
    // All together, with one that is sound among them.
    let all = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    drop_files(&mut window, all.collect::<Vec<_>>());
    until(&mut window, |workbench| !workbench.services.jobs.is_busy());
    assert!(says(&window, &format!("{count} of {} could not be opened", count + 1)));
    assert_eq!(window.state().state.list.entries().len(), 4);
}
