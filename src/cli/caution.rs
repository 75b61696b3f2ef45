//! The one warning that `--quiet` does not silence: that a network says nothing about patients.

use std::io::Write;

/// Writes what has to be said (see [`crate::network::caution`]) to standard error, where something has to be. Commands
/// call it once a run.
pub(super) fn tell(caution: Option<&str>) {
    if let Some(caution) = caution {
        // Nobody is left to tell where that fails.
        let _ = writeln!(std::io::stderr(), "warning: {caution}");
    }
}
