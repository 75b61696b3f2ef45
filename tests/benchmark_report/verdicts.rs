//! Estimates beside R's, and verdicts.

use saliscope::benchmark::protocol::Test;
use saliscope::benchmark::results::{Score, condition, metric};
use saliscope::benchmark::verdict::{
    IntervalVerdict as I, Role, Source, StudyVerdict as S, between_presets, between_runs,
};
use saliscope::benchmark::{Analysis, Results, TrustCard, TrustFile, trust_card};

use super::synthetic::{METHODS, close, empty, fixture, results_of_r, score, unit, whole};

fn f(value: &serde_json::Value) -> f64 {
    value.as_f64().unwrap()
}

/// The fixture `name` as a utility test.
fn as_utility(name: &str) -> Results {
    let mut results = empty("arun2021");
    for row in fixture(name) {
        let [image, method, value] = &row[..] else { panic!("three columns") };
        let condition = if ["AVG", "UNET"].contains(&method.as_str()) { "baseline" } else { "trained" };
        let value = value.parse().ok();
        results.scores.push(score(Test::Utility, image, method, condition, metric::AUPRC_TRAPEZOID, value));
    }
    results
}

#[test]
fn utility_is_what_lme4_and_emmeans_find() {
    for name in ["balanced", "unbalanced", "singular"] {
        let results = as_utility(&format!("{name}.csv"));
        let analysis = Analysis::of(&results);
        let metric = analysis.primary(Test::Utility).unwrap();
        let expected = results_of_r(&format!("{name}.json"));
        let pairs = expected["pairs"].as_array().unwrap();
        let mut compared = 0;
        for finding in metric.findings.iter().filter(|own| own.role == Role::Method) {
            for comparison in [&finding.decisive, &finding.versus_localizer].into_iter().flatten() {
                let (mut sign, mut pair) = (1.0, None);
                for own in pairs {
                    if own["a"] == finding.method.as_str() && own["b"] == comparison.with.as_str() {
                        pair = Some(own);
                    } else if own["b"] == finding.method.as_str() && own["a"] == comparison.with.as_str() {
                        (sign, pair) = (-1.0, Some(own));
                    }
                }
                let (pair, what) = (pair.unwrap(), format!("{name}: {} - {}", finding.method, comparison.with));
                assert_eq!(comparison.source, Source::MixedModel);
                close(comparison.difference, sign * f(&pair["estimate"]), 1e-6, &what);
                close(comparison.standard_error, f(&pair["se"]), 1e-6, &what);
                close(comparison.p, f(&pair["p_unadjusted"]), 1e-6, &what);
                close(comparison.p_adjusted, f(&pair["emmeans_tukey_p"]), 1e-6, &what);
                let ends = pair["ci95_unadjusted"].as_array().unwrap();
                let low = if sign > 0.0 { f(&ends[0]) } else { -f(&ends[1]) };
                close(comparison.interval[0], low, 1e-6, &what);
                compared += 1;
            }
        }
        assert!(compared >= 14, "{name}: {compared}");
    }
}

#[test]
fn trained_against_random_is_what_lme4_finds_in_both_models() {
    let mut results = empty("arun2021");
    for row in fixture("trained_random.csv") {
        let value = row[3].parse().ok();
        results.scores.push(score(Test::Utility, &row[0], &row[1], &row[2], metric::AUPRC_TRAPEZOID, value));
    }
    let analysis = Analysis::of(&results);
    let metric = analysis.primary(Test::Utility).unwrap();
    for expected in results_of_r("trained_random.json")["trained_minus_random"].as_array().unwrap() {
        let method = expected["method"].as_str().unwrap();
        let finding = metric.finding(method).unwrap();
        let own = finding.versus_random.as_ref().unwrap();
        close(own.difference, -f(&expected["own_model"]["estimate_random_minus_trained"]), 1e-6, method);
        close(own.standard_error, f(&expected["own_model"]["se"]), 1e-6, method);
        close(own.p, f(&expected["own_model"]["p"]), 1e-6, method);
        close(own.by_image.as_ref().unwrap().p.unwrap(), f(&expected["paired_t"]["p"]), 1e-6, method);
        let pooled = finding.versus_random_pooled.as_ref().unwrap();
        close(pooled.p, f(&expected["p_unadjusted"]), 1e-6, method);
        close(pooled.p_adjusted, f(&expected["p_tukey_of_16_cells"]), 1e-6, method);
        assert!(finding.study.is_none() && finding.training_matters.is_some(), "there is no AVG");
        assert!(finding.sentence.contains("no verdict"), "{}", finding.sentence);
    }
}

