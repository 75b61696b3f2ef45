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
    assert!(ran.lines()[0]["record"].as_str().unwrap().ends_with("figure.json"));
    assert!(std::fs::read(bench.path("figure.pdf")).unwrap().starts_with(b"%PDF"));
    let record = json(&bench, "figure.json");
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
    draw(&bench, &format!(r#"{{{base}, "models": ["model.safetensors"], "preset": "arun2021"}}"#), "made.svg")
        .succeeded();
    let pictures = |name: &str| {
        let svg = std::fs::read_to_string(bench.path(name)).unwrap();
        svg.split("href=\"").skip(1).map(|rest| rest[..rest.find('"').unwrap()].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(pictures("kept.svg"), pictures("made.svg"));
    let svg = std::fs::read_to_string(bench.path("kept.svg")).unwrap();
    assert!(svg.contains("Model “model”") && svg.contains("preset arun2021"), "what the report says is repeated");
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
    assert!(svg.contains(">SSIM ") && svg.contains("likeness to the map of state Original, at a data range of 2"));
    let record = json(&bench, "row.json");
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
    for taken in ["chest.png", "spec.png"] {
        let refused = draw(&bench, fine, taken);
        assert!(refused.refused(2).contains("would replace a file it is made from"), "{taken}");
    }
    let refused = draw(&bench, &fine.replace("\"methods\"", "\"identity\": true, \"methods\""), "figure.png");
    assert!(refused.refused(2).contains("no DICOM file"));
    draw(&bench, fine, "no_such_folder/figure.png").refused(1);
    assert_eq!(std::fs::read(bench.path("figure.png")).unwrap(), b"old");
    assert!(!bench.path("figure.json").exists());
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
    let figure = ["figure.svg", "figure.json"].map(|name| bench.path(name));
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
