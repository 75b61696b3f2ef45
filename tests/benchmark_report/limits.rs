//! Every rule by interval can be passed and failed, and says beyond which limit.

use std::collections::{BTreeMap, BTreeSet};

use saliscope::benchmark::export::{ExportOptions, files};
use saliscope::benchmark::figures::NoPictures;
use saliscope::benchmark::protocol::{Control, Test};
use saliscope::benchmark::report::{ReportOptions, report};
use saliscope::benchmark::results::{Score, condition, metric};
use saliscope::benchmark::verdict::{FEW_IMAGES, Finding, IntervalVerdict as I, Role, Source, StudyVerdict as S};
use saliscope::benchmark::{Analysis, Protocol, Results, TrustFile, trust_card};
use saliscope::metrics::{MapScores, above, dice, iou, iou_at_area, otsu_threshold, spearman, structural_similarities};
use saliscope::saliency::Preset;

use super::synthetic::{empty, score, unit, whole};

const SIZE: [usize; 2] = [32, 32];
const IMAGES: usize = 150;

/// Images of the method that is perfect and was seen too seldom.
const FEW: usize = FEW_IMAGES - 1;

/// A method whose maps are as good as can be, one whose maps have nothing to do with anything, one that is perfect on few
/// images, one whose scores lie around the limit.
const PERFECT: &str = "GRAD";
const UNRELATED: &str = "SG";
const SELDOM: &str = "IG";
const OPEN: &str = "SIG";

fn id(image: usize) -> String {
    format!("image {image:03}")
}

/// Gray levels of an image.
fn gray(image: usize) -> Vec<f32> {
    (0..SIZE[0] * SIZE[1]).map(|pixel| (255.0 * unit(&[&id(image), "gray", &(pixel / 3).to_string()])) as f32).collect()
}

/// A map of noise that depends on `words` alone.
fn noise(kind: Control, image: usize, words: &str) -> Vec<f32> {
    kind.map(&gray(image), SIZE, &format!("{} {words}", id(image)), 77, 1, 99.0)
}

/// Every metric by which the runner compares two maps, signed ones as if they went from -1 to 1.
fn likeness(one: &[f32], two: &[f32]) -> Vec<(&'static str, f64)> {
    let ranges = structural_similarities(one, two, SIZE, [1.0, 2.0]).unwrap();
    let signed = |map: &[f32]| map.iter().map(|value| 2.0 * value - 1.0).collect::<Vec<f32>>();
    let signed = structural_similarities(&signed(one), &signed(two), SIZE, [2.0]).unwrap();
    let mut found =
        vec![(metric::SSIM_RANGE_1, ranges[0]), (metric::SSIM_RANGE_2, ranges[1]), (metric::SIGNED_SSIM, signed[0])];
    // Blank maps have neither ranks nor parts.
    if let (Ok(ranks), Ok(a), Ok(b)) = (spearman(one, two), otsu_threshold(one), otsu_threshold(two)) {
        found.push((metric::SPEARMAN, ranks));
        found.push((metric::DICE, dice(&above(one, a), &above(two, b))));
    }
    found
}

fn push(results: &mut Results, test: Test, image: &str, method: &str, condition: &str, found: Vec<(&str, f64)>) {
    results
        .scores
        .extend(found.into_iter().map(|(metric, value)| score(test, image, method, condition, metric, Some(value))));
}

/// Marks of an image: a square whose place differs, so that no pixel is marked everywhere.
fn truth(image: usize) -> Vec<bool> {
    let at = |axis: &str| 4 + (16.0 * unit(&[&id(image), axis])) as usize;
    let (top, left) = (at("top"), at("left"));
    (0..SIZE[0] * SIZE[1])
        .map(|pixel| (top..top + 8).contains(&(pixel / SIZE[1])) && (left..left + 8).contains(&(pixel % SIZE[1])))
        .collect()
}

