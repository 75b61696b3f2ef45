use super::synthetic::whole;
use saliscope::benchmark::export::{ExportOptions, files};
use saliscope::benchmark::figures::NoPictures;
use saliscope::benchmark::report::{ReportOptions, report};
use std::time::Instant;
#[test]
fn sample() {
    std::fs::create_dir_all("/tmp/report_sample").unwrap();
    let results = whole("arun2021", 60);
    let t = Instant::now();
    let made =
        report(&results, Some(&whole("recommended", 60)), &super::report::Noise, ReportOptions::default()).unwrap();
    println!("report 60: {:?}, {} bytes", t.elapsed(), made.html.len());
    std::fs::write("/tmp/report_sample/report.html", made.html).unwrap();
    let t = Instant::now();
    for f in files(&results, &super::report::Noise, ExportOptions::default()).unwrap() {
        let p = std::path::Path::new("/tmp/report_sample").join(&f.name);
        std::fs::create_dir_all(p.parent().unwrap()).unwrap();
        std::fs::write(p, f.bytes).unwrap();
    }
    println!("export 60: {:?}", t.elapsed());
    let big = whole("arun2021", 4000);
    println!("{} scores", big.scores.len());
    let t = Instant::now();
    let made = report(&big, None, &NoPictures, ReportOptions::default()).unwrap();
    println!("report 4000: {:?}, {} bytes", t.elapsed(), made.html.len());
    let t = Instant::now();
    files(&big, &NoPictures, ExportOptions::default()).unwrap();
    println!("export 4000: {:?}", t.elapsed());
}
