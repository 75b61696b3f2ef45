//! Phantoms as a cohort.

use saliscope::cohort::{Cohort, CohortOptions, Split, SplitSource, TruthRule};
use saliscope::truth::Task;

use crate::tree::{Tree, assert_says, open_with};

fn phantoms(text: &str, options: &CohortOptions) -> Cohort {
    open_with(&text.parse().unwrap(), options).unwrap()
}

fn small(task: Task) -> CohortOptions {
    CohortOptions { task: Some(task), phantom_size_px: 128, ..CohortOptions::default() }
}

#[test]
fn counts_and_splits() {
    let cohort = phantoms("phantom:7", &CohortOptions::default());
    assert_eq!((cohort.cases().len(), cohort.task()), (1000, Some(&Task::PNEUMOTHORAX)));
    assert_eq!(cohort.split_source(), SplitSource::Phantoms);
    assert_eq!(cohort.cases().iter().filter(|case| case.label == Some(true)).count(), 500);
    assert!(Split::ALL.iter().all(|split| cohort.in_split(*split).count() > 50));
    // A longer cohort begins with the shorter one.
    let longer = phantoms("phantom:7:1200", &CohortOptions::default());
    let known = |cohort: &Cohort| {
        cohort.cases()[..1000].iter().map(|case| (case.id.clone(), case.label, case.split)).collect::<Vec<_>>()
    };
    assert_eq!(known(&cohort), known(&longer));
}

#[test]
fn images_and_truth_are_made_when_they_are_asked_for() {
    for task in [Task::PNEUMOTHORAX, Task::PNEUMONIA] {
        let cohort = phantoms("phantom:3:6", &small(task.clone()));
        for case in cohort.cases() {
            let image = cohort.radiograph(case).unwrap();
            assert_eq!((image.height_px(), image.width_px(), case.size_px), (128, 128, Some([128, 128])));
            assert_eq!(image, cohort.radiograph(case).unwrap());
            let mask = cohort.mask_at_own_size(case).unwrap();
            assert_eq!(mask.area_px() > 0, case.label == Some(true));
            let has_boxes = task == Task::PNEUMONIA && case.label == Some(true);
            assert_eq!(cohort.boxes(case).is_empty(), !has_boxes);
            assert_eq!(cohort.truth(case, 64, 64, TruthRule::Study).unwrap().pixels().len(), 64 * 64);
        }
    }
}

#[test]
fn what_cannot_be_made() {
    let options = CohortOptions { phantom_size_px: 20, ..CohortOptions::default() };
    assert_says(&open_with(&"phantom:1".parse().unwrap(), &options).unwrap_err().to_string(), &["128 to 2048", "20"]);
}

#[test]
fn a_file_of_splits_goes_before_the_rule() {
    let tree = Tree::new();
    tree.write("s.csv", "Image_ID,Split\nphantom-5-000002,test\n");
    let options = CohortOptions { splits: Some(tree.at("s.csv")), ..small(Task::PNEUMONIA) };
    let cohort = phantoms("phantom:5:4", &options);
    let splits: Vec<Option<Split>> = cohort.cases().iter().map(|case| case.split).collect();
    assert_eq!(splits, [None, None, Some(Split::Test), None]);
}