#[test]
fn a_mean_against_the_limit_is_what_emmeans_finds() {
    let mut results = empty("recommended");
    results.protocol.similarity_threshold = 0.38;
    for row in fixture("balanced.csv") {
        if METHODS.contains(&row[1].as_str()) || row[1] == "UNET" {
            let value = row[2].parse().ok();
            results.scores.push(score(Test::Repeatability, &row[0], &row[1], "pair", metric::SSIM_RANGE_1, value));
        }
    }
    let analysis = Analysis::of(&results);
    let metric = analysis.primary(Test::Repeatability).unwrap();
    // Means and their one-sample P of a model without AVG differ from R's of ten levels only in the residual variance.
    for expected in results_of_r("balanced.json")["emmeans"].as_array().unwrap() {
        let method = expected["method"].as_str().unwrap();
        let Some(finding) = metric.finding(method).filter(|own| own.role == Role::Method) else { continue };
        let own = finding.decisive.as_ref().unwrap();
        close(own.difference, f(&expected["emmean"]) - 0.38, 1e-9, method);
        close(own.standard_error, f(&expected["se"]), 4e-4, method);
        let values: Vec<f64> =
            results.scores.iter().filter(|own| own.method == method).filter_map(|own| own.value).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let sd = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        // One-sided limits of eight methods at once: qt(1 - 0.05 / 8, 99) = 2.544161 in R.
        let low = mean - 0.38 - 2.544_161_403 * sd / n.sqrt();
        close(own.by_image.as_ref().unwrap().inner_interval[0], low, 1e-8, method);
    }
}

#[test]
fn few_images_are_tested_by_kenward_and_roger() {
    use saliscope::statistics::{Inference, MixedModel, Observations, Reference, studentized_range_upper};

    let full = as_utility("unbalanced.csv");
    let mut images: Vec<&str> = full.scores.iter().map(|score| score.image.as_str()).collect();
    images.sort_unstable();
    images.dedup();
    for (count, source) in [(12, Source::KenwardRoger), (29, Source::KenwardRoger), (30, Source::MixedModel)] {
        let mut results = full.clone();
        let kept = &images[images.len() - count..];
        results.scores.retain(|score| kept.contains(&score.image.as_str()));
        let rows: Vec<(&str, &str, f64)> = results
            .scores
            .iter()
            .filter_map(|score| Some((score.image.as_str(), score.method.as_str(), score.value?)))
            .collect();
        let observations = Observations::new(&rows).unwrap();
        let model = MixedModel::fit(&observations).unwrap();
        let reference = if source == Source::KenwardRoger { Reference::KenwardRoger } else { Reference::Satterthwaite };
        let inference = Inference::new(&model, reference);
        let analysis = Analysis::of(&results);
        let metric = analysis.primary(Test::Utility).unwrap();
        let mut compared = 0;
        for finding in metric.findings.iter().filter(|own| own.role == Role::Method) {
            let Some(own) = &finding.decisive else { continue };
            assert_eq!(own.source, source, "{count} images");
            let weight = |level: &String| match level.as_str() {
                "AVG" => -1.0,
                level => f64::from(u8::from(level == finding.method)),
            };
            let weights: Vec<f64> = observations.levels().iter().map(weight).collect();
            let expected = inference.linear(&weights);
            close(own.difference, expected.estimate, 1e-10, &finding.method);
            close(own.standard_error, expected.standard_error, 1e-10, &finding.method);
            close(own.df, expected.df, 1e-6, &finding.method);
            let t = (expected.estimate / expected.standard_error).abs();
            let p = studentized_range_upper(t * 2.0_f64.sqrt(), weights.len(), expected.df);
            close(own.p_adjusted, p, 1e-8, &finding.method);
            compared += 1;
        }
        assert!(compared > 4);
        let notes = metric.notes.join(" ");
        assert_eq!(notes.contains("Kenward and Roger"), source == Source::KenwardRoger, "{notes}");
        assert!(!notes.contains("prefer Kenward"), "{notes}");
    }
}

