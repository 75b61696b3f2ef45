//! Every case with its scores, and maps of some.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::super::export::Pseudonyms;
use super::super::figures::{Absent, MapOf, Pictures};
use super::super::protocol::Test;
use super::super::results::{Results, condition};
use super::super::tables::{Cell, Column, Table};
use super::super::verdict::{Analysis, Index, Role, method_title, metric_title, number};
use super::html::{escape, table};
use super::sections::absent;
use super::thumbnail;

/// Most rows of the table of cases.
const MOST_ROWS: usize = 2000;

/// Most cases with maps.
const MOST_PICTURED: usize = 40;

/// Utility scores of one case.
struct Case<'a> {
    image: &'a str,
    label: String,
    scores: Vec<Option<f64>>,
    mean: Option<f64>,
}

/// The section; empty where no map was scored against truth.
pub(super) fn section(
    results: &Results,
    analysis: &Analysis,
    index: &Index<'_>,
    pictures: &dyn Pictures,
    names: &Pseudonyms,
) -> String {
    let Some(metric) = analysis.primary(Test::Utility) else { return String::new() };
    let Some(panel) = index.panel(Test::Utility, &metric.metric) else { return String::new() };
    let shown: Vec<(&str, Role)> = metric
        .findings
        .iter()
        .filter(|finding| finding.role != Role::Control && finding.summary.images > 0)
        .map(|finding| (finding.method.as_str(), finding.role))
        .collect();
    let mut cases: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    for (position, (method, role)) in shown.iter().enumerate() {
        let Some(series) = panel.get(method, condition_of(*role)) else { continue };
        for (image, value) in &series.by_image {
            cases.entry(image).or_insert_with(|| vec![None; shown.len()])[position] = Some(*value);
        }
    }
    let judged: Vec<usize> =
        shown.iter().enumerate().filter(|(_, own)| own.1.is_judged()).map(|(position, _)| position).collect();
    let mut cases: Vec<Case<'_>> = cases
        .into_iter()
        .map(|(image, scores)| {
            let own: Vec<f64> = judged.iter().filter_map(|position| scores[*position]).collect();
            let mean = (!own.is_empty()).then(|| own.iter().sum::<f64>() / own.len() as f64);
            Case { image, label: names.label(image), scores, mean }
        })
        .collect();
    let all = cases.len();
    // Evenly over the ranks of the mean score, so that bad cases are as frequent as they are.
    let rank = |a: &Case<'_>, b: &Case<'_>| {
        a.mean.unwrap_or(-1.0).total_cmp(&b.mean.unwrap_or(-1.0)).then(a.label.cmp(&b.label))
    };
    cases.sort_by(rank);
    let cases = evenly(cases, MOST_ROWS);
    let mut html = format!(
        "<section id=\"cases-section\"><h2>Case by case</h2>\n<p>{} of every method’s map of each positive case of the \
         split, by the trained network. Click a heading to sort.</p>\n",
        escape(metric_title(&metric.metric))
    );
    html.push_str(&gallery(results, &shown, (&cases, all), pictures));
    let mut columns = vec![Column::text("Case"), Column::numbers("Mean of methods", &["mean"])];
    columns.extend(shown.iter().map(|(method, _)| Column::numbers(method_title(method), &["score"])));
    let mut rows: Vec<Vec<Cell>> = cases
        .iter()
        .map(|case| {
            let mut row = vec![Cell::text(&case.label), Cell::numbers(number(case.mean), [case.mean])];
            row.extend(case.scores.iter().map(|score| Cell::numbers(number(*score), [*score])));
            row
        })
        .collect();
    rows.sort_by(|a, b| a[0].text.cmp(&b[0].text));
    let mut notes = Vec::new();
    if rows.len() < all {
        notes.push(format!(
            "{} of {all} cases are shown, evenly over the ranks of their mean score; `saliscope benchmark export` writes \
             all.",
            rows.len()
        ));
    }
    let count = rows.len();
    let own =
        Table { id: "case_scores", title: format!("Scores of {count} cases"), notes, columns, groups: vec![rows] };
    let _ =
        writeln!(html, "<details><summary>Scores of {count} cases</summary>\n{}</details>\n</section>", table(&own));
    html
}

fn condition_of(role: Role) -> &'static str {
    match role {
        Role::Method => condition::TRAINED,
        Role::External => condition::EXTERNAL,
        Role::LowBaseline | Role::HighBaseline => condition::BASELINE,
        Role::Control => condition::CONTROL,
    }
}

