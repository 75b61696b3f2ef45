//! Whose results they are: exported exactly, or refused.

use saliscope::radiograph::dicom::DicomImage;

use super::bench::{Bench, Element, Ran, dicom_of, gray, run, with};

const STUDY: &[u8] = b"1.2.826.0.1.3680043.2.1125.1";

/// A radiograph of a patient, with the character set as the file declares it; nothing where it declares none.
fn dicom(character_set: &[u8], name: &[u8], id: &[u8], accession: &[u8], institution: &[u8]) -> Vec<u8> {
    let elements: [Element<'_>; 10] = [
        (8, 5, b"CS", character_set),
        (8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.1"),
        (8, 0x18, b"UI", b"1.2.826.0.1.3680043.2.1125.3"),
        (8, 0x20, b"DA", b"20240131"),
        (8, 0x50, b"SH", accession),
        (8, 0x80, b"LO", institution),
        (0x10, 0x10, b"PN", name),
        (0x10, 0x20, b"LO", id),
        (0x20, 0x0d, b"UI", STUDY),
        (0x20, 0x0e, b"UI", b"1.2.826.0.1.3680043.2.1125.2"),
    ];
    let declared = if character_set.is_empty() { &elements[1..] } else { &elements[..] };
    dicom_of(&gray(1), declared)
}

fn explain(bench: &Bench, out: &str) -> Ran {
    let arguments = bench.explain("case.dcm", out).into_iter().map(|word| word.replace("GRAD,GCAM", "GCAM")).collect();
    run(&with(arguments, &["--dicom", "--identity"]))
}

fn figure(bench: &Bench) -> Ran {
    let spec = r#"{"template": "single_case", "image": "case.dcm", "models": ["model.safetensors"], "methods": ["GCAM"],
                   "dpi": 72, "identity": true}"#;
    let spec = bench.write("spec.json", spec.as_bytes());
    run(&["figure", "--quiet", spec.to_str().unwrap(), "--out", bench.path("figure.svg").to_str().unwrap()])
}

fn inspect(bench: &Bench) -> serde_json::Value {
    let file = bench.path("case.dcm");
    run(&["inspect", "--identity", file.to_str().unwrap()]).succeeded().lines().remove(0)["identity"].clone()
}

