//! Radiographs and marks of a run on every kind of cohort: from its thumbnails, from the data set, and why there are none.

use std::path::{Path, PathBuf};

use saliscope::benchmark::figures::{Absent, MapOf, Picture, Pictures};
use saliscope::benchmark::protocol::Test;
use saliscope::benchmark::results::condition;
use saliscope::benchmark::{DataSet, Error, KeptPictures, Options, Protocol, Setup, Store, open, run};
use saliscope::cohort::Cohort;
use saliscope::phantom::Finding;
use saliscope::phantom::export::Export;
use saliscope::truth::Task;

use crate::common::{protocol, rows, runtime};

/// Radiographs of a finding in the layout of its public set and as a folder of PNGs, 24 of them, of 200 pixels a side.
fn data(folder: &Path, finding: Finding) {
    let export = Export::new(11, 24, 200, Some(finding));
    let phantoms: Vec<_> = (0..export.len()).map(|index| export.phantom(index).unwrap()).collect();
    let tables = export.tables(&phantoms);
    for file in phantoms.into_iter().flat_map(|phantom| phantom.files).chain(tables) {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.bytes).unwrap();
    }
}

/// Utility and repeatability of one cheap method on two images.
fn small(source: &str, splits: Option<PathBuf>) -> Protocol {
    let mut protocol = protocol();
    protocol.tests = vec![Test::Utility, Test::Repeatability];
    protocol.methods.truncate(1);
    protocol.models.localizers.clear();
    protocol.average_mask = false;
    protocol.sample.utility = Some(1);
    protocol.sample.similarity = Some(2);
    protocol.sample.classification = Some(2);
    source.clone_into(&mut protocol.cohort.source);
    protocol.cohort.phantom_size_px = None;
    protocol.cohort.splits = splits;
    protocol.cohort.task = None;
    protocol
}

fn work(protocol: &Protocol, out: &Path, no_thumbnails: bool) -> Vec<String> {
    let setup = Setup::open(protocol, None, &()).unwrap();
    run(&setup, out, &runtime(), &Options { no_thumbnails, ..Options::default() }, &()).unwrap();
    rows(out)
}

fn pictures(out: &Path, data_set: Option<&DataSet>) -> saliscope::benchmark::Result<KeptPictures> {
    let store = open(out).unwrap();
    KeptPictures::open(store.path(), &store.results().unwrap(), data_set, &())
}

/// The cases of a run's sample.
fn images(out: &Path) -> Vec<String> {
    let results = open(out).unwrap().results().unwrap();
    let mut images: Vec<String> =
        results.scores.iter().filter(|own| own.condition == condition::PAIR).map(|own| own.image.clone()).collect();
    images.dedup();
    assert_eq!(images.len(), 2, "{images:?}");
    images
}

