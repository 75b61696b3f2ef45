//! The real program under a limit of its address space.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// 1 GiB of address space for code, stacks and memory together: no single request can be as large.
pub(crate) const LIMIT_KIB: u64 = 1 << 20;

/// The folder of DICOM files from formulas.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dicom")
}

/// Runs the program under the limit; a request beyond it ends the program by a signal.
pub(crate) fn limited(limit_kib: u64, arguments: &[&str], files: &[PathBuf]) -> Output {
    Command::new("sh")
        .args(["-c", &format!("ulimit -v {limit_kib}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_saliscope")])
        .args(arguments)
        .args(files)
        // Threads take address space for their stacks; two are enough here.
        .env("RAYON_NUM_THREADS", "2")
        .env("MALLOC_ARENA_MAX", "2")
        .output()
        .unwrap()
}

/// What `inspect` says of each file. Fails unless the program ends by itself, says something of every file, and no
/// decoder panicked or was left behind.
pub(crate) fn inspect(files: &[PathBuf]) -> Vec<serde_json::Value> {
    let output = limited(LIMIT_KIB, &["inspect"], files);
    let told = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<serde_json::Value> =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let culprit = files.get(lines.len());
    assert!(matches!(output.status.code(), Some(0 | 1)), "{:?} at {culprit:?}: {told}", output.status);
    assert_eq!(lines.len(), files.len(), "no line for {culprit:?}: {told}");
    assert!(!told.contains("panicked"), "{told}");
    for line in &lines {
        let error = line["error"].as_str().unwrap_or_default();
        assert!(!error.contains("decoder failed") && !error.contains("abandoned"), "{line}");
    }
    lines
}

#[test]
fn the_limit_is_one() {
    let file = fixtures().join("gray_8_explicit.dcm");
    assert_eq!(limited(LIMIT_KIB, &["inspect"], std::slice::from_ref(&file)).status.code(), Some(0));
    assert!(!limited(4096, &["inspect"], &[file]).status.success(), "4 MiB are too few for any program");
}
