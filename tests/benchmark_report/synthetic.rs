//! Seeded results of a run that never took place.

use std::path::PathBuf;

use saliscope::benchmark::protocol::Test;
use saliscope::benchmark::results::{
    CohortProvenance, Exclusion, ModelAuc, ModelProvenance, RunProvenance, Score, SplitCount, condition, metric,
};
use saliscope::benchmark::{Protocol, Results};
use serde_json::json;

pub(crate) const METHODS: [&str; 8] = ["GRAD", "SG", "IG", "SIG", "GCAM", "XRAI", "GBP", "GGCAM"];
pub(crate) const STATES: [&str; 12] = ["Original", "Logits", "10", "9", "8", "7", "6", "5", "4", "3", "2", "1"];

/// A number from 0 to 1 that follows from what it stands for (FNV-1a, then a finalizer).
pub(crate) fn unit(parts: &[&str]) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in parts.join("\u{1}").bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

pub(crate) fn protocol(preset: &str) -> Protocol {
    serde_json::from_value(json!({
        "format": 1, "preset": preset,
        "tests": ["utility", "randomization", "repeatability", "reproducibility"],
        "methods": METHODS, "class": "positive",
        "controls": ["uniform", "blurred", "gaussian", "sobel", "image", "blank"],
        "average_mask": true, "keep_maps": false, "alpha": 0.05, "margin": 0.05, "similarity_threshold": 0.5,
        "cohort": {
            "source": "folder:/home/somebody/Mustermann^Erika", "split": "test", "truth_rule": "study",
            "splits": "/home/somebody/splits.csv",
        },
        "models": {
            "classifiers": ["/models/Mustermann/a.safetensors", "demo:b"],
            "other_architecture": "/models/other.safetensors", "localizers": ["/models/unet.safetensors"],
        },
        "sample": {}, "randomization": {"order": "top-down"},
        "seeds": {"noise": 1, "weights": 2, "sample": 3, "controls": 4, "bootstrap": 5},
    }))
    .unwrap()
}

pub(crate) fn model(name: &str, role: &str, architecture: &str, auc: Option<f64>) -> ModelProvenance {
    ModelProvenance {
        name: name.to_owned(),
        role: role.to_owned(),
        architecture: architecture.to_owned(),
        sha256: format!("{:0>64}", name.len()) + name,
        trained_on: None,
        trained_on_patients: None,
        blocks: Vec::new(),
        auc: auc.map(|value| ModelAuc {
            value: Some(value),
            interval: Some([value - 0.03, value + 0.03]),
            cases: 1068,
            positives: 246,
        }),
    }
}

pub(crate) fn provenance() -> RunProvenance {
    RunProvenance {
        run_id: "0123456789abcdef".to_owned(),
        program_version: "0.1.0".to_owned(),
        cohort: CohortProvenance {
            name: "siim".to_owned(),
            task: "pneumothorax".to_owned(),
            fingerprint: "f00d".to_owned(),
            counts: vec![SplitCount { split: "test".to_owned(), positive: 246, negative: 822, unlabelled: 0 }],
            unusable: Vec::new(),
            splits: "a file that the protocol names".to_owned(),
            is_of_phantoms: false,
        },
        models: vec![
            model("inception_v3_1", "classifier", "inception_v3", Some(0.91)),
            model("inception_v3_2", "classifier", "inception_v3", Some(0.9)),
            model("densenet_121_1", "other_architecture", "densenet_121", Some(0.92)),
            model("u_net_1", "localizer", "u_net", None),
        ],
        executors: vec!["processor, AVX-512".to_owned()],
        started_unix_secs: 1_795_629_840,
        finished_unix_secs: Some(1_795_633_440),
        work_secs: 3600.0,
        units_done: 1000,
        units_total: 1000,
        missing_parts: Vec::new(),
        parts: 1,
    }
}

/// A score of one method.
pub(crate) fn score(test: Test, image: &str, method: &str, condition: &str, metric: &str, value: Option<f64>) -> Score {
    Score {
        test,
        image: image.to_owned(),
        method: method.to_owned(),
        condition: condition.to_owned(),
        models: String::new(),
        replicate: 1,
        metric: metric.to_owned(),
        value,
        note: None,
    }
}

/// Results without any score.
pub(crate) fn empty(preset: &str) -> Results {
    Results {
        protocol: protocol(preset),
        provenance: provenance(),
        scores: Vec::new(),
        exclusions: Vec::new(),
        maps: None,
    }
}

fn image(number: usize) -> String {
    format!("Mustermann^Erika {number:03}")
}

