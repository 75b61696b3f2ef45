//! Maps over radiographs.

use saliscope::display::{
    BACKGROUND, CascadeDisplay, CascadeMode, CascadeStack, ColourMap, Compositor, GrayDisplay, Interpolation,
    MapDisplay, MapPlane, Normalization, Opacity, Plane, Viewport, composite, render,
};

fn black(height: usize, width: usize) -> Plane {
    // One bright pixel, far from what is asked about, gives the range.
    let mut values = vec![0; height * width];
    values[0] = u16::MAX;
    Plane::new([height, width], values, 1.0, 0.0).unwrap()
}

fn opaque() -> MapDisplay {
    MapDisplay { opacity: Opacity::Uniform(1.0), colour_map: ColourMap::Gray, ..MapDisplay::default() }
}

#[test]
fn a_point_of_a_map_lies_where_it_belongs() {
    // 5x7 over 50x70: (r, c) covers 10 columns and rows around its centre.
    let plane = black(50, 70);
    for (row, column) in [(0, 0), (2, 3), (4, 6), (1, 5)] {
        let mut values = vec![0.0; 35];
        values[row * 7 + column] = 1.0;
        let map = MapPlane::new([5, 7], values);
        for interpolation in [Interpolation::Nearest, Interpolation::Linear] {
            let display = MapDisplay { interpolation, ..opaque() };
            let view = Viewport::fit([70, 50], [70, 50], 1.0);
            let picture = render(&plane, plane.own(), Some((&map, &display)), &view);
            let mut moments = [0.0; 3];
            for (x, y, pixel) in picture.enumerate_pixels() {
                let weight = f64::from(pixel.0[1]);
                moments[0] += weight;
                moments[1] += weight * (f64::from(x) + 0.5);
                moments[2] += weight * (f64::from(y) + 0.5);
            }
            let centre = [moments[1] / moments[0], moments[2] / moments[0]];
            let wanted = [(column as f64 + 0.5) * 10.0, (row as f64 + 0.5) * 10.0];
            // Beyond the outermost centres values hold on, which moves the centre of mass of border pixels.
            let is_inner = (1..4).contains(&row) && (1..6).contains(&column);
            if is_inner || interpolation == Interpolation::Nearest {
                assert!((0..2).all(|axis| (centre[axis] - wanted[axis]).abs() < 0.02), "{centre:?} for {wanted:?}");
            }
            let top = composite(&plane, plane.own(), Some((&map, &display)), wanted);
            assert_eq!(top, [255; 3]);
            assert_eq!(map.value_at(wanted, [70, 50]), Some(1.0));
        }
    }
    assert_eq!(composite(&plane, plane.own(), None, [70.0, 3.0]), BACKGROUND);
}

#[test]
fn opacity_threshold_and_range_do_what_they_say() {
    let plane = Plane::new([1, 2], vec![0, u16::MAX], 1.0 / 65_535.0, 0.0).unwrap();
    let at = |value: f32, display: MapDisplay| {
        let map = MapPlane::new([1, 1], vec![value]);
        [0.5, 1.5].map(|x| composite(&plane, plane.own(), Some((&map, &display)), [x, 0.5])[0])
    };
    let gray = MapDisplay { interpolation: Interpolation::Nearest, ..opaque() };
    assert_eq!(at(0.4, gray), [102, 102]);
    assert_eq!(at(0.4, MapDisplay { opacity: Opacity::Uniform(0.5), ..gray }), [51, 179]);
    assert_eq!(at(0.4, MapDisplay { opacity: Opacity::ByValue(0.5), ..gray }), [20, 224]);
    assert_eq!(at(0.4, MapDisplay { threshold: 0.41, ..gray }), [0, 255]);
    assert_eq!(at(0.4, MapDisplay { threshold: 0.4, ..gray }), [102, 102]);
    assert_eq!(at(0.4, MapDisplay { visible: false, ..gray }), [0, 255]);
    assert_eq!(at(6.0, MapDisplay { range: [5.0, 10.0], ..gray }), [51, 51]);
    assert_eq!(at(f32::NAN, gray), [0, 255]);
    assert_eq!(at(f32::NEG_INFINITY, gray), [0, 255]);
    assert_eq!(at(7.0, MapDisplay { range: [7.0, 7.0], ..gray }), [0, 0]);
    let signed = MapDisplay { colour_map: ColourMap::Diverging, range: [-1.0, 1.0], threshold: 0.5, ..gray };
    assert_eq!(at(0.2, signed), [0, 255], "weak values of either sign are not painted");
    assert_eq!(at(-1.0, signed), [59, 59]);
    assert_eq!(at(1.0, signed), [180, 180]);
}

