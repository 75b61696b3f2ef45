//! What is in the files of a figure, and what is not.

use saliscope::display::MapDisplay;
use saliscope::export::{self, DisplayRecord, FigureRecord, ImageRecord, content_sha256};
use saliscope::figure::Format;
use saliscope::figure::template::Template;

use crate::material::{page, picture, templates};

fn template() -> Template {
    templates([120, 100]).remove(1).1
}

fn count(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).filter(|window| *window == part).count()
}

#[test]
fn a_pdf_holds_text_fonts_and_pictures_and_is_the_same_each_time() {
    let page = page();
    let scene = template().scene(page).unwrap();
    let pdf = page.encode(&scene, Format::Pdf).unwrap();
    assert!(pdf.starts_with(b"%PDF-") && pdf.trim_ascii_end().ends_with(b"%%EOF"));
    // Two fonts that are embedded and whose glyphs lead back to letters.
    assert_eq!(count(&pdf, b"/ToUnicode"), 2);
    assert_eq!(count(&pdf, b"/FontFile2"), 2);
    // A radiograph, a map (eight times the same) and the colour bar.
    assert_eq!(count(&pdf, b"/Subtype /Image") + count(&pdf, b"/Subtype/Image"), 3);
    for hidden in [&b"CreationDate"[..], b"ModDate", b"/Author", b"/Producer", b"<x:xmpmeta"] {
        assert_eq!(count(&pdf, hidden), 0, "{}", String::from_utf8_lossy(hidden));
    }
    let [width, height] = scene.size_px();
    let height = f64::from(518.74_f32) * height / width;
    let text = String::from_utf8_lossy(&pdf);
    let media_box = text.split("/MediaBox").nth(1).unwrap();
    let sides: Vec<f64> = media_box[media_box.find('[').unwrap() + 1..media_box.find(']').unwrap()]
        .split_whitespace()
        .map(|side| side.parse().unwrap())
        .collect();
    assert!((sides[2] - 518.74).abs() < 0.01 && (sides[3] - height).abs() < 0.1, "{sides:?}");
    assert!(pdf == page.encode(&scene, Format::Pdf).unwrap(), "two runs give two files");
}

#[test]
fn an_svg_needs_nothing_from_outside() {
    let page = page();
    let svg = String::from_utf8(page.encode(&template().scene(page).unwrap(), Format::Svg).unwrap()).unwrap();
    assert_eq!(svg.matches("@font-face").count(), 2);
    assert!(svg.contains("src:url(data:font/ttf;base64,"));
    assert_eq!(svg.matches("http").count(), 1, "only the name space");
    assert_eq!(svg.matches("href=\"").count(), svg.matches("href=\"data:image/png;base64,").count());
    assert!(svg.starts_with(r#"<svg xmlns="http://www.w3.org/2000/svg" width="183.000mm" height=""#), "{svg:.100}");
}

#[test]
fn a_png_has_the_size_of_the_page() {
    for (dpi, width_px, per_metre) in [(300, 2161, 11_811), (600, 4323, 23_622)] {
        let page = saliscope::figure::template::Page::new(183.0, dpi).unwrap();
        let scene = templates([40, 40]).remove(0).1.scene(page).unwrap();
        let png = page.encode(&scene, Format::Png { dpi }).unwrap();
        let reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
        let info = reader.info();
        assert_eq!(info.width, width_px);
        let dims = info.pixel_dims.unwrap();
        assert_eq!((dims.xppu, dims.yppu), (per_metre, per_metre));
        assert!(info.uncompressed_latin1_text.is_empty() && info.utf8_text.is_empty());
    }
}

fn record() -> FigureRecord {
    let picture = picture([120, 100]);
    let image = ImageRecord { content_sha256: content_sha256([1, 2], &[0.0, 1.0]), height_px: 120, width_px: 100 };
    let display = DisplayRecord::new(&picture.gray, &MapDisplay::default());
    FigureRecord::new("method_grid", page(), image, display, 3)
}

#[test]
fn figure_and_record_appear_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("figure.svg");
    let [figure, beside] = export::figure(&template(), page(), Format::Svg, &record(), &target).unwrap();
    assert_eq!((figure, beside.file_name().unwrap().to_str()), (target.clone(), Some("figure.record.json")));
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&beside).unwrap()).unwrap();
    assert_eq!(json["notice"], "Research use - not for diagnosis");
    assert_eq!((&json["template"], &json["seed"], &json["dpi"]), (&"method_grid".into(), &3.into(), &300.into()));
    assert_eq!(json["image"]["content_sha256"].as_str().map(str::len), Some(64));
    assert!(json.get("identity").is_none());

    // The record cannot be placed: the figure of before stays.
    let old = std::fs::read(&target).unwrap();
    std::fs::remove_file(&beside).unwrap();
    std::fs::create_dir_all(beside.join("inside")).unwrap();
    let mut other = template();
    if let Template::MethodGrid(grid) = &mut other {
        grid.labels.headline = "Another".to_owned();
    }
    let error = export::figure(&other, page(), Format::Svg, &record(), &target).unwrap_err().to_string();
    assert!(error.contains("cannot be written") && error.contains("untouched"), "{error}");
    assert!(std::fs::read(&target).unwrap() == old);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file remains");
}

#[test]
fn the_hash_of_an_image_is_that_of_its_size_and_pixels() {
    // printf '\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\200\77' | sha256sum
    let expected = "320bc199a0711ab38efcda1f0fba22d8f2787c3a7606a5e9f9dad346a71f262f";
    assert_eq!(content_sha256([1, 2], &[0.0, 1.0]), expected);
    assert_ne!(content_sha256([2, 1], &[0.0, 1.0]), expected);
}
