//! The program without a command where there is no window to be had.

use std::process::{Command, Output};

fn without_display(words: &[&str], display: Option<&str>) -> (Output, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_saliscope"));
    program.current_dir(folder.path()).args(words).env("SALISCOPE_HOME", folder.path().join("home"));
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        program.env_remove(name);
    }
    if let Some(display) = display {
        program.env("DISPLAY", display);
    }
    let output = program.output().unwrap();
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    (output, told, folder)
}

#[test]
fn a_mistyped_command_is_no_file_to_be_opened() {
    let (output, told, _folder) = without_display(&["explian"], None);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("no command, file, folder or data set called explian"), "{told}");
}

#[test]
fn a_file_cannot_be_shown_without_a_display() {
    let (output, told, _folder) = without_display(&["."], None);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("no display was found") && told.contains("saliscope explain"), "{told}");
}

#[test]
fn a_display_that_does_not_answer_is_none() {
    let (output, told, folder) = without_display(&[], Some(":9999"));
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("no window can be opened") && told.contains("the demo is computed"), "{told}");
    assert!(folder.path().join("saliscope-demo/panel.png").is_file());
}