fn placement(map: &[f32], truth: &[bool]) -> Vec<(&'static str, f64)> {
    let scores = MapScores::of(map, truth).unwrap();
    let mut found = vec![
        (metric::AUPRC_TRAPEZOID, scores.auprc_trapezoid),
        (metric::AVERAGE_PRECISION, scores.average_precision),
        (metric::ROC_AUC, scores.roc_auc.unwrap()),
        (metric::HIT, scores.hit),
        (metric::IOU_AREA, iou_at_area(map, truth).unwrap()),
    ];
    if let Ok(threshold) = otsu_threshold(map) {
        found.push((metric::IOU_OTSU, iou(&above(map, threshold), truth)));
    }
    found
}

/// A run of the default protocol with all of its controls: real maps, scored by the program's own metrics.
fn run(preset: Preset) -> Results {
    let mut results = empty(preset.name());
    results.protocol = Protocol::of(preset);
    let controls = results.protocol.controls.clone();
    assert_eq!(controls, Control::ALL);
    let mean_truth: Vec<f32> = {
        let truths: Vec<Vec<bool>> = (0..IMAGES).map(truth).collect();
        let share = |pixel: usize| truths.iter().filter(|own| own[pixel]).count() as f32 / IMAGES as f32;
        (0..SIZE[0] * SIZE[1]).map(share).collect()
    };
    for image in 0..IMAGES {
        let (name, marks) = (id(image), truth(image));
        let perfect: Vec<f32> = marks.iter().map(|marked| f32::from(u8::from(*marked))).collect();
        push(&mut results, Test::Utility, &name, "AVG", condition::BASELINE, placement(&mean_truth, &marks));
        for control in &controls {
            let draw = |draw| control.map(&gray(image), SIZE, &name, 5, draw, 99.0);
            push(&mut results, Test::Utility, &name, control.name(), condition::CONTROL, placement(&draw(1), &marks));
            for test in [Test::Repeatability, Test::Reproducibility] {
                push(&mut results, test, &name, control.name(), condition::CONTROL, likeness(&draw(1), &draw(2)));
            }
        }
        for method in [PERFECT, UNRELATED, SELDOM] {
            if method == SELDOM && image >= FEW {
                continue;
            }
            let good = method != UNRELATED;
            let words = |side: &str| format!("{method} {side}");
            let (fine, other) =
                (noise(Control::Uniform, image, &words("one")), noise(Control::Uniform, image, &words("other")));
            let smooth = [words("one"), words("other")].map(|words| noise(Control::Blurred, image, &words));
            let placed = if good { &perfect } else { &fine };
            push(&mut results, Test::Utility, &name, method, condition::TRAINED, placement(placed, &marks));
            for test in [Test::Repeatability, Test::Reproducibility] {
                let pair = if good { [&smooth[0], &smooth[0]] } else { [&smooth[0], &smooth[1]] };
                push(&mut results, test, &name, method, condition::PAIR, likeness(pair[0], pair[1]));
            }
            // What is good here is a map that does not stay as it was.
            let last = if good { &other } else { &fine };
            push(&mut results, Test::Randomization, &name, method, "1", likeness(&fine, last));
            let next = (image + 1) % if method == SELDOM { FEW } else { IMAGES };
            let neighbour = noise(Control::Uniform, next, &words("one"));
            let pair = format!("{name}|{}", id(next));
            push(&mut results, Test::Randomization, &pair, method, condition::BASELINE, likeness(&fine, &neighbour));
            let neighbour = noise(Control::Blurred, next, &words("other"));
            for test in [Test::Repeatability, Test::Reproducibility] {
                let found = likeness(&smooth[0], &neighbour);
                push(&mut results, test, &pair, method, condition::DIFFERENT_IMAGES, found);
            }
        }
    }
    around_the_limits(&mut results);
    results
}

