//! `saliscope stats`: a mixed model, contrasts and equivalence of anybody's table.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::arguments::whole;
use super::console;
use super::error::{Error, Result};
use super::report::VERSION;
use super::{output_file, stats_text};
use crate::figure::NOT_FOR_DIAGNOSIS;
use crate::limits;
use crate::metrics::Bootstrap;
use crate::statistics::{
    Analysis, AnalysisPlan, Columns, ContrastFamily, Dropped, LongTable, Note, Observations, Reference, Where,
    quoted_list,
};

/// Compares the levels of a factor, such as methods, measured in the same groups, such as images.
///
/// Fits response ~ factor + (1 | group) by REML and tests means and differences; beside the model, paired tests and a
/// bootstrap over groups.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saliscope stats --data scores.csv --response auprc --factor method \\
      --group image --out stats.json
  saliscope stats --data scores.csv --response ssim --factor method \\
      --group image --null 0.5 --margin 0.05 --contrasts vs:UNET \\
      --out stats.json
  What `saliscope benchmark export` wrote, one metric of one test, maps of the trained network:
    saliscope stats --data results/scores.csv --where test=utility \\
        --where metric=auprc --where condition=trained --response value \\
        --factor method --group image --out stats.json
  A level with a comma in its name:
    saliscope stats --data s.csv --response score --factor method \\
        --group image --contrasts 'vs:\"B,y\"' --out s.json

--help says what the JSON holds. Research use - not for diagnosis.", after_long_help = JSON_LAYOUT)]
pub(super) struct Arguments {
    /// CSV file with one response a line and a header
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Column of the response; rows without one are left out and counted
    #[arg(long, value_name = "COLUMN")]
    response: String,
    /// Column of the factor; given several times, its levels are the combinations, joined by colons
    #[arg(long, value_name = "COLUMN", required = true)]
    factor: Vec<String>,
    /// Column of the groups that get a random intercept
    #[arg(long, value_name = "COLUMN")]
    group: String,
    /// Only rows whose column has this value: as it is, else without regard to case, else the one value that begins so.
    /// Given several times, values of one column are alternatives, and every column named must fit. A name or value in
    /// quotes is read as CSV reads it
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    wheres: Vec<Where>,
    /// A column of metrics, tests or units whose different values may be pooled; else they are refused
    #[arg(long, value_name = "COLUMN")]
    pool: Vec<String>,
    /// Constant that every mean is tested against
    #[arg(long, value_name = "X", value_parser = finite, allow_hyphen_values = true)]
    null: Option<f64>,
    /// Difference that does not matter, in units of the response: tests of equivalence
    #[arg(long, value_name = "D", value_parser = positive, allow_hyphen_values = true)]
    margin: Option<f64>,
    /// all: every pair of levels; vs:A,B: every other level minus A and minus B. A level with a comma stands in quotes, in
    /// which a quote is doubled: vs:"B,y",A
    #[arg(long, value_name = "FAMILY", value_parser = family, default_value = "all")]
    contrasts: ContrastFamily,
    /// Distribution behind tests and intervals of the model
    #[arg(long, value_name = "REFERENCE", value_enum, default_value_t)]
    reference: ReferenceChoice,
    /// Resamples of the bootstrap
    #[arg(long, value_name = "R", default_value_t = Bootstrap::default().resamples, value_parser = whole(limits::CONTRAST_RESAMPLES))]
    resamples: usize,
    /// Seed of the resamples
    #[arg(long, value_name = "S", default_value_t = 0)]
    bootstrap_seed: u64,
    /// Where the JSON goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace the file if it is there already
    #[arg(long)]
    force: bool,
    /// No table on standard output and no warnings
    #[arg(long)]
    quiet: bool,
}

/// `--reference`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ReferenceChoice {
    /// Student's t with Satterthwaite's degrees of freedom
    #[default]
    Satterthwaite,
    /// Kenward and Roger's standard errors and degrees of freedom
    KenwardRoger,
    /// The normal distribution, as multcomp takes for mixed models
    Normal,
}

