//! Images in memory, as they are learnt from.

use saliscope::cohort::{Cohort, CohortOptions, Split, TruthRule};
use saliscope::network::ModelKind;
use saliscope::training::{Error, Loading, Samples};
use saliscope::truth::Task;
use saliscope::watch::Watch;

use crate::course::{SIDE_PX, samples};

#[test]
fn truth_comes_with_the_kind_of_network() {
    let [pixels, _] = samples(Task::Pneumothorax, 40, ModelKind::Segmentation);
    for sample in &pixels.list {
        let image = pixels.pixels(sample).unwrap();
        assert_eq!(image.mask.as_ref().unwrap().area_px() > 0, sample.positive);
        assert_eq!(image.gray().count(), SIDE_PX * SIDE_PX);
    }
    let [boxes, _] = samples(Task::Pneumonia, 40, ModelKind::Detection);
    for sample in &boxes.list {
        assert_eq!(!sample.boxes.is_empty(), sample.positive);
        for bounds in &sample.boxes {
            assert!(bounds.area_px() > 0.0 && bounds.right_px <= SIDE_PX as f32 && bounds.bottom_px <= SIDE_PX as f32);
        }
    }
    let [plain, _] = samples(Task::Pneumonia, 40, ModelKind::Classifier);
    assert!(plain.list.iter().all(|sample| sample.boxes.is_empty() && plain.pixels(sample).unwrap().mask.is_none()));
    assert_eq!(plain.counts().iter().sum::<usize>(), plain.list.len());
}

#[test]
fn images_are_those_of_the_cohort() {
    let options = CohortOptions { task: Some(Task::Pneumothorax), phantom_size_px: 256, ..CohortOptions::default() };
    let cohort = Cohort::open(&"phantom:5:20".parse().unwrap(), &options, &()).unwrap();
    let load = |size_px| {
        let loading = Loading { kind: ModelKind::Segmentation, size_px, is_one_class: false, folder: None };
        Samples::load(&cohort, Split::Train, &loading, &()).unwrap()
    };
    let (samples, again) = (load([128, 160]), load([128, 160]));
    assert_eq!(samples.fingerprint(), again.fingerprint());
    assert_ne!(samples.fingerprint(), load([160, 128]).fingerprint());
    for (case, sample) in cohort.in_split(Split::Train).zip(&samples.list) {
        let image = cohort.radiograph(case).unwrap();
        let resized = image.resized(128, 160).unwrap();
        let pixels = samples.pixels(sample).unwrap();
        for (found, expected) in pixels.gray().zip(resized.gray_levels().iter()) {
            assert!((found - expected).abs() <= 0.5 / 257.0 + 1e-4, "{found} instead of {expected}");
        }
        let truth = cohort.truth(case, 128, 160, TruthRule::AreaExact).unwrap();
        assert_eq!(pixels.mask.as_ref(), Some(&truth));
    }
}

struct Stopped;

impl Watch for Stopped {
    fn is_cancelled(&self) -> bool {
        true
    }
}

#[test]
fn loading_can_be_stopped() {
    let options =
        CohortOptions { task: Some(Task::Pneumothorax), phantom_size_px: SIDE_PX, ..CohortOptions::default() };
    let cohort = Cohort::open(&"phantom:5:20".parse().unwrap(), &options, &()).unwrap();
    let kind = ModelKind::Classifier;
    let loading = Loading { kind, size_px: [SIDE_PX; 2], is_one_class: false, folder: None };
    let stopped = Samples::load(&cohort, Split::Train, &loading, &Stopped);
    assert!(matches!(stopped, Err(Error::Cancelled)));
}
