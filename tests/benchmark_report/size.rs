//! A run of the size that the largest cohorts give.

use std::time::Instant;

use saliscope::benchmark::export::{ExportOptions, files};
use saliscope::benchmark::figures::NoPictures;
use saliscope::benchmark::report::{ReportOptions, report};

use super::synthetic::whole;

#[test]
#[ignore = "takes its time, which it prints"]
fn a_hundred_thousand_units_fit_into_one_report() {
    let results = whole("arun2021", 4400);
    let began = Instant::now();
    let html = report(&results, None, &NoPictures, ReportOptions::default()).unwrap().html;
    println!("{} scores: report of {} bytes in {:.1?}", results.scores.len(), html.len(), began.elapsed());
    assert!(html.len() < 32 << 20 && html.contains("2000 of 4400 cases are shown"));
    let began = Instant::now();
    let files = files(&results, &NoPictures, ExportOptions::default()).unwrap();
    println!("export of {} files in {:.1?}", files.len(), began.elapsed());
}