/// At most `most` of these, evenly, first and last among them.
fn evenly<T>(all: Vec<T>, most: usize) -> Vec<T> {
    let count = all.len();
    if count <= most || most < 2 {
        return all;
    }
    let mut wanted = (0..most).map(|step| step * (count - 1) / (most - 1)).peekable();
    let mut kept = Vec::with_capacity(most);
    for (position, own) in all.into_iter().enumerate() {
        if wanted.next_if_eq(&position).is_some() {
            kept.push(own);
        }
    }
    kept
}

/// Maps of some of `cases`, which are chosen from `all`, and why others are not there.
fn gallery(
    results: &Results,
    shown: &[(&str, Role)],
    (cases, all): (&[Case<'_>], usize),
    pictures: &dyn Pictures,
) -> String {
    let Some(model) = results.provenance.models.iter().find(|model| model.role == "classifier") else {
        return String::new();
    };
    let chosen = evenly((0..cases.len()).collect(), MOST_PICTURED);
    let mut html = String::new();
    let mut pictured = 0;
    let mut missing: BTreeSet<String> = BTreeSet::new();
    for case in chosen.into_iter().map(|position| &cases[position]) {
        let mut noted = |absent: Absent| {
            missing.insert(absent.why);
            absent.tile
        };
        let truth = pictures.truth(case.image).map_err(&mut noted).ok();
        let mut thumbs = String::new();
        let mut pictures_shown = 0;
        let radiograph = pictures.radiograph(case.image).map_err(&mut noted);
        let image = radiograph.map(|own| thumbnail::data_uri(&own, false, truth.as_ref()));
        pictures_shown += usize::from(image.is_ok());
        thumb(&mut thumbs, image, &format!("Radiograph of {}, marks outlined", case.label), "radiograph");
        let mut keys = case.mean.map(|mean| format!(" data-mean=\"{mean}\"")).unwrap_or_default();
        for (position, (method, role)) in shown.iter().enumerate().filter(|(_, own)| own.1 == Role::Method) {
            let score = case.scores[position];
            if let Some(score) = score {
                let _ = write!(keys, " data-m{position}=\"{score}\"");
            }
            let wanted = MapOf { image: case.image, method, condition: condition_of(*role), model: &model.name };
            let map = pictures.map(wanted).map_err(&mut noted);
            let image = map.map(|map| thumbnail::data_uri(&map, true, truth.as_ref()));
            pictures_shown += usize::from(image.is_ok());
            let caption = format!("{} {}", method_title(method), number(score));
            thumb(&mut thumbs, image, &format!("{caption}: map of {}", case.label), &caption);
        }
        if pictures_shown > 0 {
            pictured += 1;
            let _ = writeln!(
                html,
                "<article class=\"case\"{keys}><h4>{}, mean {}</h4><div class=\"thumbs\">{thumbs}</div></article>",
                escape(&case.label),
                number(case.mean)
            );
        }
    }
    let missing = absent(&missing);
    if pictured == 0 {
        return missing;
    }
    let mut options = "<option value=\"mean\">mean of methods, worst first</option>".to_owned();
    for (position, (method, _)) in shown.iter().enumerate().filter(|(_, own)| own.1 == Role::Method) {
        let _ =
            write!(options, "<option value=\"m{position}\">{}, worst first</option>", escape(&method_title(method)));
    }
    format!(
        "{missing}<p class=\"notes\">{pictured} of {all} cases, evenly over the ranks of their mean score. Yellow: the experts’ \
         marks. Each map is scaled by itself: colours tell where, not how much.</p>\n<p class=\"picker\"><label>Order by \
         <select id=\"case-order\">{options}</select></label></p>\n<div class=\"cases\" id=\"cases\">\n{html}</div>\n"
    )
}

/// A picture with its caption; where there is none, the words for it in its place.
fn thumb(html: &mut String, image: std::result::Result<Option<String>, &str>, alt: &str, caption: &str) {
    let picture = match image {
        Ok(Some(uri)) => format!("<img loading=\"lazy\" alt=\"{}\" src=\"{uri}\"/>", escape(alt)),
        Ok(None) => "<p class=\"absent\">cannot be drawn</p>".to_owned(),
        Err(words) => format!("<p class=\"absent\">{}</p>", escape(words)),
    };
    let _ = write!(html, "<figure>{picture}<figcaption>{}</figcaption></figure>", escape(caption));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_even_and_keep_both_ends() {
        assert_eq!(evenly((0..10).collect(), 4), [0, 3, 6, 9]);
        assert_eq!(evenly(vec![1, 2], 4), [1, 2]);
    }
}
