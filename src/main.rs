//! The thin binary: everything is in the library.

use std::process::ExitCode;

/// What Git says of the sources: the commit, `-modified` where files differ from it. Only here, so that a commit compiles
/// this file again and not the library.
const COMMIT: &str =
    git_version::git_version!(args = ["--always", "--dirty=-modified", "--abbrev=12", "--exclude=*"], fallback = "");

fn main() -> ExitCode {
    saliscope::cli::main(COMMIT)
}