/// Everything a whole run over `images` images holds. The means are chosen so that each verdict occurs.
pub(crate) fn whole(preset: &str, images: usize) -> Results {
    let mut results = empty(preset);
    let scores = &mut results.scores;
    let near = |mean: f64, spread: f64, parts: &[&str]| {
        let own = unit(parts) + unit(&[&parts.concat(), "again"]) - 1.0;
        Some((mean + spread * own + 0.1 * (unit(&[parts[0], "difficulty"]) - 0.5)).clamp(0.0, 1.0))
    };
    let utility = [metric::AUPRC_TRAPEZOID, metric::AVERAGE_PRECISION, metric::ROC_AUC, metric::HIT];
    let means = [0.15, 0.12, 0.2, 0.14, 0.4, 0.55, 0.22, 0.3];
    for number in 0..images {
        let image = image(number);
        for metric in utility {
            let lift = if metric == metric::ROC_AUC { 0.3 } else { 0.0 };
            for (method, mean) in METHODS.into_iter().zip(means) {
                for (condition, factor) in [(condition::TRAINED, 1.0), (condition::RANDOM, 0.6)] {
                    let value = near(factor * mean + lift, 0.12, &[&image, method, condition, metric]);
                    let models = "inception_v3_1".to_owned();
                    let own = score(Test::Utility, &image, method, condition, metric, value);
                    scores.push(Score { models, ..own });
                }
            }
            for (method, mean) in [("AVG", 0.22), ("UNET", 0.6)] {
                let value = near(mean + lift, 0.1, &[&image, method, metric]);
                scores.push(score(Test::Utility, &image, method, condition::BASELINE, metric, value));
            }
            for (method, mean) in [("UNIFORM", 0.03), ("GAUSSIAN", 0.25)] {
                let value = near(mean + lift, 0.05, &[&image, method, metric]);
                scores.push(score(Test::Utility, &image, method, condition::CONTROL, metric, value));
            }
            let mut blank = score(Test::Utility, &image, "BLANK", condition::CONTROL, metric, None);
            blank.note = Some("the map is blank".to_owned());
            scores.push(blank);
        }
    }
    similarities(scores, images, near);
    results.exclusions = vec![
        Exclusion {
            image: image(0),
            what: "XRAI on inception_v3_1 (Original)".to_owned(),
            reason: format!("the image cannot be read: /home/somebody/{}.dcm", image(0)),
        },
        Exclusion {
            image: String::new(),
            what: "high baseline".to_owned(),
            reason: "the protocol names no localizer".to_owned(),
        },
    ];
    results
}

fn similarities(scores: &mut Vec<Score>, images: usize, near: impl Fn(f64, f64, &[&str]) -> Option<f64>) {
    let images = images.min(40);
    for (metric, lift) in [(metric::SSIM_RANGE_1, 0.0), (metric::SSIM_RANGE_2, 0.15)] {
        for number in 0..images {
            let image = image(number);
            for (position, method) in METHODS.into_iter().enumerate() {
                for (step, state) in STATES.into_iter().enumerate().skip(1) {
                    for models in ["inception_v3_1", "inception_v3_2"] {
                        let mean = (0.9 - 0.05 * step as f64 * (1.0 + position as f64 / 8.0)).max(0.2) + lift;
                        let value = near(mean, 0.05, &[&image, method, state, models, metric]);
                        let own = score(Test::Randomization, &image, method, state, metric, value);
                        scores.push(Score { models: models.to_owned(), ..own });
                    }
                }
                let other = self::image((number + 1) % images);
                let value = near(0.25 + lift, 0.05, &[&image, method, "pair", metric]);
                let pair = format!("{image}|{other}");
                let own = score(Test::Randomization, &pair, method, condition::BASELINE, metric, value);
                scores.push(Score { models: "inception_v3_1".to_owned(), ..own });
                for (test, models, mean) in [
                    (Test::Repeatability, "inception_v3_1|inception_v3_2", 0.2 + 0.08 * position as f64),
                    (Test::Reproducibility, "inception_v3_1|densenet_121_1", 0.1 + 0.07 * position as f64),
                ] {
                    let value = near(mean + lift, 0.08, &[&image, method, test.name(), metric]);
                    let own = score(test, &image, method, condition::PAIR, metric, value);
                    scores.push(Score { models: models.to_owned(), ..own });
                    let value = near(0.25 + lift, 0.05, &[&image, method, test.name(), "crossed", metric]);
                    let own = score(test, &pair, method, condition::DIFFERENT_IMAGES, metric, value);
                    scores.push(Score { models: models.to_owned(), ..own });
                }
            }
            for test in [Test::Repeatability, Test::Reproducibility] {
                for (control, value) in [
                    ("UNIFORM", near(0.02, 0.01, &[&image, "UNIFORM", test.name(), metric])),
                    ("BLURRED", near(0.3 + lift, 0.02, &[&image, "BLURRED", test.name(), metric])),
                    // The same map twice.
                    ("GAUSSIAN", Some(1.0)),
                    ("SOBEL", Some(1.0)),
                    ("IMAGE", Some(1.0)),
                    ("BLANK", Some(1.0)),
                ] {
                    scores.push(score(test, &image, control, condition::CONTROL, metric, value));
                }
                let value = near(0.9, 0.04, &[&image, "UNET", test.name(), metric]);
                scores.push(score(test, &image, "UNET", condition::PAIR, metric, value));
            }
        }
        for number in 1..=10 {
            let pair = format!("noise {number:02}");
            let value = near(0.3 + lift, 0.02, &[&pair, metric]);
            scores.push(score(Test::Randomization, &pair, "BLURRED", condition::CONTROL, metric, value));
        }
    }
}

/// A table of the fixtures of the statistics, as `image, method, value`.
pub(crate) fn fixture(name: &str) -> Vec<Vec<String>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/statistics").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// What R found for it.
pub(crate) fn results_of_r(name: &str) -> serde_json::Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/statistics").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Equal to `tolerance`.
#[track_caller]
pub(crate) fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance, "{what}: {found} instead of {expected}");
}
