//! The comparison: modes, links, tiles that fill the view, and the pair whose likeness is told.

use std::sync::Arc;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use saliscope::reading::{Answer, Standing, likeness};
use saliscope::saliency::Method;
use saliscope::workbench::{Action, CompareMode, Likeness, Links, Opening, TileSubject, View, Workbench};

use super::window::{Window, opened, press, says, until};

/// The demo, compared.
pub(crate) fn comparing(mode: CompareMode) -> Window {
    let mut window = opened(Opening::default());
    until(&mut window, |workbench| {
        let case = workbench.state.list.current.and_then(|entry| workbench.services.shelf.case(entry));
        workbench.state.models.len() == 4 && case.is_some()
    });
    let state = &mut window.state_mut().state;
    (state.compare.mode, state.view, state.shown.method) = (mode, View::Compare, Method::Gcam);
    window.step();
    window
}

/// The finished map of a tile.
pub(crate) fn answer(workbench: &Workbench, tile: &TileSubject) -> Option<Arc<Answer>> {
    let case = workbench.services.shelf.case(tile.entry)?;
    let key = workbench.state.question.key(case, workbench.state.models.get(tile.model)?, tile.method?);
    match workbench.services.explainer.standing(&key) {
        Standing::Ready(answer) => Some(answer),
        _ => None,
    }
}

/// Waits until every tile with a method has its map.
pub(crate) fn until_finished(window: &mut Window) {
    until(window, |workbench| {
        let tiles = workbench.state.tiles();
        tiles.iter().all(|tile| tile.method.is_none() || answer(workbench, tile).is_some())
    });
}

/// The tile of a model.
fn tile_of(window: &Window, model: &str) -> usize {
    window.state().state.models.iter().position(|open| open.title == model).unwrap()
}

#[test]
fn a_pair_of_models_is_told_how_alike_it_is_and_what_that_is_called() {
    let mut window = comparing(CompareMode::Models);
    assert!(says(&window, "Click the headers of two maps"));
    until_finished(&mut window);
    press(&mut window, "Choose pneumothorax_inception_v3_1");
    assert!(says(&window, "Click the header of another map"));
    press(&mut window, "Choose pneumothorax_inception_v3_2");
    let pair = |workbench: &Workbench| {
        let tiles = workbench.state.tiles();
        workbench.state.compare.pair.map(|tile| answer(workbench, &tiles[tile.unwrap()]).unwrap())
    };
    until(&mut window, |workbench| {
        let [first, second] = pair(workbench);
        let services = &workbench.services;
        matches!(services.likenesses.look(&services.jobs, &first, &second), Likeness::Known(_))
    });
    assert!(says(&window, "Repeatability"));
    let [first, second] = pair(window.state());
    let alike = likeness(&first, &second);
    let (one, two) = (alike.ssim_range_1.unwrap(), alike.ssim_range_2.unwrap());
    assert!(one < two && two < 1.0, "a wider range makes maps look more alike");
    let spearman = alike.spearman.unwrap();
    for text in [format!("SSIM {one:.2}"), format!("SSIM, range 2 {two:.2}"), format!("Spearman {spearman:.2}")] {
        assert!(says(&window, &text), "{text}");
    }

    // Choosing a chosen one lets it go; the next takes its place.
    press(&mut window, "Choose pneumothorax_inception_v3_1");
    press(&mut window, "Choose pneumothorax_densenet_121_1");
    assert!(says(&window, "Reproducibility"));
    press(&mut window, "Choose pneumonia_inception_v3_1");
    assert!(says(&window, "Not comparable"), "they explain different findings");
    press(&mut window, "Choose no pair");
    assert_eq!(window.state().state.compare.pair, [None, None]);
}

