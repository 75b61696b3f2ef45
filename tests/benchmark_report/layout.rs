//! What the report's figures and tables need in width: no text is cut off, no table is wider than the page.

use resvg::usvg::roxmltree::{Document, Node, ParsingOptions};
use saliscope::benchmark::figures::{Absent, MapOf, Picture, Pictures};
use saliscope::benchmark::protocol::Test;
use saliscope::benchmark::report::{ReportOptions, report};
use saliscope::benchmark::{Results, Score};
use saliscope::figure::{
    CascadeCurve, CascadeCurves, CascadeTile, CascadeTiles, Scene, TextStyle, Weight, text_width_px,
};

use super::report::Noise;
use super::synthetic::whole;

/// Inner width of a table on a page of 1280 pixels: less its scroll bar, margins, padding and borders.
const TABLE_PX: f64 = 1147.0;

/// Names as long as a user's may be.
const LONG: &str = "ext:occlusion_with_a_baseline_of_blurred_neighbours";
const NETWORK: &str = "a_network_that_somebody_named_after_everything_it_was_trained_on_1";

fn parsed(text: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).unwrap()
}

fn number(node: Node<'_, '_>, name: &str) -> f64 {
    node.attribute(name).unwrap_or("0").parse().unwrap()
}

/// The corners of a text on its page.
fn corners(node: Node<'_, '_>) -> [[f64; 2]; 4] {
    let size = number(node, "font-size");
    let weight = if node.attribute("font-weight") == Some("500") { Weight::Medium } else { Weight::Regular };
    let style = TextStyle { size_px: size, weight, colour: [0; 3] };
    let width = text_width_px(node.text().unwrap_or_default(), style).unwrap();
    let [x, y] = [number(node, "x"), number(node, "y")];
    let left = match node.attribute("text-anchor").unwrap() {
        "start" => x,
        "middle" => x - width / 2.0,
        _ => x - width,
    };
    let turn = node.attribute("transform").and_then(|turn| turn.strip_prefix("rotate(")?.split(' ').next());
    let (sin, cos) = turn.map_or(0.0_f64, |turn| turn.parse::<f64>().unwrap().to_radians()).sin_cos();
    [[left, y - 0.72 * size], [left + width, y - 0.72 * size], [left, y + 0.2 * size], [left + width, y + 0.2 * size]]
        .map(|[px, py]| [x + (px - x) * cos - (py - y) * sin, y + (px - x) * sin + (py - y) * cos])
}

/// Every text lies inside its page, and level ones beside each other.
fn check(svg: Node<'_, '_>, what: &str) {
    let [width, height] = [number(svg, "width"), number(svg, "height")];
    let mut level: Vec<([f64; 4], String)> = Vec::new();
    for text in svg.descendants().filter(|node| node.tag_name().name() == "text") {
        let corners = corners(text);
        let words = text.text().unwrap_or_default().to_owned();
        for [x, y] in corners {
            let is_inside = (-0.5..=width + 0.5).contains(&x) && (-0.5..=height + 0.5).contains(&y);
            assert!(is_inside, "{what}: {words:?} leaves the page of {width} x {height} at {x:.1}, {y:.1}");
        }
        if text.attribute("transform").is_none() {
            let own = [corners[0][0], corners[0][1], corners[3][0], corners[3][1]];
            let meets = |other: &[f64; 4]| {
                own[0] + 0.5 < other[2] && other[0] + 0.5 < own[2] && own[1] + 1.0 < other[3] && other[1] + 1.0 < own[3]
            };
            if let Some((_, other)) = level.iter().find(|(other, _)| meets(other)) {
                panic!("{what}: {words:?} lies over {other:?}");
            }
            level.push((own, words));
        }
    }
    assert!(level.len() > 3, "{what} has no words");
}

fn check_scene(scene: &Scene, what: &str) {
    let svg = scene.to_svg();
    check(parsed(&svg).root_element(), what);
}

/// A run whose methods and networks have long names.
fn long_names(preset: &str) -> Results {
    let mut results = whole(preset, 16);
    for score in &mut results.scores {
        score.models = score.models.replace("inception_v3_1", NETWORK);
    }
    NETWORK.clone_into(&mut results.provenance.models[0].name);
    let own: Vec<Score> = results
        .scores
        .iter()
        .filter(|score| score.test == Test::Utility && score.method == "GRAD" && score.condition == "trained")
        .map(|score| Score { method: LONG.to_owned(), condition: "external".to_owned(), ..score.clone() })
        .collect();
    results.scores.extend(own);
    let key = |score: &Score| {
        let Score { test, image, method, condition, models, metric, .. } = score;
        (*test, image.clone(), method.clone(), condition.clone(), models.clone(), metric.clone())
    };
    results.scores.sort_by_key(key);
    results
}

#[test]
fn no_text_of_a_figure_is_cut_off_or_lies_over_another() {
    for results in [whole("arun2021", 16), whole("recommended", 3), long_names("recommended"), long_names("arun2021")] {
        let made = report(&results, None, &Noise, ReportOptions::default()).unwrap().html;
        let document = parsed(&made);
        let figures: Vec<_> = document.descendants().filter(|node| node.tag_name().name() == "svg").collect();
        assert_eq!(figures.len(), 6, "figures 2 to 4, each with examples");
        for figure in figures {
            check(figure, figure.attribute("aria-label").unwrap());
        }
        // The letters by which all this was measured are in the file.
        assert!(made.contains("@font-face{font-family:Roboto") && made.contains("font-src data:"));
    }
}