const JSON_LAYOUT: &str = "\
The JSON is one object. Intervals are of 95 %, P values two-sided unless said otherwise, and
null stands for what is not defined; a df of null is the normal distribution. Labels of groups
are not written: they may be patients'.
  columns             response, factor (one or more), group
  data_sha256         of the file
  where               column, values: which rows were asked for; rows_not_asked_for
  dropped             reason, level, rows: what was left out
  family              all, or the baselines of vs
  r                   lines that make the same fit in R
  reference           satterthwaite, kenward-roger or normal
  model               rows, groups, balanced, group_variance, group_sd, residual_variance,
                      residual_sd, theta (ratio of both SDs), intraclass_correlation,
                      log_likelihood (restricted), reml_criterion, singular, group_variance_test
                      (statistic, p by half a chi-square, p_whole_chi_square), group_effects
                      (BLUPs, in the order of the groups' labels)
  levels_test         f, numerator_df, denominator_df, p: are all levels equal?
  means[]             level, rows, sd, estimate, standard_error, df, low, high, and with --null
                      null: value, t, p, p_holm, p_greater, p_less, equivalence, one_sample (as
                      paired below)
  adjustment          of p_adjusted and the simultaneous interval: tukey (all) or max_t (vs)
  contrasts[]         a, b, estimate (a - b), standard_error, df, t, low, high,
                      simultaneous_low, simultaneous_high, p (alone), p_adjusted, p_tukey (all
                      only), p_max_t and its p_max_t_error, p_max_t_normal (as glht of
                      multcomp), p_bonferroni, p_holm, p_benjamini_hochberg, and
    equivalence       with --margin: margin, p (TOST), p_below_margin, p_above_minus_margin,
                      verdict: equivalent, equivalent_and_different, different (by p_adjusted,
                      p_holm of means) or inconclusive
    paired            differences within groups without the model: groups, mean, sd, effect_size
                      (mean / sd), share_above, t_test (t, df, p, low, high), signed_rank (v,
                      used, zeros, ties, p, exact, p_normal), bootstrap (low, high, bca_low,
                      bca_high, undefined_resamples)
    p_paired_t_holm, p_signed_rank_holm
  bootstrap_resamples, bootstrap_seed
  notes[]             code and text: singular_fit, unequal_spread, few_groups, dropped_rows,
                      missing_cells, repeated_cells, one_level, choice_of_rows

Levels are in the order of their labels (numbers by size). Exit codes: 0 done, 1 the work
failed, 2 the command line cannot be understood. Research use - not for diagnosis.";

#[derive(Serialize)]
struct Report<'a> {
    notice: &'static str,
    saliscope: &'static str,
    columns: ColumnsReport<'a>,
    data_sha256: String,
    #[serde(rename = "where")]
    chosen: Vec<Chosen<'a>>,
    rows_not_asked_for: usize,
    dropped: &'a [Dropped],
    family: Family<'a>,
    r: Vec<String>,
    #[serde(flatten)]
    analysis: &'a Analysis,
}

/// Rows by their value in a column.
#[derive(Serialize)]
struct Chosen<'a> {
    column: &'a str,
    values: &'a [String],
}

#[derive(Serialize)]
struct ColumnsReport<'a> {
    response: &'a str,
    factor: &'a [String],
    group: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Family<'a> {
    All,
    Versus(&'a [String]),
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { data, out, force, .. } = arguments;
    let columns = Columns {
        response: arguments.response.clone(),
        factors: arguments.factor.clone(),
        group: arguments.group.clone(),
        wheres: arguments.wheres.clone(),
        pooled: arguments.pool.clone(),
    };
    check_columns(&columns)?;
    if output_file::same_file(data, out) {
        return Err(Error::Usage("--data and --out are the same file".to_owned()));
    }
    output_file::refuse_taken(out, *force)?;
    let content = LongTable::content(data)?;
    let table = LongTable::of_content(&content, &columns, data)?;
    let data_sha256 = crate::network::sha256_hex(&content);
    drop(content);
    let rows: Vec<(&str, &str, f64)> = table.rows.iter().map(|row| (row.0.as_str(), row.1.as_str(), row.2)).collect();
    let observations = Observations::new(&rows)?;
    let plan = AnalysisPlan {
        family: family_of(&arguments.contrasts, &observations),
        reference: match arguments.reference {
            ReferenceChoice::Satterthwaite => Reference::Satterthwaite,
            ReferenceChoice::KenwardRoger => Reference::KenwardRoger,
            ReferenceChoice::Normal => Reference::Normal,
        },
        null: arguments.null,
        margin: arguments.margin,
        bootstrap: Bootstrap { resamples: arguments.resamples, seed: arguments.bootstrap_seed },
    };
    let mut analysis = Analysis::run(&observations, &plan)?;
    for reason in ["no response", "no level", "no group"] {
        let rows = table.dropped.iter().filter(|dropped| dropped.reason == reason).map(|dropped| dropped.rows).sum();
        if rows > 0 {
            analysis.notes.push(Note::Dropped { rows, reason });
        }
    }
    analysis.notes.extend(table.notes.iter().cloned().map(Note::Rows));
    let report = Report {
        notice: NOT_FOR_DIAGNOSIS,
        saliscope: VERSION,
        columns: ColumnsReport { response: &columns.response, factor: &columns.factors, group: &columns.group },
        data_sha256,
        chosen: table.chosen.iter().map(|(column, values)| Chosen { column, values }).collect(),
        rows_not_asked_for: table.not_meant,
        dropped: &table.dropped,
        family: match &plan.family {
            ContrastFamily::AllPairs => Family::All,
            ContrastFamily::Versus(baselines) => Family::Versus(baselines),
        },
        r: r_lines(&columns, &plan, &table.chosen),
        analysis: &analysis,
    };
    let mut json = serde_json::to_vec_pretty(&report).map_err(|error| Error::Stdout(error.into()))?;
    json.push(b'\n');
    output_file::place(output_file::stage(out, &json)?, out, *force)?;
    if arguments.quiet {
        return Ok(());
    }
    for note in &analysis.notes {
        console::tell(format_args!("warning: {note}"));
    }
    let text = stats_text::text(&columns, &analysis);
    console::print(&text)
}

