//! The short table of `saliscope stats`.

use std::fmt::Write as _;

use super::console::in_line;
use crate::figure::NOT_FOR_DIAGNOSIS;
use crate::statistics::{Adjustment, Analysis, Columns, Reference, Verdict};

/// Model, means and contrasts.
pub(super) fn text(columns: &Columns, analysis: &Analysis) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, columns, analysis);
    text
}

fn write(text: &mut String, columns: &Columns, analysis: &Analysis) -> std::fmt::Result {
    let model = &analysis.model;
    let reference = match analysis.reference {
        Reference::Satterthwaite => "Satterthwaite",
        Reference::KenwardRoger => "Kenward-Roger",
        Reference::Normal => "normal",
    };
    let Columns { response, factors, group, .. } = columns;
    writeln!(
        text,
        "{response} ~ {} + (1 | {group}) by REML: {} rows, {} groups, {} levels; reference: {reference}",
        factors.join(":"),
        model.rows,
        model.groups,
        analysis.means.len()
    )?;
    writeln!(
        text,
        "SD between groups {}, within {}; intraclass correlation {:.3}",
        figure(model.group_sd),
        figure(model.residual_sd),
        model.intraclass_correlation
    )?;
    if let Some(test) = &analysis.levels_test {
        let df = if test.denominator_df.is_finite() { format!("{:.1}", test.denominator_df) } else { "inf".to_owned() };
        writeln!(text, "All levels equal: F({}, {df}) = {}, P {}", test.numerator_df, figure(test.f), p(test.p))?;
    }
    let against = analysis.means.iter().find_map(|mean| mean.null.as_ref());
    let heading = against.map_or(String::new(), |null| format!("; P against {} (Holm)", null.value));
    writeln!(text, "\nMeans [95 % interval], SD, rows{heading}")?;
    let width = analysis.means.iter().map(|mean| in_line(&mean.level).chars().count()).max().unwrap_or(0);
    for mean in &analysis.means {
        let sd = mean.sd.map_or("-".to_owned(), figure);
        let interval = format!("{} [{}, {}]", figure(mean.linear.estimate), figure(mean.low), figure(mean.high));
        write!(text, "  {:<width$}  {interval:<30} {sd:>9} {:>6}", in_line(&mean.level), mean.rows)?;
        if let Some(null) = &mean.null {
            write!(text, "  P {}", p(null.p_holm))?;
            if let Some(equivalence) = &null.equivalence {
                write!(text, ", {}", verdict(equivalence.verdict))?;
            }
        }
        writeln!(text)?;
    }
    if !analysis.contrasts.is_empty() {
        contrasts(text, analysis)?;
    }
    writeln!(text, "{NOT_FOR_DIAGNOSIS}")
}

fn contrasts(text: &mut String, analysis: &Analysis) -> std::fmt::Result {
    let how = match analysis.adjustment {
        Adjustment::Tukey => "Tukey",
        Adjustment::MaxT => "max-T",
    };
    let count = analysis.contrasts.len();
    writeln!(
        text,
        "\nDifferences [simultaneous 95 % interval], P ({how}, family of {count}), signed rank P (Holm), difference / SD"
    )?;
    let names: Vec<String> =
        analysis.contrasts.iter().map(|contrast| format!("{} - {}", contrast.a, contrast.b)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    for (name, contrast) in names.iter().zip(&analysis.contrasts) {
        let interval = format!(
            "{} [{}, {}]",
            figure(contrast.linear.estimate),
            figure(contrast.simultaneous_low),
            figure(contrast.simultaneous_high)
        );
        let rank = contrast.p_signed_rank_holm.map_or("-".to_owned(), p);
        let effect = contrast.paired.as_ref().and_then(|paired| paired.effect_size);
        let effect = effect.map_or("-".to_owned(), |effect| format!("{effect:.2}"));
        write!(text, "  {name:<width$}  {interval:<30} {:>9} {rank:>9} {effect:>6}", p(contrast.p_adjusted))?;
        if let Some(equivalence) = &contrast.equivalence {
            write!(text, "  {}", verdict(equivalence.verdict))?;
        }
        writeln!(text)?;
    }
    if let Some(equivalence) = analysis.contrasts.iter().find_map(|contrast| contrast.equivalence.as_ref()) {
        writeln!(
            text,
            "Equivalence: margin {}, two one-sided tests at 0.05 each, not adjusted; different: by the P value shown",
            equivalence.margin
        )?;
    }
    Ok(())
}

/// Four decimals, or four digits where that is too few or too many.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size == 0.0 || (0.001..1e6).contains(&size) => format!("{value:.4}"),
        _ => format!("{value:.3e}"),
    }
}

/// A P value as it is printed: never 0.
fn p(value: f64) -> String {
    match value {
        value if value.is_nan() => "-".to_owned(),
        value if value < 0.001 => "< 0.001".to_owned(),
        value => format!("{value:.3}"),
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Equivalent => "equivalent",
        Verdict::EquivalentAndDifferent => "equivalent, though different",
        Verdict::Different => "different",
        Verdict::Inconclusive => "inconclusive",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certainty_is_never_printed() {
        assert_eq!((p(0.0), p(0.0009), p(0.05)), ("< 0.001".to_owned(), "< 0.001".to_owned(), "0.050".to_owned()));
        assert_eq!((figure(0.12345), figure(1e-7), figure(0.0)), ("0.1235".into(), "1.000e-7".into(), "0.0000".into()));
    }
}
