//! Maps of another program are scored beside ours.

use std::fs::File;

use saliscope::array_file::NpzWriter;
use saliscope::benchmark::protocol::Test;
use saliscope::benchmark::results::{condition, metric};
use saliscope::benchmark::{Setup, open};
use saliscope::cohort::TruthRule;

use crate::common::{protocol, run_plain};

#[test]
fn a_perfect_map_scores_one_and_a_missing_one_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut protocol = protocol();
    protocol.tests = vec![Test::Utility];
    protocol.sample.classification = Some(0);
    protocol.sample.utility = Some(2);
    protocol.controls.clear();
    protocol.average_mask = false;
    protocol.models.localizers.clear();
    let plain = Setup::open(&protocol, None, &()).unwrap();
    let maps = folder.path().join("maps");
    std::fs::create_dir(&maps).unwrap();
    // Of all positive images of the split but one of the sample.
    let run = folder.path().join("run");
    run_plain(&plain, &run).unwrap();
    let scores = open(&run).unwrap().scores().unwrap();
    let mut ids: Vec<String> = scores.iter().map(|score| score.image.clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 2);
    let case = plain.cohort().case(&ids[0]).unwrap();
    let mask = plain.cohort().truth(case, 160, 160, TruthRule::Study).unwrap();
    let map: Vec<f32> = mask.pixels().iter().map(|marked| f32::from(u8::from(*marked))).collect();
    let mut writer = NpzWriter::new(File::create(maps.join(format!("{}.npz", ids[0]))).unwrap());
    writer.add_f32("ORACLE", &[160, 160], &map).unwrap();
    writer.add_f32("FLAT", &[5, 7], &[0.25; 35]).unwrap();
    writer.finish().unwrap();

    let setup = Setup::open(&protocol, Some(&maps), &()).unwrap();
    let told = run_plain(&setup, &run).unwrap_err().to_string();
    assert!(told.contains("external maps"), "maps make another run: {told}");
    let with = folder.path().join("with");
    let summary = run_plain(&setup, &with).unwrap();
    assert_eq!(summary.status.failed, 2, "both methods of the image without a file");
    assert!(summary.status.failures[0].reason.contains("external map"), "{:?}", summary.status.failures);
    let scores = open(&with).unwrap().scores().unwrap();
    let value = |method: &str, metric: &str| {
        let found = scores.iter().find(|score| score.method == method && score.metric == metric).unwrap();
        assert_eq!(found.condition, condition::EXTERNAL);
        found.value
    };
    for metric in [metric::AUPRC_TRAPEZOID, metric::AVERAGE_PRECISION, metric::ROC_AUC, metric::HIT, metric::IOU_AREA] {
        assert_eq!(value("ext:ORACLE", metric), Some(1.0), "{metric}");
    }
    assert_eq!(value("ext:FLAT", metric::ROC_AUC), Some(0.5));
}