/// Adds the method whose scores lie 0.3 above and below the limit in turns, image by image.
fn around_the_limits(results: &mut Results) {
    let analysis = Analysis::of(results);
    let key = |score: &Score| [&score.metric, &score.method, &score.condition, &score.image].map(Clone::clone);
    let values: BTreeMap<(Test, [String; 4]), f64> =
        results.scores.iter().filter_map(|score| Some(((score.test, key(score)), score.value?))).collect();
    let mut made = Vec::new();
    for own in &analysis.metrics {
        let metric = own.metric.as_str();
        let value = |method: &str, condition: &str, image: &str| {
            values[&(own.test, [metric, method, condition, image].map(str::to_owned))]
        };
        let limit = own.finding(UNRELATED).unwrap().limit.as_ref().unwrap().score;
        let (condition, baseline) = match own.test {
            Test::Utility => (condition::TRAINED, None),
            Test::Randomization => ("1", Some(condition::BASELINE)),
            Test::Repeatability | Test::Reproducibility => (condition::PAIR, Some(condition::DIFFERENT_IMAGES)),
        };
        for image in 0..IMAGES {
            let name = id(image);
            let around = if image % 2 == 0 { 0.3 } else { -0.3 };
            let middle = match own.test {
                Test::Utility => value("AVG", condition::BASELINE, &name) + 0.05,
                _ => limit,
            };
            made.push(score(own.test, &name, OPEN, condition, metric, Some(middle + around)));
            if let Some(baseline) = baseline {
                let pair = format!("{name}|{}", id((image + 1) % IMAGES));
                let found = value(UNRELATED, baseline, &pair);
                made.push(score(own.test, &pair, OPEN, baseline, metric, Some(found)));
            }
        }
    }
    results.scores.extend(made);
}

#[track_caller]
fn told(finding: &Finding) {
    let limit = finding.limit.as_ref().unwrap();
    assert!(finding.sentence.contains(&limit.words()), "{} in: {}", limit.words(), finding.sentence);
    assert!(finding.sentence.contains(&limit.origin), "{} in: {}", limit.origin, finding.sentence);
}

#[test]
fn by_interval_the_best_maps_pass_unrelated_ones_fail_and_the_rest_is_open_or_too_few() {
    for preset in Preset::ALL {
        let analysis = Analysis::of(&run(preset));
        let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
        for own in &analysis.metrics {
            let what = format!("{preset}, {} by {}", own.test, own.metric);
            let verdicts = [PERFECT, UNRELATED, OPEN, SELDOM].map(|method| own.finding(method).unwrap());
            for (finding, expected) in verdicts.iter().zip([I::Pass, I::Fail, I::Inconclusive, I::TooFewImages]) {
                if finding.interval != Some(expected) {
                    wrong.push(format!("{what}, {}: {}", finding.method, finding.sentence));
                }
                assert_eq!(finding.limit.as_ref().unwrap().out_of_reach, None, "{what}");
                told(finding);
            }
            let best = verdicts[0].decisive.as_ref().unwrap().by_image.as_ref().unwrap();
            if matches!(own.test, Test::Repeatability | Test::Reproducibility) {
                assert_eq!(verdicts[0].summary.mean, Some(1.0), "{what}: identical maps");
                assert_eq!(best.inner_interval, [0.5, 0.5], "{what}: an interval without width");
                let unrelated = verdicts[1].versus_unrelated.as_ref().unwrap();
                assert!(
                    unrelated.difference.abs() < 0.05,
                    "{what}: as alike as maps of different images, {unrelated:?}"
                );
            }
            assert_eq!(own.family, 4, "{what}");
            seen.insert((own.test, own.metric.clone()));
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        // Six metrics of utility, five of every comparison.
        assert_eq!(seen.len(), 6 + 3 * 5, "{seen:?}");
        assert!(analysis.out_of_reach().is_empty());
    }
}

#[test]
fn values_of_a_coarse_metric_that_are_equal_by_chance_decide_nothing() {
    let verdict = |images: usize, metric: &'static str, value: f64| {
        let mut results = empty("recommended");
        for image in 0..images {
            push(&mut results, Test::Utility, &id(image), PERFECT, condition::TRAINED, vec![(metric, value)]);
            push(&mut results, Test::Utility, &id(image), "AVG", condition::BASELINE, vec![(metric, 0.0)]);
        }
        Analysis::of(&results).get(Test::Utility, metric).unwrap().finding(PERFECT).unwrap().interval.unwrap()
    };
    // No hit in 30 images: one in ten may be one. In 150 it is at most one in fifty, less than the margin.
    assert_eq!([30, 150].map(|images| verdict(images, metric::HIT, 0.0)), [I::Inconclusive, I::Fail]);
    assert_eq!([29, 30].map(|images| verdict(images, metric::HIT, 1.0)), [I::TooFewImages, I::Pass]);
    assert_eq!([29, 30].map(|images| verdict(images, metric::AVERAGE_PRECISION, 0.0)), [I::TooFewImages, I::Fail]);
}