#[test]
fn cascades_of_long_names_fit_their_pages() {
    let states = ["Original", "Logits", "features.denseblock4.denselayer16.conv2", "mixed_block_seven_b"];
    let title = "eXplanation with Ranked Area Integrals over many segments";
    let curve = |name| CascadeCurve { name, title, points: vec![[Some(0.5), Some(0.1)]; 4], baseline: Some(0.2) };
    let mut figure = CascadeCurves {
        headline: format!("Likeness of maps of {NETWORK}"),
        caution: Some("Trained on generated images. It says nothing about patients.".to_owned()),
        details: vec![format!("Model “{NETWORK}”, preset recommended")],
        states: states.to_vec(),
        curves: vec![curve("XRAI"); 5],
        control: Some(0.4),
    };
    check_scene(&figure.scene().unwrap(), "five curves");
    figure.curves.truncate(1);
    check_scene(&figure.scene().unwrap(), "one curve");
    let tile = || CascadeTile::new(&[0.5; 64], [8, 8], 1.0);
    let figure = CascadeTiles {
        headline: figure.headline,
        caution: None,
        details: figure.details,
        radiograph: tile(),
        states: states.to_vec(),
        rows: vec![("SMOOTHGRAD_SQUARED", vec![(Some(tile()), "SSIM 0.44".to_owned()); 4]); 2],
    };
    check_scene(&figure.scene().unwrap(), "tiles");
}

/// Width that a cell needs at least: its longest word, in letters a little wider than Roboto.
fn least_px(cell: Node<'_, '_>, size: f64) -> f64 {
    let words: String = cell.descendants().filter(Node::is_text).map(|node| node.text().unwrap()).collect();
    let style = TextStyle::medium(size, [0; 3]);
    words.split_whitespace().map(|word| 1.12 * text_width_px(word, style).unwrap()).fold(0.0, f64::max)
}

#[test]
fn every_table_fits_a_page_of_1280_pixels() {
    for results in [whole("arun2021", 16), whole("recommended", 60)] {
        let made = report(&results, Some(&whole("arun2021", 16)), &Noise, ReportOptions::default()).unwrap().html;
        let style = made.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let on_screen = style.split("@media print").next().unwrap();
        assert!(!on_screen.contains("td.number, th.number { text-align: right; white-space: nowrap"));
        let document = parsed(&made);
        let tables = document.descendants().filter(|node| node.tag_name().name() == "table");
        let tables: Vec<_> = tables.filter(|table| table.attribute("class") == Some("sortable")).collect();
        assert!(tables.len() > 7);
        for table in tables.iter().filter(|table| table.attribute("id") != Some("case_scores")) {
            let rows: Vec<_> = table.descendants().filter(|node| node.tag_name().name() == "tr").collect();
            let columns = rows[0].children().filter(Node::is_element).count();
            let mut least = vec![0.0_f64; columns];
            for row in &rows {
                for (column, cell) in row.children().filter(Node::is_element).enumerate() {
                    // .86rem, and the padding on both sides; a badge has its own.
                    let is_badge =
                        cell.descendants().any(|node| node.attribute("class").is_some_and(|own| own.contains("badge")));
                    let own = least_px(cell, 13.76) + 2.0 * 6.1 + if is_badge { 13.0 } else { 0.0 };
                    least[column] = least[column].max(own);
                }
            }
            let needed: f64 = least.iter().sum();
            assert!(needed <= TABLE_PX, "{:?} needs {needed:.0} pixels: {least:.0?}", table.attribute("id"));
        }
    }
}

/// Maps, and no radiographs.
struct MapsAlone;

impl Pictures for MapsAlone {
    fn map(&self, map: MapOf<'_>) -> Result<Picture, Absent> {
        match map.method {
            "GCAM" => Err(Absent { tile: "the map is blank", why: "Blank maps say so.".to_owned() }),
            _ => Noise.map(map),
        }
    }

    fn radiograph(&self, _: &str) -> Result<Picture, Absent> {
        Err(Absent { tile: "no radiograph", why: "Radiographs are not shown: <nobody> kept them.".to_owned() })
    }

    fn truth(&self, _: &str) -> Result<Picture, Absent> {
        Err(Absent { tile: "no marks", why: "Marks are not shown: nobody drew them.".to_owned() })
    }
}

#[test]
fn what_cannot_be_shown_says_why_in_its_place_and_in_the_text() {
    let results = whole("recommended", 12);
    let made = report(&results, None, &MapsAlone, ReportOptions::default()).unwrap().html;
    let document = parsed(&made);
    let texts = |name: &str| -> Vec<String> {
        let nodes = document.descendants().filter(|node| node.tag_name().name() == name);
        nodes.filter_map(|node| node.text().map(str::to_owned)).collect()
    };
    let tiles = texts("text").into_iter().filter(|words| words == "no radiograph").count();
    assert_eq!(tiles, 2 + 8 + 3, "rows of figures 2, 3 and 4");
    assert!(texts("text").iter().any(|words| words.contains("the map is")));
    for why in ["Radiographs are not shown: <nobody> kept them.", "Marks are not shown: nobody drew them."] {
        let paragraphs = texts("p").into_iter().filter(|words| words == why).count();
        assert!(paragraphs >= 3, "{why} in {paragraphs} paragraphs");
    }
    let placeholders = document.descendants().filter(|node| node.attribute("class") == Some("absent")).count();
    assert_eq!(placeholders, 12 * 2, "a radiograph and a blank map for every case");
    assert!(made.contains("<img"), "maps that are there are shown");
    // Nothing at all: the words stand where the pictures would.
    let none =
        report(&results, None, &Noise, ReportOptions { no_images: true, ..ReportOptions::default() }).unwrap().html;
    assert!(!none.contains("<img") && none.contains("left out, as was asked"));
}