fn check_columns(columns: &Columns) -> Result<()> {
    let mut names: Vec<&String> = columns.factors.iter().chain([&columns.response, &columns.group]).collect();
    names.sort();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Error::Usage("--response, --factor and --group must name different columns".to_owned()));
    }
    Ok(())
}

/// What gives the same figures in R, the table being `d`.
fn r_lines(columns: &Columns, plan: &AnalysisPlan, chosen: &[(String, Vec<String>)]) -> Vec<String> {
    let quoted = |name: &String| format!("d[[{}]]", serde_json::Value::from(name.as_str()));
    let labels: Vec<String> = columns.factors.iter().map(quoted).collect();
    let df = match plan.reference {
        Reference::Satterthwaite => "satterthwaite",
        Reference::KenwardRoger => "kenward-roger",
        Reference::Normal => "asymptotic",
    };
    let label = |label: &String| serde_json::Value::from(label.as_str()).to_string();
    let contrasts = match &plan.family {
        ContrastFamily::AllPairs => {
            let largest = "summary(multcomp::glht(m, multcomp::mcp(level = \"Tukey\")))";
            format!("pairs(e, adjust = \"tukey\"); {largest}")
        }
        ContrastFamily::Versus(baselines) => {
            let versus = baselines.iter().map(|baseline| {
                let others: Vec<String> = baselines.iter().filter(|other| *other != baseline).map(label).collect();
                let exclude =
                    if others.is_empty() { String::new() } else { format!(", exclude = c({})", others.join(", ")) };
                format!("contrast(e, \"trt.vs.ctrl\", ref = {}{exclude})", label(baseline))
            });
            format!("rbind({}, adjust = \"mvt\")", versus.collect::<Vec<_>>().join(", "))
        }
    };
    let mut lines = vec![
        "library(lmerTest); library(emmeans); emm_options(lmerTest.limit = 1e6, pbkrtest.limit = 1e6)".to_owned(),
        format!(
            "d <- data.frame(value = {}, level = factor(paste({}, sep = \":\")), group = factor({}))",
            quoted(&columns.response),
            labels.join(", "),
            quoted(&columns.group)
        ),
        "m <- lmer(value ~ level + (1 | group), d, REML = TRUE); summary(m); anova(m)".to_owned(),
        format!("e <- emmeans(m, ~ level, lmer.df = \"{df}\"); {contrasts}"),
    ];
    if !chosen.is_empty() {
        let fits = chosen.iter().map(|(column, values)| {
            let values: Vec<String> = values.iter().map(label).collect();
            format!("{} %in% c({})", quoted(column), values.join(", "))
        });
        lines.insert(1, format!("d <- d[{}, ]", fits.collect::<Vec<_>>().join(" & ")));
    }
    lines
}

fn finite(text: &str) -> std::result::Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "a finite number is needed".to_owned())
}

fn positive(text: &str) -> std::result::Result<f64, String> {
    finite(text).ok().filter(|number| *number > 0.0).ok_or_else(|| "a finite number above 0 is needed".to_owned())
}

fn family(text: &str) -> std::result::Result<ContrastFamily, String> {
    if text == "all" {
        return Ok(ContrastFamily::AllPairs);
    }
    let problem = "all or vs:A,B is needed, A and B being levels of the factor; one with a comma stands in quotes";
    let levels = quoted_list(text.strip_prefix("vs:").ok_or(problem)?)?;
    if levels.iter().any(String::is_empty) {
        return Err(problem.to_owned());
    }
    Ok(ContrastFamily::Versus(levels))
}

/// The family that is meant: parts that are no levels, but one level together, are that level.
fn family_of(family: &ContrastFamily, observations: &Observations) -> ContrastFamily {
    let ContrastFamily::Versus(parts) = family else { return family.clone() };
    let has = |label: &str| observations.levels().iter().any(|level| level == label);
    let whole = parts.join(",");
    let is_one = has(&whole) && !parts.iter().all(|part| has(part));
    if is_one { ContrastFamily::Versus(vec![whole]) } else { family.clone() }
}
