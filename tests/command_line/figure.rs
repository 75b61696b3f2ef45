//! `figure`, and the DICOM results of `explain`.

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dicom_object::{DefaultDicomObject, from_reader};
use saliscope::phantom::Finding;
use saliscope::phantom::export::Export;

use super::bench::{Bench, run, with};

/// Draws `spec` to `out`.
fn draw(bench: &Bench, spec: &str, out: &str) -> super::bench::Ran {
    let spec = bench.write("spec.json", spec.as_bytes());
    run(&["figure", "--quiet", spec.to_str().unwrap(), "--out", bench.path(out).to_str().unwrap()])
}

fn json(bench: &Bench, name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(bench.path(name)).unwrap()).unwrap()
}

#[test]
fn a_grid_of_methods_is_drawn_with_its_record() {
    let bench = Bench::new();
    let spec = r#"{"template": "method_grid", "image": "chest.png", "models": ["model.safetensors"], "width": 85, "dpi": 100,
                   "methods": ["GCAM", "SG"], "parameters": {"sg": {"samples": 2}}, "seed": 4, "class": 0,
                   "truth": {"boxes": [[10, 20, 30, 40]]}}"#;
    let ran = draw(&bench, spec, "figure.pdf").succeeded();
    assert!(ran.lines()[0]["record"].as_str().unwrap().ends_with("figure.record.json"));
    assert!(std::fs::read(bench.path("figure.pdf")).unwrap().starts_with(b"%PDF"));
    let record = json(&bench, "figure.record.json");
    assert_eq!((&record["template"], &record["seed"]), (&"method_grid".into(), &4.into()));
    assert_eq!(record["models"][0]["name"], "model");
    assert_eq!(record["models"][0]["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(record["maps"].as_array().unwrap().len(), 2);
    assert_eq!((&record["maps"][0]["name"], &record["maps"][1]["name"]), (&"GCAM".into(), &"SG".into()));
    assert_eq!(record["maps"][1]["parameters"]["noise"]["samples"], 2);
    assert_eq!(record["maps"][1]["explained"]["index"], 0);
    assert!(record["maps"][1]["scores"]["auprc_trapezoid"].is_number());
    let text = record.to_string();
    assert!(!text.contains("chest") && !text.contains(bench.path("").to_str().unwrap()), "{text}");
}

#[test]
fn maps_of_an_earlier_run_make_the_same_figure() {
    let bench = Bench::new();
    run(&bench.explain("chest.png", "kept")).succeeded();
    let base = r#""template": "single_case", "image": "chest.png", "methods": ["GRAD"], "width": "single", "dpi": 100,
                  "headline": "Same""#;
    draw(&bench, &format!(r#"{{{base}, "maps": "kept"}}"#), "kept.svg").succeeded();
    draw(&bench, &format!(r#"{{{base}, "models": ["model.safetensors"]}}"#), "made.svg").succeeded();
    let pictures = |name: &str| {
        let svg = std::fs::read_to_string(bench.path(name)).unwrap();
        svg.split("href=\"").skip(1).map(|rest| rest[..rest.find('"').unwrap()].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(pictures("kept.svg"), pictures("made.svg"));
    let svg = std::fs::read_to_string(bench.path("kept.svg")).unwrap();
    assert!(svg.contains("Model “model”") && svg.contains("preset recommended"), "what the report says is repeated");
    let missing = draw(&bench, &format!(r#"{{{}, "maps": "kept"}}"#, base.replace("GRAD", "XRAI")), "none.svg");
    assert!(missing.refused(1).contains("there is no array XRAI"));
}

#[test]
fn several_models_share_the_threads_that_were_asked_for() {
    let bench = Bench::new();
    let spec = r#"{"template": "model_grid", "image": "chest.png", "methods": ["GRAD"], "dpi": 72,
                   "models": ["model.safetensors", "model.safetensors"]}"#;
    let spec = bench.write("spec.json", spec.as_bytes());
    let out = bench.path("grid.svg");
    let (spec, out) = (spec.to_str().unwrap(), out.to_str().unwrap());
    run(&["figure", "--quiet", spec, "--out", out, "--threads", "1"]).succeeded();
}

#[test]
fn a_cascade_becomes_a_row_a_method() {
    let bench = Bench::new();
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let (model, image, out) = (path("model.safetensors"), path("chest.png"), path("cascade"));
    let words = ["cascade", "--quiet", "--methods", "GRAD,GCAM", "--states", "Logits,10"];
    run(&[&words[..], &["--model", &model, "--image", &image, "--out", &out]].concat()).succeeded();
    let spec = r#"{"template": "cascade_row", "image": "chest.png", "maps": "cascade", "methods": ["GRAD", "GCAM"], "dpi": 72}"#;
    draw(&bench, spec, "row.svg").succeeded();
    let svg = std::fs::read_to_string(bench.path("row.svg")).unwrap();
    for words in ["Original", "Logits", "10", "GRAD", "GCAM"] {
        assert!(svg.contains(&format!(">{words}</text>")), "{words}");
    }
    assert!(svg.contains(">SSIM ") && svg.contains("likeness to the map of state Original, at a data range of 1"));
    let record = json(&bench, "row.record.json");
    assert!(record["maps"][1]["ssim_to_first"].is_number() && record["maps"][0].get("ssim_to_first").is_none());
    // Two radiographs, two times three maps, a colour bar.
    assert_eq!(svg.matches("<image").count(), 2 + 6 + 1);
}

#[test]
fn errors_name_the_field_and_touch_nothing() {
    let bench = Bench::new();
    bench.write("figure.png", b"old");
    let refused = draw(&bench, r#"{"template": "single_case", "image": "chest.png", "modles": []}"#, "figure.png");
    assert!(refused.refused(1).contains("modles: there is no such field"), "{}", refused.stderr);
    let refused = draw(
        &bench,
        r#"{"template": "single_case", "image": "none.png", "models": ["model.safetensors"],
                                   "methods": ["GRAD"]}"#,
        "figure.png",
    );
    refused.refused(1);
    let fine =
        r#"{"template": "single_case", "image": "chest.png", "models": ["model.safetensors"], "methods": ["GRAD"]}"#;
    let refused = draw(&bench, fine, "figure.jpg");
    assert!(refused.refused(2).contains(".png, .svg or .pdf"));
    let refused = draw(&bench, fine, "chest.png");
    assert!(refused.refused(2).contains("would replace a file it is made from"));
    let spec = bench.write("taken.record.json", fine.as_bytes());
    let out = bench.path("taken.png");
    let refused = run(&["figure", "--quiet", spec.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert!(refused.refused(2).contains("would replace a file it is made from"));
    assert_eq!(std::fs::read(&spec).unwrap(), fine.as_bytes());
    let refused = draw(&bench, &fine.replace("\"methods\"", "\"identity\": true, \"methods\""), "figure.png");
    assert!(refused.refused(2).contains("no DICOM file"));
    draw(&bench, fine, "no_such_folder/figure.png").refused(1);
    assert_eq!(std::fs::read(bench.path("figure.png")).unwrap(), b"old");
    assert!(!bench.path("figure.record.json").exists());
}

#[test]
fn no_export_names_the_patient_unless_asked_to() {
    let bench = Bench::new();
    let exported = Export::new(5, 1, 128, Some(Finding::Pneumothorax)).phantom(0).unwrap();
    let file = exported.files.iter().find(|file| file.path.extension().is_some_and(|e| e == "dcm")).unwrap();
    let mut object: DefaultDicomObject = from_reader(&file.bytes[..]).unwrap();
    object.put(DataElement::new(tags::PATIENT_NAME, VR::PN, PrimitiveValue::from("Doe^Jane")));
    object.put(DataElement::new(tags::PATIENT_ID, VR::LO, PrimitiveValue::from("MRN-0815")));
    let mut bytes = Vec::new();
    object.write_all(&mut bytes).unwrap();
    bench.write("Doe_Jane.dcm", &bytes);
    let holds = |path: &std::path::Path, part: &str| {
        let content = std::fs::read(path).unwrap();
        content.windows(part.len()).any(|window| window == part.as_bytes())
    };

    run(&with(bench.explain("Doe_Jane.dcm", "out"), &["--dicom", "--threshold", "0.4"])).succeeded();
    let names = bench.names("out");
    assert!(
        ["capture_GCAM.dcm", "capture_GRAD.dcm", "radiograph.dcm", "segmentation_GRAD.dcm", "panel.pdf"]
            .iter()
            .all(|name| names.iter().any(|found| found == name)),
        "{names:?}"
    );
    let spec = r#"{"template": "single_case", "image": "Doe_Jane.dcm", "models": ["model.safetensors"],
                   "methods": ["GRAD"], "dpi": 100}"#;
    draw(&bench, spec, "figure.svg").succeeded();
    let figure = ["figure.svg", "figure.record.json"].map(|name| bench.path(name));
    let all = names.iter().map(|name| bench.path("out").join(name)).chain(figure.clone());
    for path in all {
        for secret in ["Jane", "MRN-0815"] {
            assert!(!holds(&path, secret), "{} holds {secret}", path.display());
        }
    }

    run(&with(bench.explain("Doe_Jane.dcm", "asked"), &["--dicom", "--identity"])).succeeded();
    assert!(holds(&bench.path("asked/capture_GRAD.dcm"), "Doe^Jane"));
    assert!(!bench.path("asked/radiograph.dcm").exists());
    assert!(!holds(&bench.path("asked/explain.json"), "Jane"), "identity goes into DICOM alone");
    draw(&bench, &spec.replace("\"dpi\"", "\"identity\": true, \"dpi\""), "figure.svg").succeeded();
    assert!(figure.iter().all(|path| holds(path, "Jane")));

    let refused = run(&with(bench.explain("chest.png", "png"), &["--dicom", "--identity"]));
    assert!(refused.refused(2).contains("no DICOM file"));
    assert!(!bench.path("png").exists(), "nothing is left");
}

#[test]
fn a_specification_may_have_the_name_of_its_figure() {
    let bench = Bench::new();
    let spec = r#"{"template": "single_case", "image": "chest.png", "models": ["model.safetensors"], "methods": ["GRAD"],
                   "dpi": 72}"#;
    let path = bench.write("figure.json", spec.as_bytes());
    let words = |out: &str| {
        let out = bench.path(out);
        run(&["figure", "--quiet", path.to_str().unwrap(), "--out", out.to_str().unwrap()])
    };
    let ran = words("figure.pdf").succeeded();
    assert!(ran.lines()[0]["record"].as_str().unwrap().ends_with("figure.record.json"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), spec);
    // The record of an earlier version, of a figure that is drawn anew, says what the new one says; other files stay.
    let old =
        r#"{"notice": "Research use - not for diagnosis", "saliscope": "0.1.0", "template": "single_case", "seed": 9}"#;
    bench.write("again.json", old.as_bytes());
    words("again.svg").succeeded();
    assert_eq!(json(&bench, "again.json"), json(&bench, "again.record.json"));
    for (name, other) in
        [("card.json", r#"{"architecture": "inception_v3"}"#), ("explain.json", &old.replace("template", "t"))]
    {
        bench.write(name, other.as_bytes());
        words(&name.replace("json", "png")).succeeded();
        assert_eq!(std::fs::read_to_string(bench.path(name)).unwrap(), *other);
    }
}

/// A cascade of two images under one preset, in the folder `cascade`.
fn cascade_of_two(bench: &Bench, preset: &str) -> Vec<String> {
    bench.png("other.png", 2);
    let path = |name: &str| bench.path(name).to_str().unwrap().to_owned();
    let words = ["cascade", "--quiet", "--methods", "GRAD", "--states", "Logits", "--preset", preset];
    let (model, out) = (path("model.safetensors"), path("cascade"));
    let images = [path("chest.png"), path("other.png")];
    run(&[&words[..], &["--model", &model, "--image", &images[0], &images[1], "--out", &out]].concat()).succeeded();
    let table = std::fs::read_to_string(bench.path("cascade/cascade.csv")).unwrap();
    table.lines().map(str::to_owned).collect()
}

/// What `cascade.csv` says of an image in state Logits.
fn likeness(table: &[String], image: &str, column: &str) -> f64 {
    let head: Vec<&str> = table[0].split(',').collect();
    let cell = |line: &str, name: &str| {
        let position = head.iter().position(|own| *own == name).unwrap();
        line.split(',').nth(position).unwrap().to_owned()
    };
    let line = table.iter().find(|line| cell(line, "image") == image && cell(line, "state") == "Logits").unwrap();
    cell(line, column).parse().unwrap()
}

#[test]
fn each_image_of_a_cascade_keeps_what_the_run_says_of_it() {
    for (preset, range) in [("arun2021", 2), ("recommended", 1)] {
        let bench = Bench::new();
        let table = cascade_of_two(&bench, preset);
        let report = json(&bench, "cascade/cascade.json");
        let expected = likeness(&table, "1", &format!("ssim_range_{range}"));
        let class = report["images"][1]["explained"]["name"].as_str().unwrap().to_owned();
        let figure = |maps: &str, image: &str, out: &str| {
            let spec = format!(
                r#"{{"template": "cascade_row", "image": "{image}", "maps": "{maps}", "methods": ["GRAD"], "dpi": 72}}"#
            );
            let ran = draw(&bench, &spec, &format!("{out}.svg"));
            (ran, bench.path(&format!("{out}.svg")), format!("{out}.record.json"))
        };
        let maps = ["cascade/image_001", "cascade/image_001/cascade.npz", "cascade"];
        for (number, maps) in maps.into_iter().enumerate() {
            let (ran, svg, record) = figure(maps, "other.png", &format!("row{number}"));
            ran.succeeded();
            let svg = std::fs::read_to_string(svg).unwrap();
            for words in ["Model “model”", &format!("preset {preset}"), &class, &format!("at a data range of {range};")]
            {
                assert!(svg.contains(words), "{maps}: {words}");
            }
            assert!(!svg.contains("not known") && !svg.contains("Note:"), "{maps}");
            let record = json(&bench, &record);
            let found = record["maps"][1]["ssim_to_first"].as_f64().unwrap();
            assert!((found - expected).abs() < 1e-6, "{maps}: {found} and not {expected}");
            assert_eq!(
                (&record["kept"]["preset"], record["kept"]["ssim_range"].as_f64()),
                (&preset.into(), Some(f64::from(range)))
            );
        }
        // The report moved into the folder of the image, which got another name.
        std::fs::rename(bench.path("cascade/image_001"), bench.path("renamed")).unwrap();
        std::fs::copy(bench.path("cascade/cascade.json"), bench.path("renamed/cascade.json")).unwrap();
        let (ran, svg, _) = figure("renamed", "other.png", "renamed_row");
        ran.succeeded();
        let svg = std::fs::read_to_string(svg).unwrap();
        assert!(svg.contains(&class) && svg.contains(&format!("at a data range of {range};")));
        // Maps of another image than the one shown.
        let (ran, svg, _) = figure("cascade/image_000", "other.png", "other_row");
        ran.succeeded();
        assert!(std::fs::read_to_string(svg).unwrap().contains("is not the one that these maps were made of"));
        let (ran, ..) = figure("cascade", "other.png", "none");
        assert!(ran.refused(2).contains("name the folder of one"), "image_001 is gone");
    }
}

#[test]
fn what_no_report_says_of_a_cascade_is_not_known() {
    let bench = Bench::new();
    let table = cascade_of_two(&bench, "arun2021");
    let spec = r#"{"template": "cascade_row", "image": "other.png", "maps": "cascade/image_001", "methods": ["GRAD"], "dpi": 72}"#;
    let drawn = || {
        draw(&bench, spec, "row.svg").succeeded();
        let found = json(&bench, "row.record.json")["maps"][1]["ssim_to_first"].as_f64().unwrap();
        (std::fs::read_to_string(bench.path("row.svg")).unwrap(), found)
    };
    let [one, two] = [1, 2].map(|range| likeness(&table, "1", &format!("ssim_range_{range}")));
    let mut report = json(&bench, "cascade/cascade.json");
    let write = |report: &serde_json::Value| {
        std::fs::write(bench.path("cascade/cascade.json"), report.to_string()).unwrap();
    };
    // As the first versions wrote it: no range, which the preset tells.
    report["similarity"].as_object_mut().unwrap().remove("figure_range");
    write(&report);
    let (svg, found) = drawn();
    assert!((found - two).abs() < 1e-6 && svg.contains("at a data range of 2;"));
    for field in ["preset", "images", "model", "parameters"] {
        report.as_object_mut().unwrap().remove(field);
    }
    write(&report);
    let (svg, found) = drawn();
    assert!((found - one).abs() < 1e-6);
    // Lines may be broken between any two words.
    let words = svg.split("</text>").map(|text| text.rsplit('>').next().unwrap()).collect::<Vec<_>>().join(" ");
    for part in ["says it: model, class, preset.", "(that of the run is not known)", "clipped is not known"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    std::fs::write(bench.path("cascade/cascade.json"), "{").unwrap();
    let (svg, _) = drawn();
    assert!(svg.contains("cannot be read"));
}