#[test]
fn identical_maps_alone_have_a_verdict_although_nothing_varies() {
    let mut results = empty("recommended");
    for image in 0..32 {
        for method in [PERFECT, UNRELATED] {
            let value = if method == PERFECT { 1.0 } else { 0.25 };
            results.scores.push(score(
                Test::Repeatability,
                &id(image),
                method,
                condition::PAIR,
                metric::SSIM_RANGE_1,
                Some(value),
            ));
        }
    }
    let analysis = Analysis::of(&results);
    let of = |method| analysis.primary(Test::Repeatability).unwrap().finding(method).unwrap();
    assert_eq!((of(PERFECT).study, of(PERFECT).interval), (Some(S::Pass), Some(I::Pass)), "{}", of(PERFECT).sentence);
    assert_eq!((of(UNRELATED).study, of(UNRELATED).interval), (Some(S::DidNotPass), Some(I::Fail)));
    let decisive = of(PERFECT).decisive.as_ref().unwrap();
    assert_eq!((decisive.source, decisive.interval), (Source::SignedRank, [0.5, 0.5]));
    // All 32 of one sign: 2 / 2^32, and Holm doubles the smaller of two tests.
    assert_eq!((decisive.p, decisive.p_adjusted), (0.5_f64.powi(31), 0.5_f64.powi(30)));
    let notes = analysis.primary(Test::Repeatability).unwrap().notes.join(" ");
    assert!(notes.contains("no maps of different images were compared") && notes.contains("resume"), "{notes}");
    report(&results, None, &NoPictures, ReportOptions::default()).unwrap();
}

#[test]
fn a_map_that_ignores_the_image_and_the_network_does_not_pass() {
    // The same map for every image and both networks, beside one that follows the image alone.
    let mut results = empty("recommended");
    for image in 0..40 {
        let (name, next) = (id(image), id((image + 1) % 40));
        let jitter = 0.02 * (unit(&[&name, "jitter"]) - 0.5);
        for (method, pair, crossed) in
            [("XRAI", 1.0, 1.0), ("GBP", 0.9 + jitter, 0.88 + jitter), ("IG", 0.9 + jitter, 0.3)]
        {
            let found = vec![(metric::SSIM_RANGE_1, pair)];
            push(&mut results, Test::Repeatability, &name, method, condition::PAIR, found);
            let (pair, found) = (format!("{name}|{next}"), vec![(metric::SSIM_RANGE_1, crossed)]);
            push(&mut results, Test::Repeatability, &pair, method, condition::DIFFERENT_IMAGES, found);
        }
    }
    let analysis = Analysis::of(&results);
    let of = |method| analysis.primary(Test::Repeatability).unwrap().finding(method).unwrap();
    assert_eq!(of("XRAI").interval, Some(I::Inconclusive), "{}", of("XRAI").sentence);
    assert!(of("XRAI").sentence.contains("maps of different images 1.000"), "{}", of("XRAI").sentence);
    assert_eq!(of("GBP").interval, Some(I::Fail), "{}", of("GBP").sentence);
    assert_eq!(of("IG").interval, Some(I::Pass), "{}", of("IG").sentence);
    assert_eq!(of("GBP").versus_unrelated.as_ref().unwrap().source, Source::ImagesAndPairs);
}

