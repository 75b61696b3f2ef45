//! Data that say little or nothing.

use saliscope::statistics::{
    Analysis, AnalysisPlan, ContrastFamily, Error, MixedModel, Note, Observations, Reference, Verdict,
};

use super::scores::{Row, borrowed, close, noise, observations, plan, relative};

fn rows(groups: usize, levels: &[&str], value: impl Fn(usize, usize) -> f64) -> Vec<Row> {
    (0..groups)
        .flat_map(|group| (0..levels.len()).map(move |level| (group, level)))
        .map(|(group, level)| (group.to_string(), levels[level].to_owned(), value(group, level)))
        .collect()
}

fn refused(rows: &[Row]) -> Error {
    MixedModel::fit(&observations(rows)).unwrap_err()
}

#[test]
fn what_cannot_be_fitted_is_refused_with_its_reason() {
    assert!(matches!(refused(&rows(1, &["a", "b"], |_, level| level as f64)), Error::OneGroup));
    let one_group: Vec<Row> = (0..6).map(|i| ("1".to_owned(), (i % 2).to_string(), noise(i, 1))).collect();
    assert!(matches!(refused(&one_group), Error::OneGroup));
    assert!(matches!(refused(&rows(9, &["a"], |group, _| noise(group, 1))), Error::NoRepeats));
    for constant in [0.0, 0.1, -1e300, 1e9 + 0.1] {
        assert!(matches!(refused(&rows(9, &["a", "b"], |_, _| constant)), Error::Constant), "{constant}");
    }
    // By level alone, by group alone, by both.
    assert!(matches!(refused(&rows(9, &["a", "b"], |_, level| 0.1 + 0.2 * level as f64)), Error::PerfectFit));
    assert!(matches!(refused(&rows(9, &["a", "b"], |group, _| 0.1 * group as f64)), Error::PerfectFit));
    let both = rows(9, &["a", "b", "c"], |group, level| 0.1 * (group * group) as f64 + 0.7 * level as f64);
    assert!(matches!(refused(&both), Error::PerfectFit));
    let two_rows = [("1", "a", 1.0), ("2", "b", 2.0)];
    assert!(matches!(MixedModel::fit(&Observations::new(&two_rows).unwrap()), Err(Error::NoResidual { .. })));
    let far = rows(3, &["a", "b"], |group, level| if (group + level) % 2 == 0 { f64::MAX } else { -f64::MAX });
    assert!(matches!(refused(&far), Error::NotFinite));
}

#[test]
fn settings_out_of_range_are_refused() {
    let scores = observations(&rows(9, &["a", "b"], |group, level| noise(2 * group + level, 1)));
    let refused = |plan: AnalysisPlan| Analysis::run(&scores, &plan).unwrap_err().to_string();
    for margin in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(refused(AnalysisPlan { margin: Some(margin), ..plan() }).contains("margin"));
    }
    assert!(refused(AnalysisPlan { null: Some(f64::NAN), ..plan() }).contains("constant"));
    let versus = |levels: &[&str]| {
        let family = ContrastFamily::Versus(levels.iter().map(|level| (*level).to_owned()).collect());
        refused(AnalysisPlan { family, ..plan() })
    };
    assert!(versus(&["c"]).contains("no level `c`; its levels are a, b"));
    assert!(versus(&["a", "a"]).contains("twice"));
    assert!(versus(&["a", "b"]).contains("no level is left"));
    assert!(versus(&[]).contains("no level is left"));
    let many: Vec<Row> = (0..200).map(|i| ((i % 2).to_string(), (i / 2).to_string(), noise(i, 1))).collect();
    assert!(Observations::new(&borrowed(&many)).unwrap_err().to_string().contains("at most 50"));
}

#[test]
fn two_groups_are_enough_and_said_to_be_few() {
    let scores = observations(&rows(2, &["a", "b", "c"], |group, level| noise(3 * group + level, 5)));
    for reference in [Reference::Satterthwaite, Reference::KenwardRoger, Reference::Normal] {
        let analysis = Analysis::run(&scores, &AnalysisPlan { reference, null: Some(0.0), ..plan() }).unwrap();
        assert!(analysis.notes.contains(&Note::FewGroups { groups: 2 }));
        for contrast in &analysis.contrasts {
            assert!((0.0..=1.0).contains(&contrast.p) && contrast.p <= contrast.p_adjusted, "{contrast:?}");
            assert_eq!(contrast.paired.as_ref().unwrap().groups, 2);
        }
    }
}