#[test]
fn modes_are_switched_and_an_only_image_says_how_to_add_others() {
    let mut window = comparing(CompareMode::Models);
    press(&mut window, "Compare images");
    assert_eq!(window.state().state.compare.mode, CompareMode::Images);
    assert!(says(&window, "Compare with this"));
    let other = window.state().state.list.listed()[3];
    window.state_mut().apply(Action::ToggleCompared(other));
    until_finished(&mut window);
    assert_eq!(window.state().state.tiles().len(), 2);
    assert!(says(&window, "Click the headers"));
    press(&mut window, "Compare methods");
    assert_eq!(window.state().state.tiles().len(), 9);
    for method in Method::STUDY {
        assert!(window.query_by_label(&format!("Choose {method}")).is_some(), "{method}");
    }
    assert!(window.query_by_label("Choose Radiograph").is_none(), "a radiograph has no likeness to a map");
    let first = window.state().state.models[0].clone();
    (window.state_mut().state.models, window.state_mut().state.model) = (vec![first], 0);
    press(&mut window, "Compare models");
    assert!(says(&window, "Only one model is open"));
}

#[test]
fn a_method_beyond_the_study_is_one_more_tile() {
    let mut window = comparing(CompareMode::Methods);
    assert!(window.query_by_label("Choose LAYERCAM").is_none(), "by name only");
    window.get_by_label("One more method").click_accesskit();
    window.run();
    press(&mut window, "LAYERCAM  Layer-CAM");
    assert_eq!(window.state().state.shown.method, Method::LayerCam);
    assert_eq!(window.state().state.tiles().len(), 10);
    until_finished(&mut window);
    assert!(window.query_by_label("Choose LAYERCAM").is_some());
}

#[test]
fn a_tile_fills_the_view_and_goes_back() {
    let mut window = comparing(CompareMode::Models);
    press(&mut window, "Enlarge pneumothorax_densenet_121_1");
    assert_eq!(window.state().state.compare.maximised, Some(tile_of(&window, "pneumothorax_densenet_121_1")));
    assert!(window.query_by_label("Choose pneumothorax_inception_v3_1").is_none());
    press(&mut window, "Show all tiles");
    assert_eq!(window.state().state.compare.maximised, None);
    press(&mut window, "Enlarge pneumonia_inception_v3_1");
    window.key_press_modifiers(Modifiers::NONE, Key::Escape);
    window.run();
    assert_eq!(window.state().state.compare.maximised, None);
}

#[test]
fn tiles_share_what_is_linked_and_nothing_else() {
    let mut window = comparing(CompareMode::Models);
    let zoom = |window: &Window, tile: usize| window.state().state.tile_shown(tile).look.zoom;
    let zoom_tile = |window: &mut Window, tile: usize, zoom: f64| {
        let mut shown = window.state().state.tile_shown(tile);
        shown.look.zoom = zoom;
        window.state_mut().apply(Action::ShowTile(tile, Box::new(shown)));
    };
    zoom_tile(&mut window, 1, 2.0);
    assert_eq!([0, 1, 2].map(|tile| zoom(&window, tile)), [2.0; 3]);
    zoom_tile(&mut window, 2, 3.0);
    press(&mut window, "Link look");
    assert!(!window.state().state.compare.links.look);
    assert_eq!([0, 1, 2].map(|tile| zoom(&window, tile)), [3.0; 3], "what was shared stays as it was");
    zoom_tile(&mut window, 1, 5.0);
    assert_eq!([0, 1, 2].map(|tile| zoom(&window, tile)), [3.0, 5.0, 3.0]);
    let mut shown = window.state().state.tile_shown(1);
    shown.is_inverted = true;
    window.state_mut().apply(Action::ShowTile(1, Box::new(shown)));
    assert!(
        [0, 1, 2].iter().all(|tile| window.state().state.tile_shown(*tile).is_inverted),
        "windows are still linked"
    );
    press(&mut window, "Link look");
    assert_eq!([0, 1, 2].map(|tile| zoom(&window, tile)), [3.0; 3]);
    for (label, is_on) in [
        ("Link window", (|links| links.window) as fn(Links) -> bool),
        ("Link cursor", |links| links.cursor),
        ("Link opacity", |links| links.opacity),
        ("Link colours", |links| links.colour_range),
    ] {
        assert!(is_on(window.state().state.compare.links), "{label}");
        press(&mut window, label);
        assert!(!is_on(window.state().state.compare.links), "{label}");
    }
}
