//! The table of modules in `src/ARCHITECTURE.md` says what the sources do: which module knows which, and nothing climbs.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod imports;
mod table;
mod tokens;
mod tree;

use std::collections::BTreeSet;
use std::path::Path;

use imports::edges;
use table::{Row, rows};

fn source() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

#[test]
fn the_table_of_modules_is_what_the_sources_import() {
    let text = std::fs::read_to_string(source().join("ARCHITECTURE.md")).unwrap();
    let rows = rows(&text).unwrap();
    let problems = table::problems(&rows, &tree::edges(source()));
    assert!(problems.is_empty(), "\n\nsrc/ARCHITECTURE.md and src/ differ:\n\n{}\n", problems.join("\n"));
}

/// `lib.rs` names every module that the folder holds, so that none is compiled by another way.
#[test]
fn the_library_has_the_modules_of_its_folder() {
    let library = std::fs::read_to_string(source().join("lib.rs")).unwrap();
    let declared: Vec<&str> =
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(declared.is_sorted());
    let found = tree::edges(source());
    assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), declared);
}

/// The program is the library's command line.
#[test]
fn the_program_knows_the_command_line_alone() {
    let program = std::fs::read_to_string(source().join("main.rs")).unwrap();
    let code: Vec<&str> = program.lines().filter(|line| line.contains("saliscope::")).collect();
    assert_eq!(code.len(), 1, "{code:?}");
    assert!(code[0].contains("saliscope::cli::main"), "{code:?}");
}

/// Views get the state to read: nobody but the workbench's own methods, and the state's, can change it.
#[test]
fn only_the_workbench_changes_its_state() {
    let mut files = Vec::new();
    tree::collect(&source().join("workbench"), &mut files);
    let texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let own = texts.iter().filter(|text| is_of_workbench(text)).count();
    assert!(own > 1 && own < texts.len(), "{own} of {}", texts.len());
    let others = files.iter().zip(&texts).filter(|(_, text)| !is_of_workbench(text) && is_changing(text));
    assert_eq!(others.map(|(file, _)| file).collect::<Vec<_>>(), Vec::<&std::path::PathBuf>::new());

    assert!(is_changing("fn view_ui(ui: &mut Ui, state: &mut State) {}"));
    assert!(is_changing("fn view_ui<'a>(workbench: &'a mut Workbench) {}"));
    assert!(!is_changing("fn view_ui(ui: &mut Ui, state: &State) {} #[cfg(test)] fn f(state: &mut State) {}"));
    assert!(is_of_workbench("impl Workbench { }") && !is_of_workbench("impl State { } // impl Workbench"));
}

/// Whether a file holds methods of the workbench.
fn is_of_workbench(text: &str) -> bool {
    let (code, _) = imports::without_tests(text);
    code.windows(2).any(|two| two[0].is_word("impl") && two[1].is_word("Workbench"))
}

/// Whether something in a file is given the state, or the workbench, to change.
fn is_changing(text: &str) -> bool {
    let (code, _) = imports::without_tests(text);
    code.windows(2).any(|two| two[0].is_word("mut") && ["State", "Workbench"].iter().any(|name| two[1].is_word(name)))
}

const TABLE: &str = "\
| module | one subject | knows |
|---|---|---|
| `watch` | progress | nothing of ours; known by all |
| `shape` | shapes | nothing of ours |
| `paint` | colours of `shape` | `shape` (its `Outline`) |
| `page` | pages | `paint`, `shape` |

| other | table |
|---|---|
| `none` | of it |
";

/// What the modules of [`TABLE`] would import.
fn found(edges: &[(&str, &str)]) -> tree::Edges {
    let mut found: tree::Edges =
        ["watch", "shape", "paint", "page"].map(|module| (module.to_owned(), BTreeSet::new())).into();
    for (from, to) in edges {
        found.entry((*from).to_owned()).or_default().insert((*to).to_owned());
    }
    found
}

const AS_TOLD: [(&str, &str); 5] =
    [("paint", "shape"), ("page", "paint"), ("page", "shape"), ("page", "watch"), ("shape", "watch")];

#[test]
fn a_true_table_passes() {
    let rows = rows(TABLE).unwrap();
    let knows = [("shape".to_owned(), "`shape` (its `Outline`)".to_owned())].into();
    let paint = Row { module: "paint".to_owned(), knows, is_known_by_all: false };
    assert_eq!((rows.len(), &rows[2]), (4, &paint));
    assert!(rows[0].is_known_by_all && rows[0].knows.is_empty());
    assert_eq!(table::problems(&rows, &found(&AS_TOLD)), Vec::<String>::new());
}

