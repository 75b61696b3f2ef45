//! Text that can be read: large enough, inside the page, over nothing.

use saliscope::display::{Orientation, Viewport};
use saliscope::figure::template::{MethodGrid, Page, Template};
use saliscope::figure::{NOT_FOR_DIAGNOSIS, TextStyle, Weight, text_width_px};
use saliscope::limits::FIGURE_WIDTH_MM;

use crate::material::{attribute, embedded, number, page, templates};

/// A rectangle as left, top, right, bottom.
type Area = [f64; 4];

/// The areas of all texts, with their words and sizes.
fn texts(svg: &str) -> Vec<(Area, String, f64)> {
    let read = |rest: &str| {
        let element = format!(" {}", &rest[..rest.find("</text>").unwrap()]);
        let words = element[element.find('>').unwrap() + 1..].to_owned();
        let size = number(&element, "font-size");
        let weight = if attribute(&element, "font-weight") == Some("500") { Weight::Medium } else { Weight::Regular };
        let plain = words.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
        let width = text_width_px(&plain, TextStyle { size_px: size, weight, colour: [0; 3] }).unwrap();
        let [x, y] = [number(&element, "x"), number(&element, "y")];
        let left = match attribute(&element, "text-anchor").unwrap() {
            "start" => x,
            "middle" => x - width / 2.0,
            _ => x - width,
        };
        ([left, y - 0.73 * size, left + width, y + 0.2 * size], words, size)
    };
    svg.split("<text").skip(1).map(read).collect()
}

fn meet(a: &Area, b: &Area) -> bool {
    let gap = 0.01;
    a[0] + gap < b[2] && b[0] + gap < a[2] && a[1] + gap < b[3] && b[1] + gap < a[3]
}

fn check(name: &str, template: &Template, page: Page) {
    let words = check_places(name, template, page);
    let says = |part: &str| words.iter().any(|words| words.contains(part));
    assert!(says("mm (detector)"), "{name} has no scale");
    assert!(says("Map value"), "{name} has no colour bar");
    assert!(says("as marked"), "{name} does not explain its yellow line");
}

/// Nothing lies over anything, and the notice is there. Gives all words of the page.
fn check_places(name: &str, template: &Template, page: Page) -> Vec<String> {
    let scene = template.scene(page).unwrap();
    let [width, height] = scene.size_px();
    let svg = scene.to_svg();
    let texts = texts(&svg);
    let pictures: Vec<Area> = embedded(&svg)
        .iter()
        .map(|shown| [shown.at[0], shown.at[1], shown.at[0] + shown.size[0], shown.at[1] + shown.size[1]])
        .collect();
    for (index, (area, words, size)) in texts.iter().enumerate() {
        assert!(*size >= 6.0, "{name}: {words:?} has {size} points");
        assert!(area[0] >= 0.0 && area[2] <= width && area[1] >= 0.0 && area[3] <= height, "{name}: {words:?} leaves");
        for (other, others, _) in &texts[..index] {
            assert!(!meet(area, other), "{name} at {} mm: {words:?} lies over {others:?}", page.width_mm);
        }
        assert!(!pictures.iter().any(|picture| meet(area, picture)), "{name}: {words:?} lies over a picture");
    }
    assert!(texts.iter().any(|(_, words, _)| words == NOT_FOR_DIAGNOSIS));
    texts.into_iter().map(|(_, words, _)| words).collect()
}

#[test]
fn nothing_lies_over_anything_at_any_width() {
    for size in [[120, 100], [60, 150]] {
        for (name, template) in templates(size) {
            for width_mm in [85.0, 183.0, 300.0] {
                check(name, &template, Page::new(width_mm, 100).unwrap());
            }
        }
    }
    let (name, narrow) = &templates([100, 100])[0];
    check(name, narrow, Page::new(FIGURE_WIDTH_MM.least, 100).unwrap());
}

#[test]
fn a_map_that_shows_nothing_says_why_inside_its_picture() {
    let (_, template) = templates([100, 100]).remove(0);
    let Template::SingleCase(mut figure) = template else { panic!("the first template is that of one case") };
    figure.map.remark = Some("every pixel of the map is 0 & more".to_owned());
    let svg = Template::SingleCase(figure).scene(page()).unwrap().to_svg();
    assert!(svg.contains(">No map: every pixel of the map is 0 &amp; more</text>"), "{svg:.300}");
}

#[test]
fn turned_mirrored_and_inverted_pictures_say_so_below_them() {
    for (size, width_mm) in [([120, 100], 183.0), ([60, 150], 85.0)] {
        for (name, template) in templates(size) {
            let Template::MethodGrid(mut figure) = template else { continue };
            let page = Page::new(width_mm, 100).unwrap();
            let words = |figure: &MethodGrid| {
                let svg = Template::MethodGrid(figure.clone()).scene(page).unwrap().to_svg();
                let all: Vec<String> = texts(&svg).into_iter().map(|(_, words, _)| words).collect();
                all.join(" ")
            };
            assert!(!words(&figure).contains("nverted"), "{name}");
            // As MONOCHROME1 is: the file wants it, and nobody inverted it.
            let own = Orientation::of(&figure.radiograph.plane, figure.radiograph.plane.own(), None);
            assert!(own.is_own());
            figure.radiograph.gray.inverted = !figure.radiograph.gray.inverted;
            let view = Viewport::fit([100, 100], [size[1], size[0]], 1.0).turned(1);
            figure.maps[0].picture.view = Some(Viewport { mirrored: true, ..view });
            let said = words(&figure);
            assert!(said.contains("Inverted") && said.contains("Mirrored · turned 90° clockwise"), "{name}: {said}");
            assert_eq!((said.matches("nverted").count(), said.matches("irrored").count()), (1, 1), "{name}");
            // Pictures of two enlargements have no scale in common.
            check_places(name, &Template::MethodGrid(figure), page);
        }
    }
}

#[test]
fn pages_that_cannot_be_are_refused() {
    for (width_mm, dpi) in [
        (FIGURE_WIDTH_MM.least - 1.0, 300),
        (FIGURE_WIDTH_MM.most + 1.0, 300),
        (f64::NAN, 300),
        (85.0, 10),
        (85.0, 9000),
    ] {
        assert!(Page::new(width_mm, dpi).is_err(), "{width_mm} mm at {dpi} dpi");
    }
}