#[test]
fn few_images_give_what_emmeans_gives_by_kenward_and_roger() {
    let expected = results_of_r("few_images.json");
    for (set, is_singular) in [("holes", false), ("singular", true), ("five", false)] {
        let mut results = empty("arun2021");
        for row in fixture("few_images.csv").iter().filter(|row| row[0] == set) {
            let condition = if ["AVG", "UNET"].contains(&row[2].as_str()) { "baseline" } else { "trained" };
            let value = row[3].parse().ok();
            results.scores.push(score(Test::Utility, &row[1], &row[2], condition, metric::AUPRC_TRAPEZOID, value));
        }
        let analysis = Analysis::of(&results);
        let own = analysis.primary(Test::Utility).unwrap();
        assert_eq!(expected[set]["is_singular"], is_singular);
        assert_eq!(own.notes.iter().any(|note| note.contains("singular")), is_singular, "{:?}", own.notes);
        let mut compared = 0;
        for finding in own.findings.iter().filter(|own| own.role == Role::Method) {
            for comparison in [&finding.decisive, &finding.versus_localizer].into_iter().flatten() {
                let sides = [finding.method.as_str(), comparison.with.as_str()];
                let is_pair = |pair: &&serde_json::Value| {
                    ["a", "b"].iter().all(|side| sides.contains(&pair[side].as_str().unwrap()))
                };
                let pair = expected[set]["pairs"].as_array().unwrap().iter().find(is_pair).unwrap();
                let sign = if pair["a"] == sides[0] { 1.0 } else { -1.0 };
                let what = format!("{set}: {} - {}", sides[0], sides[1]);
                assert_eq!(comparison.source, Source::KenwardRoger, "{what}");
                close(comparison.difference, sign * f(&pair["estimate"]), 1e-6, &what);
                close(comparison.standard_error, f(&pair["se"]), 1e-6, &what);
                close(comparison.df, f(&pair["df"]), 1e-5, &what);
                close(comparison.p, f(&pair["p"]), 1e-6, &what);
                close(comparison.p_adjusted, f(&pair["p_tukey"]), 1e-6, &what);
                compared += 1;
            }
            assert_eq!(finding.interval, finding.decisive.as_ref().map(|_| I::TooFewImages));
        }
        assert!(compared >= 2, "{set}: {compared}");
    }
}

#[test]
fn where_methods_spread_differently_the_notes_say_what_the_verdicts_rest_on() {
    let mut results = empty("recommended");
    for image in 0..40 {
        let name = image.to_string();
        for (method, condition, mean, spread) in
            [("GRAD", "trained", 0.2, 0.4), ("SG", "trained", 0.2, 0.02), ("AVG", "baseline", 0.2, 0.1)]
        {
            let value = mean + spread * (unit(&[&name, method]) - 0.5);
            results.scores.push(score(Test::Utility, &name, method, condition, metric::AVERAGE_PRECISION, Some(value)));
        }
    }
    let analysis = Analysis::of(&results);
    let notes = &analysis.primary(Test::Utility).unwrap().notes;
    let told = |note: &&String| note.contains("prefer the paired tests; the verdicts by interval rest on these");
    assert!(notes.iter().any(|note| told(&note)), "{notes:?}");
    let family = |note: &&String| note.contains("Bonferroni over the 2 methods");
    assert!(notes.iter().any(|note| family(&note)), "{notes:?}");
    // The interval of the verdict is that of the paired differences at 2 * 0.05 / 2: qt(0.975, 39) = 2.022691 in R.
    let own = analysis.primary(Test::Utility).unwrap().finding("GRAD").unwrap().decisive.clone().unwrap();
    let by_image = own.by_image.unwrap();
    let error = (by_image.inner_interval[1] - by_image.mean) / 2.022_690_9;
    assert!((by_image.inner_interval[0] - by_image.interval[0]).abs() < 1e-9, "5 % of two methods are 2.5 % each");
    assert!((error / own.standard_error - 1.0).abs() > 0.05, "the model's single error is another one");
}