#[test]
fn the_error_of_what_judges_counts() {
    // Seven hundredths above the mean of the pairs, of which there are many or few.
    let verdict = |pairs_of_an_image: usize| {
        let mut results = empty("recommended");
        for image in 0..40 {
            let name = id(image);
            let value = 0.62 + 0.01 * (unit(&[&name, "own"]) - 0.5);
            let found = vec![(metric::SSIM_RANGE_1, value)];
            push(&mut results, Test::Repeatability, &name, PERFECT, condition::PAIR, found);
            for step in 1..=pairs_of_an_image {
                if pairs_of_an_image == 1 && image % 4 > 0 {
                    continue;
                }
                let pair = format!("{name}|{}", id((image + step) % 40));
                let value = if image % 8 < 4 { 0.5 } else { 0.6 };
                let found = vec![(metric::SSIM_RANGE_1, value)];
                push(&mut results, Test::Repeatability, &pair, PERFECT, condition::DIFFERENT_IMAGES, found);
            }
        }
        let analysis = Analysis::of(&results);
        let finding = analysis.primary(Test::Repeatability).unwrap().finding(PERFECT).unwrap().clone();
        assert!((finding.limit.as_ref().unwrap().score - 0.6).abs() < 1e-9, "{:?}", finding.limit);
        finding.interval.unwrap()
    };
    assert_eq!([19, 1].map(verdict), [I::Pass, I::Inconclusive], "the mean of pairs is 0.55 in both");
}

#[test]
fn no_constant_map_is_the_best_control_and_the_artefact_of_ties_is_named() {
    let mut results = empty("arun2021");
    for image in 0..40 {
        let name = id(image);
        let jitter = 0.02 * (unit(&[&name, "jitter"]) - 0.5);
        for (method, condition, value) in [
            ("XRAI", condition::TRAINED, 0.3),
            ("AVG", condition::BASELINE, 0.1),
            ("BLANK", condition::CONTROL, 0.514),
            ("SOBEL", condition::CONTROL, 0.4),
            ("GAUSSIAN", condition::CONTROL, 0.2),
            ("UNIFORM", condition::CONTROL, 0.03),
            ("BLURRED", condition::CONTROL, 0.05),
        ] {
            let jitter = if method == "BLANK" { 0.0 } else { jitter };
            for metric in [metric::AUPRC_TRAPEZOID, metric::AVERAGE_PRECISION] {
                push(&mut results, Test::Utility, &name, method, condition, vec![(metric, value + jitter)]);
            }
        }
    }
    let analysis = Analysis::of(&results);
    for own in &analysis.metrics {
        let finding = own.finding("XRAI").unwrap();
        assert_eq!(finding.versus_control.as_ref().unwrap().with, "BLURRED", "{}", own.metric);
        assert!(!finding.sentence.contains("Caution: the control"), "{}", finding.sentence);
        let is_trapezoid = own.metric == metric::AUPRC_TRAPEZOID;
        let blank = own.finding("BLANK").unwrap();
        assert!(blank.sentence.contains("judges nobody"), "{}", blank.sentence);
        assert_eq!(blank.sentence.contains("artefact of trapezoids"), is_trapezoid, "{}", blank.sentence);
        assert_eq!(own.notes.iter().any(|note| note.contains("artefact of trapezoids")), is_trapezoid);
        // What has more and is no artefact is told as what it is.
        let told = if is_trapezoid { "ignores the network, edges (Sobel), has 0.4" } else { "blank map, has 0.5" };
        assert!(finding.sentence.contains(told), "{}", finding.sentence);
    }
    let files = files(&results, &NoPictures, ExportOptions::default()).unwrap();
    let table = files.iter().find(|file| file.name.to_string_lossy() == "tables/table3_utility.csv").unwrap();
    let text = String::from_utf8_lossy(&table.bytes);
    let row = text.lines().find(|line| line.starts_with("blank map")).unwrap();
    assert!(row.contains("0.514") && row.contains("artefact of trapezoids"), "{row}");
    let html = report(&results, None, &NoPictures, ReportOptions::default()).unwrap().html;
    assert!(html.contains("blank map (artefact of ties)"), "figure 2 names it, too");
}

