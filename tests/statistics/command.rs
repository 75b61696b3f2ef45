//! The program itself: `saliscope stats`.

use std::fmt::Write as _;
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

/// A table as `benchmark export` writes it: two tests, three metrics, two conditions; scores by formula.
fn exported(folder: &Path) -> std::path::PathBuf {
    let mut text =
        String::from("# notice: Research use - not for diagnosis\n# the same fits in R:\n# library(lmerTest)\n");
    text.push_str("test,image,method,condition,models,replicate,metric,value,note\n");
    for image in 0..12 {
        for (number, method) in (0..).zip(["GRAD", "XRAI", "GCAM"]) {
            let noise = f64::from((image * 7919 + number * 104_729) % 101) / 1000.0;
            let base = 0.2 + 0.1 * f64::from(number) + f64::from(image) / 100.0 + noise;
            for (condition, factor) in [("trained", 1.0), ("random", 0.5)] {
                for (metric, shift) in [("auprc_trapezoid", 0.0), ("roc_auc", 0.4)] {
                    let value = base * factor + shift;
                    writeln!(text, "utility,case {image:04},{method},{condition},m_1,1,{metric},{value},").unwrap();
                }
            }
            writeln!(text, "randomization,case {image:04},{method},5,m_1,1,ssim_range_1,{},", base / 3.0).unwrap();
        }
    }
    let path = folder.join("scores.csv");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn rows_of_an_export_are_chosen_and_measures_are_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let data = exported(folder.path());
    let out = folder.path().join("stats.json");
    let refused = stats(&data, &out, &[]);
    assert_eq!(refused.code, Some(1));
    for words in ["rows of different test (randomization, utility)", "--where test=VALUE", "--pool test"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    assert!(!out.exists());
    let asked = ["--where", "test=utility", "--where", "metric=auprc", "--where", "condition=trained"];
    let ran = stats(&data, &out, &asked);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("metric=auprc was taken as auprc_trapezoid"), "{}", ran.stderr);
    let found = read(&out);
    assert_eq!(found["model"]["rows"], 36);
    assert_eq!(found["rows_not_asked_for"], 12 * 3 * 5 - 36);
    assert_eq!(found["where"][1], serde_json::json!({"column": "metric", "values": ["auprc_trapezoid"]}));
    assert!(found["r"][1].as_str().unwrap().contains("d[[\"metric\"]] %in% c(\"auprc_trapezoid\")"));
    // The same rows alone give the same numbers.
    let only: Vec<String> = std::fs::read_to_string(&data)
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("test,") || (line.contains("auprc_trapezoid") && line.contains(",trained,")))
        .map(str::to_owned)
        .collect();
    let alone = folder.path().join("alone.csv");
    std::fs::write(&alone, only.join("\n")).unwrap();
    let alone_out = folder.path().join("alone.json");
    assert_eq!(stats(&alone, &alone_out, &[]).code, Some(0));
    assert_eq!(read(&alone_out)["contrasts"], found["contrasts"]);
    // Both conditions in one level are told of; apart they are not.
    let both = stats(&data, &out, &["--force", "--where", "test=utility", "--where", "metric=auprc_trapezoid"]);
    assert!(both.stderr.contains("rows of different condition (random, trained)"), "{}", both.stderr);
    assert_eq!(read(&out)["model"]["rows"], 72);
    let apart = [&asked[..4], &["--force", "--factor", "condition"]].concat();
    let apart = stats(&data, &out, &apart);
    assert!(apart.code == Some(0) && !apart.stderr.contains("pool"), "{}", apart.stderr);
    for (wrong, words) in [
        ("metric=dice", "no row has the value dice; it holds auprc_trapezoid, roc_auc, ssim_range_1"),
        ("metrics=dice", "there is no such column"),
        ("metric", "COLUMN=VALUE is needed"),
    ] {
        let refused = stats(&data, &out, &["--force", "--where", wrong]);
        assert!(refused.code != Some(0) && refused.stderr.contains(words), "{wrong}: {}", refused.stderr);
    }
}

#[test]
fn any_level_can_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let levels = ["A - High", "B:x", "B,y", "\"q\" µ/α", "1e3", "B"];
    let mut text = String::from("image,method,value\n");
    for image in 0..9 {
        for (number, level) in (0..).zip(levels) {
            let value = f64::from((image * 31 + number * 17) % 23) / 23.0;
            writeln!(text, "i{image},\"{}\",{value}", level.replace('"', "\"\"")).unwrap();
        }
    }
    let data = folder.path().join("levels.csv");
    std::fs::write(&data, text).unwrap();
    let baselines = |family: &str| {
        let out = folder.path().join("stats.json");
        let ran = stats(&data, &out, &["--force", "--contrasts", family]);
        assert_eq!(ran.code, Some(0), "{family}: {}", ran.stderr);
        let found = read(&out);
        let names: std::collections::BTreeSet<String> =
            found["contrasts"].as_array().unwrap().iter().map(|own| own["b"].as_str().unwrap().to_owned()).collect();
        (names.into_iter().collect::<Vec<_>>(), found["contrasts"].as_array().unwrap().len())
    };
    for level in levels {
        let quoted = format!("vs:\"{}\"", level.replace('"', "\"\""));
        assert_eq!(baselines(&quoted), (vec![level.to_owned()], 5), "{quoted}");
    }
    assert_eq!(baselines("vs:B,y"), (vec!["B,y".to_owned()], 5), "there is no level y");
    assert_eq!(baselines("vs:B:x"), (vec!["B:x".to_owned()], 5));
    assert_eq!(baselines("vs:\"B,y\",B"), (vec!["B".to_owned(), "B,y".to_owned()], 8));
    let out = folder.path().join("none.json");
    for family in ["vs:\"B,y", "vs:B,z", "vs:"] {
        assert_eq!(stats(&data, &out, &["--contrasts", family]).code, Some(2), "{family}");
    }
}
