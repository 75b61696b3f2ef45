//! Where images lie on the screen.

use saliscope::display::Viewport;

fn near(a: [f64; 2], b: [f64; 2]) -> bool {
    (0..2).all(|axis| (a[axis] - b[axis]).abs() < 1e-9 * (1.0 + a[axis].abs()))
}

/// Views of every turn and mirroring, at several zooms and aspects.
fn views() -> impl Iterator<Item = Viewport> {
    let turns = (0..4).flat_map(|quarter_turns| [false, true].map(|mirrored| (quarter_turns, mirrored)));
    turns.enumerate().flat_map(|(index, (quarter_turns, mirrored))| {
        [0.13, 1.0, 7.7].map(|zoom| Viewport {
            size_px: [641, 480],
            center_px: [300.0 + 7.0 * index as f64, 411.5],
            zoom,
            pixel_aspect: 1.0 + 0.1 * index as f64,
            quarter_turns,
            mirrored,
        })
    })
}

#[test]
fn both_ways_are_inverse() {
    for view in views() {
        for point in [[0.0, 0.0], [1.5, 700.25], [-80.0, 31.0]] {
            assert!(near(view.image_from_screen(view.screen_from_image(point)), point), "{view:?}");
            assert!(near(view.screen_from_image(view.image_from_screen(point)), point), "{view:?}");
        }
    }
}

#[test]
fn zooming_holds_the_point_under_the_pointer() {
    for view in views() {
        let pointer = [100.0, 222.0];
        let held = view.image_from_screen(pointer);
        for factor in [0.5, 1.1, 3.0, 1e9, f64::NAN] {
            let zoomed = view.zoomed_at(pointer, factor);
            assert!(near(zoomed.image_from_screen(pointer), held), "{factor}");
            assert!(zoomed.zoom <= 256.0 && zoomed.zoom.is_finite());
        }
        let panned = view.panned([13.0, -8.0]);
        assert!(near(panned.screen_from_image(held), [113.0, 214.0]));
    }
}

#[test]
fn what_turns_and_flips_on_the_screen_is_what_is_seen() {
    for view in views() {
        let point = [123.0, 77.0];
        let middle = [320.5, 240.0];
        let [x, y] = [0, 1].map(|axis| view.screen_from_image(point)[axis] - middle[axis]);
        let seen = |view: Viewport| [0, 1].map(|axis| view.screen_from_image(point)[axis] - middle[axis]);
        assert!(near(seen(view.turned(1)), [-y, x]), "clockwise: right goes down");
        assert!(near(seen(view.turned(-1)), [y, -x]));
        assert!(near(seen(view.flipped()), [-x, y]), "{view:?}");
        assert_eq!(view.turned(4), view);
        assert_eq!(view.flipped().flipped(), view);
    }
}

#[test]
fn a_fitted_image_touches_two_sides() {
    let fitted = Viewport::fit([800, 400], [2000, 1000], 1.0);
    assert!(near(fitted.image_from_screen([0.0, 0.0]), [0.0, 0.0]));
    assert!(near(fitted.image_from_screen([800.0, 400.0]), [2000.0, 1000.0]));
    let turned = fitted.turned(1).refit([2000, 1000]);
    assert!(near(turned.screen_from_image([0.0, 1000.0]), [300.0, 0.0]), "the lower left corner is the upper left one");
    let tall = Viewport::fit([400, 400], [100, 100], 2.0);
    assert!(near(tall.screen_from_image([100.0, 100.0]), [300.0, 400.0]));
}

#[test]
fn levels_follow_the_zoom() {
    let level = |zoom: f64| Viewport { zoom, ..Viewport::fit([10, 10], [10, 10], 1.0) }.level();
    assert_eq!([4.0, 1.0, 0.6, 0.5, 0.3, 0.25, 0.2].map(level), [0, 0, 0, 1, 1, 2, 2]);
}
