//! The HTML file.

use resvg::usvg::roxmltree::{Document, ParsingOptions};
use saliscope::benchmark::Results;
use saliscope::benchmark::figures::{Absent, MapOf, NoPictures, Picture, Pictures};
use saliscope::benchmark::report::{ReportOptions, report};
use saliscope::benchmark::results::Exclusion;

use super::synthetic::{empty, unit, whole};

/// Maps of noise.
pub(crate) struct Noise;

fn picture(values: Vec<f32>) -> Picture {
    Picture::new([40, 30], values).unwrap()
}

impl Pictures for Noise {
    fn map(&self, map: MapOf<'_>) -> Result<Picture, Absent> {
        Ok(picture((0..40 * 30).map(|pixel| unit(&[map.image, map.method, &pixel.to_string()]) as f32).collect()))
    }

    fn radiograph(&self, _: &str) -> Result<Picture, Absent> {
        Ok(picture(vec![0.5; 1200]))
    }

    fn truth(&self, _: &str) -> Result<Picture, Absent> {
        Ok(picture((0..1200).map(|pixel| f32::from(u8::from(pixel % 30 > 20))).collect()))
    }
}

fn made(results: &Results, other: Option<&Results>) -> String {
    report(results, other, &Noise, ReportOptions::default()).unwrap().html
}

fn parsed(html: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(html, options).unwrap()
}

#[test]
fn the_report_is_well_formed_and_asks_nobody() {
    let text = made(&whole("arun2021", 30), Some(&whole("recommended", 30)));
    let document = parsed(&text);
    for node in document.descendants().filter(resvg::usvg::roxmltree::Node::is_element) {
        for attribute in node.attributes() {
            if ["src", "href", "srcset", "action", "poster", "data"].contains(&attribute.name()) {
                let value = attribute.value();
                assert!(value.starts_with("data:image/png;base64,") || value.starts_with('#'), "{value:.60}");
            }
        }
        assert!(!["link", "iframe", "object", "base", "form"].contains(&node.tag_name().name()));
        if node.tag_name().name() == "img" {
            assert!(!node.attribute("alt").unwrap().is_empty());
        }
        if node.tag_name().name() == "svg" {
            assert!(node.attribute("aria-label").unwrap().contains(' '));
        }
        if node.tag_name().name() == "th" {
            assert!(["col", "row"].contains(&node.attribute("scope").unwrap()));
        }
    }
    // What is left of addresses are names of XML.
    let addresses = text.matches("http").count();
    let known = text.matches("http://www.w3.org/2000/svg").count() + text.matches("http-equiv").count();
    assert_eq!(addresses, known);
    assert!(!text.contains("@import"));
    for place in text.split("url(").skip(1) {
        assert!(place.starts_with("data:font/ttf;base64,"), "{place:.60}");
    }
    assert!(text.contains("default-src &#39;none&#39;"));
    assert!(text.matches("Research use - not for diagnosis").count() > 3);
    for id in ["verdicts", "differences", "tables", "figures", "cases-section", "supplement", "provenance"] {
        assert!(document.descendants().any(|node| node.attribute("id") == Some(id)), "{id}");
    }
}

#[test]
fn nobody_is_named_unless_asked() {
    let results = whole("arun2021", 25);
    let text = made(&results, None);
    assert!(!text.contains("Mustermann") && !text.contains("somebody"), "an id or a path is in the report");
    assert!(text.contains("case 0001") && text.contains("case 0025"));
    let open = report(&results, None, &NoPictures, ReportOptions { open_ids: true, no_images: false }).unwrap().html;
    assert!(open.contains("Mustermann^Erika 003"));
    assert!(!open.contains("/models/Mustermann"), "paths are nobody's business");
}

#[test]
fn hostile_names_stay_text() {
    let mut results = whole("recommended", 20);
    let hostile = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>\u{202e}\u{0}&amp;";
    let mut own = results.scores.clone();
    own.retain(|score| score.method == "XRAI" && score.condition == "trained");
    for score in &mut own {
        score.method = format!("ext:{hostile}");
        "external".clone_into(&mut score.condition);
    }
    results.scores.extend(own);
    hostile.clone_into(&mut results.provenance.models[0].name);
    hostile.clone_into(&mut results.provenance.cohort.name);
    hostile.clone_into(&mut results.provenance.cohort.splits);
    results.exclusions.push(Exclusion {
        image: hostile.to_owned(),
        what: hostile.to_owned(),
        reason: hostile.to_owned(),
    });
    let text = report(&results, None, &Noise, ReportOptions { open_ids: true, no_images: false }).unwrap().html;
    let document = parsed(&text);
    let scripts = document.descendants().filter(|node| node.tag_name().name() == "script").count();
    assert_eq!(scripts, 1, "the page's own");
    let handlers = document.descendants().flat_map(|node| node.attributes()).filter(|own| own.name().starts_with("on"));
    assert_eq!(handlers.count(), 0);
    assert!(text.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn the_same_run_gives_the_same_bytes_and_no_images_means_none() {
    let results = whole("recommended", 20);
    assert_eq!(made(&results, None), made(&results, None));
    let plain = report(&results, None, &Noise, ReportOptions { open_ids: false, no_images: true }).unwrap().html;
    assert!(!plain.contains("<img") && made(&results, None).contains("<img"));
}

#[test]
fn the_first_lines_say_what_was_found_and_what_not_to_conclude() {
    let mut results = whole("arun2021", 20);
    results.provenance.units_done = 10;
    "phantom:7:300".clone_into(&mut results.provenance.cohort.name);
    results.provenance.models[0].auc.as_mut().unwrap().value = Some(0.55);
    let text = made(&results, None);
    let document = parsed(&text);
    let answer = document.descendants().find(|node| node.attribute("class") == Some("answer")).unwrap();
    assert!(answer.text().unwrap().starts_with("Of 8 methods, these pass all four tests:"), "{:?}", answer.text());
    for warning in
        ["not finished (10 of 1000 units)", "generated radiographs", "inception_v3_1 0.550", "Only 20 images"]
    {
        assert!(text.contains(warning), "{warning}");
    }
    let matrix = document.descendants().find(|node| node.attribute("class") == Some("matrix")).unwrap();
    assert_eq!(matrix.descendants().filter(|node| node.has_tag_name("tr")).count(), 9, "a heading and eight methods");
}

#[test]
fn a_run_without_scores_is_refused_with_what_to_do() {
    let refused = report(&empty("arun2021"), None, &NoPictures, ReportOptions::default()).unwrap_err().to_string();
    assert!(refused.contains("saliscope benchmark resume"), "{refused}");
}