#[test]
fn what_is_decoded_is_exported_exactly() {
    let bench = Bench::new();
    let long_id = "0".repeat(70);
    let groups = "Yamada^Tarou=\u{5c71}\u{7530}^\u{592a}\u{90ce}=\u{3084}\u{307e}\u{3060}^\u{305f}\u{308d}\u{3046}";
    let umlauts = "\u{e4}".repeat(60);
    let latin: Vec<u8> = umlauts.chars().map(|letter| letter as u8).collect();
    for (set, name, id, written) in [
        (&b""[..], &b"Doe^Jane"[..], "MRN-1", "Doe^Jane"),
        (b"ISO_IR 6", b"Doe^Jane^^Dr.^PhD", "MRN 1", "Doe^Jane^^Dr.^PhD"),
        (b"ISO_IR 100", b"M\xfcller^J\xf6rg", "MRN-1", "M\u{fc}ller^J\u{f6}rg"),
        // Two letters, however it looks.
        (b"ISO_IR 100", b"M\xc3\xbcller", "MRN-1", "M\u{c3}\u{bc}ller"),
        (b"ISO 2022 IR 100", b"M\xfcller", "MRN-1", "M\u{fc}ller"),
        (b"ISO_IR 192", groups.as_bytes(), "MRN-\u{fc}", groups),
        // As long as the standard allows letters, and longer: cut, they would be another patient's.
        (b"ISO_IR 100", &latin, "MRN-1", &umlauts),
        (b"", b"A^B^C^D^E=F^G^H^I^J", &long_id, "A^B^C^D^E=F^G^H^I^J"),
        (b"", b"Doe^Jane", "A\\B", "Doe^Jane"),
        (b"ISO_IR 144", b"Ivanov^Ivan", "MRN-1", "Ivanov^Ivan"),
        (b"\\ISO 2022 IR 87", b"Yamada^Tarou", "MRN-1", "Yamada^Tarou"),
        // Other sets, those with pairs of bytes and with escape sequences among them.
        (b"ISO_IR 101", b"Wa\xb3\xeasa^\xafaneta", "MRN-1", "Wa\u{142}\u{119}sa^\u{17b}aneta"),
        (b"ISO_IR 126", b"\xc4\xe9\xef\xed", "MRN-1", "\u{394}\u{3b9}\u{3bf}\u{3bd}"),
        (b"GB18030", b"Wang=\xcd\xf5", "MRN-1", "Wang=\u{738b}"),
        // The second byte of a pair is no separator of values.
        (b"GBK", b"Fu^X=\xb8\xb5^\x82\x5c", "MRN-1", "Fu^X=\u{5085}^\u{4fd3}"),
        (
            b"\\ISO 2022 IR 87",
            b"Yamada=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            "MRN-1",
            "Yamada=\u{5c71}\u{7530}^\u{592a}\u{90ce}",
        ),
        (
            b"ISO 2022 IR 13\\ISO 2022 IR 87",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J",
            "MRN-1",
            "\u{ff94}\u{ff8f}\u{ff80}\u{ff9e}^\u{ff80}\u{ff9b}\u{ff73}=\u{5c71}\u{7530}",
        ),
        (b"\\ISO 2022 IR 149", b"Hong=\x1b$)C\xfb\xf3", "MRN-1", "Hong=\u{6d2a}"),
    ] {
        // The number is of the same set as the name; where that is Latin-1 it is ASCII here.
        bench.write("case.dcm", &dicom(set, name, id.as_bytes(), b"ACC-1", b"Clinic"));
        let shown = inspect(&bench);
        assert_eq!((&shown["patient_name"], &shown["patient_id"]), (&written.into(), &id.into()));
        assert!(shown.get("undecoded").is_none(), "{shown}");
        explain(&bench, "out").succeeded();
        let exported = DicomImage::open(&bench.path("out/capture_GCAM.dcm")).unwrap().identity();
        assert_eq!((exported.patient_name.as_deref(), exported.patient_id.as_deref()), (Some(written), Some(id)));
        assert_eq!(exported.accession_number.as_deref(), Some("ACC-1"));
        assert_eq!(exported.study_instance_uid.as_deref().map(str::as_bytes), Some(STUDY));
        figure(&bench).succeeded();
        let record: serde_json::Value =
            serde_json::from_slice(&std::fs::read(bench.path("figure.record.json")).unwrap()).unwrap();
        assert_eq!(record["identity"]["patient_name"], written);
    }
}

