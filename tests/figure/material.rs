//! Figures to be tested, and what can be read in their SVG.

use base64::Engine;
use saliscope::display::{ColourMap, MapDisplay, MapPlane, Opacity, Plane};
use saliscope::figure::template::{
    ColourBar, Labels, MapTable, MapTile, MethodGrid, Page, Picture, Scale, SingleCase, Template, Truth,
};
use saliscope::truth::Mask;

/// A radiograph of stripes with a square marked.
pub(crate) fn picture([height, width]: [usize; 2]) -> Picture {
    let values = (0..height * width).map(|i| ((i * 7919) % 60_000) as u16).collect();
    let plane = Plane::new([height, width], values, 1.0, 0.0).unwrap();
    let marked =
        |i: usize| (height / 4..height / 2).contains(&(i / width)) && (width / 4..width / 2).contains(&(i % width));
    let mask = Mask::new(height, width, (0..height * width).map(marked).collect());
    Picture {
        truth: Truth::of_mask(&mask, [width, height]),
        scale: Scale::Detector { mm_per_px: 0.143 },
        ..Picture::new(plane)
    }
}

/// A map of waves, as fine as asked for.
pub(crate) fn map([height, width]: [usize; 2]) -> MapPlane {
    let wave = |i: usize| {
        let [y, x] = [(i / width) as f32 / height as f32, (i % width) as f32 / width as f32];
        ((9.0 * x).sin() * (7.0 * y).cos()).abs()
    };
    MapPlane::new([height, width], (0..height * width).map(wave).collect::<Vec<f32>>())
}

pub(crate) fn display() -> MapDisplay {
    MapDisplay { opacity: Opacity::ByValue(0.8), threshold: 0.1, ..MapDisplay::default() }
}

pub(crate) fn tile(name: &str, picture: &Picture) -> MapTile {
    MapTile {
        name: name.to_owned(),
        title: "Smooth integrated gradients".to_owned(),
        caption: "Integrated gradients over noisy copies".to_owned(),
        parameters: "25 copies, σ 0.15 of the range, squares; 10 steps from -1".to_owned(),
        picture: picture.with_map(map([32, 32]), display()),
        scores: vec!["AUPRC 0.41, AP 0.40".to_owned(), "AUC 0.93, hit 50 %".to_owned()],
        remark: None,
    }
}

pub(crate) fn bar() -> ColourBar {
    ColourBar {
        colour_map: ColourMap::Inferno,
        label: "Map value, 0 to 1 for each map".to_owned(),
        ends: [0.0, 1.0],
        threshold: 0.1,
        opacity: Opacity::ByValue(0.8),
    }
}

/// Words that are longer than anybody's.
pub(crate) fn labels() -> Labels {
    Labels {
        headline: "Explained: class 1 “a_class_with_a_name_of_no_end_and_without_a_single_space_in_it”".to_owned(),
        caution: Some("Trained on generated images. It says nothing about patients.".to_owned()),
        details: vec![
            format!("Model “{}”, inception_v3", "replicate_".repeat(20)),
            "Note: one sentence & another <b>one</b>.".to_owned(),
        ],
        identity: None,
    }
}

/// One figure of every template.
pub(crate) fn templates(size: [usize; 2]) -> Vec<(&'static str, Template)> {
    let radiograph = picture(size);
    let names = ["GRAD", "SG", "IG", "SIG", "GCAM", "XRAI", "GBP", "GGCAM"];
    let table = |rows: &[&str], columns: &[&str]| MapTable {
        labels: labels(),
        radiograph: radiograph.clone(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        rows: rows
            .iter()
            .map(|row| {
                let maps = columns.iter().enumerate().map(|(i, name)| (i != 1).then(|| tile(name, &radiograph)));
                ((*row).to_owned(), maps.collect())
            })
            .collect(),
        bar: bar(),
    };
    let states = ["Original", "Logits", "Mixed_7c", "Mixed_7b", "Mixed_7a", "Mixed_6e", "Mixed_6d", "Conv2d_1a_3x3"];
    vec![
        ("single_case", {
            let (labels, map, bar) = (labels(), tile("SIG", &radiograph), bar());
            Template::SingleCase(SingleCase { labels, radiograph: radiograph.clone(), map, bar })
        }),
        ("method_grid", {
            let maps = names.iter().map(|name| tile(name, &radiograph)).collect();
            let (labels, bar) = (labels(), bar());
            Template::MethodGrid(MethodGrid { labels, radiograph: radiograph.clone(), maps, bar, columns: None })
        }),
        ("model_grid", Template::ModelGrid(table(&["pneumothorax_inception_v3_1", "densenet"], &names))),
        ("cascade_row", Template::CascadeRow(table(&["GRAD", "GCAM", "GBP"], &states))),
    ]
}

/// The page of two columns.
pub(crate) fn page() -> Page {
    Page::new(183.0, 300).unwrap()
}

/// An embedded picture: its place in the scene, and its pixels.
pub(crate) struct Embedded {
    pub(crate) at: [f64; 2],
    pub(crate) size: [f64; 2],
    pub(crate) pixels: image::RgbImage,
}

/// The value of an attribute.
pub(crate) fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let begin = element.find(&format!(" {name}=\""))? + name.len() + 3;
    let end = element[begin..].find('"')? + begin;
    Some(&element[begin..end])
}

pub(crate) fn number(element: &str, name: &str) -> f64 {
    attribute(element, name).unwrap().parse().unwrap()
}

/// All pictures in an SVG but colour bars, which are one pixel high.
pub(crate) fn embedded(svg: &str) -> Vec<Embedded> {
    let elements = svg.split("<image").skip(1).map(|rest| &rest[..rest.find("/>").unwrap()]);
    let read = |element: &str| {
        let data = attribute(element, "href").unwrap().strip_prefix("data:image/png;base64,").unwrap();
        let png = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
        Embedded {
            at: [number(element, "x"), number(element, "y")],
            size: [number(element, "width"), number(element, "height")],
            pixels: image::load_from_memory(&png).unwrap().to_rgb8(),
        }
    };
    elements.map(read).filter(|picture| picture.pixels.height() > 1).collect()
}
