//! A run that is killed again and again ends with the rows of one that was left alone.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{protocol, rows, same};

/// Kills in the usual test; `SALISCOPE_KILLS` asks for another number.
const KILLS: u32 = 4;

fn program(arguments: &[&str], folder: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_saliscope"));
    command.arg("benchmark").args(arguments).current_dir(folder).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_killed_run_goes_on_to_the_same_rows() {
    let kills = std::env::var("SALISCOPE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("protocol.toml"), protocol().to_commented_toml().unwrap()).unwrap();
    let begin = ["run", "--protocol", "protocol.toml", "--threads", "1", "--quiet", "--out"];
    let calm: Vec<&str> = begin.into_iter().chain(["calm"]).collect();
    let started = Instant::now();
    assert!(program(&calm, folder.path()).wait().unwrap().success());
    let whole = started.elapsed();
    let expected = rows(&folder.path().join("calm"));

    let out = folder.path().join("killed");
    let mut random = 0x2545_f491_u32;
    for kill in 0..kills {
        // Xorshift: other moments each time, the same in each test.
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let begun: Vec<&str> = begin.into_iter().chain(["killed"]).collect();
        let resumed = ["resume", "killed", "--threads", "1", "--quiet"];
        let exists = out.join("benchmark.sqlite").exists() && rows_or_none(&out);
        let mut child = program(if exists && kill % 2 == 1 { &resumed } else { &begun }, folder.path());
        let moment = whole.mul_f64(f64::from(random) / f64::from(u32::MAX)).max(Duration::from_millis(5));
        let until = Instant::now() + moment;
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        // SIGKILL; a child that is done by now is waited for as well.
        let _ = child.kill();
        child.wait().unwrap();
    }
    let last: Vec<&str> = begin.into_iter().chain(["killed"]).collect();
    assert!(program(&last, folder.path()).wait().unwrap().success());
    same(&rows(&out), &expected);
}

/// Whether a run was begun.
fn rows_or_none(out: &Path) -> bool {
    saliscope::benchmark::open(out).is_ok()
}
