//! The program itself: `saliscope stats`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::scores::{close, fixture, number, results};

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn stats(data: &Path, out: &Path, more: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_saliscope"))
        .args(["stats", "--response", "value", "--factor", "method", "--group", "image", "--resamples", "50"])
        .arg("--data")
        .arg(data)
        .arg("--out")
        .arg(out)
        .args(more)
        .output()
        .unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn read(out: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(out).unwrap()).unwrap()
}

#[test]
fn a_table_becomes_json_and_text() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("stats.json");
    let ran =
        stats(&fixture("balanced.csv"), &out, &["--null", "0.38", "--margin", "0.05", "--contrasts", "vs:AVG,UNET"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.contains("value ~ method + (1 | image) by REML: 1000 rows, 100 groups, 10 levels"));
    assert!(ran.stdout.contains("P (max-T, family of 16)") && ran.stdout.contains("GRAD - AVG"));
    let (found, expected) = (read(&out), results("balanced"));
    close(number(&found["model"]["theta"]), number(&expected["fit"]["theta"]), 1e-6, "theta");
    assert_eq!(found["contrasts"].as_array().unwrap().len(), 16);
    assert_eq!(found["contrasts"][0]["b"], "AVG");
    assert_eq!(found["means"][0]["null"]["value"], 0.38);
    assert_eq!(found["contrasts"][0]["equivalence"]["margin"], 0.05);
    assert!(found["contrasts"][0]["p_tukey"].is_null() && found["family"]["versus"][1] == "UNET");
    assert!(!std::fs::read_to_string(&out).unwrap().contains("img0"), "labels of groups stay out");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else remains");

    let first = std::fs::read(&out).unwrap();
    let again = stats(&fixture("balanced.csv"), &out, &["--quiet"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(1), ""));
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
    assert_eq!(std::fs::read(&out).unwrap(), first);
    let forced = stats(&fixture("balanced.csv"), &out, &["--quiet", "--force", "--reference", "normal"]);
    assert_eq!((forced.code, forced.stdout.as_str(), forced.stderr.as_str()), (Some(0), "", ""));
    assert!(read(&out)["contrasts"][0]["df"].is_null());
}

#[test]
fn what_is_missing_is_counted_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("scores.csv"), folder.path().join("stats.json"));
    let csv = std::fs::read_to_string(fixture("balanced.csv")).unwrap();
    let mut lines: Vec<String> = csv.lines().map(str::to_owned).collect();
    for line in [5, 9] {
        let cut = lines[line].rfind(',').unwrap();
        lines[line].replace_range(cut.., ",NaN");
    }
    lines[20] = ",GRAD,0.5".to_owned();
    std::fs::write(&data, format!("\u{feff}{}\r\n", lines.join("\r\n"))).unwrap();
    let ran = stats(&data, &out, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("rows left out (no response): 2"), "{}", ran.stderr);
    assert!(ran.stderr.contains("rows left out (no group): 1"));
    let found = read(&out);
    assert_eq!((&found["model"]["rows"], &found["model"]["balanced"]), (&997.into(), &false.into()));
    assert_eq!(found["dropped"][0]["reason"], "no group");
    let codes: Vec<&str> =
        found["notes"].as_array().unwrap().iter().map(|note| note["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["missing_cells", "dropped_rows", "dropped_rows"]);
}

#[test]
fn errors_say_what_to_do_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("scores.csv"), folder.path().join("stats.json"));
    let refused = |content: &str, more: &[&str], code: i32| {
        std::fs::write(&data, content).unwrap();
        let ran = stats(&data, &out, more);
        assert_eq!((ran.code, ran.stdout.as_str(), out.exists()), (Some(code), "", false), "{}", ran.stderr);
        ran.stderr
    };
    let good = "image,method,value\n1,A,1\n1,B,2\n2,A,3\n2,B,5\n3,A,1\n3,B,1\n";
    assert!(refused("", &[], 1).contains("empty"));
    assert!(refused("image,method\n1,A\n", &[], 1).contains("column value: there is no such column"));
    assert!(refused(&good.replace("2,B,5", "2,B,x"), &[], 1).contains("line 5, column value"));
    assert!(refused(&good.replace("2,B,5", "2,B,inf"), &[], 1).contains("line 5, column value: the response is not"));
    assert!(refused("image,method,value\n1,A,NA\n", &[], 1).contains("no usable row"));
    assert!(refused("image,method,value\n1,A,1\n1,B,1\n2,A,1\n2,B,1\n", &[], 1).contains("the same in every row"));
    assert!(refused(good, &["--contrasts", "vs:C"], 2).contains("no level `C`"));
    assert!(refused(good, &["--contrasts", "some"], 2).contains("all or vs:A,B"));
    assert!(refused(good, &["--margin", "-1"], 2).contains("above 0"));
    assert!(refused(good, &["--factor", "image"], 2).contains("different columns"));
    assert_eq!(stats(&data, &data, &[]).code, Some(2));
    assert!(std::fs::read_to_string(&data).unwrap().starts_with("image"));
    assert_eq!(stats(&folder.path().join("none.csv"), &out, &[]).code, Some(1));
}
