//! Radiographs with maps over them.

use std::sync::Arc;

use saliscope::display::{Compositor, GrayDisplay, Lens, MapDisplay, MapPlane, Opacity, Plane, Viewport};
use saliscope::drawing::{CasePicture, MapLayer};
use saliscope::phantom::{Finding, PhantomSpec, generate};
use saliscope::radiograph::dicom::DicomImage;
use saliscope::radiograph::{Radiograph, ValueScale};

use super::twins::{Random, assert_twins, device};

/// Compares a picture with its twin; how many pixels lay on jumps.
fn compare(what: &str, picture: &CasePicture) -> usize {
    let drawn = device().case(picture).unwrap();
    let map = picture.map.as_ref().map(|layer| (&layer.map, &layer.display));
    let mut twin = Compositor::new(&picture.plane, &picture.gray, map);
    if let Some((other, mix)) = picture.map.as_ref().and_then(|layer| layer.fade.as_ref()) {
        twin = twin.fading_to(other, *mix);
    }
    let twin = twin.for_view(&picture.viewport);
    assert_twins(what, &drawn, &picture.render(), &picture.viewport, |image_px| twin.colour_at(image_px))
}

#[test]
fn random_pictures_are_those_of_the_processor() {
    let (mut on_jumps, mut pixels) = (0, 0);
    for seed in 0..120 {
        let mut random = Random::new(seed);
        let plane = random.plane();
        let viewport = random.viewport(&plane);
        let mut picture = CasePicture::new(seed % 7, Arc::clone(&plane), viewport);
        picture.gray = random.gray(&plane);
        if random.below(6) > 0 {
            let fade = random.yes().then(|| (random.map(), random.between(0.0, 1.0) as f32));
            picture.map = Some(MapLayer { map: random.map(), display: random.map_display(), fade });
        }
        on_jumps += compare(&format!("picture {seed}"), &picture);
        pixels += viewport.size_px[0] * viewport.size_px[1];
    }
    assert!(on_jumps < pixels as usize / 1000, "{on_jumps} of {pixels} pixels lay on jumps");
}

#[test]
fn tables_of_files_are_applied() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dicom");
    for name in ["voi_table_65536", "voi_table_signed", "voi_table_12_on_8", "window_sigmoid", "monochrome1", "palette"]
    {
        let frame = DicomImage::open(&folder.join(format!("{name}.dcm"))).unwrap().frame(0).unwrap();
        let plane = Arc::new(Plane::from_frame(&frame).unwrap());
        let size = [plane.width_px(), plane.height_px()];
        for inverted in [false, true] {
            let viewport = Viewport::fit([150, 130], size, 1.0);
            let mut picture = CasePicture::new(1, Arc::clone(&plane), viewport);
            picture.gray = GrayDisplay { inverted, ..picture.gray };
            compare(name, &picture);
        }
    }
}

#[test]
fn a_magnifier_shows_what_is_under_it() {
    let mut random = Random::new(5);
    let plane = random.plane();
    let viewport = Viewport::fit([160, 140], [plane.width_px(), plane.height_px()], 1.0);
    for is_round in [false, true] {
        // Off the pixels' centres, so that no pixel lies on the rim.
        let lens = Lens { center_px: [60.3, 50.2], radius_px: 30.4, factor: 4.0, is_round };
        let picture = CasePicture { lens: Some(lens), ..CasePicture::new(2, Arc::clone(&plane), viewport) };
        let (drawn, twin) = (device().case(&picture).unwrap(), picture.render());
        let differing = drawn.pixels().zip(twin.pixels()).filter(|(a, b)| a.0[0].abs_diff(b.0[0]) > 1).count();
        assert_eq!(differing, 0);
        let plain = CasePicture { lens: None, ..picture.clone() }.render();
        let inside = twin.enumerate_pixels().filter(|(x, y, pixel)| plain.get_pixel(*x, *y) != *pixel);
        let farthest = inside
            .map(|(x, y, _)| {
                let [dx, dy] = [f64::from(x) - 59.8, f64::from(y) - 49.7].map(f64::abs);
                if is_round { dx.hypot(dy) } else { dx.max(dy) }
            })
            .fold(0.0, f64::max);
        assert!((29.0..=30.4).contains(&farthest), "{farthest}");
    }
}

#[test]
fn pictures_larger_than_a_piece_are_seamless() {
    let plane = Random::new(9).plane();
    let viewport = Viewport::fit([2100, 20], [plane.width_px(), plane.height_px()], 1.0).zoomed_at([1000.0, 9.0], 60.0);
    compare("wide", &CasePicture::new(3, Arc::clone(&plane), viewport));
    compare("high", &CasePicture::new(3, plane, viewport.resized([20, 2100])));
}

#[test]
fn a_phantom_with_a_map_is_that_of_the_processor() {
    let phantom = generate(&PhantomSpec { seed: 3, index: 1, size_px: 512, finding: Finding::Pneumothorax });
    let gray = phantom.gray.iter().map(|level| f32::from(*level)).collect();
    let plane = Plane::from_radiograph(&Radiograph::new(512, 512, gray, ValueScale::Gray)).unwrap();
    let mask = phantom.mask.unwrap();
    let map: Vec<f32> = mask.pixels().iter().map(|marked| if *marked { 0.9 } else { 0.1 }).collect();
    let display = MapDisplay { opacity: Opacity::ByValue(0.8), ..MapDisplay::default() };
    for side in [700, 100] {
        let viewport = Viewport::fit([side, side], [512, 512], 1.0);
        let map = MapLayer { map: MapPlane::new([512, 512], map.clone()), display, fade: None };
        let picture = CasePicture { map: Some(map), ..CasePicture::new(4, Arc::new(plane.clone()), viewport) };
        assert_eq!(compare("phantom", &picture), 0, "nothing jumps");
    }
}
