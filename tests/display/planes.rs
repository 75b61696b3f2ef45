//! Values, presets and windows of planes.

use saliscope::display::{GrayDisplay, Plane, Tone, WindowPreset};
use saliscope::radiograph::dicom::{Window, WindowFunction};
use saliscope::radiograph::{Radiograph, ValueScale};

fn gray(plane: &Plane, x: usize) -> f32 {
    plane.own().gray(plane, plane.values()[x])
}

fn of(pixels: Vec<f32>, scale: ValueScale) -> Plane {
    Plane::from_radiograph(&Radiograph::new(1, pixels.len(), pixels, scale)).unwrap()
}

#[test]
fn levels_of_8_and_16_bits_are_kept() {
    let plane = of((0..=255).map(|level| level as f32).collect(), ValueScale::Gray);
    for level in 0..=255 {
        assert_eq!(plane.stored_value(level, 0), i64::try_from(level).ok());
        assert_eq!(plane.value(level, 0), Some(level as f64));
        assert!((gray(&plane, level) - level as f32 / 255.0).abs() < 1e-7);
    }
    let plane = of((0..=u16::MAX).map(|level| f32::from(level) / 257.0).collect(), ValueScale::Gray);
    for level in 0..=65_535 {
        assert_eq!(plane.stored_value(level, 0), i64::try_from(level).ok());
        assert!((gray(&plane, level) - level as f32 / 65_535.0).abs() < 1e-6);
    }
    assert_eq!((plane.stored_value(65_536, 0), plane.value(0, 1)), (None, None));
}

#[test]
fn other_values_are_quantized_finely() {
    let pixels: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.37).sin()).collect();
    let plane = of(pixels.clone(), ValueScale::Symmetric);
    for (x, pixel) in pixels.iter().enumerate() {
        assert!((plane.value(x, 0).unwrap() - f64::from(*pixel)).abs() < 2.0 / 65_535.0);
        assert!((gray(&plane, x) - (pixel + 1.0) / 2.0).abs() < 1.0 / 65_535.0);
    }
    assert_eq!(plane.stored_value(0, 0), None);
}

#[test]
fn presets_are_percentiles_of_what_is_seen() {
    let plane = Plane::new([1, 1001], (0..=1000).collect(), 2.0, -100.0).unwrap();
    let Tone::Window(window) = WindowPreset::Lungs.tone(&plane) else { panic!("a preset is a window") };
    // Percentiles 1 and 70 of -100, -98 ... 1900.
    assert_eq!((window.center, window.width), (610.0, 1380.0));
    for preset in WindowPreset::ALL {
        let display = GrayDisplay { tone: preset.tone(&plane), ..GrayDisplay::default() };
        let percentiles = preset.percentiles();
        let at = |percentile: f64| display.gray(&plane, (percentile * 10.0).round() as u16);
        assert!(at(percentiles.black) < 1e-6 && at(percentiles.white) > 1.0 - 1e-6, "{}", preset.name());
        assert!(at(percentiles.black + 1.0) > 0.0 && at(percentiles.white - 1.0) < 1.0, "{}", preset.name());
    }
    let flat = Plane::new([2, 2], vec![7; 4], 1.0, 0.0).unwrap();
    let display = GrayDisplay { tone: WindowPreset::Standard.tone(&flat), ..GrayDisplay::default() };
    assert_eq!([6, 7, 8].map(|value| display.gray(&flat, value)), [0.0, 0.0, 1.0]);
}

#[test]
fn every_window_is_that_of_the_standard() {
    for (slope, intercept) in [(1.0, 0.0), (1.5, -1024.0), (-0.25, 300.0), (1.0 / 257.0, 0.0), (1e-4, 5.0)] {
        let plane = Plane::new([1, 2], vec![0, u16::MAX], slope, intercept).unwrap();
        let [low, high] = plane.value_range();
        for function in [WindowFunction::Linear, WindowFunction::LinearExact, WindowFunction::Sigmoid] {
            for part in [1.0, 0.3, 1e-2, 1e-3] {
                let window = Window {
                    center: low + 0.4 * (high - low),
                    width: part * (high - low),
                    function,
                    explanation: None,
                };
                let display = GrayDisplay { tone: Tone::Window(window.clone()), ..GrayDisplay::default() };
                for value in (0..=u16::MAX).step_by(13) {
                    let wanted = window.at(slope * f64::from(value) + intercept);
                    let found = f64::from(display.gray(&plane, value));
                    assert!((found - wanted).abs() < 2e-6, "{window:?} at {value}: {found} for {wanted}");
                }
            }
        }
    }
}

#[test]
fn dragging_widens_to_the_right_and_darkens_downwards() {
    let window = Window { center: 500.0, width: 400.0, function: WindowFunction::Sigmoid, explanation: None };
    let range = [0.0, 4096.0];
    let dragged = window.dragged([10.0, 25.0], range);
    assert_eq!((dragged.width, dragged.center, dragged.function), (440.0, 600.0, WindowFunction::Sigmoid));
    assert_eq!(window.dragged([-1e6, 0.0], range).width, 1.0);
    assert_eq!(window.dragged([-1e6, 0.0], [0.0, 1.0]).width, 1.0 / 1024.0);
    assert!(window.dragged([1.0, 1.0], [3.0, 3.0]).width.is_finite());
}

#[test]
fn display_state_survives_being_saved() {
    let plane = Plane::new([1, 2], vec![3, 9], 1.0, 0.0).unwrap();
    for tone in [Tone::Table(2), WindowPreset::Bone.tone(&plane)] {
        let display = GrayDisplay { tone, inverted: true, ..GrayDisplay::default() };
        let text = serde_json::to_string(&display).unwrap();
        assert_eq!(serde_json::from_str::<GrayDisplay>(&text).unwrap(), display);
    }
}
