//! Balanced, unbalanced and singular scores, ten methods.

use saliscope::statistics::{Analysis, AnalysisPlan, ContrastFamily, Inference, MixedModel, Observations, Reference};
use serde_json::Value;

use super::scores::{borrowed, close, number, plan, relative, results, table};

const SETS: [&str; 3] = ["balanced", "unbalanced", "singular"];

/// A data set with its levels in R's order.
fn load(name: &str) -> (Observations, Value) {
    let expected = results(name);
    let levels = expected["methods"].as_array().unwrap().iter().map(|level| level.as_str().unwrap().to_owned());
    let rows = table(name, &["method"]);
    (Observations::with_levels(&borrowed(&rows), levels.collect()).unwrap(), expected)
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

#[test]
fn fits() {
    for name in SETS {
        let (observations, expected) = load(name);
        let model = MixedModel::fit(&observations).unwrap();
        let fit = &expected["fit"];
        assert_eq!(model.rows as u64, expected["n_obs"].as_u64().unwrap());
        assert_eq!(model.groups as u64, expected["n_images"].as_u64().unwrap());
        assert_eq!(model.singular, fit["is_singular"].as_bool().unwrap(), "{name}");
        relative(model.criterion, number(&fit["REMLcrit"]), 1e-12, name);
        close(model.theta, number(&fit["theta"]), 1e-6, name);
        relative(model.sigma, number(&fit["sigma"]), 1e-6, name);
        relative(model.log_likelihood(), number(&fit["logLik_REML"]), 1e-12, name);
        close(model.group_variance(), number(&fit["var_image"]), 1e-7, name);
        relative(model.criterion_without_groups, number(&expected["reml_no_random_effect"]), 1e-11, name);
        close(model.group_variance_statistic(), number(&expected["ranova"]["LRT"]), 1e-9, name);
        for (found, expected) in model.group_effects.iter().zip(array(&expected["ranef"])) {
            close(*found, number(&expected["value"]), 1e-7, name);
        }
    }
}

#[test]
fn tests_of_all_levels() {
    for name in SETS {
        let (observations, expected) = load(name);
        let model = MixedModel::fit(&observations).unwrap();
        for (reference, key) in
            [(Reference::Satterthwaite, "anova_satterthwaite"), (Reference::KenwardRoger, "anova_kenward_roger")]
        {
            let found = Inference::new(&model, reference).levels_test().unwrap();
            let expected = &expected[key];
            relative(found.f, number(&expected["F"]), 1e-6, name);
            relative(found.denominator_df, number(&expected["dendf"]), 1e-6, &format!("{name} {key}"));
            close(found.p, number(&expected["p"]), 1e-6, name);
        }
    }
}

#[test]
fn means_against_a_constant() {
    for name in SETS {
        let (observations, expected) = load(name);
        let null = number(&expected["emmeans"][0]["null"]);
        let plan = AnalysisPlan { null: Some(null), margin: Some(0.05), ..plan() };
        let found = Analysis::run(&observations, &plan).unwrap();
        for (found, expected) in found.means.iter().zip(array(&expected["emmeans"])) {
            let of = |key: &str| number(&expected[key]);
            assert_eq!(expected["method"], found.level.as_str());
            relative(found.linear.estimate, of("emmean"), 1e-6, name);
            relative(found.linear.standard_error, of("se"), 1e-6, name);
            relative(found.linear.df, of("df"), 1e-5, name);
            close(found.low, number(&expected["ci95"][0]), 1e-6, name);
            close(found.high, number(&expected["ci95"][1]), 1e-6, name);
            let test = found.null.as_ref().unwrap();
            close(test.t, of("t_vs_null"), 1e-6, name);
            let equivalence = test.equivalence.as_ref().unwrap();
            for (found, key) in [
                (test.p, "p_vs_null"),
                (test.p_holm, "p_vs_null_holm"),
                (test.p_greater, "p_greater"),
                (test.p_less, "p_less"),
                (equivalence.p, "p_tost_delta_0.05"),
            ] {
                close(found, of(key), 1e-6, &format!("{name} {key}"));
            }
        }
    }
}

#[test]
fn all_pairs() {
    for name in SETS {
        let (observations, expected) = load(name);
        let own = Analysis::run(&observations, &plan()).unwrap();
        let with = |reference| Analysis::run(&observations, &AnalysisPlan { reference, ..plan() }).unwrap();
        let (kenward_roger, normal) = (with(Reference::KenwardRoger), with(Reference::Normal));
        assert_eq!(own.contrasts.len(), array(&expected["pairs"]).len());
        for (index, expected) in array(&expected["pairs"]).iter().enumerate() {
            let of = |key: &str| number(&expected[key]);
            let found = &own.contrasts[index];
            let what = format!("{name} {} - {}", found.a, found.b);
            assert_eq!((&expected["a"], &expected["b"]), (&found.a.as_str().into(), &found.b.as_str().into()));
            close(found.linear.estimate, of("estimate"), 1e-7, &what);
            relative(found.linear.standard_error, of("se"), 1e-6, &what);
            relative(found.linear.df, of("df_satterthwaite"), 1e-5, &what);
            close(found.t, of("t"), 1e-6, &what);
            for (found, key) in [
                (found.p, "p_unadjusted"),
                (found.p_adjusted, "emmeans_tukey_p"),
                (found.p_bonferroni, "p_bonferroni"),
                (found.p_holm, "p_holm"),
                (found.p_benjamini_hochberg, "p_bh"),
                (normal.contrasts[index].p, "glht_p_univariate_normal"),
                (normal.contrasts[index].p_tukey.unwrap(), "emmeans_asymptotic_tukey_p"),
                (kenward_roger.contrasts[index].p_tukey.unwrap(), "emmeans_kr_tukey_p"),
            ] {
                close(found, of(key), 1e-6, &format!("{what} {key}"));
            }
            relative(kenward_roger.contrasts[index].linear.df, of("emmeans_kr_df"), 1e-6, &what);
            relative(kenward_roger.contrasts[index].linear.standard_error, of("emmeans_kr_se"), 1e-6, &what);
            let unit = found.linear.standard_error;
            for (low, high, key) in [
                (found.low, found.high, "ci95_unadjusted"),
                (found.simultaneous_low, found.simultaneous_high, "emmeans_tukey_ci95"),
            ] {
                close((low - number(&expected[key][0])) / unit, 0.0, 1e-6, &what);
                close((high - number(&expected[key][1])) / unit, 0.0, 1e-6, &what);
            }
            // glht by default is itself off by up to 2e-3; where it was pushed, by 1e-4.
            close(found.p_max_t_normal, of("glht_tukey_p_default_run1"), 3e-3, &what);
            assert!((kenward_roger.contrasts[index].p_max_t_normal - found.p_max_t_normal).abs() < 1e-9, "{what}");
            if let Some(high) = expected["glht_tukey_p_high"].as_f64() {
                close(found.p_max_t_normal, high, 2e-4, &what);
            }
            assert!(found.p_max_t_error < 1e-4);
        }
    }
}

#[test]
fn versus_baselines() {
    for name in SETS {
        let (observations, expected) = load(name);
        let family = ContrastFamily::Versus(vec!["AVG".to_owned(), "UNET".to_owned()]);
        let found = Analysis::run(&observations, &AnalysisPlan { family, ..plan() }).unwrap();
        assert_eq!(found.contrasts.len(), 16);
        for (found, expected) in found.contrasts.iter().zip(array(&expected["versus_baselines"])) {
            let of = |key: &str| number(&expected[key]);
            assert_eq!(expected["contrast"], format!("{} - {}", found.a, found.b));
            close(found.p, of("p_unadjusted"), 1e-6, name);
            relative(found.linear.df, of("df"), 1e-5, name);
            close(found.p_max_t_normal, of("maxT_normal_p_default"), 3e-3, name);
            if let Some(high) = expected["maxT_normal_p_high"].as_f64() {
                close(found.p_max_t_normal, high, 2e-4, name);
            }
            assert_eq!((found.p_tukey, found.p_adjusted), (None, found.p_max_t));
            assert!((found.p_max_t > 0.05) == (found.simultaneous_low < 0.0 && found.simultaneous_high > 0.0));
        }
    }
}
