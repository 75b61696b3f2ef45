//! Contours and outlines.

use saliscope::display::{MapPlane, contours, outline};
use saliscope::truth::Mask;

fn is_closed(line: &[[f32; 2]]) -> bool {
    line.len() > 2 && line.first() == line.last()
}

/// Signed area: above 0 where the line runs clockwise on the screen.
fn area(line: &[[f32; 2]]) -> f32 {
    line.windows(2).map(|pair| pair[0][0] * pair[1][1] - pair[1][0] * pair[0][1]).sum::<f32>() / 2.0
}

#[test]
fn a_cone_has_circles() {
    // Height falls by 1 a pixel from the middle of 101x101; the contour at 0 is a circle of radius 30.
    let height = |x: usize, y: usize| 30.0 - ((x as f32 - 50.0).powi(2) + (y as f32 - 50.0).powi(2)).sqrt();
    let map = MapPlane::new([101, 101], (0..101 * 101).map(|i| height(i % 101, i / 101)).collect::<Vec<_>>());
    let lines = contours(&map, 0.0, [202, 303]);
    let [line] = &lines[..] else { panic!("{} lines", lines.len()) };
    assert!(is_closed(line));
    for [x, y] in line {
        let (dx, dy) = (x / 2.0 - 50.5, y / 3.0 - 50.5);
        assert!((dx.hypot(dy) - 30.0).abs() < 0.01, "{x} {y}");
    }
    let circle = std::f32::consts::PI * 900.0 * 6.0;
    // Higher values on the right of the way: around a top the line runs clockwise.
    assert!((area(line) - circle).abs() < 0.005 * circle, "{}", area(line));
    let turned = MapPlane::new([101, 101], map.values().iter().map(|value| -value).collect::<Vec<_>>());
    assert!(area(&contours(&turned, 0.0, [202, 303])[0]) < 0.0);
}

#[test]
fn lines_end_at_borders_and_beside_missing_values() {
    let ramp = MapPlane::new([3, 4], (0..12).map(|i| (i % 4) as f32).collect::<Vec<_>>());
    assert_eq!(contours(&ramp, 1.5, [4, 3]), [[[2.0, 3.0], [2.0, 2.5], [2.0, 1.5], [2.0, 0.5], [2.0, 0.0]]]);
    assert!(contours(&ramp, 9.0, [4, 3]).is_empty() && contours(&ramp, f32::NAN, [4, 3]).is_empty());
    let mut values = ramp.values().to_vec();
    values[6] = f32::NAN;
    let lines = contours(&MapPlane::new([3, 4], values), 1.5, [4, 3]);
    assert_eq!(lines, [[[2.0, 0.5], [2.0, 0.0]], [[2.0, 3.0], [2.0, 2.5]]]);
}

#[test]
fn every_crossing_is_on_one_line() {
    // Noise has every kind of cell; each edge that crosses the level is met exactly once.
    let (width, height) = (40, 30);
    let mut state = 7_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let values: Vec<f32> = (0..width * height).map(|_| noise()).collect();
    let is_in = |x: usize, y: usize| values[y.clamp(1, height) * width - width + x.clamp(1, width) - 1] >= 0.5;
    let mut crossings = 0;
    for (x, y) in (0..width + 2).flat_map(|x| (0..height + 2).map(move |y| (x, y))) {
        crossings += usize::from(x <= width && is_in(x, y) != is_in(x + 1, y));
        crossings += usize::from(y <= height && is_in(x, y) != is_in(x, y + 1));
    }
    let lines = contours(&MapPlane::new([height, width], values.clone()), 0.5, [width, height]);
    let points: usize = lines.iter().map(|line| line.len() - usize::from(is_closed(line))).sum();
    assert_eq!(points, crossings);
    for line in lines.iter().filter(|line| !is_closed(line)) {
        for [x, y] in [line[0], line[line.len() - 1]] {
            assert!(x == 0.0 || y == 0.0 || x == width as f32 || y == height as f32, "an open line ends at the border");
        }
    }
}

#[test]
fn an_outline_follows_the_edges_of_pixels() {
    let mut mask = Mask::empty(4, 5);
    for (x, y) in [(1, 1), (2, 1), (1, 2)] {
        mask.pixels_mut()[y * 5 + x] = true;
    }
    assert_eq!(outline(&mask), [[[1.0, 1.0], [3.0, 1.0], [3.0, 2.0], [2.0, 2.0], [2.0, 3.0], [1.0, 3.0], [1.0, 1.0]]]);
    // A ring has a hole; corners that touch are not joined.
    let ring = Mask::new(3, 3, vec![true, true, true, true, false, true, true, true, true]);
    let lines = outline(&ring);
    assert_eq!(lines.iter().map(|line| area(line)).collect::<Vec<_>>(), [9.0, -1.0]);
    let touching = Mask::new(2, 2, vec![true, false, false, true]);
    assert_eq!(outline(&touching).len(), 2);
    assert!(outline(&Mask::empty(3, 3)).is_empty());
}

#[test]
fn areas_of_random_outlines_are_those_of_their_masks() {
    let mut state = 99_u32;
    for round in 0..30 {
        let (width, height) = (1 + round % 9, 1 + round / 3);
        let pixels = (0..width * height).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 31 == 1
        });
        let mask = Mask::new(height, width, pixels.collect());
        let lines = outline(&mask);
        assert!(lines.iter().all(|line| is_closed(line)));
        assert_eq!(lines.iter().map(|line| area(line)).sum::<f32>(), mask.area_px() as f32);
    }
}
