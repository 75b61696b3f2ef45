//! The sources as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::imports;

/// Of each module at the top of the library, those it knows.
pub(crate) type Edges = BTreeMap<String, BTreeSet<String>>;

/// Reads all modules below `source`, the folder of `lib.rs`.
pub(crate) fn edges(source: &Path) -> Edges {
    let mut files = Vec::new();
    collect(source, &mut files);
    let mut found = Edges::new();
    let mut skipped: Vec<PathBuf> = Vec::new();
    let mut of_files: Vec<(PathBuf, String, BTreeSet<String>)> = Vec::new();
    for file in files {
        let relative = file.strip_prefix(source).unwrap().with_extension("");
        let mut path: Vec<&str> = relative.iter().map(|part| part.to_str().unwrap()).collect();
        if matches!(path[..], ["lib" | "main"]) {
            continue;
        }
        path.pop_if(|last| *last == "mod");
        let imports = imports::edges(&path, &std::fs::read_to_string(&file).unwrap());
        let place = source.join(path.iter().collect::<PathBuf>());
        skipped.extend(imports.test_modules.iter().map(|module| place.join(module)));
        let mut edges = imports.edges;
        edges.remove(path[0]);
        of_files.push((place, path[0].to_owned(), edges));
    }
    for (place, module, edges) in of_files {
        let known = found.entry(module).or_default();
        if !skipped.iter().any(|skipped| place.starts_with(skipped)) {
            known.extend(edges);
        }
    }
    assert!(!found.is_empty(), "no source is read");
    found
}

/// The source files below a folder.
pub(crate) fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