/// Largest difference of two pictures.
fn difference(a: &Picture, b: &Picture) -> f32 {
    assert_eq!([a.height_px, a.width_px], [b.height_px, b.width_px]);
    a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn every_kind_of_cohort_keeps_its_radiographs_and_marks() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("phantoms");
    let roots = [("air", Finding::Pneumothorax), ("opacity", Finding::Pneumonia)].map(|(name, finding)| {
        data(&place.join(name), finding);
        place.join(name)
    });
    let at = |root: usize, name: &str| roots[root].join(name).display().to_string();
    let splits = |root: usize, name: &str| Some(roots[root].join(name));
    let cohorts = [
        (format!("siim:{}", at(0, "siim")), splits(0, "siim_splits.csv"), None),
        (format!("rsna:{}", at(1, "rsna")), splits(1, "rsna_splits.csv"), None),
        // Masks in a folder, then boxes.
        (format!("folder:{}", at(0, "png")), None, Some(Task::PNEUMOTHORAX)),
        (format!("folder:{}", at(1, "png")), None, Some(Task::PNEUMONIA)),
        ("phantom:11:24".to_owned(), None, None),
    ];
    for (number, (source, splits, task)) in cohorts.into_iter().enumerate() {
        let mut protocol = small(&source, splits);
        protocol.cohort.task = task;
        let out = folder.path().join(format!("run {number}"));
        let plain = folder.path().join(format!("plain {number}"));
        assert_eq!(work(&protocol, &out, false), work(&protocol, &plain, true), "{source}: rows differ");
        let [with, without] = [&out, &plain].map(|out| open(out).unwrap());
        assert_eq!(with.meta().run_id, without.meta().run_id, "thumbnails are no part of what a run is");
        assert_eq!((with.thumbnails().unwrap(), without.thumbnails().unwrap()), (2, 0), "{source}");

        let (spec, options) = protocol.cohort_spec().unwrap();
        let cohort = Cohort::open(&spec, &options, &()).unwrap();
        let kept = pictures(&out, None).unwrap();
        let own = DataSet { spec: spec.clone(), splits: options.splits.clone() };
        // The run without thumbnails finds the data set where it was, and where it is named.
        let [found, named] = [None, Some(&own)].map(|data_set| pictures(&plain, data_set).unwrap());
        for image in images(&out) {
            let case = cohort.cases().iter().find(|case| case.id == image).unwrap();
            let truth = cohort.truth(case, 160, 160, protocol.cohort.truth_rule).unwrap();
            let marked: Vec<f32> = truth.pixels().iter().map(|marked| f32::from(u8::from(*marked))).collect();
            assert!(truth.area_px() > 0);
            let radiograph = cohort.radiograph(case).unwrap().resized(160, 160).unwrap().gray_levels().into_owned();
            let gray = Picture::new([160, 160], radiograph.iter().map(|gray| gray / 255.0).collect()).unwrap();
            for pictures in [&kept, &found, &named] {
                assert_eq!(pictures.truth(&image).unwrap().values, marked, "{source}: marks are elsewhere");
                let shown = pictures.radiograph(&image).unwrap();
                assert!(difference(&shown.fit(128), &gray.fit(128)) < 0.003, "{source}: another radiograph");
                let map = MapOf { image: &image, method: "GRAD", condition: "trained", model: "inception_v3_1" };
                assert!(pictures.map(map).is_ok());
                assert!(pictures.absences().is_empty(), "{:?}", pictures.absences());
            }
            let small = kept.radiograph(&image).unwrap();
            assert_eq!([small.height_px, small.width_px], [128, 128]);
        }
    }

    // The data set is taken away: thumbnails are still there, and without them the reason and what to do.
    std::fs::rename(&place, folder.path().join("elsewhere")).unwrap();
    let image = &images(&folder.path().join("run 0"))[0];
    assert!(pictures(&folder.path().join("run 0"), None).unwrap().radiograph(image).is_ok());
    let plain = folder.path().join("plain 0");
    let gone = pictures(&plain, None).unwrap();
    let Absent { tile, why } = gone.radiograph(image).unwrap_err();
    assert_eq!(tile, "no radiograph");
    for words in ["begun without thumbnails", "not to be found", "--cohort siim:DIR"] {
        assert!(why.contains(words), "{why}");
    }
    assert!(!why.contains("phantoms") && !why.contains("air") && !why.contains(image.as_str()), "{why}");
    assert_eq!(gone.absences(), [why]);
    let moved = folder.path().join("elsewhere/air");
    let own = |name: &str, splits: &str| DataSet {
        spec: format!("siim:{}", moved.join(name).display()).parse().unwrap(),
        splits: Some(moved.join(splits)),
    };
    let again = pictures(&plain, Some(&own("siim", "siim_splits.csv"))).unwrap();
    assert!(again.radiograph(image).is_ok() && again.truth(image).is_ok());

    // Another data set is refused, and one that changed is told of.
    let file = moved.join("siim/train-rle.csv");
    let table = std::fs::read_to_string(&file).unwrap();
    let line = table.lines().find(|line| line.ends_with("-1")).unwrap().to_owned();
    std::fs::write(&file, table.replace(&line, &line.replace("-1", "5 5"))).unwrap();
    let refused = pictures(&plain, Some(&own("siim", "siim_splits.csv"))).unwrap_err();
    assert!(matches!(refused, Error::OtherDataSet { .. }), "{refused}");
    std::fs::rename(folder.path().join("elsewhere"), &place).unwrap();
    let why = pictures(&plain, None).unwrap().radiograph(image).unwrap_err().why;
    assert!(why.contains("has changed since"), "{why}");
}

#[test]
fn what_was_said_when_a_run_was_begun_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut protocol = small("phantom:5:60", None);
    protocol.cohort.phantom_size_px = Some(160);
    let count = |out: &Path| open(out).unwrap().thumbnails().unwrap();
    let plain = folder.path().join("plain");
    work(&protocol, &plain, true);
    protocol.keep_maps = false;
    let no_maps = folder.path().join("no maps");
    work(&protocol, &no_maps, false);
    assert_eq!((count(&plain), count(&no_maps)), (0, 0), "without maps no report has pictures");
    let image = &images(&no_maps)[0];
    let kept = pictures(&no_maps, None).unwrap();
    let map = MapOf { image, method: "GRAD", condition: "trained", model: "inception_v3_1" };
    assert!(kept.map(map).unwrap_err().why.contains("`keep_maps = false`"));

    // A run that goes on keeps none where it was begun without, whatever is said now, and a database from before thumbnails
    // none either.
    protocol.keep_maps = true;
    protocol.tests.push(Test::Reproducibility);
    let half = |name: &str| {
        let out = folder.path().join(name);
        work(&protocol, &out, name == "without");
        let database = open(&out).unwrap().path().to_owned();
        let connection = rusqlite::Connection::open(&database).unwrap();
        connection
            .execute_batch("DELETE FROM unit WHERE kind = 'map'; DELETE FROM score; DELETE FROM thumbnail")
            .unwrap();
        if name == "earlier" {
            connection.execute_batch("DROP TABLE thumbnail; DELETE FROM meta WHERE key = 'thumbnails'").unwrap();
        }
        drop(connection);
        work(&protocol, &out, false);
        (Store::read(&database).unwrap().keeps_thumbnails(), count(&out))
    };
    assert_eq!(half("with"), (Some(true), 2));
    assert_eq!(half("without"), (Some(false), 0));
    assert_eq!(half("earlier"), (None, 0));
    protocol.cohort.source = "phantom:6:60".to_owned();
    let other = DataSet { spec: "phantom:6:60".parse().unwrap(), splits: None };
    assert!(matches!(pictures(&plain, Some(&other)), Err(Error::OtherDataSet { .. })));
}
