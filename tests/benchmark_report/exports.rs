//! Files for other programs.

use std::collections::BTreeMap;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use saliscope::benchmark::export::{ExportOptions, files};
use saliscope::benchmark::figures::NoPictures;
use saliscope::benchmark::protocol::Control;
use saliscope::benchmark::results::condition;
use saliscope::statistics::{Columns, LongTable};

use super::synthetic::{empty, whole};

fn exported(open_ids: bool) -> BTreeMap<String, Vec<u8>> {
    let files = files(&whole("arun2021", 24), &NoPictures, ExportOptions { open_ids }).unwrap();
    files.into_iter().map(|file| (file.name.to_string_lossy().into_owned(), file.bytes)).collect()
}

#[test]
fn every_file_is_there_and_names_nobody() {
    let files = exported(false);
    for name in [
        "scores.csv",
        "scores.parquet",
        "analysis.json",
        "trust.json",
        "protocol.json",
        "refit.R",
        "columns.md",
        "tables/table2_classifiers.tex",
        "tables/table3_utility.csv",
        "tables/table3_randomization.md",
        "tables/table4_repeatability.tex",
        "tables/table4_reproducibility.csv",
        "tables/verdicts.md",
        "tables/every_metric.csv",
        "tables/exclusions.csv",
        "figures/figure2_utility.svg",
        "figures/figure2_utility.pdf",
        "figures/figure3_randomization.png",
        "figures/figure4_similarity.svg",
    ] {
        assert!(files.contains_key(name), "{name} is missing among {:?}", files.keys());
    }
    for (name, bytes) in &files {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains("Mustermann") && !text.contains("somebody"), "{name} holds an id or a path");
    }
    assert_eq!(exported(false), files, "the same bytes again");
    let open = exported(true);
    assert!(String::from_utf8_lossy(&open["scores.csv"]).contains("Mustermann^Erika 003"));
    assert!(!String::from_utf8_lossy(&open["protocol.json"]).contains("/models"));
}

#[test]
fn every_column_and_what_stands_in_it_is_documented() {
    let (results, files) = (whole("arun2021", 24), exported(false));
    let columns = String::from_utf8(files["columns.md"].clone()).unwrap();
    let scores = String::from_utf8(files["scores.csv"].clone()).unwrap();
    let head = scores.lines().find(|line| !line.starts_with('#')).unwrap();
    for column in head.split(',') {
        assert!(columns.contains(&format!("\n| `{column}` |")), "{column}");
    }
    let mut words: Vec<&str> = results.scores.iter().map(|score| score.metric.as_str()).collect();
    words.extend([condition::TRAINED, condition::RANDOM, condition::BASELINE, condition::CONTROL]);
    words.extend([condition::EXTERNAL, condition::PAIR]);
    words.extend(Control::ALL.map(Control::name));
    for word in words {
        assert!(columns.contains(&format!("`{word}`")), "{word}");
    }
}

#[test]
fn parquet_and_csv_hold_every_score() {
    let results = whole("arun2021", 24);
    let files = exported(true);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.parquet");
    std::fs::write(&path, &files["scores.parquet"]).unwrap();
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let of = |key: &str| metadata.iter().find(|own| own.key == key).unwrap().value.clone().unwrap();
    assert_eq!(of("notice"), "Research use - not for diagnosis");
    assert!(of("r").contains("lmer(value ~ method + (1 | image)"));
    let mut rows = 0;
    for (row, score) in reader.get_row_iter(None).unwrap().zip(&results.scores) {
        let row = row.unwrap();
        let fields: BTreeMap<&String, &Field> = row.get_column_iter().collect();
        let text = |name: &str| fields[&name.to_owned()].to_string().trim_matches('"').to_owned();
        assert_eq!(text("test"), score.test.name());
        assert_eq!(
            [text("image"), text("method"), text("condition")],
            [score.image.clone(), score.method.clone(), score.condition.clone()]
        );
        match (fields[&"value".to_owned()], score.value) {
            (Field::Double(found), Some(expected)) => assert_eq!(*found, expected),
            (Field::Null, None) => assert_eq!(text("note"), "the map is blank"),
            other => panic!("{other:?}"),
        }
        rows += 1;
    }
    assert_eq!(rows, results.scores.len());

    let csv = String::from_utf8(files["scores.csv"].clone()).unwrap();
    let data: Vec<&str> = csv.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(data.len(), results.scores.len() + 1);
    assert_eq!(data[0], "test,image,method,condition,models,replicate,metric,value,note");
    assert!(csv.starts_with("# notice: Research use - not for diagnosis\n"));
    assert!(csv.contains("# summary(glht(m, mcp(method = \"Tukey\")))"));
}

#[test]
fn the_exported_scores_can_be_analysed_by_the_stats_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.csv");
    std::fs::write(&path, &exported(false)["scores.csv"]).unwrap();
    let columns = Columns {
        response: "value".to_owned(),
        factors: vec!["test".to_owned(), "metric".to_owned(), "method".to_owned()],
        group: "image".to_owned(),
        ..Columns::default()
    };
    let table = LongTable::read(&path, &columns).unwrap();
    let defined = whole("arun2021", 24).scores.iter().filter(|score| score.value.is_some()).count();
    assert_eq!(table.rows.len(), defined);
    assert_eq!(table.dropped.iter().map(|own| own.rows).sum::<usize>(), 24 * 4, "blank maps");
}

#[test]
fn latex_is_balanced_and_markdown_has_even_rows() {
    for (name, bytes) in exported(false) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let ending = name.rsplit('.').next();
        if ending == Some("tex") {
            let mut depth = 0_i32;
            let mut before = ' ';
            for character in text.chars() {
                if before != '\\' {
                    depth += i32::from(character == '{') - i32::from(character == '}');
                }
                before = if before == '\\' && character == '\\' { ' ' } else { character };
                assert!(depth >= 0, "{name}");
            }
            assert_eq!(depth, 0, "{name}");
            let columns = text.split("\\begin{tabular}{").nth(1).unwrap().split('}').next().unwrap().len();
            for line in text.lines().filter(|line| line.ends_with("\\\\")) {
                let cells = line.replace("\\&", "").matches('&').count() + 1;
                assert_eq!(cells, columns, "{name}: {line}");
            }
            assert_eq!(text.matches("\\begin{").count(), text.matches("\\end{").count(), "{name}");
            for rule in ["\\toprule", "\\midrule", "\\bottomrule"] {
                assert!(text.contains(rule), "{name}");
            }
        } else if ending == Some("md") {
            let cells: Vec<usize> = text
                .lines()
                .filter(|line| line.starts_with('|'))
                .map(|line| line.replace("\\|", "").matches('|').count())
                .collect();
            assert!(cells.len() > 2 && cells.iter().all(|count| *count == cells[0]), "{name}");
        }
    }
}

#[test]
fn a_run_without_scores_exports_nothing() {
    assert!(files(&empty("arun2021"), &NoPictures, ExportOptions::default()).is_err());
}
