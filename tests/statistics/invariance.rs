//! What must not matter: order of rows, names and order of levels, units, offsets, threads.

use saliscope::statistics::{Analysis, AnalysisPlan, ContrastFamily, Observations, Reference};

use super::scores::{Row, borrowed, close, noise, observations, plan, relative, table};

fn analyse(rows: &[Row]) -> Analysis {
    let plan = AnalysisPlan { null: Some(0.3), margin: Some(0.05), ..plan() };
    Analysis::run(&observations(rows), &plan).unwrap()
}

#[test]
fn the_order_of_rows() {
    let rows = table("unbalanced", &["method"]);
    let mut mixed: Vec<(usize, Row)> = rows.iter().cloned().enumerate().collect();
    mixed.sort_by(|a, b| noise(a.0, 3).total_cmp(&noise(b.0, 3)));
    let mixed: Vec<Row> = mixed.into_iter().map(|row| row.1).collect();
    assert_ne!(rows, mixed);
    assert_eq!(analyse(&rows), analyse(&mixed), "to the last bit");
}

#[test]
fn the_number_of_threads() {
    let rows = table("unbalanced", &["method"]);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| analyse(&rows))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn the_order_of_levels() {
    let rows = table("unbalanced", &["method"]);
    let one = analyse(&rows);
    let levels: Vec<String> = observations(&rows).levels().iter().rev().cloned().collect();
    let turned = Observations::with_levels(&borrowed(&rows), levels).unwrap();
    let plan = AnalysisPlan { null: Some(0.3), margin: Some(0.05), ..plan() };
    let other = Analysis::run(&turned, &plan).unwrap();
    close(one.model.theta, other.model.theta, 1e-10, "theta");
    close(one.model.reml_criterion, other.model.reml_criterion, 1e-12, "criterion");
    for contrast in &one.contrasts {
        let mirror = other.contrasts.iter().find(|own| own.a == contrast.b && own.b == contrast.a).unwrap();
        close(mirror.linear.estimate, -contrast.linear.estimate, 1e-12, "estimate");
        relative(mirror.linear.df, contrast.linear.df, 1e-8, "df");
        close(mirror.p_adjusted, contrast.p_adjusted, 1e-9, "Tukey");
        // Another basis, other directions.
        close(mirror.p_max_t, contrast.p_max_t, 2e-4, "largest |T|");
        let (own, mirrored) = (contrast.paired.as_ref().unwrap(), mirror.paired.as_ref().unwrap());
        close(mirrored.signed_rank.p.unwrap(), own.signed_rank.p.unwrap(), 1e-12, "signed rank");
        close(mirrored.bootstrap.unwrap().low, -own.bootstrap.unwrap().high, 1e-12, "bootstrap");
    }
}

#[test]
fn shift_and_scale() {
    let rows = table("unbalanced", &["method"]);
    let one = analyse(&rows);
    for (factor, offset) in [(1.0, 1000.0), (-3.0, 0.0), (1e-9, 0.0), (1e100, 0.0), (0.5, -1e6)] {
        let turned: Vec<Row> = rows.iter().map(|row| (row.0.clone(), row.1.clone(), row.2 * factor + offset)).collect();
        let other = Analysis::run(&observations(&turned), &plan()).unwrap();
        let what = format!("times {factor} plus {offset}");
        // A large offset costs digits of the data themselves.
        let tolerance = 1e-9_f64.max(offset.abs() * 1e-14);
        close(other.model.theta, one.model.theta, 10.0 * tolerance, &what);
        relative(other.model.residual_sd, one.model.residual_sd * factor.abs(), tolerance, &what);
        for (other, one) in other.contrasts.iter().zip(&one.contrasts) {
            close(other.linear.estimate / factor, one.linear.estimate, tolerance, &what);
            relative(other.linear.df, one.linear.df, 10.0 * tolerance, &what);
            close(other.p_adjusted, one.p_adjusted, 10.0 * tolerance, &what);
        }
    }
}

#[test]
fn balanced_pairs_are_those_of_the_analysis_of_variance() {
    // Means and residual variance in closed form: groups and levels as blocks and treatments.
    let rows: Vec<Row> = (0..60)
        .map(|index| {
            let (group, level) = (index / 4, index % 4);
            let value = noise(group, 1) + 0.3 * level as f64 + 0.4 * noise(index, 2);
            (group.to_string(), ["a", "b", "c", "d"][level].to_owned(), value)
        })
        .collect();
    let analysis = Analysis::run(&observations(&rows), &plan()).unwrap();
    let mean = |keep: &dyn Fn(&Row) -> bool| {
        let kept: Vec<f64> = rows.iter().filter(|row| keep(row)).map(|row| row.2).collect();
        kept.iter().sum::<f64>() / kept.len() as f64
    };
    let all = mean(&|_| true);
    let residual: f64 =
        rows.iter().map(|row| (row.2 - mean(&|own| own.0 == row.0) - mean(&|own| own.1 == row.1) + all).powi(2)).sum();
    let variance = residual / (14.0 * 3.0);
    relative(analysis.model.residual_variance, variance, 1e-9, "residual variance");
    for contrast in &analysis.contrasts {
        let difference = mean(&|row| row.1 == contrast.a) - mean(&|row| row.1 == contrast.b);
        close(contrast.linear.estimate, difference, 1e-12, "difference");
        relative(contrast.linear.standard_error, (2.0 * variance / 15.0).sqrt(), 1e-9, "standard error");
        relative(contrast.linear.df, 42.0, 1e-7, "df");
        // All pairs of a balanced design: the largest |T| is the studentized range.
        close(contrast.p_max_t, contrast.p_adjusted, 1e-9, "largest |T|");
    }
}

#[test]
fn the_test_of_two_levels_is_that_of_their_difference() {
    let mut rows = table("unbalanced", &["method"]);
    rows.retain(|row| row.1 == "GRAD" || row.1 == "GGCAM");
    for reference in [Reference::Satterthwaite, Reference::KenwardRoger, Reference::Normal] {
        let analysis = Analysis::run(&observations(&rows), &AnalysisPlan { reference, ..plan() }).unwrap();
        let (test, contrast) = (analysis.levels_test.unwrap(), &analysis.contrasts[0]);
        relative(test.f, contrast.t.powi(2), 1e-9, "F");
        close(test.p, contrast.p, 1e-9, "P");
        if reference == Reference::Normal {
            assert!(test.denominator_df.is_infinite() && contrast.linear.df.is_infinite());
        } else {
            relative(test.denominator_df, contrast.linear.df, 1e-9, "df");
        }
    }
}

#[test]
fn a_baseline_alone_is_every_pair_with_it() {
    let rows = table("balanced", &["method"]);
    let all = Analysis::run(&observations(&rows), &plan()).unwrap();
    let family = ContrastFamily::Versus(vec!["AVG".to_owned()]);
    let versus = Analysis::run(&observations(&rows), &AnalysisPlan { family, ..plan() }).unwrap();
    assert_eq!(versus.contrasts.len(), 9);
    for contrast in &versus.contrasts {
        let same = |own: &&saliscope::statistics::Contrast| {
            (&own.a, &own.b) == (&contrast.b, &contrast.a) || (&own.a, &own.b) == (&contrast.a, &contrast.b)
        };
        let pair = all.contrasts.iter().find(same).unwrap();
        close(contrast.p, pair.p, 1e-12, "P alone");
        assert!(contrast.p_adjusted <= pair.p_adjusted + 1e-9, "a smaller family is adjusted less");
    }
}