/// Likeness of controls and of one method, the same for both tests of similarity.
fn compared(controls: &[(&str, f64)], method: f64) -> Results {
    let mut results = empty("arun2021");
    for image in 0..40 {
        let jitter = 0.01 * (unit(&[&id(image), "jitter"]) - 0.5);
        for test in [Test::Repeatability, Test::Reproducibility] {
            for (control, value) in controls {
                let value = if *value < 1.0 { value + jitter } else { 1.0 };
                let found = vec![(metric::SSIM_RANGE_2, value)];
                push(&mut results, test, &id(image), control, condition::CONTROL, found);
            }
            let found = vec![(metric::SSIM_RANGE_2, method + jitter)];
            push(&mut results, test, &id(image), PERFECT, condition::PAIR, found);
        }
    }
    results
}

const CONSTANTS: [(&str, f64); 4] = [("BLANK", 1.0), ("GAUSSIAN", 1.0), ("IMAGE", 1.0), ("SOBEL", 1.0)];

#[test]
fn constants_are_listed_and_never_set_a_limit() {
    let mut controls = CONSTANTS.to_vec();
    let analysis = Analysis::of(&compared(&controls, 0.8));
    let own = analysis.primary(Test::Repeatability).unwrap();
    let finding = own.finding(PERFECT).unwrap();
    assert_eq!((finding.interval, finding.limit.as_ref().unwrap().score), (Some(I::Pass), 0.5));
    assert_eq!(own.control_mean, None);
    for (name, _) in CONSTANTS {
        let row = own.finding(name).unwrap();
        assert!(row.role == Role::Control && row.is_constant() && row.summary.mean == Some(1.0));
        assert!(row.sentence.contains("ignores the network"), "{}", row.sentence);
    }
    assert!(own.notes.iter().any(|note| note.contains("centred Gaussian") && note.contains("set no limit")));

    // Random by its name, compared with itself in fact; a name nobody knows; two draws.
    controls.extend([("UNIFORM", 1.0), ("NEWEST", 0.9), ("BLURRED", 0.65)]);
    let analysis = Analysis::of(&compared(&controls, 0.8));
    let finding = analysis.primary(Test::Reproducibility).unwrap().finding(PERFECT).unwrap();
    let limit = finding.limit.as_ref().unwrap();
    assert!((limit.score - 0.7).abs() < 0.005 && limit.origin.starts_with("blurred noise 0.6"), "{limit:?}");
    assert_eq!(finding.interval, Some(I::Pass));
    assert!(!analysis.primary(Test::Reproducibility).unwrap().finding("BLURRED").unwrap().is_constant());
}

#[test]
fn the_studys_sentence_says_when_unrelated_blurred_maps_pass_too() {
    let sentence = |blurred: f64, method: f64| {
        let analysis = Analysis::of(&compared(&[("BLURRED", blurred), ("UNIFORM", 0.02)], method));
        let own = analysis.primary(Test::Repeatability).unwrap();
        (own.finding(PERFECT).unwrap().clone(), own.notes.join(" "))
    };
    let (finding, notes) = sentence(0.65, 0.8);
    assert_eq!(finding.study, Some(S::Pass), "the study's own rule stays");
    assert!(finding.sentence.contains("unrelated blurred maps reach 0.65"), "{}", finding.sentence);
    assert!(finding.sentence.contains("would pass the study's rule too"), "{}", finding.sentence);
    assert!(notes.contains("unrelated blurred maps reach 0.65"), "{notes}");
    let (finding, _) = sentence(0.65, 0.6);
    assert!(finding.sentence.contains("unrelated blurred maps are as alike (0.65"), "{}", finding.sentence);
    assert_eq!((finding.study, finding.interval), (Some(S::Pass), Some(I::Fail)));
    let (finding, notes) = sentence(0.3, 0.8);
    assert!(!finding.sentence.contains("would pass") && !notes.contains("would pass"), "{}", finding.sentence);
}

