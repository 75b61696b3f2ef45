//! Models that read a crop of an image, or the image with black beside it: maps and scores lie where the model read.

use saliscope::model_input::{StudyImage, model_input};
use saliscope::network::{Architecture, Model, Variant};
use saliscope::radiograph::{Radiograph, ValueScale};

use super::bench::{Bench, SIDE, run};

/// Rows and columns of the image, none of which the model reads as they are.
const IMAGE: [usize; 2] = [150, 240];

/// A black image with a bright square.
fn image(top: usize, left: usize) -> Radiograph {
    let mut pixels = vec![20.0; IMAGE[0] * IMAGE[1]];
    for row in top..top + 10 {
        pixels[row * IMAGE[1] + left..][..10].fill(250.0);
    }
    Radiograph::new(IMAGE[0], IMAGE[1], pixels, ValueScale::Gray)
}

fn model(fields: &str) -> (Bench, Model) {
    let bench = Bench::new();
    bench.model_of("model.safetensors", Architecture::DenseNet121, &Variant::default());
    bench.card_of("densenet_121", &format!(r#""range": [0, 255], {fields}"#));
    let model = Model::open(&bench.path("model.safetensors"), None).unwrap();
    (bench, model)
}

#[test]
fn what_is_marked_lands_where_the_rule_says_and_comes_back() {
    for (fields, whole, before, skipped) in [
        (r#""resize": "squash""#, [96, 96], [0, 0], [0, 0]),
        (r#""resize": "center_crop", "resize_px": 100"#, [100, 160], [0, 0], [2, 32]),
        (r#""resize": "pad""#, [60, 96], [18, 0], [0, 0]),
    ] {
        let (_bench, model) = model(fields);
        // The square's middle is at 75/150 rows and 120/240 columns: the middle of the image.
        let radiograph = image(70, 115);
        let read = StudyImage::new(&radiograph, &model).unwrap();
        assert_eq!((read.area.whole_px, read.area.before_px, read.area.skipped_px), (whole, before, skipped));
        assert_eq!(model_input(&radiograph, &model).unwrap(), read.input);
        let plane = &read.input.values()[..SIDE * SIDE];
        let brightest = |values: &[f32], columns: usize| {
            let most = values.iter().fold(f32::MIN, |most, value| most.max(*value));
            let bright: Vec<usize> = (0..values.len()).filter(|at| values[*at] > most - 1.0).collect();
            let sum = |part: &dyn Fn(usize) -> usize| bright.iter().map(|at| part(*at) as f64 + 0.5).sum::<f64>();
            [sum(&|at| at / columns), sum(&|at| at % columns)].map(|sum| sum / bright.len() as f64)
        };
        let found = brightest(plane, SIDE);
        for axis in [0, 1] {
            let expected = whole[axis] as f64 / 2.0 + before[axis] as f64 - skipped[axis] as f64;
            assert!((found[axis] - expected).abs() < 1.0, "{fields}: {found:?}");
        }
        // Beside the image is black, and no pixel of it comes back.
        if before[0] > 0 {
            assert!(plane[..before[0] * SIDE].iter().all(|value| *value == 0.0));
        }
        let back = read.area.over_image(plane, f32::NAN);
        let sized = radiograph.resized(whole[0], whole[1]).unwrap();
        let known = back.iter().zip(sized.pixels()).filter(|(back, _)| !back.is_nan());
        let mut count = 0;
        for (back, pixel) in known {
            assert!((back - pixel).abs() < 1e-3, "{fields}: {back} instead of {pixel}");
            count += 1;
        }
        assert_eq!(count, whole[0].min(SIDE) * whole[1].min(SIDE));
        assert_eq!(read.warnings.iter().any(|warning| warning.contains("the border has no map")), skipped != [0, 0]);
    }
}

#[test]
fn eight_bits_are_whole_gray_levels() {
    let (_bench, model) = model(r#""bit_depth": 8"#);
    let pixels = (0..IMAGE[0] * IMAGE[1]).map(|index| (index % 251) as f32 + 0.3).collect();
    let radiograph = Radiograph::new(IMAGE[0], IMAGE[1], pixels, ValueScale::Gray);
    let read = StudyImage::new(&radiograph, &model).unwrap();
    assert!(read.gray.iter().all(|gray| gray.fract() == 0.0));
    assert!(radiograph.resized(SIDE, SIDE).unwrap().pixels().iter().any(|gray| gray.fract() != 0.0));
}

#[test]
fn maps_of_a_crop_are_empty_at_the_border() {
    for (fields, whole, missing) in [
        (r#""resize": "center_crop", "resize_px": 100"#, [100, 160], 100 * 160 - SIDE * SIDE),
        (r#""resize": "pad""#, [60, 96], 0),
    ] {
        let (bench, _) = model(fields);
        let pixels: Vec<u8> = image(40, 60).pixels().iter().map(|gray| *gray as u8).collect();
        let path = bench.path("wide.png");
        let (width, height) = (IMAGE[1] as u32, IMAGE[0] as u32);
        image::save_buffer(&path, &pixels, width, height, image::ExtendedColorType::L8).unwrap();
        run(&bench.explain("wide.png", "out")).succeeded();
        let maps = bench.arrays("out");
        for name in ["GRAD", "GRAD_raw", "GCAM"] {
            let map = &maps[name];
            assert_eq!(map.shape, whole, "{name}");
            assert_eq!(map.values.clone().into_f32().iter().filter(|value| value.is_nan()).count(), missing, "{name}");
        }
        assert_eq!(bench.report("out")["image"]["area"]["whole_px"], serde_json::json!(whole));
        assert!(bench.names("out").contains(&"panel.png".to_owned()));
    }
}