#[test]
fn one_level_has_a_mean_and_no_contrasts() {
    // Two rows of each group.
    let scores: Vec<Row> =
        (0..40).map(|i| ((i / 2).to_string(), "a".to_owned(), 0.5 + noise(i / 2, 1) + 0.1 * noise(i, 2))).collect();
    let analysis = Analysis::run(&observations(&scores), &AnalysisPlan { null: Some(0.5), ..plan() }).unwrap();
    assert!(analysis.contrasts.is_empty() && analysis.levels_test.is_none());
    assert!(analysis.notes.contains(&Note::OneLevel) && analysis.notes.contains(&Note::RepeatedCells));
    // Balanced: the test of the groups' means.
    let null = analysis.means[0].null.as_ref().unwrap();
    let plain = null.one_sample.as_ref().unwrap().t_test.unwrap();
    close(null.t, plain.t, 1e-8, "t");
    relative(analysis.means[0].linear.df, 19.0, 1e-6, "df");
    close(null.p, plain.p, 1e-8, "P");
}

#[test]
fn a_singular_fit_is_that_of_independent_rows() {
    // Each group's rows sum to about 0.
    let scores = rows(12, &["a", "b"], |group, level| {
        let sign = if level == 0 { 1.0 } else { -1.0 };
        sign * noise(group, 7) + 0.05 * noise(2 * group + level, 8)
    });
    let analysis = Analysis::run(&observations(&scores), &plan()).unwrap();
    assert!(analysis.model.singular && analysis.notes.contains(&Note::SingularFit));
    assert_eq!((analysis.model.theta, analysis.model.group_variance_test.p), (0.0, 1.0));
    relative(analysis.contrasts[0].linear.df, 22.0, 1e-9, "rows less levels");
    assert!(analysis.model.group_effects.iter().all(|effect| *effect == 0.0));
}

#[test]
fn unequal_spread_and_gaps_are_said() {
    let mut scores = rows(30, &["a", "b"], |group, level| noise(2 * group + level, 3) * (1.0 + 4.0 * level as f64));
    scores.remove(7);
    let analysis = Analysis::run(&observations(&scores), &plan()).unwrap();
    let codes: Vec<&str> = analysis.notes.iter().map(Note::code).collect();
    assert!(codes.contains(&"unequal_spread") && codes.contains(&"missing_cells"), "{codes:?}");
    assert_eq!(analysis.contrasts[0].paired.as_ref().unwrap().groups, 29);
}

#[test]
fn levels_that_never_meet_are_compared_by_the_model_alone() {
    let scores: Vec<Row> = (0..40)
        .map(|i| (format!("{}", i / 2), if i < 20 { "a" } else { "b" }.to_owned(), noise(i / 2, 1) + noise(i, 2)))
        .collect();
    let contrast = &Analysis::run(&observations(&scores), &plan()).unwrap().contrasts[0];
    assert!(contrast.paired.is_none() && contrast.p_paired_t_holm.is_none());
    // Nested and balanced: 20 groups less 2 levels.
    relative(contrast.linear.df, 18.0, 1e-6, "df");
}

#[test]
fn equivalence_is_told_from_no_difference() {
    let of = |groups: usize, shift: f64, spread: f64| {
        let scores =
            rows(groups, &["a", "b"], |group, level| shift * level as f64 + spread * noise(2 * group + level, 11));
        let analysis = Analysis::run(&observations(&scores), &AnalysisPlan { margin: Some(0.05), ..plan() }).unwrap();
        analysis.contrasts[0].equivalence.unwrap()
    };
    assert_eq!(of(200, 0.0, 0.05).verdict, Verdict::Equivalent);
    assert_eq!(of(200, 0.03, 0.05).verdict, Verdict::EquivalentAndDifferent);
    assert_eq!(of(200, 0.2, 0.05).verdict, Verdict::Different);
    let few = of(5, 0.0, 0.5);
    assert_eq!((few.verdict, few.p > 0.05), (Verdict::Inconclusive, true));
}
