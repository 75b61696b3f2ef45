//! One HTML file that tells what a run found, readable anywhere without a network.

mod explorer;
mod html;
mod sections;
mod thumbnail;
mod words;

use super::export::{Error, Pseudonyms, Result};
use super::figures::{NoPictures, Pictures};
use super::results::Results;
use super::verdict::{Analysis, Index};
use crate::figure::{NOT_FOR_DIAGNOSIS, font_faces};
use html::escape;

/// What the report shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportOptions {
    /// Whether cases keep their ids, which may be patients'.
    pub open_ids: bool,
    /// Whether maps and radiographs are left out.
    pub no_images: bool,
}

/// A report, and what it rests on.
#[derive(Clone, Debug)]
pub struct Report {
    /// The document.
    pub html: String,
    /// Estimates and verdicts.
    pub analysis: Analysis,
}

/// How many parts of the run are here, where not all are.
fn parts(results: &Results) -> String {
    let own = &results.provenance;
    match own.missing_parts.len() {
        0 => String::new(),
        missing => format!(" in {} of {} parts", own.parts.saturating_sub(missing), own.parts),
    }
}

/// The report of a run as an HTML document. With another run, verdicts that differ are called out. The same runs give
/// the same bytes.
///
/// # Errors
/// A run without any score; figures that cannot be drawn.
pub fn report(
    results: &Results,
    other: Option<&Results>,
    pictures: &dyn Pictures,
    options: ReportOptions,
) -> Result<Report> {
    if results.scores.is_empty() {
        return Err(Error::NoScores);
    }
    let index = Index::new(results);
    let analysis = Analysis::with_index(results, &index);
    let other = other.map(|other| (other, Analysis::of(other)));
    let names = Pseudonyms::new(results, options.open_ids);
    let pictures = if options.no_images { &NoPictures } else { pictures };
    let cohort = &results.provenance.cohort;
    let lead = format!(
        "{}, {} · preset {} · {} of {} units{} · run {}",
        cohort.name,
        cohort.task,
        results.protocol.preset,
        analysis.units[0],
        analysis.units[1],
        parts(results),
        results.provenance.run_id.chars().take(12).collect::<String>()
    );
    let parts = [
        sections::verdicts(results, &analysis),
        sections::differences(&analysis, other.as_ref().map(|(other, analysis)| (*other, analysis)), results),
        sections::study_tables(results, &analysis),
        sections::study_figures(results, &analysis, &index, pictures, &names)?,
        explorer::section(results, &analysis, &index, pictures, &names),
        sections::supplement(results, &analysis, &names),
        sections::provenance(results, &analysis),
    ];
    let has_cases = !parts[4].is_empty();
    let links = [
        ("verdicts", "Verdicts", true),
        ("differences", "Differences", true),
        ("tables", "Tables", true),
        ("figures", "Figures", true),
        ("cases-section", "Cases", has_cases),
        ("supplement", "Supplement", true),
        ("provenance", "Provenance", true),
    ];
    let links: Vec<String> = links
        .iter()
        .filter(|link| link.2)
        .map(|(id, name, _)| format!("<li><a href=\"#{id}\">{name}</a></li>\n"))
        .collect();
    // The policy forbids every request, whatever the page holds.
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"/>\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; script-src &#39;unsafe-inline&#39;; \
         img-src data:; font-src data:\"/>\n<meta name=\"referrer\" content=\"no-referrer\"/>\n<title>{title}</title>\n<style>\n{fonts}\n{style}\
         </style>\n</head>\n<body>\n<a class=\"skip\" href=\"#verdicts\">To the verdicts</a>\n<p class=\"strip\" \
         role=\"note\">{NOT_FOR_DIAGNOSIS}</p>\n<header><h1>{title}</h1>\n<p class=\"lead\">{lead}</p></header>\n{caution}<nav \
         aria-label=\"Contents\"><ul>\n{links}</ul></nav>\n<main>\n{body}</main>\n<footer>{NOT_FOR_DIAGNOSIS}. Made by \
         saliscope {version}.</footer>\n<script>\n{script}</script>\n</body>\n</html>\n",
        title = "How far can these saliency maps be trusted?",
        // Figures are laid out by the widths of these letters.
        fonts = font_faces(),
        style = include_str!("style.css"),
        caution = analysis.caution.map_or_else(String::new, |caution| {
            format!("<p class=\"caution\" role=\"alert\">{}</p>\n", escape(caution))
        }),
        lead = escape(&lead),
        links = links.concat(),
        body = parts.concat(),
        version = escape(env!("CARGO_PKG_VERSION")),
        script = include_str!("script.js"),
    );
    Ok(Report { html, analysis })
}