#[test]
fn every_verdict_occurs_where_it_should() {
    let analysis = Analysis::of(&whole("arun2021", 60));
    let verdict = |test, method: &str| {
        let finding = analysis.primary(test).unwrap().finding(method).unwrap();
        (finding.study.unwrap(), finding.interval.unwrap())
    };
    assert_eq!(verdict(Test::Utility, "XRAI"), (S::Pass, I::Pass));
    assert_eq!(verdict(Test::Utility, "SG"), (S::DidNotPass, I::Fail));
    assert_eq!(
        verdict(Test::Utility, "GBP"),
        (S::Uncertain, I::Fail),
        "as good as AVG, surely not better by the margin"
    );
    assert_eq!(verdict(Test::Randomization, "GGCAM"), (S::Pass, I::Pass));
    assert_eq!(verdict(Test::Randomization, "GRAD"), (S::DidNotPass, I::Fail));
    assert_eq!(verdict(Test::Repeatability, "GGCAM"), (S::Pass, I::Pass));
    assert_eq!(verdict(Test::Repeatability, "GRAD"), (S::DidNotPass, I::Fail));
    assert_eq!(verdict(Test::Reproducibility, "GRAD"), (S::DidNotPass, I::Fail));
    let differences = between_presets(&analysis);
    assert!(differences.iter().any(|own| own.test == Test::Repeatability), "range 2 passes what range 1 does not");
    let xrai = analysis.primary(Test::Utility).unwrap().finding("XRAI").unwrap();
    assert_eq!((xrai.summary.images, xrai.excluded_units), (60, 1));
    let blank = analysis.primary(Test::Utility).unwrap().finding("BLANK").unwrap();
    assert_eq!((blank.summary.images, blank.summary.undefined, blank.role), (0, 60, Role::Control));
    let other = Analysis::of(&whole("recommended", 60));
    for difference in between_runs(&analysis, &other) {
        let sentence = difference.sentence();
        assert!(sentence.contains("arun2021") && sentence.contains("recommended"), "{sentence}");
    }
    assert!(between_runs(&analysis, &analysis).is_empty());
}

#[test]
fn the_order_of_scores_and_the_number_of_threads_do_not_matter() {
    let results = whole("recommended", 20);
    let mut turned = results.clone();
    turned.scores.sort_by(|a, b| {
        let key =
            |own: &Score| unit(&[&own.image, &own.method, &own.condition, &own.models, &own.metric, own.test.name()]);
        key(a).total_cmp(&key(b))
    });
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(Analysis::of(&results), pool.install(|| Analysis::of(&turned)), "to the last bit");
}

