//! Cascades at places between their states.

use std::sync::Arc;

use saliscope::display::{CascadeDisplay, CascadeMode, CascadeStack, Normalization, Viewport};
use saliscope::drawing::CascadePicture;

use super::twins::{Random, assert_twins, device};

fn compare(what: &str, picture: &CascadePicture) -> usize {
    let drawn = device().cascade(picture).unwrap();
    let CascadePicture { plane, gray, stack, display, viewport, .. } = picture;
    // The level of the radiograph is that of the view; on jumps the map alone may decide.
    let colour_at = |image_px| display.colour_at(plane, gray, stack, image_px);
    assert_twins(what, &drawn, &picture.render(), viewport, colour_at)
}

fn picture(random: &mut Random, states: usize) -> CascadePicture {
    let plane = random.plane();
    let shape = [1 + random.below(30), 1 + random.below(30)];
    let mut stack = CascadeStack::new(shape, states);
    for state in 0..states {
        match random.below(5) {
            0 => {}
            1 => stack.set(state, random.noise(shape[0] * shape[1]), [0.0, 1.0]),
            _ => stack.set_raw(state, random.noise(shape[0] * shape[1])),
        }
    }
    let display = CascadeDisplay {
        position: random.between(-0.5, states as f64) as f32,
        normalization: if random.yes() { Normalization::PerState } else { Normalization::LockedToOriginal },
        mode: [CascadeMode::OverRadiograph, CascadeMode::MapAlone, CascadeMode::Difference][random.below(3)],
        map: random.map_display(),
    };
    // Means of the radiograph are compared in the tests of cases.
    let viewport = random.viewport(&plane).zoomed_at([20.0, 20.0], 8.0);
    CascadePicture { view_id: 1, gray: random.gray(&plane), plane: Arc::clone(&plane), stack, display, viewport }
}

#[test]
fn random_cascades_are_those_of_the_processor() {
    for seed in 0..60 {
        let mut random = Random::new(1000 + seed);
        let states = 1 + random.below(14);
        compare(&format!("cascade {seed}"), &picture(&mut random, states));
    }
}

#[test]
fn any_number_of_states_is_an_array() {
    // Squares of 1, 6 and 12 layers are no arrays on every driver.
    for states in [1, 2, 6, 12, 18] {
        let mut random = Random::new(states as u64);
        let mut picture = picture(&mut random, states);
        picture.stack = CascadeStack::new([9, 9], states);
        for state in 0..states {
            picture.stack.set_raw(state, random.noise(81));
            picture.display.position = state as f32 - 0.4;
            compare(&format!("{states} states"), &picture);
        }
    }
}

#[test]
fn states_appear_as_they_are_computed() {
    let mut random = Random::new(77);
    let mut picture = picture(&mut random, 3);
    picture.display = CascadeDisplay { position: 1.5, ..CascadeDisplay::default() };
    picture.stack = CascadeStack::new([5, 6], 3);
    picture.viewport = Viewport::fit([80, 80], [picture.plane.width_px(), picture.plane.height_px()], 1.0);
    let mut seen = Vec::new();
    for state in [None, Some(0), Some(1), Some(2), Some(1)] {
        if let Some(state) = state {
            picture.stack.set_raw(state, random.noise(30));
        }
        compare("growing", &picture);
        seen.push(device().cascade(&picture).unwrap());
    }
    assert_eq!(seen[0], seen[1], "the first state is not at this place");
    assert!(seen[1] != seen[2] && seen[2] != seen[3] && seen[3] != seen[4]);
}
