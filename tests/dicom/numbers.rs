//! Numbers that mean nothing, and numbers that are not written as the standard wants.

use saliscope::radiograph::dicom::{Header, Modality, Spacing, SpacingKind};

use super::made::{Coding, Made, assert_levels, linear, picture};

fn made() -> Made {
    Made::gray(Coding::Explicit, 16, 12, &picture(4095))
}

fn through(center: f64, width: f64) -> impl Iterator<Item = f64> {
    picture(4095).into_iter().map(move |value| linear(f64::from(value), center, width))
}

/// What a file without any window gives.
fn without_window() -> Vec<f64> {
    made().levels().0.into_iter().map(f64::from).collect()
}

#[test]
fn windows_that_show_nothing_are_left_out_and_the_next_is_taken() {
    for (center, width) in [
        ("2000", "0"),
        ("2000", "-5"),
        ("2000", "NaN"),
        ("inf", "4000"),
        ("2000", "0.5"),
        ("2000", "0.9999"),
        ("9000", "100"),
        ("-3000", "500"),
        ("1e300", "1"),
        ("1e17", "4e17"),
        ("", "4000"),
        ("wide", "4000"),
    ] {
        let (found, told) = made().window(&format!("{center}\\1800"), &format!("{width}\\2000")).levels();
        assert_levels(&found, through(1800.0, 2000.0), &format!("centre {center}, width {width}"));
        assert!(told.contains("window"), "centre {center}, width {width}: {told}");
        let (found, told) = made().window(center, width).levels();
        assert_levels(&found, without_window(), &format!("centre {center}, width {width} alone"));
        assert!(told.contains("window") && told.contains("percentiles"), "centre {center}, width {width}: {told}");
    }
    let negative = Made::gray(Coding::Explicit, 16, 12, &picture(4095)).text([0x28, 4], b"CS", "MONOCHROME1");
    let (found, _) = negative.window("9000\\1800", "100\\2000").levels();
    assert_levels(&found, through(1800.0, 2000.0).map(|level| 255.0 - level), "MONOCHROME1");
}

#[test]
fn a_sigmoid_beyond_the_values_is_left_out_and_narrow_ones_are_not() {
    let with = |center: &str, width: &str, function: &str| {
        made().window(center, width).text([0x28, 0x1056], b"CS", function).levels()
    };
    let (found, told) = with("30000", "200", "SIGMOID");
    assert_levels(&found, without_window(), "sigmoid beyond");
    assert!(told.contains("beyond the values"), "{told}");
    let (found, told) = with("2000", "0.5", "LINEAR_EXACT");
    assert_levels(
        &found,
        picture(4095).into_iter().map(|v| 255.0 * ((f64::from(v) - 2000.0) / 0.5 + 0.5).clamp(0.0, 1.0)),
        "exact",
    );
    assert_eq!(told, "");
    let (found, told) = with("2000", "0.5", "SIGMOID");
    let logistic = |value: f64| 255.0 / (1.0 + (-8.0 * (value - 2000.0)).exp());
    assert_levels(&found, picture(4095).into_iter().map(|value| logistic(f64::from(value))), "sigmoid");
    assert_eq!(told, "");
}

#[test]
fn legal_windows_are_not_altered() {
    for (center, width) in
        [(2000.5, 1.0), (2000.0, 1.5), (1.0, 3.0), (4095.0, 3.0), (1e6, 4e6), (50.0, 1e9), (-100.0, 400.0)]
    {
        let (found, told) = made().window(&center.to_string(), &width.to_string()).levels();
        let wanted = picture(4095).into_iter().map(|value| {
            if width > 1.0 {
                linear(f64::from(value), center, width)
            } else {
                f64::from(u8::from(f64::from(value) > 2000.0)) * 255.0
            }
        });
        assert_levels(&found, wanted, &format!("centre {center}, width {width}"));
        assert_eq!(told, "", "centre {center}, width {width}");
    }
    // Nearly all pixels are white, and a few are not.
    let mut words = vec![3000; 480];
    words[7] = 10;
    let (found, told) = Made::gray(Coding::Explicit, 16, 12, &words).window("20", "30").levels();
    assert_eq!((found[7] < 255.0, found[8], told.as_str()), (true, 255.0, ""));
}

#[test]
fn a_window_that_only_padding_reaches_is_left_out() {
    let mut words: Vec<u16> = picture(2000).iter().map(|value| value + 1000).collect();
    words[..40].fill(0);
    let made = Made::gray(Coding::Explicit, 16, 12, &words).number([0x28, 0x120], 0);
    let (_, told) = made.clone().window("100", "200").levels();
    assert!(told.contains("beyond the values"), "{told}");
    let (found, told) = made.window("2000", "1000").levels();
    assert_levels(&found, words.iter().map(|value| linear(f64::from(*value), 2000.0, 1000.0)), "legal");
    assert_eq!(told, "");
}

#[test]
fn narrow_linear_windows_over_fractions_are_left_out() {
    for width in ["1", "0.9130647131"] {
        let made = made().text([0x28, 0x1052], b"DS", "-0.5").text([0x28, 0x1053], b"DS", "0.0002442002587");
        let (wanted, _) = made.levels();
        let (found, told) = made.window("0.4", width).levels();
        assert_eq!(found, wanted);
        assert!(found.iter().any(|level| *level > 50.0 && *level < 200.0), "more than two levels");
        assert!(told.contains(&format!("window of width {width}")), "{told}");
    }
}

