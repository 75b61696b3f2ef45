//! Pictures of figures are those of the window.

use saliscope::display::{Viewport, composite, render};
use saliscope::figure::template::{Page, Picture, Template};

use crate::material::{bar, display, embedded, labels, map, page, picture, templates, tile};

/// Largest difference of two pictures.
fn difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// A figure of two pictures on which a dot is a pixel of the image.
fn one_to_one() -> (Page, Picture, Template) {
    let figure = |picture: &Picture| {
        Template::SingleCase(saliscope::figure::template::SingleCase {
            labels: labels(),
            radiograph: picture.clone(),
            map: tile("SIG", picture),
            bar: bar(),
        })
    };
    let page = Page::new(85.0, 150).unwrap();
    let scene = figure(&picture([90, 90])).scene(page).unwrap();
    let side = embedded(&scene.to_svg())[0].pixels.width() as usize;
    let picture = picture([side, side]);
    (page, picture.clone(), figure(&picture))
}

#[test]
fn at_one_to_one_a_figure_has_the_windows_pixels() {
    let (page, picture, template) = one_to_one();
    let scene = template.scene(page).unwrap();
    let painted = page.paint(&scene).unwrap();
    let shown = embedded(&scene.to_svg());
    assert_eq!(shown.len(), 2);
    let side = picture.plane.width_px() as u32;
    assert_eq!(shown[0].pixels.dimensions(), (side, side));
    let map = map([32, 32]);
    let dots = f64::from(page.dpi) / 72.0;
    for (index, shown) in shown.iter().enumerate() {
        let display = display();
        let over = (index == 1).then_some((&map, &display));
        let window = render(&picture.plane, &picture.gray, over, &Viewport::fit([side; 2], [side as usize; 2], 1.0));
        assert!(difference(window.as_raw(), shown.pixels.as_raw()) <= 1, "embedded picture {index}");
        let centre = composite(&picture.plane, &picture.gray, over, [40.5, 17.5]);
        assert_eq!(shown.pixels.get_pixel(40, 17).0, centre);
        // The same on the painted page, away from lines drawn over it: those of the truth and what they touch.
        let [left, top] = shown.at.map(|at| (at * dots).round() as usize);
        let mut compared = 0;
        for y in 0..side as usize {
            for x in 0..side as usize {
                let marked = |at: usize| (side as usize / 4).saturating_sub(5) <= at && at <= side as usize / 2 + 5;
                if index == 1 && marked(x) && marked(y) {
                    continue;
                }
                let pixel = ((top + y) * painted.width_px as usize + left + x) * 3;
                let drawn = &painted.rgb[pixel..pixel + 3];
                assert!(difference(drawn, &window.get_pixel(x as u32, y as u32).0) <= 1, "({x}, {y}) of {index}");
                compared += 1;
            }
        }
        assert!(compared > side * side / 2);
    }
}

#[test]
fn the_view_of_the_window_is_kept() {
    let whole = picture([200, 160]);
    let view = Viewport::fit([320, 200], [160, 200], 1.0).zoomed_at([100.0, 60.0], 2.5).turned(1);
    let seen = Picture { view: Some(view), ..whole.clone() };
    let (_, template) = templates([10, 10]).remove(0);
    let Template::SingleCase(mut figure) = template else { panic!("the first template is that of one case") };
    figure.radiograph = seen.clone();
    figure.map = tile("SIG", &seen);
    let svg = Template::SingleCase(figure).scene(page()).unwrap().to_svg();
    let shown = &embedded(&svg)[0];
    let [width, height] = [shown.pixels.width(), shown.pixels.height()];
    assert!((f64::from(height) / f64::from(width) - 200.0 / 320.0).abs() < 2e-3, "{width}x{height}");
    let zoom = view.zoom * f64::from(width) / 320.0;
    let window = render(&whole.plane, &whole.gray, None, &Viewport { zoom, ..view.resized([width, height]) });
    assert!(difference(window.as_raw(), shown.pixels.as_raw()) <= 1);
}

#[test]
fn pictures_lie_on_whole_dots_in_every_template() {
    for (name, template) in templates([120, 100]) {
        for (width_mm, dpi) in [(183.0, 300), (85.0, 600), (120.0, 96)] {
            let page = Page::new(width_mm, dpi).unwrap();
            let scene = template.scene(page).unwrap();
            let dots = f64::from(dpi) / 72.0;
            let pictures = embedded(&scene.to_svg());
            assert!(pictures.len() >= 2, "{name}");
            for shown in pictures {
                for side in shown.at.into_iter().chain(shown.size).chain(scene.size_px()) {
                    assert!((side * dots - (side * dots).round()).abs() < 1e-6, "{name} at {width_mm} mm: {side}");
                }
                assert!((shown.size[0] * dots - f64::from(shown.pixels.width())).abs() < 1e-6, "{name}");
            }
        }
    }
}
