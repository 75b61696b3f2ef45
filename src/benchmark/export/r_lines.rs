//! Lines of R that fit the same models to the exported scores.

use super::super::protocol::Test;
use super::super::verdict::{AVERAGE_MASK, Analysis, MetricAnalysis, Role, Source};

/// A string as R reads it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => quoted.push(' '),
            character => quoted.push(character),
        }
    }
    quoted + "\""
}

/// The degrees of freedom behind a metric's tests, as emmeans, lmerTest and people call them.
fn reference(metric: &MetricAnalysis) -> [&'static str; 3] {
    let sources = metric.findings.iter().filter_map(|finding| finding.decisive.as_ref()).map(|own| own.source);
    if sources.into_iter().any(|source| source == Source::KenwardRoger) {
        ["kenward-roger", ", ddf = \"Kenward-Roger\"", "Kenward-Roger"]
    } else {
        ["satterthwaite", "", "Satterthwaite"]
    }
}

/// Lines that read `scores.csv` as `d` and repeat the estimates behind every table of the study.
pub fn r_lines(analysis: &Analysis) -> Vec<String> {
    let mut lines = vec![
        "library(lmerTest); library(emmeans); library(multcomp)".to_owned(),
        "emm_options(lmerTest.limit = 1e6, pbkrtest.limit = 1e6)".to_owned(),
        "d <- read.csv(\"scores.csv\", comment.char = \"#\", stringsAsFactors = FALSE)".to_owned(),
        "rows <- function(test, metric, conditions, not = character()) { s <- d[d$test == test & d$metric == metric & \
         d$condition %in% conditions & !(d$method %in% not) & !is.na(d$value), ]; s <- aggregate(value ~ image + method, \
         s, mean); s$method <- factor(s$method); s }"
            .to_owned(),
    ];
    for metric in analysis.metrics.iter().filter(|metric| metric.primary) {
        let name = quoted(&metric.metric);
        let test = quoted(metric.test.name());
        let [by, ddf, words] = reference(metric);
        match metric.test {
            Test::Utility => {
                lines.push(format!(
                    "# utility: all pairs by Tukey, {words}; then as in the study (normal reference)\n\
                     s <- rows({test}, {name}, c(\"trained\", \"external\", \"baseline\"))\n\
                     m <- lmer(value ~ method + (1 | image), s, REML = TRUE); summary(m{ddf}); anova(m{ddf})\n\
                     pairs(emmeans(m, ~ method, lmer.df = \"{by}\"), adjust = \"tukey\")\n\
                     summary(glht(m, mcp(method = \"Tukey\")))"
                ));
                lines.push(format!(
                    "# trained less random weights, each method by itself; then p.adjust(p, \"holm\")\n\
                     for (k in unique(d$method[d$test == {test} & d$condition == \"random\"])) {{ w <- d[d$test == {test} & \
                     d$metric == {name} & d$method == k & d$condition %in% c(\"trained\", \"random\") & !is.na(d$value), ]; \
                     w <- aggregate(value ~ image + condition, w, mean); w$condition <- factor(w$condition, c(\"random\", \
                     \"trained\")); print(k); print(summary(lmer(value ~ condition + (1 | image), w){ddf})$coefficients) }}"
                ));
            }
            Test::Randomization => {
                let Some(last) = metric.curves.first().and_then(|curve| curve.states.last()) else { continue };
                lines.push(format!(
                    "# randomization: last state less the mean over pairs of different images, against 0; then \
                     p.adjust(p, \"holm\")\n\
                     s <- rows({test}, {name}, {}); b <- rows({test}, {name}, \"baseline\"); b <- tapply(b$value, \
                     b$method, mean)\n\
                     s <- s[s$method %in% names(b), ]; s$method <- droplevels(s$method); s$value <- s$value - \
                     b[as.character(s$method)]\n\
                     m <- lmer(value ~ 0 + method + (1 | image), s, REML = TRUE); summary(m{ddf})",
                    quoted(&last.state)
                ));
            }
            Test::Repeatability | Test::Reproducibility => lines.push(format!(
                "# {}: less the limit, against 0, p.adjust(p, \"holm\"); then against the localizer by Tukey\n\
                 s <- rows({test}, {name}, \"pair\"{}); s$value <- s$value - {}\n\
                 m <- lmer(value ~ 0 + method + (1 | image), s, REML = TRUE); summary(m{ddf})\n\
                 pairs(emmeans(m, ~ method, lmer.df = \"{by}\"), adjust = \"tukey\")",
                metric.test,
                if metric.baseline(Role::HighBaseline).is_some() {
                    String::new()
                } else {
                    format!(", {}", quoted(AVERAGE_MASK))
                },
                analysis.similarity_threshold
            )),
        }
    }
    lines.iter().flat_map(|line| line.lines()).map(str::to_owned).collect()
}
