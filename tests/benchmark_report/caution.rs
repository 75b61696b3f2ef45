//! Numbers of a network that never saw a patient, on images of patients.

use saliscope::benchmark::export::{ExportOptions, files};
use saliscope::benchmark::figures::NoPictures;
use saliscope::benchmark::report::{ReportOptions, report};
use saliscope::benchmark::{Analysis, Results, TrustFile};
use saliscope::network::NEVER_SAW_PATIENTS;

use super::synthetic::whole;

/// A run in which one network says this of itself, on phantoms or not.
fn run_of(trained_on_patients: Option<bool>, is_of_phantoms: bool) -> Results {
    let mut results = whole("arun2021", 24);
    results.provenance.models[1].trained_on_patients = trained_on_patients;
    results.provenance.cohort.is_of_phantoms = is_of_phantoms;
    results
}

fn html(results: &Results) -> String {
    report(results, None, &NoPictures, ReportOptions::default()).unwrap().html
}

#[test]
fn the_report_says_it_first_and_every_table_and_card_too() {
    let results = run_of(Some(false), false);
    let page = html(&results);
    let (said, verdicts) = (page.find(NEVER_SAW_PATIENTS).unwrap(), page.find("id=\"verdicts\"").unwrap());
    assert!(said < verdicts, "before anything that could be believed");
    for file in files(&results, &NoPictures, ExportOptions::default()).unwrap() {
        let name = file.name.to_string_lossy().into_owned();
        let is_said = ["md", "tex", "svg"].iter().any(|ending| name.ends_with(&format!(".{ending}")))
            || ["scores.csv", "analysis.json", "trust.json"].contains(&name.as_str());
        let text = String::from_utf8_lossy(&file.bytes);
        assert!(!is_said || text.contains(NEVER_SAW_PATIENTS), "{name}");
    }
    let card = TrustFile::of(&Analysis::of(&results));
    assert_eq!(card.caution.as_deref(), Some(NEVER_SAW_PATIENTS));
    let folder = tempfile::tempdir().unwrap();
    let path = TrustFile::beside(&folder.path().join("benchmark.sqlite"));
    card.write(&path).unwrap();
    assert_eq!(TrustFile::read(&path).unwrap(), card);
}

#[test]
fn it_is_not_said_of_phantoms_of_other_networks_and_where_nobody_knows() {
    for (saw, is_of_phantoms) in [(Some(false), true), (Some(true), false), (None, false), (None, true)] {
        let results = run_of(saw, is_of_phantoms);
        assert!(!html(&results).contains(NEVER_SAW_PATIENTS), "{saw:?} {is_of_phantoms}");
        assert_eq!(TrustFile::of(&Analysis::of(&results)).caution, None);
    }
}

#[test]
fn runs_of_earlier_versions_are_read_and_judged_by_what_they_hold() {
    let earlier = |name: &str, sha256: &str| {
        let mut json = serde_json::to_value(run_of(Some(true), false)).unwrap();
        let cohort = json.pointer_mut("/provenance/cohort").unwrap().as_object_mut().unwrap();
        assert!(cohort.remove("is_of_phantoms").is_some());
        cohort.insert("name".to_owned(), name.into());
        let model = json.pointer_mut("/provenance/models/1").unwrap().as_object_mut().unwrap();
        assert!(model.remove("trained_on_patients").is_some());
        model.insert("sha256".to_owned(), sha256.into());
        serde_json::from_value::<Results>(json).unwrap().provenance.caution()
    };
    let own = saliscope::demo::MODELS[0].open().unwrap().sha256;
    assert_eq!(
        earlier("siim", &own),
        Some(NEVER_SAW_PATIENTS),
        "a network of the program, whatever its card said then"
    );
    assert_eq!(earlier("phantom:7:50", &own), None);
    assert_eq!(earlier("siim", &"0".repeat(64)), None);
}