#[test]
fn a_rescale_that_means_nothing_is_left_out() {
    for (slope, intercept) in [
        ("0", "0"),
        ("0.0", "-1024"),
        ("-0", "5"),
        ("NaN", "0"),
        ("inf", "1"),
        ("1e300", "0"),
        ("wide", "3"),
        ("1e-30", "1000"),
    ] {
        let made =
            made().text([0x28, 0x1052], b"DS", intercept).text([0x28, 0x1053], b"DS", slope).window("1800", "2000");
        let image = made.image();
        assert_eq!(image.frame(0).unwrap().modality, Modality::Identity, "slope {slope}");
        let (found, told) = made.levels();
        assert_levels(&found, through(1800.0, 2000.0), &format!("slope {slope}, intercept {intercept}"));
        assert!(told.contains("rescale"), "{told}");
    }
    let (found, told) =
        made().text([0x28, 0x1052], b"DS", "-10").text([0x28, 0x1053], b"DS", "-2").window("-3600", "4000").levels();
    let levels = picture(4095).into_iter().map(|value| linear(-2.0 * f64::from(value) - 10.0, -3600.0, 4000.0));
    assert_levels(&found, levels, "a negative slope is legal");
    assert_eq!(told, "");
}

#[test]
fn decimal_commas_are_read_with_a_word() {
    for coding in Coding::ALL {
        let made = Made::gray(coding, 16, 12, &picture(4095)).window("1800,25", "2000,5");
        let (found, told) = made.levels();
        assert_levels(&found, through(1800.25, 2000.5), &format!("{coding:?}"));
        assert!(told.contains("a window centre is not written as a decimal number and was taken as 1800.25"), "{told}");
    }
    let made = made().text([0x28, 0x1052], b"DS", "-10,5").text([0x28, 0x1053], b"DS", "0,5").window("800", "900");
    let levels = picture(4095).into_iter().map(|value| linear(0.5 * f64::from(value) - 10.5, 800.0, 900.0));
    assert_levels(&made.levels().0, levels, "rescale");
}

#[test]
fn a_number_that_can_be_read_in_two_ways_is_left_out_with_both() {
    let (found, told) = made().window("1,800\\1800", "2000\\2000").levels();
    assert_levels(&found, through(1800.0, 2000.0), "the next window");
    assert!(told.contains("a window centre can be read as 1.8 or as 1800 and was left out"), "{told}");
    let (_, told) = made().text([0x28, 0x30], b"DS", "1,2").levels();
    assert!(told.contains("the pixel spacing can be read as 1 and 2 or as 1.2 and was left out"), "{told}");
}

const PIXEL: [u16; 2] = [0x28, 0x30];
const IMAGER: [u16; 2] = [0x18, 0x1164];
const SCANNED: [u16; 2] = [0x18, 0x2010];

#[test]
fn spacings_are_read_in_the_one_way_there_is() {
    let spacing = |[row_mm, column_mm]: [f64; 2], kind| Spacing { row_mm, column_mm, kind };
    for (tag, kind) in
        [(PIXEL, SpacingKind::Pixel), (IMAGER, SpacingKind::DetectorPlane), (SCANNED, SpacingKind::ScannedFilm)]
    {
        for (text, wanted, told) in [
            ("0,143\\0,2", [0.143, 0.2], "was taken as 0.143"),
            ("0,143,0,2", [0.143, 0.2], "was taken as 0.143 and 0.2"),
            ("0.143,0.2", [0.143, 0.2], "was taken as 0.143 and 0.2"),
            ("0.143 0.2", [0.143, 0.2], "was taken as 0.143 and 0.2"),
            ("0.143", [0.143; 2], "has one value instead of two"),
            ("0,143", [0.143; 2], "has one value instead of two"),
            ("0.143\\", [0.143; 2], "has one value instead of two"),
            ("0.143\\0.2\\1", [0.143, 0.2], "more than two values"),
        ] {
            let made = made().text(tag, b"DS", text);
            assert_eq!(made.image().spacing(0), Some(spacing(wanted, kind)), "{tag:?} {text}");
            let warnings = made.levels().1;
            assert!(warnings.contains(told) && warnings.contains("spacing"), "{text}: {warnings}");
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), made.file()).unwrap();
            assert_eq!(Header::open(file.path()).unwrap().spacing, Some(spacing(wanted, kind)), "header: {text}");
        }
        for (text, told) in [
            ("0\\0", "not above 0"),
            ("-0.1\\0.1", "not above 0"),
            ("wide\\0.1", "is no number"),
            ("NaN\\0.1", "is no number"),
            ("0.143mm\\0.143mm", "is no number"),
        ] {
            let made = made().text(tag, b"DS", text);
            assert_eq!(made.image().spacing(0), None, "{text}");
            let warnings = made.levels().1;
            assert!(warnings.contains(told), "{text}: {warnings}");
        }
    }
}

#[test]
fn an_aspect_ratio_needs_both_of_its_numbers() {
    let ratio = |text: &str| {
        let made = made().text([0x28, 0x34], b"IS", text);
        (made.image().pixel_aspect(), made.levels().1)
    };
    assert_eq!(ratio("4\\3").0, Some(4.0 / 3.0));
    assert_eq!(ratio("1\\1"), (None, ratio("1\\1").1));
    for text in ["4", "0\\3", "4\\0", "4,3", "wide"] {
        let (found, told) = ratio(text);
        assert_eq!(found, None, "{text}");
        assert!(told.contains("the pixel aspect ratio"), "{text}: {told}");
    }
}