#[test]
fn poor_data_give_words_and_no_panic() {
    let sentences = |results: &Results| -> Vec<String> {
        let analysis = Analysis::of(results);
        TrustFile::of(&analysis);
        analysis.metrics.iter().flat_map(|metric| &metric.findings).map(|own| own.sentence.clone()).collect()
    };
    assert!(sentences(&empty("arun2021")).is_empty());
    let mut results = empty("arun2021");
    let auprc = metric::AUPRC_TRAPEZOID;
    results.scores.push(score(Test::Utility, "1", "GRAD", condition::TRAINED, auprc, Some(0.5)));
    results.scores.push(score(Test::Utility, "1", "AVG", condition::BASELINE, auprc, Some(0.4)));
    results.scores.push(score(Test::Utility, "1", "SG", condition::TRAINED, auprc, Some(f64::NAN)));
    let own = sentences(&results);
    assert!(own[0].contains("needs at least 2 images with both (1 image here)"), "{own:?}");
    assert!(own[1].contains("none of its scores is defined"), "{own:?}");
    assert!(own[2].contains("was not tested"), "{own:?}");
    // A single method and AVG on few images: the model can be fitted or a paired test stands in.
    for image in 2..6 {
        let (image, value) = (image.to_string(), 0.5 + 0.01 * f64::from(image));
        results.scores.push(score(Test::Utility, &image, "GRAD", condition::TRAINED, auprc, Some(value)));
        results.scores.push(score(Test::Utility, &image, "AVG", condition::BASELINE, auprc, Some(0.4)));
    }
    assert!(sentences(&results)[0].contains("better than one fixed average mask"));
    // All differences equal: five of one sign do not convince the study's rule, and the interval has no width.
    for own in results.scores.iter_mut().filter(|own| own.value.is_some()) {
        own.value = Some(if own.method == "AVG" { 0.25 } else { 0.5 });
    }
    let own = sentences(&results);
    assert!(own[0].contains("is not shown") && own[0].contains("P = 0.062"), "{own:?}");
    let told = "By interval: too few images (5 images, verdicts begin at 30), limit above 0.300";
    assert!(own[0].contains(told), "{own:?}");
    // One method alone in a test of similarity: no groups with two rows, hence a t test.
    let mut results = empty("arun2021");
    for image in 0..8 {
        let value = 0.7 + 0.02 * f64::from(image % 3);
        results.scores.push(score(
            Test::Repeatability,
            &image.to_string(),
            "XRAI",
            condition::PAIR,
            metric::SSIM_RANGE_2,
            Some(value),
        ));
    }
    let analysis = Analysis::of(&results);
    let finding = analysis.primary(Test::Repeatability).unwrap().finding("XRAI").unwrap();
    assert_eq!(finding.decisive.as_ref().unwrap().source, Source::PairedT);
    assert_eq!((finding.study, finding.interval), (Some(S::Pass), Some(I::TooFewImages)));
    // A protocol that lies.
    results.protocol.alpha = f64::NAN;
    results.protocol.margin = -1.0;
    results.protocol.similarity_threshold = f64::INFINITY;
    sentences(&results);
}

#[test]
fn cards_tell_the_network_and_survive_a_file() {
    let results = whole("recommended", 30);
    let analysis = Analysis::of(&results);
    let sha = |name: &str| results.provenance.models.iter().find(|model| model.name == name).unwrap().sha256.clone();
    let card = trust_card(&analysis, &sha("inception_v3_1"), "XRAI");
    assert!(card.lines.iter().all(|line| line.verdict.to_string().contains("by the study's rule")), "{card:?}");
    assert_eq!(card.lines.iter().map(|line| line.test).collect::<Vec<_>>(), Test::ALL);
    let second = trust_card(&analysis, &sha("inception_v3_2"), "XRAI");
    assert_eq!(second.lines[0].verdict.to_string(), "not tested", "utility judges the first replicate alone");
    let other = trust_card(&analysis, &sha("densenet_121_1"), "XRAI");
    assert_eq!(other.lines.iter().filter(|line| line.verdict.to_string() != "not tested").count(), 1);
    assert_eq!(trust_card(&analysis, "unknown", "XRAI"), TrustCard::not_tested());
    assert!(!trust_card(&analysis, &sha("inception_v3_1"), "LIME").is_tested());

    let folder = tempfile::tempdir().unwrap();
    let path = TrustFile::beside(&folder.path().join("run.sqlite"));
    let file = TrustFile::of(&analysis);
    file.write(&path).unwrap();
    let back = TrustFile::read(&path).unwrap();
    assert_eq!(back, file);
    assert_eq!(back.find(&sha("inception_v3_1").to_uppercase(), "XRAI"), Some(&card));
    assert!(back.find(&sha("u_net_1"), "XRAI").is_none());
    for lie in ["", "{}", "[1]", &std::fs::read_to_string(&path).unwrap().replace("\"format\": 1", "\"format\": 9")] {
        std::fs::write(&path, lie).unwrap();
        assert!(TrustFile::read(&path).is_err(), "{lie:.40}");
    }
    assert!(TrustFile::read(folder.path()).is_err());
}