#[test]
fn a_wrong_table_is_told_with_what_it_has_to_say() {
    let problems = |text: &str, more: &[(&str, &str)]| {
        let edges: Vec<_> = AS_TOLD.iter().chain(more).copied().collect();
        table::problems(&rows(text).unwrap(), &found(&edges))
    };
    // An edge that the table does not know.
    let [told] = &problems(TABLE, &[("page", "draw")])[..] else { panic!() };
    assert!(told.contains("`draw`") && told.contains("no row"), "{told}");
    let missing = TABLE.replace("`paint`, `shape` |", "`paint` |");
    let [told] = &problems(&missing, &[])[..] else { panic!() };
    assert!(told.contains("row of `page`: change \"knows\" to\n    `shape`, `paint`"), "{told}");
    let [told] = &problems(TABLE, &[("paint", "page"), ("paint", "shape")])[..1] else { panic!() };
    assert!(told.ends_with("`shape` (its `Outline`), `page`"), "remarks stay: {told}");
    // One that the sources do not have.
    let more = TABLE.replace("| shapes | nothing of ours |", "| shapes | `watch` |");
    let [told] = &problems(&more, &[])[..] else { panic!() };
    assert!(told.contains("row of `shape`: change \"knows\" to\n    nothing of ours"), "{told}");
    // One that climbs, and so every cycle.
    let [told] =
        &problems(&TABLE.replace("| shapes | nothing of ours |", "| shapes | `page` |"), &[("shape", "page")])[..]
    else {
        panic!()
    };
    assert!(told.contains("`shape` knows `page`, whose row stands below"), "{told}");
    // Rows and modules that are not the same ones.
    let fewer = TABLE.replace("| `page` | pages | `paint`, `shape` |\n", "");
    let [told] = &problems(&fewer, &[])[..] else { panic!() };
    assert!(told.contains("add, below `paint`:\n    | `page` | ... | `shape`, `paint` |"), "{told}");
    // A new module that everybody knows is one problem, not one in every row.
    let mut more = found(&[&AS_TOLD[..], &[("shape", "files"), ("page", "files")]].concat());
    more.insert("files".to_owned(), ["watch".to_owned()].into());
    let [told] = &table::problems(&rows(TABLE).unwrap(), &more)[..] else { panic!() };
    assert!(told.contains("add, below `watch`:\n    | `files` | ... | nothing of ours |"), "{told}");
    let gone = TABLE.replace("| `page` |", "| `gone` | what was | nothing of ours |\n| `page` |");
    let [told] = &problems(&gone, &[])[..] else { panic!() };
    assert!(told.contains("row of `gone`: there is no such module"), "{told}");
    let twice = TABLE.replace("| `page` |", "| `paint` | again | `shape` |\n| `page` |");
    let [told] = &problems(&twice, &[])[..] else { panic!() };
    assert!(told.contains("`paint` has a second row"), "{told}");
}

#[test]
fn free_words_are_no_list_of_modules() {
    for cell in ["all above", "`shape`, all else", "", "`shape` `paint`", "shape"] {
        let text = TABLE.replace("`paint`, `shape` |", &format!("{cell} |"));
        let problem = rows(&text).unwrap_err();
        assert!(problem.contains("`page`"), "{cell}: {problem}");
    }
    assert!(rows("no table").is_err());
    assert!(rows(&TABLE.replace("| pages ", "")).is_err());
}

#[test]
fn imports_are_found_however_they_are_written() {
    let of = |path: &[&str], text: &str| edges(path, text).edges.into_iter().collect::<Vec<_>>();
    let plain = "
        use crate::shape;
        pub(in crate::page) use crate::paint::{colour::Colour, shape as other};
        use crate::{display, figure::{self, Scene}, export as out};
        fn f(x: crate::metrics::Error) -> super::super::detection::Anchor { <crate::truth::Mask>::new() }
    ";
    let all = ["detection", "display", "export", "figure", "metrics", "page", "paint", "shape", "truth"];
    assert_eq!(of(&["page", "view"], plain), all);
    // A climb that stays in the module is none of its edges.
    assert!(of(&["page", "view"], "use super::paint; use self::super::paint::x;").is_empty());
    assert_eq!(of(&["page"], "use super::paint; use self::super::shape::x;"), ["paint", "shape"]);
    assert_eq!(of(&["page"], "use super::{paint::{self, ink}, shape};"), ["paint", "shape"]);
    assert_eq!(
        of(&["page"], "mod inner { use super::super::paint; use super::shape; } use super::truth;"),
        ["paint", "truth"]
    );
    assert_eq!(of(&["page"], "macro_rules! m { () => { $crate::paint::ink() } }"), ["paint"]);
    assert_eq!(of(&["page"], "use r#crate_::x; use crates::paint; my_crate::shape::x; a::crate_::truth::b"), [""; 0]);
    assert_eq!(of(&["page"], "use crate::r#paint;"), ["paint"]);
}

#[test]
fn words_tests_and_remarks_import_nothing() {
    let none = r##"
        //! crate::a
        /// See [`crate::b`].
        /* use crate::c; /* nested */ use crate::d; */
        const TEXT: &str = "use crate::e; \" crate::f";
        const RAW: &str = r#"use crate::g; " crate::h"#;
        const BYTES: &[u8] = b"crate::i"; const MARK: char = '"'; const QUOTE: char = '\''; const SLASH: u8 = b'\\';
        fn life<'a>(x: &'a str) -> &'a str { x }
        #[cfg(test)]
        use crate::j;
        #[cfg(test)]
        #[allow(unused)]
        mod tests { use crate::k; fn f() { { crate::l::m() } } }
        #[cfg(all(test, unix))]
        fn only() -> [crate::m::X; 2] { crate::n::o() }
        #[cfg(test)]
        mod more;
        #[cfg(not(test))]
        use crate::real;
        // use crate::p;
        use crate::last;
    "##;
    let found = edges(&["page"], none);
    assert_eq!(found.edges.into_iter().collect::<Vec<_>>(), ["last", "real"]);
    assert_eq!(found.test_modules, ["more"]);
}
