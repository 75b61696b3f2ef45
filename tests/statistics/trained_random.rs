//! Trained against random weights: one model of all cells, one of each method, and tests without a model.

use saliscope::metrics::Bootstrap;
use saliscope::statistics::{Analysis, Inference, MixedModel, Reference, holm, paired, signed_rank, t_two_sided};

use super::scores::{close, number, observations, plan, relative, results, table};

#[test]
fn the_pooled_model() {
    let expected = results("trained_random");
    let all = observations(&table("trained_random", &["method", "weights"]));
    let model = MixedModel::fit(&all).unwrap();
    relative(model.criterion, number(&expected["fit"]["REMLcrit"]), 1e-12, "criterion");
    close(model.theta, number(&expected["fit"]["theta"]), 1e-6, "theta");
    let inference = Inference::new(&model, Reference::Satterthwaite);
    let rows = expected["trained_minus_random"].as_array().unwrap();
    let family: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| {
            let method = row["method"].as_str().unwrap();
            let mut weights = vec![0.0; all.levels().len()];
            weights[all.level(&format!("{method}:trained")).unwrap()] = 1.0;
            weights[all.level(&format!("{method}:random")).unwrap()] = -1.0;
            weights
        })
        .collect();
    let largest = inference.max_t(&family);
    let linear: Vec<_> = family.iter().map(|weights| inference.linear(weights)).collect();
    let p: Vec<f64> = linear.iter().map(|own| t_two_sided(own.estimate / own.standard_error, own.df)).collect();
    let pairs = Analysis::run(&all, &plan()).unwrap().contrasts;
    for (index, row) in rows.iter().enumerate() {
        let of = |key: &str| number(&row[key]);
        let method = row["method"].as_str().unwrap();
        close(linear[index].estimate, of("estimate"), 1e-7, method);
        relative(linear[index].standard_error, of("se"), 1e-6, method);
        relative(linear[index].df, of("df"), 1e-5, method);
        close(p[index], of("p_unadjusted"), 1e-6, method);
        close(holm(&p)[index], of("p_holm_of_8"), 1e-6, method);
        let z = of("t");
        let max_t = largest.probability(z, f64::INFINITY, t_two_sided(z, f64::INFINITY));
        close(max_t.p, of("p_maxT_of_8"), 2e-4, method);
        let of_method = |contrast: &&saliscope::statistics::Contrast| {
            contrast.a == format!("{method}:random") && contrast.b == format!("{method}:trained")
        };
        close(pairs.iter().find(of_method).unwrap().p_adjusted, of("p_tukey_of_16_cells"), 1e-6, method);
    }
}

#[test]
fn own_models_and_paired_tests() {
    let rows = table("trained_random", &["method", "weights"]);
    for row in results("trained_random")["trained_minus_random"].as_array().unwrap() {
        let method = row["method"].as_str().unwrap();
        let own: Vec<_> = rows.iter().filter(|row| row.1.starts_with(&format!("{method}:"))).cloned().collect();
        let own = observations(&own);
        let analysis = Analysis::run(&own, &plan()).unwrap();
        let expected = &row["own_model"];
        let of = |key: &str| number(&expected[key]);
        close(analysis.model.theta, of("theta"), 1e-6, method);
        relative(analysis.model.residual_sd, of("sigma"), 1e-6, method);
        let contrast = &analysis.contrasts[0];
        close(contrast.linear.estimate, of("estimate_random_minus_trained"), 1e-7, method);
        relative(contrast.linear.standard_error, of("se"), 1e-6, method);
        relative(contrast.linear.df, of("df"), 1e-5, method);
        close(contrast.p, of("p"), 1e-6, method);
        // One pair of levels: nothing to adjust.
        close(contrast.p_adjusted, contrast.p, 1e-9, method);
        close(contrast.p_max_t, contrast.p, 1e-9, method);

        let differences: Vec<Option<f64>> =
            own.cells().iter().map(|levels| Some(levels[1].unwrap() - levels[0].unwrap())).collect();
        let found = paired(&differences, &Bootstrap::default()).unwrap();
        let test = found.t_test.unwrap();
        close(test.t, number(&row["paired_t"]["t"]), 1e-9, method);
        close(test.p, number(&row["paired_t"]["p"]), 1e-9, method);
        let values: Vec<f64> = differences.into_iter().flatten().collect();
        let rank = signed_rank(&values);
        close(rank.v, number(&row["wilcoxon_signed_rank"]["V"]), 0.0, method);
        close(rank.p_normal.unwrap(), number(&row["wilcoxon_signed_rank"]["p_normal_continuity"]), 1e-9, method);
        assert!((rank.p.unwrap() - rank.p_normal.unwrap()).abs() < 5e-3, "{method}: exact and normal are alike");
    }
}