#[test]
fn a_limit_that_no_map_can_get_beyond_is_said_and_fails_nobody() {
    // Stored by an earlier program, which took such margins.
    let mut results = compared(&[("BLURRED", 0.65)], 0.99);
    results.protocol.margin = 0.6;
    assert!(results.protocol.check().is_err());
    for image in 0..40 {
        let (name, next) = (id(image), id((image + 1) % 40));
        // A method that gives every image almost the same map, whatever the network.
        let value = 0.995 + 0.001 * unit(&[&name]);
        push(&mut results, Test::Randomization, &name, PERFECT, "1", vec![(metric::SSIM_RANGE_2, value)]);
        let pair = format!("{name}|{next}");
        push(
            &mut results,
            Test::Randomization,
            &pair,
            PERFECT,
            condition::BASELINE,
            vec![(metric::SSIM_RANGE_2, value)],
        );
        push(&mut results, Test::Utility, &name, PERFECT, condition::TRAINED, vec![(metric::AUPRC_TRAPEZOID, value)]);
        push(&mut results, Test::Utility, &name, "AVG", condition::BASELINE, vec![(metric::AUPRC_TRAPEZOID, 0.5)]);
    }
    let analysis = Analysis::of(&results);
    for test in Test::ALL {
        let finding = analysis.primary(test).unwrap().finding(PERFECT).unwrap();
        assert_eq!(finding.interval, Some(I::Inconclusive), "{}", finding.sentence);
        let word = if test == Test::Randomization { "no map could fail" } else { "no map could pass" };
        assert!(finding.sentence.contains(word), "{}", finding.sentence);
        told(finding);
    }
    let said = analysis.out_of_reach();
    assert_eq!(said.len(), 4);
    let html = report(&results, None, &NoPictures, ReportOptions::default()).unwrap().html;
    for sentence in said {
        assert!(sentence.contains("smaller margin"), "{sentence}");
        assert!(html.contains(&*sentence.replace('\'', "&#39;")), "{sentence}");
    }
    // The default margin does the same where images' maps are all alike.
    results.protocol.margin = 0.05;
    let analysis = Analysis::of(&results);
    let finding = analysis.primary(Test::Randomization).unwrap().finding(PERFECT).unwrap();
    assert_eq!(finding.interval, Some(I::Inconclusive), "{}", finding.sentence);
    assert_eq!(analysis.primary(Test::Repeatability).unwrap().finding(PERFECT).unwrap().interval, Some(I::Pass));
}