#[test]
fn what_is_not_decoded_is_marked_and_refused() {
    let bench = Bench::new();
    let plain = b"Doe^Jane";
    for (set, name, id, accession, told) in [
        (&b""[..], &b"M\xfcller"[..], &b"1"[..], &b"2"[..], ["PatientName", "none, so ASCII"]),
        (b"", "M\u{fc}ller".as_bytes(), b"1", b"2", ["PatientName", "none, so ASCII"]),
        (b"ISO_IR 192", b"M\xfcller", b"1", b"2", ["PatientName", "ISO_IR 192"]),
        (b"ISO_IR 192", plain, b"1\xff", b"2", ["PatientID", "ISO_IR 192"]),
        // Codes that are empty, half a pair, a set that is not declared.
        (b"ISO_IR 109", b"\xa5", b"1", b"2", ["PatientName", "ISO_IR 109"]),
        (b"ISO_IR 126", plain, b"1", b"\xc1\xff", ["AccessionNumber", "ISO_IR 126"]),
        (b"ISO_IR 13", b"\xd4\xe0", b"1", b"2", ["PatientName", "ISO_IR 13"]),
        (b"\\ISO 2022 IR 87", b"Yamada=\x1b$B;3E", b"1", b"2", ["PatientName", "\\ISO 2022 IR 87"]),
        (b"\\ISO 2022 IR 87", b"Hong=\x1b$)C\xfb\xf3", b"1", b"2", ["PatientName", "\\ISO 2022 IR 87"]),
        // An escape sequence in a set that has none, and a byte that is no letter of Latin-1.
        (b"ISO_IR 100", b"Doe\x1b-F\xc9", b"1", b"2", ["PatientName", "ISO_IR 100"]),
        (b"ISO_IR 100", b"Doe\x92s", b"1", b"2", ["PatientName", "ISO_IR 100"]),
        (b"GB18030", b"Wang=\xcd", b"1", b"2", ["PatientName", "GB18030"]),
        (b"MY SET", plain, b"1", b"2", ["PatientName", "MY SET"]),
    ] {
        bench.write("case.dcm", &dicom(set, name, id, accession, b"Clinic"));
        let shown = inspect(&bench);
        let attributes = shown["undecoded"]["attributes"].as_array().unwrap();
        assert!(attributes.contains(&told[0].into()), "{shown}");
        for (keyword, field) in
            [("PatientName", "patient_name"), ("PatientID", "patient_id"), ("AccessionNumber", "accession_number")]
        {
            let is_marked = shown[field].as_str().unwrap().starts_with("(not decoded) ");
            assert_eq!(is_marked, attributes.contains(&keyword.into()), "{shown}");
            assert!(shown[field].as_str().unwrap().is_ascii(), "no letter is guessed: {shown}");
        }
        for refused in [explain(&bench, "out"), figure(&bench)] {
            let sentence = refused.refused(1);
            assert!(told.iter().all(|word| sentence.contains(word)), "{sentence}");
            assert!(sentence.contains("export without identity, or correct"), "{sentence}");
        }
        for absent in ["out", "figure.svg", "figure.record.json"] {
            assert!(!bench.path(absent).exists(), "nothing is written");
        }
        // Without identity nothing stands in the way.
        let arguments = bench.explain("case.dcm", "plain").into_iter().map(|word| word.replace("GRAD,GCAM", "GCAM"));
        run(&with(arguments.collect(), &["--dicom"])).succeeded();
    }
}

#[test]
fn a_wrong_name_of_a_character_set_is_told_where_letters_hang_on_it() {
    let bench = Bench::new();
    for (set, name, is_told) in [
        (&b"ISO-IR 100"[..], &b"M\xfcller"[..], true),
        (b"ISO-IR 100", b"Doe", false),
        (b"ISO_IR 100", b"M\xfcller", false),
    ] {
        bench.write("case.dcm", &dicom(set, name, b"1", b"2", b"Clinic"));
        let file = bench.path("case.dcm");
        let line = run(&["inspect", "--identity", file.to_str().unwrap()]).succeeded().lines().remove(0);
        let told = |text: &str| text.contains("it was taken as ISO_IR 100");
        assert_eq!(told(&line["warnings"].to_string()), is_told, "{line}");
        assert!(!told(&run(&["inspect", file.to_str().unwrap()]).succeeded().lines().remove(0).to_string()));
        let aloud: Vec<String> =
            bench.explain("case.dcm", "out").into_iter().filter(|word| word != "--quiet").collect();
        let exported = run(&with(aloud, &["--dicom", "--identity"])).succeeded();
        assert_eq!(told(&exported.stderr), is_told);
    }
}

#[test]
fn what_is_not_copied_does_not_stand_in_the_way_of_dicom() {
    let bench = Bench::new();
    bench.write("case.dcm", &dicom(b"", b"Doe^Jane", b"1", b"2", b"Universit\xe4t"));
    explain(&bench, "out").succeeded();
    let exported = DicomImage::open(&bench.path("out/capture_GCAM.dcm")).unwrap().identity();
    assert_eq!((exported.patient_name.as_deref(), exported.institution_name), (Some("Doe^Jane"), None));
    // The record of a figure holds the institution as well.
    assert!(figure(&bench).refused(1).contains("InstitutionName"));
}