#[test]
fn a_missing_pixel_is_missing_on_its_whole_area_only() {
    let plane = black(30, 30);
    let mut values = vec![1.0; 9];
    values[4] = f32::NAN;
    let map = MapPlane::new([3, 3], values);
    let display = opaque();
    for (x, y) in (0..30).flat_map(|x| (0..30).map(move |y| (x, y))).skip(1) {
        let colour = composite(&plane, plane.own(), Some((&map, &display)), [x as f64 + 0.5, y as f64 + 0.5]);
        let is_missing = (10..20).contains(&x) && (10..20).contains(&y);
        assert_eq!(colour, if is_missing { [0; 3] } else { [255; 3] }, "{x} {y}");
    }
}

#[test]
fn two_maps_of_any_size_fade_into_each_other() {
    let plane = black(8, 8);
    let (one, other) = (MapPlane::new([2, 2], vec![0.2; 4]), MapPlane::new([4, 1], vec![1.0; 4]));
    let display = opaque();
    let at = |mix: f32| {
        Compositor::new(&plane, plane.own(), Some((&one, &display))).fading_to(&other, mix).colour_at([4.0, 4.0])[0]
    };
    assert_eq!([0.0, 0.5, 1.0].map(at), [51, 153, 255]);
}

#[test]
fn large_images_are_averaged_when_small() {
    // A checkerboard is gray from afar, whatever grid the screen lays over it; without interpolation it is not.
    let values = (0..256 * 256).map(|i| if (i % 256 + i / 256) % 2 == 0 { 0 } else { u16::MAX }).collect();
    let plane = Plane::new([256, 256], values, 1.0, 0.0).unwrap();
    let view = Viewport::fit([37, 37], [256, 256], 1.0);
    let picture = render(&plane, plane.own(), None, &view);
    assert!(picture.pixels().all(|pixel| pixel.0[0].abs_diff(128) <= 1));
    let nearest = GrayDisplay { interpolation: Interpolation::Nearest, ..plane.own().clone() };
    assert!(render(&plane, &nearest, None, &view).pixels().all(|pixel| [0, 255].contains(&pixel.0[0])));
}

#[test]
fn a_cascade_fades_from_state_to_state() {
    let plane = black(4, 4);
    let mut stack = CascadeStack::new([1, 1], 4);
    let at = |stack: &CascadeStack, display: CascadeDisplay| {
        let map = MapDisplay { interpolation: Interpolation::Nearest, ..opaque() };
        let display = CascadeDisplay { map: MapDisplay { colour_map: display.map.colour_map, ..map }, ..display };
        display.colour_at(&plane, plane.own(), stack, [2.0, 2.0])[0]
    };
    let gray = MapDisplay { colour_map: ColourMap::Gray, ..MapDisplay::default() };
    let place = |position: f32| CascadeDisplay { position, map: gray, ..CascadeDisplay::default() };
    assert_eq!(at(&stack, place(0.0)), 0, "nothing is there yet");
    stack.set(0, vec![-0.2], [0.0, 1.0]);
    stack.set(1, vec![2.0], [0.0, 4.0]);
    assert_eq!([0.0, 0.5, 1.0].map(|position| at(&stack, place(position))), [51, 89, 128]);
    assert_eq!(at(&stack, place(1.7)), 128, "a state that is not there leaves the other alone");
    assert_eq!(at(&stack, place(2.0)), 0);
    assert_eq!(at(&stack, place(f32::NAN)), 51);
    let locked = |position| CascadeDisplay { normalization: Normalization::LockedToOriginal, ..place(position) };
    assert_eq!([0.5, 1.0].map(|position| at(&stack, locked(position))), [153, 255]);
    let difference = |position| CascadeDisplay { mode: CascadeMode::Difference, ..place(position) };
    assert_eq!(at(&stack, difference(0.0)), ColourMap::Diverging.colour(0.5)[0]);
    assert_eq!(at(&stack, difference(1.0)), ColourMap::Diverging.colour(0.65)[0]);
}

#[test]
fn raw_maps_of_a_cascade_look_as_display_maps_do() {
    let raw: Vec<f32> = (0..400).map(|i| ((i * 37) % 101) as f32 - 50.0).collect();
    let shown = saliscope::saliency::DisplayMap::clipped(&raw, 99.0);
    let map = MapPlane::from_display([20, 20], &shown);
    let mut stack = CascadeStack::new([20, 20], 1);
    stack.set_raw(0, raw);
    let plane = black(20, 20);
    let display = CascadeDisplay { map: opaque(), ..CascadeDisplay::default() };
    let view = Viewport::fit([61, 61], [20, 20], 1.0);
    let (a, b) = (
        display.render(&plane, plane.own(), &stack, &view),
        render(&plane, plane.own(), Some((&map, &display.map)), &view),
    );
    let worst = a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(worst <= 1);
}