#[test]
fn the_limit_stands_in_every_table_file_and_card() {
    let results = whole("arun2021", 36);
    let analysis = Analysis::of(&results);
    let files = files(&results, &NoPictures, ExportOptions::default()).unwrap();
    let text = |name: &str| {
        let file = files.iter().find(|file| file.name.to_string_lossy() == name).unwrap();
        String::from_utf8(file.bytes.clone()).unwrap()
    };
    let limit = |test: Test| analysis.primary(test).unwrap().finding("XRAI").unwrap().limit.clone().unwrap();
    let html = report(&results, None, &NoPictures, ReportOptions::default()).unwrap().html;
    for (table, test) in [
        ("table3_utility", Test::Utility),
        ("table3_randomization", Test::Randomization),
        ("table4_repeatability", Test::Repeatability),
        ("table4_reproducibility", Test::Reproducibility),
    ] {
        let limit = limit(test);
        let number = limit.short()[2..].to_owned();
        for name in [table, "verdicts", "every_metric"] {
            let line = |text: &str| {
                let mut lines = text.lines().filter(|line| line.contains("XRAI"));
                lines.any(|line| line.contains(&number) || line.contains(&limit.score.to_string()))
            };
            for ending in ["csv", "md", "tex"] {
                assert!(line(&text(&format!("tables/{name}.{ending}"))), "{name}.{ending}: {limit:?}");
            }
        }
        let sign = if test == Test::Randomization { "&lt;" } else { "&gt;" };
        assert!(html.contains(&format!("{sign} {number}</span> <span class=\"badge")), "the matrix: {limit:?}");
        assert!(html.contains(&limit.words()), "the sentence: {limit:?}");
        assert!(text("analysis.json").contains(&format!("\"score\": {}", limit.score)), "{limit:?}");
    }
    let by_image = text("tables/differences_by_image.csv");
    let row = by_image.lines().find(|line| line.contains("XRAI") && line.contains("different images")).unwrap();
    assert!(row.contains("0.05"), "{row}");

    let sha = &results.provenance.models[0].sha256;
    let card = trust_card(&analysis, sha, "XRAI");
    for line in &card.lines {
        let limit = limit(line.test);
        let number = limit.short()[2..].to_owned();
        assert!(line.verdict.to_string().ends_with(&format!("limit {number}")), "{}", line.verdict);
        assert!(line.sentence.contains(&limit.words()), "{}", line.sentence);
    }
}

#[test]
fn few_images_are_said_and_decide_nothing_in_every_table_file_and_card() {
    let results = whole("recommended", FEW);
    let analysis = Analysis::of(&results);
    for own in &analysis.metrics {
        for finding in own.findings.iter().filter(|finding| finding.role.is_judged() && finding.study.is_some()) {
            assert_eq!(finding.interval, Some(I::TooFewImages), "{}", finding.sentence);
            assert!(finding.sentence.contains("By interval: too few images (29 images"), "{}", finding.sentence);
        }
    }
    let told = analysis.too_few_images().unwrap();
    assert!(told.contains("Utility, Randomization, Repeatability, Reproducibility") && told.contains("30"), "{told}");
    let html = report(&results, None, &NoPictures, ReportOptions::default()).unwrap().html;
    assert!(html.contains("? too few images") && html.contains("8 with too few images"));
    let card = trust_card(&analysis, &results.provenance.models[0].sha256, "XRAI");
    for line in &card.lines {
        assert!(line.verdict.to_string().contains("too few images by interval"), "{}", line.verdict);
    }
    let file = TrustFile::of(&analysis);
    assert_eq!(file.images, Some([29, 29]));
    let text = serde_json::to_string(&file).unwrap();
    assert!(text.contains("\"too_few_images\"") && !text.contains("shipped"));
    assert_eq!(serde_json::from_str::<TrustFile>(&text).unwrap(), file);
    // One image more, and there are verdicts.
    let analysis = Analysis::of(&whole("recommended", FEW_IMAGES));
    assert_eq!(analysis.too_few_images(), None);
}

#[test]
fn cards_of_earlier_programs_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trust.json");
    let results = whole("arun2021", 24);
    TrustFile::of(&Analysis::of(&results)).write(&path).unwrap();
    let mut old: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for card in old["cards"].as_array_mut().unwrap() {
        for line in card["card"]["lines"].as_array_mut().unwrap() {
            if let Some(tested) = line["verdict"].get_mut("tested") {
                assert!(tested.as_object_mut().unwrap().remove("limit").is_some());
            }
        }
    }
    assert!(old.as_object_mut().unwrap().remove("images").is_some());
    std::fs::write(&path, old.to_string()).unwrap();
    let read = TrustFile::read(&path).unwrap();
    let card = read.find(&results.provenance.models[0].sha256, "XRAI").unwrap();
    assert!(card.is_tested() && card.lines.iter().all(|line| !line.verdict.to_string().contains("limit")));
}
