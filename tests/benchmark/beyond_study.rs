//! A protocol that names methods beyond the study runs as any other, and its report names them.

use saliscope::benchmark::figures::NoPictures;
use saliscope::benchmark::protocol::Test;
use saliscope::benchmark::report::{ReportOptions, report};
use saliscope::benchmark::results::{condition, metric};
use saliscope::benchmark::{Protocol, open};
use saliscope::saliency::Method;

use super::common::{protocol, run_plain, setup};

const METHODS: [Method; 4] = [Method::Grad, Method::LayerCam, Method::HiResCam, Method::Occlusion];

/// Few patches, so that it takes a moment.
fn beyond() -> Protocol {
    let mut protocol = protocol();
    protocol.methods = METHODS.to_vec();
    let patches = serde_json::json!({"patch_px": 80, "stride_px": 80, "fill": {"gray": 0.0}});
    protocol.parameters.insert("occlusion".to_owned(), patches);
    protocol
}

#[test]
fn a_run_finishes_and_its_report_names_them() {
    let folder = tempfile::tempdir().unwrap();
    // As a file, which is how a protocol comes.
    let path = folder.path().join("protocol.json");
    std::fs::write(&path, serde_json::to_string(&beyond()).unwrap()).unwrap();
    let protocol = Protocol::open(&path).unwrap();
    assert_eq!(protocol.methods, METHODS);
    let out = folder.path().join("run");
    let summary = run_plain(&setup(&protocol).unwrap(), &out).unwrap();
    assert_eq!(summary.status.failed, 0, "{:?}", summary.status);
    let results = open(&out).unwrap().results().unwrap();
    for method in METHODS {
        let count = |test: Test, condition: &str, metric: &str| {
            let own = results.scores.iter().filter(|score| score.method == method.name());
            own.filter(|score| score.test == test && score.condition == condition && score.metric == metric).count()
        };
        assert_eq!(count(Test::Utility, condition::TRAINED, metric::AUPRC_TRAPEZOID), 3, "{method}");
        assert_eq!(count(Test::Utility, condition::RANDOM, metric::ROC_AUC), 3, "{method}");
        for state in ["Original", "Logits", "9"] {
            assert_eq!(count(Test::Randomization, state, metric::SSIM_RANGE_1), 4, "{method} {state}");
        }
        assert_eq!(count(Test::Repeatability, condition::PAIR, metric::SSIM_RANGE_1), 2, "{method}");
        assert_eq!(count(Test::Reproducibility, condition::PAIR, metric::SSIM_RANGE_1), 2, "{method}");
    }
    let html = report(&results, None, &NoPictures, ReportOptions::default()).unwrap().html;
    for method in METHODS {
        assert!(html.contains(&format!(">{}<", method.name())), "{method} is missing in the report");
    }
}

#[test]
fn parameters_that_do_not_fit_are_refused_before_anything_runs() {
    for (patches, told) in [
        (serde_json::json!({"patch_px": 0}), "occlusion.patch_px is 0"),
        (serde_json::json!({"stride_px": 33}), "occlusion.stride_px is 33"),
        (serde_json::json!({"fill": {"gray": 300.0}}), "occlusion.fill is gray 300"),
        (serde_json::json!({"side": 3}), "there is no parameter occlusion.side"),
    ] {
        let mut protocol = beyond();
        protocol.parameters.insert("occlusion".to_owned(), patches);
        let error = protocol.check().unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
        protocol.methods = vec![Method::Grad];
        let is_read = told.starts_with("there");
        assert_eq!(protocol.check().is_err(), is_read, "nobody reads what no wanted method reads");
    }
}
